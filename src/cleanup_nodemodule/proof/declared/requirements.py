"""Reads what requirement specifiers and requirements files ask for.

Sources: PEP 503 (names), PEP 508 and the PyPA's "Dependency specifiers", and pip's "Requirements File Format" and
its ``req/req_file.py`` and ``utils/encoding.py``.
"""

import codecs
import functools
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from cleanup_nodemodule.proof.stat_cache import StatCache

_MOST_FILES: Final = 50
"""Requirements files that one may lead to by ``-r``."""

_SPECIFIER: Final = re.compile(
    r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[([^\]]*)\])?\s*(?=$|[<>=!~;@,(\s])"
)
"""A name with its extras, and what may follow them."""

_SEPARATORS: Final = re.compile(r"[-_.]+")

_COMMENT: Final = re.compile(r"(?:^|\s)#.*$")
"""Only after white space: a URL may have one inside."""

_OPTION: Final = re.compile(r"(-[a-z]|--[a-z-]+)[\s=]*(.*)$")

_EGG: Final = re.compile(r"[#&]egg=([A-Za-z0-9._-]+)(?:\[([^\]]*)\])?")

_EXTRAS_OF_PLACE: Final = re.compile(r"\[([\w,. -]*)\]$")

_ARCHIVE: Final = re.compile(
    r"([A-Za-z0-9][A-Za-z0-9._]*?)-[0-9][^/]*\.(?:whl|tar\.gz|zip|tar\.bz2)$"
)

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""As pip takes them: PowerShell writes what ``pip freeze > requirements.txt`` prints as UTF-16."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that is asked for."""

    name: str
    """Normalised; empty where only a place says what it is."""
    extras: frozenset[str] = frozenset()
    """Normalised."""
    place: str = ""
    """The URL or the path that it is to come from, as it is written; empty for the index."""


@functools.lru_cache(maxsize=4096)
def normalised(name: str) -> str:
    """Return the form of a name in which equal ones are equal (PEP 503)."""
    return _SEPARATORS.sub("-", name.strip()).lower()


def extras_of(written: str | None) -> frozenset[str]:
    """Return the extras that stand between brackets."""
    return frozenset(normalised(one) for one in (written or "").split(",") if one.strip())


@functools.lru_cache(maxsize=4096)
def requirement(line: str) -> Requirement | None:
    """Return what a specifier asks for, None if it is none. Comments and options are taken off before."""
    found = _SPECIFIER.match(line)
    if found is None or line.startswith(("git+", "http:", "https:", "file:")):
        return placed(line) if _is_place(line) else None
    rest = line[found.end() :].lstrip()
    place = rest[1:].partition(" ;")[0].strip() if rest.startswith("@") else ""
    if not rest and _ARCHIVE.search(line):
        return placed(line)
    return Requirement(normalised(found[1]), extras_of(found[2]), place)


def _is_place(line: str) -> bool:
    return (
        line.startswith((".", "/", "file:"))
        or "://" in line
        or bool(_ARCHIVE.search(line))
        or re.match(r"[\w.-]+[/\\]", line) is not None
    )


def placed(place: str) -> Requirement:
    """Return what is asked for by a URL or a path, which may name it and its extras."""
    place = place.partition(" ;")[0].strip().strip("\"'")
    egg = _EGG.search(place)
    if egg is not None:
        return Requirement(normalised(egg[1]), extras_of(egg[2]), place)
    if (brackets := _EXTRAS_OF_PLACE.search(place)) is not None:
        return Requirement("", extras_of(brackets[1]), place[: brackets.start()])
    archive = _ARCHIVE.match(place.partition("#")[0].rpartition("/")[2])
    return Requirement(normalised(archive[1]) if archive else "", frozenset(), place)


def from_lines(lines: Iterable[str]) -> tuple[Requirement, ...]:
    """Return what specifiers ask for, one in each line."""
    found = (requirement(_COMMENT.sub("", line).strip()) for line in lines)
    return tuple(one for one in found if one is not None)


def text_of(content: bytes) -> str:
    """Return the text of a file as pip reads it, whatever wrote it."""
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, "replace")
    return content.decode("utf-8", "replace")


def from_file(
    directory: str, name: str, boundary: str, cache: StatCache
) -> tuple[tuple[Requirement, ...], frozenset[str]]:
    """Return what the requirements file *name* in *directory* has pip install, and the files it is made of.

    Follows ``-r``, up to *boundary* and no further. What ``-c`` names only limits versions: it installs nothing.
    Places come back as absolute paths where they are paths. Raises OSError.
    """
    found: list[Requirement] = []
    read: set[str] = set()
    stack = [os.path.normpath(os.path.join(directory, name))]
    while stack and len(read) < _MOST_FILES:
        path = stack.pop()
        where, called = os.path.split(path)
        if path in read or not f"{path}/".startswith(f"{boundary.rstrip('/')}/"):
            continue
        content = cache.read(where, called)
        if content is None:
            continue
        read.add(path)
        for line in _logical(text_of(content)):
            option = _OPTION.match(line)
            if option is None:
                one = requirement(line)
            elif option[1] in {"-e", "--editable"}:
                one = placed(option[2])
            elif option[1] in {"-r", "--requirement"}:
                stack.append(os.path.normpath(os.path.join(where, option[2].strip("\"' "))))
                continue
            else:
                continue
            if one is not None:
                found.append(_absolute(one, where))
    return tuple(found), frozenset(read)


def _logical(text: str) -> Iterator[str]:
    """Give the lines of a requirements file: continued ones joined, comments and hashes taken off."""
    joined = ""
    for written in text.splitlines():
        if written.endswith("\\") and not written.lstrip().startswith("#"):
            joined += written[:-1] + " "
            continue
        line = _COMMENT.sub("", joined + written).strip()
        joined = ""
        line = line.partition(" --hash")[0].rstrip()
        if line:
            yield line
    if joined.strip():
        yield joined.partition(" --hash")[0].strip()


def _absolute(one: Requirement, where: str) -> Requirement:
    if not one.place or "://" in one.place or one.place.startswith("file:"):
        return one
    return Requirement(one.name, one.extras, os.path.normpath(os.path.join(where, one.place)))
