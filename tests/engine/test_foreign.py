"""What only its owner may delete, by the sticky bit of the directory around it: decided where it is deleted.

Whoever owns a project may move a directory into an artifact after it was measured, and so a sticky one with
what others keep there, which that user may not delete: nor may root for them (inode(7)).
"""

import errno
import os
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

from cleanup_nodemodule.engine import _python
from cleanup_nodemodule.engine.contract import Counts, Fault, Groups, Removal, Root
from support.accounts import NOBODY, SOMEBODY, become_nobody, give
from support.children import in_child
from support.engine_calls import BUDGETS, EVERYTHING, root_of
from support.needs import needs_root
from support.openings import Way, every_opening
from support.trees import declare, listing

DOING: Final = "delete, as only its owner may,"

pytestmark = pytest.mark.usefixtures("as_root")


@pytest.fixture
def as_root() -> None:
    """Only root may give a file to somebody else, and only root is let by the kernel."""
    needs_root()


def shared(top: Path, tree: dict[str | bytes, Any], owner: int = 0) -> Path:
    """Make a sticky directory that everybody may write to."""
    declare(top, tree)
    give(owner, top)
    top.chmod(0o1777)
    return top


def remove_all(
    engine: ModuleType, root: Root, budget: int = EVERYTHING, **how: Any
) -> tuple[Counts, set[Fault]]:
    """Remove to the end, what was blocked not included."""
    counts, faults, stack = Counts(0, 0, 0, []), set(), [b""]
    while stack:
        more, stack, others = engine.remove(root, stack, budget, *how.values())
        counts = counts.plus(more)
        faults.update(others)
    return counts, faults


@pytest.mark.parametrize("budget", BUDGETS)
@every_opening
def test_root_leaves_what_the_sticky_bit_protects(
    engine: ModuleType, tmp_path: Path, budget: int
) -> None:
    top = tmp_path / "top"
    theirs = ["file", "dir", "link", "twice"]
    tree: dict[str | bytes, Any] = {"file": 1, "dir": {"f": 1}, "link": Path("mine"), "twice": 1}
    sticky = shared(top / "d/sticky", {"mine": 1, "inside": {"f": 1}, **tree})
    (top / "again").hardlink_to(sticky / "twice")
    declare(top, {"other": {"f": 1}, "g": 1})
    give(SOMEBODY, *(sticky / name for name in theirs), sticky / "dir/f")
    counts, faults = remove_all(engine, root_of(top), budget)
    assert faults == {Fault(f"d/sticky/{name}".encode(), errno.EPERM, DOING) for name in theirs}
    assert (counts.files, counts.directories, counts.root) == (5, 2, False)
    kept = [b"d", b"d/sticky", *(f"d/sticky/{name}".encode() for name in (*theirs, "dir/f"))]
    assert listing(top) == sorted(kept)


@pytest.mark.parametrize("owner", [SOMEBODY, NOBODY])
@every_opening
def test_who_owns_a_sticky_directory_owns_what_is_in_it_too(
    engine: ModuleType, tmp_path: Path, owner: int
) -> None:
    """So the kernel has it: such a user may delete all that."""
    top = tmp_path / "top"
    sticky = shared(top / "sticky", {"file": 1, "dir": {"f": 1}, "roots": 1}, owner)
    give(SOMEBODY, sticky / "file", sticky / "dir")
    _, faults = remove_all(engine, root_of(top))
    if owner == SOMEBODY:
        assert (faults, listing(tmp_path)) == (set(), [])
    else:
        assert {fault.path for fault in faults} == {b"sticky/file", b"sticky/dir"}
        assert listing(sticky) == [b"dir", b"dir/f", b"file"]


@pytest.mark.parametrize("groups", [None, Groups(0, 1)])
@every_opening
def test_all_of_it_goes_where_that_is_asked_for(
    engine: ModuleType, tmp_path: Path, groups: Groups | None
) -> None:
    shared(tmp_path / "around", {"top": {"d": {}}})
    top = tmp_path / "around/top"
    sticky = shared(top / "d/sticky", {"file": 1, "dir": {"f": 1}})
    give(SOMEBODY, top, sticky / "file", sticky / "dir", sticky / "dir/f")
    counts, faults = remove_all(engine, root_of(top), groups=groups, group=0, include_foreign=True)
    assert (counts[:2], faults) == ((2, 4), set())
    assert listing(tmp_path) == [b"around"]


@every_opening
def test_a_root_that_only_its_owner_may_delete_is_not_begun(
    engine: ModuleType, tmp_path: Path
) -> None:
    around = shared(tmp_path / "around", {"top": {"f": 1, "d": {}}})
    give(SOMEBODY, around / "top")
    removal = engine.remove(root_of(around / "top"), [b"", b"d/"], EVERYTHING)
    assert removal == Removal(Counts(0, 0, 0, []), [], [Fault(b"", errno.EPERM, DOING)])
    assert listing(around) == [b"top", b"top/d", b"top/f"]


@every_opening
def test_what_is_measured_as_foreign_is_what_stays(engine: ModuleType, tmp_path: Path) -> None:
    top = tmp_path / "top"
    for number, who in enumerate([0, SOMEBODY, NOBODY]):
        sticky = shared(top / str(number), {"file": 1, "dir": {}}, who)
        give(SOMEBODY, sticky / "file", sticky / "dir")
    foreign = engine.measure(root_of(top), [b""], EVERYTHING).usage.foreign
    _, faults = remove_all(engine, root_of(top))
    assert {os.path.dirname(path) for path in foreign} == {b"0", b"2"}
    assert {os.path.dirname(fault.path) for fault in faults} == {b"0", b"2"}


@every_opening
def test_of_many_only_some_are_named(engine: ModuleType, tmp_path: Path) -> None:
    """Those that could not be deleted for another reason with the same number are told apart."""
    top = tmp_path / "top"
    sticky = shared(top / "sticky", {f"{number:04}": 1 for number in range(1234)})
    give(SOMEBODY, *sticky.iterdir())
    removal = engine.remove(root_of(top), [b""], EVERYTHING)
    *named, more = removal.faults
    assert {(fault.errno, fault.doing) for fault in named} == {(errno.EPERM, DOING)}
    assert len({fault.path for fault in named}) == 20
    assert more == Fault(b"sticky", errno.EPERM, f"{DOING} 1,214 more entries of")
    assert len(listing(sticky)) == 1234


def test_both_engines_say_the_same_of_it(native: ModuleType, tmp_path: Path) -> None:
    said = []
    for engine in (native, _python):
        top = tmp_path / engine.__name__
        sticky = shared(top / "a", {f"{number:03}": 1 for number in range(50)})
        declare(sticky, {f"d{number:03}": {"f": 1} for number in range(50)})
        give(SOMEBODY, *sorted(sticky.iterdir())[::3], sticky / "d000")
        counts, left, faults = engine.remove(root_of(top), [b""], EVERYTHING)
        said.append((counts.files, counts.directories, left, len(faults), faults[-1], listing(top)))
    assert said[0] == said[1]


@every_opening
def test_a_sticky_directory_that_was_moved_into_the_way_is_seen(
    engine: ModuleType, tmp_path: Path
) -> None:
    """What is still to be done is known by its path. In between, the attacker moves away the directory around it,
    and a sticky one there, in which a directory of the victim's has the name that theirs had."""
    own: dict[str | bytes, Any] = {f"f{number}": 1 for number in range(9)}
    declare(tmp_path, {"top": {"x": {"mine": {**own, "deep": own}}}})
    sticky = shared(tmp_path / "sticky", {"mine": {**own, "deep": own}})
    for path in (tmp_path / "top", *(tmp_path / "top").rglob("*")):
        give(NOBODY, path)
    for path in (sticky / "mine").rglob("*"):
        give(SOMEBODY, path)
    give(SOMEBODY, sticky / "mine")
    root, stack = root_of(tmp_path / "top"), [b""]
    done = 0
    while not done:
        counts, stack, faults = engine.remove(root, stack, 1)
        assert faults == []
        done += counts.files
    assert stack
    assert all(entry.startswith(b"x/mine") for entry in stack)
    (tmp_path / "top/x").rename(tmp_path / "aside")
    sticky.rename(tmp_path / "top/x")
    before = listing(tmp_path / "top/x")
    faults = []
    for entry in [*stack, b"x/mine/deep"]:
        counts, left, more = engine.remove(root, [entry], EVERYTHING)
        assert (counts.files, counts.directories, left) == (0, 0, [])
        faults += more
    assert {fault.path for fault in faults} == {b"x/mine", b"x/mine/deep"}
    assert {fault[1:] for fault in faults} == {(errno.EPERM, DOING)}
    assert listing(tmp_path / "top/x") == before
    for entry in [*stack, b"x/mine/deep"]:
        engine.remove(root, [entry], EVERYTHING, None, 0, True)
    assert b"mine/f1" not in listing(tmp_path / "top/x")


@every_opening
def test_an_empty_directory_that_only_its_owner_may_delete_stays(
    engine: ModuleType, tmp_path: Path
) -> None:
    """It came to be where one was that has been emptied, or in what is the victim's there."""
    declare(tmp_path, {"top": {"f": 1}})
    sticky = shared(tmp_path / "top/x", {"mine": {}, "theirs": {"mine": {}}})
    give(NOBODY, tmp_path / "top")
    give(SOMEBODY, sticky / "mine", sticky / "theirs", sticky / "theirs/mine")
    root, before = root_of(tmp_path / "top"), listing(tmp_path / "top")
    for stack in ([b"x/mine/gone/"], [b"x/theirs/mine/gone/"]):
        counts, left, faults = engine.remove(root, stack, EVERYTHING)
        assert (counts.files, counts.directories, left) == (0, 0, [])
        assert [fault[1:] for fault in faults] == [(errno.EPERM, DOING)]
    assert listing(tmp_path / "top") == before
    for stack in ([b"x/mine/gone/"], [b"x/theirs/mine/gone/"]):
        engine.remove(root, stack, EVERYTHING, None, 0, True)
    assert listing(sticky) == [b"theirs"]


@pytest.mark.parametrize("owner", [0, NOBODY])
@every_opening
def test_what_is_roots_in_a_directory_that_only_its_owner_may_delete_stays(
    engine: ModuleType, tmp_path: Path, owner: int
) -> None:
    """A project of the victim's in which somebody has installed as root, moved into what is being deleted."""
    declare(tmp_path, {"top": {"f": 1}})
    sticky = shared(tmp_path / "top/x", {"mine": {"deep": {"f": 1, "er": {"f": 1}}}})
    give(owner, tmp_path / "top")
    give(SOMEBODY, sticky / "mine", sticky / "mine/deep/f")
    root, before = root_of(tmp_path / "top"), listing(tmp_path / "top")
    for path in (b"x/mine/deep", b"x/mine/deep/er"):
        counts, left, faults = engine.remove(root, [path], EVERYTHING)
        assert (counts.files, counts.directories, left) == (0, 0, [])
        assert faults == [Fault(path, errno.EPERM, DOING)]
    assert listing(tmp_path / "top") == before
    engine.remove(root, [b"x/mine/deep"], EVERYTHING, None, 0, True)
    assert listing(sticky) == [b"mine"]


@every_opening
def test_directories_of_others_where_nothing_is_sticky_are_emptied(
    engine: ModuleType, tmp_path: Path
) -> None:
    """Not everything in an artifact has one owner: somebody has installed as root, or let a group write."""
    declare(tmp_path, {"top": {"a": {"b": {"c": {"f": 1}}, "g": 1}}})
    top = tmp_path / "top"
    give(NOBODY, top, top / "a/b/c/f")
    give(SOMEBODY, top / "a", top / "a/b/c")
    counts, faults = remove_all(engine, root_of(top), 1)
    assert (counts[:2], counts.root, faults) == ((2, 4), True, set())


def _remove_as_nobody(way: Way, top: str) -> Removal:
    become_nobody(Path(top).parent)
    Path(top, "sticky").chmod(0o1777)
    removal: Removal = way.engine().remove(root_of(top), [b""], EVERYTHING)
    return removal


def test_an_ordinary_user_deletes_their_own_sticky_directory(
    engine: ModuleType, place: Path
) -> None:
    declare(place, {"top": {"sticky": {"f": 1, "d": {"g": 1}}}})
    removal = in_child(_remove_as_nobody, Way(engine.__name__, "best"), os.fspath(place / "top"))
    assert (removal.counts[:2], removal.faults) == ((2, 3), [])
