"""What is part of installed software, or of the system, and is never deleted."""

import itertools
import os
import re
from typing import Final, NamedTuple

from cleanup_nodemodule.model import Problem, Reason
from cleanup_nodemodule.proof import homes
from cleanup_nodemodule.proof.stat_cache import StatCache
from cleanup_nodemodule.system import mounts

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


_SECOND: Final = frozenset({"Contents", "mod", "app"})
"""The second of two names that together say that a program or a module is installed."""


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
    r"\.(?:nvm|volta|fnm|nodenv|nodebrew|nvs|asdf|bun|deno|npm|npm-global|npm-packages|proto"
    r"|pyenv|rbenv|rvm|sdkman|rustup|ghcup|opam|pub-cache|jbang|krew|oh-my-zsh|hyper_plugins)"
    # The store itself may be that of a project, as in CI: where no home is told by its shape, its rule says.
    r"|\.pnpm-store(?=/)"
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


def _may_be_programs(path: str) -> bool:
    """Whether :data:`_PROGRAMS` may match *path*; to look for what is in all of these takes far less time."""
    return "/." in path or "Library/" in path or "/global/" in path


class Protection(NamedTuple):
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
    if home and home.startswith(path) and mounts.within(home, path):
        return _installation("what holds the home directory")
    known = known or homes.Known(home)
    if (what := vital(path, known)) is not None:
        return _installation(what)
    parents = os.path.dirname(path)
    names = parents.split(os.sep)
    if path.endswith("/.vercel/output"):
        names = names[:-1]  # The link to the project beside it is what is never touched.
    there = set(names)
    if not there.isdisjoint(_PACKAGES):
        name = next(name for name in names if name in _PACKAGES)
        return _installation(f"{_PACKAGES[name]}: it lies in a {name}")
    for first, second in () if there.isdisjoint(_SECOND) else itertools.pairwise(names):
        if first.endswith(".app") and second == "Contents":
            return _installation(f"an installed program: it lies in {first}")
        if (first, second) == ("pkg", "mod"):
            return _installation("a module that go downloaded")
        if (first, second) == ("resources", "app"):
            return _installation("an installed program: it lies in its resources/app")
    for name in known.names(path):
        if protection := _in_home(name, known):
            return protection
        if _may_be_programs(name) and (programs := _PROGRAMS.search(name)):
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
