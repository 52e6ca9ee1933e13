"""``explain``: say of one directory what is decided, and why."""

import sys
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from cleanup_nodemodule.commands.information import LongHelp, ShortHelp
from cleanup_nodemodule.commands.options import Timeout

if TYPE_CHECKING:
    from cleanup_nodemodule.run.loop import Runtime
    from cleanup_nodemodule.run.signals import Interrupts
    from cleanup_nodemodule.survey.survey import Explanation


def explain(
    ctx: typer.Context,
    path: Annotated[str, typer.Argument(metavar="PATH", help="The directory to explain.")],
    root: Annotated[
        str | None,
        typer.Option(
            "--path",
            "-p",
            metavar="ROOT",
            help="Decide like a run that searches ROOT. Nothing above ROOT proves anything."
            " Default: the current directory if PATH lies in it, else the directory around PATH.",
        ),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print the rules that were tried, too.")
    ] = False,
    timeout: Timeout = None,
    json_: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
    _short_help: ShortHelp = False,
    _help: LongHelp = False,
) -> int:
    """Say of one directory whether it can be deleted, and why."""
    import errno
    import json
    from dataclasses import replace

    from cleanup_nodemodule.commands import query
    from cleanup_nodemodule.commands.effective import said_in, values_of
    from cleanup_nodemodule.config.definition import settings_of
    from cleanup_nodemodule.errors import ExitCode
    from cleanup_nodemodule.run import explaining
    from cleanup_nodemodule.run.orders import timeout_of
    from cleanup_nodemodule.show.explanation import document_of, lines, symlink_lines
    from cleanup_nodemodule.show.streams import folded, print_lines, say
    from cleanup_nodemodule.words import PROGRAM, printable

    as_json = json_
    values = values_of(ctx, said_in(ctx), "timeout")
    seconds = timeout_of(values)
    usual = settings_of(values)
    settings = replace(usual, profiles=("all",))

    async def work(runtime: "Runtime", _interrupts: "Interrupts") -> _Found:
        try:
            found = await explaining.explain(path, settings, runtime, root=root)
        except OSError as error:
            return _Found(None, error, silent=False)
        return _Found(found, None, silent=bool(runtime.silence.roots))

    def show(found: _Found) -> int:
        if found.error is not None:
            missing = found.error.errno in {errno.ENOENT, errno.ENOTDIR}
            advice = "; type the path of a directory" if missing else ""
            say(f"{PROGRAM}: cannot explain {printable(path)}: {found.error.strerror}{advice}")
            return ExitCode.USAGE
        if found.explanation is None:
            return print_lines(symlink_lines(path, as_json=as_json))
        if as_json:
            code = print_lines([json.dumps(document_of(found.explanation), indent=2)])
        else:
            told = lines(found.explanation, usual.profiles, verbose=verbose)
            code = print_lines(piece for line in told for piece in folded(line, sys.stdout))
        if found.silent and code == ExitCode.DONE:
            say(f"{PROGRAM}: {printable(path)}: {query.silence(seconds)}")
            return ExitCode.INCOMPLETE
        return code

    return query.run(work, show, timeout=seconds, as_json=as_json)


class _Found(NamedTuple):
    explanation: "Explanation | None"
    """None for a symlink."""
    error: OSError | None
    """Why nothing is known."""
    silent: bool
    """Its disk has stopped answering."""
