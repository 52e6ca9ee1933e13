"""How far a run has come, told to whoever watches it."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from enum import Enum
from heapq import nlargest
from typing import Final

from cleanup_nodemodule.model import Progress

Watch = Callable[[Progress], None]
"""Called with the state of things whenever it changes."""


def unwatched(_progress: Progress) -> None:
    """Watch nothing: the default."""


class Doing(Enum):
    """What a run does."""

    BEGINNING = "beginning"
    SEARCHING = "searching"
    ASKING = "asking version control"
    MEASURING = "measuring"
    CHECKING = "checking what was found"
    DELETING = "deleting"
    TRASHING = "moving to the trash"
    SETTLING = "waiting for the disk"


class Scene:
    """What a run does and where, and the largest that it has found: for whoever shows that to a person.

    It is brought up to date as things happen, which costs next to nothing, and looked at when there is time to
    show it.
    """

    MOST: Final = 10
    """How many of the largest are known."""

    def __init__(self) -> None:
        self.doing = Doing.BEGINNING
        self.place = ""
        """Absolute path of where that is done; empty if it has no place."""
        self._sizes: dict[str, int] = {}
        self._largest: dict[str, int] = {}
        self._least = -1
        """The smallest size among the largest, -1 while there is room for more of them."""
        self._stale = False
        """One of the largest is gone, so all are looked through when somebody asks."""

    def grew(self, path: str, size: int) -> None:
        """Take down that so many more bytes are known of an artifact, which may be new."""
        size += self._sizes.get(path, 0)
        self._sizes[path] = size
        if not self._stale and (size > self._least or path in self._largest):
            self._largest[path] = size
            self._settle()

    def settle(self, path: str) -> None:
        """Take down that no more will be known of an artifact; it is remembered only if it is one of the largest."""
        if path not in self._largest:
            self._sizes.pop(path, None)

    def forget(self, path: str) -> None:
        """Take down that what was found is none."""
        self._sizes.pop(path, None)
        if self._largest.pop(path, None) is not None:
            self._stale = True

    def _settle(self) -> None:
        if len(self._largest) > self.MOST:
            del self._largest[min(self._largest, key=self._largest.__getitem__)]
        full = len(self._largest) == self.MOST
        self._least = min(self._largest.values()) if full else -1

    def largest(self, count: int) -> list[tuple[str, int]]:
        """Return at most so many of the largest, with the bytes that are known of each, and no more than MOST."""
        if self._stale:
            self._largest = dict(nlargest(self.MOST, self._sizes.items(), key=lambda one: one[1]))
            self._stale = False
            self._settle()
        return nlargest(count, self._largest.items(), key=lambda one: one[1])


class Spectator(ABC):
    """A watch that shows the scene as well."""

    def __init__(self) -> None:
        self.scene: Final = Scene()

    @abstractmethod
    def __call__(self, progress: Progress) -> None:
        """Take note of the state of things."""


def settling(watch: Watch) -> None:
    """Tell that all is done, and that it is only waited for what the disk says of that."""
    if isinstance(watch, Spectator):
        watch.scene.doing = Doing.SETTLING


class Tracker:
    """Adds up what is done, and tells it."""

    def __init__(self, watch: Watch, progress: Progress | None = None) -> None:
        self._watch: Final = watch
        self._progress = progress or Progress()
        self._scene: Final = watch.scene if isinstance(watch, Spectator) else None
        if self._scene is not None:
            # What there is to do is shown before any of it is done.
            watch(self._progress)

    def add(
        self,
        *,
        directories: int = 0,
        artifacts: int = 0,
        measured_bytes: int = 0,
        deleted: int = 0,
        freed_bytes: int = 0,
    ) -> None:
        """Add to what is done by now, and tell the sums."""
        now = self._progress
        self._progress = replace(
            now,
            directories=now.directories + directories,
            artifacts=now.artifacts + artifacts,
            measured_bytes=now.measured_bytes + measured_bytes,
            deleted=now.deleted + deleted,
            freed_bytes=now.freed_bytes + freed_bytes,
        )
        self._watch(self._progress)

    def at(self, doing: Doing, place: str = "") -> None:
        """Take down what is done from now on, and where."""
        if self._scene is not None:
            self._scene.doing, self._scene.place = doing, place

    def searched(self, directories: int, place: str) -> None:
        """Tell that so many directories were searched, the last of them at *place*."""
        self.at(Doing.SEARCHING, place)
        self.add(directories=directories)

    def found(self, path: str, size: int) -> None:
        """Take down an artifact, and the bytes that are known of it. It is added to the sums by :meth:`add`."""
        if self._scene is not None:
            self._scene.grew(path, size)

    def measured(self, path: str, size: int) -> None:
        """Tell that so many more bytes of an artifact were measured."""
        if (scene := self._scene) is not None:
            scene.grew(path, size)
            if scene.doing is Doing.MEASURING:
                scene.place = path
        self.add(measured_bytes=size)

    def settled(self, path: str) -> None:
        """Take down that all is known of an artifact."""
        if self._scene is not None:
            self._scene.settle(path)

    def lost(self, path: str) -> None:
        """Take down that what was found is no artifact of its own, or is gone."""
        if self._scene is not None:
            self._scene.forget(path)
