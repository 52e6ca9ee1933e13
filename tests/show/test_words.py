"""Names that nobody meant to be shown: whole, on one line, and the same bytes on the way back."""

import json
import os
import subprocess
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cleanup_nodemodule.words import bound, printable, promised, quoted, size
from support.places import COMMAND
from support.processes import execute
from support.tool import Run
from support.trees import declare

NAMES = (
    b"plain",
    b"two words",
    b"it's",
    b'say "hi"',
    b"new\nline",
    b"tab\tand\rreturn",
    b"\x1b[31mred\x1b]0;title\x07",
    b"caf\xe9 in Latin-1",
    "café".encode(),
    b"\xff\xfe",
    b"-rf",
    b"--no-dry-run",
    b"$(touch pwned)",
    b"`touch pwned`",
    b"back\\slash",
    b"$'quoted'",
    "zero\u200bwidth, \u202eright to left, no\u00a0break".encode(),
    "\U000e0041tag".encode(),
    b"[slug]",
    b"[b]",
    b":tada:",
    b"*",
    b"~",
    b"#1",
    b"!!",
    b"{a,b}",
)
"""Directory names, each of which some program is known to stumble over."""

name = st.binary(min_size=1, max_size=12).map(
    lambda raw: raw.replace(b"\0", b"").replace(b"/", b"")
)
text = st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), max_size=12)
names = st.one_of(name, text.map(str.encode)).filter(bool)


def read_back(words: Sequence[str], locale: str) -> list[bytes]:
    """Return what bash makes of *words*, pasted into a command."""
    if not words:
        return []
    done = subprocess.run(
        ["bash", "-c", rf"printf '%s\0' {' '.join(words)}"],
        env={**os.environ, "LC_ALL": locale},
        stdout=subprocess.PIPE,
        check=True,
    )
    return done.stdout.split(b"\0")[:-1]


@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
def test_the_shell_reads_a_quoted_name_as_the_same_bytes(locale: str) -> None:
    words = [quoted(os.fsdecode(raw)) for raw in NAMES]
    assert read_back(words, locale) == list(NAMES)


@given(st.lists(names, max_size=20))
def test_the_shell_reads_any_quoted_name_as_the_same_bytes(raw: list[bytes]) -> None:
    words = [quoted(os.fsdecode(one)) for one in raw]
    assert read_back(words, "C.UTF-8") == raw


@given(names)
def test_whatever_is_shown_is_one_line_that_can_be_seen(raw: bytes) -> None:
    shown = printable(os.fsdecode(raw))
    assert shown.isprintable()
    assert shown.splitlines() == [shown]


@given(names, names)
@example(b"a\nb", b"$'a\\nb'")
@example(b"\xff", b"\\xff")
@example(b"a\\b\n", b"a\\\\b\n")
def test_two_names_never_look_the_same(one: bytes, other: bytes) -> None:
    assert (printable(os.fsdecode(one)) == printable(os.fsdecode(other))) == (one == other)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"node_modules", "node_modules"),
        (b"two words", "two words"),
        (b"[/b]", "[/b]"),
        (b"back\\slash", "back\\slash"),
        ("café 日本".encode(), "café 日本"),
        (b"new\nline", r"$'new\nline'"),
        (b"it's\ttab\\", r"$'it\'s\ttab\\'"),
        (b"\x1b[31m\r\x07", r"$'\e[31m\r\x07'"),
        (b"caf\xe9", r"$'caf\xe9'"),
        (b"$'fake'", r"$'$\'fake\''"),
    ],
)
def test_only_what_cannot_be_seen_is_spelled_out(raw: bytes, shown: str) -> None:
    assert printable(os.fsdecode(raw)) == shown


@pytest.mark.parametrize(
    ("argument", "word"),
    [
        ("src", "src"),
        ("", "''"),
        ("two words", "'two words'"),
        ("$HOME", "'$HOME'"),
        ("new\nline", r"$'new\nline'"),
    ],
)
def test_a_word_is_quoted_only_where_the_shell_needs_it(argument: str, word: str) -> None:
    assert quoted(argument) == word


@pytest.fixture
def projects(tmp_path: Path) -> Path:
    """Projects with all the odd names, each with one artifact."""
    top = tmp_path / "projects"
    declare(top, {raw: {"package.json": "{}", "node_modules": {"a": "b"}} for raw in NAMES})
    return top


def artifacts(top: Path) -> set[bytes]:
    return {os.path.join(os.fsencode(top), raw, b"node_modules") for raw in NAMES}


def test_plain_shows_every_name_whole_and_on_one_line(run: Run, projects: Path) -> None:
    result = run("-p", projects, "--sort", "path")
    shown = [line.split("\t")[5] for line in result.stdout.splitlines()]
    paths = sorted(os.fsdecode(path) for path in artifacts(projects))
    assert shown == [printable(path) for path in paths]
    assert all(line.count("\t") == 5 for line in result.stdout.splitlines())


def test_json_gives_back_the_bytes_of_every_name(run: Run, projects: Path) -> None:
    result = run("-p", projects, "--json")
    assert result.stdout.isascii()
    rows = json.loads(result.stdout)["artifacts"]
    assert {os.fsencode(row["path"]) for row in rows} == artifacts(projects)
    assert {os.fsencode(os.path.basename(row["project"])) for row in rows} == set(NAMES)


def test_null_ended_paths_are_the_bytes_of_every_name(projects: Path) -> None:
    output = execute(COMMAND, "-0", cwd=projects).stdout
    assert output.endswith(b"\0")
    paths = output.split(b"\0")[:-1]
    assert set(paths) == artifacts(projects)
    assert len(paths) == len(NAMES)


def test_xargs_takes_what_null_ends(projects: Path) -> None:
    done = execute("sh", "-c", '"$0" -q -0 | xargs -0 rm -r --', COMMAND, cwd=projects)
    assert (done.returncode, done.stderr) == (0, b"")
    assert [path for path in artifacts(projects) if os.path.exists(path)] == []
    assert set(os.listdir(os.fsencode(projects))) == set(NAMES)


def test_every_name_is_deleted_and_nothing_beside_it(run: Run, projects: Path) -> None:
    result = run("-p", projects, "--no-dry-run")
    assert result.returncode == 0
    for raw in NAMES:
        assert os.listdir(os.path.join(os.fsencode(projects), raw)) == [b"package.json"]
    assert sorted(os.listdir(os.fsencode(projects))) == sorted(NAMES)


def test_a_locale_without_utf8_ends_no_run(run: Run, projects: Path) -> None:
    env = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    result = run("-p", projects, env=env)
    assert (result.returncode, len(result.stdout.splitlines())) == (0, len(NAMES))
    document = json.loads(run("-p", projects, "--json", env=env).stdout)
    assert {os.fsencode(row["path"]) for row in document["artifacts"]} == artifacts(projects)


UNITS = {"B": 1, **{f"{prefix}iB": 1024**power for power, prefix in enumerate("KMGTPE", 1)}}


def shown_bytes(text: str) -> tuple[Fraction, Fraction]:
    """Return the bytes that a size for people says, and what its last digit stands for."""
    number, unit = text.split(" ")
    digit = Fraction(1, 10) if "." in number else Fraction(1)
    return Fraction(number) * UNITS[unit], digit * UNITS[unit]


@given(st.integers(0, 1 << 60), st.integers(0, 1 << 60))
@example(1023, 0)
@example(1024 * 1024 - 1, 0)
@example(5 << 20, 107 << 20)
def test_what_is_said_is_off_by_half_of_its_last_digit_at_most(promise: int, more: int) -> None:
    at_most = promise + more
    parts = promised(promise, at_most).split(", up to ")
    for text, exact in zip(parts, (promise, at_most), strict=False):
        said, digit = shown_bytes(text)
        assert abs(said - exact) * 2 <= digit
    # Both are told if anybody would miss the other one, and only then.
    assert (len(parts) == 2) == (more >= 64 * 1024 and more * 20 > at_most)
    assert parts[1:] == ([bound(promise, at_most)] if bound(promise, at_most) else [])
    if len(parts) == 2:
        assert shown_bytes(parts[0])[0] < shown_bytes(parts[1])[0]


def test_a_promise_and_its_bound() -> None:
    assert promised(5 << 20, 112 << 20) == "5.0 MiB, up to 112.0 MiB"
    assert promised(0, 76 << 20) == "0 B, up to 76.0 MiB"
    assert promised(100 << 20, 105 << 20) == "100.0 MiB"
    assert promised(100 << 20, 106 << 20) == "100.0 MiB, up to 106.0 MiB"
    assert promised(0, (64 << 10) - 1) == "0 B"
    assert promised(0, 64 << 10) == "0 B, up to 64.0 KiB"
    # A document that somebody else made may have anything.
    assert promised(5 << 20, 0) == size(5 << 20)
