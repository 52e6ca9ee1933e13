"""Who hears of a run that is over, by what was said about it."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import typer

from cleanup_nodemodule import __version__
from cleanup_nodemodule.config.layers import Order
from cleanup_nodemodule.errors import CleanupError, ExitCode, UsageError

if TYPE_CHECKING:
    from cleanup_nodemodule.config.layers import Values
    from cleanup_nodemodule.model import Mode
    from cleanup_nodemodule.report.finished import FinishedRun, Listener
    from cleanup_nodemodule.run.voice import Ended


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
        from cleanup_nodemodule.show.streams import say
        from cleanup_nodemodule.words import PROGRAM

        for listener in self.listeners:
            unable = listener.hear(run)
            if unable is not None:
                say(f"{PROGRAM}: {unable}")
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


def accounts_of(values: "Values", command: str, job: str | None = None) -> Accounts:
    """Return who keeps account of a run that begins now. Raises UsageError for what cannot be right."""
    return Accounts(command, job, tuple(_listeners(values)), time.time(), time.monotonic())


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
