"""Text for people at a terminal: as wide as that, with headings that stand out, and nothing broken inside a word.

It loads no Rich, as help needs it.
"""

import os
import shutil
import sys
import textwrap
from collections.abc import Iterator
from typing import Final

from cleanup_nodemodule.show.streams import is_terminal

OFF_TERMINAL: Final = 80
"""Columns in a pipe, unless COLUMNS says another number."""

_LEAST: Final = 30
"""Columns of the narrowest terminal for which text is laid out."""


def columns(most: int | None = None) -> int:
    """Return the columns of the terminal, but no more than *most*; in a pipe COLUMNS counts."""
    found = shutil.get_terminal_size((OFF_TERMINAL, 24)).columns
    if not is_terminal(sys.stdout) and not os.environ.get("COLUMNS"):
        found = OFF_TERMINAL
    return max(_LEAST, found if most is None else min(found, most))


def bold(text: str) -> str:
    """Return text that stands out, where the terminal can show that."""
    return _styled(text, "1")


def dim(text: str) -> str:
    """Return text that stands back, where the terminal can show that."""
    return _styled(text, "2")


def _styled(text: str, code: str) -> str:
    """Return text in a style (ECMA-48, SGR), unless it goes to a pipe or nobody wants any."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return text if plain or not is_terminal(sys.stdout) else f"\x1b[{code}m{text}\x1b[0m"


def folded(text: str, width: int, indent: int = 0) -> Iterator[str]:
    """Give the lines of a text, broken between words and indented."""
    lines = textwrap.wrap(
        text, max(width - indent, 20), break_long_words=False, break_on_hyphens=False
    )
    yield from (" " * indent + line for line in lines or [""])
