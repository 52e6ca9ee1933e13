"""Names the store that has what an artifact does not give back, for the artifacts that share much."""

import itertools
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final, NamedTuple

from cleanup_nodemodule.model import Artifact, SharedWith
from cleanup_nodemodule.survey.stores.place import Place, Surroundings
from cleanup_nodemodule.system import mounts
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.silence import Unanswered
from cleanup_nodemodule.work.tasks import Stopped, tasks

_LEAST_BYTES: Final = 1 << 20
"""What an artifact shares at least, so that somebody asks with whom."""

_LEAST_SHARE: Final = 10
"""It is at least this part of what the artifact takes: a tenth."""

_MOST: Final = 1024
"""Artifacts of which that is asked, at most: those that share the most."""

_AT_ONCE: Final = 32
"""Artifacts that one call is asked about."""

_SECONDS: Final = 1.0
"""What one call takes about at most, as long as its disk answers."""


class _Asked(NamedTuple):
    """What a call has to know of an artifact. Pickles."""

    artifact: str
    project: str
    root: str
    device: int
    inode: int


async def named(artifacts: Sequence[Artifact], scheduler: Scheduler) -> tuple[Artifact, ...]:
    """Return the *artifacts*, those that share much with the store that they share it with, where one is found.

    Nothing is begun where a root has fallen silent, and a disk that does not answer in time ends the asking about what was
    found beneath the same root. Where the scheduler is stopped, they come back with what is known by then.
    """
    chosen = sorted(
        (one for one in artifacts if _shares_much(one)), key=lambda one: -one.size.shared_bytes
    )[:_MOST]
    if not chosen:
        return tuple(artifacts)
    found: dict[str, SharedWith] = {}
    with suppress(Stopped):
        await _ask_about(chosen, scheduler, found)
    if not found:
        return tuple(artifacts)
    return tuple(
        replace(one, shared_with=found[one.path]) if one.path in found else one for one in artifacts
    )


async def _ask_about(
    chosen: Sequence[Artifact], scheduler: Scheduler, found: dict[str, SharedWith]
) -> None:
    """Put into *found* what is found of those that were *chosen*, by their paths. Raises Stopped."""
    around = Surroundings(dict(os.environ), await scheduler.call(mounts.mounted, disk=False))
    by_root: dict[str, list[_Asked]] = {}
    for one in chosen:
        by_root.setdefault(one.candidate.root, []).append(
            _Asked(*(one.path, one.evidence.project, one.candidate.root), *one.candidate.identity)
        )
    async with tasks() as group:
        for root, some in by_root.items():
            for start in range(0, len(some), _AT_ONCE):
                part = some[start : start + _AT_ONCE]
                group.create_task(_ask(root, part, around, scheduler, found))


def _shares_much(artifact: Artifact) -> bool:
    shared = artifact.size.shared_bytes
    return shared >= _LEAST_BYTES and shared * _LEAST_SHARE >= artifact.size.allocated_bytes


async def _ask(
    root: str,
    some: Sequence[_Asked],
    around: Surroundings,
    scheduler: Scheduler,
    found: dict[str, SharedWith],
) -> None:
    done = 0
    # It may be the disk of a store, so nothing is noted of the root.
    with suppress(Unanswered):
        while done < len(some) and root not in scheduler.silence:
            answers = await scheduler.call(_look, some[done:], around)
            for asked, answer in zip(some[done:], answers, strict=False):
                if answer is not None:
                    found[asked.artifact] = answer
            done += len(answers)


def _look(some: Sequence[_Asked], around: Surroundings) -> list[SharedWith | None]:
    """Return the answers for as many as a second is enough for, or for one."""
    from cleanup_nodemodule.survey.stores.proving import (
        Stores,
        shared_with,
    )

    end = time.monotonic() + _SECONDS
    answers: list[SharedWith | None] = []
    with Stores() as stores:
        for asked in itertools.takewhile(lambda _: not answers or time.monotonic() < end, some):
            answer = None
            with suppress(OSError):  # It has vanished, or is another one now.
                owner = os.lstat(asked.artifact).st_uid
                place = Place(asked.artifact, asked.project, asked.root, owner, around)
                answer = shared_with(place, (asked.device, asked.inode), stores)
            answers.append(answer)
    return answers
