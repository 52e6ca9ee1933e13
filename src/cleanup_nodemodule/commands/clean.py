"""The command line: options to settings.

The outermost edge, and kept light: ``--version`` and ``--help`` import nothing that a run needs.
"""

import contextlib
import itertools
import re
import signal
import traceback
from collections.abc import Awaitable, Callable, Iterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, get_args, get_origin

import typer
from typer.core import TyperGroup, TyperOption

from cleanup_nodemodule import __version__
from cleanup_nodemodule.errors import CleanupError, UsageError
from cleanup_nodemodule.exit_codes import ExitCode
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.show.streams import emit, say
from cleanup_nodemodule.words import PROGRAM, printable, quoted

if TYPE_CHECKING:
    from cleanup_nodemodule.config.settings import Settings
    from cleanup_nodemodule.model import Mode
    from cleanup_nodemodule.run.loop import Runtime
    from cleanup_nodemodule.run.orders import Orders
    from cleanup_nodemodule.run.signals import Interrupts
    from cleanup_nodemodule.run.voice import Ended
    from cleanup_nodemodule.show.terminal import Display, Terminal

Engine: TypeAlias = Literal["auto", "native", "python"]
"""What walks the trees."""

_MAX_JOBS = 1024
"""Threads beyond which there is nothing to gain on any machine, and memory to lose."""

_SHOWN = 50
"""Entries of the journal that are shown unless more are asked for."""

_LONGEST_TIMEOUT = 1e9
"""Seconds beyond which nobody waits, and nan and infinity."""

_MAX_SHOWN = 1_000_000_000
"""Entries that no journal has."""

_SPREAD = {
    "--targets": "node_modules dist",
    "--also": "dist out",
    "--include-unproven": "web/dist docs/out",
}
"""Options that take all the words which follow, up to the next option, with an example of those."""

_OF_NAMES = {"--targets", "--also"}

_ONCE = {"dry_run", "no_dry_run", "yes", "trash", "wait", "include_unproven"}
"""Options that say what to do with what is found, which is not to be repeated without a thought."""

_SEARCH = "Where and what to search"
_DELETE = "Deleting"
_OUTPUT = "Output"
_OTHER = "Other"


class Format(StrEnum):
    """How the result is printed."""

    TABLE = "table"
    PLAIN = "plain"
    JSON = "json"
    PATHS = "paths"


class Sort(StrEnum):
    """The order of the rows."""

    SIZE = "size"
    PATH = "path"
    AGE = "age"


class Color(StrEnum):
    """When to colour."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


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


@contextlib.contextmanager
def _nothing_done() -> Iterator[None]:
    """Have an interruption reach :func:`run`; Typer would end with its exit code, and no document."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise typer.Abort from error


class Program(TyperGroup):
    """The program: options of its own, and commands."""

    def make_context(self, *args: Any, **extra: Any) -> Any:
        """Read the command line, in one of those moments in which nothing has been done yet."""
        with _nothing_done():
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


def _show_version(wanted: bool) -> None:
    if wanted:
        from cleanup_nodemodule import engine

        _print(lambda: typer.echo(f"{PROGRAM} {__version__} (engine: {engine.name()})"))


def _choose_engine(choice: Engine) -> Engine:
    if choice != "auto":
        from cleanup_nodemodule import engine

        try:
            engine.choose(choice)
        except engine.UnavailableError as error:
            raise typer.BadParameter(str(error)) from error
    return choice


def _show_schema(wanted: bool) -> None:
    if wanted:
        from cleanup_nodemodule.report.document import json_schema

        _print(lambda: typer.echo(json_schema()))


def _show_help(ctx: typer.Context, wanted: bool) -> None:
    if wanted:
        _print(lambda: typer.echo(ctx.get_help()))


def _print(write: Callable[[], None]) -> None:
    """Print what was asked for instead of a run, and end."""
    lost = emit(write)
    if lost is not None:
        say(f"{PROGRAM}: could not print the result: {lost}")
        raise typer.Exit(ExitCode.UNEXPECTED)
    raise typer.Exit


@app.callback(cls=Program, invoke_without_command=True, add_help_option=False)
def clean(
    ctx: typer.Context,
    path: Annotated[
        list[str] | None,
        typer.Option(
            "--path",
            "-p",
            metavar="PATH",
            help="Directory to search; may be given several times. [dim]\\[default: .][/dim]",
            rich_help_panel=_SEARCH,
            show_default=False,
        ),
    ] = None,
    min_depth: Annotated[
        int,
        typer.Option(
            "--min-depth",
            "-d",
            metavar="N",
            help="Leave alone what lies above depth N; the children of PATH have depth 0.",
            rich_help_panel=_SEARCH,
        ),
    ] = 0,
    targets: Annotated[
        list[str] | None,
        typer.Option(
            "--targets",
            metavar="NAME...",
            help="Names to look for instead of the default ones. By naming one you say that every"
            " directory of that name can be rebuilt: no other proof is needed.",
            rich_help_panel=_SEARCH,
            show_default=False,
        ),
    ] = None,
    also: Annotated[
        list[str] | None,
        typer.Option(
            "--also",
            metavar="NAME...",
            help="More names to look for. Naming one means the same as with --targets.",
            rich_help_panel=_SEARCH,
            show_default=False,
        ),
    ] = None,
    include_unproven: Annotated[
        list[str] | None,
        typer.Option(
            "--include-unproven",
            metavar="PATH...",
            help="Include these directories, which a run lists as unproven.",
            rich_help_panel=_SEARCH,
            show_default=False,
        ),
    ] = None,
    profile: Annotated[
        list[str] | None,
        typer.Option(
            "--profile",
            metavar="NAME",
            help="Ecosystem to look for, such as python or rust, or all; may be given several times."
            " [dim]\\[default: js][/dim]",
            rich_help_panel=_SEARCH,
            show_default=False,
        ),
    ] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option(
            "--rule",
            metavar="NAME@MARKER",
            help="Look for NAME too: an artifact where MARKER lies beside it, or inside it with"
            " NAME@/MARKER; may be given several times.",
            rich_help_panel=_SEARCH,
            show_default=False,
        ),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            "--exclude",
            "-e",
            metavar="PATTERN",
            help="Leave alone what matches, and do not search it: a name, a path or a pattern in"
            " gitignore syntax; may be given several times. A path inside an artifact keeps that artifact.",
            rich_help_panel=_SEARCH,
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Only show what could be deleted. This is the default, and beats --yes.",
            rich_help_panel=_DELETE,
        ),
    ] = False,
    no_dry_run: Annotated[
        bool,
        typer.Option(
            "--no-dry-run",
            help="Delete: at a terminal after one question, elsewhere at once.",
            rich_help_panel=_DELETE,
        ),
    ] = False,
    yes: Annotated[
        bool,
        typer.Option(
            "--yes",
            "-y",
            help="With --no-dry-run: do not ask.",
            rich_help_panel=_DELETE,
        ),
    ] = False,
    trash: Annotated[
        bool,
        typer.Option(
            "--trash",
            help="With --no-dry-run: move to the desktop's trash instead of deleting. The space comes"
            " back when the trash is emptied.",
            rich_help_panel=_DELETE,
        ),
    ] = False,
    max_delete: Annotated[
        str | None,
        typer.Option(
            "--max-delete",
            metavar="SIZE|COUNT",
            help="Delete nothing if it would be more than that, such as 10GB, or 100 artifacts. A dry"
            " run says so too.",
            rich_help_panel=_DELETE,
            show_default=False,
        ),
    ] = None,
    include_foreign: Annotated[
        bool,
        typer.Option(
            "--include-foreign",
            help="Include what only another user may delete, by the sticky bit of a directory such as"
            " /tmp. Only root can.",
            rich_help_panel=_DELETE,
        ),
    ] = False,
    assume_unused: Annotated[
        bool,
        typer.Option(
            "--assume-unused",
            help="Take what belongs to other users for unused, even if some processes may not be"
            " looked at.",
            rich_help_panel=_DELETE,
        ),
    ] = False,
    wait: Annotated[
        bool,
        typer.Option(
            "--wait",
            help="If another run is deleting in the same tree, wait until it has ended.",
            rich_help_panel=_DELETE,
        ),
    ] = False,
    format_: Annotated[
        Format | None,
        typer.Option(
            "--format",
            "-f",
            help="How to print the result; [b]paths[/b] are those of what would be deleted, or was."
            " [dim]\\[default: table at a terminal, else plain][/dim]",
            rich_help_panel=_OUTPUT,
            show_default=False,
        ),
    ] = None,
    json_: Annotated[
        bool,
        typer.Option("--json", help="Short for --format json.", rich_help_panel=_OUTPUT),
    ] = False,
    null: Annotated[
        bool,
        typer.Option(
            "--null",
            "-0",
            help="As --format paths, each ended by a NUL instead of a newline.",
            rich_help_panel=_OUTPUT,
        ),
    ] = False,
    sort: Annotated[
        Sort,
        typer.Option(
            "--sort",
            "-s",
            help="Order: largest first, by path, or longest unused first.",
            rich_help_panel=_OUTPUT,
        ),
    ] = Sort.SIZE,
    color: Annotated[
        Color,
        typer.Option(
            "--color",
            help="When to colour; auto is at a terminal unless NO_COLOR is set.",
            rich_help_panel=_OUTPUT,
        ),
    ] = Color.AUTO,
    no_progress: Annotated[
        bool,
        typer.Option(
            "--no-progress",
            help="No live progress line at a terminal.",
            rich_help_panel=_OUTPUT,
        ),
    ] = False,
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet",
            "-q",
            help="Print the result and what went wrong, nothing else.",
            rich_help_panel=_OUTPUT,
        ),
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose",
            "-v",
            help="Say everything that is known about each artifact, and every problem.",
            rich_help_panel=_OUTPUT,
        ),
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            "-j",
            metavar="N",
            help="Threads that search, measure and delete."
            " [dim]\\[default: what suits the engine][/dim]",
            rich_help_panel=_OTHER,
            show_default=False,
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout",
            metavar="SECONDS",
            help="Give up a PATH whose disk has not answered for so long, such as a network mount"
            " without its server, and go on with the others. [dim]\\[default: 300][/dim]",
            rich_help_panel=_OTHER,
            show_default=False,
        ),
    ] = None,
    engine: Annotated[
        Engine,
        typer.Option(
            "--engine",
            help="What walks the trees: the native engine where it was built, or the one in Python.",
            callback=_choose_engine,
            is_eager=True,
            rich_help_panel=_OTHER,
        ),
    ] = "auto",
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            "-V",
            help="Print the version and the engine, and exit.",
            # Not eager: it names the engine, which is chosen by then wherever --engine stands.
            callback=_show_version,
            rich_help_panel=_OTHER,
        ),
    ] = False,
    json_schema: Annotated[
        bool,
        typer.Option(
            "--json-schema",
            help="Print the JSON Schema of the --json document, and exit.",
            callback=_show_schema,
            is_eager=True,
            rich_help_panel=_OTHER,
        ),
    ] = False,
    help_: Annotated[
        bool,
        typer.Option(
            "--help",
            "-h",
            help="Show all of this, and exit.",
            callback=_show_help,
            is_eager=True,
            rich_help_panel=_OTHER,
        ),
    ] = False,
) -> int | None:
    """Find build artifacts and say exactly how much disk space deleting them frees.

    Looks for node_modules, .next, dist and what else tools for JavaScript make, or with --profile for
    those of other languages. Deletes only with --no-dry-run, and only what it can prove to be
    rebuildable.
    """
    if ctx.invoked_subcommand is not None:
        return None
    with _nothing_done():
        from cleanup_nodemodule.model import Mode
        from cleanup_nodemodule.run.cleaning import clean as work
        from cleanup_nodemodule.run.limits import parse_limit
        from cleanup_nodemodule.run.orders import Orders
        from cleanup_nodemodule.show.terminal import Display

        if dry_run and no_dry_run:
            raise typer.BadParameter("--dry-run and --no-dry-run contradict each other; give one")
        if no_dry_run and "" in (path or []):
            raise typer.BadParameter("-p is empty; to delete in the current directory, type: -p .")
        if quiet and verbose:
            raise typer.BadParameter("--quiet and --verbose contradict each other; give one")
        if jobs is not None and not 1 <= jobs <= _MAX_JOBS:
            raise typer.BadParameter(
                f"--jobs cannot be {_shortly(jobs)}; type a number from 1 to {_MAX_JOBS}, or leave it out"
            )
        _check_timeout(timeout)
        shown = _agree(format_, json_=json_, null=null)
        settings = _settings(
            roots=tuple(path or ["."]),
            targets=tuple(dict.fromkeys(targets)) if targets else None,
            also=tuple(dict.fromkeys(also or ())),
            include_unproven=tuple(include_unproven or ()),
            min_depth=min_depth,
            excludes=tuple(exclude or ()),
            profiles=tuple(profile or ()),
            own_rules=tuple(rule or ()),
            include_foreign=include_foreign,
            assume_unused=assume_unused,
        )
        limit = None if max_delete is None else parse_limit(max_delete)
        display = Display(
            format=shown.value if shown else None,
            sort=sort.value,
            color=color.value,
            progress=not no_progress,
            quiet=quiet,
            verbose=verbose,
            null=null,
            command=_again(ctx),
        )
        mode: Mode = "trash" if trash else "delete"
        orders = Orders(
            mode if no_dry_run else "dry-run",
            ask=not yes,
            wait=wait,
            max_delete=limit,
            jobs=jobs,
            timeout=_seconds(timeout),
        )
        from cleanup_nodemodule.run.signals import Interrupts

        interrupts = Interrupts()
    return carry_out(
        lambda voice, runtime: work(settings, orders, voice, runtime), orders, display, interrupts
    )


Timeout: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        metavar="SECONDS",
        help="Give up a disk that has not answered for so long, and go on with the others."
        " [dim]\\[default: 300][/dim]",
        show_default=False,
    ),
]


@app.command("resume")
def resume(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what there is to finish.")
    ] = False,
    wait: Annotated[
        bool,
        typer.Option("--wait", help="If another run is deleting there, wait until it has ended."),
    ] = False,
    timeout: Timeout = None,
    forget: Annotated[
        list[str] | None,
        typer.Option(
            "--forget",
            metavar="PATH",
            help="Stop asking for what was left at or beneath PATH and cannot be reached.",
        ),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="As a JSON document.")] = False,
) -> int:
    """Finish what interrupted runs had taken out of projects and not deleted yet."""
    from cleanup_nodemodule.run.orders import Orders
    from cleanup_nodemodule.run.resuming import resume as work
    from cleanup_nodemodule.run.signals import Interrupts
    from cleanup_nodemodule.show.terminal import Display

    seconds = _seconds(timeout)
    if "" in (forget or ()):  # As by a variable that is not set: it would be the current directory.
        raise typer.BadParameter(
            "--forget needs a path; for the current directory type: --forget ."
        )
    settings = _settings()
    display = Display("json" if json_ else None)
    orders = Orders("dry-run" if dry_run else "delete", wait=wait, timeout=seconds)
    return carry_out(
        lambda voice, runtime: work(
            orders, voice, runtime, forget=forget or (), include_foreign=settings.include_foreign
        ),
        orders,
        display,
        Interrupts(),
    )


@app.command("rules")
def show_rules(
    profile: Annotated[
        list[str] | None,
        typer.Option("--profile", metavar="NAME", help="Only those of this ecosystem."),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="As a JSON document.")] = False,
) -> int:
    """List the rules: what is found, what proves it, how it comes back."""
    from cleanup_nodemodule.show.rule_list import show_rules as show

    return show(_settings(profiles=tuple(profile or ("all",))).rules, as_json=json_)


@app.command("explain")
def explain(
    path: Annotated[str, typer.Argument(metavar="PATH", help="A directory.")],
    root: Annotated[
        str | None,
        typer.Option(
            "--path",
            "-p",
            metavar="ROOT",
            help="Decide as a run with -p ROOT does: nothing above ROOT proves anything."
            " [dim]\\[default: . if PATH lies in it, else the directory around PATH][/dim]",
            show_default=False,
        ),
    ] = None,
    timeout: Timeout = None,
    json_: Annotated[bool, typer.Option("--json", help="As a JSON document.")] = False,
) -> int:
    """Say of one directory which rules were tried, what was found, and what is decided and why."""
    from cleanup_nodemodule.commands.explain import explain as show

    seconds = _seconds(timeout)
    settings = _settings(profiles=("all",))
    return show(path, settings, root=root, timeout=seconds, as_json=json_)


@app.command("log")
def show_log(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH", help="Only what was deleted there, inside it or around it."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", "-n", metavar="N", help="The last N. [dim]\\[default: 50][/dim]"),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="All there are.")] = False,
    timeout: Timeout = None,
    json_: Annotated[bool, typer.Option("--json", help="As a JSON document.")] = False,
) -> int:
    """Tell what was deleted, when, how much that freed, and how to get it back."""
    from cleanup_nodemodule.commands.log import show
    from cleanup_nodemodule.record import state_directory

    if all_ and limit is not None:
        raise typer.BadParameter("--all and --limit contradict each other; give one")
    if limit is not None and not 1 <= limit <= _MAX_SHOWN:
        raise typer.BadParameter(
            f"--limit cannot be {_shortly(limit)}; type 1 or more, or --all for all there are"
        )
    last = None if all_ else limit or _SHOWN
    with _reading():
        return show(
            state_directory.directory(),
            paths or [],
            last=last,
            timeout=_seconds(timeout),
            as_json=json_,
        )


@app.command("regenerate")
def regenerate(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN",
            help="The run whose deletions to bring back, as log has it; its first letters are enough."
            " [dim]\\[default: the last one][/dim]",
            show_default=False,
        ),
    ] = None,
    run_them: Annotated[
        bool, typer.Option("--run", help="Run the commands, one after the other.")
    ] = False,
    timeout: Timeout = None,
    json_: Annotated[bool, typer.Option("--json", help="As a JSON document.")] = False,
) -> int:
    """Print the commands that bring back what a run deleted, for a shell; or run them."""
    from cleanup_nodemodule.commands.regenerate import show
    from cleanup_nodemodule.record import state_directory

    with _reading():
        rules = _settings(profiles=("all",)).rules
        return show(
            state_directory.directory(),
            rules,
            run,
            run_them=run_them,
            timeout=_seconds(timeout),
            as_json=json_,
        )


@contextlib.contextmanager
def _reading() -> Iterator[None]:
    """Have a record that cannot be read count as wrong usage: nothing was to be done but to read it."""
    from cleanup_nodemodule.record.trust import StateError

    try:
        yield
    except StateError as error:
        raise UsageError(str(error)) from error


def _settings(
    *,
    roots: tuple[str, ...] = (".",),
    targets: tuple[str, ...] | None = None,
    also: tuple[str, ...] = (),
    include_unproven: tuple[str, ...] = (),
    min_depth: int = 0,
    excludes: tuple[str, ...] = (),
    profiles: tuple[str, ...] = (),
    own_rules: tuple[str, ...] = (),
    include_foreign: bool = False,
    assume_unused: bool = False,
) -> "Settings":
    """Put the command line over the configuration file over the defaults."""
    from cleanup_nodemodule.config.settings import (
        Config,
        Settings,
        SettingsError,
        config_path,
        read_config,
        with_surroundings,
    )
    from cleanup_nodemodule.proof.rules import DEFAULT_PROFILE, RuleError, from_option

    try:
        config = read_config(config_path())
    except RuntimeError:  # Nobody has a home directory, and so no configuration.
        config = Config()
    try:
        rules = tuple(from_option(text) for text in own_rules)
    except RuleError as error:
        raise SettingsError(f"--rule: {error}") from error
    settings = Settings(
        roots=roots,
        targets=targets,
        also=also,
        include_unproven=include_unproven,
        min_depth=min_depth,
        excludes=excludes,
        profiles=profiles or config.profiles or (DEFAULT_PROFILE,),
        own_rules=(*rules, *config.rules),
        keep=config.keep,
        include_foreign=include_foreign,
        assume_unused=assume_unused,
    )
    return with_surroundings(settings)


def _again(ctx: typer.Context) -> tuple[str, ...]:
    """Return the words of this command line that say what to look at, for another one."""
    words: list[str] = []
    for param in ctx.command.params:
        panel = getattr(param, "rich_help_panel", None)
        name = param.name or ""
        given = ctx.params.get(name)
        if panel in {None, _OUTPUT} or name in _ONCE or given == param.get_default(ctx):
            continue
        if given is None or given is False or given == []:
            continue
        option = max(param.opts, key=len)
        short = min(param.opts, key=len)
        for value in given if isinstance(given, (list, tuple)) else [given]:
            text = str(getattr(value, "value", value))
            if value is True:
                words.append(option)
            elif text.startswith("-"):
                words.append(f"{option}={text}")
            else:
                words += (short, text)
    return tuple(words if ctx.params.get("path") else ("-p", ".", *words))


def _shortly(number: int) -> str:
    """Return a number as it is, unless nobody would read it."""
    return str(number) if abs(number) < 10**30 else "so large a number"


def _check_timeout(timeout: float | None) -> None:
    if timeout is not None and not 0 < timeout < _LONGEST_TIMEOUT:
        raise typer.BadParameter(
            f"--timeout cannot be {timeout:g}; type a number of seconds above 0, or leave it out"
        )


def _seconds(timeout: float | None) -> float:
    """Return the seconds to wait for a disk. Raises BadParameter for a number that is none."""
    from cleanup_nodemodule.run.loop import DEFAULT_TIMEOUT

    _check_timeout(timeout)
    return DEFAULT_TIMEOUT if timeout is None else timeout


def _agree(format_: Format | None, *, json_: bool, null: bool) -> Format | None:
    """Return the format that the options agree on."""
    asked = {
        "--format": format_,
        "--json": Format.JSON if json_ else None,
        "--null": Format.PATHS if null else None,
    }
    formats = {option: value for option, value in asked.items() if value is not None}
    if len(set(formats.values())) > 1:
        raise typer.BadParameter(f"{' and '.join(formats)} contradict each other; give one")
    return next(iter(formats.values()), None)


def carry_out(
    work: "Callable[[Terminal, Runtime], Awaitable[Ended]]",
    orders: "Orders",
    display: "Display",
    interrupts: "Interrupts",
) -> int:
    """Do *work* at the terminal, say what came of it, and return the exit code."""
    from cleanup_nodemodule.run import loop
    from cleanup_nodemodule.show.failure import fail, print_failure
    from cleanup_nodemodule.show.terminal import Terminal
    from cleanup_nodemodule.work.scheduler import Stopped

    terminal = Terminal(display, orders.mode, interrupts)
    as_json = display.format == "json"

    with interrupts:
        try:
            ended = loop.run(
                lambda runtime: work(terminal, runtime),
                interrupts,
                jobs=orders.jobs,
                timeout=orders.timeout,
            )
            return terminal.finished(ended)
        except Stopped:
            interrupts.hold()
            print_failure(
                "interrupted; nothing was done",
                ProblemCode.INTERRUPTED,
                None,
                mode=orders.mode,
                as_json=as_json,
            )
            return 128 + (interrupts.number or signal.SIGINT)
        except CleanupError as error:
            interrupts.hold()
            code = fail(error, mode=orders.mode, as_json=as_json)
        # It may have come while the lock was given back, when all was said.
        return code if interrupts.number is None else 128 + interrupts.number


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return the exit code."""
    try:
        code = app(list(arguments), prog_name=PROGRAM, standalone_mode=False)
    except typer.TyperException as error:
        _fail(_explain(error), ProblemCode.USAGE, arguments)
        return ExitCode.USAGE
    except CleanupError as error:
        from cleanup_nodemodule.show.failure import fail

        return fail(error, mode=_mode(arguments), as_json=_wants_json(arguments))
    except (typer.Abort, KeyboardInterrupt):
        interrupted(arguments)
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - whatever it is, a program that asked gets its document
        traceback.print_exc()
        number = error.errno if isinstance(error, OSError) else None
        message = f"unexpected failure, please report it: {type(error).__name__}: {error}"
        _fail(message, ProblemCode.FAILURE, arguments, number)
        return ExitCode.UNEXPECTED
    return int(code or ExitCode.DONE)


def interrupted(arguments: Sequence[str]) -> None:
    """Say that the run was stopped before it began."""
    _fail("interrupted; nothing was done", ProblemCode.INTERRUPTED, arguments)


def _explain(error: typer.TyperException) -> str:
    """Return what is wrong with the command line, and what to type instead."""
    if type(error) is typer.BadParameter and getattr(error, "param", None) is None:
        return error.message
    option = getattr(error, "option_name", None)
    context = getattr(error, "ctx", None)
    if option is None or context is None:
        return f"{printable(error.format_message()).rstrip('.')}; {PROGRAM} --help lists what fits"
    import difflib

    known = [name for param in context.command.params for name in param.opts]
    # Not the one that skips the question: that has to be typed on purpose.
    near = difflib.get_close_matches(option, [*{*known} - {"--yes", "-y"}], n=1, cutoff=0.7)
    if len(option.lstrip("-")) == 1:
        near = [name for name in (option.swapcase(),) if name in {*known} - {"-y"}]
    advice = f"did you mean {near[0]}?" if near else f"{PROGRAM} --help lists the options"
    return f"there is no option {printable(option)}; {advice}"


def _wants_json(arguments: Sequence[str]) -> bool:
    """Whether a command line that could not be understood asks for JSON all the same."""
    words = list(arguments)
    pairs = itertools.pairwise(words)
    return (
        "--json" in words
        or "--format=json" in words
        or any(re.fullmatch(r"-[a-zA-Z0-9]*fjson", word) for word in words)
        or any(
            re.fullmatch(r"--format|-[a-zA-Z0-9]*f", option) and value == "json"
            for option, value in pairs
        )
    )


def _mode(arguments: Sequence[str]) -> "Mode":
    """Return what a command line that could not be understood is likely to have been for."""
    if "--no-dry-run" in arguments:
        return "trash" if "--trash" in arguments else "delete"
    return "delete" if arguments[:1] == ["resume"] and "--dry-run" not in arguments else "dry-run"


def _fail(
    message: str, code: ProblemCode, arguments: Sequence[str], number: int | None = None
) -> None:
    """Say why the run ends here, as a document too if one was asked for."""
    from cleanup_nodemodule.show.failure import print_failure

    print_failure(
        message,
        code,
        None,
        number=number,
        mode=_mode(arguments),
        as_json=_wants_json(arguments),
    )
