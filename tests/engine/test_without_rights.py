"""What may not be read or written is a fault, and the rest is dealt with."""

import errno
import os
import stat
from pathlib import Path
from types import ModuleType

from cleanup_nodemodule.engine.contract import (
    Fault,
)
from support.accounts import become_nobody
from support.children import in_child
from support.engine_calls import (
    Removed,
    Search,
    Sum,
    find,
    measure,
    remove,
    root_of,
)
from support.openings import (
    Way,
)
from support.trees import declare, listing


def _as_nobody(way: Way, top: str) -> tuple[Search, Sum, Removed]:
    engine = way.engine()
    become_nobody(Path(top).parent)
    root = root_of(top)
    return find(engine, root), measure(engine, root), remove(engine, root)


def test_an_unreadable_directory_is_a_fault_and_the_rest_is_done(
    engine: ModuleType, opening: str, place: Path
) -> None:
    top = place / "top"
    declare(top, {"a": {"node_modules": {"f": 1}}, "closed": {"node_modules": {"f": 1}}})
    closed = top / "closed"
    closed.chmod(0)
    found, usage, removed = in_child(_as_nobody, Way(engine.__name__, opening), os.fspath(top))
    closed.chmod(0o700)
    denied = [(b"closed", errno.EACCES)]
    assert found.paths == [b"a/node_modules"]
    assert [fault[:2] for fault in found.faults] == denied
    assert (usage.files, usage.directories) == (1, 4)
    assert [fault[:2] for fault in usage.faults] == denied
    assert removed.failed == {b"closed"}
    assert removed[:2] == (1, 2)
    assert listing(top) == [b"closed", b"closed/node_modules", b"closed/node_modules/f"]


def test_a_directory_whose_entries_may_not_be_looked_at_is_a_fault(
    engine: ModuleType, opening: str, place: Path
) -> None:
    top = place / "top"
    declare(top, {"listed": {"f": 1, "d": {"node_modules": {}}}, "g": 1})
    (top / "listed").chmod(0o400)
    found, usage, removed = in_child(_as_nobody, Way(engine.__name__, opening), os.fspath(top))
    (top / "listed").chmod(0o700)
    assert found.paths == []
    assert [fault[:2] for fault in found.faults] == [(b"listed/d", errno.EACCES)]
    assert (usage.files, usage.directories) == (1, 2)
    assert {fault[:2] for fault in usage.faults} == {
        (b"listed/d", errno.EACCES),
        (b"listed/f", errno.EACCES),
    }
    assert removed.failed == {b"listed/d", b"listed/f"}
    assert listing(top) == [b"listed", b"listed/d", b"listed/d/node_modules", b"listed/f"]


def test_a_read_only_directory_is_a_fault_and_the_rest_goes(
    engine: ModuleType, opening: str, place: Path
) -> None:
    top = place / "top"
    declare(top, {"a": {"f": 1, "kept": {"f": 1, "empty": {}, "g": 1}}, "b": {"f": 1}})
    kept = top / "a" / "kept"
    kept.chmod(0o500)
    _, usage, removed = in_child(_as_nobody, Way(engine.__name__, opening), os.fspath(top))
    assert usage.faults == []
    assert removed.failed == {b"a/kept/f", b"a/kept/g", b"a/kept/empty"}
    assert removed.faults == {
        Fault(b"a/kept/f", errno.EACCES, "delete"),
        Fault(b"a/kept/g", errno.EACCES, "delete"),
        Fault(b"a/kept/empty", errno.EACCES, "remove the directory"),
    }
    assert removed[:2] == (2, 1)
    assert listing(top) == [b"a", b"a/kept", b"a/kept/empty", b"a/kept/f", b"a/kept/g"]
    assert stat.S_IMODE(os.lstat(kept).st_mode) == 0o500


def _beneath_a_closed_parent(way: Way, top: str) -> tuple[Search, Sum]:
    engine = way.engine()
    root = root_of(Path(top) / "work")
    become_nobody(Path(top) / "work")
    return find(engine, root), measure(engine, root)


def test_a_parent_that_may_only_be_passed_through_is_enough(
    engine: ModuleType, opening: str, place: Path
) -> None:
    declare(place, {"home": {"work": {"node_modules": {"f": 1}}}})
    (place / "home").chmod(0o711)
    found, usage = in_child(
        _beneath_a_closed_parent, Way(engine.__name__, opening), os.fspath(place / "home")
    )
    assert found.paths == [b"node_modules"]
    assert (usage.files, usage.directories) == (1, 2)
    assert found.faults == usage.faults == []
