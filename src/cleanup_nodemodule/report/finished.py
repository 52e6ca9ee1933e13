"""A run that is over, and whoever hears of it. Pure."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from cleanup_nodemodule.errors import ExitCode
from cleanup_nodemodule.model import Mode
from cleanup_nodemodule.report.digest import Digest
from cleanup_nodemodule.report.rows import Report


@dataclass(frozen=True, slots=True)
class RootSpace:
    """The file system that a root lies on, and what it said of its space (statvfs(3)) when the run began and ended."""

    root: str
    """Absolute path, one of those in the report."""
    file_system: str
    """What names it: as in a report, or else by its kind and where it is mounted."""
    point: str
    """Where it is mounted; absolute path."""
    kind: str
    """Such as ``ext4``; empty if that is not known."""
    total_bytes: int | None
    """None if it did not answer."""
    free_before_bytes: int | None
    """Free for users other than root when the run began, as df(1) says it; None if it did not answer."""
    free_after_bytes: int | None
    """The same when the run ended."""


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run that is over, however it ended."""

    id: str
    """Tells it from all others. The journal has it too if the run deleted anything."""
    command: str
    """The command: empty for the one without a name, ``run``, ``apply`` or ``resume``."""
    job: str | None
    """The name of the job that it carried out."""
    mode: Mode
    began_at: float
    """Seconds since the epoch."""
    duration: float
    """Seconds."""
    exit_code: int
    report: Report | None
    """What it has found and done. If the rows were told while it went on, there are none in it. None if it came to no
    result: another run had the lock, or nothing could be searched."""
    digest: Digest | None
    """The sums over all rows; None if there is no report."""
    failure: str | None = None
    """Why it came to no result, in a sentence."""
    unable: tuple[str, ...] = ()
    """What those could not do that heard of it before, in sentences."""
    spaces: tuple[RootSpace, ...] = ()
    """For each root the space of its file system; none for a run without a result, and for roots beyond the first
    hundreds."""

    @property
    def succeeded(self) -> bool:
        """Whether it came to its end. Something may have been left over, and the report says what (exit code 3)."""
        return self.report is not None and self.exit_code in {ExitCode.DONE, ExitCode.INCOMPLETE}


class Listener(Protocol):
    """Whoever hears of a run that is over."""

    @property
    def asked_for(self) -> bool:
        """Whether the user asked for it, so that it counts if it fails: the exit code 0 becomes 3."""

    def hear(self, run: FinishedRun) -> str | None:
        """Take in the run; return what could not be done, in a sentence. Raises nothing that a disk or a network causes."""


@runtime_checkable
class EarlyListener(Protocol):
    """A listener that hears of the beginning, too."""

    def begin(self, job: str | None, began_at: float) -> None:
        """Take in that a run begins, at *began_at* seconds since the epoch. Raises nothing, as :meth:`Listener.hear`."""
