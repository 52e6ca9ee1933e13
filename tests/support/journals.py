"""What the tests of the journal share."""

import errno
import os
from pathlib import Path
from typing import Any

from cleanup_nodemodule.model import DeletingMode
from cleanup_nodemodule.record.entries import Intent, Run, new_run
from cleanup_nodemodule.record.write import Journal


def intent(path: str, **known: Any) -> Intent:
    """Return what would be written before *path* is deleted."""
    facts: dict[str, Any] = {
        "path": path,
        "staged": None,
        "device": 1,
        "inode": 2,
        "changed_ns": 3,
        "apparent_bytes": 10,
        "allocated_bytes": 4096,
        "reclaimable_bytes": 4096,
        "reclaimable_at_most_bytes": 4096,
        "rule": "js/node_modules",
        "evidence": ("package.json beside it",),
        "project": os.path.dirname(path),
        "regenerate": "npm ci",
        "regenerate_in": None,
        "warnings": (),
    }
    return Intent(**{**facts, **known})


def a_run(*roots: str, mode: DeletingMode = "delete") -> Run:
    """Return a run that begins now."""
    return new_run("1.2.3", mode, roots)


def written(directory: Path) -> bytes:
    """Return everything in the journal."""
    return b"".join(path.read_bytes() for path in sorted(directory.glob("journal-*.jsonl")))


def abandon(journal: Journal) -> None:
    """Leave a journal as a process does that is killed."""
    journal._let_go()  # noqa: SLF001 - there is no other way to lack an end


def fill(path: Path) -> None:
    """Take all the space that is left, to the last byte."""
    with open(path, "wb", buffering=0) as file:
        for size in (4096, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError as error:
                assert error.errno == errno.ENOSPC  # noqa: PT017 - and nothing else
