"""The history takes in each run, whatever else happens to its file."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from cleanup_nodemodule.record.history import database, files, schema
from cleanup_nodemodule.record.history.entry import entry_of
from cleanup_nodemodule.record.history.keeping import keep
from cleanup_nodemodule.record.history.packing import DamagedError, Numbers, Packed, pack
from cleanup_nodemodule.run.looking_back import Asked, UnreadableError, look_back
from support.filesystems import Mounts
from support.histories import BEGAN, DAY, LONG, entry, failed, finished, plain, space
from support.needs import needs_root
from support.waiting import TIMEOUT

KEEP: Final = """
import sys
sys.path[:0] = [{tests!r}]
from cleanup_nodemodule.record.history.keeping import keep
from support.histories import LONG, entry
directory, count, name = sys.argv[1], int(sys.argv[2]), sys.argv[3]
for number in range(count):
    said = keep(directory, entry({{f"/srv/{{name}}{{one}}": 4096 * one for one in range(40)}}, id=f"{{name}}{{number}}"), LONG)
    assert said is None, said
    print(number, flush=True)
"""
"""A program that takes runs into a history, and says each number when that is done."""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    directory = tmp_path / "state"
    directory.mkdir(mode=0o700)
    return directory


def file_of(state: Path) -> Path:
    return Path(files.path_of(str(state)))


def runs_in(state: Path) -> list[str]:
    """Return the ids of the runs in a history, in their order."""
    return [run.run for run in look_back(str(state), Asked()).document.runs]


def program(state: Path, count: int, name: str) -> "subprocess.Popen[str]":
    code = KEEP.format(tests=str(Path(__file__).parents[1]))
    return subprocess.Popen(
        [sys.executable, "-c", code, str(state), str(count), name],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def whole(state: Path) -> bool:
    """Whether SQLite finds nothing wrong with the file."""
    with sqlite3.connect(file_of(state)) as connection:
        found = connection.execute("PRAGMA integrity_check").fetchall()
    connection.close()
    return found == [("ok",)]


# What is in it.


def test_a_run_is_in_the_history_with_all_that_is_known_of_it(state: Path) -> None:
    run = finished(
        {"/srv/a": 4096, "/srv/b": 8192},
        deleted=["/srv/b"],
        job="nightly",
        command="run",
        spaces=[space(1000, after=9192, total=10_000)],
        exit_code=3,
    )
    assert keep(str(state), entry_of(run), LONG) is None
    [row] = plain(look_back(str(state), Asked()).document)["runs"]
    assert row == {
        "number": 1,
        "run": "abcdef012345",
        "command": "run",
        "job": "nightly",
        "mode": "delete",
        "began_at": "2026-05-28T20:26:40+00:00",
        "clock_trusted": True,
        "duration_s": 1.5,
        "exit_code": 3,
        "failure": None,
        "version": "0",
        "complete": True,
        "found": 2,
        "selected": 2,
        "deleted": 1,
        "trashed": 0,
        "failed": 0,
        "problems": 0,
        "allocated_bytes": 12288,
        "reclaimable_bytes": 12288,
        "reclaimable_at_most_bytes": 12288,
        "freed_bytes": 8192,
        "observed_freed_bytes": None,
        "kept": {},
        "roots": [
            {
                "root": "/srv",
                "file_system": "uuid:1",
                "mounted_on": "/",
                "total_bytes": 10_000,
                "free_before_bytes": 1000,
                "free_after_bytes": 9192,
                "found": 2,
                "allocated_bytes": 12288,
                "reclaimable_bytes": 12288,
                "freed_bytes": 8192,
            }
        ],
    }


def test_a_run_that_came_to_no_result_is_in_it_too(state: Path) -> None:
    assert keep(str(state), entry_of(failed(failure="no \udcff such place")), LONG) is None
    [row] = plain(look_back(str(state), Asked()).document)["runs"]
    assert (row["exit_code"], row["failure"]) == (5, "no \\udcff such place")
    assert (row["found"], row["complete"], row["roots"]) == (None, None, [])


def test_paths_that_are_no_characters_come_back_as_they_were(state: Path) -> None:
    strange = "/srv/\udcff\n"
    one = entry({f"{strange}/a": 4096}, said={"roots": [strange]}, job="\udc80")
    assert keep(str(state), one, LONG) is None
    [row] = look_back(str(state), Asked()).document.runs
    assert strange in [root.root for root in row.roots]
    assert row.job == "\\udc80"


def test_the_file_is_for_nobody_else(state: Path) -> None:
    usual = os.umask(0)
    try:
        keep(str(state), entry(), LONG)
    finally:
        os.umask(usual)
    assert stat.S_IMODE(file_of(state).stat().st_mode) == 0o600
    assert {stat.S_IMODE(one.stat().st_mode) for one in state.iterdir()} == {0o600}


def test_the_state_directory_is_made_if_there_is_none(tmp_path: Path) -> None:
    where = tmp_path / "a/b"
    assert keep(str(where), entry(), LONG) is None
    assert stat.S_IMODE(where.stat().st_mode) == 0o700
    assert len(runs_in(where)) == 1


def test_no_history_is_nothing_wrong(tmp_path: Path) -> None:
    assert look_back(str(tmp_path / "none"), Asked()).document.runs == []
    assert list(tmp_path.iterdir()) == []


# Packing.


def test_what_is_packed_comes_back() -> None:
    rows = [
        (number * 7 + 3, Numbers(1, 1, 0, 0, number << 33, 0, 5, 0, number))
        for number in range(300)
    ]
    packed = Packed(pack(reversed(rows)))
    assert len(packed) == 300
    assert packed.ids() == [number for number, _ in rows]
    for name in Numbers._fields:
        assert list(packed.column(name)) == [getattr(numbers, name) for _, numbers in rows]


@pytest.mark.parametrize("cut", [0, 3, 7, 20, -1])
def test_damaged_columns_are_refused(cut: int) -> None:
    packed = pack([(1, Numbers(*range(9))), (2, Numbers(*range(9)))])
    with pytest.raises(DamagedError):
        Packed(packed[:cut])


# Several at once, and killed ones.


def test_runs_that_end_at_once_all_get_in(state: Path) -> None:
    programs = [program(state, 15, name) for name in "abc"]
    for one in programs:
        _, errors = one.communicate(timeout=TIMEOUT)
        assert (one.returncode, errors) == (0, "")
    assert sorted(runs_in(state)) == sorted(
        f"{name}{number}" for name in "abc" for number in range(15)
    )
    assert whole(state)


@pytest.mark.parametrize("after", range(4))
def test_a_kill_at_any_moment_leaves_the_file_whole(state: Path, after: int) -> None:
    """What the program has said to be done is there, whatever it was at when it was killed."""
    one = program(state, 1000, "k")
    assert one.stdout is not None
    for _ in range(after + 1):
        told = int(one.stdout.readline())
    one.send_signal(signal.SIGKILL)
    told = max([told, *map(int, one.stdout.read().split())])
    one.communicate(timeout=TIMEOUT)
    assert keep(str(state), entry(id="next"), LONG) is None
    found = runs_in(state)
    assert found[-1] == "next"
    assert found[:-1] in ([f"k{number}" for number in range(told + more)] for more in (1, 2))
    assert whole(state)


def test_a_run_does_not_wait_long_for_one_that_writes(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(str(state), entry(), LONG)
    monkeypatch.setattr(database, "_PATIENCE", 0.05)
    other = sqlite3.connect(file_of(state))
    other.execute("BEGIN IMMEDIATE")
    said = keep(str(state), entry(), LONG)
    assert said == "this run is not in the history: other runs were writing to it for too long"
    other.close()
    assert keep(str(state), entry(), LONG) is None


# Disks.


def test_a_full_disk_leaves_the_file_whole(tmp_path: Path, disks: Mounts) -> None:
    """There is no room in the midst of a run's entry, at any point; what was there stays, and later there is room."""
    disk = disks.image("ext4", tmp_path / "disk", mebibytes=64)
    state = disk / "state"
    assert keep(str(state), entry({f"/srv/{n}": n for n in range(500)}, id="first"), LONG) is None
    big = entry({f"/srv/long{'g' * 200}/{n}": n for n in range(3000)}, id="big")
    said: set[str | None] = set()
    for left in (0, 8, 40, 150, 400):
        fill(disk / "filler", leaving=left * 1024)
        said.add(keep(str(state), big, LONG))
        assert runs_in(state) == ["first"]
        (disk / "filler").unlink()
        assert whole(state)
    assert said == {"this run is not in the history: database or disk is full"}
    assert keep(str(state), big, LONG) is None
    assert runs_in(state) == ["first", "big"]


def test_on_a_disk_that_is_full_from_the_start_nothing_is_kept(
    tmp_path: Path, disks: Mounts
) -> None:
    disk = disks.image("ext4", tmp_path / "disk")
    state = disk / "state"
    state.mkdir(mode=0o700)
    fill(disk / "filler", leaving=0)
    said = keep(str(state), entry(), LONG)
    assert said is not None
    assert said.startswith("this run is not in the history: ")
    assert len(said.splitlines()) == 1
    (disk / "filler").unlink()
    assert keep(str(state), entry(), LONG) is None


def fill(file: Path, *, leaving: int) -> None:
    """Take all the room there is on a disk, but so many bytes."""
    with open(file, "wb", buffering=0) as out:
        try:
            while True:
                out.write(bytes(1 << 16))
        except OSError:
            pass
        try:
            while True:
                out.write(bytes(512))
        except OSError:
            pass
        out.truncate(max(0, out.tell() - leaving))
        os.fsync(out.fileno())


def test_where_nothing_can_be_written_it_says_so_in_one_line(tmp_path: Path, disks: Mounts) -> None:
    state = disks.tmpfs(tmp_path / "disk", "mode=700") / "state"
    assert keep(str(state), entry(id="before"), LONG) is None
    disks.read_only(tmp_path / "disk")
    said = keep(str(state), entry(), LONG)
    assert said == "this run is not in the history: Read-only file system"
    # What was written before can be read.
    assert runs_in(state) == ["before"]


def test_where_nobody_can_make_the_state_directory_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = keep(str(tmp_path / "file/state"), entry(), LONG)
    assert said is not None
    assert said.startswith("this run is not in the history: ")
    assert "is not a directory" in said


def test_a_directory_that_others_may_write_is_not_used(state: Path) -> None:
    state.chmod(0o777)
    said = keep(str(state), entry(), LONG)
    assert said is not None
    assert "others may write" in said
    assert list(state.iterdir()) == []


@pytest.mark.parametrize("kind", ["ext4", "fuse.sshfs"])
def test_it_has_a_log_only_where_memory_can_be_shared(
    tmp_path: Path, disks: Mounts, kind: str
) -> None:
    if kind == "ext4":
        state = disks.image("ext4", tmp_path / "disk", mebibytes=64) / "state"
    else:
        (tmp_path / "served").mkdir(mode=0o700)
        state = disks.sshfs(tmp_path / "disk", tmp_path / "served").path / "state"
    assert keep(str(state), entry(id="a"), LONG) is None
    assert files.has_log(str(file_of(state))) is (kind == "ext4")
    assert runs_in(state) == ["a"]


def test_a_log_is_turned_off_where_the_file_moved_to_a_network(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(str(state), entry(id="a"), LONG)
    assert files.has_log(str(file_of(state)))
    monkeypatch.setattr(files, "can_share_memory", lambda _: False)
    assert keep(str(state), entry(id="b"), LONG) is None
    assert not files.has_log(str(file_of(state)))
    monkeypatch.undo()
    assert keep(str(state), entry(id="c"), LONG) is None
    assert files.has_log(str(file_of(state)))
    assert runs_in(state) == ["a", "b", "c"]


# Files that are not as they should be.


def garbage(file: Path) -> None:
    file.write_bytes(os.urandom(20_000))


def truncated(file: Path) -> None:
    os.truncate(file, file.stat().st_size * 2 // 3 // 4096 * 4096)


def torn(file: Path) -> None:
    os.truncate(file, 1000)


def zeros(file: Path) -> None:
    file.write_bytes(bytes(file.stat().st_size))


def holed(file: Path) -> None:
    with open(file, "r+b") as out:
        out.seek(4096)
        out.write(b"\xff" * (file.stat().st_size - 4096))


def symlinked(file: Path) -> None:
    file.rename(file.parent.parent / "elsewhere")
    file.symlink_to(file.parent.parent / "elsewhere")


def made_a_directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


def made_a_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def given_away(file: Path) -> None:
    needs_root()
    os.chown(file, 12345, 12345)


def open_to_all(file: Path) -> None:
    file.chmod(0o666)


def of_another_program(file: Path) -> None:
    file.unlink()
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    connection.close()


def without_tables(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("DROP TABLE audit")
    connection.close()


def changed_by(*statements: str) -> Callable[[Path], None]:
    """Return a damage by SQL."""

    def damage(file: Path) -> None:
        with sqlite3.connect(file) as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()

    return damage


ENDLESS: Final = """
CREATE TRIGGER more AFTER INSERT ON run BEGIN
    INSERT INTO question (said) SELECT * FROM (
        WITH RECURSIVE one (x) AS (SELECT 1 UNION ALL SELECT x FROM one) SELECT max(x) FROM one
    );
END
"""
"""Has each run wait for ever."""


def named_by_no_text(file: Path) -> None:
    changed_by("CREATE TABLE strange_table (x)")(file)
    changed_by("PRAGMA wal_checkpoint (TRUNCATE)")(file)
    file.write_bytes(file.read_bytes().replace(b"strange_table", b"\x9ftrange_table"))


def shared_memory_of_others(file: Path) -> None:
    Path(f"{file}-wal").symlink_to("/etc/passwd")


DAMAGES: Final[dict[str, Callable[[Path], None]]] = {
    **{
        one.__name__: one
        for one in (
            *(garbage, truncated, torn, zeros, holed, symlinked, made_a_directory, made_a_pipe),
            *(given_away, open_to_all, of_another_program, without_tables),
            *(shared_memory_of_others, named_by_no_text),
        )
    },
    "a trigger": changed_by(ENDLESS),
    "a view": changed_by("CREATE VIEW seen AS SELECT * FROM run"),
    "a column": changed_by("ALTER TABLE root RENAME COLUMN path TO way"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_set_aside_and_a_new_one_begins(
    state: Path, damage: Callable[[Path], None]
) -> None:
    assert keep(str(state), entry({f"/srv/{n}": n for n in range(300)}), LONG) is None
    damage(file_of(state))
    said = keep(str(state), entry(id="new"), LONG)
    assert said is not None
    assert said.startswith("the history was damaged (")
    aside = [one for one in state.iterdir() if ".damaged-" in one.name]
    assert aside
    assert str(min(aside)) in said
    assert runs_in(state) == ["new"]
    assert whole(state)
    assert keep(str(state), entry(id="newer"), LONG) is None
    assert runs_in(state) == ["new", "newer"]


def test_an_empty_file_is_no_damage(state: Path) -> None:
    file_of(state).touch(0o600)
    assert look_back(str(state), Asked()).document.runs == []
    assert keep(str(state), entry(), LONG) is None


def test_files_set_aside_do_not_take_each_other_s_place(state: Path) -> None:
    for number in range(3):
        file_of(state).write_bytes(b"garbage %d" % number)
        assert keep(str(state), entry(), LONG) is not None
        file_of(state).unlink()
    contents = {one.read_bytes() for one in state.iterdir() if ".damaged-" in one.name}
    assert contents == {b"garbage 0", b"garbage 1", b"garbage 2"}


def test_of_the_files_set_aside_the_latest_three_stay(state: Path) -> None:
    for number in range(5):
        file_of(state).write_bytes(b"garbage %d" % number)
        file_of(state).with_name(f"{file_of(state).name}-wal").write_bytes(b"log")
        files.set_aside(str(file_of(state)))
    aside = [one for one in state.iterdir() if ".damaged-" in one.name]
    contents = [one.read_bytes() for one in aside if not one.name.endswith("-wal")]
    assert sorted(contents) == [b"garbage 2", b"garbage 3", b"garbage 4"]
    assert len(aside) == 2 * len(contents)


def test_runs_that_find_it_damaged_at_once_set_it_aside_once(state: Path) -> None:
    garbage(file_of(state))
    programs = [program(state, 3, name) for name in "abc"]
    ended = [one.communicate(timeout=TIMEOUT) for one in programs]
    said = "".join(errors for _, errors in ended)
    # The one that sets it aside says so, which its program takes for a failure.
    assert said.count("AssertionError: the history was damaged") == 1
    assert len([one for one in state.iterdir() if ".damaged-" in one.name]) == 1
    assert len(runs_in(state)) == 7


def test_indexes_that_were_exchanged_are_damage(state: Path) -> None:
    """Nothing that is read says so, and each deletion would fail for it."""
    keep(str(state), entry({f"/srv/{n}": n for n in range(30)}), LONG)
    changed_by(
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_schema SET rootpage = (SELECT sum(rootpage) FROM sqlite_schema"
        " WHERE name IN ('run_by_question', 'portion_by_last_run')) - rootpage"
        " WHERE name IN ('run_by_question', 'portion_by_last_run')",
    )(file_of(state))
    assert database.look_through(str(state)) is not None


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE run SET began_at = 'yesterday'",
        "UPDATE run SET kept = 'x'",
        "UPDATE root SET path = 5",
    ],
)
def test_values_that_no_run_has_written_are_said(state: Path, change: str) -> None:
    keep(str(state), entry({"/srv/a": 4096}, spaces=[space(5)], said={"roots": ["/srv"]}), LONG)
    changed_by(change)(file_of(state))
    with pytest.raises(UnreadableError, match="it says what no run has written"):
        look_back(str(state), Asked())


def test_one_that_reads_leaves_a_damaged_file_where_it_is(state: Path) -> None:
    garbage(file_of(state))
    with pytest.raises(UnreadableError, match=r"cannot read .*: it is not a database"):
        look_back(str(state), Asked())
    assert [one.name for one in state.iterdir() if ".damaged-" in one.name] == []


# Versions.


def test_a_file_of_a_later_version_is_left_alone(state: Path) -> None:
    keep(str(state), entry(), LONG)
    with sqlite3.connect(file_of(state)) as connection:
        connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    connection.close()
    before = file_of(state).read_bytes()
    said = keep(str(state), entry(), LONG)
    assert said is not None
    assert "was written by a later version of this program" in said
    assert file_of(state).read_bytes() == before
    with pytest.raises(UnreadableError, match="later version"):
        look_back(str(state), Asked())


# Clocks.


def test_runs_are_in_the_order_in_which_they_ended_whatever_the_clock_says(state: Path) -> None:
    for number, day in enumerate([0, 1, 2, -400, 3, 900, 4]):
        keep(str(state), entry(began_at=BEGAN + day * DAY, id=f"{number}"), LONG)
    runs = look_back(str(state), Asked()).document.runs
    assert [run.run for run in runs] == list("0123456")
    assert [run.clock_trusted for run in runs] == [True, True, True, False, True, False, True]
