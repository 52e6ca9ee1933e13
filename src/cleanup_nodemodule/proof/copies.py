"""Tells what a tool has copied into an artifact from what is only there.

Site builders copy what is in ``public``, Maven what is in ``src/main/resources``, setuptools the modules. A copy that
is still the same as its original is not lost with the artifact, whatever it is called. Bundlers copy from wherever a
source says, under a name with a hash of the content.
"""

import fnmatch
import glob
import os
import re
from collections.abc import Iterable, Iterator
from typing import Final

from cleanup_nodemodule.proof.build_output import is_hashed
from cleanup_nodemodule.proof.distributions import IS_OF
from cleanup_nodemodule.proof.precious import CATEGORIES
from cleanup_nodemodule.proof.rules import Rule
from cleanup_nodemodule.proof.stat_cache import StatCache

_AT_ONCE: Final = 256 * 1024
"""Bytes that are compared at a time."""

_LARGEST: Final = 64 * 1024 * 1024
"""Bytes of a file that is compared at most; one that is larger is taken for the only one."""

_BEFORE_HASH: Final = re.compile(r"(.+)[-.][A-Za-z0-9_-]{8,32}")
"""A name without its ending: what bundlers kept of it, and the hash that they put behind."""

_SOURCES: Final = ("src", "app", "assets", "public", "static", "docs", "content", "pages", "lib")
"""Where the originals of what is bundled lie, from the project."""

_BUNDLED_FROM: Final = (
    "",
    *(place + "/" + "*/" * depth for place in _SOURCES for depth in range(5)),
)
"""The same, with the directories in them."""


def only_here(
    rule: Rule | None, artifact: str, paths: Iterable[str], cache: StatCache
) -> tuple[str, ...]:
    """Return those *paths* in *artifact* that are no copies of what lies beside it, as *rule* says where.

    They are relative to it. Raises OSError where something could not be looked at.
    """
    if rule is None:
        return tuple(paths)
    copied = rule.copied
    bundled = any(proof.output is not None for proof in rule.proofs)
    return tuple(
        path
        for path in paths
        if not (bundled and _is_bundled(path, artifact, cache))
        and not _is_distribution(path, rule, artifact, cache)
        and not _is_copy(path, copied, artifact, cache)
    )


def _is_distribution(path: str, rule: Rule, artifact: str, cache: StatCache) -> bool:
    kinds = [proof.distributions for proof in rule.proofs if proof.distributions is not None]
    project = os.path.dirname(artifact)
    return "/" not in path and any(IS_OF[kind](path, project, cache) for kind in kinds)


def _is_bundled(path: str, artifact: str, cache: StatCache) -> bool:
    """Whether a bundler copied *path* from a file of the project: ``film-BdK7x2Qp.mp4``, and there is a ``film.mp4``.

    Phones and people give such names too, so the file that it was made of has to be there, with the same content:
    bundlers copy documents and media as they are.
    """
    name = path.rpartition("/")[2]
    stem, ending = os.path.splitext(name)
    kinds = (CATEGORIES["media"], CATEGORIES["images"], CATEGORIES["documents"])
    if not is_hashed(name) or not any(ending[1:].lower() in kind.endings for kind in kinds):
        return False
    hashed = _BEFORE_HASH.fullmatch(stem)
    plain = glob.escape((hashed[1] if hashed else stem) + ending)
    project = os.path.dirname(artifact)
    return any(
        _are_equal(artifact, path, project, original, cache)
        for place in _BUNDLED_FROM
        for original in cache.matches(project, place + plain)
    )


def _is_copy(path: str, copied: Iterable[tuple[str, str]], artifact: str, cache: StatCache) -> bool:
    project = os.path.dirname(artifact)
    return any(
        _are_equal(artifact, path, project, original, cache)
        for inside, beside in copied
        for original in _originals(path, inside, beside)
    )


def _originals(path: str, inside: str, beside: str) -> Iterator[str]:
    """Give where the original of *path* would be; names in *inside* may have wildcards."""
    parts, top = path.split("/"), [] if inside == "." else inside.split("/")
    if len(parts) > len(top) and all(
        fnmatch.fnmatchcase(part, one) for one, part in zip(top, parts, strict=False)
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
