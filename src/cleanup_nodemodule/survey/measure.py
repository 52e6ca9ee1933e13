"""Measures candidates concurrently, each by as many workers as have nothing else to do."""

import itertools
import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, TypeAlias

from cleanup_nodemodule import engine
from cleanup_nodemodule.engine.contract import Accounting, Measurement, Root, Watch
from cleanup_nodemodule.model import Candidate, Contents, Problem
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.survey import tree_estimate
from cleanup_nodemodule.survey.ledger import Ledger
from cleanup_nodemodule.work.containment import problem_of
from cleanup_nodemodule.work.conversion import anchor, beneath, lacked, problem_at, topmost_in
from cleanup_nodemodule.work.pace import Pace
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.silence import Unanswered
from cleanup_nodemodule.work.tasks import Stopped

_BUDGET: Final = 8192
"""Directory entries a call handles at most. With half as many, handing over takes a twentieth of the time;
with twice as many nothing is gained, and the last ones leave the other cores with nothing to do."""

_FIRST: Final = 1024
"""Directory entries that the first call handles at most, while nobody knows yet how long one takes. Where
that is half a millisecond, eight times as many kept all the others waiting for half a second."""

_SECONDS: Final = 0.05
"""What a call should take at most: where each entry takes its time, such as one on a network, a call with
few of them leaves the others to those who have nothing to do."""

MAX_LISTED: Final = 10_000
"""Paths of one candidate that are kept at most of what its watch met, and of what came late; the others are
counted. Whoever reads them needs a few, and so many take a megabyte."""

_Watched: TypeAlias = tuple[Root, Watch | None, Accounting | None]
"""What is measured, what is watched for in it, and how it is found out what deleting it gives back."""


def _nothing(_number: int) -> None:
    """Watch for nothing, and find out nothing."""


async def measure(
    candidates: Sequence[tuple[int, Candidate]],
    scheduler: Scheduler,
    ledger: Ledger,
    *,
    mounts: Sequence[str] = (),
    without: Mapping[int, Sequence[str]] = MappingProxyType({}),
    watch: Callable[[int], Watch | None] = _nothing,
    accounting: Callable[[int], Accounting | None] = _nothing,
    begun: Mapping[int, Measurement] = MappingProxyType({}),
    problem: Callable[[Problem], None],
    measured: Callable[[str, int], None],
) -> list[Contents | None]:
    """Count what lies inside each of the *candidates*, which have a number; None if it has vanished.

    As many small ones as make up a call's worth of entries go in one, as handing over takes longer
    than measuring a few hundred files; a large one is shared among the workers. What files have in common
    goes to *ledger* under the candidate's number. *mounts* is everything that something is mounted
    on, in order: it is not looked at. *without* tells by the number of a candidate which paths in it are
    not counted, *watch* what is watched for in it, *accounting* how it is found out on a device, given its number, what
    deleting gives back, and *begun* what a first call has returned already. Calls
    *problem* for each place that could not be read, which a mount point is not, and *measured* with the path of
    a candidate and the bytes each call counted of it. Raises Stopped when the scheduler is told to stop.
    """
    tallies = [_Tally(number, candidate, ledger, problem) for number, candidate in candidates]
    roots: list[_Watched] = []
    for tally, (number, one) in zip(tallies, candidates, strict=True):
        root = _rooted(tally, one, mounts, without.get(number, ()))
        roots.append((root, watch(number), accounting(tally.device)))
    pace = Pace(_SECONDS, _FIRST, _BUDGET)
    done, count = 0, len(tallies)
    while done < len(tallies):
        where = candidates[done][1].root
        if where in scheduler.silence:
            tallies[done].give_up()
            done += 1
            continue
        if candidates[done][1].mounted:
            tallies[done].leave_out([candidates[done][1].path])
            done += 1
            continue
        if (first := begun.get(candidates[done][0])) is not None:
            await _measure_rest(first, roots[done], tallies[done], scheduler, pace, measured)
            done += 1
            continue
        fresh = itertools.takewhile(
            lambda one: not (one[1].mounted or one[0] in begun), candidates[done : done + count]
        )
        several = roots[done : done + sum(1 for _ in fresh)]
        budget = scheduler.portion(pace.entries)
        try:
            measurements = await scheduler.read(
                _measure_several,
                several,
                budget,
                lacked=lambda several: any(lacked(one.faults) for one in several),
                took=pace.took,
            )
        except Unanswered:
            if len(several) == 1:
                scheduler.silence.note(where)
            count = 1  # One by one, it shows which it is.
            continue
        except Stopped:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the others are measured
            if len(several) == 1:
                tallies[done].fail(error)
                done += 1
            count = 1
            continue
        entries = sum(map(entries_of, measurements))
        scheduler.handled(entries)
        pace.did(entries, of=budget)
        for measurement in measurements:
            await _measure_rest(measurement, roots[done], tallies[done], scheduler, pace, measured)
            done += 1
    return [tally.contents() for tally in tallies]


def _rooted(
    tally: "_Tally", candidate: Candidate, mounts: Sequence[str], others: Collection[str]
) -> Root:
    """Return a candidate as the engine wants it, closed where something is mounted or *others* are."""
    inside = {*topmost_in(candidate.path, mounts), *others}
    closed = topmost_in(candidate.path, sorted(inside))
    tally.leave_out(place for place in closed if place not in others)
    return anchor(candidate.path, candidate.identity, closed)


async def _measure_rest(
    first: Measurement,
    watched: _Watched,
    tally: "_Tally",
    scheduler: Scheduler,
    pace: Pace,
    measured: Callable[[str, int], None],
) -> None:
    """Count what the first call has counted of a candidate, and what it left, with all workers."""
    root, watch, accounting = watched
    measured(tally.path, first.usage.allocated)
    left = tally.add(first)
    if not left:
        return

    async def count(stack: list[bytes]) -> list[bytes]:
        budget = scheduler.portion(pace.entries)
        try:
            with scheduler.silence.asking(tally.root):
                part = await scheduler.read(
                    engine.measure,
                    root,
                    stack,
                    budget,
                    watch,
                    accounting,
                    lacked=lambda measurement: lacked(measurement.faults),
                    took=pace.took,
                )
        except Unanswered:
            tally.give_up()
            return []
        except Stopped:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the others are measured
            tally.fail(error)
            return []
        scheduler.handled(entries_of(part))
        pace.did(entries_of(part), of=budget)
        measured(tally.path, part.usage.allocated)
        return tally.add(part)

    await scheduler.share(left, count)


def contents_of(
    number: int,
    candidate: Candidate,
    measurement: Measurement,
    ledger: Ledger,
    *,
    problem: Callable[[Problem], None],
) -> Contents | None:
    """Return what is in a candidate that one call has measured to its end, as :func:`measure` does."""
    usage, _, faults = measurement
    lists = (usage.mounts, usage.repositories, usage.foreign, usage.met, usage.late)
    if faults or any(lists) or usage.unlisted or usage.metadata or not usage.directories:
        tally = _Tally(number, candidate, ledger, problem)
        tally.add(measurement)
        return tally.contents()
    # As most of them are: nothing but numbers.
    ledger.add(number, candidate.identity.device, usage)
    return Contents(
        *(usage.apparent, usage.allocated, usage.files, usage.directories, usage.newest, True),
        *((), (), (), usage.allocated_directories),
        measured_at=int(time.time()),
        own_bytes=usage.own,
        perhaps_bytes=usage.perhaps,
        shared_bytes=usage.shared,
    )


def entries_of(measurement: Measurement) -> int:
    """Return what a call had to do: one more than it counted for opening, as empty ones take time too."""
    return measurement.usage.files + measurement.usage.directories + 1


def _measure_several(roots: Sequence[_Watched], budget: int) -> list[Measurement]:
    """Begin with one root after the other until the budget is used up."""
    measurements: list[Measurement] = []
    for root, watch, accounting in roots:
        measurement = engine.measure(root, [b""], budget, watch, accounting)
        measurements.append(measurement)
        budget -= entries_of(measurement)
        if budget <= 0:
            break
    return measurements


class _Tally:
    """What has been counted of one candidate."""

    def __init__(
        self,
        number: int,
        candidate: Candidate,
        ledger: Ledger,
        problem: Callable[[Problem], None],
    ) -> None:
        self._number = number
        self.device: Final = candidate.identity.device
        self.path: Final = candidate.path
        self.root: Final = candidate.root
        """Where it was found."""
        self._ledger = ledger
        self._problem = problem
        self._apparent = self._allocated = self._files = self._directories = self._newest = 0
        self._directory_bytes = 0
        self._own = self._perhaps = self._shared = 0
        self._tree: tree_estimate.Tally | None = None
        """What it has on btrfs."""
        self._mounts: list[str] = []
        self._repositories: list[str] = []
        self._foreign: list[str] = []
        self._met: list[str] = []
        self._late: list[str] = []
        self._unlisted = 0
        self._complete = True
        # Before the first call returns: what is written where it has been already is not known to it.
        self._measured_at = int(time.time())

    def add(self, measurement: Measurement) -> list[bytes]:
        """Take in what a call returned; return what it left."""
        usage, left, faults = measurement
        self._apparent += usage.apparent
        self._allocated += usage.allocated
        self._files += usage.files
        self._directories += usage.directories
        self._directory_bytes += usage.allocated_directories
        self._newest = max(self._newest, usage.newest)
        self._own += usage.own
        self._perhaps += usage.perhaps
        self._shared += usage.shared
        if usage.metadata:
            self._tree = self._tree or tree_estimate.Tally()
            self._tree.add(usage)
        self._ledger.add(self._number, self.device, usage)
        self._repositories.extend(beneath(self.path, path) for path in usage.repositories)
        self._foreign.extend(beneath(self.path, path) for path in usage.foreign)
        self._unlisted += usage.unlisted
        self._list(self._met, usage.met)
        self._list(self._late, usage.late)
        self.leave_out(beneath(self.path, path) for path in usage.mounts)
        for fault in faults:
            self._problem(problem_at(self.path, fault))
        self._complete = self._complete and not faults
        return left

    def _list(self, paths: list[str], more: Sequence[bytes]) -> None:
        room = MAX_LISTED - len(paths)
        paths.extend(os.fsdecode(path) for path in more[:room])
        self._unlisted += max(len(more) - room, 0)

    def leave_out(self, mounts: Iterable[str]) -> None:
        """Take down what something is mounted on, and so is no part of it.

        That is no problem: the artifact is kept for it, and everything else in it is known.
        """
        for mount in mounts:
            self._mounts.append(mount)
            self._complete = False

    def give_up(self) -> None:
        """Take down that there may be more than was counted."""
        self._complete = False

    def fail(self, error: Exception) -> None:
        """Take down what went wrong, so that nobody knows what is there."""
        self._complete = False
        self._problem(problem_of(error, self.path, ProblemCode.MEASURE))

    def contents(self) -> Contents | None:
        """Return everything counted; None if there was nothing."""
        if not self._directories and self._complete:
            return None
        tree = self._tree.estimated(self._own, self._perhaps) if self._tree else None
        return Contents(
            self._apparent,
            self._allocated,
            self._files,
            self._directories,
            self._newest,
            self._complete,
            tuple(sorted(self._mounts)),
            tuple(sorted(self._repositories)),
            tuple(sorted(self._foreign)),
            self._directory_bytes,
            tuple(sorted(self._met)),
            tuple(sorted(self._late)),
            self._unlisted,
            measured_at=self._measured_at,
            own_bytes=tree.own if tree else self._own,
            perhaps_bytes=tree.perhaps if tree else self._perhaps,
            shared_bytes=self._shared,
            metadata_bytes=tree.metadata if tree else 0,
            dense_bytes=tree.dense if tree else 0,
            proven_bytes=tree.proven if tree else 0,
            inline_bytes=tree.inline if tree else 0,
        )
