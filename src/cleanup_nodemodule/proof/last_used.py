"""When a project was last used: by git, or by whoever edited its sources."""

import os
import stat
from collections.abc import Callable, Container, MutableMapping
from typing import Final

from cleanup_nodemodule.model.plan import UNKNOWN_USE
from cleanup_nodemodule.proof.stat_cache import StatCache

_MAX: Final = 100_000
"""Entries of one project that are looked at. What nobody has looked at may have been used just now."""

_LONGEST: Final = 4096
"""Bytes that a file with the name of a directory has at most (PATH_MAX, limits.h(0p))."""

_GIT_FILES: Final = ("index", "HEAD", "logs/HEAD")
"""What git writes when it is used (gitrepository-layout(5))."""


def last_git_activity(repository: str, cache: StatCache | None = None) -> int:
    """Return when git last did something, seconds since the epoch; 0 if nobody knows.

    *cache* is one of this run's. Raises OSError where something could not be looked at.
    """
    cache = cache or StatCache()
    top, directory = repository, ".git"
    link = cache.read(repository, ".git")
    if link is not None:
        # A worktree or submodule: the file says where its part of the repository is.
        place = gitdir(repository, link)
        if place is None:
            return 0
        # Whatever is on the way there from what both lie in, a symlink or a mount, is not gone through.
        top = os.path.commonpath((repository, place))
        directory = os.path.relpath(place, top)
    found = (cache.status(top, f"{directory}/{name}") for name in _GIT_FILES)
    return max((int(one[stat.ST_MTIME]) for one in found if one is not None), default=0)


def gitdir(repository: str, link: bytes) -> str | None:
    """Return the directory that the file ``.git`` of *repository* names, None for none."""
    if not link.startswith(b"gitdir:") or len(link) > _LONGEST or b"\0" in link:
        return None
    return os.path.normpath(os.path.join(repository, os.fsdecode(link[7:].strip())))


def newest_source(
    project: str, is_passed: Callable[[str], bool], known: MutableMapping[str, int]
) -> int:
    """Return when the newest file of *project* outside its artifacts was changed, seconds since the epoch.

    UNKNOWN_USE where not everything can be looked at: it cannot be read, or there is too much of it. *is_passed* tells
    by its path which directory is not gone into, artifacts above all. *known* holds the answers for projects inside
    this one, and takes this one's.
    """
    if project in known:
        return known[project]
    newest = 0
    left = _MAX
    stack = [project]
    while stack and newest != UNKNOWN_USE:
        directory = stack.pop()
        if directory in known:
            newest = max(newest, known[directory])
            continue
        try:
            with os.scandir(directory) as entries:
                for entry in entries:
                    left -= 1
                    if left < 0:
                        newest = UNKNOWN_USE
                        break
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name != ".git" and not is_passed(entry.path):
                            stack.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        newest = max(newest, _changed(entry))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            newest = UNKNOWN_USE
    known[project] = newest
    return newest


def newest_of_its_own(project: str, passed: Container[str]) -> int:
    """Return what :func:`newest_source` does, without what lies in another working tree in the *project*.

    What is *passed* is not gone into: artifacts, what is mounted, and other projects.
    """

    def is_passed(path: str) -> bool:
        return path in passed or os.path.lexists(os.path.join(path, ".git"))

    return newest_source(project, is_passed, {})


def _changed(entry: os.DirEntry[str]) -> int:
    """Return when a file was changed; 0 if it is gone."""
    try:
        return int(entry.stat(follow_symlinks=False)[stat.ST_MTIME])
    except FileNotFoundError:
        return 0


def last_change(project: str, repository: str | None) -> int:
    """Return when git was at work, or a file directly in the *project* was changed, seconds since the epoch; 0 if never.

    It takes some calls only, and looks into no directory beneath. Raises OSError as :func:`last_git_activity` does.
    """
    newest = 0 if repository is None else last_git_activity(repository)
    with os.scandir(project) as entries:
        for entry in entries:
            if entry.is_file(follow_symlinks=False):
                newest = max(newest, _changed(entry))
    return newest
