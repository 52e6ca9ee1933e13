"""``regenerate``: print or run the commands that bring back what a run deleted."""

from typing import TYPE_CHECKING, Annotated

import typer

from cleanup_nodemodule.commands.completion import runs
from cleanup_nodemodule.commands.information import LongHelp, ShortHelp
from cleanup_nodemodule.commands.options import Timeout, reading_the_record

if TYPE_CHECKING:
    from cleanup_nodemodule.run.loop import Runtime
    from cleanup_nodemodule.run.signals import Interrupts
    from cleanup_nodemodule.run.ways_back import Step
    from cleanup_nodemodule.show.ways_back import Shown


def regenerate(
    ctx: typer.Context,
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN",
            help="Bring back what this run deleted. The command log lists the runs. The first letters of one are"
            " enough. Default: the last run.",
            autocompletion=runs,
        ),
    ] = None,
    run_them: Annotated[
        bool, typer.Option("--run", help="Run the commands, one after the other.")
    ] = False,
    timeout: Timeout = None,
    json_: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
    _short_help: ShortHelp = False,
    _help: LongHelp = False,
) -> int:
    """Print or run the commands that bring back what was deleted."""
    from dataclasses import replace

    from cleanup_nodemodule.commands import query
    from cleanup_nodemodule.commands.bring_back import run_all
    from cleanup_nodemodule.commands.effective import said_in, values_of
    from cleanup_nodemodule.config.definition import settings_of
    from cleanup_nodemodule.errors import ExitCode
    from cleanup_nodemodule.record import state_directory
    from cleanup_nodemodule.run.orders import timeout_of
    from cleanup_nodemodule.run.ways_back import recipe
    from cleanup_nodemodule.show.ways_back import Shown, print_result, say_what_is_known

    async def work(runtime: "Runtime", interrupts: "Interrupts") -> "Shown":
        found = await recipe(directory, rules, run, runtime)
        say_what_is_known(found, run_them=run_them)
        if not run_them:
            return Shown(found, {}, ExitCode.DONE)
        outcomes: dict[Step, tuple[str, int | None]] = {}
        code = await run_all(found.steps, outcomes, runtime, interrupts, as_json=json_)
        return Shown(found, outcomes, code)

    def show(shown: "Shown") -> int:
        return print_result(shown, run_them=run_them, as_json=json_)

    with reading_the_record():
        values = values_of(ctx, said_in(ctx), "timeout")
        rules = replace(settings_of(values), profiles=("all",)).rules
        directory = state_directory.directory()
        return query.run(work, show, timeout=timeout_of(values), as_json=json_)
