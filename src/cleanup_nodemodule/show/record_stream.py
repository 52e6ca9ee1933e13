"""Writes the records of a run to standard output while the run goes on: NDJSON that a reader need not wait for."""

import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final

from cleanup_nodemodule.report import records
from cleanup_nodemodule.report.record_rows import RunRecord
from cleanup_nodemodule.report.records import Records
from cleanup_nodemodule.report.rows import ArtifactRow, ProblemRow, Report
from cleanup_nodemodule.run.signals import Interrupts
from cleanup_nodemodule.show.streams import emit


class RecordStream:
    """Writes one record at a time, until nobody reads any more. A :class:`~cleanup_nodemodule.run.voice.Taker`.

    A signal does what it does elsewhere, and the line that is being written is written first, unless the reader takes
    nothing for *grace* seconds.
    """

    def __init__(self, interrupts: Interrupts, grace: float) -> None:
        self._interrupts: Final = interrupts
        self._grace: Final = grace
        self._records: Final = Records(self._write)
        self.begun = False
        """The first record was written."""
        self.lost: str | None = None
        """Why standard output could not take it all, for another reason than that nobody reads it."""
        self._over = False

    def begin(self, run: RunRecord) -> None:
        """Write the first record."""
        self.begun = True
        self._try([partial(self._records.begin, run)])

    def take(self, rows: Sequence[ArtifactRow | ProblemRow]) -> bool:
        """Write rows; return whether anybody reads them."""
        self._try(partial(self._records.row, row) for row in rows)
        return not self._over

    def end(self, result: Report) -> None:
        """Write what interrupted runs left, and the totals."""
        self._try(partial(self._records.row, row) for row in result.leftovers)
        self._try([partial(self._records.end, records.totals_record(result))])

    def _try(self, writes: Iterable[Callable[[], None]]) -> None:
        if self._over:
            return

        def write() -> None:
            for one in writes:
                one()
                self._interrupts.goes_on()

        try:
            with self._interrupts.lasting(self._grace):
                self.lost = emit(write)
                self._over = self._over or self.lost is not None
        except KeyboardInterrupt:
            self._over = True

    def _write(self, line: bytes) -> None:
        try:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
        except OSError:
            self._over = True
            raise
