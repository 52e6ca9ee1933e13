"""Looks at the files of a clone before git does: whether it is one that a tool made, and nobody changed."""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from cleanup_nodemodule.proof import git_files
from cleanup_nodemodule.proof.git_config import settings_of
from cleanup_nodemodule.proof.git_content import TEXT, Unfit, is_beneath, object_in
from cleanup_nodemodule.proof.git_files import Checked, Doubt
from cleanup_nodemodule.system import mounts
from cleanup_nodemodule.system.files import UnfitError, read_small
from cleanup_nodemodule.work.conversion import LACKED

_SECTIONS: Final = frozenset(
    {b"core", b"remote", b"branch", b"extensions", b"submodule", b"gc", b"advice", b"fetch"}
)
"""Sections of a configuration in which nothing names a program (git-config(1)), but for these:"""

_PROGRAMS: Final = frozenset(
    {
        *(b"sshcommand", b"fsmonitor", b"hookspath", b"askpass", b"editor", b"pager", b"gitproxy"),
        *(b"alternaterefscommand", b"uploadpack", b"receivepack", b"vcs", b"proxy", b"update"),
        *(
            b"worktree",
            b"excludesfile",
            b"attributesfile",
            b"ignorestat",
            b"virtualfilesystem",
            b"recentobjectshook",
            b"trustctime",
            b"checkstat",
        ),
    }
)
"""Variables in them that do, that have git read other files, or overlook changes."""

_WORK: Final = frozenset(
    {
        *(
            "MERGE_HEAD",
            "CHERRY_PICK_HEAD",
            "REVERT_HEAD",
            "BISECT_LOG",
            "rebase-merge",
            "rebase-apply",
        ),
        *("sequencer", "annex", "svn", "config.worktree"),
    }
)
"""Names in a repository that are there while somebody is at work (gitrepository-layout(5)), or because another
program keeps something of its own in it."""

_HOLDING: Final = {
    "worktrees": "a working tree elsewhere belongs to it",
    "modules": "it has submodules",
}
"""Directories in a repository, and what it means if something is in them."""

_MADE: Final = re.compile(
    rb"^\S+ (\S+) [^\t]*\t(?!clone: |checkout: |reset: |pull: Fast-forward)", re.MULTILINE
)
"""A line of a reflog with the commit that somebody made (the file ``logs/HEAD``, git-reflog(1)), and not a tool
that only went to another one."""

_FETCHED: Final = re.compile(rb"^([0-9a-f]{40,64})\t", re.MULTILINE)
"""A line of ``FETCH_HEAD`` (git-fetch(1))."""

_MOST: Final = 1000
"""Commits on a command line."""

_REMOTE: Final = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://|(?P<helper>[^/:]+::)|(?P<host>[^/:]+:)", re.IGNORECASE
)
"""How the address of a remote begins that is no path (git-fetch(1), GIT URLS; gitremote-helpers(7))."""


class Clone(NamedTuple):
    """What the files of a clone say. Pickles."""

    memory: int
    """Bytes of memory that git needs for it at most."""
    bare: bool
    """It is a mirror, without a working tree."""
    remote: str
    """Where it was cloned from."""
    inner: str | None
    """That place, if it lies in the same artifact: an absolute path."""
    made: tuple[str, ...]
    """Commits that were made here, by the reflog."""
    fetched: tuple[str, ...]
    """Commits that were fetched last."""


def lacked(said: Clone | Doubt) -> bool:
    """Whether there were too few descriptors or too little memory to look."""
    return isinstance(said, Doubt) and said.errno in LACKED


def look(repository: str, artifact: str, kinds: Mapping[str, str]) -> Clone | Doubt:
    """Look at the files of *repository* in *artifact*.

    *kinds* gives for each mount point what is mounted there. Nothing here waits but for the disk.
    """
    try:
        return _look(repository, artifact, kinds)
    except Unfit as error:
        return Doubt(str(error))
    except UnfitError as error:
        return Doubt(f"{error.filename}: {error.strerror}")
    except OSError as error:
        return Doubt(f"{error.filename or repository}: {error.strerror}", error.errno or 0)


def _look(repository: str, artifact: str, kinds: Mapping[str, str]) -> Clone | Doubt:
    bare = not os.path.lexists(os.path.join(repository, ".git"))
    directory = repository if bare else os.path.join(repository, ".git")
    if not stat.S_ISDIR(os.lstat(directory).st_mode):
        raise Unfit("it is a worktree or a submodule of another repository")
    checked = git_files.check(repository, (), kinds, bare=bare)
    if not isinstance(checked, Checked):
        return checked
    for name in os.listdir(directory):
        if name in _WORK:
            raise Unfit(f"somebody is at work in it: there is {os.path.join(directory, name)}")
        if name in _HOLDING and os.listdir(os.path.join(directory, name)):
            raise Unfit(_HOLDING[name])
    remote, mirror = _configured(directory)
    if bare and not mirror:
        raise Unfit("it is bare, and no mirror of another repository")
    inner = _inner(remote, repository, artifact, kinds)
    log = _read(directory, os.path.join("logs", "HEAD"))
    made = tuple(
        dict.fromkeys(found[1].decode("ascii", "replace") for found in _MADE.finditer(log))
    )
    if len(made) > _MOST or any(object_in(one.encode()) is None for one in made):
        raise Unfit("commits were made in it")
    fetched = _FETCHED.findall(_read(directory, "FETCH_HEAD"))[:_MOST]
    commits = tuple(one.decode() for one in fetched)
    return Clone(checked.memory, bare, remote, inner, made, commits)


def _read(directory: str, name: str) -> bytes:
    """Return what is in a file of a repository; nothing if it is not there."""
    try:
        return read_small(os.path.join(directory, name), TEXT)[0]
    except FileNotFoundError:
        return b""


def _configured(directory: str) -> tuple[str, bool]:
    """Return the address of the remote, and whether this is a mirror of it.

    Raises Unfit where there is none, and where a clone that a tool has made would not be configured so.
    """
    path = os.path.join(directory, "config")
    addresses: list[str] = []
    mirror = False
    for section, key, value in settings_of(_read(directory, "config"), path):
        if section not in _SECTIONS or key in _PROGRAMS:
            name = f"{section.decode()}.{key.decode()}"
            raise Unfit(f"somebody has configured it: {name} in {path}")
        if (section, key) == (b"remote", b"url") and value:
            addresses.append(os.fsdecode(value))
        mirror |= section == b"remote" and (key, value) in _MIRRORS
    if not addresses:
        raise Unfit("it has no remote from which it could be cloned again")
    return addresses[0], mirror


_MIRRORS: Final = (
    *((b"mirror", value) for value in (b"true", b"yes", b"on", b"1", None)),
    (b"fetch", b"+refs/*:refs/*"),
)
"""How a mirror is configured (``git clone --mirror``, git-clone(1))."""


def _inner(remote: str, repository: str, artifact: str, kinds: Mapping[str, str]) -> str | None:
    """Return the path of a *remote* that lies in the artifact, None for one elsewhere.

    Raises Unfit where nothing could be cloned from there.
    """
    begin = _REMOTE.match(remote)
    if begin is not None and begin["helper"]:
        raise Unfit(f"its remote is no address: {remote}")
    if begin is not None and (begin["scheme"] or "").lower() != "file":
        return None
    path = remote if begin is None else remote[begin.end() :].removeprefix("localhost")
    path = os.path.normpath(os.path.join(repository, path))
    for point, kind in kinds.items():
        if is_beneath(path, point) and mounts.is_silent(kind):
            raise Unfit(f"its remote {path} is on a disk that may not answer")
    place = next((one for one in _repositories(path) if _is_repository(one)), None)
    if place is None:
        raise Unfit(f"its remote {path} is no repository, or not there any more")
    top = os.path.dirname(place) if os.path.basename(place) == ".git" else place
    real = os.path.realpath(top)
    return real if is_beneath(real, os.path.realpath(artifact)) else None


def _repositories(path: str) -> Iterator[str]:
    """Give what git tries for a path (git-clone(1), the description of ``repository``)."""
    yield from (os.path.join(path, ".git"), path, f"{path}.git")


def _is_repository(path: str) -> bool:
    return all(os.path.isdir(os.path.join(path, name)) for name in ("objects", "refs"))
