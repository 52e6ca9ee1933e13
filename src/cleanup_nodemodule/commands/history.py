"""``history``: tell what past runs have found, freed and failed at."""

import sys
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


def show_schema(wanted: bool) -> None:
    """Print the JSON Schema of the document of ``history``, and end."""
    if wanted:
        from cleanup_nodemodule.report.document import schema_of
        from cleanup_nodemodule.report.history import HistoryDocument

        print_and_end(lambda: typer.echo(schema_of(HistoryDocument)))


def history(
    ctx: typer.Context,
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
            help="Print only the last N runs, 0 for all. Default: 20 at a terminal, all elsewhere.",
        ),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV, a line for each run.")] = False,
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
    """Show what past runs have found, freed and failed at.

    Each run is in the history, also one that deletes nothing.
    """
    if json_ and csv:
        raise UsageError("--json and --csv contradict each other; give one")
    with nothing_done(), reading_the_record():
        from cleanup_nodemodule.record import state_directory

        directory = state_directory.directory()
        if prune:
            if since is not None or job is not None or limit is not None or json_ or csv:
                raise UsageError("--prune takes no other option but --config and --no-config")
            return _prune(ctx, directory)
        from cleanup_nodemodule.run.looking_back import Asked, look_back

        shown = (
            _SHOWN if limit is None and is_terminal(sys.stdout) and not (json_ or csv) else limit
        )
        asked = Asked(since=_seconds(since), job=job, last=shown or None)
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
    from cleanup_nodemodule.show.history import lines, page, say_about
    from cleanup_nodemodule.show.history_files import csv_lines

    def write() -> None:
        if as_json:
            sys.stdout.writelines(json_lines(past.document))
            print()
        elif as_csv:
            sys.stdout.buffer.writelines(csv_lines(past.document))
        elif is_terminal(sys.stdout):
            sys.stdout.writelines(f"{line}\n" for line in page(past))
        else:
            sys.stdout.writelines(f"{line}\n" for line in lines(past.document.runs))

    lost = emit(write)
    if lost is not None:
        say(f"{PROGRAM}: could not print the result: {lost}")
        return ExitCode.UNEXPECTED
    if not (as_json or as_csv):
        say_about(past)
    return ExitCode.DONE
