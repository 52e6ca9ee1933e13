"""Turns the user's word into permission to delete. Nothing else can make that permission."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from cleanup_nodemodule.model import Approved, Artifact, DeletingMode, Mode, Plan


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
    plan: Plan, ask: Callable[[Plan], Awaitable[bool]], *, mode: Mode
) -> Approved | None:
    """Approve the whole selection if *ask*, shown the plan, says yes; None for a dry run or a no.

    As :func:`by_flag` otherwise. There is nothing to ask where nothing is selected.
    """
    approved = by_flag(plan, mode=mode)
    if approved is None or not plan.selected:
        return approved
    return approved if await ask(plan) else None
