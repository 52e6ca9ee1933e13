"""Runs git with limits, and ends all that it has started."""

import asyncio
import contextlib
import errno
import itertools
import os
import re
import shlex
import signal
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from math import ceil
from typing import Final, NamedTuple, cast

_GRACE: Final = 5
"""Seconds for a git that was killed to end."""


_SHORT: Final = frozenset({errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""What fork(2) and pipe(2) say where there is too much of something at the moment."""


_ATTEMPTS: Final = 5
"""How often it is tried again after that."""


_PIECE: Final = 64 * 1024
"""Bytes of an answer that are read at a time."""


_OUTPUT: Final = 1 << 30
"""Bytes of an answer: the names of ten million files."""


NAME: Final = 1 << 20
"""Bytes of one name in an answer; no path in an index is longer than 4 KiB where git checks it."""


_WORDS: Final = 300
"""Characters of what git says for itself that are passed on."""


WORD: Final = "sparse.expectFilesOutsideOfPatterns=true"
"""An argument of every git that a run starts, by which it is told from those of others."""

_HARMLESS: Final = (
    # What reading a repository could start, by its configuration: githooks(5), and core.fsmonitor,
    # core.sshCommand, credential.helper in git-config(1).
    *("-c", "core.fsmonitor=false"),
    *("-c", f"core.hooksPath={os.devnull}"),
    *("-c", "core.untrackedCache=false"),
    *("-c", "core.sshCommand=false"),
    *("-c", "core.askPass="),
    *("-c", "credential.helper="),
    # A partial clone fetches what it lacks, with what its configuration names.
    *("-c", "protocol.allow=never"),
    # Git would look for such files, and note in the index that it found some.
    *("-c", WORD),
    # Each thread takes addresses by the hundred megabytes, of which there is a limit.
    *("-c", "index.threads=1"),
    *("-c", "core.preloadIndex=false"),
    "--no-pager",
)


_LIMITED: Final = (
    "ulimit -c 0; ulimit -f 131072; ulimit -S -t {seconds}; ulimit -H -t {hard}; ulimit -v {kibibytes};"
    ' exec "$@"'
)
"""A shell that sets limits for itself (ulimit in sh(1)) and then becomes git. To set them in a function of
our own before exec takes a copy of this process instead of vfork(2): measured with 200 MB of memory, 30 ms
more for each git, against 1 ms for the shell; and setting them from outside, by prlimit(2), comes when git
is at work already, or done. What a shell cannot limit, as memory on macOS, or what is limited more already,
stays as it is."""


class NoAnswer(Exception):
    """Git gave no answer. The message says why."""


class Limits(NamedTuple):
    """What git may take for one question."""

    seconds: float
    memory: int
    """Bytes."""


class Holding:
    """Learns from the files that are tracked which of some directories hold one."""

    def __init__(self, names: Mapping[bytes, str]) -> None:
        self._names: Final = names
        self._sorted: Final = sorted(names)
        self._last: bytes | None = None
        """The directory of the last file; git tells them in order, and those of one directory together."""
        self.found: Final[set[str]] = set()

    def take(self, file: bytes) -> None:
        """Take in a tracked file, or a directory with all that lies in it, which ends with a slash."""
        # The directory that was asked for is above the file, or is itself a submodule.
        if file in self._names:
            self.found.add(self._names[file])
        above = file.rpartition(b"/")[0]
        if above != self._last:
            self._last = above
        else:
            above = b""
        while above:
            if above in self._names:
                self.found.add(self._names[above])
            above = above.rpartition(b"/")[0]
        if file.endswith(b"/"):
            for name in self._sorted[bisect_left(self._sorted, file) :]:
                if not name.startswith(file):
                    break
                self.found.add(self._names[name])


async def git(
    repository: str,
    arguments: Sequence[bytes],
    take: Callable[[bytes], None],
    limits: Limits,
    data: bytes = b"",
    fine: tuple[int, ...] = (0,),
    *,
    configured: bool = True,
) -> None:
    """Have *take* be given what git prints, piece by piece.

    Unless it is *configured*, nothing but the repository's own configuration counts. An exit code that is *fine*
    is no failure.
    Raises _NoAnswer if it fails, and TimeoutError if it takes too long. However this ends, nothing is left
    of git and of what it started.
    """
    # Variables such as GIT_DIR, set while a hook runs, would make git answer for another repository.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    # No lock is taken and no index refreshed (git(1)), nobody is asked for a password, and nothing
    # is fetched.
    environment |= {
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        # A reference could give another commit for the one that HEAD names (git-replace(1)).
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_ALLOW_PROTOCOL": "none",
        "LC_ALL": "C",
    }
    # Another user's configuration would have git trust that user's repositories (safe.directory).
    if (home := _home_instead()) is not None:
        environment["HOME"] = home
        environment.pop("XDG_CONFIG_HOME", None)
    if not configured:
        environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    # A broken repository must not have the one around it answer in its place.
    environment["GIT_CEILING_DIRECTORIES"] = os.path.dirname(repository)
    running = await _start([b"-C", os.fsencode(repository), *arguments], environment, limits)
    process = running.process
    ended = False
    try:
        async with asyncio.timeout(limits.seconds):
            said, fault, _ = await asyncio.gather(
                _last_words(cast("asyncio.StreamReader", process.stderr)),
                _read(running, cast("asyncio.StreamReader", process.stdout), take),
                _write(cast("asyncio.StreamWriter", process.stdin), data),
            )
            code = await process.wait()
        ended = True
    finally:
        if ended:
            running.close()
        else:
            await running.end()
    if fault is not None:
        raise fault
    if code not in fine:
        raise NoAnswer(_in_words(repository, said, code, limits))


class _Running:
    """A git that was started, and what it starts: a group of processes (setsid(2))."""

    def __init__(
        self,
        transport: asyncio.SubprocessTransport,
        protocol: asyncio.subprocess.SubprocessStreamProtocol,
    ) -> None:
        self._transport: Final = transport
        self.process: Final = asyncio.subprocess.Process(
            transport, protocol, asyncio.get_running_loop()
        )

    def kill(self) -> None:
        """Kill all of them."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.kill()

    async def end(self) -> None:
        """Kill all of them, and wait until git has ended."""
        self.kill()
        # It may wait for a disk that does not answer, and then not even that ends it.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.process.wait(), _GRACE)
        self.close()

    def close(self) -> None:
        """Close the pipes, whoever else may have them open."""
        self._transport.close()


def _home_instead() -> str | None:
    """Return the account's own home directory if HOME belongs to another account."""
    with contextlib.suppress(OSError):
        if not hasattr(os, "geteuid") or os.stat(os.path.expanduser("~")).st_uid == os.geteuid():
            return None
    from cleanup_nodemodule.system import accounts  # noqa: PLC0415 - few runs are of such a kind

    return accounts.home_instead()


async def _read(
    running: _Running, printed: asyncio.StreamReader, take: Callable[[bytes], None]
) -> NoAnswer | None:
    """Hand on what is printed; return what was wrong with it."""
    left = _OUTPUT
    try:
        while piece := await printed.read(_PIECE):
            left -= len(piece)
            if left < 0:
                raise NoAnswer(f"it gave more than {_OUTPUT:,} bytes of one")
            take(piece)
    except NoAnswer as fault:
        running.kill()
        return fault
    return None


async def _write(pipe: asyncio.StreamWriter, data: bytes) -> None:
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        pipe.write(data)
        await pipe.drain()
    pipe.close()


async def _last_words(errors: asyncio.StreamReader) -> bytes:
    """Return the end of what git says for itself."""
    said = b""
    while piece := await errors.read(_PIECE):
        said = (said + piece)[-_PIECE:]
    return said


def _in_words(repository: str, said: bytes, code: int, limits: Limits) -> str:
    """Return why git gave no answer: in its own words, and what to do."""
    lines = [line for line in os.fsdecode(said).splitlines() if line.strip()]
    complaints = [line for line in lines if line.startswith(("fatal: ", "error: "))]
    words = (complaints or lines or [f"it ended with exit code {code}"])[-1]
    words = "".join(char if char.isprintable() else "?" for char in words)[:_WORDS]
    if code == -getattr(signal, "SIGXCPU", 0):
        return (
            f"it took more than the {ceil(limits.seconds)} seconds of a processor that it is given"
        )
    if code < 0:
        return f"it was ended by signal {-code}"
    if re.search("dubious ownership|unsafe repository", words):
        trust = f"git config --global --add safe.directory {shlex.quote(repository)}"
        return (
            f"{words}; git runs what its owner writes there: if you trust that user, type: {trust}"
        )
    if "worktrees" in words:
        return f"{words}; if it was moved, type `git worktree repair` in the main working tree"
    if "memory" in words.lower():
        return f"{words}; it is given {limits.memory:,} bytes of memory"
    return words


def _command(limits: Limits) -> tuple[str, ...]:
    """Return git, with its limits where there are such."""
    try:
        import resource  # noqa: PLC0415 - there is none on Windows
    except ImportError:
        return ("git",)
    memory = limits.memory
    already, _ = resource.getrlimit(resource.RLIMIT_AS)
    if already != resource.RLIM_INFINITY:
        memory = min(memory, already)
    seconds = ceil(limits.seconds)
    script = _LIMITED.format(seconds=seconds, hard=seconds + 1, kibibytes=memory // 1024)
    return ("/bin/sh", "-c", script.replace(";", " 2>/dev/null;"), "sh", "git")


async def _start(
    arguments: Sequence[bytes], environment: Mapping[str, str], limits: Limits
) -> "_Running":
    """Start git; raise _NoAnswer if that is impossible.

    Where there are too many processes, or too few descriptors, some may have ended a moment later.
    """
    loop = asyncio.get_running_loop()
    for attempt in itertools.count():
        starting = asyncio.ensure_future(
            loop.subprocess_exec(
                # As asyncio.create_subprocess_exec does, which keeps the transport to itself.
                lambda: asyncio.subprocess.SubprocessStreamProtocol(2 * _PIECE, loop),
                *_command(limits),
                *_HARMLESS,
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=environment,
                # Ctrl-C at the terminal is for this program to handle, which ends the group.
                start_new_session=True,
            )
        )
        try:
            # Cancelled in the middle it would end git itself, and nothing that this has started.
            return _Running(*await asyncio.shield(starting))
        except asyncio.CancelledError:
            with contextlib.suppress(OSError):
                await _Running(*await starting).end()
            raise
        except OSError as error:
            if error.errno not in _SHORT or attempt >= _ATTEMPTS:
                raise NoAnswer(f"it cannot be started: {error.strerror}") from error
            await asyncio.sleep(0.05 * 2**attempt)
    raise AssertionError
