"""Many portions in little room: the sums of one run as columns of numbers, compressed. Pure.

A run with 1,000 portions takes some kilobytes so, and is read in a tenth of a millisecond: that is why the portions of a
run are no rows of the database, of which there would be millions.
"""

import struct
import sys
import zlib
from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

_FORMAT: Final = 1
"""Version of what is packed."""

_HEAD: Final = struct.Struct("<BHI")
"""The format, which columns are there, and how many portions."""

_NARROW: Final = 5
"""Columns of numbers below 2**32, which come first; bytes need more."""

_MOST: Final = 1 << 24
"""Portions that nobody packs: what says so is damaged."""


class Numbers(NamedTuple):
    """The numbers of one portion in one run; those of :class:`~cleanup_nodemodule.report.digest.Portion`, packed."""

    found: int
    selected: int
    deleted: int
    failed: int
    allocated_bytes: int
    shared_bytes: int
    """What it takes and what does not surely come back: allocated less reclaimable."""
    freed_bytes: int
    gone_bytes: int
    gone_before_bytes: int
    """What runs have deleted of the portion before this one, all together."""


class DamagedError(ValueError):
    """What was packed is damaged."""


def pack(portions: Iterable[tuple[int, Numbers]]) -> bytes:
    """Return portions, each by its number in the database, as few bytes."""
    rows = sorted(portions)
    ids = [number for number, _ in rows]
    steps = [after - before for before, after in zip([0, *ids], ids, strict=False)]
    columns = [steps, *(list(column) for column in zip(*(row for _, row in rows), strict=True))]
    present, parts = 0, []
    for place, column in enumerate(columns):
        if any(column):
            present |= 1 << place
            parts.append(_bytes(array("I" if place < _NARROW else "q", column)))
    return _HEAD.pack(_FORMAT, present, len(rows)) + zlib.compress(b"".join(parts), 6)


class Packed:
    """The portions of one run, unpacked a column at a time."""

    def __init__(self, packed: bytes) -> None:
        """Take in what :func:`pack` returned. Raises DamagedError."""
        try:
            format_, self._present, self._count = _HEAD.unpack_from(packed)
            if format_ != _FORMAT or self._count > _MOST:
                raise DamagedError("a run has portions of an unknown kind")
            self._text: Final = zlib.decompress(packed[_HEAD.size :])
        except (struct.error, zlib.error) as error:
            raise DamagedError(str(error)) from error
        self._offsets: dict[int, int] = {}
        offset = 0
        for place in range(1 + len(Numbers._fields)):
            if self._present & 1 << place:
                self._offsets[place] = offset
                offset += self._count * _width(place)
        if offset != len(self._text):
            raise DamagedError("a run has columns of the wrong length")

    def __len__(self) -> int:
        return int(self._count)

    def ids(self) -> list[int]:
        """Return the numbers of the portions in the database, in order."""
        return list(accumulate(self._column(0)))

    def column(self, name: str) -> Sequence[int]:
        """Return one column of :class:`Numbers`, in the order of :meth:`ids`."""
        return self._column(1 + Numbers._fields.index(name))

    def _column(self, place: int) -> Sequence[int]:
        if place not in self._offsets:
            return [0] * self._count
        start = self._offsets[place]
        found = array("I" if place < _NARROW else "q")
        found.frombytes(self._text[start : start + self._count * _width(place)])
        if sys.byteorder == "big":
            found.byteswap()
        return found


def _width(place: int) -> int:
    return 4 if place < _NARROW else 8


def _bytes(column: "array[int]") -> bytes:
    if sys.byteorder == "big":
        column.byteswap()
    return column.tobytes()
