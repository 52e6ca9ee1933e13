"""What deleting an entry gives back, where that is not what it takes: ``Accounting`` of the contract, in Python."""

import itertools
import os
import stat
from abc import ABC, abstractmethod
from array import array
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from cleanup_nodemodule.engine._python_entries import BLOCK, blocks_of
from cleanup_nodemodule.engine._python_extents import (
    Extent,
    attributes_of,
    extents_of,
    is_upper,
)
from cleanup_nodemodule.engine._tree import Handle, Tree
from cleanup_nodemodule.engine.contract import (
    ATTRIBUTES,
    EXTENTS,
    LAYERS,
    TREE,
    Accounting,
    Root,
)

_CHUNK_SHIFT: Final = 6
"""By so many bits the number of an inode is shifted right to get that of its chunk."""

_LONGEST_ENCODED: Final = 131_072
"""``BTRFS_MAX_COMPRESSED`` (fs/btrfs/compression.h)."""

_SHORTEST_SLOW_LINK: Final = 60
"""Bytes of a symlink that does not fit into the inode (ext4_inode_is_fast_symlink, fs/ext4/inode.c)."""

_HERE: Final = "."
"""The name of a root in itself."""


class Share(NamedTuple):
    """What one entry comes to, in bytes."""

    own: int = 0
    perhaps: int = 0
    metadata: int = 0
    """Besides what its status tells of that."""
    ranges: tuple[tuple[int, int], ...] = ()
    encoded: tuple[tuple[int, int], ...] = ()
    extents: int = 0
    """A number, of those on the disk that are not shared."""
    content: int = 0
    """Of what is in the tree."""


class Accountant(ABC):
    """Finds out what the entries of one call come to, and adds it up. The fields are those of ``Usage``."""

    keeps_inodes = False
    """Inodes are given back by the chunk."""

    devices = False
    """A tree has entries on several devices, and nothing need be mounted for that."""

    def __init__(self, accounting: Accounting, root: Root, tree: Tree) -> None:
        self._given: Final = accounting
        self._tree: Final = tree
        self._device: Final = root.device
        self._name: Final = root.path.rpartition(b"/")[2]
        self.own = self.perhaps = self.shared = self.metadata = self.proven = 0
        self.extents = self.content = 0
        self.ranges: Final = array("Q")
        self.linked_ranges: Final = array("Q")
        self.encoded: Final = array("Q")
        self._chunks: Final[Counter[int]] = Counter()

    def chunks(self) -> bytes:
        """Return the chunks of inodes met, packed."""
        return array("Q", itertools.chain.from_iterable(self._chunks.items())).tobytes()

    def begin(self, directory: Handle, path: bytes) -> None:  # noqa: B027 - some have nothing to look at
        """Look at an open directory, before what is in it is counted."""

    @abstractmethod
    def _share(self, directory: Handle, name: str, found: os.stat_result, takes: int) -> Share:
        """Find out what an entry on the device of the root comes to. Raises OSError if nobody can be asked."""

    def _known(self, name: str, found: os.stat_result) -> int:  # noqa: ARG002 - others go by both
        """Return what the status of an entry tells of what it takes in the tree."""
        return 0

    def count_root(self, directory: Handle, found: os.stat_result) -> None:
        """Count the root, which is open."""
        self.count(directory, _HERE, found)

    def count(self, directory: Handle, name: str, found: os.stat_result) -> None:
        """Count an entry with one link, or a directory."""
        share = self._add(directory, name, found, 1)
        for one in share.ranges:
            self.ranges.extend(one)
            self.shared += one[1]
        for one in share.encoded:
            self.encoded.extend(one)
        self.extents += share.extents
        self.content += share.content
        if share.extents and not share.ranges:
            self.proven += self._known(name, found) + share.metadata
        if self.keeps_inodes and found.st_dev == self._device:
            self._chunks[found.st_ino >> _CHUNK_SHIFT] += 1

    def count_linked(self, directory: Handle, name: str, found: os.stat_result) -> int:
        """Count an entry with several links; return its own bytes."""
        self.metadata += self._known(name, found)
        share = self._ask(directory, name, found)
        for one in share.ranges:
            self.linked_ranges.extend((found.st_ino, *one))
        # The others are met, too, if all of them go.
        self.perhaps += -(
            -(share.perhaps + sum(most for _, most in share.encoded)) // found.st_nlink
        )
        return share.own

    def take_back(self, path: bytes, found: os.stat_result) -> None:
        """Take out a directory that turned out to be a mount point."""
        around, _, name = path.rpartition(b"/")
        directory = self._tree.open(around)
        try:
            self._add(directory, os.fsdecode(name), found, -1)
        finally:
            self._tree.close(directory)

    def _add(self, directory: Handle, name: str, found: os.stat_result, times: int) -> Share:
        share = self._ask(directory, name, found)
        self.own += times * share.own
        self.perhaps += times * share.perhaps
        self.metadata += times * (self._known(name, found) + share.metadata)
        return share

    def _ask(self, directory: Handle, name: str, found: os.stat_result) -> Share:
        takes = blocks_of(found) * BLOCK
        if found.st_dev != self._device and not self.devices:
            return Share(perhaps=takes)  # Something is mounted on it.
        try:
            return self._share(directory, name, found, takes)
        except OSError:
            return Share(perhaps=takes)

    @contextmanager
    def _opened(self, directory: Handle, name: str, found: os.stat_result) -> Iterator[int]:
        """Open an entry to ask it, if it is the one with this status. Raises OSError."""
        descriptor = self._tree.open_to_ask(directory, name, found)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


class _OfAttributes(Accountant):
    """ext4: a block of extended attributes may belong to several files, and small content lies in the inode."""

    def _share(self, directory: Handle, name: str, found: os.stat_result, takes: int) -> Share:
        block = self._given.block
        mode, size = found.st_mode, found.st_size
        # Beside whole blocks there is content in its inode.
        in_inode = takes % block > 0 or (stat.S_ISLNK(mode) and size < _SHORTEST_SLOW_LINK)
        takes -= takes % block
        if not takes:
            return Share()
        excess = takes - (0 if in_inode else -(-size // block) * block)
        can_be_asked = stat.S_ISREG(mode) or stat.S_ISDIR(mode)
        if excess <= 0 and not (self._given.all and can_be_asked):
            return Share(takes)
        if not can_be_asked:
            return Share(perhaps=takes)
        with self._opened(directory, name, found) as descriptor:
            extent = next(extents_of(descriptor, attributes=True), None)
        if extent is None:
            return Share(takes)
        if not extent.inline:
            # It has a whole cluster, which is the block that is given, though no more of it is told.
            length = max(extent.length, block)
            return Share(max(takes - length, 0), ranges=((extent.physical, length),))
        if excess < block:
            return Share(takes)
        # Some are in the inode. Then nothing is said of a block (ext4_iomap_xattr_fiemap, fs/ext4/extents.c).
        return Share(takes - block, block)


class _OfExtents(Accountant):
    """XFS: files may share extents, and inodes come by the chunk."""

    keeps_inodes = True

    def _share(self, directory: Handle, name: str, found: os.stat_result, takes: int) -> Share:
        if not stat.S_ISREG(found.st_mode) or not takes or not found.st_size:
            return Share(takes)
        with self._opened(directory, name, found) as descriptor:
            shared = tuple(
                (one.physical, one.length) for one in extents_of(descriptor) if one.shared
            )
        return Share(max(takes - sum(length for _, length in shared), 0), ranges=shared)


class _OfTree(Accountant):
    """btrfs: what is small lies in the tree, what is large may be compressed, and anything may be shared."""

    keeps_inodes = True

    def __init__(self, accounting: Accounting, root: Root, tree: Tree) -> None:
        super().__init__(accounting, root, tree)
        self._attributed = False
        """The directory being read has extended attributes, so what lies in it may have some."""

    def begin(self, directory: Handle, path: bytes) -> None:  # noqa: ARG002 - others go by it
        attributes = self._attributes(directory)
        self._attributed = attributes > 0
        self.metadata += attributes

    def _known(self, name: str, found: os.stat_result) -> int:
        given, mode, size = self._given, found.st_mode, found.st_size
        length = len(self._name if name == _HERE else os.fsencode(name))
        bytes_of_entry = given.entry + given.name * length
        if found.st_nlink > 1 and not stat.S_ISDIR(mode):
            return bytes_of_entry
        inside = stat.S_ISLNK(mode) or (stat.S_ISREG(mode) and 0 < size <= given.inline)
        return bytes_of_entry + given.inode + (given.content + size if inside else 0)

    def _share(self, directory: Handle, name: str, found: os.stat_result, takes: int) -> Share:
        given = self._given
        if not stat.S_ISREG(found.st_mode):
            return Share()
        if found.st_size <= given.inline or not takes:
            size = found.st_size if found.st_size <= given.inline else 0
            return Share(metadata=self._asked_of_small(directory, name, found), content=size)
        with self._opened(directory, name, found) as descriptor:
            extents = list(extents_of(descriptor))
            metadata = self._attributes(descriptor)
        inside = [min(one.length, found.st_size) for one in extents if one.inline]
        placed = _placed(extents)
        own = 0
        ranges: list[tuple[int, int]] = []
        encoded: list[tuple[int, int]] = []
        for one in placed:
            if one.shared:
                ranges.append((one.begin, one.most))
            elif one.known:
                own += one.most
            else:
                own += given.block
            if one.encoded and not one.shared:
                encoded.append((one.begin, 0 if one.known else max(one.most - given.block, 0)))
        return Share(
            own,
            _held(placed),
            metadata + sum(inside) + len(inside) * given.content + len(placed) * given.extent,
            tuple(ranges),
            tuple(encoded),
            len(placed) - len(ranges),
            sum(inside),
        )

    def _asked_of_small(self, directory: Handle, name: str, found: os.stat_result) -> int:
        """Return what the attributes of a regular file take that need not be asked for anything else."""
        if not self._attributed or found.st_nlink > 1:
            return 0
        try:
            with self._opened(directory, name, found) as descriptor:
                return self._attributes(descriptor)
        except OSError:
            return 0  # It takes nothing but what is known.

    def _attributes(self, descriptor: int) -> int:
        return sum(self._given.attribute + size for size in attributes_of(descriptor))


class _Placed(NamedTuple):
    """Where an extent of a file lies on the disk, in bytes."""

    begin: int
    most: int
    """What it takes there, at most."""
    known: bool
    """It takes just that."""
    encoded: bool
    shared: bool


def _placed(extents: list[Extent]) -> list[_Placed]:
    """Return those that lie on the disk, in the order of the file."""
    placed = []
    for one, behind in itertools.zip_longest(extents, extents[1:]):
        if not one.inline:
            gap = _gap(one, behind) if one.encoded else 0
            most = gap or (min(one.length, _LONGEST_ENCODED) if one.encoded else one.length)
            known = bool(gap) or not one.encoded
            placed.append(_Placed(one.physical, most, known, one.encoded, one.shared))
    return placed


def _gap(extent: Extent, behind: Extent | None) -> int:
    """Return what an encoded extent takes on the disk, if the one behind it in the file tells; else 0."""
    if behind is None or behind.logical != extent.logical + extent.length:
        return 0
    gap = behind.physical - extent.physical
    return gap if 0 < gap <= min(extent.length, _LONGEST_ENCODED) else 0


def _held(placed: list[_Placed]) -> int:
    """Return how many bytes that were overwritten the extents of a file may still hold."""
    holding: dict[int, int] = {}
    for number, (one, behind) in enumerate(itertools.pairwise(placed)):
        if one.known and behind.begin == one.begin + one.most:
            continue
        mine, its = (0 if each.shared else each.most for each in (one, behind))
        holding[number if mine >= its else number + 1] = max(mine, its)
    return sum(holding.values())


class _OfLayers(Accountant):
    """overlayfs: what is not in the upper layer alone stays where it is."""

    devices = True

    def __init__(self, accounting: Accounting, root: Root, tree: Tree) -> None:
        super().__init__(accounting, root, tree)
        self._upper = False
        """The directory being read is in the upper layer alone, and so is all in it but directories."""
        self._merged = True
        """Or it may be in several layers, and what is in it may have been copied to the upper one."""

    def begin(self, directory: Handle, path: bytes) -> None:
        # The top of the file system says that it is, though it is made of all layers.
        self._upper = bool(path or self._name) and is_upper(directory, b"") is True
        self._merged = os.stat(directory).st_nlink == 1

    def _share(self, directory: Handle, name: str, found: os.stat_result, takes: int) -> Share:
        is_directory = stat.S_ISDIR(found.st_mode)
        if self._upper and not is_directory:
            return Share(takes)
        is_top = name == _HERE and not self._name
        upper = False if is_top else is_upper(directory, os.fsencode(name))
        if upper:
            return Share(takes)
        # A directory of several layers has one link (ovl_dir_getattr, fs/overlayfs/inode.c).
        may_be = found.st_nlink == 1 if is_directory else self._merged
        may_be = may_be and found.st_ctime_ns >= self._given.since
        return Share(perhaps=takes if upper is None or may_be else 0)


_KINDS: Final[dict[int, type[Accountant]]] = {
    ATTRIBUTES: _OfAttributes,
    EXTENTS: _OfExtents,
    TREE: _OfTree,
    LAYERS: _OfLayers,
}


def accountant_of(accounting: Accounting, root: Root, tree: Tree) -> Accountant:
    """Return who finds out what deleting gives back, where that is not what entries take."""
    return _KINDS[accounting.kind](accounting, root, tree)
