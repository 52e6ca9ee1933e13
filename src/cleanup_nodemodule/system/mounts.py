"""What is mounted where, and by which other paths the same place can be reached.

On Linux it is read from the ``mountinfo`` of /proc (proc_pid_mountinfo(5)), which tells for each mount the
file system it shows, and which part of that. So it is known without asking a disk which paths of two mount
namespaces, or of one, lead to the same place. Elsewhere psutil tells the mount points.
"""

import contextlib
import functools
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

_PROC: Final = sys.platform == "linux"

_SILENT_KINDS: Final = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "coda", "ncpfs", "afpfs", "webdav"),
        *("9p", "virtiofs", "ceph", "lustre", "gfs2", "ocfs2", "orangefs", "autofs"),
    }
)
"""Kinds of file systems for which another machine answers; those by FUSE are ``fuse`` and ``fuse.NAME``."""

_DELETED: Final = "//deleted"
"""What the kernel appends where the directory itself was deleted (seq_dentry in fs/seq_file.c). No path has
two slashes, so nothing else ends so."""

_MAX_LINKS: Final = 40
"""Symlinks on the way to a place, at most (path_resolution(7))."""


class Mount(NamedTuple):
    """One line of a mountinfo."""

    number: int
    parent: int
    """The number of the mount that it is mounted on."""
    device: str
    """``major:minor`` of the file system."""
    top: str
    """What it shows of the file system: a path within that."""
    point: str
    """Absolute path of where it is mounted."""
    kind: str
    """Such as ``nfs``."""
    options: str
    """Those of the file system."""
    source: str = ""
    """What is mounted, such as ``/dev/sda1`` or ``server:/export``."""


def parse(table: bytes) -> list[Mount]:
    """Return the mounts of a mountinfo, in its order; lines that are not as they should be are left out.

    Not every kernel that calls itself Linux escapes a line feed in a name.
    """
    found: list[Mount] = []
    for line in table.split(b"\n"):
        fields = line.split(b" ")
        try:
            # Behind the sixth field come as many optional ones as there happen to be, and a hyphen.
            kind, source, *options = fields[fields.index(b"-", 6) + 1 :]
            mount = Mount(
                int(fields[0]),
                int(fields[1]),
                fields[2].decode("ascii"),
                _unescaped(fields[3]).removesuffix(_DELETED) or os.sep,
                _unescaped(fields[4]).removesuffix(_DELETED) or os.sep,
                _unescaped(kind),
                _unescaped(b" ".join(options)),
                _unescaped(source),
            )
        except ValueError:
            continue
        found.append(mount)
    return found


def _unescaped(field: bytes) -> str:
    if b"\\" in field:
        field = re.sub(rb"\\([0-3][0-7]{2})", lambda match: bytes((int(match[1], 8),)), field)
    return os.fsdecode(field)


def mounted() -> dict[str, str]:
    """Return for each mount point the kind of what is mounted there, such as ``nfs``.

    Nothing where the system does not tell.
    """
    try:
        if _PROC:
            return here().kinds()
        return dict(_mounts_by_psutil())
    except OSError:
        return {}


def read(process: int | str = "self") -> bytes:
    """Return the mountinfo of a process. Raises OSError."""
    with open(f"/proc/{process}/mountinfo", "rb") as file:
        return file.read()


def _mounts_by_psutil() -> Iterator[tuple[str, str]]:
    import psutil  # noqa: PLC0415 - not where there is /proc

    with contextlib.suppress(psutil.Error):
        yield from ((one.mountpoint, one.fstype) for one in psutil.disk_partitions(all=True))


def origin(path: str) -> tuple[str, str] | None:
    """Return the file system (``major:minor``) that holds the absolute *path*, and the path within it.

    None where the system does not tell.
    """
    try:
        return here().origin(path)
    except OSError:
        return None


def names() -> Callable[[str], tuple[str, ...]]:
    """Return what gives all absolute paths that lead to where a path without symlinks does."""
    try:
        return here().names
    except OSError:  # As where there is no /proc.
        return lambda path: (path,)


def here() -> "Table":
    """Return the mounts of this process's mount namespace. Raises OSError, as where there is no /proc."""
    return _table(read())


@functools.lru_cache(maxsize=1)
def _table(text: bytes) -> "Table":
    """Return the mounts of a mountinfo; it is asked for often, and seldom another."""
    return Table(parse(text))


def within(path: str, directory: str) -> bool:
    """Whether the absolute *path* is the *directory* or lies beneath it, by what they are called."""
    return os.path.join(path, "").startswith(os.path.join(directory, ""))


class Table:
    """The mounts of one mount namespace. Pure: no disk is asked.

    Asking takes time with the depth of a path and not with the number of mounts: there may be thousands.
    """

    def __init__(self, found: Sequence[Mount], root: str = os.sep) -> None:
        """*found* is what a process sees whose root directory is at *root* in its namespace."""
        self._root = root
        self._by_number = {mount.number: mount for mount in found}
        # Of two mounts at one place the later one counts, which stands further down.
        self._at = {beneath(root, mount.point): mount for mount in found}
        self._shown: dict[tuple[str, str], list[str]] = {}
        self._merged: dict[str, list[str]] = {}
        for point, mount in self._at.items():
            self._shown.setdefault((mount.device, mount.top), []).append(point)
            for layer in layers(mount.options) if mount.kind == "overlay" else ():
                self._merged.setdefault(layer, []).append(point)
        devices = Counter(mount.device for mount in self._at.values())
        self._one_name = not self._merged and set(devices.values()) <= {1}

    def kinds(self) -> dict[str, str]:
        """Return for each mount point the kind of what is mounted there."""
        return {point: mount.kind for point, mount in self._at.items()}

    def mount_of(self, path: str) -> Mount | None:
        """Return the mount that the absolute *path* lies on, by what it is called."""
        found = self._around(path)
        return None if found is None else found[1]

    def sources(self, device: str) -> list[str]:
        """Return what is mounted of one file system (``major:minor``), each as its mount calls it, the shortest first."""
        found = {mount.source for mount in self._at.values() if mount.device == device}
        return sorted(found, key=lambda source: (len(source), source))

    def _around(self, path: str) -> tuple[str, Mount] | None:
        """Return what is mounted at *path* or nearest above it, and where."""
        for place in _upwards(path):
            mount = self._at.get(place)
            if mount is not None:
                return place, mount
        return None

    def origin(self, path: str) -> tuple[str, str] | None:
        """Return the file system that holds *path*, and the path within that."""
        found = self._around(path)
        if found is None:
            return None
        point, mount = found
        return mount.device, _moved(path, point, mount.top)

    def beneath_overlay(self, path: str) -> Iterator[str]:
        """Yield what *path* is in the layers of an overlay, as whoever mounted that calls them."""
        found = self._around(path)
        if found is not None and found[1].kind == "overlay":
            point, mount = found
            for layer in layers(mount.options):
                yield _moved(path, point, beneath(layer, mount.top))

    def points(self) -> Iterator[tuple[str, str, str]]:
        """Yield each mount point: its path, and the file system it lies on, with the path within that."""
        for point, mount in self._at.items():
            around = self._by_number.get(mount.parent)
            if around is None:
                continue  # The topmost one, or what it lies on is not seen from there.
            outer = beneath(self._root, around.point)
            if within(point, outer):
                yield point, around.device, _moved(point, outer, around.top)

    def paths(self, device: str, path: str) -> Iterator[str]:
        """Yield all absolute paths here of the *path* within a file system, hidden ones included."""
        for top in _upwards(path):
            for point in self._shown.get((device, top), ()):
                yield _moved(path, top, point)

    def names(self, path: str) -> tuple[str, ...]:
        """Return all absolute paths that lead here to where *path* does, itself first."""
        if self._one_name:
            return (path,)
        found = {path: None}
        for place in (path, *self.beneath_overlay(path)):
            found[place] = None
            origin = self.origin(place)
            if origin is not None:
                found.update(dict.fromkeys(self.paths(*origin)))
        for layer in _upwards(path):
            for point in self._merged.get(layer, ()):
                found[_moved(path, layer, point)] = None
        return tuple(found)


def _upwards(path: str) -> Iterator[str]:
    """Yield *path* and the directories above it."""
    yield path
    while (above := os.path.dirname(path)) != path:
        yield above
        path = above


_STORES: Final = ("/var/lib/", "/run/")
"""Where container engines keep layers, of which there are very many. No artifact is there."""


def layers(options: str) -> list[str]:
    """Return the directories an overlay is made of, by its options, as far as these are absolute.

    (Documentation/filesystems/overlayfs.rst; a backslash stands before what is part of a name.)
    """
    found: list[str] = []
    for option in _parted(options, ","):
        name, _, value = option.partition("=")
        if name in {"lowerdir", "lowerdir+", "datadir+", "upperdir"}:
            found += _parted(value, ":") if name == "lowerdir" else [value]
    return [
        re.sub(r"\\(.)", r"\1", part) if "\\" in part else part
        for part in found
        if os.path.isabs(part) and not part.startswith(_STORES)
    ]


def _parted(text: str, mark: str) -> list[str]:
    return re.split(rf"(?<!\\){mark}", text) if "\\" in text else text.split(mark)


def beneath(root: str, path: str) -> str:
    """Return the absolute *path*, as a process calls it that has *root* for its root directory, as others do."""
    return os.path.normpath(root + path) if root != os.sep else path


def _moved(path: str, from_: str, to: str) -> str:
    """Return *path*, which lies in the directory *from_*, as it is where that is called *to*."""
    rest = path[len(from_) :].lstrip(os.sep)
    return os.path.join(to, rest) if rest else to


def is_silent(kind: str) -> bool:
    """Whether a file system of this *kind* may not answer, as another machine or a program answers for it."""
    return kind in _SILENT_KINDS or kind.partition(".")[0] in {"fuse", "fuseblk"}


def resolve(path: str, kinds: Mapping[str, str]) -> tuple[str, bool]:
    """Return the absolute *path* without symlinks, and whether it leads to what may not answer.

    *kinds* gives for each mount point what is mounted there, as :func:`mounted` does. No file system that
    may not answer is asked: from there on the path is as it was given.
    """
    done, links = os.sep, 0
    todo = _backwards(path)
    while todo:
        name = todo.pop()
        done = os.path.dirname(done) if name == ".." else os.path.join(done, name)
        if is_silent(kinds.get(done, "")):
            return os.path.normpath(os.path.join(done, *reversed(todo))), True
        try:
            target = os.readlink(done)
        except (OSError, ValueError):
            continue
        links += 1
        if links > _MAX_LINKS:
            return path, False
        done = os.sep if os.path.isabs(target) else os.path.dirname(done)
        todo += _backwards(target)
    return done, False


def _backwards(path: str) -> list[str]:
    return [word for word in path.split(os.sep)[::-1] if word not in {"", "."}]


def mount_points() -> tuple[str, ...]:
    """Return everything that something is mounted on; a file may be, too, which no walk would see."""
    return tuple(mounted())


def mount_point_of(path: str, points: Iterable[str] | None = None) -> str:
    """Return what the file system that holds *path* is mounted on, of these *points* or of all."""
    around = [
        point for point in (mount_points() if points is None else points) if within(path, point)
    ]
    return max(around, key=len, default=os.path.abspath(os.sep))
