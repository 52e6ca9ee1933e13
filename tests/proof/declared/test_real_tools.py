"""Projects that the real tools install: looked at, changed by hand, deleted, and brought back by the printed command."""

import json
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from cleanup_nodemodule.proof.declared import Declared, is_part_of, look_of
from cleanup_nodemodule.proof.stat_cache import StatCache
from support.installed import Tree
from support.trees import declare, listing

pytestmark = pytest.mark.slow

VERSIONS: Final = {
    "pnpm": "10.34.9",
    "yarn": "1.22.22",
    "@yarnpkg/cli-dist": "4.18.1",
    "bun": "1.4.5",
    "deno": "2.9.6",
}
"""The tools that npm has to install first, beside itself."""

DEPENDENCIES: Final = {"is-odd": "3.0.1", "@sindresorhus/is": "4.6.0"}
"""Small packages; the first one needs another."""


@dataclass(frozen=True, slots=True)
class Tool:
    """How a tool is started, and what it needs in the project."""

    program: tuple[str, ...]
    install: tuple[str, ...] = ("install",)
    files: Tree = field(default_factory=dict)


TOOLS: Final = {
    "npm": Tool(("npm",), ("install", "--no-audit", "--no-fund")),
    "pnpm": Tool(("node", "pnpm/bin/pnpm.cjs")),
    "pnpm hoisted": Tool(("node", "pnpm/bin/pnpm.cjs"), files={".npmrc": "node-linker=hoisted\n"}),
    "Yarn 1": Tool(("node", "yarn/bin/yarn.js")),
    "Yarn": Tool(
        ("node", "@yarnpkg/cli-dist/bin/yarn.js"),
        files={
            ".yarnrc.yml": "nodeLinker: node-modules\nenableTelemetry: false\n",
            "yarn.lock": "",
        },
    ),
    "Yarn, store": Tool(
        ("node", "@yarnpkg/cli-dist/bin/yarn.js"),
        files={".yarnrc.yml": "nodeLinker: pnpm\nenableTelemetry: false\n", "yarn.lock": ""},
    ),
    "Bun": Tool((".bin/bun",), files={"bunfig.toml": '[install]\nlinker = "hoisted"\n'}),
    "Bun isolated": Tool((".bin/bun",), files={"bunfig.toml": '[install]\nlinker = "isolated"\n'}),
    "Deno": Tool((".bin/deno",)),
}


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home directory for the tools, so that none of them touches the user's."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def programs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, home: Path
) -> Path:
    """The directory that npm has installed the tools in; skips if it cannot."""
    cache: pytest.Cache | None = getattr(request.config, "cache", None)
    place = cache.mkdir("javascript-tools") if cache else tmp_path_factory.mktemp("tools")
    names = [f"{name}@{version}" for name, version in VERSIONS.items()]
    if not (place / "complete").exists():
        arguments = (
            "install",
            "--no-audit",
            "--no-fund",
            "--fetch-retries=0",
            "--prefix",
            str(place),
        )
        run(place, home, "npm", *arguments, *names)
        (place / "complete").touch()
    return place / "node_modules"


def run(place: Path, home: Path, *arguments: str, seconds: int = 180) -> str:
    """Run a program in *place*; skip the test if a registry is needed and does not answer."""
    environment = {
        **{
            name: value for name, value in os.environ.items() if not name.lower().startswith("npm_")
        },
        "HOME": str(home),
        "YARN_ENABLE_IMMUTABLE_INSTALLS": "0",
        "DENO_NO_UPDATE_CHECK": "1",
        "NO_COLOR": "1",
    }
    environment.pop("CI", None)
    try:
        done = subprocess.run(
            arguments,
            cwd=place,
            env=environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"{arguments[0]} does not run: {error}")
    if done.returncode != 0:
        said = (done.stdout + done.stderr)[-2000:]
        if any(
            word in said
            for word in ("ENOTFOUND", "EAI_AGAIN", "ETIMEDOUT", "ECONNREFUSED", "dns error")
        ):
            pytest.skip(f"no registry: {said[-200:]}")
        raise AssertionError(f"{arguments}: {said}")
    return done.stdout


@dataclass(frozen=True, slots=True)
class Project:
    """A project that a tool has installed."""

    path: Path
    name: str
    programs: Path
    home: Path

    @property
    def modules(self) -> Path:
        """Its ``node_modules``."""
        return self.path / "node_modules"

    def run(self, *arguments: str, place: Path | None = None) -> str:
        """Run its tool."""
        return run(place or self.path, self.home, *started(self.name, self.programs), *arguments)

    def look(self, project: str = ".") -> Declared:
        """Look at what is installed."""
        place = os.path.normpath(self.path / project)
        return look_of("npm")(
            os.path.join(place, "node_modules"), place, str(self.path), StatCache()
        )

    def modified(self) -> tuple[str, ...]:
        """Return what was changed since."""
        finished = self.look().finished
        late = [
            os.path.relpath(path, self.modules)
            for path in walk(self.modules)
            if int(os.lstat(path).st_mtime) > finished
        ]
        return is_part_of("npm")(str(self.modules), (), late, StatCache())[1]


def walk(top: Path) -> Iterator[str]:
    """Give the paths of all regular files."""
    for place, _, names in os.walk(top):
        for name in names:
            path = os.path.join(place, name)
            if not os.path.islink(path):
                yield path


def started(name: str, programs: Path) -> list[str]:
    """Return how the tool *name* is started."""
    return [str(programs / one) if "/" in one else one for one in TOOLS[name].program]


@pytest.fixture(scope="session")
def installations() -> dict[str, Path]:
    """What has been installed already, by the name of the tool."""
    return {}


@pytest.fixture(params=TOOLS)
def project(
    request: pytest.FixtureRequest,
    programs: Path,
    home: Path,
    installations: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
    tmp_path: Path,
) -> Project:
    """A fresh copy of a project that each tool in turn has installed."""
    name: str = request.param
    if name not in installations:
        place = tmp_path_factory.mktemp("installed") / "project"
        declare(place, {"package.json": json.dumps(manifest()), **TOOLS[name].files})
        run(place, home, *started(name, programs), *TOOLS[name].install)
        installations[name] = place
    copy = Path(shutil.copytree(installations[name], tmp_path / "project", symlinks=True))
    return Project(copy, name, programs, home)


def manifest(**more: object) -> dict[str, object]:
    """Return the manifest of a project."""
    return {
        "name": "project",
        "version": "1.0.0",
        "private": True,
        "dependencies": DEPENDENCIES,
        **more,
    }


def brought_back(project: Project, found: Declared) -> list[bytes]:
    """Delete what is installed, run the command that was found, and return all names that are there then."""
    shutil.rmtree(project.modules)
    assert found.command is not None
    assert found.command_in is not None
    _, *arguments = shlex.split(found.command)
    project.run(*arguments, place=Path(found.command_in))
    return listing(project.modules)


def test_what_it_installs_comes_back_by_the_command(project: Project) -> None:
    found = project.look()
    assert found.made_by is not None
    assert (found.undeclared, found.missing, found.warnings) == ((), None, ())
    assert project.modified() == ()
    before = listing(project.modules)
    assert brought_back(project, found) == before
    again = project.look()
    assert (again.made_by, again.facts, again.warnings) == (found.made_by, found.facts, ())


def test_what_is_changed_by_hand_is_named(project: Project) -> None:
    paths = (one for one in walk(project.modules) if one.endswith("/index.js"))
    path = next(one for one in paths if "is-odd" in one)
    Path(path).write_text("changed\n")
    later = time.time() + 2
    os.utime(path, (later, later))
    assert project.modified() == (os.path.relpath(path, project.modules),)


def test_what_is_copied_in_by_hand_is_named(project: Project) -> None:
    declare(project.modules / "acme", {"package.json": '{"name": "acme", "version": "1.0.0"}'})
    declare(project.modules / "@acme/core", {"package.json": "{}"})
    assert project.look().undeclared == ("@acme/core", "acme")


def test_what_is_no_longer_asked_for_is_named(project: Project) -> None:
    fewer = {"@sindresorhus/is": "4.6.0"}
    (project.path / "package.json").write_text(json.dumps(manifest(dependencies=fewer)))
    assert "is-odd" in project.look().undeclared


NPM: Final = pytest.mark.parametrize("project", ["npm"], indirect=True)


@NPM
def test_what_npm_installs_without_saving_it_is_named(project: Project) -> None:
    project.run("install", "--no-save", "--no-audit", "--no-fund", "left-pad@1.3.0")
    assert project.look().undeclared == ("left-pad",)


@NPM
def test_what_npm_links_is_named(project: Project) -> None:
    library = project.path.parent / "library"
    declare(library, {"package.json": '{"name": "library", "version": "1.0.0"}'})
    project.run("install", "--no-save", "--no-audit", "--no-fund", str(library))
    found = project.look()
    assert found.undeclared == ("library",)
    assert found.warnings == ("linked from outside: library",)


@pytest.mark.parametrize(
    "project", ["npm", "pnpm", "Yarn 1", "Yarn", "Bun", "Bun isolated", "Deno"], indirect=True
)
def test_a_workspace_comes_back_from_its_root(project: Project) -> None:
    shutil.rmtree(project.path)
    # So that the other version lies in the project that asks for it.
    asks = {"is-odd": "3.0.1", "is-number": "6.0.0"}
    tree: Tree = {
        "package.json": json.dumps(manifest(dependencies=asks, workspaces=["packages/*"])),
        "packages/a/package.json": json.dumps(
            {
                "name": "@acme/a",
                "version": "1.0.0",
                "dependencies": {"is-number": "7.0.0", "@acme/b": "1.0.0"},
            }
        ),
        "packages/b/package.json": json.dumps(
            {"name": "@acme/b", "version": "1.0.0", "dependencies": DEPENDENCIES}
        ),
    }
    if project.name == "pnpm":
        tree["pnpm-workspace.yaml"] = "packages:\n  - 'packages/*'\nlinkWorkspacePackages: true\n"
    declare(project.path, {**tree, **TOOLS[project.name].files})
    project.run(*TOOLS[project.name].install)
    root, member = project.look(), project.look("packages/a")
    for found in (root, member):
        assert (found.undeclared, found.missing, found.warnings) == ((), None, ())
        assert found.made_by is not None
        assert found.command_in == str(project.path)
    inner = project.path / "packages/a/node_modules"
    before = listing(inner)
    shutil.rmtree(inner)
    whole = listing(project.modules)
    assert brought_back(project, member) == whole
    assert listing(inner) == before
