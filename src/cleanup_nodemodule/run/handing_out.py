"""Hands rows to whoever takes them while the run goes on."""

from collections.abc import Sequence
from typing import Final

from cleanup_nodemodule.model import Artifact, Leftover, Plan, Problem
from cleanup_nodemodule.report.digest import Digest
from cleanup_nodemodule.report.growing import GrowingReport
from cleanup_nodemodule.report.rows import Report, Run
from cleanup_nodemodule.run.loop import Runtime
from cleanup_nodemodule.run.voice import Taker


class HandingOut:
    """Makes rows of artifacts that are decided; stops the run when nobody wants more of them.

    A :class:`~cleanup_nodemodule.survey.survey.Reader`.
    """

    def __init__(self, taker: Taker, runtime: Runtime, run: Run) -> None:
        self._taker: Final = taker
        self._runtime: Final = runtime
        self._run: Final = run
        self._report = GrowingReport((), run)

    @property
    def digest(self) -> Digest:
        """The sums over all that was told."""
        return self._report.digest

    def begun(self, roots: tuple[str, ...]) -> None:
        """Tell of the run."""
        self._report = GrowingReport(roots, self._run)
        self._taker.begin(self._report.record)

    def decided(self, artifacts: Sequence[Artifact], problems: Sequence[Problem]) -> None:
        """Tell these."""
        if not self._taker.take(self._report.rows(artifacts, problems)):
            self._runtime.stop()

    def report(self, plan: Plan, run: Run, leftovers: Sequence[Leftover]) -> Report:
        """Return the report in the end, without the artifacts."""
        return self._report.report(plan, run, leftovers)
