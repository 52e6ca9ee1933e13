"""What is known of one directory, as lines or as a document."""

import json
import os
from collections.abc import Iterator
from typing import Any

from cleanup_nodemodule import words
from cleanup_nodemodule.model import Delete, Keep
from cleanup_nodemodule.proof.markers import Examination
from cleanup_nodemodule.show.lines import MEANINGS
from cleanup_nodemodule.survey import survey
from cleanup_nodemodule.words import printable


def symlink_lines(path: str, *, as_json: bool) -> list[str]:
    """Give what there is to say of a symlink."""
    if not as_json:
        return [f"{printable(path)}: keep. It is a symlink: never a target, never followed."]
    known = {"path": os.path.abspath(path), "decision": "keep", "reason": "symlink"}
    return [json.dumps(known, indent=2)]


def lines(explanation: survey.Explanation) -> Iterator[str]:
    """Give what is known of one directory, for people."""
    artifact, sighting = explanation.artifact, explanation.sighting
    match artifact.decision:
        case Delete():
            verdict = "delete"
        case Keep(reason):
            verdict = f"keep: {reason.value} ({MEANINGS[reason.value]})"
    yield f"{printable(artifact.path)}: {verdict}"
    for fact in artifact.evidence.facts:
        yield f"    {printable(fact)}"
    for warning in artifact.evidence.warnings:
        yield f"    mind: {printable(warning)}"
    if artifact.evidence.regenerate is not None:
        where = printable(artifact.evidence.regenerate_in or artifact.evidence.project)
        yield f"    to get it back: {artifact.evidence.regenerate}, in {where}"
    if explanation.measured:
        size = words.size(artifact.size.allocated_bytes)
        yield f"    {size} in {artifact.contents.files:,} files"
    # What lies above that proves nothing.
    yield f"    as by a run that searches {printable(artifact.candidate.root)}"
    if not sighting.examinations:
        yield "No rule knows a directory of this name."
    for examination in sighting.examinations:
        yield f"Rule {examination.rule.id} ({examination.rule.title}):"
        yield from _tried(examination)


def _tried(examination: Examination) -> Iterator[str]:
    for number, trial in enumerate(examination.trials, 1):
        yield f"    proof {number}"
        for condition in trial.conditions:
            mark = "yes" if condition.fact is not None else "no "
            yield f"        {mark} {condition.fact or condition.text}"
        if trial.ignored:
            yield "        and git has to ignore it"
    if examination.hindrance is not None:
        yield f"    but {examination.hindrance} inside"
    if examination.precious is not None:
        yield f"    but {examination.precious} inside cannot be made again"


def document_of(explanation: survey.Explanation) -> dict[str, Any]:
    """Return what is known of one directory, for programs."""
    artifact = explanation.artifact
    decision = artifact.decision
    return {
        "path": artifact.path,
        "root": artifact.candidate.root,
        "decision": "keep" if isinstance(decision, Keep) else "delete",
        "reason": decision.reason.value if isinstance(decision, Keep) else None,
        "evidence": list(artifact.evidence.facts),
        "warnings": list(artifact.evidence.warnings),
        "regenerate": artifact.evidence.regenerate,
        "regenerate_in": artifact.evidence.regenerate_in,
        "allocated_bytes": artifact.size.allocated_bytes if explanation.measured else None,
        "rules": [
            {
                "id": examination.rule.id,
                "proofs": [
                    {
                        "conditions": [
                            {"text": condition.text, "fact": condition.fact}
                            for condition in trial.conditions
                        ],
                        "must_be_ignored": trial.ignored,
                    }
                    for trial in examination.trials
                ],
                "hindrance": examination.hindrance,
                "precious": examination.precious,
            }
            for examination in explanation.sighting.examinations
        ],
    }
