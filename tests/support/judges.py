"""Decisions without a process of their own: the pipeline, called as a program would."""

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from cleanup_nodemodule.config.settings import Settings
from cleanup_nodemodule.model import Artifact, Delete
from cleanup_nodemodule.survey import survey
from cleanup_nodemodule.work.scheduler import Scheduler
from support import simple

DELETE: Final = "delete"
"""The word for the decision that has no reason."""


def judge(top: Path, **settings: Any) -> dict[str, Artifact]:
    """Return what is found beneath *top*, by its path relative to that; by the simple rules too if not told otherwise."""
    simple_rules = simple.rules() if settings.pop("simple_rules", True) else ()
    own = (*settings.pop("own_rules", ()), *simple_rules)
    values: dict[str, Any] = {"roots": (str(top),), "own_rules": own, **settings}

    async def plan() -> Sequence[Artifact]:
        with ThreadPoolExecutor(2) as executor, Scheduler(executor, 2) as scheduler:
            made = await survey.make_plan(Settings(**values), scheduler)
        return made.artifacts

    return {os.path.relpath(artifact.path, top): artifact for artifact in asyncio.run(plan())}


def verdict(artifact: Artifact) -> str:
    """Return ``delete``, or the code of the reason for keeping it."""
    decision = artifact.decision
    return DELETE if isinstance(decision, Delete) else decision.reason.value


def verdicts(top: Path, **settings: Any) -> dict[str, str]:
    """Return the verdict on everything found beneath *top*."""
    return {path: verdict(artifact) for path, artifact in judge(top, **settings).items()}
