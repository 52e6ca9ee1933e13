"""The command that brings a Python environment back, for each tool that makes one.

Sources: the manuals of uv ("Settings", UV_PROJECT_ENVIRONMENT; "Commands"), Poetry ("Configuration",
``virtualenvs.in-project``; "Managing environments"), PDM ("Working with virtual environments"), Pipenv
("Configuration", PIPENV_VENV_IN_PROJECT) and pip ("pip install"); the Python manual, venv. Each was tried with the tool.
"""

import fnmatch
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cleanup_nodemodule.proof.stat_cache import StatCache

REQUIREMENTS: Final = (
    "requirements.txt",
    "*requirements*.txt",
    "requirements/*.txt",
    "requirements/*.in",
    "*requirements*.in",
    "requirements*.lock",
)
"""Files as ``pip install -r`` takes them, by the names that people give them."""

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
        if not self.with_uv and any(word.startswith("--group") for word in arguments):
            # pip knows them since 25.1, and a new environment may have an older one.
            install = f"{install.partition(' install ')[0]} install --upgrade pip && {install}"
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


_OPTIONS: Final = {
    **dict.fromkeys(("uv sync",), frozenset({"--extra", "--group"})),
    "poetry install": frozenset({"--extras", "--with"}),
    **dict.fromkeys(("pdm sync", "pdm install"), frozenset({"-G"})),
    **dict.fromkeys(("pipenv sync", "pipenv install"), frozenset[str]()),
}
"""The options with a name behind them, for each command that takes any."""

_ALONE: Final = {
    "uv sync": frozenset({"--frozen", "--all-packages"}),
    **dict.fromkeys(("pipenv sync", "pipenv install"), frozenset({"--dev"})),
}
"""The options that stand alone."""

_NAME: Final = re.compile(r"[A-Za-z0-9][\w.-]*", re.ASCII)
"""An extra or a group of dependencies (PEP 685, PEP 735)."""

_EXTRAS: Final = re.compile(r"\.(?:\[[A-Za-z0-9][\w.,-]*\])?", re.ASCII)


def knows(command: str, name: str, directory: str, cache: StatCache) -> bool:
    """Whether this module could have written *command* for the environment *name* in *directory*.

    It is read word by word, and then written anew: nothing else can be in it. Raises OSError.
    """
    try:
        words = shlex.split(command)
    except ValueError:
        return False
    parts = _split(words)
    options = _options_of(parts)
    arguments = _arguments_of(parts[-1], directory, cache)
    if options is None or arguments is None:
        return False
    return any(command == one for one in _lines(name, options, arguments))


def _lines(name: str, options: Sequence[str], arguments: Sequence[str]) -> Iterator[str]:
    """Give every command that there is for an environment, with these options and arguments."""
    for number in range(8):
        place = Place(name, bool(number & 1), bool(number & 2), bool(number & 4))
        yield place.made
        if arguments:
            yield place.by_pip(arguments)
        heads: list[str | None] = [place.by_lock(file, options) for file in _LOCKS]
        heads += (place.by_project(frozenset({tool}), options) for tool in _TOOLS)
        for head in filter(None, heads):
            yield head
            if arguments:
                yield f"{head} && {place.by_pip(arguments, made=False)}"


_LOCKS: Final = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml")
_TOOLS: Final = ("poetry", "pdm", "Pipfile", "uv")


def _split(words: Sequence[str]) -> list[list[str]]:
    """Return the words of each command in a line of several."""
    parts: list[list[str]] = [[]]
    for word in words:
        if word == "&&":
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def _options_of(parts: Sequence[Sequence[str]]) -> list[str] | None:
    """Return the options of the command that installs by a lock file or a project, None if one is strange."""
    for words in parts:
        called = [word for word in words if "=" not in word]
        tool = " ".join(called[:2])
        if tool not in _OPTIONS:
            continue
        found: list[str] = []
        rest = iter(called[2:])
        for word in rest:
            if word in _ALONE.get(tool, ()):
                if word != "--frozen":
                    found.append(word)
                continue
            value = next(rest, "")
            if word not in _OPTIONS[tool] or not _NAME.fullmatch(value):
                return None
            found.append(f"{word} {value}")
        return found
    return []


def _arguments_of(words: Sequence[str], directory: str, cache: StatCache) -> list[str] | None:
    """Return the arguments of pip, where *words* call it, None if one is strange."""
    if "install" not in words or not any(word.endswith("pip") for word in words):
        return []
    rest = iter(words[words.index("install") + 1 :])
    found = []
    for word in rest:
        if word == "--python":
            next(rest, None)
            continue
        value = next(rest, "")
        if word == "-r" and _is_requirements(value) and cache.exists(directory, value):
            found.append(required(value))
        elif word == "-e" and _EXTRAS.fullmatch(value):
            found.append(f"-e {_quoted(value)}")
        elif word == "--group" and _NAME.fullmatch(value):
            found.append(f"--group {value}")
        else:
            return None
    return found


def _is_requirements(file: str) -> bool:
    """Whether it is called as what is looked for beside an environment."""
    return ".." not in file.split("/") and any(
        fnmatch.fnmatchcase(file, one) and file.count("/") == one.count("/") for one in REQUIREMENTS
    )


def _quoted(word: str) -> str:
    return shlex.quote(word)
