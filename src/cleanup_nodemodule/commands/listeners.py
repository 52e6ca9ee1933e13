"""Who hears of a run that is over, by what was said about it."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

import typer

from cleanup_nodemodule import __version__
from cleanup_nodemodule.commands.lists import LISTS
from cleanup_nodemodule.config.layers import Order
from cleanup_nodemodule.errors import CleanupError, ExitCode, UsageError
from cleanup_nodemodule.words import printable

if TYPE_CHECKING:
    from cleanup_nodemodule.config.layers import Values
    from cleanup_nodemodule.model import Mode
    from cleanup_nodemodule.report.finished import FinishedRun, Listener
    from cleanup_nodemodule.run.voice import Ended
    from cleanup_nodemodule.unattended.log_file import LogFile


@dataclass(frozen=True, slots=True)
class Accounts:
    """Keeps account of one run."""

    command: str
    """Empty for the command without a name."""
    job: str | None
    listeners: "tuple[Listener, ...]"
    began_at: float
    """Seconds since the epoch."""
    began: float
    """Seconds of a clock that nobody sets."""
    log: "LogFile | None" = None
    """One of the listeners, which is told also while the run goes on."""

    def begun(self) -> "Accounts":
        """Return the accounts of a run that begins now, having waited until then."""
        return replace(self, began_at=time.time(), began=time.monotonic())

    def of_beginning(self) -> None:
        """Tell that the run begins."""
        from cleanup_nodemodule.report.finished import EarlyListener

        for listener in self.listeners:
            if isinstance(listener, EarlyListener):
                listener.begin(self.job, self.began_at)

    def of_end(self, ended: "Ended", code: int) -> int:
        """Tell of a run that came to a result; return the exit code in the end."""
        from cleanup_nodemodule.report.digest import Digest

        digest = ended.digest
        if digest is None:
            digest = Digest()
            for row in ended.report.artifacts:
                digest.add(row)
        run = self._run(ended.report.mode, code)
        run = replace(run, id=ended.run or run.id, spaces=ended.spaces)
        return self._tell(replace(run, report=ended.report, digest=digest), code)

    def of_failure(self, failure: str, mode: "Mode", code: int) -> int:
        """Tell of a run that came to none; return the exit code in the end."""
        return self._tell(replace(self._run(mode, code), failure=failure), code)

    def _run(self, mode: "Mode", code: int) -> "FinishedRun":
        from cleanup_nodemodule.record.entries import new_id
        from cleanup_nodemodule.report.finished import FinishedRun

        return FinishedRun(
            id=new_id(),
            command=self.command,
            job=self.job,
            mode=mode,
            began_at=self.began_at,
            duration=time.monotonic() - self.began,
            exit_code=int(code),
            report=None,
            digest=None,
        )

    def _tell(self, run: "FinishedRun", code: int) -> int:
        from cleanup_nodemodule.show.streams import warn
        from cleanup_nodemodule.words import PROGRAM

        for listener in self.listeners:
            try:
                unable = listener.hear(replace(run, exit_code=int(code)))
            except Exception as error:  # noqa: BLE001 - the run is as it was, and the others are to be told
                unable = f"unexpected failure of {type(listener).__name__}: {type(error).__name__}: {printable(str(error))}"
            if unable is not None:
                warn(f"{PROGRAM}: {unable}")
                run = replace(run, unable=(*run.unable, unable))
                if listener.asked_for and code == ExitCode.DONE:
                    code = ExitCode.INCOMPLETE
        return code


@dataclass(slots=True)
class Known:
    """What is known of a run before it has begun."""

    values: "Values | None" = None
    accounts: Accounts | None = None


@contextmanager
def telling_of_failures(
    ctx: typer.Context, command: str, job: str | None = None
) -> Iterator[Known]:
    """Tell of what ends a run before it has begun, such as a setting that makes no sense.

    Whoever says what is known of the run has those told that were asked for anywhere. Before that, as where a file cannot
    be read that may name them, those are told that were typed.
    """
    known = Known()
    try:
        yield known
    except CleanupError as error:
        from cleanup_nodemodule.commands.effective import typed_values
        from cleanup_nodemodule.run.orders import mode_of

        with suppress(UsageError):
            values = known.values or typed_values(ctx)
            accounts = known.accounts
            if accounts is None:
                accounts = accounts_of(values, command, job)
                asked_for = tuple(one for one in accounts.listeners if one.asked_for)
                accounts = replace(accounts, listeners=asked_for)
            accounts.of_failure(str(error), mode_of(values), error.exit_code)
        raise


def accounts_of(
    values: "Values", command: str, job: str | None = None, *, plan: str | None = None
) -> Accounts:
    """Return who keeps account of a run that begins now. Raises UsageError for what cannot be right.

    *plan* is the file of a saved plan, if the run looks only at what that names.
    """
    listeners = [*_listeners(values)]
    log = _log_of(values, command, job, plan)
    if log is not None:  # Last, as it tells the exit code in the end.
        listeners.append(log)
    return Accounts(command, job, tuple(listeners), time.time(), time.monotonic(), log)


def _log_of(values: "Values", command: str, job: str | None, plan: str | None) -> "LogFile | None":
    path = values.text("log-file")
    if path is None:
        return None
    from cleanup_nodemodule.run.orders import mode_of
    from cleanup_nodemodule.unattended.log_file import LogFile

    if not path or path.endswith(os.sep) or _is_directory(path):
        with values.blaming():
            raise UsageError("--log-file takes the path of a file, such as cleanup.log")
    what = (command or "clean") if job is None else f"{command} {printable(job)}"
    # What resume does, and where, is said by no setting.
    more = () if command == "resume" else (mode_of(values), *_places(values, plan))
    return LogFile(path, ", ".join((what, *more)))


def _is_directory(path: str) -> bool:
    """Whether a path leads to a directory, as far as its disk says so in time."""
    from cleanup_nodemodule.work.time_limit import within

    with suppress(OSError):
        return within(_PATIENCE, path, partial(os.path.isdir, path))
    return False


_PATIENCE: Final = 5.0
"""Seconds."""


def _places(values: "Values", plan: str | None) -> tuple[str, ...]:
    if plan is not None:
        return (f"what {printable(plan)} names",)
    lists = [path for name in LISTS if (path := values.text(name)) is not None]
    if lists:
        return tuple(f"what {printable(path)} lists" for path in lists)
    paths = [printable(os.path.abspath(path)) for path in values.texts("path")]
    more = len(paths) - _MAX_NAMED
    return (*paths[:_MAX_NAMED], f"and {more:,} more") if more > 0 else tuple(paths)


_MAX_NAMED: Final = 10
"""Directories to search that the log names."""


def _listeners(values: "Values") -> "Iterator[Listener]":
    if not values.flag("no-history"):
        from cleanup_nodemodule.record.history.listener import History
        from cleanup_nodemodule.run.looking_back import limits_of

        yield History(limits_of(values))
    metrics = values.text("metrics")
    if metrics is not None:
        from cleanup_nodemodule.run.facts import tool
        from cleanup_nodemodule.unattended.metrics import Metrics

        with values.blaming():
            yield Metrics(metrics, tool())
    yield from _notifiers(values)


def _notifiers(values: "Values") -> "Iterator[Listener]":
    """Give who tells people, if anybody is to be told."""
    whom, over = values.texts("notify"), values.text("notify-over")
    if not whom and over is None:
        return
    from cleanup_nodemodule.show.streams import is_terminal
    from cleanup_nodemodule.unattended.notifying.notifier import Notifier
    from cleanup_nodemodule.unattended.notifying.recipients import EXAMPLES, least_of, recipients_of

    with values.blaming():
        recipients, least = recipients_of(whom), least_of(over)
    if not recipients:
        if values.source("notify-over").order is Order.COMMAND_LINE:
            raise UsageError(f"--notify-over needs somebody to tell; add --notify with {EXAMPLES}")
        return
    watched = is_terminal(sys.stdin) and is_terminal(sys.stderr)
    yield Notifier(recipients, least, version=__version__, watched=watched)
