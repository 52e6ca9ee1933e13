"""Files with several links, each inode counted once. Pure."""

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from cleanup_nodemodule.engine.contract import LINK_FIELDS
from cleanup_nodemodule.model import Artifact

_RECORD: Final = struct.Struct(f"={LINK_FIELDS}Q")


def alone(
    artifacts: Sequence[Artifact],
    around: Sequence[int | None],
    links: Sequence[tuple[int, int, bytes]],
) -> list[int]:
    """Return what each artifact takes alone, with all that is in it, as ``du -s`` counts: bytes, allocated.

    *around* has for each the place of the innermost other one around it, which comes before it. *links* are those of
    a plan.
    """
    taken = [one.contents.allocated_bytes for one in artifacts]
    inodes: dict[int, dict[tuple[int, int], int]] = {}
    for place, device, packed in links:
        if place >= 0:
            its = inodes.setdefault(place, {})
            for inode, _, _, blocks, _ in _RECORD.iter_unpack(packed):
                its[device, inode] = blocks
    for place in range(len(taken) - 1, -1, -1):
        its = inodes.pop(place, {})
        around_it = around[place]
        if around_it is not None:
            taken[around_it] += taken[place]
            if its:
                inodes.setdefault(around_it, {}).update(its)
        taken[place] += sum(its.values())
    return taken


def completed(
    slices: Iterable[tuple[int, int, bytes]],
    chosen: Callable[[int], bool],
    among: Iterable[tuple[int, int, bytes]],
    *,
    outside: bool,
) -> set[tuple[int, int]]:
    """Return which inodes lose all of their links with what is *chosen*, by its rank.

    They take some space, and have a link *among* some of the slices.

    Those that have links *outside*, where nobody has met them, are none of them; or else only links that were met count.
    """
    asked = {
        (device, inode)
        for _, device, packed in among
        for inode, _, _, blocks, _ in _RECORD.iter_unpack(packed)
        if blocks
    }
    met: dict[tuple[int, int], list[int]] = {}
    for rank, device, packed in slices:
        goes = chosen(rank)
        for inode, count, _, _, _ in _RECORD.iter_unpack(packed):
            if (device, inode) in asked:
                its = met.setdefault((device, inode), [0, 0, 0])
                its[0] += 1
                its[1] += goes
                its[2] = max(its[2], count)
    return {
        being
        for being, (links, gone, count) in met.items()
        if (gone >= count if outside else gone == links)
    }


def inodes_of(device: int, packed: bytes) -> Iterator[tuple[int, int]]:
    """Give the *device* and the inode of each record."""
    for inode, _, _, _, _ in _RECORD.iter_unpack(packed):
        yield device, inode


def completed_by_rank(
    links: Iterable[tuple[int, int, bytes]], device: int, goes: bytes
) -> Iterator[tuple[int, int]]:
    """Give each inode on a *device* all of whose links go, and the last rank of these.

    That goes whose byte in *goes* is not 0, by its rank.
    """
    met: dict[int, int] = {}
    counted: dict[int, int] = {}
    last: dict[int, int] = {}
    for rank, at, packed in links:
        if at != device:
            continue
        fields = memoryview(packed).cast("Q")
        for inode, count in zip(fields[::LINK_FIELDS], fields[1::LINK_FIELDS], strict=True):
            if count > counted.get(inode, 0):
                counted[inode] = count
            if goes[rank]:
                met[inode] = met.get(inode, 0) + 1
                last[inode] = rank
    return ((inode, last[inode]) for inode, links in met.items() if links >= counted[inode])
