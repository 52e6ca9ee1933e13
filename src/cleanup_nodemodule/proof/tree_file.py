"""What a ``.cleanup-nodemodule.toml`` in a searched tree keeps. It may only protect.

Whoever can write into a tree may write one. So all that it can say is what to leave alone, and one that says anything
else, or that cannot be read, keeps everything beneath: nobody knows what it was to protect.
"""

import os
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from cleanup_nodemodule.model import Problem, Reason
from cleanup_nodemodule.patterns.globs import ANY, PatternError, plainly
from cleanup_nodemodule.patterns.patterns import Pattern, Patterns, compile_pattern, parts
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.proof.installed import Protection
from cleanup_nodemodule.proof.stat_cache import StatCache
from cleanup_nodemodule.words import printable

TREE_FILE: Final = ".cleanup-nodemodule.toml"
"""The name of such a file."""

_LARGEST: Final = 64 * 1024
"""Bytes that one may have."""

_KEYS: Final = ("keep", "exclude")
"""What it may say: both mean the same here, as nothing in it is for deleting."""


class _Said(NamedTuple):
    """What such a file says."""

    everything: bool
    """It keeps all that lies beneath it."""
    patterns: tuple[Patterns, ...] = ()
    """What it keeps else: for paths that begin where it lies."""
    fault: str | None = None
    """Why it keeps everything though it does not say so: a sentence."""


def kept_by(directory: str, path: str, place: str, cache: StatCache) -> Protection | None:
    """Tell whether the file in *directory* keeps what lies at *place*, which is called *path*.

    Both are the same, unless it was renamed since. Raises OSError where that cannot be told.
    """
    said: _Said = cache.made(f"{TREE_FILE} {directory}", lambda: _read(directory, cache))
    file = os.path.join(directory, TREE_FILE)
    by_whom = cache.by_whom(directory, TREE_FILE, place)
    if said.fault is not None:
        problem = Problem(
            file,
            ProblemCode.READ,
            message=f"{said.fault}; all that lies beside and beneath it is kept",
        )
        return Protection(
            Reason.EXCLUDED, f"{TREE_FILE} in {directory} cannot be understood{by_whom}", problem
        )
    if said.everything:
        return Protection(Reason.EXCLUDED, f"{TREE_FILE} in {directory} keeps everything{by_whom}")
    inside = directory in {path, place}
    names = () if inside else _names(os.path.relpath(path, directory))
    for patterns in said.patterns:
        text = _met(patterns, place, names, inside=inside)
        if text is not None:
            return Protection(Reason.EXCLUDED, f"{TREE_FILE} in {directory} keeps {text}{by_whom}")
    return None


def _met(patterns: Patterns, place: str, names: tuple[str, ...], *, inside: bool) -> str | None:
    """Return the pattern that keeps something, which has these names from where the file lies."""
    if inside:  # It is in the directory itself, of which nothing is to be lost then.
        return patterns.given[0].text if patterns.given else None
    covering = patterns.covering("/" + "/".join(names), set())
    if covering is not None:
        return covering
    return next((one.text for one in patterns.given if one.names_inside(place, names)), None)


def _names(path: str) -> tuple[str, ...]:
    return tuple(path.split(os.sep))


def _read(directory: str, cache: StatCache) -> _Said:
    """Return what the file in *directory* says."""
    content = cache.read(directory, TREE_FILE, _LARGEST)
    if content is None:
        return _Said(everything=True, fault="it is no small file that you can read")
    import tomllib  # noqa: PLC0415 - only where there is such a file

    try:
        data = tomllib.loads(content.decode())
    except RecursionError:
        return _Said(everything=True, fault="it is nested too deeply")
    except ValueError as error:  # Of TOML or of UTF-8.
        return _Said(everything=True, fault=printable(str(error)))
    return understood(data, directory)


def understood(data: dict[str, Any], directory: str) -> _Said:
    """Return what the *data* of such a file in *directory* say."""
    everything = False
    patterns: list[Patterns] = []
    for key, value in data.items():
        if key not in _KEYS:
            fault = (
                f"there is no key {printable(key)} in such a file; it takes keep and exclude only"
            )
            return _Said(everything=True, fault=fault)
        if value is True:
            everything = True
            continue
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list) or not all(isinstance(one, str) for one in texts):
            fault = f"{key} has to be a list of patterns, or true"
            return _Said(everything=True, fault=fault)
        try:
            # As if it lay at the top of a file system: so no name above it counts.
            given = tuple(_pattern(one, directory) for one in texts)
            _refuse_taken_back(given)
        except PatternError as error:
            fault = f"{key} takes patterns in gitignore syntax: {error}"
            return _Said(everything=True, fault=fault)
        patterns.append(Patterns(given))
    return _Said(everything, tuple(patterns))


def _pattern(text: str, directory: str) -> Pattern:
    """Return a pattern of a file in *directory*. Raises PatternError for one that means nothing beneath that."""
    body = text.removeprefix("!")
    if os.path.expanduser(body) != body:
        raise PatternError(f"{text!r} begins with ~, and a pattern here begins where the file lies")
    if os.path.normpath(body.lstrip("/") or ".").split(os.sep)[0] == os.pardir:
        raise PatternError(f"{text!r} leads out of the directory in which the file lies")
    pattern = compile_pattern(text, None, None, (os.sep,), ask=False)
    if body.startswith("/") and _is_of_the_whole_system(pattern, parts(body), directory):
        raise PatternError(
            f"{text!r} is a path from the top of the file system, and a pattern here begins where the file lies"
        )
    return pattern


def _is_of_the_whole_system(pattern: Pattern, names: Sequence[str], directory: str) -> bool:
    """Whether a pattern such as ``/home/me/work`` is meant from the top, and not from *directory*.

    It is if it leads to or by that directory, or begins with what is there at the top; but never if it begins with
    what is there in the directory. A single name, such as ``/lib``, is what may lie there one day.
    """
    if not names or os.path.lexists(os.path.join(directory, names[0])):
        return False
    if pattern.reaches(directory):
        return True
    return len(names) > 1 and os.path.lexists(os.path.join(os.sep, names[0]))


def _refuse_taken_back(given: Sequence[Pattern]) -> None:
    """Raise PatternError for a pattern that takes back nothing, and for one of which nothing is left."""
    together = Patterns(tuple(given))
    for number, one in enumerate(given):
        if one.negated:
            if all(before.negated for before in given[:number]):
                raise PatternError(
                    f"{one.text!r} takes back what an earlier pattern keeps, and there is none"
                )
        elif not any(together.covering(_like(way), set()) for way in one.ways):
            raise PatternError(f"a later pattern takes back all that {one.text!r} keeps")


def _like(way: Sequence[str]) -> str:
    """Return a path that a pattern means: each of its names stands for itself, and any number of names for none."""
    return "/" + "/".join(plainly(name) or name for name in way if name != ANY)
