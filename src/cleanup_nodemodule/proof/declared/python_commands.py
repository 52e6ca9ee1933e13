"""The command that brings a Python environment back, for each tool that makes one.

Sources: the manuals of uv ("Settings", UV_PROJECT_ENVIRONMENT; "Commands"), Poetry ("Configuration",
``virtualenvs.in-project``; "Managing environments"), PDM ("Working with virtual environments"), Pipenv
("Configuration", PIPENV_VENV_IN_PROJECT) and pip ("pip install"); the Python manual, venv. Each was tried with the tool.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_SYNCING: Final = {
    "poetry.lock": "poetry install",
    "pdm.lock": "pdm sync",
    "Pipfile.lock": "pipenv sync",
}

_IN_PROJECT: Final = {
    "poetry.lock": "POETRY_VIRTUALENVS_IN_PROJECT=true ",
    "Pipfile.lock": "PIPENV_VENV_IN_PROJECT=1 ",
}
"""What has a tool make the environment in the project, and not where it keeps all others."""


@dataclass(frozen=True, slots=True)
class Place:
    """The environment that is to come back."""

    name: str
    """What its directory is called."""
    windows: bool = False
    """It is one of Windows, with ``Scripts`` in place of ``bin``."""
    with_uv: bool = False
    """uv made it, or installed into it."""
    with_system: bool = False
    """It sees the packages of the system too."""

    @property
    def made(self) -> str:
        """The command that makes it, with nothing in it."""
        system = " --system-site-packages" if self.with_system else ""
        if self.with_uv:
            return f"uv venv{system} {_quoted(self.name)}"
        # Debian has no program that is called python; the launcher of Windows is called py.
        return f"{'py' if self.windows else 'python3'} -m venv{system} {_quoted(self.name)}"

    def by_pip(self, arguments: Sequence[str], *, made: bool = True) -> str:
        """Return what installs by pip, or by uv in its stead, after it has *made* the environment."""
        words = " ".join(arguments)
        if self.with_uv:
            place = "" if self.name == ".venv" else f" --python {_quoted(self.name)}"
            install = f"uv pip install{place} {words}"
        elif self.windows:
            install = f"{self.name}\\Scripts\\pip install {words}"
        else:
            install = f"{_quoted(self.name)}/bin/pip install {words}"
        return f"{self.made} && {install}" if made else install

    def by_lock(self, file: str, options: Sequence[str]) -> str:
        """Return what installs by a lock file."""
        words = " ".join(("", *options))
        if file == "uv.lock":
            return self._with_uv(f"uv sync --frozen{words}")
        if file == "pylock.toml":
            # What makes it is the tool that can read it.
            made = Place(self.name, self.windows, with_uv=True, with_system=self.with_system).made
            return f"{made} && uv pip sync --python {_quoted(self.name)} pylock.toml"
        return self._with(file, f"{_SYNCING[file]}{words}")

    def by_project(self, tools: frozenset[str], options: Sequence[str]) -> str | None:
        """Return what installs a project that has no lock file, None if only pip does that."""
        words = " ".join(("", *options))
        if "poetry" in tools:
            return self._with("poetry.lock", f"poetry install{words}")
        if "pdm" in tools:
            return self._with("pdm.lock", f"pdm install{words}")
        if "Pipfile" in tools:
            return self._with("Pipfile.lock", f"pipenv install{words}")
        if "uv" in tools:
            return self._with_uv(f"uv sync{words}")
        return None

    def _with_uv(self, command: str) -> str:
        if self.name == ".venv" or self.windows:
            return command
        return f"UV_PROJECT_ENVIRONMENT={_quoted(self.name)} {command}"

    def _with(self, file: str, command: str) -> str:
        if self.windows:
            return command
        if self.name == ".venv":
            return f"{_IN_PROJECT.get(file, '')}{command}"
        # They take the environment that is active, wherever it is.
        return f'{self.made} && VIRTUAL_ENV="$PWD"/{_quoted(self.name)} {command}'


def option(file: str, kind: str, name: str) -> str:
    """Return the option that has an extra or a group of dependencies installed too."""
    quoted = _quoted(name)
    if file == "poetry.lock":
        return f"--extras {quoted}" if kind == "extra" else f"--with {quoted}"
    if file == "pdm.lock":
        return f"-G {quoted}"
    if file == "Pipfile.lock":
        return "--dev"
    return f"--{kind} {quoted}"


def editable(extras: Sequence[str]) -> str:
    """Return the arguments that have pip install the project itself."""
    return f"-e {_quoted('.[' + ','.join(extras) + ']')}" if extras else "-e ."


def required(file: str) -> str:
    """Return the arguments that have pip install what a requirements file names."""
    return f"-r {_quoted(file)}"


def _quoted(word: str) -> str:
    return shlex.quote(word)
