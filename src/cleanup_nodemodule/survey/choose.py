"""Narrows the selection of a plan: what the user, or a filter, leaves out is kept. Pure."""

import os
from collections.abc import Set as AbstractSet
from dataclasses import replace

from cleanup_nodemodule.model import Artifact, Keep, Plan, Reason, Size
from cleanup_nodemodule.proof.stat_cache import ancestors
from cleanup_nodemodule.survey.hard_links import Ledger


def choose(plan: Plan, chosen: AbstractSet[str], reason: Reason = Reason.NOT_CHOSEN) -> Plan:
    """Return *plan* with nothing selected but what is selected there and *chosen* by its path.

    The rest is kept for that *reason*, and so is whatever lies around it, as it cannot be deleted without it.
    What deleting frees is settled anew: a file that has another link in what is left out stays.
    """
    left_out = {artifact.path for artifact in plan.selected} - chosen
    if not left_out:
        return plan
    around = {above for path in left_out for above in ancestors(os.path.dirname(path), None)}
    kept = left_out | around
    selected = [artifact.selected and artifact.path not in kept for artifact in plan.artifacts]
    linked = _linked_sizes(plan, selected)
    return replace(
        plan,
        artifacts=tuple(
            _narrowed(artifact, reason, reclaimable=size.reclaimable_bytes, selected=goes)
            for artifact, size, goes in zip(plan.artifacts, linked, selected, strict=True)
        ),
    )


def _linked_sizes(plan: Plan, selected: list[bool]) -> list[Size]:
    """Return what files with several links add to each artifact, if these are *selected*."""
    ledger = Ledger()
    for place, links in plan.links:
        ledger.add(place, links)
    # As in the first place: with what lies deepest, which is behind what lies around it; the rest comes last.
    last = len(selected)
    ranks = {place: last - 1 - place for place in range(last)} | {-1: last}
    sizes = ledger.attribute(ranks, [*reversed(selected), False])
    return sizes[:last][::-1]


def _narrowed(artifact: Artifact, reason: Reason, *, reclaimable: int, selected: bool) -> Artifact:
    if not artifact.selected:
        return artifact
    size = artifact.size
    if not selected:
        return replace(artifact, decision=Keep(reason), size=replace(size, reclaimable_bytes=0))
    freed = artifact.contents.allocated_bytes + reclaimable
    return replace(artifact, size=replace(size, reclaimable_bytes=freed))
