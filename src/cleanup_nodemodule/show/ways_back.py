"""The commands that bring back what was deleted, for a shell or as a document."""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from cleanup_nodemodule.errors import ExitCode
from cleanup_nodemodule.run.ways_back import MAX_NAMED, SKIPPED, STRANGE, Recipe, Step, shown_step
from cleanup_nodemodule.show.journal import fault_line, run_document
from cleanup_nodemodule.show.streams import emit, is_terminal, say
from cleanup_nodemodule.words import PROGRAM, printable, shell_line


class Shown(NamedTuple):
    """The commands that bring something back, and what came of those that were run."""

    found: Recipe
    outcomes: Mapping[Step, tuple[str, int | None]]
    """What came of each command that was run, and its exit code."""
    code: int


def say_what_is_known(found: Recipe, *, run_them: bool) -> None:
    """Say what could not be read, and what nothing is to be run for. With *run_them* the rest is said by running."""
    for fault in found.faults:
        say(f"{PROGRAM}: {fault_line(fault)}")
    if found.run is None:
        say("Nothing has been deleted yet.")
    if found.trashed:
        one = len(found.trashed) == 1
        what = "1 directory is" if one else f"{len(found.trashed)} directories are"
        them = "it" if one else "them"
        say(f"{what} in the trash, unless you have emptied it. You can put {them} back from there.")
    _say_skipped(found)
    for step in () if run_them else found.steps:
        if not step.known:
            say(f"{shown_step(step)}: {STRANGE}")


def print_result(shown: Shown, *, run_them: bool, as_json: bool) -> int:
    """Print the commands for a shell, or the document; return the exit code."""
    found, outcomes, code = shown
    if not run_them:
        for step in found.steps:
            if step.verdict.refusal is not None:
                say(f"{shown_step(step)}: {step.verdict.refusal}")
    lost = None
    if as_json:
        document = json.dumps(_document(found, outcomes), indent=2)
        lost = emit(lambda: _write(f"{document}\n"))
    elif not run_them:
        lost = emit(lambda: _write("".join(_lines(found.steps))))
    if lost is not None:
        say(f"{PROGRAM}: could not print the result: {lost}")
        return ExitCode.UNEXPECTED
    if code == ExitCode.DONE and "no-answer" in found.skipped.values():
        return ExitCode.INCOMPLETE
    return code


def _say_skipped(found: Recipe) -> None:
    for code, meaning in SKIPPED.items():
        paths = [path for path, reason in found.skipped.items() if reason == code]
        for path in paths[:MAX_NAMED]:
            say(f"{printable(path)}: {meaning}")
        if len(paths) > MAX_NAMED:
            say(f"{len(paths) - MAX_NAMED} more: {meaning}")


def _lines(steps: Sequence[Step]) -> Iterator[str]:
    raw = not is_terminal(sys.stdout)
    for step in steps:
        if step.known and step.verdict.refusal is None:
            user = step.verdict.user
            yield shell_line(step.directory, step.command, raw=raw, user=user) + "\n"
        else:
            # The journal could have been altered, or somebody else decide: no shell shall run it unseen.
            yield f"# {shown_step(step)}\n"


def _write(text: str) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(os.fsencode(text))


def _document(found: Recipe, outcomes: Mapping[Step, tuple[str, int | None]]) -> dict[str, Any]:
    nothing = (None, None)
    return {
        "schema_version": 1,
        "run": None if found.run is None else run_document(found.run),
        "steps": [
            {
                "directory": step.directory,
                "command": step.command,
                "known": step.known,
                "artifacts": list(step.artifacts),
                "user": step.verdict.user,
                "refusal": step.verdict.refusal,
                "outcome": outcomes.get(step, nothing)[0],
                "exit_code": outcomes.get(step, nothing)[1],
            }
            for step in found.steps
        ],
        "skipped": [{"path": path, "reason": reason} for path, reason in found.skipped.items()],
        "trashed": list(found.trashed),
        "problems": [
            {"path": fault.file, "line": fault.line, "message": fault.message}
            for fault in found.faults
        ],
    }
