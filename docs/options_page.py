"""Writes docs/options.md from the help of the program: ``python docs/options_page.py``.

A test fails if the page is not what this makes of it.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import typer.main

from cleanup_nodemodule.commands.app import app
from cleanup_nodemodule.words import PROGRAM

PAGE: Final = Path(__file__).parent / "options.md"

_HEAD: Final = """\
# Options

The commands of `{program}` and their options, from its own help texts. `{program} COMMAND --help` prints the same for
one command, with examples. [Recipes](recipes.md) has more examples, and [In scripts](scripts.md) has the exit codes.
"""

_TITLE: Final = "Without a command"


def the_program() -> Any:
    """Return the program with its options and commands."""
    return typer.main.get_command(app)


def summary_of(command: Any) -> list[str]:
    """Return the paragraphs that say what a command does."""
    return [" ".join(paragraph.split()) for paragraph in (command.help or "").split("\n\n")]


def help_of(parameter: Any) -> str:
    """Return the help of an option or an argument, on one line."""
    return " ".join((parameter.help or "").split())


def page() -> str:
    """Return the page in Markdown."""
    program = the_program()
    lines = [
        _HEAD.format(program=PROGRAM),
        *_command(program, f"{PROGRAM} [OPTIONS] [PATH]...", _TITLE),
    ]
    for name, command in program.commands.items():
        arguments = [_placeholder(one) for one in _parameters(command, "argument")]
        typed = " ".join((PROGRAM, name, "[OPTIONS]", *arguments))
        lines += _command(command, typed, f"`{name}`")
    return "\n".join(lines).rstrip("\n") + "\n"


def _command(command: Any, typed: str, title: str) -> Iterator[str]:
    yield from (f"## {title}", "", f"    {typed}", "")
    for paragraph in summary_of(command):
        yield from (_safe(paragraph), "")
    yield from _table("argument", _parameters(command, "argument"))
    panels: dict[str, list[Any]] = {}
    for one in _parameters(command, "option"):
        panels.setdefault(getattr(one, "rich_help_panel", None) or "", []).append(one)
    for panel, options in panels.items():
        if panel and title == _TITLE:
            yield from (f"### {panel}", "")
        yield from _table("option", options)


def _parameters(command: Any, kind: str) -> list[Any]:
    return [one for one in command.params if one.param_type_name == kind and not one.hidden]


def _table(kind: str, parameters: list[Any]) -> Iterator[str]:
    if not parameters:
        return
    yield from (f"| {kind} | what it does |", "|---|---|")
    for one in parameters:
        name = _names(one) if kind == "option" else f"`{_placeholder(one)}`".replace("|", r"\|")
        yield f"| {name} | {_safe(help_of(one))} |"
    yield ""


def _names(option: Any) -> str:
    """Return an option as it is typed: its short name, its long one, and the word for its value."""
    *others, last = sorted(option.opts, key=len)
    # In a table of Markdown a bar ends a cell.
    value = "" if option.is_flag else f" {option.metavar}".replace("|", r"\|")
    return ", ".join([*(f"`{one}`" for one in others), f"`{last}{value}`"])


def _placeholder(argument: Any) -> str:
    word = argument.metavar if argument.required else f"[{argument.metavar}]"
    return f"{word}..." if argument.nargs == -1 else word


def _safe(text: str) -> str:
    """Return text that Markdown shows as it is."""
    text = re.sub(r"(?<![\w`])(--?[A-Za-z0-9][\w-]*)", r"`\1`", text)
    return re.sub(r"([|*_<>])", r"\\\1", text)


def main() -> None:
    """Bring the page up to date."""
    text = page()
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        PAGE.write_text(text, encoding="utf-8")
        sys.stderr.write(f"{PAGE.name} is brought up to date\n")


if __name__ == "__main__":
    main()
