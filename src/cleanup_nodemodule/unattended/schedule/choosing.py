"""Which schedulers this system has, and which of them is used unless somebody chooses another."""

import os
import shutil
import stat
import sys
from typing import Final

from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.unattended.schedule.calls import Call, call
from cleanup_nodemodule.unattended.schedule.cron import Cron
from cleanup_nodemodule.unattended.schedule.launchd import Launchd
from cleanup_nodemodule.unattended.schedule.scheduler import Scheduler, SchedulerError
from cleanup_nodemodule.unattended.schedule.scheduler_names import SchedulerName
from cleanup_nodemodule.unattended.schedule.systemd import Systemd
from cleanup_nodemodule.unattended.schedule.task_scheduler import TaskScheduler

_BOOTED: Final = "/run/systemd/system"
"""A directory that is there if systemd is what the system was started with (sd_booted(3))."""


def usual(*, system: bool) -> SchedulerName:
    """Return the scheduler that suits this system. Raises UsageError where there is none."""
    if sys.platform == "win32":
        return SchedulerName.TASK_SCHEDULER
    if sys.platform == "darwin":
        return SchedulerName.LAUNCHD
    if os.path.isdir(_BOOTED) and (system or has_user_manager()):
        return SchedulerName.SYSTEMD
    if shutil.which("crontab") is not None or (system and os.path.isdir("/etc/cron.d")):
        return SchedulerName.CRON
    if os.path.isdir(_BOOTED):
        raise UsageError(
            "systemd runs here, but not for this user, and there is no crontab; log in as this user, or type --system as"
            " root"
        )
    raise UsageError(
        "nothing here starts programs by itself; install cron (on Debian and Ubuntu: cron), or name what does with --with"
    )


def has_user_manager() -> bool:
    """Whether systemd runs for this user, too: then its socket is there (systemd(1))."""
    directory = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}"
    try:
        return stat.S_ISSOCK(os.stat(os.path.join(directory, "systemd/private")).st_mode)
    except OSError:
        return False


def named(name: SchedulerName, *, calls: Call = call) -> Scheduler:
    """Return the scheduler of a name."""
    home = os.path.expanduser("~")
    match name:
        case SchedulerName.SYSTEMD:
            stamps = os.path.join(home, ".local/share/systemd/timers")
            return Systemd(user_units=user_units(home, calls), user_stamps=stamps, calls=calls)
        case SchedulerName.CRON:
            return Cron(calls=calls)
        case SchedulerName.LAUNCHD:
            user = os.geteuid() if hasattr(os, "geteuid") else 0
            return Launchd(home=home, user=user, calls=calls)
        case SchedulerName.TASK_SCHEDULER:
            return TaskScheduler(calls=calls)


def user_units(home: str, calls: Call = call) -> str:
    """Return the directory of this user's units, an absolute path.

    It is beneath XDG_CONFIG_HOME only if the manager knows that variable: a shell that sets it may be the only one.
    """
    usual = os.path.join(home, ".config/systemd/user")
    said = os.environ.get("XDG_CONFIG_HOME", "")
    chosen = os.path.join(said, "systemd/user")
    if not os.path.isabs(said) or chosen == usual:
        return usual
    try:
        answer = calls(("systemctl", "--user", "show", "--property=UnitPath", "--value"))
    except SchedulerError:
        return usual
    known = answer.output.decode(errors="surrogateescape").split()
    return chosen if answer.code == 0 and chosen in known else usual


def here() -> tuple[SchedulerName, ...]:
    """Return the schedulers in which something of ours may be installed on this system."""
    if sys.platform == "win32":
        return (SchedulerName.TASK_SCHEDULER,)
    if sys.platform == "darwin":
        return (SchedulerName.LAUNCHD, SchedulerName.CRON)
    return (SchedulerName.SYSTEMD, SchedulerName.CRON)
