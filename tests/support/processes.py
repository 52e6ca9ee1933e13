"""Processes that a test holds by hand: at a terminal, under strace, bound by permissions."""

import contextlib
import fcntl
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import termios
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from support.needs import unable
from support.places import COMMAND
from support.waiting import TIMEOUT, await_condition

_TERMINAL: Final = {"TERM": "xterm-256color"}
_MISLEADING: Final = frozenset(
    {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"}
)
"""Variables of whoever runs the tests that would change what a terminal is taken for."""


def surroundings(env: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment that says nothing about a terminal but what *env* says."""
    plain = {key: value for key, value in os.environ.items() if key not in _MISLEADING}
    return {**plain, **(env or {})}


class Terminal:
    """A command at a pseudo-terminal, which is its standard input, output and error.

    One or both of the latter may lead elsewhere.
    """

    def __init__(
        self,
        *arguments: str | bytes | Path,
        cwd: Path,
        columns: int = 80,
        lines: int | None = None,
        env: Mapping[str, str] | None = None,
        prefix: tuple[str, ...] = (),
        stdout: int | None = None,
        stderr: int | None = None,
        command: tuple[str, ...] = (COMMAND,),
    ) -> None:
        self.columns = columns
        self.output = b""
        self._open = True
        self._master, slave = open_terminal(columns, lines)
        self.process = subprocess.Popen(
            # A session's leader that opens a terminal gets it as the controlling one, to which
            # Ctrl-C belongs (credentials(7)).
            ["sh", "-c", 'exec "$@" <"$0"', os.ttyname(slave), *prefix, *command, *arguments],
            cwd=cwd,
            env=surroundings({**_TERMINAL, **(env or {})}),
            stdin=slave,
            stdout=slave if stdout is None else stdout,
            stderr=slave if stderr is None else stderr,
            start_new_session=True,
        )
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self._open:
            os.close(self._master)

    def hang_up(self) -> None:
        """Close the terminal, which sends SIGHUP to the command (tty_vhangup in the kernel)."""
        os.close(self._master)
        self._open = False

    def expect(self, text: str, times: int = 1) -> None:
        """Wait until *text* has been printed, so many *times* since the beginning."""
        while self.output.count(text.encode()) < times:
            assert self.read(), f"ended without {text!r}: {self.output!r}"

    def type(self, keys: str) -> None:
        """Press *keys*; ``\\x04`` is Ctrl-D."""
        os.write(self._master, keys.encode())

    def interrupt(self) -> None:
        """Press Ctrl-C, once the command waits for a key.

        Python's ``input`` loses a signal that comes between its prompt and its read.
        """
        status = f"/proc/{self.process.pid}/stat"
        if os.path.exists(status):
            await_condition(lambda: _state(status) == "S", "the command waited for a key")
        self.type("\x03")

    def finish(self) -> int:
        """Wait for the end and return the exit code."""
        while self._open and self.read():
            pass
        return self.process.wait(TIMEOUT)

    def screen(self) -> list[str]:
        """Return the lines that are to be seen."""
        return screen(self.output, self.columns)

    def resize(self, columns: int, lines: int) -> None:
        """Give the terminal another size, of which the kernel tells the command (SIGWINCH)."""
        self.columns = columns
        _set_size(self._master, columns, lines)

    def read(self) -> bool:
        """Wait until more is printed; return False when no program has the terminal any more."""
        chunk = read_terminal(self._master)
        self.output += chunk
        return bool(chunk)


def _state(status: str) -> str:
    """Return the state of a process (proc_pid_stat(5))."""
    with open(status, encoding="utf-8") as file:
        return file.read().rpartition(")")[2].split()[0]


def open_terminal(columns: int, lines: int | None = None) -> tuple[int, int]:
    """Return both ends of a new pseudo-terminal: what the test holds, and what a program gets."""
    master, slave = pty.openpty()
    _set_size(slave, columns, lines or (24 if columns <= 80 else 50))
    return master, slave


def _set_size(terminal: int, columns: int, lines: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


def read_terminal(master: int) -> bytes:
    """Return what was printed since; nothing once no program has the terminal any more."""
    assert select.select([master], [], [], TIMEOUT)[0], "nothing was printed for a long time"
    try:
        return os.read(master, 65536)
    except OSError:  # EIO: nobody has the other end open.
        return b""


_CONTROL: Final = re.compile(r"\x1b\[[0-9;]*m|\x1b\[(?P<code>[0-9]*[AJK])|(?P<char>.)", re.DOTALL)


def screen(output: bytes, columns: int) -> list[str]:
    """Return the lines a terminal shows after *output*, those scrolled away included.

    Knows what is printed on purpose: tabs, colours, cursor up, erase to the end of the line or the screen (ECMA-48). Anything
    else that is not to be seen fails the test, as it would let a file name do as it likes. So does hiding
    the cursor, which a program that is stopped or killed leaves to a shell.
    """
    rows: list[list[str]] = [[]]
    row = column = 0
    for match in _CONTROL.finditer(output.decode()):
        char, code = match["char"], match["code"]
        if code:
            if code.endswith("A"):
                row -= int(code[:-1] or "1")
            else:
                assert code in {"J", "K"}, code
                del rows[row][column:]
                if code == "J":
                    del rows[row + 1 :]
        elif char == "\r":
            column = 0
        elif char == "\n":
            row += 1
        elif char == "\t":
            column = min(column - column % 8 + 8, columns - 1)
        elif char is not None:
            assert char.isprintable(), f"{char!r} reached the terminal: {output!r}"
            if column == columns:
                row, column = row + 1, 0
            while len(rows) <= row:
                rows.append([])
            rows[row] += " " * (column - len(rows[row]))
            rows[row][column : column + 1] = char
            column += 1
        while len(rows) <= row:
            rows.append([])
    return ["".join(cells).rstrip() for cells in rows]


def execute(
    *command: str | bytes | Path,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    data: bytes = b"",
    stdout: int = subprocess.PIPE,
    stderr: int = subprocess.PIPE,
) -> "subprocess.CompletedProcess[bytes]":
    """Run any command without a terminal, with *data* to read; its output is the bytes it wrote."""
    # Most read nothing, and what is started by them might keep a pipe open.
    source: dict[str, Any] = {"input": data} if data else {"stdin": subprocess.DEVNULL}
    return subprocess.run(
        command,
        **source,
        cwd=cwd,
        env=surroundings(env),
        stdout=stdout,
        stderr=stderr,
        timeout=TIMEOUT,
        check=False,
    )


def execute_text(
    *command: str | bytes | Path,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    data: bytes = b"",
) -> "subprocess.CompletedProcess[str]":
    """Do as :func:`execute`; the output is text, with undecodable bytes as surrogates."""
    done = execute(*command, cwd=cwd, env=env, data=data)
    output, errors = (
        text.decode("utf-8", "surrogateescape") for text in (done.stdout, done.stderr)
    )
    return subprocess.CompletedProcess(done.args, done.returncode, output, errors)


def start(
    *command: str | bytes | Path, cwd: Path, env: Mapping[str, str] | None = None
) -> "subprocess.Popen[str]":
    """Begin what :func:`execute_text` runs, and return at once."""
    return subprocess.Popen(
        command,
        cwd=cwd,
        env=surroundings(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="surrogateescape",
    )


def bound() -> tuple[str, ...]:
    """Return what to put before a command so that permissions bind it, even if root runs it."""
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        unable("permissions do not bind root, and setpriv (util-linux) is not there to change that")
    return ("setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner")


@contextlib.contextmanager
def mode(path: Path, permissions: int) -> Iterator[None]:
    """Give *path* other permissions for a while."""
    before = path.stat().st_mode
    path.chmod(permissions)
    try:
        yield
    finally:
        if path.exists():
            path.chmod(before)


def strace(log: Path, *options: str) -> tuple[str, ...]:
    """Return what to put before a command to trace its system calls into *log*.

    The traced command, not the tracer, is then the process that was started (``-D``).
    """
    if shutil.which("strace") is None:
        unable("strace (Debian package strace) is not installed")
    return ("strace", "-D", "-f", "-y", "-qq", "-o", str(log), *options, "--")
