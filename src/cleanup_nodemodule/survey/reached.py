"""What the goals of a plan come to when less goes than they had selected. Pure."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from cleanup_nodemodule.model import Failed, Goal, Plan, Removed, Result
from cleanup_nodemodule.survey.giving_back import accounted_by_device, gone, ranked, resized


def with_selection(plan: Plan, before: Plan) -> Plan:
    """Return *plan*, narrowed from the one *before*, with the goals of that for what is selected now."""
    if not before.goals or plan is before:
        return plan
    return replace(plan, goals=_goals(before, {one.path for one in plan.selected}, ()))


def with_results(plan: Plan, results: Sequence[Result]) -> Plan:
    """Return *plan* with its goals for what was deleted, with the part that was freed of what failed."""
    gone = {one.artifact.path for one in results if isinstance(one, Removed)}
    if not plan.goals or all(one.path in gone for one in plan.selected):
        return plan
    failed = [one for one in results if isinstance(one, Failed)]
    return replace(plan, goals=_goals(plan, gone, failed))


def _goals(plan: Plan, going: AbstractSet[str], failed: Sequence[Failed]) -> tuple[Goal, ...]:
    everything = {one.path for one in plan.selected}
    goals: list[Goal] = []
    for goal in plan.goals:
        if goal.reached_bytes is None:
            goals.append(goal)
            continue
        less = _given(plan, everything, goal) - _given(plan, going, goal)
        less -= sum(
            one.freed_bytes
            for one in failed
            if one.artifact.candidate.identity.device in goal.devices
        )
        less = max(less, 0)
        reached = goal.reached_bytes + (less if goal.cap else -less)
        missing = reached - goal.wanted_bytes if goal.cap else goal.wanted_bytes - reached
        goals.append(replace(goal, reached_bytes=reached, missing_bytes=max(missing, 0)))
    return tuple(goals)


def _given(plan: Plan, going: AbstractSet[str], goal: Goal) -> int:
    """Return the bytes that go from the file system of a *goal* with some paths; as that goal counts them."""
    goes = [
        one.path in going and one.candidate.identity.device in goal.devices
        for one in plan.artifacts
    ]
    known = accounted_by_device(plan.accounted)
    if not goal.cap:
        fresh = resized(plan.artifacts, goes, plan.records, known)
        return sum(one.reclaimable_bytes for one in fresh)
    own = sum(
        one.contents.allocated_bytes for one, its in zip(plan.artifacts, goes, strict=True) if its
    )
    records = ranked(plan.records, lambda place: 0 if place >= 0 and goes[place] else 1)
    return own + gone(records, bytes((1, 0)), known)[0]
