"""When runs were, for a clock that somebody may have set back or ahead. Pure.

Runs are in the order in which they came into the history, whatever their times say. Of their times as many are believed
as go forward in that order: one night with a wrong clock, in either direction, is one time that is not believed.
"""

from bisect import bisect_right
from collections.abc import Sequence


def believed(times: Sequence[float]) -> list[bool]:
    """Return for each time whether it is in the longest part of *times* that never goes back.

    *times* are in the order of the runs. (Fredman, On computing the length of longest increasing subsequences, 1975.)
    """
    ends: list[float] = []
    """By how many times are believed up to there, less one, the least time that such a part can end with."""
    last: list[int] = []
    """The place of that time."""
    before: list[int] = []
    for place, time in enumerate(times):
        length = bisect_right(ends, time)
        before.append(last[length - 1] if length else -1)
        if length == len(ends):
            ends.append(time)
            last.append(place)
        else:
            ends[length] = time
            last[length] = place
    found = [False] * len(times)
    place = last[-1] if last else -1
    while place >= 0:
        found[place] = True
        place = before[place]
    return found


def straightened(times: Sequence[float]) -> list[float]:
    """Return *times* so that they never go back: one that is not believed becomes that of the run before it.

    Before the first that is believed, it becomes that one.
    """
    trusted = believed(times)
    found: list[float] = []
    last = next((time for time, good in zip(times, trusted, strict=True) if good), 0.0)
    for time, good in zip(times, trusted, strict=True):
        last = time if good else last
        found.append(last)
    return found
