"""Candidates to evidence: what on disk and in git speaks for each, and what protects it."""

import asyncio
import os
from collections import ChainMap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from cleanup_nodemodule.model import Candidate, Evidence, Identity, Level, Problem, Reason
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.proof import git, homes, protections, same_again
from cleanup_nodemodule.proof import last_used as history
from cleanup_nodemodule.proof.markers import Examination, examine
from cleanup_nodemodule.proof.protections import (
    NOTHING_SPARED,
    Processes,
    Protection,
    Spared,
    Whose,
    whose,
)
from cleanup_nodemodule.proof.rules import Rule
from cleanup_nodemodule.proof.stat_cache import StatCache
from cleanup_nodemodule.system import mounts
from cleanup_nodemodule.work.containment import Contained, problem_of
from cleanup_nodemodule.work.conversion import LACKED
from cleanup_nodemodule.work.scheduler import Scheduler, Stopped, Unanswered

_REPOSITORIES_AT_ONCE: Final = 4
"""Git processes at a time; they are short and wait for the disk more than they compute."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What evidence depends on besides the disk. Pickles."""

    rules: tuple[Rule, ...]
    named: frozenset[str] = frozenset()
    """Names the user gave with ``--targets``."""
    also: frozenset[str] = frozenset()
    """Names the user gave with ``--also``."""
    included: frozenset[str] = frozenset()
    """Paths the user gave with ``--include-unproven``, absolute and without symlinks."""
    spared: Spared = NOTHING_SPARED
    """What the user said to leave alone."""
    home: str | None = None
    """The home directory, absolute."""
    cwd: str | None = None
    """The current directory, absolute."""
    around: frozenset[Identity] = frozenset()
    """The current directory and all above it."""
    mounts: tuple[str, ...] = ()
    """Everything that something is mounted on, files too."""
    again: bool = False
    """It is the second look: only what decides is asked for."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What the disk says about a candidate; git and the processes are asked afterwards."""

    candidate: Candidate
    examinations: tuple[Examination, ...]
    """Every rule that its name fits, the one that says most first."""
    protection: Protection | None
    repositories: tuple[str, ...]
    """The working trees it lies in, the innermost first: an outer one may track what is in it."""
    project: str
    word: str | None
    """What the user said of its name, fit for showing: that every directory of that name is an artifact."""
    regenerate: str | None
    regenerate_in: str | None
    warnings: tuple[str, ...]
    whose: Whose
    remarks: tuple[str, ...] = ()
    """What else has to be known of what keeps it, a phrase each."""
    problems: tuple[Problem, ...] = ()
    """What went wrong when it was looked at: then it is kept."""

    def with_problems(self, problems: Sequence[Problem]) -> "Sighting":
        """Return the same, with what went wrong, for which it is kept unless for anything else."""
        if not problems:
            return self
        protection = self.protection or _unknown(problems[0])
        return replace(self, protection=protection, problems=tuple(problems))

    included: bool = False
    """The user said that this very directory is an artifact, if nothing but a proof is missing."""
    met: frozenset[str] = frozenset()
    """The user's patterns that it meets."""

    @property
    def named(self) -> bool:
        """Whether the user gave its name."""
        return self.word is not None

    @property
    def repository(self) -> str | None:
        """The innermost working tree."""
        return self.repositories[0] if self.repositories else None

    @property
    def best(self) -> Examination | None:
        """The rule that says most."""
        return self.examinations[0] if self.examinations else None

    @property
    def rule(self) -> Rule | None:
        """The rule of the kind it is, None where only a name for many things fits."""
        best = self.best
        if best is None or (best.rule.generic and not any(trial.facts for trial in best.trials)):
            return None
        return best.rule

    @property
    def level(self) -> Level:
        """How good the evidence is if git says what is hoped for."""
        best = self.best
        if best is not None and (
            best.proven_on_disk or (best.proven_if_ignored and self.repository is not None)
        ):
            return Level.PROVEN
        if self.named:
            return Level.NAMED
        if self.problems:
            return Level.UNPROVEN
        if best is None or best.hindrance is not None or self.rule is None:
            return Level.NONE
        return self.unproven

    @property
    def unproven(self) -> Level:
        """How good the evidence is where nothing but a proof is missing."""
        return Level.NAMED if self.named or self.included else Level.UNPROVEN


def gather(
    candidates: Sequence[Candidate], circumstances: Circumstances, cache: StatCache | None = None
) -> list[Sighting]:
    """Look at the disk for every rule that fits each candidate's name, and for what protects it.

    Whatever goes wrong with one of them is among its problems, and it is kept. A *cache* that has
    looked at others before remembers what it saw above them; without one everything is looked at anew.
    """
    cache = cache or StatCache(circumstances.mounts)
    # What is known of homes serves for as long as the lookout does.
    directories = cache.made("homes", partial(homes.Known, circumstances.home))
    return [_gather_one(one, circumstances, cache, directories) for one in candidates]


def lacked(sightings: Sequence[Sighting]) -> bool:
    """Whether something could not be looked at for want of descriptors or memory."""
    return any(problem.errno in LACKED for one in sightings for problem in one.problems)


def unseen(candidate: Candidate, error: Exception) -> Sighting:
    """Return what is known of a candidate where looking at it came to nothing."""
    problem = problem_of(error, candidate.path, ProblemCode.EXAMINE)
    return Sighting(
        candidate=candidate,
        examinations=(),
        protection=_unknown(problem),
        repositories=(),
        project=os.path.dirname(candidate.path),
        word=None,
        regenerate=None,
        regenerate_in=None,
        warnings=(),
        whose=Whose(),
        problems=(problem,),
    )


def unweighed(sighting: Sighting, problem: Problem) -> Evidence:
    """Return the evidence for what nobody could put together, which is kept."""
    protection = _unknown(problem)
    level, project = Level.UNPROVEN, sighting.project
    facts = (protection.detail,)
    return Evidence(level, facts, protection.reason, None, None, project, None, None, (), 0)


def kept_for(problems: Sequence[Problem], known: Evidence) -> Evidence:
    """Return what is *known*, with a protection if there were *problems* and there is none yet."""
    if not problems or known.protection is not None:
        return known
    unknown = _unknown(problems[0])
    return replace(known, protection=unknown.reason, facts=(*known.facts, unknown.detail))


def _unknown(problem: Problem) -> Protection:
    return Protection(
        Reason.UNREADABLE, f"not everything about it is known: {problem.why}", problem
    )


def _gather_one(
    candidate: Candidate,
    circumstances: Circumstances,
    cache: StatCache,
    directories: homes.Known,
) -> Sighting:
    path = candidate.path
    asked = Contained(path)
    names = tuple(path.split(os.sep))
    fitting = [
        rule
        for rule in circumstances.rules
        if asked.ask(ProblemCode.EXAMINE, False, rule.fits, names)  # noqa: FBT003 - it does not fit then
    ]
    project = os.path.dirname(path)
    none: tuple[str, ...] = ()
    repositories = asked.ask(ProblemCode.EXAMINE, none, cache.repositories, project)
    boundary = repositories[0] if repositories else candidate.root
    # What is mounted may be a disk that does not answer, or be mounted only by being looked at.
    enter = not candidate.mounted

    def examined(rule: Rule) -> Examination:
        return examine(rule, path, boundary, enter=enter, cache=cache)

    tried = (asked.ask(ProblemCode.EXAMINE, None, examined, rule) for rule in fitting)
    examinations = sorted((one for one in tried if one is not None), key=_rank)
    best = examinations[0] if examinations else None
    depth = len(best.rule.names) if best else 1
    project = os.sep.join(names[:-depth]) or os.sep
    unable: tuple[str | None, str | None] = (None, None)
    command = lock = None
    if not circumstances.again:
        command, lock = asked.ask(
            ProblemCode.EXAMINE, unable, _regeneration, best, path, project, boundary, cache
        )

    def protection() -> Protection | None:
        return _protection(
            candidate, examinations, circumstances, asked, cache, repositories, directories
        )

    def warnings() -> tuple[str, ...]:
        locked = best is not None and best.rule.locked
        return same_again.warnings(path, lock, locked=locked, cache=cache)

    def met() -> frozenset[str]:
        return circumstances.spared.met(path, enter=enter)

    kept = asked.ask(ProblemCode.EXAMINE, None, protection)
    return Sighting(
        candidate,
        tuple(examinations),
        kept,
        repositories,
        project,
        _word(candidate.name, circumstances),
        command,
        None if command is None else os.path.dirname(lock) if lock else project,
        asked.ask(ProblemCode.EXAMINE, none, warnings) if enter and not circumstances.again else (),
        # What is mounted is not asked.
        asked.ask(
            ProblemCode.EXAMINE,
            Whose(),
            whose,
            (project, path) if enter else (project,),
            directories,
        ),
        asked.ask(ProblemCode.EXAMINE, none, _remarks, path, repositories, cache),
        included=path in circumstances.included,
        met=asked.ask(ProblemCode.EXAMINE, frozenset(), met),
    ).with_problems(asked.problems)


def _word(name: str, circumstances: Circumstances) -> str | None:
    if name in circumstances.named:
        return "named with --targets"
    return "named with --also" if name in circumstances.also else None


def _rank(examination: Examination) -> tuple[int, bool, bool]:
    """Order rules by how much they say for a directory."""
    if examination.proven_on_disk:
        rank = 0
    elif examination.proven_if_ignored:
        rank = 1
    else:
        rank = 2 if any(trial.facts for trial in examination.trials) else 3
    return rank, examination.rule.names == ("*",), examination.rule.generic


def _protection(
    candidate: Candidate,
    examinations: Sequence[Examination],
    circumstances: Circumstances,
    asked: Contained,
    cache: StatCache,
    repositories: tuple[str, ...],
    directories: homes.Known,
) -> Protection | None:
    path = candidate.path
    if candidate.mounted:
        return Protection(Reason.MOUNT_POINT, "something is mounted on it")
    what = next((item.precious for item in examinations if item.precious is not None), None)
    precious = what and Protection(Reason.PRECIOUS, f"{what} inside cannot be made again")
    # Each on its own: where one of them fails, another may still say why it is kept.
    questions: tuple[Callable[[], Protection | None], ...] = (
        lambda: protections.mounted_in(path, circumstances.mounts),
        lambda: precious or None,
        lambda: protections.kept(path, circumstances.spared, cache),
        lambda: protections.current_directory(
            path, candidate.identity, circumstances.cwd, circumstances.around
        ),
        lambda: protections.installed(
            path,
            circumstances.home,
            in_repository=bool(repositories),
            known=directories,
            cache=cache,
        ),
    )
    answers = (asked.ask(ProblemCode.EXAMINE, None, question) for question in questions)
    return next((answer for answer in answers if answer is not None), None)


def _regeneration(
    best: Examination | None, artifact: str, project: str, boundary: str, cache: StatCache
) -> tuple[str | None, str | None]:
    """Return the command that brings the artifact back, and the lock file it goes by."""
    if best is None:
        return None, None
    entries = best.rule.regenerate

    def locked(directory: str) -> tuple[str, str] | None:
        return next(
            (
                (entry.command, os.path.join(directory, entry.lock))
                for entry in entries
                if entry.lock is not None and cache.proves(directory, entry.lock, artifact)
            ),
            None,
        )

    question = ("lock", entries, cache.owner(artifact))
    found = cache.nearest(question, project, boundary, locked)
    if found is not None:
        return found[1]
    return next((entry.command for entry in entries if entry.lock is None), None), None


def _remarks(path: str, repositories: Sequence[str], cache: StatCache) -> tuple[str, ...]:
    """Name whoever put a ``.git`` around what is somebody else's."""
    found = ((place, cache.by_whom(place, ".git", path)) for place in repositories)
    return tuple(f"{place} holds a .git{by_whom}" for place, by_whom in found if by_whom)


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
        return [
            _together(
                [answers[one, depth > 0] for depth, one in enumerate(s.repositories)]
                if self.has_git
                else ()
            )
            for s in sightings
        ]


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
    return git.Answer(frozenset().union(*(a.tracked for a in given)), given[0].ignored)


def weigh(
    sighting: Sighting,
    said: git.Answer | git.Refusal | None,
    *,
    has_git: bool,
    last_used: int = 0,
) -> Evidence:
    """Put what disk, git and user say together."""
    path = sighting.candidate.path
    protection = sighting.protection
    answer = said if isinstance(said, git.Answer) else None
    if protection is None and sighting.repository is not None:
        if isinstance(said, git.Refusal):
            protection = Protection(Reason.GIT_FAILED, said.why)
        elif said is None:
            protection = Protection(
                Reason.GIT_FAILED, f"git gave no answer in {sighting.repository}"
            )
        elif path in said.tracked:
            protection = Protection(Reason.TRACKED, "git tracks files inside")
    level, facts = _proof(sighting, answer, has_git=has_git)
    if sighting.word is not None:
        facts.append(sighting.word)
    elif sighting.included and level is Level.NAMED:
        facts.append("included with --include-unproven")
    if protection is not None:
        facts.append(protection.detail)
        if protection.reason in _BY_GIT:
            facts += sighting.remarks
    return Evidence(
        level,
        tuple(facts),
        protection.reason if protection else None,
        sighting.rule.id if sighting.rule else None,
        sighting.rule.ecosystem if sighting.rule else None,
        sighting.project,
        sighting.regenerate,
        sighting.regenerate_in,
        sighting.warnings,
        last_used,
    )


_BY_GIT: Final = frozenset({Reason.GIT_FAILED, Reason.TRACKED})
"""Reasons that there would not be without a repository."""


def _proof(
    sighting: Sighting, answer: git.Answer | None, *, has_git: bool
) -> tuple[Level, list[str]]:
    """Return the level and the facts, now that git has been asked."""
    best = sighting.best
    level = sighting.level
    if best is None:
        return level, []
    if best.proven_on_disk is not None:
        return Level.PROVEN, [fact for trial in best.trials if trial.holds for fact in trial.facts]
    hopeful = best.proven_if_ignored
    unproven = sighting.unproven
    if hopeful is None:
        facts = list(dict.fromkeys(fact for trial in best.trials for fact in trial.facts))
        if best.hindrance is not None:
            facts.append(f"but {best.hindrance} inside")
        return level, facts
    facts = list(hopeful.facts)
    if answer is not None and sighting.project in answer.ignored:
        # As where a home directory is a repository that ignores everything: it says nothing.
        return unproven, [*facts, "git ignores the whole project"]
    if answer is not None and sighting.candidate.path in answer.ignored:
        return Level.PROVEN, [*facts, "ignored by git"]
    if sighting.repository is None:
        facts.append("not in a git repository that could ignore it")
    elif answer is not None:
        facts.append("not ignored by git")
    elif not has_git:
        facts.append("git is not installed, so nobody can say whether it is ignored")
    return unproven, facts


def walk_beneath(evidence: Evidence) -> bool:
    """Whether projects may lie beneath: it is no artifact, or it belongs to a project's sources."""
    if evidence.protection is Reason.INSTALLED:
        return False
    return evidence.level in {Level.NONE, Level.UNPROVEN} or evidence.protection is Reason.TRACKED


def last_used(
    sightings: Sequence[Sighting],
    passed: frozenset[str],
    known: dict[str, int],
    cache: StatCache | None = None,
) -> tuple[list[int | Problem], dict[str, int]]:
    """Return for each sighting when its project was last used, seconds since the epoch.

    Or why that could not be found out. *passed* are paths of directories that are not gone into:
    artifacts, which are not source, and what is mounted. *known* is what is known of projects inside of
    these; what is known now of other projects is returned, too.
    """
    sources = ChainMap[str, int]({}, known)
    cache = cache or StatCache()
    answers: dict[str, int | Problem] = {}

    def ask(place: str, question: Callable[[], int]) -> int | Problem:
        if place not in answers:
            asked = Contained(place)
            time = asked.ask(ProblemCode.LAST_USE, 0, question)
            answers[place] = asked.problems[0] if asked.problems else time
        return answers[place]

    for project in sorted({s.project for s in sightings}, key=len, reverse=True):
        ask(project, partial(history.newest_source, project, passed.__contains__, sources))
    times: list[int | Problem] = []
    for sighting in sightings:
        found = [answers[sighting.project]]
        if (at := sighting.repository) is not None:
            git_activity = partial(history.last_git_activity, at, cache)
            found.append(ask(os.path.join(at, ".git"), git_activity))
        wrong = next((one for one in found if isinstance(one, Problem)), None)
        if wrong is not None:
            times.append(replace(wrong, path=sighting.candidate.path))
        else:
            times.append(max(one for one in found if isinstance(one, int)))
    return times, dict(sources.maps[0])


@dataclass(frozen=True, slots=True)
class Uses:
    """What the processes keep."""

    protections: tuple[Protection | None, ...]
    """For each sighting in turn."""
    unseen: int | None
    """Processes that could not be looked at; None if nobody can say how many, 0 if none was to be."""


async def in_use(
    sightings: Sequence[Sighting],
    evidence: Sequence[Evidence],
    scheduler: Scheduler,
    *,
    assume_unused: bool = False,
) -> Uses:
    """Ask where processes are at work, if anything that may be deleted depends on it.

    Where nobody can say, all is in use, unless the user said to *assume* it *unused*.
    """
    open_ = [item.protection is None and item.level in _DELETABLE for item in evidence]
    if not any(open_):
        return Uses((None,) * len(sightings), 0)
    ask = partial(protections.running_processes, os.getpid(), assume_unused=assume_unused)
    try:
        processes: Processes = await scheduler.call(ask)
    except Stopped:
        raise
    except Exception:  # noqa: BLE001 - whatever it is, nobody knows
        nobody = Protection(
            Reason.IN_USE,
            f"nobody can say whether a process is at work in it; {protections.OVERRIDE}",
        )
        kept = not assume_unused
        return Uses(tuple(nobody if asked and kept else None for asked in open_), None)

    def at_work(sighting: Sighting) -> Protection | None:
        asked = Contained(sighting.candidate.path)
        found = asked.ask(
            ProblemCode.IN_USE,
            None,
            processes.at_work_in,
            sighting.project,
            sighting.candidate.path,
            sighting.whose,
        )
        return _unknown(asked.problems[0]) if asked.problems else found

    return Uses(
        tuple(
            at_work(sighting) if asked else None
            for sighting, asked in zip(sightings, open_, strict=True)
        ),
        processes.unseen,
    )


_DELETABLE: Final = frozenset({Level.PROVEN, Level.NAMED})
