"""``merge``: join audits of many machines into one."""

import sys
from typing import Annotated

import typer

from cleanup_nodemodule.commands.information import LongHelp, ShortHelp
from cleanup_nodemodule.config.keys import By, Format, Sort
from cleanup_nodemodule.errors import ExitCode, UsageError
from cleanup_nodemodule.show.streams import is_terminal, say


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
            help="How to print the result, such as json or csv. There are table, plain, json, ndjson, csv and markdown."
            " Default: table at a terminal, plain elsewhere.",
        ),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Short for --format json.")] = False,
    output: Annotated[
        list[str] | None,
        typer.Option(
            "--output",
            "-o",
            metavar="[FORMAT:]FILE",
            help="Write the result to a file too, as in: --output csv:all.csv. May be given several times.",
        ),
    ] = None,
    by: Annotated[
        By | None,
        typer.Option(
            "--by",
            metavar="WHAT",
            help="Print sums instead of directories: by host, ecosystem, project, root, owner or age.",
        ),
    ] = None,
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
    from cleanup_nodemodule.show.merged import last_words
    from cleanup_nodemodule.show.output_files import OutputFiles, parsed
    from cleanup_nodemodule.show.terminal import Display, Terminal
    from cleanup_nodemodule.show.warning import gates

    if json_ and format_ not in {None, Format.JSON}:
        raise UsageError("--format and --json contradict each other; give one")
    targets, printed = parsed(output or ())
    chosen = printed or (Format.JSON if json_ else format_)
    if Format.PATHS in {chosen, *(target.format for target in targets)}:
        raise UsageError(
            "merge prints no list of paths, because they are those of several machines; type: --format plain"
        )
    display = Display(
        chosen,
        sort=(sort or Sort.SIZE).value,
        top=top,
        quiet=True,
        others_words=True,
        verbose=verbose,
        by=by,
        files=OutputFiles(targets, top=top),
    )
    merged = merge_files(names, over=fail_over)
    with Interrupts() as interrupts:
        code = Terminal(display, "dry-run", interrupts).finished(Ended(merged.report))
        if not quiet and not (chosen and KINDS[chosen].alone):
            if chosen in {None, Format.TABLE} and is_terminal(sys.stdout):
                print()
            for line in last_words(merged):
                say(line)
        for line in gates(merged.report):
            say(line)
        # There may be more, be it that no problem says so.
        return code or (ExitCode.DONE if merged.report.complete else ExitCode.INCOMPLETE)
