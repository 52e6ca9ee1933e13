"""Jobs: runs that a file defines."""

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from support.processes import Terminal
from support.simple import CONFIGURATION
from support.tool import PROJECT, Tool
from support.trees import Declared, declare
from support.waiting import TIMEOUT

PYTHON: Final[Declared] = {
    "pyproject.toml": "[project]\nname = 'a'\n",
    ".pytest_cache": {"CACHEDIR.TAG": "Signature: 8a477f597d28d172789f06886806bc55", "a": "a"},
}
WORK: Final[Declared] = {"shop": PROJECT, "blog": PROJECT}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    declare(tmp_path / "work", WORK)
    return tmp_path / "work"


def define(tool: Tool, text: str) -> Path:
    path = tool.home / "config/cleanup-nodemodule/config.toml"
    path.write_text(f"{CONFIGURATION}\n{text}")
    return path


def run(tool: Tool, *words: str | Path) -> Any:
    done = tool.tell("run", *words)
    return done.returncode, done.stdout, done.stderr


def left(work: Path) -> set[str]:
    return {path.parent.name for path in work.glob("*/node_modules")}


@pytest.mark.parametrize(
    ("says", "typed", "remains"),
    [
        ("delete = true", (), set()),
        ("delete = true", ("--dry-run",), {"shop", "blog"}),
        ("delete = false", (), {"shop", "blog"}),
        ("", (), {"shop", "blog"}),
        ("", ("--no-dry-run",), set()),
        ("trash = true", (), {"shop", "blog"}),
        ('delete = true\nkeep = ["shop"]', (), {"shop"}),
        ('delete = true\nexclude = ["shop"]', ("-e", "blog"), {"shop", "blog"}),
        ("delete = true\nmax-delete = 1", (), {"shop", "blog"}),
        ('delete = true\nmax-delete = "1"', (), {"shop", "blog"}),
        ('delete = true\nmax-delete = "1"', ("--max-delete", "2"), set()),
        ("delete = true\nmin-depth = 5", (), {"shop", "blog"}),
        ("delete = true\nmin-depth = 5", ("--min-depth", "0"), set()),
    ],
)
def test_a_job_does_what_it_says_and_what_is_typed_counts_more(
    one_tool: Tool, work: Path, says: str, typed: tuple[str, ...], remains: set[str]
) -> None:
    define(one_tool, f'[job.nightly]\npath = ["{work}"]\n{says}\n')
    code, _, errors = run(one_tool, "nightly", *typed)
    assert left(work) == remains, errors
    assert code == (4 if "max-delete" in says and remains else 0)


def advised(errors: str) -> list[list[str]]:
    """Return the words of each command of this program that the last words end in."""
    return [
        shlex.split(command)[1:]
        for command in re.findall(r": (cleanup-nodemodule .*)$", errors, re.MULTILINE)
    ]


def test_what_a_dry_run_of_a_job_that_deletes_advises_deletes_only_where_it_says_so(
    one_tool: Tool, work: Path, tmp_path: Path
) -> None:
    declare(work, {"unproven": {"package.json": "{}", "dist": {"a.js": "a"}}, "py": PYTHON})
    declare(tmp_path / "other", {"mine": PROJECT})
    other = tmp_path / "other"
    define(one_tool, f'[job.nightly]\npath = ["{other}"]\ndelete = true\n')
    words = run(one_tool, "nightly", "-p", work, "--dry-run")[2]
    commands = [command for command in advised(words) if command[0] == "run"]
    assert {word for command in commands for word in command} >= {
        "--include-unproven",
        "--profile",
        "--no-dry-run",
    }
    for command in commands:
        # It is about what was looked at, and does not touch it unless it says that it deletes.
        assert command[command.index("-p") + 1] == str(work)
        before = sorted(tmp_path.rglob("*"))
        if "--no-dry-run" not in command:
            done = one_tool.tell(*command)
            assert done.returncode == 0, done.stderr
            assert sorted(tmp_path.rglob("*")) == before
    deletes = next(command for command in commands if "--no-dry-run" in command)
    assert one_tool.tell(*deletes).returncode == 0
    assert left(work) == set()
    assert left(tmp_path / "other") == {"mine"}


def test_a_place_behind_the_name_of_a_job_is_answered_by_how_to_say_it(
    one_tool: Tool, work: Path
) -> None:
    define(one_tool, f'[job.nightly]\npath = ["{work}"]\n')
    code, _, errors = run(one_tool, "nightly", work / "a b")
    assert code == 2
    assert shlex.split(errors)[-2:] == ["-p", str(work / "a b")]


def test_a_job_lists_its_roots_from_home_or_in_full(one_tool: Tool) -> None:
    declare(one_tool.home / "work", WORK)
    define(one_tool, '[job.a]\npath = "~/work"\nformat = "paths"\n')
    code, output, _ = run(one_tool, "a")
    assert (code, len(output.splitlines())) == (0, 2)
    # Nobody knows from where a relative one is to be read.
    define(one_tool, '[job.b]\npath = ["work"]\n')
    code, output, errors = run(one_tool, "b")
    assert (code, output) == (2, "")
    assert "path: 'work' is relative" in errors


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[job.nightly]\npath = "/"\nolder = "30d"', "there is no key 'older'"),
        ("[job.nightly]\nsort = 1\n", 'sort has to be "size" or "path" or "age"'),
        ("[job.nightly]\n", "does not say where to search"),
        ('[job."../x"]\n', "a job cannot be called '../x'"),
        ('[job."a\\u001b[31m"]\n', "a job cannot be called"),
        ("job = 3\n", "job has to be a table"),
        ("[jobs.nightly]\n", "a job is written [job.nightly]"),
        ("[job]\nnightly = 3\n", "a job has to be a table"),
        ('[job.nightly]\npath = "/"\njob = 3\n', "there is no key 'job'"),
        ("delete = true\n[job.nightly]\n", "delete can only stand in a job or on the command line"),
        ("yes = true\n[job.nightly]\n", "yes can only stand in a job or on the command line"),
        ('users = ["a"]\n', "users can only stand in a job"),
    ],
)
def test_what_is_wrong_with_a_job_is_said_with_its_line(
    one_tool: Tool, text: str, said: str
) -> None:
    path = define(one_tool, "")
    path.write_text(text)
    code, output, errors = run(one_tool, "nightly", "--no-dry-run")
    assert (code, output) == (2, "")
    assert errors.startswith(f"cleanup-nodemodule: {path}{'' if 'u001b' in text else ', line '}"), (
        errors
    )
    assert said in errors
    assert "\x1b" not in errors
    assert errors.count("\n") == 1


def test_a_job_that_deletes_and_saves_a_plan_is_told_where_it_says_so(
    one_tool: Tool, work: Path
) -> None:
    define(one_tool, f'[job.a]\npath = "{work}"\ndelete = true\nsave-plan = "~/plan.json"\n')
    code, _, errors = run(one_tool, "a")
    assert code == 2
    assert "config.toml, line " in errors
    assert "leave out one of save-plan and delete" in errors
    assert left(work) == {"shop", "blog"}


def test_a_job_that_is_not_there_is_named_rightly(one_tool: Tool) -> None:
    define(one_tool, '[job.nightly]\npath = "/srv"\n[job.weekly]\npath = "/srv"\n')
    assert "did you mean nightly?" in run(one_tool, "nigthly")[2]
    assert "to list the jobs, type: cleanup-nodemodule run --list\n" in run(one_tool, "x\x1b")[2]
    assert run(one_tool)[0] == 2
    assert "--no-config ignores the file" in run(one_tool, "nightly", "--no-config")[2]
    define(one_tool, "")
    none = run(one_tool, "nightly")[2]
    assert "no file defines any" in none
    assert "type: cleanup-nodemodule config set job.nightly.path DIRECTORY\n" in none


def test_a_failure_of_a_job_is_a_document_if_the_job_says_so(one_tool: Tool, work: Path) -> None:
    define(
        one_tool, f'[job.a]\npath = "{work}"\nformat = "json"\nmax-delete = "many"\ndelete = true\n'
    )
    code, output, errors = run(one_tool, "a")
    document = json.loads(output)
    assert code == 2
    assert document["problems"][0]["code"] == "usage"
    assert "max-delete takes a size" in errors
    assert left(work) == {"shop", "blog"}


def test_a_job_at_a_terminal_asks_unless_it_says_yes(one_tool: Tool, work: Path) -> None:
    for yes, remains in (("", {"shop", "blog"}), ("yes = true", set())):
        define(one_tool, f'[job.a]\npath = "{work}"\ndelete = true\n{yes}\n')
        with Terminal("run", "a", cwd=work, env=one_tool.env) as terminal:
            if not yes:
                terminal.expect("[y/")
                terminal.type("n\n")
            assert terminal.finish() == 0
        assert left(work) == remains


def test_the_list_says_where_each_job_is_and_what_it_does(one_tool: Tool, work: Path) -> None:
    path = define(
        one_tool,
        f'[job.b]\nabout = "with\\ttab"\npath = "{work}"\ndelete = true\n[job.a]\n'
        f'path = "{work}"\ntrash = true\ndelete = true\n[job.c]\n',
    )
    code, output, errors = run(one_tool, "--list")
    assert (code, errors) == (0, "")
    assert [line.split("\t")[:2] for line in output.splitlines()] == [
        ["a", "trash"],
        ["b", "delete"],
        ["c", "dry-run"],
    ]
    document = json.loads(run(one_tool, "--list", "--json")[1])
    lines = path.read_text().splitlines()
    assert [lines[one["line"] - 1] for one in document["jobs"]] == ["[job.a]", "[job.b]", "[job.c]"]
    assert {one["file"] for one in document["jobs"]} == {str(path)}
    define(one_tool, "")
    code, output, errors = run(one_tool, "--list")
    assert (code, output) == (0, "")
    assert "there are no jobs" in errors


def test_a_file_can_be_named_before_the_command_and_behind_it(
    one_tool: Tool, work: Path, tmp_path: Path
) -> None:
    (tmp_path / "one.toml").write_text(f'[job.a]\npath = "{work}"\n')
    (tmp_path / "other.toml").write_text(f'[job.b]\npath = "{work}"\n')
    one, other = ("--config", tmp_path / "one.toml"), ("--config", tmp_path / "other.toml")
    for words in ((*one, "run", "--list", *other), ("run", "--list", *one, *other)):
        done = one_tool.tell(*words)
        assert [line.split("\t")[0] for line in done.stdout.splitlines()] == ["a", "b"]
    assert one_tool.tell(*one, "run", "a", "--no-config").returncode == 0


def test_the_last_words_of_a_job_name_it(one_tool: Tool, work: Path) -> None:
    define(one_tool, f'[job.nightly]\npath = "{work}"\nprofile = "js"\n')
    declare(work, {"notes": {"dist": {"a": ""}}})
    _, _, errors = run(one_tool, "nightly", "--also", "er")
    assert "cleanup-nodemodule run nightly --also er --include-unproven" in errors


@pytest.mark.parametrize(
    ("file", "job", "typed", "refused"),
    [
        ('exclude = ["shop"]', 'exclude = ["*/", "!shop"]', (), "exclude: '!shop' would take back"),
        (
            'exclude = ["shop"]',
            "",
            ("-e", "b*", "-e", "!shop"),
            "--exclude: '!shop' would take back",
        ),
        ('keep = ["shop"]', 'keep = ["*/", "!shop"]', (), "keep: '!shop' would take back"),
        ('keep = ["sh*", "!shop"]', 'keep = ["blog"]', (), None),
        ("", 'exclude = ["sh*", "!shop"]', (), None),
        ('keep = ["shop"]', "", ("-e", "sh*", "-e", "!shop"), None),
    ],
)
def test_no_place_takes_back_what_another_protects(
    one_tool: Tool, work: Path, file: str, job: str, typed: tuple[str, ...], refused: str | None
) -> None:
    path = define(one_tool, "")
    path.write_text(
        f'{file}\n{CONFIGURATION}\n[job.nightly]\npath = "{work}"\ndelete = true\n{job}\n'
    )
    code, _, errors = run(one_tool, "nightly", *typed)
    assert (code == 2) is (refused is not None), errors
    assert (refused or "") in errors
    if refused is not None or (file.endswith('"shop"]') and "sh*" not in file):
        assert "shop" in left(work)


def test_what_is_typed_about_where_to_search_takes_back_no_list_of_a_job(
    one_tool: Tool, work: Path
) -> None:
    listed = one_tool.home / "listed"
    listed.write_text(f"{work}/shop/node_modules\n")
    define(
        one_tool,
        f'[job.a]\npath = ["{work}/blog"]\nartifacts-from = "{listed}"\ndelete = true\nyes = true\n',
    )
    code, _, errors = run(one_tool, "a")
    assert (code, left(work)) == (3, {"shop", "blog"})
    assert "it lies in no PATH of this run" in errors
    code, _, errors = run(one_tool, "a", "-p", work)
    assert (code, left(work)) == (0, {"blog"}), errors


@pytest.mark.parametrize("said", ["variable", "file"])
def test_where_a_job_deletes_is_said_by_the_job_or_typed(
    one_tool: Tool, work: Path, said: str
) -> None:
    job = "[job.a]\ndelete = true\nyes = true\n"
    path = define(one_tool, job)
    if said == "file":
        path.write_text(f'path = ["{work}"]\n{path.read_text()}')
    environment = {"CLEANUP_NODEMODULE_PATH": str(work)} if said == "variable" else {}
    done = subprocess.run(
        [*one_tool.command, "run", "a"],
        cwd=one_tool.home,
        env={**one_tool.env, **environment},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert (done.returncode, done.stdout, left(work)) == (2, "", {"shop", "blog"})
    assert "does not say where to search" in done.stderr
    code, _, errors = run(one_tool, "a", "-p", work)
    assert (code, left(work)) == (0, set()), errors
