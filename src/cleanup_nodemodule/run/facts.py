"""What only a run itself knows of itself: when it began, on which machine, by which program."""

import socket
import time

from cleanup_nodemodule import __version__, engine
from cleanup_nodemodule.model import Mode
from cleanup_nodemodule.report import rows
from cleanup_nodemodule.words import PROGRAM


def tool() -> rows.Tool:
    """Return what documents say of this program."""
    return rows.Tool(PROGRAM, __version__, engine.name())


class Facts:
    """Takes the time of a run, from when it is made."""

    def __init__(self) -> None:
        self._started_at = time.time()
        self._start = time.monotonic()

    def now(self, mode: Mode) -> rows.Run:
        """Return what a report says of the run, which has come this far."""
        return rows.Run(
            tool=tool(),
            host=socket.gethostname(),
            started_at=self._started_at,
            duration=round(time.monotonic() - self._start, 3),
            mode=mode,
        )
