"""A command line that may have been meant otherwise is refused, and nothing is deleted. What is clear goes on."""

import os
from pathlib import Path
from typing import Final

import pytest

from cleanup_nodemodule.commands import failures
from cleanup_nodemodule.errors import ExitCode
from support.tool import PROJECT, Run, Tool
from support.trees import Declared, declare, listing

Captured = pytest.CaptureFixture[str]

DELETING: Final = ["--no-dry-run", "-y"]

DIST: Final[Declared] = {**PROJECT, "dist": {"app.js": "x"}}

TREE: Final[Declared] = {
    **dict.fromkeys(("a", "b", "work", "photos", "my", "python", "p2"), DIST),
    "packages": dict.fromkeys(("a", "b", "c"), DIST),
    "my work": DIST,
    "dist": {"app.js": "x"},
    "build": {"app.js": "x"},
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with several projects; with no configuration and no journal."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    declare(tmp_path / "here", TREE)
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


TOOK: Final = (
    "{option} took all the words behind it, and {word} is a directory here; to search it, put it first:"
    " cleanup-nodemodule {first}"
)

ALWAYS: Final = {
    # An option took the directory.
    "--include-unproven a/dist b": TOOK.format(
        option="--include-unproven", word="b", first="b --include-unproven a/dist"
    )
    + "; if it is to be included, say where to search: cleanup-nodemodule . --include-unproven a/dist b",
    "--include-unproven a/dist .": TOOK.format(
        option="--include-unproven", word=".", first=". --include-unproven a/dist"
    ),
    "--include-unproven packages/a/dist packages": TOOK.format(
        option="--include-unproven",
        word="packages",
        first="packages --include-unproven packages/a/dist",
    ),
    "--targets node_modules work": TOOK.format(
        option="--targets", word="work", first="work --targets node_modules"
    )
    + "; if it is a name, say where to search: cleanup-nodemodule . --targets node_modules work",
    "--also out work -q": TOOK.format(option="--also", word="work", first="work --also out -q")
    + "; if it is a name, say where to search: cleanup-nodemodule . --also out work -q",
    "--targets dist ./work": (
        "--targets takes names of directories, and ./work is a path; put the directory first:"
        " cleanup-nodemodule ./work --targets dist"
    ),
    "--targets dist .": (
        "--targets takes names of directories, and . is a path; put the directory first:"
        " cleanup-nodemodule . --targets dist"
    ),
    "--targets ~ dist": (
        "--targets takes names of directories, not paths, and '~' is none; to search somewhere else, use -p"
        " PATH"
    ),
    # A shell put names in the place of a pattern.
    "--exclude packages/a packages/b packages/c": (
        "--exclude takes one pattern, and packages/b packages/c stand behind it; put a pattern in quotes, as"
        " in --exclude 'packages/*', type --exclude for each: --exclude packages/a --exclude packages/b, or"
        " put directories to search first: cleanup-nodemodule packages/b packages/c --exclude packages/a"
    ),
    "-e work photos": (
        "-e takes one pattern, and photos stands behind it; put a pattern in quotes, as in -e 'packages/*',"
        " type -e for each: -e work -e photos, or put directories to search first: cleanup-nodemodule photos"
        " -e work"
    ),
    "-qe a/dist b/dist": (
        "--exclude takes one pattern, and b/dist stands behind it; put a pattern in quotes, as in --exclude"
        " 'packages/*', type --exclude for each: --exclude a/dist --exclude b/dist, or put directories to"
        " search first: cleanup-nodemodule b/dist --exclude a/dist"
    ),
    "-e old a b work photos": (
        "-e takes one pattern, and a b work ... stand behind it; put a pattern in quotes, as in -e"
        " 'packages/*', type -e for each: -e old -e a, or put directories to search first:"
        " cleanup-nodemodule a b work -e old"
    ),
    # Another value.
    "--profile js python": (
        "--profile takes one profile; for several, type: --profile js --profile python; the directory is"
        " ./python"
    ),
    "--profile js python rust a": (
        "--profile takes one profile; for several, type: --profile js --profile python --profile rust; the"
        " directory is ./python or ./rust"
    ),
}
"""What is refused, dry run or not, and all that is said."""


@pytest.mark.parametrize("typed", ALWAYS)
def test_what_is_likely_to_be_meant_otherwise_is_refused(
    here: Path, capfd: Captured, typed: str
) -> None:
    before = listing(here)
    assert failures.run(typed.split()) == ExitCode.USAGE
    assert capfd.readouterr().err == f"cleanup-nodemodule: {ALWAYS[typed]}\n"
    for words in (typed.split() + DELETING, DELETING + typed.split()):
        assert failures.run(words) == ExitCode.USAGE
        output, errors = capfd.readouterr()
        assert (output, errors.count("\n")) == ("", 1)
        assert errors[:60] == f"cleanup-nodemodule: {ALWAYS[typed]}"[:60]
    assert listing(here) == before


ONLY_DELETING: Final = {
    "--targets dist build": "build is a directory here; to search it, put it first",
    "--also out --targets dist build": "build is a directory here; to search it, put it first",
    "--include-unproven a/dist b/dist": "b/dist is a directory here; to search it, put it first",
    "--include-unproven work": "/here/work: this run lists nothing as unproven there",
    "a --include-unproven a/dist b": "/here/b: this run lists nothing as unproven there",
    "a nosuch": "there is no command and no directory nosuch",
    "a ./nosuch": "cannot search ./nosuch: No such file or directory",
    "-p nosuch a": "cannot search nosuch: No such file or directory",
}
"""What a dry run reads as it stands, and what is said if it is to be deleted."""


@pytest.mark.parametrize("typed", ONLY_DELETING)
def test_what_can_be_both_is_refused_only_if_it_deletes(
    here: Path, capfd: Captured, typed: str
) -> None:
    before = listing(here)
    assert failures.run(typed.split()) in {ExitCode.DONE, ExitCode.INCOMPLETE}
    capfd.readouterr()
    assert failures.run([*typed.split(), *DELETING]) == ExitCode.USAGE
    output, errors = capfd.readouterr()
    assert (output, errors.count("\n")) == ("", 1)
    assert ONLY_DELETING[typed] in errors
    assert listing(here) == before


CLEAR: Final = {
    "-e old a": {"a/node_modules"},
    "a -e old": {"a/node_modules"},
    "-e a -- b": {"b/node_modules"},
    "--exclude=a b": {"b/node_modules"},
    "--profile js ./python": {"python/node_modules"},
    "--profile js -- python": {"python/node_modules"},
    "--profile js a python": {"a/node_modules", "python/node_modules"},
    "-p packages/a packages/b": {"packages/a/node_modules", "packages/b/node_modules"},
    ". --targets dist build -e packages -e photos -e work": {
        *("a/dist", "b/dist", "build", "dist", "my work/dist", "my/dist", "p2/dist", "python/dist")
    },
    "a --include-unproven a/dist": {"a/node_modules", "a/dist"},
    "a b --include-unproven a/dist b/dist": {
        "a/node_modules",
        "a/dist",
        "b/node_modules",
        "b/dist",
    },
    "-p a -p nosuch": {"a/node_modules"},
}
"""What is clear, and what it deletes."""


@pytest.mark.parametrize("typed", CLEAR)
def test_what_is_clear_deletes_just_that(run: Run, one_tool: Tool, here: Path, typed: str) -> None:
    before = listing(here)
    result = run("-q", *DELETING, "--format", "paths", *typed.split(), cwd=here, env=one_tool.env)
    assert result.returncode == (3 if "nosuch" in typed else 0), result.stderr
    assert {os.path.relpath(path, here) for path in result.stdout.splitlines()} == CLEAR[typed]
    gone = {os.fsdecode(path) for path in set(before) - set(listing(here))}
    assert {path for path in gone if os.path.dirname(path) not in gone} == CLEAR[typed]


def test_one_name_is_a_name_though_a_directory_is_called_so(run: Run, here: Path) -> None:
    result = run("--targets", "build", *DELETING, cwd=here)
    assert (result.returncode, (here / "build").exists()) == (0, False)


@pytest.mark.parametrize(
    "words",
    [
        ["{here}/her", "work"],
        ["-p", "{here}/her", "work"],
        ["--path={here}/her", "work"],
        ["-q", "a", "{here}/her", "work"],
    ],
    ids=" ".join,
)
def test_quotes_that_are_missing_are_named(here: Path, capfd: Captured, words: list[str]) -> None:
    declare(here, {"her work": DIST})
    before = listing(here)
    typed = [word.format(here=here) for word in words]
    assert failures.run([*typed, *DELETING]) == ExitCode.USAGE
    assert capfd.readouterr().err == (
        f"cleanup-nodemodule: there is no directory {here}/her; a path with a space needs quotes:"
        f" '{here}/her work'\n"
    )
    assert listing(here) == before


def test_without_a_current_directory_it_is_a_sentence_too(here: Path, capfd: Captured) -> None:
    (here / "gone").mkdir()
    os.chdir(here / "gone")
    (here / "gone").rmdir()
    words = ["--include-unproven", "/x/dist", str(here / "work"), *DELETING]
    assert failures.run(words) == ExitCode.USAGE
    errors = capfd.readouterr().err
    assert f"put it first: cleanup-nodemodule {here}/work --include-unproven /x/dist" in errors


def test_a_place_that_is_not_listed_is_in_the_document(one_tool: Tool, here: Path) -> None:
    told = one_tool.delete(here / "a", "--include-unproven", here / "b")
    [problem] = told.document["problems"]
    assert (told.code, problem["code"], problem["path"]) == (2, "include-unlisted", str(here / "b"))
    assert (here / "a/node_modules").exists()


def test_what_somebody_typed_or_a_file_is_called_cannot_steer_the_terminal(
    run: Run, here: Path
) -> None:
    declare(here, {"a \x1b]0;x\x07.log": "", "empty": {}})
    refused = run("--targets", "a \x1b]0;x\x07.log", cwd=here)
    assert "$'a \\e]0;x\\x07.log' is a file" in refused.stderr
    for words in (["--rule", "q\x1b[31mx@y"], ["--also", "q\x1bx"], ["--targets", "q\x1bx"]):
        told = run("empty", *words, cwd=here)
        assert "Nothing was found" in told.stderr
        assert "\x1b" not in refused.stderr + told.stderr
