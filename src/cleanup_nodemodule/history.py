"""When a project was last used: by git, or by whoever edited its sources."""

import os
import stat
from collections.abc import Callable
from typing import Final

from cleanup_nodemodule.proofs import read

_MOST: Final = 20_000
"""Entries of one project that are looked at: a project of that size has told what it has to tell."""

_GIT_FILES: Final = ("index", "HEAD", "logs/HEAD")
"""What git writes when it is used (gitrepository-layout(5))."""


def last_git_activity(repository: str) -> int:
    """Return when git last did something, seconds since the epoch; 0 if nobody knows."""
    directory = os.path.join(repository, ".git")
    link = read(directory)
    if link is not None and link.startswith(b"gitdir:"):
        # A worktree or submodule: the file says where its part of the repository is.
        directory = os.path.join(repository, os.fsdecode(link[7:].strip()))
    return max((_changed(os.path.join(directory, name)) for name in _GIT_FILES), default=0)


def newest_source(project: str, is_passed: Callable[[str], bool], known: dict[str, int]) -> int:
    """Return when the newest file of *project* outside its artifacts was changed.

    *is_passed* tells by its path which directory is not gone into, artifacts above all. *known* holds the answers for projects inside this one,
    and takes this one's.
    """
    if project in known:
        return known[project]
    newest = 0
    left = _MOST
    stack = [project]
    while stack and left > 0:
        directory = stack.pop()
        if directory in known:
            newest = max(newest, known[directory])
            continue
        try:
            with os.scandir(directory) as entries:
                for entry in entries:
                    left -= 1
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name != ".git" and not is_passed(entry.path):
                            stack.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        newest = max(newest, int(entry.stat(follow_symlinks=False)[stat.ST_MTIME]))
        except OSError:
            continue
    known[project] = newest
    return newest


def _changed(path: str) -> int:
    try:
        return int(os.lstat(path)[stat.ST_MTIME])
    except (OSError, ValueError):  # A NUL in it, from a file that names it.
        return 0
