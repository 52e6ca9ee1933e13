"""How a run holds itself back for others: its priority, and how long it waits before it begins."""

import os
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cleanup_nodemodule.config.keys import Priority
from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.show.streams import is_terminal

if TYPE_CHECKING:
    from cleanup_nodemodule.config.layers import Values
    from cleanup_nodemodule.run.signals import Interrupts
    from cleanup_nodemodule.show.terminal import Terminal


@dataclass(frozen=True, slots=True)
class Restraint:
    """What a run does for others before it begins."""

    priority: Priority | None
    """None: as it suits whoever watches."""
    delay: int = 0
    """Seconds to wait at most."""
    verbose: bool = False
    """Say what is done for that."""

    def begin(self, terminal: "Terminal", interrupts: "Interrupts") -> None:
        """Give the process its priority, before it has threads, and wait. Raises Stopped when a signal ends that."""
        if self.priority is Priority.IDLE or (self.priority is None and not is_watched()):
            from cleanup_nodemodule.system.priority import make_idle

            for unable in make_idle():
                if self.verbose:
                    terminal.say(unable)
        if not self.delay:
            return
        from cleanup_nodemodule.work.tasks import Stopped

        seconds = self.delay * random_share()
        if self.verbose:
            minutes, rest = divmod(round(seconds), 60)
            parts = [f"{minutes}min"] * bool(minutes) + [f"{rest}s"] * bool(rest or not minutes)
            terminal.say(f"waiting {' '.join(parts)} first, as --delay says")
        try:
            with interrupts.raising():
                time.sleep(seconds)
        except KeyboardInterrupt as error:
            raise Stopped from error


def is_watched() -> bool:
    """Whether a person is likely to look at what a run prints while it goes on."""
    return is_terminal(sys.stdout) or is_terminal(sys.stderr)


def random_share() -> float:
    """Return a number from 0 to below 1 that differs between machines that were installed and started alike."""
    return int.from_bytes(os.urandom(6)) / (1 << 48)


def restraint_of(values: "Values", *, waits: bool = False) -> Restraint:
    """Return how a run holds itself back; it *waits* if it is one that may begin at any time. Raises UsageError."""
    from cleanup_nodemodule.model.quantities import QuantityError, read_duration

    said, delay = values.text("priority"), values.text("delay") if waits else None
    with values.blaming():
        try:
            seconds = 0 if delay is None else read_duration(delay, "--delay", waited=True)
        except QuantityError as error:
            raise UsageError(str(error)) from error
    return Restraint(None if said is None else Priority(said), seconds, values.flag("verbose"))
