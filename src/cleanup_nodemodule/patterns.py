"""Patterns for what is left alone: one syntax and one meaning for ``--exclude`` and for ``keep``.

They look like those of gitignore(5), and take besides what people type: absolute paths, ``~``, ``./``
and ``../``. Where a pattern can be read in several ways all of them count, as the wrong one would delete
what somebody wanted to keep:

* a name is a directory of that name anywhere;
* ``a/b`` is a ``b`` in an ``a`` anywhere (git would want it at the top);
* ``/a`` is that path, and one from each directory that is searched;
* ``./a`` is one from the current directory, and from each directory that is searched;
* a path that leads through symlinks is the place it leads to, too;
* what is spelled exactly like the pattern matches, whatever ``*``, ``?`` and ``[`` stand for.

What takes back, with ``!``, is read as git reads it, which takes back the least. The last pattern that
matches decides. A directory in one that matches is left alone with it.
"""

import functools
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_ANY: Final = "**"
"""Any number of directories."""

_LONGEST: Final = 4096
"""Characters; no path that the system takes is longer (PATH_MAX, limits.h(0p))."""

_SPECIAL: Final = re.compile(r"[*?\[\\]")

_CLASSES: Final = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": r"\x21-\x7e",
    "lower": "a-z",
    "print": r"\x20-\x7e",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\s",
    "upper": "A-Z",
    "xdigit": "0-9a-fA-F",
}
"""What may stand in brackets, as in ``[[:digit:]]`` (glob(7))."""


class PatternError(ValueError):
    """A pattern that can match nothing. The message says why, and what to type instead."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern, in every way it can be read. Pickles."""

    text: str
    """As it was typed."""
    negated: bool
    ways: tuple[tuple[str, ...], ...]
    """Names from the top of the file system, each a pattern of its own."""

    def matches(self, names: tuple[str, ...]) -> bool:
        """Whether it means the directory with these names, or one above it."""
        return any(_follow(way, names) is None for way in self.ways)

    def possible(self, names: tuple[str, ...]) -> bool:
        """Whether it means that directory, one above it, or may mean something in it."""
        return any(_follow(way, names) != frozenset() for way in self.ways)

    def within(self, others: "Patterns") -> bool:
        """Whether what it names lies in what one of the *others* names, where nobody looks for it."""
        return any(
            other.matches(tuple(_plainly(name) or name for name in way))
            for way in self.ways
            if _ANY not in way
            for other in others.given
            if other.text != self.text and not other.negated
        )

    def names_inside(self, directory: str, names: tuple[str, ...]) -> bool:
        """Whether it names something that is inside the directory, which has these names.

        Only what names a part of the way there counts: a bare name, or one behind ``**``, is looked for
        among directories, and not in all that somebody has installed.
        """
        if self.negated:
            return False
        for way in self.ways:
            if _ANY in way[1:]:
                continue
            first = 1 if way[:1] == (_ANY,) else 0
            for reached in _follow(way, names) or ():
                if reached > first and _there(directory, way[reached:]):
                    return True
        return False


@dataclass(frozen=True, slots=True)
class Patterns:
    """Some patterns, of which the last one that matches decides. Pickles."""

    given: tuple[Pattern, ...] = ()

    def covering(self, path: str, met: set[str]) -> str | None:
        """Return the pattern that leaves the directory *path* alone, None if none does.

        The texts of all that match are added to *met*.
        """
        names = parts(path)
        last: Pattern | None = None
        for pattern in self.given:
            if pattern.matches(names):
                met.add(pattern.text)
                last = pattern
        return None if last is None or last.negated else last.text

    def inside(self, path: str, met: set[str]) -> str | None:
        """Return a pattern that names something which is inside the directory *path*.

        Asks the disk; follows nothing. The texts of all that do are added to *met*.
        """
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
        _matcher(name)


def compile_pattern(
    text: str, home: str | None, cwd: str | None, roots: Sequence[str], *, ask: bool = True
) -> Pattern:
    """Return the pattern in every way it can be read, for a search beneath *roots*.

    Symlinks on the way to what it names are resolved, unless not to *ask* the disk. Raises PatternError.
    """
    negated, body = _read(text)
    ways: list[tuple[str, ...]] = []
    for base, names in _readings(body, home, cwd, roots, negated=negated):
        if base is None:
            ways.append((_ANY, *names))
        else:
            ways += _anchored(text, base, names, ask=ask)
    if not negated:
        literal = body.rstrip("/")
        if _SPECIAL.search(literal):
            for base, names in _readings(_escaped(literal), home, cwd, roots, negated=False):
                ways += [(_ANY, *names)] if base is None else _anchored(text, base, names, ask=ask)
        if _comma(body) and not (ask and _is_there(literal, home, cwd, roots)):
            several = " ".join(f"-e {part.strip()}" for part in body.split(",") if part.strip())
            raise PatternError(
                f"{text!r} has a comma, and there is no such place; each pattern stands for itself,"
                f" as in: {several} (or in the configuration: keep = ["
                + ", ".join(f'"{part.strip()}"' for part in body.split(",") if part.strip())
                + f"]); for a name with a comma, type {body.replace(',', '[,]')}"
            )
        if ask:
            for base in (cwd, *roots):
                ways += _through_links(base, body)
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
    if any(alone.possible(parts(root)) for root in roots):
        return
    names = [name for name in body.removeprefix("./").split("/") if name]
    if not body.startswith(("~", "..")) and names:
        base = os.sep if body.startswith("/") else (cwd or os.sep)
        first = names[0]
        if _SPECIAL.search(first) or not os.path.lexists(os.path.join(base, first)):
            return
        if any(os.path.lexists(os.path.join(root, first)) for root in roots):
            return
    example = os.path.join(roots[0], "name") if roots else "name"
    raise PatternError(
        f"{pattern.text!r} lies outside of what is searched ({', '.join(roots)}), so it would leave"
        f" nothing alone; type a path beneath that, such as {example}, or a name"
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
    if ".." in body.split("/") and _SPECIAL.search(body.rpartition("..")[0]):
        raise PatternError(f"{text!r} goes up from what is only a pattern; type where that leads")
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
    elif negated and len(names) > 1 and names[0] != _ANY:
        for root in roots:
            yield root, names
    else:
        yield None, names


def _anchored(text: str, base: str, names: list[str], *, ask: bool) -> Iterator[tuple[str, ...]]:
    """Give the way from the top of the file system, and where that leads through symlinks."""
    plain = 0
    while plain < len(names) and (names[plain] == ".." or not _SPECIAL.search(names[plain])):
        plain += 1
    if all(_plainly(name) is not None for name in names):
        plain = len(names)
    rest = names[plain:]
    if not text.startswith("!") and rest and rest[-1] == _ANY:
        rest = rest[:-1]  # All that is in it: so it is left alone itself.
    head = [_plainly(name) or name for name in names[:plain]]
    place = os.path.join(base, *head) if head else base
    yield (*map(_escaped, parts(os.path.normpath(place))), *rest)
    if ask:
        yield (*map(_escaped, parts(os.path.realpath(place))), *rest)


def _through_links(base: str | None, body: str) -> Iterator[tuple[str, ...]]:
    """Give where a relative path from *base* leads, if it leads through a symlink."""
    if base is None or _is_path(body) or body.startswith("~"):
        return
    place = os.path.join(base, body.rstrip("/"))
    if not os.path.lexists(place):
        return
    real = os.path.realpath(place)
    if real != os.path.join(os.path.realpath(base), os.path.normpath(body.rstrip("/"))):
        yield tuple(map(_escaped, parts(real)))


def _is_there(body: str, home: str | None, cwd: str | None, roots: Sequence[str]) -> bool:
    for base, names in _readings(_escaped(body), home, cwd, roots, negated=False):
        bases = [base] if base is not None else [one for one in (cwd, *roots) if one is not None]
        plain = [_plainly(name) or name for name in names]
        if any(os.path.lexists(os.path.join(one, *plain)) for one in bases):
            return True
    return False


def _comma(body: str) -> bool:
    """Whether there is a comma that is not quoted, and not in brackets."""
    return "," in re.sub(r"\\.|\[[^]/]*\]", "", body)


def _escaped(name: str) -> str:
    return _SPECIAL.sub(lambda mark: "\\" + mark[0], name)


def _plainly(name: str) -> str | None:
    """Return the one name that a pattern for a name means, None if it may mean several."""
    plain = re.sub(r"\\(.)", r"\1", name, flags=re.DOTALL)
    return plain if _escaped(plain) == name or not _SPECIAL.search(name) else None


def _follow(way: tuple[str, ...], names: tuple[str, ...]) -> frozenset[int] | None:
    """Return how far *names* may have come on *way*, as indices into that.

    None if they have come to its end, and empty if they have left it.
    """
    around = _known.get((way, names[:-1]), _UNKNOWN)
    if around is _UNKNOWN:
        around = _start(way)
        for name in names[:-1]:
            around = _step(way, around, name)
    here = _step(way, around, names[-1]) if names else around
    if len(_known) >= _MOST_KNOWN:
        _known.clear()
    _known[way, names] = here
    return here


_UNKNOWN: Final[frozenset[int]] = frozenset({-1})

_MOST_KNOWN: Final = 20_000

_known: Final[dict[tuple[tuple[str, ...], tuple[str, ...]], frozenset[int] | None]] = {}
"""How far a way has been come in a directory. A search asks about what lies in one that it has asked about."""


def _step(way: tuple[str, ...], here: frozenset[int] | None, name: str) -> frozenset[int] | None:
    """Return how far the next name brings, from how far those before it did."""
    if not here:
        return here
    tests = _tests(way)
    there: set[int] = set()
    for at in here:
        test = tests[at]
        if test is None:
            there.add(at)
        elif test(name):
            there.add(at + 1)
    return _over_any(way, there)


@functools.lru_cache(maxsize=4096)
def _start(way: tuple[str, ...]) -> frozenset[int] | None:
    return _over_any(way, {0})


@functools.lru_cache(maxsize=4096)
def _tests(way: tuple[str, ...]) -> tuple[Callable[[str], object] | None, ...]:
    """Return what tells whether a name fits, for each of the way; None where any does."""
    return tuple(None if one == _ANY else _matcher(one) for one in way)


def _over_any(way: tuple[str, ...], here: set[int]) -> frozenset[int] | None:
    """Add what is reached where any number of directories is none; None if that is the end."""
    for start in list(here):
        at = start
        while at < len(way) and way[at] == _ANY:
            at += 1
            here.add(at)
    return None if len(way) in here else frozenset(here)


def _there(directory: str, way: Sequence[str]) -> bool:
    """Whether something lies at *way* in the directory; a doubt is a yes. Follows no symlink."""
    todo = [(directory, 0)]
    while todo:
        around, at = todo.pop()
        name = _plainly(way[at])
        try:
            if name is not None:
                names = [name]
            else:
                with os.scandir(around) as entries:
                    names = [entry.name for entry in entries if _matcher(way[at])(entry.name)]
            for one in names:
                path = os.path.join(around, one)
                try:
                    status = os.lstat(path)
                except FileNotFoundError:
                    continue
                if at + 1 == len(way):
                    return True
                if stat.S_ISDIR(status.st_mode):
                    todo.append((path, at + 1))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            return True
    return False


@functools.lru_cache(maxsize=4096)
def _matcher(glob: str) -> Callable[[str], object]:
    """Return what tells whether a name fits a pattern for one name. Raises PatternError."""
    plain = _plainly(glob)
    if plain is not None:
        return plain.__eq__
    return re.compile(_translate(glob), re.DOTALL).fullmatch


def _translate(glob: str) -> str:
    """Return the regular expression of a pattern for one name (glob(7))."""
    pieces = [""]
    at = 0
    while at < len(glob):
        mark = glob[at]
        at += 1
        if mark == "*":
            pieces.append("")
        elif mark == "?":
            pieces[-1] += "."
        elif mark == "\\" and at < len(glob):
            pieces[-1] += re.escape(glob[at])
            at += 1
        elif mark == "[" and (bracket := _BRACKET.match(glob, at - 1)):
            pieces[-1] += _one_of(bracket["items"], glob, negated=bool(bracket["not"]))
            at = bracket.end()
        else:
            pieces[-1] += re.escape(mark)
    if len(pieces) == 1:
        return pieces[0]
    # Never back behind what has been found: else a long name would take for ever.
    between = "".join(f"(?>.*?{piece})" for piece in pieces[1:-1] if piece)
    return f"{pieces[0]}{between}.*{pieces[-1]}"


_BRACKET: Final = re.compile(
    r"\[(?P<not>[!^]?+)(?P<items>(?:\]|\[:[a-z]+:\]|\\.|[^]\\])(?:\[:[a-z]+:\]|\\.|[^]\\])*)\]",
    re.DOTALL,
)

_ITEM: Final = re.compile(
    r"\[:(?P<class>[a-z]+):\]|\\?(?P<first>.)(?:-\\?(?P<last>(?<=\\).|[^\\]))?", re.DOTALL
)


def _one_of(items: str, glob: str, *, negated: bool) -> str:
    """Return the regular expression of what stands in brackets."""
    inside = ""
    for item in _ITEM.finditer(items):
        if item["class"]:
            if item["class"] not in _CLASSES:
                raise PatternError(
                    f"{glob!r}: there is no [:{item['class']}:]; there are {', '.join(_CLASSES)}"
                )
            inside += _CLASSES[item["class"]]
        elif item["last"] is None:
            inside += re.escape(item["first"])
        elif item["first"] > item["last"]:
            raise PatternError(
                f"{glob!r}: nothing is from {item['first']!r} to {item['last']!r}; type the lower one"
                f" first, as in [{item['last']}-{item['first']}]; for a name with brackets, quote them: \\["
            )
        else:
            inside += f"{re.escape(item['first'])}-{re.escape(item['last'])}"
    return f"[{'^' if negated else ''}{inside}]"
