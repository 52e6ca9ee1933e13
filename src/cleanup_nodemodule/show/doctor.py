"""What ``doctor`` prints: how each thing is, and what to do about it."""

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Final

from cleanup_nodemodule.errors import ExitCode
from cleanup_nodemodule.run.checkup import Check, State
from cleanup_nodemodule.show.fitting import wrapped
from cleanup_nodemodule.show.layout import bold, columns
from cleanup_nodemodule.show.streams import is_terminal, print_lines
from cleanup_nodemodule.words import printable

_WIDEST: Final = 110
_INDENT: Final = 9
"""Cells of the longest state, and two."""


def show_checks(checks: Sequence[Check], *, as_json: bool) -> int:
    """Print what was found; return the exit code."""
    code = (
        ExitCode.INCOMPLETE if any(one.state is State.MISSING for one in checks) else ExitCode.DONE
    )
    if as_json:
        document = {
            "schema_version": 1,
            "checks": [
                {
                    "check": one.name,
                    "state": one.state,
                    "found": one.found,
                    "advice": one.advice,
                    "command": one.command,
                }
                for one in checks
            ],
        }
        return print_lines([json.dumps(document, indent=2)]) or code
    lines = _page(checks) if is_terminal(sys.stdout) else _lines(checks)
    return print_lines(lines) or code


def _lines(checks: Sequence[Check]) -> Iterator[str]:
    """Give a line a check, its fields parted by tabs: state, check, what was found, what to do, the command for that."""
    for one in checks:
        fields = (one.state, one.name, one.found, one.advice or "-", one.command or "-")
        yield "\t".join(map(printable, fields))


def _page(checks: Sequence[Check]) -> Iterator[str]:
    room = columns(_WIDEST) - _INDENT
    indent = " " * _INDENT
    for one in checks:
        state = one.state.ljust(_INDENT)
        before = state if one.state is State.OK else bold(state)
        for line in wrapped(f"{one.name}: {one.found}.", room):
            yield before + line
            before = indent
        if one.advice is not None:
            ends = ":" if one.command is not None else "."
            yield from (
                indent + line
                for line in wrapped(f"{one.advice[:1].upper()}{one.advice[1:]}{ends}", room)
            )
        if one.command is not None:
            # In one piece, to be pasted.
            yield f"{indent}  {one.command}"
