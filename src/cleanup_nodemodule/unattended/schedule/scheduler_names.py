"""What the schedulers are called. It imports nothing, as the command line needs it each time."""

from enum import StrEnum


class SchedulerName(StrEnum):
    """What starts runs."""

    SYSTEMD = "systemd"
    CRON = "cron"
    LAUNCHD = "launchd"
    TASK_SCHEDULER = "task-scheduler"
