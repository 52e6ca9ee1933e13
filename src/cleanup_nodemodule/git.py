"""Asks git what it tracks and ignores, without letting a repository's configuration run anything."""

import asyncio
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_TIMEOUT: Final = 60
"""Seconds one question may take before it counts as not answered."""

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
    top = await _git(repository, [b"rev-parse", b"--show-toplevel"])
    if top is None or os.fsdecode(top.removesuffix(b"\n")) != repository:
        # Its working tree is elsewhere (core.worktree), so paths here mean nothing to it.
        return None
    for start in range(0, len(directories), _PATHS_AT_ONCE):
        names = {
            os.fsencode(path[len(prefix) :]): path
            for path in directories[start : start + _PATHS_AT_ONCE]
        }
        listed = await _git(repository, [b"--literal-pathspecs", b"ls-files", b"-z", b"--", *names])
        # check-ignore refuses --literal-pathspecs; behind ./ no name is taken for magic
        # (gitglossary(7), pathspec). It answers 1 if nothing is ignored.
        excluded = await _git(
            repository,
            [b"check-ignore", b"-z", b"--stdin"],
            b"".join(b"./" + name + b"\0" for name in names),
            fine=(0, 1),
        )
        if listed is None or excluded is None:
            return None
        for file in listed.split(b"\0"):
            # The directory that was asked for is above the file, or is itself a submodule.
            above = file
            while above:
                if above in names:
                    tracked.add(names[above])
                above = above.rpartition(b"/")[0]
        ignored.update(names[name[2:]] for name in excluded.split(b"\0") if name[2:] in names)
    return Answer(frozenset(tracked), frozenset(ignored))


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
    try:
        process = await asyncio.create_subprocess_exec(
            "git",
            "-C",
            repository,
            *_HARMLESS,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment,
            # Ctrl-C at the terminal is for this program to handle.
            start_new_session=True,
        )
    except OSError:
        return None
    try:
        output, _ = await asyncio.wait_for(process.communicate(data), _TIMEOUT)
    except TimeoutError:
        return None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return output if process.returncode in fine else None
