"""Makes the plan of what was found by now: decisions first, then the sizes, which depend on them."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from cleanup_nodemodule.model import (
    Accounted,
    Artifact,
    Contents,
    Decision,
    Delete,
    Plan,
    Problem,
    Records,
    Size,
)
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.proof.weigh import with_inside
from cleanup_nodemodule.survey import nesting
from cleanup_nodemodule.survey.giving_back import sizes
from cleanup_nodemodule.survey.ledger import Ledger
from cleanup_nodemodule.survey.rows import UNKNOWN, Findings, Row
from cleanup_nodemodule.survey.weighing import decide_about, weigh


def summarize(
    findings: Findings,
    roots: tuple[str, ...],
    *,
    silent: Collection[str],
    include_foreign: bool,
    has_git: bool,
) -> Plan:
    """Make the plan of everything that was found by now.

    *silent* are the roots that did not answer; all beneath them is kept.
    """
    known = settle(
        findings.rows,
        findings.around or nesting.innermost_around(findings.rows),
        findings.ledger,
        findings.accounted,
        silent=silent,
        include_foreign=include_foreign,
        has_git=has_git,
    )
    return Plan(
        roots,
        known.artifacts,
        in_order((*findings.problems, *known.problems, *unanswered(silent))),
        findings.complete,
        tuple(sorted(findings.leftovers, key=lambda candidate: candidate.path)),
        findings.unseen_processes,
        findings.unmatched,
        tuple(sorted(findings.others.items())),
        known.records,
        excluded=findings.excluded,
        accounted=of_file_systems(findings.accounted),
    )


class Settled(NamedTuple):
    """What was decided about some rows."""

    artifacts: tuple[Artifact, ...]
    """In path order."""
    problems: tuple[Problem, ...]
    """Those of the rows."""
    records: Records
    """As in the plan."""
    doubled: bool
    """Some were measured with others in them, so that the records of these are there twice."""


def settle(
    rows: Sequence[Row],
    around: Mapping[int, int | None],
    ledger: Ledger,
    known: Mapping[int, Accounted],
    *,
    silent: Collection[str],
    include_foreign: bool,
    has_git: bool,
) -> Settled:
    """Decide about *rows*, and settle what files have in common by what was decided.

    All that lies in one of them, or around it, has to be among them: *around* has by the place of each the innermost
    other one around it. The *ledger* has what files in them have in common, and forgets what it has twice because it lies
    in a part of an artifact. *known* says how each device is accounted. All beneath the roots that are *silent* is kept.
    """
    if parts := nesting.measured_with_others(rows, around):
        ledger.take(parts)
    shown = [number for number, row in enumerate(rows) if not (row.vanished or row.hidden)]
    shown.sort(key=lambda number: rows[number].candidate.path)
    outer = nesting.shown_around(shown, around)
    doubled = any(place is not None and not rows[place].searched for place in outer.values())
    nesting.add_inner(rows, shown, outer)
    for number in shown:
        row = rows[number]
        if row.evidence is not None and row.inside is not None:
            row.evidence = with_inside(row.evidence, row.sighting, row.inside)
    decisions = [
        decide_about(rows[number], include_foreign=include_foreign, silent=silent)
        for number in shown
    ]
    decided = dict(zip(shown, decisions, strict=True))
    folded = nesting.folded(rows, shown, outer, decided)
    shown = [number for number in shown if number not in folded]
    inside = Counter(folded.values())
    outer = nesting.shown_around(shown, around)
    contents = _own_contents(rows, shown, outer)
    for number in shown:
        row = rows[number]
        row.evidence = row.evidence or weigh(row, has_git=has_git)
    records = ledger.by_place(_places(rows, shown, folded))
    settled = sizes(
        [(rows[number].candidate.identity.device, contents[number]) for number in shown],
        [isinstance(decided[number], Delete) for number in shown],
        records,
        known,
    )
    return Settled(
        tuple(
            _artifact(rows[number], contents[number], decided[number], size, inside[number])
            for number, size in zip(shown, settled, strict=True)
        ),
        tuple(one for number in (*shown, *folded) for one in rows[number].problems),
        records,
        doubled,
    )


def _places(rows: Sequence[Row], shown: Sequence[int], folded: Mapping[int, int]) -> dict[int, int]:
    """Return by the number of each row its place among those that are shown; what is folded has that of its outer one."""
    places = {number: place for place, number in enumerate(shown)}
    places |= {number: places[around] for number, around in folded.items()}
    return {rows[number].number: place for number, place in places.items()}


def _own_contents(
    rows: Sequence[Row], shown: Sequence[int], outer: Mapping[int, int | None]
) -> dict[int, Contents]:
    """Return, by number, what is in each row that is shown, without the other rows in it."""
    contents = {number: rows[number].contents or UNKNOWN for number in shown}
    for number in shown:
        if (around_it := outer[number]) is not None:
            contents[around_it] = nesting.less_inner(
                contents[around_it],
                contents[number],
                nesting.within(rows[around_it], rows[number]),
            )
    return contents


def unanswered(silent: Iterable[str]) -> tuple[Problem, ...]:
    """Return what is to be said of roots that did not answer."""
    return tuple(Problem(root, ProblemCode.ROOT_UNANSWERED) for root in silent)


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return problems in the order in which they are told, each once."""
    # Several rows may have one in common, as of a file that is above all of them.
    return tuple(sorted(dict.fromkeys(problems), key=lambda problem: (problem.path, problem.doing)))


def of_file_systems(known: Mapping[int, Accounted]) -> tuple[Accounted, ...]:
    """Return how each file system is accounted, in the order of their names."""
    return tuple(
        sorted(set(known.values()), key=lambda one: (one.name, min(one.devices, default=0)))
    )


def _artifact(
    row: Row, contents: Contents, decision: Decision, size: Size, inside: int
) -> Artifact:
    assert row.evidence is not None  # noqa: S101 - what nobody came to is weighed for the plan
    sighting = row.sighting
    return Artifact(
        row.candidate,
        row.evidence,
        contents,
        size,
        decision,
        inside,
        sighting.owner,
        sighting.file_system,
    )
