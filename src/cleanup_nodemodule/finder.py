"""Roots to candidates: walks the trees, shared among the workers, and finds the names."""

import errno
import os
import stat
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cleanup_nodemodule import engine
from cleanup_nodemodule.engine.contract import Fault, Finding, Found, Hit, Names, Root
from cleanup_nodemodule.model import Candidate, Identity, Problem
from cleanup_nodemodule.paths import anchor, beneath, problem_at
from cleanup_nodemodule.scheduler import Scheduler
from cleanup_nodemodule.settings import Settings

if TYPE_CHECKING:
    from pathspec import PathSpec
    from pathspec.patterns.gitignore.basic import GitIgnoreBasicPattern

_BUDGET = 8192
"""Directory entries a call handles: at some 2 microseconds each, the fixed cost of a call (handing
over, opening the root) is well below one percent."""

_SKIPPED = frozenset({b".git"})
"""A repository's own directory is never looked into."""


class RootError(OSError):
    """A root that cannot be searched at all: it does not exist, or is no directory."""


class ExcludeError(ValueError):
    """A pattern that is not gitignore syntax."""


@dataclass(frozen=True, slots=True)
class SearchRoot:
    """A directory to search: absolute, symlinks in its path resolved once, here."""

    path: str
    identity: Identity


def locate_roots(paths: tuple[str, ...]) -> tuple[SearchRoot, ...]:
    """Resolve the roots; of several paths to one directory, the first counts.

    Raises RootError with the errno and the path as it was given.
    """
    roots: dict[Identity, SearchRoot] = {}
    for path in paths:
        try:
            resolved = os.path.realpath(path, strict=True)
            status = os.stat(resolved)
        except OSError as error:
            raise RootError(error.errno, error.strerror, path) from error
        except ValueError as error:  # A NUL byte; no file system has it.
            raise RootError(errno.ENOENT, str(error), path) from error
        if not stat.S_ISDIR(status.st_mode):
            raise RootError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
        identity = Identity(status.st_dev, status.st_ino)
        roots.setdefault(identity, SearchRoot(resolved, identity))
    return tuple(roots.values())


def compile_excludes(patterns: tuple[str, ...]) -> "PathSpec[GitIgnoreBasicPattern] | None":
    """Return the matcher for patterns in gitignore syntax, None for no patterns.

    Raises ExcludeError for a malformed one.
    """
    if not patterns:
        return None
    from pathspec import PathSpec

    try:
        with warnings.catch_warnings():
            # About what regular expressions may mean one day; nothing the user wrote.
            warnings.simplefilter("ignore", FutureWarning)
            # The last pattern that matches decides (gitignore(5)). GitIgnoreSpec does it otherwise
            # for names with a trailing slash, and would exclude more.
            return PathSpec.from_lines("gitignore", patterns)
    except ValueError as error:
        raise ExcludeError(str(error)) from error


async def find(
    roots: tuple[SearchRoot, ...],
    excluded: "PathSpec[GitIgnoreBasicPattern] | None",
    settings: Settings,
    scheduler: Scheduler,
    *,
    found: Callable[[Candidate], None],
    problem: Callable[[Problem], None],
    searched: Callable[[int], None],
) -> None:
    """Search *roots* one after the other, each with all workers.

    Calls *found* for each candidate, once however many roots lead to it, *problem* for each place
    that could not be read, and *searched* with the number of directories a call went through.
    Raises Stopped, in an ExceptionGroup, when the scheduler is told to stop.
    """
    names = Names(
        frozenset(os.fsencode(name) for name in settings.names), _SKIPPED, settings.min_depth
    )
    roots = tuple(root for root in roots if not _inside_a_match(root, roots, settings, excluded))
    overlapping = any(_relative(inner, outer) for inner in roots for outer in roots)
    seen: dict[Identity, Candidate] = {}

    for root in roots:
        start = anchor(root.path, root.identity)

        async def search(
            stack: list[bytes], root: SearchRoot = root, start: Root = start
        ) -> list[bytes]:
            if excluded is None:
                slice_ = await scheduler.call(engine.find, start, stack, names, _BUDGET)
            else:
                slice_ = await scheduler.call(
                    _find_unexcluded, start, stack, names, _BUDGET, excluded
                )
            searched(slice_.found.directories)
            for fault in slice_.faults:
                problem(problem_at(root.path, fault))
            for hit in slice_.found.hits:
                candidate = _candidate(root, hit)
                if candidate.identity not in seen:
                    seen[candidate.identity] = candidate
                    if not overlapping:
                        found(candidate)
            return slice_.left

        await scheduler.share([b""], search)
    if overlapping:
        for candidate in _outermost(seen.values()):
            found(candidate)


def _candidate(root: SearchRoot, hit: Hit) -> Candidate:
    identity = Identity(hit.device, hit.inode)
    return Candidate(beneath(root.path, hit.path), root.path, identity, hit.mounted, hit.changed)


def _find_unexcluded(
    root: Root,
    stack: list[bytes],
    names: Names,
    budget: int,
    excluded: "PathSpec[GitIgnoreBasicPattern]",
) -> Finding:
    """Do as ``engine.find`` does, without ever opening an excluded directory.

    The engine knows no patterns, so it is called for one directory at a time. What lies under an
    excluded directory is not reached, as with git, so each path need only be looked at itself.
    """
    directories = 0
    hits: list[Hit] = []
    faults: list[Fault] = []
    left = list(stack)

    def is_excluded(path: bytes) -> bool:
        return excluded.match_file(os.fsdecode(path) + "/")

    while left and budget > 0:
        step = engine.find(root, [left.pop()], names, 1)
        directories += step.found.directories
        hits += (hit for hit in step.found.hits if not is_excluded(hit.path))
        faults += step.faults
        left += (path for path in step.left if not is_excluded(path))
        budget -= 1 + len(step.left) + len(step.found.hits)
    return Finding(Found(directories, hits), left, faults)


def _relative(inner: SearchRoot, outer: SearchRoot) -> tuple[str, ...]:
    """Return the names that lead from *outer* down to *inner*; none if it is not beneath it."""
    prefix = os.path.join(outer.path, "")
    if inner is outer or not inner.path.startswith(prefix):
        return ()
    return tuple(inner.path[len(prefix) :].split(os.sep))


def _inside_a_match(
    root: SearchRoot,
    roots: tuple[SearchRoot, ...],
    settings: Settings,
    excluded: "PathSpec[GitIgnoreBasicPattern] | None",
) -> bool:
    """Whether *root* lies in what the search of another root reports as a whole."""
    for outer in roots:
        way = _relative(root, outer)
        for depth, name in enumerate(way):
            path = "/".join(way[: depth + 1]) + "/"
            if os.fsencode(name) in _SKIPPED or (excluded and excluded.match_file(path)):
                break
            if depth >= settings.min_depth and name in settings.names:
                return True
    return False


def _outermost(candidates: Iterable[Candidate]) -> Iterator[Candidate]:
    """Leave out candidates that lie inside others, as happens where roots have their own depths."""
    last: str | None = None
    for candidate in sorted(candidates, key=lambda candidate: candidate.path + os.sep):
        if last is None or not candidate.path.startswith(last):
            last = os.path.join(candidate.path, "")
            yield candidate
