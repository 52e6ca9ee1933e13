"""The options of a run about the program itself, each with its help."""

from typing import Annotated, TypeAlias

import typer

from cleanup_nodemodule.commands.completion import install, show
from cleanup_nodemodule.commands.information import choose_engine, show_schema, show_version
from cleanup_nodemodule.commands.options import OTHER, SHELL
from cleanup_nodemodule.config.keys import Engine as EngineName

Config: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--config",
        metavar="FILE.toml",
        help="Read this configuration file too, after the usual ones. You can give several; the last one counts"
        " most.",
        rich_help_panel=OTHER,
    ),
]

NoConfig: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--no-config",
        help="Ignore what the usual configuration files and the environment say, but for what they keep.",
        rich_help_panel=OTHER,
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
