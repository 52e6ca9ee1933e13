"""What a run that deletes has to have: its trees to itself, and a journal to write in."""

import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cleanup_nodemodule import __version__
from cleanup_nodemodule.model import DeletingMode, Problem
from cleanup_nodemodule.record import lock, state_directory
from cleanup_nodemodule.record.entries import Run, new_run
from cleanup_nodemodule.record.write import Journal
from cleanup_nodemodule.run.loop import Runtime
from cleanup_nodemodule.run.orders import Orders
from cleanup_nodemodule.run.voice import Voice

_PAUSE: Final = 0.2
"""Seconds between two attempts to get a lock that another run has."""


@dataclass(frozen=True, slots=True)
class Undertaking:
    """A run that may delete, with its trees locked."""

    directory: str
    """The user's state directory."""
    run: Run
    alone: bool
    """Other runs of this user are kept out; there may be no room on the disk for a lock."""

    @contextlib.contextmanager
    def journal(self, lost: list[Problem]) -> Iterator[Journal]:
        """Open the journal for the time of the deletion.

        Adds to *lost* what could not be written after something was deleted. Raises JournalError where
        nothing can be written at all.
        """
        records = Journal(self.directory, self.run)
        try:
            with records:
                yield records
        finally:
            lost += records.lost


@contextlib.asynccontextmanager
async def undertake(
    roots: Sequence[str], orders: Orders, voice: Voice, runtime: Runtime
) -> AsyncIterator[Undertaking]:
    """Lock the trees beneath *roots*.

    Raises :class:`~cleanup_nodemodule.record.lock.Locked` if another run of this user has one of them. If the
    orders are to wait for that run, *voice* is told once, and Stopped is raised if this one is told to stop
    before that one ends. Raises StateError where the lock cannot be had for another reason.
    """
    directory = state_directory.directory()
    mode: DeletingMode = "trash" if orders.mode == "trash" else "delete"
    run = new_run(__version__, mode, roots)
    with await _locked(directory, roots, run.id, orders, voice, runtime) as held:
        yield Undertaking(directory, run, held.alone)


async def _locked(
    directory: str,
    roots: Sequence[str],
    run: str,
    orders: Orders,
    voice: Voice,
    runtime: Runtime,
) -> lock.Held:
    told = False
    while True:
        try:
            with runtime.interruptible(again=False):
                return lock.acquire(directory, roots, run)
        except lock.Locked as locked:
            if not orders.wait:
                raise
            if not told:
                voice.note(f"waiting: {str(locked).partition(';')[0]}")
                told = True
        await runtime.pause(_PAUSE)
