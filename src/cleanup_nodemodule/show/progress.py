"""The live progress line at a terminal, on standard error.

It leaves the cursor alone: a program that hides it has to show it again whenever it stops, by Ctrl-Z and
SIGKILL too, and what cannot be done at the latter leaves a shell that nobody can type in.
"""

import time
from itertools import cycle
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.control import Control
from rich.segment import ControlType
from rich.text import Text

from cleanup_nodemodule.model import Progress
from cleanup_nodemodule.words import size

_INTERVAL: Final = 0.08
"""Seconds between two refreshes: often enough to look alive, too seldom to cost anything."""

_FRAMES: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"

_CLEAR: Final = Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2))


class ProgressLine:
    """Shows how far the run is; leaves nothing behind when it ends."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._frames = cycle(_FRAMES)
        self._last = 0.0
        self._able = not console.is_dumb_terminal

    def __enter__(self) -> Self:
        self._show("looking around")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._show(None)

    def __call__(self, progress: Progress) -> None:
        """Show *progress*, if it is time to."""
        now = time.monotonic()
        if now - self._last < _INTERVAL:
            return
        self._last = now
        self._show(_told(progress))

    def _show(self, words: str | None) -> None:
        """Put *words* in the place of what the line says."""
        if not self._able:
            return
        try:
            self._console.control(_CLEAR)
            if words is not None:
                line = Text(f"{next(self._frames)} {words}", no_wrap=True, overflow="crop")
                self._console.print(line, end="")
        except OSError:
            self._able = False  # EIO: the terminal is gone. The run goes on, or is told to stop.


def _told(progress: Progress) -> str:
    if progress.deleted or progress.freed_bytes:
        return (
            f"{progress.deleted} of {progress.artifacts} deleted,"
            f" {size(progress.freed_bytes)} freed"
        )
    return (
        f"{progress.directories:,} directories, {progress.artifacts:,} artifacts,"
        f" {size(progress.measured_bytes)}"
    )
