"""The command without a name: find, and delete what was approved.

Kept light: ``--version`` and ``--help`` import nothing that a run needs.
"""

from typing import TYPE_CHECKING

import typer

from cleanup_nodemodule.commands import deleting_options as deleting
from cleanup_nodemodule.commands import general_options as general
from cleanup_nodemodule.commands import output_options as output
from cleanup_nodemodule.commands import search_options as search
from cleanup_nodemodule.commands.asked import asked_for
from cleanup_nodemodule.commands.at_terminal import carry_out
from cleanup_nodemodule.commands.information import LongHelp, ShortHelp, notice_of_engine
from cleanup_nodemodule.commands.options import (
    Color,
    Format,
    Sort,
    agreed_format,
    check_files,
    check_jobs,
    check_timeout,
    nothing_done,
    seconds_of,
    settings_of,
)
from cleanup_nodemodule.commands.parsing import LINES, WORDS
from cleanup_nodemodule.commands.wrong_usage import instead_of
from cleanup_nodemodule.errors import UsageError

if TYPE_CHECKING:
    from cleanup_nodemodule.run.loop import Runtime
    from cleanup_nodemodule.run.voice import Ended
    from cleanup_nodemodule.show.terminal import Terminal


# Long: its parameters are its options, as Typer reads them from the signature.
def clean(
    ctx: typer.Context,
    path: search.Path = None,
    min_depth: search.MinDepth = 0,
    profile: search.Profile = None,
    targets: search.Targets = None,
    also: search.Also = None,
    rule: search.Rule = None,
    include_unproven: search.IncludeUnproven = None,
    exclude: search.Exclude = None,
    dry_run: deleting.DryRun = False,
    no_dry_run: deleting.NoDryRun = False,
    yes: deleting.Yes = False,
    trash: deleting.Trash = False,
    max_delete: deleting.MaxDelete = None,
    wait: deleting.Wait = False,
    include_foreign: deleting.IncludeForeign = False,
    assume_unused: deleting.AssumeUnused = False,
    format_: output.Format = None,
    json_: output.Json = False,
    null: output.Null = False,
    sort: output.Sort = Sort.SIZE,
    top: output.Top = None,
    color: output.Color = Color.AUTO,
    no_progress: output.NoProgress = False,
    quiet: output.Quiet = False,
    verbose: output.Verbose = False,
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

    It deletes only with --no-dry-run, and only what it can prove to be rebuildable.
    """
    if ctx.invoked_subcommand is not None:
        return None
    with nothing_done():
        from cleanup_nodemodule.model import Mode
        from cleanup_nodemodule.run.cleaning import clean as search_and_delete
        from cleanup_nodemodule.run.limits import parse_limit
        from cleanup_nodemodule.run.orders import Orders
        from cleanup_nodemodule.show.terminal import Display

        if dry_run and no_dry_run:
            raise UsageError("--dry-run and --no-dry-run contradict each other; give one")
        if no_dry_run and "" in (path or []):
            raise UsageError(
                "PATH is empty; to delete in the current directory, type: -p . --no-dry-run"
            )
        if quiet and verbose:
            raise UsageError("--quiet and --verbose contradict each other; give one")
        check_jobs(jobs)
        check_timeout(timeout)
        shown = agreed_format(format_, json_=json_, null=null)
        settings = settings_of(
            roots=tuple(path or ["."]),
            targets=tuple(dict.fromkeys(targets)) if targets else None,
            also=tuple(dict.fromkeys(also or ())),
            include_unproven=tuple(include_unproven or ()),
            min_depth=min_depth,
            excludes=tuple(exclude or ()),
            profiles=tuple(profile or ()),
            own_rules=tuple(rule or ()),
            include_foreign=include_foreign,
            assume_unused=assume_unused,
        )
        check_files("--targets", targets or ())
        check_files("--also", also or ())
        limit = None if max_delete is None else parse_limit(max_delete)
        display = Display(
            format=shown.value if shown else None,
            sort=sort.value,
            top=top,
            color=color.value,
            progress=not no_progress,
            quiet=quiet,
            verbose=verbose,
            null=null,
            asked=asked_for(ctx, settings),
        )
        mode: Mode = "trash" if trash else "delete"
        orders = Orders(
            mode if no_dry_run else "dry-run",
            ask=not yes,
            wait=wait,
            max_delete=limit,
            jobs=jobs,
            timeout=seconds_of(timeout),
            needs=tuple(dict.fromkeys(word for line in ctx.meta[LINES] for word in line)),
        )
        if not quiet and shown is not Format.JSON:
            notice_of_engine(engine)
        from cleanup_nodemodule.run.signals import Interrupts

        interrupts = Interrupts()

    async def work(voice: "Terminal", runtime: "Runtime") -> "Ended":
        try:
            return await search_and_delete(settings, orders, voice, runtime)
        except UsageError as error:
            raise instead_of(error, ctx.meta[WORDS], ctx.meta[LINES]) from error

    return carry_out(work, orders, display, interrupts)
