"""Turns the user's word into permission to delete. Nothing else can make that permission."""

from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from cleanup_nodemodule.model import Approved, Artifact, DeletingMode, Mode, Plan
from cleanup_nodemodule.survey.choose import choose


@dataclass(frozen=True, slots=True)
class _Approved(Approved):
    """The only concrete permission."""

    shown: Plan
    how: DeletingMode

    @property
    def plan(self) -> Plan:
        return self.shown

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        return self.shown.selected

    @property
    def mode(self) -> DeletingMode:
        return self.how


def by_flag(plan: Plan, *, mode: Mode) -> Approved | None:
    """Approve the whole selection because the command line says so; None for a dry run.

    What is approved is to do with it what *mode* says, and nothing else. A plan that is not complete is
    never approved.
    """
    return _Approved(plan, mode) if mode != "dry-run" and plan.complete else None


async def by_question(
    plan: Plan, ask: Callable[[Plan], Awaitable[AbstractSet[str]]], *, mode: Mode
) -> Approved | None:
    """Approve what *ask*, shown the plan, answers: the paths of what may be deleted. None if that is nothing.

    The plan is narrowed to these, so it never holds more than what was shown. None for a dry run, too. As
    :func:`by_flag` otherwise. There is nothing to ask where nothing is selected.
    """
    approved = by_flag(plan, mode=mode)
    if approved is None or not plan.selected:
        return approved
    chosen = choose(plan, await ask(plan))
    return by_flag(chosen, mode=mode) if chosen.selected else None
