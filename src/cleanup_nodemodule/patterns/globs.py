"""Patterns for the name of a directory, and lines of gitignore(5) made of them, which pathspec matches.

What pathspec takes otherwise than gitignore(5) says is put so that it cannot: brackets, names with a
newline, and patterns with many wildcards.
"""

import functools
import os
import re
import stat
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from cleanup_nodemodule.errors import UsageError

if TYPE_CHECKING:
    from pathspec import PathSpec
    from pathspec.patterns.gitignore.basic import GitIgnoreBasicPattern

ANY: Final = "**"
"""Any number of directories."""

SPECIAL: Final = re.compile(r"[*?\[\\]")
"""What may stand for something else than itself."""


class PatternError(UsageError):
    """A pattern that can match nothing. The message says why, and what to type instead."""


def escaped(name: str) -> str:
    """Return the pattern that means nothing but this name."""
    return SPECIAL.sub(lambda mark: "\\" + mark[0], name)


def plainly(name: str) -> str | None:
    """Return the one name that a pattern for a name means, None if it may mean several."""
    plain = re.sub(r"\\(.)", r"\1", name, flags=re.DOTALL)
    return plain if escaped(plain) == name or not SPECIAL.search(name) else None


def spelled(names: Iterable[str]) -> str:
    """Return the path of a directory, or a line of gitignore for it, of what its names are there.

    It ends with a slash: then a line means a directory and all that is in it, and keeps the spaces at
    the end of a name.
    """
    return f"/{'/'.join(names)}/"


@functools.lru_cache(maxsize=512)
def compiled(lines: tuple[str, ...]) -> "PathSpec[GitIgnoreBasicPattern]":
    """Return what matches paths that :func:`spelled` gives. The last line that matches decides.

    (GitIgnoreSpec decides otherwise where there is a trailing slash, and would leave more alone.)
    """
    from pathspec import PathSpec  # noqa: PLC0415 - only for those who have patterns

    # The backend that is never missing. The others do not know all that _line says.
    return PathSpec(map(_line, lines), backend="simple")


def _line(text: str) -> "GitIgnoreBasicPattern":
    """Compile a line, as pathspec translates it, but for two things.

    A name may have a newline. And no name may make it take for ever: what stands between two wildcards
    is taken at the first place where it fits, and no other one is tried.
    """
    from pathspec.patterns.gitignore.basic import GitIgnoreBasicPattern  # noqa: PLC0415 - for start-up's sake

    regex, include = GitIgnoreBasicPattern.pattern_to_regex(text)
    regex = _UP_TO_ANY.sub(r"^(?>(?:.+?/)??\1(?=/))", regex or "")
    regex = _BETWEEN_ANY.sub(r"(?>(?:/.+?)??\1(?=/))", regex)
    regex = _BETWEEN_STARS.sub(r"(?>[^/]*?\1)", regex)
    return GitIgnoreBasicPattern(re.compile(regex, re.DOTALL), include)


_UP_TO_ANY: Final = re.compile(r"^\^\(\?:\.\+/\)\?(.*?)(?=\(\?:/\.\+\)\?)", re.DOTALL)
_BETWEEN_ANY: Final = re.compile(r"\(\?:/\.\+\)\?(.*?)(?=\(\?:/\.\+\)\?)", re.DOTALL)
_BETWEEN_STARS: Final = re.compile(
    r"\[\^/\]\*((?:[^/\[]|\[\^/\](?!\*)|\[(?!\^/))*)(?=\[\^/\]\*)", re.DOTALL
)
"""What pathspec makes of ``**`` at the beginning and later, and of ``*``, each up to the next one."""


@functools.lru_cache(maxsize=4096)
def for_pathspec(name: str) -> str:
    """Return a pattern for one name, with brackets that pathspec takes. Raises PatternError."""

    def piece(found: re.Match[str]) -> str:
        if found["items"]:
            return _one_of(_ranges(found["items"], name), negated=bool(found["not"]))
        return found[0] if len(found[0]) > 1 else f"\\{found[0]}"

    return _PIECE.sub(piece, name)


_PIECE: Final = re.compile(
    r"\\.|\[(?P<not>[!^]?+)(?P<items>(?:\]|\[:[a-z]+:\]|\\.|[^]\\])(?:\[:[a-z]+:\]|\\.|[^]\\])*)\]"
    r"|[\\\[]",
    re.DOTALL,
)
"""What is quoted, brackets, or what only looks like the beginning of these."""

_ITEM: Final = re.compile(
    r"\[:(?P<class>[a-z]+):\]|\\?(?P<first>.)(?:-\\?(?P<last>(?<=\\).|[^\\]))?", re.DOTALL
)

_CLASSES: Final = {
    "alnum": "azAZ09",
    "alpha": "azAZ",
    "blank": "  \t\t",
    "cntrl": "\x00\x1f\x7f\x7f",
    "digit": "09",
    "graph": "!~",
    "lower": "az",
    "print": " ~",
    "punct": "!/:@[`{~",
    "space": "  \t\r",
    "upper": "AZ",
    "xdigit": "09afAF",
}
"""What may stand in brackets, as in ``[[:digit:]]`` (glob(7)): first and last of each range."""

_Ranges: TypeAlias = list[tuple[int, int]]
"""First and last code point of each."""


def _ranges(items: str, glob: str) -> _Ranges:
    """Return what stands in brackets."""
    ranges: _Ranges = []
    for item in _ITEM.finditer(items):
        name, first, last = item["class"], item["first"], item["last"]
        if name and name not in _CLASSES:
            raise PatternError(f"{glob!r}: there is no [:{name}:]; there are {', '.join(_CLASSES)}")
        if last and last < first:
            raise PatternError(
                f"{glob!r}: nothing is from {first!r} to {last!r}; type the lower one first, as in"
                f" [{last}-{first}]; for a name with brackets, quote them: \\["
            )
        ends = _CLASSES[name] if name else first + (last or first)
        ranges += zip(map(ord, ends[::2]), map(ord, ends[1::2]), strict=True)
    return ranges


def _one_of(ranges: _Ranges, *, negated: bool) -> str:
    """Return brackets for a character in the *ranges*, or for one that is not.

    pathspec hands them to the regular expression as they are, and ``[!a]`` would fit a slash. So they say
    what does fit, no slash, and nothing that means something there: NUL, which no name has, comes first, or
    the bracket, and the hyphen last.
    """
    others = ranges if negated else _others(ranges)
    fitting = _others([*others, *((ord(one), ord(one)) for one in "/]-")])
    bracket, hyphen = (
        any(first <= ord(one) <= last for first, last in _others(others)) for one in "]-"
    )
    inside = "".join(f"{chr(first)}-{chr(last)}" for first, last in fitting)
    return f"[{']' if bracket else chr(0)}{inside}{'-' if hyphen else ''}]"


def _others(ranges: _Ranges) -> _Ranges:
    """Return the ranges of all other characters."""
    others: _Ranges = []
    start = 1
    for first, last in sorted(ranges):
        if first > start:
            others.append((start, first - 1))
        start = max(start, last + 1)
    return [*others, (start, sys.maxunicode)] if start <= sys.maxunicode else others


@functools.lru_cache(maxsize=4096)
def fits(glob: str, name: str) -> bool:
    """Whether a name fits a pattern for one name."""
    return compiled((spelled([for_pathspec(glob)]),)).match_file(spelled([name]), ())


def lies_in(directory: str, way: Sequence[str]) -> bool:
    """Whether something lies at *way* in the directory; a doubt is a yes. Follows no symlink."""
    todo = [(directory, 0)]
    while todo:
        around, at = todo.pop()
        name = plainly(way[at])
        try:
            names = [name] if name is not None else os.listdir(around)
            for one in names:
                if name is None and not fits(way[at], one):
                    continue
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
