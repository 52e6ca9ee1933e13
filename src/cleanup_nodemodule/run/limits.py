"""How much a run may delete, find or have grown at most: what exceeds that ends with exit code 4. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.model import Leftover, Plan
from cleanup_nodemodule.model.quantities import QuantityError, bytes_of, read_size, shown
from cleanup_nodemodule.report.rows import GateRow
from cleanup_nodemodule.words import size

MAX_DELETE: Final = "--max-delete"
FAIL_OVER: Final = "--fail-over"
FAIL_IF_GROWN: Final = "--fail-if-grown"

_COUNT: Final = re.compile(r"[0-9]+(\.[0-9]+)?|\.[0-9]+", re.ASCII)

_LONGEST: Final = 40
"""Characters; what is longer is no number of anything."""


class LimitError(UsageError):
    """A limit that cannot be understood. The message says what to type instead."""


@dataclass(frozen=True, slots=True)
class Limit:
    """The most that is allowed: bytes or artifacts, one of the two."""

    text: str
    """As the user typed it."""
    bytes: int | None = None
    """What of an artifact counts, whoever asks says."""
    count: int | None = None


def parse_limit(text: str, option: str = MAX_DELETE) -> Limit:
    """Return the limit that *text* stands for, the value of an *option*.

    A number alone counts artifacts; with a unit it is a size (:func:`~cleanup_nodemodule.model.quantities.bytes_of`).
    Raises LimitError.
    """
    plain = text.strip()
    allowed = bytes_of(text)
    if allowed is not None:
        return Limit(plain, bytes=allowed)
    if len(text) > _LONGEST or not _COUNT.fullmatch(plain):
        raise LimitError(
            f"{option} takes a size such as 10GB, 500MiB or 1.5G, or a number of directories such as"
            f" 100, and {shown(text)} is neither"
        )
    if "." in plain:
        raise LimitError(
            f"{option} {plain} is no whole number of directories; for a size add a unit, as in {plain}G"
        )
    return Limit(plain, count=int(plain))


def exceeded(
    plan: Plan, limit: Limit, leftovers: Sequence[Leftover] = (), *, dry_run: bool = False
) -> GateRow | None:
    """Return what to say where deleting the plan's selection exceeds *limit*, else None.

    The *leftovers* are what the run would finish: it deletes them, whoever approved of that before. A
    size is held against what is allocated, which is what would be destroyed, or what may come back at most, if that is
    more. What surely comes back may be far less, as of files with further hard links, or of clones. In a *dry_run*
    nobody is told to make one.
    """
    count = len(plan.selected) + len(leftovers)
    left = sum(leftover.allocated_bytes for leftover in leftovers)
    allocated = left + sum(
        max(one.size.allocated_bytes, one.size.reclaimable_at_most_bytes) for one in plan.selected
    )
    if limit.count is not None and count > limit.count:
        much = _directories(count)
        of_which = f"{len(leftovers):,}"
    elif limit.bytes is not None and allocated > limit.bytes:
        much = _in_full(allocated)
        of_which = size(left)
    else:
        return None
    left_by = f" (interrupted runs left {of_which} of it)" if leftovers else ""
    enough = str(count) if limit.count is not None else _next_size(allocated)
    type_it = f"if that is right, type: {MAX_DELETE} {enough}"
    more = f"it would be {much}{left_by}, which is more than {MAX_DELETE} {limit.text} allows"
    if dry_run:
        sentence = f"--no-dry-run would delete nothing, because {more}; {type_it}"
    else:
        sentence = f"nothing was deleted, because {more}; look at it with --dry-run, and {type_it}"
    if limit.count is not None:
        return GateRow(MAX_DELETE, "artifacts", limit.count, count, sentence)
    return GateRow(MAX_DELETE, "bytes", limit.bytes or 0, allocated, sentence)


def parse_growth(text: str) -> Limit:
    """Return the limit that *text*, a size, stands for. Raises LimitError."""
    try:
        return Limit(text.strip(), bytes=read_size(text, FAIL_IF_GROWN))
    except QuantityError as error:
        raise LimitError(str(error)) from error


def over(limit: Limit, reclaimable: int, selected: int) -> GateRow | None:
    """Return what to say where more can be deleted than ``--fail-over`` allows, else None.

    A size is held against the bytes that deleting the selection gives back.
    """
    if limit.count is not None:
        if selected <= limit.count:
            return None
        sentence = (
            f"{_directories(selected)} can be deleted, {selected - limit.count:,} more than"
            f" {FAIL_OVER} {limit.text} allows"
        )
        return GateRow(FAIL_OVER, "artifacts", limit.count, selected, sentence)
    allowed = limit.bytes or 0
    if reclaimable <= allowed:
        return None
    sentence = (
        f"{_in_full(reclaimable)} can be deleted, {_in_full(reclaimable - allowed)} more than"
        f" {FAIL_OVER} {limit.text} allows"
    )
    return GateRow(FAIL_OVER, "bytes", allowed, reclaimable, sentence)


def grown(limit: Limit, change: int) -> GateRow | None:
    """Return what to say where something has grown by more than ``--fail-if-grown`` allows, else None."""
    allowed = limit.bytes or 0
    if change <= allowed:
        return None
    sentence = (
        f"it has grown by {_in_full(change)}, {_in_full(change - allowed)} more than"
        f" {FAIL_IF_GROWN} {limit.text} allows"
    )
    return GateRow(FAIL_IF_GROWN, "bytes", allowed, change, sentence)


def _next_size(count: int) -> str:
    """Return a size of two digits that is as many bytes, or some more."""
    digits = 10 ** max(len(str(count)) - 2, 0)
    rounded = -(-count // digits) * digits
    thousands = min((len(str(rounded)) - 1) // 3, len(_SIZES) - 1)
    return f"{rounded / 1000**thousands:g}{_SIZES[thousands]}"


_SIZES: Final = ("B", "KB", "MB", "GB", "TB", "PB")


def _directories(count: int) -> str:
    return "1 directory" if count == 1 else f"{count:,} directories"


def _in_full(count: int) -> str:
    return f"{size(count)} ({count:,} bytes)"
