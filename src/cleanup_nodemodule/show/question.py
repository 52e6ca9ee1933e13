"""The one question before anything is deleted."""

import signal
import sys

from cleanup_nodemodule import words
from cleanup_nodemodule.model import Mode, Plan
from cleanup_nodemodule.run.signals import Interrupts
from cleanup_nodemodule.show.streams import say
from cleanup_nodemodule.work.tasks import Stopped


def ask(plan: Plan, mode: Mode, interrupts: Interrupts) -> bool:
    """Return whether a person at the terminal says yes to deleting what *plan* selects.

    Raises Stopped for Ctrl-C, Ctrl-D or a terminal that is gone, which ask to stop rather than answer.
    """
    count = len(plan.selected)
    what = "1 artifact" if count == 1 else f"{count} artifacts"
    size = words.size(plan.reclaimable_bytes)
    asked = f"Delete {what}, {size}"
    if mode == "trash":
        asked = f"Move {what}, {size}, to the trash"
    while True:
        try:
            # A signal has to end the wait for the answer, which nothing else can.
            with interrupts.raising():
                # Not input(), which writes to standard output, and that is for the result.
                say(f"{asked}? [y/N]: ", end="")
                answer = sys.stdin.readline()
        except (KeyboardInterrupt, OSError):  # EIO: the terminal is gone.
            answer = ""
        if not answer:
            say("")
            interrupts.number = interrupts.number or signal.SIGINT
            raise Stopped
        match answer.strip().lower():
            case "y" | "yes":
                return True
            case "" | "n" | "no":
                return False
        say("Please type y or n.")
