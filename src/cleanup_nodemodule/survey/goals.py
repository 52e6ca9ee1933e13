"""How much of a selection has to go: until so much is given back, is available, or remains at most. Pure.

An order is settled first. In it, each artifact has its turn, and what lies in it goes along at the latest then. So for
each file the turn is known with which its last link goes, and a sum over the turns says how many it takes.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import NamedTuple

from cleanup_nodemodule.config.filters import Filters, said
from cleanup_nodemodule.engine.contract import ATTRIBUTES
from cleanup_nodemodule.model import Accounted, Artifact, Goal, Records
from cleanup_nodemodule.model.quantities import Share
from cleanup_nodemodule.survey import giving_back
from cleanup_nodemodule.survey.chunks import chunks_of, in_chunks, whole
from cleanup_nodemodule.survey.hard_links import completed, inodes_of
from cleanup_nodemodule.words import printable, size


class FileSystem(NamedTuple):
    """A file system on which artifacts lie."""

    name: str
    """Where it is mounted."""
    available: int | None = None
    """Bytes that are free for a user who is not root; None if nobody can say."""
    total: int | None = None
    """Bytes that it has; None if nobody can say."""


class Candidates(NamedTuple):
    """What may go, each by its place in a plan."""

    artifacts: Sequence[Artifact]
    goes: Sequence[bool]
    along: Sequence[int | None]
    """The innermost one around each that goes; it takes along what is in it."""
    ages: Sequence[int]
    """Seconds since each was last used."""


class Reached(NamedTuple):
    """What the goals come to."""

    goals: tuple[Goal, ...]
    spared: Mapping[int, str]
    """What does not have to go, each with why."""


def reach(
    candidates: Candidates,
    records: Records,
    accounted: Mapping[int, Accounted],
    filters: Filters,
    file_systems: Mapping[int, FileSystem],
) -> Reached:
    """Return what has to go of the *candidates*, on each file system on its own, and what that reaches.

    *records* are those of the plan, *accounted* says how each device is. What is to be given back is promised. What would give nothing back does not have to go. If everything together does not
    reach a goal, all of it goes.
    """
    artifacts = candidates.artifacts
    devices = {one.candidate.identity.device for one in artifacts}
    known = {one: file_systems.get(one, FileSystem(f"device {one}")) for one in devices}
    lies = [known[one.candidate.identity.device] for one in artifacts]
    order = _in_order(candidates, filters.order)
    by_file_system: dict[str, list[int]] = {one.name: [] for one in lies}
    for place in order:
        by_file_system[lies[place].name].append(place)
    in_turn = [place for places in by_file_system.values() for place in places]
    turns = _turns(candidates, in_turn)
    never = len(in_turn)
    turned = giving_back.ranked(records, lambda place: turns[place] if place >= 0 else never)
    taking = _Taking(artifacts, turns, turned, accounted, never)
    cap = filters.max_total is not None
    giving = filters.free is not None or filters.until_free is not None
    freed = taking.freed() if giving else [0] * never
    gone = taking.gone() if cap else [0] * never
    totals = dict.fromkeys(by_file_system, 0)
    for artifact, one in zip(artifacts, lies, strict=True):
        totals[one.name] += artifact.size.allocated_bytes
    goals: list[Goal] = []
    spared: dict[int, str] = {}
    taken = bytearray(never + 1)
    first = 0
    named = {one.name: one for one in lies}
    for name, places in by_file_system.items():
        end = first + len(places)
        sums = _Sums(list(accumulate(freed[first:end])), list(accumulate(gone[first:end])))
        wanted = _wanted(filters, named[name], totals[name])
        count = max((one.turns(sums) for one in wanted), default=0)
        its = frozenset(device for device, one in known.items() if one.name == name)
        goals += (replace(one.goal(sums, count), devices=its, cap=one.cap) for one in wanted)
        taken[first : first + count] = bytes([1]) * count
        why = "; ".join(one.why(count) for one in wanted)
        spared.update(dict.fromkeys(places[count:], why))
        first = end
    useless = taking.useless(taken, cap=cap)
    for turn in useless:
        taken[turn] = 0
        spared[in_turn[turn]] = "it is not sure that deleting it gives anything back"
    stays = [not taken[turn] for turn in turns]
    for place, top in enumerate(candidates.along):  # What lies around another one comes first.
        if top is not None and not stays[top]:
            stays[place] = False
    return Reached(
        tuple(goals), {place: why for place, why in sorted(spared.items()) if stays[place]}
    )


def _in_order(candidates: Candidates, first: str) -> list[int]:
    """Return the places of what may go, in the order in which it goes.

    What goes along with something counts for that: its bytes, and its use.
    """
    ages = list(candidates.ages)
    sizes = [one.size.allocated_bytes for one in candidates.artifacts]
    along = candidates.along
    for place in range(len(along) - 1, -1, -1):
        top = along[place]
        if top is not None:
            ages[top] = min(ages[top], ages[place])
            sizes[top] += sizes[place]
    order = [place for place, goes in enumerate(candidates.goes) if goes]
    by = (ages, sizes) if first == "size" else (sizes, ages)
    for values in by:  # The last one counts most, and then the path.
        order.sort(key=values.__getitem__, reverse=True)
    return order


def _turns(candidates: Candidates, in_turn: Sequence[int]) -> list[int]:
    """Return with which turn each artifact goes; one that stays has a turn behind all of them."""
    never = len(in_turn)
    turns = [never] * len(candidates.artifacts)
    for turn, place in enumerate(in_turn):
        turns[place] = turn
    for place, top in enumerate(candidates.along):
        if top is not None:
            turns[place] = min(turns[place], turns[top])
    return turns


class _Taking:
    """What goes with each turn."""

    def __init__(
        self,
        artifacts: Sequence[Artifact],
        turns: Sequence[int],
        records: Records,
        accounted: Mapping[int, Accounted],
        never: int,
    ) -> None:
        self._artifacts = artifacts
        self._turns = turns
        self._records = records
        self._accounted = accounted
        self._goes = bytes([1]) * never + bytes(1)

    def _settled(self, records: Records) -> Sequence[int]:
        """Return what surely comes back with each turn, with what these *records* say."""
        items = [
            giving_back.item(turn, one.candidate.identity.device, one.contents)
            for turn, one in zip(self._turns, self._artifacts, strict=True)
        ]
        return giving_back.settle(items, records, self._goes, self._accounted, last=True).promised

    def freed(self) -> Sequence[int]:
        """Return what surely comes back with each turn, if all before it have had theirs."""
        return self._settled(self._records)[:-1]

    def _taken(self) -> list[int]:
        """Return what goes with each turn, as ``du`` counts, without files with several links."""
        taken = [0] * len(self._goes)
        for turn, one in zip(self._turns, self._artifacts, strict=True):
            taken[turn] += one.contents.allocated_bytes
        return taken

    def gone(self) -> Sequence[int]:
        """Return what is not among what remains any more with each turn, as ``du`` counts."""
        linked = giving_back.gone(self._records, self._goes, self._accounted)
        return [sum(pair) for pair in zip(self._taken(), linked, strict=True)][:-1]

    def useless(self, taken: Sequence[int], *, cap: bool) -> list[int]:
        """Return the turns of those *taken* that give nothing back, or with a *cap* take nothing away.

        They have no bytes of their own, and no file that is gone in the end.
        """
        own = self._taken() if cap else self._settled(Records())
        empty = {turn for turn, bytes_ in enumerate(own) if taken[turn] and not bytes_}
        if not cap:
            empty -= self._sharing(taken)
        if not empty:
            return []
        links = self._records.links
        its = [one for one in links if one[0] in empty]
        gone = completed(links, lambda turn: bool(taken[turn]), its, outside=not cap)
        useful = {
            turn for turn, device, packed in its if not gone.isdisjoint(inodes_of(device, packed))
        }
        return sorted(empty - useful)

    def _sharing(self, taken: Sequence[int]) -> set[int]:
        """Return the turns with something in common with others that comes back with all of these."""
        goes = bytes(taken)
        by_chunks = {device for device, one in self._accounted.items() if in_chunks(one)}
        chunks = whole(self._records, goes, by_chunks)
        turns = {
            turn
            for turn, device, packed in self._records.chunks
            if not chunks.isdisjoint(chunks_of(device, packed))
        }
        return turns.union(
            turn
            for turn, device, _ in self._records.ranges
            if device in self._accounted and self._accounted[device].accounting.kind == ATTRIBUTES
        )


class _Sums(NamedTuple):
    """What so many turns come to, from one turn on."""

    freed: list[int]
    """What the file system gets back."""
    gone: list[int]
    """What is not among what remains any more."""


class _Wanted(NamedTuple):
    """One goal on one file system."""

    option: str
    file_system: FileSystem
    wanted: int
    needed: int | None
    """Bytes that have to be freed, or gone; None if nobody knows."""
    cap: bool = False
    """What counts is what is gone."""

    def _of(self, sums: _Sums) -> list[int]:
        return sums.gone if self.cap else sums.freed

    def turns(self, sums: _Sums) -> int:
        """Return how many turns it takes, or how many there are."""
        if self.needed is None or self.needed <= 0:
            return 0
        of = self._of(sums)
        return min(bisect_left(of, self.needed) + 1, len(of))

    def goal(self, sums: _Sums, turns: int) -> Goal:
        """Return what so many turns come to."""
        reached = self._of(sums)[turns - 1] if turns else 0
        name = self.file_system.name
        if self.needed is None:
            return Goal(self.option, name, self.wanted, None, None)
        missing = max(self.needed - reached, 0)
        begun = self.wanted + self.needed if self.cap else self.wanted - self.needed
        return Goal(
            self.option,
            name,
            self.wanted,
            begun - reached if self.cap else begun + reached,
            missing,
        )

    def why(self, turns: int) -> str:
        """Return why what did not have its turn can stay."""
        name = printable(self.file_system.name)
        if self.needed is None:
            return f"nobody can say how much {name} has available ({self.option})"
        available = self.file_system.available
        if not turns and not self.cap and available is not None and self.needed <= 0:
            return f"{name} has {size(available)} available ({self.option})"
        return f"reached without it ({self.option})"


def _wanted(filters: Filters, file_system: FileSystem, total: int) -> list[_Wanted]:
    wanted: list[_Wanted] = []
    if filters.free is not None:
        wanted.append(_Wanted(said(filters, "free"), file_system, filters.free, filters.free))
    if filters.until_free is not None:
        option, whole, available = (
            said(filters, "until_free"),
            file_system.total,
            file_system.available,
        )
        until = filters.until_free
        if isinstance(until, Share):
            least = until.of(whole) if whole is not None else None
        else:
            least = until
        needed = None if least is None or available is None else least - available
        wanted.append(_Wanted(option, file_system, least or 0, needed))
    if filters.max_total is not None:
        most = filters.max_total
        wanted.append(
            _Wanted(said(filters, "max_total"), file_system, most, total - most, cap=True)
        )
    return wanted
