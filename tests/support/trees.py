"""Trees of files, declared in a line each."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

Declared: TypeAlias = Mapping[str | bytes, Any]
"""A tree: name to ``str`` or ``bytes`` (a file with that content), ``int`` (a file of that many
bytes), a mapping (a directory), or a ``Path`` (a symlink to it). A name may be a path, whose directories
are made."""


def declare(directory: str | bytes | Path, tree: Declared) -> None:
    """Build *tree* in *directory*, which is made if it is not there."""
    top = os.fsencode(directory)
    os.makedirs(top, exist_ok=True)
    for name, what in tree.items():
        path = os.path.join(top, os.fsencode(name))
        if os.sep in os.fsdecode(name):
            os.makedirs(os.path.dirname(path.rstrip(b"/")), exist_ok=True)
        if isinstance(what, Mapping):
            declare(path, what)
        elif isinstance(what, Path):
            os.symlink(what, path)
        else:
            content = b"x" * what if isinstance(what, int) else what
            with open(path, "wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)


def npm_project(packages: Mapping[str, Declared]) -> dict[str | bytes, Any]:
    """Return a project as npm leaves it: *packages* by name, declared, locked, installed, and noted by npm.

    By the rules of the catalogue its ``node_modules`` is proven. What lies in a package is as given, and a manifest.
    """
    versions = {name: {"version": "1.0.0"} for name in packages}
    installed = {f"node_modules/{name}": version for name, version in versions.items()}
    manifest = {"name": "app", "version": "1.0.0", "dependencies": dict.fromkeys(packages, "1.0.0")}
    lock = {"name": "app", "version": "1.0.0", "lockfileVersion": 3}
    modules: dict[str | bytes, Any] = {
        name: {"package.json": json.dumps({"name": name, **versions[name]}), **tree}
        for name, tree in packages.items()
    }
    # Last, as npm writes it when it is through.
    modules[".package-lock.json"] = json.dumps({**lock, "packages": installed})
    return {
        "package.json": json.dumps(manifest),
        "package-lock.json": json.dumps({**lock, "packages": {"": manifest, **installed}}),
        "node_modules": modules,
    }


def dig(top: Path, levels: int, name: bytes) -> None:
    """Make a chain of directories longer than any path may be, and a file of 10 bytes at its end."""
    top.mkdir()
    here = os.open(top, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    file = os.open(b"bottom", os.O_WRONLY | os.O_CREAT, dir_fd=here)
    os.write(file, b"x" * 10)
    os.close(file)
    os.close(here)


def listing(directory: str | bytes | Path) -> list[bytes]:
    """Return the path of everything beneath *directory*, relative to it, sorted."""
    top = os.fsencode(directory)
    return sorted(
        os.path.relpath(os.path.join(path, name), top)
        for path, directories, files in os.walk(top)
        for name in directories + files
    )
