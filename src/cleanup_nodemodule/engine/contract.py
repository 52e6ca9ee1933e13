"""The types both sides of the engine boundary agree on.

    find(root, stack, names, budget)  -> (Found, left, faults)
    measure(root, stack, budget)      -> (Usage, left, faults)
    measure(root, stack, budget, watch, accounting)
    remove(root, stack, budget)       -> (Counts, left, faults)
    remove(root, stack, budget, groups, group, include_foreign)

*root* is opened anew by every call, checked to be the inode it was, and everything happens beneath
it: no symlink is followed, no mount point entered. *stack* holds directories still to open, as
``bytes`` relative to the root, ``b""`` for the root itself. A call handles about *budget* directory
entries, depth first, and returns what it has not begun as *left*. Whoever calls can share the work
by handing out slices of *left*. An engine never raises for what it meets on disk: that becomes a
:class:`Fault`. It raises MemoryError, and the call is lost, only where there is no room to say so.

Only the engine that returned *left* has to understand its entries. ``native/stack.h`` says what they look like. Those
of the Python engine, and of :attr:`Counts.blocked`, are only a path with slashes behind it.

With *watch*, ``measure`` also looks at the name and the time of each entry it counts, and lists what is watched for:
see :class:`Watch`. The numbers are the same with and without.

With *accounting*, ``measure`` also finds out what deleting each entry gives back, where that is not what the entry
takes: see :class:`Accounting`. The numbers that were there before are the same with and without.

With *groups*, what ``remove`` meets in another group of inodes than *group* comes back apart, for a call
that is given that one: see :class:`Groups`. What is on the stack is dealt with in either case.

``remove`` leaves what only its owner may delete, who is neither the user nor the owner of the sticky directory
around it (inode(7)): each is a :class:`Fault` with ``EPERM``, and the directory around it stays. It is decided
at each directory that is emptied, and for the root at each call. With *include_foreign* it is not asked.

All arguments and results are plain values that pickle, so the executor may live in another process.
"""

from typing import Final, NamedTuple

from cleanup_nodemodule.engine.accounting import AS_COUNTED as AS_COUNTED  # noqa: PLC0414 - a part of it
from cleanup_nodemodule.engine.accounting import ATTRIBUTES as ATTRIBUTES  # noqa: PLC0414 - a part of it
from cleanup_nodemodule.engine.accounting import EXTENTS as EXTENTS  # noqa: PLC0414 - a part of it
from cleanup_nodemodule.engine.accounting import LAYERS as LAYERS  # noqa: PLC0414 - a part of it
from cleanup_nodemodule.engine.accounting import TREE as TREE  # noqa: PLC0414 - a part of it
from cleanup_nodemodule.engine.accounting import Accounting as Accounting  # noqa: PLC0414 - a part of it

LINK_FIELDS: Final = 5
"""Numbers in one record of :attr:`Usage.links`."""

RANGE_FIELDS: Final = 2
"""Numbers in one record of :attr:`Usage.ranges`."""

LINKED_RANGE_FIELDS: Final = 3
"""Numbers in one record of :attr:`Usage.linked_ranges`."""

CHUNK_FIELDS: Final = 2
"""Numbers in one record of :attr:`Usage.chunks`."""

ENCODED_FIELDS: Final = 2
"""Numbers in one record of :attr:`Usage.encoded`."""

DEVICE_SHIFT: Final = 40
"""By so many bits the number of a device is shifted left in :attr:`Usage.links`."""

WATCHED: Final = 1000
"""Paths that one call lists at most of each kind: in :attr:`Usage.met`, :attr:`Usage.late` and
:attr:`Found.noticed`. A directory of a million keys is not worth a million paths."""


class Root(NamedTuple):
    """A directory to work beneath, and the inode it must still be."""

    path: bytes
    device: int
    inode: int
    closed: tuple[bytes, ...] = ()
    """Paths beneath it, relative to it and in ascending order, that ``find`` and ``measure`` do not even look at:
    what is mounted there may never answer, and what somebody else measures need not be measured twice. They are
    not counted. One with a wanted name is a :class:`Hit` with nothing known of it."""


class Groups(NamedTuple):
    """How a file system keeps its inodes: in groups, in each of which only one is deleted at a time.

    XFS has a lock for each of its allocation groups, and spreads directories over them; two threads that
    delete in the same group, or one and the kernel's own that cleans up behind the other, wait for each
    other (fs/xfs/libxfs/xfs_ag.h and xfs_inode.c, ``xfs_iunlink``).
    """

    shift: int
    """By so many bits an inode's number is shifted right to get the number of its group."""
    total: int
    """Groups that are told apart, at least 1; the number of a group is taken modulo that."""

    def of(self, inode: int) -> int:
        """Return the group of an inode, less than *total*."""
        return (inode >> self.shift) % self.total


class Names(NamedTuple):
    """What ``find`` looks for."""

    wanted: frozenset[bytes]
    """Directory names that are hits; a hit is not descended into. With ``.git`` among them a bare
    repository is a hit itself; otherwise it is neither reported nor descended into."""
    skipped: frozenset[bytes]
    """Directory names neither reported nor descended into."""
    min_depth: int
    """Depth of the shallowest hit; children of the root are depth 0. Shallower matches are walked."""
    globs: tuple[bytes, ...] = ()
    """Shell wildcards (fnmatch(3), no slash) for more such names."""
    markers: frozenset[bytes] = frozenset()
    """Names of files that make the directory around them a hit. If its entry in the stack has a trailing slash, it
    is searched instead."""
    noticed: frozenset[bytes] = frozenset()
    """Names of directories that are searched as any other, and listed in :attr:`Found.noticed`. One that is a hit or
    skipped is not, nor one that is shallower or deeper than a hit may be, nor what lies in a hit."""
    max_depth: int = -1
    """Depth of the deepest hit, negative for any. Nothing is opened that cannot lead to one."""


class Watch(NamedTuple):
    """What ``measure`` watches for in the names and times of the entries that it counts.

    Letters of ASCII are compared without regard to their case: those of the entry are taken as lower case, and all that
    is given here has to be lower case. Other bytes stand for themselves.
    """

    names: frozenset[bytes] = frozenset()
    """Whole names, of entries of any kind: also of directories, of mount points, and of what is closed
    (:attr:`Root.closed`)."""
    endings: frozenset[bytes] = frozenset()
    """What follows the last dot of a name, of entries that are no directories: ``gz`` of ``a.tar.gz``, and nothing of
    ``a.``. A dot that comes first begins no ending: ``.env`` has none, ``.env.key`` has ``key``."""
    globs: tuple[bytes, ...] = ()
    """A few shell wildcards (fnmatch(3), no slash), for whole names of entries that are no directories. A leading dot
    is like any other byte."""
    since: int = 0
    """Seconds since the epoch. Entries that were modified in a later second are listed as late, but no directories and
    no symlinks. 0: not asked."""
    written: frozenset[bytes] = frozenset()
    """Whole names of directories that tools write into whenever they run: nothing in them, at any depth beneath the root,
    is listed as late. There may be many thousands."""


class Hit(NamedTuple):
    """A directory that ``find`` was asked for."""

    path: bytes
    device: int
    inode: int
    """Both are 0 where it is closed (:attr:`Root.closed`)."""
    mounted: bool
    """Something is mounted on it, possibly a bind mount of the same file system, or it is closed."""
    changed: int = 0
    """When the directory itself was last changed (st_ctime), nanoseconds since the epoch."""


class Fault(NamedTuple):
    """Something that could not be done: where, ``errno``, and what was being done."""

    path: bytes
    errno: int
    doing: str


class Found(NamedTuple):
    """What one call of ``find`` saw."""

    directories: int
    """That were opened. One that is known to hold none, by its links, is opened and not read."""
    hits: list[Hit]
    noticed: list[bytes]
    """Directories that were asked to be noticed (:attr:`Names.noticed`), relative to the root; no more than
    :data:`WATCHED`."""
    entries: int = 0
    """That were handled, counted as the budget counts them."""


class Usage(NamedTuple):
    """What one call of ``measure`` counted; every field of two calls adds up.

    One call alone may be negative: a directory turns out to be a mount point when it is opened,
    and is then taken back.

    A directory counts in the call that reads its parent, the root in the call that opens it. Files
    with several links are counted in ``files`` but not in the byte sums: they are listed in
    ``links``, so that each inode can be settled once over all artifacts.
    """

    apparent: int
    """Bytes of ``st_size``, of entries with one link."""
    allocated: int
    """Bytes of ``st_blocks`` times 512, of entries with one link."""
    files: int
    directories: int
    newest: int
    """Newest modification time met, in whole seconds since the epoch."""
    links: bytes
    """Native unsigned 64-bit numbers, :data:`LINK_FIELDS` an entry that has several links: inode, link count, apparent
    bytes, allocated bytes, own bytes (:class:`Accounting`). All count as if they were on the device of the root. The
    inode of one that is not, as in the layers of an overlay, is changed so that it is another one: by its device,
    shifted left by :data:`DEVICE_SHIFT` bits and combined by "exclusive or"."""
    mounts: list[bytes]
    """Mount points (or subvolumes) met, not entered and not counted."""
    repositories: list[bytes]
    """Directories that hold a ``.git``, or are bare repositories."""
    foreign: list[bytes]
    """Entries that only their owner may delete, who is somebody else: they lie in a directory with
    the sticky bit (inode(7)), which may be the one around the root. One of each directory is named."""
    allocated_directories: int
    """What directories have of ``allocated``."""
    met: list[bytes]
    """Entries whose names are watched for (:class:`Watch`), relative to the root; no more than :data:`WATCHED`."""
    late: list[bytes]
    """Entries that were modified after the time asked for, relative to the root; no more than :data:`WATCHED`."""
    unlisted: int
    """How many of ``met`` and of ``late`` were not listed, as there were more; one in both counts twice."""
    own: int
    """Own bytes of entries with one link and of directories (:class:`Accounting`)."""
    perhaps: int
    """Bytes of the same that may come back besides: nobody could be asked, or what was asked does not tell. Of an entry with
    several links it is what falls to one of these, rounded up: also what its compressed extents may take, as they are in no ``encoded``."""
    shared: int
    """Bytes in ``ranges``."""
    metadata: int
    """Bytes that the entries take in the tree of btrfs. Those with several links count without their inodes and content."""
    proven: int
    """Of these, the bytes of regular files, with one link, that have extents, none of which is shared. So no snapshot has them."""
    ranges: bytes
    """Native unsigned 64-bit numbers, :data:`RANGE_FIELDS` a range of entries with one link: where it begins on the disk, and
    its length, in bytes."""
    linked_ranges: bytes
    """The same of entries with several links, :data:`LINKED_RANGE_FIELDS` a range: inode, where it begins, its length. Again with each link
    that is met."""
    chunks: bytes
    """Native unsigned 64-bit numbers, :data:`CHUNK_FIELDS` a chunk of inodes, of entries with one link and directories: the
    number of the chunk (inode shifted right by 6 bits), and how many of its 64 inodes were met. In any order; one chunk may occur several times. A directory that turned out
    to be a mount point stays in it, and so do its ``ranges`` and ``shared``."""
    extents: int = 0
    """Extents on the disk, of a file system that is a ``TREE``, that are not shared, of entries with one link. Each is also in a tree that all files have in common."""
    encoded: bytes = b""
    """Native unsigned 64-bit numbers, :data:`ENCODED_FIELDS` a compressed extent, that is not shared, of entries with one link: where it begins on the
    disk, and how many bytes it takes at most besides those that are counted in ``own``; 0 where these are all. In any order."""
    content: int = 0
    """Bytes of the content of regular files in ``metadata``, uncompressed: also of those that are asked, and are in the tree (FIEMAP_EXTENT_DATA_INLINE)."""


class Settled(NamedTuple):
    """What files with several links come to, each inode counted once: the answer of ``settle``.

    ``settle(slices, chosen)`` takes records as in :attr:`Usage.links`, each slice with its rank and its device, in the order of the
    ranks; and for each rank a byte that is not 0 if what has this rank is chosen to go. Each answer has a native unsigned
    64-bit number of bytes for each rank. Raises ValueError for slices that are not so. It asks no disk. The links
    that an inode has are the most that any record says, and its own bytes the fewest.
    """

    apparent: bytes
    """Of the inodes that were met first at this rank."""
    allocated: bytes
    """The same, allocated."""
    reclaimable: bytes
    """Own bytes, of the inodes all of whose links are chosen, the first of them at this rank."""
    freed: bytes
    """The same, the last of them at this rank."""
    gone: bytes
    """Own bytes, of the inodes with no link among those that are not chosen, the last at this rank. They may have links
    that nobody has met."""


class Covered(NamedTuple):
    """What ranges have in common: the answer of ``cover``.

    ``cover(slices, times)`` takes records as in :attr:`Usage.ranges`, all of one device, each slice with its rank, in the order of the ranks; and
    how many ranges have to have a byte in common, at least 1. Each answer has a native unsigned 64-bit number for each rank up
    to the last one that occurs, in bytes. Ranges of length 0 are none; one may occur several times, in one slice too. Raises ValueError for slices that are not so, and for a
    range that ends beyond 2**64. It asks no disk.
    """

    common: bytes
    """Bytes of the disk that at least so many ranges have in common; each counts once, with the last rank that has it."""
    full: bytes
    """Of these, the bytes that at least 1,024 ranges have in common."""


class Counts(NamedTuple):
    """What one call of ``remove`` has really removed."""

    files: int
    directories: int
    freed: int
    """Allocated bytes of what had no other link left."""
    blocked: list[bytes]
    """Directories that were not empty when everything known to be in them was gone: another call is
    at work beneath them, or somebody writes to them. They are entries for a stack, to be tried again
    when nothing else is left."""
    root: bool = False
    """The root itself was removed by this call. Where no call says so though nothing is left, somebody
    else has removed it, or moved it away with all that is still in it."""
    freed_directories: int = 0
    """What directories have of ``freed``: what each took when it was empty. XFS for one gives back most
    of what a directory takes while it is being emptied, which no call sees."""
    elsewhere: tuple[tuple[int, bytes], ...] = ()
    """What was met in other groups than the one asked for: the group, and an entry for its stack."""

    def plus(self, other: "Counts") -> "Counts":
        """Return what both calls have removed."""
        return Counts(
            self.files + other.files,
            self.directories + other.directories,
            self.freed + other.freed,
            self.blocked + other.blocked,
            self.root or other.root,
            self.freed_directories + other.freed_directories,
            self.elsewhere + other.elsewhere,
        )


class Removal(NamedTuple):
    """Everything one call of ``remove`` returns."""

    counts: Counts
    left: list[bytes]
    faults: list[Fault]


class Measurement(NamedTuple):
    """Everything one call of ``measure`` returns."""

    usage: Usage
    left: list[bytes]
    faults: list[Fault]


class Finding(NamedTuple):
    """Everything one call of ``find`` returns."""

    found: Found
    left: list[bytes]
    faults: list[Fault]
