"""Empties a directory that nobody gets at any more, after a last look through it.

Shares the engine's calls among the workers. What is given here has been approved, written down and taken
out of its project: only :mod:`~cleanup_nodemodule.delete.remove` and :mod:`~cleanup_nodemodule.delete.leftovers` call this.
"""

import errno
import os
import time
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from cleanup_nodemodule import engine
from cleanup_nodemodule.delete import rename_away
from cleanup_nodemodule.delete.by_group import Part, remove_timed
from cleanup_nodemodule.delete.rename_away import Held
from cleanup_nodemodule.engine.contract import Fault, Groups, Names, Root
from cleanup_nodemodule.model import Identity, Problem
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.system import mounts
from cleanup_nodemodule.work.conversion import anchor, beneath, lacked, problem_at
from cleanup_nodemodule.work.pace import Pace
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.silence import Unanswered
from cleanup_nodemodule.work.tasks import Stopped

_BUDGET: Final = 1024
"""Entries that the first call deletes, small enough that being stopped never waits long: at the 0.5 ms an
entry takes on a slow disk, half a second."""

_MAX: Final = 4096
"""Entries that any call deletes at most, lest a disk that turns slow in the midst of one keeps a stop
waiting for long."""

_SECONDS: Final = 0.05
"""What a call that deletes should take: being stopped waits for its end, and a tenth of what a call of
1024 entries takes on a fast disk is handing over."""


_READ_AT_ONCE: Final = 32768
"""Entries one call looks through for repositories."""

_SLACK: Final = 100
"""Entries that may appear in any artifact between measuring and deleting."""

_ATTEMPTS: Final = 3
"""How often directories that are not empty are begun again without anything coming of it."""

_ROUNDS: Final = 1000
"""How often they are begun again at all: somebody may write as much as is deleted each time."""

_REPOSITORIES: Final = Names(frozenset({b".git"}), frozenset(), 0, (), frozenset({b".git"}))


def read_only(path: str) -> Problem:
    """Return the one problem of all that lies on a read-only file system, of which *path* is a part."""
    return Problem(mounts.mount_point_of(path), ProblemCode.READ_ONLY, errno.EROFS)


async def find_obstacles(
    place: str, identity: Identity, scheduler: Scheduler, clones: Container[bytes] = ()
) -> dict[Problem, None]:
    """Return what keeps a directory from being deleted that nobody gets at any more.

    Repositories do, but for *clones*: paths relative to it of those that its tool can clone again. Raises Stopped if it was stopped before anybody knows, and Unanswered.
    """
    root = anchor(place, identity)
    problems: dict[Problem, None] = {}

    async def walk(stack: list[bytes]) -> list[bytes]:
        paths, left, faults, seen = await scheduler.read(
            _find_repositories,
            root,
            stack,
            scheduler.portion(_READ_AT_ONCE),
            lacked=lambda found: lacked(found[2]),
        )
        scheduler.handled(seen)
        for path in paths:
            if path in clones:
                continue
            problems[Problem(beneath(place, path), ProblemCode.REPOSITORY_INSIDE)] = None
        problems.update((problem_at(place, fault), None) for fault in faults)
        return left

    await scheduler.share([b""], walk)
    return problems


async def _count(root: Root, scheduler: Scheduler) -> int:
    """Return how many entries are beneath a root. Raises as :func:`find_obstacles` does.

    What cannot be read does not count, nor can it be deleted.
    """
    entries = 0

    async def walk(stack: list[bytes]) -> list[bytes]:
        nonlocal entries
        usage, left, _ = await scheduler.read(
            engine.measure,
            root,
            stack,
            scheduler.portion(_READ_AT_ONCE),
            lacked=lambda measured: lacked(measured[2]),
        )
        entries += usage.files + usage.directories
        scheduler.handled(usage.files + usage.directories)
        return left

    await scheduler.share([b""], walk)
    return entries


def _find_repositories(
    root: Root, stack: list[bytes], budget: int
) -> tuple[list[bytes], list[bytes], list[Fault], int]:
    """Return the repositories of a slice, what is left of that, what could not be read, and how many entries that were."""
    finding = engine.find(root, stack, _REPOSITORIES, budget)
    # Of a directory .git, what it lies in is the repository.
    paths = [hit.path.removesuffix(b".git").rstrip(b"/") for hit in finding.found.hits]
    # A file of that name, as worktrees have it, is for the engine a marker of what it lies in, and
    # the root itself is never a hit.
    if b"" in stack and rename_away.holds(os.fsdecode(root.path), ".git"):
        paths.append(b"")
    return paths, finding.left, finding.faults, finding.found.entries


@dataclass(slots=True)
class Emptied:
    """What came of deleting a directory with all it holds."""

    freed: int = 0
    freed_directories: int = 0
    """What directories have of that."""
    removed: int = 0
    """Entries."""
    directories: int = 0
    """What directories are of those."""
    root: bool = False
    """The directory itself is gone, by this program."""
    problems: dict[Problem, None] = field(default_factory=dict)
    stopped: bool = False
    now_at: str | None = None
    """Where it was moved to meanwhile, if that is known."""


async def empty(
    place: str,
    identity: Identity,
    entries: int | None,
    scheduler: Scheduler,
    freed: Callable[[int], None],
    held: Held | None = None,
    *,
    include_foreign: bool = False,
) -> Emptied:
    """Delete the directory *place* with all workers.

    It was measured and has so many *entries*; None if it was not, and then they are counted first. Without
    a problem it is gone, which what is *held* is asked for, where there are such descriptors. What only
    somebody else may delete stays, unless *include_foreign*.
    """
    groups: Groups | None = None
    try:
        if held is not None and scheduler.workers > 1:
            groups = await scheduler.ask_aside(engine.groups_of, held.itself)
        done = await _empty(place, identity, entries, scheduler, freed, groups, include_foreign)
        if held is not None and not done.problems and not done.stopped:
            # Whoever moves the project meanwhile takes the rest along.
            there, now_at = await scheduler.ask_aside(_where_is, held)
            # A lower layer of an overlay keeps what is gone from the whole, with its links.
            if there and (now_at is not None or not done.root):
                done.now_at = now_at
                done.problems[_moved(place, now_at)] = None
    except TimeoutError as error:
        raise Unanswered from error
    return done


def _where_is(held: Held) -> tuple[bool, str | None]:
    """Return whether what is held is still somewhere, and where; let go of it if not."""
    if rename_away.is_somewhere(held):
        return True, rename_away.whereabouts(held)
    held.let_go()
    return False, None


def _moved(place: str, now_at: str | None) -> Problem:
    if now_at is None:
        return Problem(place, ProblemCode.MOVED_AWAY)
    message = f"it is at {now_at} now; a run that deletes there finishes it"
    return Problem(place, ProblemCode.MOVED_AWAY, message=message)


class _Left(NamedTuple):
    """What one call has left to do."""

    here: list[bytes]
    elsewhere: tuple[tuple[int, bytes], ...]
    """In other groups of inodes (see Groups)."""


_NOTHING_LEFT: Final = _Left([], ())

_LeftByGroup: TypeAlias = tuple[list[bytes], Iterable[tuple[tuple[int, int], bytes]]]


# Long: what each call does counts towards one sum, which decides whether there is another call.
async def _empty(
    place: str,
    identity: Identity,
    entries: int | None,
    scheduler: Scheduler,
    freed: Callable[[int], None],
    groups: Groups | None,
    include_foreign: bool,  # noqa: FBT001 - a setting, passed on
) -> Emptied:
    root = anchor(place, identity)
    if entries is None:
        try:
            entries = await _count(root, scheduler)
        except Stopped:
            return Emptied(stopped=True)
    # Measured a moment ago: whoever has deleted that much more races with something that writes.
    limit = 2 * entries + _SLACK
    done = Emptied()
    blocked: list[bytes] = []
    shortages = 0
    pace = Pace(_SECONDS, _BUDGET, _MAX)

    async def remove_slice(stack: list[bytes], group: int = 0) -> _Left:
        nonlocal shortages
        if done.root:  # What is in its place by now is not what was to be deleted.
            return _NOTHING_LEFT
        try:
            budget = scheduler.portion(pace.entries)
            part = Part(root, stack, budget, groups, group, include_foreign, once=scheduler.limited)
            made = await scheduler.change(remove_timed, part)
        except Stopped:
            done.stopped = True
            return _NOTHING_LEFT
        counts, left, faults = made.removal
        elsewhere = counts.elsewhere
        pace.took(made.seconds)
        pace.did(counts.files + counts.directories, of=budget)
        scheduler.handled(counts.files + counts.directories)
        # Where there are groups, more calls would only wait for those that have a group already.
        if groups is None:
            await scheduler.breadth.did(
                counts.files + counts.directories,
                made.seconds,
                made.processor_seconds,
                now=time.monotonic(),
            )
        # At once: whatever happens next, this much is gone.
        done.freed += counts.freed
        done.freed_directories += counts.freed_directories
        done.removed += counts.files + counts.directories
        done.directories += counts.directories
        done.root = done.root or counts.root
        freed(counts.freed)
        blocked.extend(counts.blocked)
        if lacked(faults):
            try:
                again = await scheduler.make_do(shortages)
            except Stopped:
                done.stopped = True
                return _NOTHING_LEFT
            if again:
                # Begun again: what is gone by now is no fault, and what is left is still in there.
                shortages += not counts.files + counts.directories
                left, elsewhere, faults = stack, (), []
        if any(fault.errno == errno.EROFS for fault in faults):
            done.problems[read_only(place)] = None
            return _NOTHING_LEFT
        done.problems.update((problem_at(place, fault), None) for fault in faults)
        return _Left(left, elsewhere) if done.removed <= limit else _NOTHING_LEFT

    async def work_off(stack: list[bytes]) -> None:
        if groups is None:

            async def handle(slice_: list[bytes]) -> list[bytes]:
                return (await remove_slice(slice_)).here

            await scheduler.share(stack, handle)
            return

        async def handle_group(key: tuple[int, int], slice_: list[bytes]) -> _LeftByGroup:
            here, elsewhere = await remove_slice(slice_, key[1])
            return here, (((key[0], group), entry) for group, entry in elsewhere)

        # Whose group a directory is in that was blocked is not known, nor does it matter for so little.
        count = min(groups.total, len(stack))
        parts = {(root.device, part): stack[part::count] for part in range(count)}
        await scheduler.share_by_key(parts, handle_group)

    attempts, rounds = _ATTEMPTS, _ROUNDS
    stack = [b""]
    while stack and attempts and rounds and not done.stopped and done.removed <= limit:
        rounds -= 1
        before = done.removed
        blocked.clear()
        await work_off(stack)
        # The innermost last, as that is where the engine begins.
        stack = sorted(blocked, key=lambda entry: entry.count(b"/"))
        attempts -= done.removed == before
    if done.root:
        # Whatever had a problem is gone as well, or is not in there any more; nor is anything left to do.
        done.problems.clear()
        done.stopped = False
    elif done.removed > limit or (stack and not rounds):
        done.problems[Problem(place, ProblemCode.WRITTEN_TO)] = None
    elif not (done.problems or done.stopped):
        for entry in blocked:
            path = beneath(place, entry.rstrip(b"/"))
            done.problems[Problem(path, ProblemCode.REMOVE_DIRECTORY, errno.ENOTEMPTY)] = None
    return done
