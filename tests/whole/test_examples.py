"""The examples of the documentation do what they say, on a tree that a test made."""

import subprocess
import sys
from pathlib import Path

import pytest

import cleanup_nodemodule
from cleanup_nodemodule import Settings, scan
from support.places import CHECKOUT
from support.processes import surroundings
from support.trees import declare, npm_project
from support.waiting import TIMEOUT

EXAMPLES = CHECKOUT / "docs" / "examples"


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A directory with two artifacts that are proven, a small one and a large one, and one that is not."""
    top = tmp_path / "top"
    small, large = (
        npm_project({"a": {"index.js": 5000}}),
        npm_project({"a": {"index.js": 1_000_000}}),
    )
    unproven = {"node_modules": {"a": 1}}
    declare(top, {"small": small, "large": large, "strange": unproven})
    return top


def run_example(
    name: str, top: Path, answer: str = "", code: int = 0
) -> "subprocess.CompletedProcess[str]":
    """Run an example on *top* and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / name, top],
        input=answer,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        env=surroundings(),
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done


def artifacts_in(top: Path) -> set[str]:
    return {path.parent.name for path in top.glob("*/node_modules")}


def test_scan_prints_the_largest_first_and_deletes_nothing(top: Path) -> None:
    lines = run_example("scan.py", top).stdout.splitlines()
    assert [line.split()[-1] for line in lines[:3]] == [
        str(top / name / "node_modules") for name in ("large", "small", "strange")
    ]
    assert "keep (unproven)" in lines[2]
    freed = scan(Settings(roots=(str(top),))).reclaimable_bytes
    assert lines[3] == f"Deleting what can be deleted frees {freed:,} bytes."
    assert artifacts_in(top) == {"small", "large", "strange"}


def test_scan_says_what_cannot_be_searched(tmp_path: Path) -> None:
    assert "No such file" in run_example("scan.py", tmp_path / "missing", code=2).stderr


def test_watch_and_delete_deletes_after_a_yes(top: Path) -> None:
    freed = scan(Settings(roots=(str(top),))).reclaimable_bytes
    done = run_example("watch_and_delete.py", top, "y\n")
    assert done.stdout.endswith(f"{freed:,} bytes freed.\n")
    assert "2 deleted" in done.stderr
    assert artifacts_in(top) == {"strange"}


def test_watch_and_delete_deletes_nothing_after_a_no(top: Path) -> None:
    run_example("watch_and_delete.py", top, "n\n")
    assert artifacts_in(top) == {"small", "large", "strange"}


def test_watch_and_delete_prints_what_failed(top: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-W", "error", EXAMPLES / "watch_and_delete.py", top],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=surroundings(),
    ) as process:
        assert process.stdout is not None
        shown = ""
        while not shown.endswith("[y/N] "):
            char = process.stdout.read(1)
            assert char, shown
            shown += char
        (top / "small" / ".cleanup-keep").touch()  # After the scan.
        _, errors = process.communicate("y\n", timeout=TIMEOUT)
    assert process.returncode == 3
    assert f"{top / 'small' / 'node_modules'} is still there:\n  could not delete" in errors
    assert artifacts_in(top) == {"small", "strange"}


def test_delete_stays_a_function_once_it_was_called(top: Path) -> None:
    # The wing of the same name is imported by then.
    function = cleanup_nodemodule.delete
    for root in (top / "small", top / "large"):
        outcome = cleanup_nodemodule.delete(scan(Settings(roots=(str(root),))))
        assert outcome.complete
    assert cleanup_nodemodule.delete is function
    assert artifacts_in(top) == {"strange"}
