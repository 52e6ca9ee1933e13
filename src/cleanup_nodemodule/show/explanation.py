"""What is known of one directory, as lines or as a document."""

import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

from cleanup_nodemodule import words
from cleanup_nodemodule.model import Artifact, Delete, Keep, Level
from cleanup_nodemodule.proof.markers import Examination, Trial
from cleanup_nodemodule.proof.rules import DEFAULT_PROFILE
from cleanup_nodemodule.show.reasons import MEANINGS, Kept, from_here, what_to_do
from cleanup_nodemodule.survey import survey
from cleanup_nodemodule.words import printable


def symlink_lines(path: str, *, as_json: bool) -> list[str]:
    """Give what there is to say of a symlink."""
    if not as_json:
        return [
            f"{printable(path)}: kept, because it is a symlink: these are never deleted and never followed."
        ]
    known = {"path": os.path.abspath(path), "decision": "keep", "reason": "symlink"}
    return [json.dumps(known, indent=2)]


def lines(explanation: survey.Explanation) -> Iterator[str]:
    """Give what is known of one directory, for people. At the end are the sentence that decides, and what to do about it."""
    artifact, sighting = explanation.artifact, explanation.sighting
    evidence = artifact.evidence
    yield f"{printable(artifact.path)}: {_verdict(artifact)}"
    answers = (
        ("Who made it?", evidence.made_by, "nothing shows it"),
        ("Can it come back?", evidence.comes_back, "nothing more is known"),
        ("What else is in it?", evidence.also_inside, "nothing that its tool did not make"),
    )
    for question, facts, otherwise in answers:
        yield f"    {question}"
        for fact in facts or (otherwise,):
            yield f"        {printable(fact)}"
    for fact in evidence.besides:
        yield f"    {printable(fact)}"
    for warning in evidence.warnings:
        yield f"    note: {printable(warning)}"
    if evidence.regenerate is not None:
        where = printable(evidence.regenerate_in or evidence.project)
        yield f"    to get it back: {evidence.regenerate}, in {where}"
    if explanation.measured:
        size = words.size(artifact.size.allocated_bytes)
        files = artifact.contents.files
        yield f"    {size} in {files:,} {'file' if files == 1 else 'files'}"
    # What lies above that proves nothing.
    yield f"    decided like a run that searches {printable(artifact.candidate.root)}"
    if not sighting.examinations:
        yield "No rule knows a directory of this name."
    for examination in _telling(sighting.examinations):
        yield f"Rule {examination.rule.id} ({examination.rule.title}):"
        yield from _tried(examination)
    yield deciding(artifact)
    advice = how_to_include(artifact)
    if advice is not None:
        yield advice


def _telling(examinations: Sequence[Examination]) -> list[Examination]:
    """Return those of rules for this name; those for any name only if something of them was found."""
    told = [
        one
        for one in examinations
        if one.rule.directory != "*"
        or any(each.found is not None for trial in one.trials for each in trial.conditions)
    ]
    return told or list(examinations)


def _verdict(artifact: Artifact) -> str:
    match artifact.decision:
        case Delete():
            return "can be deleted"
        case Keep(reason):
            return f"kept: {reason.value} ({MEANINGS[reason.value]})"


def deciding(artifact: Artifact) -> str:
    """Return the one sentence that decides about an artifact."""
    match artifact.decision:
        case Delete() if artifact.evidence.level is Level.NAMED:
            return "It can be deleted, because you named it and nothing protects it."
        case Delete():
            return "It can be deleted: it is known who made it, it can be made again, and nothing else is in it."
        case Keep(reason):
            why = "" if artifact.why is None else f": {printable(artifact.why)}"
            return f"It is kept, because {MEANINGS[reason.value]}{why}."


def how_to_include(artifact: Artifact) -> str | None:
    """Return what to do about what is kept, in a sentence; None if it is not, or nothing includes it."""
    if not isinstance(artifact.decision, Keep):
        return None
    again = [from_here(artifact.candidate.root)]
    ecosystem = artifact.evidence.ecosystem
    if artifact.evidence.level is Level.NONE or ecosystem is None:
        again += ["--also", artifact.candidate.name]
    elif ecosystem != DEFAULT_PROFILE:
        again += ["--profile", ecosystem]
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    reason = artifact.decision.reason.value
    if reason == "unproven" and "--also" in again:
        named = words.command(*again)
        return words.Advice(
            "If you know that directories of this name can be rebuilt, include them", named
        )
    return what_to_do(Kept(reason, from_here(artifact.path), artifact.why, root), again)


def _tried(examination: Examination) -> Iterator[str]:
    for number, trial in enumerate(examination.trials, 1):
        yield f"    proof {number}" + ("" if trial.marked else " (no mark of a tool inside)")
        yield from _conditions(trial)
        if trial.ignored:
            yield "        and git has to ignore it"
    for number, trial in enumerate(examination.back, 1):
        yield f"    way to make it again {number}"
        yield from _conditions(trial)
    if examination.hindrance is not None:
        yield f"    but {examination.hindrance} inside"
    for what in (*((examination.precious,) if examination.precious else ()), *examination.stray):
        yield f"    but {printable(what)} inside, which its tool does not make"


def _conditions(trial: Trial) -> Iterator[str]:
    for condition in trial.conditions:
        mark = "yes" if condition.found is not None else "no "
        yield f"        {mark} {condition.fact or condition.text}"


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
        "allocated_bytes": artifact.size.allocated_bytes if explanation.measured else None,
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
