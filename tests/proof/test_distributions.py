"""Which files in ``dist`` a Python project gives again."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from cleanup_nodemodule.proof.distributions import is_of_python
from cleanup_nodemodule.proof.stat_cache import StatCache
from support.trees import Declared, declare

_NAMED: Final = '[project]\nname = "pk-x"\n'
_DYNAMIC: Final = f'{_NAMED}dynamic = ["version"]\n'
_SETUPTOOLS: Final = f"{_DYNAMIC}[tool.setuptools.dynamic]\n"

PROJECTS: Final[Mapping[str, Declared]] = {
    "written down": {"pyproject.toml": f'{_NAMED}version = "1.2.0"\n'},
    "poetry": {"pyproject.toml": '[tool.poetry]\nname = "pk-x"\nversion = "1.2.0"\n'},
    "setup.cfg": {"setup.cfg": "[metadata]\nname = pk_x\nversion = 1.2.0\n"},
    "an attribute": {
        "pyproject.toml": _SETUPTOOLS + 'version = {attr = "pk.__version__"}\n',
        "src/pk/__init__.py": '__version__ = "1.2.0"\n',
    },
    "a file": {
        "pyproject.toml": _SETUPTOOLS + 'version = {file = "VERSION"}\n',
        "VERSION": "1.2.0\n",
    },
    "hatch": {
        "pyproject.toml": f'{_DYNAMIC}[tool.hatch.version]\npath = "pk/about.py"\n',
        "pk/about.py": "__version__: str = '1.2.0'\n",
    },
    "flit": {
        "pyproject.toml": f'{_DYNAMIC}[build-system]\nbuild-backend = "flit_core.buildapi"\n',
        "pk_x/__init__.py": '"""Does it."""\n__version__ = "1.2.0"\n',
    },
}
"""A project of version 1.2.0, by where it says so."""

UNKNOWN: Final[Mapping[str, Declared]] = {
    "from tags": {"pyproject.toml": f"{_DYNAMIC}[tool.setuptools_scm]\n"},
    "no manifest": {"setup.py": "from setuptools import setup\nsetup()\n"},
    "no TOML": {"pyproject.toml": "[project\n"},
    "no name": {"pyproject.toml": '[project]\nversion = "1.2.0"\n'},
    "an attribute that is not written down": {
        "pyproject.toml": _SETUPTOOLS + 'version = {attr = "pk.v"}\n',
        "pk.py": "v = compute()\n",
    },
}
"""A project whose version nobody can tell."""


@pytest.mark.parametrize("name", PROJECTS)
@pytest.mark.parametrize(
    ("file", "made"),
    [
        ("pk_x-1.2.0-py3-none-any.whl", True),
        ("pk_x-1.2.0.tar.gz", True),
        ("pk-x-1.2.0.tar.gz", True),
        ("pk_x-1.2.0-1-py3-none-any.whl", True),
        ("pk_x-1.1.0-py3-none-any.whl", False),
        ("pk_x-1.2.0rc1.tar.gz", False),
        ("other-1.2.0.tar.gz", False),
        ("pk_x-1.2.0-cp311-cp311-win_amd64.whl", False),
        ("pk_x-1.2.0-cp311-cp311-macosx_11_0_arm64.whl", False),
        ("pk_x-1.2.0.tar.gz.asc", False),
        ("pk_x.exe", False),
    ],
)
def test_a_project_gives_the_files_of_its_version(
    tmp_path: Path, name: str, file: str, *, made: bool
) -> None:
    declare(tmp_path, PROJECTS[name])
    assert is_of_python(file, str(tmp_path), StatCache()) == made


@pytest.mark.parametrize("name", UNKNOWN)
def test_without_a_version_no_file_is_known(tmp_path: Path, name: str) -> None:
    declare(tmp_path, UNKNOWN[name])
    assert not is_of_python("pk_x-1.2.0.tar.gz", str(tmp_path), StatCache())


@pytest.mark.parametrize(
    ("written", "file"),
    [("1.0-rc1", "1.0rc1"), ("1.0.post2", "1.0.post2"), ("2.0.dev1", "2.0.dev1"), ("v3", "3")],
)
def test_versions_are_compared_as_names_of_files_have_them(
    tmp_path: Path, written: str, file: str
) -> None:
    declare(tmp_path, {"pyproject.toml": f'{_NAMED}version = "{written}"\n'})
    assert is_of_python(f"pk_x-{file}.tar.gz", str(tmp_path), StatCache())
