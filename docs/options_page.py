"""Writes docs/options.md from the help of the program: ``python docs/options_page.py``.

A test fails if the page is not what this makes of it.
"""

import re
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, get_args, get_origin

import typer.main
from rich.text import Text

from cleanup_nodemodule.commands.app import app
from cleanup_nodemodule.words import PROGRAM

PAGE: Final = Path(__file__).parent / "options.md"

_HEAD: Final = """\
# Options

The commands and options of `{program}`, from its own help texts. `{program} COMMAND --help` prints the same for one
command. [Recipes](recipes.md) has examples, [In scripts](scripts.md) the exit codes.
"""

_UNNAMED: Final = "Other"
"""Where options without a panel go, such as those that Typer adds."""


def help_of(parameter: Any) -> str:
    """Return the help of an option or an argument as plain text."""
    return " ".join(Text.from_markup(parameter.help or "").plain.split())


def summary_of(command: Any) -> list[str]:
    """Return the paragraphs of a command's own help as plain text."""
    plain = Text.from_markup(re.sub(r"\s*\f.*", "", command.help or "", flags=re.DOTALL)).plain
    return [" ".join(paragraph.split()) for paragraph in plain.split("\n\n") if paragraph.strip()]


def the_program() -> Any:
    """Return the program with its options and commands."""
    return typer.main.get_command(app)


def page() -> str:
    """Return the page in Markdown."""
    program = the_program()
    lines = [_HEAD.format(program=PROGRAM), *_command(program, PROGRAM, "Without a command")]
    for name, command in program.commands.items():
        if not command.hidden:
            lines += _command(command, f"{PROGRAM} {name}", f"`{name}`")
    return "\n".join(lines).rstrip("\n") + "\n"


def _command(command: Any, typed: str, title: str) -> Iterator[str]:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    words = " ".join((typed, "[OPTIONS]", *(_placeholder(one) for one in arguments)))
    yield from (f"## {title}", "", f"    {words}", "")
    for paragraph in summary_of(command):
        yield from (_safe(paragraph), "")
    yield from _table("argument", arguments)
    panels: dict[str, list[Any]] = {}
    for one in command.params:
        if one.param_type_name == "option" and not one.hidden:
            panels.setdefault(getattr(one, "rich_help_panel", None) or _UNNAMED, []).append(one)
    # What has no panel of its own is of no use for anything else, so it comes last.
    panels[_UNNAMED] = panels.pop(_UNNAMED, [])
    for panel, options in panels.items():
        if options and len([one for one in panels.values() if one]) > 1:
            yield from (f"### {panel}", "")
        yield from _table("option", options)


def _table(kind: str, parameters: list[Any]) -> Iterator[str]:
    if not parameters:
        return
    yield from (f"| {kind} | what it does |", "|---|---|")
    for one in parameters:
        yield f"| {_names(one)} | {_safe(help_of(one))}{_default(one)} |"
    yield ""


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{_placeholder(parameter)}`"
    *others, last = sorted(parameter.opts, key=len)
    value = _value(parameter)
    return ", ".join(
        [*(f"`{one}`" for one in others), f"`{last} {value}`" if value else f"`{last}`"]
    )


def _value(parameter: Any) -> str:
    """Return what stands for the value of an option, and nothing if it has none."""
    if getattr(parameter, "is_flag", False):
        return ""
    kind = parameter.type_descriptor.annotation
    choices = list(kind) if isinstance(kind, type) and issubclass(kind, StrEnum) else get_args(kind)
    words = "|".join(map(str, choices)) if get_origin(kind) is not list else ""
    # In a table of Markdown a bar ends a cell.
    return str(parameter.metavar or words or "VALUE").replace("|", r"\|")


def _placeholder(parameter: Any) -> str:
    name = (parameter.metavar or parameter.name or "").strip("[]{}.").upper()
    word = f"{name}..." if parameter.nargs == -1 else name
    return word if parameter.required else f"[{word}]"


def _default(parameter: Any) -> str:
    """Return the default where the help text leaves it to Typer to say it."""
    value = parameter.default
    said = not getattr(parameter, "show_default", True) or value in {None, False, "", ()}
    return "" if said else f" [default: {getattr(value, 'value', value)}]"


def _safe(text: str) -> str:
    """Return text that Markdown shows as it is."""
    text = re.sub(r"(?<![\w`])(--?[A-Za-z0-9][\w-]*)", r"`\1`", text)
    return re.sub(r"([|*_<>])(?![^`]*`(?:[^`]*`[^`]*`)*[^`]*$)", r"\\\1", text)


def main() -> None:
    """Bring the page up to date."""
    text = page()
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        PAGE.write_text(text, encoding="utf-8")
        sys.stderr.write(f"{PAGE.name} is brought up to date\n")


if __name__ == "__main__":
    main()
