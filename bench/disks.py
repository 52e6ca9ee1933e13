"""File systems to delete on, each in a directory that was made for it and goes with it."""

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from typing import Final

import machine

KINDS: Final = ("ext4", "xfs", "tmpfs", "own disk")
"""File systems: two on loop devices, one in memory, and the one that the scratch directory is on."""

_IMAGE: Final = 16 << 30
"""Bytes of a loop device. Its file has holes, and takes only what is written."""

_MAKERS: Final = {"ext4": ("mkfs.ext4", "-q", "-F"), "xfs": ("mkfs.xfs", "-q", "-f")}


@contextlib.contextmanager
def disk(kind: str, scratch: str) -> Iterator[str]:
    """Provide a file system of that kind; yields an empty directory on it.

    What it takes lies in *scratch*. Raises UnableError where it cannot be had.
    """
    if kind == "own disk":
        with tempfile.TemporaryDirectory(prefix="bench-disk-", dir=scratch) as directory:
            yield directory
    elif kind == "tmpfs":
        with machine.memory_disk("75%") as directory:
            yield directory
    else:
        with _image(kind, scratch) as image, machine.mounted("-o", "loop", image) as directory:
            yield directory


@contextlib.contextmanager
def _image(kind: str, scratch: str) -> Iterator[str]:
    """Make a file with a file system in it; yields its path."""
    with tempfile.TemporaryDirectory(prefix="bench-image-", dir=scratch) as directory:
        image = os.path.join(directory, kind)
        with open(image, "wb") as file:
            file.truncate(_IMAGE)
        try:
            subprocess.run(
                (*_MAKERS[kind], image), stdout=subprocess.DEVNULL, check=True, env=_environment()
            )
        except FileNotFoundError as error:
            raise machine.UnableError(f"{kind}: there is no {_MAKERS[kind][0]}") from error
        yield image


def _environment() -> dict[str, str]:
    """Return the environment, with the directories that only root has in its path."""
    return {**os.environ, "PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"}
