"""What ``schedule`` prints: what would be installed, exactly; and what is installed."""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Final

from cleanup_nodemodule.model.quantities import duration
from cleanup_nodemodule.show.layout import bold, columns, folded
from cleanup_nodemodule.show.streams import is_terminal, print_lines, say
from cleanup_nodemodule.unattended.schedule.scheduler import Installed, Schedule, Scheduler
from cleanup_nodemodule.unattended.schedule.scheduler_names import SchedulerName
from cleanup_nodemodule.unattended.schedule.times import read_every
from cleanup_nodemodule.words import PROGRAM, command, iso, printable, shell_command

_NAMES: Final = {
    **{name: name.value for name in SchedulerName},
    SchedulerName.TASK_SCHEDULER: "The Task Scheduler",
}

_WIDEST: Final = 100


def installation_page(schedule: Schedule, scheduler: Scheduler, doubts: Sequence[str]) -> list[str]:
    """Return the lines that show what would be installed: each file, each line and each command."""
    new = scheduler.installation(schedule)
    width = columns(_WIDEST)
    lines = [*folded(_told(schedule, scheduler), width)]
    for file in new.files:
        lines += ["", bold(f"{printable(file.path)}:")]
        text = file.content
        shown = (
            text.decode("utf-16")
            if text.startswith((b"\xff\xfe", b"\xfe\xff"))
            else text.decode(errors="surrogateescape")
        )
        lines += [f"    {printable(line.expandtabs(4))}".rstrip() for line in shown.splitlines()]
    if new.block:
        lines += ["", bold("At the end of your crontab:")]
        lines += [f"    {printable(line)}" for line in new.block.splitlines()]
    if new.commands:
        lines += ["", bold("Then:")]
        lines += [f"    {shell_command(*words)}" for words in new.commands]
    if doubts:
        lines += [""]
        for doubt in doubts:
            lines += folded(doubt, width)
    return lines


def _told(schedule: Schedule, scheduler: Scheduler) -> str:
    """Return in a sentence or two what starts when, and by whom."""
    whose = "root" if schedule.system else "you"
    later = f", at a random time up to {duration(schedule.delay)} later" if schedule.delay else ""
    if not schedule.deletes:
        what = "It only looks, and deletes nothing: the job does not say delete = true."
    elif schedule.access.trash:
        what = "It moves what it finds to the trash, and nobody is asked."
    else:
        what = "It deletes what it finds, and nobody is asked."
    return (
        f"{_NAMES[scheduler.name]} starts the job {schedule.job} {schedule.every.spoken}{later}. It runs as {whose}."
        f" {what}"
    )


def ask() -> bool:
    """Ask at the terminal whether to install; whether the answer is yes."""
    from cleanup_nodemodule.show.question import forget_keys

    forget_keys()
    say("Install this? [y/N] ", end="")
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def show_installed(found: Sequence[Installed], *, as_json: bool) -> int:
    """Print the schedules that are installed: as a page at a terminal, as lines in a pipe, or as a document."""
    if as_json:
        document = {"schema_version": 1, "schedules": [*map(_row, found)]}
        return print_lines([json.dumps(document, indent=2)])
    if not found:
        say(f"{PROGRAM}: nothing is scheduled; to see how, type: {command('schedule', '-h')}")
    return print_lines(_page(found) if is_terminal(sys.stdout) else map(_line, found))


def _row(one: Installed) -> dict[str, object]:
    return {
        "job": one.job,
        "every": one.every,
        "scheduler": one.scheduler,
        "system": one.system,
        "place": one.place,
        "active": one.active,
        "next_run": None if one.next_run is None else iso(one.next_run),
        "last_run": None if one.last_run is None else iso(one.last_run),
        "last_exit": one.last_exit,
    }


def _line(one: Installed) -> str:
    """Return a line with fields parted by tabs: job, time, scheduler, whose, state, next run, last run, place."""
    return "\t".join(
        printable(field)
        for field in (
            one.job,
            one.every,
            one.scheduler,
            "system" if one.system else "user",
            _ACTIVE[one.active],
            "-" if one.next_run is None else iso(one.next_run),
            "-" if one.last_run is None else iso(one.last_run),
            one.place,
        )
    )


_ACTIVE: Final = {True: "active", False: "inactive", None: "unknown"}


def _page(found: Sequence[Installed]) -> Iterator[str]:
    width = columns(_WIDEST)
    for one in found:
        yield bold(f"{one.job}:")
        whose = "as root" if one.system else "as you"
        yield from folded(
            f"{_NAMES[one.scheduler]} starts it {read_every(one.every).spoken}, {whose}", width, 4
        )
        if one.active is False:
            cron = one.scheduler is SchedulerName.CRON
            why = "but no cron runs here; start it" if cron else "but it is off; install it again"
            yield from folded(why, width, 4)
        times = []
        if one.next_run is not None:
            times.append(f"next: {_local(one.next_run)}")
        if one.last_run is not None:
            code = "" if one.last_exit is None else f", exit code {one.last_exit}"
            times.append(f"last: {_local(one.last_run)}{code}")
        if times:
            yield from folded("; ".join(times), width, 4)
        place = "in your crontab" if one.place == "crontab" else f"in {printable(one.place)}"
        yield from folded(place, width, 4)


def _local(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
