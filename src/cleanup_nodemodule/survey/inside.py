"""What was met inside the artifacts, looked at once more: what keeps them, and what came with their packages.

The walk knows names and times only. For installed packages the files that it hands back are looked up in what
their tool recorded (:mod:`cleanup_nodemodule.proof.declared`); for all others the rule says what it expects.
"""

from collections.abc import Sequence
from typing import Final

from cleanup_nodemodule.engine.contract import Watch
from cleanup_nodemodule.model import Problem
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.proof import precious
from cleanup_nodemodule.proof.copies import only_here
from cleanup_nodemodule.proof.declared import NAMES, is_part_of
from cleanup_nodemodule.proof.rules import Rule
from cleanup_nodemodule.proof.sighting import Sighting
from cleanup_nodemodule.proof.stat_cache import StatCache
from cleanup_nodemodule.proof.version_control.inside import is_mark, working_copies
from cleanup_nodemodule.proof.weigh import Inside, kept_for
from cleanup_nodemodule.survey.rows import Row
from cleanup_nodemodule.work.containment import each, problem_of
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.silence import Unanswered

_AT_ONCE: Final = 64
"""Artifacts whose files one call looks up."""


def watch_for(sighting: Sighting) -> Watch | None:
    """Return what to watch for in an artifact while it is measured; None where it is kept whatever is inside."""
    if sighting.protection is not None:
        return None
    since = sighting.declared.finished if sighting.declared is not None else 0
    return precious.watch(sighting.rule, since)


async def look_inside(rows: Sequence[Row], scheduler: Scheduler, cache: StatCache) -> None:
    """Take down, for each of the *rows*, what was met in it that its tool did not make.

    What cannot be looked at keeps its row: it is a problem of it.
    """
    open_ = [row for row in rows if row.met_something and not (row.hidden or row.vanished)]

    async def ask(some: Sequence[Row]) -> list[Inside | Problem]:
        given = [(row.candidate.path, *_met(row)) for row in some]
        return await scheduler.read(_look_all, given, cache, lacked=lambda _found: False)

    for start in range(0, len(open_), _AT_ONCE):
        some = open_[start : start + _AT_ONCE]
        try:
            found = await each(some, ask, _unknown)
        except Unanswered:
            for row in some:
                row.keep_for(Problem(row.candidate.path, ProblemCode.EXAMINE))
            continue
        for row, one in zip(some, found, strict=True):
            if isinstance(one, Problem):
                row.keep_for(one)
            else:
                row.inside = one
    for row in open_:
        row.evidence = row.evidence and kept_for(row.problems, row.evidence)


_Met = tuple[Rule | None, tuple[str, ...], tuple[str, ...], int]


def _met(row: Row) -> _Met:
    """Return a row's rule, what it does not expect of what was met, what is late, and how much more there is."""
    contents, rule = row.contents, row.sighting.rule
    if contents is None:
        return None, (), (), 0
    # Where a rule expects whatever is there it does not mean somebody's working copy.
    marks = (path for path in contents.met if is_mark(path))
    unexpected = tuple(sorted({*precious.unexpected(rule, contents.met), *marks}))
    return rule, unexpected, contents.late, contents.unlisted


def _look_all(
    given: Sequence[tuple[str, Rule | None, tuple[str, ...], tuple[str, ...], int]],
    cache: StatCache,
) -> list[Inside | Problem]:
    return [_look(*one, cache) for one in given]


def _look(
    path: str,
    rule: Rule | None,
    met: tuple[str, ...],
    late: tuple[str, ...],
    unlisted: int,
    cache: StatCache,
) -> Inside | Problem:
    packages = rule.packages if rule is not None else None
    try:
        marks = [one for one in met if is_mark(one) and working_copies(path, [one])]
        met = only_here(rule, path, tuple(one for one in met if not is_mark(one)), cache)
        if packages is None or packages not in NAMES:
            return Inside(tuple(sorted({*met, *marks})), (), unlisted)
        unexpected, modified = is_part_of(packages)(path, met, late, cache)
        unexpected = tuple(sorted({*unexpected, *marks}))
    except Exception as error:  # noqa: BLE001 - whatever it is, nobody knows whose these files are
        return problem_of(error, path, ProblemCode.EXAMINE)
    return Inside(unexpected, modified, unlisted)


def _unknown(row: Row, error: Exception) -> Problem:
    return problem_of(error, row.candidate.path, ProblemCode.EXAMINE)
