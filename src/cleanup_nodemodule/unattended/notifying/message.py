"""What people are told of a run: a sentence, a text and a document. Pure."""

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from cleanup_nodemodule.errors import ExitCode
from cleanup_nodemodule.problems import sentence
from cleanup_nodemodule.report.finished import FinishedRun
from cleanup_nodemodule.report.rows import Report
from cleanup_nodemodule.words import PROGRAM, command, iso, printable, size

SCHEMA_VERSION: Final = 1
"""Of the document. Within a version fields are added, never changed or taken away."""

_PROBLEMS: Final = 10
"""Problems that are named one by one."""

_LONGEST: Final = 1000
"""Characters of one sentence: a name may have thousands."""

Event = Literal["failed", "freed"]


@dataclass(frozen=True, slots=True)
class Message:
    """What is told of one run."""

    subject: str
    """A line that says which machine, which job and what came of it."""
    sentence: str
    """The subject with the reason, or with what was deleted."""
    text: str
    """All of it, in lines."""
    document: dict[str, Any]
    """All of it, for a program."""


def message_of(run: FinishedRun, event: Event, host: str, version: str) -> Message:
    """Return what to tell of *run*, which was on the machine *host*, with this *version* of the program."""
    called = f"job {run.job}" if run.job is not None else f"{run.command or 'a'} run".strip()
    totals = run.report.totals if run.report is not None else None
    if event == "freed" and totals is not None:
        outcome = f"freed {size(totals.freed_bytes)}"
        why = f"{totals.deleted:,} {_directories(totals.deleted)} deleted"
    else:
        incomplete = run.exit_code == ExitCode.INCOMPLETE and totals is not None
        ended = "had problems" if incomplete else "failed"
        outcome, why = f"{ended} (exit code {run.exit_code})", _cut(why_failed(run))
    subject = f"{PROGRAM} on {printable(host)}: {called} {outcome}"
    told = f"{subject}: {why}"
    problems = _problems(run.report)
    more = len(run.report.problems) - len(problems) if run.report is not None else 0
    document: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": PROGRAM, "version": version},
        "event": event,
        "text": told,
        "host": host,
        "job": run.job,
        "command": run.command,
        "run": run.id,
        "mode": run.mode,
        "exit_code": run.exit_code,
        "failure": why if event == "failed" else None,
        "began_at": iso(run.began_at),
        "duration_s": round(run.duration, 3),
        "found": None if totals is None else totals.found,
        "selected": None if totals is None else totals.selected,
        "reclaimable_bytes": None if totals is None else totals.reclaimable_bytes,
        "deleted": None if totals is None else totals.deleted + totals.trashed,
        "freed_bytes": None if totals is None else totals.freed_bytes,
        "failed": None if totals is None else totals.failed,
        "problems": problems,
        "more_problems": more,
    }
    return Message(
        subject, told, "\n".join(_lines(run, f"{told}.", problems, more)) + "\n", document
    )


def why_failed(run: FinishedRun) -> str:
    """Return why a run has failed, in words."""
    if run.failure is not None:
        return run.failure
    report = run.report
    if report is not None and run.exit_code == ExitCode.EXCEEDED:
        return "; ".join(gate.sentence for gate in report.gates) or "a limit was exceeded"
    if run.exit_code > _SIGNALLED:
        return f"it was stopped by {_signal(run.exit_code - _SIGNALLED)}"
    if report is not None and run.exit_code == ExitCode.INCOMPLETE:
        failed, problems = report.totals.failed, len(report.problems)
        parts = [f"{failed:,} {_directories(failed)} could not be deleted"] if failed else []
        if problems:
            first = _problems(report)[0]
            parts.append(f"{_counted(problems, 'problem')}, the first: {first}")
        return "; ".join((*parts, *run.unable)) or "something could not be read or deleted"
    return "its output says why"


_SIGNALLED: Final = 128
"""What an exit code has above the number of the signal that stopped the run, as shells count it."""


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _problems(report: Report | None) -> list[str]:
    """Return a sentence for each of the first problems. What could not be deleted has one, too."""
    return [
        _cut(sentence(one.doing, None if one.path is None else printable(one.path), one.message))
        for one in (report.problems[:_PROBLEMS] if report is not None else ())
    ]


def _lines(run: FinishedRun, told: str, problems: list[str], more: int) -> Iterator[str]:
    yield told
    yield ""
    yield f"run          {run.id}"
    yield f"began        {iso(run.began_at)}"
    yield f"took         {run.duration:,.0f} s"
    yield f"mode         {run.mode}"
    if run.report is not None:
        totals = run.report.totals
        reclaimable = size(totals.reclaimable_bytes)
        yield f"found        {totals.found:,} {_directories(totals.found)}, {size(totals.allocated_bytes)}"
        yield f"to delete    {totals.selected:,}, which frees {reclaimable}"
        if run.mode != "dry-run":
            yield f"deleted      {totals.deleted + totals.trashed:,}, which freed {size(totals.freed_bytes)}"
            yield f"failed       {totals.failed:,}"
    if problems:
        yield ""
        yield "Problems:"
        yield from (f"  {one}" for one in problems)
        if more:
            yield f"  and {more:,} more"
    if run.report is not None and run.report.totals.deleted:
        yield ""
        yield f"What it deleted: {command('log', run.id)}"


def _cut(text: str) -> str:
    """Return *text* in one line that ends somewhere, with every character of it fit to be shown."""
    line = " ".join(text.split())
    line = line if line.isprintable() else printable(line)
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _directories(count: int) -> str:
    return "directory" if count == 1 else "directories"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
