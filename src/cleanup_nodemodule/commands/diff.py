"""``diff``: compare two audits, and say what has grown, shrunk, come and gone."""

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cleanup_nodemodule.commands.information import LongHelp, ShortHelp, print_and_end
from cleanup_nodemodule.errors import ExitCode, UsageError
from cleanup_nodemodule.show.streams import emit, is_terminal, say
from cleanup_nodemodule.words import PROGRAM

if TYPE_CHECKING:
    from cleanup_nodemodule.report.comparison import Comparison


class DiffFormat(StrEnum):
    """How a comparison is printed."""

    TABLE = "table"
    PLAIN = "plain"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"


def show_schema(wanted: bool) -> None:
    """Print the JSON Schema of the document of ``diff``, and end."""
    if wanted:
        from cleanup_nodemodule.report.comparison import Comparison
        from cleanup_nodemodule.report.document import schema_of

        print_and_end(lambda: typer.echo(schema_of(Comparison)))


# Long: its parameters are its options, as Typer reads them from the signature.
def diff(
    old: Annotated[
        str,
        typer.Argument(
            metavar="OLD",
            help="The earlier audit: a file that --json or merge wrote, or - for standard input.",
        ),
    ],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The later one.")],
    format_: Annotated[
        DiffFormat | None,
        typer.Option(
            "--format",
            "-f",
            metavar="FORMAT",
            help="How to print the result: table, plain, json, csv or markdown. CSV has a line for each artifact."
            " Default: table at a terminal, plain elsewhere.",
        ),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Short for --format json.")] = False,
    top: Annotated[
        int | None,
        typer.Option(
            "--top",
            metavar="N",
            min=0,
            help="Show the first N projects of each section in the table, 0 for all."
            " Default: 20 at a terminal and in Markdown, all elsewhere.",
        ),
    ] = None,
    fail_if_grown: Annotated[
        str | None,
        typer.Option(
            "--fail-if-grown",
            metavar="SIZE",
            help="End with exit code 4 if everything together takes so much more than before.",
        ),
    ] = None,
    fail_over: Annotated[
        str | None,
        typer.Option(
            "--fail-over",
            metavar="SIZE|COUNT",
            help="End with exit code 4 if NEW has more than this that can be deleted.",
        ),
    ] = None,
    quiet: Annotated[
        bool,
        typer.Option("--quiet", "-q", help="Print only the result and what went wrong."),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show each artifact, not only each project.")
    ] = False,
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
    """Compare two audits: what has grown, shrunk, come and gone.

    Both are documents that --json wrote. Bytes are those that are allocated on disk. Only what both have searched is
    compared, and artifacts of different machines are different ones.
    """
    from cleanup_nodemodule.run.comparing import compare_files
    from cleanup_nodemodule.show.warning import gates

    if json_ and format_ not in {None, DiffFormat.JSON}:
        raise UsageError("--format and --json contradict each other; give one")
    chosen = DiffFormat.JSON if json_ else format_
    if chosen is None:
        chosen = DiffFormat.TABLE if is_terminal(sys.stdout) else DiffFormat.PLAIN
    comparison = compare_files(old, new, grown=fail_if_grown, over=fail_over)
    lost = emit(lambda: _print(comparison, chosen, top=top, verbose=verbose))
    if lost is not None:
        say(f"{PROGRAM}: could not print the result: {lost}")
    if not quiet and chosen is not DiffFormat.JSON:
        from cleanup_nodemodule.show.comparison import last_words

        for line in last_words(comparison):
            say(line)
    for line in gates(comparison):
        say(line)
    if comparison.gates:
        return ExitCode.EXCEEDED
    if lost is not None:
        return ExitCode.UNEXPECTED
    complete = comparison.old.complete and comparison.new.complete
    return ExitCode.DONE if complete else ExitCode.INCOMPLETE


def _print(comparison: "Comparison", chosen: DiffFormat, *, top: int | None, verbose: bool) -> None:
    import os

    from cleanup_nodemodule.report.document import json_lines
    from cleanup_nodemodule.show.comparison import Look, lines, table
    from cleanup_nodemodule.show.comparison_files import csv_lines, markdown_lines
    from cleanup_nodemodule.show.layout import columns

    match chosen:
        case DiffFormat.JSON:
            sys.stdout.writelines(json_lines(comparison))
            print()
        case DiffFormat.PLAIN:
            sys.stdout.writelines(f"{line}\n" for line in lines(comparison, verbose=verbose))
        case DiffFormat.CSV:
            sys.stdout.buffer.writelines(csv_lines(comparison))
        case DiffFormat.MARKDOWN:
            lines_ = markdown_lines(comparison, top, verbose=verbose)
            sys.stdout.buffer.writelines(f"{line}\n".encode() for line in lines_)
        case DiffFormat.TABLE:
            width = columns() if is_terminal(sys.stdout) or os.environ.get("COLUMNS") else None
            look = Look(width, top, verbose=verbose, home=os.path.expanduser("~"))
            printed = False
            for line in table(comparison, look):
                print(line)
                printed = True
            if printed and is_terminal(sys.stdout):
                print()  # The last words come next.
