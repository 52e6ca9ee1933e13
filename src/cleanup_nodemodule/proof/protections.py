"""What keeps a directory whatever proves it: installations, running processes, the user's word.

What git tracks is :mod:`cleanup_nodemodule.proof.git`'s to say; mount points, repositories inside and what
cannot be read are met while measuring.
"""

import bisect
import itertools
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from cleanup_nodemodule.model import Identity, Problem, Reason
from cleanup_nodemodule.patterns.patterns import NO_PATTERNS, Patterns
from cleanup_nodemodule.proof import homes
from cleanup_nodemodule.proof.stat_cache import StatCache, ancestors
from cleanup_nodemodule.system import mounts, processes
from cleanup_nodemodule.work import helper_process

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

_HOME_INSTALLATIONS: Final = frozenset({"Library", "snap", "Applications"})
"""What holds installed programs in a home directory, beside all that begins with a dot."""

_PROGRAMS: Final = re.compile(
    r"/(?:"
    # Versions and global packages of interpreters and package managers.
    r"\.(?:nvm|volta|fnm|nodenv|nodebrew|nvs|asdf|bun|deno|npm|npm-global|npm-packages|pnpm-store|proto"
    r"|pyenv|rbenv|rvm|sdkman|rustup|ghcup|opam|pub-cache|jbang|krew|oh-my-zsh|hyper_plugins)"
    # Editors and assistants, with the server that one leaves where it is used from afar.
    r"|\.(?:[\w-]+-server(?:-insiders|-oss)?|vscode-remote)/(?:extensions|bin|cli)"
    r"|\.[\w-]+/extensions"
    r"|\.(?:atom|arduino15|platformio|nuget|meteor)/packages|\.(?:vim|config/nvim)/(?:plugged|bundle|pack)"
    r"|\.emacs\.d/(?:elpa|straight)"
    # What package managers keep for all projects of a user.
    r"|\.config/(?:yarn|composer|coc|Code|Cursor|VSCodium)|\.local/(?:share|lib|state|pipx)|\.var/app"
    r"|\.cargo/(?:registry|git)|\.gradle/(?:caches|wrapper|jdks)|\.m2/(?:repository|wrapper)"
    r"|\.yarn/(?:global|berry)|\.composer/vendor|\.ivy2/(?:cache|local)"
    r"|\.cache/(?:pre-commit|typescript|pnpm|node|yarn|deno|electron|ms-playwright|Cypress|JetBrains)"
    r"|Library/(?:pnpm|Caches|Application Support)"
    # The same where XDG_DATA_HOME, XDG_CONFIG_HOME or PNPM_HOME say so.
    r"|pnpm/global/[0-9]+|yarn/global/node_modules"
    r")(?:/|$)"
)
"""What programs keep in a home directory, told by its own shape wherever it lies: in a copy of one, or in one
that nobody knows for one."""


@dataclass(frozen=True, slots=True)
class Protection:
    """Why a directory is kept, with what exactly it was that keeps it."""

    reason: Reason
    detail: str
    problem: Problem | None = None
    """What went wrong when that was asked, if it is kept for this."""


def vital(path: str, known: "homes.Known | None" = None) -> str | None:
    """Return what *path* is that is never deleted, whatever a rule, a proof or the user says.

    The root directory, what lies directly in it, home directories (see :mod:`cleanup_nodemodule.proof.homes`),
    and whatever any of these lies in. None if it is nothing of the kind. (Mount points are the engine's
    to refuse.) *known* is what is known by now of the directories around it.
    """
    if os.path.dirname(os.path.dirname(path)) == os.path.dirname(path):
        return "a directory of the system"
    if (known or homes.Known()).is_around_home(path):
        return "a home directory"
    return None


def installed(
    path: str,
    home: str | None,
    *,
    in_repository: bool,
    known: "homes.Known | None" = None,
    cache: StatCache | None = None,
) -> Protection | None:
    """Tell whether *path* is part of installed software rather than of a project.

    *home* is the home directory of whoever runs the tool. *known* is as :func:`vital` takes it, and
    *cache* is one of this run's. Raises OSError where something could not be looked at.
    """
    cache = cache or StatCache()
    if home and mounts.within(home, path):
        return _installation("what holds the home directory")
    known = known or homes.Known(home)
    if (what := vital(path, known)) is not None:
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
    for name in known.names(path):
        if protection := _in_home(name, known):
            return protection
        if programs := _PROGRAMS.search(name):
            return _installation(f"what programs keep in {name[: programs.end()].rstrip(os.sep)}")
    system = _SYSTEM.match(path)
    if system and not (in_repository and path.startswith("/opt/")):
        return _installation(f"the system: it lies in {system[0].rstrip('/')}")
    if os.path.basename(parents) == "lib" and path.endswith("node_modules"):
        prefix = os.path.dirname(parents)
        if cache.protects(prefix, "bin/") and not cache.exists(parents, "package.json"):
            return _installation("a global npm prefix")
    # As editors and JetBrains' programs unpack them, and what Python and conda make.
    found = cache.nearest_protecting(parents, *_MARKS)
    if found is None:
        return None
    directory, marker = found
    by_whom = cache.by_whom(directory, marker, path)
    return _installation(
        f"{_MARKS[marker]} {directory}" + (by_whom and f", for its {marker}{by_whom}")
    )


_MARKS: Final = {
    ".vsixmanifest": "the editor extension",
    "product-info.json": "the program",
    "pyvenv.cfg": "the environment",
    "conda-meta/": "the environment",
}
"""What lies at the top of what is installed, and what that is then."""


def _installation(of: str) -> Protection:
    return Protection(Reason.INSTALLED, f"part of {of}")


def _in_home(path: str, known: "homes.Known") -> Protection | None:
    """Tell what programs keep in a home directory: everything below a dot-directory, and more."""
    names = path.split(os.sep)
    # Not the path of each directory above: there may be hundreds, and as many artifacts in them.
    for number in range(len(names) - 1, 0, -1):
        first = names[number]
        if first.startswith(".") or first in _HOME_INSTALLATIONS:
            directory = os.sep.join(names[:number]) + (os.sep if number == 1 else "")
            if known.is_home(directory):
                return _installation(f"what programs keep in {os.path.join(directory, first)}")
    return None


def mounted_in(path: str, points: Iterable[str]) -> Protection | None:
    """Tell whether something is mounted inside *path*."""
    beneath = os.path.join(path, "")
    for point in points:
        if point.startswith(beneath):
            return Protection(Reason.MOUNT_POINT, f"something is mounted on {point}")
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


def kept(
    path: str,
    spared: Spared | None = None,
    cache: StatCache | None = None,
    *,
    enter: bool = True,
) -> Protection | None:
    """Tell whether the user said to keep *path*, by a pattern or by a file.

    Without *enter* nothing inside is looked at. *cache* is one of this run's. Raises OSError where
    something could not be looked at.
    """
    met: set[str] = set()
    keep, excluded = (spared.keep, spared.excluded) if spared else (NO_PATTERNS, NO_PATTERNS)
    if (text := keep.covering(path, met)) is not None:
        return Protection(Reason.KEPT, f"the keep pattern {text} matches")
    if enter and (text := keep.inside(path, met)) is not None:
        return Protection(Reason.KEPT, f"the keep pattern {text} names what is inside")
    if enter and (text := excluded.inside(path, met)) is not None:
        return Protection(Reason.KEPT, f"--exclude {text} names what is inside")
    cache = cache or StatCache()
    found = cache.nearest_protecting(path, KEEP_FILE)
    if found is None:
        return None
    directory, marker = found
    by_whom = cache.by_whom(directory, marker, path)
    return Protection(Reason.KEPT, f"there is a {KEEP_FILE} in {directory}{by_whom}")


@dataclass(frozen=True, slots=True)
class Whose:
    """What an artifact and its project are besides their paths."""

    identities: frozenset[Identity] = frozenset()
    """Device and inode of both."""
    owners: frozenset[int] = frozenset()
    """User ids of the owners of both."""


def whose(paths: Iterable[str], known: "homes.Known | None" = None) -> Whose:
    """Ask the disk what the directories at *paths* are: those of an artifact and its project.

    *known* is as :func:`vital` takes it.
    """
    known = known or homes.Known()
    standings = [one for one in map(known.standing, paths) if one is not None]
    return Whose(
        frozenset(one.identity for one in standings), frozenset(one.owner for one in standings)
    )


class Processes:
    """Where other processes were at work when one look was taken, and what it could not see.

    Asking takes some microseconds; it is the look that takes time.
    """

    def __init__(self, work: processes.Work, *, assume_unused: bool = False) -> None:
        """With *assume_unused* nobody works where nobody can say who does."""
        self.unseen: Final = work.unseen
        """Processes that could not be looked at; None if nobody can say how many."""
        self.known: Final = work.known
        """Those that the next look need not look at, if they are where they were."""
        self._places = sorted(work.places)
        self._directories = work.directories
        self._mounts = sorted(work.mounts)
        self._assume_unused = assume_unused

    def at_work_in(
        self, project: str, artifact: str, whose: Whose | None = None
    ) -> Protection | None:
        """Tell what is done in the *project* or the *artifact* that keeps the latter, None if nothing.

        A process at work there; something that is mounted on or in the artifact in another mount
        namespace; and for what does not belong to the user, that some processes could not be looked at.
        """
        for directory in (artifact, project):
            found = _first_within(self._places, directory)
            if found is not None:
                return Protection(Reason.IN_USE, f"{found[1]} is at work in {found[0]}")
        if (mounted := _first_within(self._mounts, artifact)) is not None:
            point, how = mounted
            return Protection(Reason.MOUNT_POINT, f"something is mounted on {point}, {how}")
        if whose is None:
            return None
        for identity in whose.identities:
            if (who_is_there := self._directories.get(identity)) is not None:
                where = f"{who_is_there} is at work in it, in another mount namespace"
                return Protection(Reason.IN_USE, where)
        if self.unseen == 0 or self._assume_unused or not hasattr(os, "geteuid"):
            return None
        if whose.owners == {os.geteuid()}:
            return None
        return Protection(
            Reason.IN_USE,
            f"it or its project belongs to somebody else, and {describe_unseen(self.unseen)}; {OVERRIDE}",
        )


OVERRIDE: Final = "--assume-unused takes it for unused"
"""How the words end for what is kept only as nobody can say whether it is in use."""


def describe_unseen(count: int | None) -> str:
    """Say how many processes could not be looked at; None is any number."""
    if count is None:
        return "the system hides the processes of other users"
    number = "1 process" if count == 1 else f"{count} processes"
    return f"{number} could not be looked at (no permission)"


def _first_within(places: list[tuple[str, str]], directory: str) -> tuple[str, str] | None:
    """Return the first of the sorted *places* that is the *directory* or lies in it."""
    for start in (directory, os.path.join(directory, "")):
        position = bisect.bisect_left(places, (start, ""))
        if position < len(places) and mounts.within(places[position][0], directory):
            return places[position]
    return None


def running_processes(
    run: int, *, assume_unused: bool = False, known: Mapping[int, str] | None = None
) -> Processes:
    """Ask the system what all processes work on, as far as it tells.

    Those that an earlier look has *known* (:attr:`Processes.known`) are passed over.
    :mod:`cleanup_nodemodule.system.processes` says what that costs.

    The process *run*, which is this run, and those that started it are left out: a shell in the project,
    from which the tool is called, is no reason to keep the project's artifacts. So is what helps it, whose
    interpreter may be in the project. Raises OSError where the system does not tell.
    """
    work = processes.find_work(run, helper_process.__name__, known)
    return Processes(work, assume_unused=assume_unused)
