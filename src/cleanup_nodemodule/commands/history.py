"""``history``: tell what past runs have found, freed and failed at, what grows, and when a disk will be full."""

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cleanup_nodemodule.commands import general_options as general
from cleanup_nodemodule.commands.information import LongHelp, ShortHelp, print_and_end
from cleanup_nodemodule.commands.options import nothing_done, reading_the_record
from cleanup_nodemodule.errors import ExitCode, UsageError
from cleanup_nodemodule.show.streams import emit, is_terminal, print_lines, say
from cleanup_nodemodule.words import PROGRAM, size

if TYPE_CHECKING:
    from cleanup_nodemodule.run.looking_back import Past

_SHOWN: Final = 20
"""Runs that are shown unless more are asked for."""


class GrowthBy(StrEnum):
    """What growth is put together by."""

    PROJECT = "project"
    ECOSYSTEM = "ecosystem"
    ROOT = "root"


def show_schema(wanted: bool) -> None:
    """Print the JSON Schema of the document of ``history``, and end."""
    if wanted:
        from cleanup_nodemodule.report.document import schema_of
        from cleanup_nodemodule.report.history import HistoryDocument

        print_and_end(lambda: typer.echo(schema_of(HistoryDocument)))


# Long: its parameters are its options, as Typer reads them from the signature.
def history(
    ctx: typer.Context,
    project: Annotated[
        str | None,
        typer.Argument(
            metavar="PROJECT",
            help="Show what was found in this directory, and how fast it grows.",
        ),
    ] = None,
    by: Annotated[
        GrowthBy | None,
        typer.Option(
            "--by",
            metavar="WHAT",
            help="Show what grows fastest: by project, ecosystem or root. What runs have deleted counts as if it were"
            " still there.",
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="DURATION",
            help="Only runs of the last so much time, such as 30d or 6mo.",
        ),
    ] = None,
    job: Annotated[
        str | None, typer.Option("--job", metavar="NAME", help="Only runs of this job.")
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            "-n",
            metavar="N",
            min=0,
            help="Print only the last N runs, or the first N of what grows; 0 for all. Default: 20 at a terminal, all"
            " elsewhere.",
        ),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
    csv: Annotated[
        bool, typer.Option("--csv", help="Print CSV: a line for each run, or for what grows.")
    ] = False,
    prune: Annotated[
        bool,
        typer.Option(
            "--prune",
            help="Take runs out of the history that are older than history-max-age in the configuration, or more"
            " than fit into history-max-size. The end of each run does some of that, too.",
        ),
    ] = False,
    config: general.Config = None,
    no_config: general.NoConfig = False,
    _json_schema: Annotated[
        bool,
        typer.Option(
            "--json-schema",
            help="Print the JSON Schema of the JSON document.",
            callback=show_schema,
            is_eager=True,
            expose_value=False,
        ),
    ] = False,
    _short_help: ShortHelp = False,
    _help: LongHelp = False,
) -> int:
    """Show past runs, what grows, and when a disk will be full.

    Each run is in the history, also one that deletes nothing: what it found, freed and failed at.
    """
    if json_ and csv:
        raise UsageError("--json and --csv contradict each other; give one")
    if project == "":  # As by a variable that is not set: it would be the current directory.
        raise UsageError("PROJECT is empty; for the current directory type: history .")
    others = (project, by, since, job, limit, json_ or None, csv or None)
    if prune and any(one is not None for one in others):
        raise UsageError("--prune takes no other option but --config and --no-config")
    with nothing_done(), reading_the_record():
        from cleanup_nodemodule.record import state_directory

        directory = state_directory.directory()
        if prune:
            return _prune(ctx, directory)
        from cleanup_nodemodule.run.looking_back import Asked, look_back
        from cleanup_nodemodule.work.conversion import absolute

        people = is_terminal(sys.stdout) and not (json_ or csv)
        asked = Asked(
            since=_seconds(since),
            job=job,
            last=(_SHOWN if limit is None and people else limit) or None,
            project=None if project is None else absolute(project),
            by=None if by is None else by.value,
        )
        return _show(look_back(directory, asked), as_json=json_, as_csv=csv)


def _seconds(since: str | None) -> int | None:
    if since is None:
        return None
    from cleanup_nodemodule.model.quantities import QuantityError, read_duration

    try:
        return read_duration(since, "--since")
    except QuantityError as error:
        raise UsageError(str(error)) from error


def _prune(ctx: typer.Context, directory: str) -> int:
    from cleanup_nodemodule.commands.effective import said_in, values_of
    from cleanup_nodemodule.run.looking_back import limits_of, prune_now

    # Nothing that is typed here says anything about a run.
    cut = prune_now(directory, limits_of(values_of(ctx, said_in(ctx), "engine")))
    if cut.said is not None:
        say(f"{PROGRAM}: {cut.said}")
        return ExitCode.INCOMPLETE
    runs = f"{cut.runs:,} run{'' if cut.runs == 1 else 's'}"
    taken = f"it took {size(cut.bytes_before)}, and takes {size(cut.bytes_after)} now"
    return print_lines([f"{runs} taken out of the history; {taken}"])


def _show(past: "Past", *, as_json: bool, as_csv: bool) -> int:
    from cleanup_nodemodule.report.document import json_lines
    from cleanup_nodemodule.show import growth, history
    from cleanup_nodemodule.show.history_files import csv_lines

    document = past.document
    runs = document.by is None

    def write() -> None:
        if as_json:
            sys.stdout.writelines(json_lines(document))
            print()
        elif as_csv:
            sys.stdout.buffer.writelines(csv_lines(document))
        elif is_terminal(sys.stdout):
            page = history.page(past) if runs else growth.page(document)
            sys.stdout.writelines(f"{line}\n" for line in page)
        else:
            lines = history.lines(document.runs) if runs else growth.lines(document)
            sys.stdout.writelines(f"{line}\n" for line in lines)

    lost = emit(write)
    if lost is not None:
        say(f"{PROGRAM}: could not print the result: {lost}")
        return ExitCode.UNEXPECTED
    if as_json or as_csv:
        return ExitCode.DONE
    for line in history.remarks(past) if runs else growth.remarks(past):
        say(line)
    return ExitCode.DONE
