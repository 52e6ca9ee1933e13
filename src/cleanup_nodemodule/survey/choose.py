"""Narrows the selection of a plan: what the user, or a filter, leaves out is kept. Pure."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import fields, replace
from operator import attrgetter
from typing import Final

from cleanup_nodemodule.model import Artifact, Decision, Keep, Plan, Reason, Size
from cleanup_nodemodule.survey.around import innermost_around
from cleanup_nodemodule.survey.giving_back import accounted_by_device, resized
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

    What deleting gives back is settled anew: a file that has another link in what is left out stays.
    """
    if not keeps:
        return plan
    selected = [one.selected and place not in keeps for place, one in enumerate(plan.artifacts)]
    fresh = resized(plan.artifacts, selected, plan.records, accounted_by_device(plan.accounted))
    return replace(
        plan,
        artifacts=tuple(
            _with(one, keeps[place], size)
            if place in keeps
            else one
            if one.size == size
            else _with(one, one.decision, size)
            for place, (one, size) in enumerate(zip(plan.artifacts, fresh, strict=True))
        ),
    )


def _with(artifact: Artifact, decision: Decision, size: Size) -> Artifact:
    """Do as dataclasses.replace, in a third of the time: there may be hundreds of thousands."""
    values = list(_values_of(artifact))
    values[_DECISION], values[_SIZE] = decision, size
    return Artifact(*values)


_NAMES: Final = tuple(one.name for one in fields(Artifact))
_DECISION: Final = _NAMES.index("decision")
_SIZE: Final = _NAMES.index("size")
_values_of: Final = attrgetter(*_NAMES)
