"""Timers of systemd, of a user or of the machine."""

import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from cleanup_nodemodule.model.quantities import duration
from cleanup_nodemodule.unattended.schedule import placing
from cleanup_nodemodule.unattended.schedule.calls import Call, call, must
from cleanup_nodemodule.unattended.schedule.hardening import hardening
from cleanup_nodemodule.unattended.schedule.scheduler import (
    Change,
    File,
    Installation,
    Installed,
    Schedule,
    SchedulerError,
    mark,
    marked,
    unit_name,
)
from cleanup_nodemodule.unattended.schedule.scheduler_names import SchedulerName
from cleanup_nodemodule.unattended.schedule.systemd_words import command_line, word
from cleanup_nodemodule.unattended.schedule.times import on_calendar
from cleanup_nodemodule.words import PROGRAM, shell_command

SYSTEM_UNITS: Final = "/etc/systemd/system"
"""Where an administrator's units are (systemd.unit(5))."""

SYSTEM_STAMPS: Final = "/var/lib/systemd/timers"
"""Where systemd notes when a timer last ran, as the time of an empty file (systemd.timer(5), Persistent=)."""

_WANTS: Final = "timers.target.wants"


class Systemd:
    """Timers, each with the service that it starts."""

    name = SchedulerName.SYSTEMD

    def __init__(
        self,
        *,
        user_units: str,
        user_stamps: str,
        units: str = SYSTEM_UNITS,
        stamps: str = SYSTEM_STAMPS,
        calls: Call = call,
    ) -> None:
        """Have units in two directories, of the machine and of this user. All four are absolute paths.

        In the other two systemd notes when timers last ran.
        """
        self._directories = {True: units, False: user_units}
        self._stamps = {True: stamps, False: user_stamps}
        self._call = calls

    def installation(self, schedule: Schedule) -> Installation:
        """Return the two units, and what tells systemd of them."""
        name = unit_name(schedule.job)
        directory = self._directories[schedule.system]
        control = _control(system=schedule.system)
        return Installation(
            tuple(
                File(os.path.join(directory, f"{name}.{kind}"), "".join(lines).encode())
                for kind, lines in (("service", _service(schedule)), ("timer", _timer(schedule)))
            ),
            commands=(
                (*control, "daemon-reload"),
                (*control, "enable", "--quiet", f"{name}.timer"),
                # It may run already, by another time.
                (*control, "restart", f"{name}.timer"),
            ),
        )

    def install(self, schedule: Schedule) -> Change:
        """Put the units in, and have the timer started now and with the machine."""
        new = self.installation(schedule)
        old = [placing.content_of(file.path, schedule.job) for file in new.files]
        same = old == [file.content for file in new.files]
        if same and self._is_active(schedule.job, system=schedule.system):
            return "unchanged"
        control = _control(system=schedule.system)
        with placing.put(new.files, schedule.job) as replaced:
            try:
                for words in new.commands:
                    must(self._call, words)
            except SchedulerError:
                timer = f"{unit_name(schedule.job)}.timer"
                if not replaced:
                    self._call((*control, "disable", "--now", "--quiet", timer))
                raise
        return "replaced" if replaced and not same else "installed"

    def remove(self, job: str, *, system: bool) -> list[str]:
        """Stop the timer, and take the units out, with what systemd has noted of them."""
        name = unit_name(job)
        directory, control = self._directories[system], _control(system=system)
        paths = [os.path.join(directory, f"{name}.{kind}") for kind in ("timer", "service")]
        there = [path for path in paths if placing.content_of(path, job) is not None]
        if not there:
            return []
        # Without a manager there is only what it would read the next time.
        self._call((*control, "disable", "--now", "--quiet", f"{name}.timer"))
        # When it last ran, which Persistent= has it remember (systemd.timer(5)).
        self._call((*control, "clean", "--what=state", f"{name}.timer"))
        # Without D-Bus that is not done.
        for left in (
            os.path.join(self._stamps[system], f"stamp-{name}.timer"),
            os.path.join(directory, _WANTS, f"{name}.timer"),
        ):
            placing.remove_left(left)
        removed = placing.take_out(paths, job)
        self._call((*control, "daemon-reload"))
        self._call((*control, "reset-failed", f"{name}.service", f"{name}.timer"))
        if not system:
            home, _, names = directory.rpartition("/systemd/")
            placing.remove_empty(home, "systemd", names, _WANTS)
            data, _, names = self._stamps[False].rpartition("/systemd/")
            placing.remove_empty(data, "systemd", names)
        return removed

    def found(self, *, system: bool) -> list[Installed]:
        """Return the timers that are installed, with what systemd says of them."""
        return list(self._found(system=system))

    def _found(self, *, system: bool) -> Iterator[Installed]:
        directory = self._directories[system]
        for path, text in placing.ours_in(directory, f"{PROGRAM}-", ".timer"):
            known = marked(text)
            if known is None:
                continue
            job, every = known
            timer = self._ask(f"{unit_name(job)}.timer", system=system)
            service = self._ask(f"{unit_name(job)}.service", system=system)
            active = None if not timer else timer.get("ActiveState") == "active"
            ended = _seconds(service.get("ExecMainExitTimestamp"))
            yield Installed(
                job,
                every.text,
                self.name,
                system,
                path,
                active,
                next_run=_seconds(timer.get("NextElapseUSecRealtime")) if active else None,
                last_run=_seconds(timer.get("LastTriggerUSec")) or ended,
                last_exit=int(service.get("ExecMainStatus", 0)) if ended else None,
            )

    def start(self, job: str, *, system: bool) -> int:
        """Have systemd start the service, and wait for its end."""
        control = _control(system=system)
        name = f"{unit_name(job)}.service"
        answer = self._call((*control, "start", name), patience=None)
        service = self._ask(name, system=system)
        code = int(service.get("ExecMainStatus") or 0)
        if answer.code != 0 and (service.get("Result") != "exit-code" or code >= _OF_SYSTEMD):
            why = answer.errors or f"it ended with {code}"
            journal = ("journalctl", *control[1:], "--unit", name)
            raise SchedulerError(f"{why.rstrip('.')}; to see more, type: {shell_command(*journal)}")
        return code

    def _is_active(self, job: str, *, system: bool) -> bool:
        told = self._ask(f"{unit_name(job)}.timer", system=system)
        return (
            told.get("ActiveState") == "active"
            and told.get("UnitFileState") == "enabled"
            and told.get("NeedDaemonReload") == "no"
        )

    def _ask(self, unit: str, *, system: bool) -> Mapping[str, str]:
        """Return what systemd says of a unit; nothing where there is nobody to ask."""
        try:
            answer = self._call(
                (
                    *_control(system=system),
                    "show",
                    f"--property={','.join(_PROPERTIES)}",
                    unit,
                ),
                environment={"TZ": "UTC"},
            )
        except SchedulerError:
            return {}
        if answer.code != 0:
            return {}
        lines = answer.output.decode(errors="replace").splitlines()
        return {name: value for name, _, value in (line.partition("=") for line in lines)}


_OF_SYSTEMD: Final = 200
"""The first exit code by which systemd itself says why it could not begin (systemd.exec(5))."""

_PROPERTIES: Final = (
    "ActiveState",
    "UnitFileState",
    "NeedDaemonReload",
    "LastTriggerUSec",
    "NextElapseUSecRealtime",
    "Result",
    "ExecMainStatus",
    "ExecMainExitTimestamp",
)


def _control(*, system: bool) -> tuple[str, ...]:
    return ("systemctl",) if system else ("systemctl", "--user")


def _seconds(text: str | None) -> float | None:
    """Return a time that systemctl(1) shows in UTC, in seconds since the epoch; None where it shows none.

    It can be told to show these seconds only from version 247 on, and not for all times.
    """
    try:
        return datetime.strptime(f"{text}+0000", "%a %Y-%m-%d %H:%M:%S UTC%z").timestamp()
    except ValueError:
        return None


def _timer(schedule: Schedule) -> Iterator[str]:
    yield f"# {mark(schedule)}\n"
    yield "[Unit]\n"
    yield f"Description=Start the job {schedule.job} of {PROGRAM}\n"
    yield "\n[Timer]\n"
    yield f"OnCalendar={on_calendar(schedule.every)}\n"
    yield "# What was missed while the machine was off is made up for.\n"
    yield "Persistent=yes\n"
    yield f"RandomizedDelaySec={duration(schedule.delay)}\n"
    if not schedule.delay:
        # Or systemd may be a minute late, to wake the processor less often.
        yield "AccuracySec=1s\n"
    yield "\n[Install]\n"
    yield "WantedBy=timers.target\n"


def _service(schedule: Schedule) -> Iterator[str]:
    command = schedule.command
    if schedule.own_delay:
        command = (*command, "--no-delay")  # The timer has waited already.
    yield f"# {mark(schedule)}\n"
    yield "[Unit]\n"
    yield f"Description=Job {schedule.job} of {PROGRAM}\n"
    yield "\n[Service]\n"
    yield "Type=oneshot\n"
    yield f"ExecStart={command_line(command)}\n"
    yield "# 3 means: done, but something could not be read or deleted.\n"
    yield "SuccessExitStatus=3\n"
    yield "# The program ends its helpers by itself.\n"
    yield "KillMode=mixed\n"
    for name, value in schedule.environment.items():
        yield f"Environment={word(f'{name}={value}')}\n"
    if schedule.idle:
        yield "Nice=19\nCPUSchedulingPolicy=idle\nIOSchedulingClass=idle\n"
    yield from hardening(schedule)
