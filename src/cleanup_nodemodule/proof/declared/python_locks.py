"""What the lock files of Python's package managers name.

Sources: PEP 751 (``pylock.toml``), the manuals of uv ("Projects: structure and files"), Poetry ("Basic usage"), PDM
("Lockfile") and Pipenv ("Pipfile & Pipfile.lock"), and lock files that each of them wrote.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cleanup_nodemodule.proof.declared.requirements import normalised
from cleanup_nodemodule.proof.declared.toml import table, table_of, tables

LOCKS: Final = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml")
"""The lock files, each by its name."""

_PACKAGES: Final = re.compile(
    rb'^\[\[packages?\]\][ \t]*\r?\nname = "([^"\r\n]+)"(?:\r?\nversion = "([^"\r\n]*)")?',
    re.MULTILINE,
)
"""How uv, Poetry, PDM and pip begin a package in their lock files. A lock file has a million characters, and
tomllib takes a second for them."""

_PLACES: Final = re.compile(rb'"((?:file:/|\.{1,2}/|/|\.{1,2}(?="))[^"\r\n]*)"')
"""Paths in a lock file: all other strings in it begin with something else."""

_MEMBERS: Final = re.compile(rb"^members = \[([^\]]*)\]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Lock:
    """What a lock file names: everything that its tool installs."""

    file: str
    versions: Mapping[str, frozenset[str]]
    """Of each name, normalised."""
    text: bytes
    places: frozenset[str]
    """Absolute paths that something is installed from."""
    members: frozenset[str] = frozenset()
    """Names of the projects of a workspace."""
    develop: frozenset[str] = frozenset()
    """What only comes with the dependencies for development (Pipenv)."""


def lock(name: str, directory: str, content: bytes) -> Lock | None:
    """Return what the lock file *name* in *directory* says, None if it is none."""
    if name == "Pipfile.lock":
        return _pipfile_lock(name, directory, content)
    versions: dict[str, set[str]] = {}
    if b'"""' not in content:
        for found in _PACKAGES.finditer(content):
            called = normalised(found[1].decode("utf-8", "replace"))
            versions.setdefault(called, set()).add((found[2] or b"").decode("utf-8", "replace"))
    if not versions:
        written = table_of(content)
        for one in tables(written.get("package")) + tables(written.get("packages")):
            called = normalised(str(one.get("name", "")))
            versions.setdefault(called, set()).add(str(one.get("version", "")))
    if not versions and b"lock" not in content and b"version" not in content:
        return None
    members = _MEMBERS.search(content) if name == "uv.lock" else None
    return Lock(
        name,
        {one: frozenset(numbers) for one, numbers in versions.items()},
        content,
        frozenset(
            _place(directory, one.decode("utf-8", "replace")) for one in _PLACES.findall(content)
        ),
        frozenset(
            normalised(one.decode("utf-8", "replace"))
            for one in re.findall(rb'"([^"]+)"', members[1] if members else b"")
        ),
    )


def _pipfile_lock(name: str, directory: str, content: bytes) -> Lock | None:
    try:
        categories = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(categories, dict):
        return None
    versions: dict[str, frozenset[str]] = {}
    develop: set[str] = set()
    places: set[str] = set()
    for category, packages in categories.items():
        if category == "_meta" or not isinstance(packages, dict):
            continue
        for one, written in packages.items():
            what = table(written)
            called = normalised(str(one))
            if category == "develop" and called not in versions:
                develop.add(called)
            version = str(what.get("version", "")).removeprefix("==")
            versions[called] = versions.get(called, frozenset()) | {version}
            places |= {
                _place(directory, str(what[key])) for key in ("path", "file") if what.get(key)
            }
    if not versions and "_meta" not in categories:
        return None
    return Lock(name, versions, content, frozenset(places), develop=frozenset(develop))


def _place(directory: str, written: str) -> str:
    if written.startswith("file:"):
        written = re.sub(r"^file:(?://)?", "", written)
    return written if "://" in written else os.path.normpath(os.path.join(directory, written))
