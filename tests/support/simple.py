"""Rules by which a name beside a manifest is proof enough, for the tests that are about something else."""

import functools
from pathlib import Path
from typing import Final

from cleanup_nodemodule.config.files import read_file
from cleanup_nodemodule.config.layers import Order
from cleanup_nodemodule.proof.rules import Rule

_FILE: Final = Path(__file__).with_suffix(".toml")

CONFIGURATION: Final = _FILE.read_text()
"""A configuration file that has these rules."""


def install(home: Path) -> Path:
    """Make *home* a place for configurations (XDG_CONFIG_HOME) in which these rules are; return it."""
    directory = home / "cleanup-nodemodule"
    directory.mkdir(parents=True, mode=0o700)
    (directory / "config.toml").write_text(CONFIGURATION)
    return home


@functools.cache
def rules() -> tuple[Rule, ...]:
    """Return these rules, as rules that the user wrote."""
    said = read_file(str(_FILE), Order.USER)
    assert said is not None
    rules: tuple[Rule, ...] = said.layer["rule"].value
    return rules
