"""What a person sees: a command at a terminal of a given size, as a terminal emulator shows it (pyte)."""

import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import pyte

from support.places import COMMAND
from support.processes import Terminal
from support.waiting import TIMEOUT

_SCROLLED: Final = 100_000
"""Lines that scrolled away which the emulator remembers."""


class Screen:
    """A terminal of so many *columns* and *lines*, and one command at it.

        with Screen(80, 24) as screen:
            screen.start("--no-dry-run", cwd=work)
            screen.wait_for("[y/N")
            screen.type("n\\n")
            assert screen.finish() == 0
        assert screen.text[0] == ...

    Leaving it ends the command if that is still at work.
    """

    def __init__(self, columns: int = 80, lines: int = 24) -> None:
        self._size: Final = [columns, lines]
        self._emulated: Final = pyte.HistoryScreen(columns, lines, history=_SCROLLED)
        self._stream: Final = pyte.ByteStream(self._emulated)
        self._fed = 0
        self._terminal: Terminal | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._terminal is not None:
            self._terminal.__exit__(kind, error, trace)

    def start(
        self,
        *arguments: str | bytes | Path,
        cwd: Path,
        env: Mapping[str, str] | None = None,
        prefix: tuple[str, ...] = (),
        command: tuple[str, ...] = (COMMAND,),
        stdout: int | None = None,
        stderr: int | None = None,
    ) -> None:
        """Begin the *command*, this program unless another is named, in the directory *cwd*."""
        columns, lines = self._size
        self._terminal = Terminal(
            *arguments,
            cwd=cwd,
            columns=columns,
            lines=lines,
            env=env,
            prefix=prefix,
            command=command,
            stdout=stdout,
            stderr=stderr,
        )

    def run(self, *arguments: str | bytes | Path, **how: Any) -> list[str]:
        """Do as :meth:`start`, wait for the end, and return all lines. The code is in :attr:`code`."""
        self.start(*arguments, **how)
        self.finish()
        return self.text

    @property
    def columns(self) -> int:
        """How many cells a line has."""
        return self._size[0]

    @property
    def terminal(self) -> Terminal:
        """The command at it."""
        assert self._terminal is not None, "nothing was started"
        return self._terminal

    @property
    def code(self) -> int | None:
        """The exit code; None while the command is at work."""
        return self.terminal.process.poll()

    @property
    def output(self) -> bytes:
        """Every byte that the terminal was sent."""
        return self.terminal.output

    def type(self, keys: str) -> None:
        """Press *keys*; ``\\x03`` is Ctrl-C, ``\\x04`` is Ctrl-D."""
        self.terminal.type(keys)

    def resize(self, columns: int, lines: int) -> None:
        """Give the terminal another size, as a person does who pulls at its window."""
        self._feed()
        self._size[:] = columns, lines
        self._emulated.resize(lines, columns)
        self.terminal.resize(columns, lines)

    def wait_for(self, text: str) -> None:
        """Wait until *text* stands in one of the lines to be seen."""
        deadline = time.monotonic() + TIMEOUT
        while not any(text in line for line in self.visible):
            assert time.monotonic() < deadline, f"waited in vain for {text!r}: {self.visible}"
            assert self.terminal.read(), f"ended without {text!r}: {self.text}"

    def finish(self) -> int:
        """Wait for the end and return the exit code."""
        return self.terminal.finish()

    @property
    def visible(self) -> list[str]:
        """The lines to be seen, each without the blanks at its end, and no empty ones at the end."""
        self._feed()
        return _ended([line.rstrip() for line in self._emulated.display])

    @property
    def text(self) -> list[str]:
        """The lines to be seen, and before them those that scrolled away."""
        self._feed()
        away = [
            "".join(line[column].data for column in range(max(line, default=-1) + 1)).rstrip()
            for line in self._emulated.history.top
        ]
        return _ended([*away, *(line.rstrip() for line in self._emulated.display)])

    @property
    def hides_cursor(self) -> bool:
        """Whether the cursor is hidden, which a program that is killed leaves to a shell."""
        self._feed()
        return bool(self._emulated.cursor.hidden)

    def colour(self, text: str) -> tuple[str, bool]:
        """Return the colour of the first *text* to be seen, and whether it is bold.

        The colour is a word such as ``red``, or ``default``.
        """
        self._feed()
        for number, line in enumerate(self._emulated.display):
            if (at := line.find(text)) >= 0:
                # What is wide takes two cells and one place in the text.
                cells = self._emulated.buffer[number]
                places = [cell for cell in range(self._size[0]) if cells[cell].data]
                char = cells[places[at]]
                return char.fg, char.bold
        raise AssertionError(f"{text!r} is not to be seen: {self.visible}")

    def _feed(self) -> None:
        """Have the emulator take in what was printed since."""
        fresh, self._fed = self.output[self._fed :], len(self.output)
        self._stream.feed(fresh)


def _ended(lines: list[str]) -> list[str]:
    """Return the lines without the empty ones at the end."""
    while lines and not lines[-1]:
        lines.pop()
    return lines
