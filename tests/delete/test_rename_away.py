"""Taking an artifact out of its project in one step, and putting it back: each step on its own."""

import errno
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from cleanup_nodemodule import engine
from cleanup_nodemodule.delete import rename_away
from cleanup_nodemodule.model import Candidate, Identity
from cleanup_nodemodule.record import staged
from support.needs import unable
from support.trees import declare, dig, listing

_RENAME: Final = os.rename


@pytest.fixture(params=["descriptor", "path"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to name things: by a descriptor of the directory around, and where there is none."""
    if request.param == "path":
        monkeypatch.setattr(os, "supports_dir_fd", set())
    way: str = request.param
    return way


by_descriptor = pytest.mark.parametrize("way", ["descriptor"], indirect=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with an artifact, and another directory that is somebody's own."""
    declare(
        tmp_path / "project",
        {
            "node_modules": {"a": {"f": 10}},
            "precious": {"letter": "precious"},
            "package.json": "{}",
        },
    )
    return tmp_path / "project"


def found(path: Path) -> Candidate:
    """Return what a search says of a directory."""
    status = os.lstat(path)
    identity = Identity(status.st_dev, status.st_ino)
    root = os.path.dirname(path)
    return Candidate(os.fspath(path), root, identity, mounted=False, changed=status.st_ctime_ns)


def place_for(path: Path) -> Path:
    """Return where *path* is to be renamed to."""
    return Path(staged.new_name(os.fspath(path)))


def state(top: Path) -> list[tuple[bytes, int, int]]:
    """Return everything in *top* with what makes it that very thing."""
    facts = []
    for path in listing(top):
        status = os.lstat(os.path.join(os.fsencode(top), path))
        facts.append((path, status.st_ino, stat.S_IFMT(status.st_mode)))
    return facts


def meanwhile(monkeypatch: pytest.MonkeyPatch, *doings: Callable[[], object]) -> None:
    """Have each of *doings* happen right before one of the renames that follow."""
    waiting = list(doings)
    exclusively = engine.rename_exclusively

    def rename_exclusively(directory: int, old: str, new: str) -> bool:
        if waiting:
            waiting.pop(0)()
        return exclusively(directory, old, new)

    monkeypatch.setattr(engine, "rename_exclusively", rename_exclusively)

    def rename(
        old: str, new: str, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None
    ) -> None:
        if waiting:
            waiting.pop(0)()
        _RENAME(old, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr(os, "rename", rename)
    monkeypatch.setattr(os, "supports_dir_fd", {rename} if os.supports_dir_fd else set())


def failing(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Have every rename fail."""

    def fail() -> None:
        raise OSError(number, os.strerror(number))

    meanwhile(monkeypatch, *[fail] * 9)


# The name.


def test_a_new_name_lies_beside_and_nobody_can_guess_it() -> None:
    names = {staged.new_name("/srv/project/node_modules") for _ in range(100)}
    assert len(names) == 100
    for name in names:
        assert re.fullmatch(r"/srv/project/\.cleanup-nodemodule-[0-9a-f]{16}", name)
        assert staged.is_staged(os.path.basename(name))
    assert not staged.is_staged("node_modules")


# Taking it out.


def test_an_artifact_is_renamed_beside_itself_and_is_the_very_same(project: Path) -> None:
    candidate = found(project / "node_modules")
    inside = state(project / "node_modules")
    place = place_for(project / "node_modules")
    rename_away.stage(candidate, os.fspath(place))
    assert not (project / "node_modules").exists()
    assert found(place).identity == candidate.identity
    assert state(place) == inside
    assert len(os.listdir(project)) == 3


def test_what_was_written_into_since_it_was_found_stays(project: Path) -> None:
    """A file that is new in it changes the directory itself, and so does one that is gone."""
    candidate = found(project / "node_modules")
    (project / "node_modules/new").write_text("new")
    before = state(project)
    with pytest.raises(rename_away.ChangedError):
        rename_away.stage(candidate, os.fspath(place_for(project / "node_modules")))
    with pytest.raises(rename_away.ChangedError):
        rename_away.check(candidate)
    assert state(project) == before


def replace_by_directory(path: Path) -> None:
    (path.parent / "precious").rename(path)


def replace_by_symlink(path: Path) -> None:
    path.symlink_to("precious")


def replace_by_file(path: Path) -> None:
    path.write_text("precious")


REPLACEMENTS = [replace_by_directory, replace_by_symlink, replace_by_file]


@pytest.mark.parametrize("replace", REPLACEMENTS)
def test_what_has_taken_its_place_stays(project: Path, replace: Callable[[Path], None]) -> None:
    top = project / "node_modules"
    candidate = found(top)
    top.rename(project / "aside")
    replace(top)
    before = state(project)
    with pytest.raises(rename_away.ChangedError):
        rename_away.stage(candidate, os.fspath(place_for(top)))
    with pytest.raises(rename_away.ChangedError):
        rename_away.check(candidate)
    assert state(project) == before


def test_what_is_gone_is_said_to_be_gone(project: Path) -> None:
    candidate = found(project / "node_modules")
    (project / "node_modules").rename(project / "aside")
    with pytest.raises(FileNotFoundError):
        rename_away.stage(candidate, os.fspath(place_for(project / "node_modules")))
    with pytest.raises(FileNotFoundError):
        rename_away.check(candidate)


@by_descriptor
def test_a_symlink_on_the_way_is_not_followed(project: Path) -> None:
    """Where there are no descriptors, the engine finds that out before it deletes."""
    candidate = found(project / "node_modules")
    project.rename(project.parent / "moved")
    project.symlink_to("moved")
    before = state(project.parent)
    with pytest.raises(OSError, match=r"symbolic|directory"):
        rename_away.stage(candidate, os.fspath(place_for(project / "node_modules")))
    assert state(project.parent) == before


IMPOSSIBLE = [
    "EXDEV",
    "ENOSPC",
    "EDQUOT",
    "ENAMETOOLONG",
    "EINVAL",
    "ENOSYS",
    "EOPNOTSUPP",
    "EMLINK",
]


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_a_file_system_that_cannot_rename_is_told_from_other_trouble(
    project: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    number = getattr(errno, name)
    failing(monkeypatch, number)
    before = state(project)
    with pytest.raises(rename_away.ImpossibleError) as caught:
        rename_away.stage(
            found(project / "node_modules"), os.fspath(place_for(project / "node_modules"))
        )
    assert caught.value.errno == number
    assert state(project) == before


@pytest.mark.parametrize("name", ["EACCES", "EPERM", "EBUSY", "EIO", "EROFS"])
def test_other_trouble_with_the_rename_is_raised_as_it_is(
    project: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    number = getattr(errno, name)
    failing(monkeypatch, number)
    before = state(project)
    with pytest.raises(OSError, match=re.escape(os.strerror(number))) as caught:
        rename_away.stage(
            found(project / "node_modules"), os.fspath(place_for(project / "node_modules"))
        )
    assert not isinstance(caught.value, rename_away.ImpossibleError)
    assert state(project) == before


@pytest.mark.parametrize("replace", REPLACEMENTS)
def test_what_takes_its_place_in_that_very_moment_is_put_back(
    project: Path, monkeypatch: pytest.MonkeyPatch, replace: Callable[[Path], None]
) -> None:
    top = project / "node_modules"
    candidate = found(top)
    before: list[object] = []

    def swap() -> None:
        top.rename(project / "aside")
        replace(top)
        before.append(state(project))

    meanwhile(monkeypatch, swap)
    with pytest.raises(rename_away.ChangedError):
        rename_away.stage(candidate, os.fspath(place_for(top)))
    assert [state(project)] == before


@pytest.mark.parametrize("again", REPLACEMENTS[1:])
def test_what_cannot_be_put_back_is_where_it_is_said_to_be(
    project: Path, monkeypatch: pytest.MonkeyPatch, again: Callable[[Path], None]
) -> None:
    """What was swapped in is out already, and its place has been taken once more."""
    top, place = project / "node_modules", place_for(project / "node_modules")
    candidate = found(top)
    precious = found(project / "precious").identity

    def swap() -> None:
        top.rename(project / "aside")
        (project / "precious").rename(top)

    status = os.stat

    def look(name: str | Path, **how: object) -> os.stat_result:
        if os.fspath(name).endswith(place.name) and not top.exists():
            again(top)
        return status(name, **how)  # type: ignore[arg-type]  # passed on as they came

    meanwhile(monkeypatch, swap)
    monkeypatch.setattr(os, "stat", look)
    with pytest.raises(rename_away.StuckError):
        rename_away.stage(candidate, os.fspath(place))
    monkeypatch.undo()
    assert found(place).identity == precious
    assert (place / "letter").read_text() == "precious"
    assert found(project / "aside").identity == candidate.identity


@pytest.mark.parametrize("kind", ["file", "symlink", "empty", "full"])
@pytest.mark.parametrize("call", ["exclusive", "plain"])
def test_what_is_put_back_replaces_nothing(
    project: Path, monkeypatch: pytest.MonkeyPatch, kind: str, call: str
) -> None:
    """Whatever has its place by now, put there a moment before."""
    top, place = project / "node_modules", place_for(project / "node_modules")
    candidate = found(top)
    rename_away.stage(candidate, os.fspath(place))
    if call == "plain":
        monkeypatch.setattr(engine, "rename_exclusively", lambda *_: False)
    match kind:
        case "file":
            top.write_text("precious")
        case "symlink":
            top.symlink_to("nowhere")
        case _:
            declare(top, {"precious": {}} if kind == "full" else {})
    before = listing(project)
    with pytest.raises(rename_away.StuckError):
        rename_away.put_back(os.fspath(place), os.fspath(top), candidate.identity)
    assert listing(project) == before


@by_descriptor
def test_what_is_put_in_its_place_at_the_last_moment_is_not_replaced(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file and a file: a plain rename would take the place of what came last."""
    needs_exclusive_rename(project)
    top, place = project / "node_modules", place_for(project / "node_modules")
    candidate = found(top)

    def swap() -> None:
        _RENAME(top, project / "aside")
        top.write_text("caught")

    meanwhile(monkeypatch, swap, lambda: top.write_text("came last"))
    with pytest.raises(rename_away.StuckError):
        rename_away.stage(candidate, os.fspath(place))
    assert (top.read_text(), place.read_text()) == ("came last", "caught")


def needs_exclusive_rename(directory: Path) -> None:
    (directory / "probe").write_text("")
    around = os.open(directory, os.O_RDONLY)
    try:
        if not engine.rename_exclusively(around, "probe", "probed"):
            unable("this file system has no renameat2 that refuses to replace")
    finally:
        os.close(around)
    (directory / "probed").unlink()


def test_what_was_caught_and_taken_away_again_was_something_else(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody swaps it, and then takes from its new name what was caught."""
    top, place = project / "node_modules", place_for(project / "node_modules")
    candidate = found(top)

    def swap() -> None:
        _RENAME(top, project / "aside")
        _RENAME(project / "precious", top)

    meanwhile(monkeypatch, swap, lambda: _RENAME(place, project / "precious"))
    with pytest.raises(rename_away.ChangedError):
        rename_away.stage(candidate, os.fspath(place))
    assert sorted(os.listdir(project)) == ["aside", "package.json", "precious"]


def test_trouble_after_the_rename_is_no_trouble_with_it(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not in its place any more, so whoever calls must not say that it is."""
    top, place = project / "node_modules", place_for(project / "node_modules")
    candidate = found(top)
    status = os.stat

    def look(name: str | Path, **how: object) -> os.stat_result:
        if os.fspath(name).endswith(place.name):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return status(name, **how)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(os, "stat", look)
    with pytest.raises(rename_away.StuckError):
        rename_away.stage(candidate, os.fspath(place))
    monkeypatch.undo()
    assert found(place).identity == candidate.identity


# Putting it back.


@pytest.fixture
def taken(project: Path) -> tuple[Path, Path, Identity]:
    """An artifact that is out of its project: its place, where it is, and its identity."""
    top, place = project / "node_modules", place_for(project / "node_modules")
    candidate = found(top)
    rename_away.stage(candidate, os.fspath(place))
    return top, place, candidate.identity


def test_what_is_put_back_is_as_it_was(taken: tuple[Path, Path, Identity]) -> None:
    top, place, identity = taken
    inside = state(place)
    rename_away.put_back(os.fspath(place), os.fspath(top), identity)
    assert (found(top).identity, state(top)) == (identity, inside)
    assert not place.exists()


def test_nothing_is_put_back_over_what_is_there_now(taken: tuple[Path, Path, Identity]) -> None:
    """A build may have made it anew, even if it is empty yet."""
    top, place, identity = taken
    for make in (Path.mkdir, Path.touch, replace_by_symlink):
        make(top)
        before = state(top.parent)
        with pytest.raises(rename_away.StuckError):
            rename_away.put_back(os.fspath(place), os.fspath(top), identity)
        assert state(top.parent) == before
        (top.rmdir if make is Path.mkdir else top.unlink)()


def test_what_comes_there_in_that_very_moment_is_not_replaced(
    taken: tuple[Path, Path, Identity], monkeypatch: pytest.MonkeyPatch
) -> None:
    top, place, identity = taken
    meanwhile(monkeypatch, lambda: declare(top, {"new": "precious"}))
    with pytest.raises(rename_away.StuckError):
        rename_away.put_back(os.fspath(place), os.fspath(top), identity)
    assert (top / "new").read_text() == "precious"
    assert found(place).identity == identity


def test_only_what_was_taken_is_put_back(taken: tuple[Path, Path, Identity]) -> None:
    top, place, identity = taken
    place.rename(place.with_name("aside"))
    with pytest.raises(FileNotFoundError):
        rename_away.put_back(os.fspath(place), os.fspath(top), identity)
    (top.parent / "precious").rename(place)
    with pytest.raises(rename_away.ChangedError):
        rename_away.put_back(os.fspath(place), os.fspath(top), identity)
    assert (place / "letter").exists()
    assert not top.exists()


def test_other_trouble_with_putting_back_is_raised_as_it_is(
    taken: tuple[Path, Path, Identity], monkeypatch: pytest.MonkeyPatch
) -> None:
    top, place, identity = taken
    failing(monkeypatch, errno.EROFS)
    with pytest.raises(OSError, match=re.escape(os.strerror(errno.EROFS))):
        rename_away.put_back(os.fspath(place), os.fspath(top), identity)
    assert place.exists()


# Looking.


def test_where_a_directory_is_can_be_asked(taken: tuple[Path, Path, Identity]) -> None:
    top, place, identity = taken
    assert rename_away.is_at(os.fspath(place), identity)
    assert not rename_away.is_at(os.fspath(top), identity)
    assert not rename_away.is_at(os.fspath(top / "deeper"), identity)
    assert not rename_away.is_at(os.fspath(top.parent / "precious"), identity)
    assert not rename_away.is_at(os.fspath(top.parent / "package.json" / "x"), identity)


def test_what_a_directory_holds_can_be_asked(project: Path) -> None:
    (project / "broken").symlink_to("nowhere")
    assert rename_away.holds(os.fspath(project), "package.json")
    assert rename_away.holds(os.fspath(project), "broken")
    assert not rename_away.holds(os.fspath(project), ".git")
    assert not rename_away.holds(os.fspath(project / "nowhere"), ".git")


@by_descriptor
def test_a_path_longer_than_any_call_takes_is_staged_and_put_back(tmp_path: Path) -> None:
    dig(tmp_path / "top", 25, b"d" * 200)
    directory = os.path.join(tmp_path, "top", *["d" * 200] * 25)
    around = engine.open_directory(os.fsencode(directory))
    os.mkdir("node_modules", dir_fd=around)
    status = os.stat("node_modules", dir_fd=around)
    os.close(around)
    identity = Identity(status.st_dev, status.st_ino)
    path = os.path.join(directory, "node_modules")
    assert len(path) > os.pathconf("/", "PC_PATH_MAX")
    place = staged.new_name(path)
    rename_away.stage(
        Candidate(path, "/", identity, mounted=False, changed=status.st_ctime_ns), place
    )
    assert rename_away.is_at(place, identity)
    assert not rename_away.is_at(path, identity)
    assert rename_away.holds(directory, os.path.basename(place))
    rename_away.put_back(place, path, identity)
    assert rename_away.is_at(path, identity)
