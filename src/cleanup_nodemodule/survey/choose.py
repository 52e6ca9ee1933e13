"""Narrows the selection of a plan: what the user, or a filter, leaves out is kept. Pure."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, replace
from operator import attrgetter, itemgetter
from typing import Final

from cleanup_nodemodule import engine
from cleanup_nodemodule.model import Artifact, Decision, Keep, Plan, Reason, Size
from cleanup_nodemodule.survey.around import innermost_around
from cleanup_nodemodule.survey.hard_links import numbers
from cleanup_nodemodule.survey.reached import with_selection


def choose(plan: Plan, chosen: AbstractSet[str], reason: Reason = Reason.NOT_CHOSEN) -> Plan:
    """Return *plan* with nothing selected but what is selected there and *chosen* by its path.

    The rest is kept for that *reason*, and so is whatever lies around it, as it cannot be deleted without it.
    """
    artifacts = plan.artifacts
    left_out = [
        place for place, one in enumerate(artifacts) if one.selected and one.path not in chosen
    ]
    if not left_out:
        return plan
    around = innermost_around([one.path for one in artifacts])
    keep = Keep(reason)
    keeps: dict[int, Keep] = {}
    for place in left_out:
        at: int | None = place
        while at is not None and at not in keeps:
            if artifacts[at].selected:
                keeps[at] = keep
            at = around[at]
    return with_selection(narrowed(plan, keeps), plan)


def narrowed(plan: Plan, keeps: Mapping[int, Keep]) -> Plan:
    """Return *plan* with those of its artifacts kept that *keeps* says, by their places.

    What deleting frees is settled anew: a file that has another link in what is left out stays.
    """
    if not keeps:
        return plan
    selected = [one.selected and place not in keeps for place, one in enumerate(plan.artifacts)]
    linked = _reclaimable(plan, selected)
    return replace(
        plan,
        artifacts=tuple(
            _kept(one, keeps[place])
            if place in keeps
            else _going(one, linked[place])
            if one.selected
            else one
            for place, one in enumerate(plan.artifacts)
        ),
    )


def _reclaimable(plan: Plan, selected: Sequence[bool]) -> Sequence[int]:
    """Return what files with several links add to what each artifact frees, if these are *selected*."""
    last = len(selected)
    # As in the first place: with what lies deepest, which is behind what lies around it; the rest comes last.
    slices = [(last - 1 - place if place >= 0 else last, links) for place, links in plan.links]
    if not slices:
        return [0] * last
    slices.sort(key=itemgetter(0))
    settled = engine.settle(slices, bytes((*reversed(selected), False)))
    return numbers(settled.reclaimable)[:last][::-1]


def _kept(artifact: Artifact, keep: Keep) -> Artifact:
    size = artifact.size
    return _with(artifact, keep, Size.exact(size.apparent_bytes, size.allocated_bytes, 0))


def _going(artifact: Artifact, linked: int) -> Artifact:
    size, freed = artifact.size, artifact.contents.allocated_bytes + linked
    if size.reclaimable_bytes == freed:
        return artifact
    freed_size = Size.exact(size.apparent_bytes, size.allocated_bytes, freed)
    return _with(artifact, artifact.decision, freed_size)


def _with(artifact: Artifact, decision: Decision, size: Size) -> Artifact:
    """Do as dataclasses.replace, in a third of the time: there may be hundreds of thousands."""
    values = list(_values_of(artifact))
    values[_DECISION], values[_SIZE] = decision, size
    return Artifact(*values)


_NAMES: Final = tuple(one.name for one in fields(Artifact))
_DECISION: Final = _NAMES.index("decision")
_SIZE: Final = _NAMES.index("size")
_values_of: Final = attrgetter(*_NAMES)
