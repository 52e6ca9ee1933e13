"""What has to be known before anything is proven: the mounts, the current directory, what the user spares."""

import contextlib
from collections.abc import Sequence

from cleanup_nodemodule.config.settings import Settings
from cleanup_nodemodule.model import Artifact, Identity, Problem
from cleanup_nodemodule.proof import protections
from cleanup_nodemodule.proof.sighting import Circumstances
from cleanup_nodemodule.survey import included
from cleanup_nodemodule.survey.user_patterns import UserPatterns
from cleanup_nodemodule.system.mounts import mount_points
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.silence import Unanswered
from cleanup_nodemodule.work.tasks import Stopped


async def prepare(
    settings: Settings,
    scheduler: Scheduler,
    roots: Sequence[str],
    problems: list[Problem],
    *,
    searching: bool = False,
) -> Circumstances:
    """Return what evidence depends on, for candidates beneath *roots*.

    What does not answer is added to the *problems*. Raises SettingsError for a pattern that is none; when
    *searching* all of the roots, also for what the user typed that means nothing beneath them.
    """
    cwd = settings.cwd
    mounts = await scheduler.call(mount_points, disk=False)
    around: frozenset[Identity] = frozenset()
    with contextlib.suppress(Unanswered, OSError):  # Its path still says what it lies in.
        around = await scheduler.call(protections.directories_around, cwd)
    patterns = UserPatterns(settings, scheduler, problems)
    return _circumstances(settings)._replace(
        mounts=mounts,
        around=around,
        spared=await patterns.read(roots, searching=searching),
        included=await included.resolved(settings, scheduler, problems, strict=searching),
    )


async def prepare_again(
    settings: Settings, scheduler: Scheduler, artifacts: Sequence[Artifact]
) -> Circumstances:
    """Return what evidence depends on when *artifacts* are proven again. Raises SettingsError."""
    roots = list({one.candidate.root: None for one in artifacts})
    with contextlib.suppress(Stopped):  # Then nothing is deleted either.
        return await prepare(settings, scheduler, roots, [])
    return _circumstances(settings)


def _circumstances(settings: Settings) -> Circumstances:
    """Return what is known without asking the disk."""
    return Circumstances(
        settings.rules,
        frozenset(settings.targets or ()),
        frozenset(settings.also),
        home=settings.home,
        cwd=settings.cwd,
    )
