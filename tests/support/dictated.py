"""Trees that hypothesis dictates, made for real, and what is in them counted in the plainest way."""

import os
import random
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, TypeAlias

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from cleanup_nodemodule.engine.contract import Root


class Bytes(NamedTuple):
    """A file with so many bytes in it."""

    size: int


class Sparse(NamedTuple):
    """A file with a hole before its last byte."""

    size: int


class Symlink(NamedTuple):
    target: bytes


class HardLink(NamedTuple):
    """Another link to something made before, or to a file outside of the tree."""

    which: int


class Fifo(NamedTuple):
    """A named pipe."""


Node: TypeAlias = "Bytes | Sparse | Symlink | HardLink | Fifo | Mapping[bytes, Any]"
Dictated: TypeAlias = Mapping[bytes, Node]

TARGETS: Final = (b"node_modules", b"dist")
SKIPPED: Final = b".git"

odd_names = st.binary(min_size=1, max_size=40).filter(
    lambda name: b"/" not in name and b"\0" not in name and name not in {b".", b".."}
)
names = st.one_of(
    st.sampled_from([*TARGETS, SKIPPED, b"a", b"b", b"src", b"new\nline", b"-rf", b"\xff\xfe"]),
    odd_names,
)
leaves = st.one_of(
    st.builds(Bytes, st.sampled_from([0, 1, 511, 512, 4095, 4096, 4097, 20_000])),
    st.builds(Sparse, st.integers(1, 50_000_000)),
    st.builds(Symlink, st.one_of(names, st.sampled_from([b"..", b".", b"/", b"a/b", b"x" * 200]))),
    st.builds(HardLink, st.integers(0, 30)),
    st.builds(Fifo),
)
trees = st.recursive(
    st.dictionaries(names, leaves, max_size=8),
    lambda children: st.dictionaries(names, children | leaves, min_size=1, max_size=8),
    max_leaves=30,
)
budgets = st.integers(1, 60)
# Not st.randoms: how often chance is asked depends on the order of a directory, or on threads.
shuffles = st.builds(random.Random, st.integers(0, 2**32))


class Place(NamedTuple):
    """A directory with the tree dictated, and beside it files that links of it lead to."""

    top: bytes
    outside: bytes


def make(directory: bytes, tree: Dictated, linkable: list[bytes]) -> None:
    os.mkdir(directory)
    for name, node in tree.items():
        path = os.path.join(directory, name)
        match node:
            case Bytes(size):
                with open(path, "wb") as file:
                    file.write(b"x" * size)
            case Sparse(size):
                with open(path, "wb") as file:
                    file.seek(size - 1)
                    file.write(b"x")
            case Symlink(target):
                os.symlink(target, path)
            case HardLink(which):
                os.link(linkable[which % len(linkable)], path, follow_symlinks=False)
            case Fifo():
                os.mkfifo(path)
            case Mapping():
                make(path, node, linkable)
                continue
        linkable.append(path)


@contextmanager
def made(tree: Dictated) -> Iterator[Place]:
    """Make *tree* for the time of the block."""
    with tempfile.TemporaryDirectory() as directory:
        top, outside = (os.path.join(os.fsencode(directory), name) for name in (b"t", b"outside"))
        os.mkdir(outside)
        files = [os.path.join(outside, b"%d" % number) for number in range(3)]
        for number, path in enumerate(files):
            with open(path, "wb") as file:
                file.write(b"precious" * 1000 * number)
        make(top, tree, files)
        yield Place(top, outside)


def root_of(path: bytes) -> Root:
    found = os.lstat(path)
    return Root(path, found.st_dev, found.st_ino)


# Counted here


def entries(top: bytes) -> Iterator[os.stat_result]:
    """Yield the status of *top* and of everything beneath it."""
    yield os.lstat(top)
    for path, directories, files in os.walk(top):
        for name in directories + files:
            yield os.lstat(os.path.join(path, name))


class Expected(NamedTuple):
    apparent: int
    allocated: int
    freed: int
    """Allocated bytes of what has no link outside."""
    files: int
    directories: int
    newest: int


def expected(top: bytes) -> Expected:
    apparent = allocated = freed = files = directories = newest = 0
    met: dict[tuple[int, int], int] = {}
    for entry in entries(top):
        is_directory = stat.S_ISDIR(entry.st_mode)
        directories += is_directory
        files += not is_directory
        newest = max(newest, int(entry.st_mtime))
        key = (entry.st_dev, entry.st_ino)
        met[key] = met.get(key, 0) + 1
        if met[key] == 1:
            apparent += entry.st_size
            allocated += entry.st_blocks * 512
        if is_directory or met[key] == entry.st_nlink:
            freed += entry.st_blocks * 512
    return Expected(apparent, allocated, freed, files, directories, newest)


def expected_hits(top: bytes, min_depth: int) -> list[bytes]:
    hits = []
    for path, directories, _ in os.walk(top):
        relative = os.path.relpath(path, top)
        depth = 0 if relative == b"." else relative.count(b"/") + 1
        for name in list(directories):
            inner = os.path.join(path, name)
            if os.path.islink(inner):
                continue
            if name in TARGETS and depth >= min_depth:
                hits.append(os.path.relpath(inner, top))
                directories.remove(name)
            elif name == SKIPPED:
                directories.remove(name)
    return sorted(hits)


def examples(number: int) -> int:
    """Return how many of *number* examples to try: a third of them under a sanitizer.

    That takes five times as long for each, and tells of the memory that any tree of a kind has it touch.
    """
    return number // 3 if "ASAN_OPTIONS" in os.environ else number


usual = settings(
    max_examples=examples(100),
    # The engine is the same throughout; nothing is left over from one tree to the next.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
