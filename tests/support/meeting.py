"""A call for several processes to make at once, of a module that each of them can import."""

import os
import threading

from support.waiting import await_condition


def meet(place: str, number: int) -> int:
    """Return which process this is, once *number* calls are being made that name the directory *place*.

    Raises AssertionError if they never are.
    """
    with open(os.path.join(place, f"{os.getpid()}-{threading.get_ident()}"), "x", encoding="utf-8"):
        pass
    await_condition(lambda: len(os.listdir(place)) >= number, "the others came")
    return os.getpid()
