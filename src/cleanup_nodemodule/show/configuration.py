"""What ``config show`` and ``config check`` print: what counts in a run, and who said it; what is wrong in files."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final

from cleanup_nodemodule.config.layers import Given, Values
from cleanup_nodemodule.errors import ExitCode
from cleanup_nodemodule.proof.rules import Rule
from cleanup_nodemodule.run.checking import Checked
from cleanup_nodemodule.show.layout import columns, dim
from cleanup_nodemodule.show.streams import is_terminal, print_lines, say
from cleanup_nodemodule.unattended.notifying.recipients import masked
from cleanup_nodemodule.words import PROGRAM, printable

_WIDEST: Final = 120
_INDENT: Final = 4


def show_values(values: Values, names: Sequence[str], *, as_json: bool) -> int:
    """Print what counts of these keys, and who said it; return the exit code."""
    rows = [(name, given) for name in names for given in values.given(name)]
    if as_json:
        documents = [
            {
                "key": name,
                "value": _for_json(_shown(name, given.value)),
                "from": given.source.order.value,
                "place": given.source.place or None,
                "line": given.source.line,
            }
            for name, given in rows
        ]
        return print_lines([json.dumps({"values": documents}, indent=2)])
    return print_lines(_page(rows) if is_terminal(sys.stdout) else _lines(rows))


def _lines(rows: Sequence[tuple[str, Given]]) -> Iterator[str]:
    """Give a line a value, its fields parted by tabs: key, value, who said it, where."""
    for name, given in rows:
        place = str(given.source) if given.source.place else "-"
        yield "\t".join(
            map(printable, (name, written(_shown(name, given.value)), given.source.order, place))
        )


def _page(rows: Sequence[tuple[str, Given]]) -> Iterator[str]:
    """Give the values as a file would have them, with who said each behind it, or below if that is too long."""
    width = columns(_WIDEST)
    home = os.path.join(os.path.expanduser("~"), "")
    texts = [
        printable(
            f"{name} = {written(_shown(name, given.value))}" if given.value is not None else name
        )
        for name, given in rows
    ]
    left = max((len(text) for text in texts if len(text) <= width // 2), default=0)
    for text, (_, given) in zip(texts, rows, strict=True):
        where = str(given.source)
        where = printable(f"~/{where.removeprefix(home)}" if where.startswith(home) else where)
        if len(text) <= left and left + 2 + len(where) <= width:
            yield f"{text.ljust(left)}  {dim(where)}"
        else:
            yield text
            yield " " * _INDENT + dim(where)


def _shown(name: str, value: Any) -> Any:
    """Return the value of a key without what is secret in it."""
    return tuple(map(masked, value)) if name == "notify" else value


def written(value: Any) -> str:
    """Return a value as TOML has it; a dash if there is none."""
    match value:
        case None:
            return "-"
        case bool():
            return str(value).lower()
        case tuple():
            return f"[{', '.join(map(written, value))}]"
        case Rule():
            return written(value.id)
        case str():
            return json.dumps(value, ensure_ascii=False)
        case float():
            return f"{value:g}"
        case _:
            return str(value)


def _for_json(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_for_json(one) for one in value]
    return value.id if isinstance(value, Rule) else value


def show_checked(checked: Sequence[Checked], usual: str | None, *, as_json: bool) -> int:
    """Say of each file whether it is right; return the exit code. *usual* is where this user's file would be."""
    code = ExitCode.USAGE if any(one.faults for one in checked) else ExitCode.DONE
    if as_json:
        documents = [{"file": one.place or None, "problems": [*one.faults]} for one in checked]
        return print_lines([json.dumps({"checked": documents}, indent=2)]) or code
    right = [f"{printable(one.place)} is right" for one in checked if one.place and not one.faults]
    printed = print_lines(right)
    for one in checked:
        for fault in one.faults:
            say(f"{PROGRAM}: {fault}")
    if not checked and usual is not None:
        say(
            f"{PROGRAM}: there is no configuration file; {PROGRAM} config init makes {printable(usual)}"
        )
    return printed or code
