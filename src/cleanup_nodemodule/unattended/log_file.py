"""``--log-file``: what happens in runs, line by line, in a file that many runs add to.

Each line is one write(2) at the end of the file (O_APPEND, open(2)), so that those of two runs do not mix. The file is
opened anew for each, so that logrotate(8) may rename it at any time and tells nobody.
"""

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from typing import Final

from cleanup_nodemodule import words
from cleanup_nodemodule.model import Failed, Removed, Result, Trashed
from cleanup_nodemodule.problems import sentence
from cleanup_nodemodule.record import trust
from cleanup_nodemodule.report.finished import FinishedRun
from cleanup_nodemodule.report.rows import Report
from cleanup_nodemodule.system import mounts
from cleanup_nodemodule.system.accounts import account_name, unmapped
from cleanup_nodemodule.system.files import open_regular
from cleanup_nodemodule.work import helper_process
from cleanup_nodemodule.work.threads import Workers

_MODE: Final = 0o640
"""Of a new file: names of projects are nothing for all users of a machine."""

_PATIENCE: Final = 5.0
"""Seconds that a run waits for a disk that does not answer."""

_MAX_PROBLEMS: Final = 1000
"""Problems that have a line each; a disk that breaks has one for each file."""


class LogFile:
    """The log of one run; a :class:`~cleanup_nodemodule.report.finished.Listener`. Raises nothing."""

    asked_for: Final = True

    def __init__(self, path: str, what: str) -> None:
        """Add to the file *path*; *what* says which run it is, what it does and where, in printable characters."""
        self.path: Final = os.path.abspath(path)
        self._what: Final = what
        self._unable: str | None = None
        """Why a line could not be written, the first time."""
        self._torn = False
        """The last line that was written has no end."""
        self._distant: bool | None = None
        """Whether the disk may fall silent; None until that was asked."""
        self._workers: Workers | None = None
        """Writes there."""
        self._lost = False
        """The disk did not answer, and is not asked again."""

    def begin(self, _job: str | None, _began_at: float) -> None:
        """Write that the run begins."""
        self._add("INFO", f"begin: {self._what}")

    def said(self, message: str) -> None:
        """Write what a run says of itself while it goes on."""
        self._add("INFO", message)

    def came_of(self, result: Result) -> None:
        """Write what has just come of an artifact."""
        path = words.printable(result.artifact.path)
        match result:
            case Removed(gone=True):
                self._add("INFO", f"gone already: {path}")
            case Removed():
                self._add("INFO", f"deleted: {path}, freed {words.size(result.freed_bytes)}")
            case Trashed():
                self._add("INFO", f"moved to the trash: {path}")
            case Failed():
                why = "; ".join(problem.sentence for problem in result.problems)
                why = why or ("interrupted" if result.interrupted else "unknown")
                left = "" if result.left_at is None else f"; the rest is at {result.left_at}"
                self._add("WARNING", f"failed: {path}: {words.printable(why + left)}")

    def hear(self, run: FinishedRun) -> str | None:
        """Write what came of the run; return why the log is not whole, in a sentence."""
        if run.report is not None:
            for level, text in _lines(run.report):
                self._add(level, text)
        if run.digest is not None and run.digest.kept:
            kept = sorted(run.digest.kept.items(), key=lambda item: (-item[1], item[0]))
            self._add("INFO", "kept: " + ", ".join(f"{count:,} {reason}" for reason, count in kept))
        if run.failure is not None:
            self._add("ERROR", words.printable(run.failure))
        self._add("INFO" if run.exit_code == 0 else "WARNING", _end(run))
        if self._workers is not None:
            self._workers.shutdown(wait=False)
        if self._unable is None:
            return None
        return f"could not write to the log {words.printable(self.path)}: {self._unable}"

    def _add(self, level: str, text: str) -> None:
        if self._lost:
            return
        time = datetime.now().astimezone().isoformat(timespec="milliseconds")
        line = f"{time} {level} [{os.getpid()}] {text}\n".encode(errors="backslashreplace")
        try:
            self._write(b"\n" + line if self._torn else line)
        except OSError as error:
            self._unable = self._unable or error.strerror or str(error)

    def _write(self, line: bytes) -> None:
        written = self._answered(partial(_append, self.path, line))
        self._torn = written < len(line) and (self._torn or written > 0)
        if written < len(line):  # As on a disk that has become full (write(2)).
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _answered(self, append: Callable[[], int]) -> int:
        """Return what *append* returns, by a process that can be left behind where the disk may fall silent."""
        if self._distant is None:
            self._distant = helper_process.is_needed([self.path], mounts.mounted())
        if not self._distant:
            return append()
        self._workers = self._workers or Workers("log", helper_process.HelperProcess)
        try:
            return self._workers.submit(append).result(_PATIENCE)
        except TimeoutError as error:
            self._lost = True
            why = f"its disk did not answer for {_PATIENCE:g} seconds"
            raise OSError(errno.ETIMEDOUT, why) from error


def _append(path: str, line: bytes) -> int:
    """Add to the end of a file; return how many bytes that were. Raises OSError."""
    _refuse_strange_place(path)
    try:
        descriptor = open_regular(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _MODE)
    except OSError as error:
        if error.errno == errno.ELOOP:  # By O_NOFOLLOW.
            raise OSError(errno.ELOOP, "it is a symlink; give the path of the file") from error
        raise
    try:
        _refuse_strange_file(os.fstat(descriptor))
        return os.write(descriptor, line)
    finally:
        os.close(descriptor)


def _refuse_strange_place(path: str) -> None:
    """Raise OSError where another user could have it lead elsewhere, by a symlink in place of a directory.

    The directory around it may be one that others write to, as /tmp, or as /var/log for the group of syslog: in there
    they could only exchange the file itself.
    """
    if not hasattr(os, "geteuid"):
        return
    around = os.path.dirname(path)
    fault = trust.untrusted(os.path.dirname(around), sticky=True)
    status = os.lstat(around)
    if fault is None and status.st_uid not in {0, os.geteuid(), *unmapped()}:
        fault = f"{around!r} belongs to {account_name(status.st_uid)}"
    if fault is not None:
        raise OSError(errno.EPERM, words.printable(fault))


def _refuse_strange_file(status: os.stat_result) -> None:
    if status.st_nlink > 1:
        raise OSError(errno.EMLINK, "it has another name elsewhere, by a hard link")
    if hasattr(os, "geteuid") and status.st_uid not in {0, os.geteuid(), *unmapped()}:
        raise OSError(errno.EPERM, f"it belongs to {account_name(status.st_uid)}")


def _lines(report: Report) -> Iterator[tuple[str, str]]:
    for pattern in report.unmatched_patterns:
        yield "WARNING", f"the pattern {words.printable(pattern)} matched nothing"
    for problem in report.problems[:_MAX_PROBLEMS]:
        where = None if problem.path is None else words.printable(problem.path)
        yield "WARNING", sentence(problem.doing, where, words.printable(problem.message))
    if len(report.problems) > _MAX_PROBLEMS:
        yield "WARNING", f"{len(report.problems) - _MAX_PROBLEMS:,} more problems"
    for row in report.leftovers:
        place = words.printable(row.path)
        if row.outcome == "deleted":
            yield "INFO", f"finished what an interrupted run left: {place}"
        elif row.error is not None:
            yield "WARNING", f"left by an interrupted run: {place}: {words.printable(row.error)}"
    for gate in report.gates:
        yield "WARNING", words.printable(gate.sentence)
    if (late := report.out_of_time) is not None:
        yield "WARNING", f"the {late.max_runtime_s} seconds of --max-runtime were up"


def _end(run: FinishedRun) -> str:
    parts: Iterable[str] = ()
    if run.report is not None:
        totals = run.report.totals
        if run.mode == "dry-run":
            would = f"would free {words.size(totals.reclaimable_bytes)}"
            parts = (f"{totals.selected:,} of {totals.found:,} can be deleted", would)
        elif run.mode == "trash":
            parts = (f"moved {totals.trashed:,} of {totals.selected:,} to the trash",)
        else:
            freed = f"freed {words.size(totals.freed_bytes)}"
            parts = (f"deleted {totals.deleted:,} of {totals.selected:,}", freed)
    return ", ".join((f"end: exit code {run.exit_code}", *parts, f"{run.duration:.1f} s"))
