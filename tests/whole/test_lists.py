"""What to look at comes from a list: from a file, by a pipe, from the command itself, and who answers then."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support.places import COMMAND
from support.processes import Terminal, start
from support.tool import PROJECT, Tool
from support.trees import declare, listing
from support.waiting import TIMEOUT

Rows = dict[str, Any]


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """Four projects, one of them with a name that no line can have."""
    declare(
        tmp_path / "top",
        {
            **dict.fromkeys(("a", "b", "c", "d\n\x1b[31m"), PROJECT),
            "a": {**PROJECT, "dist": {"x": 1}},
        },
    )
    return tmp_path / "top"


def piped(
    tool: Tool, names: bytes, *arguments: str | Path, cwd: Path | None = None
) -> tuple[int, str, str]:
    """Run the command with *names* on standard input, without a terminal."""
    done = subprocess.run(
        ["setsid", *tool.command, *arguments],
        cwd=cwd or tool.home,
        env=tool.env,
        input=names,
        capture_output=True,
        timeout=TIMEOUT,
        check=False,
    )
    return done.returncode, os.fsdecode(done.stdout), os.fsdecode(done.stderr)


def deletable(tool: Tool, top: Path) -> bytes:
    with start(*tool.command, top, "-0", cwd=tool.home, env=tool.env) as process:
        output, _ = process.communicate(timeout=TIMEOUT)
    return os.fsencode(output)


def test_what_a_run_prints_is_a_list_for_the_next_one(tool: Tool, top: Path) -> None:
    whole = tool.run(top)
    names = deletable(tool, top)
    assert names.count(b"\0") == 4
    for where in ((top,), ()):
        code, output, errors = piped(tool, names, *where, "--artifacts-from", "-", "-0", "--json")
        assert code == 0, errors
        document = json.loads(output)
        chosen = [row for row in whole.document["artifacts"] if row["decision"] == "delete"]
        assert [{**row, "inside": 0} for row in document["artifacts"]] == chosen
        assert document["totals"]["reclaimable_bytes"] == sum(
            row["reclaimable_bytes"] for row in chosen
        )
    code, output, errors = piped(tool, names, "--artifacts-from", "-", "-0", "--format", "paths")
    assert sorted(os.fsencode(output).split(b"\0")) == sorted(names.split(b"\0"))


def test_roots_come_from_a_file_beside_those_of_the_command_line(tool: Tool, top: Path) -> None:
    (tool.home / "list").write_text("a\r\n\r\nb/../b\r\na\r\nmissing\r\n")
    told = tool.run(top / "c", "--from-file", tool.home / "list", cwd=top)
    found = {os.path.relpath(path, "../top") for path in told.rows}
    assert {os.path.normpath(top / "c" / path) for path in told.rows} == {
        str(top / path) for path in ("a/dist", "a/node_modules", "b/node_modules", "c/node_modules")
    }, found
    # As with -p: what is not there is a problem, and the others are searched.
    assert told.code == 3
    assert [one["errno"] for one in told.document["problems"]] == ["ENOENT"]


@pytest.mark.parametrize("option", ["--from-file", "--artifacts-from"])
@pytest.mark.parametrize("more", [(), ("--no-dry-run", "--yes")])
def test_an_empty_list_is_nothing_to_do(
    tool: Tool, top: Path, option: str, more: tuple[str, ...]
) -> None:
    before = listing(top)
    code, output, errors = piped(tool, b"\n\n", option, "-", *more, cwd=top)
    assert (code, output) == (0, "")
    assert "The list is empty, so there is nothing to do." in errors
    code, output, _ = piped(tool, b"", option, "-", "--json", *more, cwd=top)
    assert code == 0
    assert json.loads(output)["artifacts"] == []
    assert listing(top) == before


def test_only_what_the_list_names_is_deleted(tool: Tool, top: Path) -> None:
    names = [top / "a/node_modules", top / "b/node_modules", top / "a/dist", top / "gone"]
    code, output, errors = piped(
        *(tool, os.fsencode("\n".join(map(str, names)) + "\n"), "--artifacts-from", "-"),
        *("--no-dry-run", "--yes", "--json"),
    )
    document = json.loads(output)
    assert code == 3, errors
    assert [one["code"] for one in document["problems"]] == ["named-gone"]
    assert {row["path"]: row["outcome"] for row in document["artifacts"]} == {
        str(top / "a/dist"): None,
        str(top / "a/node_modules"): "deleted",
        str(top / "b/node_modules"): "deleted",
    }
    assert (top / "c/node_modules").is_dir()


def test_a_file_that_was_cut_off_deletes_nothing(one_tool: Tool, top: Path) -> None:
    before = listing(top)
    path = one_tool.home / "list"
    path.write_text(f"{top}/a/node_modules\n{top}/b/node_modules")
    done = one_tool.tell("--artifacts-from", path, "--no-dry-run", "--yes")
    assert (done.returncode, done.stdout) == (2, "")
    assert "may have been cut off" in done.stderr
    assert listing(top) == before


@pytest.mark.parametrize("option", ["--min-depth", "--max-depth"])
def test_how_deep_to_search_is_refused_where_nothing_is_searched(
    tool: Tool, top: Path, option: str
) -> None:
    names = os.fsencode(f"{top}/a/node_modules\n")
    code, output, errors = piped(tool, names, "--artifacts-from", "-", option, "1")
    assert (code, output) == (2, "")
    assert f"{option} is for a search, and --artifacts-from searches nothing" in errors


def test_nobody_can_answer_where_standard_input_is_the_list(tool: Tool, top: Path) -> None:
    before = listing(top)
    names = os.fsencode(f"{top}/a/node_modules\n")
    code, output, errors = piped(tool, names, "--artifacts-from", "-", "--no-dry-run")
    assert (code, output) == (2, "")
    assert "so nobody can answer the question; to delete without one, add --yes" in errors
    # A file leaves standard input as it is, and without a terminal nobody is asked.
    assert listing(top) == before
    (tool.home / "list").write_bytes(names)
    code, _, errors = piped(tool, b"", "--artifacts-from", str(tool.home / "list"), "--no-dry-run")
    assert code == 0, errors
    assert not (top / "a/node_modules").exists()


@pytest.mark.parametrize(("answer", "gone"), [("y\n", True), ("n\n", False)])
def test_at_a_terminal_the_question_is_answered_there(
    tool: Tool,
    top: Path,
    answer: str,
    gone: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    line = f"echo '{top}/a/node_modules' | '{COMMAND}' --engine {tool.engine} --artifacts-from - --no-dry-run"
    with Terminal(line, cwd=tool.home, env=tool.env, command=("sh", "-c")) as terminal:
        terminal.expect("Delete 1 directory")
        terminal.type(answer)
        assert terminal.finish() == 0
    assert (top / "a/node_modules").exists() is not gone


def test_a_list_that_is_cut_off_deletes_nothing(tool: Tool, top: Path) -> None:
    before = listing(top)
    names = os.fsencode(f"{top}/a\n{top}")
    code, _, errors = piped(tool, names, "--from-file", "-", "--no-dry-run", "--yes")
    assert code == 2
    assert "may have been cut off" in errors
    assert listing(top) == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--from-file", "-", "--artifacts-from", "-"), "cannot both be standard input"),
        (("--artifacts-from", "-", "--min-depth", "2"), "searches nothing"),
        (("--artifacts-from", "-", "--max-depth", "2"), "--max-depth is for a search"),
        (("--from-file", "missing"), "No such file or directory"),
        (("--from-file", "/"), "Is a directory"),
        (("--from-file", "-", "-0"), "does not end with a NUL"),
    ],
)
def test_what_makes_no_sense_is_refused(
    one_tool: Tool, top: Path, arguments: tuple[str, ...], says: str
) -> None:
    code, output, errors = piped(one_tool, b"a\n", *arguments, cwd=top)
    assert (code, output) == (2, "")
    assert says in errors


def test_the_command_that_deletes_names_the_list_again(one_tool: Tool, top: Path) -> None:
    (one_tool.home / "list").write_bytes(deletable(one_tool, top))
    _, _, errors = piped(one_tool, b"", "--artifacts-from", "list", "-0")
    assert "cleanup-nodemodule --artifacts-from list --null " in errors
