"""The live progress line at a terminal, on standard error."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from cleanup_nodemodule import plain
from cleanup_nodemodule.model import Progress

_INTERVAL = 0.08
"""Seconds between two refreshes: often enough to look alive, too seldom to cost anything."""


class ProgressLine:
    """Shows how far the run is; leaves nothing behind when it ends."""

    def __init__(self, console: Console) -> None:
        self._spinner = Spinner("dots", Text("looking around"))
        # No refresh thread: the line moves when the run does.
        self._live = Live(
            self._spinner,
            console=console,
            transient=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._last = 0.0

    def __enter__(self) -> Self:
        self._live.start(refresh=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def __call__(self, progress: Progress) -> None:
        """Show *progress*, if it is time to."""
        now = time.monotonic()
        if now - self._last < _INTERVAL:
            return
        self._last = now
        self._spinner.update(text=Text(_words(progress), no_wrap=True))
        self._live.refresh()


def _words(progress: Progress) -> str:
    if progress.deleted or progress.freed_bytes:
        return (
            f"{progress.deleted} of {progress.artifacts} deleted,"
            f" {plain.size(progress.freed_bytes)} freed"
        )
    return (
        f"{progress.directories:,} directories, {progress.artifacts:,} artifacts,"
        f" {plain.size(progress.measured_bytes)}"
    )
