"""``apply``: delete what a saved plan names, and nothing that has changed since."""

from typing import TYPE_CHECKING, Annotated

import typer

from cleanup_nodemodule.commands import deleting_options as deleting
from cleanup_nodemodule.commands import general_options as general
from cleanup_nodemodule.commands import output_options as output
from cleanup_nodemodule.commands import unattended_options as unattended
from cleanup_nodemodule.commands.at_terminal import carry_out
from cleanup_nodemodule.commands.effective import display_of, said_in, values_of, written_of
from cleanup_nodemodule.commands.information import LongHelp, ShortHelp
from cleanup_nodemodule.commands.listeners import accounts_of, telling_of_failures
from cleanup_nodemodule.commands.options import nothing_done
from cleanup_nodemodule.commands.restraint import restraint_of

if TYPE_CHECKING:
    from cleanup_nodemodule.run.loop import Runtime
    from cleanup_nodemodule.run.voice import Ended
    from cleanup_nodemodule.show.terminal import Terminal


def apply(
    ctx: typer.Context,
    plan: Annotated[
        str, typer.Argument(metavar="PLAN", help="The plan that --save-plan has written.")
    ],
    digest: Annotated[
        str | None,
        typer.Option(
            "--digest",
            metavar="DIGEST",
            help="Apply the plan only if it has this digest, which --save-plan said. A plan that somebody else could"
            " write needs it.",
        ),
    ] = None,
    dry_run: deleting.DryRun = False,
    no_dry_run: deleting.NoDryRun = False,
    yes: deleting.Yes = False,
    trash: deleting.Trash = False,
    max_delete: deleting.MaxDelete = None,
    wait: deleting.Wait = False,
    format_: output.Format = None,
    json_: output.Json = False,
    null: output.Null = False,
    output_: output.Output = None,
    by: output.By = None,
    sort: output.Sort = None,
    top: output.Top = None,
    color: output.Color = None,
    no_progress: output.NoProgress = False,
    quiet: output.Quiet = False,
    verbose: output.Verbose = False,
    priority: unattended.Priority = None,
    max_rate: unattended.MaxRate = None,
    max_runtime: unattended.MaxRuntime = None,
    log_file: unattended.LogFile = None,
    metrics: unattended.Metrics = None,
    notify: unattended.Notify = None,
    notify_over: unattended.NotifyOver = None,
    no_history: unattended.NoHistory = False,
    jobs: general.Jobs = None,
    timeout: general.Timeout = None,
    _short_help: ShortHelp = False,
    _help: LongHelp = False,
) -> int:
    """Delete what a saved plan names. Without --no-dry-run it only shows what it would delete.

    Everything is proven again. What has changed since the plan was saved stays.
    """
    with nothing_done(), telling_of_failures(ctx, "apply") as known:
        from cleanup_nodemodule.config.definition import settings_of
        from cleanup_nodemodule.run.applying import settings_for
        from cleanup_nodemodule.run.cleaning import clean as look_and_delete
        from cleanup_nodemodule.run.orders import mode_of, orders_of
        from cleanup_nodemodule.run.plan_reading import read_plan
        from cleanup_nodemodule.run.signals import Interrupts
        from cleanup_nodemodule.show.failure import telling
        from cleanup_nodemodule.show.last_words import Asked

        said = said_in(ctx)
        known.values = values = values_of(ctx, said)
        accounts = known.accounts = accounts_of(values, "apply", plan=plan)
        written = written_of(values, said, plan)
        with telling(written.files, mode_of(values)):
            orders = orders_of(values)
            saved = read_plan(plan, digest)
            settings = settings_for(saved, settings_of(values))
        again = ("apply", plan, *(() if digest is None else ("--digest", digest)))
        display = display_of(
            values, written, Asked(again=again, exactly=again, listed=True, saved=True)
        )
        interrupts = Interrupts()
        restraint = restraint_of(values)

    async def work(voice: "Terminal", runtime: "Runtime") -> "Ended":
        return await look_and_delete(
            settings, orders, voice, runtime, saved=saved, written=written.places
        )

    return carry_out(work, orders, display, interrupts, accounts, restraint)
