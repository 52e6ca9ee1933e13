"""How many bytes a deletion has given back, for all that is known right then. Pure.

The engine counts what the files took (``st_blocks``). That is what comes back where nobody asks the file system more. Where
it was asked, it has told before what comes back, and what the files took may be forty times as much, or nothing at all:

* XFS and btrfs: what went as a whole has given back what was promised.
* ext4, overlays, a ZFS with snapshots, and what went in part: no more than was counted, and no more than was promised, of all that is gone
  by then. (A file with several links is counted with what goes last, and promised of what comes last by its path.)

What the file systems say themselves comes later, and for all of it together (:class:`~cleanup_nodemodule.model.Outcome`).
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from cleanup_nodemodule.engine.contract import AS_COUNTED, EXTENTS, TREE
from cleanup_nodemodule.model import Accounted, Removed, Result

_BESIDES: Final = frozenset({EXTENTS, TREE})
"""Where more may come back than files take: inodes, and what is in the tree."""


def is_asked(accounted: Iterable[Accounted]) -> bool:
    """Whether some of the file systems were asked what comes back."""
    return any(one.accounting.kind != AS_COUNTED or one.doubtful for one in accounted)


def given_back(accounted: Iterable[Accounted]) -> Callable[[Result], Result]:
    """Return what says of one result after the other how many bytes came back, beside those that were counted.

    *accounted* is how it was found out on the file systems what comes back.
    """
    sums: dict[int, _Sum] = {}
    for one in accounted:
        if is_asked([one]):
            sums.update(dict.fromkeys(one.devices, _Sum(one.accounting.kind)))

    def told(result: Result) -> Result:
        artifact, counted = result.artifact, result.freed_bytes
        known = sums.get(artifact.candidate.identity.device)
        promise = artifact.size.reclaimable_bytes
        if known is None:
            freed = counted
        elif isinstance(result, Removed) and not result.gone:
            freed = known.whole(promise, counted)
        else:
            freed = known.part(promise, counted)
        return replace(result, freed_bytes=freed, counted_bytes=counted)

    return told


class _Sum:
    """What came back on one file system by now, in bytes."""

    def __init__(self, kind: int) -> None:
        """*kind* is that of its accounting."""
        self._besides: Final = kind in _BESIDES
        self._promised = self._counted = self._told = 0

    def whole(self, promise: int, counted: int) -> int:
        """Return what came back of something that is gone as a whole."""
        return promise if self._besides else self._less(promise, counted)

    def part(self, promise: int, counted: int) -> int:
        """Return what came back of something that is still there, in part or whole."""
        return self._less(min(promise, counted), counted)

    def _less(self, promise: int, counted: int) -> int:
        self._promised += promise
        self._counted += counted
        before, self._told = self._told, min(self._promised, self._counted)
        return self._told - before
