"""Version control besides git: what it tracks is kept, and nothing that it names is run."""

import itertools
import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cleanup_nodemodule.proof.stat_cache import StatCache
from cleanup_nodemodule.proof.version_control import databases
from cleanup_nodemodule.proof.version_control.ask import Said, ask, depends, innermost
from cleanup_nodemodule.proof.version_control.inside import working_copies
from cleanup_nodemodule.proof.version_control.systems import INSIDE, NAMED
from support.git import git
from support.judges import DELETE, judge, verdict, verdicts
from support.trees import Declared, declare
from support.version_control import SYSTEMS, cvs, run, working_copy

FILES: Final = {"file": "content", "deep": {"er": {"file": "x"}}}
PROJECT: Final[Declared] = {
    "package.json": "{}",
    "src": {"main.js": "1"},
    "node_modules": FILES,
    "a b": {"package.json": "{}", "node_modules": FILES},
    "é": {"package.json": "{}", "node_modules": FILES},
}
FREE: Final = {"node_modules": DELETE, "a b/node_modules": DELETE, "é/node_modules": DELETE}

# The programs of the others take a second for each of these tests.
each_system = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in {"Fossil", "Subversion"} else pytest.mark.slow)
        for name in sorted(SYSTEMS)
    ],
)


def said(top: Path, *directories: str) -> Said:
    """Return what the one system whose mark lies in *top* says."""
    [(place, mark)] = StatCache().working_copies(str(top))
    assert place == str(top)
    return ask(place, mark, [str(top / one) for one in directories])


def tracked(top: Path, *directories: str) -> set[str]:
    """Return what it tracks, where it gives an answer."""
    told = said(top, *directories)
    assert told.unknown is None
    return {os.path.relpath(path, top) for path in told.tracked}


# What real working copies say.


@each_system
def test_what_is_tracked_is_kept_and_the_rest_is_not(tmp_path: Path, name: str) -> None:
    top = tmp_path / "top"
    system = working_copy(name, top, tmp_path / "store")
    declare(top, PROJECT)
    assert tracked(top, "node_modules", "é/node_modules") == set()
    assert verdicts(top) == FREE
    system.track(top, "package.json", "src/main.js")
    assert verdicts(top) == FREE
    system.track(top, "a b/node_modules/deep/er/file", "é")
    found = judge(top)
    assert {path: verdict(one) for path, one in found.items()} == {
        "node_modules": DELETE,
        "a b/node_modules": "tracked",
        "é/node_modules": "tracked",
    }
    assert f"{name} tracks files inside" in found["é/node_modules"].evidence.facts
    asked = ("a b", "a b/node_modules", "a b/node_modules/deep", "a", "node", "src/main")
    assert tracked(top, *asked) == {"a b", "a b/node_modules", "a b/node_modules/deep"}


@each_system
def test_what_was_added_and_not_committed_is_tracked(tmp_path: Path, name: str) -> None:
    top = tmp_path / "top"
    system = working_copy(name, top, tmp_path / "store")
    declare(top, PROJECT)
    system.track(top, "package.json")
    system.run(top, *system.add, "node_modules")
    assert verdicts(top)["node_modules"] == "tracked"


REMOVE: Final = {
    "Mercurial": ("forget", "node_modules"),
    "Subversion": ("delete", "--keep-local", "node_modules"),
    "Fossil": ("rm", "--soft", "node_modules"),
    "Bazaar": ("remove", "--keep", "node_modules"),
    "Darcs": (
        "remove",
        *(f"node_modules/{one}" for one in ("deep/er/file", "deep/er", "deep", "file")),
        "node_modules",
    ),
}


@each_system
def test_what_is_removed_with_the_next_commit_is_tracked_until_then(
    tmp_path: Path, name: str
) -> None:
    top = tmp_path / "top"
    system = working_copy(name, top, tmp_path / "store")
    declare(top, PROJECT)
    system.track(top, "package.json", "node_modules")
    assert verdicts(top)["node_modules"] == "tracked"
    system.run(top, *REMOVE[name])
    assert (top / "node_modules/file").exists()
    assert verdicts(top)["node_modules"] == "tracked"
    system.run(top, *system.commit)
    assert verdicts(top)["node_modules"] == DELETE


@each_system
def test_a_working_copy_around_the_repository_of_git_is_asked_too(
    tmp_path: Path, name: str
) -> None:
    top = tmp_path / "top"
    system = working_copy(name, top, tmp_path / "store")
    declare(top, PROJECT)
    system.track(top, "a b/node_modules")
    git(top / "a b", "init", "--quiet")
    assert verdicts(top)["a b/node_modules"] == "tracked"


@each_system
def test_a_commit_after_the_plan_keeps_what_was_selected(tmp_path: Path, name: str) -> None:
    """The files that the answer depends on change with what is tracked."""
    top = tmp_path / "top"
    system = working_copy(name, top, tmp_path / "store")
    declare(top, PROJECT)
    system.track(top, "package.json")
    files = depends(str(top), system.mark)
    assert any(os.path.exists(path) for path in files)

    def state() -> list[object]:
        return [
            (os.stat(path).st_ino, os.stat(path).st_mtime_ns, os.stat(path).st_size)
            for path in files
            if os.path.exists(path)
        ]

    before = state()
    system.run(top, *system.add, "node_modules")
    assert state() != before


@each_system
def test_nothing_in_a_working_copy_is_written(tmp_path: Path, name: str) -> None:
    top = tmp_path / "top"
    system = working_copy(name, top, tmp_path / "store")
    declare(top, PROJECT)
    system.track(top, "package.json")

    def state() -> dict[Path, tuple[int, int]]:
        return {path: (path.lstat().st_mtime_ns, path.lstat().st_size) for path in top.rglob("*")}

    before = state()
    assert verdicts(top) == FREE
    assert state() == before


# What one of them has for itself.


@pytest.mark.slow
def test_a_dirstate_of_the_second_format_is_understood(tmp_path: Path) -> None:
    slow = ("--config", "storage.dirstate-v2.slow-path=allow")
    run(tmp_path, "hg", *slow, "--config", "format.use-dirstate-v2=yes", "init", "top")
    top = tmp_path / "top"
    declare(top, PROJECT)
    assert verdicts(top) == FREE
    run(top, "hg", *slow, "add", "--quiet", "package.json", "a b/node_modules/deep", "é")
    run(top, "hg", *slow, "commit", "--user=t", "--message=all")
    assert (top / ".hg/dirstate").read_bytes().startswith(b"dirstate-v2\n")
    asked = ("a b", "a b/node_modules", "a b/node_modules/deep/er", "src", "node_modules")
    assert tracked(top, *asked) == {"a b", "a b/node_modules", "a b/node_modules/deep/er"}
    assert verdicts(top) == {**FREE, "a b/node_modules": "tracked", "é/node_modules": "tracked"}
    [data] = top.glob(".hg/dirstate.*")
    whole = data.read_bytes()
    data.write_bytes(whole[: len(whole) // 2])
    assert said(top, "src").unknown is not None
    # Each node leads to all of them again.
    data.write_bytes(b"\0\0\0\0" * (len(whole) // 4 + 1))
    assert said(top, "src").tracked == frozenset()


@pytest.mark.slow
def test_no_revision_that_is_checked_out_is_no_answer(tmp_path: Path) -> None:
    top = tmp_path / "top"
    system = working_copy("Mercurial", top, tmp_path / "store")
    declare(top, PROJECT)
    system.track(top, "package.json", "node_modules")
    run(tmp_path, "hg", "clone", "--quiet", "--noupdate", "top", "clone")
    told = said(tmp_path / "clone", "node_modules")
    assert told.unknown is not None
    assert "no revision is checked out" in told.unknown
    (top / ".hg/dirstate").unlink()
    assert said(top, "node_modules").unknown is not None
    run(tmp_path, "hg", "--config", "extensions.share=", "share", "--noupdate", "top", "shared")
    assert said(tmp_path / "shared", "node_modules").unknown is not None


@pytest.mark.slow
def test_large_files_of_mercurial_are_tracked(tmp_path: Path) -> None:
    top = tmp_path / "top"
    system = working_copy("Mercurial", top, tmp_path / "store")
    declare(top, PROJECT)
    large = ("--config", "extensions.largefiles=")
    system.run(top, *large, "add", "--quiet", "--large", "node_modules/file")
    system.run(top, *large, *system.commit)
    assert tracked(top, "node_modules", "src") == {"node_modules"}


@pytest.mark.slow
def test_a_sparse_working_copy_is_no_answer(tmp_path: Path) -> None:
    top = tmp_path / "top"
    system = working_copy("Mercurial", top, tmp_path / "store")
    declare(top, PROJECT)
    system.track(top, "package.json", "node_modules")
    sparse = ("--config", "extensions.sparse=")
    system.run(top, *sparse, "debugsparse", "--exclude", "node_modules")
    declare(top, {"node_modules": FILES})
    assert said(top, "node_modules").unknown is not None


def test_subversion_externals_and_excluded_directories_are_tracked(tmp_path: Path) -> None:
    top = tmp_path / "top"
    system = working_copy("Subversion", top, tmp_path / "store")
    declare(top, PROJECT)
    system.track(top, "package.json", "node_modules", "a b/node_modules")
    system.run(top, "update", "--quiet", "--set-depth=exclude", "node_modules")
    declare(top, {"node_modules": FILES})
    assert tracked(top, "node_modules", "é/node_modules") == {"node_modules"}


def test_a_data_base_that_somebody_writes_to_is_no_answer(tmp_path: Path) -> None:
    top = tmp_path / "top"
    working_copy("Subversion", top, tmp_path / "store")
    (top / ".svn/wc.db-journal").write_bytes(b"x" * 512)
    told = said(top, "node_modules")
    assert told.unknown is not None
    assert "somebody is writing" in told.unknown


def test_a_fossil_that_writes_ahead_is_understood(tmp_path: Path) -> None:
    top = tmp_path / "top"
    system = working_copy("Fossil", top, tmp_path / "store")
    declare(top, PROJECT)
    system.track(top, "node_modules")
    with closing(sqlite3.connect(top / ".fslckout")) as base:
        assert base.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
    assert tracked(top, "node_modules", "src") == {"node_modules"}
    (top / ".fslckout").rename(top / "_FOSSIL_")
    assert tracked(top, "node_modules", "src") == {"node_modules"}


def test_cvs_is_asked_in_the_directory_around(tmp_path: Path) -> None:
    top = tmp_path / "top"
    declare(top, {**PROJECT, "lib": {"package.json": "{}", "node_modules": FILES, "x": "1"}})
    cvs(top, tmp_path / "store", "package.json", "lib/x", "a b/node_modules/file")
    assert verdicts(top) == {**FREE, "a b/node_modules": "tracked", "lib/node_modules": DELETE}
    # Its place lost, but listed.
    shutil.rmtree(top / "lib/CVS")
    assert verdicts(top)["lib/node_modules"] == "tracked"
    (top / "CVS/Entries").unlink()
    assert said(top, "node_modules").unknown is not None


def test_a_directory_that_somebody_calls_cvs_is_none_of_cvs(tmp_path: Path) -> None:
    declare(tmp_path, {**PROJECT, "CVS": {"life.pdf": "x"}})
    assert verdicts(tmp_path) == FREE
    assert working_copies(str(tmp_path), ["CVS"]) == ()


@pytest.mark.parametrize("mark", [".bzr", "_darcs"])
def test_a_repository_without_a_working_tree_tracks_nothing(tmp_path: Path, mark: str) -> None:
    if mark == ".bzr":
        run(tmp_path, "brz", "init-shared-repository", "--quiet", ".")
    else:
        run(tmp_path, "darcs", "initialize", "--no-working-dir")
    declare(tmp_path, PROJECT)
    assert verdicts(tmp_path) == FREE


# Systems that are not asked.

UNASKED: Final = sorted(
    set(NAMED) - {".hg", ".svn", ".bzr", "_darcs", "CVS", ".fslckout", "_FOSSIL_"}
)


@pytest.mark.parametrize("mark", UNASKED)
def test_of_a_system_that_is_not_asked_it_is_said_that_nobody_knows(
    tmp_path: Path, mark: str
) -> None:
    declare(tmp_path, {mark: "P4CLIENT=x\n" if NAMED[mark] == "Perforce" else {"x": "1"}})
    told = said(tmp_path, "node_modules")
    assert told.unknown is not None
    assert told.unknown.startswith(f"{NAMED[mark]} in {tmp_path}: ")
    assert told.tracked == frozenset()


def test_the_file_that_p4config_names_is_recognised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(tmp_path, {".my-p4": "P4CLIENT=x\n"})
    assert StatCache().working_copies(str(tmp_path)) == ()
    monkeypatch.setenv("P4CONFIG", ".my-p4")
    assert StatCache().working_copies(str(tmp_path)) == ((str(tmp_path), ".my-p4"),)
    assert said(tmp_path, "x").system == "Perforce"
    monkeypatch.setenv("P4CONFIG", "/etc/p4")
    assert StatCache().working_copies(str(tmp_path)) == ()


# What surrounds a directory.


def test_all_marks_above_are_found_and_only_the_nearest_of_cvs_counts(tmp_path: Path) -> None:
    declare(tmp_path, {".hg": {}, "CVS": {}, "a": {"CVS": {}, ".git": {}, "b": {".svn": {}}}})
    top, a, b = str(tmp_path), str(tmp_path / "a"), str(tmp_path / "a/b")
    cache = StatCache()
    found = cache.working_copies(b)
    assert set(found) == {(b, ".svn"), (a, "CVS"), (top, ".hg"), (top, "CVS")}
    assert innermost(found) == ((b, ".svn"), (a, "CVS"), (top, ".hg"))
    assert cache.repositories(b) == (a,)
    assert cache.working_copies(str(tmp_path / "a/none")) == found[1:]


def test_marks_in_a_directory_that_may_not_be_listed_are_found(tmp_path: Path) -> None:
    declare(tmp_path, {".hg": {}, **{f"f{number}": "" for number in range(1200)}})
    assert StatCache().working_copies(str(tmp_path)) == ((str(tmp_path), ".hg"),)


def test_a_mark_that_something_is_mounted_on_counts(tmp_path: Path) -> None:
    cache = StatCache([str(tmp_path / ".hg")])
    assert cache.working_copies(str(tmp_path)) == ((str(tmp_path), ".hg"),)


# What somebody made to do harm.


@pytest.mark.slow
def test_nothing_that_a_working_copy_names_is_run(tmp_path: Path) -> None:
    top = tmp_path / "top"
    touch = f"touch {tmp_path}/ran"
    hook = f"ALL prehook {touch}\nALL run-prehook\nALL posthook {touch}\nALL run-posthook\n"
    for name, system in SYSTEMS.items():
        working_copy(name, top / name, tmp_path / "store" / name)
        declare(top / name, PROJECT)
        system.track(top / name, "package.json")
    (top / "Mercurial/.hg/hgrc").write_text(
        f"[extensions]\nevil = {tmp_path}/evil.py\n[hooks]\npre-files = {touch}\npre-status = {touch}\n"
        f"[alias]\nfiles = !{touch}\nstatus = !{touch}\n[fsmonitor]\nmode = on\n"
    )
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    (top / "Darcs/_darcs/prefs/defaults").write_text(hook)
    # It is a trap: the program itself falls into it.
    subprocess.run(["hg", "status"], cwd=top / "Mercurial", check=False, capture_output=True)
    assert (tmp_path / "ran").exists()
    (tmp_path / "ran").unlink()
    found = verdicts(top, targets=("node_modules",))
    assert found == {f"{name}/{path}": DELETE for name in SYSTEMS for path in FREE}
    assert not (tmp_path / "ran").exists()


READ: Final = {
    "Mercurial": (".hg/dirstate", ".hg/requires"),
    "Subversion": (".svn/wc.db",),
    "Fossil": (".fslckout",),
    "Bazaar": (".bzr/checkout/dirstate", ".bzr/checkout/format"),
    "Darcs": ("_darcs/hashed_inventory", "_darcs/patches/pending", "_darcs/format"),
}


def fifo(path: Path) -> None:
    """Put a FIFO there, which nobody writes to."""
    os.mkfifo(path)


def huge(path: Path) -> None:
    """Put a file there that has a size and takes no space."""
    with open(path, "wb") as file:
        file.truncate(1 << 33)


def symlink(path: Path) -> None:
    """Put a symlink there to what has no end."""
    path.symlink_to("/dev/zero")


def directory(path: Path) -> None:
    """Put a directory there."""
    path.mkdir()


@each_system
def test_a_file_that_is_none_is_no_answer_and_holds_nobody_up(tmp_path: Path, name: str) -> None:
    top = tmp_path / "top"
    system = working_copy(name, top, tmp_path / "store")
    declare(top, PROJECT)
    system.track(top, "package.json", "node_modules")
    for file, make in itertools.product(READ[name], (fifo, huge, symlink, directory)):
        kept = (top / file).read_bytes()
        (top / file).unlink()
        make(top / file)
        told = ask(str(top), system.mark, [str(top / "node_modules")])
        # A directory is no mark of Fossil.
        assert told.unknown is not None or (name, make) == ("Fossil", directory), (file, make)
        assert told.tracked == frozenset()
        if make is directory:
            (top / file).rmdir()
        else:
            (top / file).unlink()
        (top / file).write_bytes(kept)


@each_system
def test_a_mark_that_is_a_symlink_is_no_answer(tmp_path: Path, name: str) -> None:
    top = tmp_path / "top"
    system = working_copy(name, top, tmp_path / "store")
    declare(top, PROJECT)
    (top / system.mark).rename(tmp_path / "elsewhere")
    (top / system.mark).symlink_to(tmp_path / "elsewhere")
    assert said(top, "node_modules").unknown is not None


EVIL: Final = {
    "view": (
        "CREATE VIEW nodes AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)"
        " SELECT 'x' AS local_relpath, 'normal' AS presence, 1 AS wc_id FROM n"
    ),
    "function": (
        "CREATE TABLE nodes (wc_id INTEGER, presence TEXT,"
        " local_relpath TEXT AS (hex(zeroblob(10000000))))"
    ),
    "none": "CREATE TABLE other (x)",
    "virtual": "CREATE VIRTUAL TABLE nodes USING fts5(wc_id, presence, local_relpath)",
}


@pytest.mark.parametrize("kind", sorted(EVIL))
def test_a_data_base_with_code_in_it_is_no_answer(tmp_path: Path, kind: str) -> None:
    (tmp_path / ".svn").mkdir()
    with closing(sqlite3.connect(tmp_path / ".svn/wc.db")) as base:
        base.execute("CREATE TABLE wcroot (id INTEGER)")
        base.execute("INSERT INTO wcroot VALUES (1)")
        base.execute(EVIL[kind])
        if kind == "function":
            base.execute("INSERT INTO nodes (wc_id, presence) VALUES (1, 'normal')")
        base.commit()
    told = said(tmp_path, "node_modules")
    assert told.unknown is not None


def test_a_question_that_takes_too_many_steps_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".svn").mkdir()
    with closing(sqlite3.connect(tmp_path / ".svn/wc.db")) as base:
        base.execute("CREATE TABLE wcroot (id INTEGER)")
        base.execute("INSERT INTO wcroot VALUES (1)")
        base.execute("CREATE TABLE nodes (wc_id, presence, local_relpath)")
        rows = ((1, "normal", f"a{number}") for number in range(5000))
        base.executemany("INSERT INTO nodes VALUES (?, ?, ?)", rows)
        base.commit()
    assert tracked(tmp_path, "a1", "b") == {"a1"}
    monkeypatch.setattr(databases, "_MOST", 3)
    told = said(tmp_path, "b")
    assert told.unknown is not None
    assert "interrupted" in told.unknown


WHOLE: Final = {
    ".hg": {"requires": "store\n", "dirstate": bytes(40) + b"n" + bytes(15) + b"\1a"},
    ".bzr": {"checkout": {"format": "Bazaar Working Tree Format 6 (bzr 1.14)\n", "dirstate": ""}},
    "_darcs": {"format": "hashed\ndarcs-2\n", "hashed_inventory": ""},
    "CVS": {"Entries": "D/a////\n"},
    ".svn": {"wc.db": "SQLite format 3\0"},
}


@given(
    mark=st.sampled_from(sorted(WHOLE)), content=st.binary(max_size=400), number=st.integers(0, 9)
)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None
)
def test_no_content_is_a_failure(tmp_path: Path, mark: str, content: bytes, number: int) -> None:
    """Whatever lies there, there is an answer or none, and nothing is raised."""
    shutil.rmtree(tmp_path / "top", ignore_errors=True)
    top = tmp_path / "top"
    declare(top, {mark: WHOLE[mark]})
    files = [path for path in (top / mark).rglob("*") if path.is_file()]
    file = files[number % len(files)]
    begin = file.read_bytes()[: number * 8]
    file.write_bytes(begin + content)
    told = said(top, "a", "b")
    assert told.tracked <= {str(top / "a"), str(top / "b")}


def test_a_dirstate_that_begins_like_the_second_format_and_is_none_is_no_answer(
    tmp_path: Path,
) -> None:
    declare(tmp_path, {".hg": {"dirstate": b"dirstate-v2\n" + b"\xff" * 130}})
    assert said(tmp_path, "a").unknown is not None


# Inside of an artifact.


@each_system
def test_a_working_copy_inside_is_said(tmp_path: Path, name: str) -> None:
    top = tmp_path / "node_modules/x"
    system = working_copy(name, top, tmp_path / "store")
    met = [f"x/{system.mark}", "x", f"gone/{system.mark}"]
    found = working_copies(str(tmp_path / "node_modules"), met)
    assert found == ((str(top), name),)
    assert os.fsencode(system.mark.lower()) in INSIDE


@pytest.mark.parametrize("mark", sorted(NAMED))
def test_what_only_has_the_name_of_a_mark_is_nobody_s_work(tmp_path: Path, mark: str) -> None:
    declare(tmp_path, {"a": {mark: {}}, "b": {mark: ""}})
    assert working_copies(str(tmp_path), [f"a/{mark}", f"b/{mark}"]) == ()


def test_cvs_inside_is_said(tmp_path: Path) -> None:
    declare(tmp_path / "top/old", {"x": "1"})
    cvs(tmp_path / "top/old", tmp_path / "store", "x")
    found = working_copies(str(tmp_path / "top"), ["old/CVS"])
    assert found == ((str(tmp_path / "top/old"), "CVS"),)


@pytest.mark.parametrize("kind", ["symlink", "file on the way"])
def test_what_cannot_be_looked_at_inside_counts(tmp_path: Path, kind: str) -> None:
    declare(tmp_path, {"a": {}})
    if kind == "symlink":
        (tmp_path / "a/.hg").symlink_to("/nowhere")
    else:
        declare(tmp_path, {"a/.hg": {}})
        (tmp_path / "a/.hg/requires").symlink_to("/nowhere")
    assert working_copies(str(tmp_path), ["a/.hg"]) == ((str(tmp_path / "a"), "Mercurial"),)


@pytest.mark.parametrize("name", ["Subversion", "Fossil"])
def test_a_working_copy_deep_in_an_artifact_keeps_it(tmp_path: Path, name: str) -> None:
    declare(tmp_path / "p", {"package.json": "{}", "node_modules": {"x": {"index.js": "1"}}})
    top = tmp_path / "p/node_modules/x/deep/er"
    system = working_copy(name, top, tmp_path / "store")
    # Not everything of that name is one: there are packages that are called so.
    declare(tmp_path / "q", {"package.json": "{}", "node_modules": {"cvs": {"index.js": "1"}}})
    found = judge(tmp_path, targets=("node_modules",))
    assert verdict(found["q/node_modules"]) == DELETE
    assert verdict(found["p/node_modules"]) == "precious"
    assert f"x/deep/er/{system.mark}" in "".join(found["p/node_modules"].evidence.also_inside)
