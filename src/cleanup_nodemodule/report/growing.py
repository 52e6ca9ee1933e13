"""A report whose artifacts are told one by one, while the run goes on: what is left of them is their sums."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from cleanup_nodemodule.model import Artifact, Leftover, Plan, Problem
from cleanup_nodemodule.report import build
from cleanup_nodemodule.report.digest import Digest
from cleanup_nodemodule.report.record_rows import RunRecord
from cleanup_nodemodule.report.rows import (
    SCHEMA_VERSION,
    ArtifactRow,
    ProblemRow,
    Report,
    Run,
)
from cleanup_nodemodule.words import iso


class GrowingReport:
    """Makes rows of what is decided, and adds them up. Every problem is kept until the end, as the last words tell it."""

    def __init__(self, roots: Sequence[str], run: Run) -> None:
        self._roots: Final = tuple(roots)
        self._run: Final = run
        self._problems: Final[list[Problem]] = []
        self._found = self._selected = self._allocated = self._promised = self._at_most = 0
        self._shared = 0
        self.digest: Final = Digest()
        """The sums by project."""

    @property
    def record(self) -> RunRecord:
        """The first record."""
        run = self._run
        return RunRecord(
            *(SCHEMA_VERSION, run.tool, run.host, iso(run.started_at), run.mode),
            list(self._roots),
        )

    def rows(
        self, artifacts: Sequence[Artifact], problems: Sequence[Problem]
    ) -> list[ArtifactRow | ProblemRow]:
        """Return the rows of what is decided now."""
        self._problems.extend(problems)
        rows: list[ArtifactRow | ProblemRow] = []
        for artifact in artifacts:
            self._found += 1
            self._selected += artifact.selected
            self._allocated += artifact.size.allocated_bytes
            self._promised += artifact.size.reclaimable_bytes
            self._at_most += artifact.size.reclaimable_at_most_bytes
            self._shared += artifact.size.shared_bytes
            row = build.artifact_row(artifact, None, self._roots, self._run)
            self.digest.add(row)
            rows.append(row)
        return rows + [build.problem_row(problem, self._run) for problem in problems]

    def report(self, plan: Plan, run: Run, leftovers: Sequence[Leftover]) -> Report:
        """Return the report in the end, without the artifacts: *plan* is what is left of it, *run* has come to its end."""
        problems = sorted(self._problems, key=lambda problem: (problem.path, problem.doing))
        report = build.of_plan(replace(plan, problems=tuple(problems)), run, leftovers)
        totals = replace(
            report.totals,
            found=self._found,
            selected=self._selected,
            allocated_bytes=self._allocated,
            reclaimable_bytes=self._promised,
            reclaimable_at_most_bytes=self._at_most,
            shared_bytes=self._shared,
        )
        return replace(report, totals=totals)
