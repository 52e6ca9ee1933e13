"""The Typer program: its commands, and what Typer does not do by itself."""

import re
from enum import StrEnum
from typing import Any, Literal, get_args, get_origin

import typer
from typer.core import TyperGroup, TyperOption

from cleanup_nodemodule.commands.clean import clean
from cleanup_nodemodule.commands.explain import explain
from cleanup_nodemodule.commands.log import log
from cleanup_nodemodule.commands.options import nothing_done
from cleanup_nodemodule.commands.regenerate import regenerate
from cleanup_nodemodule.commands.resume import resume
from cleanup_nodemodule.commands.rules import rules
from cleanup_nodemodule.words import PROGRAM, printable, quoted

_SPREAD = {
    "--targets": "node_modules dist",
    "--also": "dist out",
    "--include-unproven": "web/dist docs/out",
}
"""Options that take all the words which follow, up to the next option, with an example of those."""


_OF_NAMES = {"--targets", "--also"}


class Option(TyperOption):
    """An option whose value is converted only if there is anything to convert.

    Typer 0.29 has pydantic make an adapter for each option of a command, given or not, and loading that
    is a third of the time it takes to start. Text is what the command line has, and what the names of a
    choice stand for is known here. (That is for options which are not required and have no range.)
    """

    def process_value(self, ctx: Any, value: Any) -> Any:
        """Return the value of the option as the type that it is declared with."""
        # Where another Typer calls it otherwise, it has its own way.
        descriptor = getattr(self, "type_descriptor", None)
        if descriptor is None:
            return super().process_value(ctx, value)
        known, converted = _known(descriptor.annotation, value)
        if not known:
            return super().process_value(ctx, value)
        return converted if self.callback is None else self.callback(ctx, self, converted)


def _known(annotation: Any, value: Any) -> tuple[bool, Any]:
    """Return whether it takes nothing but a look to convert a value, and the result."""
    if value is None:
        return True, None
    if annotation == list[str]:
        return isinstance(value, (list, tuple)), value
    if get_origin(annotation) is Literal:
        return value in get_args(annotation), value
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        # A default is a member already.
        known = value in [member.value for member in annotation]
        return known, annotation(value) if known else value
    return annotation in {str, int, float} and type(value) is annotation, value


class Program(TyperGroup):
    """The program: options of its own, and commands."""

    def make_context(self, *args: Any, **extra: Any) -> Any:
        """Read the command line, in one of those moments in which nothing has been done yet."""
        with nothing_done():
            return super().make_context(*args, **extra)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Let ``--targets`` take all the names that follow, as in release 0.1.1, and others like it."""
        if ctx.resilient_parsing:  # A shell completing what is not finished yet.
            return super().parse_args(ctx, args)
        for param in self.params:
            # Typer 0.29 lets nobody choose the class of an option, and adds some of its own after the
            # program is made. Without this, --version takes more than twice as long to start.
            if isinstance(param, TyperOption):
                param.__class__ = Option
        known = {name for param in self.params for name in param.opts}
        for word in args:
            if re.match(r"-\w[\w-]+$", word) and f"-{word}" in known:
                raise typer.BadParameter(f"there is no option {word}; did you mean -{word}?")
        for option, example in _SPREAD.items():
            args = _spread(args, option, example)
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Say what to type where no command has that name."""
        if args and args[0] not in self.commands:
            raise typer.BadParameter(
                f"there is no command {printable(args[0])} (there are {', '.join(self.commands)});"
                f" to search a directory, type: {PROGRAM} -p {quoted(args[0])}"
            )
        return super().resolve_command(ctx, args)


def _spread(args: list[str], option: str, example: str) -> list[str]:
    spread: list[str] = []
    position = 0
    while position < len(args):
        word = args[position]
        position += 1
        if word == "--":
            return [*spread, word, *args[position:]]
        if word != option:
            spread.append(word)
            continue
        start = position
        while position < len(args) and not args[position].startswith("-"):
            spread += (option, args[position])
            position += 1
        if position == start:
            what = "name" if option in _OF_NAMES else "path"
            raise typer.BadParameter(
                f"{option} needs the {what} of a directory, as in: {option} {example}"
            )
    return spread


app = typer.Typer(
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)

# In the order in which --help lists them.
app.callback(cls=Program, invoke_without_command=True, add_help_option=False)(clean)
app.command("resume")(resume)
app.command("rules")(rules)
app.command("explain")(explain)
app.command("log")(log)
app.command("regenerate")(regenerate)
