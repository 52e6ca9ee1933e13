"""Asks version control, once for each repository, about all candidates that lie in it."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.proof import git
from cleanup_nodemodule.proof.sighting import Sighting, WorkingTrees
from cleanup_nodemodule.proof.stat_cache import StatCache
from cleanup_nodemodule.proof.version_control import ask as others
from cleanup_nodemodule.proof.version_control.ask import Said
from cleanup_nodemodule.proof.version_control.systems import JUJUTSU, named
from cleanup_nodemodule.system import mounts
from cleanup_nodemodule.work.containment import problem_of
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.silence import Unanswered
from cleanup_nodemodule.work.tasks import Stopped

_REPOSITORIES_AT_ONCE: Final = 4
"""Git processes at a time; they are short and wait for the disk more than they compute."""


def working_trees(paths: Sequence[str]) -> list[WorkingTrees]:
    """Return for each path the working trees that it lies in."""
    cache = StatCache()
    around = [os.path.dirname(path) for path in paths]
    return [
        WorkingTrees(cache.repositories(one), others.innermost(cache.working_copies(one)))
        for one in around
    ]


def _nobody(_repository: str) -> None:
    """Tell nobody."""


class Witnesses:
    """Asks git and others about what was sighted, each repository once in a round, several at a time."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._limit = asyncio.Semaphore(_REPOSITORIES_AT_ONCE)
        self._git = git.Asker(scheduler)
        self.has_git = git.installed()
        self.asking: Callable[[str], None] = _nobody
        """Called with the repository that is asked next."""

    async def ask(self, sightings: Sequence[Sighting]) -> list[git.Answer | git.Refusal | None]:
        """Return what version control says of each sighting; None where nobody was asked.

        The other systems only say what they track. Where git was to be asked and gave no answer, that is it.
        """
        answers = await self._ask_git(sightings)
        said = await self._ask_others(sightings)
        if not said:
            return answers
        added: dict[tuple[int, tuple[tuple[str, str], ...]], git.Answer] = {}
        whole: list[git.Answer | git.Refusal | None] = []
        for sighting, answer in zip(sightings, answers, strict=True):
            around = sighting.working_copies
            unanswered = answer is None and bool(sighting.repositories)
            if not around or unanswered or isinstance(answer, git.Refusal):
                whole.append(answer)
                continue
            key = id(answer), around
            if key not in added:
                added[key] = with_others(answer or _NOTHING, sighting.repositories, around, said)
            whole.append(added[key])
        return whole

    async def _ask_others(
        self, sightings: Sequence[Sighting]
    ) -> dict[tuple[str, str], tuple[Said, frozenset[str]]]:
        """Return what the systems besides git say, by top and mark, and of which directories."""
        questions: dict[tuple[str, str], dict[str, None]] = {}
        for sighting in sightings:
            for one in sighting.working_copies:
                questions.setdefault(one, {})[sighting.candidate.path] = None

        async def ask(top: str, mark: str, paths: tuple[str, ...]) -> Said:
            system = named().get(mark, mark)
            async with self._limit:
                try:
                    return await self._scheduler.read(
                        others.ask, top, mark, paths, lacked=others.lacked
                    )
                except Stopped:
                    raise
                except Unanswered:
                    return Said(
                        system, unknown=f"{system} in {top}: the disk gave no answer in time"
                    )
                except Exception as error:  # noqa: BLE001 - whatever it is, it is no answer, and the others go on
                    return Said(system, unknown=problem_of(error, top, ProblemCode.ASK_GIT).why)

        asking = [ask(*key, tuple(paths)) for key, paths in questions.items()]
        given = await asyncio.gather(*asking, return_exceptions=True)
        if failed := [one for one in given if isinstance(one, BaseException)]:
            raise failed[0]
        return {
            key: (said, frozenset(paths))
            for (key, paths), said in zip(questions.items(), given, strict=True)
            if isinstance(said, Said)
        }

    async def _ask_git(
        self, sightings: Sequence[Sighting]
    ) -> list[git.Answer | git.Refusal | None]:
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
                self.asking(repository)
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


_NOTHING: Final = git.Answer(frozenset(), frozenset())
"""What git says where it has no repository."""


def with_others(
    answer: git.Answer,
    repositories: Sequence[str],
    around: Sequence[tuple[str, str]],
    said: Mapping[tuple[str, str], tuple[Said, frozenset[str]]],
) -> git.Answer:
    """Add to git's *answer* what the systems *around* have *said* of what lies in all of them."""
    tracked_by = dict(answer.tracked_by)
    unknown = dict(answer.unknown)
    for top, mark in around:
        one, asked = said[top, mark]
        tracked_by |= dict.fromkeys(one.tracked, one.system)
        if one.unknown is None:
            continue
        if mark == JUJUTSU and top in repositories:
            # It works on git's repository, and takes in all that git does not ignore.
            asked -= answer.ignored
        unknown |= dict.fromkeys(asked, one.unknown)
    tracked = answer.tracked.union(tracked_by)
    return answer._replace(
        tracked=tracked,
        neither=answer.neither - tracked,
        tracked_by=tracked_by,
        unknown=unknown,
    )


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
    return given[0]._replace(tracked=tracked, neither=given[0].neither - tracked)
