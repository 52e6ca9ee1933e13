"""Trees whose numbers are hard to say, disks to put them on, and what ``df`` says of these."""

import ctypes
import fcntl
import os
import random
import shutil
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeAlias

from support.filesystems import Mounts
from support.needs import unable

_libc: Final = ctypes.CDLL(None, use_errno=True)

_FICLONE: Final = 0x40049409
"""ioctl_ficlone(2)"""

_POOL: Final = random.Random(21).randbytes(1 << 21)
"""Bytes that cannot be compressed."""

_TEXT: Final = b"const value = require('module'); exports.handler = (request, response) => response.json(value);\n"

Shape: TypeAlias = Callable[["Making"], None]

SHAPES: Final[dict[str, Shape]] = {}
"""All shapes, by what they are called in the table."""


class Making:
    """A tree being made: what goes is in projects in ``goes``, what stays beside it."""

    def __init__(self, top: Path, seed: int = 21) -> None:
        self.top: Final = top
        self.goes: Final = top / "goes"
        """What is searched: all that is proven in it goes."""
        self.stays: Final = top / "stays"
        self.chance: Final = random.Random(seed)
        self.goes.mkdir(parents=True)
        self.stays.mkdir()

    def project(self, name: str) -> Path:
        """Return the place for a project's ``node_modules``, which is not there yet."""
        (self.goes / name).mkdir(parents=True)
        (self.goes / name / "package.json").write_text("{}")
        return self.goes / name / "node_modules"

    def content(self, size: int, *, text: bool = False) -> bytes:
        """Return content of *size* bytes."""
        if text:
            start = self.chance.randrange(len(_TEXT))
            return (_TEXT * (size // len(_TEXT) + 2))[start : start + size]
        start = self.chance.randrange(1 << 18)
        return (_POOL * (size // len(_POOL) + 2))[start : start + size]

    def packages(self, top: Path, files: int, *, text: bool = False) -> None:
        """Make *files* files in packages, of the sizes that npm's have: half of them take less than 2 kB."""
        made = number = 0
        while made < files:
            package = top / f"package-{number}"
            (package / "lib").mkdir(parents=True)
            number += 1
            for index in range(min(self.chance.randrange(4, 16), files - made)):
                size = min(int(self.chance.lognormvariate(7.7, 1.6)) + 1, 1 << 19)
                name = f"{'lib/' if index > 5 else ''}{index}-index.js"
                (package / name).write_bytes(self.content(size, text=text))
                made += 1

    def many(self, top: Path, files: int, below: int, *, text: bool = False) -> None:
        """Make *files* files with fewer bytes than *below* each, a hundred in a directory."""
        for number in range(files):
            if number % 100 == 0:
                directory = top / f"part-{number // 100}"
                directory.mkdir(parents=True)
            size = self.chance.randrange(1, below)
            (directory / f"{number}.js").write_bytes(self.content(size, text=text))

    def links(self, top: Path, count: int) -> None:
        """Make symlinks, as pnpm does."""
        top.mkdir(parents=True)
        for number in range(count):
            far = f"../../.pnpm/package-{number}@1.2.3_peer@4.5.6/node_modules/package-{number}"
            (top / f"link-{number}").symlink_to(far)

    def sync(self) -> None:
        """Have all that was written on the disk, as only then it is known where."""
        synchronize(self.top)


def clone_tree(source: Path, copy: Path) -> None:
    """Copy a tree so that both share the content, as ``cp`` does where the file system can."""
    cloned = subprocess.run(
        ["cp", "-r", "--reflink=always", source, copy], capture_output=True, text=True, check=False
    )
    if cloned.returncode:
        unable(f"cannot clone: {cloned.stderr[:200]}")


def clone(source: Path, copy: Path) -> None:
    """Have *copy* share the content of *source*."""
    with open(source, "rb") as there, open(copy, "wb") as here:
        fcntl.ioctl(here, _FICLONE, there.fileno())


def link_tree(source: Path, copy: Path) -> None:
    """Make a tree of hard links to another one's files."""
    shutil.copytree(source, copy, copy_function=os.link, symlinks=True)


def subvolume(*arguments: str | Path) -> None:
    """Have ``btrfs subvolume`` do something."""
    subprocess.run(["btrfs", "-q", "subvolume", *arguments], check=True)


def synchronize(where: Path) -> None:
    """Write everything of a file system to the disk: syncfs(2)."""
    descriptor = os.open(where, os.O_RDONLY)
    try:
        if _libc.syncfs(descriptor):
            raise OSError(ctypes.get_errno(), "syncfs")
    finally:
        os.close(descriptor)


def free_bytes(where: Path, *, still: int = 4) -> int:
    """Return what ``df`` says is free, once it has said the same several times.

    XFS gives back in the background what was deleted.
    """
    said: list[int] = []
    while len(said) < 500 and (len(said) < still or len({*said[-still:]}) > 1):
        synchronize(where)
        status = os.statvfs(where)
        said.append(status.f_bfree * status.f_frsize)
        time.sleep(0.02)
    return said[-1]


def shape(name: str) -> Callable[[Shape], Shape]:
    """Put a shape into the table under a *name*."""

    def put(make: Shape) -> Shape:
        SHAPES[name] = make
        return make

    return put


@shape("npm")
def _npm(make: Making) -> None:
    make.packages(make.project("a"), 900)


@shape("npm, and others after it")
def _npm_before(make: Making) -> None:
    make.packages(make.project("a"), 900)
    make.packages(make.stays / "b", 300)


@shape("npm, text")
def _text(make: Making) -> None:
    make.packages(make.project("a"), 900, text=True)


@shape("projects, every other goes")
def _every_other(make: Making) -> None:
    for number in range(8):
        place = make.project(f"a{number}") if number % 2 else make.stays / f"b{number}"
        make.packages(place, 120)


@shape("two written at the same time")
def _woven(make: Making) -> None:
    places = make.project("a"), make.stays / "b"
    for number in range(900):
        for place in places:
            directory = place / f"part-{number // 20}"
            directory.mkdir(parents=True, exist_ok=True)
            content = make.content(make.chance.randrange(1, 12_000))
            (directory / f"{number}.js").write_bytes(content)


@shape("files below 100 B")
def _tiny(make: Making) -> None:
    make.many(make.project("a"), 2500, 100)


@shape("text below 2 kB")
def _small_text(make: Making) -> None:
    make.many(make.project("a"), 1500, 2000, text=True)


@shape("directories")
def _directories(make: Making) -> None:
    top = make.project("a")
    for number in range(1500):
        (top / f"part-{number // 100}/directory-{number}").mkdir(parents=True)


@shape("symlinks")
def _symlinks(make: Making) -> None:
    make.links(make.project("a"), 2000)


@shape("long names")
def _long_names(make: Making) -> None:
    top = make.project("a")
    for number in range(800):
        directory = top / f"part-{number // 50}-{'d' * 150}"
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"{number}-{'n' * 180}.js").write_bytes(
            make.content(make.chance.randrange(1, 9000))
        )


@shape("reflinks of a store that stays")
def _clones_of_store(make: Making) -> None:
    make.packages(make.stays / "store", 700)
    make.sync()
    clone_tree(make.stays / "store", make.project("a"))


@shape("reflinks between two that both go")
def _clones_of_each_other(make: Making) -> None:
    first, second = make.project("a"), make.project("b")
    make.packages(first, 700)
    make.sync()
    clone_tree(first, second)


@shape("reflinks between two that go, and a third")
def _clones_of_three(make: Making) -> None:
    first, second = make.project("a"), make.project("b")
    make.packages(first, 700)
    make.sync()
    clone_tree(first, second)
    clone_tree(first, make.stays / "c")


@shape("clones, overwritten in part")
def _overwritten_clones(make: Making) -> None:
    make.many(make.stays / "store", 60, 300_000)
    make.sync()
    top = make.project("a")
    clone_tree(make.stays / "store", top)
    make.sync()
    for path in sorted(top.rglob("*.js"))[::2]:
        _overwrite(make, path)


@shape("files, overwritten in part")
def _overwritten(make: Making) -> None:
    top = make.project("a")
    make.many(top, 60, 300_000)
    make.sync()
    for path in sorted(top.rglob("*.js")):
        _overwrite(make, path)


def _overwrite(make: Making, path: Path) -> None:
    blocks = max(path.stat().st_size // 4096 - 2, 1)
    with open(path, "r+b") as file:
        for _ in range(3):
            file.seek(make.chance.randrange(blocks) * 4096)
            file.write(make.content(8192))


@shape("logs, written piece by piece")
def _appended(make: Making) -> None:
    top = make.project("a")
    top.mkdir()
    for _ in range(6):
        for number in range(60):
            with open(top / f"{number}.log", "ab") as file:
                file.write(make.content(make.chance.randrange(500, 9000)))
        make.sync()


@shape("pnpm, the store stays")
def _pnpm(make: Making) -> None:
    make.packages(make.stays / "store", 600)
    for name in "ab":
        top = make.project(name)
        link_tree(make.stays / "store", top)
        make.links(top / "links", 60)


@shape("pnpm, the store goes")
def _pnpm_all(make: Making) -> None:
    store, *projects = (make.project(name) for name in "sab")
    make.packages(store, 600)
    for project in projects:
        link_tree(store, project)


@shape("text, 20 MB")
def _compressible(make: Making) -> None:
    top = make.project("a")
    top.mkdir()
    for number in range(20):
        (top / f"bundle-{number}.js").write_bytes(make.content(1_000_000, text=True))


@shape("a large file")
def _large(make: Making) -> None:
    top = make.project("a")
    top.mkdir()
    (top / "large").write_bytes(make.content(40_000_000))


@shape("medium files")
def _medium(make: Making) -> None:
    make.many(make.project("a"), 250, 200_000)


@shape("files with holes")
def _holes(make: Making) -> None:
    top = make.project("a")
    top.mkdir()
    for number in range(60):
        with open(top / f"{number}", "wb") as file:
            for piece in range(5):
                file.seek(piece * 100_000)
                file.write(make.content(20_000))


@shape("one attribute on all files")
def _attributes(make: Making) -> None:
    top = make.project("a")
    make.packages(top, 500)
    for path in _files(top):
        os.setxattr(path, "user.origin", b"https://example.org/" + b"p" * 120)


@shape("attributes that differ")
def _attributes_that_differ(make: Making) -> None:
    top = make.project("a")
    make.packages(top, 500)
    for path in _files(top):
        os.setxattr(path, "user.checksum", make.content(150))


@shape("a default ACL")
def _acl(make: Making) -> None:
    os.setxattr(make.goes, "system.posix_acl_default", _default_acl())
    make.packages(make.project("a"), 1400)


def _files(top: Path) -> Iterator[Path]:
    return (path for path in sorted(top.rglob("*")) if path.is_file())


def _default_acl() -> bytes:
    """Return the attribute of acl(5) that lets one more user in: version 2, then tag, permissions and user of each."""
    entries = ((1, 7, -1), (2, 7, 1000), (4, 5, -1), (16, 7, -1), (32, 5, -1))
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)


@shape("a snapshot, and a project after it")
def _snapshot(make: Making) -> None:
    make.goes.rmdir()
    subvolume("create", make.goes)
    make.packages(make.project("a"), 500)
    make.sync()
    subvolume("snapshot", make.goes, make.stays / "snapshot")
    make.packages(make.project("b"), 500)


@shape("a project after a snapshot")
def _after_snapshot(make: Making) -> None:
    make.goes.rmdir()
    subvolume("create", make.goes)
    make.packages(make.goes / "old", 300)
    make.sync()
    subvolume("snapshot", make.goes, make.stays / "snapshot")
    make.packages(make.project("b"), 900)


def grow(make: Making, *, snapshots: bool) -> None:
    """Make a random tree: projects that go and that stay, with links, clones, and what was overwritten since."""
    chance = make.chance
    if snapshots:
        make.goes.rmdir()
        subvolume("create", make.goes)
    tops: list[Path] = []
    for number in range(chance.randrange(2, 6)):
        stays = chance.random() < 0.4
        top = make.stays / f"s{number}" if stays else make.project(f"p{number}")
        _fill(make, top, tops)
        tops.append(top)
        if chance.random() < 0.5:
            make.sync()
        if chance.random() < 0.5:
            _change(make, chance.choice(tops))
        if snapshots and chance.random() < 0.3:
            make.sync()
            subvolume("snapshot", make.goes, make.stays / f"snapshot-{number}")
    if chance.random() < 0.3:
        _change(make, chance.choice(tops))


def _fill(make: Making, top: Path, others: list[Path]) -> None:
    """Make a random tree at *top*, some of which may be that of *others*."""
    chance = make.chance
    top.mkdir(parents=True)
    there = [path for other in others for path in _files(other) if not path.is_symlink()]
    # A subvolume has no links to files of another one.
    near = [path for path in there if path.stat().st_dev == top.stat().st_dev]
    for number in range(chance.randrange(1, 25)):
        directory = top / f"part-{number}"
        directory.mkdir()
        for index in range(chance.randrange(20)):
            path = directory / f"{index}-{'n' * chance.randrange(60)}.js"
            how = chance.random()
            if how < 0.1:
                path.symlink_to("../" * chance.randrange(1, 60))
            elif how < 0.3 and near:
                os.link(chance.choice(near), path)
            elif how < 0.6 and there:
                clone(chance.choice(there), path)
            else:
                size = min(int(chance.lognormvariate(8, 2.2)), 600_000)
                path.write_bytes(make.content(size, text=how > 0.8))
            if how > 0.95:  # One that has content of its own.
                os.setxattr(path, "user.checksum", make.content(chance.randrange(200)))


def _change(make: Making, top: Path) -> None:
    """Write something into some files, add to them, and delete some."""
    for path in _files(top):
        if path.is_symlink():
            continue
        how = make.chance.random()
        if how < 0.1:
            path.unlink()
        elif how < 0.2:
            with open(path, "ab") as file:
                file.write(make.content(make.chance.randrange(20_000)))
        elif how < 0.3 and path.stat().st_size > 3 * 4096:
            _overwrite(make, path)


def disk(mounts: Mounts, kind: str, where: Path) -> Path:
    """Have an empty file system of a *kind*: tmpfs, overlay (its upper layer), or one of :data:`DISKS`."""
    if kind == "tmpfs":
        return mounts.tmpfs(where)
    if kind == "overlay":
        mounts.image("ext4", where, mebibytes=_MEBIBYTES["ext4"])
        (where / "lower").mkdir()
        return lay_over(mounts, where / "lower")
    name, making, options = DISKS[kind]
    return mounts.image(name, where, *making, options=options, mebibytes=_MEBIBYTES[name])


def lay_over(mounts: Mounts, lower: Path) -> Path:
    """Lay an empty layer over the directory *lower*, which lies at the top of a file system that has the layer, too."""
    # The clock of a file system stands still for some milliseconds: what lies below has to be older.
    time.sleep(0.02)
    layers = [lower, lower.parent / "upper", lower.parent / "work"]
    for layer in layers[1:]:
        layer.mkdir()
    return mounts.overlay(lower.parent.with_name(f"{lower.parent.name}-merged"), *layers)


_MEBIBYTES: Final = {"ext4": 512, "xfs": 512, "btrfs": 1024}

DISKS: Final[dict[str, tuple[str, tuple[str, ...], str]]] = {
    "ext4": ("ext4", (), ""),
    "ext4, inodes of 128 bytes": ("ext4", ("-I", "128"), ""),
    "ext4, inline data": ("ext4", ("-O", "inline_data"), ""),
    "ext4, blocks of 1 kB": ("ext4", ("-b", "1024"), ""),
    "ext4, clusters": ("ext4", ("-O", "bigalloc", "-C", "16384"), ""),
    "xfs": ("xfs", (), ""),
    "xfs, no reflinks": ("xfs", ("-m", "reflink=0"), ""),
    "xfs, rmapbt": ("xfs", ("-m", "rmapbt=1"), ""),
    "btrfs": ("btrfs", ("-m", "single"), "noatime"),
    "btrfs, DUP": ("btrfs", ("-m", "dup"), "noatime"),
    "btrfs, zstd": ("btrfs", ("-m", "single"), "noatime,compress=zstd"),
    "btrfs, nodatacow": ("btrfs", ("-m", "single"), "noatime,nodatacow"),
}
"""What makes the file system, what it is told, and how it is mounted. If a snapshot has the directory too, each look into one that
writes down when it was takes a new place in the tree."""
