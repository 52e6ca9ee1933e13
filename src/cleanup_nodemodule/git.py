"""Asks git what it tracks and ignores, without letting a repository's configuration run anything."""

import asyncio
import contextlib
import errno
import itertools
import os
import shutil
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

from cleanup_nodemodule.workers import Workers

_TIMEOUT: Final = 60
"""Seconds one question may take before it counts as not answered."""

_GRACE: Final = 5
"""Seconds for a git that was killed to end."""

_SHORT: Final = frozenset({errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""What fork(2) and pipe(2) say where there is too much of something at the moment."""

_ATTEMPTS: Final = 5
"""How often it is tried again after that."""

_PATHS_AT_ONCE: Final = 500
"""Paths in one question, so that the command line stays below ARG_MAX (execve(2)); with names so
long that it does not, git is not started, which counts as no answer."""

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
    *("-c", "sparse.expectFilesOutsideOfPatterns=true"),
    "--no-pager",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What git says of some directories of one repository."""

    tracked: frozenset[str]
    """Those that hold a tracked file."""
    ignored: frozenset[str]
    """Those that are ignored."""


def installed() -> bool:
    """Whether there is a git to ask."""
    return shutil.which("git") is not None


async def ask(repository: str, directories: Sequence[str]) -> Answer | None:
    """Ask about *directories*, absolute paths beneath the working tree *repository*.

    Returns None if git gives no answer: a broken or bare repository, one of another owner
    (safe.directory, git-config(1)), or no answer in time.
    """
    prefix = os.path.join(repository, "")
    tracked: set[str] = set()
    ignored: set[str] = set()
    if not await _is_sound(repository):
        return None
    for start in range(0, len(directories), _PATHS_AT_ONCE):
        names = {
            os.fsencode(path[len(prefix) :]): path
            for path in directories[start : start + _PATHS_AT_ONCE]
        }
        # A sparse index has one entry for a directory with all that lies in it; to expand that, git
        # would write to the repository. The last pattern lists all such entries, and nothing else.
        literal = [b":(literal)" + name for name in names]
        listed = await _git(
            repository, [b"ls-files", b"--sparse", b"-z", b"--", *literal, b":(glob)**/*/"]
        )
        # check-ignore refuses --literal-pathspecs; behind ./ no name is taken for magic
        # (gitglossary(7), pathspec). It answers 1 if nothing is ignored.
        excluded = await _git(
            repository,
            [b"check-ignore", b"--no-index", b"-z", b"--stdin"],
            b"".join(b"./" + name + b"\0" for name in names),
            fine=(0, 1),
        )
        if listed is None or excluded is None:
            return None
        tracked |= _holding(listed, names)
        ignored.update(names[name[2:]] for name in excluded.split(b"\0") if name[2:] in names)
    return Answer(frozenset(tracked), frozenset(ignored))


async def ask_outer(repository: str, directories: Sequence[str]) -> Answer | None:
    """Ask a repository around another one which of *directories*, in the inner one, it tracks.

    Git refuses to be asked for a path in a submodule, so all that it tracks is looked through.
    Returns None if git gives no answer.
    """
    prefix = os.path.join(repository, "")
    names = {os.fsencode(path[len(prefix) :]): path for path in directories}
    listed = await _git(repository, [b"ls-files", b"--sparse", b"-z"])
    if listed is None or not await _is_sound(repository):
        return None
    return Answer(_holding(listed, names), frozenset())


async def _is_sound(repository: str) -> bool:
    """Whether git can be believed about what lies in the directory *repository*.

    Not if the working tree is elsewhere (core.worktree), and not if the index was cut off: git takes
    the rest for all there is.
    """
    answer = await _git(repository, [b"rev-parse", b"--show-toplevel", b"--git-path", b"index"])
    if answer is None:
        return False
    # The name of the top may have line feeds in it, that of the index ends the answer.
    top, _, index = answer.removesuffix(b"\n").rpartition(b"\n")
    if os.fsdecode(top) != repository:
        return False
    # A thread of its own, where one can be had: what asyncio starts them with fails without.
    readers = Workers("index")
    try:
        path = os.path.join(os.fsencode(repository), index)
        return await asyncio.get_running_loop().run_in_executor(readers, is_whole, path)
    finally:
        readers.shutdown(wait=False)


def is_whole(index: bytes) -> bool:
    """Whether the index ends with the checksum of what comes before it (gitformat-index(5)).

    A repository without commits has none, and index.skipHash has it end with zeros.
    """
    try:
        with open(index, "rb", opener=_open_regular) as file:
            size = os.fstat(file.fileno()).st_size
            return any(_ends_with_checksum(file, size, name) for name in ("sha1", "sha256"))
    except FileNotFoundError:
        return True
    except (OSError, ValueError):  # A NUL byte in what git printed.
        return False


def _open_regular(path: str, flags: int) -> int:
    """Open a file and nothing else: a FIFO would wait for ever, and a symlink may lead to a device."""
    for name in ("O_NOFOLLOW", "O_NONBLOCK"):
        flags |= getattr(os, name, 0)
    descriptor = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path)
    return descriptor


def _ends_with_checksum(file: BinaryIO, size: int, name: str) -> bool:
    import hashlib  # noqa: PLC0415 - for start-up's sake

    digest = hashlib.new(name, usedforsecurity=False)
    left = size - digest.digest_size
    file.seek(0)
    while left > 0:
        piece = file.read(min(left, _PIECE))
        if not piece:
            return False
        digest.update(piece)
        left -= len(piece)
    file.seek(max(0, size - digest.digest_size))
    end = file.read(digest.digest_size)
    return end in {bytes(digest.digest_size), digest.digest()}


_PIECE: Final = 1 << 20
"""Bytes of an index that are read at a time; that of a large repository has hundreds of megabytes."""


def _holding(listed: bytes, names: Mapping[bytes, str]) -> frozenset[str]:
    """Return those of *names* that hold one of the files listed."""
    tracked: set[str] = set()
    for file in listed.split(b"\0"):
        # The directory that was asked for is above the file, or is itself a submodule.
        above = file
        while above:
            if above in names:
                tracked.add(names[above])
            above = above.rpartition(b"/")[0]
        if file.endswith(b"/"):  # All that lies in this directory is tracked.
            tracked.update(path for name, path in names.items() if name.startswith(file))
    return frozenset(tracked)


async def _git(
    repository: str, arguments: Sequence[bytes], data: bytes = b"", fine: tuple[int, ...] = (0,)
) -> bytes | None:
    """Return what git prints, None if it fails."""
    # Variables such as GIT_DIR, set while a hook runs, would make git answer for another repository.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    # No lock is taken and no index refreshed (git(1)), nobody is asked for a password, and nothing
    # is fetched.
    environment |= {
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "none",
        "LC_ALL": "C",
    }
    # A broken repository must not have the one around it answer in its place.
    environment["GIT_CEILING_DIRECTORIES"] = os.path.dirname(repository)
    process = await _start([b"-C", os.fsencode(repository), *arguments], environment)
    if process is None:
        return None
    try:
        output, _ = await asyncio.wait_for(process.communicate(data), _TIMEOUT)
    except TimeoutError:
        return None
    finally:
        if process.returncode is None:
            process.kill()
            # It may wait for a disk that does not answer, and then not even that ends it.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), _GRACE)
    return output if process.returncode in fine else None


async def _start(
    arguments: Sequence[bytes], environment: Mapping[str, str]
) -> asyncio.subprocess.Process | None:
    """Start git, None if that is impossible.

    Where there are too many processes, or too few descriptors, some may have ended a moment later.
    """
    for attempt in itertools.count():
        try:
            return await asyncio.create_subprocess_exec(
                "git",
                *_HARMLESS,
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=environment,
                # Ctrl-C at the terminal is for this program to handle.
                start_new_session=True,
            )
        except OSError as error:
            if error.errno not in _SHORT or attempt >= _ATTEMPTS:
                return None
            await asyncio.sleep(0.05 * 2**attempt)
    return None
