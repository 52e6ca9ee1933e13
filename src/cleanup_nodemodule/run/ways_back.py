"""How to get back what a run deleted: which commands, where, as whom."""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.proof.known_commands import is_known
from cleanup_nodemodule.proof.rules import Rule
from cleanup_nodemodule.proof.stat_cache import StatCache
from cleanup_nodemodule.record.entries import UNTOUCHED, Ending, Entry, Fault, Run
from cleanup_nodemodule.record.read import read
from cleanup_nodemodule.run import run_as
from cleanup_nodemodule.run.loop import Runtime
from cleanup_nodemodule.system.mounts import mount_point_of, mount_points
from cleanup_nodemodule.words import iso, printable, shell_line
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.silence import Unanswered
from cleanup_nodemodule.work.tasks import tasks

MAX_NAMED: Final = 20
"""How many of a kind are named one by one."""


class UnknownRun(UsageError):
    """There is no such run, or several. The message says which there are."""


@dataclass(frozen=True, slots=True)
class Step:
    """A command, and what it brings back."""

    directory: str
    """Absolute path of where to run it."""
    command: str
    known: bool
    """Whether the program itself could have written it, and not only who altered the journal."""
    artifacts: tuple[str, ...]
    """Absolute paths."""
    verdict: run_as.Verdict = run_as.AS_WE_ARE
    """As whom it is to be run."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything about getting back what one run deleted."""

    run: Run | None
    """None where no run has deleted anything."""
    steps: tuple[Step, ...]
    """What installs comes before what builds, and then what is above before what is beneath."""
    skipped: Mapping[str, str]
    """By path, why nothing is to be run for an artifact: a code of :data:`SKIPPED`."""
    faults: tuple[Fault, ...]
    trashed: tuple[str, ...] = ()
    """Artifacts that the run moved to the trash, and that are not in their place again."""


SKIPPED: Final = {
    "exists": "is there again",
    "refills": "nothing to run, because its tool fills it again by itself",
    "no-command": "nobody knows a command that brings it back",
    "project-gone": "the directory that its command is for is gone",
    "no-answer": "nobody knows whether it is there, as its disk does not answer",
}
"""What each reason for leaving an artifact out means."""


class Place(NamedTuple):
    """Where the command for an artifact is to be run, and what the journal says of it. Pickles."""

    directory: str
    rule: Rule | None = None
    command: str | None = None


class _Seen(NamedTuple):
    """What the disk says of an artifact and of where its command is to be run."""

    there: bool
    ready: bool
    verdict: run_as.Verdict
    known: bool
    """Whether the program itself could have written the command."""


async def recipe(
    directory: str, rules: Sequence[Rule], name: str | None, runtime: Runtime
) -> Recipe:
    """Return how to get back what a run deleted that is in the journal of this state directory.

    *name* is the run's id or the beginning of it; None is the last run that deleted anything. What
    lies inside another artifact of the run comes with that. Raises UnknownRun and StateError, and
    Stopped where it is interrupted while it asks the disks.
    """
    touched: set[str] = set()

    def wanted(entry: Entry) -> bool:
        touched.update({entry.run} if _touched(entry) else ())
        return False

    with runtime.interruptible():
        looked = read(directory, wanted=wanted)
    runs = looked.runs
    if name is None:
        deleting = [run for run in runs.values() if run.id in touched]
        if not deleting:
            return Recipe(None, (), {}, looked.faults)
        run = deleting[-1]
    else:
        run = _named(runs, name)
    with runtime.interruptible():
        history = read(directory, wanted=lambda entry: entry.run == run.id and _touched(entry))
    skipped: dict[str, str] = {}
    steps: dict[tuple[bool, str, int, str, bool], list[str]] = {}
    order = {rule.id: number for number, rule in enumerate(rules)}
    by_id = {rule.id: rule for rule in rules}
    places = {entry.intent.path: _place(entry, by_id) for entry in history.entries}
    seen = await see(places, runtime)
    trashed = tuple(
        entry.intent.path
        for entry in history.entries
        if entry.end is not None
        and entry.end.ending is Ending.TRASHED
        and not (entry.intent.path in seen and seen[entry.intent.path].there)
    )
    verdicts: dict[str, run_as.Verdict] = {}
    for entry in _outermost(history.entries, seen):
        intent = entry.intent
        where = _where(entry)
        known_of = seen.get(intent.path)
        if known_of is None:
            skipped[intent.path] = "no-answer"
        elif known_of.there:
            skipped[intent.path] = "exists"
        elif (rule := by_id.get(intent.rule or "")) is not None and rule.refills:
            skipped[intent.path] = "refills"
        elif intent.regenerate is None:
            skipped[intent.path] = "no-command"
        elif not known_of.ready:
            skipped[intent.path] = "project-gone"
        else:
            # What a lock file determines is what is installed, which building needs.
            installs = rule is not None and rule.locked
            rank = order.get(intent.rule or "", len(order))
            key = (not installs, where, rank, intent.regenerate, known_of.known)
            verdicts[where] = known_of.verdict
            steps.setdefault(key, []).append(intent.path)
    once: dict[tuple[str, str], Step] = {}
    for key in sorted(steps):
        _, where, _, command, known = key
        before = once.get((where, command))
        paths = (*(before.artifacts if before else ()), *sorted(steps[key]))
        known = known and (before is None or before.known)
        once[where, command] = Step(where, command, known, paths, verdicts[where])
    return Recipe(run, tuple(once.values()), skipped, history.faults, trashed)


def _where(entry: Entry) -> str:
    """Return the directory that the command which brings it back is for."""
    return entry.intent.regenerate_in or entry.intent.project


def _place(entry: Entry, rules: Mapping[str, Rule]) -> Place:
    intent = entry.intent
    return Place(_where(entry), rules.get(intent.rule or ""), intent.regenerate)


async def see(places: Mapping[str, Place], runtime: Runtime) -> dict[str, _Seen]:
    """Return what the disks say of artifacts and their directories; nothing where one does not answer.

    Those on other mounts are asked side by side, so that one which is silent holds up none of the others.
    """
    mounts = mount_points()
    groups: dict[tuple[str, str], dict[str, Place]] = {}
    for path, place in places.items():
        key = (
            mount_point_of(path, mounts),
            mount_point_of(place.directory, mounts),
        )
        groups.setdefault(key, {})[path] = place
    seen: dict[str, _Seen] = {}

    async def ask(scheduler: Scheduler) -> None:
        async def one(group: dict[str, Place]) -> None:
            with contextlib.suppress(Unanswered):
                seen.update(await scheduler.call(_ask_disk, group))

        async with tasks() as asking:
            for group in groups.values():
                asking.create_task(one(group))

    if groups:
        around = {os.path.dirname(path): None for path in places}
        around |= dict.fromkeys(place.directory for place in places.values())
        await runtime.ask(list(around), ask, workers=len(groups))
    return seen


def _ask_disk(places: Mapping[str, Place]) -> dict[str, _Seen]:
    verdicts: dict[str, run_as.Verdict] = {}
    seen: dict[str, _Seen] = {}
    cache = StatCache()
    for path, (where, rule, command) in places.items():
        ready = os.path.isdir(where)
        if ready and where not in verdicts:
            verdicts[where] = run_as.decide(where)
        there, known = os.path.lexists(path), False
        if ready and not there and rule is not None and command is not None:
            with contextlib.suppress(OSError):
                known = is_known(rule, command, path, where, cache)
        seen[path] = _Seen(there, ready, verdicts.get(where, run_as.AS_WE_ARE), known)
    return seen


def _touched(entry: Entry) -> bool:
    return not entry.waiting and (entry.end is None or entry.end.ending not in UNTOUCHED)


def _named(runs: Mapping[str, Run], name: str) -> Run:
    fitting = [run for run in runs.values() if name and run.id.startswith(name.lower())]
    exact = [run for run in fitting if run.id == name.lower()]
    if len(exact or fitting) == 1:
        return (exact or fitting)[0]
    listed = fitting or list(runs.values())
    there = ", ".join(f"{run.id} ({iso(run.started_at)})" for run in listed[-MAX_NAMED:])
    more = "the last are " if len(listed) > MAX_NAMED else "there are "
    if fitting:
        raise UnknownRun(f"{printable(name)} is the beginning of several runs: {there}")
    raise UnknownRun(
        f"there is no run {printable(name)}; {more + there if listed else 'nothing was deleted yet'}"
    )


def _outermost(entries: Sequence[Entry], seen: Mapping[str, _Seen]) -> Iterator[Entry]:
    """Give the entries that lie in no other that is gone, in the order of their paths."""
    last: str | None = None
    # With the separator, so that what is inside comes right behind.
    for entry in sorted(entries, key=lambda entry: os.path.join(entry.intent.path, "")):
        inside = os.path.join(entry.intent.path, "")
        if last is None or not inside.startswith(last):
            known = seen.get(entry.intent.path)
            last = last if known is not None and known.there else inside
            yield entry


STRANGE: Final = "this program may not have written this command, so look at it before you run it"


def shown_step(step: Step) -> str:
    """Return the command of a step as a line for a shell, fit for showing."""
    return shell_line(step.directory, printable(step.command), user=step.verdict.user)
