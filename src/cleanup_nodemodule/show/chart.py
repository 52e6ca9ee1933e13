"""Numbers over time as a line of small bars: one cell for each part of the time. Pure, but for what the stream can show."""

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple, TextIO

_DRAWN: Final = "▁▂▃▄▅▆▇█"
_PLAIN: Final = "_.-=+*%#"
"""The same in ASCII. Nothing at all is a blank."""


class Chart(NamedTuple):
    """A time axis, in cells."""

    begin: float
    """The middle of the first cell; seconds since the epoch."""
    slot: float
    """Seconds of a cell."""
    width: int
    """Cells."""

    @classmethod
    def of(cls, times: Sequence[float], room: int) -> "Chart":
        """Return the axis of *times*, in order and not all the same, in so many cells at most.

        Where there is room, what happens at even intervals has a cell each, side by side.
        """
        span = times[-1] - times[0]
        gaps = sorted(after - before for before, after in pairwise(times) if after > before)
        usual = gaps[len(gaps) // 2]
        width = max(2, min(room, round(span / usual) + 1))
        return cls(times[0], span / (width - 1), width)

    def cell(self, time: float) -> int:
        """Return the cell that a time falls into."""
        return min(max(int((time - self.begin) / self.slot + 0.5), 0), self.width - 1)

    def gathered(
        self, values: Iterable[tuple[float, float]], together: Callable[[float, float], float]
    ) -> list[float | None]:
        """Return one number a cell, of numbers each with its time, in order; None where there is none.

        *together* makes one of two.
        """
        cells: list[float | None] = [None] * self.width
        for time, value in values:
            place = self.cell(time)
            before = cells[place]
            cells[place] = value if before is None else together(before, value)
        return cells


def levels_for(stream: TextIO) -> str:
    """Return the bars that *stream* can show, the lowest first."""
    try:
        _DRAWN.encode(stream.encoding or "ascii")
    except UnicodeEncodeError:
        return _PLAIN
    return _DRAWN


def bars(cells: Sequence[float | None], levels: str) -> str:
    """Return a line of bars: the highest for the largest number, the lowest for 0, a blank where there is none."""
    most = max((cell for cell in cells if cell is not None), default=0)
    return "".join(
        " " if cell is None else levels[_level(cell, most, len(levels))] for cell in cells
    )


def _level(value: float, most: float, count: int) -> int:
    """Return which bar stands for a number; whatever is above 0 is above the lowest."""
    if value <= 0 or most <= 0:
        return 0
    return min(count - 1, max(1, math.ceil(value / most * (count - 1))))
