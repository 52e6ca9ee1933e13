"""What every artifact goes through whose turn has come, and how it is put back."""

import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final, Protocol, TypeVar, TypeVarTuple

from cleanup_nodemodule.delete import rename_away
from cleanup_nodemodule.delete.records import Turn
from cleanup_nodemodule.delete.rename_away import Held
from cleanup_nodemodule.model import Artifact, Candidate, Failed, Problem
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.proof import installed
from cleanup_nodemodule.work.conversion import LACKED
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.silence import Unanswered

_T = TypeVar("_T")


_Ts = TypeVarTuple("_Ts")


class SecondProof(Protocol):
    """Asks once more what protects an artifact, as time has passed since it was shown.

    Both calls may raise Stopped and Unanswered.
    """

    async def before(self, artifact: Artifact) -> Problem | None:
        """Return why it is not to be deleted any more, right before it is taken out of its project."""

    async def behind(self, artifact: Artifact, place: str) -> Problem | None:
        """Return why it is to be put back from *place*, where it is right before it is emptied."""


class _NoSecondProof:
    async def before(self, _artifact: Artifact) -> Problem | None:
        return None

    async def behind(self, _artifact: Artifact, _place: str) -> Problem | None:
        return None


NO_SECOND_PROOF: Final[SecondProof] = _NoSecondProof()
"""For whoever has looked a moment ago."""


async def make_ready(turn: Turn, scheduler: Scheduler, again: SecondProof) -> Problem | None:
    """Hold an artifact and look at it once more; return why it is not to be deleted, if so.

    Raises Stopped, and what rename_away.hold raises.
    """
    artifact = turn.artifact
    try:
        with scheduler.silence.asking(artifact.candidate.root):
            if (problem := await scheduler.call(_vital, artifact.path)) is not None:
                return problem
            turn.held = await hold(turn.candidate, scheduler)
            return await again.before(artifact)
    except Unanswered:
        # Nothing was begun.
        return Problem(artifact.path, ProblemCode.LOOK_AGAIN_UNANSWERED)


async def hold(candidate: Candidate, scheduler: Scheduler) -> Held | None:
    """Do what rename_away.hold does. Raises Unanswered besides."""
    try:
        return await retried(scheduler, scheduler.ask_aside, rename_away.hold, candidate)
    except TimeoutError as error:
        raise Unanswered from error


async def retried(
    scheduler: Scheduler,
    call: Callable[[Callable[[*_Ts], _T], *_Ts], Awaitable[_T]],
    function: Callable[[*_Ts], _T],
    *args: *_Ts,
) -> _T:
    """Have *function* called, again and with fewer workers where descriptors or memory run short."""
    attempt = 0
    while True:
        try:
            return await call(function, *args)
        except OSError as error:
            if error.errno not in LACKED or not await scheduler.make_do(attempt):
                raise
        attempt += 1


def left_untouched(artifact: Artifact, *problems: Problem) -> Failed:
    """Return that nothing of the artifact was deleted, and why."""
    return Failed(artifact, 0, problems, interrupted=False, untouched=True)


def not_answered(path: str) -> Problem:
    """Return that the disk of *path* did not answer while something there was to be deleted."""
    return Problem(path, ProblemCode.DELETE_UNANSWERED)


async def restored(turn: Turn, result: Failed | None, scheduler: Scheduler) -> Failed | None:
    """Put what was renamed back in its place and return *result*, or what has become of that."""
    artifact, staged = turn.artifact, turn.staged
    if staged is None:
        return result
    try:
        back = await scheduler.ask_aside(_put_back, staged, artifact.candidate, turn.held)
    except (OSError, rename_away.StuckError, rename_away.ChangedError) as error:
        number = error.errno if isinstance(error, OSError) else None
        silent = isinstance(error, OSError) and not number
        code = ProblemCode.PUT_BACK_UNANSWERED if silent else ProblemCode.PUT_BACK
        problem = Problem(staged, code, number)
        before = () if result is None else result.problems
        left_at = staged if result is None else result.left_at or staged
        return Failed(artifact, 0, (problem, *before), interrupted=False, left_at=left_at)
    if result is None:
        return None
    # What it was called for a moment helps nobody to find it.
    problems = tuple(
        replace(one, path=back + one.path[len(staged) :]) if one.path.startswith(staged) else one
        for one in result.problems
    )
    return replace(result, problems=problems, left_at=None)


def _put_back(staged: str, candidate: Candidate, held: Held | None) -> str:
    """Do what rename_away.put_back does, and return where it is; that may be where its project was moved to."""
    try:
        rename_away.put_back(staged, candidate.path, candidate.identity)
    except (FileNotFoundError, rename_away.ChangedError):
        now_at = None if held is None else rename_away.whereabouts(held)
        if now_at is None or os.path.basename(now_at) != os.path.basename(staged):
            raise
        back = os.path.join(os.path.dirname(now_at), candidate.name)
        rename_away.put_back(now_at, back, candidate.identity)
        return back
    return candidate.path


def _vital(path: str) -> Problem | None:
    """Return why *path* is never deleted, whatever a rule, a proof or the user said."""
    why = installed.vital(path)
    return None if why is None else Problem(path, ProblemCode.VITAL, detail=why)
