"""Roots to candidates: walks the trees, shared among the workers, and finds the names."""

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from cleanup_nodemodule import engine
from cleanup_nodemodule.engine.contract import Fault, Found, Hit, Names, Root
from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.model import Candidate, Identity, Problem
from cleanup_nodemodule.patterns.patterns import Patterns
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.proof.rules import SNAPSHOTS, Rule
from cleanup_nodemodule.record.staged import PREFIX, is_staged
from cleanup_nodemodule.survey import nesting, noticed
from cleanup_nodemodule.survey.unfinished import Room, Unfinished, at_once, place_of
from cleanup_nodemodule.system.symlinks import resolve
from cleanup_nodemodule.words import printable
from cleanup_nodemodule.work.containment import problem_of
from cleanup_nodemodule.work.conversion import (
    absolute,
    anchor,
    beneath,
    lacked,
    problem_at,
    relative,
)
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.silence import Unanswered
from cleanup_nodemodule.work.tasks import Stopped, tasks

if TYPE_CHECKING:
    from cleanup_nodemodule.survey.packed import PackedSet

_BUDGET = 8192
"""Directory entries a call handles: at some 2 microseconds each, the fixed cost of a call is well below one percent."""

_FEW: Final = 16
"""Roots that are searched one after the other."""


class RootError(UsageError, OSError):
    """A root that cannot be searched at all: it does not exist, is no directory, or may not be listed."""

    code = ProblemCode.SEARCH_ROOT

    def __str__(self) -> str:
        return f"cannot search {printable(os.fsdecode(self.filename))}: {self.advice}"

    @property
    def path(self) -> str:
        """Absolute path of the root."""
        return absolute(os.fsdecode(self.filename))

    @property
    def number(self) -> int | None:
        """What the system said (errno(3))."""
        return self.errno

    @property
    def advice(self) -> str:
        """Why, and what to type instead."""
        missing = self.errno in {errno.ENOENT, errno.ENOTDIR}
        return f"{self.strerror}{'; type the path of a directory that exists' if missing else ''}"


def answers(path: str) -> None:
    """Return when the file system that holds *path* has said anything of it."""
    with contextlib.suppress(OSError, ValueError):
        os.stat(path)


class SearchRoot(NamedTuple):
    """A directory to search: absolute, symlinks in its path resolved once, here."""

    path: str
    identity: Identity


def locate_roots(paths: tuple[str, ...]) -> tuple[SearchRoot, ...]:
    """Resolve the roots, absolute paths; of several to one directory, the first counts.

    Raises RootError with the errno and the path as it was given; :mod:`cleanup_nodemodule.system.symlinks` says
    which symlinks are followed.
    """
    roots: dict[Identity, SearchRoot] = {}
    for path in paths:
        try:
            resolved, status = resolve(path)
        except OSError as error:
            raise RootError(error.errno, error.strerror, path) from error
        except ValueError as error:  # A NUL byte; no file system has it.
            raise RootError(errno.ENOENT, str(error), path) from error
        if not stat.S_ISDIR(status.st_mode):
            raise RootError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
        _open_once(resolved, path)
        identity = Identity(status.st_dev, status.st_ino)
        roots.setdefault(identity, SearchRoot(resolved, identity))
    return tuple(roots.values())


def _open_once(directory: str, path: str) -> None:
    """Raise RootError, with *path*, for a directory that this user may not list."""
    if os.sep != "/":  # Windows opens no directories.
        return
    try:
        os.close(os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC))
    except PermissionError as error:
        raise RootError(error.errno, error.strerror, path) from error
    except OSError:  # Whatever else is wrong, such as too few descriptors, the search says.
        return


def wanted_names(
    rules: Collection[Rule],
    targets: Iterable[str],
    min_depth: int,
    max_depth: int | None = None,
) -> Names:
    """Return what the engine looks for: the last names of the rules' directories, and *targets*."""
    exact = {os.fsencode(name) for name in targets}
    globs: set[bytes] = set()
    markers: set[bytes] = set()
    for rule in rules:
        for name in map(os.fsencode, rule.last_names):
            if name == b"*":
                markers.update(os.fsencode(one) for proof in rule.proofs for one in proof.markers)
            elif any(mark in name for mark in b"*?["):
                globs.add(name)
            else:
                exact.add(name)
    globs.add(os.fsencode(f"{PREFIX}*"))
    # A repository's own directory is never looked into, nor what was before, nor packages that nobody asked for.
    skipped = {b".git", *map(os.fsencode, SNAPSHOTS), b"node_modules"} - exact
    noticed_names = (
        noticed.names({rule.ecosystem for rule in rules}) - exact if rules else frozenset()
    )
    return Names(
        *(
            frozenset(exact),
            frozenset(skipped),
            min_depth,
            tuple(sorted(globs)),
            frozenset(markers),
        ),
        noticed_names,
        -1 if max_depth is None else max_depth,
    )


Judge = Callable[[Sequence[Candidate], bool], Awaitable[Sequence[bool]]]
"""Says of each candidate whether to look beneath it for others; they may all be doubted."""


class Search:
    """A search through the roots, one after the other, each with all workers.

    A root that does not answer becomes one of the scheduler's silent ones, and the next one's turn
    comes.
    *mounts* is everything that something is mounted on, in order: it is not looked at, as it may never answer.
    Calls *leftover* for what an interrupted run may have left, which is not searched, *problem* for
    each place that could not be read, and *searched* with the number of
    directories a call went through, and one of them. Each call of a search through everything is made, and what it
    finds is judged, within *room*. A call handles *budget* directory entries. With *seen* it remembers in that what it has found, which takes less memory and a little more time.
    """

    def __init__(
        self,
        roots: tuple[SearchRoot, ...],
        names: Names,
        excluded: Patterns,
        scheduler: Scheduler,
        *,
        mounts: Sequence[str] = (),
        judge: Judge,
        leftover: Callable[[Candidate], None],
        problem: Callable[[Problem], None],
        searched: Callable[[int, str], None],
        room: Room = at_once,
        seen: "PackedSet | None" = None,
        budget: int = 0,
    ) -> None:
        self._roots = roots
        self._names = names
        self._excluded = excluded
        self._scheduler = scheduler
        self._mounts = mounts
        self._judge = judge
        self._leftover = leftover
        self._problem = problem
        self._searched = searched
        self._room = room
        self._seen: Final[set[Identity | str]] = set()
        self._packed: Final = seen
        self._budget: Final = budget or _BUDGET
        self._slices: Final[dict[str, dict[object, list[bytes]]]] = {}
        """By root, what of it is still to be searched: all of it before its turn comes."""
        self._judged: Final[dict[str, dict[object, tuple[list[bytes], list[bytes]]]]] = {}
        """By root, what was given to calls whose candidates are being judged, and what these left."""
        self.met: Final[set[str]] = set()
        """Patterns that have left something out."""
        self.noticed: Final[list[str]] = []
        """Directories with a name that other ecosystems use."""

    async def everything(self, without: Collection[str] = ()) -> None:
        """Search all roots but those *without* which. Raises Stopped when the scheduler is told to stop."""
        roots = [root for root in self._roots if root.path not in without]
        for root in roots:
            self._slices[root.path] = {None: [b""]}
        # Roots that lie in each other are searched in their order: what is found belongs to the first of them. Who waits
        # for room wants few under way.
        together = len(roots) > _FEW and self._room is None
        if not together or nesting.any_in_another([root.path for root in roots]):
            for root in roots:
                await self._search(root, [b""], room=self._room)
            return
        # A small root keeps one worker busy, and only for a moment.
        waiting = iter(roots)

        async def search() -> None:
            for root in waiting:
                await self._search(root, [b""], room=self._room)

        async with tasks() as group:
            for _ in range(self._scheduler.workers):
                group.create_task(search())

    async def beneath(self, candidates: Iterable[Candidate]) -> None:
        """Search beneath candidates that turned out to be none.

        Raises Stopped when the scheduler is told to stop.
        """
        by_root: dict[str, list[bytes]] = {}
        for candidate in candidates:
            if candidate.mounted:
                continue
            path = relative(candidate.path, candidate.root)
            by_root.setdefault(candidate.root, []).append(path + b"/")
        for root in self._roots:
            if root.path in by_root:
                await self._search(root, by_root[root.path], doubted=True)

    def unfinished(self) -> Unfinished:
        """Return what has still to be opened, and what was opened and has no rows yet."""
        unfinished = Unfinished()
        for root, slices in self._slices.items():
            top = os.fsencode(root)
            for stack in slices.values():
                for entry in stack:
                    unfinished.add(place_of(top, entry))
            for stack, left in self._judged.get(root, {}).values():
                opened = set(stack).difference(left)
                unfinished.judged.update(place_of(top, entry) for entry in opened)
        return unfinished

    async def _search(
        self,
        root: SearchRoot,
        start: list[bytes],
        *,
        doubted: bool = False,
        room: Room = at_once,
    ) -> None:
        anchored = anchor(root.path, root.identity, self._mounts)

        async def search(stack: list[bytes]) -> list[bytes]:
            try:
                with self._scheduler.silence.asking(root.path):
                    return await take(stack)
            except Unanswered:
                return []
            except Stopped:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, the other directories are searched
                if len(stack) > 1:
                    return [left for one in stack for left in await search([one])]
                path = beneath(root.path, stack[0].partition(b"\0")[0].rstrip(b"/"))
                self._problem(problem_of(error, path, ProblemCode.SEARCH))
                return []

        async def take(stack: list[bytes]) -> list[bytes]:
            async with room():
                return await find(stack)

        async def find(stack: list[bytes]) -> list[bytes]:
            slice_ = await self._scheduler.read(
                _find_unexcluded,
                anchored,
                stack,
                self._names,
                self._scheduler.portion(self._budget),
                self._excluded,
                lacked=lambda finding: lacked(finding.faults),
            )
            self._scheduler.handled(slice_.found.entries)
            last = stack[-1].partition(b"\0")[0].rstrip(b"/")
            self._searched(slice_.found.directories, beneath(root.path, last))
            more = slice_.found.noticed[: noticed.MOST - len(self.noticed)]
            self.noticed.extend(beneath(root.path, path) for path in more)
            self.met.update(slice_.met)
            for fault in slice_.faults:
                self._problem(problem_at(root.path, fault))
            found = (_candidate(root, hit) for hit in slice_.found.hits)
            candidates = [one for one in found if self._is_new(one)]
            for candidate in candidates:
                if is_staged(candidate.name):
                    self._leftover(candidate)
            # One above the least depth is walked like everything there, and nothing in it counts.
            candidates = [one for one in candidates if not _in_leftover(one)]
            if not candidates:
                return slice_.left
            key = object()
            judged = self._judged.setdefault(root.path, {})
            judged[key] = stack, slice_.left
            try:
                enter = await self._judge(candidates, doubted)
            finally:
                del judged[key]
            return slice_.left + [
                relative(candidate.path, root.path) + b"/"
                for candidate, wanted in zip(candidates, enter, strict=True)
                if wanted and not candidate.mounted
            ]

        slices = self._slices.setdefault(root.path, {})
        slices.pop(None, None)
        most = sys.maxsize if self._packed is None else 2 * self._scheduler.workers
        await self._scheduler.share(start, search, slices, most)

    def _is_new(self, candidate: Candidate) -> bool:
        """Whether a directory was not found before; it is that very one by its path where nobody has looked."""
        identity = candidate.identity
        if self._packed is not None:
            known = candidate.path if identity == (0, 0) else f"{identity.device}:{identity.inode}"
            return self._packed.add(known)
        before = len(self._seen)
        self._seen.add(candidate.path if identity == (0, 0) else identity)
        return len(self._seen) > before


def _candidate(root: SearchRoot, hit: Hit) -> Candidate:
    identity = Identity(hit.device, hit.inode)
    return Candidate(beneath(root.path, hit.path), root.path, identity, hit.mounted, hit.changed)


def _in_leftover(candidate: Candidate) -> bool:
    """Whether a candidate is, or lies in, what an interrupted run may have left."""
    if PREFIX not in candidate.path:
        return False
    way = os.path.relpath(candidate.path, candidate.root)
    return any(is_staged(name) for name in way.split(os.sep))


class _Sifted(NamedTuple):
    """What an engine's call found, without what is excluded."""

    found: Found
    left: list[bytes]
    faults: list[Fault]
    met: frozenset[str]
    """Patterns that have left something out."""


def _find_unexcluded(
    root: Root, stack: list[bytes], names: Names, budget: int, excluded: Patterns
) -> _Sifted:
    """Do as ``engine.find`` does, without ever opening an excluded directory.

    The engine knows no such patterns, so with them it is called for one directory at a time. What
    lies under an excluded directory is not reached, as with git, so each path need only be looked
    at itself.
    """
    if not excluded.given:
        return _Sifted(*engine.find(root, stack, names, budget), frozenset())
    directories = entries = 0
    hits: list[Hit] = []
    noticed: list[bytes] = []
    faults: list[Fault] = []
    left = list(stack)
    top = os.fsdecode(root.path)
    met: set[str] = set()

    def is_excluded(path: bytes) -> bool:
        # What comes behind a NUL is the engine's own.
        return excluded.covering(beneath(top, path.partition(b"\0")[0]), met) is not None

    while left and budget > 0:
        step = engine.find(root, [left.pop()], names, 1)
        directories += step.found.directories
        entries += step.found.entries
        hits += (hit for hit in step.found.hits if not is_excluded(hit.path))
        noticed += (path for path in step.found.noticed if not is_excluded(path))
        faults += step.faults
        left += (path for path in step.left if not is_excluded(path))
        budget -= 1 + len(step.left) + len(step.found.hits)
    return _Sifted(Found(directories, hits, noticed, entries), left, faults, frozenset(met))
