"""What ``doctor`` found out about one thing that a run needs. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How it is."""

    OK = "ok"
    WARNING = "warning"
    """A run works, but not as it should."""
    MISSING = "missing"
    """A run does not do what it is to do."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    state: State
    found: str
    """What was found, in a sentence without its full stop."""
    advice: str | None = None
    """What to do, in the same way; None if there is nothing to do."""
    command: str | None = None
    """The line for a shell that does it, or helps to; None where there is none."""


def ok(name: str, found: str) -> Check:
    """Return a check of something that is as it should be."""
    return Check(name, State.OK, found)


def warning(name: str, found: str, advice: str, command: str | None = None) -> Check:
    """Return a check of something that should be otherwise."""
    return Check(name, State.WARNING, found, advice, command)


def missing(name: str, found: str, advice: str, command: str | None = None) -> Check:
    """Return a check of something that a run cannot do without."""
    return Check(name, State.MISSING, found, advice, command)
