r"""A message of the terminal's own, which most show as a notification of the desktop: OSC 9.

``ESC ] 9 ; TEXT ESC \`` is documented by iTerm2 ("Proprietary Escape Codes"), WezTerm, Ghostty, foot and kitty. ConEmu and
Windows Terminal take a number behind the semicolon for something else, so the text begins with a letter. A terminal that
does not know the sequence shows nothing, by ECMA-48; the console of Linux and dumb terminals do not follow that.
"""

import os
import sys
from typing import Final, TextIO

from cleanup_nodemodule.unattended.notifying.message import Message

_LONGEST: Final = 250
"""Characters: no desktop shows more of a notification, and screens take apart what is longer (screen(1))."""

_MUTE: Final = frozenset({"", "dumb", "linux", "unknown"})
"""What terminals are called (``TERM``) that would show the sequence as text."""


class Desktop:
    """Whoever sits at the terminal. Where there is none, nobody is there to be told, and that is no failure."""

    def __str__(self) -> str:
        return "desktop"

    def deliver(self, message: Message, until: float) -> str | None:  # noqa: ARG002 - a write is no loop
        """Write the message to the terminal; see :class:`~.recipients.Recipient`."""
        stream = _terminal()
        if stream is None or os.environ.get("TERM", "") in _MUTE:
            return None
        data = sequence(message.sentence, tmux="TMUX" in os.environ)
        try:
            os.write(stream.fileno(), data)
        except OSError:
            return None  # It was closed, and nobody sits there any more.
        return None

    def give_up(self) -> None:
        """Do nothing: a write that waits for a terminal ends with the process."""


def sequence(text: str, *, tmux: bool = False) -> bytes:
    """Return what shows *text*: only what can be seen of it. Through *tmux*, to the terminal that shows that.

    tmux passes it on if ``allow-passthrough`` is on (tmux(1)).
    """
    plain = "".join(char for char in text if char.isprintable())
    plain = plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 1]}…"
    shown = b"\x1b]9;" + plain.encode("utf-8", "replace") + b"\x1b\\"
    return b"\x1bPtmux;" + shown.replace(b"\x1b", b"\x1b\x1b") + b"\x1b\\" if tmux else shown


def _terminal() -> TextIO | None:
    for stream in (sys.stderr, sys.stdout):
        if stream is not None and not stream.closed and stream.isatty():
            return stream
    return None
