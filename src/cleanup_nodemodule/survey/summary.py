"""Makes the plan of what was found by now: decisions first, then the sizes, which depend on them."""

from collections.abc import Collection, Mapping, Sequence

from cleanup_nodemodule.model import Artifact, Contents, Decision, Delete, Plan, Problem, Size
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.survey import nesting
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
    """Decide about everything found by now, and count files with several links by what was decided.

    *silent* are the roots that did not answer; all beneath them is kept.
    """
    rows = findings.rows
    around = findings.around or nesting.innermost_around(rows)
    shown = [number for number, row in enumerate(rows) if not (row.vanished or row.hidden)]
    shown.sort(key=lambda number: rows[number].candidate.path)
    outer = nesting.shown_around(shown, around)
    nesting.add_inner(rows, shown, outer)
    decisions = [
        decide_about(rows[number], include_foreign=include_foreign, silent=silent)
        for number in shown
    ]
    sizes = _linked_sizes(findings, shown, decisions)
    contents = _own_contents(rows, shown, outer)
    for number in shown:
        row = rows[number]
        row.evidence = row.evidence or weigh(row, has_git=has_git)
    return Plan(
        roots,
        tuple(
            _artifact(rows[number], contents[number], decision, sizes[number])
            for number, decision in zip(shown, decisions, strict=True)
        ),
        _problems(findings, shown, silent),
        findings.complete,
        tuple(sorted(findings.leftovers, key=lambda candidate: candidate.path)),
        findings.unseen_processes,
        findings.unmatched,
    )


def _linked_sizes(
    findings: Findings, shown: Sequence[int], decisions: Sequence[Decision]
) -> dict[int, Size]:
    """Return, by number, what files with several links add to each row that is shown."""
    # An inode counts with what lies deepest, and that sorts behind what lies around it; what is
    # not shown comes last and counts for nothing.
    hidden = sorted(set(range(len(findings.rows))).difference(shown))
    ranks = {number: rank for rank, number in enumerate([*reversed(shown), *hidden])}
    selected = [isinstance(decision, Delete) for decision in reversed(decisions)]
    sizes = findings.ledger.attribute(ranks, [*selected, *(False for _ in hidden)])
    return {number: sizes[ranks[number]] for number in shown}


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


def _problems(
    findings: Findings, shown: Sequence[int], silent: Collection[str]
) -> tuple[Problem, ...]:
    problems = (
        *findings.problems,
        *(one for number in shown for one in findings.rows[number].problems),
        *(Problem(root, ProblemCode.ROOT_UNANSWERED) for root in silent),
    )
    return tuple(sorted(problems, key=lambda problem: (problem.path, problem.doing)))


def _artifact(row: Row, contents: Contents, decision: Decision, linked: Size) -> Artifact:
    """Add what files with several links take to what the others take."""
    size = Size(
        contents.apparent_bytes + linked.apparent_bytes,
        contents.allocated_bytes + linked.allocated_bytes,
        contents.allocated_bytes + linked.reclaimable_bytes if isinstance(decision, Delete) else 0,
    )
    assert row.evidence is not None  # noqa: S101 - what nobody came to is weighed for the plan
    return Artifact(row.candidate, row.evidence, contents, size, decision)
