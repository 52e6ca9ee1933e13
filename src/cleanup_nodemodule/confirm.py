"""Turns the user's word into permission to delete. Nothing else can make that permission."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from cleanup_nodemodule.model import Approved, Artifact, Plan


@dataclass(frozen=True, slots=True)
class _Approved(Approved):
    """The only concrete permission."""

    shown: Plan

    @property
    def plan(self) -> Plan:
        return self.shown

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        return self.shown.selected


def by_flag(plan: Plan, *, no_dry_run: bool) -> Approved | None:
    """Approve the whole selection because the command line says so; None for a dry run."""
    return _Approved(plan) if no_dry_run and plan.complete else None


async def by_question(
    plan: Plan, ask: Callable[[Plan], Awaitable[bool]], *, no_dry_run: bool
) -> Approved | None:
    """Approve the whole selection if *ask*, shown the plan, says yes; None for a dry run or a no.

    There is nothing to ask where nothing is selected.
    """
    approved = by_flag(plan, no_dry_run=no_dry_run)
    if approved is None or not plan.selected:
        return approved
    return approved if await ask(plan) else None
