"""The artifact catalogue, read from ``rules.toml`` in the package: data, not code."""

import functools
import pkgutil
import tomllib
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Regeneration:
    """A command that brings an artifact back, and the lock file it needs beside it, if any."""

    command: str
    lock: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of artifact: its name, and what proves that a tool made it. See ``rules.toml``."""

    id: str
    ecosystem: str
    directory: str
    inside: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    depends: tuple[str, ...] = ()
    above: tuple[str, ...] = ()
    git_ignored: bool = False
    regenerate: tuple[Regeneration, ...] = ()


@functools.cache
def catalogue() -> tuple[Rule, ...]:
    """Return the rules that ship with the package."""
    data = pkgutil.get_data(__package__, "rules.toml")
    if data is None:
        raise FileNotFoundError(f"the package {__package__} lacks its rules.toml")
    return tuple(_rule(table) for table in tomllib.loads(data.decode())["rule"])


def default_names() -> tuple[str, ...]:
    """Return the directory names that are looked for unless others are named."""
    return tuple(dict.fromkeys(rule.directory for rule in catalogue()))


def _rule(table: dict[str, Any]) -> Rule:
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in table.items()
    }
    values["regenerate"] = tuple(Regeneration(**entry) for entry in table.get("regenerate", ()))
    return Rule(**values)
