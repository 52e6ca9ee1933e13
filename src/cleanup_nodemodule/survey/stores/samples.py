"""Takes some files of an artifact that may be in a store, from as many of its packages as can be."""

import stat
from collections import deque
from collections.abc import Iterator
from typing import Final

from cleanup_nodemodule.survey.stores.manager import Sample
from cleanup_nodemodule.survey.stores.opened import Found, Opened

WANTED: Final = 6
"""Samples of each kind."""

_ENTRIES: Final = 4096
"""Directory entries that are looked at, at most; where there is enough of one kind, half as many."""

_NAMES: Final = 1024
"""Of one directory, at most."""

_FILES: Final = 16
"""Files of one directory whose status is asked, at most."""

_BRANCHES: Final = 16
"""Directories of one directory that are opened, at most: as far from each other as can be."""

_SMALLEST: Final = 4097
"""Bytes of a file without other links, at least: btrfs keeps those up to 2,048 bytes among the metadata, and one of a
whole block or less is likely to be there too where the block is larger (btrfs(5), ``max_inline``)."""


def of(artifact: Opened) -> list[Sample]:
    """Return some files with several links, if there are any; else some that may be clones."""
    linked: list[Sample] = []
    alone: list[Sample] = []
    waiting = deque([""])
    entries = 0
    while waiting and entries < _ENTRIES and len(linked) < WANTED:
        if len(alone) >= WANTED and entries >= _ENTRIES // 2:
            break
        directory = waiting.popleft()
        directories, files = artifact.scan(directory, _NAMES, _FILES)
        entries += 1 + len(directories) + len(files)
        waiting.extend(directory + name + "/" for name in _spread(sorted(directories)))
        # One of each directory, so that they are of many packages; the smallest, as some have to be read.
        fit = [
            Sample(
                directory + one.name,
                *(one.status.st_dev, one.status.st_ino, one.status.st_size),
                one.status.st_nlink > 1,
                stat.S_IMODE(one.status.st_mode),
            )
            for one in sorted(files, key=_bytes)
            if one.status.st_size
        ]
        linked += [one for one in fit if one.linked][:1]
        alone += [one for one in fit if not one.linked and one.bytes >= _SMALLEST][:1]
    return linked[:WANTED] or alone[:WANTED]


def _bytes(file: Found) -> int:
    return file.status.st_size


def _spread(names: list[str]) -> Iterator[str]:
    """Give some of the *names*, with as many left out between any two."""
    step = max(1, -(-len(names) // _BRANCHES))
    yield from names[::step]
