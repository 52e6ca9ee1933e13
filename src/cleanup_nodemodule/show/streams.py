"""Standard output and standard error, which may be closed, full, a pipe or a terminal."""

import errno
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedWriter, RawIOBase, TextIOWrapper
from typing import TextIO

from cleanup_nodemodule.exit_codes import ExitCode
from cleanup_nodemodule.words import PROGRAM


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person is likely to look at *stream* as it is written."""
    return stream is not None and not stream.closed and stream.isatty()


def say(line: str, end: str = "\n") -> None:
    """Write a line to standard error; what nobody can be told is no reason to fail."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(line + end)
        sys.stderr.flush()
    except OSError:
        pass


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
