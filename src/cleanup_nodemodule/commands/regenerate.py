"""How to get back what a run deleted: the commands, and running them."""

from collections.abc import Sequence

from cleanup_nodemodule.commands import query
from cleanup_nodemodule.commands.bring_back import run_all
from cleanup_nodemodule.exit_codes import ExitCode
from cleanup_nodemodule.proof.rules import Rule
from cleanup_nodemodule.run.loop import Runtime
from cleanup_nodemodule.run.signals import Interrupts
from cleanup_nodemodule.run.ways_back import (
    Step,
    recipe,
)
from cleanup_nodemodule.show.ways_back import Shown, say_what_is_known


def show(
    directory: str,
    rules: Sequence[Rule],
    name: str | None,
    *,
    run_them: bool,
    timeout: float,
    as_json: bool,
) -> int:
    """Print the commands, or run them one after the other; return the exit code.

    Raises UnknownRun and StateError.
    """

    async def work(runtime: Runtime, interrupts: Interrupts) -> Shown:
        found = await recipe(directory, rules, name, runtime)
        say_what_is_known(found)
        if not run_them:
            return Shown(found, {}, ExitCode.DONE)
        outcomes: dict[Step, tuple[str, int | None]] = {}
        code = await run_all(found.steps, outcomes, runtime, interrupts, as_json=as_json)
        return Shown(found, outcomes, code)

    def print_result(shown: Shown) -> int:
        return print_result(shown, run_them=run_them, as_json=as_json)

    return query.run(work, print_result, timeout=timeout, as_json=as_json)
