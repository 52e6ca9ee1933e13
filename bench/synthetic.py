"""Builds a tree of any number of entries: an artifact of many small directories."""

import os
from collections.abc import Sequence
from typing import Final

FILES: Final = 9
"""In each directory that has no others: with itself, ten entries."""

_FAN_OUT: Final = 10
"""Directories in a package, and packages in a scope: real ones are not much wider."""

_MANIFEST: Final = "package.json"


def build(directory: str, entries: int, sizes: Sequence[int] = (0,)) -> str:
    """Make a project in *directory* with an artifact of about *entries* entries; return its path.

    *directory* must not exist. The files take turns to have these *sizes*, in bytes; what is measured never reads them.
    """
    artifact = os.path.join(directory, "node_modules")
    os.makedirs(artifact)
    for path in (
        os.path.join(directory, _MANIFEST),
        os.path.join(directory, "package-lock.json"),
        # npm writes this one, and so it proves what the directory is.
        os.path.join(artifact, ".package-lock.json"),
    ):
        with open(path, "w", encoding="utf-8") as file:
            file.write("{}\n")
    left = entries - 2
    number = 0
    while left > 0:
        scope, package = divmod(number, _FAN_OUT * _FAN_OUT)
        number += 1
        path = os.path.join(artifact, f"@scope-{scope:04}", f"package-{package:02}")
        left -= _package(path, left, sizes) + (package == 0)
    return artifact


def _package(path: str, most: int, sizes: Sequence[int]) -> int:
    """Make a package of at most about *most* entries; return how many it has."""
    os.makedirs(path)
    made = 1
    for place in range(_FAN_OUT):
        if made >= most:
            break
        inner = os.path.join(path, f"part-{place}")
        os.mkdir(inner)
        for number in range(FILES):
            file = os.path.join(inner, f"file-{number}.js")
            if size := sizes[number % len(sizes)]:
                with open(file, "wb") as opened:
                    opened.write(b"x" * size)
            else:
                os.mknod(file)
        made += 1 + FILES
    return made
