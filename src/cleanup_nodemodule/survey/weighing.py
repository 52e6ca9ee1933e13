"""Puts together what is known of one row: first its evidence, then what is decided about it."""

from collections.abc import Container

from cleanup_nodemodule.model import Decision, Evidence, Keep, Reason
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.proof import weigh as proof_weigh
from cleanup_nodemodule.survey.decide import decide
from cleanup_nodemodule.survey.rows import Row
from cleanup_nodemodule.work.containment import Contained


def weigh(row: Row, *, has_git: bool, last_used: int = 0) -> Evidence:
    """Return the evidence of a row; what cannot be weighed is kept."""
    asked = Contained(row.candidate.path)

    def weighed() -> Evidence:
        return proof_weigh.weigh(row.sighting, row.answer, has_git=has_git, last_used=last_used)

    known = asked.ask(ProblemCode.WEIGH, None, weighed)
    for problem in asked.problems:
        row.keep_for(problem)
    return known or proof_weigh.unweighed(row.sighting, asked.problems[0])


def _is_unlooked(row: Row) -> bool:
    """Whether something was met in a row, and the run was stopped before it was looked at."""
    return row.inside is None and row.met_something and not row.problems


def decide_about(row: Row, *, include_foreign: bool, silent: Container[str]) -> Decision:
    """Decide about a row; what nobody can decide about is kept, and so is all beneath *silent* roots."""
    asked = Contained(row.candidate.path)
    unknown: Decision = Keep(Reason.UNREADABLE)

    def decided() -> Decision:
        if row.candidate.root in silent:
            return unknown
        if row.evidence is None or row.contents is None or _is_unlooked(row):
            return Keep(Reason.INTERRUPTED)
        return decide(row.evidence, row.contents, include_foreign=include_foreign)

    decision = asked.ask(ProblemCode.DECIDE, unknown, decided)
    for problem in asked.problems:
        row.keep_for(problem)
    return decision
