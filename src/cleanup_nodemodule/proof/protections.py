"""What keeps a directory whatever proves it: installations, running processes, the user's word.

What git tracks is :mod:`cleanup_nodemodule.proof.git`'s to say; mount points, repositories inside and what
cannot be read are met while measuring.
"""

import functools
import os
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from cleanup_nodemodule.model import Identity, Reason
from cleanup_nodemodule.patterns.patterns import NO_PATTERNS, Patterns
from cleanup_nodemodule.proof import git_process
from cleanup_nodemodule.proof.in_use import Processes
from cleanup_nodemodule.proof.installed import Protection
from cleanup_nodemodule.proof.stat_cache import StatCache, ancestors
from cleanup_nodemodule.proof.tree_file import TREE_FILE, kept_by
from cleanup_nodemodule.system import processes
from cleanup_nodemodule.work import helper_process

KEEP_FILE: Final = ".cleanup-keep"
"""A file of this name keeps everything in its directory and below."""


def mounted_in(path: str, points: Iterable[str]) -> Protection | None:
    """Tell whether something is mounted inside *path*."""
    if isinstance(points, tuple) and path not in _around(points):
        return None
    beneath = os.path.join(path, "")
    for point in points:
        if point.startswith(beneath):
            return Protection(Reason.MOUNT_POINT, f"something is mounted on {point}")
    return None


@functools.lru_cache(maxsize=4)
def _around(points: tuple[str, ...]) -> frozenset[str]:
    """Return all directories that something is mounted in: one question instead of one for each mount."""
    return frozenset(above for point in points for above in ancestors(point, None))


def current_directory(
    path: str, identity: Identity, cwd: str | None, around: frozenset[Identity]
) -> Protection | None:
    """Tell whether the current directory *cwd* lies inside the directory *path*.

    *around* is what :func:`directories_around` returned for it: where case does not count, paths tell
    less.
    """
    if cwd is None:
        return None
    if not (cwd + os.sep).startswith(os.path.join(path, "")) and identity not in around:
        return None
    return Protection(Reason.CURRENT_DIRECTORY, f"the current directory {cwd} is inside")


def directories_around(path: str | None) -> frozenset[Identity]:
    """Return the directory *path* and all above it."""
    around: set[Identity] = set()
    for directory in ancestors(path, None) if path else ():
        try:
            status = os.stat(directory)
        except OSError:
            continue
        around.add(Identity(status.st_dev, status.st_ino))
    return frozenset(around)


class Spared(NamedTuple):
    """What the user said to leave alone. Pickles."""

    keep: Patterns = NO_PATTERNS
    """Of the configuration."""
    excluded: Patterns = NO_PATTERNS
    """Of the command line. What they match is not even searched; what they name may lie in an artifact."""

    @property
    def given(self) -> bool:
        """Whether there are any patterns."""
        return bool(self.keep.given or self.excluded.given)

    def met(self, path: str, *, enter: bool = True) -> frozenset[str]:
        """Return the patterns that keep the directory *path*; see :func:`kept`."""
        met: set[str] = set()
        self.keep.covering(path, met)
        if enter:
            self.keep.inside(path, met)
            self.excluded.inside(path, met)
        return frozenset(met)


NOTHING_SPARED: Final = Spared()


def kept(
    path: str,
    spared: Spared | None = None,
    cache: StatCache | None = None,
    *,
    enter: bool = True,
    place: str | None = None,
) -> Protection | None:
    """Tell whether the user said to keep *path*, by a pattern or by a file.

    Without *enter* nothing inside is looked at. *place* is where it lies now, if that is somewhere else. *cache* is one
    of this run's. Raises OSError where something could not be looked at.
    """
    met: set[str] = set()
    keep, excluded = (spared.keep, spared.excluded) if spared else (NO_PATTERNS, NO_PATTERNS)
    if (text := keep.covering(path, met)) is not None:
        return Protection(Reason.EXCLUDED, f"the keep pattern {text} matches")
    if enter and (text := keep.inside(path, met)) is not None:
        return Protection(Reason.EXCLUDED, f"the keep pattern {text} names what is inside")
    if enter and (text := excluded.inside(path, met)) is not None:
        return Protection(Reason.EXCLUDED, f"--exclude {text} names what is inside")
    return _kept_by_file(path, path if place is None else place, cache or StatCache())


def _kept_by_file(path: str, place: str, cache: StatCache) -> Protection | None:
    """Tell whether a file in the directory at *place*, or above it, keeps that; it is called *path*."""

    def answer(directory: str) -> str | None:
        return cache.one_of(directory, KEEP_FILE, TREE_FILE)

    directory = place
    while (found := cache.nearest((KEEP_FILE, TREE_FILE), directory, None, answer)) is not None:
        directory, name = found
        if name == KEEP_FILE:
            by_whom = cache.by_whom(directory, name, place)
            return Protection(Reason.EXCLUDED, f"there is a {KEEP_FILE} in {directory}{by_whom}")
        if (protection := kept_by(directory, path, place, cache)) is not None:
            return protection
        if directory == os.path.dirname(directory):
            break
        directory = os.path.dirname(directory)
    return None


def running_processes(
    run: int, *, assume_unused: bool = False, known: Mapping[int, str] | None = None
) -> Processes:
    """Ask the system what all processes work on, as far as it tells.

    Those that an earlier look has *known* (:attr:`Processes.known`) are passed over.
    :mod:`cleanup_nodemodule.system.processes` says what that costs.

    The process *run*, which is this run, and those that started it are left out: a shell in the project,
    from which the tool is called, is no reason to keep the project's artifacts. So is what helps it, whose
    interpreter may be in the project, and the git that it asks. Raises OSError where the system does not tell.
    """
    work = processes.find_work(run, helper_process.__name__, known, git=git_process.WORD)
    return Processes(work, assume_unused=assume_unused)
