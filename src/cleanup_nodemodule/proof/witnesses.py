"""Asks git, once for each repository, about all candidates that lie in it."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.proof import git
from cleanup_nodemodule.proof.sighting import Sighting
from cleanup_nodemodule.proof.stat_cache import StatCache
from cleanup_nodemodule.system import mounts
from cleanup_nodemodule.work.containment import problem_of
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.silence import Unanswered
from cleanup_nodemodule.work.tasks import Stopped

_REPOSITORIES_AT_ONCE: Final = 4
"""Git processes at a time; they are short and wait for the disk more than they compute."""


def working_trees(paths: Sequence[str]) -> list[tuple[str, ...]]:
    """Return for each path the working trees that it lies in, the innermost first."""
    cache = StatCache()
    return [cache.repositories(os.path.dirname(path)) for path in paths]


class Witnesses:
    """Asks git about what was sighted, each repository once in a round, several at a time."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._limit = asyncio.Semaphore(_REPOSITORIES_AT_ONCE)
        self._git = git.Asker(scheduler)
        self.has_git = git.installed()

    async def ask(self, sightings: Sequence[Sighting]) -> list[git.Answer | git.Refusal | None]:
        """Return git's answer for each sighting; None where it was not asked."""
        questions: dict[tuple[str, bool], list[str]] = {}
        for sighting in sightings:
            for depth, repository in enumerate(sighting.repositories if self.has_git else ()):
                paths = questions.setdefault((repository, depth > 0), [])
                paths.append(sighting.candidate.path)
                if sighting.project != repository and not depth:
                    paths.append(sighting.project)
        if not questions:
            return [None] * len(sightings)
        try:
            kinds = await self._scheduler.call(mounts.mounted)
        except Unanswered:
            return [None] * len(sightings)

        async def ask(repository: str, outer: bool, paths: list[str]) -> git.Answer | git.Refusal:  # noqa: FBT001 - comes out of the key of a question
            async with self._limit:
                try:
                    return await self._scheduler.unless_stopped(
                        self._git.ask(repository, paths, kinds, outer=outer)
                    )
                except Stopped:
                    raise
                except Exception as error:  # noqa: BLE001 - whatever it is, it is no answer, and the others go on
                    return git.Refusal(problem_of(error, repository, ProblemCode.ASK_GIT).why)

        asking = [asyncio.ensure_future(ask(*key, paths)) for key, paths in questions.items()]
        # All of them, as each has a git to end when the run is stopped.
        await asyncio.gather(*asking, return_exceptions=True)
        answers = {key: one.result() for key, one in zip(questions, asking, strict=True)}
        # An answer holds what git says of all that lies there: what is put together is so once.
        together: dict[tuple[str, ...], git.Answer | git.Refusal | None] = {}
        for repositories in {sighting.repositories: None for sighting in sightings}:
            together[repositories] = _together(
                [answers[one, depth > 0] for depth, one in enumerate(repositories)]
                if self.has_git
                else ()
            )
        return [together[sighting.repositories] for sighting in sightings]


def _together(answers: Sequence[git.Answer | git.Refusal]) -> git.Answer | git.Refusal | None:
    """Put the answers of nested repositories together, the innermost first.

    Any of them may track a file, and one that gives no answer may be that one. What is ignored is
    for the innermost to say.
    """
    given: list[git.Answer] = []
    for answer in answers:
        if isinstance(answer, git.Refusal):
            return answer
        given.append(answer)
    if not given:
        return None
    if len(given) == 1:
        return given[0]
    tracked = frozenset[str]().union(*(answer.tracked for answer in given))
    return replace(given[0], tracked=tracked, neither=given[0].neither - tracked)
