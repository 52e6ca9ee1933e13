"""Finds what was edited in an environment, or put among its packages, however long before the last installation.

An installer writes the size and the hash of each file into RECORD, and the next one leaves the files of other
distributions alone. So the time when the last installer was through says nothing of an edit before it.

Source: the PyPA's "Recording installed projects" (RECORD; "sha256=…", then the size in bytes).
"""

import csv
import io
import os
import stat
from collections.abc import Iterable, Iterator
from typing import Final

from cleanup_nodemodule.proof.declared import placed
from cleanup_nodemodule.proof.declared.distributions import Distribution, Installed
from cleanup_nodemodule.proof.declared.python_parts import LATER, has
from cleanup_nodemodule.proof.stat_cache import StatCache

_UNPACKING: Final = 60
"""Seconds that unpacking one distribution takes at most: RECORD is written last."""

_EMPTY_MOST: Final = 200
"""Entries of a directory that are looked at to see that nothing is left in it."""

_BYTECODE: Final = (".pyc", ".pyo")

_COLUMNS: Final = 3
"""Of a RECORD: path, hash, size."""

_Row = tuple[str, str, int]
"""What is recorded of a file: its hash and its size, as they are written; and when RECORD was."""


def edited(artifact: str, installed: Installed, cache: StatCache) -> tuple[str, ...]:
    """Return the files that are not as RECORD says, and what lies in packages that no RECORD names.

    The paths are relative to *artifact*. Lists each directory that a RECORD names once. The content of a file is
    read only where its time is later than that of its RECORD. Raises OSError where something cannot be looked at.
    """
    return tuple(sorted(_Edits(artifact, installed, cache).found()))


class _Edits:
    """What is known of one environment while its files are compared."""

    def __init__(self, artifact: str, installed: Installed, cache: StatCache) -> None:
        self._artifact = artifact
        self._installed = installed
        self._cache = cache
        self._rows: dict[str, dict[str, _Row]] = {}
        """By directory and name."""
        self._again: dict[str, list[_Row]] = {}
        """Of files that several distributions brought: what the others recorded."""
        self._loose: set[str] = set()
        """Packages of which nobody wrote down what is in them."""
        for one, record in installed.records.items():
            self._read(one, record)
        self._known = _all_above(self._rows)
        self._real: dict[str, bool] = {"": True}

    def _read(self, one: Distribution, record: bytes) -> None:
        """Take the rows of a RECORD. There are many thousands, so that little is done for each."""
        status = self._cache.status(self._artifact, f"{one.site}/{one.entry}/RECORD")
        written = 0 if status is None else int(status.st_mtime)
        text = record.decode("utf-8", "surrogateescape")
        split: Iterable[list[str]] = (
            csv.reader(io.StringIO(text, newline=""))
            if '"' in text
            else (line.rsplit(",", 2) for line in text.splitlines())
        )
        site = place = one.site
        around, rows = "", self._rows.setdefault(site, {})
        for row in split:
            if len(row) != _COLUMNS:
                if row and row[0].endswith("/"):
                    self._loose.add(f"{site}/{row[0][:-1]}")
                continue
            path, recorded, size = row
            if path.endswith(_BYTECODE):
                continue
            directory, _, name = path.rpartition("/")
            if directory != around:
                around = directory
                place = f"{site}/{directory}"
                if not directory or directory[0] in "./" or "/." in directory:
                    place = self._installed.relative(site, path).rpartition("/")[0]
                rows = self._rows.setdefault(place, {})
            before = rows.get(name)
            if before is not None:
                self._again.setdefault(f"{place}/{name}", []).append(before)
            rows[name] = (recorded, size, written)

    def found(self) -> Iterator[str]:
        """Give the paths."""
        sites = self._installed.sites
        within = tuple(f"{site}/" for site in sites)
        for directory, rows in self._rows.items():
            if not directory or directory.startswith("..") or not self._is_real(directory):
                continue
            package = directory.startswith(within) and not directory.endswith(".dist-info")
            with os.scandir(os.path.join(self._artifact, directory)) as entries:
                for entry in entries:
                    name = entry.name
                    row = rows.get(name)
                    if row is None:
                        if package and self._is_added(entry, directory):
                            yield f"{directory}/{name}"
                        continue
                    recorded, size, written = row
                    if not recorded:
                        continue
                    status = entry.stat(follow_symlinks=False)
                    late = status[stat.ST_MTIME] > written + _UNPACKING
                    if (late or size != str(status[stat.ST_SIZE])) and self._differs(
                        f"{directory}/{name}", status, row, late=late
                    ):
                        yield f"{directory}/{name}"

    def _is_real(self, directory: str) -> bool:
        """Whether a directory is there, without a symlink or another file system on the way."""
        known = self._real.get(directory)
        if known is None:
            around, _, name = directory.rpartition("/")
            known = self._is_real(around) and self._cache.is_directory(
                os.path.join(self._artifact, around) if around else self._artifact, name
            )
            self._real[directory] = known
        return known

    def _differs(self, path: str, status: os.stat_result, row: _Row, *, late: bool) -> bool:
        """Whether a file is not what was recorded. What a symlink leads to is no part of the environment."""
        if not stat.S_ISREG(status.st_mode):
            return False
        for recorded, size, _ in (row, *self._again.get(path, ())):
            if size and size != str(status.st_size):
                continue
            if not recorded or (size and not late):
                return False
            if has(self._artifact, path, recorded, self._cache):
                return False
        return not placed.fits(path, LATER)

    def _is_added(self, entry: "os.DirEntry[str]", directory: str) -> bool:
        """Whether something that no RECORD names was put into a package."""
        name = entry.name
        path = f"{directory}/{name}"
        if name.endswith(_BYTECODE) or name == "__pycache__":
            return False
        if path in self._known or self._is_loose(directory):
            return False
        if entry.is_dir(follow_symlinks=False):
            return not placed.fits(f"{path}/x", LATER) and not is_empty(entry.path)
        # A catalogue of messages is compiled from what lies beside it (django-admin compilemessages).
        if name.endswith(".mo") and f"{name[:-3]}.po" in self._rows[directory]:
            return False
        return not placed.fits(path, LATER)

    def _is_loose(self, directory: str) -> bool:
        if not self._loose:
            return False
        while directory:
            if directory in self._loose:
                return True
            directory = directory.rpartition("/")[0]
        return False


def _all_above(directories: dict[str, dict[str, _Row]]) -> set[str]:
    found: set[str] = set()
    for directory in directories:
        place = directory
        while place and place not in found:
            found.add(place)
            place = place.rpartition("/")[0]
    return found


def is_empty(path: str) -> bool:
    """Whether nothing lies in a directory but bytecode and directories, as after something was uninstalled."""
    stack, seen = [path], 0
    while stack:
        place = stack.pop()
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    seen += 1
                    if seen > _EMPTY_MOST:
                        return False
                    if entry.is_dir(follow_symlinks=False):
                        stack.append(entry.path)
                    elif not (place.endswith("__pycache__") and entry.name.endswith(".pyc")):
                        return False
        except NotADirectoryError:
            return False
    return True
