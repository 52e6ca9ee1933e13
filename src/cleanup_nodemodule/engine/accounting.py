"""How an engine finds out what deleting gives back, where that is not what files take: a part of the contract.

:mod:`cleanup_nodemodule.engine.contract` has the rest, such as ``Usage``, and everybody imports this from there.
"""

from typing import Final, NamedTuple

AS_COUNTED: Final = 0
ATTRIBUTES: Final = 1
EXTENTS: Final = 2
TREE: Final = 3
LAYERS: Final = 4


class Accounting(NamedTuple):
    """How ``measure`` finds out what deleting an entry gives back, on one kind of file system.

    An entry *takes* ``st_blocks`` times 512 bytes. Its *own* bytes are those that surely come back when it goes. A *range*
    is a place on the disk that it may share with other files: whether that comes back depends on them.
    The extents of a file are asked of the file system (FIEMAP, Documentation/filesystems/fiemap.rst), of regular files only,
    without having them written first. A file is opened to read for it, without following a symlink, without waiting and
    without entering a mount, and only one whose device, inode and type are those that were counted. One that cannot be opened or
    asked has nothing of its own, nor what is on another device than the root (but with ``LAYERS``: each layer may have one): all that it takes goes to ``Usage.perhaps``. That
    is no fault. On systems other than Linux nobody is asked: all is as with ``AS_COUNTED``.
    ValueError is raised for a kind that is none of these, for a block of no bytes, and for negative numbers.
    """

    kind: int = AS_COUNTED
    """``AS_COUNTED``: an entry's own bytes are those that it takes. Nothing is asked.

    ``ATTRIBUTES`` (ext4): what an entry takes besides whole blocks is content in its inode (ext4_getattr, fs/ext4/inode.c), and none of its own.
    One that takes more blocks than its content does may have a block of extended attributes, which others with
    the same attributes may share: directories and regular files are asked (FIEMAP_FLAG_XATTR), and what is neither cannot be. That block is a range, and
    the rest is its own. If there are attributes in the inode, the file
    system says nothing of a block (ext4_iomap_xattr_fiemap, fs/ext4/extents.c): then a block of what it takes too much
    may come back. A symlink of less than 60 bytes has its content in the inode (ext4_inode_is_fast_symlink) and counts as if its size were 0.

    ``EXTENTS`` (XFS): what a file takes, less its extents that are shared (FIEMAP_EXTENT_SHARED), is its own; each shared
    extent is a range. The inode of every entry is counted in ``Usage.chunks``. What other entries take is their own.

    ``TREE`` (btrfs): a regular file of more than *inline* bytes that takes something is asked. The bytes of its extents that are not shared are
    its own, each shared one is a range. An extent that is compressed (FIEMAP_EXTENT_ENCODED) takes the gap to where the next
    extent of the same file begins, if that follows it in the file without a hole, and the gap is above 0 and no more than the extent is long, nor than 131,072 bytes (BTRFS_MAX_COMPRESSED).
    Otherwise one block is its own, and what else it may take, as long as it is but 131,072 bytes at most, is told in ``Usage.encoded``: the gap
    to whatever lies behind it tells, which is known only when all is measured.
    Where an extent does not begin right behind the one before it in the file (a compressed one: where that one's gap is not known), what was overwritten
    may still be held by the rest of one of the two. No more than the longer one is: what that one takes (compressed: at most) that is not shared, and of two such the longer (the first if they are equal), is counted in ``Usage.perhaps``, for each extent once.
    A shared extent is a range that is as long as the gap, or else as the most that it may take. An extent that is in the tree
    (FIEMAP_EXTENT_DATA_INLINE) is none of these, and counts as content, with its length but *inline* bytes at most. Other entries have no own bytes.
    What all entries take in the tree is counted in ``Usage.metadata``, and the inode of every entry in ``Usage.chunks``,
    as with ``EXTENTS``: where other inodes lie between, less of the tree is given back. Directories, and files that are opened, are asked for their
    extended attributes (flistxattr(2)), which are in the tree too; in a directory that has some, all regular files with one link are opened for that. If they
    cannot be, they count without.

    ``LAYERS`` (overlayfs): an entry that is in the upper layer alone has as its own what it takes, any other one has nothing: a file handle tells (name_to_handle_at(2) with
    AT_HANDLE_FID; its byte 6, bit 2, struct ovl_fb of fs/overlayfs/overlayfs.h). A directory that is so settles all entries in it but directories. The top of an overlay says that it is, but is not. Where no handle is had it goes to ``Usage.perhaps``.
    So does what may be in the upper layer too, as it was copied there: the handle does not tell it from what is only below, but
    the directory around it was copied before. Such a directory has one link (ovl_dir_getattr, fs/overlayfs/inode.c), as some lower file
    systems give all of theirs; it may come back itself, and so may all in it that is no directory."""
    block: int = 4096
    """Bytes in a block of the file system; if it keeps clusters of blocks (bigalloc of ext4), in one of these."""
    all: bool = False
    """Nothing is left out because it is unlikely to matter: with ``EXTENTS``, files are asked that by
    statx(2) share nothing (STATX_DIO_READ_ALIGN); with ``ATTRIBUTES``, all directories and regular files. The answer is the same, but for files that may not be opened, which have nothing of their own if they
    are asked, and with ``ATTRIBUTES`` for files with holes. The engine in Python always asks with ``EXTENTS``."""
    inline: int = 2048
    """Bytes of a file that btrfs keeps in the tree: a larger one is asked whether it is there."""
    inode: int = 0
    """Bytes in the tree for an inode; counted for entries with one link and for directories."""
    entry: int = 0
    """Bytes in the tree for an entry of a directory, besides its name."""
    name: int = 0
    """Bytes in the tree for each byte of the name."""
    content: int = 0
    """Bytes in the tree for content that is kept there, besides the content: of files of 1 to *inline* bytes, and of symlinks."""
    extent: int = 0
    """Bytes in the tree for each extent on the disk."""
    attribute: int = 0
    """Bytes in the tree for each extended attribute, besides its name and its value."""
    since: int = 0
    """With ``LAYERS``: when the upper layer was made, nanoseconds since the epoch. What was changed earlier (st_ctime) was
    not copied there."""
