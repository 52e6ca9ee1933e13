"""File systems to delete on, each in a directory that was made for it and goes with it."""

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from typing import Final

import machine

KINDS: Final = ("ext4", "xfs", "tmpfs", "own disk")
"""File systems: two on loop devices, one without, and the one that the scratch directory is on."""

_IMAGE: Final = 12 << 30
"""Bytes of a loop device. Its file has holes, and takes only what is written."""

_MAKERS: Final = {
    # As many inodes as files are copied at a time, and more; xfs makes them as they are needed.
    "ext4": ("mkfs.ext4", "-q", "-F", "-N", "2500000"),
    "xfs": ("mkfs.xfs", "-q", "-f"),
    "btrfs": ("mkfs.btrfs", "-q", "-f"),
}


@contextlib.contextmanager
def disk(kind: str, scratch: str) -> Iterator[str]:
    """Provide a file system of that kind; yields an empty directory on it.

    The one on the machine's own disk lies in *scratch*, the others in memory, those on loop devices too:
    what is measured there is the file system, and the same on every machine. Raises UnableError where it
    cannot be had.
    """
    if kind == "own disk":
        with tempfile.TemporaryDirectory(prefix="bench-disk-", dir=scratch) as directory:
            yield directory
    elif kind == "tmpfs":
        with machine.memory_disk("75%") as directory:
            yield directory
    else:
        with (
            machine.memory_disk("75%") as memory,
            machine.mounted("-o", "loop", _image(kind, memory)) as directory,
        ):
            yield directory


def _image(kind: str, directory: str) -> str:
    """Make a file with a file system in it in *directory*; return its path."""
    image = os.path.join(directory, kind)
    with open(image, "wb") as file:
        file.truncate(_IMAGE)
    try:
        subprocess.run(
            (*_MAKERS[kind], image), stdout=subprocess.DEVNULL, check=True, env=_environment()
        )
    except FileNotFoundError as error:
        raise machine.UnableError(f"{kind}: there is no {_MAKERS[kind][0]}") from error
    return image


def _environment() -> dict[str, str]:
    """Return the environment, with the directories that only root has in its path."""
    return {**os.environ, "PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"}
