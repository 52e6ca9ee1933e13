"""Work in another process, which may give up its rights and have mounts of its own."""

import ctypes
import multiprocessing
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

import pytest

from support.needs import needs_root, unable

_P = ParamSpec("_P")
_T = TypeVar("_T")

_CLONE_NEWNS: Final = 0x00020000  # unshare(2)


def in_child(function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Return what *function* returns in a process of its own, which ends with it."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *args, **kwargs).result()


def run_by(tracer: tuple[str, ...], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a program in Python, which is the first of the arguments, by a tracer (see ``strace``)."""
    return subprocess.run(
        [*tracer, sys.executable, "-c", *arguments], capture_output=True, text=True, check=False
    )


@pytest.fixture
def mounts() -> None:
    """Skip where there can be no mounts that nobody else sees."""
    needs_root()
    if shutil.which("unshare") is None:
        unable("needs unshare(1), for private mounts")
    if subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode:
        unable("needs CAP_SYS_ADMIN, for private mounts")


def enter_private_mounts() -> None:
    """Have mounts that no other process sees and that end with this one."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


def mount_tmpfs(where: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "none", where], check=True)


def bind(what: Path, where: Path) -> None:
    subprocess.run(["mount", "--bind", what, where], check=True)
