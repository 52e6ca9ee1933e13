"""Explain one directory: the run that ``explain`` is for."""

import errno
import os
import stat

from cleanup_nodemodule.config.settings import Settings
from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.model import Candidate, Identity
from cleanup_nodemodule.run.loop import Runtime
from cleanup_nodemodule.survey import survey
from cleanup_nodemodule.system.symlinks import resolve
from cleanup_nodemodule.words import printable
from cleanup_nodemodule.work.conversion import everywhere
from cleanup_nodemodule.work.scheduler import Scheduler


class OutsideError(UsageError):
    """The directory that is to be searched is not around what is to be explained, or not there."""


async def explain(
    path: str, settings: Settings, runtime: Runtime, *, root: str | None = None
) -> survey.Explanation | None:
    """Return what a run that searches *root* knows of one directory and decides; None for a symlink.

    Without *root* it is the root that :func:`locate` chooses. Raises OutsideError, OSError where there is
    no such directory, and Unanswered where its disk does not answer.
    """

    async def ask(scheduler: Scheduler) -> survey.Explanation | None:
        candidate = await scheduler.call(locate, there, settings.cwd, around)
        if candidate is None:
            return None
        return await survey.explain(candidate, settings, scheduler)

    there = everywhere(path)
    around = None if root is None else everywhere(root)
    return await runtime.ask([there, *(() if around is None else (around,))], ask)


def locate(path: str, cwd: str | None, root: str | None) -> Candidate | None:
    """Return the directory at an absolute path as a search of *root* would find it, None for a symlink.

    Without *root* it is the directory *cwd*, which a run searches unless told otherwise, if that lies
    around it on the same file system, and else the one around it. Raises OSError, and OutsideError if it
    does not lie in *root*.
    """
    above, name = os.path.split(path.rstrip(os.sep))
    if name in {"", os.curdir, os.pardir}:
        whole, _ = resolve(path)
    else:
        whole = os.path.join(resolve(above)[0], name)
    status = os.lstat(whole)
    if stat.S_ISLNK(status.st_mode):
        return None
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, "it is not a directory")
    parent = os.path.dirname(whole)
    device = os.stat(parent).st_dev
    if root is not None:
        try:
            searched, _ = resolve(root)
        except OSError as error:
            raise OutsideError(
                f"cannot search {printable(root)}: {error.strerror}; -p takes a directory around"
                f" {printable(whole)}"
            ) from error
        if not whole.startswith(os.path.join(searched, "")):
            raise OutsideError(
                f"{printable(whole)} does not lie in {printable(searched)};"
                " -p takes a directory around it"
            )
    elif (
        cwd is not None
        and whole.startswith(os.path.join(cwd, ""))
        and os.stat(cwd).st_dev == device
    ):
        searched = cwd
    else:
        searched = parent
    identity = Identity(status.st_dev, status.st_ino)
    return Candidate(whole, searched, identity, mounted=status.st_dev != device)
