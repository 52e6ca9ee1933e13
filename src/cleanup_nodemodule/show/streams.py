"""Standard output and standard error, which may be closed, full, a pipe or a terminal."""

import errno
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedWriter, RawIOBase, TextIOWrapper
from typing import Final, TextIO

from cleanup_nodemodule.errors import ExitCode
from cleanup_nodemodule.words import PROGRAM, Advice

_FURTHER: Final = 4
"""Columns by which a command, and what continues an indented line, is indented."""

_WORD: Final = re.compile(r"""(?:\$'(?:\\.|[^'\\])*'|'[^']*'|"[^"]*"|[^\s'"])+""")
"""A word of a command, in the quotes that :func:`~cleanup_nodemodule.words.quoted` gives it."""

_SUGGESTED: Final = re.compile(rf": ((?:{PROGRAM}|git) .*?)[.?]?$")
"""The command at the end of a sentence that does not know it has one."""

_LEAST: Final = 20
"""Columns below which nothing is folded more narrowly."""


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person is likely to look at *stream* as it is written."""
    return stream is not None and not stream.closed and stream.isatty()


WARNING: Final = 4
"""The level of a warning (syslog(3))."""


def warn(line: str) -> None:
    """Write a line about something that went wrong to standard error. The journal of systemd is told its level."""
    level = f"<{WARNING}>" if leads_to_journal(sys.stderr) else ""
    say(level + line.replace("\n", f"\n{level}"))


def leads_to_journal(stream: TextIO | None) -> bool:
    """Whether *stream* leads to the journal of systemd, which takes a level at the beginning of a line (sd-daemon(3)).

    It says so by the device and the inode of what it gave a service, which may have been led elsewhere since
    (``JOURNAL_STREAM``, systemd.exec(5)).
    """
    said = os.environ.get("JOURNAL_STREAM")
    if not said or stream is None:
        return False
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return said == f"{status.st_dev}:{status.st_ino}"


def say(line: str, end: str = "\n") -> None:
    """Write a line to standard error; what nobody can be told is no reason to fail.

    At a terminal a long one is folded between words, and a command to type gets lines of its own, which can be
    pasted into a shell.
    """
    if sys.stderr is None:
        return
    try:
        text = "\n".join(folded(line, sys.stderr)) if end else line
        sys.stderr.write(text + end)
        sys.stderr.flush()
    except OSError:
        pass
    except KeyboardInterrupt:
        _drop(sys.stderr)
        raise


def end_line() -> None:
    """End a line that a signal has cut short, unless the terminal takes nothing: then it would wait again."""
    from cleanup_nodemodule.show.unblocked import takes_any

    if sys.stderr is not None and takes_any(sys.stderr):
        say("")


def folded(line: str, stream: TextIO) -> Iterator[str]:
    """Give *line* as the lines that it takes on *stream*: one, unless that is a terminal with less room."""
    try:
        width = os.get_terminal_size(stream.fileno()).columns if is_terminal(stream) else 0
    except (OSError, ValueError):  # UnsupportedOperation, where it is no file, is both.
        width = 0
    if not width or len(line) * 2 <= width:
        yield line
        return
    from cleanup_nodemodule.show.fitting import cells, wrapped

    for part in line.split("\n"):
        if cells(part) <= width:
            yield part
            continue
        command, text = "", part
        if isinstance(line, Advice):
            command = line.command
            text = part.removesuffix(command).rstrip()
        elif (found := _SUGGESTED.search(part)) is not None:
            command, text = found[1], part[: found.start() + 1]
        indent = len(text) - len(text.lstrip())
        further = " " * (indent + _FURTHER if indent else 0)
        pieces = list(wrapped(text.lstrip(), max(_LEAST, width - len(further))))
        yield " " * indent + pieces[0]
        yield from (further + piece for piece in pieces[1:])
        if command:
            yield from _over_lines(command, width)


def _over_lines(command: str, width: int) -> Iterator[str]:
    """Give *command* as lines that a shell takes for one: each but the last ends with a backslash (sh(1))."""
    from cleanup_nodemodule.show.fitting import cells

    line = ""
    for word in _WORD.findall(command):
        indent = " " * _FURTHER
        if line and cells(f"{line} {word} \\") > width:
            yield f"{line} \\"
            line, indent = "", indent * 2
        line = f"{line} {word}" if line else indent + word
    yield line


def emit(write: Callable[[], None]) -> str | None:
    """Have *write* write to standard output; return why that could not take it all, if so.

    A reader that has seen enough and has closed the pipe is no failure.
    """
    if sys.stdout is None:
        return "standard output is closed"
    if isinstance(sys.stdout, TextIOWrapper):
        # A locale that lacks a character must not end the run.
        sys.stdout.reconfigure(errors="backslashreplace")
    with _buffered():
        try:
            write()
            sys.stdout.flush()
        except KeyboardInterrupt:
            _write_no_more()
            raise
        except SystemExit:
            # Rich's way of saying that the pipe is closed (Console.on_broken_pipe).
            return None
        except OSError as error:
            _write_no_more()
            return None if error.errno == errno.EPIPE else error.strerror
    return None


@contextmanager
def _buffered() -> Iterator[None]:
    """Give standard output a buffer where it has none, as with PYTHONUNBUFFERED.

    Without one each word is a system call, and what a call does not take is lost (io.RawIOBase.write).
    """
    stream = sys.stdout
    if not (isinstance(stream, TextIOWrapper) and isinstance(stream.buffer, RawIOBase)):
        yield
        return
    buffer = BufferedWriter(stream.buffer)
    own = TextIOWrapper(
        buffer,
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.isatty(),
    )
    sys.stdout = own
    try:
        yield
    finally:
        sys.stdout = stream
        # Or it would be closed with them.
        with suppress(OSError):
            own.detach()
        with suppress(OSError):
            buffer.detach()


def _drop(stream: TextIO) -> None:
    """Send what is buffered nowhere, or it would wait again before the next word, and when the process ends."""
    with suppress(OSError, ValueError):
        number = stream.fileno()
        kept, nowhere = os.dup(number), os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, number)
            stream.flush()
        finally:
            os.dup2(kept, number)
            os.close(kept)
            os.close(nowhere)


def _write_no_more() -> None:
    """Send what is still buffered nowhere, or it would fail or wait again when the process ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def print_lines(lines: Iterable[str]) -> int:
    """Print *lines* on standard output; return the exit code."""

    def write() -> None:
        for line in lines:
            print(line)

    lost = emit(write)
    if lost is not None:
        say(f"{PROGRAM}: could not print the result: {lost}")
        return ExitCode.UNEXPECTED
    return ExitCode.DONE
