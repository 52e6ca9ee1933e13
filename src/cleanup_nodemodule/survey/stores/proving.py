"""Looks for the files of one artifact in the stores that its manager may have."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Final, Self, TypeAlias

from cleanup_nodemodule.model import SharedWith
from cleanup_nodemodule.survey.stores import samples
from cleanup_nodemodule.survey.stores.javascript import Bun, Deno, Pnpm, Yarn, YarnClassic
from cleanup_nodemodule.survey.stores.manager import Content, Manager, Sample
from cleanup_nodemodule.survey.stores.opened import Opened
from cleanup_nodemodule.survey.stores.place import Place
from cleanup_nodemodule.survey.stores.python import Pdm, Uv
from cleanup_nodemodule.system import mounts
from cleanup_nodemodule.system.extents import CannotTellError

MANAGERS: Final[tuple[Manager, ...]] = (
    *(Pnpm(), Yarn(), YarnClassic(), Deno(), Bun()),
    *(Uv(), Pdm()),
)
"""All that are known."""

_PLACES: Final = 64
"""Places where a manager's store may be that are looked at, at most."""

_ENDS: Final = 512
"""Files of a store that are compared with one sample, at most."""

_Same: TypeAlias = Callable[[Sample, Opened, str], bool]
"""Whether a sample is what lies in a store at that path."""


class Stores:
    """The stores that were opened by now: many artifacts share one."""

    def __init__(self) -> None:
        self._opened: Final[dict[str, Opened | None]] = {}
        self._stack: Final = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def at(self, path: str) -> Opened | None:
        """Return the directory *path*, absolute and without symlinks; None if there is none."""
        if path not in self._opened:
            try:
                self._opened[path] = self._stack.enter_context(Opened(path))
            except OSError:
                self._opened[path] = None
        return self._opened[path]


class _Read(Content):
    """What a sample holds, as its artifact has it."""

    def __init__(self, sample: Sample, artifact: Opened) -> None:
        self._sample = sample
        self._artifact = artifact

    def digest(self, algorithm: str) -> str | None:
        content = self._artifact.read(self._sample.path)
        # A name in a store, and no secret.
        return content and hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()  # type: ignore[return-value]


def shared_with(place: Place, identity: tuple[int, int], stores: Stores) -> SharedWith | None:
    """Return the store that an artifact shares files with, None if none is found.

    *identity* are the device and the inode of the artifact. Raises OSError if it is not there any more.
    """
    made = [manager for manager in MANAGERS if manager.made(place)]
    if not made:
        return None
    with Opened(place.artifact, identity) as artifact:
        looked = samples.of(artifact)
        for manager in made if looked else ():
            for store in _there(manager, place, stores):
                if (proved := _holds(manager, store, artifact, looked)) is not None:
                    command = manager.command(store.path, place)
                    return SharedWith(manager.store, store.path, command, proved)
    return None


def _there(manager: Manager, place: Place, stores: Stores) -> Iterator[Opened]:
    """Give the stores that are on the file system of the artifact: another one shares nothing with it."""
    seen: set[str] = set()
    device = mounts.origin(place.artifact)
    for _, path in zip(range(_PLACES), manager.stores(place), strict=False):
        where = place.reach(path)
        if where is None or where in seen:
            continue
        seen.add(where)
        origin = mounts.origin(where)
        # Subvolumes of one file system have devices of their own, and may share content (btrfs).
        if device is not None and origin is not None and device[0] != origin[0]:
            continue
        if (store := stores.at(where)) is not None:
            yield store


def _holds(
    manager: Manager, store: Opened, artifact: Opened, looked: Sequence[Sample]
) -> bool | None:
    """Return whether it is proved that a store has most of the samples, False if it only seems so; None if it has not."""
    found = asked = 0
    proved = True
    for sample in looked:
        ends = manager.ends(sample, _Read(sample, artifact), store)
        if ends is None:
            continue
        asked += 1
        try:
            same = _by_link if sample.linked else _by_place(artifact, sample)
        except CannotTellError:
            same, proved = _by_content(artifact, sample), False
        try:
            found += any(
                same(sample, store, end) for _, end in zip(range(_ENDS), ends, strict=False)
            )
        except CannotTellError:
            continue
    return proved if found and 2 * found >= asked else None


def _by_link(sample: Sample, store: Opened, end: str) -> bool:
    status = store.status(end)
    return status is not None and (status.st_dev, status.st_ino) == (sample.device, sample.inode)


def _by_place(artifact: Opened, sample: Sample) -> _Same:
    """Return what compares the places of contents. Raises CannotTellError where the file system does not tell."""
    begins = artifact.begins(sample.path)

    def same(sample: Sample, store: Opened, end: str) -> bool:
        status = store.status(end)
        if begins is None or status is None or status.st_size != sample.bytes:
            return False
        return store.begins(end) == begins

    return same


def _by_content(artifact: Opened, sample: Sample) -> _Same:
    content = artifact.read(sample.path)

    def same(sample: Sample, store: Opened, end: str) -> bool:
        status = store.status(end)
        if content is None or status is None or status.st_size != sample.bytes:
            return False
        return store.read(end) == content

    return same
