"""Runs a program that needs a terminal, on one, until it shows some text; says how long that took.

    at_terminal.py TEXT KEY PROGRAM [ARGUMENT ...]

Once TEXT is on the screen the program is done with what is of interest. KEY then ends it. Prints one JSON
document: ``seconds`` from the program's start to the text, ``cpu`` seconds of it and its children to
their end.
"""

import fcntl
import json
import os
import pty
import select
import struct
import sys
import termios
import time
from typing import Final

_ROWS_AND_COLUMNS: Final = struct.pack("HHHH", 40, 120, 0, 0)
"""See ioctl_tty(2), TIOCSWINSZ."""

_PATIENCE: Final = 1800.0
"""Seconds without the text, after which nobody believes in it any more."""


def watch(terminal: int, text: bytes) -> bool:
    """Read what is shown until *text* comes up; return whether it did before the end."""
    seen = b""
    deadline = time.monotonic() + _PATIENCE
    while text not in seen:
        ready, _, _ = select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))
        try:
            read = os.read(terminal, 1 << 16) if ready else b""
        except OSError:  # EIO: nobody has the terminal open any more.
            read = b""
        if not read:
            return False
        seen = seen[-len(text) :] + read
    return True


def drain(terminal: int) -> None:
    """Read until the program has ended, so that it never waits for somebody to."""
    try:
        while os.read(terminal, 1 << 16):
            pass
    except OSError:
        return


def main() -> int:
    """Run the program on the command line; exit with 1 if the text never comes."""
    text, key, *command = sys.argv[1:]
    start = time.perf_counter()
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, _ROWS_AND_COLUMNS)
        os.execvp(command[0], command)  # noqa: S606 - no shell is wanted
    shown = watch(terminal, text.encode())
    seconds = time.perf_counter() - start
    if shown:
        os.write(terminal, key.encode())
        drain(terminal)
    else:
        os.close(terminal)
    _, _, usage = os.wait4(child, 0)
    if not shown:
        print(f"at_terminal: {command[0]} ended without showing {text!r}", file=sys.stderr)
        return 1
    print(json.dumps({"seconds": seconds, "cpu": usage.ru_utime + usage.ru_stime}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
