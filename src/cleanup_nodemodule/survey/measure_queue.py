"""The queue of what is to be measured: rows go in as they are found, and several measurers take them out."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from cleanup_nodemodule.engine.contract import Measurement
from cleanup_nodemodule.model import Contents
from cleanup_nodemodule.survey import measure
from cleanup_nodemodule.survey.accounting import Accountings
from cleanup_nodemodule.survey.inside import watch_for
from cleanup_nodemodule.survey.rows import Findings, Row
from cleanup_nodemodule.work.scheduler import Scheduler


class MeasureQueue:
    """Measures rows while others are still being found.

    *mounts* is everything that something is mounted on, in order. Calls *measured* with the path
    and the bytes of each call that measured something.
    """

    def __init__(
        self,
        findings: Findings,
        scheduler: Scheduler,
        mounts: Sequence[str],
        accountings: Accountings,
        measured: Callable[[str, int], None],
    ) -> None:
        self._findings: Final = findings
        self._scheduler: Final = scheduler
        self._mounts: Final = mounts
        self._accountings: Final = accountings
        self._measured: Final = measured
        self._queue: Final[asyncio.Queue[Row | None]] = asyncio.Queue()
        self._without: Final[dict[int, Sequence[str]]] = {}
        self._begun: Final[dict[int, Measurement]] = {}
        # One more than there are workers, so that the next artifact is at hand when one is done.
        self._measurers: Final = scheduler.workers + 1

    def start(self, group: asyncio.TaskGroup) -> None:
        """Begin to measure; the tasks in the *group* end when the queue is closed and empty."""
        for _ in range(self._measurers):
            group.create_task(self._measure())

    def put(self, row: Row, begun: Measurement | None = None) -> int:
        """Have a row measured, with all that is in it.

        What one call has *begun* already is not done again. Returns how many bytes are known now.
        """
        if begun is None:
            self._queue.put_nowait(row)
            return 0
        if begun.left:
            self._begun[row.number] = begun
            self._queue.put_nowait(row)
            return 0
        findings = self._findings
        _take(
            row,
            measure.contents_of(
                *(row.number, row.candidate, begun, findings.ledger),
                problem=findings.problems.append,
            ),
        )
        return begun.usage.allocated

    def put_waiting(self, rows: Sequence[Row], without: Mapping[int, Sequence[str]]) -> None:
        """Have those of *rows* that wait measured, each *without* the paths that are given for its number."""
        self._without.update(without)
        for row in rows:
            if row.waits and not row.hidden:
                self._queue.put_nowait(row)

    def close(self) -> None:
        """Say that there will be no more."""
        for _ in range(self._measurers):
            self._queue.put_nowait(None)

    async def _measure(self) -> None:
        while (row := await self._queue.get()) is not None:
            rows = {row.number: row}
            # Its share of those that are waiting: the others are for the other workers.
            for _ in range(self._queue.qsize() // (self._scheduler.workers + 1)):
                if (another := self._queue.get_nowait()) is None:
                    self._queue.put_nowait(None)
                    break
                rows[another.number] = another
            await self._measure_some(rows)

    async def _measure_some(self, rows: Mapping[int, Row]) -> None:
        """Measure some *rows*, each with its number."""
        findings = self._findings
        await self._accountings.know(row.candidate for row in rows.values())
        measured = await measure.measure(
            [(number, row.candidate) for number, row in rows.items()],
            self._scheduler,
            findings.ledger,
            mounts=self._mounts,
            without={one: self._without.pop(one) for one in rows if one in self._without},
            watch=lambda number: watch_for(rows[number].sighting),
            accounting=self._accountings.told,
            begun={one: self._begun.pop(one) for one in rows if one in self._begun},
            problem=findings.problems.append,
            measured=self._measured,
        )
        for row, contents in zip(rows.values(), measured, strict=True):
            _take(row, contents)


def _take(row: Row, contents: Contents | None) -> None:
    row.contents = contents
    row.vanished = contents is None
