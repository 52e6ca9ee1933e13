"""What names this machine, the time since it was started, and a process on it."""

import re
import socket
from typing import Final

from cleanup_nodemodule.words import PROGRAM


def host_name() -> str:
    """Return the name of this machine, fit for a part of a file name."""
    name = re.sub(r"[^A-Za-z0-9._-]", "_", socket.gethostname()).lstrip(".")[:64]
    return name or "localhost"


def machine() -> str:
    """Return what names this machine whatever it is called, fit for a part of a file name.

    Made of machine-id(5) as sd_id128_get_machine_app_specific(3) does it, as that itself is not to be given
    away. Where there is none, the name of the machine.
    """
    try:
        with open("/etc/machine-id", "rb") as file:
            key = bytes.fromhex(file.read(64).decode("ascii"))
    except (OSError, ValueError):
        key = b""
    if len(key) != _MACHINE_ID:
        return host_name()
    import hmac  # noqa: PLC0415 - for start-up's sake

    return hmac.digest(key, PROGRAM.encode(), "sha256").hex()[:32]


_MACHINE_ID: Final = 16
"""Bytes of a machine's id."""


def boot() -> str | None:
    """Return what names the time since the system was started; None where it does not say (random(4))."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read(64).strip() or None
    except (OSError, ValueError):
        return None


def started(process: int) -> str | None:
    """Return what tells a living process from others that have its number before or after it.

    That is when it was started, and in which session of the system. None if there is no such process, or
    nothing to ask.
    """
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            status = file.read()
        # The name, in parentheses, may be any; the time is the 22nd field (proc_pid_stat(5)).
        ticks = status.rpartition(b")")[2].split()[19].decode("ascii")
    except (OSError, LookupError, ValueError):
        return None
    return f"{boot()} {ticks}"
