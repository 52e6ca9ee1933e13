"""Two commands that only tell: which rules there are, and what they say of one directory."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from cleanup_nodemodule import words
from cleanup_nodemodule.commands import query
from cleanup_nodemodule.config.settings import Settings
from cleanup_nodemodule.exit_codes import ExitCode
from cleanup_nodemodule.model import Delete, Keep
from cleanup_nodemodule.proof import rules
from cleanup_nodemodule.proof.markers import Examination
from cleanup_nodemodule.proof.rules import Rule
from cleanup_nodemodule.run import explaining
from cleanup_nodemodule.run.loop import Runtime
from cleanup_nodemodule.run.signals import Interrupts
from cleanup_nodemodule.show import lines as plain
from cleanup_nodemodule.show.streams import emit, is_terminal, say
from cleanup_nodemodule.survey import survey
from cleanup_nodemodule.words import printable


def show_rules(listed: Sequence[Rule], *, as_json: bool) -> int:
    """Print the rules, as a table or as a JSON document; return the exit code."""
    if as_json:
        document = [{**asdict(rule), "ecosystem": rule.ecosystem} for rule in listed]
        return _print([json.dumps({"rules": document}, indent=2)])
    if is_terminal(sys.stdout):
        return _print_table(listed)
    return _print(_rule_lines(listed))


def _print_table(listed: Sequence[Rule]) -> int:
    from rich.console import Console

    from cleanup_nodemodule.show import table

    lost = emit(lambda: Console(highlight=False, markup=False).print(table.rules(listed)))
    return ExitCode.DONE if lost is None else ExitCode.UNEXPECTED


def _rule_lines(listed: Sequence[Rule]) -> Iterator[str]:
    for rule in listed:
        yield f"{rule.id}: {rule.directory} ({rule.title})"
        yield f"    proven by {rules.describe(rule)}"
        if rule.precious:
            yield f"    kept with {', '.join(rule.precious)} inside"
        for entry in rule.regenerate:
            yield f"    {entry.command}" + (f"    with {entry.lock}" if entry.lock else "")
        if rule.risk is not None:
            yield f"    mind: {rule.risk}"


def explain(
    path: str, settings: Settings, *, root: str | None, timeout: float, as_json: bool
) -> int:
    """Print what is known of one directory and what would be decided; return the exit code.

    It is decided as by a run that searches *root*; None is the one that is chosen. Raises
    OutsideError.
    """

    async def work(runtime: Runtime, _interrupts: Interrupts) -> _Found:
        try:
            found = await explaining.explain(path, settings, runtime, root=root)
        except OSError as error:
            return _Found(None, error, silent=False)
        return _Found(found, None, silent=bool(runtime.silent))

    def show(found: _Found) -> int:
        if found.error is not None:
            say(f"{words.PROGRAM}: cannot explain {printable(path)}: {found.error.strerror}")
            return ExitCode.USAGE
        if found.explanation is None:
            return _print(_symlink(path, as_json=as_json))
        document = [json.dumps(_document(found.explanation), indent=2)]
        code = _print(document if as_json else _lines(found.explanation))
        if found.silent and code == ExitCode.DONE:
            say(f"{words.PROGRAM}: {printable(path)}: {query.silence(timeout)}")
            return ExitCode.INCOMPLETE
        return code

    return query.run(work, show, timeout=timeout, as_json=as_json)


class _Found(NamedTuple):
    explanation: survey.Explanation | None
    """None for a symlink."""
    error: OSError | None
    """Why nothing is known."""
    silent: bool
    """Its disk has stopped answering."""


def _symlink(path: str, *, as_json: bool) -> list[str]:
    if not as_json:
        return [f"{printable(path)}: keep. It is a symlink: never a target, never followed."]
    known = {"path": os.path.abspath(path), "decision": "keep", "reason": "symlink"}
    return [json.dumps(known, indent=2)]


def _lines(explanation: survey.Explanation) -> Iterator[str]:
    artifact, sighting = explanation.artifact, explanation.sighting
    match artifact.decision:
        case Delete():
            verdict = "delete"
        case Keep(reason):
            verdict = f"keep: {reason.value} ({plain.MEANINGS[reason.value]})"
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


def _document(explanation: survey.Explanation) -> dict[str, Any]:
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


def _print(lines: Sequence[str] | Iterator[str]) -> int:
    def write() -> None:
        for line in lines:
            print(line)

    lost = emit(write)
    if lost is not None:
        say(f"{words.PROGRAM}: could not print the result: {lost}")
        return ExitCode.UNEXPECTED
    return ExitCode.DONE
