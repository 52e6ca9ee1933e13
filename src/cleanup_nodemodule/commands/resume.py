"""``resume``: finish what interrupted runs left."""

from typing import Annotated

import typer

from cleanup_nodemodule.commands.information import LongHelp, ShortHelp
from cleanup_nodemodule.commands.options import Timeout
from cleanup_nodemodule.errors import UsageError


def resume(
    ctx: typer.Context,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be finished.")
    ] = False,
    wait: Annotated[
        bool,
        typer.Option("--wait", help="If another run is deleting there, wait until it has ended."),
    ] = False,
    timeout: Timeout = None,
    forget: Annotated[
        list[str] | None,
        typer.Option(
            "--forget",
            metavar="PATH",
            help="Forget what is left at or beneath PATH, if it cannot be reached.",
        ),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
    _short_help: ShortHelp = False,
    _help: LongHelp = False,
) -> int:
    """Finish what interrupted runs left. It deletes what they had begun to delete."""
    from cleanup_nodemodule.commands.at_terminal import carry_out
    from cleanup_nodemodule.commands.effective import said_in, values_of
    from cleanup_nodemodule.commands.listeners import accounts_of
    from cleanup_nodemodule.commands.restraint import restraint_of
    from cleanup_nodemodule.config.definition import settings_of
    from cleanup_nodemodule.config.keys import Format
    from cleanup_nodemodule.run.orders import Orders, timeout_of
    from cleanup_nodemodule.run.resuming import resume as work
    from cleanup_nodemodule.run.signals import Interrupts
    from cleanup_nodemodule.show.terminal import Display

    values = values_of(ctx, said_in(ctx), "timeout")
    seconds = timeout_of(values)
    if "" in (forget or ()):  # As by a variable that is not set: it would be the current directory.
        raise UsageError("--forget needs a path; for the current directory type: --forget .")
    settings = settings_of(values)
    display = Display(Format.JSON if json_ else None)
    orders = Orders("dry-run" if dry_run else "delete", wait=wait, timeout=seconds)
    return carry_out(
        lambda voice, runtime: work(
            orders, voice, runtime, forget=forget or (), include_foreign=settings.include_foreign
        ),
        orders,
        display,
        Interrupts(),
        accounts_of(values, "resume"),
        restraint_of(values),
    )
