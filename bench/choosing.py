"""Times the choice among very many artifacts with very many hard links: the stage alone, without the search.

Every second artifact has links to files that others may have links to as well, as the projects of a package manager
with a store do. The plan is made in memory, and nothing is deleted. With ``--check`` the exit code is 1 where a choice
takes longer than three seconds.
"""

import random
import statistics
import sys
import time
from array import array
from typing import Final

import machine
from cleanup_nodemodule.config.filters import Filters, said_each
from cleanup_nodemodule.model import (
    Artifact,
    Candidate,
    Contents,
    Delete,
    Evidence,
    Identity,
    Level,
    Plan,
    Records,
    Size,
)
from cleanup_nodemodule.survey.filtering import Known, filtered
from cleanup_nodemodule.survey.goals import FileSystem

ARTIFACTS: Final = 200_000
LINKS: Final = 2_000_000
INODES: Final = 700_000
"""Files that the links lead to."""
TARGET: Final = 3.0
"""Seconds."""
ROUNDS: Final = 5

_NOW: Final = 2_000_000_000
_BLOCK: Final = 4096
_IN_EACH: Final = 2 * LINKS // ARTIFACTS
"""Links of an artifact that has some."""

CHOICES: Final = (
    Filters(free=10**11),
    Filters(max_total=10**11),
    Filters(keep_latest=100),
    Filters(keep_latest=2, keep_latest_per="repository"),
    Filters(keep_latest=100, free=10**11, max_total=2 * 10**11),
)


def _artifact(number: int, chance: random.Random) -> Artifact:
    project = f"/projects/team-{number // 500:03}/project-{number % 500:03}"
    own = _BLOCK * chance.randrange(1, 1000)
    used = _NOW - chance.randrange(1, 10**8)
    return Artifact(
        Candidate(f"{project}/node_modules", "/work", Identity(1, number), mounted=False),
        Evidence(
            level=Level.PROVEN,
            made_by=(),
            protection=None,
            rule="js/node_modules",
            ecosystem="js",
            project=project,
            regenerate="npm ci",
            regenerate_in=project,
            warnings=(),
            last_used=used,
            repository=project,
        ),
        Contents(own, own, 1, 1, used, complete=True, mounts=(), repositories=()),
        Size.exact(own, own, own),
        Delete(),
    )


def plan() -> Plan:
    """Make a plan in which everything can be deleted."""
    chance = random.Random(1)  # noqa: S311 - chance that can be repeated
    places = [
        [chance.randrange(INODES) for _ in range(_IN_EACH)] if number % 2 else []
        for number in range(ARTIFACTS)
    ]
    counts = [0] * INODES
    for inodes in places:
        for inode in inodes:
            counts[inode] += 1
    links: list[tuple[int, int, bytes]] = []
    for place, inodes in enumerate(places):
        packed = array("Q")
        for inode in inodes:
            # A tenth of the files have one link more, in the store.
            count = counts[inode] + (inode % 10 == 0)
            packed.extend((inode, count, _BLOCK, _BLOCK, _BLOCK))
        if packed:
            links.append((place, 1, packed.tobytes()))
    artifacts = tuple(_artifact(number, chance) for number in range(ARTIFACTS))
    return Plan(("/work",), artifacts, (), complete=True, records=Records(tuple(links)))


def _known(everything: Plan) -> Known:
    """Return what a run would have asked: each four projects are working trees of one repository."""
    projects = [artifact.evidence.project for artifact in everything.artifacts]
    return Known(
        _NOW,
        repositories={project: projects[at // 4 * 4] for at, project in enumerate(projects)},
        file_systems={1: FileSystem("/work", available=5 * 10**11, total=10**13)},
    )


def main() -> int:
    """Print the table."""
    for line in machine.describe():
        print(line)
    everything = plan()
    known = _known(everything)
    late = False
    print(f"\n| {ARTIFACTS:,} artifacts, {LINKS:,} links | time | processor | selected |")
    print("|---|---:|---:|---:|")
    for filters in CHOICES:
        seconds, worked = [], []
        for _ in range(ROUNDS):
            start, before = time.monotonic(), time.process_time()
            chosen = filtered(everything, filters, known)
            seconds.append(time.monotonic() - start)
            worked.append(time.process_time() - before)
        words = " ".join(word for name in filters.given for word in said_each(filters, name))
        late |= statistics.median(seconds) > TARGET
        print(
            f"| `{words}` | {statistics.median(seconds):.2f} s | {statistics.median(worked):.2f} s"
            f" | {len(chosen.selected):,} |",
            flush=True,
        )
    return int(late and "--check" in sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
