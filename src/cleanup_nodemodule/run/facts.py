"""What only a run itself knows of itself: when it began, on which machine, by which program."""

import socket
import time
from typing import TYPE_CHECKING

from cleanup_nodemodule import __version__, engine
from cleanup_nodemodule.model import Mode
from cleanup_nodemodule.report import rows
from cleanup_nodemodule.report.asked import AskedRow
from cleanup_nodemodule.words import PROGRAM

if TYPE_CHECKING:
    from cleanup_nodemodule.config.settings import Settings


def tool() -> rows.Tool:
    """Return what documents say of this program."""
    return rows.Tool(PROGRAM, __version__, engine.name())


def asked_of(settings: "Settings") -> AskedRow:
    """Return what documents say of that which a run looks for. Only its plan knows what is excluded."""
    from cleanup_nodemodule.config.filters import said_each

    rules = settings.rules if settings.targets is None else ()
    own = {rule.id for rule in settings.own_rules}
    filters = settings.filters
    return AskedRow(
        profiles=sorted({rule.ecosystem for rule in rules if rule.id not in own}),
        rules=sorted({rule.id for rule in rules}),
        names=sorted({*(settings.targets or ()), *settings.also}),
        min_depth=settings.min_depth,
        max_depth=settings.max_depth,
        excluded=[],
        only_listed=settings.artifacts is not None,
        ended=False,
        filters=[one for name in filters.given for one in said_each(filters, name)],
    )


class Facts:
    """Takes the time of a run, from when it is made."""

    def __init__(self, settings: "Settings | None" = None) -> None:
        """Take the time. The *settings* are those of a run that looks for artifacts."""
        self._asked = None if settings is None else asked_of(settings)
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
            asked=self._asked,
        )
