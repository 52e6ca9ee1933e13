"""What the README shows works, and it shows everything."""

import importlib.util
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

import cleanup_nodemodule
from cleanup_nodemodule.config.settings import read_config
from cleanup_nodemodule.exit_codes import ExitCode
from cleanup_nodemodule.model import Reason
from cleanup_nodemodule.proof.rules import catalogue
from cleanup_nodemodule.show.reasons import MEANINGS
from support.needs import unable
from support.places import CHECKOUT, COMMAND
from support.tool import Run
from support.trees import declare, npm_project

README = (CHECKOUT / "README.md").read_text()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home directory with one artifact that is old and one that is new."""
    declare(
        tmp_path,
        {
            "old": npm_project({"a": {"index.js": 10}}),
            "new": npm_project({"a": {"index.js": 100_000}}),
        },
    )
    for path in (*(tmp_path / "old").rglob("*"), tmp_path / "old/node_modules"):
        subprocess.run(["touch", "-d", "2020-01-01", path], check=True)
    return tmp_path


def blocks(start: str) -> list[str]:
    """Return the README's indented commands that begin with *start*, continuation lines included."""
    found = re.findall(rf"^    {re.escape(start)}.*(?:\n     .*)*", README, re.MULTILINE)
    return [re.sub(r"^    ", "", block, flags=re.MULTILINE) for block in found]


def test_every_option_is_in_the_readme(run: Run) -> None:
    options = set(
        re.findall(r"(?<![\w-])(--?[a-z0-9][a-z-]*)", run("--help").stdout, re.IGNORECASE)
    )
    rows = "\n".join(line.split("|")[1] for line in README.splitlines() if line.startswith("| `-"))
    missing = {option for option in options if not re.search(rf"`{option}[ `]", rows)}
    assert len(options) > 20
    assert missing == set()


def test_the_readme_names_no_option_that_is_not_there(run: Run) -> None:
    options = set(re.findall(r"^\| (`.*?) \|", README, re.MULTILINE))
    named = {name for row in options for name in re.findall(r"`(--?[a-z0-9-]+)", row)}
    shown = run("--help").stdout
    assert {name for name in named if name not in shown} == set()


def test_every_exit_code_is_in_the_readme() -> None:
    for code in ExitCode:
        assert re.search(rf"^\| (?:\d+, )*{code.value}\b", README, re.MULTILINE), code


def test_every_reason_is_in_the_readme_and_has_a_meaning() -> None:
    for reason in Reason:
        assert f"`{reason.value}`" in README
        assert MEANINGS[reason.value]


def test_the_python_example_runs(home: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", _SHOWN], cwd=home, capture_output=True, text=True, check=True
    )
    assert {line.split()[0] for line in result.stdout.splitlines()} == {
        str(home / "old/node_modules"),
        str(home / "new/node_modules"),
    }


_TIDY = """
import asyncio, gc, logging, sys, threading

# That a busy machine takes its time is no warning.
logging.getLogger("asyncio").addFilter(lambda record: not record.msg.startswith("Executing"))

async def and_collect(main):
    await main
    gc.collect()

run, before = asyncio.run, threading.enumerate()
asyncio.run = lambda main: run(and_collect(main))
exec(sys.argv[1])
gc.collect()
assert threading.enumerate() == before, threading.enumerate()
"""
"""Runs an example and looks for what it leaves behind."""

[_SHOWN] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
[_DOCUMENTED] = re.findall(r"\n\n((?:    .*\n|\n)+)", cleanup_nodemodule.__doc__ or "")

_DELETING = """
import os

from cleanup_nodemodule import Settings, delete, scan

outcome = delete(scan(Settings(roots=("src",))))
print([result.artifact.path for result in outcome.results])
"""

_ASYNC = """
import asyncio

from cleanup_nodemodule import AsyncCleaner, Settings

async def main():
    async with AsyncCleaner() as cleaner:
        plan = await cleaner.scan(Settings(roots=("src",)))
    print([artifact.path for artifact in plan.artifacts])

asyncio.run(main())
"""


@pytest.mark.parametrize(
    "example",
    [_SHOWN, textwrap.dedent(_DOCUMENTED), _DELETING, _ASYNC],
    ids=["README", "package", "deleting", "async"],
)
def test_a_program_that_uses_the_package_has_nothing_left_to_end(home: Path, example: str) -> None:
    (home / "old").rename(home / "src")
    (home / "state").mkdir(mode=0o700)
    result = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", _TIDY, example],
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert str(home / "src/node_modules") in result.stdout


@pytest.mark.parametrize(
    ("number", "found"), [(0, ["new/node_modules", "old/node_modules"]), (1, ["old/node_modules"])]
)
def test_the_jq_examples_work(home: Path, number: int, found: list[str]) -> None:
    if shutil.which("jq") is None:
        unable("there is no jq")
    examples = blocks("cleanup-nodemodule -p ~ --json |")
    assert len(examples) == 2
    script = examples[number].replace("cleanup-nodemodule", COMMAND, 1)
    result = subprocess.run(
        ["bash", "-o", "pipefail", "-c", script],
        env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    paths = [line.rpartition("\t")[2] for line in result.stdout.splitlines()]
    assert paths == [str(home / path) for path in found]


@pytest.mark.slow
def test_the_first_command_makes_its_own_environment_and_runs_the_tool(home: Path) -> None:
    """On a copy of the sources, as in a fresh clone; the packages come from where pip gets them."""
    clone = home / "clone"
    ignored = shutil.ignore_patterns(".git", ".venv", "*.egg-info", "__pycache__", ".*_cache")
    shutil.copytree(CHECKOUT, clone, ignore=ignored)
    [first] = blocks("make run")
    result = subprocess.run(
        ["bash", "-c", f"{first} ROOT='{home}'"],
        cwd=clone,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if "No matching distribution" in result.stderr or "Temporary failure" in result.stderr:
        unable("the packages it needs cannot be had")
    assert result.returncode == 0, result.stderr
    assert f"\t{home}/old/node_modules\n" in result.stdout
    assert (clone / ".venv/bin/cleanup-nodemodule").exists()


_PYTHON = """#!/bin/sh
case "$1 $2" in
"-m venv")
    for directory in "$@"; do :; done
    mkdir -p "$directory/bin"
    cp "$0" "$directory/bin/python"
    printf '#!/bin/sh\\necho ran\\n' >"$directory/bin/cleanup-nodemodule"
    chmod +x "$directory/bin/cleanup-nodemodule" ;;
"--version ") echo Python {version} ;;
*) exit {code} ;;
esac
"""
"""What make takes for Python: it makes environments, and installs nothing in them but itself; all else
it does, or fails to do."""


@pytest.fixture
def make(tmp_path: Path) -> Callable[[str], "subprocess.CompletedProcess[str]"]:
    """Run ``make run`` in something like a clone, with an interpreter of a version."""
    for name in ("Makefile", "pyproject.toml", "setup.py"):
        shutil.copy(CHECKOUT / name, tmp_path)
    kernel = tmp_path / "src/cleanup_nodemodule/engine/_kernel.c"
    kernel.parent.mkdir(parents=True)
    kernel.touch()
    for version, code in (("3.9.2", 1), ("3.12.1", 0)):
        python = tmp_path / f"python-{version}"
        python.write_text(_PYTHON.format(version=version, code=code))
        python.chmod(0o755)

    def run_make(version: str, *more: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["make", "--no-print-directory", "run", f"PYTHON=./python-{version}", "ROOT=.", *more],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    return run_make


@pytest.mark.slow
def test_a_python_that_is_too_old_leaves_nothing_that_breaks_the_next_try(
    tmp_path: Path, make: Callable[..., "subprocess.CompletedProcess[str]"]
) -> None:
    old = make("3.9.2")
    assert old.returncode == 2
    assert "Python 3.11 or newer is needed, and ./python-3.9.2 is Python 3.9.2;" in old.stderr
    assert "make run PYTHON=python3.11" in old.stderr
    right = make("3.12.1")
    assert (right.returncode, right.stdout.splitlines()[-1:]) == (0, ["ran"])
    # Nor does what an older Makefile has left.
    shutil.copy(tmp_path / "python-3.9.2", tmp_path / ".venv/bin/python")
    (tmp_path / ".venv/.installed").unlink()
    assert make("3.9.2").returncode == 2
    again = make("3.12.1")
    assert (again.returncode, again.stdout.splitlines()[-1:]) == (0, ["ran"])


@pytest.mark.slow
def test_nothing_is_cleared_in_an_environment_that_somebody_has_named(
    tmp_path: Path, make: Callable[..., "subprocess.CompletedProcess[str]"]
) -> None:
    declare(tmp_path / "mine", {"bin": {}, "precious": "x"})
    result = make("3.12.1", "VENV=mine")
    assert (result.returncode, result.stdout.splitlines()[-1:]) == (0, ["ran"])
    assert "--clear" not in result.stderr + result.stdout
    assert (tmp_path / "mine/precious").exists()


def test_the_tables_of_rules_are_those_of_the_catalogue() -> None:
    """``python docs/rules_table.py`` brings them up to date."""
    spec = importlib.util.spec_from_file_location("rules_table", CHECKOUT / "docs/rules_table.py")
    assert spec is not None
    assert spec.loader is not None
    rules_table = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(rules_table)
    assert rules_table.updated(README) == README
    assert README.count("\n| ") > len(catalogue())


def test_the_configuration_in_the_readme_is_one(tmp_path: Path) -> None:
    [example] = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    (tmp_path / "config.toml").write_text(example)
    config = read_config(str(tmp_path / "config.toml"))
    assert config.profiles == ("js", "python")
    assert [rule.id for rule in config.rules] == ["own/bazel"]
    assert len(config.keep) == 3
