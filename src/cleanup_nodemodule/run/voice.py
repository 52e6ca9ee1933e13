"""What a run tells, and asks, whoever started it."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

from cleanup_nodemodule.errors import ExitCode
from cleanup_nodemodule.model import Plan, Result
from cleanup_nodemodule.report.digest import Digest
from cleanup_nodemodule.report.finished import RootSpace
from cleanup_nodemodule.report.record_rows import RunRecord
from cleanup_nodemodule.report.rows import ArtifactRow, ProblemRow, Report
from cleanup_nodemodule.run.limits import MAX_DELETE
from cleanup_nodemodule.work.progress import Watch, unwatched


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of a run."""

    report: Report
    unexpected: Exception | None = None
    """What ended the run early and should never have happened."""
    signal: int | None = None
    """The number of the signal that stopped it."""
    run: str | None = None
    """What the journal calls it, if it could delete something."""
    digest: Digest | None = None
    """The sums over the rows, if these were told while it went on and are not in the report."""
    spaces: tuple[RootSpace, ...] = ()
    """The space of the file systems that the roots lie on."""

    @property
    def exceeded(self) -> bool:
        """Whether more would have been deleted than ``--max-delete`` allows, so that nothing was."""
        return any(gate.option == MAX_DELETE for gate in self.report.gates)

    @property
    def exit_code(self) -> int:
        """The exit code of the process."""
        if self.unexpected is not None:
            return ExitCode.UNEXPECTED
        if self.signal is not None:
            return 128 + self.signal
        if self.report.gates:
            return ExitCode.EXCEEDED
        if self.report.problems or self.report.totals.failed or self.report.out_of_time:
            return ExitCode.INCOMPLETE
        return ExitCode.DONE


class Taker(Protocol):
    """Whoever takes rows while a run goes on."""

    def begin(self, run: RunRecord) -> None:
        """Hear of the run, before any row."""

    def take(self, rows: Sequence[ArtifactRow | ProblemRow]) -> bool:
        """Take rows that are decided; return whether more are wanted."""


class Voice(Protocol):
    """Whoever hears of a run while it goes on, and may be asked."""

    @property
    def asks(self) -> bool:
        """Whether somebody is there who can answer."""

    @property
    def taker(self) -> Taker | None:
        """Who takes the rows of a run that deletes nothing while it goes on; None if they are told in the end."""

    def say(self, message: str) -> None:
        """Tell *message*, a sentence about the run itself: no row of its result."""

    def note(self, message: str) -> None:
        """Tell *message*, such a sentence about what is as it should be: nobody has to do anything."""

    def planned(self, report: Report, *, deletes: bool) -> None:
        """Tell what was found, before anything else happens; *deletes* if that may be a deletion."""

    async def ask(self, plan: Plan) -> AbstractSet[str]:
        """Return the paths of what to delete of what *plan* selects. Raises Stopped if the run is to stop instead."""

    def came_of(self, result: Result) -> None:
        """Tell what has just come of an artifact that was to be deleted."""

    def watch(self) -> AbstractContextManager[Watch]:
        """Return what is told how far a stage has come, for as long as that lasts."""

    def finished(self, ended: Ended) -> int:
        """Tell what came of the run, when its loop is closed; return the exit code."""


class Silent:
    """The voice of a run that nobody hears: every question is answered by a yes.

    For programs that have decided before they call, as by ``--yes``.
    """

    asks = False
    taker = None

    def say(self, message: str) -> None:
        """Tell nobody."""

    def note(self, message: str) -> None:
        """Tell nobody."""

    def planned(self, report: Report, *, deletes: bool) -> None:
        """Tell nobody."""

    async def ask(self, plan: Plan) -> AbstractSet[str]:
        """Return all of it."""
        return {artifact.path for artifact in plan.selected}

    def came_of(self, result: Result) -> None:
        """Tell nobody."""

    def watch(self) -> AbstractContextManager[Watch]:
        """Return what tells nobody."""
        return nullcontext(unwatched)

    def finished(self, ended: Ended) -> int:
        """Return the exit code."""
        return ended.exit_code
