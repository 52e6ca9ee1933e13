"""Times two stages of the pipeline against each other: gathering evidence, and sizing.

On 1,000 candidates in 200 git repositories, filled with copies of real packages, so that proving
what something is should cost less than finding out how large it is.
"""

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from cleanup_nodemodule import engine
from cleanup_nodemodule.model import Candidate, Identity, Level
from cleanup_nodemodule.proof import evidence, use, weigh
from cleanup_nodemodule.proof import sighting as proof_sighting
from cleanup_nodemodule.proof import witnesses as proof_witnesses
from cleanup_nodemodule.proof.rules import of_profiles
from cleanup_nodemodule.survey import measure
from cleanup_nodemodule.survey.ledger import Ledger
from cleanup_nodemodule.work.scheduler import Scheduler

REPOSITORIES: Final = 200
ENTRIES: Final = 500
"""Entries of each artifact, at least."""

_ARTIFACTS: Final = (
    "node_modules",
    "packages/app/node_modules",
    "packages/app/.next",
    "packages/lib/node_modules",
    "packages/lib/dist",
)
"""In every repository."""


@dataclass(frozen=True, slots=True)
class Phases:
    """Seconds that each stage took, round by round, on the same candidates."""

    candidates: int
    entries: int
    proving: tuple[float, ...]
    sizing: tuple[float, ...]

    @property
    def ratios(self) -> tuple[float, ...]:
        """Time of proving by time of sizing."""
        return tuple(
            proving / sizing for proving, sizing in zip(self.proving, self.sizing, strict=True)
        )


def build(source: str, directory: str) -> str:
    """Build the repositories in *directory*, once, of packages in *source*; return the directory."""
    done = os.path.join(directory, "complete")
    if os.path.exists(done):
        return directory
    shutil.rmtree(directory, ignore_errors=True)
    packages = _packages(source)
    for number in range(REPOSITORIES):
        repository = os.path.join(directory, f"project-{number:03}")
        for place, artifact in enumerate(_ARTIFACTS):
            package = packages[(number * len(_ARTIFACTS) + place) % len(packages)]
            shutil.copytree(package, os.path.join(repository, artifact, "package"), symlinks=True)
            project = os.path.dirname(os.path.join(repository, artifact))
            _write(os.path.join(project, "package.json"), '{"dependencies": {"next": "16"}}')
            _write(os.path.join(project, "src", "index.js"), "export default 1\n")
        _write(os.path.join(repository, "package-lock.json"), '{"packages": {}}')
        _write(os.path.join(repository, ".gitignore"), "node_modules\ndist\n.next\n")
        for command in (("init", "-q"), ("add", "."), ("commit", "-qm", "all")):
            identity = ("-c", "user.name=bench", "-c", "user.email=bench@example.org")
            subprocess.run(("git", "-C", repository, *identity, *command), check=True)
    _write(done, "")
    return directory


def _packages(source: str) -> list[str]:
    """Return installed packages of some size."""
    found: list[str] = []
    for project in sorted(os.listdir(source)):
        modules = os.path.join(source, project, "node_modules")
        if not os.path.isdir(modules):
            continue
        for name in sorted(os.listdir(modules)):
            package = os.path.join(modules, name)
            size = sum(len(names) + len(files) for _, names, files in os.walk(package))
            if ENTRIES <= size <= 2 * ENTRIES:
                found.append(package)
    return found


def _write(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def race(directory: str, rounds: int) -> Phases:
    """Have the two stages take turns; the first round warms the cache and is not timed."""
    return asyncio.run(_race(directory, rounds))


async def _race(directory: str, rounds: int) -> Phases:
    candidates = _candidates(directory)
    proving: list[float] = []
    measuring: list[float] = []
    entries = 0
    with ThreadPoolExecutor(engine.default_readers()) as executor:
        scheduler = Scheduler(executor, engine.default_readers())
        for number in range(rounds + 1):
            stages = [(proving, _prove), (measuring, _size)]
            for times, stage in stages if number % 2 else reversed(stages):
                taken, counted = await _timed(stage, candidates, scheduler)
                entries = max(entries, counted)
                if number:
                    times.append(taken)
    return Phases(len(candidates), entries, tuple(proving), tuple(measuring))


def _candidates(directory: str) -> list[Candidate]:
    return [
        _candidate(os.path.join(directory, repository, artifact), directory)
        for repository in sorted(os.listdir(directory))
        if os.path.isdir(os.path.join(directory, repository))
        for artifact in _ARTIFACTS
    ]


def _candidate(path: str, root: str) -> Candidate:
    status = os.lstat(path)
    return Candidate(path, root, Identity(status.st_dev, status.st_ino), mounted=False)


async def _timed(
    stage: Callable[[Sequence[Candidate], Scheduler], Awaitable[int]],
    candidates: Sequence[Candidate],
    scheduler: Scheduler,
) -> tuple[float, int]:
    start = time.perf_counter()
    counted = await stage(candidates, scheduler)
    return time.perf_counter() - start, counted


async def _prove(candidates: Sequence[Candidate], scheduler: Scheduler) -> int:
    """Gather all evidence: markers, git, last use, running processes. Returns 0."""
    circumstances = proof_sighting.Circumstances(of_profiles(["js"]))
    sightings = await scheduler.call(evidence.gather, candidates, circumstances)
    witnesses = proof_witnesses.Witnesses(scheduler)
    answers = await witnesses.ask(sightings)
    found = frozenset(candidate.path for candidate in candidates)
    used, _ = await scheduler.call(use.last_used, sightings, found, {})
    weighed = [
        weigh.weigh(sighting, answer, has_git=witnesses.has_git, last_used=time_)
        for sighting, answer, time_ in zip(sightings, answers, used, strict=True)
        if isinstance(time_, int)
    ]
    await use.in_use(sightings, weighed, scheduler)
    unproven = [item for item in weighed if item.level is not Level.PROVEN]
    if unproven:
        raise RuntimeError(f"{len(unproven)} candidates are not proven: {unproven[0]}")
    return 0


async def _size(candidates: Sequence[Candidate], scheduler: Scheduler) -> int:
    """Measure all candidates as a run does; returns how many entries that were."""
    ledger = Ledger()
    waiting = list(enumerate(candidates))
    counted = 0

    async def work() -> None:
        nonlocal counted
        while waiting:
            found = await measure.measure(
                [waiting.pop()],
                scheduler,
                ledger,
                problem=print,
                measured=lambda _path, _size: None,
            )
            counted += sum(one.files + one.directories for one in found if one is not None)

    await asyncio.gather(*(work() for _ in range(scheduler.workers + 1)))
    return counted
