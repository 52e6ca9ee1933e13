"""What a person sees: the command at a pseudo-terminal."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cleanup_nodemodule.show.fitting import cells
from cleanup_nodemodule.words import printable
from support.processes import Terminal, bound, mode, open_terminal, read_terminal, screen
from support.screen import Screen
from support.tool import Run
from support.trees import declare, listing

MEBIBYTE = 1 << 20
LONG_AGO = 1_000_000_000
LONG = "a-project-with-a-name-that-does-not-fit-beside-anything-else-" * 3


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A project with proof of a bit more than a mebibyte, and a folder without."""
    top = tmp_path / "work"
    declare(
        top,
        {
            "app": {"package.json": "{}", "node_modules": {"big.js": MEBIBYTE}},
            "notes": {"dist": {"essay.txt": "mine"}},
        },
    )
    # Long enough ago for the age to be in the same words all through a test.
    for path in (
        "app/node_modules/big.js",
        "app/node_modules",
        "app/package.json",
        "notes/dist/essay.txt",
        "notes/dist",
    ):
        os.utime(top / path, (LONG_AGO, LONG_AGO))
    return top


def shown(
    *arguments: str, cwd: Path, columns: int = 80, env: dict[str, str] | None = None
) -> Terminal:
    """Return a command that came to its end at a terminal, having asked nothing."""
    with Terminal(*arguments, cwd=cwd, columns=columns, env=env) as terminal:
        assert terminal.finish() == 0
    return terminal


# The table.


def test_the_table_at_80_columns(work: Path) -> None:
    with Screen(80, 24) as screen:
        lines = screen.run(cwd=work, env={"HOME": str(work.parent)})
    kept = f"  {_size(work / 'notes/dist'):>7}  "
    assert lines[:6] == [
        "Can be deleted in ~/work:",
        "     Size            Last used  Path",
        f"  1.0 MiB  ████████  {_age()}  app/node_modules",
        "",
        "Kept:",
        f"{kept}{_age()}  notes/dist  unproven: nothing inside shows who made it",
    ]


def _age() -> str:
    years = datetime.now(UTC).year - datetime.fromtimestamp(LONG_AGO, UTC).year
    return f"{years} years".ljust(9)


def _size(directory: Path) -> str:
    blocks = sum(path.lstat().st_blocks for path in (directory, *directory.iterdir()))
    return f"{blocks / 2:.1f} KiB"


@pytest.mark.parametrize("columns", [40, 60, 80, 100, 120, 300])
def test_an_artifact_has_one_line_however_long_its_path_is(tmp_path: Path, columns: int) -> None:
    for number in range(3):
        deep = tmp_path / f"project-{number}" / "packages" / LONG / "部品" / "web"
        declare(deep, {"package.json": "{}", "node_modules": {"a": number}})
    with Screen(columns, 24) as screen:
        lines = screen.run("-q", "--format", "table", cwd=tmp_path)
    rows = [line for line in lines if "node_modules" in line]
    assert len(rows) == 3
    assert all(row.split("  ")[0] == "" and "web/node_modules" in row for row in rows)
    assert all(cells(line) <= columns for line in lines)


def test_the_bar_is_of_ascii_where_the_encoding_is(work: Path) -> None:
    with Screen(80, 24) as screen:
        lines = screen.run("-v", cwd=work, env={"PYTHONIOENCODING": "ascii"})
    assert "".join(lines).isascii()
    assert "  1.0 MiB  ########  " in lines[2]
    assert "\\u" not in "".join(lines)


def test_a_table_in_a_pipe_has_as_many_columns_as_somebody_said(run: Run, work: Path) -> None:
    declare(work / LONG / LONG, {"package.json": "{}", "node_modules": {"a": 1}})
    whole = run("-p", work, "--format", "table").stdout
    assert f"{LONG}/{LONG}/node_modules" in whole
    for columns in (40, 80):
        narrow = run("-p", work, "--format", "table", env={"COLUMNS": str(columns)}).stdout
        assert max(map(cells, narrow.splitlines()[1:])) <= columns


def test_the_largest_come_first_and_the_rest_is_summed_up(tmp_path: Path) -> None:
    for number in range(30):
        declare(
            tmp_path / f"p{number:02}",
            {"package.json": "{}", "node_modules": {"a": 4096 * number}},
        )
    rows = {}
    for arguments in (("-q",), ("-q", "--top", "3"), ("-q", "--top", "0"), ("-v",)):
        with Screen(80, 50) as screen:
            lines = screen.run("--format", "table", *arguments, cwd=tmp_path)
        found = [line for line in lines if "KiB  " in line]
        assert found[0].endswith("  p29/node_modules")
        rows[arguments] = (len(found), [line for line in lines if "--top 0 shows all" in line])
    assert [count for count, _ in rows.values()] == [20, 3, 30, 30]
    assert [len(more) for _, more in rows.values()] == [1, 1, 0, 0]
    assert rows["-q", "--top", "3"][1][0].strip().startswith("and 27 more, ")


@pytest.mark.parametrize("columns", [80, 200])
def test_names_are_shown_literally_whatever_they_mean_elsewhere(
    tmp_path: Path, columns: int
) -> None:
    odd = ["[slug]", "[/b]", "[bold red]x", ":tada:", "[link=x]", "two  spaces"]
    for name in odd:
        declare(tmp_path / "p" / name, {"package.json": "{}", "node_modules": {"a": 1}})
    declare(tmp_path / "p", {"n": {".next": {}, "next.config.[b]": ""}})
    lines = shown("-v", "-p", "p", cwd=tmp_path, columns=columns).screen()
    for name in odd:
        assert [line for line in lines if f"  {name}/node_modules" in line] != []
    assert [line for line in lines if "next.config.[b] beside it" in line] != []


EVIL = (
    b"\x1b]0;owned\x07",
    b"\x1b[2J\x1b[31mred",
    b"new\nline",
    b"\rover",
    b"caf\xe9",
    b"\xc2\x9b1m",
)


def test_what_a_name_spells_never_reaches_the_terminal(tmp_path: Path) -> None:
    top = os.fsencode(tmp_path)
    for name in EVIL:
        declare(os.path.join(top, name), {"package.json": "{}", "node_modules": {"a": 1}})
    # The screen refuses every character that cannot be seen and every unknown sequence.
    lines = shown(cwd=tmp_path, columns=200).screen()
    for name in EVIL:
        path = printable(f"{os.fsdecode(name)}/node_modules")
        assert [line for line in lines if f"  {path}" in line] != []
    paths = shown("-f", "paths", cwd=tmp_path, columns=200).screen()
    for name in EVIL:
        assert printable(f"{tmp_path}/{os.fsdecode(name)}/node_modules") in paths


def test_what_a_name_spells_does_not_reach_the_terminal_in_an_error_either(tmp_path: Path) -> None:
    evil = tmp_path / "p" / "\x1b[2J\n"
    declare(evil, {})
    with mode(evil, 0), Terminal("-p", "p", cwd=tmp_path, columns=200, prefix=bound()) as terminal:
        assert terminal.finish() == 3
    shown_path = printable(str(evil))
    assert terminal.screen()[0] == (
        f"cleanup-nodemodule: could not open {shown_path}: Permission denied"
    )


# Colours.


def test_colours_can_be_turned_off(work: Path) -> None:
    colored = shown("--no-progress", cwd=work, env={"NO_COLOR": ""})
    assert b"\x1b[" in colored.output
    for arguments, env in (
        (["--color", "never"], {"FORCE_COLOR": "1"}),
        ([], {"NO_COLOR": "1"}),
        ([], {"TERM": "dumb"}),
    ):
        plain = shown("--no-progress", *arguments, cwd=work, env=env)
        assert b"\x1b" not in plain.output
        assert plain.screen() == colored.screen()


def test_colours_can_be_forced_into_a_pipe(run: Run, work: Path) -> None:
    forced = run("-p", work, "--format", "table", "--color", "always", env={"NO_COLOR": "1"})
    plain = run("-p", work, "--format", "table")
    assert "\x1b[1mCan be deleted in" in forced.stdout
    assert re.sub(r"\x1b\[[0-9;]*m", "", forced.stdout) == plain.stdout


# What it shows while it searches: tests/show/test_live.py has the rest.


def test_progress_is_shown_on_standard_error_and_leaves_nothing(work: Path) -> None:
    master, slave = open_terminal(80)
    with Terminal(cwd=work, stderr=slave) as terminal:
        os.close(slave)
        assert terminal.finish() == 0
        seen = b""
        while chunk := read_terminal(master):
            seen += chunk
    os.close(master)
    assert "Looking around" in seen.decode()
    assert screen(seen, 80)[0] == "1 of 2 can be deleted, which frees 1.0 MiB. 1 is kept: unproven."
    assert "directories" not in "".join(screen(seen, 80))
    assert terminal.screen()[0].startswith("Can be deleted in ")
    assert b"directories" not in terminal.output


def test_progress_is_gone_from_the_terminal_that_shows_the_table_too(work: Path) -> None:
    terminal = shown(cwd=work)
    assert b"Looking around" in terminal.output
    assert terminal.screen()[0].startswith("Can be deleted in ")


@pytest.mark.parametrize("option", ["--no-progress", "--quiet"])
def test_progress_can_be_turned_off(work: Path, option: str) -> None:
    terminal = shown(option, cwd=work)
    assert b"Looking around" not in terminal.output
    assert b"directories" not in terminal.output
    assert b"\x1b[J" not in terminal.output


@pytest.mark.parametrize("arguments", [(), ("--no-dry-run", "--yes")])
def test_a_shell_has_its_cursor_when_the_run_is_stopped_or_killed(
    work: Path, arguments: tuple[str, ...]
) -> None:
    """With Ctrl-Z nothing would show it again, so that nothing may hide it (DECTCEM)."""
    terminal = shown(*arguments, cwd=work)
    assert b"Looking around" in terminal.output
    assert b"\x1b[?" not in terminal.output


def test_there_is_no_progress_where_the_result_goes_into_a_pipe(work: Path) -> None:
    with Terminal("--json", cwd=work, stdout=subprocess.DEVNULL) as terminal:
        assert terminal.finish() == 0
    assert terminal.output == b""


# The question.


QUESTION = "Delete 1 directory, 1.0 MiB? [y/N/l/?] "


@pytest.mark.parametrize("answer", ["y\n", "yes\n", "Y\n"])
def test_yes_deletes_what_was_shown(work: Path, answer: str) -> None:
    with Terminal("--no-dry-run", cwd=work) as terminal:
        terminal.expect(QUESTION)
        assert (work / "app/node_modules/big.js").exists()
        before = terminal.screen()
        terminal.type(answer)
        assert terminal.finish() == 0
    assert before[0].startswith("Can be deleted in ")
    assert before[2].endswith("  app/node_modules")
    last = terminal.screen()
    assert last[: len(before) - 1] == before[:-1]
    assert last[len(before) - 1] == QUESTION + answer.strip()
    assert last[len(before)] == "Deleted 1 of 1, which freed 1.0 MiB. 1 is kept: unproven."
    # Others may write to this disk, and then free space is in between.
    assert last[-2:] == ["To bring it back: cleanup-nodemodule regenerate", ""]
    assert listing(work) == [
        *(b"app", b"app/package.json"),
        *(b"notes", b"notes/dist", b"notes/dist/essay.txt"),
    ]


@pytest.mark.parametrize("answer", ["n\n", "\n", "yesterday\n"])
def test_anything_but_yes_deletes_nothing(work: Path, answer: str) -> None:
    before = listing(work)
    with Terminal("--no-dry-run", cwd=work) as terminal:
        terminal.expect(QUESTION)
        terminal.type(answer)
        if answer == "yesterday\n":
            terminal.expect(QUESTION, 2)
            terminal.type("n\n")
        assert terminal.finish() == 0
    assert "Nothing was deleted." in terminal.screen()
    assert listing(work) == before


@pytest.mark.parametrize(
    "press",
    [lambda terminal: terminal.type("\x04"), Terminal.interrupt],
    ids=["Ctrl-D", "Ctrl-C"],
)
def test_no_answer_deletes_nothing(work: Path, press: Callable[[Terminal], None]) -> None:
    before = listing(work)
    with Terminal("--no-dry-run", cwd=work) as terminal:
        terminal.expect(QUESTION)
        press(terminal)
        assert terminal.finish() == 130
    lines = terminal.screen()
    assert lines[-2:] == ["Interrupted: nothing was deleted.", ""]
    assert listing(work) == before


@pytest.mark.parametrize("option", ["--yes", "-y"])
def test_yes_on_the_command_line_asks_nothing(work: Path, option: str) -> None:
    terminal = shown("--no-dry-run", option, cwd=work)
    assert b"[y/N" not in terminal.output
    assert not (work / "app/node_modules").exists()


def test_nothing_is_asked_where_there_is_nothing_to_delete(work: Path) -> None:
    terminal = shown("--no-dry-run", "-p", "notes", cwd=work)
    assert b"[y/N" not in terminal.output
    assert (work / "notes/dist/essay.txt").read_text() == "mine"


def test_a_dry_run_asks_nothing(work: Path) -> None:
    assert b"[y/N" not in shown("--yes", cwd=work).output
    assert (work / "app/node_modules/big.js").exists()


@pytest.mark.parametrize(("answer", "outcome"), [("y\n", "deleted"), ("n\n", None)])
def test_the_question_keeps_out_of_a_document_in_a_pipe(
    work: Path, answer: str, outcome: str | None
) -> None:
    output, lines = ask_with_a_pipe("--json", cwd=work, answer=answer)
    document = json.loads(output)
    assert output.startswith(b"{")
    assert [row["outcome"] for row in document["artifacts"]] == [outcome, None]
    assert [line.split()[0] for line in lines[:2]] == ["delete", "keep"]
    assert lines[0].endswith(f"{work}/app/node_modules")
    assert lines[2].rstrip().startswith(QUESTION.strip())
    assert (work / "app/node_modules").exists() is (outcome is None)


def test_the_question_keeps_out_of_paths_in_a_pipe(work: Path) -> None:
    output, _ = ask_with_a_pipe("-0", cwd=work, answer="y\n")
    assert output == os.fsencode(f"{work}/app/node_modules\0")


def ask_with_a_pipe(*arguments: str, cwd: Path, answer: str) -> tuple[bytes, list[str]]:
    """Return what went into the pipe, and what the terminal showed."""
    read, write = os.pipe()
    with (
        os.fdopen(read, "rb") as pipe,
        Terminal("--no-dry-run", *arguments, cwd=cwd, columns=200, stdout=write) as terminal,
    ):
        os.close(write)
        terminal.expect("[y/N")
        terminal.type(answer)
        assert terminal.finish() == 0
        return pipe.read(), terminal.screen()
