"""The options of a run that nobody watches, each with its help."""

from typing import Annotated, TypeAlias

import typer

from cleanup_nodemodule.commands.options import UNATTENDED
from cleanup_nodemodule.config import keys

Priority: TypeAlias = Annotated[
    keys.Priority | None,
    typer.Option(
        "--priority",
        metavar="WHEN",
        help="idle: give way to all other programs. normal: do not. Default: normal at a terminal, idle elsewhere.",
        rich_help_panel=UNATTENDED,
    ),
]

MaxRate: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--max-rate",
        metavar="N",
        min=1,
        help="Search, measure and delete at most this many files and directories a second, such as 1000.",
        rich_help_panel=UNATTENDED,
    ),
]

MaxRuntime: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--max-runtime",
        metavar="DURATION",
        help="Begin nothing new after this long, such as 30min or 2h. The next run over the same list goes on where this one"
        " stopped.",
        rich_help_panel=UNATTENDED,
    ),
]

Delay: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--delay",
        metavar="DURATION",
        help="First wait for a random time, at most this long. So many machines do not start at once.",
        rich_help_panel=UNATTENDED,
    ),
]

LogFile: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--log-file",
        metavar="FILE",
        help="Add lines to this file that say what happened, each with its time and level.",
        rich_help_panel=UNATTENDED,
    ),
]

Metrics: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--metrics",
        metavar="FILE.prom",
        help="Write the numbers of the run to this file for Prometheus. node_exporter reads it.",
        rich_help_panel=UNATTENDED,
    ),
]

Notify: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--notify",
        metavar="WHOM",
        help="Tell somebody if the run fails, or frees more than --notify-over: mail:ADDRESS, the URL of a webhook, or"
        " desktop. May be given several times. Other users of the machine can see the command line: write a secret URL into a"
        " configuration file.",
        rich_help_panel=UNATTENDED,
    ),
]

NotifyOver: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--notify-over",
        metavar="SIZE",
        help="With --notify: tell them also if the run frees more than this, such as 20GB.",
        rich_help_panel=UNATTENDED,
    ),
]

NoHistory: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--no-history",
        help="Do not add this run to the history.",
        rich_help_panel=UNATTENDED,
    ),
]
