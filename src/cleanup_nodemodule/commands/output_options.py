"""The options of a run that say how its result is shown, each with its help."""

from typing import Annotated, TypeAlias

import typer

from cleanup_nodemodule.commands.options import OUTPUT
from cleanup_nodemodule.config.keys import By as ByWhat
from cleanup_nodemodule.config.keys import Color as ColorWhen
from cleanup_nodemodule.config.keys import Format as FormatName
from cleanup_nodemodule.config.keys import Sort as SortKey

Format: TypeAlias = Annotated[
    FormatName | None,
    typer.Option(
        "--format",
        "-f",
        metavar="FORMAT",
        help="How to print the result, such as json or csv. There are table, plain, json, ndjson, csv, markdown and"
        " paths. With paths, only the paths that would be deleted, or were. Default: table at a terminal, plain"
        " elsewhere.",
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
        help="Like --format paths, but each path ends with a NUL instead of a newline. With --from-file or"
        " --artifacts-from it is about LIST, and about paths only if they are printed.",
        rich_help_panel=OUTPUT,
    ),
]

SavePlan: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--save-plan",
        metavar="PLAN",
        help="Save in this file what a dry run would delete. The command apply deletes just that, and nothing that has changed.",
        rich_help_panel=OUTPUT,
    ),
]

ExpiresIn: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--expires-in",
        metavar="DURATION",
        help="How long a saved plan counts, such as 12h or 30d. Default: 7d.",
        rich_help_panel=OUTPUT,
    ),
]

Output: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--output",
        "-o",
        metavar="[FORMAT:]FILE",
        help="Write the result to a file too, as in: --output csv:audit.csv. Without FORMAT the ending of the name"
        " says it: .json, .ndjson, .csv, .md or .txt. The file is written whole or not at all, and - is standard"
        " output. May be given several times.",
        rich_help_panel=OUTPUT,
    ),
]

By: TypeAlias = Annotated[
    ByWhat | None,
    typer.Option(
        "--by",
        metavar="WHAT",
        help="Print sums instead of directories: by ecosystem, project, root, owner, host or age (of the last use).",
        rich_help_panel=OUTPUT,
    ),
]

Sort: TypeAlias = Annotated[
    SortKey | None,
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
    ColorWhen | None,
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
        help="Print nothing unless something went wrong. A --format or --json that you give is printed all the same.",
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
