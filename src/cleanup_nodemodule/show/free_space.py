"""Why less or more has come back than was to."""

from collections.abc import Iterator
from typing import Final

from cleanup_nodemodule.model import Difference
from cleanup_nodemodule.report.observed import ObservedRow
from cleanup_nodemodule.report.rows import Report
from cleanup_nodemodule.words import printable, size

_WHY: Final = {
    Difference.UNSETTLED: "the file system gives back the rest later",
    Difference.LOWER_LAYERS: "files of a lower layer take as much space as before",
    Difference.SNAPSHOT: (
        "a snapshot or a copy may have some of it, or other programs wrote at the same time"
    ),
    Difference.OTHERS: "other programs probably wrote at the same time",
}
"""Why less came back than was to."""


def free_space(report: Report) -> Iterator[str]:
    """Say why free space has grown by less or more than was to come back, if that is so."""
    for row in report.observed:
        if row.difference is not None and row.observed_freed_bytes is not None:
            several = len(report.observed) > 1
            yield _sentence(row, f"{printable(row.file_system)}: " if several else "")


def _sentence(row: ObservedRow, where: str) -> str:
    grown, promised = row.observed_freed_bytes or 0, row.promised_bytes or 0
    difference = Difference(str(row.difference))
    about = None if row.difference_bytes is None else size(row.difference_bytes)
    if grown >= promised:
        why = "other programs probably freed some at the same time"
        if difference is Difference.OTHERS_AT_WORK:
            why = f"other programs are at work there, and changed it by {about} within a second"
        return f"{where}Free space grew by {size(grown)}: {why}."
    grew = f"Free space grew by {size(grown)} only" if grown > 0 else "Free space did not grow"
    if difference is Difference.HELD_OPEN:
        who = printable(row.difference_by or "a process")
        has = "have" if " and " in who else "has"
        why = f"{who} still {has} {about or 'some'} of it open, which comes back later"
    elif difference is Difference.OTHERS_AT_WORK:
        why = f"other programs are at work there, and changed it by {about} within a second"
    else:
        why = _WHY[difference]
    return f"{where}{grew}: {why}."
