"""How fast something grows, by numbers of which some may be far off. Pure.

The slope is the median of the slopes between all pairs of points (Theil, A rank-invariant method of linear and polynomial
regression analysis, 1950), and its bounds are those of Sen (Estimates of the regression coefficient based on Kendall's
tau, 1968). Up to 29 % of the points may be anything.
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple, TypeVar

_CONFIDENCE: Final = 1.96
"""Of the normal distribution: 95 % lie within so many standard deviations."""


class Trend(NamedTuple):
    """How fast something grows, by the second."""

    slope: float
    low: float
    high: float
    """The bounds within which the slope lies, with a confidence of 95 %."""


def trend_of(points: Sequence[tuple[float, float]]) -> Trend | None:
    """Return the trend of *points*, each a time in seconds and a number; None if all are of one time."""
    slopes = sorted(
        (after[1] - before[1]) / (after[0] - before[0])
        for number, after in enumerate(points)
        for before in points[:number]
        if after[0] != before[0]
    )
    if not slopes:
        return None
    count, pairs = len(points), len(slopes)
    spread = _CONFIDENCE * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    low, high = math.floor((pairs - spread) / 2), math.ceil((pairs + spread) / 2)
    return Trend(
        _median(slopes),
        slopes[low] if low >= 0 else -math.inf,
        slopes[high] if high < pairs else math.inf,
    )


def _median(numbers: Sequence[float]) -> float:
    """Return the median of sorted numbers."""
    middle = len(numbers) // 2
    return numbers[middle] if len(numbers) % 2 else (numbers[middle - 1] + numbers[middle]) / 2


_T = TypeVar("_T")


def thinned(items: Sequence[_T], times: Sequence[float], most: int) -> list[_T]:
    """Return *most* of the *items* at most: the first, and the last of each of as many equal parts of the time.

    *times* are those of the items, and never go back.
    """
    if len(items) <= most:
        return list(items)
    begin, span = times[0], (times[-1] - times[0]) or 1.0
    last: dict[int, _T] = {-1: items[0]}
    for item, time in zip(items, times, strict=True):
        last[min(int((time - begin) / span * (most - 1)), most - 2)] = item
    return list(dict.fromkeys(last.values()))


def finite(number: float) -> float | None:
    """Return a number, or None if it has no bound."""
    return number if math.isfinite(number) else None
