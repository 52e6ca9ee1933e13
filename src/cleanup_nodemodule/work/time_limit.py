"""One call about one path, for which nobody waits for long."""

from collections.abc import Callable
from typing import TypeVar

from cleanup_nodemodule.system import mounts
from cleanup_nodemodule.work import helper_process
from cleanup_nodemodule.work.threads import Workers

_T = TypeVar("_T")


def within(seconds: float, path: str, function: Callable[[], _T]) -> _T:
    """Return what *function*, which does something with *path*, returns; raise what it raises.

    Raises TimeoutError when that takes longer, and leaves it behind: it may still be done. Where the path may be on a disk
    that falls silent, another process calls the function, which has to pickle, and so has the answer.
    """
    distant = helper_process.is_needed([path], mounts.mounted())
    workers = Workers("limited", helper_process.HelperProcess if distant else None)
    try:
        return workers.submit(function).result(seconds)
    finally:
        workers.shutdown(wait=False)
