"""``--from-file`` and ``--artifacts-from``: what a list says of a run, and who answers its question then."""

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from cleanup_nodemodule.errors import UsageError

if TYPE_CHECKING:
    from cleanup_nodemodule.config.layers import Values
    from cleanup_nodemodule.config.name_list import NameList
    from cleanup_nodemodule.config.settings import Settings
    from cleanup_nodemodule.run.orders import Orders

LISTS: Final = ("from-file", "artifacts-from")
"""Keys whose value is a list of names."""


def is_listed(values: "Values") -> bool:
    """Whether a list says what to look at."""
    return any(values.text(name) is not None for name in LISTS)


def list_file_of(values: "Values") -> str | None:
    """Return the file that lists what to look at; None without a list, and for one that is standard input."""
    from cleanup_nodemodule.config.name_list import STANDARD_INPUT

    files = [path for name in reversed(LISTS) if (path := values.text(name)) is not None]
    return next((path for path in files if path != STANDARD_INPUT), None)


def with_lists(settings: "Settings", values: "Values", orders: "Orders") -> "Settings":
    """Return the settings with what the lists of a run name. Waits for standard input, if that is one.

    Raises UsageError for a list that cannot be read, or that does not go with what else was said.
    """
    if not is_listed(values):
        return settings
    from cleanup_nodemodule.config.name_list import STANDARD_INPUT, read_list

    if all(values.text(name) == STANDARD_INPUT for name in LISTS):
        raise UsageError("--from-file and --artifacts-from cannot both be standard input; give one")
    read: dict[str, NameList] = {}
    for name in LISTS:
        path = values.text(name)
        if path is None:
            continue
        if path == STANDARD_INPUT:
            _check_answers(name, orders)
        with values.blaming():
            read[name] = read_list(f"--{name}", path, null=values.flag("null"))
        _check_whole(name, read[name], orders)
        if path == STANDARD_INPUT and orders.deletes and orders.ask:
            _answer_by_terminal()
    # What a file says about where to search is not meant where a list was typed. What is typed holds for a job's list.
    first = min(_rank(values, name) for name in read)
    roots = settings.roots if _rank(values, "path") >= first else ()
    if "from-file" in read:
        roots = tuple(dict.fromkeys((*roots, *read["from-file"].names)))
    if "artifacts-from" in read:
        if settings.min_depth:
            raise UsageError(
                "--min-depth is for a search, and --artifacts-from searches nothing; leave one out"
            )
        # What a file says is for searches.
        if settings.max_depth is not None and _rank(values, "max-depth") >= first:
            raise UsageError(
                "--max-depth is for a search, and --artifacts-from searches nothing; leave one out"
            )
        return replace(settings, roots=roots, artifacts=read["artifacts-from"].names)
    # An empty list is no reason to search the current directory.
    return replace(settings, roots=roots, artifacts=None if roots else ())


def _rank(values: "Values", name: str) -> int:
    """Return how much counts what was said about a key, by where that was."""
    order = values.source(name).order
    return list(type(order)).index(order)


def _check_whole(name: str, read: "NameList", orders: "Orders") -> None:
    if not read.whole and orders.deletes:
        raise UsageError(
            f"--{name}: the last line of the list has no end, so the list may have been cut off, and nothing was"
            " deleted; end it with a newline"
        )


def _check_answers(name: str, orders: "Orders") -> None:
    """Raise UsageError where a run would ask, and nobody could answer, as standard input is the list."""
    if not (orders.deletes and orders.ask):
        return
    from cleanup_nodemodule.show.streams import is_terminal

    seen = is_terminal(sys.stderr) or is_terminal(sys.stdout)
    try:
        os.close(os.open(_TERMINAL, os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        seen = False
    if not seen:
        raise UsageError(
            f"--{name} -: standard input is the list, so nobody can answer the question; to delete without one,"
            " add --yes"
        )


def _answer_by_terminal() -> None:
    """Have the question answered at the terminal, as standard input was the list."""
    terminal = os.open(_TERMINAL, os.O_RDONLY | os.O_NOCTTY)
    os.dup2(terminal, 0)
    os.close(terminal)
    sys.stdin = open(0, encoding=sys.stdin.encoding, errors=sys.stdin.errors, closefd=False)  # noqa: SIM115 - it is read until the process ends


_TERMINAL: Final = "/dev/tty"
"""The terminal of this session, wherever standard input comes from (tty(4))."""
