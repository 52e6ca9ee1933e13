"""Asks git what it tracks and ignores, without letting a repository's configuration run anything.

A repository is looked at first (:mod:`cleanup_nodemodule.proof.git_files`). As somebody may change it behind that
look, git runs under limits besides: of memory, processor time, output and time, and it is ended with all
that it started as soon as nobody waits for its answer any more.
"""

import os
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cleanup_nodemodule.proof import git_files
from cleanup_nodemodule.proof.git_process import NAME, Holding, Limits, NoAnswer, git
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.silence import Unanswered
from cleanup_nodemodule.work.tasks import Stopped

_TIMEOUT: Final = 60
"""Seconds one question may take at most before it counts as not answered."""

_LEAST: Final = 1.0
"""Seconds a question may take where many others of the same owner were not answered."""


_PATHS_AT_ONCE: Final = 500
"""Paths on one command line, so that it stays below ARG_MAX (execve(2)); with names so long that it does
not, git is not started, which counts as no answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What git says of some directories of one repository."""

    tracked: frozenset[str]
    """Those that hold a tracked file."""
    ignored: frozenset[str]
    """Those that are ignored."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """That there is no answer."""

    why: str
    """In words, and what to do about it."""


def installed() -> bool:
    """Whether there is a git to ask."""
    return shutil.which("git") is not None


class Asker:
    """Asks git about repositories, for the time of one run."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler: Final = scheduler
        self._silent: Counter[int] = Counter()
        """How many questions were not answered in time, by whose the repositories are."""

    async def ask(
        self,
        repository: str,
        directories: Sequence[str],
        kinds: Mapping[str, str],
        *,
        outer: bool = False,
    ) -> Answer | Refusal:
        """Ask about *directories*, absolute paths beneath the working tree *repository*.

        With *outer* they lie in another repository inside of this one, and it is only asked which of them
        it tracks. *kinds* gives for each mount point what is mounted there. There is no answer from a broken
        or bare repository, from one of another owner (safe.directory, git-config(1)), where something is not
        as it should be, or in time. Raises Stopped.
        """
        try:
            return await self._ask(repository, directories, kinds, outer=outer)
        except Stopped:
            raise
        except Unanswered:
            why = "the disk gave no answer in time"
        except NoAnswer as error:
            why = str(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is no answer, and the others go on
            why = f"{type(error).__name__}: {error}"
        return Refusal(f"git gave no answer in {repository}: {why}")

    async def _ask(
        self,
        repository: str,
        directories: Sequence[str],
        kinds: Mapping[str, str],
        *,
        outer: bool,
    ) -> Answer:
        within = () if outer else tuple(directories)
        looked = await self._scheduler.read(
            git_files.check, repository, within, kinds, lacked=git_files.lacked
        )
        if isinstance(looked, git_files.Doubt):
            raise NoAnswer(looked.why)
        limits = Limits(self._seconds(looked.owner), looked.memory)
        try:
            return await (_ask_outer if outer else _ask)(repository, directories, limits)
        except TimeoutError as error:
            self._silent[looked.owner] += 1
            raise NoAnswer(f"it was ended after {limits.seconds:g} seconds without one") from error

    def _seconds(self, owner: int) -> float:
        """Return how long a question may take.

        Half as long with each that the same owner's repositories left without an answer: who has a
        thousand of them made to be waited for holds nobody else up for long.
        """
        timeout = self._scheduler.timeout
        longest = _TIMEOUT if timeout is None else min(_TIMEOUT, timeout)
        return max(min(longest, _LEAST), longest / (1 << min(self._silent[owner], 10)))


async def _ask(repository: str, directories: Sequence[str], limits: Limits) -> Answer:
    prefix = os.path.join(repository, "")
    names = {os.fsencode(path[len(prefix) :]): path for path in directories}
    ignored: set[str] = set()
    await _check_top(repository, limits)
    tracked = await _tracked(repository, names, limits)

    def take(name: bytes) -> None:
        if name[2:] in names:
            ignored.add(names[name[2:]])

    # check-ignore refuses --literal-pathspecs; behind ./ no name is taken for magic
    # (gitglossary(7), pathspec). It answers 1 if nothing is ignored.
    await git(
        repository,
        [b"check-ignore", b"--no-index", b"-z", b"--stdin"],
        _Records(take),
        limits,
        b"".join(b"./" + name + b"\0" for name in names),
        fine=(0, 1),
    )
    return Answer(tracked, frozenset(ignored))


async def _tracked(repository: str, names: Mapping[bytes, str], limits: Limits) -> frozenset[str]:
    """Return those of the directories, by their *names* for git, that hold a tracked file."""
    holding = Holding(names)
    if len(names) > _PATHS_AT_ONCE:
        # Git would compare each file with each of them, which takes longer than to look through all files.
        arguments = []
    else:
        # A sparse index has one entry for a directory with all that lies in it; to expand that, git
        # would write to the repository. The last pattern lists all such entries, and nothing else.
        arguments = [b"--", *(b":(literal)" + name for name in names), b":(glob)**/*/"]
    await git(
        repository, [b"ls-files", b"--sparse", b"-z", *arguments], _Records(holding.take), limits
    )
    return frozenset(holding.found)


async def _ask_outer(repository: str, directories: Sequence[str], limits: Limits) -> Answer:
    """Git refuses to be asked for a path in a submodule, so all that it tracks is looked through."""
    prefix = os.path.join(repository, "")
    holding = Holding({os.fsencode(path[len(prefix) :]): path for path in directories})
    await _check_top(repository, limits)
    await git(repository, [b"ls-files", b"--sparse", b"-z"], _Records(holding.take), limits)
    return Answer(frozenset(holding.found), frozenset())


async def _check_top(repository: str, limits: Limits) -> None:
    """Raise _NoAnswer if the working tree is elsewhere (core.worktree)."""
    answer = bytearray()
    await git(repository, [b"rev-parse", b"--show-toplevel"], answer.extend, limits)
    top = os.fsdecode(bytes(answer).removesuffix(b"\n"))
    if top != repository:
        raise NoAnswer(f"its working tree is {top or 'nowhere'}")


class _Records:
    """Takes an answer apart, piece by piece, into what NUL bytes end."""

    def __init__(self, each: Callable[[bytes], None]) -> None:
        self._each: Final = each
        self._rest = b""

    def __call__(self, piece: bytes) -> None:
        *records, self._rest = (self._rest + piece).split(b"\0")
        for record in records:
            self._each(record)
        if len(self._rest) > NAME:
            raise NoAnswer(f"it gave a name of more than {NAME:,} bytes")
