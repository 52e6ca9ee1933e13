"""What a schedule is, what would be installed for it, and what every system's scheduler can do."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias

from cleanup_nodemodule.errors import CleanupError, ExitCode, UsageError
from cleanup_nodemodule.unattended.schedule.scheduler_names import SchedulerName
from cleanup_nodemodule.unattended.schedule.times import Every, read_every
from cleanup_nodemodule.words import PROGRAM

Change: TypeAlias = Literal["installed", "replaced", "unchanged"]
"""What installing has come to."""


class SchedulerError(CleanupError):
    """What the system's scheduler would not do. All is as it was, or the text says what is not."""

    exit_code = ExitCode.INCOMPLETE


class NotOursError(UsageError):
    """Something of somebody else's is in the place of what is to be written; it is left as it is."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a job needs of the system, beyond reading."""

    state: str
    """Absolute path of the state directory of whoever installs it."""
    roots: tuple[str, ...] | None = ()
    """Absolute paths beneath which it may delete; None where only the run finds out, as by a list."""
    writes: tuple[str, ...] = ()
    """Absolute paths of directories in which it writes files."""
    network: bool = False
    """Whether it speaks to other machines."""
    mail: bool = False
    """Whether it sends mail, by a program that needs rights of its own."""
    trash: bool = False
    """Whether it moves to the trash, which may lie anywhere on the same disk."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A job with a time."""

    job: str
    every: Every
    command: tuple[str, ...]
    """The words that carry out the job, the first of them an absolute path."""
    access: Access
    deletes: bool = False
    system: bool = False
    """Whether it is the machine's, and root runs it; else it is the user's."""
    delay: int = 0
    """Seconds over which its starts are spread by chance."""
    own_delay: bool = False
    """Whether the job waits for a random time by itself, unless it is told not to."""
    idle: bool = True
    """Whether it takes the processor and the disk only when nothing else wants them."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that have to be as they are here, such as XDG_STATE_HOME."""


class File(NamedTuple):
    """A file that is installed."""

    path: str
    content: bytes
    mode: int = 0o644


class Installation(NamedTuple):
    """What is installed for a schedule: exactly that, for people to look at."""

    files: tuple[File, ...] = ()
    block: str = ""
    """Lines that are added to a crontab."""
    commands: tuple[tuple[str, ...], ...] = ()
    """What is run then."""


class Installed(NamedTuple):
    """A schedule that was found."""

    job: str
    every: str
    """As it was typed."""
    scheduler: SchedulerName
    system: bool
    place: str
    """The path of its file, or ``crontab``."""
    active: bool | None
    """Whether the system will start it; None where that cannot be told."""
    next_run: float | None = None
    """Seconds since the epoch; None if it is not known."""
    last_run: float | None = None
    """Seconds since the epoch; None if it has not run, or nobody knows."""
    last_exit: int | None = None
    """Exit code of the last run; None where nobody knows."""

    @property
    def cure(self) -> str:
        """What to do if it is not active."""
        return "start cron" if self.scheduler is SchedulerName.CRON else "install the job again"


class Scheduler(Protocol):
    """What starts runs on some system."""

    name: SchedulerName

    def installation(self, schedule: Schedule) -> Installation:
        """Return what is installed for a schedule. Raises UsageError for what this system cannot be told."""
        ...

    def install(self, schedule: Schedule) -> Change:
        """Install a schedule in the place of an earlier one of that job. Raises SchedulerError and UsageError."""
        ...

    def remove(self, job: str, *, system: bool) -> list[str]:
        """Take the schedule of a job out; return what went, none where there was nothing. Raises as :meth:`install`."""
        ...

    def found(self, *, system: bool) -> list[Installed]:
        """Return what is installed. Raises SchedulerError where that cannot be found out."""
        ...

    def start(self, job: str, *, system: bool) -> int:
        """Start an installed job now; return the exit code. Raises SchedulerError."""
        ...


_MARK: Final = re.compile(
    rf"Made by {PROGRAM} schedule: job (?P<job>[A-Za-z0-9._-]+), every (?P<every>[A-Za-z0-9: ]+)\."
)


def mark(schedule: Schedule) -> str:
    """Return the sentence by which what is installed is known, in each system's comments."""
    return f"Made by {PROGRAM} schedule: job {schedule.job}, every {schedule.every.text}."


def marked(text: str) -> tuple[str, Every] | None:
    """Return the job and the time that a text is marked with; None if it is not ours."""
    found = _MARK.search(text)
    if found is None:
        return None
    try:
        return found["job"], read_every(found["every"])
    except UsageError:
        return None


def unit_name(job: str) -> str:
    """Return what the schedule of a job is called."""
    return f"{PROGRAM}-{job}"
