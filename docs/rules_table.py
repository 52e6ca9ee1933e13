"""Writes the README's tables of what is found and how it is proven, from the catalogue.

``python docs/rules_table.py`` brings the README up to date; a test fails where it is not.
"""

import os
import re
import sys
from collections.abc import Iterator
from typing import Final

from cleanup_nodemodule.proof.rule_words import describe, directories
from cleanup_nodemodule.proof.rules import DEFAULT_PROFILE, Rule, catalogue

README: Final = os.path.join(os.path.dirname(__file__), os.pardir, "README.md")

_BETWEEN: Final = re.compile(r"(<!-- rules -->\n).*?(<!-- end of rules -->\n)", re.DOTALL)


def tables() -> str:
    """Return the tables in Markdown: the default ecosystem in sight, the others folded away."""
    rules = catalogue()
    default = [rule for rule in rules if rule.ecosystem == DEFAULT_PROFILE]
    others = [rule for rule in rules if rule.ecosystem != DEFAULT_PROFILE]
    return "\n".join(
        [
            *_table(default),
            "",
            f"<details><summary>The other ecosystems ({len(others)} rules)</summary>",
            "",
            *_table(others),
            "",
            "</details>",
            "",
        ]
    )


def updated(readme: str) -> str:
    """Return the text of the README with the tables as they should be."""
    return _BETWEEN.sub(lambda match: match[1] + "\n" + tables() + "\n" + match[2], readme)


def _table(rules: list[Rule]) -> Iterator[str]:
    yield "| profile | directory | is proven by |"
    yield "|---|---|---|"
    for rule in rules:
        name = "`{}`".format
        yield f"| {rule.ecosystem} | {directories(rule, name)} | {describe(rule, name)} |"


def main() -> None:
    """Bring the README up to date."""
    with open(README, encoding="utf-8") as file:
        readme = file.read()
    text = updated(readme)
    if text != readme:
        with open(README, "w", encoding="utf-8") as file:
            file.write(text)
        sys.stderr.write("README.md is brought up to date\n")


if __name__ == "__main__":
    main()
