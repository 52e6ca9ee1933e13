"""Asks git what it tracks and ignores, without letting a repository's configuration run anything.

A repository is looked at first (:mod:`cleanup_nodemodule.proof.git_files`). As somebody may change it behind that
look, git runs under limits besides: of memory, processor time, output and time, and it is ended with all
that it started as soon as nobody waits for its answer any more.
"""

import os
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from cleanup_nodemodule.proof import git_files
from cleanup_nodemodule.proof.git_content import ignoring_themselves
from cleanup_nodemodule.proof.git_process import Holding, Limits, NoAnswer, git
from cleanup_nodemodule.proof.git_records import Records
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


_FIELDS: Final = 4
"""What check-ignore --verbose says of a path: source, line, pattern, path (git-check-ignore(1), OUTPUT)."""


class IgnoredBy(NamedTuple):
    """What has git ignore a directory (check-ignore -v, git-check-ignore(1))."""

    source: str
    """The file: relative to the working tree for one of its own, else as git has it."""
    line: int
    pattern: str

    @property
    def own(self) -> bool:
        """Whether it is the project's word: a ``.gitignore`` of it, and no file of the user (gitignore(5))."""
        name = os.path.basename(self.source)
        return name == ".gitignore" and not os.path.isabs(self.source)

    @property
    def blanket(self) -> bool:
        """Whether it ignores whatever is there, so that it says nothing of this directory.

        Such as ``*``, ``/*``, ``**/`` and ``.*``, mostly with exceptions behind it.
        """
        return not any(map(str.isalnum, os.path.basename(self.pattern.rstrip("/"))))


_NONE: Final[Mapping[str, Any]] = {}


class Answer(NamedTuple):
    """What git, or another version control, says of some directories of one repository."""

    tracked: frozenset[str]
    """Those that hold a tracked file, by the index or by what HEAD names."""
    ignored: frozenset[str]
    """Those that git ignores, for whatever reason."""
    ignored_by: Mapping[str, IgnoredBy] = _NONE
    """What ignores each of these."""
    neither: frozenset[str] = frozenset()
    """Those that git neither tracks nor ignores, and that do not ignore themselves: by git's own word what is
    in them is not committed yet."""
    tracked_by: Mapping[str, str] = _NONE
    """The name of the version control that tracks something in a directory, where it is not git."""
    unknown: Mapping[str, str] = _NONE
    """Those of which nobody can say whether they are tracked, and why, in words."""

    @property
    def blanket(self) -> frozenset[str]:
        """Those that git ignores only by a pattern that ignores whatever is there."""
        return frozenset(path for path, by in self.ignored_by.items() if by.blanket)


class Refusal(NamedTuple):
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
            if not outer:
                answer = await _ask(repository, directories, looked, limits)
                rest = tuple(path for path in answer.neither if path not in kinds)
                if not rest:
                    return answer
                quiet = await self._scheduler.call(ignoring_themselves, rest)
                return answer._replace(neither=answer.neither - quiet)
            return await _ask_outer(repository, directories, looked, limits)
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


async def _ask(
    repository: str, directories: Sequence[str], looked: git_files.Checked, limits: Limits
) -> Answer:
    prefix = os.path.join(repository, "")
    names = {os.fsencode(path[len(prefix) :]): path for path in directories}
    as_committed = await _check_top(repository, looked, limits)
    tracked = await _tracked(repository, names, limits, as_committed=as_committed)
    ignoring = _Ignoring(names)
    # check-ignore refuses --literal-pathspecs; behind ./ no name is taken for magic
    # (gitglossary(7), pathspec). It answers 1 if nothing is ignored.
    await git(
        repository,
        [b"check-ignore", b"--no-index", b"--verbose", b"-z", b"--stdin"],
        Records(ignoring.take),
        limits,
        b"".join(b"./" + name + b"\0" for name in names),
        fine=(0, 1),
    )
    ignored = ignoring.found
    neither = frozenset(directories).difference(tracked, ignored)
    return Answer(tracked, frozenset(ignored), ignored, neither)


async def _tracked(
    repository: str, names: Mapping[bytes, str], limits: Limits, *, as_committed: bool
) -> frozenset[str]:
    """Return those of the directories, by their *names* for git, that hold a tracked file.

    Unless the index is *as_committed*, HEAD is asked, too.
    """
    holding = Holding(names)
    arguments: list[bytes] = []
    listing = [b"-r", b"HEAD"]
    if len(names) <= _PATHS_AT_ONCE:
        literal = [b":(literal)" + name for name in names]
        # A sparse index has one entry for a directory with all that lies in it; to expand that, git
        # would write to the repository. The last pattern lists all such entries, and nothing else.
        arguments = [b"--", *literal, b":(glob)**/*/"]
        listing = [b"HEAD", b"--", *literal]
    # Otherwise git would compare each file with each of them, which takes longer than to look through all
    # files.
    await git(
        repository, [b"ls-files", b"--sparse", b"-z", *arguments], Records(holding.take), limits
    )
    if not as_committed:
        await git(
            repository,
            [b"ls-tree", b"-z", b"--name-only", *listing],
            Records(holding.take),
            limits,
        )
    return frozenset(holding.found)


async def _ask_outer(
    repository: str, directories: Sequence[str], looked: git_files.Checked, limits: Limits
) -> Answer:
    """Git refuses to be asked for a path in a submodule, so all that it tracks is looked through."""
    prefix = os.path.join(repository, "")
    holding = Holding({os.fsencode(path[len(prefix) :]): path for path in directories})
    as_committed = await _check_top(repository, looked, limits)
    await git(repository, [b"ls-files", b"--sparse", b"-z"], Records(holding.take), limits)
    if not as_committed:
        listing = [b"ls-tree", b"-r", b"-z", b"--name-only", b"HEAD"]
        await git(repository, listing, Records(holding.take), limits)
    return Answer(frozenset(holding.found), frozenset())


async def _check_top(repository: str, looked: git_files.Checked, limits: Limits) -> bool:
    """Return whether HEAD tracks no more than the index.

    Raises _NoAnswer if the working tree is elsewhere (core.worktree), and if there is no index though HEAD
    names a commit: after a checkout that failed, say. Without --verify git-rev-parse(1) passes over what is
    not there, such as the commit of a new branch.
    """
    answer = bytearray()
    question = [b"rev-parse", b"--show-toplevel", b"--revs-only", b"HEAD", b"HEAD^{tree}"]
    await git(repository, question, answer.extend, limits)
    top = os.fsencode(repository) + b"\n"
    if not answer.startswith(top):
        lines = os.fsdecode(bytes(answer)).split("\n")
        raise NoAnswer(f"its working tree is {lines[0] or 'nowhere'}")
    commit, *tree = bytes(answer[len(top) :]).split() or [b""]
    if not commit:
        return True
    if not looked.has_index:
        raise NoAnswer(
            "HEAD names a commit, but there is no index, so nothing is known to be tracked; if the checkout"
            " failed or the index was lost, type `git reset` there, which changes no files"
        )
    return len(tree) == 1 and looked.tree is not None and tree[0] == looked.tree.encode()


class _Ignoring:
    """Learns from ``check-ignore --verbose`` what ignores which of some directories."""

    def __init__(self, names: Mapping[bytes, str]) -> None:
        self._names: Final = names
        self._patterns: dict[tuple[bytes, ...], IgnoredBy] = {}
        self._fields: list[bytes] = []
        self.found: Final[dict[str, IgnoredBy]] = {}

    def take(self, field: bytes) -> None:
        """Take in the next of source, line, pattern and path."""
        self._fields.append(field)
        if len(self._fields) < _FIELDS:
            return
        *where, path = self._fields
        self._fields = []
        source, line, pattern = where
        # What an exception takes in again is listed, too.
        if path[2:] not in self._names or pattern.startswith(b"!"):
            return
        # Thousands of directories have one pattern in common.
        by = self._patterns.setdefault(
            tuple(where),
            IgnoredBy(
                os.fsdecode(source), int(line) if line.isdigit() else 0, os.fsdecode(pattern)
            ),
        )
        self.found[self._names[path[2:]]] = by
