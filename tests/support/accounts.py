"""Other accounts than the one that runs the tests, what is theirs, and processes that run for them."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from support.needs import needs_root

NOBODY: Final = 65534
"""A user and a group who own nothing, and whom every system names."""

SOMEBODY: Final = 64001
ANOTHER: Final = 64002
"""Two accounts without a name, for which nothing else runs."""


def lonely() -> int:
    """Return an account of this process of the tests alone: a limit counts all that an account runs."""
    needs_root()
    return 2_000_000_000 + os.getpid()


def give(account: int, *paths: str | bytes | Path) -> None:
    """Make *paths* the property of an account, and nothing in them."""
    for path in paths:
        os.lchown(path, account, account)


def give_away(*tops: str | bytes | Path, account: int = NOBODY) -> None:
    """Make *tops* and everything in them the property of an account."""
    for top in tops:
        give(account, top)
        for directory, directories, files in os.walk(os.fsencode(top)):
            give(account, *(os.path.join(directory, name) for name in (*directories, *files)))


def as_account(account: int, *, anywhere: bool = False) -> tuple[str, ...]:
    """Return what to put before a command so that it runs for an account.

    *anywhere* lets it read and pass through any directory, as it has to if the program lies in one of root's.
    """
    leave = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search") if anywhere else ()
    return ("setpriv", f"--reuid={account}", f"--regid={account}", "--clear-groups", *leave)


def give_up_rights() -> None:
    """Have this process be that of nobody, for good, if it is root's."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


def become_nobody(owning: Path) -> None:
    """Have this process be that of nobody, who owns *owning*, if it is root's."""
    if os.geteuid() == 0:
        give_away(owning)
        give_up_rights()


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that any user reaches, unlike those of pytest."""
    made = Path(tempfile.mkdtemp())
    made.chmod(0o755)
    yield made
    for path, directories, _ in os.walk(made):
        for name in directories:
            inner = os.path.join(path, name)
            if not os.path.islink(inner):
                os.chmod(inner, 0o700)
    shutil.rmtree(made)
