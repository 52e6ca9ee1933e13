"""From the command line to what counts in a run: what was typed is one layer, over all that was said elsewhere."""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import typer

from cleanup_nodemodule.commands.information import choose_engine
from cleanup_nodemodule.commands.lists import LISTS
from cleanup_nodemodule.commands.options import check_files
from cleanup_nodemodule.config.keys import OPTIONS, WAYS_BACK, By, Format
from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.words import printable

if TYPE_CHECKING:
    from cleanup_nodemodule.config.definition import Said
    from cleanup_nodemodule.config.files import Job
    from cleanup_nodemodule.config.layers import Layer, Values
    from cleanup_nodemodule.show.last_words import Asked
    from cleanup_nodemodule.show.output_files import OutputFiles
    from cleanup_nodemodule.show.terminal import Display


def values_of(ctx: typer.Context, said: "Said", *only: str, job: "Job | None" = None) -> "Values":
    """Return what counts in the run that a command line begins, over what is *said* elsewhere and in the *job*.

    Of what was typed each option counts that the table of keys has, or *only* these: another command may mean
    something else by an option. Has the engine that was asked for walk the trees. Raises UsageError for what cannot be
    right, wherever it was said.
    """
    from cleanup_nodemodule.config.layers import Order

    typed = _typed(ctx)
    if only:
        typed = {name: given for name, given in typed.items() if name in {"engine", *only}}
    values = said.values(typed, job)
    engine = values.given("engine")[-1]
    if engine.source.order not in {Order.DEFAULT, Order.COMMAND_LINE}:
        with values.blaming():
            choose_engine(engine.value)
    return values


def typed_values(ctx: typer.Context) -> "Values":
    """Return what counts in a run by what was typed alone. Raises UsageError for what contradicts itself."""
    from cleanup_nodemodule.config.definition import Said

    return Said((), {}).values(_typed(ctx))


def said_in(ctx: typer.Context) -> "Said":
    """Return all that is said elsewhere, with the files that a command line names."""
    from cleanup_nodemodule.config.definition import read_all

    each = [one.params for one in (ctx.parent, ctx) if one is not None]
    return read_all(files_of(ctx), alone=any(params.get("no_config") for params in each))


def files_of(ctx: typer.Context) -> list[str]:
    """Return the configuration files that a command line names."""
    each = [one.params for one in (ctx.parent, ctx) if one is not None]
    return [path for params in each for path in params.get("config") or ()]


def _typed(ctx: typer.Context) -> "Layer":
    """Return what was typed, by the names of the keys. Raises UsageError for what contradicts itself."""
    from cleanup_nodemodule.config.layers import COMMAND_LINE, Given

    words: dict[str, Any] = {}
    # What stands before the name of a command counts for that too.
    for each in filter(None, (ctx.parent, ctx)):
        for param in each.command.params:
            name = param.name or ""
            source = each.get_parameter_source(name)
            if source is not None and source.name == "COMMANDLINE":
                words[max(param.opts, key=len)] = each.params.get(name)
    _refuse_contradictions(words)
    layer: dict[str, Given] = {}
    for word, value in words.items():
        if key := OPTIONS.get(word):
            layer[key.name] = Given(_plain(value), COMMAND_LINE)
        elif back := WAYS_BACK.get(word):
            layer[back.name] = Given(back.default, COMMAND_LINE)
    if words.get("--dry-run"):
        layer["delete"] = Given(False, COMMAND_LINE)
    if words.get("--json"):
        layer["format"] = Given("json", COMMAND_LINE)
    if words.get("--null") and not _names_list(words):
        layer["format"] = Given("paths", COMMAND_LINE)
    return layer


def refuse_odd_names(values: "Values") -> None:
    """Raise UsageError for what no run means to search or to look for."""
    if values.flag("delete") and "" in values.texts("path"):
        raise UsageError(
            "PATH is empty; to delete in the current directory, type: -p . --no-dry-run"
        )
    with values.blaming():
        check_files("--targets", values.texts("targets"))
        check_files("--also", values.texts("also"))


def _plain(value: Any) -> Any:
    """Return a value as the table of keys has it."""
    return tuple(value) if isinstance(value, list) else getattr(value, "value", value)


def _refuse_contradictions(words: dict[str, Any]) -> None:
    for one, other in (("--dry-run", "--no-dry-run"), ("--quiet", "--verbose")):
        if words.get(one) and words.get(other):
            raise UsageError(f"{one} and {other} contradict each other; give one")
    for back, key in WAYS_BACK.items():
        if back in words and key.typed in words:
            raise UsageError(f"{key.typed} and {back} contradict each other; give one")
    formats = {
        "--format": words.get("--format"),
        "--json": "json" if words.get("--json") else None,
        "--null": "paths" if words.get("--null") and not _names_list(words) else None,
    }
    asked = {option: value for option, value in formats.items() if value is not None}
    if len(set(asked.values())) > 1:
        raise UsageError(f"{' and '.join(asked)} contradict each other; give one")


def _names_list(words: Mapping[str, Any]) -> bool:
    """Whether a list of names was typed, which ``-0`` is about then."""
    return any(f"--{name}" in words for name in LISTS)


def display_of(values: "Values", written: "Written", asked: "Asked") -> "Display":
    """Return how a run shows itself."""
    from cleanup_nodemodule.show.terminal import Display

    return Display(
        format=written.format,
        sort=values.text("sort") or "size",
        sorts=values.is_given("sort"),
        top=values.number("top"),
        color=values.text("color") or "auto",
        progress=not values.flag("no-progress"),
        quiet=values.flag("quiet"),
        verbose=values.flag("verbose"),
        null=values.flag("null"),
        by=written.by,
        files=written.files,
        asked=asked,
    )


def format_of(values: "Values") -> Format | None:
    """Return the format that is asked for on standard output, as far as that can be understood."""
    said = values.text("format")
    if said is not None:
        return Format(said)
    printed = (text.rpartition(":") for text in values.texts("output"))
    return next(
        (Format(one) for one, _, file in printed if file == "-" and one in set(Format)), None
    )


class Written(NamedTuple):
    """What a run writes, and where."""

    format: Format | None
    """On standard output."""
    by: By | None
    files: "OutputFiles"
    places: dict[str, str]
    """Absolute paths of all files that it writes while it deletes or after that, and the option that names each."""


_BESIDES: Final = ("metrics", "log-file")
"""Keys that name a file which a run writes besides its result."""


def written_of(values: "Values", elsewhere: "Said", plan: str | None = None) -> Written:
    """Return what a run writes, and where: files that can be written, and that are none that it reads.

    It reads the *plan*, and what is said *elsewhere*. Raises UsageError.
    """
    from cleanup_nodemodule.show.output_files import OutputFiles, parsed

    by, said = values.text("by"), values.text("format")
    with values.blaming():
        targets, printed = parsed(values.texts("output"))
        if values.given("output")[-1].source.place:
            _refuse_relative([target.path for target in targets])
    if printed is not None and said not in {None, printed.value}:
        raise UsageError(
            f"--output {printed.value}:- and --format {said} contradict each other; give one"
        )
    format_ = printed or (None if said is None else Format(said))
    if by is not None and Format.PATHS in {format_, *(target.format for target in targets)}:
        raise UsageError("--by prints sums, and the format paths has only paths; give one of both")
    with values.blaming():
        named = {f"--{name}": values.text(name) for name in (*LISTS, "save-plan", *_BESIDES)}
        others = [
            *((option, path) for option, path in {**named, "apply": plan}.items() if path),
            *(("the configuration", file.path) for file in elsewhere.files),
        ]
        files = OutputFiles(targets, top=values.number("top"), others=others)
    named = {f"--{name}": values.text(name) for name in _BESIDES}
    places = {os.path.abspath(path): option for option, path in named.items() if path}
    places |= dict.fromkeys(files.paths, "--output")
    return Written(format_, None if by is None else By(by), files, places)


def _refuse_relative(paths: Sequence[str]) -> None:
    for path in paths:
        if not os.path.isabs(path):
            raise UsageError(
                f"--output takes a path that begins with / or ~ here, because a run may begin anywhere;"
                f" {printable(path)} does not"
            )
