"""Between the engine's paths (bytes, relative to a root) and the model's (absolute strings)."""

import bisect
import errno
import os
from collections.abc import Iterable, Sequence
from typing import Final

from cleanup_nodemodule.engine.contract import Fault, Root
from cleanup_nodemodule.model import Identity, Problem
from cleanup_nodemodule.problems import ProblemCode, of_engine


def absolute(path: str) -> str:
    """Return *path* as an absolute one, without asking the disk; as it is without a current directory."""
    try:
        return os.path.abspath(path)
    except OSError:
        return path


def everywhere(path: str) -> str:
    """Return *path* as one that means the same to every process, whatever directory that is in.

    Unlike in those of :func:`absolute` ``..`` is left to the system, to which it may lie behind a symlink.
    Raises OSError without a current directory.
    """
    if os.pardir in path.replace(os.altsep or os.sep, os.sep).split(os.sep):
        return os.path.join(os.getcwd(), path)
    return os.path.abspath(path)


def anchor(path: str, identity: Identity, closed: Sequence[str] = ()) -> Root:
    """Return the directory as the engine wants a root, with those of *closed*, in order, that lie in it."""
    if not closed:
        return Root(os.fsencode(path), *identity)
    inner = sorted(relative(one, path) for one in topmost_in(path, closed))
    return Root(os.fsencode(path), *identity, tuple(inner))


def topmost_in(path: str, places: Sequence[str]) -> list[str]:
    """Return those of *places* that lie in *path*, without what lies in another of them.

    They are absolute and in order; it takes no time that grows with the number of the others.
    """
    start = os.path.join(path, "")
    inner: list[str] = []
    for number in range(bisect.bisect_left(places, start), len(places)):
        if not places[number].startswith(start):
            break
        inner.append(os.path.join(places[number], ""))
    found: list[str] = []
    for place in sorted(inner):
        if place != start and not (found and place.startswith(found[-1])):
            found.append(place)
    return [place[: -len(os.sep)] for place in found]


def beneath(root: str, path: bytes) -> str:
    """Return the absolute path of an engine's path relative to *root*."""
    if not path:
        return root
    name = os.fsdecode(path)
    if os.sep == "/":
        return f"{root}{name}" if root.endswith("/") else f"{root}/{name}"
    return os.path.join(root, *name.split("/"))


def relative(path: str, root: str) -> bytes:
    """Return the engine's path, relative to *root*, of an absolute path beneath it."""
    return os.fsencode(path[len(os.path.join(root, "")) :].replace(os.sep, "/"))


def problem_at(root: str, fault: Fault) -> Problem:
    """Return what an engine could not do beneath *root*, with its absolute path."""
    code, more = of_engine(fault.doing)
    # By the sticky bit it is the engine that refuses, and not the system.
    number = None if code is ProblemCode.DELETE_FOREIGN else fault.errno
    return Problem(beneath(root, fault.path), code, number, more=more)


LACKED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""Errors for want of descriptors or memory, in this process or on the whole machine."""


def lacked(faults: Iterable[Fault]) -> bool:
    """Whether an engine could not do something for want of descriptors or memory.

    That says nothing about the place: with fewer calls at a time, or a moment later, it may go well.
    """
    return any(fault.errno in LACKED for fault in faults)
