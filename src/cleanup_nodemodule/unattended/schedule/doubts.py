"""What a schedule may lack where it is installed: rights, a program that stays, somebody's session. It only warns."""

import os
import sys
import tempfile
from collections.abc import Iterator
from typing import Final

from cleanup_nodemodule.record import trust
from cleanup_nodemodule.system import mounts
from cleanup_nodemodule.system.accounts import user_name
from cleanup_nodemodule.system.process_files import hides_others
from cleanup_nodemodule.unattended.schedule.cron import daemon_runs
from cleanup_nodemodule.unattended.schedule.scheduler import Schedule
from cleanup_nodemodule.unattended.schedule.scheduler_names import SchedulerName
from cleanup_nodemodule.words import PROGRAM, printable, shell_command

_BY_ROOT: Final = f"To have root do it, write the job into /etc/{PROGRAM}/config.toml, and type the same with sudo and --system."
"""What to do where the user's rights do not do."""

_LINGERING: Final = "/var/lib/systemd/linger"
"""Has a file for each user whose manager runs without a session (loginctl(1), enable-linger)."""

_PTRACE: Final = 1 << 19
"""CAP_SYS_PTRACE (capabilities(7)), with which processes of others can be looked at."""

_PRIVATE: Final = ("Desktop", "Documents", "Downloads")
"""Directories in a home directory that macOS opens only to programs that the user has allowed it."""


def doubts(schedule: Schedule, scheduler: SchedulerName) -> Iterator[str]:
    """Give sentences about what may keep a schedule from working as meant, each with what to do."""
    yield from _of_the_program(schedule)
    yield from _of_rights(schedule)
    if scheduler is SchedulerName.SYSTEMD and not schedule.system:
        user = user_name()
        if not os.path.exists(os.path.join(_LINGERING, user)):
            yield (
                f"It starts only while {user} is logged in. To have it start always, type:"
                f" {shell_command('loginctl', 'enable-linger', user)}"
            )
    if scheduler is SchedulerName.CRON:
        if daemon_runs() is False:
            yield "cron is not running now. Start it, or the job never starts."
        yield "If the machine is off at that time, cron leaves that run out."
    if scheduler is SchedulerName.LAUNCHD:
        home = os.path.expanduser("~")
        for root in schedule.access.roots or ():
            if any(_lies_in(root, os.path.join(home, name)) for name in _PRIVATE):
                yield (
                    f"macOS keeps {printable(root)} from programs in the background. Allow it in the System Settings"
                    f" (Privacy & Security, Full Disk Access) for {printable(schedule.command[0])}."
                )


def _of_the_program(schedule: Schedule) -> Iterator[str]:
    program = schedule.command[0]
    for place, what in _passing():
        if any(_lies_in(path, place) for path in (program, os.path.realpath(program))):
            yield (
                f"The program is in {printable(place)}, {what}: {printable(program)}. Install it where it stays, as with"
                " pipx."
            )
            break
    if schedule.system and hasattr(os, "geteuid"):
        for path in dict.fromkeys((program, os.path.realpath(program))):
            try:
                fault = trust.untrusted(os.path.dirname(path), account=0)
            except OSError:
                continue
            if fault is not None:
                yield (
                    f"Root would run {printable(path)}, which somebody else can alter: {fault}. Install the program for"
                    " root."
                )
                break


def _passing() -> Iterator[tuple[str, str]]:
    """Give directories that are emptied now and then, and what each is."""
    for place in dict.fromkeys((tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm", "/run")):  # noqa: S108 - nothing is written there
        if os.path.isdir(place):
            yield place, "which is emptied now and then"
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    yield cache, "a cache"


def _of_rights(schedule: Schedule) -> Iterator[str]:
    if not hasattr(os, "geteuid"):
        return
    for root in schedule.access.roots or ():
        if not os.path.isdir(root):
            yield f"{printable(root)} is not there now, or is no directory."
        elif not schedule.system and not os.access(root, os.R_OK | os.W_OK | os.X_OK):
            yield f"{user_name()} may not delete in {printable(root)}. {_BY_ROOT}"
    if schedule.access.roots is None:
        yield "Where it searches is in a list, which is read when it starts."
    if schedule.system:
        return
    if hides_others(mounts.here().mount_of("/proc")):
        yield (
            f"{user_name()} cannot see the processes of other users (hidepid, proc(5)), so what belongs to others is"
            f" kept. {_BY_ROOT}"
        )
    elif os.geteuid() == 0 and sys.platform == "linux" and not _may_look():
        yield "It may not look at the processes of other users (CAP_SYS_PTRACE), and so what belongs to others is kept."


def _may_look() -> bool:
    """Whether this process may look at those of others; True where that cannot be told."""
    try:
        with open("/proc/self/status", encoding="utf-8") as file:
            for line in file:
                if line.startswith("CapEff:"):
                    return bool(int(line.split()[1], 16) & _PTRACE)
    except (OSError, ValueError, LookupError):
        pass
    return True


def _lies_in(path: str, directory: str) -> bool:
    return path == directory or path.startswith(os.path.join(directory, ""))
