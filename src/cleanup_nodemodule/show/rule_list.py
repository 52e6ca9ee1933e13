"""The rules, as a table, as lines or as a document."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from cleanup_nodemodule.exit_codes import ExitCode
from cleanup_nodemodule.proof.rule_words import describe, directories
from cleanup_nodemodule.proof.rules import Rule
from cleanup_nodemodule.show.streams import emit, is_terminal, print_lines


def show_rules(listed: Sequence[Rule], *, as_json: bool) -> int:
    """Print the rules, as a table or as a JSON document; return the exit code."""
    if as_json:
        document = [{**asdict(rule), "ecosystem": rule.ecosystem} for rule in listed]
        return print_lines([json.dumps({"rules": document}, indent=2)])
    if is_terminal(sys.stdout):
        return _print_table(listed)
    return print_lines(_rule_lines(listed))


def _print_table(listed: Sequence[Rule]) -> int:
    from rich.console import Console

    from cleanup_nodemodule.show.rule_table import rules

    lost = emit(lambda: Console(highlight=False, markup=False).print(rules(listed)))
    return ExitCode.DONE if lost is None else ExitCode.UNEXPECTED


def _rule_lines(listed: Sequence[Rule]) -> Iterator[str]:
    for rule in listed:
        yield f"{rule.id}: {directories(rule)} ({rule.title})"
        yield f"    proven by {describe(rule)}"
        if rule.precious:
            yield f"    kept with {', '.join(rule.precious)} inside"
        for entry in rule.regenerate:
            yield f"    {entry.command}" + (f"    with {entry.lock}" if entry.lock else "")
        if rule.risk is not None:
            yield f"    mind: {rule.risk}"
