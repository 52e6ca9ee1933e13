"""Looks at the disk for what a rule wants: its markers, and nothing but them."""

import fnmatch
import functools
import os
import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from cleanup_nodemodule.proof.build_output import BUILDS
from cleanup_nodemodule.proof.distributions import DISTRIBUTIONS
from cleanup_nodemodule.proof.listing import WILD
from cleanup_nodemodule.proof.package_scripts import manifest, script_of
from cleanup_nodemodule.proof.rules import Proof, Rule
from cleanup_nodemodule.proof.stat_cache import StatCache, ancestors

CACHEDIR_TAG: Final = "CACHEDIR.TAG"

_SIGNATURE: Final = b"Signature: 8a477f597d28d172789f06886806bc55"
"""What a CACHEDIR.TAG begins with (Cache Directory Tagging Specification)."""

_TAG_LENGTH: Final = 1024
"""Bytes of a CACHEDIR.TAG in which it says who made it."""

_TAGGED_BY: Final = re.compile(
    rb"\b(?:created|made|written|generated)(?: automatically)? by (?:the )?"
    rb"(cargo|pytest|mypy|ruff|black|meson|ccache|sccache|fontconfig|gstreamer|tox|nox|uv|hatch"
    rb"|bazel|buck2|vcpkg|conan|pip|numba|matplotlib|jupyter[- ]cache|sphinx|go)\b",
    re.IGNORECASE,
)
"""What tools say of themselves in their tags: cargo (``cargo-util``, paths.rs), pytest (``cacheprovider.py``),
mypy (``util.py``), Meson (``msetup.py``), ccache, fontconfig and others as they do."""

_CMAKE_BUILD: Final = re.compile(rb"^CMAKE_CACHEFILE_DIR:INTERNAL=(.*)$", re.MULTILINE)
_CMAKE_HOME: Final = re.compile(rb"^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$", re.MULTILINE)


class Condition(NamedTuple):
    """One condition of a proof, and what became of it. It is put into words only where somebody reads them."""

    phrase: str
    """Words with a gap for a name."""
    wanted: tuple[str, ...]
    """The names that were looked for, of which one is enough."""
    found: str | None
    """The one that was found, None if none was."""
    says_something: bool = True
    """Whether it says something of this very directory, as what lies inside or beside it does."""

    @property
    def text(self) -> str:
        """What was looked for."""
        return self.phrase.format(" or ".join(self.wanted))

    @property
    def fact(self) -> str | None:
        """What was found, None if it was not."""
        return None if self.found is None else _in_words(self.phrase, self.found)


class Trial(NamedTuple):
    """One proof of a rule, tried on a directory."""

    conditions: tuple[Condition, ...]
    ignored: bool
    """It holds only if git ignores the directory, which is asked later."""
    marked: bool
    """Something inside says who made it."""
    holds: bool
    """Everything on disk is as the proof wants it."""

    @property
    def some_found(self) -> bool:
        """Whether any condition holds that says something of the directory."""
        return any(one.found is not None and one.says_something for one in self.conditions)

    @property
    def facts(self) -> tuple[str, ...]:
        """What was found."""
        return tuple(condition.fact for condition in self.conditions if condition.fact is not None)


class Examination(NamedTuple):
    """One rule, tried on a directory with its name."""

    rule: Rule
    trials: tuple[Trial, ...]
    hindrance: str | None
    """What is inside and should not be, if this is to be the rule's artifact."""
    precious: str | None
    """What is inside and cannot be made again."""
    stray: tuple[str, ...] = ()
    """Names at its top that the tool does not make."""
    back: tuple[Trial, ...] = ()
    """The conditions for it to come back, tried."""

    @property
    def missing(self) -> str | None:
        """What it takes to come back and is not here, in words; None if nothing is missing."""
        if not self.back or any(trial.holds for trial in self.back):
            return None
        lacking = (one for trial in self.back for one in trial.conditions if one.found is None)
        return "no " + " and no ".join(dict.fromkeys(one.text for one in lacking))

    @property
    def proven_on_disk(self) -> Trial | None:
        """A proof that holds and needs nobody else's word, None if there is none."""
        return self._first(ignored=False)

    @property
    def proven_if_ignored(self) -> Trial | None:
        """A proof that holds if git ignores the directory, None if there is none."""
        return self._first(ignored=True)

    @property
    def hint(self) -> Trial | None:
        """A proof that holds and says nothing of who made it, as nothing inside does; None if there is none."""
        if self.hindrance is not None or self.rule.own:
            return None
        return next((t for t in self.trials if t.holds and not t.marked), None)

    @property
    def some_found(self) -> bool:
        """Whether any condition of any proof holds."""
        return any(trial.some_found for trial in self.trials)

    def _first(self, *, ignored: bool) -> Trial | None:
        if self.hindrance is not None:
            return None
        own = self.rule.own
        return next(
            (t for t in self.trials if t.holds and t.ignored is ignored and (t.marked or own)), None
        )


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
        trials = tuple(map(self._trial, rule.proofs))
        # What may be called so anywhere inside is looked for by the walk that measures.
        precious = self._there(tuple(name for name in rule.precious if "/" in name))
        if not any(trial.holds for trial in trials):
            # What nothing proves is kept, or is no artifact: the other questions are not asked.
            return Examination(rule, trials, self._there(rule.without), precious)
        back = tuple(map(self._trial, rule.comes_back))
        return Examination(rule, trials, self._there(rule.without), precious, self._stray(), back)

    def _trial(self, proof: Proof) -> Trial:
        conditions = tuple(self._conditions(proof))
        holds = all(condition.found is not None for condition in conditions)
        return Trial(conditions, proof.ignored, proof.marked, holds)

    def _stray(self) -> tuple[str, ...]:
        top = self._rule.top
        if not top:
            return ()
        names = (name for name, _ in self._cache.entries(self._inside))
        return tuple(
            sorted(name for name in names if not any(fnmatch.fnmatchcase(name, one) for one in top))
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
            phrase = f'{{}} inside with "{_braced(proof.holds.text)}"'
            yield _found(name, phrase, (file,))
        if proof.tagged:
            tag = self._read(inside, CACHEDIR_TAG) or b""
            signed = tag.startswith(_SIGNATURE)
            yield _found(
                CACHEDIR_TAG if signed else None, "{} inside with its signature", (CACHEDIR_TAG,)
            )
            if proof.maker:
                yield _maker(tag if signed else b"")
        if proof.home:
            cache = self._read(inside, "CMakeCache.txt") or b""
            yield _cmake_home(cache, inside, project, self._boundary)
        if proof.output is not None:
            phrase = f"{{}}, as {proof.output} builds make"
            what = BUILDS[proof.output](inside, self._cache)
            yield _found(what, phrase, ("only files inside",))
        if proof.distributions is not None:
            what = DISTRIBUTIONS[proof.distributions](inside, project, self._cache)
            phrase = f"{{}}, of the version that the {proof.distributions} project has now"
            yield _found(what, phrase, ("only distributions inside",))
        if proof.unversioned:
            found = None if self._cache.repositories(project) else "no repository"
            yield Condition("in {}", ("no repository",), found, says_something=False)
        if proof.script:
            content = self._read(project, "package.json")
            script = script_of(content, proof.script, project, self._directory, self._cache)
            yield _found(script, "{} script in package.json", proof.script)

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

    def _first(self, directory: str, markers: tuple[str, ...]) -> str | None:
        """Return the first of *markers* that is there and proves something, as it is called there."""
        if self._cache.rules_out(directory, markers):
            return None
        for marker in markers:
            if not WILD.intersection(marker):
                if self._cache.proves(directory, marker, self._directory):
                    return marker
                continue
            slash = "/" if marker.endswith("/") else ""
            for name in self._cache.matches(directory, marker):
                if self._cache.proves(directory, name.rstrip("/") + slash, self._directory):
                    return name
        return None

    def _there(self, markers: tuple[str, ...]) -> str | None:
        """Return the first of *markers* that is inside, whoever put it there."""
        if not markers or self._cache.rules_out(self._inside, markers):
            return None
        return next((n for m in markers for n in self._cache.matches(self._inside, m)), None)

    def _read(self, directory: str, name: str) -> bytes | None:
        if not self._cache.proves(directory, name, self._directory):
            return None
        return self._cache.read(directory, name)


@functools.lru_cache(maxsize=4096)
def _in_words(phrase: str, found: str) -> str:
    """Return the words for what was found, which are the same ones for many artifacts."""
    return phrase.format(found)


def _found(name: str | None, phrase: str, wanted: tuple[str, ...]) -> Condition:
    return Condition(phrase, wanted, name)


def _braced(text: str) -> str:
    """Return *text* as it has to be written in words with a gap."""
    return text.replace("{", "{{").replace("}", "}}")


def _only(directory: str, patterns: tuple[str, ...]) -> Condition:
    wanted = " and ".join(patterns)

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
    return Condition("only {} inside", (wanted,), wanted if fine else None)


def _maker(tag: bytes) -> Condition:
    """Tell which tool says in a tag that it made it: the bare signature is what people copy for their own data."""
    found = _TAGGED_BY.search(tag[:_TAG_LENGTH])
    name = None if found is None else found[1].decode()
    return _found(name, "made by {}, by its tag", ("a known tool",))


def _cmake_home(cache: bytes, directory: str, project: str, boundary: str) -> Condition:
    phrase, file = "a {} inside that was made for this project", "CMakeCache.txt"
    home, made_in = _CMAKE_HOME.search(cache), _CMAKE_BUILD.search(cache)
    if home is None or made_in is None:
        return Condition(phrase, (file,), None)
    # Compared as text: they may lead anywhere, and to a disk that does not answer too. A build within
    # the sources has the directory itself for a home, and a copy or a moved tree names another place:
    # neither counts. CMake writes them the way it was called: what it was called by way of a symlink
    # for is not proven.
    fine = _place(made_in[1]) == directory and _place(home[1]) in ancestors(project, boundary)
    return Condition(phrase, (file,), file if fine else None)


def _place(written: bytes) -> str:
    return os.path.normpath(os.fsdecode(written.rstrip()))


def _dependency(content: bytes | None, packages: Iterable[str]) -> str | None:
    """Return the first of *packages* that a ``package.json`` of that *content* depends on."""
    said = manifest(content)
    groups = [said.get(key) for key in ("dependencies", "devDependencies")]
    for package in packages:
        if any(isinstance(group, dict) and package in group for group in groups):
            return package
    return None
