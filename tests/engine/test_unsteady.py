"""A directory that fails or changes while it is read; only the Python engine can be made to see that."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cleanup_nodemodule.engine import _python
from cleanup_nodemodule.engine.contract import (
    Fault,
    Root,
)
from support.engine_calls import (
    find,
    measure,
    remove,
    root_of,
)
from support.openings import (
    every_python_opening,
)
from support.trees import declare, listing


class Scan:
    """What ``os.scandir`` gives, with something happening before an entry is handed out."""

    def __init__(self, entries: Any, before: Callable[[str], None]) -> None:
        self._entries = entries
        self._before = before

    def __enter__(self) -> "Iterator[os.DirEntry[str]]":
        return self._each()

    def __exit__(self, *error: object) -> None:
        self._entries.close()

    def _each(self) -> "Iterator[os.DirEntry[str]]":
        # By name, so that it is the same on every file system.
        for entry in sorted(self._entries, key=lambda entry: str(entry.name)):
            self._before(entry.name)
            yield entry


def before_each_entry(monkeypatch: pytest.MonkeyPatch, before: Callable[[str], None]) -> None:
    really_scan = os.scandir
    monkeypatch.setattr(
        "cleanup_nodemodule.engine._python.os.scandir",
        lambda directory: Scan(really_scan(directory), before),
    )


@every_python_opening
def test_a_directory_that_fails_half_way_is_a_fault_and_not_taken_for_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(
        tmp_path, {"top": {"bad": {"a": {}, "b": 1, "c": 1, "node_modules": {}}, "good": {"f": 1}}}
    )
    root = root_of(tmp_path / "top")

    def fail(name: str) -> None:
        if name == "c":
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        before_each_entry(patch, fail)
        found = find(_python, root)
        usage = measure(_python, root)
        removed = remove(_python, root)
    broken = Fault(b"bad", errno.EIO, "read")
    assert (found.paths, found.faults) == ([], [broken])
    assert found.directories == 4  # What was read before it failed counts.
    assert (usage.files, usage.directories, usage.faults) == (2, 4, [broken])
    assert removed.failed == {b"bad"}
    assert broken in removed.faults
    assert removed[:2] == (2, 2)
    assert listing(tmp_path / "top") == [b"bad", b"bad/c", b"bad/node_modules"]


@every_python_opening
def test_entries_that_vanish_while_their_directory_is_read_are_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = tmp_path / "top"

    def vanish(name: str) -> None:
        if name == "f":
            (top / "f").unlink()
        if name in {"node_modules", "sub"}:
            (top / name).rmdir()

    def build() -> Root:
        declare(top, {"f": 1, "g": 1, "node_modules": {}, "sub": {}})
        return root_of(top)

    with monkeypatch.context() as patch:
        before_each_entry(patch, vanish)
        found = find(_python, build())
        assert (found.paths, found.faults) == ([], [])
        (top / "g").unlink()
        usage = measure(_python, build())
        assert (usage.files, usage.directories, usage.faults) == (1, 1, [])
        removed = remove(_python, build())
        assert (removed.files, removed.directories, removed.faults) == (1, 1, set())
    assert listing(tmp_path) == []
