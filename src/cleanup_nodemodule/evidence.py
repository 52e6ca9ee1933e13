"""Candidates to evidence: what on disk and in git speaks for each, and what protects it."""

import asyncio
import fnmatch
import json
import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from cleanup_nodemodule import git
from cleanup_nodemodule.model import Candidate, Evidence, Level, Reason
from cleanup_nodemodule.rules import Rule
from cleanup_nodemodule.scheduler import Scheduler

_AT_ONCE: Final = 64
"""Candidates a worker examines in one call."""

_REPOSITORIES_AT_ONCE: Final = 4
"""Git processes at a time; they are short and wait for the disk more than they compute."""

_INSTALLATIONS: Final = frozenset(
    {
        *("node_modules", "site-packages", "dist-packages"),
        *(".next", ".output", ".vercel", ".netlify", ".serverless", ".aws-sam"),
    }
)
"""Directories of installed packages, and of what is deployed. A ``dist`` in a package is the package,
not something built here; a ``node_modules`` with a ``package.json`` beside it in ``.next/standalone``
(Next.js) or ``.output/server`` (Nuxt) is the server that runs."""

_LARGEST_MANIFEST: Final = 4 * 1024 * 1024
"""Bytes of a ``package.json`` that are read at most."""


@dataclass(frozen=True, slots=True)
class _Sighting:
    """What the disk says about a candidate; git is asked afterwards."""

    rule: Rule | None
    facts: tuple[str, ...]
    repository: str | None
    regenerate: str | None


async def prove(
    candidates: Sequence[Candidate],
    rules: tuple[Rule, ...],
    named: frozenset[str],
    scheduler: Scheduler,
) -> list[Evidence]:
    """Return the evidence for each candidate, in the same order.

    *named* are the names the user gave on the command line. Raises Stopped when the scheduler is
    told to stop.
    """
    slices = [candidates[start : start + _AT_ONCE] for start in range(0, len(candidates), _AT_ONCE)]
    answers = await asyncio.gather(*(scheduler.call(_look, part, rules) for part in slices))
    sightings = [sighting for part in answers for sighting in part]
    has_git, answered = await _ask_git(candidates, sightings, scheduler)
    return [
        _weigh(
            candidate,
            sighting,
            answered.get(sighting.repository) if sighting.repository else None,
            has_git=has_git,
            named=candidate.name in named,
        )
        for candidate, sighting in zip(candidates, sightings, strict=True)
    ]


def _weigh(
    candidate: Candidate,
    sighting: _Sighting,
    answer: git.Answer | None,
    *,
    has_git: bool,
    named: bool,
) -> Evidence:
    """Put what disk, git and user say together."""
    rule, facts = sighting.rule, list(sighting.facts)
    proven = bool(facts)
    protection = None
    if _is_installed(candidate.path):
        protection = Reason.INSTALLED
    elif answer is not None and candidate.path in answer.tracked:
        protection = Reason.TRACKED
    elif sighting.repository is not None and answer is None:
        protection = Reason.GIT_FAILED
    if rule is not None and rule.git_ignored and proven:
        proven = answer is not None and candidate.path in answer.ignored
        if proven:
            facts.append("ignored by git")
        elif sighting.repository is None:
            facts.append("not in a git repository that could ignore it")
        elif answer is not None:
            facts.append("not ignored by git")
        elif not has_git:
            facts.append("git is not installed, so nobody can say whether it is ignored")
    level = Level.PROVEN if proven else Level.NAMED if named else Level.UNPROVEN
    if named:
        facts.append("named with --targets")
    return Evidence(
        level,
        tuple(facts),
        protection,
        rule.id if rule else None,
        rule.ecosystem if rule else None,
        os.path.dirname(candidate.path),
        sighting.regenerate,
    )


async def _ask_git(
    candidates: Sequence[Candidate], sightings: Sequence[_Sighting], scheduler: Scheduler
) -> tuple[bool, dict[str, git.Answer | None]]:
    """Ask git about all candidates of a repository at once, several repositories at a time."""
    repositories: dict[str, list[str]] = {}
    for candidate, sighting in zip(candidates, sightings, strict=True):
        if sighting.repository is not None:
            repositories.setdefault(sighting.repository, []).append(candidate.path)
    if not repositories or not git.installed():
        return False, {}
    limit = asyncio.Semaphore(_REPOSITORIES_AT_ONCE)

    async def ask(repository: str, paths: list[str]) -> git.Answer | None:
        async with limit:
            return await scheduler.unless_stopped(git.ask(repository, paths))

    answers = await asyncio.gather(*(ask(*item) for item in repositories.items()))
    return True, dict(zip(repositories, answers, strict=True))


def _look(candidates: Sequence[Candidate], rules: tuple[Rule, ...]) -> list[_Sighting]:
    """Look for the markers of each candidate's rule, and for the repository around it."""
    by_name = {rule.directory: rule for rule in rules}
    repositories: dict[str, str | None] = {}
    return [
        _sight(candidate, by_name.get(candidate.name), repositories) for candidate in candidates
    ]


def _sight(
    candidate: Candidate, rule: Rule | None, repositories: dict[str, str | None]
) -> _Sighting:
    project = os.path.dirname(candidate.path)
    repository = _repository(project, repositories)
    if rule is None:
        return _Sighting(None, (), repository, None)
    facts: list[str] = []
    if marker := _first_marker(candidate.path, rule.inside):
        facts.append(f"{marker} inside")
    if marker := _first_marker(project, rule.beside):
        facts.append(f"{marker} beside it")
    if package := _first_dependency(project, rule.depends):
        facts.append(f"package.json beside it depends on {package}")
    if not facts and rule.above:
        for directory in _ancestors(project, repository or candidate.root):
            if marker := _first_marker(directory, rule.above):
                facts.append(f"{marker} above it")
                break
    regenerate = next(
        (
            entry.command
            for entry in rule.regenerate
            if entry.lock is None or _exists(project, entry.lock)
        ),
        None,
    )
    return _Sighting(rule, tuple(facts), repository, regenerate)


def _first_marker(directory: str, markers: Iterable[str]) -> str | None:
    """Return the first of *markers* that is there: a regular file, or a directory (``name/``)."""
    for marker in markers:
        if "*" not in marker:
            if _exists(directory, marker):
                return marker
            continue
        try:
            names = sorted(os.listdir(directory))
        except OSError:
            continue
        for name in fnmatch.filter(names, marker):
            if _exists(directory, name):
                return name
    return None


def _exists(directory: str, marker: str) -> bool:
    """Whether the marker is really there: what a symlink of that name leads to proves nothing."""
    try:
        mode = os.lstat(os.path.join(directory, marker.rstrip("/"))).st_mode
    except OSError:
        return False
    return stat.S_ISDIR(mode) if marker.endswith("/") else stat.S_ISREG(mode)


def _first_dependency(project: str, packages: Iterable[str]) -> str | None:
    """Return the first of *packages* that the project's ``package.json`` depends on."""
    wanted = tuple(packages)
    if not wanted or not _exists(project, "package.json"):
        return None
    try:
        with open(os.path.join(project, "package.json"), "rb", opener=_open_waiting_never) as file:
            manifest = json.loads(file.read(_LARGEST_MANIFEST))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(manifest, dict):
        return None
    for kind in ("dependencies", "devDependencies"):
        dependencies = manifest.get(kind)
        for package in wanted:
            if isinstance(dependencies, dict) and package in dependencies:
                return package
    return None


def _open_waiting_never(path: str, flags: int) -> int:
    """Open for ``open()`` without blocking, should the file have been swapped for a FIFO."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))


def _repository(directory: str, known: dict[str, str | None]) -> str | None:
    """Return the nearest directory, from *directory* upwards, that holds a ``.git``.

    It is a file in worktrees and submodules (gitrepository-layout(5)).
    """
    passed: list[str] = []
    found: str | None = None
    for ancestor in _ancestors(directory, None):
        if ancestor in known:
            found = known[ancestor]
            break
        passed.append(ancestor)
        if os.path.lexists(os.path.join(ancestor, ".git")):
            found = ancestor
            break
    known.update(dict.fromkeys(passed, found))
    return found


def _ancestors(directory: str, last: str | None) -> Iterable[str]:
    """Give *directory* and those above it, up to *last* or to the top."""
    while True:
        yield directory
        above = os.path.dirname(directory)
        if directory in {last, above}:
            return
        directory = above


def _is_installed(path: str) -> bool:
    """Whether *path* lies beneath a directory of installed packages."""
    names = os.path.dirname(path).split(os.sep)
    return not _INSTALLATIONS.isdisjoint(names)
