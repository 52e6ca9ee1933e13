"""The command, run by a copy of a process that has already loaded what it is made of.

Most of what a short run takes is the loading of modules, and the tests run the command a thousand times:
so each run is a fork(2) of a process that has loaded them and done nothing else yet. From there on it is
what the installed command is: a process of its own, with descriptors, a directory and an environment of
its own, that ends as the interpreter ends. What differs, that modules are there before they are asked for,
is looked at by test_imports, and wherever the test holds the process in its hands, it is the installed
command that is started.
"""

import importlib
import json
import os
import pkgutil
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import IO, Any, Final, Self

import cleanup_nodemodule
from cleanup_nodemodule.__main__ import main

_EMPTY: Final = 0
"""The size of the last message: whoever sent them has ended."""

_LARGEST: Final = 65536
"""Bytes of a message, at most; what is larger is run otherwise."""

CLOCK: Final = "TEST_CLOCK"
"""A variable that says when a run begins, in seconds since the epoch, if that is not now."""

_OWN: Final = frozenset(
    {
        *("HOME", "PYTEST_CURRENT_TEST", CLOCK),
        *("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"),
    }
)
"""Variables that are looked at when they are needed, so that each run may have its own values."""

_MODULES: Final = (
    *("asyncio", "encodings.ascii", "filelock", "importlib.metadata", "json", "jsonschema"),
    *("pathspec", "platformdirs", "psutil", "pydantic", "pydantic.type_adapter", "typer"),
    *("rich.console", "rich.live", "rich.progress", "rich.table", "typer._adapters"),
    "typer._click.decorators",
)
"""What the command loads of others; none of it looks at its surroundings for that."""


def _load() -> None:
    """Load what any command may need: all modules there are."""
    own = pkgutil.walk_packages(cleanup_nodemodule.__path__, f"{cleanup_nodemodule.__name__}.")
    for name in (*_MODULES, *(module.name for module in own)):
        importlib.import_module(name)


class Preloaded:
    """Runs commands, one at a time. What it cannot run truly it leaves to the caller."""

    def __init__(self, command: str, limits: Mapping[int, int] = MappingProxyType({})) -> None:
        """*limits* is what each run may take at most, by the resource (getrlimit(2))."""
        self._command: Final = command
        self._limits: Final = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._surroundings: object = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def run(
        self,
        arguments: Sequence[str | bytes | Path],
        *,
        cwd: Path,
        env: Mapping[str, str],
        timeout: float,
    ) -> "subprocess.CompletedProcess[str] | None":
        """Run the command without a terminal, and return what came of it; None if it cannot be done.

        Output is text with undecodable bytes as surrogates. Raises TimeoutError after *timeout* seconds.
        """
        words = [os.fsdecode(word) for word in arguments]
        message = json.dumps({"arguments": words, "cwd": str(cwd), "env": dict(env)}).encode()
        if len(message) > _LARGEST or any("\0" in word for word in words) or not cwd.is_dir():
            return None
        self._prepare(env)
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            try:
                self._socket.settimeout(timeout)
                socket.send_fds(self._socket, [message], [output.fileno(), errors.fileno()])
                code = int(self._socket.recv(_LARGEST))
            except BaseException:
                self._end()
                raise
            return subprocess.CompletedProcess(
                [self._command, *words], code, _text(output), _text(errors)
            )

    def _prepare(self, env: Mapping[str, str]) -> None:
        """Have a process that is in all the surroundings in which the command would be started."""
        mounts = "/proc/self/ns/mnt"
        surroundings = (
            {name: value for name, value in env.items() if name not in _OWN},
            os.readlink(mounts) if os.path.exists(mounts) else None,
        )
        if self._process is not None:
            if surroundings == self._surroundings:
                return
            self._end()
        self._surroundings = surroundings
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, self._command, str(theirs.fileno())],
                env=env,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        for limited, most in self._limits.items():
            resource.prlimit(self._process.pid, limited, (most, most))

    def _end(self) -> None:
        if self._process is not None:
            self._socket.close()
            with self._process:
                # With a command that was given up.
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process = None


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "surrogateescape")


def _serve(asking: socket.socket) -> dict[str, Any]:
    """Run what is asked for, one command after the other; return what is asked for in each process.

    Ends the process when nobody is left to ask.
    """
    while True:
        message, descriptors, _, _ = socket.recv_fds(asking, _LARGEST, 2)
        if len(message) == _EMPTY:
            os._exit(0)
        child = os.fork()
        if child == 0:
            asking.close()
            for descriptor, number in zip(descriptors, (1, 2), strict=True):
                os.dup2(descriptor, number)
                os.close(descriptor)
            asked: dict[str, Any] = json.loads(message)
            return asked
        for descriptor in descriptors:
            os.close(descriptor)
        _, status = os.waitpid(child, 0)
        asking.send(str(os.waitstatus_to_exitcode(status)).encode())


def _set_clock(now: float) -> None:
    """Have it be *now*, in seconds since the epoch, for this process."""
    clock = time.time
    ahead = now - clock()
    time.time = lambda: clock() + ahead


def _main() -> None:
    command, descriptor = sys.argv[1:]
    # As it is where the installed command runs, which is not in this directory.
    sys.path[0] = os.path.dirname(command)
    _load()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    asked = _serve(socket.socket(fileno=int(descriptor)))
    os.environ.clear()
    os.environ.update(asked["env"])
    if CLOCK in os.environ:
        _set_clock(float(os.environ.pop(CLOCK)))
    os.chdir(asked["cwd"])
    sys.argv = [command, *asked["arguments"]]
    main()


if __name__ == "__main__":
    _main()
