"""How many bytes a deletion has given back, for all that is known right then. Pure.

The engine counts what the files took (``st_blocks``). That is what comes back where nobody asks the file system more. Where
it was asked, it has told before what comes back, and what the files took may be forty times as much, or nothing at all:

* XFS and btrfs: what went as a whole has given back what was promised. Of what went in part it is what was counted, and
  never more than was promised.
* ext4, overlays, and a ZFS with snapshots give back no more than is counted: it is the less of the two.

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
    """Return what says of a result how many bytes came back, beside those that were counted.

    *accounted* is how it was found out on the file systems what comes back.
    """
    accounted = tuple(accounted)
    kinds = {device: one.accounting.kind for one in accounted for device in one.devices}
    doubtful = {device for one in accounted if one.doubtful for device in one.devices}

    def told(result: Result) -> Result:
        artifact, counted = result.artifact, result.freed_bytes
        device = artifact.candidate.identity.device
        kind = kinds.get(device, AS_COUNTED)
        promise = artifact.size.reclaimable_bytes
        if kind == AS_COUNTED and device not in doubtful:
            freed = counted
        elif kind in _BESIDES and isinstance(result, Removed) and not result.gone:
            freed = promise
        else:
            freed = min(counted, promise)
        return replace(result, freed_bytes=freed, counted_bytes=counted)

    return told
