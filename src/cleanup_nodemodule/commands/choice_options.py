"""The options of a run that choose what goes of all that can be deleted, each with its help."""

from typing import Annotated, TypeAlias

import typer

from cleanup_nodemodule.commands.options import CHOICE
from cleanup_nodemodule.config import keys

OlderThan: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--older-than",
        metavar="DURATION",
        help="Only what was last used at least this long ago, such as 30d, 2 weeks, 6mo or 1y. If nobody knows when it"
        " was used, it stays.",
        rich_help_panel=CHOICE,
    ),
]

NewerThan: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--newer-than",
        metavar="DURATION",
        help="Only what was last used at most this long ago. If nobody knows when it was used, it counts as used just"
        " now.",
        rich_help_panel=CHOICE,
    ),
]

MinSize: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--min-size",
        metavar="SIZE",
        help="Only what takes at least this much, such as 100MB or 1.5GiB. It is what du -s says of that directory"
        " alone. Deleting it may free less.",
        rich_help_panel=CHOICE,
    ),
]

MaxSize: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--max-size",
        metavar="SIZE",
        help="Only what takes at most this much, counted in the same way.",
        rich_help_panel=CHOICE,
    ),
]

Only: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="PATTERN",
        help="Only what matches: a name, a path or a pattern, read as for --exclude. What lies in a directory that"
        " matches does too. You can give several.",
        rich_help_panel=CHOICE,
    ),
]

KeepLatest: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--keep-latest",
        metavar="N[/repo]",
        help="Leave alone the N projects that were used last. With 2/repo: the 2 working trees of each git repository"
        " that were used last, and all that lies in no repository.",
        rich_help_panel=CHOICE,
    ),
]

Free: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--free",
        metavar="SIZE",
        help="Stop when this much is freed, on each file system. What was not used for the longest time goes first.",
        rich_help_panel=CHOICE,
    ),
]

UntilFree: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--until-free",
        metavar="SIZE|PERCENT",
        help="Stop when each file system has this much available, as df shows it: a size, or a share such as 15%. If it"
        " has that already, nothing is deleted.",
        rich_help_panel=CHOICE,
    ),
]

MaxTotal: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--max-total",
        metavar="SIZE",
        help="Stop when all that was found and remains, what is kept included, takes no more than this on each file"
        " system.",
        rich_help_panel=CHOICE,
    ),
]

Order: TypeAlias = Annotated[
    keys.First | None,
    typer.Option(
        "--order",
        metavar="KEY",
        help="What goes first if not everything has to go: age, what was not used for the longest time; size, what is"
        " largest. Default: age.",
        rich_help_panel=CHOICE,
    ),
]
