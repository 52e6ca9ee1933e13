"""Refuses a command line that may have been meant otherwise than it is read, before anything is searched.

Three slips look like a command line that is right. An option that takes all the words which follow takes
the directory too that was to be searched. A shell puts names in the place of a pattern without quotes, and
all but the first stand there like directories. And a second value behind an option looks like one.
"""

import os
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Any, Final, NamedTuple

from cleanup_nodemodule.commands.options import as_word
from cleanup_nodemodule.commands.wrong_usage import listed, shown
from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.words import command, shell_command

_NAMED: Final = 3
"""Words of which an error makes an example."""


class Taken(NamedTuple):
    """An option, and the words that it took."""

    option: str
    start: int
    """Where the first of the words stands on the command line."""
    words: tuple[str, ...]
    of_names: bool
    """It takes names, and else paths."""


class Behind(NamedTuple):
    """Words that stand directly behind the value of an option."""

    param: Any
    option: str
    value: str
    words: tuple[str, ...]


def bare(words: Iterable[str]) -> tuple[str, ...]:
    """Return the words before the first option."""
    return tuple(takewhile(lambda word: not word.startswith("-"), words))


# An option that took the directory.


def refuse_taken(
    args: Sequence[str], taken: Iterable[Taken], commands: Iterable[str], *, deletes: bool
) -> None:
    """Raise UsageError if an option took what may be the directory to search, where no other is given.

    What can be both is read as the option says, unless the run *deletes*.
    """
    for one in taken:
        places = [word for word in one.words if one.of_names and _is_path(word)]
        last = one.words[-1]
        if places:
            if places == [last] != list(one.words) and os.path.isdir(last):
                raise UsageError(
                    f"{one.option} takes names of directories, and {shown(last)} is a path; put the"
                    f" directory first: {_searching_last(args, one, commands)}"
                )
        elif len(one.words) > 1 and os.path.isdir(last):
            searching = (
                f"{one.option} took all the words behind it, and {shown(last)} is a directory here; to"
                f" search it, put it first: {_searching_last(args, one, commands)}"
            )
            if _is_around(last, one):
                raise UsageError(searching)
            if deletes or _is_rather_a_place(last, one):
                otherwise = "is a name" if one.of_names else "is to be included"
                raise UsageError(
                    f"{searching}; if it {otherwise}, say where to search: {command(os.curdir, *args)}"
                )


def _searching_last(args: Sequence[str], one: Taken, commands: Iterable[str]) -> str:
    last = one.start + len(one.words) - 1
    return command(as_word(args[last], tuple(commands)), *args[:last], *args[last + 1 :])


def _is_path(word: str) -> bool:
    return word in {os.curdir, os.pardir, "~"} or os.sep in word


def _is_around(word: str, one: Taken) -> bool:
    """Whether other directories that are to be included lie in this one, or this run does."""
    if one.of_names:
        return False
    from cleanup_nodemodule.work.conversion import absolute

    place = os.path.join(absolute(word), "")
    others = map(absolute, (os.curdir, *one.words[:-1]))
    return any(os.path.join(other, "").startswith(place) for other in others)


def _is_rather_a_place(word: str, one: Taken) -> bool:
    """Whether nobody would type this directory beside the other words unless it is to be searched."""
    others = one.words[:-1]
    if one.of_names:
        return not _is_known(word) and not all(map(os.path.isdir, others))
    return not _is_known(word) and any(map(_is_known, others))


def _is_known(path: str) -> bool:
    """Whether a rule has this name, in any profile."""
    from cleanup_nodemodule.proof.rules import EVERYTHING, of_profiles

    name = os.path.basename(os.path.normpath(path))
    return any(name in rule.last_names for rule in of_profiles((EVERYTHING,)))


# Words behind the value of an option.


def refuse_behind(behind: Iterable[Behind]) -> None:
    """Raise UsageError for words that may be more values of an option before them, and no directories."""
    for one in behind:
        if one.param.name == "exclude":
            _refuse_patterns(one)
        elif one.param.name == "profile":
            _refuse_profiles(one)


def _refuse_patterns(one: Behind) -> None:
    first = one.words[0]
    if len(one.words) == 1 and not _are_of_one_pattern(one.value, first):
        return
    parents = {os.path.dirname(word) for word in (one.value, *one.words)}
    parent = parents.pop() if len(parents) == 1 else ""
    pattern = shell_command(one.option, os.path.join(parent or "packages", "*"))
    some = one.words[:_NAMED]
    words = shell_command(*some) + (" ..." if len(some) < len(one.words) else "")
    raise UsageError(
        f"{one.option} takes one pattern, and {words} {'stands' if len(one.words) == 1 else 'stand'}"
        f" behind it; put a pattern in quotes, as in {pattern}, type {one.option} for"
        f" each: {shell_command(one.option, one.value, one.option, first)}, or put directories to search first:"
        f" {command(*some, one.option, one.value)}"
    )


def _are_of_one_pattern(value: str, word: str) -> bool:
    """Whether a shell may have put both words in the place of one pattern: ``web/*`` or ``*/dist``."""
    one, other = os.path.normpath(value), os.path.normpath(word)
    alike = os.path.dirname(one) == os.path.dirname(other) or (
        os.path.basename(one) == os.path.basename(other)
    )
    return alike and os.path.lexists(value) and os.path.lexists(word)


def _refuse_profiles(one: Behind) -> None:
    from cleanup_nodemodule.proof.rules import EVERYTHING, profiles

    known = {EVERYTHING, *profiles()}
    more = tuple(takewhile(known.__contains__, one.words))
    if not more:
        return
    each = shell_command(*(word for name in (one.value, *more) for word in (one.option, name)))
    places = listed([os.path.join(os.curdir, name) for name in more])
    raise UsageError(
        f"{one.option} takes one profile; for several, type: {each}; the directory is {places}"
    )
