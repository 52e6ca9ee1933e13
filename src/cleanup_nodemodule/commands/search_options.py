"""The options of the command without a name, each with its help: where and what to search, and what to do then.

The first sentence of a help text is all that ``-h`` shows of it.
"""

from typing import Annotated, TypeAlias

import typer

from cleanup_nodemodule.commands.completion import install, profile_names, show
from cleanup_nodemodule.commands.information import choose_engine, show_schema, show_version
from cleanup_nodemodule.commands.options import DELETE, OTHER, OUTPUT, SEARCH, SHELL
from cleanup_nodemodule.commands.options import Color as ColorWhen
from cleanup_nodemodule.commands.options import Engine as EngineName
from cleanup_nodemodule.commands.options import Format as FormatName
from cleanup_nodemodule.commands.options import Sort as SortKey

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

MinDepth: TypeAlias = Annotated[
    int,
    typer.Option(
        "--min-depth",
        "-d",
        metavar="N",
        help="Leave alone everything above depth N. What lies directly in PATH has depth 0. Default: 0.",
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

DryRun: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Only show what can be deleted. This is the default, and it deletes nothing even with --yes.",
        rich_help_panel=DELETE,
    ),
]

NoDryRun: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--no-dry-run",
        help="Delete, at a terminal after a question. Elsewhere (cron, a script, CI) it deletes at once.",
        rich_help_panel=DELETE,
    ),
]

Yes: TypeAlias = Annotated[
    bool,
    typer.Option("--yes", "-y", help="With --no-dry-run: do not ask.", rich_help_panel=DELETE),
]

Trash: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--trash",
        help="With --no-dry-run: move to the trash instead. The space comes back when the trash is"
        " emptied.",
        rich_help_panel=DELETE,
    ),
]

MaxDelete: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--max-delete",
        metavar="SIZE|COUNT",
        help="Delete nothing if it would be more than this. Type a size such as 10GB, or a number of"
        " directories such as 100. If it is more, the exit code is 4, in a dry run too.",
        rich_help_panel=DELETE,
    ),
]

Wait: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--wait",
        help="If another run is deleting in the same tree, wait until it has ended. Without this option"
        " the run ends then, with exit code 5.",
        rich_help_panel=DELETE,
    ),
]

IncludeForeign: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--include-foreign",
        help="Include artifacts that only another user may delete, by the sticky bit of a directory such"
        " as /tmp. Only root can delete those.",
        rich_help_panel=DELETE,
    ),
]

AssumeUnused: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--assume-unused",
        help="Assume that nobody uses the artifacts of other users, even if this run may not look at some"
        " processes.",
        rich_help_panel=DELETE,
    ),
]

Format: TypeAlias = Annotated[
    FormatName | None,
    typer.Option(
        "--format",
        "-f",
        metavar="FORMAT",
        help="How to print the result: table, plain, json or paths. With paths, only the paths that would"
        " be deleted, or were. Default: table at a terminal, plain elsewhere.",
        rich_help_panel=OUTPUT,
    ),
]

Json: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Short for --format json.", rich_help_panel=OUTPUT)
]

Null: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--null",
        "-0",
        help="Like --format paths, but each path ends with a NUL instead of a newline.",
        rich_help_panel=OUTPUT,
    ),
]

Sort: TypeAlias = Annotated[
    SortKey,
    typer.Option(
        "--sort",
        "-s",
        metavar="KEY",
        help="Order of the result: size (largest first), path, or age (longest unused first)."
        " Default: size.",
        rich_help_panel=OUTPUT,
    ),
]

Top: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--top",
        metavar="N",
        min=0,
        help="Show the first N directories in the table, 0 for all."
        " Default: 20 at a terminal, fewer in a low one, all elsewhere.",
        rich_help_panel=OUTPUT,
    ),
]

Color: TypeAlias = Annotated[
    ColorWhen,
    typer.Option(
        "--color",
        metavar="WHEN",
        help="When to use colour: auto (at a terminal, unless NO_COLOR is set), always or never."
        " Default: auto.",
        rich_help_panel=OUTPUT,
    ),
]

NoProgress: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--no-progress",
        help="Show no live list while it searches at a terminal.",
        rich_help_panel=OUTPUT,
    ),
]

Quiet: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        help="Print only the result and what went wrong.",
        rich_help_panel=OUTPUT,
    ),
]

Verbose: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--verbose",
        "-v",
        help="Print all that is known about each artifact. Print every problem, too.",
        rich_help_panel=OUTPUT,
    ),
]

Jobs: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        "-j",
        metavar="N",
        help="How many threads search, measure and delete at the same time."
        " Default: what suits the engine, the processors and the disk.",
        rich_help_panel=OTHER,
    ),
]

Timeout: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        metavar="SECONDS",
        help="If the disk of a PATH does not answer for this many seconds, give up that PATH and go on with"
        " the others. A network mount without its server is such a disk. Default: 300.",
        rich_help_panel=OTHER,
    ),
]

Engine: TypeAlias = Annotated[
    EngineName,
    typer.Option(
        "--engine",
        metavar="ENGINE",
        help="What walks the directories: native (in C), python, or auto (in C if that was built)."
        " Default: auto.",
        callback=choose_engine,
        is_eager=True,
        rich_help_panel=OTHER,
    ),
]

Version: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--version",
        "-V",
        help="Print the version and the engine.",
        # Not eager: it names the engine, which is chosen by then wherever --engine stands.
        callback=show_version,
        rich_help_panel=OTHER,
    ),
]

JsonSchema: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--json-schema",
        help="Print the JSON Schema of the JSON document.",
        callback=show_schema,
        is_eager=True,
        rich_help_panel=OTHER,
    ),
]

InstallCompletion: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--install-completion",
        help="Teach your shell to complete the words of this program.",
        callback=install,
        is_eager=True,
        expose_value=False,
        rich_help_panel=SHELL,
    ),
]

ShowCompletion: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--show-completion",
        help="Print the script that teaches it.",
        callback=show,
        is_eager=True,
        expose_value=False,
        rich_help_panel=SHELL,
    ),
]
