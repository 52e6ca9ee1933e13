"""Keeps what goes wrong with one candidate from ending the run for all of them.

Whoever owns a directory decides what lies in it, and so what goes wrong when it is looked at: a path
longer than any call takes, a file swapped for a directory at the wrong moment, a text that no parser
takes. Whatever it is, it becomes a :class:`~cleanup_nodemodule.model.Problem` of that candidate, which
is kept, and the others go on.
"""

import errno
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar, TypeVarTuple

from cleanup_nodemodule.model import Problem
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.work.silence import Unanswered
from cleanup_nodemodule.work.tasks import Stopped

_C = TypeVar("_C")
_R = TypeVar("_R")
_Ts = TypeVarTuple("_Ts")


def problem_of(error: Exception, path: str, code: ProblemCode) -> Problem:
    """Return what *error* says about *path*, which was raised by what *code* is about."""
    if isinstance(error, MemoryError):
        return Problem(path, code, errno.ENOMEM)
    if isinstance(error, OSError) and error.errno is not None:
        return Problem(path, code, error.errno)
    name = type(error).__name__
    text = f"{name}: {error}" if str(error) else name
    return Problem(path, code, message=f"something unexpected went wrong ({text})")


class Contained:
    """Asks about one candidate, question by question, and collects what went wrong."""

    def __init__(self, path: str) -> None:
        self._path: Final = path
        self.problems: list[Problem] = []

    def ask(
        self, code: ProblemCode, otherwise: _R, question: Callable[[*_Ts], _R], *args: *_Ts
    ) -> _R:
        """Return what *question* returns; *otherwise* if it raises, which is taken down."""
        try:
            return question(*args)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other candidates go on
            problem = problem_of(error, self._path, code)
            if problem not in self.problems:  # As of a path that is too long for any question.
                self.problems.append(problem)
            return otherwise


def passes(error: Exception) -> bool:
    """Whether *error* is no fault of what was asked about: the run is stopped, or a disk is silent."""
    return isinstance(error, (Stopped, Unanswered))


async def each(
    batch: Sequence[_C],
    ask: Callable[[Sequence[_C]], Awaitable[Sequence[_R]]],
    otherwise: Callable[[_C, Exception], _R],
) -> list[_R]:
    """Return what *ask* says of each in *batch*, asked about all at once.

    Where that fails it is asked about one by one, so that none takes the others along; for one that
    fails alone *otherwise* says what is known then. Raises Stopped and Unanswered, as *ask* does.
    """
    try:
        return [*await ask(batch)]
    except Exception as error:
        if passes(error):
            raise
        if len(batch) == 1:
            return [otherwise(batch[0], error)]
    return [answer for one in batch for answer in await each([one], ask, otherwise)]
