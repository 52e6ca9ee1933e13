"""Schedules for tests, and a system that only notes what it is told."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cleanup_nodemodule.unattended.schedule.calls import Answer
from cleanup_nodemodule.unattended.schedule.scheduler import Access, Schedule
from cleanup_nodemodule.unattended.schedule.times import read_every


def a_schedule(every: str = "day", **more: Any) -> Schedule:
    """Return a schedule of the job nightly."""
    usual: dict[str, Any] = {
        "job": "nightly",
        "every": read_every(every),
        "command": ("/opt/cleanup/bin/cleanup-nodemodule", "run", "nightly"),
        "access": Access("/home/ann/.local/state/cleanup-nodemodule", ("/home/ann/work",)),
    }
    return Schedule(**{**usual, **more})


class Calls:
    """Answers calls of programs as it was told to, and notes them."""

    def __init__(
        self, answers: Mapping[str, Answer | Callable[[Any], Answer]] | None = None
    ) -> None:
        """Give these *answers* to command lines that begin so; to all others that it was done."""
        self.answers = dict(answers or {})
        self.made: list[str] = []

    def __call__(self, words: Sequence[str], **how: Any) -> Answer:
        line = " ".join(words)
        self.made.append(line)
        for beginning, answer in self.answers.items():
            if line.startswith(beginning):
                return answer if isinstance(answer, Answer) else answer(how.get("input"))
        return Answer(0, b"", "")
