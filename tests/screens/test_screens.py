"""What a person sees, at terminals of four widths, with UTF-8 and without: every screen is kept as text.

Each file of ``golden`` is one scene. If a screen changes on purpose, ``make screens`` writes the new ones somewhere
else. Look at them, and copy those that are right.
"""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from wcwidth import wcswidth

from support.screen import Screen
from support.trees import declare, npm_project

GOLDEN: Final = Path(__file__).parent / "golden"
WIDTHS: Final = (60, 80, 100, 120)
LINES: Final = 40
MIB: Final = 1024 * 1024
DAY: Final = 86_400

ENCODINGS: Final = {
    "UTF-8": {"LC_ALL": "C.UTF-8"},
    # Python takes the locale C for UTF-8, unless it is told not to (PEP 538 and 540).
    "ASCII": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}

PROJECTS: Final = {
    "shop": (48, 400),
    "shop/packages/storefront-with-a-rather-long-name/checkout": (21, 200),
    "blog": (13, 35),
    "клиент": (7, 12),
}
"""Projects of npm: the MiB of their node_modules, and the days since they were last used."""


class Place:
    """A home directory in which a scene plays; it has a path of the same length each time."""

    def __init__(self) -> None:
        self.home: Final = Path(tempfile.mkdtemp(prefix="screen-", dir="/tmp"))
        self.home.chmod(0o755)

    def fill(self) -> None:
        """Make projects whose sizes and ages print the same on every file system and every day."""
        work = self.home / "work"
        for path, (mebibytes, days) in PROJECTS.items():
            _install(work / path, mebibytes, days)
        for number in range(1, 31):
            _install(work / "experiments" / f"try-{number:02}", 2, 3 * number)
        declare(
            work,
            {
                "shop/dist": {"index.html": "<p>", "notes.docx": "mine"},
                "blog/.next": {"readme": "?"},
                "site": {"package.json": "{}", "build": {"main.js": "1"}},
                "science": {"pyproject.toml": "[project]\nname='s'\n", "__pycache__": {}},
                "notes": {"todo.md": "-"},
            },
        )
        _fallocate(work / "shop/dist/index.html", 5 * MIB)
        _fallocate(work / "blog/.next/readme", 3 * MIB)
        _fallocate(work / "site/build/main.js", 1 * MIB)
        _age(work / "site", 90)
        _age(work / "science", 90)
        date = {"GIT_COMMITTER_DATE": f"@{_ago(90):.0f} +0000"}
        git = (
            "git",
            "-c",
            "user.name=A",
            "-c",
            "user.email=a@example.org",
            "-C",
            str(work / "site"),
        )
        for words in (("init", "-q"), ("add", "-f", "build"), ("commit", "-qm", "Build")):
            subprocess.run([*git, *words], check=True, env={**os.environ, **date})

    def fill_little(self) -> None:
        """Make two projects, and one whose artifact is kept."""
        work = self.home / "work"
        _install(work / "shop", 48, 400)
        _install(work / "blog", 13, 35)
        declare(work, {"blog/.next": {"readme": "?"}})
        _fallocate(work / "blog/.next/readme", 3 * MIB)

    def environment(self, encoding: str) -> dict[str, str]:
        """Return what a command finds in its environment, without anything of the person who tests."""
        return {
            "HOME": str(self.home),
            "XDG_STATE_HOME": str(self.home / ".state"),
            "XDG_CONFIG_HOME": str(self.home / ".config"),
            "TZ": "UTC",
            **ENCODINGS[encoding],
        }


def _install(project: Path, mebibytes: int, days: int) -> None:
    """Make a project as npm leaves it, of one package of so many MiB, last used so many days ago."""
    declare(project, npm_project({"library": {"index.js": "1"}}))
    _fallocate(project / "node_modules/library/index.js", mebibytes * MIB)
    _age(project, days)


def _ago(days: int) -> float:
    """Return when that was, in the middle of the day, so that no rounding makes another word of it."""
    return time.time() - days * DAY - DAY / 2


def _age(project: Path, days: int) -> None:
    """Have a project be last used so many days ago."""
    for directory, names, files in os.walk(project):
        for name in (*names, *files):
            if "node_modules" not in directory + name:
                os.utime(os.path.join(directory, name), (_ago(days), _ago(days)))


def _fallocate(path: Path, count: int) -> None:
    with path.open("rb+") as file:
        os.posix_fallocate(file.fileno(), 0, count)


Scene = Callable[[Place, Screen, str], list[list[str]]]
SCENES: Final[dict[str, Scene]] = {}


def scene(play: Scene) -> Scene:
    """Take *play* as a scene, called as the function is."""
    SCENES[play.__name__.replace("_", "-")] = play
    return play


def _seen(place: Place, screen: Screen, encoding: str, *words: str) -> list[str]:
    """Run the command to its end in *place* and return what is seen then."""
    return screen.run(*words, cwd=place.home, env=place.environment(encoding))


@scene
def dry_run(place: Place, screen: Screen, encoding: str) -> list[list[str]]:
    """Many artifacts, and some that are kept for several reasons."""
    place.fill()
    return [_seen(place, screen, encoding, "work", "--exclude", "notes/", "-e", "try-30/")]


@scene
def everything(place: Place, screen: Screen, encoding: str) -> list[list[str]]:
    """The same with all that is known."""
    place.fill_little()
    return [_seen(place, screen, encoding, "work", "--verbose")]


@scene
def question(place: Place, screen: Screen, encoding: str) -> list[list[str]]:
    """The question, its list, its help, a choice and a no."""
    place.fill_little()
    screen.start("work", "--no-dry-run", cwd=place.home, env=place.environment(encoding))
    seen: list[list[str]] = []
    for key in ("l", "?", "what", "2", "n"):
        _asked(screen, 1 + len(seen))
        seen.append(screen.text)
        screen.type(f"{key}\n")
    assert screen.finish() == 0
    return [screen.text]


def _asked(screen: Screen, times: int) -> None:
    """Wait until the question has been asked so many *times*."""
    while sum("[y/N" in line for line in screen.text) < times:
        assert screen.terminal.read(), screen.text


@scene
def deletion(place: Place, screen: Screen, encoding: str) -> list[list[str]]:
    """Everything goes, and the journal and the way back say so."""
    place.fill_little()
    screen.start("work", "--no-dry-run", cwd=place.home, env=place.environment(encoding))
    _asked(screen, 1)
    screen.type("y\n")
    assert screen.finish() == 0
    return [screen.text]


@scene
def after_a_deletion(place: Place, screen: Screen, encoding: str) -> list[list[str]]:
    """What the journal and the way back show."""
    _install(place.home / "work/shop", 48, 400)
    env = place.environment(encoding)
    seen: list[list[str]] = []
    for words in (("work", "--no-dry-run", "-y"), ("log",), ("log", "work"), ("regenerate",)):
        with Screen(screen.columns, LINES) as another:
            seen.append(another.run(*words, cwd=place.home, env=env))
    return seen[1:]


@scene
def interruption(place: Place, screen: Screen, encoding: str) -> list[list[str]]:
    """Ctrl-C at the question."""
    place.fill_little()
    screen.start("work", "--no-dry-run", cwd=place.home, env=place.environment(encoding))
    _asked(screen, 1)
    screen.type("\x03")
    assert screen.finish() == 130
    return [screen.text]


@scene
def errors(place: Place, screen: Screen, encoding: str) -> list[list[str]]:
    """What is wrong is said with what to type instead."""
    place.fill_little()
    seen: list[list[str]] = []
    for words in (
        ("wrok",),
        ("resum",),
        ("work", "--no-dry-rum"),
        ("work", "--profile", "pyton"),
        ("work", "--min-depth", "deep"),
        ("work", "--targets", "*.log"),
        ("explain", "work/nothing"),
        ("work", "nowhere"),
        ("work", "--max-delete", "1MB"),
    ):
        with Screen(screen.columns, LINES) as another:
            seen.append(another.run(*words, cwd=place.home, env=place.environment(encoding)))
    return seen


@scene
def nothing_found(place: Place, screen: Screen, encoding: str) -> list[list[str]]:
    """Nothing is there, or only what belongs to another ecosystem."""
    declare(
        place.home / "work",
        {"Cargo.toml": "[package]\nname='a'\nversion='1.0.0'\n", "target": {"CACHEDIR.TAG": "x"}},
    )
    seen = [_seen(place, screen, encoding, "work")]
    with Screen(screen.columns, LINES) as another:
        (place.home / "empty").mkdir()
        words = ("empty", "--targets", "dist", "out", "-e", "/no/such")
        seen.append(another.run(*words, cwd=place.home, env=place.environment(encoding)))
    return seen


@scene
def explanation(place: Place, screen: Screen, encoding: str) -> list[list[str]]:
    """Why one can be deleted, and another is kept."""
    place.fill_little()
    seen: list[list[str]] = []
    for path in ("work/shop/node_modules", "work/blog/.next"):
        with Screen(screen.columns, LINES) as another:
            env = place.environment(encoding)
            seen.append(another.run("explain", path, cwd=place.home, env=env))
    return seen


@scene
def rules(place: Place, screen: Screen, encoding: str) -> list[list[str]]:
    """The rules of one ecosystem, and one rule."""
    seen: list[list[str]] = []
    for words in (("rules", "--profile", "elixir"), ("rules", "node_modules")):
        with Screen(screen.columns, LINES) as another:
            seen.append(another.run(*words, cwd=place.home, env=place.environment(encoding)))
    return seen


def _told(screens: list[list[str]], place: Place) -> str:
    """Return the screens as text, without what is another one each time."""
    text = "\n---\n".join("\n".join(lines) for lines in screens)
    name = place.home.name
    text = text.replace(name, "screen-" + "_" * (len(name) - len("screen-")))
    # Others may write to this disk meanwhile.
    text = re.sub(r"^Free space .*?\.\n", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"\b(?=[0-9a-f]*\d)[0-9a-f]{8,16}\b", lambda run: "0" * len(run[0]), text)
    return re.sub(r"\b20\d\d-\d\d-\d\d( \d\d:\d\d)", r"2026-01-01 00:00", text)


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_looks_as_it_should(name: str, request: pytest.FixtureRequest) -> None:
    parts = []
    for encoding in ENCODINGS:
        for width in WIDTHS:
            own = Place()
            try:
                with Screen(width, LINES) as screen:
                    screens = SCENES[name](own, screen, encoding)
                for line in (line for lines in screens for line in lines):
                    assert wcswidth(line) <= width
                    assert encoding == "UTF-8" or line.isascii()
                parts.append(f"=== {width} columns, {encoding}\n{_told(screens, own)}\n")
            finally:
                shutil.rmtree(own.home)
    text = "\n".join(parts)
    if (new := request.config.getoption("--new-screens")) is not None:
        Path(new).mkdir(parents=True, exist_ok=True)
        (Path(new) / f"{name}.txt").write_text(text, encoding="utf-8")
    else:
        assert text == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


def test_every_golden_file_is_a_scene() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(SCENES)
