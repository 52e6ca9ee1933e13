"""Deletes, in Python: the reference for what the native engine does."""

import errno
import os
import stat
import threading
from typing import Final, NamedTuple, Self

from cleanup_nodemodule.engine._beneath import open_tree
from cleanup_nodemodule.engine._python_entries import (
    BLOCK,
    GONE,
    MAX_REFUSED,
    ForeignError,
    blocks_of,
    fault_of,
    is_directory,
    is_root,
    leads_away,
    only_for_owners,
    status_of,
)
from cleanup_nodemodule.engine._tree import Handle, Tree
from cleanup_nodemodule.engine.contract import Counts, Fault, Groups, Removal, Root

_DELETE: Final = "delete"


_DELETE_FOREIGN: Final = "delete, as only its owner may,"
"""What is being done where the sticky bit says so."""


_TURNS_LOCK: Final = threading.Lock()


_TURN_ENDED: Final = threading.Condition(_TURNS_LOCK)


_TURNS: Final[set[tuple[int, int]]] = set()
"""Device and inode of each file with several names, one of which is being deleted. Two calls that delete two
names of one file would both see that there is another one, and neither count what its last name gives back.
So each has its turn, and waits for nobody but whoever is at the very same file: on another disk, or another
file, the system may not answer for ever."""


# Long: one loop, with its counters in local variables, as this is where the time of the Python engine goes.
def remove(
    root: Root,
    stack: list[bytes],
    budget: int,
    groups: Groups | None = None,
    group: int = 0,
    include_foreign: bool = False,  # noqa: FBT001, FBT002 - by position, as all of an engine's arguments
) -> Removal:
    """Delete everything beneath the root, then the root; see the contract.

    Of the directories met in one, the one that is dealt with last has to remove it: so nothing waits
    on the stack but what is still to be opened, however deep the tree. Only what was removed counts
    against the budget, so a call either makes progress or gets to the end of its stack.
    """
    files = directories = blocks = directory_blocks = 0
    gone = False
    blocked: list[bytes] = []
    elsewhere: list[tuple[int, bytes]] = []
    faults: list[Fault] = []
    left = list(stack)
    try:
        tree = open_tree(root, mount_ok=False)
    except OSError as error:
        if error.errno != errno.ENOENT:
            faults.append(fault_of(b"", error, "open"))
        return Removal(Counts(0, 0, 0, blocked), [], faults)
    with tree, _Way(tree) as way:
        try:
            if not include_foreign and not way.begin():
                faults.append(Fault(b"", errno.EPERM, _DELETE_FOREIGN))
                left.clear()
        except OSError as error:
            faults.append(fault_of(b"", error, "stat"))
            left.clear()
        while left and budget > 0:
            entry = left.pop()
            path = entry.rstrip(b"/")
            duty = entry[len(path) :]
            try:
                handle, around = way.open(path)
            except ForeignError:
                faults.append(Fault(path, errno.EPERM, _DELETE_FOREIGN))
                continue
            except OSError as error:
                if error.errno not in GONE:
                    faults.append(fault_of(path, error, "open"))
                    continue
                # It may have been moved away with what is around it.
                way.forget()
            else:
                try:
                    unlinked = _unlink_entries(
                        tree, handle, around, path, budget, faults, numbered=groups is not None
                    )
                finally:
                    tree.close(handle)
                files += unlinked.files
                blocks += unlinked.blocks
                budget -= unlinked.files
                if unlinked.cut_short:
                    left.append(entry)
                here, others = _by_group(unlinked.directories, groups, group)
                if not unlinked.cut_short and not unlinked.refused:
                    # Of what other calls are to do, if there is any, the last is likelier.
                    if others:
                        others[0] = others[0][0], others[0][1] + b"/" + duty
                    elif here:
                        here[0] += b"/" + duty
                left.extend(here)
                if not unlinked.cut_short:  # Else they will be met again.
                    elsewhere.extend(others)
                if unlinked.cut_short or unlinked.refused or unlinked.directories:
                    continue
            while True:
                if budget <= 0:
                    left.append(path + duty)
                    break
                try:
                    directory_blocks += way.remove(path)
                except ForeignError:
                    faults.append(Fault(path, errno.EPERM, _DELETE_FOREIGN))
                    break
                except OSError as error:
                    if error.errno in {errno.ENOTEMPTY, errno.EEXIST}:
                        blocked.append(path + duty)
                        break
                    if error.errno not in GONE:
                        faults.append(fault_of(path, error, "remove the directory"))
                        break
                else:
                    directories += 1
                    budget -= 1
                    gone = gone or not path
                if not duty:
                    break
                path, duty = path.rpartition(b"/")[0], duty[1:]
    freed = (blocks + directory_blocks) * BLOCK
    freed_directories = directory_blocks * BLOCK
    counts = Counts(files, directories, freed, blocked, gone, freed_directories, tuple(elsewhere))
    return Removal(counts, left, faults)


def _by_group(
    directories: list[tuple[int, bytes]], groups: Groups | None, group: int
) -> tuple[list[bytes], list[tuple[int, bytes]]]:
    """Return the directories of *group*, or all where there are none, and those of other groups."""
    if groups is None:
        return [path for _, path in directories], []
    here = [path for inode, path in directories if groups.of(inode) == group]
    others = [(groups.of(inode), path) for inode, path in directories if groups.of(inode) != group]
    return here, others


class _Unlinked(NamedTuple):
    """What became of the entries of one directory."""

    files: int
    blocks: int
    directories: list[tuple[int, bytes]]
    """Those in it, still to be emptied, with the numbers of their inodes, if these were asked for."""
    refused: bool
    """Something in it stays, and so does it."""
    cut_short: bool
    """The budget was used up before its end."""


class _Way:
    """How one call comes to the directories that it empties and removes.

    What was seen to be the user's to delete when it was met may be another one by now: whoever owns what is
    around it has renamed it. So root goes from directory to directory, and sees that none lies in a sticky one
    where only its owner may delete it. Of an ordinary user the kernel sees to that.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._top: os.stat_result | None = None
        self._passed: tuple[bytes, Handle | None, os.stat_result] | None = None
        """Where it went last, to go on from."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.forget()

    def begin(self) -> bool:
        """Heed what is foreign; return whether the root itself is not. Raises OSError."""
        self._top = self._tree.status()
        return not only_for_owners(self._tree.status_around(), self._top.st_uid)

    def open(self, path: bytes) -> tuple[Handle, os.stat_result | None]:
        """Open a directory to delete what is in it; return its status, too, if its sticky bit counts.

        Raises OSError, and ForeignError.
        """
        tree = self._tree
        handle = tree.open_to_change(path)
        try:
            found = None if self._top is None else tree.status_open(handle)
            if self._top is not None and found is not None and path and is_root():
                self._see(path, found, self._top)
        except BaseException:
            tree.close(handle)
            raise
        return handle, found if found is not None and found.st_mode & stat.S_ISVTX else None

    def _see(self, path: bytes, found: os.stat_result, top: os.stat_result) -> None:
        """See that what was *found* at *path* is the very directory that lies where it may be deleted.

        Raises OSError, and ForeignError.
        """
        above, _, last = path.rpartition(b"/")
        for _attempt in range(2):
            try:
                around, status = self._pass_to(above, top)
                name = os.fsdecode(last)
                tree = self._tree
                seen = tree.status_of(last) if around is None else tree.status_in(around, name)
            except OSError as error:
                if error.errno not in GONE:
                    raise
            else:
                if only_for_owners(status, seen.st_uid):
                    raise ForeignError
                if (seen.st_dev, seen.st_ino) == (found.st_dev, found.st_ino):
                    return
            self.forget()  # What is around it was moved, since that was seen.
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))

    def remove(self, path: bytes) -> int:
        """Remove a directory that was emptied; return its blocks. Raises OSError, and ForeignError."""
        tree = self._tree
        handle = tree.open_to_change(path)
        try:
            blocks = blocks_of(tree.status_open(handle))
        finally:
            tree.close(handle)
        if not path:
            tree.rmdir_root()
            return blocks
        above, _, last = path.rpartition(b"/")
        name = os.fsdecode(last)
        around = tree.open_to_change(above)
        try:
            if self._top is None or not is_root():
                tree.rmdir_in(around, name)
                return blocks
            owner = tree.status_in(around, name).st_uid
            if owner in {os.geteuid(), self._top.st_uid}:
                if only_for_owners(tree.status_open(around), owner):
                    raise ForeignError
                tree.rmdir_in(around, name)
                return blocks
        finally:
            tree.close(around)
        # It may be another one by now than was emptied, in a directory of somebody else's.
        passed, status = self._pass_to(above, self._top)
        passed = tree.open_to_change(b"") if passed is None else passed
        try:
            if only_for_owners(status, tree.status_in(passed, name).st_uid):
                raise ForeignError
            tree.rmdir_in(passed, name)
        finally:
            if not above:
                tree.close(passed)
        return blocks

    def _pass_to(self, path: bytes, top: os.stat_result) -> tuple[Handle | None, os.stat_result]:
        """Go to the directory *path*, and keep it open to go on from; None is the root."""
        if not path:
            return None, top
        start, handle, status = self._passed or (b"", None, top)
        if path == start:
            return handle, status
        if not start or not path.startswith(start + b"/"):
            start, handle, status = b"", None, top
        kept = handle
        try:
            for name in path[len(start) :].strip(b"/").split(b"/"):
                below, found = self._step(handle, status, name, passing=True)
                if handle is not None and handle is not kept:
                    self._tree.close(handle)
                handle, status = below, found
        except BaseException:
            if handle is not None and handle is not kept:
                self._tree.close(handle)
            raise
        self.forget()
        self._passed = path, handle, status
        return handle, status

    def _step(
        self, handle: Handle | None, status: os.stat_result, name: bytes, *, passing: bool
    ) -> tuple[Handle, os.stat_result]:
        opened, found = self._tree.open_in(handle, name, passing=passing)
        if only_for_owners(status, found.st_uid):
            self._tree.close(opened)
            raise ForeignError
        return opened, found

    def forget(self) -> None:
        """Begin anew at the root next time."""
        if self._passed is not None and self._passed[1] is not None:
            self._tree.close(self._passed[1])
        self._passed = None


def _unlink_entries(
    tree: Tree,
    handle: Handle,
    around: os.stat_result | None,
    path: bytes,
    budget: int,
    faults: list[Fault],
    *,
    numbered: bool,
) -> _Unlinked:
    """Delete what an open directory holds, but for directories; *around* is its status, if it is sticky."""
    files = blocks = 0
    directories: list[tuple[int, bytes]] = []
    refused: dict[tuple[int, str], int] = {}

    def refuse(entry: "os.DirEntry[str]", number: int, doing: str) -> None:
        refused[number, doing] = refused.get((number, doing), 0) + 1
        if refused[number, doing] <= MAX_REFUSED:
            faults.append(Fault(prefix + os.fsencode(entry.name), number, doing))

    failed = cut_short = False
    prefix = path + b"/" if path else b""
    try:
        with os.scandir(handle) as entries:
            for entry in entries:
                # Not where something was refused: it would be again, and again.
                if files >= budget and not refused:
                    cut_short = True
                    break
                try:
                    if around is not None and only_for_owners(
                        around, status_of(tree, entry).st_uid
                    ):
                        refuse(entry, errno.EPERM, _DELETE_FOREIGN)
                        continue
                    if is_directory(entry):
                        inode = entry.inode() if numbered else 0
                        directories.append((inode, prefix + os.fsencode(entry.name)))
                        continue
                    found = status_of(tree, entry)
                    if stat.S_ISDIR(found.st_mode) and not leads_away(found):  # By now.
                        directories.append((found.st_ino, prefix + os.fsencode(entry.name)))
                        continue
                    if found.st_nlink <= 1:
                        tree.unlink(handle, entry.name)
                    else:
                        found = _unlink_linked(tree, handle, entry, found)
                except FileNotFoundError:
                    continue
                except OSError as error:
                    refuse(entry, error.errno or errno.EIO, _DELETE)
                    continue
                files += 1
                # The last link to go is what gives the space back.
                if found.st_nlink <= 1:
                    blocks += blocks_of(found)
    except FileNotFoundError:
        pass  # It was removed since it was opened (getdents(2)).
    except OSError as error:
        faults.append(fault_of(path, error, "read"))
        failed = True
    for (number, doing), count in refused.items():
        if count > MAX_REFUSED:
            more = f"{doing} {count - MAX_REFUSED:,} more entries of"
            faults.append(Fault(path, number, more))
    return _Unlinked(files, blocks, directories, bool(refused) or failed, cut_short)


def _unlink_linked(
    tree: Tree, handle: Handle, entry: "os.DirEntry[str]", found: os.stat_result
) -> os.stat_result:
    """Delete a file with several names when no other call is at one of them; return its status right before."""
    file = found.st_dev, found.st_ino
    with _TURNS_LOCK:
        while file in _TURNS:
            _TURN_ENDED.wait()
        _TURNS.add(file)
    try:
        found = tree.status_in(handle, entry.name)
        tree.unlink(handle, entry.name)
    finally:
        with _TURNS_LOCK:
            _TURNS.discard(file)
            _TURN_ENDED.notify_all()
    return found
