"""What looks at directories of packages have in common: listing them, and telling what lies in a package."""

import fnmatch
import os
import re
import stat
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final

from cleanup_nodemodule.proof.declared import times
from cleanup_nodemodule.proof.declared.answer import Declared
from cleanup_nodemodule.proof.stat_cache import StatCache

NOISE: Final = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
"""What file managers put everywhere."""

_VALUABLE: Final = re.compile(
    r"^\.env(?:\..*)?$|^id_[a-z0-9]+$|^credentials|^secrets?\.|^\.(?:netrc|htpasswd|pgpass|git-credentials)$"
    r"|\.(?:sqlite[23]?|db3?|s3db|sl3|mdb|accdb|fdb|realm|duckdb|mdf|ldf|myd|dbf|rdb|aof|dump|bak|sav)"
    r"(?:[-.](?:wal|shm|journal))?$"
    r"|\.(?:pem|key|p8|p12|pfx|jks|jceks|keystore|bks|ppk|pgp|gpg|kbx|kdbx?|crt|cer|der)$"
    r"|\.(?:mobileprovision|provisionprofile|keychain|tfstate|tfvars)$",
    re.IGNORECASE,
)
"""Data bases, keys and secrets: what programs and people put anywhere."""

_EXAMPLES: Final = re.compile(
    r"(?:^|/)(?:__?tests?__?|tests?|specs?|features|fixtures?|examples?|samples?|demos?|docs?|testdata|mocks?|stubs?)/",
    re.IGNORECASE,
)
"""Directories of packages that have such things to try something with."""


def names(*place: str) -> tuple[str, ...]:
    """Return what a directory holds, in order; nothing if it is none. Raises OSError where it cannot be listed."""
    try:
        found = os.listdir(os.path.join(*place))
    except (FileNotFoundError, NotADirectoryError):
        return ()
    return tuple(sorted(name for name in found if name not in NOISE))


def newest(*paths: str) -> int:
    """Return when the last of these was written, in seconds since the epoch, as ``times.last``; 0 if none is there."""
    found = []
    for path in paths:
        try:
            found.append(int(os.lstat(path)[stat.ST_MTIME]))
        except (FileNotFoundError, NotADirectoryError):
            continue
    return times.last(found)


def declared_by(
    files: Iterable[str], number: int, what: str, undeclared: Collection[str]
) -> tuple[str, ...]:
    """Return the phrase that says how all comes back; none if something does not.

    *what* is one of them: ``gem``, or with both endings ``dependenc[y|ies]``.
    """
    if undeclared:
        return ()
    word, _, endings = what.removesuffix("]").partition("[")
    one, _, several = endings.partition("|")
    called = f"{word}{one if number == 1 else several or 's'}"
    every = "" if number == 1 else ", all"
    return (f"{number} {called}{every} declared by {' and '.join(files)}",)


def nothing(made_by: str | None, missing: str, directory: str) -> Declared:
    """Return the answer where what it takes is not there."""
    return Declared(made_by=made_by, missing=missing, command_in=directory)


def text_of(artifact: str, directory: str, name: str, cache: StatCache, largest: int) -> str | None:
    """Return what a manifest says, None if there is none that can be believed."""
    if not cache.proves(directory, name, artifact):
        return None
    content = cache.read(directory, name, largest)
    return None if content is None else content.decode("utf-8", "replace")


def parts(
    artifact: str,
    paths: Sequence[str],
    late: Sequence[str],
    cache: StatCache,
    *,
    owned: Callable[[str], bool],
    later: Sequence[str] = (),
    same: Callable[[str], bool] | None = None,
    listed: Callable[[str], bool] | None = None,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return which *paths* came with no package, and which *late* ones no tool writes.

    *owned* says whether a path lies in a package. What programs and people write has to be *listed* by its package
    too, or lie where examples do: its time says nothing, as what is moved keeps it. *later* are patterns of what tools
    write after the installer was through. *same* says of a late file that its content is that which was installed.
    """
    met = tuple(
        path
        for path in paths
        if not owned(path)
        or (
            _VALUABLE.search(os.path.basename(path))
            and not (listed is not None and listed(path))
            and not _EXAMPLES.search(path)
            and not _is_certificate(artifact, path, cache)
        )
    )
    modified = tuple(
        path
        for path in late
        if os.path.basename(path) not in NOISE
        and not fits(path, later)
        and not (same is not None and same(path))
    )
    return met, modified


def fits(path: str, patterns: Iterable[str]) -> bool:
    """Whether a path fits one of the patterns, whose ``*`` goes over several names."""
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


def _is_certificate(artifact: str, path: str, cache: StatCache) -> bool:
    """Whether it holds certificates alone, as packages bring them for the authorities that everybody trusts."""
    if not path.lower().endswith((".pem", ".crt", ".cer")):
        return False
    content = cache.read(artifact, path) or b""
    return b"-----BEGIN CERTIFICATE" in content and b"PRIVATE KEY" not in content


def beneath(directories: Collection[str]) -> Callable[[str], bool]:
    """Return what tells whether a path is one of *directories* or lies in one."""

    def ask(path: str) -> bool:
        while path:
            if path in directories:
                return True
            path = os.path.dirname(path)
        return False

    return ask
