"""Reads TOML that anybody may have written, and takes from it what is of the kind that is wanted."""

import tomllib
from collections.abc import Iterable, Mapping
from typing import Any


def table_of(content: bytes) -> dict[str, Any]:
    """Return the table that is written in *content*, an empty one if it is no TOML."""
    try:
        return tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        return {}


def table(value: Any) -> Mapping[str, Any]:
    """Return *value* if it is a table, else an empty one."""
    return value if isinstance(value, dict) else {}


def tables(value: Any) -> list[Mapping[str, Any]]:
    """Return the tables of a list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def strings(value: Any) -> list[str]:
    """Return the strings of a list, or the one string."""
    if isinstance(value, str):
        return [value]
    return [one for one in value if isinstance(one, str)] if isinstance(value, Iterable) else []
