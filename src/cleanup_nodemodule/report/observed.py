"""What became of free space, as the report has it, and how much came back by that. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from cleanup_nodemodule.words import bound, promised, size

_CONFIG: Final = {"use_attribute_docstrings": True, "extra": "forbid"}


@dataclass(frozen=True, slots=True)
class ObservedRow:
    """What became of the free space of one file system on which anything was deleted. Bytes are those of statvfs(3)."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    host: str
    """The machine that it was mounted on."""
    file_system: str
    """Where it is mounted."""
    kind: str | None
    """Such as btrfs; null if it is not known."""
    free_before_bytes: int | None
    """Free before anything was deleted; null if it did not answer."""
    free_after_bytes: int | None
    """Free when all was deleted; null if it did not answer, or the run was stopped before."""
    observed_freed_bytes: int | None
    """By how much free space has grown; null if one of these is not known."""
    settled: bool
    """The file system had written everything to its disk, and its free space did not change any more."""
    freed_bytes: int
    """Bytes that surely came back there, as in totals."""
    counted_bytes: int
    """What everything took that was deleted there, as du counts."""
    promised_bytes: int | None
    """What was surely to come back of that; null if not all that was selected could be deleted, and nobody can say."""
    promised_at_most_bytes: int | None
    """The most that was to come back of that; null as the former."""
    difference: str | None
    """Code of the likely reason why free space has grown by less or more than that, by more than 2 % and 1 MiB:
    held-open, others-at-work, unsettled, lower-layers, snapshot or others. Null if it has not."""
    difference_by: str | None
    """The process that has the most of it open."""
    difference_bytes: int | None
    """Bytes that processes still have open, or by which others went on to change free space."""


def freed(counted: int, rows: Sequence[ObservedRow]) -> str:
    """Return how much came back, for people: *counted* bytes, if nothing is known of free space.

    Else it is the promise, if that is one number. If it is a promise and a bound, it is what the file system says, if
    that lies in between, and both otherwise.
    """
    if not rows:
        return size(counted)
    ends = [_freed(row) for row in rows]
    least, most = sum(one for one, _ in ends), sum(one for _, one in ends)
    return promised(least, most)


def _freed(row: ObservedRow) -> tuple[int, int]:
    """Return what came back on one file system, at least and at most, in bytes."""
    least, most = row.promised_bytes, row.promised_at_most_bytes
    if least is None or most is None:
        return row.freed_bytes, row.freed_bytes
    if not bound(least, most):
        return row.freed_bytes, row.freed_bytes
    if row.observed_freed_bytes is not None and row.settled and row.difference is None:
        return row.observed_freed_bytes, row.observed_freed_bytes
    return least, most
