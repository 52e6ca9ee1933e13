"""How much space is free before and after, as the file systems report it."""

import asyncio
import os
from collections.abc import Iterable, Sequence

from cleanup_nodemodule.model import Artifact
from cleanup_nodemodule.work.scheduler import Scheduler


async def ask_free_bytes(artifacts: Sequence[Artifact], scheduler: Scheduler) -> int | None:
    """Return the free bytes of the file systems that hold *artifacts*; None if one does not answer."""
    asked = [one for one in artifacts if one.candidate.root not in scheduler.silence]
    try:
        return await asyncio.wait_for(scheduler.aside(_free_bytes, asked), scheduler.timeout)
    except TimeoutError:
        return None


def _free_bytes(artifacts: Iterable[Artifact]) -> int | None:
    """Return the free bytes of all file systems that hold the artifacts (statvfs(3)).

    None where that cannot be asked.
    """
    if not hasattr(os, "statvfs"):
        return None
    total = 0
    asked: set[int] = set()
    for artifact in artifacts:
        if artifact.candidate.identity.device in asked:
            continue
        asked.add(artifact.candidate.identity.device)
        try:
            status = os.statvfs(os.path.dirname(artifact.path))
        except OSError:
            return None
        total += status.f_bfree * status.f_frsize
    return total
