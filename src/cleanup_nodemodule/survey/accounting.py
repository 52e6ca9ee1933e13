"""How it is found out on each file system what deleting gives back: each is asked once."""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from cleanup_nodemodule.engine.contract import (
    AS_COUNTED,
    ATTRIBUTES,
    EXTENTS,
    LAYERS,
    Accounting,
)
from cleanup_nodemodule.model import Accounted, Candidate
from cleanup_nodemodule.survey import tree_estimate
from cleanup_nodemodule.survey.giving_back import AS_DU_COUNTS
from cleanup_nodemodule.system import accounting as system
from cleanup_nodemodule.system.accounting import Facts
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.silence import Unanswered

_AS_COUNTED: Final = Accounting()

MEASURED: Final[Mapping[str, int]] = {
    **dict.fromkeys(("ext2", "ext3", "ext4"), ATTRIBUTES),
    "xfs": EXTENTS,
    "btrfs": tree_estimate.ACCOUNTING.kind,
    "overlay": LAYERS,
    "tmpfs": AS_COUNTED,
}
"""Kinds of file systems of which it was measured what deleting gives back (tests/whole/test_numbers.py), each with how that is
found out. All others are as ``du`` counts."""


UNTESTED: Final[Mapping[str, int]] = {"bcachefs": EXTENTS, "zfs": AS_COUNTED}
"""The same of those about which only their documentation was read. What a snapshot of bcachefs has nobody tells, as its
extents are not marked as shared. ZFS tells of a whole data set whether anything there may be shared (zfsprops(7))."""


def accounted(facts: Facts, device: int, *, exact: bool | None) -> Accounted:
    """Return how a file system is accounted that tells these *facts*, and has this *device* number.

    With *exact* everything is asked, and nothing if that is false. If it is None, what most likely matters is.
    """
    devices = frozenset({device})
    plain = Accounted(facts.name, facts.kind, "as du counts", exact=False, devices=devices)
    if exact is not False and _is_known_by_documentation(facts):
        # Neither gives back inodes in chunks.
        told = Accounting(UNTESTED[facts.kind], all=True)
        return replace(
            plain, how="untested", exact=True, accounting=told, doubtful=bool(facts.shares)
        )
    accounting = _accounting(facts, everything=bool(exact))
    if accounting is None:
        return plain
    if accounting.kind == AS_COUNTED:
        # There is nothing to ask.
        return replace(plain, how="measured", exact=True)
    if exact is False:
        return plain
    return Accounted(
        *(facts.name, facts.kind, "measured", bool(exact), accounting),
        copies=facts.copies or 1.0,
        inode=facts.inode,
        whole_chunks=facts.whole_chunks,
        doubtful=bool(facts.shares),
        compresses=facts.compresses,
        devices=devices,
    )


def _is_known_by_documentation(facts: Facts) -> bool:
    return facts.kind in UNTESTED and (facts.kind != "zfs" or facts.shares is not None)


def _accounting(facts: Facts, *, everything: bool) -> Accounting | None:
    """Return what the engine is told; None where nobody has measured it, or where the file system does not tell."""
    kind = MEASURED.get(facts.kind)
    if kind is None:
        return None
    if kind == ATTRIBUTES:
        return Accounting(kind, block=facts.block, all=everything) if facts.block else None
    if kind == EXTENTS:
        return Accounting(kind, all=everything) if facts.inode else None
    if kind == LAYERS:
        return Accounting(kind, all=everything, since=facts.since) if facts.layers else None
    if kind == AS_COUNTED:
        return _AS_COUNTED
    # A file with content that is not in the tree, however small, may have been made with another mount option.
    inline = 0 if everything else facts.inline
    return (
        tree_estimate.ACCOUNTING._replace(all=everything, inline=inline) if facts.copies else None
    )


class Accountings:
    """How each device of a survey is accounted."""

    def __init__(
        self, known: dict[int, Accounted], scheduler: Scheduler, *, exact: bool | None
    ) -> None:
        """*known* takes in what is found out, by the number of a device; *exact* is as :func:`accounted` takes it."""
        self._known: Final = known
        self._scheduler: Final = scheduler
        self._exact: Final = exact
        self._by_identity: Final[dict[str, int]] = {}
        self._turn: Final = asyncio.Lock()

    async def know(self, candidates: Iterable[Candidate]) -> None:
        """Find out how the devices of some *candidates* are accounted. Raises Stopped."""
        for one in candidates:
            device = one.identity.device
            # Nobody looks at what is mounted.
            if device not in self._known and not one.mounted:
                async with self._turn:
                    if device not in self._known:
                        await self._ask(one)

    async def _ask(self, candidate: Candidate) -> None:
        device = candidate.identity.device
        facts = Facts("")
        with (
            contextlib.suppress(Unanswered),
            self._scheduler.silence.asking(candidate.root),
        ):
            facts = await self._scheduler.call(
                system.ask, device, (candidate.path, candidate.root), self._exact is False
            )
        found = accounted(facts, device, exact=self._exact)
        first = self._by_identity.setdefault(facts.identity or f"device {device}", device)
        if first != device:
            # A subvolume: it shares places on the disk with the others.
            before = self._known[first]
            found = replace(before, devices=before.devices | {device})
            self._known.update(dict.fromkeys(before.devices, found))
        self._known[device] = found

    def told(self, device: int) -> Accounting | None:
        """Return what the engine is told of a device; None for nothing."""
        accounting = self._known.get(device, AS_DU_COUNTS).accounting
        return None if accounting.kind == AS_COUNTED else accounting

    def all_told(self) -> dict[int, Accounting]:
        """Return what the engine is told of each device that there is something to tell of."""
        return {device: told for device in self._known if (told := self.told(device)) is not None}
