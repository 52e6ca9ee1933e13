"""Looks at the disk for what a rule wants: its markers, and nothing but them."""

import fnmatch
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from cleanup_nodemodule.proof.rules import Proof, Rule
from cleanup_nodemodule.proof.stat_cache import StatCache, ancestors

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


def examine(
    rule: Rule,
    directory: str,
    boundary: str,
    *,
    enter: bool = True,
    cache: StatCache | None = None,
) -> Examination:
    """Try every proof of *rule* on *directory*; look no further up than *boundary*.

    Without *enter* nothing inside is looked at, and so nothing inside is found. *cache* is one of this
    run's. Raises OSError where something could not be looked at.
    """
    return _Trials(rule, directory, boundary, enter=enter, cache=cache or StatCache()).all()


class _Trials:
    """The proofs of a rule, tried on one directory."""

    def __init__(
        self, rule: Rule, directory: str, boundary: str, *, enter: bool, cache: StatCache
    ) -> None:
        self._rule = rule
        self._directory = directory
        self._inside = directory if enter else os.devnull
        self._project = os.path.dirname(directory)
        self._boundary = boundary
        self._cache = cache

    def all(self) -> Examination:
        """Try them all."""
        rule = self._rule
        return Examination(
            rule,
            tuple(Trial(tuple(self._conditions(proof)), proof.ignored) for proof in rule.proofs),
            self._there(rule.without),
            self._there(rule.precious),
        )

    def _conditions(self, proof: Proof) -> Iterator[Condition]:
        inside, project = self._inside, self._project
        if proof.inside:
            yield _found(self._first(inside, proof.inside), "{} inside", proof.inside)
        if proof.beside:
            yield _found(self._first(project, proof.beside), "{} beside it", proof.beside)
        if proof.above:
            yield self._above(proof.above)
        if proof.depends:
            package = _dependency(self._read(project, "package.json"), proof.depends)
            yield _found(package, "package.json beside it depends on {}", proof.depends)
        if proof.only:
            yield _only(inside, proof.only)
        if proof.holds is not None:
            file, text = proof.holds.file, proof.holds.text.encode()
            name = next(
                (
                    name
                    for name in self._cache.matches(inside, file)
                    if text in (self._read(inside, name) or b"")
                ),
                None,
            )
            yield _found(name, f"{{}} inside with {proof.holds.text}", (file,))
        if proof.tagged:
            tag = self._read(inside, CACHEDIR_TAG) or b""
            found = CACHEDIR_TAG if tag.startswith(_SIGNATURE) else None
            yield _found(found, "{} inside with its signature", (CACHEDIR_TAG,))
        if proof.home:
            cache = self._read(inside, "CMakeCache.txt") or b""
            yield _cmake_home(cache, inside, project, self._boundary)

    def _above(self, markers: tuple[str, ...]) -> Condition:
        found = self._cache.nearest(
            # What a marker proves depends on whose the artifact is.
            ("above", markers, self._cache.owner(self._directory)),
            self._project,
            self._boundary,
            lambda directory: self._first(directory, markers),
        )
        if found is None:
            return _found(None, "{} beside or above it", markers)
        directory, marker = found
        where = "beside" if directory == self._project else "above"
        return _found(marker, f"{{}} {where} it", markers)

    def _first(self, directory: str, markers: Iterable[str]) -> str | None:
        """Return the first of *markers* that is there and proves something, as it is called there."""
        for marker in markers:
            slash = "/" if marker.endswith("/") else ""
            for name in self._cache.matches(directory, marker):
                if self._cache.proves(directory, name.rstrip("/") + slash, self._directory):
                    return name
        return None

    def _there(self, markers: Iterable[str]) -> str | None:
        """Return the first of *markers* that is inside, whoever put it there."""
        return next((n for m in markers for n in self._cache.matches(self._inside, m)), None)

    def _read(self, directory: str, name: str) -> bytes | None:
        if not self._cache.proves(directory, name, self._directory):
            return None
        return self._cache.read(directory, name)


def _found(name: str | None, phrase: str, wanted: Iterable[str]) -> Condition:
    return Condition(
        phrase.format(" or ".join(wanted)), None if name is None else phrase.format(name)
    )


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


def _cmake_home(cache: bytes, directory: str, project: str, boundary: str) -> Condition:
    text = "a CMakeCache.txt inside that was made for this project"
    home, made_in = _CMAKE_HOME.search(cache), _CMAKE_BUILD.search(cache)
    if home is None or made_in is None:
        return Condition(text, None)
    # Compared as text: they may lead anywhere, and to a disk that does not answer too. A build within
    # the sources has the directory itself for a home, and a copy or a moved tree names another place:
    # neither counts. CMake writes them the way it was called: what it was called by way of a symlink
    # for is not proven.
    fine = _place(made_in[1]) == directory and _place(home[1]) in ancestors(project, boundary)
    return Condition(text, text if fine else None)


def _place(written: bytes) -> str:
    return os.path.normpath(os.fsdecode(written.rstrip()))


def _dependency(content: bytes | None, packages: Iterable[str]) -> str | None:
    """Return the first of *packages* that a ``package.json`` of that *content* depends on."""
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
