"""Draws the help, as wide as the terminal.

Typer can draw it too: with Rich, which takes as long to load as all else, or plainly, and then neither knows
examples, groups of options and a short form.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from cleanup_nodemodule.commands.examples import EXAMPLES
from cleanup_nodemodule.commands.options import (
    CHOICE,
    DELETE,
    OTHER,
    OUTPUT,
    SEARCH,
    SHELL,
    UNATTENDED,
)
from cleanup_nodemodule.errors import ExitCode
from cleanup_nodemodule.show.layout import bold, columns, folded
from cleanup_nodemodule.words import PROGRAM, command

_SHORT: Final = {
    *(
        "path",
        "profile",
        "targets",
        "exclude",
        "no_dry_run",
        "yes",
        "trash",
    ),
    *("format_", "json_", "top", "quiet", "verbose", "version", "help_"),
}
"""Options of the program that ``-h`` shows, by the names of their parameters."""

_FILTERS: Final = (
    "    --older-than 30d",
    "Only what is older. --help has more such filters.",
)
"""What ``-h`` shows of all options that choose what goes."""

EXIT_CODES: Final = {
    ExitCode.DONE: "done, and everything could be read and deleted",
    ExitCode.UNEXPECTED: "something failed that should not have",
    ExitCode.USAGE: "the command line, or a file that it names, is wrong; nothing was touched",
    ExitCode.INCOMPLETE: "done, but something could not be read, deleted or written",
    ExitCode.EXCEEDED: "more than --max-delete, --fail-over or --fail-if-grown allows; with --max-delete nothing was"
    " touched",
    ExitCode.LOCKED: "another run is deleting in the same tree; nothing was touched",
    ExitCode.HUNG_UP: "stopped, because its terminal was closed (SIGHUP)",
    ExitCode.INTERRUPTED: "stopped by Ctrl-C (SIGINT)",
    ExitCode.TERMINATED: "stopped by SIGTERM",
}
"""What each exit code means."""

_OF_SOME: Final = {
    ExitCode.EXCEEDED: {"", "run", "apply", "diff", "merge"},
    ExitCode.LOCKED: {"", "run", "apply", "resume"},
}
"""Exit codes that only some commands have, by name."""

_INCOMPLETE_RUN: Final = (
    f"{EXIT_CODES[ExitCode.INCOMPLETE]}, or the time of --max-runtime was too short"
)

_OTHERWISE: Final = {
    **dict.fromkeys(
        (("", ExitCode.INCOMPLETE), ("run", ExitCode.INCOMPLETE), ("apply", ExitCode.INCOMPLETE)),
        _INCOMPLETE_RUN,
    ),
    ("doctor", ExitCode.INCOMPLETE): "something is missing",
    ("history", ExitCode.INCOMPLETE): "the history could not be pruned",
    ("schedule", ExitCode.INCOMPLETE): "the scheduler did not do it, or could not be asked",
}
"""What an exit code means where a command means something else by it."""

_DOCUMENTS: Final = "README.md and the pages in docs/, which come with the source code, have recipes and all the rest."

_WIDEST: Final = 100
"""Columns beyond which lines are hard to read."""

_NARROW: Final = 70
"""Columns below which the words go under the options and not beside them."""

_UNDER: Final = 8
"""Columns by which they are indented then."""


def page(asked: Any, *, short: bool, width: int | None = None) -> str:
    """Return the help of a command, for so many columns; by default for those of the terminal."""
    name = asked.name if asked.name != PROGRAM and asked.name in EXAMPLES else ""
    lines = list(
        _Page(asked, name, columns(_WIDEST) if width is None else width).lines(short=short)
    )
    while lines and not lines[-1]:
        lines.pop()
    return "\n".join(lines)


def first_sentence(text: str) -> str:
    """Return the first sentence of a help text."""
    return re.split(r"(?<=[A-Za-z0-9)])[.] (?=[A-Z])", text)[0].rstrip(".") + "."


class _Page:
    def __init__(self, asked: Any, name: str, width: int) -> None:
        self._command = asked
        self._name = name
        self._width = width

    def lines(self, *, short: bool) -> Iterator[str]:
        summary, *more = _paragraphs(self._command.help)
        yield from self._text(summary)
        if not short:
            for paragraph in more:
                yield ""
                yield from self._text(paragraph)
        yield ""
        yield from self._usage()
        yield ""
        yield _heading("Examples")
        yield from self._rows(
            [(f"{PROGRAM} {words}", f"# {what}") for what, words in EXAMPLES[self._name]],
        )
        yield ""
        groups = list(self._groups(short=short))
        left = max(_left(rows) for _, rows in groups)
        for title, rows in groups:
            yield _heading(title)
            yield from self._rows(rows, left)
            yield ""
        if commands := self._commands():
            yield _heading("Commands")
            yield from self._rows(commands)
            yield ""
        if short:
            words = (self._name, "--help") if self._name else ("--help",)
            yield from self._text(f"{command(*words)} shows everything.")
            return
        yield _heading("Exit codes")
        yield from self._rows(_exit_codes(self._name))
        yield ""
        yield _heading("More")
        yield from self._text(_DOCUMENTS, indent=2)

    def _usage(self) -> Iterator[str]:
        words = (PROGRAM, self._name) if self._name else (PROGRAM,)
        arguments = [
            _metavar(param)
            if param.required
            else f"[{param.metavar}]" + "..." * (param.nargs == -1)
            for param in _arguments(self._command)
        ]
        if not self._name:
            arguments = ["[PATH]..."]
        yield f"{bold('Usage:')} {' '.join((*words, '[OPTIONS]', *arguments))}"
        if not self._name:
            yield f"       {PROGRAM} COMMAND [OPTIONS] [ARGUMENTS]"

    def _groups(self, *, short: bool) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        arguments = [(_metavar(param), param.help or "") for param in _arguments(self._command)]
        if arguments:
            yield (
                "Arguments",
                [(name, first_sentence(text) if short else text) for name, text in arguments],
            )
        params = getattr(self._command, "own", self._command.params)
        options = [
            param for param in params if param.param_type_name == "option" and not param.hidden
        ]
        if short and not self._name:
            options = [param for param in options if param.name in _SHORT]
        groups: dict[str, list[tuple[str, str]]] = {}
        for param in options:
            title = getattr(param, "rich_help_panel", None) or OTHER
            if short or self._name:
                title = "Options"
            text = " ".join((param.help or "").split())
            row = (_names(param), first_sentence(text) if short else text)
            groups.setdefault(title, []).append(row)
            if short and not self._name and param.name == "exclude":
                groups[title].append(_FILTERS)
        order = (SEARCH, CHOICE, DELETE, OUTPUT, UNATTENDED, OTHER, SHELL)
        yield from sorted(
            groups.items(), key=lambda group: order.index(group[0]) if group[0] in order else -1
        )

    def _commands(self) -> list[tuple[str, str]]:
        commands = getattr(self._command, "commands", {})
        return [
            (name, first_sentence(_paragraphs(each.help)[0]))
            for name, each in commands.items()
            if not each.hidden
        ]

    def _rows(self, rows: Sequence[tuple[str, str]], left: int = 0) -> Iterator[str]:
        """Give rows of two columns, or the second below the first where there is no room.

        The second column begins at *left*, or else where the longest row needs it.
        """
        left = left or _left(rows)
        for name, text in rows:
            if self._width < _NARROW:
                yield f"  {name}"
                yield from self._text(text, indent=_UNDER)
                continue
            first, *rest = folded(text, self._width, left)
            yield f"  {name}".ljust(left) + first[left:]
            yield from rest

    def _text(self, text: str, indent: int = 0) -> Iterator[str]:
        return folded(text, self._width, indent)


def _left(rows: Sequence[tuple[str, str]]) -> int:
    """Return where the second column of rows begins."""
    return max(len(name) for name, _ in rows) + 4


def _paragraphs(text: str | None) -> list[str]:
    return [" ".join(part.split()) for part in (text or "").split("\n\n")]


def _arguments(asked: Any) -> Iterable[Any]:
    return [param for param in asked.params if param.param_type_name == "argument"]


def _metavar(param: Any) -> str:
    return f"{param.metavar}{'...' if param.nargs == -1 else ''}"


def _names(param: Any) -> str:
    """Return the names of an option, the short one first, and the word for its value."""
    short = [name for name in param.opts if not name.startswith("--")]
    long = [name for name in param.opts if name.startswith("--")]
    names = ", ".join((*short, *long)) if short else f"    {long[0]}"
    return names if param.is_flag else f"{names} {param.metavar}"


def _exit_codes(name: str) -> list[tuple[str, str]]:
    return [
        (str(code.value), _OTHERWISE.get((name, code), meaning))
        for code, meaning in EXIT_CODES.items()
        if name in _OF_SOME.get(code, {name})
    ]


def _heading(title: str) -> str:
    return bold(f"{title}:")
