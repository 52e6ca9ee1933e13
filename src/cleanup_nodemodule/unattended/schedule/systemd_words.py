"""Words as systemd reads them in unit files (systemd.syntax(7), systemd.service(5), systemd.unit(5)). Pure."""

import re
from collections.abc import Sequence
from typing import Final

from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.words import printable

_PLAIN: Final = re.compile(r"[A-Za-z0-9_@+=:,./-]+")


def checked(text: str) -> str:
    """Return a text that a unit file can have. Raises UsageError for any other.

    A line ends with a newline, whatever stands around that, and what is no UTF-8 is ignored with its line.
    """
    if any(ord(char) < 0x20 or ord(char) == 0x7F or "\ud800" <= char <= "\udfff" for char in text):  # noqa: PLR2004 - ASCII's controls
        raise UsageError(
            f"systemd cannot be told of {printable(text)}, which has a character that its files cannot have; rename it,"
            " or type --with cron"
        )
    return text


def word(text: str) -> str:
    """Return a word as settings with C's escapes read it, such as ExecStart= and Environment=.

    A percent sign begins a specifier there, so it is doubled.
    """
    plain = checked(text).replace("%", "%%")
    if _PLAIN.fullmatch(plain):
        return plain
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def command_line(words: Sequence[str]) -> str:
    """Return a command for ExecStart=.

    A dollar sign would begin a variable in all words but the first. A colon before the first turns that off for all of
    them, which is exact for each.
    """
    line = " ".join(map(word, words))
    return f":{line}" if any("$" in one for one in words) else line


def path_word(path: str, prefix: str = "") -> str:
    """Return a path for settings that have lists of paths, such as ReadWritePaths=.

    These know quotes, and leave a backslash as it is (config_parse_namespace_path_strv), so that a quote can only be
    written in quotes of the other kind.
    """
    plain = checked(path).replace("%", "%%")
    if _PLAIN.fullmatch(plain):
        return prefix + plain
    parts = plain.split("'")
    return prefix + """ "'" """.strip().join(f"'{part}'" if part else "" for part in parts)
