"""What is installed on this machine, for ``schedule list`` and for ``doctor``."""

import shutil
from collections.abc import Callable, Iterable

from cleanup_nodemodule.errors import CleanupError
from cleanup_nodemodule.unattended.schedule import choosing
from cleanup_nodemodule.unattended.schedule.scheduler import Installed, Scheduler
from cleanup_nodemodule.unattended.schedule.scheduler_names import SchedulerName


def installed(
    schedulers: Iterable[SchedulerName] | None = None,
    *,
    faults: list[str] | None = None,
    named: Callable[[SchedulerName], Scheduler] = choosing.named,
) -> list[Installed]:
    """Return the schedules of this user, and those of the machine, in all *schedulers* that this system has.

    What cannot be asked is added to *faults* in sentences, or passed over where there are none. Nothing is changed.
    """
    found: list[Installed] = []
    for name in choosing.here() if schedulers is None else schedulers:
        for system in (False, True):
            if name is SchedulerName.CRON and not system and shutil.which("crontab") is None:
                continue
            try:
                found += named(name).found(system=system)
            except CleanupError as error:
                if faults is not None:
                    faults.append(str(error))
    return found


def where_installed(
    job: str,
    names: Iterable[SchedulerName],
    *,
    system: bool,
    named: Callable[[SchedulerName], Scheduler] = choosing.named,
) -> list[Scheduler]:
    """Return the schedulers of these *names* that have a schedule of the *job*.

    Raises SchedulerError or NotOursError where there is none, and one of them could not be asked.
    """
    found: list[Scheduler] = []
    fault: CleanupError | None = None
    for name in names:
        if name is SchedulerName.CRON and not system and shutil.which("crontab") is None:
            continue
        scheduler = named(name)
        try:
            if any(one.job == job for one in scheduler.found(system=system)):
                found.append(scheduler)
        except CleanupError as error:
            fault = fault or error
    if fault is not None and not found:
        raise fault
    return found
