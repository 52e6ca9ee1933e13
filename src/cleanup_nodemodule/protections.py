"""What keeps a directory whatever proves it: installations, running processes, the user's word.

What git tracks is :mod:`cleanup_nodemodule.git`'s to say; mount points, repositories inside and what
cannot be read are met while measuring.
"""

import bisect
import contextlib
import functools
import itertools
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from cleanup_nodemodule import apart, system
from cleanup_nodemodule.model import Identity, Reason
from cleanup_nodemodule.patterns import NO_PATTERNS, Patterns
from cleanup_nodemodule.proofs import ancestors, exists

KEEP_FILE: Final = ".cleanup-keep"
"""A file of this name keeps everything in its directory and below."""

_PACKAGES: Final = {
    "node_modules": "an installed package",
    "site-packages": "an installed package",
    "dist-packages": "an installed package",
    "Program Files": "an installed program",
    "Program Files (x86)": "an installed program",
    "AppData": "an installed program",
    "app.asar.unpacked": "an installed program",
    "steamapps": "an installed program",
    **dict.fromkeys(
        (".next", ".output", ".vercel", ".netlify", ".serverless", ".aws-sam", "cdk.out"),
        "what is deployed",
    ),
}
"""Names of directories whose content is installed or deployed, wherever they are. A node_modules
with a package.json beside it in ``.next/standalone`` (Next.js) or ``.output/server`` (Nuxt) is the
server that runs."""

_SYSTEM: Final = re.compile(
    r"/(?:usr(?!/(?:local/)?src/)|opt|lib\w*|bin|sbin|etc|boot|proc|sys|dev|run|snap|nix|gnu"
    r"|var/(?:lib|cache|snap)|System|Library|Applications)(?:/|$)"
)
"""Directories of the system and of what is installed on it (hier(7); macOS: File System Programming
Guide). Sources are unpacked to /usr/src and /usr/local/src and built there."""

_HOMES: Final = re.compile(
    r"(?:/root|(?:/var|/export|/mnt/[a-z]|/media/[^/]+/[^/]+)?/(?:home|Users)/[^/]+)(?=/|$)"
)
"""Home directories, of whoever: the tool may run as root."""

_HOME_INSTALLATIONS: Final = frozenset({"Library", "snap", "Applications"})


@dataclass(frozen=True, slots=True)
class Protection:
    """Why a directory is kept, with what exactly it was that keeps it."""

    reason: Reason
    detail: str


def vital(path: str) -> str | None:
    """Return what *path* is that is never deleted, whatever a rule, a proof or the user says.

    The root directory, what lies directly in it, the home directories of all accounts there are, and
    whatever any of these lies in. None if it is nothing of the kind. (Mount points are the engine's
    to refuse.)
    """
    if os.path.dirname(os.path.dirname(path)) == os.path.dirname(path):
        return "a directory of the system"
    beneath = os.path.join(path, "")
    match = _HOMES.match(path)
    if (match and match[0] == path) or any(home.startswith(beneath) for home in _homes()):
        return "a home directory"
    return None


@functools.cache
def _homes() -> tuple[str, ...]:
    """Return the home directories of all accounts, with a slash at the end."""
    with contextlib.suppress(ImportError):  # There is none on Windows.
        import pwd  # noqa: PLC0415 - as the line above says

        return tuple({os.path.join(account.pw_dir, "") for account in pwd.getpwall()})
    return ()


def installed(path: str, home: str | None, *, in_repository: bool) -> Protection | None:
    """Tell whether *path* is part of installed software rather than of a project."""
    if home and os.path.join(home, "").startswith(os.path.join(path, "")):
        return _installation("what holds the home directory")
    if (what := vital(path)) is not None:
        return _installation(what)
    parents = os.path.dirname(path)
    names = parents.split(os.sep)
    if path.endswith("/.vercel/output"):
        names = names[:-1]  # The link to the project beside it is what is never touched.
    for name in names:
        if name in _PACKAGES:
            return _installation(f"{_PACKAGES[name]}: it lies in a {name}")
    for first, second in itertools.pairwise(names):
        if first.endswith(".app") and second == "Contents":
            return _installation(f"an installed program: it lies in {first}")
        if (first, second) == ("pkg", "mod"):
            return _installation("a module that go downloaded")
        if (first, second) == ("resources", "app"):
            return _installation("an installed program: it lies in its resources/app")
    if protection := _in_home(path, home):
        return protection
    system = _SYSTEM.match(path)
    if system and not (in_repository and path.startswith("/opt/")):
        return _installation(f"the system: it lies in {system[0].rstrip('/')}")
    if os.path.basename(parents) == "lib" and path.endswith("node_modules"):
        prefix = os.path.dirname(parents)
        if exists(prefix, "bin/") and not exists(parents, "package.json"):
            return _installation("a global npm prefix")
    for directory in ancestors(parents, None):
        if exists(directory, ".vsixmanifest"):
            return _installation(f"the editor extension {directory}")
        if exists(directory, "product-info.json"):
            return _installation(f"the program {directory}")  # As JetBrains unpacks them.
        if exists(directory, "pyvenv.cfg") or exists(directory, "conda-meta/"):
            return _installation(f"the environment {directory}")
    return None


def _installation(of: str) -> Protection:
    return Protection(Reason.INSTALLED, f"part of {of}")


def _in_home(path: str, home: str | None) -> Protection | None:
    """Tell what programs keep in a home directory: everything below a dot-directory, and more."""
    match = _HOMES.match(path)
    homes = {match[0]} if match and match[0] != path else set()
    if home and path.startswith(os.path.join(home, "")):
        homes.add(home)
    for one in homes:
        first = path[len(one) :].lstrip(os.sep).split(os.sep)[0]
        if first.startswith(".") or first in _HOME_INSTALLATIONS:
            return _installation(f"what programs keep in {os.path.join(one, first)}")
    return None


def mount_points() -> tuple[str, ...]:
    """Return everything that something is mounted on; a file may be, too, which no walk would see."""
    return tuple(system.mounted())


def mount_point_of(path: str, mounts: Iterable[str] | None = None) -> str:
    """Return what the file system that holds *path* is mounted on, of these *mounts* or of all."""
    around = [
        mount
        for mount in (mount_points() if mounts is None else mounts)
        if os.path.join(path, "").startswith(os.path.join(mount, ""))
    ]
    return max(around, key=len, default=os.path.abspath(os.sep))


def mounted_in(path: str, mounts: Iterable[str]) -> Protection | None:
    """Tell whether something is mounted inside *path*."""
    beneath = os.path.join(path, "")
    for mount in mounts:
        if mount.startswith(beneath):
            return Protection(Reason.MOUNT_POINT, f"something is mounted on {mount}")
    return None


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


@dataclass(frozen=True, slots=True)
class Spared:
    """What the user said to leave alone. Pickles."""

    keep: Patterns = NO_PATTERNS
    """Of the configuration."""
    excluded: Patterns = NO_PATTERNS
    """Of the command line. What they match is not even searched; what they name may lie in an artifact."""

    def met(self, path: str, *, enter: bool = True) -> frozenset[str]:
        """Return the patterns that keep the directory *path*; see :func:`kept`."""
        met: set[str] = set()
        self.keep.covering(path, met)
        if enter:
            self.keep.inside(path, met)
            self.excluded.inside(path, met)
        return frozenset(met)


NOTHING_SPARED: Final = Spared()


def kept(path: str, spared: Spared | None = None, *, enter: bool = True) -> Protection | None:
    """Tell whether the user said to keep *path*, by a pattern or by a file.

    Without *enter* nothing inside is looked at.
    """
    met: set[str] = set()
    keep, excluded = (spared.keep, spared.excluded) if spared else (NO_PATTERNS, NO_PATTERNS)
    if (text := keep.covering(path, met)) is not None:
        return Protection(Reason.KEPT, f"the keep pattern {text} matches")
    if enter and (text := keep.inside(path, met)) is not None:
        return Protection(Reason.KEPT, f"the keep pattern {text} names what is inside")
    if enter and (text := excluded.inside(path, met)) is not None:
        return Protection(Reason.KEPT, f"--exclude {text} names what is inside")
    for directory in (path, *ancestors(os.path.dirname(path), None)):
        if exists(directory, KEEP_FILE):
            return Protection(Reason.KEPT, f"there is a {KEEP_FILE} in {directory}")
    return None


class Processes:
    """Where other processes are at work: their current directories, programs and open files."""

    def __init__(self, places: Iterable[tuple[str, str]]) -> None:
        self._places = sorted(places)

    def at_work_in(self, project: str, artifact: str) -> Protection | None:
        """Tell whether a process is at work in the project or in the artifact, and which."""
        for directory in (artifact, project):
            # Everything beneath a directory sorts right behind it.
            start = bisect.bisect_left(self._places, (directory, ""))
            for place, who in self._places[start:]:
                if place != directory and not place.startswith(os.path.join(directory, "")):
                    if place.startswith(directory):
                        continue  # A sibling such as project-2, which sorts in between.
                    break
                return Protection(Reason.IN_USE, f"{who} is at work in {place}")
        return None


def look_at_processes(run: int) -> Processes:
    """Ask the system what all processes work on, as far as it tells.

    The process *run*, which is this run, and those that started it are left out: a shell in the project,
    from which the tool is called, is no reason to keep the project's artifacts. So is what helps it, whose
    interpreter may be in the project. Raises OSError where the system does not tell.
    """
    return Processes(system.at_work(run, helper=apart.__name__))
