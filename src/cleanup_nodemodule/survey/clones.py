"""Looks at the clones in artifacts that lie where their tool puts them: what can be cloned again keeps nothing."""

import fnmatch
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from cleanup_nodemodule.model import Level
from cleanup_nodemodule.proof import clones
from cleanup_nodemodule.survey.rows import Row
from cleanup_nodemodule.system import mounts
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.silence import Unanswered


async def settle(rows: Sequence[Row], scheduler: Scheduler) -> None:
    """Take what are harmless clones out of the repositories in each of the *rows*, where all of them are.

    What was found out is a fact of the row. Raises Stopped.
    """
    asked = [row for row in rows if _is_asked(row)]
    if not asked:
        return
    try:
        kinds = await scheduler.call(mounts.mounted)
    except Unanswered:
        return
    for row in asked:
        contents, evidence = row.contents, row.evidence
        if contents is None or evidence is None:
            continue
        found = whole(contents.repositories)
        why = await lost_with(found, row.candidate.path, kinds, scheduler)
        if why is None:
            row.contents = replace(contents, repositories=(), clones=found)
            why = f"{len(found):,} clone{'s' if len(found) > 1 else ''} inside without changes"
        row.evidence = replace(evidence, also_inside=(*evidence.also_inside, why))


def _is_asked(row: Row) -> bool:
    """Whether repositories are all that keeps a row, and its tool may have cloned them."""
    rule, contents, evidence = row.sighting.rule, row.contents, row.evidence
    if rule is None or not rule.clones or contents is None or evidence is None or row.hidden:
        return False
    return (
        bool(contents.repositories)
        and evidence.protection is None
        and evidence.level in {Level.PROVEN, Level.NAMED}
        and all(
            fits(path, row.candidate.path, rule.clones) for path in whole(contents.repositories)
        )
    )


def whole(repositories: Collection[str]) -> tuple[str, ...]:
    """Return the repositories without what is only the ``.git`` of another, which looks like a bare one."""
    return tuple(
        path
        for path in repositories
        if os.path.basename(path) != ".git" or os.path.dirname(path) not in repositories
    )


def fits(repository: str, artifact: str, patterns: Sequence[str]) -> bool:
    """Whether a repository lies where one of the *patterns* has it: paths from *artifact* on.

    A wildcard stands for one name, or a part of one (fnmatch(3)).
    """
    names = os.path.relpath(repository, artifact).split(os.sep)
    return any(
        len(names) == len(parts) and all(map(fnmatch.fnmatchcase, names, parts))
        for parts in (pattern.split("/") for pattern in patterns)
    )


async def lost_with(
    repositories: Sequence[str], artifact: str, kinds: Mapping[str, str], scheduler: Scheduler
) -> str | None:
    """Return what would be lost with the *repositories* in *artifact*, None if nothing would.

    *kinds* gives for each mount point what is mounted there. Raises Stopped.
    """
    waiting = list(repositories)
    harmless: set[str] = set()
    while waiting:
        # One may be a clone of another, which has to be looked at before.
        left: list[str] = []
        why = ""
        for path in waiting:
            verdict = await clones.harmless(path, artifact, kinds, scheduler, others=harmless)
            if verdict.harmless:
                harmless.add(path)
            elif not verdict.waits:
                return _about(path, artifact, verdict.why)
            else:
                left.append(path)
                why = _about(path, artifact, verdict.why)
        if len(left) == len(waiting):
            return why
        waiting = left
    return None


def _about(repository: str, artifact: str, why: str) -> str:
    return f"{os.path.relpath(repository, artifact)}: {why}"
