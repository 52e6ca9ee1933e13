"""Values as files and the environment have them, in the kinds that the table of keys says."""

import difflib
import os
from collections.abc import Iterable, Sequence
from typing import Any, Final

from cleanup_nodemodule.config.keys import KEYS, Key, Kind
from cleanup_nodemodule.config.layers import SaidWronglyError, Source
from cleanup_nodemodule.proof.rules import RuleError, read_rules
from cleanup_nodemodule.words import printable, shortly

_YES: Final = frozenset({"1", "true", "yes", "on"})
_NO: Final = frozenset({"0", "false", "no", "off"})
_LISTS: Final = frozenset({Kind.TEXTS, Kind.PATHS, Kind.RULES})

_LONGEST: Final = 18
"""Digits of a number that is worth reading; more are too many for anything."""


def value_of(key: Key, value: object, source: Source) -> Any:
    """Return what a file says about a key as the key's kind has it. Raises SaidWronglyError for any other kind.

    False takes back what an earlier file says.
    """
    if value is False and key.taken_back:
        return key.default
    if key.counts and isinstance(value, int) and not isinstance(value, bool):
        return shortly(value)
    match key.kind:
        case Kind.RULES:
            return _rules(value, source)
        case Kind.TEXTS | Kind.PATHS:
            # One is a list of one.
            several = [value] if isinstance(value, str) else value
            if not isinstance(several, list) or not all(isinstance(one, str) for one in several):
                raise _wrong(key, source)
            if key.kind is Kind.PATHS and key.default and not several:
                raise SaidWronglyError(
                    f"{source}: {key.name} is empty; write a path, or leave it out"
                )
            if key.kind is Kind.PATHS:
                return tuple(_place(key, path, source) for path in several)
            return tuple(several)
        case Kind.FLAG:
            right = isinstance(value, bool)
        case Kind.NUMBER:
            right = isinstance(value, int) and not isinstance(value, bool)
        case Kind.SECONDS:
            right = isinstance(value, (int, float)) and not isinstance(value, bool)
        case Kind.CHOICE:
            right = value in key.choices
        case _:
            right = isinstance(value, str)
    if not right:
        raise _wrong(key, source)
    if isinstance(value, int) and key.least is not None and value < key.least:
        raise SaidWronglyError(
            f"{source}: {key.name} cannot be {shortly(value)}; write {key.least} or more"
        )
    # "-" is standard input, wherever a run begins.
    if isinstance(value, str) and key.kind is Kind.PATH and value != "-":
        return _place(key, value, source)
    if isinstance(value, int) and key.kind is Kind.SECONDS:
        return _seconds(value)
    return value


def value_of_words(key: Key, words: Sequence[str], source: Source) -> Any:
    """Return what some *words* say about a key, as people type them: one, or for a list any number.

    Raises SaidWronglyError for what makes no sense.
    """
    if key.kind in _LISTS:
        return value_of(key, list(words), source)
    if len(words) != 1:
        raise _wrong(key, source)
    [word] = words
    text = word.strip()
    value: object = word
    match key.kind:
        case Kind.FLAG:
            value = {**dict.fromkeys(_YES, True), **dict.fromkeys(_NO, False)}.get(text.lower())
        case Kind.NUMBER:
            digits = text.removeprefix("-")
            right = digits.isascii() and digits.isdigit() and len(digits) <= _LONGEST
            value = int(text) if right else None
        case Kind.SECONDS:
            try:
                value = float(text)
            except ValueError:
                value = None
        case Kind.CHOICE:
            value = text
    return value_of(key, value, source)


def word_of(name: str) -> str:
    """Return what somebody wrote, in quotes, so that all of it can be seen."""
    shown = printable(name)
    return repr(name) if shown == name else shown


def no_key(name: str, known: Iterable[str]) -> str:
    """Return what to say of a key that is not there: the one that is meant, or all that there are."""
    word, names = name.replace("_", "-").lower(), sorted(set(known))
    begin_so = [one for one in names if one.startswith(word) and word]
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.7)
    meant = next(iter((*filter(None, [_ALSO_SAID.get(word)]), *begin_so, *near)), None)
    advice = f"did you mean {meant}?" if meant else f"there are {', '.join(sorted(KEYS))}"
    return f"there is no key {word_of(name)}; {advice}"


_ALSO_SAID: Final = {
    **dict.fromkeys(("root", "roots", "paths", "directories"), "path"),
    **dict.fromkeys(("no-dry-run", "dry-run", "remove"), "delete"),
    **dict.fromkeys(("ignore", "excludes"), "exclude"),
    **dict.fromkeys(("json", "output-format"), "format"),
    **dict.fromkeys(("description", "title"), "about"),
}
"""What people call some keys."""


def _seconds(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def _rules(value: object, source: Source) -> tuple[Any, ...]:
    """Return the rules of a file: tables as in the catalogue, and texts as ``--rule`` takes them."""
    several = value if isinstance(value, list) else [value]
    texts = tuple(one for one in several if isinstance(one, str))
    tables = [one for one in several if not isinstance(one, str)]
    try:
        return (*texts, *read_rules(tables, source.place, own=True))
    except RuleError as error:
        raise SaidWronglyError(str(error)) from error


def _place(key: Key, path: str, source: Source) -> str:
    """Return a path of a file, in which a run may begin anywhere."""
    whole = os.path.expanduser(path)
    if not os.path.isabs(whole):
        raise SaidWronglyError(
            f"{source}: {key.name}: {word_of(path)} is relative, and a run may begin anywhere;"
            " write the whole path, or one that begins with ~/"
        )
    return whole


def _wrong(key: Key, source: Source) -> SaidWronglyError:
    is_choice = key.kind is Kind.CHOICE
    what = " or ".join(f'"{one}"' for one in key.choices) if is_choice else key.kind.value
    return SaidWronglyError(f"{source}: {key.name} has to be {what}")
