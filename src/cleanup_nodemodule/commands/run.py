"""``run``: carry out a job, which a configuration file defines; or list the jobs."""

from typing import Annotated

import typer

from cleanup_nodemodule.commands.clean import search_and_delete
from cleanup_nodemodule.commands.completion import job_names
from cleanup_nodemodule.commands.information import LongHelp, ShortHelp
from cleanup_nodemodule.commands.options import nothing_done
from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.words import command


def run(
    ctx: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="The job. [job.NAME] in a configuration file defines it.",
            autocompletion=job_names,
        ),
    ] = None,
    list_: Annotated[
        bool, typer.Option("--list", help="List the jobs. With --json as a JSON document.")
    ] = False,
    _short_help: ShortHelp = False,
    _help: LongHelp = False,
) -> int:
    """Carry out a job: a run that a configuration file defines.

    It deletes only if the job says delete = true, or you type --no-dry-run. It takes each option of a run, too, and what
    you type counts more than the job. With --dry-run it only shows what it would do.
    """
    if list_:
        if name is not None:
            raise UsageError(f"--list lists all jobs; type: {command('run', '--list')}")
        with nothing_done():
            from cleanup_nodemodule.commands.effective import said_in
            from cleanup_nodemodule.show.jobs import show_jobs

            return show_jobs(said_in(ctx), as_json=ctx.params.get("json_", False))
    if name is None:
        raise UsageError(
            f"run needs the name of a job, as in run nightly; to list the jobs, type: {command('run', '--list')}"
        )
    return search_and_delete(ctx, name)
