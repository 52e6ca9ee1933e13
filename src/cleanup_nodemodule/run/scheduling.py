"""Makes a schedule of a job and a time: what it runs, and what the job needs of the system."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Final

from cleanup_nodemodule.config.files import Job
from cleanup_nodemodule.config.keys import Priority
from cleanup_nodemodule.config.layers import Values
from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.model.quantities import QuantityError, read_duration
from cleanup_nodemodule.record import state_directory, trust
from cleanup_nodemodule.run.orders import mode_of
from cleanup_nodemodule.unattended.notifying.recipients import Way, way_of
from cleanup_nodemodule.unattended.schedule.scheduler import Access, Schedule
from cleanup_nodemodule.unattended.schedule.times import Every
from cleanup_nodemodule.words import PROGRAM

_LISTS: Final = ("from-file", "artifacts-from")
_FILES: Final = ("log-file", "metrics", "save-plan")
_KEPT: Final = ("XDG_CONFIG_HOME", "XDG_STATE_HOME")
"""Variables that say where this program's files are. What starts by itself would not have them."""

_ALWAYS_FOUND: Final = frozenset({"/usr/bin", "/bin"})
"""Where each scheduler has programs looked for (crontab(5), systemd.exec(5), launchd.plist(5))."""


def schedule_of(
    job: Job,
    values: Values,
    every: Every,
    *,
    delay: str | None = None,
    system: bool = False,
    config: Sequence[str] = (),
    outputs: Sequence[str] = (),
) -> Schedule:
    """Return the schedule of a *job*, whose *values* count without anything typed.

    *delay* is over how long its starts are to be spread, as typed; *config* are paths of configuration files that it
    needs, *outputs* those of files that it writes. Reads the environment, as the rest of the edge. Raises UsageError.
    """
    own = values.text("delay")
    try:
        with values.blaming():
            said = own if delay is None else delay
            seconds = every.spread if said is None else read_duration(said, "--delay", waited=True)
    except QuantityError as error:
        raise UsageError(str(error)) from error
    files = (*outputs, *(path for name in _FILES if (path := values.text(name))))
    ways = {way_of(one) for one in values.texts("notify")}
    listed = any(values.text(name) is not None for name in _LISTS)
    return Schedule(
        job=job.name,
        every=every,
        command=(*program(), "run", job.name, *_options(config)),
        access=Access(
            state=state_directory.directory(),
            roots=None if listed else tuple(map(os.path.abspath, values.texts("path"))),
            writes=tuple(dict.fromkeys(os.path.dirname(os.path.abspath(file)) for file in files)),
            network=Way.WEBHOOK in ways,
            mail=Way.MAIL in ways,
            trash=mode_of(values) == "trash",
        ),
        deletes=mode_of(values) != "dry-run",
        system=system,
        delay=seconds,
        own_delay=own is not None,
        idle=values.text("priority") != Priority.NORMAL,
        environment=_environment(),
    )


def _options(config: Sequence[str]) -> list[str]:
    return [word for path in config for word in ("--config", os.path.abspath(path))]


def program() -> tuple[str, ...]:
    """Return the words that start this program, the first of them an absolute path: the command as it is installed.

    It may be a symlink, such as the one that pipx puts into ``~/.local/bin``: that stays where it is with each update.
    """
    said = sys.argv[0]
    if os.path.basename(said).removesuffix(".exe") == PROGRAM:
        found = said if os.path.dirname(said) else shutil.which(said)
        if found is not None and os.access(found, os.X_OK):
            return (os.path.abspath(found),)
    # With -P nothing is imported from the directory in which it is started.
    return (sys.executable, "-P", "-m", "cleanup_nodemodule")


def _environment() -> Mapping[str, str]:
    """Return the variables that have to be as they are here for the program to find its files, and git."""
    kept = {name: os.environ[name] for name in _KEPT if os.path.isabs(os.environ.get(name, ""))}
    git = shutil.which("git")
    directory = os.path.dirname(os.path.abspath(git)) if git is not None else "/usr/bin"
    if os.name == "posix" and directory not in _ALWAYS_FOUND:
        try:
            trusted = trust.untrusted(directory) is None
        except OSError:
            trusted = False
        if trusted:
            kept["PATH"] = f"{directory}:/usr/local/bin:/usr/bin:/bin"
    return kept
