"""Whether anybody is told of a run, and how long all of it may take."""

import threading
import time
from collections.abc import Sequence
from typing import Final

from cleanup_nodemodule.errors import ExitCode
from cleanup_nodemodule.report.finished import FinishedRun
from cleanup_nodemodule.system.machine import host_name
from cleanup_nodemodule.unattended.notifying.message import Event, Message, message_of
from cleanup_nodemodule.unattended.notifying.recipients import Recipient

_PATIENCE: Final = 10.0
"""Seconds that all recipients together may take, who are told side by side. After that the run ends without them."""

_PATIENCE_UNWATCHED: Final = 60.0
"""The same where nobody waits. The run has the lowest priority there, and so has the program that sends mail: on a machine
that never rests, both took more than ten seconds to get a tenth of a second of a processor (measured)."""

_GRACE: Final = 0.5
"""Seconds for what has to be put away then, such as a process that was ended."""

_SEEN: Final = frozenset({ExitCode.USAGE, ExitCode.INTERRUPTED})
"""What whoever sits at the terminal has done: a mistake in the command, or Ctrl-C."""


class Notifier:
    """Tells people; a :class:`~cleanup_nodemodule.report.finished.Listener`."""

    asked_for = True

    def __init__(
        self,
        recipients: Sequence[Recipient],
        over: int | None,
        *,
        version: str,
        watched: bool,
        bound: float | None = None,
    ) -> None:
        """Tell *recipients* of a run that failed, or freed more than *over* bytes.

        The *version* is the program's. *watched*: somebody sits at the terminal. *bound*: seconds that it may
        take, if they are not to be the usual ones.
        """
        self._recipients: Final = recipients
        self._over: Final = over
        self._version: Final = version
        self._watched: Final = watched
        usual = _PATIENCE if watched else _PATIENCE_UNWATCHED
        self._bound: Final = usual if bound is None else bound

    def hear(self, run: FinishedRun) -> str | None:
        """Tell of *run* whoever is to be told; return whom that did not reach, in a sentence.

        A KeyboardInterrupt ends it, and all that is under way.
        """
        event = self.event_of(run)
        if event is None:
            return None
        message = message_of(run, event, host_name(), self._version)
        until = time.monotonic() + self._bound
        deliveries = [_Delivery(recipient, message, until) for recipient in self._recipients]
        try:
            for delivery in deliveries:
                delivery.start()
            for delivery in deliveries:
                delivery.wait(max(0.0, until - time.monotonic()))
        finally:
            for delivery in deliveries:
                delivery.give_up()
        for delivery in deliveries:
            delivery.wait(max(0.0, until + _GRACE - time.monotonic()))
        untold = [f"{one.recipient} was not told: {why}" for one in deliveries if (why := one.why)]
        return "; ".join(untold) or None

    def event_of(self, run: FinishedRun) -> Event | None:
        """Return what is worth to be told of *run*, if anything is. A dry run frees nothing."""
        if run.exit_code != ExitCode.DONE:
            return None if self._watched and run.exit_code in _SEEN else "failed"
        freed = run.report.totals.freed_bytes if run.report is not None else 0
        return "freed" if self._over is not None and freed > self._over else None


class _Delivery:
    """One message on its way to one recipient."""

    def __init__(self, recipient: Recipient, message: Message, until: float) -> None:
        self.recipient: Final = recipient
        self._message: Final = message
        self._until: Final = until
        # Where a signal ends Thread.join(), the thread passes for one that has ended.
        self._over: Final = threading.Event()
        self.why: str | None = "it took too long"

    def start(self) -> None:
        # What it waits for may be beyond every signal, as a name server is, and the process ends all the same.
        try:
            threading.Thread(target=self._deliver, daemon=True).start()
        except RuntimeError:  # There are too many.
            self.why = "no thread can be started"
            self._over.set()

    def wait(self, seconds: float) -> None:
        self._over.wait(seconds)

    def give_up(self) -> None:
        if not self._over.is_set():
            self.recipient.give_up()

    def _deliver(self) -> None:
        try:
            self.why = self.recipient.deliver(self._message, self._until)
        except Exception as error:  # noqa: BLE001 - a run is not to fail because nobody could be told of it
            self.why = f"unexpected failure: {type(error).__name__}"
        self._over.set()
