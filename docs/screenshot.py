"""Makes docs/screenshot.svg: what the installed command shows of a folder of projects.

The command really runs, at a terminal 130 columns wide, on projects built for it. Only the path of
the temporary directory is replaced in what it says, by one that a person could have.
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
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

HERE: Final = os.path.dirname(os.path.abspath(__file__))
PROGRAM: Final = "cleanup-nodemodule"
COLUMNS: Final = 130
HOME: Final = "/home/ada"
FOLDER: Final = "projects"
FONTS: Final = "Fira Code, Menlo, Consolas, DejaVu Sans Mono, monospace"

_MIB: Final = 2**20
_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Made:
    """A directory that a tool made, with one file in it as large as all that a real one holds."""

    path: str
    mebibytes: float
    days: float
    """Since its project was last used; far from where the words for it change."""
    marker: str = "part-0.bin"
    """The file's name, where it proves what made the directory."""


MADE: Final = (
    Made("shop/node_modules", 412.4, 3.5, ".package-lock.json"),
    Made("shop/.next", 187.6, 3.5, "BUILD_ID"),
    Made("design-system/node_modules", 318.7, 48.5, ".modules.yaml"),
    Made("design-system/packages/ui/dist", 6.2, 48.5),
    Made("design-system/packages/icons/dist", 23.4, 48.5),
    Made("design-system/.turbo", 74.3, 48.5),
    Made("thesis-2021/visualizations/node_modules", 241.2, 1_400.5, ".package-lock.json"),
    Made("client-work/landing-page/node_modules", 96.8, 520.5, ".yarn-integrity"),
    Made("client-work/landing-page/dist", 11.7, 520.5),
)

FILES: Final = {
    "shop/package.json": json.dumps({"dependencies": {"next": "15", "react": "19"}}),
    "shop/package-lock.json": "{}",
    "design-system/package.json": "{}",
    "design-system/turbo.json": "{}",
    "design-system/.gitignore": "node_modules\n.turbo\ndist\n",
    "design-system/packages/ui/package.json": "{}",
    "design-system/packages/icons/package.json": "{}",
    "thesis-2021/visualizations/package.json": "{}",
    "client-work/landing-page/package.json": "{}",
}

REPOSITORY: Final = "design-system"


def build(root: str) -> None:
    """Make the projects."""
    for name, text in FILES.items():
        path = os.path.join(root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    _run("git", "-c", "init.defaultBranch=main", "init", "-q", os.path.join(root, REPOSITORY))
    now = time.time()
    for made in MADE:
        directory = os.path.join(root, made.path)
        os.makedirs(directory)
        content = os.path.join(directory, made.marker)
        with open(content, "wb") as file:
            # Takes the space without writing it, where the file system can.
            os.posix_fallocate(file.fileno(), 0, int(made.mebibytes * _MIB))
        used = now - made.days * _DAY
        project = os.path.join(root, made.path.partition("/")[0])
        for path, _, names in os.walk(project):
            for name in (".", *names):
                os.utime(os.path.join(path, name), (used, used))


def _run(*command: str) -> None:
    subprocess.run(command, check=True)  # noqa: S603 - git, to make a repository


def shown(root: str, home: str) -> str:
    """Return what the command writes to a terminal, escape sequences and all."""
    controller, terminal = os.openpty()
    termios.tcsetwinsize(terminal, (40, COLUMNS))
    with subprocess.Popen(  # noqa: S603 - the command this is a picture of
        (os.path.join(os.path.dirname(sys.executable), PROGRAM), "--no-progress"),
        cwd=root,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={
            "HOME": home,
            "PATH": os.environ["PATH"],
            "TERM": "xterm-256color",
            "LC_ALL": "C.UTF-8",
        },
    ) as process:
        os.close(terminal)
        output = b"".join(_until_closed(controller))
    os.close(controller)
    if process.returncode:
        raise SystemExit(f"{PROGRAM} failed:\n{output.decode()}")
    return output.decode().replace("\r\n", "\n")


def _until_closed(controller: int) -> Iterator[bytes]:
    # Linux says EIO when nobody has the terminal open any more (pty(7)).
    with contextlib.suppress(OSError):
        while block := os.read(controller, 65_536):
            yield block


def picture(output: str) -> str:
    """Return the SVG of a terminal with the command typed and what it said."""
    console = Console(
        record=True,
        file=io.StringIO(),
        width=COLUMNS,
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
    )
    prompt = Text.assemble((f"~/{FOLDER}", "bold blue"), " $ ")
    console.print(prompt + Text(PROGRAM, style="bold"))
    console.print(Text.from_ansi(output.rstrip("\n")))
    console.print(prompt)
    # A picture in a README may load nothing from elsewhere, so the fonts are those at hand.
    start, _, rest = CONSOLE_SVG_FORMAT.partition("@font-face")
    _, _, styles = rest.partition(".{unique_id}-matrix")
    template = f"{start}.{{unique_id}}-matrix{styles}".replace("Fira Code, monospace", FONTS)
    # Not every program keeps the spaces that a text begins with, unless it is told to.
    template = template.replace("<svg ", '<svg xml:space="preserve" ', 1)
    svg = console.export_svg(
        title=PROGRAM, theme=MONOKAI, code_format=template, unique_id="screenshot"
    )
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


def main() -> None:
    """Write the picture beside this file."""
    with tempfile.TemporaryDirectory() as temporary:
        home = os.path.realpath(temporary)
        root = os.path.join(home, FOLDER)
        build(root)
        output = shown(root, home).replace(home, HOME)
    with open(os.path.join(HERE, "screenshot.svg"), "w", encoding="utf-8") as file:
        file.write(picture(output))


if __name__ == "__main__":
    main()
