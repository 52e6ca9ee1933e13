"""The rules: as a page for people, as lines for programs, or as a document."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Final

from cleanup_nodemodule.proof.rule_words import describe, directories
from cleanup_nodemodule.proof.rules import Regeneration, Rule
from cleanup_nodemodule.show.fitting import Marks, cells, cropped, marks_for, spelled
from cleanup_nodemodule.show.layout import bold, columns, dim, folded
from cleanup_nodemodule.show.streams import is_terminal, print_lines
from cleanup_nodemodule.words import command, printable

_WIDEST: Final = 120
"""Columns beyond which a page is hard to read."""

_BESIDE: Final = 13
"""Where the facts about a rule begin, beside the words for them."""


def show_rules(listed: Sequence[Rule], *, in_full: bool, as_json: bool) -> int:
    """Print the rules, each in a line or *in_full*; return the exit code."""
    if as_json:
        document = [{**asdict(rule), "ecosystem": rule.ecosystem} for rule in listed]
        return print_lines([json.dumps({"rules": document}, indent=2)])
    if not is_terminal(sys.stdout):
        return print_lines(_lines(listed))
    width = columns(_WIDEST)
    return print_lines(_in_full(listed, width) if in_full else _page(listed, width))


def _lines(listed: Sequence[Rule]) -> Iterator[str]:
    """Give a line a rule, its fields parted by tabs: id, directories, what it is, commands, proof, note."""
    for rule in listed:
        fields = (
            *(rule.id, directories(rule), rule.title),
            "; ".join(_commands(rule)) or "-",
            describe(rule),
            rule.risk or "-",
        )
        yield "\t".join(map(printable, fields))


def _commands(rule: Rule) -> list[str]:
    if rule.refills:
        return [_REFILLS]
    return list(dict.fromkeys(_command(rule, entry) for entry in rule.regenerate))


_REFILLS: Final = "nothing to run"
"""Stands for the command where the tool fills the cache again by itself."""


def _command(rule: Rule, entry: Regeneration) -> str:
    """Return the command for people: with the script and the directory that it is most often for."""
    script = entry.script[0] if entry.script else "SCRIPT"
    return entry.command.replace("{script}", script).replace("{name}", rule.directory)


def _page(listed: Sequence[Rule], width: int) -> Iterator[str]:
    """Give a line a rule, by profile: directory, what it is, the first command that brings it back."""
    marks = marks_for(sys.stdout)
    rows = [
        (
            rule.ecosystem,
            spelled(directories(rule), marks),
            spelled(rule.title, marks),
            spelled(next(iter(_commands(rule)), "-"), marks),
        )
        for rule in listed
    ]
    room = width - 6
    first = min(max((cells(row[1]) for row in rows), default=0), room * 3 // 10)
    second = min(max((cells(row[2]) for row in rows), default=0), room * 4 // 10)
    for profile, group in groupby(rows, key=lambda row: row[0]):
        yield bold(f"{printable(profile)}:")
        for _, names, title, way_back in group:
            left = f"  {_filled(names, first, marks)}  {_filled(title, second, marks)}  "
            yield left + dim(cropped(way_back, room - first - second, marks))
        yield ""
    yield from folded(f"{len(listed)} rules. All about one of them: {command('rules')} NAME", width)


def _filled(text: str, width: int, marks: Marks) -> str:
    """Return text in exactly so many cells of a terminal."""
    text = cropped(text, width, marks)
    return text + " " * (width - cells(text))


def _in_full(listed: Sequence[Rule], width: int) -> Iterator[str]:
    """Give all that is known of each rule."""
    for number, rule in enumerate(listed):
        if number:
            yield ""
        yield from map(bold, folded(f"{rule.id}: {directories(rule)} ({rule.title})", width))
        facts = [("Proof", describe(rule))]
        if rule.precious:
            facts.append(("Kept with", f"{', '.join(rule.precious)} inside"))
        facts += [
            ("Back with", _command(rule, entry) + (f" (with {entry.lock})" if entry.lock else ""))
            for entry in rule.regenerate
        ]
        if rule.refills:
            facts.append(("Back with", "nothing to run: its tool fills it again by itself"))
        if rule.risk is not None:
            facts.append(("Note", rule.risk))
        for word, text in facts:
            first, *rest = folded(printable(text), width, _BESIDE)
            yield f"  {word}".ljust(_BESIDE) + first[_BESIDE:]
            yield from rest
