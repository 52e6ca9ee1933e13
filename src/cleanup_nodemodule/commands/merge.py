"""``merge``: join audits of many machines into one."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from cleanup_nodemodule.commands.information import LongHelp, ShortHelp
from cleanup_nodemodule.config.keys import Format, Sort
from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.show.streams import is_terminal, say
from cleanup_nodemodule.words import PROGRAM

if TYPE_CHECKING:
    from cleanup_nodemodule.report.rows import Report


# Long: its parameters are its options, as Typer reads them from the signature.
def merge(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE",
            help="Audits: files that --json or merge wrote, or - for standard input.",
        ),
    ],
    format_: Annotated[
        Format | None,
        typer.Option(
            "--format",
            "-f",
            metavar="FORMAT",
            help="How to print the result: table, plain, json, ndjson, csv or markdown."
            " Default: table at a terminal, plain elsewhere.",
        ),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Short for --format json.")] = False,
    sort: Annotated[
        Sort | None,
        typer.Option(
            "--sort",
            "-s",
            metavar="KEY",
            help="Order of the result: size, path or age, as without a command. Default: size.",
        ),
    ] = None,
    top: Annotated[
        int | None,
        typer.Option(
            "--top",
            metavar="N",
            min=0,
            help="Show the first N directories in the table, 0 for all."
            " Default: 20 at a terminal, all elsewhere.",
        ),
    ] = None,
    fail_over: Annotated[
        str | None,
        typer.Option(
            "--fail-over",
            metavar="SIZE|COUNT",
            help="End with exit code 4 if there is more than this that can be deleted.",
        ),
    ] = None,
    quiet: Annotated[
        bool,
        typer.Option("--quiet", "-q", help="Print only the result and what went wrong."),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print all that is known about each artifact.")
    ] = False,
    _short_help: ShortHelp = False,
    _help: LongHelp = False,
) -> int:
    """Join the audits of many machines into one.

    The document that --json prints is an audit, too: diff and merge read it. What a machine has searched twice counts
    as the later run found it. A disk that several machines share counts once.
    """
    from cleanup_nodemodule.run.comparing import merge_files
    from cleanup_nodemodule.run.signals import Interrupts
    from cleanup_nodemodule.run.voice import Ended
    from cleanup_nodemodule.show.formats import KINDS
    from cleanup_nodemodule.show.merged import last_words, with_hosts
    from cleanup_nodemodule.show.terminal import Display, Terminal

    if json_ and format_ not in {None, Format.JSON}:
        raise UsageError("--format and --json contradict each other; give one")
    if format_ is Format.PATHS:
        raise UsageError(
            "merge prints no list of paths, because they are those of several machines; type: --format plain"
        )
    chosen = Format.JSON if json_ else format_
    if chosen is None:
        chosen = Format.TABLE if is_terminal(sys.stdout) else Format.PLAIN
    merged = merge_files(names, over=fail_over)
    display = Display(
        chosen,
        sort=(sort or Sort.SIZE).value,
        top=top,
        # The last words are other ones.
        quiet=True,
        verbose=verbose,
    )
    report: Report = merged.report
    if chosen in {Format.TABLE, Format.PLAIN}:
        report = with_hosts(report)
    with Interrupts() as interrupts:
        code = Terminal(display, "dry-run", interrupts).finished(Ended(report))
        if not quiet and not KINDS[chosen].alone:
            for line in last_words(merged):
                say(line)
        for gate in merged.report.gates:
            say(f"{PROGRAM}: {gate.sentence}")
        return code
