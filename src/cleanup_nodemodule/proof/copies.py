"""Tells what a tool has copied into an artifact from what is only there.

Site builders copy what is in ``public``, Maven what is in ``src/main/resources``, setuptools the modules. A copy that
is still the same as its original is not lost with the artifact, whatever it is called.
"""

import os
from collections.abc import Iterable, Iterator
from typing import Final

from cleanup_nodemodule.proof.rules import Rule
from cleanup_nodemodule.proof.stat_cache import StatCache

_AT_ONCE: Final = 256 * 1024
"""Bytes that are compared at a time."""

_LARGEST: Final = 64 * 1024 * 1024
"""Bytes of a file that is compared at most; one that is larger is taken for the only one."""


def only_here(
    rule: Rule | None, artifact: str, paths: Iterable[str], cache: StatCache
) -> tuple[str, ...]:
    """Return those *paths* in *artifact* that are no copies of what lies beside it, as *rule* says where.

    They are relative to it. Raises OSError where something could not be looked at.
    """
    copied = rule.copied if rule is not None else ()
    if not copied:
        return tuple(paths)
    return tuple(path for path in paths if not _is_copy(path, copied, artifact, cache))


def _is_copy(path: str, copied: Iterable[tuple[str, str]], artifact: str, cache: StatCache) -> bool:
    project = os.path.dirname(artifact)
    return any(
        _are_equal(artifact, path, project, original, cache)
        for inside, beside in copied
        for original in _originals(path, inside, beside)
    )


def _originals(path: str, inside: str, beside: str) -> Iterator[str]:
    """Give where the original of *path* would be; ``*`` in *inside* stands for any one directory."""
    parts, top = path.split("/"), [] if inside == "." else inside.split("/")
    if len(parts) > len(top) and all(
        one in {"*", part} for one, part in zip(top, parts, strict=False)
    ):
        rest = "/".join(parts[len(top) :])
        yield rest if beside == "." else f"{beside}/{rest}"


def _are_equal(artifact: str, path: str, project: str, original: str, cache: StatCache) -> bool:
    if os.path.normpath(os.path.join(project, original)).startswith(artifact + os.sep):
        return False  # It would be lost as well.
    mine, other = cache.status(artifact, path), cache.status(project, original)
    if not (mine and other and cache.exists(artifact, path) and cache.exists(project, original)):
        return False
    if mine.st_size != other.st_size or mine.st_size > _LARGEST:
        return False
    return (mine.st_dev, mine.st_ino) != (other.st_dev, other.st_ino) and _same_bytes(
        os.path.join(artifact, path), os.path.join(project, original)
    )


def _same_bytes(one: str, other: str) -> bool:
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)

    def opener(path: str, _: int) -> int:
        return os.open(path, flags)

    try:
        with open(one, "rb", opener=opener) as first, open(other, "rb", opener=opener) as second:
            while True:
                mine, theirs = first.read(_AT_ONCE), second.read(_AT_ONCE)
                if mine != theirs:
                    return False
                if not mine:
                    return True
    except OSError:
        return False
