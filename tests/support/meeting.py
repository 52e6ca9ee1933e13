"""A call for several processes to make at once, of a module that each of them can import."""

import os
import threading
import time

from support.waiting import PATIENCE


def meet(place: str, number: int) -> int:
    """Return which process this is, once *number* calls are being made that name the directory *place*.

    Raises TimeoutError if they never are.
    """
    with open(os.path.join(place, f"{os.getpid()}-{threading.get_ident()}"), "x", encoding="utf-8"):
        pass
    deadline = time.monotonic() + PATIENCE
    while len(os.listdir(place)) < number:
        if time.monotonic() > deadline:
            raise TimeoutError("the others did not come")
        time.sleep(0.01)
    return os.getpid()
