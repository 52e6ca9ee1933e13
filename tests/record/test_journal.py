"""The journal keeps every record, whatever happens to the process, the disk or the file."""

import errno
import itertools
import json
import os
import re
import stat
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanup_nodemodule.record import alive, write
from cleanup_nodemodule.record import read as record_read
from cleanup_nodemodule.record.entries import Ending, JournalError
from cleanup_nodemodule.record.read import Reader, read
from cleanup_nodemodule.record.trust import StateError
from cleanup_nodemodule.record.write import Journal
from support.journals import a_run, abandon, fill, intent, written
from support.needs import needs_root, unable
from support.places import TESTS
from support.processes import strace
from support.waiting import TIMEOUT, await_condition


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A state directory that is not there yet."""
    return tmp_path / "state"


def ticking() -> Callable[[], float]:
    """Return a clock that is a second further each time it is looked at."""
    ticks = itertools.count(int(time.time()))
    return lambda: float(next(ticks))


def test_what_was_written_is_read(home: Path) -> None:
    run = a_run("/srv", "/home", mode="trash")
    first = intent(
        "/srv/a/node_modules",
        staged="/srv/a/.cleanup-1",
        warnings=("no lock file",),
        regenerate_in="/srv",
    )
    with Journal(str(home), run, clock=ticking()) as record:
        numbers = record.begin([first, intent("/srv/b")])
        record.end(numbers[1], Ending.FAILED, freed_bytes=5, error="no")
        record.end(numbers[0], Ending.TRASHED, freed_bytes=7)
    history = read(str(home))
    assert [entry.intent for entry in history.entries] == [intent("/srv/b"), first]
    ends = [entry.end for entry in history.entries if entry.end is not None]
    assert [(end.ending, end.freed_bytes, end.error) for end in ends] == [
        (Ending.FAILED, 5, "no"),
        (Ending.TRASHED, 7, None),
    ]
    [known] = history.runs.values()
    assert known.ended_at is not None
    assert known.ended_at >= run.started_at
    assert {**asdict(known), "ended_at": None} == asdict(run)
    assert (history.faults, history.left_out, record.lost) == ((), 0, [])


def test_what_was_written_when_there_was_one_number_has_it_for_both(home: Path) -> None:
    with Journal(str(home), a_run()) as record:
        record.begin([intent("/srv/a", reclaimable_bytes=700)])
    [path] = home.glob("journal-*.jsonl")
    text = path.read_text()
    assert ',"reclaimable_at_most_bytes":4096' in text
    path.write_text(text.replace(',"reclaimable_at_most_bytes":4096', ""))
    [entry] = read(str(home)).entries
    assert (entry.intent.reclaimable_bytes, entry.intent.reclaimable_at_most_bytes) == (700, 700)


def test_there_need_not_be_a_journal(home: Path) -> None:
    assert read(str(home)) == record_read.History((), {}, (), 0)
    home.mkdir()
    assert read(str(home)) == record_read.History((), {}, (), 0)


def test_it_is_for_the_user_alone(home: Path) -> None:
    before = os.umask(0)
    try:
        record = Journal(str(home), a_run())
    finally:
        os.umask(before)
    record.close()
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE(os.stat(record.path).st_mode) == 0o600


def test_its_file_is_called_after_the_month_in_which_the_run_began(home: Path) -> None:
    run = a_run()
    Journal(str(home), run).close()
    month = time.strftime("%Y-%m", time.gmtime(run.started_at))
    [name] = os.listdir(home)
    assert re.fullmatch(rf"journal-{month}\.[\w.-]+\.jsonl", name)


def test_each_record_is_ascii_and_a_line_of_its_own_for_any_tool(home: Path) -> None:
    with Journal(str(home), a_run()) as record:
        record.begin([intent("/new\nline/caf\udce9/☕")])
    lines = [line for line in written(home).split(b"\n") if line]
    assert [json.loads(line)["kind"] for line in lines] == ["run", "begin", "run-end"]
    assert {json.loads(line)["v"] for line in lines} == {1}
    assert written(home).isascii()


@given(st.binary(max_size=30).map(lambda name: b"/" + name.replace(b"\0", b"")))
def test_every_name_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, name: bytes
) -> None:
    home = tmp_path_factory.mktemp("state")
    path = os.fsdecode(name)
    with Journal(str(home), a_run(path)) as record:
        record.begin([intent(path)])
    [entry] = read(str(home)).entries
    assert os.fsencode(entry.intent.path) == name


def test_a_beginning_is_on_disk_before_it_returns_by_one_sync_for_all(
    home: Path, tmp_path: Path
) -> None:
    """The system calls of a process that writes one batch, seen by strace."""
    script = """
import sys
sys.path.insert(0, sys.argv[2])
from support.journals import a_run, intent
from cleanup_nodemodule.record.write import Journal, Ending
record = Journal(sys.argv[1], a_run())
numbers = record.begin(intent(f"/{n}") for n in range(5))
print("MARK", flush=True)
for number in numbers:
    record.end(number, Ending.DELETED)
record.close()
print("THE END", flush=True)
"""
    log = tmp_path / "log"
    calls = ("-s", "200", "-e", "trace=write,fdatasync,fsync,mkdir")
    command = (*strace(log, *calls), sys.executable, "-c", script, str(home), str(TESTS))
    subprocess.run(command, check=True, capture_output=True)
    await_condition(lambda: "THE END" in log.read_text(), "strace had written all")
    steps: list[str] = []
    for line in log.read_text().splitlines():
        if "MARK" in line:
            steps.append("MARK")
        elif (call := re.search(r"(mkdir|write|fdatasync|fsync)\(", line)) and str(home) in line:
            kind = re.search(r'kind\\":\\"([\w-]+)', line)
            steps.append(f"{call[1]} {kind[1]}" if kind else call[1])
    assert steps == [
        *("mkdir", "fsync"),  # The new file's name, in its directory.
        *("write run", "fdatasync"),
        *["write begin"] * 5,
        *("fdatasync", "MARK"),
        *["write end"] * 5,
        *("write run-end", "fdatasync"),
    ]


# Runs that did not come to their end.


def test_a_run_killed_mid_way_is_unfinished(home: Path) -> None:
    run = a_run()
    record = Journal(str(home), run)
    numbers = record.begin([intent("/a"), intent("/b"), intent("/c")])
    record.end(numbers[0], Ending.DELETED)
    abandon(record)
    history = read(str(home))
    assert [entry.intent.path for entry in history.unfinished()] == ["/b", "/c"]
    assert [entry.end for entry in history.unfinished()] == [None, None]
    assert history.runs[run.id].ended_at is None


def test_what_an_interrupted_run_left_is_unfinished(home: Path) -> None:
    run = a_run()

    def work() -> None:
        with Journal(str(home), run) as record:
            numbers = record.begin([intent("/a"), intent("/b")])
            record.end(numbers[0], Ending.INTERRUPTED)
            record.end(numbers[1], Ending.KEPT)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    history = read(str(home))
    assert [entry.intent.path for entry in history.unfinished()] == ["/a"]
    assert history.runs[run.id].interrupted is True


def test_a_run_that_crashed_has_no_end(home: Path) -> None:
    run = a_run()
    with pytest.raises(ZeroDivisionError), Journal(str(home), run):
        raise ZeroDivisionError
    assert read(str(home)).runs[run.id].ended_at is None


def test_a_later_run_finishes_what_another_began(home: Path) -> None:
    first = a_run()
    record = Journal(str(home), first)
    [one, two, three] = record.begin([intent("/a"), intent("/b", staged="/x"), intent("/c")])
    record.end(two, Ending.FAILED, error="busy")
    record.end(three, Ending.INTERRUPTED)
    abandon(record)
    history = read(str(home))
    assert {entry.intent.path for entry in history.unfinished()} == {"/a", "/c"}
    assert {entry.intent.path for entry in history.unfinished(failed=True)} == {"/a", "/b", "/c"}
    with Journal(str(home), a_run()) as later:
        for number in (one, two, three):
            later.end(number, Ending.DELETED, freed_bytes=9, run=first.id)
    history = read(str(home))
    assert history.unfinished(failed=True) == ()
    assert [(entry.run, entry.number) for entry in history.entries] == [
        (first.id, number) for number in (1, 2, 3)
    ]
    assert {entry.end.freed_bytes for entry in history.entries if entry.end} == {9}


def test_an_end_is_found_whichever_file_is_read_first(home: Path) -> None:
    first = a_run()
    record = Journal(str(home), first)
    [number] = record.begin([intent("/a")])
    abandon(record)
    os.rename(record.path, home / "journal-2026-11.zebra.jsonl")
    with Journal(str(home), a_run()) as later:
        later.end(number, Ending.DELETED, run=first.id)
    os.rename(later.path, home / "journal-2026-11.ant.jsonl")
    [entry] = read(str(home)).entries
    assert entry.end is not None
    assert entry.end.ending is Ending.DELETED


# Several at once.

APPENDER = """
import sys
sys.path.insert(0, sys.argv[2])
from support.journals import a_run, intent
from cleanup_nodemodule.record.write import Journal, Ending
name = sys.argv[3]
print("ready", flush=True)
sys.stdin.readline()
with Journal(sys.argv[1], a_run("/" + name)) as record:
    for n in range(50):
        path = f"/{name}/{n}/" + "x" * (n * 200)
        [number] = record.begin([intent(path)])
        record.end(number, Ending.DELETED, freed_bytes=n)
assert record.lost == [] and record.pending == 0
"""


WRITER = """
import sys
sys.path.insert(0, sys.argv[2])
from support.journals import a_run
from cleanup_nodemodule.record.write import Journal
record = Journal(sys.argv[1], a_run("/"))
print(record.run.id, flush=True)
sys.stdin.readline()
record.close()
print("closed", flush=True)
sys.stdin.readline()
"""


@pytest.mark.parametrize("killed", [True, False])
def test_a_run_is_at_work_for_as_long_as_it_has_the_journal_open(
    home: Path,
    killed: bool,  # noqa: FBT001 - a parameter of the case, told by its name
) -> None:
    """It says so by a lock, which takes no space and ends with the process."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, home, TESTS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        run = process.stdout.readline().strip()
        others = ["0" * 12, "no id", run[:-1]]
        assert alive.writing(str(home), [run, *others]) == {run}
        assert alive.writing(str(home), others) == frozenset()
        if killed:
            process.kill()
            process.wait()
        else:
            process.stdin.write("\n")
            process.stdin.flush()
            assert process.stdout.readline() == "closed\n"
        assert alive.writing(str(home), [run]) == frozenset()


def test_where_there_is_no_journal_nobody_is_at_work(home: Path) -> None:
    assert alive.writing(str(home), ["0" * 12]) == frozenset()


def test_twenty_processes_append_at_once_and_nothing_is_torn_or_lost(home: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", APPENDER, home, TESTS, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for number in range(20)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=TIMEOUT)
        assert process.returncode == 0
    assert len(os.listdir(home)) == 1
    history = read(str(home))
    assert history.faults == ()
    assert len(history.runs) == 20
    assert all(run.ended_at is not None for run in history.runs.values())
    assert sorted(entry.intent.path for entry in history.entries) == sorted(
        f"/{name}/{n}/" + "x" * (n * 200) for name in range(20) for n in range(50)
    )
    assert all(entry.end is not None for entry in history.entries)


def test_several_threads_share_one(home: Path) -> None:
    with Journal(str(home), a_run()) as record:

        def work(name: int) -> None:
            for n in range(20):
                [number] = record.begin([intent(f"/{name}/{n}")])
                record.end(number, Ending.DELETED, freed_bytes=number)

        threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    history = read(str(home))
    assert history.faults == ()
    assert {entry.number for entry in history.entries} == set(range(1, 161))
    assert all(entry.end and entry.end.freed_bytes == entry.number for entry in history.entries)


# Damage.


def test_every_torn_tail_is_left_out_and_reported_and_the_rest_is_read(home: Path) -> None:
    """The file cut off at each byte of its last record in turn."""
    with Journal(str(home), a_run()) as record:
        record.begin([intent("/a")])
        [second] = record.begin([intent("/b")])
        before = os.path.getsize(record.path)
        record.end(second, Ending.DELETED)
        whole = Path(record.path).read_bytes()
    for length in range(before, len(whole)):
        Path(record.path).write_bytes(whole[:length])
        history = read(str(home))
        ended = length >= len(whole) - 1  # But for the newline.
        assert [entry.intent.path for entry in history.unfinished()] == (
            ["/a"] if ended else ["/a", "/b"]
        )
        cut = before + 1 < length < len(whole) - 1
        assert [(fault.file, fault.line) for fault in history.faults] == (
            [(record.path, 8)] if cut else []
        ), length


def test_a_record_after_a_torn_one_is_whole(home: Path) -> None:
    with Journal(str(home), a_run()) as record:
        record.begin([intent("/a")])
    whole = Path(record.path).read_bytes()
    Path(record.path).write_bytes(whole[:-30])
    with Journal(str(home), a_run()) as later:
        later.begin([intent("/b")])
    history = read(str(home))
    assert [entry.intent.path for entry in history.entries] == ["/a", "/b"]
    [fault] = history.faults
    assert fault.message == "it is incomplete: a crash or a full disk cut it off"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("path", "relative"),
        ("path", "/nul\0byte"),
        ("path", None),
        ("staged", "/elsewhere/x"),
        ("device", "1"),
        ("evidence", "text"),
        ("project", 1),
        ("regenerate_in", "../x"),
        ("at", "yesterday"),
        ("at", 1e300),
        ("number", None),
        ("run", 7),
    ],
)
def test_a_record_that_makes_no_sense_is_left_out_and_reported(
    home: Path, key: str, value: object
) -> None:
    with Journal(str(home), a_run()) as record:
        record.begin([intent("/a/b"), intent("/b/b")])
    lines = [json.loads(line) for line in written(home).split(b"\n") if line]
    lines[1][key] = value
    Path(record.path).write_text("\n".join(map(json.dumps, lines)) + "\n")
    history = read(str(home))
    assert [entry.intent.path for entry in history.entries] == ["/b/b"]
    [fault] = history.faults
    assert (fault.line, "as this program writes it" in fault.message) == (2, True)


@pytest.mark.parametrize("line", ["[]", "7", "null", "{}", '"x"', "\\xff", "NaN", "[" * 100_000])
def test_a_line_of_anything_is_left_out_and_reported(home: Path, line: str) -> None:
    with Journal(str(home), a_run()) as record:
        record.begin([intent("/a")])
    with open(record.path, "a", encoding="utf-8") as file:
        file.write(line + "\n")
    history = read(str(home))
    assert [entry.intent.path for entry in history.entries] == ["/a"]
    assert len(history.faults) == 1


def test_keys_and_kinds_of_a_later_time_are_passed_over_and_a_later_version_is_reported(
    home: Path,
) -> None:
    run = a_run()
    with Journal(str(home), run) as record:
        record.begin([intent("/a")])
    more = [
        {"v": 1, "run": run.id, "kind": "remark", "text": "?"},
        {"v": 1, "run": run.id, "kind": "end", "at": 1, "number": 1, "ending": "deleted"}
        | {"freed_bytes": 1, "error": None, "mood": "good"},
        {"v": 2, "run": run.id, "kind": "begin"},
    ]
    with open(record.path, "a", encoding="ascii") as file:
        file.writelines(json.dumps(line) + "\n" for line in more)
    history = read(str(home))
    assert [entry.end is not None for entry in history.entries] == [True]
    assert [fault.message for fault in history.faults] == [
        "a later version of this program wrote it"
    ]


def test_an_unfinished_deletion_is_found_even_if_the_run_s_own_record_is_lost(home: Path) -> None:
    run = a_run()
    record = Journal(str(home), run)
    record.begin([intent("/a")])
    abandon(record)
    lines = [line for line in written(home).split(b"\n") if line]
    Path(record.path).write_bytes(lines[1] + b"\n")
    history = read(str(home))
    assert [entry.intent.path for entry in history.unfinished()] == ["/a"]
    assert history.runs[run.id].host == ""


def test_a_record_written_twice_counts_once(home: Path) -> None:
    """As when a disk turned out to be full only after it was written."""
    with Journal(str(home), a_run()) as record:
        [number] = record.begin([intent("/a")])
        record.end(number, Ending.DELETED)
    whole = Path(record.path).read_bytes()
    Path(record.path).write_bytes(whole + whole)
    history = read(str(home))
    assert [entry.end is not None for entry in history.entries] == [True]
    assert history.faults == ()


def test_a_file_that_cannot_be_trusted_is_left_out_and_reported(home: Path) -> None:
    with Journal(str(home), a_run()) as record:
        record.begin([intent("/a")])
    Path(record.path).chmod(0o666)
    os.mkfifo(home / "journal-2020-01.fifo.jsonl")
    (home / "journal-2020-02.link.jsonl").symlink_to(record.path)
    history = read(str(home))
    assert history.entries == ()
    assert [os.path.basename(fault.file) for fault in history.faults] == [
        "journal-2020-01.fifo.jsonl",
        "journal-2020-02.link.jsonl",
        os.path.basename(record.path),
    ]


def test_other_files_are_not_read(home: Path) -> None:
    Journal(str(home), a_run()).close()
    for name in ("config.toml", "journal-2026-11.jsonl~", "notes.jsonl"):
        (home / name).write_text("?")
    (home / "locks").mkdir()
    assert read(str(home)).faults == ()


# Where it cannot be written.


def test_a_directory_that_cannot_be_trusted_ends_it_before_anything_is_deleted(home: Path) -> None:
    home.mkdir()
    home.chmod(0o777)
    with pytest.raises(JournalError, match=r"others may write .*set XDG_STATE_HOME"):
        Journal(str(home), a_run())
    assert os.listdir(home) == []
    with pytest.raises(StateError, match="others may write"):
        read(str(home))


@pytest.mark.parametrize("kind", ["symlink", "fifo", "directory", "writable"])
def test_a_strange_file_in_its_place_ends_it(home: Path, kind: str) -> None:
    record = Journal(str(home), a_run())
    record.close()
    path = Path(record.path)
    path.unlink()
    other = home / "other"
    other.write_text("mine")
    match kind:
        case "symlink":
            path.symlink_to(other)
        case "fifo":
            os.mkfifo(path)
        case "directory":
            path.mkdir()
        case _:
            path.write_text("")
            path.chmod(0o666)
    with pytest.raises(JournalError, match="set XDG_STATE_HOME"):
        Journal(str(home), a_run())
    assert other.read_text() == "mine"


def failing(monkeypatch: pytest.MonkeyPatch, call: str, number: int) -> list[bool]:
    """Have a system call of the journal fail while the list returned holds True."""
    real = getattr(os, call)
    broken = [False]

    def fake(*arguments: object) -> object:
        if broken[-1]:
            raise OSError(number, os.strerror(number))
        return real(*arguments)

    monkeypatch.setattr(os, call, fake)
    return broken


@pytest.mark.parametrize("call", ["write", "fdatasync"])
def test_a_beginning_that_cannot_be_written_is_an_error_and_forgotten(
    home: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    broken = failing(monkeypatch, call, errno.EIO)
    record = Journal(str(home), a_run())
    broken.append(True)
    with pytest.raises(JournalError, match=r"Input/output error; set XDG_STATE_HOME"):
        record.begin([intent("/a")])
    broken.append(False)
    record.begin([intent("/b")])
    record.close()
    paths = [entry.intent.path for entry in read(str(home)).entries]
    assert paths == (["/b"] if call == "write" else ["/a", "/b"])
    assert (record.pending, record.lost) == (0, [])


def test_an_end_that_cannot_be_written_is_a_warning(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = failing(monkeypatch, "write", errno.EIO)
    with Journal(str(home), a_run()) as record:
        [number] = record.begin([intent("/a")])
        broken.append(True)
        record.end(number, Ending.DELETED)
    why = "1 records could not be written: Input/output error"
    assert [(one.path, one.errno, one.why) for one in record.lost] == [
        (record.path, errno.EIO, why)
    ] * 2
    assert [entry.intent.path for entry in read(str(home)).unfinished()] == ["/a"]


def test_what_the_disk_had_no_room_for_after_all_is_written_again(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some file systems look for space only when they are told to sync (NFS, btrfs)."""
    broken = failing(monkeypatch, "fdatasync", errno.EDQUOT)
    record = Journal(str(home), a_run())
    broken.append(True)
    kept = os.path.getsize(record.path)
    [number] = record.begin([intent("/a")])
    assert record.pending == 1
    os.truncate(record.path, kept)
    broken.append(False)
    record.end(number, Ending.DELETED)
    assert record.pending == 0
    record.close()
    [entry] = read(str(home)).entries
    assert entry.end is not None


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """An empty file system of 64 KiB and for 20 files."""
    needs_root()
    top = tmp_path / "tiny"
    top.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k,nr_inodes=20,mode=700", "tmpfs", str(top)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        unable("a tmpfs cannot be mounted")
    try:
        yield top
    finally:
        subprocess.run(["umount", "-l", top], check=True)


def test_on_a_full_disk_records_wait_for_space_and_are_written_in_order(tiny: Path) -> None:
    home = tiny / "state"
    record = Journal(str(home), a_run(), clock=ticking())
    fill(tiny / "ballast")
    numbers = record.begin(intent(f"/{n}/" + "x" * 3000) for n in range(3))
    assert record.pending > 0
    record.end(numbers[0], Ending.DELETED)
    waiting = record.pending
    assert waiting > 1
    os.unlink(tiny / "ballast")
    record.end(numbers[1], Ending.DELETED)
    assert record.pending == 0
    record.close()
    history = read(str(home))
    assert [(entry.number, entry.end is not None) for entry in history.entries] == [
        *((3, False), (1, True), (2, True))
    ]
    assert (history.faults, record.lost) == ((), [])


def test_on_a_disk_so_full_that_there_is_no_room_for_a_directory_it_waits_too(tiny: Path) -> None:
    blocked = tiny / "many"
    blocked.mkdir()

    def take_all() -> None:
        for number in itertools.count():
            (blocked / str(number)).touch()

    with pytest.raises(OSError, match="No space left"):
        take_all()
    home = tiny / "state"
    record = Journal(str(home), a_run())
    [number] = record.begin([intent("/a")])
    assert record.pending == 2
    assert not home.exists()
    for name in os.listdir(blocked):
        os.unlink(blocked / name)
    record.end(number, Ending.DELETED)
    assert record.pending == 0
    record.close()
    [entry] = read(str(home)).entries
    assert entry.end is not None


def test_what_never_found_room_is_said_at_the_end(tiny: Path) -> None:
    home = tiny / "state"
    record = Journal(str(home), a_run())
    fill(tiny / "ballast")
    record.begin(intent(f"/{n}/" + "x" * 3000) for n in range(3))
    waiting = record.pending
    record.close()
    why = f"the last {waiting + 1} records could not be written, because the disk is full"
    [problem] = record.lost
    assert (problem.path, problem.errno, problem.why) == (record.path, errno.ENOSPC, why)


# Reading much.


def test_the_latest_are_the_last_to_have_ended(home: Path) -> None:
    record = Journal(str(home), a_run(), clock=ticking())
    numbers = record.begin(intent(f"/{n}") for n in range(6))
    for number in reversed(numbers):
        record.end(number, Ending.FAILED if number % 2 else Ending.DELETED)
    record.close()
    history = read(str(home), last=3)
    assert [entry.intent.path for entry in history.entries] == ["/2", "/1", "/0"]
    assert history.left_out == 3
    odd = read(str(home), wanted=lambda entry: entry.number % 2 == 1, last=2)
    assert [entry.intent.path for entry in odd.entries] == ["/2", "/0"]
    assert odd.left_out == 1
    none = read(str(home), last=0)
    assert (none.entries, none.left_out) == ((), 6)


@pytest.mark.slow
def test_reading_takes_no_memory_for_what_is_not_asked_for(home: Path) -> None:
    with Journal(str(home), a_run()) as record:
        pass
    run = a_run()
    with open(record.path, "ab") as file:
        for n in range(1, 30_001):
            facts = {"number": n, **asdict(intent(f"/{n}/node_modules"))}
            end = {"number": n, "ending": "deleted", "freed_bytes": 1, "error": None}
            file.write(write._record(run.id, "begin", at=n, **facts))  # noqa: SLF001 - as it is written
            file.write(write._record(run.id, "end", at=n, **end))  # noqa: SLF001 - as it is written
    size = os.path.getsize(record.path)
    assert size > 10_000_000
    tracemalloc.start()
    try:
        history = read(str(home), last=5)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [entry.number for entry in history.entries] == list(range(29_996, 30_001))
    assert history.left_out == 29_995
    assert peak < size / 10


def test_a_reader_gives_what_is_settled_first(home: Path) -> None:
    with Journal(str(home), a_run()) as record:
        numbers = record.begin(intent(f"/{n}") for n in range(3))
        record.end(numbers[1], Ending.FAILED)
        record.end(numbers[2], Ending.DELETED)
    assert [entry.number for entry in Reader(str(home))] == [3, 1, 2]
