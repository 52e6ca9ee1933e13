"""The second proof: what protects an artifact is asked once more, right before it is deleted.

Minutes may lie between the plan and an artifact's own turn, of the question to the user and of the
deletion of others. Most of the answer are some ``lstat(2)`` of the artifact and of what lies around it. What
is dear is asked once for many, and again when it may have changed:

* git, when a file has changed that its answer depends on;
* the mount table and the processes before each artifact and behind its rename, as long as that takes no
  more than a second in all and a tenth of the run's time. Beyond that a look serves for several
  artifacts, unless the kernel says that something was mounted (proc_pid_mounts(5)). Processes that have
  started since, or gone to another directory, are looked at each time.
"""

import asyncio
import bisect
import os
import stat
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, TypeAlias, TypeVar

from cleanup_nodemodule.config.settings import Settings
from cleanup_nodemodule.delete.freshness import Budget, MountTable, Recent
from cleanup_nodemodule.model import Artifact, Candidate, Identity, Keep, Level, Problem, Reason
from cleanup_nodemodule.model.quantities import spoken
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.proof import evidence, git, protections, weigh, witnesses
from cleanup_nodemodule.proof.in_use import Processes, Whose
from cleanup_nodemodule.proof.installed import Protection
from cleanup_nodemodule.proof.last_used import last_change
from cleanup_nodemodule.proof.sighting import NO_TREES, Circumstances, Sighting, WorkingTrees
from cleanup_nodemodule.proof.stat_cache import ancestors
from cleanup_nodemodule.proof.version_control.ask import depends
from cleanup_nodemodule.proof.witnesses import Witnesses
from cleanup_nodemodule.survey.clones import lost_with
from cleanup_nodemodule.survey.decide import decide
from cleanup_nodemodule.survey.prepare import prepare_again
from cleanup_nodemodule.system.mounts import mount_points, mounted
from cleanup_nodemodule.work.containment import passes, problem_of
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.silence import Unanswered

_T = TypeVar("_T")


class Again:
    """A :class:`~cleanup_nodemodule.delete.turn.SecondProof` of the artifacts that were approved."""

    def __init__(
        self,
        circumstances: Circumstances,
        scheduler: Scheduler,
        artifacts: Sequence[Artifact],
        *,
        include_foreign: bool,
        assume_unused: bool = False,
        older_than: int | None = None,
    ) -> None:
        self._older_than: Final = older_than
        self._circumstances = circumstances._replace(again=True)
        self._scheduler: Final = scheduler
        self._include_foreign: Final = include_foreign
        self._assume_unused: Final = assume_unused
        self._whose: Final[dict[str, Whose]] = {}
        """Of the artifacts whose turn it is, by path."""
        self._holders: Final = _holders(artifact.path for artifact in artifacts)
        self._repositories: Final = _Repositories(scheduler, artifacts)
        self._table: Final = MountTable()
        budget = Budget()
        self._mounts: Final = Recent(self._ask_mounts, budget, self._table.has_changed)
        self._processes: Final = Recent(self._ask_processes, budget, lambda: False)

    def close(self) -> None:
        """Let go of the mount table."""
        self._table.close()

    async def before(self, artifact: Artifact) -> Problem | None:
        """Return why the artifact is not to be deleted any more, if so. Raises Stopped and Unanswered."""
        return await _contained(artifact, self._before(artifact))

    async def behind(self, artifact: Artifact, place: str) -> Problem | None:
        """Return why the artifact is to be put back, if so: what came right before its rename.

        Raises as :meth:`before` does.
        """
        return await _contained(artifact, self._behind(artifact, place))

    async def _before(self, artifact: Artifact) -> Problem | None:
        mounts, around = await self._mounts.get()
        circumstances = self._circumstances._replace(mounts=mounts, around=around)
        path = artifact.path
        candidate = replace(artifact.candidate, mounted=path in mounts)
        sighting, seen = await self._scheduler.call(_gather, candidate, circumstances)
        answer = await self._repositories.ask(artifact, sighting, seen)
        known = weigh.weigh(sighting, answer, has_git=self._repositories.has_git)
        if known.level in _UNLIKELY and path in self._holders:
            # What proved it may have been an artifact inside, whose turn has come before.
            known = replace(known, level=artifact.evidence.level)
        decision = decide(known, artifact.contents, include_foreign=self._include_foreign)
        if isinstance(decision, Keep):
            since = [fact for fact in known.facts if fact not in artifact.evidence.facts]
            return _problem(path, decision.reason, "; ".join(since) or None)
        if (lost := await self._lost_clones(artifact)) is not None:
            return _problem(path, Reason.REPOSITORY_INSIDE, lost)
        if self._older_than is not None:
            used = await self._scheduler.call(last_change, sighting.project, sighting.repository)
            ago = int(time.time()) - used
            if used > artifact.evidence.last_used and ago < self._older_than:
                message = f"its project was used {spoken(max(ago, 0))} ago"
                return _problem(path, Reason.TOO_RECENT, message)
        self._whose[path] = sighting.whose
        return await self._in_use(artifact, path, sighting.whose)

    async def _lost_clones(self, artifact: Artifact) -> str | None:
        """Return what would be lost with the clones in an artifact, None if nothing would."""
        found = artifact.contents.clones
        if not found:
            return None
        kinds = await self._scheduler.call(mounted)
        return await lost_with(found, artifact.path, kinds, self._scheduler)

    async def _behind(self, artifact: Artifact, place: str) -> Problem | None:
        path = artifact.path
        mounts, _ = await self._mounts.get()
        if place in mounts or protections.mounted_in(place, mounts) is not None:
            return _problem(path, Reason.MOUNT_POINT, "something is mounted there")
        trees = self._repositories.around(path)
        kept, seen = await self._scheduler.call(_gather_behind, path, place, trees)
        if kept is not None:
            return _problem(path, kept.reason, kept.detail)
        if any(trees) and await self._repositories.tracks_by_now(artifact, seen):
            return _problem(path, Reason.TRACKED, "version control tracks files in it")
        return await self._in_use(artifact, place, self._whose.pop(path, None))

    async def _in_use(self, artifact: Artifact, place: str, whose: Whose | None) -> Problem | None:
        project = artifact.evidence.project
        called = asyncio.get_running_loop().time()
        try:
            processes = await self._processes.get()
            found = processes.at_work_in(project, place, whose)
            if found is None and processes.known and not self._processes.is_since(called):
                processes, _ = await self._ask_processes(processes.known)
                found = processes.at_work_in(project, place, whose)
        except (Unanswered, OSError):
            if self._assume_unused:
                return None
            message = "nobody can say whether a process is at work in it"
            return _problem(artifact.path, Reason.IN_USE, message)
        return None if found is None else _problem(artifact.path, found.reason, found.detail)

    async def _ask_mounts(self) -> tuple[tuple[tuple[str, ...], frozenset[Identity]], float]:
        self._table.watch()
        return await self._timed(_surroundings, self._circumstances.cwd)

    async def _ask_processes(
        self, known: Mapping[int, str] | None = None
    ) -> tuple[Processes, float]:
        ask = partial(protections.running_processes, assume_unused=self._assume_unused, known=known)
        return await self._timed(ask, os.getpid())

    async def _timed(self, function: Callable[..., _T], *args: object) -> tuple[_T, float]:
        """Return what a function does, and how many seconds it took."""
        seconds: list[float] = []
        result = await self._scheduler.call(function, *args, took=seconds.append)
        return result, seconds[0]


async def prepared(
    settings: Settings, scheduler: Scheduler, artifacts: Sequence[Artifact]
) -> Again:
    """Return what proves *artifacts* again, each when its turn comes, by the *settings* of their plan.

    Raises SettingsError where what these name has changed since.
    """
    return Again(
        await prepare_again(settings, scheduler, artifacts),
        scheduler,
        artifacts,
        include_foreign=settings.include_foreign,
        assume_unused=settings.assume_unused,
        older_than=settings.filters.older_than,
    )


async def _contained(
    artifact: Artifact, ask: Coroutine[None, None, Problem | None]
) -> Problem | None:
    """Return what a look finds; whatever goes wrong with it keeps the artifact, and ends nothing else."""
    try:
        return await ask
    except Exception as error:
        if passes(error) or isinstance(error, MemoryError):
            raise
        return problem_of(error, artifact.path, ProblemCode.LOOK_AGAIN)


_UNLIKELY: Final = frozenset({Level.UNPROVEN, Level.NONE})


def _problem(path: str, reason: Reason, message: str | None = None) -> Problem:
    return Problem(path, ProblemCode.PROTECTED, message=message, detail=reason.value)


def _surroundings(cwd: str | None) -> tuple[tuple[str, ...], frozenset[Identity]]:
    return mount_points(), protections.directories_around(cwd)


def _holders(paths: Iterable[str]) -> frozenset[str]:
    """Return those of *paths* that others lie in."""
    ordered = sorted(paths, key=lambda path: os.path.join(path, ""))
    holders: set[str] = set()
    around: list[str] = []
    for path in ordered:
        while around and not path.startswith(os.path.join(around[-1], "")):
            around.pop()
        holders.update(around[-1:])
        around.append(path)
    return frozenset(holders)


_Print: TypeAlias = tuple[object, ...]
"""What tells whether the files are the same that git's answer about an artifact depends on."""


@dataclass(slots=True)
class _Group:
    """Artifacts that lie in the same working trees."""

    waiting: dict[str, Artifact] = field(default_factory=dict)
    """Those whose turn has not come, by path."""
    answers: dict[str, git.Answer | git.Refusal | None] = field(default_factory=dict)
    prints: dict[str, _Print] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class _Repositories:
    """Asks version control, each repository about all its artifacts at once, and again when one has changed."""

    def __init__(self, scheduler: Scheduler, artifacts: Sequence[Artifact]) -> None:
        self._scheduler: Final = scheduler
        self._witnesses: Final = Witnesses(scheduler)
        self._artifacts: Final = sorted(artifacts, key=lambda artifact: artifact.path)
        self._paths: Final = [artifact.path for artifact in self._artifacts]
        self._groups: dict[WorkingTrees, _Group] = {}
        self._sightings: dict[str, Sighting] = {}
        self._lock: Final = asyncio.Lock()

    @property
    def has_git(self) -> bool:
        return self._witnesses.has_git

    async def ask(
        self, artifact: Artifact, sighting: Sighting, seen: _Print | None
    ) -> git.Answer | git.Refusal | None:
        """Return the answer for an artifact whose files were *seen* a moment ago."""
        trees = sighting.working_trees
        if not any(trees) or (trees.repositories and not self.has_git):
            return None
        path = artifact.path
        self._sightings[path] = sighting
        group = await self._group(trees)
        async with group.lock:
            if seen is None or group.prints.get(path) != seen:
                members = {**group.waiting, path: artifact}
                prints = await self._scheduler.call(_prints, trees, tuple(members))
                answers = await self._witnesses.ask(
                    [
                        sighting._replace(candidate=one.candidate, project=one.evidence.project)
                        for one in members.values()
                    ]
                )
                # Of before the question: what has changed since then is asked for once more.
                group.prints = dict(prints)
                group.answers = dict(zip(members, answers, strict=True))
            group.waiting.pop(path, None)
            return group.answers[path]

    def around(self, path: str) -> WorkingTrees:
        """Return the working trees of an artifact that was asked about."""
        return self._sightings[path].working_trees if path in self._sightings else NO_TREES

    async def tracks_by_now(self, artifact: Artifact, seen: _Print | None) -> bool:
        """Whether something in an artifact is tracked, or there is no answer, since it was asked.

        Its files were *seen* a moment ago.
        """
        sighting = self._sightings.pop(artifact.path)
        group = self._groups[sighting.working_trees]
        if seen is not None and seen == group.prints.get(artifact.path):
            return False
        [answer] = await self._witnesses.ask([sighting])
        return not isinstance(answer, git.Answer) or artifact.path in answer.tracked

    async def _group(self, trees: WorkingTrees) -> _Group:
        async with self._lock:
            if trees not in self._groups:
                beneath = os.path.join(trees.innermost, "")
                first = bisect.bisect_left(self._paths, beneath)
                last = bisect.bisect_left(self._paths, beneath + chr(0x10FFFF))
                around = await self._scheduler.call(
                    witnesses.working_trees, tuple(self._paths[first:last])
                )
                group = _Group()
                group.waiting.update(
                    (one.path, one)
                    for one, others in zip(self._artifacts[first:last], around, strict=True)
                    if others == trees
                )
                self._groups[trees] = group
            return self._groups[trees]


def _gather(candidate: Candidate, circumstances: Circumstances) -> tuple[Sighting, _Print | None]:
    """Look at one candidate, and at what git's answer depends on."""
    [sighting] = evidence.gather([candidate], circumstances)
    trees = sighting.working_trees
    seen = _prints(trees, (candidate.path,)) if any(trees) else {}
    return sighting, seen.get(candidate.path)


def _gather_behind(
    path: str, place: str, trees: WorkingTrees
) -> tuple[Protection | None, _Print | None]:
    """Return which file keeps what is at *place*, if any, and what the answer about *path* depends on."""
    kept = protections.kept(path, place=place)
    return kept, _prints(trees, (path,)).get(path) if any(trees) else None


def _prints(trees: WorkingTrees, paths: Sequence[str]) -> Mapping[str, _Print]:
    """Return what the answer depends on, for each path; nothing where that cannot be told.

    For git that is the index, which a commit and ``git add`` replace, and what says what is ignored. Where ``.git`` is
    a file, as in a worktree, that is elsewhere, and a path that was read is not followed.
    """
    ours: list[object] = []
    for top, mark in trees.working_copies:
        ours += (_facts(path) for path in depends(top, mark))
    repositories = trees.repositories
    for repository in repositories:
        directory = os.path.join(repository, ".git")
        facts = _facts(directory)
        if not isinstance(facts, tuple) or not facts[0]:
            return {}
        # The directory itself changes with every lock that is taken in it.
        ours += (_facts(os.path.join(directory, name)) for name in _ASKED)
    known: dict[str, object] = {}
    prints: dict[str, _Print] = {}
    for path in paths:
        around = os.path.dirname(path)
        directories = list(ancestors(around, repositories[0])) if repositories else []
        for directory in directories:
            if directory not in known:
                known[directory] = _facts(os.path.join(directory, ".gitignore"))
        prints[path] = (*ours, *(known[directory] for directory in directories))
    return prints


_ASKED: Final = ("index", "HEAD", "config", os.path.join("info", "exclude"))
"""What git's answer depends on (gitrepository-layout(5), gitignore(5))."""


def _facts(path: str) -> object:
    """Return what changes with a file: whether it is a directory, and more; an error number for an error."""
    try:
        found = os.lstat(path)
    except OSError as error:
        return error.errno
    return (
        stat.S_ISDIR(found.st_mode),
        *(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns),
    )
