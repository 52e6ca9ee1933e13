"""Reads the command line, and does what Typer does not do by itself."""

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from typing import Any, Final, NamedTuple

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from cleanup_nodemodule.commands import misread, wrong_usage
from cleanup_nodemodule.commands.options import nothing_done
from cleanup_nodemodule.config.keys import OPTIONS, WAYS_BACK, Kind, without
from cleanup_nodemodule.errors import UsageError

_SPREAD: Final = {
    "--targets": "node_modules dist",
    "--also": "dist out",
    "--include-unproven": "web/dist docs/out",
}
"""Options that take all the words which follow, up to the next option, with an example of those."""

_OF_NAMES: Final = {"--targets", "--also"}

_FOR_ALL: Final = {"engine", "config", "no_config"}
"""Options of the program that count for its commands too."""

WORDS: Final = "cleanup_nodemodule.words"
"""Where a context keeps the paths that were typed without ``-p``."""

LINES: Final = "cleanup_nodemodule.lines"
"""Where a context keeps these again, in lists of those that stand side by side. A path of ``-p`` before them counts."""


class Option(TyperOption):
    """An option whose value is converted here, with errors in our words.

    Typer 0.29 has pydantic make an adapter for each parameter, given or not, and loading that is a third of
    the time it takes to start. Text is what the command line has, and what it stands for is known here.
    """

    def process_value(self, ctx: Any, value: Any) -> Any:
        """Return the value of the option as the type that it is declared with."""
        # Where another Typer calls it otherwise, it has its own way.
        if getattr(self, "type_descriptor", None) is None:
            return super().process_value(ctx, value)
        return _processed(self, ctx, value)


class Argument(TyperArgument):
    """An argument whose value is converted here, as that of an option."""

    def process_value(self, ctx: Any, value: Any) -> Any:
        """Return the value of the argument as the type that it is declared with."""
        if getattr(self, "type_descriptor", None) is None:
            return super().process_value(ctx, value)
        return _processed(self, ctx, value)


def _processed(param: Any, ctx: Any, value: Any) -> Any:
    if param.required and value is None:
        raise wrong_usage.no_argument(ctx.info_name, param.metavar)
    converted = _convert(param, value)
    return converted if param.callback is None else param.callback(ctx, param, converted)


def _convert(param: Any, value: Any) -> Any:
    annotation = param.type_descriptor.annotation
    if not isinstance(value, str) or annotation is str:
        return value  # A default is what it should be already, and so is a list of words.
    name = max(param.opts, key=len)
    if choices := wrong_usage.choices_of(param):
        if value not in choices:
            raise wrong_usage.no_choice(name, value, choices)
        return annotation(value) if isinstance(annotation, type) else value
    try:
        number = annotation(value)
    except ValueError as error:
        if re.fullmatch(r"[+-]?\d+", value):
            raise wrong_usage.too_long(name, param.metavar) from error
        raise wrong_usage.no_number(name, value, param.metavar) from error
    if param.min is not None and number < param.min:
        raise UsageError(f"{name} cannot be {value}; type {param.min} or more")
    return number


def _take_over(params: Iterable[Any]) -> None:
    """Make parameters ours: Typer 0.29 lets nobody choose their class."""
    for param in params:
        if type(param) is TyperOption:
            param.__class__ = Option
        elif type(param) is TyperArgument:
            param.__class__ = Argument


def _add_ways_back(params: list[Any]) -> None:
    """Give each option one that takes it back, as a file may have said it."""
    known = {name: param for param in params for name in param.opts}
    keys = [(param, OPTIONS.get(max(param.opts, key=len))) for param in params]
    # Each Typer makes options in its own way, but all take one for another like it.
    flag = next(param for param, key in keys if key is not None and key.kind is Kind.FLAG)
    for param, key in keys:
        if key is not None and key.kind is Kind.FLAG and key.off is None:
            param.secondary_opts = [without(key)]
    for back, key in WAYS_BACK.items():
        if key.typed in known and back not in known:
            one = copy(flag)
            one.name, one.opts, one.secondary_opts = back[2:].replace("-", "_"), [back], []
            one.hidden, one.expose_value = True, False
            one.rich_help_panel = known[key.typed].rich_help_panel
            params.append(one)


def _check_dashes(params: Iterable[Any], args: Iterable[str]) -> None:
    """Refuse a long option with one dash, and a short one with an equals sign, before they are read as another."""
    known = {name: param for param in params for name in param.opts}
    for word in args:
        if word == "--":
            return
        if re.match(r"-\w[\w-]+$", word) and f"-{word}" in known:
            raise wrong_usage.single_dash(word)
        option, equals, value = word.partition("=")
        if equals and re.fullmatch(r"-\w", option) and option in known:
            raise wrong_usage.equals_sign(option, value, known[option])


@contextlib.contextmanager
def _about(ctx: Any) -> Iterator[None]:
    """Have errors know which command they are about, as not all of Typer's do."""
    try:
        yield
    except typer.TyperException as error:
        if getattr(error, "ctx", None) is None:
            # Typer declares no such attribute, but reads it.
            error.ctx = ctx  # type: ignore[attr-defined]
        raise


class Command(TyperCommand):
    """A command with a name."""

    allow_extra_args = True
    """They are refused here, in our words."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read what stands behind the name of the command."""
        _take_over(self.params)
        if ctx.resilient_parsing:  # A shell completing what is not finished yet.
            return super().parse_args(ctx, args)
        _check_dashes(self.params, args)
        with _about(ctx):
            extra = super().parse_args(ctx, args)
        if extra:
            takes = [
                param.metavar or "" for param in self.params if isinstance(param, TyperArgument)
            ]
            raise wrong_usage.one_too_many(self.name or "", takes, extra)
        return extra

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Return what a shell offers: options, each with the first sentence of its help."""
        return _shortened(super().shell_complete(ctx, incomplete), {})


class Run(Command):
    """A command that takes all options of a run, too."""

    def __init__(self, *args: Any, **extra: Any) -> None:
        super().__init__(*args, **extra)
        self.own = tuple(self.params)
        """What the function takes, and the help shows: the others have the help of the program."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read what stands behind the name of the command."""
        names = {name for param in self.own for name in param.opts}
        more = [param for param in ctx.parent.command.params if not names & {*param.opts}]
        _add_ways_back(more)
        self.params = [*self.own, *more]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Call the function with what it takes; the rest it finds in the context."""
        own = {param.name: ctx.params[param.name] for param in self.own if param.expose_value}
        return ctx.invoke(self.callback, **own)


def _shortened(items: list[Any], commands: Mapping[str, Any]) -> list[Any]:
    """Return what a shell offers with a short help, as shells have a line for each."""
    from cleanup_nodemodule.commands.help_page import first_sentence

    for item in items:
        text = commands[item.value].help if item.value in commands else item.help
        item.help = first_sentence(" ".join((text or "").partition("\n\n")[0].split()))
    return items


class Program(TyperGroup):
    """The program: options and paths of its own, and commands."""

    def make_context(self, *args: Any, **extra: Any) -> Any:
        """Read the command line, in one of those moments in which nothing has been done yet."""
        with nothing_done():
            return super().make_context(*args, **extra)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line: a path may stand anywhere, and ``--targets`` takes all the names that follow."""
        _take_over(self.params)
        if ctx.resilient_parsing:  # A shell completing what is not finished yet.
            return super().parse_args(ctx, args)
        _add_ways_back(self.params)
        _check_dashes(self.params, args)
        taken = list(_taken(args))
        with _about(ctx):
            parted = self._parted(ctx, _spread(args, taken))
            rest = super().parse_args(ctx, [*parted.options, *parted.called])
        ctx.meta[WORDS], ctx.meta[LINES] = parted.words, parted.lines
        if parted.called:
            self._refuse_options_before(ctx, parted.called[0])
            return rest
        misread.refuse_behind(parted.behind)
        wrong_usage.refuse_misspelt(parted.words, list(self.commands))
        if not ctx.params["path"]:
            misread.refuse_taken(args, taken, self.commands, deletes=ctx.params["no_dry_run"])
        return rest

    def _parted(self, ctx: Any, args: Sequence[str]) -> "_Parted":
        """Part a command line. Raises what the parser raises."""
        parser = self.make_parser(ctx)
        parser.allow_interspersed_args = False
        parted = _Parted([], [], [], [], [])
        rest = list(args)
        while rest:
            given = list(rest)
            values, left, params = parser.parse_args(rest)  # It takes the list apart.
            read = given[: len(given) - len(left)]
            ended = read[-1:] == ["--"] and _is_whole(parser, read[:-1])
            parted.options.extend(read[:-1] if ended else read)
            rest = left
            if not rest:
                break
            if not (ended or parted.words) and rest[0] in self.commands:
                return parted._replace(words=[], called=rest)
            side_by_side = tuple(rest) if ended else misread.bare(rest)
            if params and not ended:
                last = params[-1]
                if not _is_whole(parser, read[:-1]):
                    option = read[-2] if read[-2] in last.opts else max(last.opts, key=len)
                    parted.behind.append(misread.Behind(last, option, read[-1], side_by_side))
                if last.name == "path":
                    side_by_side = (values["path"][-1], *side_by_side)
            if read or not parted.lines:
                parted.lines.append(side_by_side)
            taken = len(rest) if ended else 1
            parted.words.extend(rest[:taken])
            parted.options.extend(f"--path={word}" for word in rest[:taken])
            rest = rest[taken:]
        return parted

    def _refuse_options_before(self, ctx: Any, name: str) -> None:
        theirs = {option for param in self.commands[name].params for option in param.opts}
        for param in self.params:
            source = ctx.get_parameter_source(param.name)
            if param.name in _FOR_ALL or source is None or source.name != "COMMANDLINE":
                continue
            raise wrong_usage.before_command(max(param.opts, key=len), name, theirs)

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Return what a shell offers: options and commands. Behind a path there is no command any more."""
        if getattr(ctx, "_protected_args", ()) and not incomplete.startswith("-"):
            return []
        return _shortened(super().shell_complete(ctx, incomplete), self.commands)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command; none for a path, which is there only while a shell completes."""
        if args and args[0] not in self.commands:
            return None, None, args
        return super().resolve_command(ctx, args)


def _is_whole(parser: Any, words: list[str]) -> bool:
    """Whether options are complete, so that what follows is the value of none."""
    try:
        parser.parse_args(list(words))
    except Exception:  # noqa: BLE001 - the last one needs a value, in Typer's words
        return False
    return True


class _Parted(NamedTuple):
    """The parts of a command line."""

    options: list[str]
    """Options and their values. The paths are among them, as values of ``--path``."""
    words: list[str]
    """Paths that were typed without ``-p``."""
    called: list[str]
    """The command, with all that follows."""
    behind: list[misread.Behind]
    lines: list[tuple[str, ...]]
    """Paths that stand side by side."""


def _taken(args: Sequence[str]) -> Iterator[misread.Taken]:
    """Give each option that takes all the words which follow, with those."""
    for position, option in enumerate(args):
        if option == "--":
            return
        if option not in _SPREAD:
            continue
        words = misread.bare(args[position + 1 :])
        of_names = option in _OF_NAMES
        if not words:
            what = "name" if of_names else "path"
            example = _SPREAD[option]
            raise UsageError(f"{option} needs the {what} of a directory, as in: {option} {example}")
        yield misread.Taken(option, position + 1, words, of_names)


def _spread(args: Sequence[str], taken: Iterable[misread.Taken]) -> list[str]:
    """Return the command line with an option before each of the words that it takes."""
    spread: list[str] = []
    position = 0
    for one in taken:
        spread += args[position : one.start - 1]
        for word in one.words:
            spread += (one.option, word)
        position = one.start + len(one.words)
    return [*spread, *args[position:]]
