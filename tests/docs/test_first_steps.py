"""What the README says to type first works: ``make run``, and each way to install it."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.documents import README, read
from support.needs import unable
from support.places import CHECKOUT
from support.processes import surroundings
from support.trees import declare, npm_project


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home directory with a project, and a clone of this repository."""
    declare(tmp_path, {"old": npm_project({"a": {"index.js": 10}})})
    ignored = shutil.ignore_patterns(
        ".git", ".venv", "build", "*.egg-info", "__pycache__", ".*_cache"
    )
    shutil.copytree(CHECKOUT, tmp_path / "clone", ignore=ignored)
    return tmp_path


_NO_PACKAGES = ("No matching distribution", "Temporary failure", "Connection", "dns error")
"""What an installer says that has no network."""

[INSTALLING] = [
    block for block in read(README).blocks if (block.heading, block.language) == ("Install", "sh")
]


@pytest.mark.slow
@pytest.mark.parametrize("line", INSTALLING.text.splitlines())
def test_each_way_to_install_it_leads_to_the_command(home: Path, line: str) -> None:
    """In a clone; the packages that it needs come from where the installer gets them."""
    program = line.split(maxsplit=1)[0]
    subprocess.run([sys.executable, "-m", "venv", home / "environment"], check=True)
    places = f"{home}/environment/bin:{Path(sys.executable).parent}:/usr/bin:/bin"
    if shutil.which(program, path=places) is None:
        unable(f"there is no {program}")
    env = surroundings({"HOME": str(home), "PATH": places, "UV_PYTHON": sys.executable})
    done = subprocess.run(
        ["sh", "-c", line],
        cwd=home / "clone",
        env={name: value for name, value in env.items() if not name.startswith("XDG_")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode and any(words in done.stderr for words in _NO_PACKAGES):
        unable("the packages it needs cannot be had")
    assert done.returncode == 0, done.stderr
    [command] = {*home.glob(".local/bin/cleanup-*"), *home.glob("environment/bin/cleanup-*")}
    told = subprocess.run([command, "-p", home], capture_output=True, text=True, check=True)
    assert f"\t{home}/old/node_modules\n" in told.stdout


@pytest.mark.slow
def test_the_first_command_makes_its_own_environment_and_runs_the_tool(home: Path) -> None:
    """On a copy of the sources, as in a fresh clone; the packages come from where pip gets them."""
    clone = home / "clone"
    [first] = [span for span in read(README).spans if span == "make run"]
    result = subprocess.run(
        ["bash", "-c", f"{first} ROOT='{home}'"],
        cwd=clone,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if any(words in result.stderr for words in _NO_PACKAGES):
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
