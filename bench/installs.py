"""Real installs by real package managers, and what the tool decides about them.

Each project of ``install_list.py`` is made once in a directory that is kept, as installs are dear. The
tool then looks at it twice: as a git repository, and as the same files without one. With ``--return``
it deletes what is selected, and the command that it printed has to bring it back.
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from install_list import IGNORED, INSTALLS, TOOLS, Install, text_of

COMMAND: Final = os.environ.get("PROVEN_BY") or os.path.join(
    sys.prefix, "bin", "cleanup-nodemodule"
)
"""The tool of this checkout, or another one that is to be compared with it."""

_PATIENCE: Final = 900
"""Seconds for one command of a package manager."""

_CONFUSING: Final = (
    "GIT_",
    "npm_config_",
    "PYTHONDONTWRITEBYTECODE",
    "VIRTUAL_ENV",
    "PYTHONPATH",
    "CI",
)
"""Beginnings of variables that would make a package manager do something else than it does for a user."""

_FAILED: Final = 99
"""The exit code of what took too long."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What the tool says about one directory."""

    install: str
    with_git: bool
    path: str
    """Relative to the project."""
    rule: str | None
    """None if the tool does not know the directory."""
    expected: bool
    """The tools of the project made it, so it should be selected."""
    selected: bool
    reason: str | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class Returned:
    """What became of an artifact that was deleted and brought back."""

    install: str
    path: str
    command: str | None
    names: int
    """Of files, before it was deleted."""
    lost: tuple[str, ...]
    """Those that did not come back, of which the first are listed."""
    missing: int
    """How many did not come back."""


def make(directory: Path, chosen: Iterable[Install]) -> dict[str, str]:
    """Install what is not installed yet, one after the other; return why others could not be."""
    failures = {}
    for install in chosen:
        record = directory / "state" / f"{install.name}.json"
        if not record.exists():
            record.parent.mkdir(parents=True, exist_ok=True)
            record.write_text(json.dumps(_install(directory, install), indent=1))
        failure = json.loads(record.read_text())["failure"]
        if failure is not None:
            failures[install.name] = failure
    return failures


def _install(directory: Path, install: Install) -> dict[str, Any]:
    for program in install.needs:
        if shutil.which(program) is None:
            return {"failure": f"{program} is not installed"}
    project = directory / "projects" / install.name
    shutil.rmtree(project, ignore_errors=True)
    for name, content in install.files.items():
        file = project / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text_of(content))
    environment = _environment(directory, install)
    done = []
    failure = None
    for number, command in enumerate(install.commands):
        began = time.monotonic()
        code, output = _run(command, project, environment)
        done.append(
            {
                "command": command,
                "code": code,
                "seconds": round(time.monotonic() - began, 1),
                "output": output,
            }
        )
        print(f"{install.name}: {command}: {code}", flush=True)
        if code != 0 and number < install.must:
            failure = f"{command}: {output[-300:]}"
            break
    (project / ".gitignore").write_text(IGNORED)
    git = ("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", str(project))
    for arguments in (
        ("init", "--quiet"),
        ("add", "--all"),
        ("commit", "--quiet", "--no-verify", "--message=all"),
    ):
        subprocess.run([*git, *arguments], env=environment, check=True)
    return {"failure": failure, "done": done}


def _environment(directory: Path, install: Install) -> dict[str, str]:
    """Return the variables of its commands; the package managers that it needs are installed."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(_CONFUSING)}
    paths = []
    for name in install.tools:
        place = directory / "tools" / name
        if not place.exists():
            place.mkdir(parents=True)
            code, output = _run(TOOLS[name], place, clean)
            if code != 0:
                shutil.rmtree(place)
                raise SystemExit(f"{name} could not be installed: {output[-500:]}")
        paths += [str(place / "node_modules" / ".bin"), str(place / "bin")]
    return {
        **clean,
        **install.environment,
        "PATH": os.pathsep.join([*paths, clean["PATH"]]),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "NEXT_TELEMETRY_DISABLED": "1",
        "ASTRO_TELEMETRY_DISABLED": "1",
        "NUXT_TELEMETRY_DISABLED": "1",
        "STORYBOOK_DISABLE_TELEMETRY": "1",
        "NG_CLI_ANALYTICS": "false",
    }


def _run(command: str, place: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    """Run *command* by the shell; return its exit code, and the end of what it printed."""
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=place,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return _FAILED, "took too long"
    return done.returncode, done.stdout.decode(errors="replace")[-2000:]


def run_tool(home: Path, top: Path, *arguments: str) -> list[dict[str, Any]]:
    """Run the tool on *top* with every profile, its record in *home*; return the rows."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    variables = {
        "HOME": home,
        "XDG_STATE_HOME": home / "s",
        "XDG_CONFIG_HOME": home / "c",
        "XDG_CACHE_HOME": home / "k",
    }
    done = subprocess.run(
        [COMMAND, "--json", "--profile", "all", "-p", top, *arguments],
        env={**os.environ, **{key: str(value) for key, value in variables.items()}},
        capture_output=True,
        check=False,
    )
    try:
        rows: list[dict[str, Any]] = json.loads(done.stdout)["artifacts"]
    except ValueError:
        raise SystemExit(f"no document of {top}: {done.stderr.decode()}") from None
    return rows


def judge(directory: Path, chosen: Sequence[Install], *, with_git: bool) -> list[Judged]:
    """Return what the tool says about each directory of the projects that are installed, in one run."""
    projects = directory / "projects"
    with contextlib.nullcontext() if with_git else _without_git(directory, chosen):
        rows = run_tool(directory / "home", projects)
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for row in rows:
        name, _, path = os.path.relpath(row["path"], projects).partition(os.sep)
        found.setdefault(name, {})[path] = row
    return [
        one
        for install in chosen
        for one in _judge(
            projects / install.name, install, found.get(install.name, {}), with_git=with_git
        )
    ]


def _judge(
    project: Path, install: Install, rows: Mapping[str, Mapping[str, Any]], *, with_git: bool
) -> Iterator[Judged]:
    made = [name for name in install.made if (project / name).is_dir()]
    for name in sorted({*made, *rows}):
        # What lies in an artifact goes with it.
        if name in made or not any(name.startswith(f"{one}/") for one in made):
            yield _judged(
                install.name, name, rows.get(name), with_git=with_git, expected=name in made
            )


@contextlib.contextmanager
def _without_git(directory: Path, chosen: Sequence[Install]) -> Iterator[None]:
    """Have the repositories of the projects out of the way for as long as this is entered."""
    places = {
        directory / "projects" / one.name / ".git": directory / "state" / f"{one.name}.git"
        for one in chosen
    }
    try:
        for git, aside in places.items():
            git.rename(aside)
        yield
    finally:
        for git, aside in places.items():
            if aside.exists():
                aside.rename(git)


def _judged(
    install: str, path: str, row: Mapping[str, Any] | None, *, with_git: bool, expected: bool
) -> Judged:
    if row is None:
        return Judged(install, with_git, path, None, expected, False, "unknown", None)  # noqa: FBT003 - it is not selected
    selected = row["decision"] == "delete"
    return Judged(
        install,
        with_git,
        path,
        row["rule"],
        expected,
        selected,
        row["reason"],
        row.get("reason_detail"),
    )


def bring_back(directory: Path, install: Install) -> Iterator[Returned]:
    """Delete what is selected in a project, run the commands that the tool printed, and compare the names."""
    project = directory / "projects" / install.name
    rows = [row for row in run_tool(directory / "home", project) if row["decision"] == "delete"]
    before = {row["path"]: _names(row["path"]) for row in rows}
    deleted = run_tool(directory / "home", project, "--no-dry-run", "--yes")
    gone = {row["path"] for row in deleted if row["outcome"] == "deleted"}
    commands = dict.fromkeys(
        (row["regenerate"], row["regenerate_in"])
        for row in sorted(
            rows, key=lambda row: ("node_modules" not in row["path"], len(row["path"]))
        )
        if row["regenerate"] is not None and row["path"] in gone
    )
    environment = _environment(directory, install)
    said = {}
    for command, place in commands:
        code, output = _run(command, Path(place), environment)
        said[command, place] = "" if code == 0 else f" (exit code {code}: {output[-200:]})"
    for row in rows:
        if row["path"] not in gone:
            continue
        lost = sorted(before[row["path"]] - _names(row["path"]))
        key = row["regenerate"], row["regenerate_in"]
        said_of = None if key[0] is None else key[0] + said[key]
        yield Returned(
            install.name,
            os.path.relpath(row["path"], project),
            said_of,
            len(before[row["path"]]),
            tuple(lost[:5]),
            len(lost),
        )


def _names(top: str) -> set[str]:
    """Return the paths of the files beneath *top*, relative to it."""
    return {
        os.path.relpath(os.path.join(path, name), top)
        for path, _, files in os.walk(top)
        for name in files
    }


def misses(judged: Sequence[Judged]) -> list[Judged]:
    """Return what tools made, and is not selected."""
    return [one for one in judged if one.expected and not one.selected]


def wrong(judged: Sequence[Judged]) -> list[Judged]:
    """Return what is selected though no tool of the project was expected to make it."""
    return [one for one in judged if one.selected and not one.expected]


def main() -> None:
    """Install, judge, and print what is kept of what tools made."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--directory", type=Path, default=Path.home() / ".cache/cleanup-nodemodule-installs"
    )
    parser.add_argument("--only", nargs="*", help="names of entries")
    parser.add_argument("--return", action="store_true", dest="back", help="delete, and bring back")
    arguments = parser.parse_args()
    chosen = [one for one in INSTALLS if not arguments.only or one.name in arguments.only]
    directory = arguments.directory.resolve()
    failures = make(directory, chosen)
    for name, why in failures.items():
        print(f"not installed: {name}: {why}")
    installed = [one for one in chosen if one.name not in failures]
    judged = [one for git in (True, False) for one in judge(directory, installed, with_git=git)]
    (directory / "judged.json").write_text(json.dumps([asdict(one) for one in judged], indent=1))
    for one in (*misses(judged), *wrong(judged)):
        kind = "wrong" if one.selected else "missed"
        git = "git" if one.with_git else "no git"
        print(f"{kind}: {one.install} ({git}): {one.path}: {one.rule}: {one.detail or one.reason}")
    expected = [one for one in judged if one.expected]
    print(
        f"{len(installed)} installs, {len(expected)} directories, {len(misses(judged))} missed, {len(wrong(judged))} wrong"
    )
    if arguments.back:
        returned = [one for install in installed for one in bring_back(directory, install)]
        (directory / "returned.json").write_text(
            json.dumps([asdict(one) for one in returned], indent=1)
        )
        for back in returned:
            if back.missing:
                print(
                    f"not back: {back.install}/{back.path}: {back.missing} of {back.names} by {back.command}: {back.lost}"
                )


if __name__ == "__main__":
    main()
