"""The options of a run that say what to do with what can be deleted, each with its help."""

from typing import Annotated, TypeAlias

import typer

from cleanup_nodemodule.commands.options import DELETE

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

FailOver: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--fail-over",
        metavar="SIZE|COUNT",
        help="End with exit code 4 if more than this can be deleted, in a dry run or not. It does not stop a"
        " deletion. A size counts what deleting gives back.",
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
