"""Two commands that only tell: which rules there are, and what they say of one directory."""

import json
from typing import NamedTuple

from cleanup_nodemodule import words
from cleanup_nodemodule.commands import query
from cleanup_nodemodule.config.settings import Settings
from cleanup_nodemodule.exit_codes import ExitCode
from cleanup_nodemodule.run import explaining
from cleanup_nodemodule.run.loop import Runtime
from cleanup_nodemodule.run.signals import Interrupts
from cleanup_nodemodule.show.explanation import document_of, lines, symlink_lines
from cleanup_nodemodule.show.streams import print_lines, say
from cleanup_nodemodule.survey import survey
from cleanup_nodemodule.words import printable


def explain(
    path: str, settings: Settings, *, root: str | None, timeout: float, as_json: bool
) -> int:
    """Print what is known of one directory and what would be decided; return the exit code.

    It is decided as by a run that searches *root*; None is the one that is chosen. Raises
    OutsideError.
    """

    async def work(runtime: Runtime, _interrupts: Interrupts) -> _Found:
        try:
            found = await explaining.explain(path, settings, runtime, root=root)
        except OSError as error:
            return _Found(None, error, silent=False)
        return _Found(found, None, silent=bool(runtime.silent))

    def show(found: _Found) -> int:
        if found.error is not None:
            say(f"{words.PROGRAM}: cannot explain {printable(path)}: {found.error.strerror}")
            return ExitCode.USAGE
        if found.explanation is None:
            return print_lines(symlink_lines(path, as_json=as_json))
        document = [json.dumps(document_of(found.explanation), indent=2)]
        code = print_lines(document if as_json else lines(found.explanation))
        if found.silent and code == ExitCode.DONE:
            say(f"{words.PROGRAM}: {printable(path)}: {query.silence(timeout)}")
            return ExitCode.INCOMPLETE
        return code

    return query.run(work, show, timeout=timeout, as_json=as_json)


class _Found(NamedTuple):
    explanation: survey.Explanation | None
    """None for a symlink."""
    error: OSError | None
    """Why nothing is known."""
    silent: bool
    """Its disk has stopped answering."""
