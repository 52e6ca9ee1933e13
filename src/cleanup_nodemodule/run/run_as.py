"""As whom a command runs in a project, so that root runs nothing that somebody else decides.

``npm ci`` and its like run what the project says, and what they find in the directories around it.
"""

import fnmatch
import os
import stat
from dataclasses import dataclass
from typing import Final

from cleanup_nodemodule.record import trust
from cleanup_nodemodule.system import accounts

_LOOKED_FOR: Final = (
    *(
        "package.json",
        "node_modules",
        "pnpm-*",
        "yarn.lock",
        "bunfig.toml",
        "lerna.json",
        "nx.json",
    ),
    *("turbo.json*", "tsconfig*.json", "*.config.*", "babel.*", "deno.json*", "rush.json"),
    *(
        "pyproject.toml",
        "setup.*",
        "uv.*",
        "poetry.*",
        "pdm.*",
        "pixi.*",
        "tox.*",
        "requirements*.txt",
    ),
    *("Cargo.*", "rust-toolchain*", "go.*", "pom.xml", "*.gradle*", "gradle*", "build.*", "*.sbt"),
    *("Gemfile*", "composer.*", "mix.*", "stack.yaml", "cabal.project*", "dune-*", "Package.*"),
    *("Directory.*", "global.json", "[Nn]u[Gg]et.[Cc]onfig", "*.sln*", "Makefile", "CMake*"),
    *(
        "meson.build",
        "WORKSPACE*",
        "MODULE.bazel",
        "pubspec.*",
        "project.clj",
        "deps.edn",
        "mise.*",
    ),
    *(".*rc", ".*rc.*", ".yarn*", ".pnp*", ".git", ".hg", ".cargo", ".mvn", ".bundle", ".config"),
    *(".env*", ".tool-versions", ".mise*", ".*-version", ".editorconfig", ".bazel*"),
)
"""What package managers and build tools look for in directories above a project, and go by."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """As whom to run what a project says."""

    user: str | None = None
    """The name of another account; None is whoever this process runs as."""
    refusal: str | None = None
    """Why it is not to be run at all."""


AS_WE_ARE: Final = Verdict()


def decide(directory: str) -> Verdict:
    """Say as whom root runs what the project in a directory says; everybody else runs it as they are.

    That is root where nobody else can alter the directory, and else its owner, where nobody but root and
    the owner can. A sticky directory above, such as ``/tmp``, is no hindrance for as long as nothing of
    anybody else's lies there that tools look for.
    """
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return AS_WE_ARE
    import pwd

    try:
        reason = _fault(directory, 0)
        if reason is None:
            return AS_WE_ARE
        owner = os.stat(directory).st_uid
        if owner != 0:
            try:
                name = pwd.getpwuid(owner).pw_name
            except KeyError:
                return Verdict(refusal=f"it belongs to the user id {owner}, which has no account")
            reason = _fault(directory, owner)
            if reason is None:
                return Verdict(name)
    except OSError as error:
        return Verdict(refusal=error.strerror)
    return Verdict(
        refusal=f"it would run what somebody else can write, as {reason};"
        " see to it that only its owner can alter what lies there"
    )


def _fault(directory: str, account: int) -> str | None:
    return trust.untrusted(directory, account) or _planted(directory, account)


def _planted(directory: str, account: int) -> str | None:
    """Return what somebody else has put above a directory where everybody may, for tools to find."""
    above = os.path.dirname(os.path.realpath(directory))
    while above != os.path.dirname(above):
        mode = os.lstat(above).st_mode
        if mode & stat.S_ISVTX and mode & (stat.S_IWOTH | stat.S_IWGRP):
            with os.scandir(above) as entries:
                for entry in entries:
                    if any(fnmatch.fnmatch(entry.name, pattern) for pattern in _LOOKED_FOR):
                        owner = entry.stat(follow_symlinks=False).st_uid
                        if owner not in {0, account}:
                            return f"{entry.path!r} belongs to {accounts.account_name(owner)}"
        above = os.path.dirname(above)
    return None
