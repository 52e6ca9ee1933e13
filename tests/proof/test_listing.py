"""One listing answers for many names, and says the same as asking for each of them does."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from cleanup_nodemodule.model import Candidate, Identity
from cleanup_nodemodule.proof import listing as listings
from cleanup_nodemodule.proof.evidence import gather
from cleanup_nodemodule.proof.memory import UNASKED, Memory
from cleanup_nodemodule.proof.rules import catalogue
from cleanup_nodemodule.proof.sighting import Circumstances
from cleanup_nodemodule.proof.stat_cache import StatCache
from support import corpus
from support.needs import needs_root
from support.trees import Declared, declare

TREE: Final[Declared] = {
    "file": "x",
    "directory": {"file": "x", "deep": {"file": "x"}},
    "Mixed.Case": "x",
    "a.sln": "x",
    "b.sln": "x",
}

MARKERS: Final = (
    *("file", "file/", "directory", "directory/", "directory/file", "directory/deep/file"),
    *("nothing", "nothing/", "nothing/file", "link", "link/", "link/file", "fifo", "../file"),
    *("mixed.case", "Mixed.Case", "*.sln", "*/file", "d*/", "x" * 300, "ö"),
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Files and directories, and what is neither."""
    declare(tmp_path, TREE)
    (tmp_path / "link").symlink_to("directory")
    os.mkfifo(tmp_path / "fifo")
    return tmp_path


def counted(monkeypatch: pytest.MonkeyPatch, name: str) -> list[object]:
    """Return a list that the first argument of each call of ``os.NAME`` is added to."""
    seen: list[object] = []
    real: Callable[..., object] = getattr(os, name)

    def call(path: object, *rest: object, **how: object) -> object:
        seen.append(path)
        return real(path, *rest, **how)

    monkeypatch.setattr(os, name, call)
    return seen


@pytest.mark.parametrize("marker", MARKERS)
def test_a_listing_says_what_asking_says(tree: Path, marker: str) -> None:
    listed, asked = StatCache(lists=True), StatCache()
    top = str(tree)
    artifact = str(tree / "directory")
    for place in (top, artifact):
        assert list(listed.matches(place, marker)) == list(asked.matches(place, marker))
        if "*" not in marker:
            assert listed.exists(place, marker) == asked.exists(place, marker)
            assert listed.protects(place, marker) == asked.protects(place, marker)
            assert listed.proves(place, marker, artifact) == asked.proves(place, marker, artifact)
            name = marker.rstrip("/")
            assert listed.read(place, name) == asked.read(place, name)
        assert sorted(listed.entries(place)) == sorted(asked.entries(place))


def test_what_is_not_there_costs_one_listing(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lstat, scandir = counted(monkeypatch, "lstat"), counted(monkeypatch, "scandir")
    cache = StatCache(lists=True)
    for number in range(50):
        assert not cache.exists(str(tree), f"nothing-{number}")
        assert not cache.proves(str(tree), f"nothing-{number}/", str(tree / "directory"))
        assert cache.status(str(tree), f"nothing-{number}/deeper") is None
    assert (lstat, scandir) == ([], [str(tree)])


def test_a_name_in_another_case_is_asked_for(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the file system knows whether it takes one for the other."""
    lstat = counted(monkeypatch, "lstat")
    assert not StatCache(lists=True).exists(str(tree), "mixed.case")
    assert lstat == [str(tree / "mixed.case")]


def test_a_directory_with_very_many_names_is_not_listed_to_its_end(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listings, "_LONGEST", 3)
    lstat, scandir = counted(monkeypatch, "lstat"), counted(monkeypatch, "scandir")
    cache = StatCache(lists=True)
    assert cache.exists(str(tree), "file")
    assert not cache.exists(str(tree), "nothing")
    assert list(cache.matches(str(tree), "*.sln")) == ["a.sln", "b.sln"]
    assert lstat[:2] == [str(tree / "file"), str(tree / "nothing")]
    # Once to learn that there are too many, and once for the wildcard.
    assert scandir == [str(tree), str(tree)]


def test_what_is_remembered_of_listings_is_bounded(tmp_path: Path) -> None:
    declare(tmp_path, {f"{number:03}": {"a": "x", "b": "x"} for number in range(300)})
    known = listings.Listings()
    for path in sorted(tmp_path.iterdir()):
        listing = known.of(str(path))
        assert listing is not None
        assert set(listing.entries) == {"a", "b"}
    few = listings.Listings()
    few._names = listings._MAX_NAMES  # noqa: SLF001 - as after thousands of directories
    assert few.of(str(tmp_path)) is not None
    assert few._names == 301  # noqa: SLF001


def test_what_is_mounted_is_not_looked_at_though_a_listing_shows_it(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A listing shows the directory beneath the mount."""
    point = str(tree / "directory")
    lstat = counted(monkeypatch, "lstat")
    cache = StatCache((point,), lists=True)
    assert not cache.exists(str(tree), "directory/")
    assert cache.protects(str(tree), "directory/")
    assert not cache.exists(str(tree), "directory/file")
    assert cache.nearest_protecting(str(tree), "directory/") == (str(tree), "directory/")
    assert lstat == []


def test_what_cannot_be_listed_is_asked_for_name_by_name(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a directory that may be gone into and not read."""

    def refuse(path: object) -> object:
        raise PermissionError(13, "not to be listed", path)

    monkeypatch.setattr(os, "scandir", refuse)
    cache = StatCache(lists=True)
    assert cache.exists(str(tree), "file")
    assert not cache.exists(str(tree), "nothing")


def test_another_users_marker_proves_nothing_where_everybody_writes(tree: Path) -> None:
    needs_root()
    tree.chmod(0o1777)
    os.chown(tree / "directory", 1_001_001, 1_001_001)
    for owner, proves in ((1_001_002, False), (1_001_001, True), (0, True)):
        os.chown(tree / "file", owner, owner)
        cache = StatCache(lists=True)
        assert cache.exists(str(tree), "file")
        assert cache.proves(str(tree), "file", str(tree / "directory")) is proves


def test_what_was_asked_for_last_is_remembered_longest() -> None:
    memory = Memory(8, 1_000)
    memory.put("often", "/often", 1)
    for number in range(100):
        memory.put(number, f"/{number}", number)
        assert memory.get("often") == 1
    assert memory.get(99) == 99
    assert memory.get(0) is UNASKED


def test_memory_is_bounded_by_the_characters_of_paths() -> None:
    memory = Memory(1_000, 100)
    for number in range(100):
        memory.put(number, "x" * 10, number)
        assert memory.characters <= 100
    memory.put("long", "x" * 51, 1)
    assert memory.get("long") is UNASKED


@pytest.mark.slow
def test_a_whole_home_directory_is_seen_the_same(tmp_path: Path) -> None:
    """Everything that the corpus has a name for, with all rules."""
    home = tmp_path / "home"
    corpus.build(home)
    circumstances = Circumstances(catalogue(), home=str(home))
    cache = StatCache(lists=True)
    compared = 0
    for directory, names, _ in os.walk(home):
        for name in names:
            path = os.path.join(directory, name)
            if os.path.islink(path):
                continue
            status = os.lstat(path)
            identity = Identity(status.st_dev, status.st_ino)
            candidate = Candidate(path, str(home), identity, mounted=False)
            [listed] = gather([candidate], circumstances, cache)
            [asked] = gather([candidate], circumstances)
            assert listed == asked
            compared += bool(asked.examinations)
    assert compared > 300
