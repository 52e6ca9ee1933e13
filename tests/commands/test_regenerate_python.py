"""``regenerate --run`` brings back what a run deleted of a Python project, with the real tools and no index."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from support.environments import aged
from support.git import git
from support.tool import Run
from support.trees import declare

pytestmark = pytest.mark.slow

LIBRARY: Final[dict[str | bytes, Any]] = {
    "backend.py": (
        "import pathlib, zipfile\n"
        "NAME, INFO = 'lib-1.0-py3-none-any.whl', 'lib-1.0.dist-info'\n"
        "def build_wheel(directory, *_, **__):\n"
        "    with zipfile.ZipFile(pathlib.Path(directory, NAME), 'w') as wheel:\n"
        "        wheel.writestr('lib.py', 'x = 1')\n"
        "        wheel.writestr(f'{INFO}/METADATA', 'Metadata-Version: 2.1\\nName: lib\\nVersion: 1.0\\n')\n"
        "        wheel.writestr(f'{INFO}/WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')\n"
        "        wheel.writestr(f'{INFO}/RECORD', '')\n"
        "    return NAME\n"
    ),
    "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
}
"""A project that needs nothing to be built."""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where projects are. No index is asked."""
    for name in ("STATE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def tool(*arguments: object, cwd: Path) -> None:
    """Run what a developer would."""
    subprocess.run([str(one) for one in arguments], cwd=cwd, check=True, capture_output=True)


def venv(project: Path, *install: str, name: str = ".venv") -> Path:
    """Make an environment as a developer does."""
    tool(sys.executable, "-m", "venv", name, cwd=project)
    if install:
        tool(project / name / "bin/pip", "install", *install, cwd=project)
    # A loaded machine takes its time, and what is written late looks changed by hand.
    aged(project / name)
    return project / name


def delete(run: Run, top: Path, *options: str) -> dict[str, Any]:
    """Delete what is found, and return the document."""
    result = run(str(top), "--profile", "python", "--no-dry-run", "--yes", "--json", *options)
    found: dict[str, Any] = json.loads(result.stdout)
    assert result.returncode == 0, found
    return found


def brought_back(run: Run, *paths: Path) -> None:
    """Run the commands, and see that these came back and that nothing was refused."""
    assert [path for path in paths if path.exists()] == []
    result = run("regenerate", "--run")
    assert result.returncode == 0, result.stderr
    assert "Not run" not in result.stderr
    assert "it is not there" not in result.stderr
    assert [path for path in paths if not path.exists()] == []


@pytest.mark.parametrize("name", [".venv", "venv"])
def test_an_environment_of_a_requirements_file_comes_back(run: Run, work: Path, name: str) -> None:
    declare(work, {"lib": LIBRARY, "app": {"requirements.txt": "../lib\n", "app.py": "import lib"}})
    app = work / "app"
    made = venv(app, "-r", "requirements.txt", name=name)
    delete(run, work)
    brought_back(run, made, made / "bin/pip")
    tool(made / "bin/python", "app.py", cwd=app)


def test_an_empty_environment_of_an_empty_requirements_file_comes_back(
    run: Run, work: Path
) -> None:
    declare(work, {"requirements.txt": ""})
    made = venv(work)
    delete(run, work)
    brought_back(run, made)


def test_bytecode_comes_back(run: Run, work: Path) -> None:
    declare(work, {"pack": {"__init__.py": "", "deep": {"m.py": "x = 1"}}})
    tool(sys.executable, "-m", "compileall", "-q", ".", cwd=work)
    delete(run, work)
    brought_back(run, work / "pack/__pycache__", work / "pack/deep/__pycache__")


SETUPTOOLS: Final[dict[str | bytes, Any]] = {
    "backend.py": f"import sys\nsys.path += {[one for one in sys.path if 'site-packages' in one]!r}\n"
    "from setuptools.build_meta import *\n",
    "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    '[project]\nname = "editlib"\nversion = "1.0"\n'
    '[tool.setuptools.packages.find]\nwhere = ["src"]\n',
    "src": {"editlib": {"__init__.py": ""}},
    ".gitignore": "*.egg-info/\n",
}
"""A project with a layout of sources in a directory of their own, built by the setuptools of the tests."""


def test_the_metadata_of_an_editable_installation_comes_back(run: Run, work: Path) -> None:
    """By the environment's own pip, in the directory of pyproject.toml."""
    declare(work, SETUPTOOLS)
    git(work, "init", "--quiet")
    venv(work, "-e", ".")
    info = work / "src/editlib.egg-info"
    [row] = [
        row
        for row in delete(run, work, "--exclude", ".venv")["artifacts"]
        if row["path"] == str(info)
    ]
    assert (row["regenerate"], row["regenerate_in"]) == (
        ".venv/bin/pip install -e .",
        str(work),
    )
    brought_back(run, info / "PKG-INFO")


def test_all_of_an_editable_installation_comes_back(run: Run, work: Path) -> None:
    declare(work, SETUPTOOLS)
    git(work, "init", "--quiet")
    made = venv(work, "-e", ".")
    delete(run, work)
    brought_back(run, made, work / "src/editlib.egg-info")
    tool(made / "bin/python", "-c", "import editlib", cwd=work.parent)


def test_caches_need_no_command(run: Run, work: Path) -> None:
    tag = "Signature: 8a477f597d28d172789f06886806bc55\n"
    names = (".pytest_cache", ".mypy_cache", ".ruff_cache")
    declare(work, {name: {"CACHEDIR.TAG": tag} for name in names})
    document = delete(run, work)
    assert [row["regenerate"] for row in document["artifacts"]] == [None] * 3
    result = run("regenerate", "--run")
    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr.splitlines() == [
        f"{work}/{name}: nothing to run, because its tool fills it again by itself"
        for name in sorted(names)
    ]


def test_what_nothing_declares_is_named_before_it_is_lost(run: Run, work: Path) -> None:
    declare(work, {"lib": LIBRARY, "app": {}})
    made = venv(work / "app", "../lib")
    result = run(str(work), "--profile", "python", "--json", "--include-unproven", str(made))
    [row] = [one for one in json.loads(result.stdout)["artifacts"] if one["path"] == str(made)]
    assert row["decision"] == "delete"
    assert "lost, because nothing declares them: lib" in row["warnings"]
