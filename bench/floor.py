"""Compiles the floor, the C program that does nothing but walk and add up; see ``floor.c``."""

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import Final

import places
from race import WrongError

_SOURCE: Final = os.path.join(os.path.dirname(os.path.abspath(__file__)), "floor.c")

_FLAGS: Final = ("-O2", "-pthread", "-Wall", "-Wextra")


@dataclass(frozen=True, slots=True)
class Sums:
    """What the floor counted in a tree."""

    allocated: int
    """Bytes."""
    entries: int
    """The tree's own directory included."""
    directories: int
    links: int
    """Entries with several links, that are no directories."""


def build() -> str:
    """Compile the floor unless that is done; return the program's path.

    Raises WrongError if there is no compiler, and CalledProcessError if it fails.
    """
    compiler = shutil.which("cc")
    if compiler is None:
        raise WrongError("there is no C compiler (cc), so there is no floor to compare with")
    with open(_SOURCE, "rb") as file:
        source = file.read()
    key = hashlib.sha256(source + " ".join(_FLAGS).encode()).hexdigest()[:16]
    program = os.path.join(places.cache(), f"floor-{key}")
    if not os.path.exists(program):
        os.makedirs(places.cache(), exist_ok=True)
        unfinished = f"{program}.{os.getpid()}"
        subprocess.run((compiler, *_FLAGS, _SOURCE, "-o", unfinished), check=True)
        os.replace(unfinished, program)
    return program


def command(doing: str, tree: str, threads: int | None = None) -> tuple[str, ...]:
    """Return how the floor does ``size`` or ``find``: with a thread a core, unless told otherwise."""
    return (build(), doing, str(threads or os.cpu_count() or 1), tree)


def sums(tree: str) -> Sums:
    """Return what the floor counts in a tree.

    Raises WrongError for one with several links to a file: there the floor counts more than du.
    """
    done = subprocess.run(command("size", tree), stdout=subprocess.PIPE, check=True)
    counted = Sums(*(int(word) for word in done.stdout.split()))
    if counted.links:
        raise WrongError(
            f"{tree} has {counted.links:,} entries with several links; the floor is no match there"
        )
    return counted
