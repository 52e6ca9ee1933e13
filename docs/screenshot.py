"""Makes the pictures in the README: what the installed command shows of a directory of projects, dark and light.

The command really runs, at a terminal 80 columns wide, on projects that are made for it as npm and others leave them.
``python docs/screenshot.py`` writes docs/screenshot-dark.svg and docs/screenshot-light.svg.
"""

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import MONOKAI, TerminalTheme
from rich.text import Text

HERE: Final = os.path.dirname(os.path.abspath(__file__))
PROGRAM: Final = "cleanup-nodemodule"
TYPED: Final = (PROGRAM, "work")
HOME: Final = "/home/ada"
COLUMNS: Final = 80
ROWS: Final = 40
FONTS: Final = "Fira Code, Menlo, Consolas, DejaVu Sans Mono, monospace"

LIGHT: Final = TerminalTheme(
    (255, 255, 255),
    (36, 41, 47),
    [
        *((36, 41, 47), (207, 34, 46), (17, 99, 41), (149, 96, 0)),
        *((9, 105, 218), (130, 80, 223), (27, 124, 131), (110, 119, 129)),
    ],
    [
        *((87, 96, 106), (164, 14, 38), (26, 127, 55), (99, 60, 1)),
        *((33, 139, 255), (164, 117, 249), (49, 146, 170), (140, 149, 159)),
    ],
)
"""The colours of a terminal with a white background."""

THEMES: Final = {"dark": MONOKAI, "light": LIGHT}

_MIB: Final = 2**20
_DAY: Final = 86_400

_COMPILED: Final = '"use strict";\nObject.defineProperty(exports, "__esModule", { value: true });\n'


@dataclass(frozen=True, slots=True)
class Project:
    """A project, and what tools left in it."""

    days: float
    """Since it was last used; far from where the words for it change."""
    packages: Mapping[str, float] = field(default_factory=dict)
    """What npm installed, and the mebibytes of each."""
    files: Mapping[str, str | float] = field(default_factory=dict)
    """What else there is: a text, or mebibytes."""
    repository: bool = False


PROJECTS: Final = {
    "shop/web": Project(
        3.5,
        {"next": 214.3, "react": 6.2, "typescript": 91.8},
        {".next/BUILD_ID": "Yw3", ".next/cache/webpack/0.pack": 187.6},
    ),
    "design/system": Project(
        48.5,
        {"storybook": 230.4, "sass": 12.6},
        {
            ".gitignore": "node_modules\n.turbo\ndist\n",
            "turbo.json": "{}",
            ".turbo/cache/5f2c.tar.zst": 74.3,
            "packages/icons/package.json": json.dumps({"scripts": {"build": "tsc"}}),
            "packages/icons/dist/index.js": _COMPILED,
            "packages/icons/dist/icons.js.map": 23.4,
        },
        repository=True,
    ),
    "blog": Project(520.5, {"gatsby": 96.8}),
    "thesis/plots": Project(
        1400.5, {"d3": 41.2}, {"dist/index.js": _COMPILED, "dist/survey.sqlite": 11.7}
    ),
}


def build(root: str) -> None:
    """Make the projects."""
    for name, project in PROJECTS.items():
        top = os.path.join(root, name)
        for path, content in (_installed(project.packages) | dict(project.files)).items():
            _write(os.path.join(top, path), content)
        if project.repository:
            _run("git", "-c", "init.defaultBranch=main", "init", "-q", top)
        used = time.time() - project.days * _DAY
        for path, _, names in os.walk(top):
            for one in (".", *names):
                os.utime(os.path.join(path, one), (used, used))


def _installed(packages: Mapping[str, float]) -> dict[str, str | float]:
    """Return what npm leaves of these packages: a manifest, a lock file, its notes, and the packages."""
    version = {"version": "1.0.0"}
    manifest = {
        "dependencies": dict.fromkeys(packages, "1.0.0"),
        "scripts": {"build": "next build"},
    }
    lock = {f"node_modules/{name}": version for name in packages}
    files: dict[str, str | float] = {
        "package.json": json.dumps(manifest),
        "package-lock.json": json.dumps({"lockfileVersion": 3, "packages": {"": manifest, **lock}}),
        "node_modules/.package-lock.json": json.dumps({"lockfileVersion": 3, "packages": lock}),
    }
    for name, mebibytes in packages.items():
        files[f"node_modules/{name}/package.json"] = json.dumps({"name": name, **version})
        files[f"node_modules/{name}/index.js"] = mebibytes
    return files


def _write(path: str, content: str | float) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        if isinstance(content, str):
            file.write(content.encode())
        else:
            # Takes the space without writing it, where the file system can.
            os.posix_fallocate(file.fileno(), 0, int(content * _MIB))


def _run(*command: str) -> None:
    subprocess.run(command, check=True)  # noqa: S603 - git, to make a repository


def shown(home: str) -> str:
    """Return what the command writes to a terminal, escape sequences and all."""
    controller, terminal = os.openpty()
    termios.tcsetwinsize(terminal, (ROWS, COLUMNS))
    with (
        subprocess.Popen(  # noqa: S603 - the command this is a picture of
            (os.path.join(os.path.dirname(sys.executable), PROGRAM), *TYPED[1:], "--no-progress"),
            cwd=home,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env={
                "HOME": home,
                "PATH": os.environ["PATH"],
                "TERM": "xterm-256color",
                "LC_ALL": "C.UTF-8",
            },
        ) as process
    ):
        os.close(terminal)
        output = b"".join(_until_closed(controller))
    os.close(controller)
    if process.returncode:
        raise SystemExit(f"{PROGRAM} failed:\n{output.decode()}")
    return output.decode().replace("\r\n", "\n").replace(home, HOME)


def _until_closed(controller: int) -> Iterator[bytes]:
    # Linux says EIO when nobody has the terminal open any more (pty(7)).
    with contextlib.suppress(OSError):
        while block := os.read(controller, 65_536):
            yield block


def picture(output: str, theme: TerminalTheme) -> str:
    """Return the SVG of a terminal with the command typed and what it said."""
    console = Console(
        record=True,
        file=io.StringIO(),
        width=COLUMNS,
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
    )
    prompt = Text.assemble(("~", "bold blue"), " $ ")
    console.print(prompt + Text(" ".join(TYPED), style="bold"))
    console.print(Text.from_ansi(output.rstrip("\n")))
    console.print(prompt)
    # A picture in a README may load nothing from elsewhere, so the fonts are those at hand.
    start, _, rest = CONSOLE_SVG_FORMAT.partition("@font-face")
    _, _, styles = rest.partition(".{unique_id}-matrix")
    template = f"{start}.{{unique_id}}-matrix{styles}".replace("Fira Code, monospace", FONTS)
    # Not every program keeps the spaces that a text begins with, unless it is told to.
    template = template.replace("<svg ", '<svg xml:space="preserve" ', 1)
    svg = console.export_svg(
        title=PROGRAM, theme=theme, code_format=template, unique_id="screenshot"
    )
    # Rich draws the frame in white, which cannot be seen on a white page.
    svg = svg.replace('stroke="rgba(255,255,255,0.35)"', 'stroke="rgba(128,128,128,0.5)"')
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


def main() -> None:
    """Write the pictures beside this file."""
    with tempfile.TemporaryDirectory() as temporary:
        home = os.path.realpath(temporary)
        build(os.path.join(home, "work"))
        output = shown(home)
    for name, theme in THEMES.items():
        with open(os.path.join(HERE, f"screenshot-{name}.svg"), "w", encoding="utf-8") as file:
            file.write(picture(output, theme))


if __name__ == "__main__":
    main()
