"""``config``: what counts and who said it; files that are made, checked and changed."""

import json
import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
import typer

from cleanup_nodemodule.commands.app import app
from cleanup_nodemodule.commands.template import template
from cleanup_nodemodule.config.keys import KEYS, Where
from cleanup_nodemodule.run.checking import check_text
from support.accounts import SOMEBODY, give
from support.needs import needs_root
from support.tool import Tool
from support.trees import declare

WRITTEN: Final = """\
# Mine.
keep = [
  "~/clients/",  # theirs
]

sort = "age" # the oldest first

# Every night.
[job.nightly]
path = ["/srv"]   # all
"""


@pytest.fixture
def path(one_tool: Tool) -> Path:
    """The user's file, with comments."""
    file = one_tool.home / "config/cleanup-nodemodule/config.toml"
    file.write_text(WRITTEN)
    return file


def config(tool: Tool, *words: str | Path) -> Any:
    done = tool.tell("config", *words)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("words", "old", "new"),
    [
        (("sort", "path"), '"age"', '"path"'),
        (("job.nightly.path", "~/a", "/b"), '["/srv"]', '["~/a", "/b"]'),
    ],
)
def test_set_changes_one_value_and_nothing_else(
    one_tool: Tool, path: Path, words: tuple[str, ...], old: str, new: str
) -> None:
    code, output, errors = config(one_tool, "set", *words)
    assert (code, errors) == (0, "")
    assert str(path) in output
    assert path.read_text() == WRITTEN.replace(old, new)


@pytest.mark.parametrize(
    ("words", "way", "value"),
    [
        (("verbose", "yes"), ("verbose",), True),
        (("min-depth", "3"), ("min-depth",), 3),
        (("timeout", "2.5"), ("timeout",), 2.5),
        (("exclude", "a b", "]"), ("exclude",), ["a b", "]"]),
        (("keep", '"q" é\x1b'), ("keep",), ['"q" é\x1b']),
        (("job.nightly.delete", "true"), ("job", "nightly", "delete"), True),
        (("job.weekly.path", "/x"), ("job", "weekly", "path"), ["/x"]),
        (("job.nightly.max-delete", "10GB"), ("job", "nightly", "max-delete"), "10GB"),
        (("--", "min-depth", "0"), ("min-depth",), 0),
    ],
)
def test_what_is_set_is_said(
    one_tool: Tool, path: Path, words: tuple[str, ...], way: tuple[str, ...], value: Any
) -> None:
    assert config(one_tool, "set", *words)[0] == 0
    found: Any = tomllib.loads(path.read_text())
    for name in way:
        found = found[name]
    assert found == value
    for comment in re.findall(r"#.*", WRITTEN):
        assert (comment in path.read_text()) is (comment != "# theirs" or "keep" not in words)
    # And taken out again, all is as it was, but for tables that are new.
    assert config(one_tool, "unset", next(word for word in words if word != "--"))[0] == 0
    left: Any = tomllib.loads(path.read_text())
    for name in way[:-1]:
        left = left[name]
    assert way[-1] not in left


@pytest.mark.parametrize("key", ["max-delete", "keep"])
def test_what_is_set_counts_for_all_runs_in_the_first_file_too(
    one_tool: Tool, path: Path, key: str
) -> None:
    path.unlink()
    assert config(one_tool, "init")[0] == 0
    before = path.read_text().splitlines()
    assert config(one_tool, "set", key, "50GB")[0] == 0
    after = path.read_text().splitlines()
    [changed] = [number for number, line in enumerate(before) if line != after[number]]
    assert len(before) == len(after)
    assert before[changed].startswith(f"# {key} = ")
    # Also if somebody takes away the # before a job.
    assert after.count("# [job.nightly]") == 1
    path.write_text("\n".join(after).replace("# [job.nightly]", "[job.nightly]"))
    assert key in tomllib.loads(path.read_text())


def test_what_is_set_stands_above_a_table_that_is_commented_out(one_tool: Tool, path: Path) -> None:
    path.write_text('sort = "age"\n\n# Every night.\n# [job.nightly]\n# path = "/"\n')
    assert config(one_tool, "set", "max-delete", "5")[0] == 0
    assert path.read_text() == (
        'sort = "age"\n\nmax-delete = "5"\n\n# Every night.\n# [job.nightly]\n# path = "/"\n'
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("set", "sortt", "age"), "did you mean sort?"),
        (("set", "sort", "sixe"), 'has to be "size" or'),
        (("set", "sort", "age", "size"), 'has to be "size" or'),
        (("set", "min-depth", "many"), "has to be a whole number"),
        (("set", "min-depth", "9" * 6000), "has to be a whole number"),
        (("set", "--", "min-depth", "-1"), "min-depth cannot be -1"),
        (("set", "max-delete", "many"), "max-delete takes a size"),
        (("set", "delete", "true"), "can only stand in a job"),
        (("set", "users", "me"), "can only stand in a job"),
        (("set", "path", "work"), "is relative"),
        (("set", "keep", "[z-a]"), "gitignore syntax"),
        (("set", "rule", "x"), "is no rule"),
        (("set", "engine", "nativ"), 'has to be "auto" or'),
        (("set", "job.x/y.sort", "age"), "a job cannot be called"),
        (("set", "job.nightly", "x"), "is no key"),
        (("set", "a.b.c.d", "x"), "is no key"),
        (("set", "sort.path", "x"), "is no key"),
        (("set", "sort"), "takes KEY VALUE"),
        (("set",), "takes KEY VALUE"),
        (("unset",), "takes KEY"),
        (("unset", "top"), "does not say top"),
        (("unset", "job.none.top"), "does not say"),
        (("unset", "sort", "top"), "takes no top"),
        (("sett", "sort", "age"), "did you mean: cleanup-nodemodule config set?"),
        (("x",), "there are show, init, check"),
        ((), "config needs one of"),
        (("init", "there"), "takes no there"),
        (("init",), "is there already"),
        (("check", "--job", "a"), "takes no --job"),
        (("set", "sort", "age", "--json"), "takes no --json"),
        (("show", "--job", "nigthly"), "did you mean nightly?"),
        (("show", "sorte"), "did you mean sort?"),
    ],
)
def test_what_makes_no_sense_changes_nothing(
    one_tool: Tool, path: Path, words: tuple[str, ...], said: str
) -> None:
    code, output, errors = config(one_tool, *words)
    assert (code, output == "") == (2, "--json" not in words)
    assert said in errors
    assert errors.count("\n") == 1
    assert path.read_text() == WRITTEN
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("form", ["file", "symlink", "mode"])
def test_the_file_stays_what_it_was(one_tool: Tool, path: Path, form: str) -> None:
    target = path
    if form == "symlink":
        target = one_tool.home / "dotfiles.toml"
        path.rename(target)
        path.symlink_to("../../dotfiles.toml")
    target.chmod(0o640 if form == "mode" else 0o600)
    before = stat.S_IMODE(target.stat().st_mode)
    assert config(one_tool, "set", "sort", "path")[0] == 0
    assert path.is_symlink() is (form == "symlink")
    assert stat.S_IMODE(target.stat().st_mode) == before
    assert 'sort = "path" # the oldest first' in target.read_text()
    assert [one.name for one in target.parent.iterdir() if one.name.startswith(".")] == []


def test_a_file_that_is_wrong_or_not_to_be_trusted_is_not_changed(
    one_tool: Tool, path: Path
) -> None:
    path.write_text("sort = \n")
    assert config(one_tool, "set", "sort", "age")[0] == 2
    assert path.read_text() == "sort = \n"
    path.write_text("what = 1\n")
    code, _, errors = config(one_tool, "set", "sort", "age")
    assert (code, "there is no key 'what'" in errors) == (2, True)
    assert path.read_text() == "what = 1\n"
    path.write_text("")
    path.chmod(0o666)
    code, _, errors = config(one_tool, "set", "sort", "age")
    assert (code, "somebody else could write it" in errors) == (2, True)
    assert path.read_text() == ""


def test_one_of_another_user_is_not_changed(one_tool: Tool, path: Path) -> None:
    needs_root()
    give(SOMEBODY, path)
    assert config(one_tool, "set", "sort", "path")[0] == 2
    assert path.read_text() == WRITTEN
    assert path.stat().st_uid == SOMEBODY


def test_another_file_can_be_made_and_changed(one_tool: Tool, tmp_path: Path) -> None:
    other = tmp_path / "new/other.toml"
    assert config(one_tool, "set", "--file", other, "quiet", "true")[0] == 0
    assert other.read_text() == "quiet = true\n"
    made = tmp_path / "made.toml"
    assert config(one_tool, "init", "--file", made)[0] == 0
    assert config(one_tool, "check", made)[0] == 0
    made.write_text("")
    assert config(one_tool, "init", "--file", made)[0] == 2
    made.unlink()
    made.symlink_to("nothing")
    assert config(one_tool, "init", "--file", made)[0] == 2
    assert not (tmp_path / "nothing").exists()


# What init writes.

LINES: Final = template(typer.main.get_command(app)).splitlines()
SAID: Final = [line[2:] for line in LINES if re.match(r"# [a-z-]+ = ", line)]


def test_the_first_file_has_every_key_and_says_nothing() -> None:
    assert {line.partition(" = ")[0] for line in SAID} == {*KEYS}
    assert {line[:1] for line in LINES} == {"#", ""}
    assert tomllib.loads("\n".join(LINES)) == {}
    assert max(map(len, LINES)) <= 100


@pytest.mark.parametrize("line", SAID, ids=lambda line: line.partition(" = ")[0])
def test_each_of_its_lines_is_right_without_the_mark(line: str) -> None:
    key = KEYS[line.partition(" = ")[0]]
    in_job = (
        "" if key.where in {Where.ANYWHERE, Where.FILES, Where.NO_VARIABLE} else "[job.nightly]\n"
    )
    check_text(f"{in_job}{line}\n", "/config.toml")


# What check says.


@pytest.mark.parametrize("line", ["older-than = 30d", "sort = age  # first", "keep = ~/work"])
def test_a_text_without_quotes_is_shown_with_them(one_tool: Tool, path: Path, line: str) -> None:
    path.write_text(f"top = 1\n{line}\n")
    name, _, value, *_ = line.split()
    code, _, errors = config(one_tool, "check")
    assert code == 2
    assert f'{path}, line 2: a text needs quotes; write {name} = "{value}"' in errors


def test_check_names_every_mistake_with_its_line(one_tool: Tool, path: Path) -> None:
    path.write_text('sort = 1\nwhat = 2\n[job.a]\nmin-depth = "x"\n[job."b c"]\n')
    code, output, errors = config(one_tool, "check")
    assert (code, output) == (2, "")
    assert [line.split(": ")[1] for line in errors.splitlines()] == [
        f"{path}, line {number}" for number in (1, 2, 4, 5)
    ]
    assert json.loads(config(one_tool, "check", "--json")[1])["checked"][0]["file"] == str(path)
    path.write_text("jobs = 0\n")
    assert "line 1: jobs cannot be 0" in config(one_tool, "check")[2]
    path.write_text("[job.a]\nsort = 'age'\n")
    assert "does not say where to search" in config(one_tool, "check")[2]
    assert config(one_tool, "check", path)[:2] == (0, f"{path} is right\n")
    path.write_text(WRITTEN)
    assert config(one_tool, "check")[:2] == (0, f"{path} is right\n")
    path.unlink()
    code, output, errors = config(one_tool, "check")
    assert (code, output) == (0, "")
    assert f"config init makes {path}" in errors
    assert config(one_tool, "check", path)[0] == 2


@pytest.mark.parametrize("dangling", ["file", "directory"])
def test_a_symlink_to_nothing_is_no_missing_file(one_tool: Tool, path: Path, dangling: str) -> None:
    moved = one_tool.home / "not-mounted"
    link = path if dangling == "file" else path.parent
    link.rename(moved)
    link.symlink_to(moved)
    assert config(one_tool, "check")[0] == 0
    moved.rename(one_tool.home / "elsewhere")
    for words in (("config", "check"), (), ("config", "set", "sort", "age")):
        done = one_tool.tell(*words)
        assert done.returncode == 2
        assert f"{link} leads to {moved}, and nothing is there" in done.stderr
    assert not moved.exists()
    link.unlink()
    (one_tool.home / "elsewhere").rename(link)


# What show says.


def test_show_says_who_said_what(one_tool: Tool, path: Path, tmp_path: Path) -> None:
    declare(tmp_path, {"named.toml": 'keep = ["mine"]\n'})
    named = ("--config", tmp_path / "named.toml")
    done = one_tool.tell(*named, "config", "show", "--json")
    rows = json.loads(done.stdout)["values"]
    assert [row["key"] for row in rows if row["key"] != "keep"] == [
        key.name for key in KEYS.values() if key.where is not Where.JOB and key.name != "keep"
    ]
    said = {row["key"]: (row["value"], row["from"], row["line"]) for row in rows}
    assert said["sort"] == ("age", "user", 6)
    assert said["color"] == ("auto", "default", None)
    assert [row["from"] for row in rows if row["key"] == "keep"] == ["user", "--config"]
    lines = config(one_tool, "show", "sort", "keep")[1].splitlines()
    assert lines == [
        f'sort\t"age"\tuser\t{path}, line 6',
        f'keep\t["~/clients/"]\tuser\t{path}, line 2',
    ]
    in_job = config(one_tool, "show", "--job", "nightly", "path")[1]
    assert in_job == f'path\t["/srv"]\tjob\t{path}, line 10\n'


@pytest.mark.parametrize("what", ["file", "directory"])
def test_a_symlink_to_a_file_that_is_not_there_is_no_missing_file(
    one_tool: Tool, what: str
) -> None:
    """Nobody knows what it was to protect: its disk may not be mounted."""
    path = one_tool.home / "config/cleanup-nodemodule/config.toml"
    path.unlink()
    link = path.parent if what == "directory" else path
    if what == "directory":
        path.parent.rmdir()
    link.symlink_to("/nowhere/dotfiles")
    for words in (("-p", one_tool.home), ("config", "check"), ("config", "set", "top", "3")):
        done = one_tool.tell(*words)
        assert done.returncode == 2, done.stderr
        assert f"{link} leads to /nowhere/dotfiles, and nothing is there" in done.stderr


@pytest.mark.parametrize("before", [True, False], ids=["before", "behind"])
def test_a_file_that_is_named_counts_and_is_checked(
    one_tool: Tool, tmp_path: Path, *, before: bool
) -> None:
    named = tmp_path / "named.toml"
    named.write_text('sort = "path"\n')
    option = ("--config", str(named))

    def told(*words: str) -> Any:
        done = one_tool.tell(*((*option, *words) if before else (*words, *option)))
        return done.returncode, done.stdout, done.stderr

    shown = f'sort\t"path"\t--config\t{named}, line 1\n'
    assert told("config", "show", "sort") == (0, shown, "")
    code, output, errors = told("config", "check")
    assert (code, output.splitlines()[-1], errors) == (0, f"{named} is right", "")
    named.write_text('sort = "odd"\n')
    code, output, errors = told("config", "check")
    assert code == 2
    assert str(named) not in output
    assert f"{named}, line 1: sort has to be" in errors
    named.unlink()
    assert told("config", "check")[0] == 2
