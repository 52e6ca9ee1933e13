"""Runs a command that only tells: what it asks of disks can be interrupted, and ends all the same."""

import os
import signal
from collections.abc import Awaitable, Callable
from typing import TypeVar

from cleanup_nodemodule.config.keys import Format
from cleanup_nodemodule.errors import ExitCode
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.run import loop
from cleanup_nodemodule.run.loop import Runtime
from cleanup_nodemodule.run.signals import Interrupts
from cleanup_nodemodule.show.failure import NOT_BEGUN, print_failure
from cleanup_nodemodule.words import printable
from cleanup_nodemodule.work.silence import Unanswered
from cleanup_nodemodule.work.tasks import Stopped

_T = TypeVar("_T")


def run(
    work: Callable[[Runtime, Interrupts], Awaitable[_T]],
    show: Callable[[_T], int],
    *,
    timeout: float,
    as_json: bool,
) -> int:
    """Do *work*, *show* its result and return the exit code of that.

    Says why, and returns another exit code, where it does not come to that: where a disk does not answer,
    or a signal stops it.
    """
    place: str | None = None

    async def asking(runtime: Runtime) -> _T:
        nonlocal place
        try:
            return await work(runtime, interrupts)
        finally:
            place = runtime.place

    with Interrupts() as interrupts:
        try:
            result = loop.run(asking, interrupts, timeout=timeout)
            interrupts.let_raise()
            code = show(result)
            return code if interrupts.number is None else 128 + interrupts.number
        except (Stopped, KeyboardInterrupt):
            interrupts.hold()
            print_failure(
                NOT_BEGUN,
                ProblemCode.INTERRUPTED,
                None,
                mode="dry-run",
                format_=Format.JSON if as_json else None,
            )
            code = 128 + (interrupts.number or signal.SIGINT)
        except Unanswered:
            print_failure(
                f"{printable(place or os.sep)}: {silence(timeout)}",
                ProblemCode.ROOT_UNANSWERED,
                place,
                mode="dry-run",
                format_=Format.JSON if as_json else None,
            )
            code = ExitCode.INCOMPLETE
    return code


def silence(timeout: float) -> str:
    """Return in words that a disk did not answer for so many seconds."""
    return f"its disk did not answer for {timeout:g} seconds (--timeout)"
