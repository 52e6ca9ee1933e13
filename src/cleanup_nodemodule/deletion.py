"""What a run that deletes has to have: its trees to itself, and a journal to write in."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cleanup_nodemodule import __version__, lock, state
from cleanup_nodemodule.journal import Journal, Run, new_run
from cleanup_nodemodule.model import DeletingMode, Problem


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


@contextlib.contextmanager
def undertake(
    roots: Sequence[str],
    mode: DeletingMode,
    *,
    wait: bool,
    waiting: Callable[[str], None],
    stopped: Callable[[], bool],
) -> Iterator[Undertaking]:
    """Lock the trees beneath *roots*.

    Raises :class:`~cleanup_nodemodule.lock.Locked` if another run of this user has one of them; with
    *wait* only if it is *stopped* before that run ends, for which *waiting* is told once. Raises
    StateError where the lock cannot be had for another reason.
    """
    directory = state.directory()
    run = new_run(__version__, mode, roots)
    with lock.acquire(
        directory,
        roots,
        run.id,
        wait=wait,
        waiting=lambda locked: waiting(str(locked)),
        stopped=stopped,
    ) as held:
        yield Undertaking(directory, run, held.alone)
