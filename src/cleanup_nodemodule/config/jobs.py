"""Jobs: runs with a name, which files define; and who may have one delete."""

import difflib
import os
from typing import Final

from cleanup_nodemodule.config.definition import Said
from cleanup_nodemodule.config.files import Job
from cleanup_nodemodule.config.layers import Order, Values
from cleanup_nodemodule.config.reading import word_of
from cleanup_nodemodule.config.settings import SettingsError
from cleanup_nodemodule.system.accounts import user_name
from cleanup_nodemodule.words import command


def job_called(name: str, said: Said) -> Job:
    """Return the job of this name. Raises SettingsError, with the name that is meant, if there is none."""
    jobs = said.jobs
    if (job := jobs.get(name)) is not None:
        return job
    if name in said.ignored:
        raise SettingsError(
            f"--no-config ignores the file that defines the job {word_of(name)}; leave it out, or name the file with"
            " --config"
        )
    near = difflib.get_close_matches(name, list(jobs), n=1, cutoff=0.5)
    if near:
        advice = f"did you mean {near[0]}?"
    elif jobs:
        advice = f"to list the jobs, type: {command('run', '--list')}"
    else:
        advice = f"no file defines any; to begin it, type: {to_begin(name)}"
    raise SettingsError(f"there is no job {word_of(name)}; {advice}")


def to_begin(name: str) -> str:
    """Return the command that begins a job of this name."""
    return f"{command('config', 'set', f'job.{name}.path')} DIRECTORY"


def may_delete(job: Job) -> bool:
    """Whether whoever runs this program may have a job delete.

    A job in a file of the user's own is the user's. One in the system's files is root's, and that of the accounts it
    names. Like the rest of the edge, this asks who that is.
    """
    if job.order is not Order.SYSTEM or not hasattr(os, "geteuid"):
        return True
    return os.geteuid() == 0 or user_name() in job.users


_PLACES: Final = ("path", "from-file", "artifacts-from")
"""Keys that say where to search."""


def refuse_nowhere(job: Job, values: Values) -> None:
    """Raise SettingsError for a *job* that does not say where to search: it may begin anywhere.

    What says so for all runs, such as a variable of the environment, is not about what this job deletes.
    """
    own = {Order.JOB, Order.COMMAND_LINE}
    if not any(values.source(name).order in own and values.value(name) for name in _PLACES):
        raise SettingsError(
            f"{job.source}: the job {job.name} does not say where to search, and a job may begin"
            ' anywhere; add a line such as path = ["~/work"], or type -p PATH'
        )


def refuse_others(job: Job, values: Values) -> None:
    """Raise SettingsError for a *job* that deletes and is not this user's.

    Nobody is refused who looks only, or who types that it is to delete.
    """
    ordered = values.flag("delete") and values.source("delete").order is Order.JOB
    if ordered and not may_delete(job):
        raise SettingsError(
            f"{job.source}: the job {job.name} deletes, and only root and those in its users may run"
            f" it; to look only, type: {command('run', job.name, '--dry-run')}"
        )
