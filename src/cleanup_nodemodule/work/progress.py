"""How far a run has come, told to whoever watches it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from cleanup_nodemodule.model import Progress

Watch = Callable[[Progress], None]
"""Called with the state of things whenever it changes."""


def unwatched(_progress: Progress) -> None:
    """Watch nothing: the default."""


class Tracker:
    """Adds up what is done, and tells it."""

    def __init__(self, watch: Watch, progress: Progress | None = None) -> None:
        self._watch: Final = watch
        self._progress = progress or Progress()

    def add(
        self,
        *,
        directories: int = 0,
        artifacts: int = 0,
        measured_bytes: int = 0,
        deleted: int = 0,
        freed_bytes: int = 0,
    ) -> None:
        """Add to what is done by now, and tell the sums."""
        now = self._progress
        self._progress = replace(
            now,
            directories=now.directories + directories,
            artifacts=now.artifacts + artifacts,
            measured_bytes=now.measured_bytes + measured_bytes,
            deleted=now.deleted + deleted,
            freed_bytes=now.freed_bytes + freed_bytes,
        )
        self._watch(self._progress)
