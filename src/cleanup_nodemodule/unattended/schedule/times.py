"""When a schedule starts: one small grammar, and what each system calls that time. Pure.

``hour``, ``day`` and ``week`` leave the time to this program. ``03:00`` is each day, ``Mon 03:00`` each week, and
``1st 03:00`` each month, up to ``28th``, which every month has. The time is that of the machine's clock. Whatever is
said so can be said to cron, systemd, launchd and the Task Scheduler alike.
"""

import re
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.words import printable

WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

_NIGHT: Final = 3
"""The hour that day and week stand for. It is there once in each night: in Europe and America the clock is set between
1 and 3 o'clock."""

_LAST_DAY: Final = 28
"""The last day that each month has."""

_SOON: Final = 5 * 60
_SPREAD: Final = 30 * 60
"""Seconds over which runs are spread whose time this program has chosen."""

_EXAMPLES: Final = 'hour, day, week, 03:00, "Mon 03:00" or "1st 03:00"'


class Every(NamedTuple):
    """When something is started, again and again."""

    text: str
    """As people type it."""
    minute: int
    hour: int | None
    """None for each hour."""
    weekday: int | None = None
    """0 is Monday; None for each day."""
    day: int | None = None
    """The day of the month, from 1; None for each day."""
    spread: int = 0
    """Seconds over which runs are spread unless somebody says otherwise: none where the time was typed."""

    @property
    def time(self) -> str:
        """The time of day as hours and minutes."""
        return f"{self.hour or 0:02}:{self.minute:02}"

    @property
    def spoken(self) -> str:
        """When that is, for people."""
        if self.hour is None:
            return "every hour"
        if self.weekday is not None:
            return f"every {_NAMES[self.weekday]} at {self.time}"
        if self.day is not None:
            return f"on the {ordinal(self.day)} of each month at {self.time}"
        return f"every day at {self.time}"

    def is_on(self, day: datetime) -> bool:
        """Whether it starts on that day."""
        return self.weekday in {None, day.weekday()} and self.day in {None, day.day}

    def next_after(self, now: float) -> float:
        """Return when it starts next after *now*, both in seconds since the epoch, by this machine's time zone."""
        at = datetime.fromtimestamp(now).replace(minute=self.minute, second=0, microsecond=0)  # noqa: DTZ006 - cron and the others go by the machine's own time
        if self.hour is None:
            while at.timestamp() <= now:
                at += timedelta(hours=1)
            return at.timestamp()
        at = at.replace(hour=self.hour)
        while at.timestamp() <= now or not self.is_on(at):
            at += timedelta(days=1)
        return at.timestamp()


_NAMES: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_WHEN: Final = re.compile(
    r"(?:(?P<weekday>[a-z]{3}) |(?P<day>[1-9][0-9]?)(?P<ending>st|nd|rd|th) )?"
    r"(?P<hour>[01][0-9]|2[0-3]):(?P<minute>[0-5][0-9])",
    re.ASCII | re.IGNORECASE,
)


def read_every(text: str) -> Every:
    """Return when a text such as ``Mon 03:00`` stands for. Raises UsageError, which says what to type."""
    plain = " ".join(text.split())
    match plain.lower():
        case "hour":
            return Every("hour", 0, None, spread=_SOON)
        case "day":
            return Every("day", 0, _NIGHT, spread=_SPREAD)
        case "week":
            return Every("week", 0, _NIGHT, weekday=6, spread=_SPREAD)
    found = _WHEN.fullmatch(plain)
    if found is None:
        raise UsageError(f"--every takes {_EXAMPLES}{_meant(plain)}")
    time = f"{found['hour']}:{found['minute']}"
    hour, minute = int(found["hour"]), int(found["minute"])
    if found["day"] is not None:
        day = int(found["day"])
        if day > _LAST_DAY:
            raise UsageError(
                f"--every cannot be the {ordinal(day)}, which not every month has; type 1st to {ordinal(_LAST_DAY)}"
            )
        if found["ending"].lower() != ordinal(day)[-2:]:
            raise UsageError(f'--every: type "{ordinal(day)} {time}"')
        return Every(f"{ordinal(day)} {time}", minute, hour, day=day)
    if found["weekday"] is None:
        return Every(time, minute, hour)
    name = found["weekday"].capitalize()
    if name not in WEEKDAYS:
        raise UsageError(f"--every: {name} is no day of the week; there are {', '.join(WEEKDAYS)}")
    return Every(f"{name} {time}", minute, hour, weekday=WEEKDAYS.index(name))


def ordinal(day: int) -> str:
    """Return a day of the month as people write it, such as ``2nd``."""
    ending = "th" if day in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


def _meant(text: str) -> str:
    """Return what was most likely meant by what is no time, to be added to a sentence."""
    words = text.lower().split()
    shown = printable(text[:40]) or "an empty text"
    day = next((name[:3] for name in _NAMES if words and name.lower().startswith(words[0])), "")
    if len(words) in {1, 2} and len(words[0]) >= len(day) > 0:
        time = _time(words[1]) if len(words) > 1 else "03:00"
        return f'; for {shown} type "{day} {time or "03:00"}"'
    if len(words) == 1 and (time := _time(words[0])):
        return f"; for {shown} type {time}"
    near = {"daily": "day", "nightly": "day", "hourly": "hour", "weekly": "week"}
    near |= {"monthly": '"1st 03:00"', "month": '"1st 03:00"'}
    if len(words) == 1 and words[0] in near:
        return f"; for {shown} type {near[words[0]]}"
    return f", and {shown} is none of them"


def _time(word: str) -> str | None:
    """Return a time of day in our way that people write in another; None for anything else."""
    found = re.fullmatch(r"([0-9]{1,2})(?:[:.]([0-9]{2}))?(am|pm|h)?", word)
    if found is None or not (found[2] or found[3]):
        return None
    hour, minute = int(found[1]), int(found[2] or 0)
    if found[3] in {"am", "pm"}:
        hour = hour % 12 + (12 if found[3] == "pm" else 0)
    return f"{hour:02}:{minute:02}" if hour < 24 and minute < 60 else None  # noqa: PLR2004 - a day's hours


# What each system calls it.


def cron_fields(every: Every) -> str:
    """Return the five fields of a line in a crontab (crontab(5))."""
    hour = "*" if every.hour is None else str(every.hour)
    day = "*" if every.day is None else str(every.day)
    weekday = "*" if every.weekday is None else str((every.weekday + 1) % 7)
    return f"{every.minute} {hour} {day} * {weekday}"


def on_calendar(every: Every) -> str:
    """Return it as systemd.time(7) has it."""
    if every.hour is None:
        return f"*-*-* *:{every.minute:02}:00"
    weekday = "" if every.weekday is None else f"{WEEKDAYS[every.weekday]} "
    day = "*" if every.day is None else f"{every.day:02}"
    return f"{weekday}*-*-{day} {every.time}:00"


def calendar_interval(every: Every) -> dict[str, int]:
    """Return it as launchd.plist(5) has it, under StartCalendarInterval. What is left out is any."""
    interval = {"Minute": every.minute}
    if every.hour is not None:
        interval["Hour"] = every.hour
    if every.weekday is not None:
        interval["Weekday"] = (every.weekday + 1) % 7
    if every.day is not None:
        interval["Day"] = every.day
    return interval
