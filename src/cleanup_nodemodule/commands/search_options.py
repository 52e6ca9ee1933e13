"""The options of a run that say where and what to search, each with its help.

The first sentence of a help text is all that ``-h`` shows of it.
"""

from typing import Annotated, TypeAlias

import typer

from cleanup_nodemodule.commands.completion import profile_names
from cleanup_nodemodule.commands.options import SEARCH

Path: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--path",
        "-p",
        metavar="PATH",
        help="Search this directory. PATH without -p means the same. You can give several."
        " Default: the current directory.",
        rich_help_panel=SEARCH,
    ),
]

FromFile: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--from-file",
        metavar="LIST",
        help="Search the directories that this file names, one in each line; - is standard input."
        " With -0 each name ends with a NUL. If the list is empty, nothing is searched.",
        rich_help_panel=SEARCH,
    ),
]

ArtifactsFrom: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--artifacts-from",
        metavar="LIST",
        help="Look at the directories that this file names, and search nothing; - is standard input."
        " Each is decided like a run that searches PATH and finds it. With -0 each name ends with a NUL.",
        rich_help_panel=SEARCH,
    ),
]

MinDepth: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--min-depth",
        "-d",
        metavar="N",
        help="Leave alone everything above depth N. What lies directly in PATH has depth 0. Default: 0.",
        rich_help_panel=SEARCH,
    ),
]

MaxDepth: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--max-depth",
        metavar="N",
        help="Search no deeper than depth N. What lies directly in PATH has depth 0. Default: any depth.",
        rich_help_panel=SEARCH,
    ),
]

Profile: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--profile",
        metavar="NAME",
        help="Look for this ecosystem: js, python, rust, ... or all. The command rules lists them."
        " You can give several. Default: js.",
        rich_help_panel=SEARCH,
        autocompletion=profile_names,
    ),
]

Targets: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--targets",
        metavar="NAME...",
        help="Look for these names instead of the default ones. By naming one you say that every"
        " directory of that name can be rebuilt. Then no other proof is needed. Only packages still have to be"
        " declared, and what is protected is still kept.",
        rich_help_panel=SEARCH,
    ),
]

Also: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--also",
        metavar="NAME...",
        help="Look for these names too. Naming one means the same as with --targets.",
        rich_help_panel=SEARCH,
    ),
]

Rule: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--rule",
        metavar="NAME@MARKER",
        help="Look for NAME too, where MARKER lies beside it. With NAME@/MARKER, where MARKER lies inside it."
        " You can give several.",
        rich_help_panel=SEARCH,
    ),
]

IncludeUnproven: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--include-unproven",
        metavar="PATH...",
        help="Include these directories, though not all is proven. They are those that a run keeps as unproven,"
        " undeclared, modified or precious. What is protected is still kept.",
        rich_help_panel=SEARCH,
    ),
]

Exclude: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        "-e",
        metavar="PATTERN",
        help="Leave alone what matches, and do not search it. PATTERN is a name, a path or a pattern in"
        " gitignore syntax. A path inside an artifact keeps that artifact. You can give several.",
        rich_help_panel=SEARCH,
    ),
]

Exact: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--exact",
        help="Ask the file system about every file to find out what deleting gives back. With --no-exact it is asked"
        " about none, and the sizes are those of du. Default: it is asked where that matters.",
        rich_help_panel=SEARCH,
    ),
]
