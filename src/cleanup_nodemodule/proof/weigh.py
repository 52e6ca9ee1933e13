"""Puts together what the disk and git say about a candidate: the answers to the three questions.

Who made it, how it comes back, and what else is inside. The first question that is open keeps it, by a
:class:`~cleanup_nodemodule.model.Doubt`, unless the user includes it by its path. What the walk has met inside
is known last, and :func:`with_inside` adds it.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from cleanup_nodemodule.model import Doubt, Evidence, Level, Problem, Reason
from cleanup_nodemodule.proof import git
from cleanup_nodemodule.proof.installed import Protection
from cleanup_nodemodule.proof.markers import Examination, Trial
from cleanup_nodemodule.proof.precious import listed
from cleanup_nodemodule.proof.sighting import Sighting, not_known


class Inside(NamedTuple):
    """What was met in an artifact that is not its tool's. Paths are relative to it."""

    precious: tuple[str, ...] = ()
    """What people make, by its name."""
    modified: tuple[str, ...] = ()
    """What was changed after its installer was through."""
    unlisted: int = 0
    """How many more things were met than anybody looked at."""


INCLUDED: Final = "included with --include-unproven"
"""A fact: only the user says that it can be rebuilt."""

NOTHING_MET: Final = Inside()


def unweighed(sighting: Sighting, problem: Problem) -> Evidence:
    """Return the evidence for what nobody could put together, which is kept."""
    protection = not_known(problem)
    project, level = sighting.project, Level.UNPROVEN
    return Evidence(
        *(level, (), protection.reason, None, None, project, None, None, (), 0),
        besides=(protection.detail,),
    )


def kept_for(problems: Sequence[Problem], known: Evidence) -> Evidence:
    """Return what is *known*, with a protection if there were *problems* and there is none yet."""
    if not problems or known.protection is not None:
        return known
    unknown = not_known(problems[0])
    return replace(known, protection=unknown.reason, besides=(*known.besides, unknown.detail))


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
    level, made_by, lacking = _made_by(sighting, answer, has_git=has_git)
    besides: list[str] = []
    if sighting.word is not None:
        besides.append(sighting.word)
    if protection is not None:
        besides.append(protection.detail)
        if protection.reason in _BY_GIT:
            besides += sighting.remarks
    doubt = _doubt(sighting, level, lacking)
    warnings = sighting.warnings
    if sighting.included and sighting.declared is not None and sighting.declared.undeclared:
        warnings = (
            *warnings,
            f"lost, because nothing declares them: {listed(sighting.declared.undeclared)}",
        )
    if sighting.included and (doubt is not None or (level is Level.NAMED and not sighting.named)):
        besides.append(INCLUDED)
        doubt, level = None, Level.NAMED
    return Evidence(
        level,
        made_by,
        protection.reason if protection else None,
        sighting.rule.id if sighting.rule else None,
        sighting.rule.ecosystem if sighting.rule else None,
        sighting.project,
        sighting.regenerate,
        sighting.regenerate_in,
        warnings,
        last_used,
        comes_back=_comes_back(sighting),
        besides=tuple(besides),
        doubt=doubt,
        repository=sighting.repository,
    )


_BY_GIT: Final = frozenset({Reason.GIT_FAILED, Reason.TRACKED})
"""Reasons that there would not be without a repository."""


def _doubt(sighting: Sighting, level: Level, lacking: str | None) -> Doubt | None:
    """Return which of the first two questions is open.

    The user's word for its name answers the first, and the second but for packages: there are many
    ``node_modules``, and one of them may hold what somebody wrote.
    """
    best, declared = sighting.best, sighting.declared
    if level in {Level.UNPROVEN, Level.NONE}:
        return Doubt(Reason.UNPROVEN, lacking or "nothing inside shows who made it")
    if best is None:
        return None
    if best.precious is not None:
        return Doubt(Reason.PRECIOUS, best.precious)
    if best.stray:
        return Doubt(Reason.PRECIOUS, listed(best.stray))
    if declared is not None and declared.missing is not None:
        return Doubt(Reason.UNPROVEN, declared.missing)
    if best.missing is not None and not sighting.named:
        return Doubt(Reason.UNPROVEN, best.missing)
    if declared is not None and declared.undeclared:
        return Doubt(Reason.UNDECLARED, listed(declared.undeclared))
    if declared is not None and declared.modified:
        return Doubt(Reason.MODIFIED, listed(declared.modified))
    return None


def _comes_back(sighting: Sighting) -> tuple[str, ...]:
    """Return what brings it back, a phrase each."""
    best, declared = sighting.best, sighting.declared
    if best is None or not sighting.made:
        return ()
    held = [fact for trial in best.back if trial.holds for fact in trial.facts]
    return tuple(dict.fromkeys([*held, *(declared.facts if declared else ())]))


def _made_by(
    sighting: Sighting, answer: git.Answer | None, *, has_git: bool
) -> tuple[Level, tuple[str, ...], str | None]:
    """Return the level, what shows who made it, and what is lacking, now that git has been asked."""
    best, declared = sighting.best, sighting.declared
    level = sighting.level
    if best is None:
        return level, (), None
    if best.hindrance is not None:
        facts = [fact for trial in best.trials for fact in trial.facts]
        hindrance = f"{best.hindrance} inside"
        return level, tuple(dict.fromkeys([*facts, f"but {hindrance}"])), hindrance
    held = best.proven_on_disk
    lacking: str | None
    if declared is not None and declared.made_by is not None:
        # The look often says more of the same mark than the rule: whose it is.
        others = (one for one in _facts(best, held) if not declared.made_by.endswith(f": {one}"))
        return Level.PROVEN, (declared.made_by, *others), None
    if held is not None:
        lacking = None if held.marked else _unmarked(sighting, answer)
        level = Level.PROVEN if lacking is None else sighting.unproven
        return level, _facts(best, held), lacking
    hopeful = best.proven_if_ignored
    if hopeful is None:
        facts = [fact for trial in best.trials for fact in trial.facts]
        return level, tuple(dict.fromkeys(facts)), None
    lacking = _not_ignored(sighting, answer, has_git=has_git)
    if lacking is None:
        return Level.PROVEN, (*hopeful.facts, _ignored_by(sighting, answer)), None
    return sighting.unproven, (*hopeful.facts, lacking), lacking


def _ignored_by(sighting: Sighting, answer: git.Answer | None) -> str:
    by = None if answer is None else answer.ignored_by.get(sighting.candidate.path)
    return "ignored by git" if by is None else f"ignored by {by.source}: {by.pattern}"


def _facts(best: Examination, held: Trial | None) -> tuple[str, ...]:
    if held is None:
        return ()
    return tuple(dict.fromkeys(f for trial in best.trials if trial.holds for f in trial.facts))


def _unmarked(sighting: Sighting, answer: git.Answer | None) -> str | None:
    """Return why what nothing inside marks is not proven: in a repository it may be work of today."""
    path = sighting.candidate.path
    if answer is None:
        return None
    if path in answer.neither:
        return "git neither tracks nor ignores it"
    if path in answer.unknown:
        return f"nobody can say whether it is tracked: {answer.unknown[path]}"
    return None


def _not_ignored(sighting: Sighting, answer: git.Answer | None, *, has_git: bool) -> str | None:
    """Return why git's word is missing, None if git ignores it."""
    path = sighting.candidate.path
    if sighting.repository is None:
        return "not in a git repository that could ignore it"
    if answer is None:
        if not has_git:
            return "git is not installed, so nobody can say whether it is ignored"
        return "git has not said whether it is ignored"
    if sighting.project in answer.ignored:
        # As where a home directory is a repository that ignores everything: it says nothing.
        return "git ignores the whole project"
    if path not in answer.ignored:
        return "not ignored by git"
    by = answer.ignored_by.get(path)
    if by is not None and by.blanket:
        return f"{by.source} makes git ignore everything there: {by.pattern}"
    if by is not None and not by.own:
        return f"only {by.source} makes git ignore it, and no .gitignore of the project"
    # A hint by itself, so nobody may have another one against it.
    return _unmarked(sighting, answer)


def with_inside(known: Evidence, sighting: Sighting, inside: Inside) -> Evidence:
    """Add what was met *inside*; it is in doubt for that, if for nothing before and not included."""
    facts: list[str] = []
    doubt: Doubt | None = None
    # What is not listed is of the kind of what is: a copy may have thousands of files that came late.
    unlisted = inside.unlisted
    if inside.modified:
        named = listed(inside.modified, 0 if inside.precious else unlisted)
        facts.append(f"changed after it was installed: {named}")
        doubt = Doubt(Reason.MODIFIED, named)
    if inside.precious or (unlisted and not inside.modified):
        named = listed(inside.precious, unlisted) if inside.precious else f"{unlisted:,} files"
        facts.append(f"not made by its tool: {named}")
        doubt = Doubt(Reason.PRECIOUS, named)
    if not facts:
        return known
    besides = known.besides
    if sighting.included:
        doubt = None
        besides = tuple(dict.fromkeys((*besides, INCLUDED)))
    settled = known.doubt if known.doubt is not None and not sighting.included else doubt
    if doubt is not None and known.doubt is not None and known.doubt.reason is Reason.MODIFIED:
        # What the look has found says less than the name of what people make.
        settled = doubt if doubt.reason is Reason.PRECIOUS else known.doubt
    return replace(known, also_inside=(*known.also_inside, *facts), besides=besides, doubt=settled)


def walk_beneath(evidence: Evidence) -> bool:
    """Whether projects may lie beneath: it is no artifact, or it belongs to a project's sources."""
    if evidence.protection is Reason.INSTALLED:
        return False
    return evidence.level in {Level.NONE, Level.UNPROVEN} or evidence.protection is Reason.TRACKED
