"""What a run is to do with what it finds."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

from cleanup_nodemodule.config.layers import Values
from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.model import Mode
from cleanup_nodemodule.run.loop import DEFAULT_TIMEOUT
from cleanup_nodemodule.words import shortly

if TYPE_CHECKING:
    from cleanup_nodemodule.run.limits import Limit

_MAX_JOBS: Final = 1024
"""Threads beyond which there is nothing to gain on any machine, and memory to lose."""

_GOALS: Final = ("free", "until-free", "max-total")
"""Keys of what a deletion is to reach."""

_LONGEST_TIMEOUT: Final = 1e9
"""Seconds beyond which nobody waits, and nan and infinity."""


class Orders(NamedTuple):
    """What a run is to do with what it finds."""

    mode: Mode
    ask: bool = False
    """Ask before anything is deleted, if somebody is there to ask."""
    wait: bool = False
    """Wait for another run that deletes in the same tree, rather than give up."""
    max_delete: "Limit | None" = None
    """Delete nothing, what interrupted runs left included, if it would be more than this."""
    fail_over: "Limit | None" = None
    """End with exit code 4 if more than this can be deleted, be it deleted or not."""
    jobs: int | None = None
    """Calls at a time; None for as many as suit the engine and the disk."""
    timeout: float = DEFAULT_TIMEOUT
    """Seconds that a disk may take to answer before a root on it is given up."""
    max_rate: int | None = None
    """Directory entries a second that all calls together handle at most."""
    max_runtime: int | None = None
    """Seconds after which nothing new is begun."""
    list_file: str | None = None
    """The file that lists what to look at, if that is one: by it the next run knows where this one left off."""
    needs: tuple[str, ...] = ()
    """Roots that have to be there. If one is not, nothing is deleted in the others either."""

    @property
    def deletes(self) -> bool:
        """Whether the run may delete, or move to the trash."""
        return self.mode != "dry-run"


def orders_of(values: Values, needs: tuple[str, ...] = ()) -> Orders:
    """Return what a run is to do, which *needs* these roots.

    Raises UsageError for what cannot be right. The message says where it was said.
    """
    from cleanup_nodemodule.run.limits import FAIL_OVER, parse_limit

    with values.blaming():
        if values.flag("trash"):
            refuse_trash(f"--{name}" for name in _GOALS if values.text(name) is not None)
        limit, over = values.text("max-delete"), values.text("fail-over")
        return Orders(
            mode_of(values),
            ask=not values.flag("yes"),
            wait=values.flag("wait"),
            max_delete=None if limit is None else parse_limit(limit),
            fail_over=None if over is None else parse_limit(over, FAIL_OVER),
            jobs=_jobs(values.number("jobs")),
            timeout=seconds_to_wait(values.seconds("timeout")),
            max_rate=values.number("max-rate"),
            max_runtime=_runtime(values.text("max-runtime")),
            needs=needs,
        )


def refuse_trash(options: Iterable[str]) -> None:
    """Raise UsageError if the trash is to reach goals, named by their *options*: what lies in it takes as much."""
    for option in options:
        raise UsageError(
            f"{option} cannot be reached by moving to the trash, which frees nothing until it is emptied; leave out"
            f" {option} or --trash"
        )


def mode_of(values: Values) -> Mode:
    """Return whether a run deletes, and how."""
    if not values.flag("delete"):
        return "dry-run"
    return "trash" if values.flag("trash") else "delete"


def timeout_of(values: Values) -> float:
    """Return the seconds that a disk may take to answer. Raises UsageError as :func:`orders_of` does."""
    with values.blaming():
        return seconds_to_wait(values.seconds("timeout"))


def seconds_to_wait(timeout: float | None) -> float:
    """Return the seconds that a disk may take to answer. Raises UsageError for a number that nobody can wait."""
    if timeout is None:
        return DEFAULT_TIMEOUT
    if not 0 < timeout < _LONGEST_TIMEOUT:
        raise UsageError(
            f"--timeout cannot be {timeout:g}; type a number of seconds above 0, or leave it out"
        )
    return timeout


def _runtime(text: str | None) -> int | None:
    if text is None:
        return None
    from cleanup_nodemodule.model.quantities import QuantityError, read_duration

    try:
        seconds = read_duration(text, "--max-runtime", waited=True)
    except QuantityError as error:
        raise UsageError(str(error)) from error
    if not seconds:
        raise UsageError("--max-runtime cannot be 0; type for instance 30min, or leave it out")
    return seconds


def _jobs(jobs: int | None) -> int | None:
    if jobs is not None and not 1 <= jobs <= _MAX_JOBS:
        raise UsageError(
            f"--jobs cannot be {shortly(jobs)}; type a number from 1 to {_MAX_JOBS}, or leave it out"
        )
    return jobs
