"""Environments that the real tools make: looked at, changed by hand, deleted, and brought back by the printed command."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from cleanup_nodemodule.proof.declared import Declared, is_part_of, look_of
from cleanup_nodemodule.proof.stat_cache import StatCache
from support.environments import SITE
from support.index import index
from support.trees import Declared as Tree
from support.trees import declare

pytestmark = pytest.mark.slow

DISTRIBUTIONS: Final = {"acme_web-3.1": ["acme-core>=2"], "acme_core-2.0": [], "acme_docs-1.0": []}

PROJECT: Final = """[project]
name = "demo"
version = "0.1"
requires-python = ">=3.11"
dependencies = ["acme-web"]
"""


@dataclass(frozen=True, slots=True)
class Tool:
    """How a tool installs, and what it needs in the project."""

    install: str
    files: Tree
    command: str
    name: str = ".venv"
    environment: dict[str, str] = field(default_factory=dict)


TOOLS: Final = {
    "pip": Tool(
        "python3 -m venv .venv && .venv/bin/pip install -q -r requirements.txt",
        {"requirements.txt": "acme-web\n"},
        "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt",
    ),
    "uv": Tool("uv sync -q", {"pyproject.toml": PROJECT}, "uv sync --frozen"),
    "uv, another name": Tool(
        "uv venv -q env && uv pip install -q --python env -r requirements.txt",
        {"requirements.txt": "acme-web\n"},
        "uv venv env && uv pip install --python env -r requirements.txt",
        name="env",
    ),
    "Poetry": Tool(
        "poetry install -q --no-root",
        {
            "pyproject.toml": f"{PROJECT}\n[tool.poetry]\npackage-mode = false\n"
            '[[tool.poetry.source]]\nname = "here"\nurl = "INDEX"\npriority = "primary"\n'
        },
        "POETRY_VIRTUALENVS_IN_PROJECT=true poetry install",
        environment={"POETRY_VIRTUALENVS_IN_PROJECT": "true"},
    ),
    "PDM": Tool(
        "pdm install -q",
        {
            "pyproject.toml": f"{PROJECT}\n[tool.pdm]\ndistribution = false\n"
            '[[tool.pdm.source]]\nname = "pypi"\nurl = "INDEX"\nverify_ssl = false\n'
        },
        "pdm sync",
    ),
    "Pipenv": Tool(
        "pipenv lock -q && pipenv sync -q",
        {
            "Pipfile": '[[source]]\nname = "x"\nurl = "INDEX"\nverify_ssl = false\n[packages]\nacme-web = "*"\n'
        },
        "PIPENV_VENV_IN_PROJECT=1 pipenv sync",
        environment={"PIPENV_VENV_IN_PROJECT": "1"},
    ),
}

PROGRAMS: Final = {
    "uv": ("uv",),
    "Poetry": ("poetry",),
    # It starts with no later version of what it keeps answers with.
    "PDM": ("pdm", "hishel[httpx2]<2"),
    "Pipenv": ("pipenv",),
}
"""What pip has to install for a tool; the first is its program."""


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with index(tmp_path_factory.mktemp("index"), DISTRIBUTIONS) as url:
        yield url


@pytest.fixture(scope="session")
def programs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the tools are that pip installed, each in an environment of its own."""
    cache: pytest.Cache | None = getattr(request.config, "cache", None)
    # Tests that run side by side would install over each other.
    worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
    return cache.mkdir(f"python-tools-{worker}") if cache else tmp_path_factory.mktemp("tools")


@dataclass(frozen=True, slots=True)
class Made:
    """A project with the environment that a tool has made."""

    path: Path
    tool: Tool
    variables: dict[str, str]

    @property
    def top(self) -> Path:
        return self.path / self.tool.name

    def run(self, command: str) -> None:
        done = subprocess.run(
            ["sh", "-c", command],  # What is printed is for a shell.
            cwd=self.path,
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]

    def look(self) -> Declared:
        return look_of("python")(str(self.top), str(self.path), str(self.path), StatCache())

    def judged(self, *met: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return what of *met*, and of what was written late, is no part of the environment."""
        finished = self.look().finished
        late = [
            os.path.relpath(os.path.join(place, name), self.top)
            for place, _, names in os.walk(self.top)
            for name in names
            if int(os.lstat(os.path.join(place, name)).st_mtime) > finished
        ]
        return is_part_of("python")(str(self.top), met, late, StatCache())

    def installed(self) -> list[str]:
        return sorted(path.name for path in (self.top / SITE).parent.parent.glob("*/*/*.dist-info"))


def installed_program(programs: Path, name: str, *more: str) -> Path:
    """Return the directory of a tool, and install it if it is not there; skip if there is no registry."""
    place = programs / name
    if not (place / "complete").exists():
        commands = (
            [sys.executable, "-m", "venv", "--clear", str(place)],
            [str(place / "bin/pip"), "install", "-q", "--retries", "1", name, *more],
        )
        for command in commands:
            done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
            if done.returncode != 0:
                pytest.skip(f"{name} cannot be installed: {done.stderr[-200:]}")
        asked = [str(place / "bin" / name), "--version"]
        if subprocess.run(asked, capture_output=True, check=False).returncode != 0:
            pytest.skip(f"{name} does not start")
        (place / "complete").touch()
    return place / "bin"


@pytest.fixture(params=TOOLS)
def made(request: pytest.FixtureRequest, served: str, programs: Path, tmp_path: Path) -> Made:
    name: str = request.param
    tool = TOOLS[name]
    program = PROGRAMS.get(name.split(",", maxsplit=1)[0])
    found = [str(installed_program(programs, *program))] if program else []
    # The interpreter that runs the tests makes the environments.
    (tmp_path / "bin").mkdir()
    os.symlink(sys.executable, tmp_path / "bin/python3")
    home = tmp_path / "home"
    home.mkdir()
    variables = {
        "PATH": os.pathsep.join([*found, os.path.dirname(sys.executable), os.environ["PATH"]]),
        "HOME": str(home),
        "PIP_INDEX_URL": served,
        "UV_INDEX_URL": served,
        "UV_PYTHON": sys.executable,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "NO_COLOR": "1",
    }
    project = tmp_path / "project"
    declare(
        project,
        {path: text.replace("INDEX", served) for path, text in tool.files.items()},
    )
    begun = Made(project, tool, {**variables, **tool.environment})
    begun.run(tool.install)
    return Made(project, tool, variables)


def test_what_people_do_is_seen_and_the_rest_comes_back_by_the_command(made: Made) -> None:
    found, before = made.look(), made.installed()
    assert found.made_by is not None
    assert (found.undeclared, found.missing, found.warnings) == ((), None, ())
    assert found.command == made.tool.command
    certificates = made.top.glob("lib/*/*/*/cacert.pem")
    assert made.judged(*(str(path.relative_to(made.top)) for path in certificates)) == ((), ())

    site = next(made.top.glob("lib/python*/site-packages"))
    (site / "acme_web" / "users.sqlite").write_text("x")
    (site / "mine").mkdir()
    (site / "mine" / "__init__.py").write_text("x")
    changed = site / "acme_core" / "__init__.py"
    changed.unlink()  # It may be a link to what the tool keeps for all projects.
    changed.write_text("changed")
    later = time.time() + 10
    os.utime(changed, (later, later))
    made.run(f"{made.tool.name}/bin/python -c 'import acme_web'")
    assert made.look().undeclared == ("mine",)
    database = str((site / "acme_web" / "users.sqlite").relative_to(made.top))
    met, modified = made.judged(database)
    assert met == (database,)
    assert str(changed.relative_to(made.top)) in modified
    assert not [path for path in modified if "__pycache__" in path]

    shutil.rmtree(made.top)
    made.run(found.command)
    assert made.installed() == before
    assert made.look().comes_back
