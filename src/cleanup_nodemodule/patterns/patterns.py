"""Patterns for what is left alone: one syntax and one meaning for ``--exclude`` and for ``keep``.

They look like those of gitignore(5), and take besides what people type: absolute paths, ``~``, ``./``
and ``../``. This module only says what a pattern means: each becomes one or several lines of gitignore
for absolute paths. The library pathspec matches them. Where a pattern can be read in several ways all of
them count, as the wrong one would delete what somebody wanted to keep:

* a name is a directory of that name anywhere;
* ``a/b`` is a ``b`` in an ``a`` anywhere (git would want it at the top);
* ``/a`` is that path, and one from each directory that is searched;
* ``./a`` is one from the current directory, and from each directory that is searched;
* a path that leads through symlinks is the place it leads to, too;
* what is spelled exactly like the pattern matches, whatever ``*``, ``?`` and ``[`` stand for.

What takes back, with ``!``, is read as git reads it, which takes back the least. The last pattern that
matches decides. A directory in one that matches is left alone with it.
"""

import itertools
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from cleanup_nodemodule.patterns.globs import (
    ANY,
    SPECIAL,
    PatternError,
    compiled,
    escaped,
    fits,
    for_pathspec,
    lies_in,
    plainly,
    spelled,
)

_LONGEST: Final = 4096
"""Characters; no path that the system takes is longer (PATH_MAX, limits.h(0p))."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern, in every way it can be read. Pickles."""

    text: str
    """As it was typed."""
    negated: bool
    ways: tuple[tuple[str, ...], ...]
    """Names from the top of the file system, each a pattern of its own."""
    lines: tuple[str, ...] = field(init=False)
    """The same in gitignore syntax."""

    def __post_init__(self) -> None:
        mark = "!" if self.negated else ""
        lines = (f"{mark}{spelled(map(for_pathspec, way or (ANY,)))}" for way in self.ways)
        object.__setattr__(self, "lines", tuple(lines))

    def matches(self, names: Sequence[str]) -> bool:
        """Whether it means the directory with these names, or one above it."""
        return compiled(self.lines).check_file(spelled(names), ()).index is not None

    def reaches(self, root: str) -> bool:
        """Whether it may mean the directory *root*, one above it, or something in it."""
        names = parts(root)
        for way in self.ways:
            plain = _plain_names(way)
            if names[: len(plain)] == plain[: len(names)]:
                return True
        return False

    def within(self, others: "Patterns") -> bool:
        """Whether what it names lies in what one of the *others* names, where nobody looks for it."""
        return any(
            other.matches([plainly(name) or name for name in way])
            for way in self.ways
            if ANY not in way
            for other in others.given
            if other.text != self.text and not other.negated
        )

    def names_inside(self, directory: str, names: tuple[str, ...]) -> bool:
        """Whether it names something that is inside the directory, which has these names.

        Only what names a part of the way there counts: a bare name, or one behind ``**``, is looked for
        among directories, and not in all that somebody has installed.
        """
        for way in () if self.negated else self.ways:
            anywhere = way[:1] == (ANY,)
            rest = way[1:] if anywhere else way
            if ANY in rest:
                continue
            # How many of the names lead there.
            for count in range(1, len(rest)) if anywhere else [len(names)]:
                if (
                    0 < count < len(rest)
                    and count <= len(names)
                    and all(map(fits, rest[:count], names[-count:]))
                    and lies_in(directory, rest[count:])
                ):
                    return True
        return False


@dataclass(frozen=True, slots=True)
class Patterns:
    """Some patterns, of which the last one that matches decides. Pickles."""

    given: tuple[Pattern, ...] = ()
    _lines: tuple[str, ...] = field(init=False)
    _owners: tuple[Pattern, ...] = field(init=False)
    """Whose each of the lines is."""

    def __post_init__(self) -> None:
        pairs = [(line, pattern) for pattern in self.given for line in pattern.lines]
        object.__setattr__(self, "_lines", tuple(line for line, _ in pairs))
        object.__setattr__(self, "_owners", tuple(pattern for _, pattern in pairs))

    @property
    def lines(self) -> tuple[str, ...]:
        """The same in gitignore syntax, for absolute paths."""
        return self._lines

    def covering(self, path: str, met: set[str]) -> str | None:
        """Return the pattern that leaves the directory *path* alone, None if none does.

        The texts of all that match are added to *met*.
        """
        if not self._lines:
            return None
        names = parts(path)
        found = compiled(self._lines).check_file(spelled(names), ())
        if found.index is None:
            return None
        met.update(one.text for one in self.given if one.text not in met and one.matches(names))
        return self._owners[found.index].text if found.include else None

    def inside(self, path: str, met: set[str]) -> str | None:
        """Return a pattern that names something which is inside the directory *path*.

        Asks the disk; follows nothing. The texts of all that do are added to *met*.
        """
        if not self.given:
            return None
        names = parts(path)
        found = [one.text for one in self.given if one.names_inside(path, names)]
        met.update(found)
        return found[-1] if found else None


NO_PATTERNS: Final = Patterns()


def parts(path: str) -> tuple[str, ...]:
    """Return the names of a path, from the top."""
    return tuple(name for name in path.replace(os.sep, "/").split("/") if name)


def check(text: str) -> None:
    """Raise PatternError for a pattern that can match nothing, as far as the text alone tells."""
    _, body = _read(text)
    for name in body.split("/"):
        for_pathspec(name)


def compile_pattern(
    text: str, home: str | None, cwd: str | None, roots: Sequence[str], *, ask: bool = True
) -> Pattern:
    """Return the pattern in every way it can be read, for a search beneath *roots*.

    Symlinks on the way to what it names are resolved, unless not to *ask* the disk. Raises PatternError.
    """
    negated, body = _read(text)
    literal = body.rstrip("/")
    bodies = [body]
    if not negated:
        if _comma(body) and not (ask and _is_there(literal, home, cwd, roots)):
            raise PatternError(_about_comma(text, body))
        if SPECIAL.search(literal):
            bodies.append(escaped(literal))
    ways: list[tuple[str, ...]] = []
    for one in bodies:
        for base, names in _readings(one, home, cwd, roots, negated=negated):
            if base is not None:
                ways += _anchored(base, names, negated=negated, ask=ask)
                continue
            ways.append((ANY, *names))
            for start in (cwd, *roots) if ask and not negated else ():
                # Where it leads through a symlink; all else is meant already.
                led = _anchored(start or os.sep, names, negated=negated, ask=ask)
                ways += (way for way in led if list(way[-len(names) :]) != names)
    return Pattern(text, negated, tuple(dict.fromkeys(ways)))


def check_reach(pattern: Pattern, home: str | None, cwd: str | None, roots: Sequence[str]) -> None:
    """Raise PatternError for a pattern of the command line that means nothing beneath *roots*.

    A path that begins at the top, or in the current directory, is taken for one of a searched directory
    only where that has such a thing.
    """
    _, body = _read(pattern.text)
    if pattern.negated or not _is_path(body):
        return
    # What it is beside being a path from one of the roots.
    alone = compile_pattern(pattern.text, home, cwd, (), ask=True)
    if any(map(alone.reaches, roots)):
        return
    names = [name for name in body.removeprefix("./").split("/") if name]
    if not body.startswith(("~", "..")) and names:
        base = os.sep if body.startswith("/") else (cwd or os.sep)
        first = names[0]
        if SPECIAL.search(first) or not os.path.lexists(os.path.join(base, first)):
            return
        if any(os.path.lexists(os.path.join(root, first)) for root in roots):
            return
    example = os.path.join(roots[0], "name") if roots else "name"
    raise PatternError(
        f"{pattern.text!r} lies outside of what is searched ({', '.join(roots)}), so it would exclude"
        f" nothing; type a path beneath that, such as {example}, or a name"
    )


def names_existing_place(text: str, home: str | None, cwd: str | None) -> bool:
    """Whether a pattern is the path of something that is there."""
    negated, body = _read(text)
    return not negated and _is_path(body) and _is_there(body.rstrip("/") or "/", home, cwd, ())


def places(texts: Iterable[str], home: str | None) -> Iterator[str]:
    """Give the absolute paths among the patterns, which are asked for on their disks."""
    for text in texts:
        body = text.removeprefix("!")
        if home and (body == "~" or body.startswith("~/")):
            yield os.path.join(home, body[2:])
        elif os.path.isabs(body):
            yield body


def _read(text: str) -> tuple[bool, str]:
    """Return whether a pattern takes back, and the rest of it."""
    if "\0" in text:
        raise PatternError(f"{text!r} has a NUL, which no name has; leave it out")
    if len(text) > _LONGEST:
        raise PatternError(f"a pattern of {len(text):,} characters is longer than any path")
    negated = text.startswith("!")
    body = text[1:] if negated else text
    if os.sep != "/":
        body = body.replace(os.sep, "/")
    if not body.endswith("\\ "):
        body = body.rstrip()
    if not body:
        raise PatternError(f"{text!r} matches nothing; type a name or a path, as in: 'name/'")
    if (len(body) - len(body.rstrip("\\"))) % 2:
        raise PatternError(f"{text!r} ends with a backslash, which quotes nothing; leave it out")
    if ".." in body.split("/") and SPECIAL.search(body.rpartition("..")[0]):
        raise PatternError(f"{text!r} has .. behind a pattern; type the path that it leads to")
    return negated, body


def _is_path(body: str) -> bool:
    """Whether it begins somewhere, rather than anywhere."""
    names = body.split("/")
    return names[0] in {"", ".", "..", "~"} or ".." in names or os.path.isabs(body)


def _readings(
    body: str, home: str | None, cwd: str | None, roots: Sequence[str], *, negated: bool
) -> Iterator[tuple[str | None, list[str]]]:
    """Give where a pattern may begin, None for anywhere, and its names from there."""
    names = [name for name in body.split("/") if name not in {"", "."}]
    if body == "~" or body.startswith("~/"):
        if home is None:
            raise PatternError(f"{body!r}: nobody knows your home directory; type it out")
        yield home, names[1:]
        return
    if body.startswith("~") and (expanded := os.path.expanduser(body)) != body:
        yield os.sep, [name for name in expanded.split("/") if name]
    if body.startswith("/"):
        yield os.sep, names
        for root in roots:
            yield root, names
    elif os.path.isabs(body):  # With the letter of a drive.
        yield "", names
    elif _is_path(body):
        if cwd is None and not roots:
            raise PatternError(f"{body!r}: there is no current directory; type the whole path")
        if cwd is not None:
            yield cwd, names
        if ".." not in names:
            for root in roots:
                yield root, names
    elif negated and len(names) > 1 and names[0] != ANY:
        for root in roots:
            yield root, names
    else:
        yield None, names


def _anchored(
    base: str, names: list[str], *, negated: bool, ask: bool
) -> Iterator[tuple[str, ...]]:
    """Give the way from the top of the file system, and where that leads through symlinks."""
    plain = _plain_names(names)
    rest = names[len(plain) :]
    if not negated and rest and rest[-1] == ANY:
        rest = rest[:-1]  # All that is in it: so it is left alone itself.
    place = os.path.join(base, *plain)
    yield (*map(escaped, parts(os.path.normpath(place))), *rest)
    if ask:
        yield (*map(escaped, parts(os.path.realpath(place))), *rest)


def _plain_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names at the beginning that can mean only one each."""
    plain = map(plainly, names)
    return tuple(name for name in itertools.takewhile(lambda name: name is not None, plain) if name)


def _is_there(body: str, home: str | None, cwd: str | None, roots: Sequence[str]) -> bool:
    for base, names in _readings(escaped(body), home, cwd, roots, negated=False):
        bases = [base] if base is not None else [one for one in (cwd, *roots) if one is not None]
        plain = [plainly(name) or name for name in names]
        if any(os.path.lexists(os.path.join(one, *plain)) for one in bases):
            return True
    return False


def _comma(body: str) -> bool:
    """Whether there is a comma that is not quoted, and not in brackets."""
    return "," in re.sub(r"\\.|\[[^]/]*\]", "", body)


def _about_comma(text: str, body: str) -> str:
    several = [part.strip() for part in body.split(",") if part.strip()]
    return (
        f"{text!r} has a comma, and there is no such place; each pattern stands for itself, as in:"
        f" {' '.join(f'-e {one}' for one in several)} (or in the configuration: keep = ["
        + ", ".join(f'"{one}"' for one in several)
        + f"]); for a name with a comma, type {body.replace(',', '[,]')}"
    )
