"""Puts together what the disk and git say about a candidate."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from cleanup_nodemodule.model import Evidence, Level, Problem, Reason
from cleanup_nodemodule.proof import git
from cleanup_nodemodule.proof.installed import Protection
from cleanup_nodemodule.proof.sighting import Sighting, not_known


def unweighed(sighting: Sighting, problem: Problem) -> Evidence:
    """Return the evidence for what nobody could put together, which is kept."""
    protection = not_known(problem)
    level, project = Level.UNPROVEN, sighting.project
    facts = (protection.detail,)
    return Evidence(level, facts, protection.reason, None, None, project, None, None, (), 0)


def kept_for(problems: Sequence[Problem], known: Evidence) -> Evidence:
    """Return what is *known*, with a protection if there were *problems* and there is none yet."""
    if not problems or known.protection is not None:
        return known
    unknown = not_known(problems[0])
    return replace(known, protection=unknown.reason, facts=(*known.facts, unknown.detail))


def weigh(
    sighting: Sighting,
    said: git.Answer | git.Refusal | None,
    *,
    has_git: bool,
    last_used: int = 0,
) -> Evidence:
    """Put what disk, git and user say together."""
    path = sighting.candidate.path
    protection = sighting.protection
    answer = said if isinstance(said, git.Answer) else None
    if protection is None and sighting.repository is not None:
        if isinstance(said, git.Refusal):
            protection = Protection(Reason.GIT_FAILED, said.why)
        elif said is None:
            protection = Protection(
                Reason.GIT_FAILED, f"git gave no answer in {sighting.repository}"
            )
        elif path in said.tracked:
            protection = Protection(Reason.TRACKED, "git tracks files inside")
    if protection is None and answer is not None and path in answer.tracked_by:
        protection = Protection(Reason.TRACKED, f"{answer.tracked_by[path]} tracks files inside")
    level, facts = _proof(sighting, answer, has_git=has_git)
    if sighting.word is not None:
        facts.append(sighting.word)
    elif sighting.included and level is Level.NAMED:
        facts.append("included with --include-unproven")
    if protection is not None:
        facts.append(protection.detail)
        if protection.reason in _BY_GIT:
            facts += sighting.remarks
    return Evidence(
        level,
        tuple(facts),
        protection.reason if protection else None,
        sighting.rule.id if sighting.rule else None,
        sighting.rule.ecosystem if sighting.rule else None,
        sighting.project,
        sighting.regenerate,
        sighting.regenerate_in,
        sighting.warnings,
        last_used,
    )


_BY_GIT: Final = frozenset({Reason.GIT_FAILED, Reason.TRACKED})
"""Reasons that there would not be without a repository."""


def _proof(
    sighting: Sighting, answer: git.Answer | None, *, has_git: bool
) -> tuple[Level, list[str]]:
    """Return the level and the facts, now that git has been asked."""
    best = sighting.best
    level = sighting.level
    if best is None:
        return level, []
    if best.proven_on_disk is not None:
        return Level.PROVEN, [fact for trial in best.trials if trial.holds for fact in trial.facts]
    hopeful = best.proven_if_ignored
    unproven = sighting.unproven
    if hopeful is None:
        facts = list(dict.fromkeys(fact for trial in best.trials for fact in trial.facts))
        if best.hindrance is not None:
            facts.append(f"but {best.hindrance} inside")
        return level, facts
    facts = list(hopeful.facts)
    if answer is not None and sighting.project in answer.ignored:
        # As where a home directory is a repository that ignores everything: it says nothing.
        return unproven, [*facts, "git ignores the whole project"]
    if answer is not None and sighting.candidate.path in answer.ignored:
        return Level.PROVEN, [*facts, "ignored by git"]
    if sighting.repository is None:
        facts.append("not in a git repository that could ignore it")
    elif answer is not None:
        facts.append("not ignored by git")
    elif not has_git:
        facts.append("git is not installed, so nobody can say whether it is ignored")
    return unproven, facts


def walk_beneath(evidence: Evidence) -> bool:
    """Whether projects may lie beneath: it is no artifact, or it belongs to a project's sources."""
    if evidence.protection is Reason.INSTALLED:
        return False
    return evidence.level in {Level.NONE, Level.UNPROVEN} or evidence.protection is Reason.TRACKED
