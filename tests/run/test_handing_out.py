"""NDJSON while a run goes on: whole lines, the first one early, the totals last, however it ends."""

import json
import os
import signal
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest

from support.places import COMMAND
from support.processes import execute_text, start, surroundings
from support.tool import PROJECT
from support.trees import declare
from support.waiting import TIMEOUT

pytestmark = pytest.mark.slow

MANY: Final = 400
"""Rows of which a pipe holds less than half (65,536 bytes, pipe(7)): so a run waits for its reader."""

NDJSON: Final = ("--also", "node_modules", "--format", "ndjson")


@pytest.fixture(scope="module")
def top(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("projects")
    for team in range(MANY // 20):
        declare(path / f"team-{team:02}", {f"project-{n:02}": PROJECT for n in range(20)})
    return path


def records(text: str) -> list[dict[str, Any]]:
    """Return the records, of which none may be cut."""
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def without(record: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in names}


def test_the_rows_and_the_sums_are_those_of_the_json_document(top: Path) -> None:
    done = execute_text(COMMAND, top, *NDJSON, cwd=top)
    document = json.loads(execute_text(COMMAND, top, *NDJSON[:-1], "json", cwd=top).stdout)
    first, *rows, last = records(done.stdout)
    assert done.returncode == 0
    assert (first["record"], last["record"]) == ("run", "totals")
    assert first["roots"] == document["roots"] == [str(top)]
    assert Counter(row["record"] for row in rows) == {"artifact": MANY}
    assert sorted((without(row, "record") for row in rows), key=lambda row: row["path"]) == sorted(
        document["artifacts"], key=lambda row: row["path"]
    )
    totals = document["totals"]
    assert {name: last[name] for name in totals} == totals
    assert last["complete"]


def test_rows_in_an_order_come_in_that_order(top: Path) -> None:
    """Then all of them have to be known first."""
    done = execute_text(COMMAND, top, *NDJSON, "--sort", "path", cwd=top)
    _, *rows, _ = records(done.stdout)
    paths = [row["path"] for row in rows]
    assert paths == sorted(paths)
    assert len(paths) == MANY


def begun(top: Path, *options: str) -> "subprocess.Popen[str]":
    """Start a run of which nothing is read yet."""
    return start(COMMAND, top, *NDJSON, *options, cwd=top)


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_signal_leaves_whole_lines_and_the_totals_of_what_came(
    top: Path, number: signal.Signals, code: int
) -> None:
    with begun(top) as process:
        assert process.stdout is not None
        # More than this is not in the pipe, so the run waits amid its rows.
        some = [process.stdout.readline() for _ in range(10)]
        process.send_signal(number)
        # Not communicate(), which knows nothing of what readline() has read ahead.
        rest = process.stdout.read()
        assert process.stderr is not None
        errors = process.stderr.read()
        process.wait(timeout=TIMEOUT)
    first, *rows, last = records("".join(some) + rest)
    assert process.returncode == code
    assert (first["record"], last["record"], last["complete"]) == ("run", "totals", False)
    assert last["found"] == len(rows) <= MANY
    assert last["reclaimable_bytes"] == sum(row["reclaimable_bytes"] for row in rows)
    assert "Traceback" not in errors


def test_a_signal_ends_a_run_whose_reader_takes_nothing(top: Path) -> None:
    with begun(top) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        # It does not wait for anybody to read.
        assert process.wait(timeout=TIMEOUT) == 130
        process.stdout.close()


def test_a_reader_that_has_seen_enough_ends_the_run(top: Path) -> None:
    with begun(top) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["record"] == "run"
        assert json.loads(process.stdout.readline())["record"] == "artifact"
        process.stdout.close()
        assert process.stderr is not None
        errors = process.stderr.read()
        assert process.wait(timeout=TIMEOUT) == 0
    assert errors == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_said(top: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [COMMAND, top, *NDJSON],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=surroundings(),
            timeout=TIMEOUT,
            check=False,
        )
    assert done.returncode == 1
    assert "could not print the result: No space left on device" in done.stderr


def test_a_problem_is_a_record_and_the_run_says_that_it_is_not_complete(tmp_path: Path) -> None:
    declare(tmp_path, {"a": PROJECT})
    done = execute_text(COMMAND, tmp_path / "a", tmp_path / "nowhere", *NDJSON, cwd=tmp_path)
    first, *rows, last = records(done.stdout)
    assert done.returncode == 3
    assert first["roots"] == [str(tmp_path / "a")]
    assert Counter(row["record"] for row in rows) == {"artifact": 1, "problem": 1}
    assert not last["complete"]
