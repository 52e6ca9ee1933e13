"""In which line of a TOML document a key stands, which no library tells."""

import re
from typing import Any, Final

_MOST_TRIED: Final = 64
"""Lines that are tried, as each takes reading the file up to there."""


def line_of(text: str, keys: tuple[str, ...]) -> int | None:
    """Return the line of a TOML document, from 1, in which a key is first said; None if it cannot be told.

    *keys* is the way to it, from the top. It is where the document up to there has it, and before has not.
    """
    lines = text.split("\n")
    looks_like_it = re.compile(rf"(?<![\w-]){re.escape(keys[-1])}[\"']?\s*[=.\]]")
    tried = 0
    for number, line in enumerate(lines):
        if not looks_like_it.search(line):
            continue
        # A value may go on in the lines that follow.
        has = None
        for end in range(number + 1, len(lines) + 1):
            tried += 1
            if tried > _MOST_TRIED:
                return None
            has = _has("\n".join(lines[:end]), keys)
            if has is not None:
                break
        if has:
            return number + 1
    return None


def _has(text: str, keys: tuple[str, ...]) -> bool | None:
    """Whether a TOML document has a key; None for one that is none, or not yet."""
    import tomllib  # noqa: PLC0415 - only for those who have a configuration

    try:
        data: Any = tomllib.loads(text)
    except (ValueError, RecursionError):
        return None
    for key in keys:
        if not isinstance(data, dict) or key not in data:
            return False
        data = data[key]
    return True
