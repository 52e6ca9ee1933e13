"""The directories that a list names: where each is, and the root that it is decided by. Nothing is searched.

Each is decided as a run decides that searches the root and finds it there. So one that no such run would come to,
such as one in a repository's own directory or on another file system, is no candidate but a problem.
"""

import errno
import os
import stat
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from cleanup_nodemodule.config.settings import Settings
from cleanup_nodemodule.model import Candidate, Identity, Problem
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.record.staged import is_staged
from cleanup_nodemodule.survey.search import SearchRoot, wanted_names
from cleanup_nodemodule.system.symlinks import resolve
from cleanup_nodemodule.work.conversion import absolute, everywhere
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.silence import Unanswered

_BATCH: Final = 2048
"""Names that one call looks up."""


class Place(NamedTuple):
    """A name that was looked up. Pickles."""

    path: str
    """Absolute; without symlinks if it is a directory."""
    identity: Identity = Identity(0, 0)
    changed: int = 0
    """As in Candidate."""
    number: int = 0
    """Why there is no directory (errno(3)); 0 if there is one."""
    why: str | None = None
    """The same as a sentence, where the system's words do not say it."""


class Named(NamedTuple):
    """What a list came to."""

    roots: tuple[str, ...]
    """What they are decided by, without symlinks."""
    candidates: tuple[Candidate, ...]
    leftovers: tuple[Candidate, ...]
    """Directories with a name that only this program gives to what it deletes."""


async def locate_named(
    settings: Settings,
    roots: Sequence[SearchRoot],
    mounts: Collection[str],
    scheduler: Scheduler,
    problems: list[Problem],
) -> Named:
    """Look up the names of the *settings*, and find out by which root each is decided.

    What is no candidate is added to the *problems*. Raises Stopped.
    """
    names = wanted_names(
        settings.rules if settings.targets is None else (),
        (*(settings.targets or ()), *settings.also),
        min_depth=0,
    )
    skipped = frozenset(map(os.fsdecode, names.skipped))
    points = frozenset(mounts)
    places: dict[str, Place] = {}
    beings: set[Identity] = set()
    for point, paths in _by_mount(settings.artifacts or (), points, problems).items():
        for start in range(0, len(paths), _BATCH):
            batch = paths[start : start + _BATCH]
            try:
                with scheduler.silence.asking(point):
                    found = await scheduler.call(look_up, batch)
            except Unanswered:
                break
            for place in found:
                if place.number:
                    missing = place.number in {errno.ENOENT, errno.ENOTDIR} and place.why is None
                    code = ProblemCode.NAMED_GONE if missing else ProblemCode.NAMED
                    problems.append(Problem(place.path, code, place.number, place.why))
                elif place.identity not in beings:
                    # By another way to the same directory it would be deleted twice.
                    beings.add(place.identity)
                    places[place.path] = place
    decided_by = root_finder([root.path for root in roots], settings.cwd, points, list(places))
    candidates: list[Candidate] = []
    leftovers: list[Candidate] = []
    for path in sorted(places):
        place = places[path]
        root = decided_by(path)
        why = _unreached(path, root, skipped)
        if root is None or why is not None:
            problems.append(Problem(path, ProblemCode.NAMED, errno.EXDEV, why))
            continue
        candidate = Candidate(path, root, place.identity, path in points, place.changed)
        (leftovers if is_staged(candidate.name) else candidates).append(candidate)
    candidates.sort(key=lambda one: one.root)  # What is looked at in one call has one root.
    paths = [one.path for one in candidates]
    first = paths.index(settings.begin_with) if settings.begin_with in paths else 0
    candidates = candidates[first:] + candidates[:first]
    used = tuple(dict.fromkeys(one.root for one in (*candidates, *leftovers)))
    return Named(used, tuple(candidates), tuple(leftovers))


def places_around(names: Iterable[str], mounts: Collection[str] = ()) -> list[str]:
    """Return directories that all of the *names* lie in, absolute paths, by what they are called. Pure.

    One for each file system, by the *mounts*, and for each directory directly in ``/``: the nearest one around them.
    """
    groups: dict[tuple[str, str], tuple[str, str]] = {}
    points = frozenset(mounts)
    above: dict[str, str] = {}
    for path in names:
        around = os.path.dirname(path)
        point = above.get(around)
        if point is None:
            point = above[around] = _mount_of(around, points)
        top = path[: path.find(os.sep, 1) + 1]
        low, high = groups.get((point, top), (path, path))
        groups[point, top] = min(low, path), max(high, path)
    # What sorts between two paths lies in all directories that both of them lie in.
    return [os.path.commonpath(map(os.path.dirname, ends)) for ends in groups.values()]


def _mount_of(path: str, points: Collection[str]) -> str:
    while path not in points and (above := os.path.dirname(path)) != path:
        path = above
    return path


def _by_mount(
    names: Iterable[str], points: Collection[str], problems: list[Problem]
) -> dict[str, list[str]]:
    """Return the names as absolute paths, by the mount point that they lie on; each once."""
    groups: dict[str, dict[str, None]] = {}
    above: dict[str, str] = {}
    for name in names:
        try:
            path = everywhere(name)
        except OSError as error:  # There is no current directory that it could lie in.
            problems.append(Problem(name, ProblemCode.NAMED, error.errno))
            continue
        around = os.path.dirname(path)
        if around not in above:
            above[around] = _mount_of(around, points)
        groups.setdefault(above[around], {})[path] = None
    return {point: list(paths) for point, paths in groups.items()}


def look_up(paths: Sequence[str]) -> list[Place]:
    """Return what is at each of some absolute *paths*."""
    ways: dict[str, str] = {os.sep: os.sep}
    return [_look_up(path, ways) for path in paths]


def _look_up(path: str, ways: dict[str, str]) -> Place:
    try:
        above, name = os.path.split(path.rstrip(os.sep))
        if name in {"", os.curdir, os.pardir}:
            whole = resolve(path)[0]
        else:
            whole = os.path.join(_way(above, ways), name)
        status = os.lstat(whole)
    except OSError as error:
        # What refuses a symlink says more than the system does.
        own = None if error.strerror == os.strerror(error.errno or 0) else error.strerror
        return Place(absolute(path), number=error.errno or errno.EIO, why=own)
    except ValueError as error:  # A NUL byte; no file system has it.
        return Place(path, number=errno.EINVAL, why=str(error))
    if stat.S_ISLNK(status.st_mode):
        return Place(whole, number=errno.ELOOP, why=_SYMLINK)
    if not stat.S_ISDIR(status.st_mode):
        return Place(whole, number=errno.ENOTDIR, why=_FILE)
    return Place(whole, Identity(status.st_dev, status.st_ino), status.st_ctime_ns)


def _way(directory: str, ways: dict[str, str]) -> str:
    """Return where an absolute path of a directory leads, without symlinks; *ways* are those known by now.

    A symlink is followed as :func:`resolve` does it. What is none needs no more than one call. Raises OSError.
    """
    known = ways.get(directory)
    if known is not None:
        return known
    above, name = os.path.split(directory)
    if name in {"", os.curdir, os.pardir} or above == directory:
        way = resolve(directory)[0]
    else:
        way = os.path.join(_way(above, ways), name)
        if stat.S_ISLNK(os.lstat(way).st_mode):
            way = resolve(directory)[0]
    ways[directory] = way
    return way


_SYMLINK: Final = "it is a symlink, and what it leads to has another name; give that"
_FILE: Final = "it is a file; this program deletes directories"


def root_finder(
    roots: Sequence[str], cwd: str | None, points: Collection[str], paths: Sequence[str]
) -> Callable[[str], str | None]:
    """Return what tells by which root a path is decided, None for none. Pure.

    It is the first of the *roots* that a search finds it in. If there are none, it is the current directory *cwd* if
    it lies in that, and else the nearest directory around all of the *paths* that do not.
    """
    given = {root: number for number, root in reversed(list(enumerate(roots)))}
    if given:
        return lambda path: _root_of(path, given, points)
    own = {} if cwd is None else {cwd: 0}
    others = [path for path in paths if _root_of(path, own, points) is None]
    common = {place: number for number, place in enumerate(places_around(others, points))}
    return lambda path: _root_of(path, own, points) or _root_of(path, common, points)


def _root_of(path: str, roots: Mapping[str, int], points: Collection[str]) -> str | None:
    """Return the first of *roots*, each with its number, that *path* lies in, with nothing mounted in between."""
    # A root that is an artifact itself is decided as a search of the directory around it does.
    found: tuple[int, str] | None = None
    if path in roots:
        found = roots[path], os.path.dirname(path)
    place = path
    while (above := os.path.dirname(place)) != place:
        place = above
        if place in roots and (found is None or roots[place] < found[0]):
            found = roots[place], place
        if place in points:
            break
    return None if found is None else found[1]


def _unreached(path: str, root: str | None, skipped: Collection[str]) -> str | None:
    """Return why a search of *root* does not come to *path*; None if it does."""
    if root is None:
        return "it lies in no PATH of this run, or on another file system; add -p and a directory around it"
    names = os.path.relpath(os.path.dirname(path), root).split(os.sep)
    for name in names:
        if name in skipped:
            return f"it lies in a directory called {name}, and a run does not look into that"
        if is_staged(name):
            return "it lies in what an interrupted run has left; to finish that, type: resume"
    return None
