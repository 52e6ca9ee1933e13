"""The Task Scheduler of Windows: one task for each job, as an XML document (MS-TSCH, 2.5; taskschd.xsd)."""

import hashlib
import os
import re
import subprocess
import tempfile
import time
from typing import Final
from xml.etree import ElementTree as ET

from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.unattended.schedule.calls import Answer, Call, call, must
from cleanup_nodemodule.unattended.schedule.scheduler import (
    Change,
    File,
    Installation,
    Installed,
    NotOursError,
    Schedule,
    mark,
    marked,
    unit_name,
)
from cleanup_nodemodule.unattended.schedule.scheduler_names import SchedulerName
from cleanup_nodemodule.words import printable

NAMESPACE: Final = "http://schemas.microsoft.com/windows/2004/02/mit/task"

_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)

_SYSTEM: Final = "S-1-5-18"
"""The account of the machine itself (LocalSystem)."""

_DIGEST: Final = re.compile(r"Digest (?P<digest>[0-9a-f]{16})\.")


class TaskScheduler:
    """Tasks in the root of the library."""

    name = SchedulerName.TASK_SCHEDULER

    def __init__(self, *, calls: Call = call) -> None:
        """Have schtasks called by *calls*."""
        self._call = calls

    def installation(self, schedule: Schedule) -> Installation:
        """Return the task, and what registers it."""
        file = f"{unit_name(schedule.job)}.xml"
        return Installation(
            (File(file, document(schedule)),),
            commands=(_create(schedule.job, file),),
        )

    def install(self, schedule: Schedule) -> Change:
        """Register the task."""
        content = document(schedule)
        old = self._registered(schedule.job)
        # Windows writes the document anew in its own way, so that only the digest can be compared.
        if old is not None and _digest_in(old) == _digest_in(content.decode("utf-16")):
            return "unchanged"
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, f"{unit_name(schedule.job)}.xml")
            with open(path, "wb") as file:
                file.write(content)
            must(self._call, _create(schedule.job, path))
        return "installed" if old is None else "replaced"

    def remove(self, job: str, *, system: bool) -> list[str]:  # noqa: ARG002 - there is one library for all
        """Delete the task."""
        if self._registered(job) is None:
            return []
        must(self._call, ("schtasks", "/Delete", "/TN", unit_name(job), "/F"))
        return [f"the task {unit_name(job)}"]

    def found(self, *, system: bool) -> list[Installed]:
        """Return the tasks that are registered."""
        answer = self._call(("schtasks", "/Query", "/FO", "CSV", "/NH"))
        names = re.findall(
            r'^"\\(' + re.escape(unit_name("")) + r'[A-Za-z0-9._-]+)"', _text(answer), re.MULTILINE
        )
        tasks = []
        for name in dict.fromkeys(names):
            text = _text(self._call(("schtasks", "/Query", "/TN", name, "/XML")))
            known = marked(text)
            if known is None or (_SYSTEM in text) != system:
                continue
            job, every = known
            active = "<Enabled>false</Enabled>" not in text
            next_run = every.next_after(time.time()) if active else None
            tasks.append(Installed(job, every.text, self.name, system, name, active, next_run))
        return tasks

    def start(self, job: str, *, system: bool) -> int:  # noqa: ARG002 - as above
        """Have the task started, which goes on by itself."""
        must(self._call, ("schtasks", "/Run", "/TN", unit_name(job)))
        return 0

    def _registered(self, job: str) -> str | None:
        """Return the document of the task for a job; None if there is none. Raises NotOursError for another's."""
        answer = self._call(("schtasks", "/Query", "/TN", unit_name(job), "/XML"))
        if answer.code != 0:
            return None
        text = _text(answer)
        known = marked(text)
        if known is None or known[0] != job:
            raise NotOursError(
                f"the task {unit_name(job)} was not made by this program; use another name for the job"
            )
        return text


def _create(job: str, path: str) -> tuple[str, ...]:
    return ("schtasks", "/Create", "/TN", unit_name(job), "/XML", path, "/F")


def _text(answer: Answer) -> str:
    """Return what schtasks said: in UTF-16 with a mark, or in the code page of the console."""
    if answer.output.startswith((b"\xff\xfe", b"\xfe\xff")):
        return answer.output.decode("utf-16", errors="replace")
    return answer.output.decode(errors="replace")


def _digest_in(text: str) -> str | None:
    found = _DIGEST.search(text)
    return None if found is None else found["digest"]


def document(schedule: Schedule) -> bytes:
    """Return the task as ``schtasks /XML`` takes it: UTF-16 with a byte order mark.

    Raises UsageError for what XML cannot have.
    """
    digest = hashlib.sha256(_written(schedule, "")).hexdigest()[:16]
    return _written(schedule, f" Digest {digest}.")


def _written(schedule: Schedule, digest: str) -> bytes:
    task = ET.Element("Task", version="1.2", xmlns=NAMESPACE)
    about = ET.SubElement(task, "RegistrationInfo")
    _add(about, "Description", mark(schedule) + digest)
    _trigger(ET.SubElement(task, "Triggers"), schedule)
    principal = ET.SubElement(ET.SubElement(task, "Principals"), "Principal", id="Author")
    if schedule.system:
        _add(principal, "UserId", _SYSTEM)
        _add(principal, "RunLevel", "HighestAvailable")
    else:
        _add(principal, "LogonType", "InteractiveToken")
        _add(principal, "RunLevel", "LeastPrivilege")
    settings = ET.SubElement(task, "Settings")
    for name, value in (
        ("MultipleInstancesPolicy", "IgnoreNew"),
        ("DisallowStartIfOnBatteries", "true"),
        ("StopIfGoingOnBatteries", "false"),
        ("StartWhenAvailable", "true"),
        ("ExecutionTimeLimit", "PT12H"),
        ("Priority", "10" if schedule.idle else "7"),
    ):
        _add(settings, name, value)
    action = ET.SubElement(ET.SubElement(task, "Actions", Context="Author"), "Exec")
    program, *words = schedule.command
    if schedule.delay and schedule.every.hour is None:
        # The trigger cannot wait where it repeats: Windows refuses such a document.
        words += ["--delay", f"{schedule.delay}s"]
    elif schedule.own_delay:
        words.append("--no-delay")
    _add(action, "Command", program)
    _add(action, "Arguments", subprocess.list2cmdline(words))
    ET.indent(task)
    text = ET.tostring(task, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-16"?>\n{text}\n'.encode("utf-16")


def _trigger(triggers: ET.Element, schedule: Schedule) -> None:
    """Add when it starts. The order of the elements is that of the schema."""
    every = schedule.every
    trigger = ET.SubElement(triggers, "CalendarTrigger")
    # The first time is long ago: from then on it counts, and the day of that matters to nothing.
    _add(trigger, "Enabled", "true")
    _add(trigger, "StartBoundary", f"2020-01-01T{every.time}:00")
    if every.hour is None:
        repetition = ET.SubElement(trigger, "Repetition")
        _add(repetition, "Interval", "PT1H")
        _add(repetition, "Duration", "P1D")
    elif schedule.delay:
        _add(trigger, "RandomDelay", f"PT{schedule.delay}S")
    if every.weekday is not None:
        week = ET.SubElement(trigger, "ScheduleByWeek")
        _add(week, "WeeksInterval", "1")
        ET.SubElement(ET.SubElement(week, "DaysOfWeek"), _DAYS[every.weekday])
    elif every.day is not None:
        month = ET.SubElement(trigger, "ScheduleByMonth")
        _add(ET.SubElement(month, "DaysOfMonth"), "Day", str(every.day))
        months = ET.SubElement(month, "Months")
        for name in _MONTHS:
            ET.SubElement(months, name)
    else:
        _add(ET.SubElement(trigger, "ScheduleByDay"), "DaysInterval", "1")


def _add(parent: ET.Element, name: str, text: str) -> None:
    if any(ord(char) < 0x20 or "\ud800" <= char <= "\udfff" for char in text):  # noqa: PLR2004 - ASCII's controls, which XML has not
        raise UsageError(
            f"the Task Scheduler cannot be told of {printable(text)}, which has a character that XML cannot have; rename it"
        )
    ET.SubElement(parent, name).text = text
