"""What is installed in a Python environment, and which entries of it that accounts for.

Sources: the PyPA's "Recording installed projects" (``*.dist-info``, RECORD, INSTALLER), "Core metadata",
"Direct URL Data Structure" and "Virtual environments"; setuptools' "Development Mode" (``*.egg-link``).
"""

import csv
import io
import json
import os
import posixpath
import re
import stat
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from cleanup_nodemodule.proof.declared.requirements import (
    Requirement,
    extras_of,
    normalised,
    requirement,
)
from cleanup_nodemodule.proof.stat_cache import StatCache

LARGEST: Final = 64 * 1024 * 1024
"""Bytes of a RECORD or a lock file that are read at most: that of ansible has 5 million."""

_SITES: Final = (
    "lib/python*/site-packages/",
    "lib/pypy*/site-packages/",
    "lib64/python*/site-packages/",
    "Lib/site-packages/",
    "site-packages/",
)
"""Where environments keep what is installed (sysconfig of CPython and PyPy). ``lib64`` is a symlink, but where
the platform's modules go to a place of their own."""

_DEEPEST: Final = 5
"""Names of a path that are looked at to see which distribution something is of: ``lib/python3.11/site-packages/flask``
has four."""

_EXTRA: Final = re.compile(r"extra\s*==\s*['\"]([^'\"]+)['\"]")

_REQUIRES: Final = re.compile(rb"^Requires-Dist:[ \t]*([^\r\n]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Distribution:
    """One installed distribution."""

    name: str
    """Normalised."""
    version: str
    site: str
    """The directory it is in, relative to the environment."""
    entry: str
    """What it is called there: ``flask-3.1.3.dist-info``."""
    written: int
    """When that was last written, in seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Direct:
    """Where a distribution was installed from, if that was not an index."""

    url: str
    """Without credentials, as its installer wrote it."""
    path: str
    """The absolute path, if it was this machine; else empty."""
    archive: bool
    """It was a file and no directory."""


class Installed:
    """What is installed in one environment. Reads each thing when it is asked for, and once."""

    def __init__(self, artifact: str, cache: StatCache, sites: Iterable[str] | None = None) -> None:
        """*sites* are the directories that distributions are in, if they are known."""
        self._artifact = artifact
        self._cache = cache
        self.sites: Final = tuple(
            dict.fromkeys(
                site.rstrip("/")
                for pattern in sites or _SITES
                for site in cache.matches(artifact, pattern)
            )
        )
        self._needs: Final[dict[Distribution, list[tuple[frozenset[str], Requirement]]]] = {}
        self.entries: Final[dict[str, tuple[str, ...]]] = {}
        """What each of these directories holds."""
        found: list[Distribution] = []
        for site in self.sites:
            names = []
            with os.scandir(os.path.join(artifact, site)) as entries:
                for entry in entries:
                    names.append(entry.name)
                    if is_metadata(entry.name):
                        found.append(_distribution(entry, site))
            self.entries[site] = tuple(sorted(names))
        self.distributions: Final = tuple(sorted(found, key=lambda one: (one.name, one.entry)))
        self.by_name: Final[dict[str, list[Distribution]]] = {}
        for one in self.distributions:
            self.by_name.setdefault(one.name, []).append(one)

    def read(self, one: Distribution, name: str, largest: int = LARGEST) -> bytes | None:
        """Return what a file of the metadata of *one* holds, None if there is none."""
        place = os.path.join(self._artifact, one.site)
        return self._cache.read(place, f"{one.entry}/{name}", largest)

    def content(self, path: str, largest: int) -> bytes | None:
        """Return what a file of the environment holds, None if it is larger or no regular file."""
        return self._cache.read(self._artifact, path, largest)

    @cached_property
    def records(self) -> Mapping[Distribution, bytes]:
        """What each installer wrote down of the files of a distribution, with a line feed before."""
        return {one: b"\n" + self._record(one) for one in self.distributions}

    def _record(self, one: Distribution) -> bytes:
        if one.entry.endswith(".dist-info"):
            content = self.read(one, "RECORD")
            if content is not None:
                return content
            suffix = b"/"
        else:
            # Relative to the metadata (pip's req/req_install.py until 23.0).
            content = self.read(one, "installed-files.txt")
            if content is not None:
                above = (posixpath.normpath(f"{one.entry}/{line}") for line in _lines(content))
                return "".join(f"{line},,\n" for line in above).encode()
            suffix = b"/"
        top = self.read(one, "top_level.txt") or b""
        return b"".join(
            name + suffix + b"\n" + name + b".py,,\n" for name in top.split() if name.strip()
        )

    def direct(self, one: Distribution) -> Direct | None:
        """Return where *one* was installed from, None if it was an index."""
        if one.entry.endswith(".egg-link"):
            lines = _lines(self._cache.read(os.path.join(self._artifact, one.site), one.entry))
            path = os.path.normpath(lines[0]) if lines else ""
            return Direct(f"file://{path}", path, archive=False)
        content = self.read(one, "direct_url.json")
        if content is None:
            return None
        try:
            written = json.loads(content)
            url = str(written["url"])
            archive = "archive_info" in written
        except (ValueError, RecursionError, KeyError, TypeError):
            return Direct("", "", archive=False)
        path = ""
        if url.startswith("file:"):
            parts = urllib.parse.urlsplit(url)
            path = os.path.normpath(urllib.request.url2pathname(parts.path))
        return Direct(url, path, archive)

    def requires(self, one: Distribution, extras: frozenset[str]) -> Iterator[Requirement]:
        """Give what *one* needs with these *extras*.

        What its environment markers say of versions and platforms is not looked at: what is installed was
        wanted there.
        """
        if one not in self._needs:
            self._needs[one] = self._required(one)
        for wanted, asked in self._needs[one]:
            if not wanted or not extras.isdisjoint(wanted):
                yield asked

    def _required(self, one: Distribution) -> list[tuple[frozenset[str], Requirement]]:
        """Return all that *one* may need, each with the extras that need it; none: always."""
        content = self.read(one, "METADATA")
        if content is None:
            # Eggs have a file of its own for it (setuptools' "Eggs and their formats").
            return self._egg_requires(one)
        found = []
        for line in _REQUIRES.findall(content, 0, _end_of_headers(content)):
            written, _, marker = line.decode("utf-8", "replace").partition(";")
            wanted: frozenset[str] = frozenset()
            if "extra" in marker:
                wanted = frozenset(normalised(extra) for extra in _EXTRA.findall(marker))
            asked = requirement(written.strip())
            if asked is not None:
                found.append((wanted, asked))
        return found

    def _egg_requires(self, one: Distribution) -> list[tuple[frozenset[str], Requirement]]:
        names = ("requires.txt", "EGG-INFO/requires.txt")
        content = next((text for name in names if (text := self.read(one, name)) is not None), b"")
        if one.entry.endswith(".egg-link") and (direct := self.direct(one)) is not None:
            pattern = f"{one.entry.removesuffix('.egg-link')}.egg-info/requires.txt"
            content = next(
                (
                    self._cache.read(direct.path, name) or b""
                    for name in self._cache.matches(direct.path, pattern)
                ),
                b"",
            )
        found = []
        wanted: frozenset[str] = frozenset()
        for line in _lines(content):
            if line.startswith("["):
                wanted = extras_of(line.strip("[]").partition(":")[0])
            elif (asked := requirement(line)) is not None:
                found.append((wanted, asked))
        return found

    def reached(self, roots: Iterable[Requirement]) -> set[str]:
        """Return the names of all that *roots* bring with them, as far as it is installed."""
        known: dict[str, frozenset[str]] = {}
        stack = [(one.name, one.extras) for one in roots if one.name]
        while stack:
            name, extras = stack.pop()
            before = known.get(name)
            if before is not None and extras <= before:
                continue
            known[name] = extras | (before or frozenset())
            for one in self.by_name.get(name, ()):
                stack += ((asked.name, asked.extras) for asked in self.requires(one, known[name]))
        return set(known)

    def accounted(self) -> set[str]:
        """Return what all records name: the first names in each directory that holds more than one thing.

        Relative to the environment: ``lib/python3.11/site-packages/flask``, ``bin/flask``, ``share/jupyter``.
        """
        found: set[str] = set()
        for one, record in self.records.items():
            for path in _tops(record):
                found.update(self._firsts(one.site, path))
        return found

    def _firsts(self, site: str, path: str) -> Iterator[str]:
        if not path.startswith(".."):
            place = self.relative(site, path)
            if place == f"{site}/{path}":
                yield f"{site}/{path.partition('/')[0]}"
                return
        else:
            place = posixpath.normpath(f"{site}/{path}")
        parts = place.split("/")
        yield from ("/".join(parts[:number]) for number in range(1, min(len(parts), _DEEPEST) + 1))

    def relative(self, site: str, path: str) -> str:
        """Return a path of a record relative to the environment. Poetry writes absolute ones for a project."""
        if not posixpath.isabs(path):
            return posixpath.normpath(f"{site}/{path}")
        top = f"{self._artifact}/"
        if path.startswith(top):
            return path[len(top) :]
        # It was moved since.
        _, inside, rest = path.rpartition(f"/{site}/")
        return f"{site}/{rest}" if inside else "/".join(path.split("/")[-2:])

    def files(self, tops: Iterable[str]) -> dict[str, str]:
        """Return the files of all distributions that have a name in *tops* to theirs, with what was recorded of each.

        Both *tops* and the paths are relative to the environment. What was recorded is ``sha256=…``, or empty.
        """
        wanted = set(tops)
        own = {
            one: {place for path in _tops(record) for place in self._firsts(one.site, path)}
            for one, record in self.records.items()
        }
        unseen = wanted.difference(*own.values())
        found: dict[str, str] = {}
        for one, record in self.records.items():
            if wanted.isdisjoint(own[one]) and not any(
                _names(one.site, record, path) for path in unseen
            ):
                continue
            rows = csv.reader(io.StringIO(record.decode("utf-8", "surrogateescape"), newline=""))
            for row in rows:
                if row:
                    place = self.relative(one.site, row[0])
                    found[place] = row[1] if len(row) > 1 else ""
        return found

    def is_recorded(self, path: str) -> bool:
        """Whether a record names *path*, or something beneath it, wherever in the record that stands."""
        return any(_names(one.site, record, path) for one, record in self.records.items())


def _names(site: str, record: bytes, path: str) -> bool:
    name = os.fsencode(posixpath.relpath(path, site))
    return b"\n" + name + b"/" in record or b"\n" + name + b"," in record


def is_metadata(name: str) -> bool:
    """Whether an entry of ``site-packages`` is the metadata of a distribution."""
    return name.endswith((".dist-info", ".egg-info", ".egg-link", ".egg")) and name[0] != "~"


def _distribution(entry: "os.DirEntry[str]", site: str) -> Distribution:
    name, _, version = os.path.splitext(entry.name)[0].partition("-")
    written = entry.stat(follow_symlinks=False)[stat.ST_MTIME]
    # Eggs name the Python after the version.
    return Distribution(
        normalised(name), version.partition("-py")[0], site, entry.name, int(written)
    )


def _end_of_headers(content: bytes) -> int:
    ends = [end for end in (content.find(b"\n\n"), content.find(b"\r\n\r\n")) if end >= 0]
    return min(ends, default=len(content))


def _lines(content: bytes | None) -> list[str]:
    text = (content or b"").decode("utf-8", "replace")
    return [line.strip() for line in text.splitlines() if line.strip()]


def _tops(record: bytes) -> Iterator[str]:
    """Give the first name of each path in *record*, and what does not lie beneath wholly.

    Records are long and in order: after a name of a directory come all that lie in it. Where they are not, some are
    left out. The metadata themselves are too.
    """
    position, end, around = 1, len(record), b""
    while position < end:
        stop = record.find(b"\n", position)
        stop = end if stop < 0 else stop
        line = record[position:stop]
        position = stop + 1
        slash, comma = line.find(b"/"), line.find(b",")
        if line.startswith((b"..", b"/", b'"')):
            path = line.rsplit(b",", 2)[0].strip(b'"')
            # Of hundreds in one directory below share the first says the same as all.
            before, around = around, path.rpartition(b"/")[0]
            if before == around and before.count(b"/") > _DEEPEST:
                continue
        elif slash < 0 or -1 < comma < slash:
            path = line[:comma] if comma >= 0 else line.rstrip()
        else:
            path = line[:slash]
            if path.endswith(b".dist-info"):
                # Some add these at the end.
                continue
            last = record.rfind(b"\n" + line[: slash + 1], position - 1)
            if last >= 0:
                after = record.find(b"\n", last + 1)
                position = end if after < 0 else after + 1
        if path:
            yield os.fsdecode(path)
