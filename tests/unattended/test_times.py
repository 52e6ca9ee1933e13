"""When a schedule starts: what is understood, what each system calls it, and when that is next."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.unattended.schedule.times import (
    calendar_interval,
    cron_fields,
    on_calendar,
    ordinal,
    read_every,
)


@pytest.mark.parametrize(
    ("text", "cron", "systemd", "launchd", "spoken"),
    [
        ("hour", "0 * * * *", "*-*-* *:00:00", {"Minute": 0}, "every hour"),
        (
            "day",
            "0 3 * * *",
            "*-*-* 03:00:00",
            {"Hour": 3, "Minute": 0},
            "every day at 03:00",
        ),
        (
            "week",
            "0 3 * * 0",
            "Sun *-*-* 03:00:00",
            {"Weekday": 0, "Hour": 3, "Minute": 0},
            "every Sunday at 03:00",
        ),
        (
            "23:59",
            "59 23 * * *",
            "*-*-* 23:59:00",
            {"Hour": 23, "Minute": 59},
            "every day at 23:59",
        ),
        (
            "mon  00:07",
            "7 0 * * 1",
            "Mon *-*-* 00:07:00",
            {"Weekday": 1, "Hour": 0, "Minute": 7},
            "every Monday at 00:07",
        ),
        (
            "1st 04:30",
            "30 4 1 * *",
            "*-*-01 04:30:00",
            {"Day": 1, "Hour": 4, "Minute": 30},
            "on the 1st of each month at 04:30",
        ),
    ],
)
def test_a_time_is_the_same_for_each_system(
    text: str, cron: str, systemd: str, launchd: dict[str, int], spoken: str
) -> None:
    every = read_every(text)
    assert cron_fields(every) == cron
    assert on_calendar(every) == systemd
    assert calendar_interval(every) == launchd
    assert every.spoken == spoken
    assert read_every(every.text) == every


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("3:00", "for 3:00 type 03:00"),
        ("3am", "for 3am type 03:00"),
        ("12am", "for 12am type 00:00"),
        ("Monday", 'type "Mon 03:00"'),
        ("Monday 5:30", 'type "Mon 05:30"'),
        ("nightly", "type day"),
        ("month", 'type "1st 03:00"'),
        ("24:00", "24:00 is none of them"),
        ("03:60", "none of them"),
        ("03:00 Mon", "none of them"),
        ("*/5 * * * *", "none of them"),
        ("0 3 * * *", "none of them"),
        ("", "an empty text is none"),
        ("03:00\n", None),
        ("Foo 03:00", "Foo is no day of the week"),
        ("31st 03:00", "type 1st to 28th"),
        ("2st 03:00", '"2nd 03:00"'),
        ("\u0660\u0663:\u0660\u0660", "none of them"),
        ("minute", "none of them"),
    ],
)
def test_anything_else_is_refused_with_what_to_type(text: str, advice: str | None) -> None:
    if advice is None:
        assert read_every(text).text == text.strip()
        return
    with pytest.raises(UsageError, match="--every") as refused:
        read_every(text)
    assert advice in str(refused.value)


def test_days_of_the_month_are_written_as_people_do() -> None:
    written = " ".join(map(ordinal, (1, 2, 3, 4, 10, 11, 12, 13, 21, 22, 23, 28)))
    assert written == "1st 2nd 3rd 4th 10th 11th 12th 13th 21st 22nd 23rd 28th"
    for day in range(1, 29):
        assert read_every(f"{ordinal(day)} 05:00").day == day


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[ZoneInfo]:
    """Have the clock of this machine go by Berlin, which sets it forward in March and back in October."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield ZoneInfo("Europe/Berlin")
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "now", "next_run"),
    [
        ("day", "2026-11-30 02:59", "2026-11-30 03:00"),
        ("day", "2026-11-30 03:00", "2026-12-01 03:00"),
        ("week", "2026-11-30 03:00", "2026-12-06 03:00"),
        ("Mon 03:00", "2026-11-30 02:00", "2026-11-30 03:00"),
        ("hour", "2026-11-30 23:30", "2026-12-01 00:00"),
        ("1st 04:30", "2026-12-01 04:30", "2027-01-01 04:30"),
        ("28th 04:30", "2027-02-28 04:31", "2027-03-28 04:30"),
        # The nights in which the clock is set.
        ("day", "2026-03-28 12:00", "2026-03-29 03:00"),
        ("day", "2026-10-24 12:00", "2026-10-25 03:00"),
    ],
)
def test_the_next_time_goes_by_the_clock_of_the_machine(
    berlin: ZoneInfo, text: str, now: str, next_run: str
) -> None:
    seconds = datetime.fromisoformat(now).replace(tzinfo=berlin).timestamp()
    found = datetime.fromtimestamp(read_every(text).next_after(seconds), UTC)
    assert found.astimezone(berlin).strftime("%Y-%m-%d %H:%M") == next_run
