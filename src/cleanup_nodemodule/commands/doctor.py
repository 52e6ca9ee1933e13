"""``doctor``: look at everything that unattended runs need."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from cleanup_nodemodule.commands import general_options as general
from cleanup_nodemodule.commands.information import LongHelp, ShortHelp

if TYPE_CHECKING:
    from cleanup_nodemodule.run.checkup import Check
    from cleanup_nodemodule.run.loop import Runtime
    from cleanup_nodemodule.run.signals import Interrupts


def doctor(
    ctx: typer.Context,
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout",
            metavar="SECONDS",
            help="If a disk does not answer for this many seconds, say so and go on. Default: 10.",
        ),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
    config: general.Config = None,
    _short_help: ShortHelp = False,
    _help: LongHelp = False,
) -> int:
    """Check what unattended runs need, and say what to do.

    It changes nothing. The exit code is 3 if something is missing. Run it as the user whose runs these are.
    """
    from cleanup_nodemodule.commands import query
    from cleanup_nodemodule.commands.effective import files_of
    from cleanup_nodemodule.run.doctoring import TIMEOUT, examine
    from cleanup_nodemodule.run.orders import seconds_to_wait
    from cleanup_nodemodule.show.doctor import show_checks

    seconds = TIMEOUT if timeout is None else seconds_to_wait(timeout)
    files = [os.path.abspath(path) for path in files_of(ctx)]

    async def work(runtime: "Runtime", _interrupts: "Interrupts") -> "list[Check]":
        return await examine(files, runtime)

    return query.run(
        work, lambda checks: show_checks(checks, as_json=json_), timeout=seconds, as_json=json_
    )
