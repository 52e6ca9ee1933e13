"""Why free space has grown by less or more than what was freed."""

from collections.abc import Iterator
from typing import Final

from cleanup_nodemodule.report.rows import Report
from cleanup_nodemodule.system import mounts
from cleanup_nodemodule.words import size

_NOTED: Final = 1 << 20
"""Bytes by which free space may differ from what was freed before that is worth a sentence."""

_SHARING: Final = {
    "btrfs": "blocks may be shared with other files, kept by a snapshot, or compressed",
    "xfs": "blocks may be shared with other files, and some come back only moments later",
    "zfs": "blocks may be kept by a snapshot or be compressed, and come back only moments later",
    "bcachefs": "blocks may be shared with other files, kept by a snapshot, or compressed",
    "apfs": "blocks may be shared with other files or kept by a snapshot",
    "overlay": "files of a lower layer take as much space as before",
}
"""By the kind of a file system, why it gives back less than what files take."""


def free_space(report: Report) -> Iterator[str]:
    """Say why free space has not grown by what was freed, if that is so."""
    freed, seen = report.totals.freed_bytes, report.totals.observed_freed_bytes
    if seen is None or abs(seen - freed) <= max(freed // 50, _NOTED):
        return
    grew = f"Free space grew by {size(seen)} only" if seen > 0 else "Free space did not grow"
    if seen > freed:
        yield f"Free space grew by {size(seen)}: other programs probably freed some at the same time."
        return
    kinds = mounts.mounted()
    points = {mounts.mount_point_of(root, kinds) for root in report.roots}
    sharing = {
        kinds[point]: _SHARING[kinds[point]] for point in points if kinds.get(point) in _SHARING
    }
    if sharing:
        on = "; ".join(f"on {kind} {reason}" for kind, reason in sorted(sharing.items()))
        yield f"{grew}: {on}. Or other programs wrote at the same time."
    else:
        yield (
            f"{grew}: other programs probably wrote at the same time, or have deleted files open."
        )
