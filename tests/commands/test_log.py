"""``log``: what happened to which folder always has an answer."""

import json
import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cleanup_nodemodule.record import lock, state_directory
from cleanup_nodemodule.record.entries import Ending
from cleanup_nodemodule.record.write import Journal
from support.journals import a_run, abandon, intent
from support.places import COMMAND
from support.processes import Terminal, execute
from support.screen import Screen
from support.tool import Run
from support.trees import declare

NAMES = (b"plain", b"two words", b"new\nline", b"tab\there", b"\x1b[31mred", b"caf\xe9", b"[/b]")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The state directory of the commands that a test runs; it is not there yet."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    return state_directory.directory()


def fields(result: "subprocess.CompletedProcess[str]") -> list[list[str]]:
    return [line.split("\t") for line in result.stdout.splitlines()]


def document(run: Run, *arguments: str | Path) -> dict[str, Any]:
    result = run("log", "--json", *arguments)
    assert result.returncode == 0, result.stderr
    assert result.stdout.isascii()
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_nothing_recorded_is_said(run: Run, home: str) -> None:
    result = run("log")
    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr == "The journal has no deletions yet.\n"
    assert document(run) == {
        "schema_version": 1,
        "entries": [],
        "runs": [],
        "left_out": 0,
        "problems": [],
    }
    assert not os.path.exists(home)


def test_each_deletion_is_a_line_with_the_way_back(run: Run, home: str) -> None:
    a = a_run()
    with Journal(home, a, clock=iter(range(1_800_000_000, 1_900_000_000)).__next__) as record:
        one, two, three = record.begin(
            [
                intent("/srv/a/node_modules", regenerate_in="/srv"),
                intent("/srv/it's/dist", regenerate="npm run build"),
                intent("/srv/c/x", regenerate=None),
            ]
        )
        record.end(one, Ending.DELETED, freed_bytes=2048)
        record.end(two, Ending.TRASHED)
        record.end(three, Ending.FAILED, freed_bytes=1, error="could not")
    result = run("log")
    assert (result.returncode, result.stderr) == (0, "")
    assert fields(result) == [
        [when, what, a.id, *rest]
        for when, what, *rest in (
            (
                *("2027-01-15T08:00:03+00:00", "deleted", "2048", "2.0 KiB"),
                *("(cd /srv && npm ci)", "/srv/a/node_modules"),
            ),
            (
                *("2027-01-15T08:00:04+00:00", "trashed", "0", "0 B"),
                *("""(cd '/srv/it'"'"'s' && npm run build)""", "/srv/it's/dist"),
            ),
            ("2027-01-15T08:00:05+00:00", "failed", "1", "1 B", "-", "/srv/c/x"),
        )
    ]


def test_the_document_says_everything(run: Run, home: str) -> None:
    a = a_run("/srv", mode="trash")
    with Journal(home, a) as record:
        one, two = record.begin(
            [intent("/srv/caf\udce9", staged="/srv/.s", warnings=("mind",)), intent("/b")]
        )
        record.turn(two)
        record.end(one, Ending.FAILED, freed_bytes=7, error="busy")
    found = document(run)
    rows = {row.pop("path"): row for row in found["entries"]}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", rows["/b"]["began_at"])
    assert {key: rows["/b"][key] for key in ("outcome", "ended_at", "freed_bytes", "error")} == {
        "outcome": "unfinished",
        "ended_at": None,
        "freed_bytes": None,
        "error": None,
    }
    row = rows["/srv/caf\udce9"]
    assert row.pop("began_at") <= row.pop("ended_at")
    assert row == {
        "outcome": "failed",
        "freed_bytes": 7,
        "error": "busy",
        "run": a.id,
        "number": 1,
        "apparent_bytes": 10,
        "allocated_bytes": 4096,
        "reclaimable_bytes": 4096,
        "reclaimable_at_most_bytes": 4096,
        "rule": "js/node_modules",
        "evidence": ["package.json beside it"],
        "project": "/srv",
        "regenerate": "npm ci",
        "regenerate_in": None,
        "warnings": ["mind"],
        "staged": "/srv/.s",
    }
    [known] = found["runs"]
    assert (known["id"], known["mode"], known["roots"]) == (a.id, "trash", ["/srv"])
    assert (known["pid"], known["interrupted"]) == (os.getpid(), False)
    assert known["ended_at"] >= known["started_at"]


def test_a_run_killed_mid_way_is_listed_as_unfinished(run: Run, home: str) -> None:
    record = Journal(home, a_run())
    [one, two, _] = record.begin([intent("/a"), intent("/b"), intent("/c")])
    record.turn(one)
    record.end(one, Ending.DELETED)
    record.turn(two)
    abandon(record)
    result = run("log")
    assert {row[-1]: row[1] for row in fields(result)} == {"/a": "deleted", "/b": "unfinished"}
    assert result.returncode == 0
    assert result.stderr == "Something was not finished. To finish it: cleanup-nodemodule resume\n"


def test_what_an_interrupted_run_never_began_did_not_happen(run: Run, home: str) -> None:
    """Several are written down at once, before the turn of the first: it is no news of the others."""
    record = Journal(home, a_run())
    [one, two, _] = record.begin([intent("/a"), intent("/b"), intent("/c")])
    record.turn(one)
    record.end(one, Ending.DELETED)
    record.end(two, Ending.NOT_BEGUN, error="the run was stopped before its turn")
    abandon(record)
    result = run("log")
    assert ([row[-1] for row in fields(result)], result.stderr) == (["/a"], "")
    assert [row["path"] for row in document(run)["entries"]] == ["/a"]
    assert {row[-1]: row[1] for row in fields(run("log", "--all"))} == {
        "/a": "deleted",
        "/b": "not-begun",
        "/c": "not-begun",
    }


def test_what_another_machine_left_is_not_for_this_one_to_finish(run: Run, home: str) -> None:
    """As where several share a home directory."""
    record = Journal(home, replace(a_run(), host="else\x1bwhere", machine="another"))
    record.turn(*record.begin([intent("/a")]))
    abandon(record)
    result = run("log")
    assert result.stderr == (
        "Something was not finished, or is at work still, on $'else\\ewhere'.\n"
    )


def test_what_is_not_shown_can_be_unfinished_too(run: Run, home: str) -> None:
    record = Journal(home, a_run(), clock=iter(range(1000)).__next__)
    first, *others = record.begin(intent(f"/{n}") for n in range(3))
    for number in others:
        record.end(number, Ending.DELETED)
    record.end(first, Ending.INTERRUPTED)
    abandon(record)
    with Journal(home, a_run()) as later:
        [number] = later.begin([intent("/new")])
        later.end(number, Ending.DELETED)
    result = run("log", "-n", "1")
    assert [row[-1] for row in fields(result)] == ["/new"]
    assert result.stderr.splitlines() == [
        "3 earlier ones are not shown; --all shows them.",
        "Something was not finished. To finish it: cleanup-nodemodule resume",
    ]
    assert [row[1] for row in fields(run("log"))] == [
        "deleted",
        "deleted",
        "interrupted",
        "deleted",
    ]


def test_a_run_at_work_is_not_taken_for_a_dead_one(run: Run, home: str, tmp_path: Path) -> None:
    alive, dead = a_run(), a_run()
    for each in (alive, dead):
        record = Journal(home, each)
        record.turn(*record.begin([intent(f"/{each.id}")]))
        abandon(record)
    with lock.acquire(home, [str(tmp_path)], alive.id):
        result = run("log")
        assert {row[-1]: row[1] for row in fields(result)} == {
            f"/{alive.id}": "running",
            f"/{dead.id}": "unfinished",
        }
        assert "resume" in result.stderr
        result = run("log", f"/{alive.id}")
        assert result.stderr == ""
    assert {row[1] for row in fields(run("log"))} == {"unfinished"}


def test_the_last_fifty_are_shown_unless_more_are_asked_for(run: Run, home: str) -> None:
    with Journal(home, a_run(), clock=iter(range(1000)).__next__) as record:
        for number in record.begin(intent(f"/{n}") for n in range(60)):
            record.end(number, Ending.DELETED)
    result = run("log")
    assert [row[-1] for row in fields(result)] == [f"/{n}" for n in range(10, 60)]
    assert result.stderr == "10 earlier ones are not shown; --all shows them.\n"
    result = run("log", "--all")
    assert [row[-1] for row in fields(result)] == [f"/{n}" for n in range(60)]
    assert result.stderr == ""
    assert document(run, "--limit", "2")["left_out"] == 58


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("work", {"work/a/dist", "work/a/node_modules", "work/b/dist"}),
        ("work/a", {"work/a/dist", "work/a/node_modules"}),
        ("work/a/", {"work/a/dist", "work/a/node_modules"}),
        ("work/b/dist", {"work/b/dist"}),
        ("work/a/node_modules/react/index.js", {"work/a/node_modules"}),
        ("work/a/node", set()),
        ("other", set()),
        (".", {"work/a/dist", "work/a/node_modules", "work/b/dist"}),
        ("link", {"work/a/dist", "work/a/node_modules"}),
        ("link/../b", {"work/b/dist"}),
    ],
)
def test_a_path_picks_what_was_there_inside_or_around(
    run: Run, home: str, tmp_path: Path, asked: str, found: set[str]
) -> None:
    declare(tmp_path, {"work": {"a": {}, "b": {}}, "link": tmp_path / "work/a"})
    paths = ["work/a/node_modules", "work/a/dist", "work/b/dist"]
    with Journal(home, a_run()) as record:
        for number in record.begin(intent(f"{tmp_path}/{path}") for path in paths):
            record.end(number, Ending.DELETED)
    if ".." in asked:  # As the shell's cd has it, and not the system.
        asked = "work/b"
    result = run("log", asked)
    assert {os.path.relpath(row[-1], tmp_path) for row in fields(result)} == found
    assert result.stderr == ("" if found else f"The journal has no deletions in {asked}.\n")


def test_an_artifact_that_is_a_symlink_by_now_is_found_by_its_path(
    run: Run, home: str, tmp_path: Path
) -> None:
    declare(tmp_path, {"a": {}, "store": {}})
    with Journal(home, a_run()) as record:
        [number] = record.begin([intent(f"{tmp_path}/a/node_modules")])
        record.end(number, Ending.DELETED)
    (tmp_path / "a/node_modules").symlink_to(tmp_path / "store")
    assert len(fields(run("log", "a/node_modules"))) == 1


def test_names_of_any_bytes_are_shown_whole_and_in_one_line(run: Run, home: str) -> None:
    paths = [os.fsdecode(b"/srv/" + name + b"/node_modules") for name in NAMES]
    with Journal(home, a_run(), clock=iter(range(1000)).__next__) as record:
        for number in record.begin(map(intent, paths)):
            record.end(number, Ending.DELETED)
    result = run("log")
    assert {len(row) for row in fields(result)} == {7}
    assert all(line.isprintable() for row in fields(result) for line in row)
    for position in (5, 6):  # Each cell is a word or command of a shell's.
        for row, path in zip(fields(result), paths, strict=True):
            cell = row[position]
            word = cell.removeprefix("(cd ").removesuffix(" && npm ci)")
            if position == 6 and not word.startswith("$'"):
                assert word == path
                continue
            said = execute("bash", "-c", f"printf %s {word}", cwd=Path("/")).stdout
            assert said == os.fsencode(path if position == 6 else os.path.dirname(path))
    assert [row["path"] for row in document(run)["entries"]] == paths


def test_a_terminal_gets_a_table_in_which_nothing_is_cut(home: str, tmp_path: Path) -> None:
    paths = [os.fsdecode(b"/srv/" + name + b"/node_modules") for name in NAMES]
    long = "/srv/" + "very-long-name-" * 20
    with Journal(home, a_run(), clock=iter(range(1000)).__next__) as record:
        for number in record.begin(map(intent, (*paths, long))):
            record.end(number, Ending.FAILED, freed_bytes=2048, error="could not [bold]delete")
    for columns in (60, 80, 100):
        with Terminal("log", "--all", cwd=tmp_path, columns=columns) as terminal:
            assert terminal.finish() == 0
        lines = terminal.screen()
        assert lines[0].split() == ["When", "What", "Freed", "Run"]
        assert lines[1].split()[2:5] == ["failed", "2.0", "KiB"]
        text = "".join("".join(lines).split())
        assert "/srv/twowords/node_modulescouldnot[bold]delete(cd'/srv/twowords'&&npmci)" in text
        assert "/srv/[/b]/node_modules" in text
        assert r"$'/srv/new\nline/node_modules'" in text
        assert long in text


def test_a_wide_terminal_has_the_folders_beside_the_rest(home: str, tmp_path: Path) -> None:
    with Journal(home, a_run(), clock=iter(range(1000)).__next__) as record:
        for number in record.begin([intent("/srv/[b]x/dist"), intent("/b", regenerate=None)]):
            record.end(number, Ending.DELETED, freed_bytes=2048)
    with Terminal("log", "--all", cwd=tmp_path, columns=100, env={"TZ": "UTC"}) as terminal:
        assert terminal.finish() == 0
    lines = [line for line in terminal.screen() if line]
    assert [re.split("  +", line) for line in lines if "─" not in line] == [
        ["When", "What", "Freed", "Run", "Folder, and how to get it back"],
        ["1970-01-01 00:00", "deleted", "2.0 KiB", record.run.id, "/srv/[b]x/dist"],
        ["", "(cd '/srv/[b]x' && npm ci)"],
        ["1970-01-01 00:00", "deleted", "2.0 KiB", record.run.id, "/b"],
    ]


def test_what_was_predicted_is_told_where_it_is_not_what_came_back(
    home: str, tmp_path: Path
) -> None:
    numbers = {"reclaimable_bytes": 5 << 20, "reclaimable_at_most_bytes": 112 << 20}
    same = {"reclaimable_bytes": 2000 << 10, "reclaimable_at_most_bytes": 2000 << 10}
    with Journal(home, a_run(), clock=iter(range(1000)).__next__) as record:
        a, b, c, d = record.begin(
            [intent("/a", **numbers), *(intent(path, **same) for path in ("/b", "/c", "/d"))]
        )
        record.end(a, Ending.DELETED, freed_bytes=5 << 20)
        record.end(b, Ending.DELETED, freed_bytes=1990 << 10)
        record.end(c, Ending.FAILED, freed_bytes=1000 << 10)
        record.end(d, Ending.KEPT)
    with Terminal("log", "--all", cwd=tmp_path, columns=120) as terminal:
        assert terminal.finish() == 0
    lines = [line.strip() for line in terminal.screen()]
    assert [line for line in lines if "predicted" in line] == [
        "predicted: 5.0 MiB, up to 112.0 MiB",
        "predicted: 2.0 MiB",
    ]
    place = lines.index("predicted: 5.0 MiB, up to 112.0 MiB")
    assert lines[place - 1].endswith(" /a")


def some_runs(home: str) -> list[str]:
    """Write down four runs: one did all, one used the trash, one failed in part, one was killed; return their ids."""
    clock = iter(range(1_800_000_000, 1_900_000_000, 60))
    ids = []
    for number, (roots, mode, endings) in enumerate(
        (
            (("/srv/shop",), "delete", (Ending.DELETED, Ending.DELETED)),
            (("/srv/a", "/srv/b"), "trash", (Ending.TRASHED,)),
            ((f"/srv/{'long-name/' * 9}end",), "delete", (Ending.DELETED, Ending.FAILED)),
            (("/srv/two words",), "delete", (Ending.DELETED, None, Ending.NOT_BEGUN)),
        )
    ):
        mode_: Any = mode
        one = replace(a_run(*roots, mode=mode_), id=f"{number}af{'0' * 9}", started_at=next(clock))
        journal = Journal(home, one, clock=clock.__next__)
        begun = journal.begin([intent(f"{roots[0]}/{place}/dist") for place in range(len(endings))])
        for entry, ending in zip(begun, endings, strict=True):
            journal.turn(entry)
            if ending is not None:
                journal.end(entry, ending, freed_bytes=0 if ending is Ending.NOT_BEGUN else 2048)
        if None in endings:
            abandon(journal)
        else:
            journal.__exit__(None, None, None)
        ids.append(one.id)
    return ids


@pytest.mark.parametrize(
    ("observed", "freed"),
    [
        (None, "5.0 MiB, up to 112.0 MiB"),
        (60 << 20, "60.0 MiB"),
        # Others wrote or deleted at the same time.
        (1 << 20, "5.0 MiB, up to 112.0 MiB"),
        (500 << 20, "5.0 MiB, up to 112.0 MiB"),
    ],
)
def test_a_run_has_freed_what_free_space_says_if_that_was_predicted(
    run: Run, home: str, observed: int | None, freed: str
) -> None:
    numbers = {"reclaimable_bytes": 4 << 20, "reclaimable_at_most_bytes": 111 << 20}
    record = Journal(home, a_run())
    one, two, three = record.begin([intent("/a", **numbers), intent("/b"), intent("/c", **numbers)])
    record.end(one, Ending.DELETED, freed_bytes=4 << 20)
    record.end(two, Ending.FAILED, freed_bytes=1 << 20)
    record.end(three, Ending.KEPT)
    record.close(observed_freed_bytes=observed)
    [line] = fields(run("log", "--runs"))
    assert line[5:7] == [str(5 << 20), freed]
    [told] = document(run, "--runs")["runs"]
    assert (told["freed_bytes"], told["freed_at_most_bytes"]) == (5 << 20, 112 << 20)
    assert told["observed_freed_bytes"] == observed


def test_what_has_links_in_two_that_went_was_freed_once(run: Run, home: str) -> None:
    size = 9 << 20
    record = Journal(home, a_run())
    nothing = intent("/b", reclaimable_bytes=0, reclaimable_at_most_bytes=0)
    all_ = intent("/a", reclaimable_bytes=size, reclaimable_at_most_bytes=size)
    one, two = record.begin([all_, nothing])
    # The one that was deleted last had the last link.
    record.end(one, Ending.DELETED, freed_bytes=0)
    record.end(two, Ending.DELETED, freed_bytes=size)
    record.close()
    [line] = fields(run("log", "--runs"))
    assert line[5:7] == [str(size), "9.0 MiB"]
    [told] = document(run, "--runs")["runs"]
    assert told["freed_at_most_bytes"] == size


@pytest.mark.parametrize("columns", [40, 60, 80, 100, 120])
def test_a_terminal_gets_a_line_for_each_run(home: str, tmp_path: Path, columns: int) -> None:
    some_runs(home)
    with Screen(columns) as screen:
        lines = screen.run("log", cwd=tmp_path, env={"TZ": "UTC", "HOME": "/srv"})
        assert screen.code == 0
    assert max(map(len, lines)) <= columns
    text = " ".join(" ".join(lines).split())
    if columns >= 60:
        known = 12 if columns >= 80 else 8
        assert lines[0].split()[:4] == ["When", "Run", "What", "Freed"]
        for began, what in (
            (f"2027-01-15 08:00 {'0af000000000'[:known]}", "2 deleted 4.0 KiB"),
            (f"2027-01-15 08:08 {'1af000000000'[:known]}", "1 trashed 2.0 KiB"),
        ):
            assert f"{began} {what} ~/" in text
        assert "1 of 2 deleted 4.0 KiB ~/…/" in text or "long-name/end" in text
        assert "1 of 3, unfinished 2.0 KiB /srv/two words" in text
    for said in (
        "To finish it: cleanup-nodemodule resume",
        "What a run deleted: cleanup-nodemodule log RUN.",
        "How to get it back: cleanup-nodemodule regenerate RUN",
    ):
        assert said.replace(" ", "") in "".join(lines).replace(" ", "")


def test_runs_are_lines_in_a_pipe_too(run: Run, home: str) -> None:
    ids = some_runs(home)
    result = run("log", "--runs")
    assert (result.returncode, result.stderr) == (
        0,
        "Something was not finished. To finish it: cleanup-nodemodule resume\n",
    )
    assert [row[1:] for row in fields(result)] == [
        ["done", ids[0], "2", "2", "4096", "4.0 KiB", "/srv/shop"],
        ["done", ids[1], "1", "1", "2048", "2.0 KiB", "/srv/a /srv/b"],
        ["failed", ids[2], "1", "2", "4096", "4.0 KiB", f"/srv/{'long-name/' * 9}end"],
        ["unfinished", ids[3], "1", "3", "2048", "2.0 KiB", "'/srv/two words'"],
    ]
    assert fields(result)[0][0] == "2027-01-15T08:00:00+00:00"
    last = run("log", "--runs", "-n", "1")
    assert [row[2] for row in fields(last)] == ids[3:]
    assert last.stderr.startswith(
        "3 earlier runs are not shown; cleanup-nodemodule log --runs --all shows them.\n"
    )
    assert len(fields(run("log", "--runs", "--all"))) == 4
    found = json.loads(run("log", "--runs", "--json").stdout)
    assert [(row["id"], row["outcome"], row["total"]) for row in found["runs"]] == [
        (ids[0], "done", 2),
        (ids[1], "done", 1),
        (ids[2], "failed", 2),
        (ids[3], "unfinished", 3),
    ]
    assert found["runs"][1]["roots"] == ["/srv/a", "/srv/b"]


def test_a_run_at_work_is_called_that_among_the_runs(run: Run, home: str, tmp_path: Path) -> None:
    alive = a_run("/srv")
    record = Journal(home, alive)
    record.turn(*record.begin([intent("/srv/x")]))
    abandon(record)
    with lock.acquire(home, [str(tmp_path)], alive.id):
        result = run("log", "--runs")
    assert ([row[1] for row in fields(result)], result.stderr) == (["running"], "")


def test_a_run_is_named_by_its_first_letters(run: Run, home: str) -> None:
    ids = some_runs(home)
    for word in (ids[2], ids[2][:4], ids[2][:6].upper()):
        rows = fields(run("log", word))
        assert [(row[1], row[2]) for row in rows] == [("deleted", ids[2]), ("failed", ids[2])]
    # What was not begun is told too, as everything of that run is.
    assert sorted(row[1] for row in fields(run("log", ids[3][:4]))) == [
        *("deleted", "not-begun", "unfinished")
    ]
    assert [row[2] for row in fields(run("log", ids[1], "/srv/shop"))] == [ids[0], ids[0], ids[1]]
    assert run("log", "beef").stderr == "The journal has no deletions in beef.\n"


def test_a_terminal_is_told_that_there_is_nothing(home: str, tmp_path: Path) -> None:
    with Terminal("log", cwd=tmp_path) as terminal:
        assert terminal.finish() == 0
    assert "".join(terminal.screen()) == "The journal has no deletions yet."
    assert not os.path.exists(home)


def test_a_torn_record_is_reported_and_no_failure(run: Run, home: str) -> None:
    with Journal(home, a_run()) as record:
        record.turn(*record.begin([intent("/a")]))
    with open(record.path, "ab") as file:
        file.write(b'\n{"v":1,"ru')
    result = run("log")
    assert (result.returncode, len(fields(result))) == (0, 1)
    assert result.stderr.splitlines()[0] == (
        f"cleanup-nodemodule: left out of the journal: {record.path}:10:"
        " it is incomplete: a crash or a full disk cut it off"
    )
    [problem] = document(run)["problems"]
    assert (problem["path"], problem["line"]) == (record.path, 10)


def test_a_file_that_cannot_be_read_is_reported_by_the_exit_code_too(run: Run, home: str) -> None:
    with Journal(home, a_run()) as record:
        record.begin([intent("/a")])
    Path(record.path).chmod(0o666)
    result = run("log")
    assert (result.returncode, result.stdout) == (3, "")
    assert f"left out of the journal: {record.path}: " in result.stderr
    assert "not a file that only you can write to" in result.stderr


@pytest.mark.parametrize("command", ["log", "regenerate"])
def test_a_state_directory_that_cannot_be_trusted_is_wrong_usage(
    run: Run, home: str, command: str
) -> None:
    os.makedirs(home)
    Path(home).chmod(0o777)
    result = run(command, "--json")
    assert result.returncode == 2
    assert "others may write" in result.stderr
    assert "set XDG_STATE_HOME" in json.loads(result.stdout)["problems"][0]["message"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-n", "0"], "--limit cannot be 0; type 1 or more, or --all for all there are"),
        (["--limit", "-5"], "--limit cannot be -5; type 1 or more, or --all for all there are"),
        (["--all", "-n", "3"], "--all and --limit contradict each other; give one"),
        (["--al"], "there is no option --al; did you mean --all?"),
        (["--runs", "x"], "--runs lists all runs; without it, type: cleanup-nodemodule log x"),
    ],
)
def test_wrong_usage_says_what_to_type(run: Run, arguments: list[str], message: str) -> None:
    result = run("log", *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"cleanup-nodemodule: {message}\n"


def test_a_reader_that_closes_the_pipe_ends_it_quietly(home: str, tmp_path: Path) -> None:
    with Journal(home, a_run()) as record:
        for number in record.begin(intent(f"/{n}/" + "x" * 1000) for n in range(500)):
            record.end(number, Ending.DELETED)
    line = f"'{COMMAND}' log --all | head -n 1; exit ${{PIPESTATUS[0]}}"
    result = execute("bash", "-c", line, cwd=tmp_path)
    assert (result.returncode, result.stdout.count(b"\n"), result.stderr) == (0, 1, b"")


NOT_PRINTABLE = (
    *("path", "staged", "project", "regenerate", "regenerate_in", "rule", "volume"),
    *("evidence", "warnings", "host", "user", "tool", "roots", "machine", "boot", "run", "error"),
)


@pytest.mark.parametrize("key", NOT_PRINTABLE)
def test_what_no_name_can_be_is_told_and_ends_no_command(run: Run, home: str, key: str) -> None:
    """JSON can spell half of a character, which no path has and nothing can print."""
    with Journal(home, a_run("/srv")) as record:
        numbers = record.begin([intent("/a/x", staged="/a/.s", regenerate="make"), intent("/b/y")])
        for number in numbers:
            record.turn(number)
        record.end(numbers[0], Ending.FAILED, error="busy")
    path = Path(record.path)
    lines = path.read_text("ascii").splitlines()
    for number, line in enumerate(lines):
        if not line or key not in (known := json.loads(line)):
            continue
        value = known[key]
        listed = isinstance(value, list)
        odd = f"{value[0] if listed and value else value or ''}\ud800"
        if key in {"path", "staged", "project", "regenerate_in"}:
            odd = "/a/\ud800"
        known[key] = [odd] if listed else odd
        lines[number] = json.dumps(known)
        if key != "run":
            break
    path.write_text("\n".join(lines) + "\n", "ascii")
    for words in (["log"], ["log", "--json", "--all"], ["regenerate"], ["resume"]):
        result = run(*words)
        assert "Traceback" not in result.stderr
        assert result.returncode in ({0, 3} if words == ["resume"] else {0})
        assert "it is not as this program writes it" in result.stderr


@pytest.mark.parametrize("key", ["freed_bytes", "number", "inode", "allocated_bytes", "pid"])
def test_a_number_that_no_system_gives_ends_no_command(run: Run, home: str, key: str) -> None:
    with Journal(home, a_run("/srv")) as record:
        [number] = record.begin([intent("/a/x", staged="/a/.s")])
        record.turn(number)
        record.end(number, Ending.FAILED, error="busy")
    path = Path(record.path)
    large = re.sub(rf'"{key}":[0-9]+', f'"{key}":1{"0" * 400}', path.read_text("ascii"))
    path.write_text(large, "ascii")
    for words in (["log"], ["log", "--json", "--all"], ["regenerate"], ["resume"]):
        result = run(*words)
        assert "Traceback" not in result.stderr
        assert "it is not as this program writes it" in result.stderr
