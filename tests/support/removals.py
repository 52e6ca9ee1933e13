"""Removals without a process of their own: the remover, called as the pipeline does."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import pytest

from cleanup_nodemodule.delete import approval, rename_away, turn
from cleanup_nodemodule.delete import remove as remover
from cleanup_nodemodule.model import (
    Approved,
    Artifact,
    Candidate,
    Contents,
    Decision,
    Delete,
    DeletingMode,
    Evidence,
    Failed,
    Identity,
    Level,
    Outcome,
    Plan,
    Problem,
    Removed,
    Size,
)
from cleanup_nodemodule.record import entries as record_entries
from cleanup_nodemodule.record import identity, read, state_directory
from cleanup_nodemodule.record import staged as record_staged
from cleanup_nodemodule.record.entries import Intent
from cleanup_nodemodule.record.write import Journal
from cleanup_nodemodule.work.scheduler import Scheduler
from support.journals import a_run, abandon
from support.waiting import TIMEOUT

DELETE: Final = Delete()


def artifact(path: Path, decision: Decision = DELETE) -> Artifact:
    """Return the row of a plan as it would be for the directory *path*, now."""
    found = os.lstat(path)
    walked = [(len(directories), len(files)) for _, directories, files in os.walk(path)]
    directories, files = (sum(counts) for counts in zip(*walked, strict=True))
    return Artifact(
        Candidate(
            os.fspath(path),
            os.path.dirname(path),
            Identity(found.st_dev, found.st_ino),
            mounted=False,
        ),
        Evidence(Level.PROVEN, (), None, None, None, os.path.dirname(path), None, None, (), 0),
        Contents(0, 0, files, directories + 1, 0, complete=True, mounts=(), repositories=()),
        Size.exact(0, 0, 0),
        decision,
    )


def approve(artifacts: Sequence[Artifact], mode: DeletingMode = "delete") -> Approved:
    """Return the permission that the command line gives."""
    plan = Plan(("/",), tuple(artifacts), (), complete=True)
    approved = approval.by_flag(plan, mode=mode)
    assert approved is not None
    return approved


def a_journal() -> Journal:
    """Return the journal of a run that begins now."""
    return Journal(state_directory.directory(), a_run("/"))


@dataclass
class Run:
    """What a run said while it was going on, and what came of it."""

    freed: list[int] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    outcome: Outcome | None = None

    @property
    def removed(self) -> list[str]:
        assert self.outcome is not None
        return [
            result.artifact.path for result in self.outcome.results if isinstance(result, Removed)
        ]

    @property
    def failed(self) -> list[Failed]:
        assert self.outcome is not None
        return [result for result in self.outcome.results if isinstance(result, Failed)]


def remove(
    artifacts: Sequence[Artifact],
    *,
    workers: int = 2,
    most: int = 0,
    after_each_call: Callable[[Scheduler], None] = lambda _scheduler: None,
    again: turn.SecondProof = turn.NO_SECOND_PROOF,
    include_foreign: bool = False,
) -> Run:
    """Have *artifacts* approved and removed; *after_each_call* runs while nothing else does."""
    run = Run()

    async def work() -> Outcome:
        with ThreadPoolExecutor(max(workers, most)) as executor, a_journal() as write:
            scheduler = Scheduler(executor, workers, max_workers=most)

            def freed(size: int) -> None:
                run.freed.append(size)
                after_each_call(scheduler)

            async with asyncio.timeout(TIMEOUT):
                return await remover.remove(
                    approve(artifacts),
                    scheduler,
                    write,
                    freed=freed,
                    deleted=lambda artifact: run.deleted.append(artifact.path),
                    again=again,
                    include_foreign=include_foreign,
                )

    run.outcome = asyncio.run(work())
    return run


def staged(around: Path) -> Path:
    """Return the one directory in *around* that is out of its project and not gone yet."""
    (left,) = around.glob(f"{record_staged.PREFIX}*")
    return left


class Against:
    """A second look that has something against what lies at some paths."""

    def __init__(self, before: Mapping[str, Problem], behind: Mapping[str, Problem]) -> None:
        self._before = before
        self._behind = behind

    async def before(self, artifact: Artifact) -> Problem | None:
        return self._before.get(artifact.path)

    async def behind(self, artifact: Artifact, _place: str) -> Problem | None:
        return self._behind.get(artifact.path)


each_engine = pytest.mark.usefixtures("chosen")
by_python = pytest.mark.usefixtures("in_python")


def leave(
    top: Path,
    *,
    run: record_entries.Run | None = None,
    allocated: int = 0,
    directory: Path | None = None,
) -> Path:
    """Leave *top* as a run does that is killed when it has just taken it out; return where it is.

    That is in the journal in the state *directory*, by default the one of this process.
    """
    planned = replace(artifact(top), size=Size.exact(0, allocated, 0))
    place = record_staged.new_name(planned.path)
    where = state_directory.directory() if directory is None else str(directory)
    records = Journal(where, run or a_run(os.fspath(top.parent)))
    [number] = records.begin([Intent.to_delete(planned, place, *identity.seen(planned.path))])
    records.turn(number)
    rename_away.stage(planned.candidate, place)
    abandon(records)
    return Path(place)


def told() -> list[tuple[str, str | None]]:
    """Return what the journal says of each deletion, in the order they were begun."""
    entries = sorted(
        read.read(state_directory.directory()).entries, key=lambda entry: entry.began_at
    )
    return [
        (os.path.basename(entry.intent.path), None if entry.end is None else entry.end.ending.value)
        for entry in entries
    ]
