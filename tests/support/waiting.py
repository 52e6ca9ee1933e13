"""Waiting for what has to happen, and for how long."""

import time
from collections.abc import Callable
from typing import Final

TIMEOUT: Final = 120
"""Seconds after which something that should have happened long ago counts as a failure.

Many times what the longest run here takes, on a machine that has other things to do."""


def await_condition(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds. Raises AssertionError, naming *what*, if it never does."""
    deadline = time.monotonic() + TIMEOUT
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain until {what}")
        time.sleep(0.01)
