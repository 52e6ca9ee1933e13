"""Says whether a clone that a tool has made inside an artifact can be made again: nobody worked in it.

That is so where all its files are as they were checked out, and every commit in it is one that its remote has. git
is asked, which is only started on a repository that was looked at (:mod:`~.clone_files`), and with no configuration
but that of the clone, in which nothing may name a program.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Final, NamedTuple

from cleanup_nodemodule.proof import clone_files, precious
from cleanup_nodemodule.proof.clone_files import Clone
from cleanup_nodemodule.proof.git_process import Limits, NoAnswer, git
from cleanup_nodemodule.proof.git_records import Records
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.silence import Unanswered
from cleanup_nodemodule.work.tasks import Stopped

_SECONDS: Final = 20.0
"""Seconds that one question about a clone may take."""

_ALONE: Final = (
    # A file that only the user's own patterns ignore is nobody's build output.
    *(b"-c", b"core.excludesFile=/dev/null"),
    *(b"-c", b"core.attributesFile=/dev/null"),
)

_STATUS: Final = (
    *(b"status", b"--porcelain=v2", b"-z", b"--no-renames"),
    *(b"--untracked-files=all", b"--ignored=traditional", b"--ignore-submodules=all"),
)
"""Says nothing of a clone in which nothing was changed or added but what is ignored (git-status(1)). What is
ignored is named file by file, as a data base may lie in an ignored directory. Submodules are looked at for themselves."""

_TOOLS_OWN: Final = (b"? .fetch", b"? .piopm", b"? .lake/")
"""Lines of it for what tools put into the clones that they make: mix ``.fetch`` (lib/mix/dep/fetcher.ex), PlatformIO
``.piopm`` (platformio/package/manager/base.py), Lake the ``.lake`` of what it builds."""

_COMMITS: Final = (b"rev-list", b"--max-count=1", b"--ignore-missing")


class Verdict(NamedTuple):
    """Whether a clone can go."""

    harmless: bool
    why: str
    """In words: where it comes back from, or what would be lost."""
    waits: bool = False
    """It is a clone of another one in the artifact, of which nobody knows by now whether that is harmless."""


async def harmless(
    repository: str,
    artifact: str,
    kinds: Mapping[str, str],
    scheduler: Scheduler,
    *,
    others: Collection[str] = (),
) -> Verdict:
    """Say whether *repository*, which lies in *artifact*, can go with it.

    Both are absolute, without symlinks. *kinds* gives for each mount point what is mounted there, *others* are the
    repositories in the artifact that are known to be harmless: a clone may be one of them. Raises Stopped.
    """
    try:
        looked = await scheduler.read(
            clone_files.look, repository, artifact, kinds, lacked=clone_files.lacked
        )
        if not isinstance(looked, Clone):
            return Verdict(harmless=False, why=looked.why)
        if looked.inner is not None and looked.inner not in others:
            why = f"it is a clone of {looked.inner}, which is not known to be harmless"
            return Verdict(harmless=False, why=why, waits=True)
        loss = await _loss(repository, looked)
    except Stopped:
        raise
    except (Unanswered, TimeoutError):
        return Verdict(harmless=False, why="it gave no answer in time")
    except NoAnswer as error:
        return Verdict(harmless=False, why=f"git gave no answer: {error}")
    if loss is not None:
        return Verdict(harmless=False, why=loss)
    return Verdict(harmless=True, why=f"a clone of {looked.remote} without changes")


async def _loss(repository: str, clone: Clone) -> str | None:
    """Return what would be lost with a clone, None if nothing would."""
    limits = Limits(_SECONDS, clone.memory)
    if clone.bare:
        # A mirror: whatever is fetched takes the place of what was there.
        kept = await _first(repository, limits, b"for-each-ref", b"--count=1", b"refs/stash")
        return "there is a stash in it" if kept else None
    if hidden := await _first(repository, limits, b"ls-files", b"-v", b"-z", counts=_is_hidden):
        return f"changes to {_name(hidden[2:])} are hidden from git"
    if changed := await _first(repository, limits, *_STATUS, counts=_is_work):
        return f"not committed: {_name(_path_in(changed))}"
    fetched = [commit.encode() for commit in clone.fetched]
    everything = [b"--all", b"--not", b"--remotes", b"--tags", *fetched]
    if await _first(repository, limits, *_COMMITS, *everything):
        return "commits or a stash in it that its remote does not have"
    made = [commit.encode() for commit in clone.made]
    # A tag may be of the same hand as the commits.
    if made and await _first(
        repository, limits, *_COMMITS, *made, b"--not", b"--remotes", *fetched
    ):
        return "commits were made in it that its remote does not have"
    return None


async def _first(
    repository: str,
    limits: Limits,
    *arguments: bytes,
    counts: Callable[[bytes], bool] = bool,
) -> bytes:
    """Return the first record that git prints and that *counts*."""
    found: list[bytes] = []

    def take(record: bytes) -> None:
        if record and not found and counts(record):
            found.append(record)

    records = Records(take, b"\0" if b"-z" in arguments else b"\n")
    await git(repository, [*_ALONE, *arguments], records, limits, configured=False)
    return found[0] if found else b""


def _is_hidden(record: bytes) -> bool:
    """Whether a line of ``git ls-files -v`` is of a file of which git says nothing (git-ls-files(1))."""
    return not record.startswith(b"H ")


def _is_work(record: bytes) -> bool:
    """Whether a line of the status is of somebody's work: of what is ignored, such as ``.env`` and ``uploads/`` are."""
    if record.startswith(b"! "):
        path = _name(record[2:]).rstrip("/")
        parts = path.split("/")
        around = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
        return bool(precious.unexpected(None, around))
    return not record.startswith(_TOOLS_OWN)


def _path_in(record: bytes) -> bytes:
    """Return the path in a line of ``git status --porcelain=v2`` (git-status(1))."""
    fields = {b"1": 8, b"u": 10}.get(record[:1], 1)
    return record.split(b" ", fields)[-1]


def _name(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")
