"""What a run is doing, at a terminal, on standard error: a line, and above it the largest it has found by now.

It leaves the cursor alone: a program that hides it has to show it again whenever it stops, by Ctrl-Z and
SIGKILL too, and what cannot be done at the latter leaves a shell that nobody can type in.

It never waits for the terminal, which may take nothing for a while: the run goes on, and can be told to stop.

How it moves the cursor and erases is in ECMA-48: CUU, EL and ED.
"""

import asyncio
import os
import signal
from collections.abc import Callable
from itertools import cycle
from types import TracebackType
from typing import Any, Final, Self, TextIO

from cleanup_nodemodule.model import Progress
from cleanup_nodemodule.show.fitting import (
    Marks,
    cells,
    cropped,
    fewer_words,
    marks_for,
    shortened,
    spelled,
    with_tilde,
)
from cleanup_nodemodule.show.unblocked import Unblocked
from cleanup_nodemodule.words import size
from cleanup_nodemodule.work.progress import Doing, Scene, Spectator

_INTERVAL: Final = 0.1
"""Seconds between two paintings: often enough to look alive, too seldom to cost anything."""

_SPARE: Final = 3
"""Columns at the end of a line that stay free: for ``^C``, which a terminal echoes, and then for the cursor."""

_PLACE: Final = 32
"""Cells for the place that is searched. What comes behind it should not jump."""

_SIZE: Final = 12
"""Cells for a size in the list."""

_LISTING: Final = {Doing.SEARCHING, Doing.ASKING, Doing.MEASURING, Doing.CHECKING}

_CONTINUED: Final = getattr(signal, "SIGCONT", None)
"""What a run gets that goes on after Ctrl-Z. There is no such signal on Windows."""


class Live(Spectator):
    """Shows how far the run is; leaves nothing behind when it ends."""

    def __init__(
        self, stream: TextIO, home: str | None = None, outlet: Unblocked | None = None
    ) -> None:
        """Show it on *stream*, a terminal, with ``~`` for *home*, the user's home directory.

        *outlet* is that of another one that was shown before.
        """
        super().__init__()
        self._stream: Final = stream
        self.outlet: Final = outlet or Unblocked(stream)
        """The way to the terminal. What is left in it has to be written before anything else is."""
        self._home: Final = home
        self._marks: Final = marks_for(stream)
        self._frames: Final = cycle(self._marks.spinner)
        self._progress = Progress()
        self._able = os.environ.get("TERM", "") not in {"dumb", "unknown"}
        self._painted: list[str] = []
        """The lines that are on the screen. The cursor stands behind the last one."""
        self._spelled: dict[tuple[str, int, int], str] = {}
        """The lines of the list as they were painted last: by path, bytes and room."""
        self._columns = 0
        """How wide the terminal was then."""
        self._is_elsewhere = False
        """The cursor is, as the shell has written below what was painted."""
        self._next: asyncio.TimerHandle | None = None
        self._before: Any = None

    def __enter__(self) -> Self:
        if self._able:
            self._before = _when_continued(self._look_elsewhere)
            self.outlet.open()
            self._go_on(asyncio.get_running_loop())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._next is not None:
            self._next.cancel()
        self.clear()
        self.outlet.close()
        if self._before is not None and _CONTINUED is not None:
            signal.signal(_CONTINUED, self._before)

    def __call__(self, progress: Progress) -> None:
        """Have *progress* shown when it is time to."""
        self._progress = progress

    def clear(self) -> None:
        """Erase everything, so that something else can be said; the next painting brings it back.

        What the terminal does not take of that at once is left in the outlet.
        """
        self._leave()
        if self._painted:
            columns, _ = self._size()
            self._write(f"{self._to_the_top(columns)}\x1b[J")
            self._painted = []

    def _go_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """Paint, now and again and again: something may have been found right after it was painted."""
        self._paint()
        if self._able:
            self._next = loop.call_later(_INTERVAL, self._go_on, loop)

    def _paint(self) -> None:
        if not self._is_through():
            return
        self._leave()
        columns, height = self._size()
        room = max(1, columns - _SPARE)
        whole = f"{next(self._frames)} {self._said(room - 2)}"
        said = fewer_words(whole, room, self._marks) or cropped(whole, room, self._marks)
        lines = [*self._listed(room, height), said]
        before = self._painted
        if lines[:-1] == before[:-1] and columns == self._columns and before:
            self._write(f"\r{said}\x1b[J")
        else:
            above = "".join(f"{line}\x1b[K\r\n" for line in lines[:-1])
            self._write(f"{self._to_the_top(columns)}{above}{said}\x1b[J")
        self._painted, self._columns = lines, columns

    def _to_the_top(self, columns: int) -> str:
        """Return what moves the cursor to where the first line begins that is on the screen.

        A terminal that became narrower has folded what did not fit, as most of them do.
        """
        up = len(self._painted) - 1
        if columns < self._columns:
            up = sum(max(1, -(-cells(line) // columns)) for line in self._painted) - 1
        return f"\r\x1b[{up}A" if up > 0 else "\r"

    def _look_elsewhere(self) -> None:
        # It may be in the midst of a painting, at whose end all is taken for painted.
        self._is_elsewhere = True

    def _leave(self) -> None:
        """Leave what is on the screen where it is, if the cursor is not there any more."""
        if self._is_elsewhere:
            self._is_elsewhere, self._painted = False, []

    def _write(self, text: str) -> None:
        try:
            self.outlet.write(text)
        except (OSError, ValueError):
            self._able = False  # EIO: the terminal is gone. The run goes on, or is told to stop.

    def _is_through(self) -> bool:
        """Whether the terminal has taken the last painting."""
        try:
            return self.outlet.is_through()
        except OSError:
            self._able = False
            return False

    def _size(self) -> tuple[int, int]:
        """Return the columns and lines of the terminal."""
        try:
            columns, lines = os.get_terminal_size(self._stream.fileno())
        except (OSError, ValueError):
            columns = lines = 0
        return columns or 80, lines or 24

    # What it says.

    def _listed(self, room: int, height: int) -> list[str]:
        """Return the lines about the largest, which leave half of a low terminal to what was there."""
        scene = self.scene
        if scene.doing not in _LISTING:
            return []
        shown = [(*one, room) for one in scene.largest(min(Scene.MOST, (height - 2) // 2))]
        # Most are the same as a moment ago, and to spell them takes most of the time of a painting.
        self._spelled = {one: self._spelled.get(one) or self._spell(*one) for one in shown}
        return list(self._spelled.values())

    def _spell(self, path: str, count: int, room: int) -> str:
        known = size(count) if count else self._marks.ellipsis
        where = shortened(self._tilde(path), max(1, room - _SIZE - 2), self._marks)
        return f"{known:>{_SIZE}}  {where}"

    def _said(self, room: int) -> str:
        """Return what is done and where, in *room* cells if they are enough for all but the place."""
        now, doing, marks = self._progress, self.scene.doing, self._marks
        found = f"{now.artifacts:,} found, {size(now.measured_bytes)}"
        place = self._tilde(self.scene.place)
        turn = f"{min(now.deleted + 1, now.artifacts):,} of {now.artifacts:,}"
        match doing:
            case Doing.BEGINNING:
                return "Looking around"
            case Doing.SEARCHING:
                rest = f": {now.directories:,} directories, {found}"
                return _with_place("Searching", place, rest, room, marks, _head)
            case Doing.ASKING:
                return _with_place("Asking git about", place, f": {found}", room, marks, shortened)
            case Doing.MEASURING:
                return _with_place("Measuring", place, f": {found}", room, marks, shortened)
            case Doing.CHECKING:
                return f"Checking what is inside: {found}"
            case Doing.TRASHING:
                return _with_place(
                    f"Moving {turn} to the trash:", place, "", room, marks, shortened
                )
            case Doing.SETTLING:
                return f"Waiting for the disk: {size(now.freed_bytes)} freed"
            case Doing.DELETING:
                freed = f", {size(now.freed_bytes)} freed"
                return _with_place(f"Deleting {turn}:", place, freed, room, marks, shortened)

    def _tilde(self, path: str) -> str:
        return with_tilde(path, self._home)


def _with_place(
    doing: str,
    place: str,
    rest: str,
    room: int,
    marks: Marks,
    fit: Callable[[str, int, Marks], str],
) -> str:
    """Return what is done, where if there is room for that, and how far it is."""
    left = room - cells(doing) - 1 - cells(rest)
    shown = fit(place, left, marks) if place and left > len(marks.ellipsis) else ""
    if not shown:
        return doing.removesuffix(":") + rest
    return f"{doing} {shown}{rest}"


def _head(path: str, room: int, marks: Marks) -> str:
    """Return as many of the first names of *path* as fit, which is where a search stays for a while."""
    room = min(room, _PLACE)
    whole = spelled(path, marks)
    if cells(whole) <= room:
        return whole
    names = path.split(os.sep)
    while len(names) > 1:
        names.pop()
        head = os.sep.join((*names, marks.ellipsis))
        if cells(shown := spelled(head, marks)) <= room:
            return shown
    return ""


def _when_continued(tell: Callable[[], None]) -> Any:
    """Call *tell* when the run goes on after Ctrl-Z; return what was done until now."""
    if _CONTINUED is None:
        return None
    try:
        return signal.signal(_CONTINUED, lambda *_: tell())
    except ValueError:  # Not in the main thread, which alone may.
        return None
