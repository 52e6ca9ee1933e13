"""Writes docs/artifacts.md from the catalogue of rules: ``python docs/artifacts_page.py``.

A test fails if the page is not what this makes of it.
"""

import itertools
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from cleanup_nodemodule.proof.rule_words import describe, directories
from cleanup_nodemodule.proof.rules import DEFAULT_PROFILE, Rule, catalogue

PAGE: Final = Path(__file__).parent / "artifacts.md"

_HEAD: Final = """\
# What it finds

The program knows {rules} kinds of directories, of {profiles} profiles. It looks for the profile `{default}` unless you choose
others with `--profile`: give it several times for several profiles, or type `--profile all`.

A directory is found by its name. That alone proves nothing: the third column says what shows that the tool made it. A
name in that column is a regular file, or with a slash at its end a directory, and never a symlink. *Beside* is the
directory around the artifact. *Above* ends at the top of the repository, or else at the directory that is searched. The
fourth column says what has to be there so that the artifact can be made again. [Safety](safety.md) explains both
questions and the third: whether anything else is in it.

`cleanup-nodemodule rules` lists the directories and the commands that bring them back, and `cleanup-nodemodule rules NAME`
says all about one of them. To add rules of your own, see [the configuration](configuration.md).
"""


def page() -> str:
    """Return the page in Markdown, the default profile first."""
    rules = sorted(catalogue(), key=lambda rule: rule.ecosystem != DEFAULT_PROFILE)
    profiles = [(name, list(group)) for name, group in itertools.groupby(rules, _ecosystem)]
    head = _HEAD.format(rules=len(rules), profiles=len(profiles), default=DEFAULT_PROFILE)
    lines = [head, "| profile | directories |", "|---|---|"]
    for name, group in profiles:
        lines.append(
            f"| [{name}](#{name}) | {', '.join(dict.fromkeys(map(_directories, group)))} |"
        )
    for name, group in profiles:
        lines += ["", f"## {name}", "", *_table(group)]
    return "\n".join(lines) + "\n"


def _ecosystem(rule: Rule) -> str:
    return rule.ecosystem


def _directories(rule: Rule) -> str:
    return directories(rule, _code)


def _table(rules: list[Rule]) -> Iterator[str]:
    yield "| directory | what it is | what shows who made it | what brings it back |"
    yield "|---|---|---|---|"
    for rule in rules:
        made = describe(replace(rule, comes_back=(), packages=None), _code)
        yield f"| {_directories(rule)} | {rule.title} | {made} | {_back(rule)} |"


def _back(rule: Rule) -> str:
    """Return what has to be there to make it again."""
    needed = [
        describe(
            replace(rule, proofs=rule.comes_back, comes_back=(), without=(), packages=None), _code
        )
    ]
    if rule.packages is not None:
        needed = [*(needed if rule.comes_back else ()), "a list that declares all packages inside"]
    return "; ".join(needed) if needed[0] else "nothing: its tool fills it again"


def _code(name: str) -> str:
    return f"`{name}`".replace("|", r"\|")


def main() -> None:
    """Bring the page up to date."""
    text = page()
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        PAGE.write_text(text, encoding="utf-8")
        sys.stderr.write(f"{PAGE.name} is brought up to date\n")


if __name__ == "__main__":
    main()
