"""Looks at the disk for what a rule wants: its markers, and nothing but them."""

import fnmatch
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from cleanup_nodemodule.rules import Proof, Rule

_LARGEST: Final = 4 * 1024 * 1024
"""Bytes of a file that are read at most; markers are small, and a huge one proves nothing."""

CACHEDIR_TAG: Final = "CACHEDIR.TAG"

_SIGNATURE: Final = b"Signature: 8a477f597d28d172789f06886806bc55"
"""What a CACHEDIR.TAG begins with (Cache Directory Tagging Specification)."""

_CMAKE_BUILD: Final = re.compile(rb"^CMAKE_CACHEFILE_DIR:INTERNAL=(.*)$", re.MULTILINE)
_CMAKE_HOME: Final = re.compile(rb"^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a proof, and what became of it."""

    text: str
    """What was looked for."""
    fact: str | None
    """What was found, None if it was not."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One proof of a rule, tried on a directory."""

    conditions: tuple[Condition, ...]
    ignored: bool
    """It holds only if git ignores the directory, which is asked later."""

    @property
    def holds(self) -> bool:
        """Whether everything on disk is as the proof wants it."""
        return all(condition.fact is not None for condition in self.conditions)

    @property
    def facts(self) -> tuple[str, ...]:
        """What was found."""
        return tuple(condition.fact for condition in self.conditions if condition.fact is not None)


@dataclass(frozen=True, slots=True)
class Examination:
    """One rule, tried on a directory with its name."""

    rule: Rule
    trials: tuple[Trial, ...]
    hindrance: str | None
    """What is inside and should not be, if this is to be the rule's artifact."""
    precious: str | None
    """What is inside and cannot be made again."""

    @property
    def proven_on_disk(self) -> Trial | None:
        """A proof that holds and needs nobody else's word, None if there is none."""
        return self._first(ignored=False)

    @property
    def proven_if_ignored(self) -> Trial | None:
        """A proof that holds if git ignores the directory, None if there is none."""
        return self._first(ignored=True)

    def _first(self, *, ignored: bool) -> Trial | None:
        if self.hindrance is not None:
            return None
        return next((t for t in self.trials if t.holds and t.ignored is ignored), None)


def examine(rule: Rule, directory: str, boundary: str, *, enter: bool = True) -> Examination:
    """Try every proof of *rule* on *directory*; look no further up than *boundary*.

    Without *enter* nothing inside is looked at, and so nothing inside is found.
    """
    inside = directory if enter else os.devnull
    return Examination(
        rule,
        tuple(
            Trial(tuple(_conditions(proof, directory, inside, boundary)), proof.ignored)
            for proof in rule.proofs
        ),
        _first(inside, rule.without),
        _first(inside, rule.precious),
    )


def ancestors(directory: str, last: str | None) -> Iterator[str]:
    """Give *directory* and those above it, up to *last* or to the top."""
    while True:
        yield directory
        above = os.path.dirname(directory)
        if directory in {last, above}:
            return
        directory = above


def exists(directory: str, marker: str) -> bool:
    """Whether the marker is really there: what a symlink of that name leads to proves nothing.

    A marker is a regular file, or with a trailing slash a directory.
    """
    try:
        mode = os.lstat(os.path.join(directory, marker.rstrip("/"))).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISDIR(mode) if marker.endswith("/") else stat.S_ISREG(mode)


def read(path: str) -> bytes | None:
    """Return the content of a small regular file, None for anything else.

    Never follows a symlink as the last name and never waits, should the file have become a FIFO.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(path, flags | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0))
    except OSError:
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
            return None
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(_LARGEST)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _conditions(proof: Proof, directory: str, inside: str, boundary: str) -> Iterator[Condition]:
    project = os.path.dirname(directory)
    if proof.inside:
        yield _found(_first(inside, proof.inside), "{} inside", proof.inside)
    if proof.beside:
        yield _found(_first(project, proof.beside), "{} beside it", proof.beside)
    if proof.above:
        yield _above(proof.above, project, boundary)
    if proof.depends:
        package = _dependency(project, proof.depends)
        yield _found(package, "package.json beside it depends on {}", proof.depends)
    if proof.only:
        yield _only(inside, proof.only)
    if proof.holds is not None:
        file, text = proof.holds.file, proof.holds.text.encode()
        name = next(
            (
                name
                for name in _matches(inside, file)
                if text in (read(os.path.join(inside, name)) or b"")
            ),
            None,
        )
        yield _found(name, f"{{}} inside with {proof.holds.text}", (file,))
    if proof.tagged:
        tag = read(os.path.join(inside, CACHEDIR_TAG)) or b""
        found = CACHEDIR_TAG if tag.startswith(_SIGNATURE) else None
        yield _found(found, "{} inside with its signature", (CACHEDIR_TAG,))
    if proof.home:
        yield _cmake_home(inside, project, boundary)


def _found(name: str | None, phrase: str, wanted: Iterable[str]) -> Condition:
    return Condition(
        phrase.format(" or ".join(wanted)), None if name is None else phrase.format(name)
    )


def _above(markers: tuple[str, ...], project: str, boundary: str) -> Condition:
    for directory in ancestors(project, boundary):
        marker = _first(directory, markers)
        if marker is not None:
            return _found(
                marker, f"{{}} {'beside' if directory == project else 'above'} it", markers
            )
    return _found(None, "{} beside or above it", markers)


def _only(directory: str, patterns: tuple[str, ...]) -> Condition:
    text = f"nothing but {' and '.join(patterns)} inside"

    def fits(entry: "os.DirEntry[str]") -> bool:
        named = any(fnmatch.fnmatchcase(entry.name, pattern) for pattern in patterns)
        return named and entry.is_file(follow_symlinks=False)

    fine = None
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                fine = fits(entry)
                if not fine:
                    break
    except OSError:
        fine = None
    return Condition(text, text if fine else None)


def _cmake_home(directory: str, project: str, boundary: str) -> Condition:
    text = "a CMakeCache.txt inside that was made for this project"
    cache = read(os.path.join(directory, "CMakeCache.txt")) or b""
    home, made_in = _CMAKE_HOME.search(cache), _CMAKE_BUILD.search(cache)
    if home is None or made_in is None:
        return Condition(text, None)
    # Resolved, as CMake writes them the way it was called. A build within the sources has the
    # directory itself for a home, and a copy or a moved tree names another place: neither counts.
    fine = os.path.realpath(os.fsdecode(made_in[1].rstrip())) == directory and os.path.realpath(
        os.fsdecode(home[1].rstrip())
    ) in ancestors(project, boundary)
    return Condition(text, text if fine else None)


def _first(directory: str, markers: Iterable[str]) -> str | None:
    """Return the first of *markers* that is there, as it is called there."""
    for marker in markers:
        for name in _matches(directory, marker):
            return name
    return None


def _matches(directory: str, marker: str) -> Iterator[str]:
    """Give the names beneath *directory* that fit *marker*, in order.

    Wildcards fit within one name of the path; symlinks on the way are not followed.
    """
    if not any(mark in marker for mark in "*?["):
        if exists(directory, marker):
            yield marker
        return
    slash = "/" if marker.endswith("/") else ""
    head, _, tail = marker.rstrip("/").partition("/")
    names = [head]
    if any(mark in head for mark in "*?["):
        try:
            with os.scandir(directory) as entries:
                names = sorted(one.name for one in entries if fnmatch.fnmatch(one.name, head))
        except OSError:
            return
    for name in names:
        if not tail:
            if exists(directory, name + slash):
                yield name
        elif exists(directory, name + "/"):
            for rest in _matches(os.path.join(directory, name), tail + slash):
                yield f"{name}/{rest}"


def _dependency(project: str, packages: Iterable[str]) -> str | None:
    """Return the first of *packages* that the project's ``package.json`` depends on."""
    content = read(os.path.join(project, "package.json"))
    if content is None:
        return None
    try:
        manifest = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(manifest, dict):
        return None
    groups = [manifest.get(key) for key in ("dependencies", "devDependencies")]
    for package in packages:
        if any(isinstance(group, dict) and package in group for group in groups):
            return package
    return None
