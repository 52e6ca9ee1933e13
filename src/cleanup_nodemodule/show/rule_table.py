"""The rules as a table for a terminal."""

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from cleanup_nodemodule.proof.rule_words import describe, directories
from cleanup_nodemodule.proof.rules import Rule


def rules(listed: Sequence[Rule]) -> Table:
    """Return the rules as a table."""
    result = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for heading in ("Profile", "Directory", "Proven by", "Comes back with", "Mind"):
        result.add_column(heading, overflow="fold")
    for rule in listed:
        commands = dict.fromkeys(entry.command for entry in rule.regenerate)
        result.add_row(
            Text(rule.ecosystem, style="dim"),
            Text(directories(rule), style="bold"),
            Text(describe(rule)),
            Text("\n".join(commands)),
            Text(rule.risk or "", style="dim"),
        )
    return result
