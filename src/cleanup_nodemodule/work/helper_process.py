"""Makes calls in a process of its own, which can be left behind, and runs beside this one.

A thread that waits for a disk which does not answer may be beyond every signal (FUSE, request_wait_answer
in fs/fuse/dev.c of Linux), and a process does not end before its last thread has. So where a tree lies on
what may fall silent, a network mount for one, it is walked by other processes: each takes one call at a
time by a pipe, and whoever waits for it waits for the pipe.
"""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import IO, Any, cast

from cleanup_nodemodule import engine
from cleanup_nodemodule.system import mounts


class EndedError(OSError):
    """There is no process that could make the call."""


class HelperProcess:
    """A process that makes one call after the other. It ends when this one does."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def close(self) -> None:
        """Let it end, and wait until it has."""
        if self._process is not None:
            with self._process:
                pass

    def call(self, function: Callable[[], Any]) -> Any:
        """Return what *function* returns there, or raise what it raises; both have to pickle.

        Raises EndedError where there can be no such process, or it has ended; then the next call has
        another.
        """
        raised, value = self._answer(function)
        if raised:
            raise value
        return value

    def _answer(self, function: Callable[[], Any]) -> tuple[bool, Any]:
        """Return whether *function* raised something there, and that or what it returned."""
        import pickle  # noqa: PLC0415 - few runs have such a process

        if self._process is None:
            try:
                self._process = _start()
            except OSError as error:
                raise EndedError(*error.args) from error
        calls, answers = (
            cast("IO[bytes]", self._process.stdin),
            cast("IO[bytes]", self._process.stdout),
        )
        try:
            with suppress(BrokenPipeError):  # Then there is no answer either.
                pickle.dump(function, calls)
                calls.flush()
            try:
                answer: tuple[bool, Any] = pickle.load(answers)  # noqa: S301 - from what was started here
            except MemoryError:
                raise
            except Exception as error:  # Of half an answer pickle may raise anything.
                text = "the process that looks at the disk has ended"
                raise EndedError(errno.EPIPE, text) from error
        except BaseException:
            # What is left in the pipes belongs to this call, and would be taken for part of the next.
            with self._process:
                self._process.kill()
                with suppress(BrokenPipeError):
                    calls.close()
            self._process = None
            raise
        return answer


def _start() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 - this very program
        # -P: nothing is imported from the directory it happens to be started in.
        [sys.executable, "-P", "-m", __name__, engine.name()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # What is imported there is what was imported here, wherever that was from.
        env={**os.environ, "PYTHONPATH": os.pathsep.join(_importable())},
        cwd="/",
        # Ctrl-C at the terminal is for this process to handle.
        start_new_session=True,
    )


def _importable() -> list[str]:
    """Return where modules are imported from, but for the directory that the run was started in.

    That is among it with ``python -m``, and may lie on a disk that does not answer.
    """
    ours = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    try:
        here = os.getcwd()
    except OSError:
        here = ""
    return [
        place
        for place in sys.path
        if os.path.isabs(place) and os.pathsep not in place and (place != here or place == ours)
    ]


def is_needed(paths: Iterable[str], kinds: dict[str, str]) -> bool:
    """Whether one of the *paths* lies on a file system that may fall silent.

    *kinds* gives for each mount point what is mounted there. Asks nothing of such a file system.
    """
    return any(_leads_to_silence(path, kinds) for path in paths)


def _leads_to_silence(path: str, kinds: dict[str, str]) -> bool:
    try:
        whole = path if os.path.isabs(path) else os.path.join(os.getcwd(), path)
    except OSError:  # There is no current directory any more, and nothing in it.
        return False
    return mounts.resolve(whole, kinds)[1]


def _serve() -> None:
    """Make the calls that come in, until there are no more."""
    import pickle  # noqa: PLC0415 - this is the other process

    # The other process is told to stop, and then wants to know what was found by then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    calls, answers = sys.stdin.buffer, sys.stdout.buffer
    while True:
        try:
            function = pickle.load(calls)  # noqa: S301 - from the process that started this one
        except EOFError:
            return
        try:
            answer = pickle.dumps((False, function()))
        except BaseException as error:  # noqa: BLE001 - it is for whoever waits for the answer
            answer = pickle.dumps((True, error))
        answers.write(answer)
        answers.flush()


if __name__ == "__main__":
    engine.choose("python" if sys.argv[1] == "python" else "native")
    _serve()
