"""Candidates to evidence: what on disk and in git speaks for each, and what protects it."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cleanup_nodemodule import drift, git, history, protections
from cleanup_nodemodule.model import Candidate, Evidence, Identity, Level, Reason
from cleanup_nodemodule.proofs import Examination, ancestors, examine, exists
from cleanup_nodemodule.protections import NOTHING_SPARED, Processes, Protection, Spared
from cleanup_nodemodule.rules import Rule
from cleanup_nodemodule.scheduler import Scheduler, Unanswered

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
        if best is not None and (best.proven_on_disk or best.proven_if_ignored):
            return Level.PROVEN
        if self.named:
            return Level.NAMED
        if best is None or best.hindrance is not None or self.rule is None:
            return Level.NONE
        return self.unproven

    @property
    def unproven(self) -> Level:
        """How good the evidence is where nothing but a proof is missing."""
        return Level.NAMED if self.named or self.included else Level.UNPROVEN


def look(candidates: Sequence[Candidate], circumstances: Circumstances) -> list[Sighting]:
    """Look at the disk for every rule that fits each candidate's name, and for what protects it."""
    known: dict[str, tuple[str, ...]] = {}
    sightings: list[Sighting] = []
    for candidate in candidates:
        path = candidate.path
        names = tuple(path.split(os.sep))
        fitting = [rule for rule in circumstances.rules if rule.fits(names)]
        repositories = _repositories(os.path.dirname(path), known)
        boundary = repositories[0] if repositories else candidate.root
        # What is mounted may be a disk that does not answer, or be mounted only by being looked at.
        enter = not candidate.mounted
        examinations = sorted(
            (examine(rule, path, boundary, enter=enter) for rule in fitting), key=_rank
        )
        best = examinations[0] if examinations else None
        depth = len(best.rule.names) if best else 1
        project = os.sep.join(names[:-depth]) or os.sep
        command, lock = _regeneration(best, project, boundary)
        sightings.append(
            Sighting(
                candidate,
                tuple(examinations),
                _protection(
                    candidate, examinations, circumstances, in_repository=bool(repositories)
                ),
                repositories,
                project,
                _word(candidate.name, circumstances),
                command,
                None if command is None else os.path.dirname(lock) if lock else project,
                drift.warnings(path, lock, locked=best is not None and best.rule.locked)
                if enter
                else (),
                path in circumstances.included,
                circumstances.spared.met(path, enter=enter),
            )
        )
    return sightings


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
    *,
    in_repository: bool,
) -> Protection | None:
    path = candidate.path
    if candidate.mounted:
        return Protection(Reason.MOUNT_POINT, "something is mounted on it")
    if mount := protections.mounted_in(path, circumstances.mounts):
        return mount
    precious = next((item.precious for item in examinations if item.precious is not None), None)
    if precious is not None:
        return Protection(Reason.PRECIOUS, f"{precious} inside cannot be made again")
    return (
        protections.kept(path, circumstances.spared)
        or protections.current_directory(
            path, candidate.identity, circumstances.cwd, circumstances.around
        )
        or protections.installed(path, circumstances.home, in_repository=in_repository)
    )


def _regeneration(
    best: Examination | None, project: str, boundary: str
) -> tuple[str | None, str | None]:
    """Return the command that brings the artifact back, and the lock file it goes by."""
    if best is None:
        return None, None
    for directory in ancestors(project, boundary):
        for entry in best.rule.regenerate:
            if entry.lock is not None and exists(directory, entry.lock):
                return entry.command, os.path.join(directory, entry.lock)
    return next((entry.command for entry in best.rule.regenerate if entry.lock is None), None), None


def _repositories(directory: str, known: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the directories, from *directory* upwards, that hold a ``.git``.

    It is a file in worktrees and submodules (gitrepository-layout(5)).
    """
    if directory not in known:
        above = os.path.dirname(directory)
        outer = () if above == directory else _repositories(above, known)
        here = _may_exist(os.path.join(directory, ".git"))
        known[directory] = (directory, *outer) if here else outer
    return known[directory]


def _may_exist(path: str) -> bool:
    """Whether something is there, or may be: only a clear no is a no."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


class Witnesses:
    """Asks git about what was sighted, each repository once in a round, several at a time."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._limit = asyncio.Semaphore(_REPOSITORIES_AT_ONCE)
        self.has_git = git.installed()

    async def ask(self, sightings: Sequence[Sighting]) -> list["git.Answer | None"]:
        """Return git's answer for each sighting; None where there is none."""
        questions: dict[tuple[str, bool], list[str]] = {}
        for sighting in sightings:
            for depth, repository in enumerate(sighting.repositories if self.has_git else ()):
                paths = questions.setdefault((repository, depth > 0), [])
                paths.append(sighting.candidate.path)
                if sighting.project != repository and not depth:
                    paths.append(sighting.project)

        async def ask(repository: str, outer: bool, paths: list[str]) -> git.Answer | None:  # noqa: FBT001 - comes out of the key of a question
            question = git.ask_outer if outer else git.ask
            async with self._limit:
                return await self._scheduler.unless_stopped(question(repository, paths))

        given = await asyncio.gather(*(ask(*key, paths) for key, paths in questions.items()))
        answers = dict(zip(questions, given, strict=True))
        return [
            _together([answers.get((one, depth > 0)) for depth, one in enumerate(s.repositories)])
            for s in sightings
        ]


def _together(answers: Sequence[git.Answer | None]) -> git.Answer | None:
    """Put the answers of nested repositories together, the innermost first.

    Any of them may track a file, and one that gives no answer may be that one. What is ignored is
    for the innermost to say.
    """
    if not answers or None in answers:
        return None
    given = [answer for answer in answers if answer is not None]
    return git.Answer(frozenset().union(*(a.tracked for a in given)), given[0].ignored)


def weigh(
    sighting: Sighting, answer: git.Answer | None, *, has_git: bool, last_used: int = 0
) -> Evidence:
    """Put what disk, git and user say together."""
    path = sighting.candidate.path
    protection = sighting.protection
    if protection is None and sighting.repository is not None:
        if answer is None:
            protection = Protection(
                Reason.GIT_FAILED, f"git gave no answer in {sighting.repository}"
            )
        elif path in answer.tracked:
            protection = Protection(Reason.TRACKED, "git tracks files inside")
    level, facts = _proof(sighting, answer, has_git=has_git)
    if sighting.word is not None:
        facts.append(sighting.word)
    elif sighting.included and level is Level.NAMED:
        facts.append("included with --include-unproven")
    if protection is not None:
        facts.append(protection.detail)
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
    sightings: Sequence[Sighting], passed: frozenset[str], known: Mapping[str, int]
) -> tuple[list[int], dict[str, int]]:
    """Return for each sighting when its project was last used, seconds since the epoch.

    *passed* are paths of directories that are not gone into: artifacts, which are not source, and what
    is mounted. *known* is what is known of projects inside of these, and is returned with more.
    """
    sources = dict(known)
    repositories: dict[str, int] = {}
    for project in sorted({s.project for s in sightings}, key=len, reverse=True):
        history.newest_source(project, passed.__contains__, sources)
    times: list[int] = []
    for sighting in sightings:
        newest = sources[sighting.project]
        if sighting.repository is not None:
            if sighting.repository not in repositories:
                repositories[sighting.repository] = history.last_git_activity(sighting.repository)
            newest = max(newest, repositories[sighting.repository])
        times.append(newest)
    return times, sources


async def in_use(
    sightings: Sequence[Sighting], evidence: Sequence[Evidence], scheduler: Scheduler
) -> list[Protection | None]:
    """Ask where processes are at work, if anything that may be deleted depends on it."""
    open_ = [item.protection is None and item.level in _DELETABLE for item in evidence]
    if not any(open_):
        return [None] * len(sightings)
    try:
        processes: Processes = await scheduler.call(protections.look_at_processes, os.getpid())
    except (Unanswered, OSError):
        nobody = Protection(Reason.IN_USE, "nobody can say whether a process is at work in it")
        return [nobody if asked else None for asked in open_]
    return [
        processes.at_work_in(sighting.project, sighting.candidate.path) if asked else None
        for sighting, asked in zip(sightings, open_, strict=True)
    ]


_DELETABLE: Final = frozenset({Level.PROVEN, Level.NAMED})
