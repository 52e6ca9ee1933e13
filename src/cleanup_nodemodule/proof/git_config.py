"""Reads a file in the syntax of git-config(1), as far as that names other files."""

import re
from collections.abc import Iterator
from typing import Final

from cleanup_nodemodule.proof.git_content import Unfit

NAMING: Final = re.compile(rb"include|excludesfile|worktree", re.IGNORECASE)
"""What a configuration that has git read another file has in it: neither in the name of a section nor in
that of a variable can a letter be spelled in another way."""


_ITEM: Final = re.compile(
    rb"""
    [\ \t\r\n\v\f]++ | [#;][^\n]*+
    | \[(?P<section>[A-Za-z0-9.-]*+)
        (?:[\ \t\r\v\f]++"(?:[^"\\\n]|\\[^\n])*+")?+\]
    | (?P<key>[A-Za-z][A-Za-z0-9-]*+)[\ \t]*+
        (?:=(?P<value>(?:"(?:[^"\\\n]|\\(?s:.))*+"|\\(?s:.)|[^"\\\n#;])*+)(?:[#;][^\n]*+)?+)?+
        (?=\n|\Z)
    """,
    re.VERBOSE,
)
"""The next of a configuration, CONFIGURATION FILE in git-config(1) and parse_value in git's config.c."""


_WORD: Final = re.compile(rb'\\.|"|\s+|[^\\"\s]+', re.DOTALL)


_MEANT: Final = {b"\\n": b"\n", b"\\t": b"\t", b"\\b": b"\b", b"\\\n": b""}


def settings_of(content: bytes, path: str) -> Iterator[tuple[bytes, bytes, bytes | None]]:
    """Give section, key and value of what a configuration has, names in small letters.

    Raises Unfit where it cannot be understood; what follows would be a guess.
    """
    content = content.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
    section = b""
    position = 0
    while position < len(content):
        item = _ITEM.match(content, position)
        if item is None:
            line = content.count(b"\n", 0, position) + 1
            raise Unfit(f"{path} cannot be understood, line {line}")
        position = item.end()
        if item["section"] is not None:
            section = item["section"].lower()
        elif item["key"] is not None:
            yield section, item["key"].lower(), _meant(item["value"])


def _meant(value: bytes | None) -> bytes | None:
    """Return what a value means, without quotes, backslashes and the blanks around it."""
    if value is None:
        return None
    meant = bytearray()
    end = 0
    quoted = False
    for word in _WORD.findall(value):
        if word.isspace() and not quoted:
            meant += word if meant else b""
            continue
        if word == b'"':
            quoted = not quoted
        elif word.startswith(b"\\"):
            meant += _MEANT.get(word, word[1:])
        else:
            meant += word
        end = len(meant)
    return bytes(meant[:end])
