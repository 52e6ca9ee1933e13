"""What is known of one directory, as lines or as a document."""

import json
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from cleanup_nodemodule import words
from cleanup_nodemodule.model import Artifact, Delete, Evidence, Keep, Level
from cleanup_nodemodule.proof.markers import Examination, Trial
from cleanup_nodemodule.proof.rules import EVERYTHING, Rule
from cleanup_nodemodule.report import bounds
from cleanup_nodemodule.report.build import file_system_row, shared_row
from cleanup_nodemodule.show.reasons import (
    MEANINGS,
    TOLD_BY_DETAIL,
    Kept,
    from_here,
    what_to_do,
    why,
)
from cleanup_nodemodule.survey import survey
from cleanup_nodemodule.words import printable

_MOST_NAMED: Final = 30
"""Packages, or files, that are named of those that are declared nowhere or were changed."""


def symlink_lines(path: str, *, as_json: bool) -> list[str]:
    """Give what there is to say of a symlink."""
    if not as_json:
        return [
            f"{printable(path)}: kept, because it is a symlink: these are never deleted and never followed."
        ]
    known = {"path": os.path.abspath(path), "decision": "keep", "reason": "symlink"}
    return [json.dumps(known, indent=2)]


def lines(
    explanation: survey.Explanation,
    usual: Collection[str] = (EVERYTHING,),
    *,
    verbose: bool = False,
) -> Iterator[str]:
    """Give what is known of one directory, for people: the answer first, and last what to do.

    *usual* are the profiles of a run without ``--profile``. With *verbose*, the rules that were tried follow.
    """
    artifact, sighting = explanation.artifact, explanation.sighting
    evidence = artifact.evidence
    profile = _other_profile(explanation, usual)
    yield f"{printable(artifact.path)}: {_verdict(artifact, profile)}"
    for question, answer in (
        ("Who made it?", _who_made_it(explanation)),
        ("Can it come back?", _how_it_comes_back(explanation)),
        ("What else is in it?", _what_else_is_inside(explanation)),
    ):
        yield f"    {question}"
        for fact in answer:
            yield f"        {printable(fact)}"
    for fact in (one for one in evidence.besides if one != artifact.why):
        yield f"    {printable(fact)}"
    for warning in evidence.warnings:
        yield f"    note: {printable(warning)}"
    # Where nothing shows that it can come back there is no way to tell.
    if evidence.regenerate is not None and sighting.made:
        where = printable(evidence.regenerate_in or evidence.project)
        yield f"    to get it back: {evidence.regenerate}, in {where}"
    if explanation.measured:
        yield from _numbers(explanation)
    # What lies above that proves nothing.
    yield f"    decided like a run that searches {printable(artifact.candidate.root)}"
    advice = what_next(artifact, profile)
    if advice is not None:
        yield advice
    told = _telling(sighting.examinations)
    if not told:
        yield "No rule knows a directory of this name."
    elif not verbose:
        number = "rule that was" if len(told) == 1 else f"{len(told)} rules that were"
        yield words.Advice(f"To see the {number} tried", _again(artifact))
    else:
        for examination in told:
            yield f"Rule {examination.rule.id} ({examination.rule.title}):"
            yield from _tried(examination, evidence)


def _numbers(explanation: survey.Explanation) -> Iterator[str]:
    """Say what it takes, and what comes back if nothing else goes."""
    artifact = explanation.artifact
    size, files = artifact.size, artifact.contents.files
    takes = f"{words.size(size.allocated_bytes)} in {files:,} {'file' if files == 1 else 'files'}"
    if not isinstance(artifact.decision, Delete):
        yield f"    {takes}"
        return
    frees = words.promised(size.reclaimable_bytes, size.reclaimable_at_most_bytes)
    yield f"    {takes}; deleting it alone gives back {frees}"
    places = [file_system_row(one, (artifact,), "") for one in explanation.accounted]
    layered = any(place.kind == bounds.LAYERED for place in places)
    others = (0, size.shared_bytes) if layered else (size.shared_bytes, 0)
    yield from (f"    {one}" for one in bounds.shared(size.reclaimable_bytes, *others))
    if (store := shared_row(artifact)) is not None:
        yield f"    {bounds.with_store(store, size.shared_bytes)}"
    yield from (f"    {one}" for one in bounds.estimated(places, size))
    yield from (f"    {one}" for one in bounds.unsure(places))


def _again(artifact: Artifact) -> str:
    """Return the command that explains it with all that is known."""
    path, root = artifact.path, artifact.candidate.root
    shown, searched = from_here(path), from_here(root)
    by_default = os.path.dirname(path) == root if os.path.isabs(shown) else searched == os.curdir
    where = () if by_default else ("-p", searched)
    return words.command("explain", shown, *where, "--verbose")


def _telling(examinations: Sequence[Examination]) -> list[Examination]:
    """Return those of rules for this name; those for any name only if something of them was found."""
    told = [
        one
        for one in examinations
        if one.rule.directory != "*"
        or any(each.found is not None for trial in one.trials for each in trial.conditions)
    ]
    return told or list(examinations)


def _other_profile(explanation: survey.Explanation, usual: Collection[str]) -> str | None:
    """Return the profile that a run needs to decide this; None if it decides the same with the *usual* ones."""
    sighting = explanation.sighting
    rule = sighting.rule
    if rule is None or explanation.artifact.evidence.level is not Level.PROVEN:
        return None

    def is_usual(one: Rule) -> bool:
        return one.own or EVERYTHING in usual or one.ecosystem in usual

    proven = (
        one.rule
        for one in sighting.examinations
        if one.proven_on_disk is not None or one.proven_if_ignored is not None
    )
    return None if is_usual(rule) or any(map(is_usual, proven)) else rule.ecosystem


def _verdict(artifact: Artifact, profile: str | None) -> str:
    match artifact.decision:
        case Delete():
            with_ = "" if profile is None else f" by a run with --profile {profile}"
            alone = "" if profile is None else " Runs without that profile leave it alone."
            return f"can be deleted{with_}, because {_because(artifact)}.{alone}"
        case Keep(reason):
            kept = Kept(reason.value, artifact.path, artifact.why)
            detail = ""
            if reason.value in TOLD_BY_DETAIL and artifact.why is not None:
                detail = f": {printable(artifact.why)}"
            return f"kept: {reason.value}, because {why(kept)}{detail}."


def _because(artifact: Artifact) -> str:
    match artifact.decision:
        case Delete() if artifact.evidence.level is Level.NAMED:
            return "you named it and nothing protects it"
        case Delete():
            return "it is known who made it, it can be made again, and nothing else is in it"
        case Keep(reason):
            why = "" if artifact.why is None else f": {printable(artifact.why)}"
            return f"{MEANINGS[reason.value]}{why}"


def _who_made_it(explanation: survey.Explanation) -> list[str]:
    evidence, sighting = explanation.artifact.evidence, explanation.sighting
    # Where it lies says nothing of who made it, and what is lacking is the verdict.
    idle = {
        condition.fact
        for examination in sighting.examinations
        for trial in examination.trials
        for condition in trial.conditions
        if not condition.says_something
    }
    if evidence.doubt is not None:
        idle.add(evidence.doubt.detail)
    facts = [fact for fact in evidence.made_by if fact not in idle]
    if evidence.level is Level.PROVEN and facts:
        return facts
    found = f"; only this was found: {', '.join(facts)}" if facts else ""
    return [f"nothing shows it{found}"]


def _how_it_comes_back(explanation: survey.Explanation) -> list[str]:
    evidence, sighting = explanation.artifact.evidence, explanation.sighting
    best, declared = sighting.best, sighting.declared
    if best is None or not sighting.made:
        return [*evidence.comes_back] or ["nothing shows that it can"]
    if declared is None and best.rule.packages is not None:
        return ["nobody looked, because it is kept anyway"]
    told = list(evidence.comes_back)
    missing = best.missing if declared is None else declared.missing or best.missing
    if missing is not None:
        told.append(f"not as it is: {missing}")
    if declared is not None and declared.undeclared:
        told.append(f"declared nowhere: {_named(declared.undeclared)}")
    return told or ["its tool makes it again"]


def _what_else_is_inside(explanation: survey.Explanation) -> list[str]:
    artifact, sighting = explanation.artifact, explanation.sighting
    best, declared = sighting.best, sighting.declared
    told = list(artifact.evidence.also_inside)
    if declared is not None and declared.modified:
        told.append(f"changed after it was installed: {_named(declared.modified)}")
    if best is not None:
        told += (f"{name}, which its tool does not make" for name in _not_made(best))
    if told:
        return told
    if sighting.protection is not None or not explanation.measured:
        return ["nobody looked, because it is kept anyway"]
    if not artifact.contents.complete:
        return ["nobody could look at all of it"]
    if artifact.evidence.level is Level.PROVEN:
        return ["nothing else"]
    return ["nothing that looks like a document, a database, a key or the like"]


def _not_made(examination: Examination) -> Iterator[str]:
    if examination.precious:
        yield examination.precious
    yield from examination.stray


def _named(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def deciding(artifact: Artifact) -> str:
    """Return the one sentence that decides about an artifact."""
    match artifact.decision:
        case Delete() if artifact.evidence.level is Level.NAMED:
            return f"It can be deleted, because {_because(artifact)}."
        case Delete():
            return f"It can be deleted: {_because(artifact)}."
        case Keep():
            return f"It is kept, because {_because(artifact)}."


def what_next(artifact: Artifact, profile: str | None) -> words.Advice | str | None:
    """Return what to do about it, in a sentence; None if nothing has to be done, or nothing helps.

    *profile* is the one that a run needs to see it.
    """
    root = artifact.candidate.root
    again = [from_here(root), *(() if profile is None else ("--profile", profile))]
    if not isinstance(artifact.decision, Keep):
        if profile is None:
            return None
        return words.Advice("To see what that run finds", words.command(*again))
    reason, name = artifact.decision.reason.value, artifact.candidate.name
    if reason == "unproven" and artifact.evidence.level is Level.NONE:
        # A run does not list it, and so takes it by its name alone.
        around = os.path.dirname(artifact.path)
        named = words.command(from_here(around), "--also", name)
        sentence = (
            "A run finds it only if you give its name. If you know that all directories of that name in"
            f" {printable(around)} can be rebuilt, include them"
        )
        return words.Advice(sentence, named) if name else None
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    return what_to_do(Kept(reason, from_here(artifact.path), artifact.why, is_root), again)


def _tried(examination: Examination, evidence: Evidence) -> Iterator[str]:
    for number, trial in enumerate(examination.trials, 1):
        yield f"    proof {number}" + (
            "" if trial.marked else " (asks for no mark of a tool inside)"
        )
        yield from _conditions(trial)
        if trial.ignored:
            yield f"        {_by_git(examination, trial, evidence)}"
    for number, trial in enumerate(examination.back, 1):
        yield f"    way to make it again {number}"
        yield from _conditions(trial)
    if examination.hindrance is not None:
        yield f"    but {examination.hindrance} inside"
    for what in _not_made(examination):
        yield f"    but {printable(what)} inside, which its tool does not make"


def _by_git(examination: Examination, trial: Trial, evidence: Evidence) -> str:
    """Say whether git ignores the directory, which is asked only where the proof depends on it."""
    word = evidence.made_by[-1] if evidence.made_by else ""
    asked = (
        examination.rule.id == evidence.rule
        and trial is examination.proven_if_ignored
        and examination.proven_on_disk is None
        and word not in trial.facts
    )
    if not asked:
        return "?   ignored by git (nobody asked, because it would decide nothing)"
    return f"{'yes' if word.startswith('ignored by ') else 'no '} {printable(word)}"


def _conditions(trial: Trial) -> Iterator[str]:
    for condition in trial.conditions:
        mark = "yes" if condition.found is not None else "no "
        yield f"        {mark} {condition.fact or condition.text}"


_SIZES: Final = (
    *("allocated_bytes", "reclaimable_bytes", "reclaimable_at_most_bytes", "shared_bytes"),
)


def document_of(explanation: survey.Explanation) -> dict[str, Any]:
    """Return what is known of one directory, for programs."""
    artifact = explanation.artifact
    decision, evidence = artifact.decision, artifact.evidence
    return {
        "path": artifact.path,
        "root": artifact.candidate.root,
        "decision": "keep" if isinstance(decision, Keep) else "delete",
        "reason": decision.reason.value if isinstance(decision, Keep) else None,
        "reason_detail": artifact.why,
        "evidence": {
            "made_by": list(evidence.made_by),
            "comes_back": list(evidence.comes_back),
            "also_inside": list(evidence.also_inside),
            "besides": list(evidence.besides),
        },
        "sentence": deciding(artifact),
        "warnings": list(evidence.warnings),
        "regenerate": evidence.regenerate,
        "regenerate_in": evidence.regenerate_in,
        **{name: getattr(artifact.size, name) if explanation.measured else None for name in _SIZES},
        "shared_with": None if (store := shared_row(artifact)) is None else asdict(store),
        "rules": [
            {
                "id": examination.rule.id,
                "proofs": [_trial(trial) for trial in examination.trials],
                "ways_back": [_trial(trial) for trial in examination.back],
                "hindrance": examination.hindrance,
                "precious": examination.precious,
                "stray": list(examination.stray),
            }
            for examination in explanation.sighting.examinations
        ],
    }


def _trial(trial: Trial) -> dict[str, Any]:
    return {
        "conditions": [
            {"text": condition.text, "fact": condition.fact} for condition in trial.conditions
        ],
        "marked": trial.marked,
        "must_be_ignored": trial.ignored,
    }
