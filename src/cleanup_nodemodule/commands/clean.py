"""The command without a name: find, and delete what was approved.

Kept light: ``--version`` and ``--help`` import nothing that a run needs.
"""

from typing import TYPE_CHECKING

import typer

from cleanup_nodemodule.commands import choice_options as choice
from cleanup_nodemodule.commands import deleting_options as deleting
from cleanup_nodemodule.commands import general_options as general
from cleanup_nodemodule.commands import output_options as output
from cleanup_nodemodule.commands import search_options as search
from cleanup_nodemodule.commands import unattended_options as unattended
from cleanup_nodemodule.commands.asked import asked_for
from cleanup_nodemodule.commands.at_terminal import carry_out
from cleanup_nodemodule.commands.effective import (
    display_of,
    format_of,
    refuse_odd_names,
    said_in,
    values_of,
    written_of,
)
from cleanup_nodemodule.commands.information import LongHelp, ShortHelp, notice_of_engine
from cleanup_nodemodule.commands.listeners import accounts_of, telling_of_failures
from cleanup_nodemodule.commands.lists import list_file_of, with_lists
from cleanup_nodemodule.commands.options import nothing_done
from cleanup_nodemodule.commands.parsing import LINES, WORDS
from cleanup_nodemodule.commands.plans import saving_of
from cleanup_nodemodule.commands.restraint import restraint_of
from cleanup_nodemodule.commands.wrong_usage import instead_of
from cleanup_nodemodule.errors import UsageError

if TYPE_CHECKING:
    from cleanup_nodemodule.run.loop import Runtime
    from cleanup_nodemodule.run.voice import Ended
    from cleanup_nodemodule.show.terminal import Terminal


# Its parameters are its options, as Typer reads them from the signature. Their values are not read here: they are a
# layer of what is said about a run, and what counts if nobody says anything is in the table of keys (config/keys.py).
def clean(
    ctx: typer.Context,
    path: search.Path = None,
    from_file: search.FromFile = None,
    artifacts_from: search.ArtifactsFrom = None,
    min_depth: search.MinDepth = None,
    max_depth: search.MaxDepth = None,
    profile: search.Profile = None,
    targets: search.Targets = None,
    also: search.Also = None,
    rule: search.Rule = None,
    include_unproven: search.IncludeUnproven = None,
    exclude: search.Exclude = None,
    exact: search.Exact = False,
    older_than: choice.OlderThan = None,
    newer_than: choice.NewerThan = None,
    min_size: choice.MinSize = None,
    max_size: choice.MaxSize = None,
    only: choice.Only = None,
    keep_latest: choice.KeepLatest = None,
    free: choice.Free = None,
    until_free: choice.UntilFree = None,
    max_total: choice.MaxTotal = None,
    order: choice.Order = None,
    dry_run: deleting.DryRun = False,
    no_dry_run: deleting.NoDryRun = False,
    yes: deleting.Yes = False,
    trash: deleting.Trash = False,
    max_delete: deleting.MaxDelete = None,
    fail_over: deleting.FailOver = None,
    wait: deleting.Wait = False,
    include_foreign: deleting.IncludeForeign = False,
    assume_unused: deleting.AssumeUnused = False,
    format_: output.Format = None,
    json_: output.Json = False,
    null: output.Null = False,
    save_plan: output.SavePlan = None,
    expires_in: output.ExpiresIn = None,
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
    delay: unattended.Delay = None,
    log_file: unattended.LogFile = None,
    metrics: unattended.Metrics = None,
    notify: unattended.Notify = None,
    notify_over: unattended.NotifyOver = None,
    no_history: unattended.NoHistory = False,
    config: general.Config = None,
    no_config: general.NoConfig = False,
    jobs: general.Jobs = None,
    timeout: general.Timeout = None,
    engine: general.Engine = "auto",
    json_schema: general.JsonSchema = False,
    version: general.Version = False,
    _install_completion: general.InstallCompletion = False,
    _show_completion: general.ShowCompletion = False,
    _short_help: ShortHelp = False,
    _help: LongHelp = False,
) -> int | None:
    """Find build artifacts such as node_modules, say exactly how much space deleting them frees, and delete them when told to.

    It deletes only with --no-dry-run, or if a job says delete = true, and only what it can prove to be rebuildable.
    """
    if ctx.invoked_subcommand is not None:
        return None
    return search_and_delete(ctx)


def search_and_delete(ctx: typer.Context, name: str | None = None) -> int:
    """Carry out what a command line, or the job of this *name* with it, says; return the exit code."""
    command = "" if name is None else "run"
    with nothing_done(), telling_of_failures(ctx, command, name) as known:
        from cleanup_nodemodule.config.definition import settings_of
        from cleanup_nodemodule.config.jobs import job_called, refuse_nowhere, refuse_others
        from cleanup_nodemodule.run.cleaning import clean as carry_out_orders
        from cleanup_nodemodule.run.orders import mode_of, orders_of
        from cleanup_nodemodule.show.failure import fail, telling

        said = said_in(ctx)
        job = None if name is None else job_called(name, said)
        values = values_of(ctx, said, job=job)
        format_ = format_of(values)
        known.values = values
        try:
            if job is not None:  # Before anything is written where it says.
                refuse_nowhere(job, values)
                refuse_others(job, values)
            known.accounts = accounts = accounts_of(values, command, name)
            written = written_of(values, said)
            with telling(written.files, mode_of(values)):
                settings = settings_of(values)
                refuse_odd_names(values)
                needs = tuple(dict.fromkeys(word for line in ctx.meta[LINES] for word in line))
                orders = orders_of(values, needs)
                settings = with_lists(settings, values, orders)
                orders = orders._replace(list_file=list_file_of(values))
                saving = saving_of(values, orders)
                restraint = restraint_of(values, waits=True)
        except UsageError as error:
            # What was typed need not say that a document is wanted.
            mode = mode_of(values)
            code = fail(error, mode=mode, format_=format_)
            told = known.accounts
            return code if told is None else told.of_failure(str(error), mode, code)
        display = display_of(values, written, asked_for(ctx, values, settings, job, saving))
        if not display.quiet and display.format not in {"json", "ndjson"}:
            notice_of_engine(values.value("engine"))
        from cleanup_nodemodule.run.signals import Interrupts

        interrupts = Interrupts()

    async def work(voice: "Terminal", runtime: "Runtime") -> "Ended":
        try:
            return await carry_out_orders(
                settings, orders, voice, runtime, saving=saving, written=written.places
            )
        except UsageError as error:
            other = instead_of(values.blame(error), ctx.meta[WORDS], ctx.meta[LINES])
            raise other from error

    return carry_out(work, orders, display, interrupts, accounts, restraint)
