"""Which times of files say when an installer was through, and which say nothing."""

import time
from collections.abc import Iterable
from typing import Final

_EARLIEST: Final = 946_684_800
"""The first second of 2000. Earlier ones are set: of archives, of images that are built to be the same each time
(reproducible-builds.org, SOURCE_DATE_EPOCH), of npm's packages (npm-packlist: 1985)."""

_AHEAD: Final = 24 * 3600
"""Seconds that a clock may be ahead: of another machine, or of one that takes local time for UTC."""


def is_ahead(moment: int) -> bool:
    """Whether a time, in seconds since the epoch, lies in the future: the clock was wrong, or somebody set it."""
    return moment > time.time() + _AHEAD


def is_odd(moment: int) -> bool:
    """Whether a time says nothing of when something was installed."""
    return moment < _EARLIEST or is_ahead(moment)


def last(moments: Iterable[int]) -> int:
    """Return the last of the times that do not lie in the future; 0 if there are no times at all.

    Where there are, it is never 0: that would ask for no changes. Where all lie in the future it is 1: then all is looked at.
    """
    found = list(moments)
    return max([1, *(one for one in found if not is_ahead(one))]) if found else 0
