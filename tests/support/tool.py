"""The installed command with a chosen engine, and what it said."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

import jsonschema
import pytest

from cleanup_nodemodule import engine as engines
from support import simple
from support.engines import NATIVE, native_engine
from support.places import COMMAND
from support.preloaded import Preloaded
from support.processes import execute_text, start, surroundings
from support.waiting import TIMEOUT

Row: TypeAlias = dict[str, Any]

FULL: Final[dict[str | bytes, Any]] = {"pkg": {"index.js": 5000, "deep": {"er": 1}}, "file": 100}
"""What there is in an artifact: 3 files in 3 directories, itself included."""

PROJECT: Final[dict[str | bytes, Any]] = {"package.json": "{}", "node_modules": FULL}
"""A project with an artifact that is proven."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a run said."""

    code: int
    """The exit code."""
    document: dict[str, Any]
    errors: str
    top: Path = field(repr=False)

    @property
    def rows(self) -> dict[str, Row]:
        """The artifacts, by path relative to where it searched."""
        return {os.path.relpath(row["path"], self.top): row for row in self.document["artifacts"]}

    @property
    def reasons(self) -> dict[str, str | None]:
        """Why each is kept, None if it is not."""
        return {path: row["reason"] for path, row in self.rows.items()}

    @property
    def outcomes(self) -> dict[str, str | None]:
        """What came of each."""
        return {path: row["outcome"] for path, row in self.rows.items()}

    @property
    def problems(self) -> set[tuple[str, str]]:
        """Where something could not be done, relative to where it searched, and the error."""
        return {
            (os.path.relpath(one["path"] or "/", self.top), one["errno"])
            for one in self.document["problems"]
        }


def facts(row: Row) -> list[str]:
    """Return everything that a row of the document says of what was found."""
    return [fact for answer in row["evidence"].values() for fact in answer]


Run: TypeAlias = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def preloaded() -> Iterator[Preloaded]:
    """What runs the command without loading it each time."""
    with Preloaded(COMMAND) as commands:
        yield commands


@pytest.fixture(scope="session")
def schema(preloaded: Preloaded) -> dict[str, Any]:
    """The JSON Schema of the document, as the command prints it."""
    printed = _run_preloaded(preloaded, "--json-schema", cwd=Path("/"), env=surroundings())
    loaded: dict[str, Any] = json.loads(printed.stdout)
    jsonschema.Draft202012Validator.check_schema(loaded)
    return loaded


@pytest.fixture
def run(tmp_path: Path, preloaded: Preloaded) -> Run:
    """Run the installed command in *tmp_path* without a terminal, and return what came of it.

    Output is text with undecodable bytes as surrogates; ``cwd`` and ``env`` may be given.
    """

    def run_command(
        *arguments: str | bytes | Path, cwd: Path = tmp_path, env: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        # What differs from one test to the other may be looked at while it is loaded.
        if env is None:
            return _run_preloaded(preloaded, *arguments, cwd=cwd, env=surroundings())
        return execute_text(COMMAND, *arguments, cwd=cwd, env=env)

    return run_command


def _run_preloaded(
    preloaded: Preloaded, *arguments: str | bytes | Path, cwd: Path, env: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    """Run the command without loading it, if that can be done, and else as it is installed."""
    done = preloaded.run(arguments, cwd=cwd, env=env, timeout=TIMEOUT)
    return execute_text(COMMAND, *arguments, cwd=cwd, env=env) if done is None else done


class Tool:
    """The command, run without a terminal, its record in a directory of the test's own."""

    def __init__(self, engine: str, home: Path, preloaded: Preloaded) -> None:
        self.engine = engine
        self._preloaded = preloaded
        self.home = home
        home.mkdir(mode=0o700)
        simple.install(home / "config")

    @property
    def env(self) -> dict[str, str]:
        """The environment it runs in."""
        return surroundings(
            {
                "HOME": str(self.home),
                "XDG_STATE_HOME": str(self.home / "state"),
                "XDG_CONFIG_HOME": str(self.home / "config"),
                "XDG_CACHE_HOME": str(self.home / "cache"),
            }
        )

    @property
    def command(self) -> list[str | Path]:
        """The command with its engine, to which options are added."""
        return [COMMAND, "--engine", self.engine]

    def start(
        self,
        *arguments: str | Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        prefix: tuple[str, ...] = (),
    ) -> "subprocess.Popen[str]":
        """Begin a run in the background, out of the way of what it looks at."""
        return start(
            *(*prefix, *self.command, *arguments),
            cwd=cwd or self.home,
            env={**self.env, **(env or {})},
        )

    def finish(self, process: "subprocess.Popen[str]", top: Path, timeout: float = TIMEOUT) -> Told:
        """Wait for the end of a run that was asked for JSON; fail if it never comes."""
        with process:
            try:
                output, errors = process.communicate(timeout=timeout)
            finally:
                process.kill()
        return self._told(process.returncode, output, errors, top)

    def run(self, top: Path, *arguments: str | Path, **how: Any) -> Told:
        """Search *top*, and return what it said; *how* is that of :meth:`start`."""
        return self._run(top, "--json", "-p", top, *arguments, **how)

    def resume(self, top: Path) -> Told:
        """Finish what was interrupted."""
        return self._run(top, "resume", "--json")

    def tell(self, *arguments: str | bytes | Path) -> "subprocess.CompletedProcess[str]":
        """Run the command with nothing but these arguments, and return what came of it."""
        return self._quickly(*arguments, cwd=self.home)

    def _quickly(
        self, *arguments: str | bytes | Path, cwd: Path
    ) -> "subprocess.CompletedProcess[str]":
        options = self.command[1:]
        return _run_preloaded(self._preloaded, *options, *arguments, cwd=cwd, env=self.env)

    def _run(self, top: Path, *arguments: str | Path, cwd: Path | None = None, **how: Any) -> Told:
        if how:
            return self.finish(self.start(*arguments, cwd=cwd, **how), top)
        done = self._quickly(*arguments, cwd=cwd or self.home)
        return self._told(done.returncode, done.stdout, done.stderr, top)

    def _told(self, code: int, output: str, errors: str, top: Path) -> Told:
        try:
            document = json.loads(output)
        except ValueError:
            pytest.fail(f"no document, but exit code {code}: {output}{errors}")
        assert document["tool"]["engine"] == self.engine or code == 2
        return Told(code, document, errors, top)

    def delete(self, top: Path, *arguments: str | Path, **how: Any) -> Told:
        """Search *top* and delete."""
        return self.run(top, "--no-dry-run", "--yes", *arguments, **how)


@pytest.fixture(params=[NATIVE, pytest.param("python", marks=pytest.mark.slow)])
def tool(request: pytest.FixtureRequest, tmp_path: Path, preloaded: Preloaded) -> Tool:
    """The command with each engine in turn.

    What the engines differ in is tested with both of them, without a command around them, after each change.
    """
    if request.param == NATIVE:
        native_engine()
    return Tool(request.param, tmp_path / "home", preloaded)


@pytest.fixture
def one_tool(tmp_path: Path, preloaded: Preloaded) -> Tool:
    """The command with the engine that it chooses itself, for what no engine has a part in."""
    return Tool(engines.name(), tmp_path / "home", preloaded)


@pytest.fixture
def plain(tool: Tool) -> Tool:
    """The command by the rules that everybody has."""
    (tool.home / "config/cleanup-nodemodule/config.toml").unlink()
    return tool
