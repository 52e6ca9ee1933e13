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
        help="idle: use the processor and the disk only when nothing else wants them. normal: take part like any other"
        " program. Default: normal at a terminal, idle elsewhere.",
        rich_help_panel=UNATTENDED,
    ),
]

MaxRate: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--max-rate",
        metavar="N",
        min=1,
        help="Search, measure and delete at most this many files and directories a second.",
        rich_help_panel=UNATTENDED,
    ),
]

MaxRuntime: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--max-runtime",
        metavar="DURATION",
        help="Begin nothing new after this long, such as 30min or 2h. A run over a list goes on there the next time.",
        rich_help_panel=UNATTENDED,
    ),
]

Delay: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--delay",
        metavar="DURATION",
        help="Wait first, for a random time up to this long, so that many machines do not begin at once.",
        rich_help_panel=UNATTENDED,
    ),
]

LogFile: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--log-file",
        metavar="FILE",
        help="Add what happens to this file, a line each, with the time and the level.",
        rich_help_panel=UNATTENDED,
    ),
]

Metrics: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--metrics",
        metavar="FILE.prom",
        help="Write the numbers of the run to this file, where node_exporter reads them for Prometheus.",
        rich_help_panel=UNATTENDED,
    ),
]

Notify: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--notify",
        metavar="WHOM",
        help="Tell somebody if the run fails, or frees more than --notify-over: mail:ADDRESS, the URL of a webhook, or"
        " desktop. May be given several times. Everybody on the machine can read what you type: if the URL is secret, write it"
        " into a configuration file.",
        rich_help_panel=UNATTENDED,
    ),
]

NotifyOver: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--notify-over",
        metavar="SIZE",
        help="With --notify: tell also if the run frees more than this.",
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
