"""What deleting gives back, found out with an engine, and once more with filefrag(8) and in the plainest way.

``Accounting`` of the engine's contract says what is asked. Nothing here is used by an engine.
"""

import array
import fcntl
import os
import random
import re
import shutil
import stat
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Final, NamedTuple, TypeVar

from cleanup_nodemodule.engine.contract import (
    ATTRIBUTES,
    CHUNK_FIELDS,
    ENCODED_FIELDS,
    EXTENTS,
    LINK_FIELDS,
    LINKED_RANGE_FIELDS,
    RANGE_FIELDS,
    TREE,
    Accounting,
    Root,
)
from support.needs import unable

_T = TypeVar("_T")

_CLONE: Final = 0x40049409  # FICLONE, ioctl_ficlonerange(2)

ON_XFS: Final = Accounting(EXTENTS)
ON_EXT4: Final = Accounting(ATTRIBUTES)
ON_BTRFS: Final = Accounting(
    TREE,
    inline=2048,
    inode=10_000_000_000,
    entry=100_000_000,
    name=1_000_000,
    content=100_000,
    extent=10_000,
    attribute=1_000,
)
"""With numbers by which each part of a sum can be told."""


class Accounted(NamedTuple):
    """What a tree comes to."""

    own: int
    perhaps: int
    shared: int
    metadata: int
    proven: int
    extents: int
    content: int
    ranges: "Counter[tuple[int, ...]]"
    linked_ranges: "Counter[tuple[int, ...]]"
    chunks: "Counter[int]"
    encoded: "Counter[tuple[int, ...]]"
    links: "Counter[tuple[int, ...]]"


def unpacked(packed: bytes, fields: int) -> Iterator[tuple[int, ...]]:
    numbers = array.array("Q", packed).tolist()
    assert len(numbers) % fields == 0
    return zip(*[iter(numbers)] * fields, strict=True)


def account(
    engine: ModuleType,
    root: Root,
    accounting: Accounting | None,
    budget: int = 1_000_000,
    shuffle: random.Random | None = None,
) -> Accounted:
    """Measure in calls that get any part of what is left, in any order."""
    shuffle = shuffle or random.Random(0)
    numbers = [0] * 7
    found: tuple[Counter[tuple[int, ...]], ...] = tuple(Counter() for _ in range(4))
    chunks: Counter[int] = Counter()
    waiting = [[b""]]
    while waiting:
        stack = waiting.pop(shuffle.randrange(len(waiting)))
        usage, left, faults = engine.measure(root, stack, budget, None, accounting)
        assert faults == []
        for field, name in enumerate(Accounted._fields[:7]):
            numbers[field] += getattr(usage, name)
        for counted, packed, fields in zip(
            found,
            (usage.ranges, usage.linked_ranges, usage.encoded, usage.links),
            (RANGE_FIELDS, LINKED_RANGE_FIELDS, ENCODED_FIELDS, LINK_FIELDS),
            strict=True,
        ):
            counted.update(unpacked(packed, fields))
        for number, met in unpacked(usage.chunks, CHUNK_FIELDS):
            chunks[number] += met
        shuffle.shuffle(left)
        parts = shuffle.randint(1, max(1, len(left)))
        waiting += (part for at in range(parts) if (part := left[at::parts]))
    ranges, linked_ranges, encoded, links = found
    return Accounted._make([*numbers, ranges, linked_ranges, chunks, encoded, links])


def root_of(top: Path) -> Root:
    found = os.lstat(top)
    return Root(os.fsencode(top), found.st_dev, found.st_ino)


# Once more, with filefrag

_EXTENT: Final = re.compile(
    r"^ *\d+: +(\d+)\.\. *(\d+): +(\d+)\.\. *\d+: +\d+:(?: +\d+:)? *(\S*)$", re.MULTILINE
)


class Extent(NamedTuple):
    logical: int
    physical: int
    length: int
    flags: frozenset[str]


def filefrag(path: bytes, *options: str) -> list[Extent]:
    """Return what filefrag(8) says of a file, in bytes."""
    if shutil.which("filefrag") is None:
        unable("needs filefrag")
    said = subprocess.run(
        ["filefrag", "-v", "-b1", *options, path], capture_output=True, text=True, check=True
    )
    extents = [
        Extent(
            int(found[1]),
            int(found[3]),
            int(found[2]) + 1 - int(found[1]),
            frozenset(found[4].split(",")),
        )
        for found in _EXTENT.finditer(said.stdout)
    ]
    assert len(extents) == len(re.findall(r"^ *\d+:", said.stdout, re.MULTILINE))
    return extents


class One(NamedTuple):
    """What one entry comes to."""

    own: int = 0
    perhaps: int = 0
    ranges: tuple[tuple[int, int], ...] = ()
    encoded: tuple[tuple[int, int], ...] = ()
    extents: int = 0
    """All of those on the disk."""
    inside: tuple[int, ...] = ()
    """The lengths of those in the tree."""
    attributes: tuple[int, ...] = ()
    """The bytes of the name and the value of each."""


def _on_xfs(path: bytes, found: os.stat_result, _given: Accounting) -> One:
    takes = found.st_blocks * 512
    if not stat.S_ISREG(found.st_mode):
        return One(takes)
    shared = [one for one in filefrag(path) if "shared" in one.flags]
    return One(
        takes - sum(one.length for one in shared),
        ranges=tuple((one.physical, one.length) for one in shared),
    )


def _on_ext4(path: bytes, found: os.stat_result, given: Accounting) -> One:
    block = given.block
    blocks, inside = divmod(found.st_blocks * 512, block)
    takes = blocks * block
    if not takes:
        return One()
    short = stat.S_ISLNK(found.st_mode) and found.st_size < 60
    size = 0 if inside or short else found.st_size
    excess = takes - -(-size // block) * block
    asked = stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)
    if not asked:
        return One(0, takes) if excess > 0 else One(takes)
    if excess <= 0 and not given.all:
        return One(takes)
    match filefrag(path, "-x"):
        case []:
            return One(takes)
        case [Extent(_, physical, length, flags), *_] if "inline" not in flags:
            length = max(length, block)
            return One(max(takes - length, 0), 0, ((physical, length),))
        case _ if excess >= block:
            return One(takes - block, block)
        case _:
            return One(takes)


def _on_btrfs(path: bytes, found: os.stat_result, given: Accounting) -> One:
    attributes: tuple[int, ...] = ()
    around = os.path.dirname(path)
    is_asked = found.st_size > given.inline and found.st_blocks > 0
    is_regular = stat.S_ISREG(found.st_mode)
    if stat.S_ISDIR(found.st_mode) or (is_regular and (is_asked or os.listxattr(around))):
        attributes = tuple(
            len(os.fsencode(name)) + len(os.getxattr(path, name)) for name in os.listxattr(path)
        )
    if not (is_regular and is_asked):
        inside = (found.st_size,) if is_regular and 0 < found.st_size <= given.inline else ()
        return One(inside=inside, attributes=attributes)
    extents = filefrag(path)
    lying = [one for one in extents if "inline" not in one.flags]
    own = 0
    ranges, encoded = [], []
    most: list[int] = []
    ends: list[int | None] = []
    for at, one in enumerate(lying):
        takes: int | None = one.length
        limit = one.length
        if "encoded" in one.flags:
            limit = min(one.length, 128 * 1024)
            behind = lying[at + 1] if at + 1 < len(lying) else None
            gap = -1 if behind is None else behind.physical - one.physical
            follows = behind is not None and behind.logical == one.logical + one.length
            takes = gap if follows and 0 < gap <= limit else None
        most.append(limit if takes is None else takes)
        ends.append(None if takes is None else one.physical + takes)
        if "shared" in one.flags:
            ranges.append((one.physical, most[at]))
            most[at] = 0
        else:
            own += given.block if takes is None else takes
            if "encoded" in one.flags:
                encoded.append((one.physical, 0 if takes is not None else limit - given.block))
    held = set()
    for at in range(1, len(lying)):
        if ends[at - 1] != lying[at].physical:
            held.add(at - 1 if most[at - 1] >= most[at] else at)
    return One(
        own,
        sum(most[at] for at in held),
        tuple(ranges),
        tuple(encoded),
        len(lying),
        tuple(min(one.length, found.st_size) for one in extents if "inline" in one.flags),
        attributes,
    )


_WAYS: Final[Mapping[int, Callable[[bytes, os.stat_result, Accounting], One]]] = {
    EXTENTS: _on_xfs,
    ATTRIBUTES: _on_ext4,
    TREE: _on_btrfs,
}


def entries(top: bytes) -> Iterator[bytes]:
    yield top
    for directory, directories, files in os.walk(top):
        yield from (os.path.join(directory, name) for name in (*directories, *files))


def expected(top: Path, given: Accounting) -> Accounted:
    """Return what the contract says that a tree comes to, which is all on one device."""
    sums: Counter[str] = Counter()
    ranges, linked_ranges, encoded, links = (Counter[tuple[int, ...]]() for _ in range(4))
    chunks: Counter[int] = Counter()
    for path in entries(os.fsencode(top)):
        found = os.lstat(path)
        one = _WAYS[given.kind](path, found, given)
        named = given.entry + given.name * len(os.path.basename(path))
        if found.st_nlink > 1 and not stat.S_ISDIR(found.st_mode):
            linked_ranges.update((found.st_ino, *each) for each in one.ranges)
            takes = found.st_blocks * 512
            links[found.st_ino, found.st_nlink, found.st_size, takes, one.own] += 1
            besides = one.perhaps + sum(most for _, most in one.encoded)
            sums["perhaps"] += -(-besides // found.st_nlink)
            sums["metadata"] += named
            continue
        inside = list(one.inside)
        sums["content"] += sum(inside)
        if stat.S_ISLNK(found.st_mode):
            inside.append(found.st_size)
        metadata = (
            named
            + given.inode
            + sum(given.content + each for each in inside)
            + sum(given.attribute + each for each in one.attributes)
            + given.extent * one.extents
        )
        sums["own"] += one.own
        sums["perhaps"] += one.perhaps
        sums["shared"] += sum(length for _, length in one.ranges)
        sums["metadata"] += metadata
        if one.extents and not one.ranges:
            sums["proven"] += metadata
        sums["extents"] += one.extents - len(one.ranges)
        ranges.update(one.ranges)
        encoded.update(one.encoded)
        chunks[found.st_ino // 64] += 1
    if given.kind != TREE:
        sums["metadata"] = sums["content"] = sums["proven"] = sums["extents"] = 0
    if given.kind == ATTRIBUTES:
        chunks.clear()
    numbers = [sums[name] for name in Accounted._fields[:7]]
    return Accounted._make([*numbers, ranges, linked_ranges, chunks, encoded, links])


def steady(look: Callable[[], _T], top: Path, given: Accounting) -> tuple[_T, Accounted]:
    """Return what *look* sees and what is expected, both of the same state of a tree that is being written out."""
    while True:
        before, seen, after = expected(top, given), look(), expected(top, given)
        if before == after:
            return seen, after


# What to do with files


def write(path: Path, data: bytes, at: int = 0) -> Path:
    """Write to a file, and have it on the disk."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        os.pwrite(descriptor, data, at)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return path


def clone(source: Path, target: Path) -> Path:
    """Make *target* a file that shares all content with *source*."""
    with open(source, "rb") as read, open(target, "wb") as written:
        fcntl.ioctl(written, _CLONE, read.fileno())
        os.fsync(written.fileno())
    return target


def noise(size: int, seed: int = 0) -> bytes:
    """Return bytes that nothing can compress."""
    return random.Random(seed).randbytes(size)


def words(size: int) -> bytes:
    """Return bytes that can be compressed."""
    return (b"the quick brown fox jumps over the lazy dog " * (size // 44 + 1))[:size]
