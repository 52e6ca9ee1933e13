"""The one owner of what does not answer, so that nobody waits for it twice.

A root of a run becomes silent when a call about it was given up: nothing is begun there any more, and what
was found there is kept. A mount point becomes silent when what interrupted runs left was asked for there.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager


class Unanswered(Exception):
    """A call did not come back in time; it may never."""


class Silence:
    """What does not answer, as far as anybody has found out by now."""

    def __init__(self) -> None:
        self._roots: dict[str, None] = {}
        self._mounts: set[str] = set()

    def __contains__(self, root: object) -> bool:
        return root in self._roots

    @property
    def roots(self) -> tuple[str, ...]:
        """The absolute paths of the roots that do not answer, in the order in which that was found out."""
        return tuple(self._roots)

    def note(self, root: str) -> None:
        """Take down that a *root*, by its absolute path, does not answer."""
        self._roots[root] = None

    @contextmanager
    def asking(self, root: str) -> Iterator[None]:
        """Ask about something in *root*; for the time of that.

        Raises Unanswered if it is known to be silent. If Unanswered is raised meanwhile, that is taken down.
        """
        if root in self._roots:
            raise Unanswered
        try:
            yield
        except Unanswered:
            self.note(root)
            raise

    @contextmanager
    def asking_mount(self, point: str) -> Iterator[None]:
        """Do as :meth:`asking`, for what is mounted at *point*."""
        if point in self._mounts:
            raise Unanswered
        try:
            yield
        except Unanswered:
            self._mounts.add(point)
            raise

    def take_over(self, roots: Iterable[str], mount_of: Callable[[str], str]) -> None:
        """Take down each of *roots* whose mount point, as *mount_of* says, does not answer."""
        for root in roots:
            if mount_of(root) in self._mounts:
                self.note(root)
