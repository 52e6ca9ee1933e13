"""What launchd and the Task Scheduler get, on systems that the tests do not run on: read back, and held against their rules."""

import plistlib
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.unattended.schedule.calls import Answer
from cleanup_nodemodule.unattended.schedule.launchd import Launchd
from cleanup_nodemodule.unattended.schedule.scheduler import NotOursError, Schedule, SchedulerError
from cleanup_nodemodule.unattended.schedule.task_scheduler import (
    NAMESPACE,
    TaskScheduler,
    document,
)
from support.scheduled import Calls, a_schedule

AWKWARD = ('/opt/a & b/<x>/"y"/é 100%/run', "run", "nightly", "--config", "C:\\my files\\x.toml")


# launchd.


def plist(schedule: Schedule) -> dict[str, Any]:
    """Return the property list of a schedule, read back."""
    launchd = Launchd(home="/Users/ann", user=501)
    [file] = launchd.installation(schedule).files
    found: dict[str, Any] = plistlib.loads(file.content)
    return found


def test_a_property_list_says_what_launchd_is_to_do() -> None:
    assert plist(
        a_schedule("Mon 04:30", command=AWKWARD, delay=600, environment={"XDG_STATE_HOME": "/é"})
    ) == {
        "Label": "cleanup-nodemodule-nightly",
        "ProgramArguments": [*AWKWARD, "--delay", "600s"],
        "StartCalendarInterval": {"Minute": 30, "Hour": 4, "Weekday": 1},
        "StandardOutPath": "/Users/ann/Library/Logs/cleanup-nodemodule-nightly.log",
        "StandardErrorPath": "/Users/ann/Library/Logs/cleanup-nodemodule-nightly.log",
        "ProcessType": "Background",
        "LowPriorityIO": True,
        "Nice": 19,
        "EnvironmentVariables": {"XDG_STATE_HOME": "/é"},
    }
    usual = plist(a_schedule(idle=False, own_delay=True))
    assert usual["ProgramArguments"][-1] == "--no-delay"
    assert not {"ProcessType", "Nice", "EnvironmentVariables"} & {*usual}


def test_what_xml_cannot_have_is_refused() -> None:
    for text in ("a\x01b", "a\udcffb"):
        with pytest.raises(UsageError, match="XML"):
            plist(a_schedule(command=(f"/{text}",)))
        with pytest.raises(UsageError, match="XML"):
            document(a_schedule(command=(f"/{text}",)))


@pytest.mark.parametrize("system", [False, True])
def test_launchd_is_told_and_made_to_forget(tmp_path: Path, *, system: bool) -> None:
    (tmp_path / "daemons").mkdir()
    (tmp_path / "Library/Logs").mkdir(parents=True)
    calls = Calls()
    launchd = Launchd(home=str(tmp_path), user=501, daemons=str(tmp_path / "daemons"), calls=calls)
    schedule = a_schedule(system=system)
    domain = "system" if system else "gui/501"
    directory = tmp_path / ("daemons" if system else "Library/LaunchAgents")
    path = directory / "cleanup-nodemodule-nightly.plist"
    assert launchd.install(schedule) == "installed"
    assert calls.made == [
        f"launchctl bootout {domain}/cleanup-nodemodule-nightly",
        f"launchctl bootstrap {domain} {path}",
    ]
    assert launchd.install(schedule) == "unchanged"
    assert launchd.install(a_schedule("hour", system=system)) == "replaced"
    calls.answers["launchctl print"] = Answer(0, b"x = {\n\tlast exit code = 3\n}\n", "")
    [found] = launchd.found(system=system)
    assert (found.every, found.active, found.last_exit) == ("hour", True, 3)
    assert launchd.start("nightly", system=system) == 0
    assert calls.made[-1] == f"launchctl kickstart {domain}/cleanup-nodemodule-nightly"
    removed = launchd.remove("nightly", system=system)
    assert removed[0] == str(path)
    assert calls.made[-1] == f"launchctl bootout {domain}/cleanup-nodemodule-nightly"
    assert launchd.found(system=system) == []
    assert launchd.remove("nightly", system=system) == []


def test_what_launchd_refuses_is_taken_back(tmp_path: Path) -> None:
    (tmp_path / "Library").mkdir()
    calls = Calls({"launchctl bootstrap": Answer(5, b"", "Bootstrap failed: 5")})
    launchd = Launchd(home=str(tmp_path), user=501, calls=calls)
    with pytest.raises(SchedulerError, match="Bootstrap failed: 5"):
        launchd.install(a_schedule())
    assert list((tmp_path / "Library").iterdir()) == []


# The Task Scheduler.

ORDER = {
    "Task": ["RegistrationInfo", "Triggers", "Principals", "Settings", "Actions"],
    "CalendarTrigger": [
        *("Enabled", "StartBoundary", "EndBoundary", "Repetition", "ExecutionTimeLimit"),
        *("RandomDelay", "ScheduleByDay", "ScheduleByWeek", "ScheduleByMonth"),
    ],
    "Repetition": ["Interval", "Duration", "StopAtDurationEnd"],
    "ScheduleByMonth": ["DaysOfMonth", "Months"],
    "ScheduleByWeek": ["WeeksInterval", "DaysOfWeek"],
    "Exec": ["Command", "Arguments", "WorkingDirectory"],
}
"""Elements whose children the schema has in an order (taskschd.xsd: triggerBaseType, calendarTriggerType)."""


def task(schedule: Schedule) -> ET.Element:
    """Return the task of a schedule, read back, with the order of the schema checked."""
    content = document(schedule)
    assert content.startswith(b"\xff\xfe")
    root = ET.fromstring(content.decode("utf-16"))  # noqa: S314 - it is our own
    for element in root.iter():
        name = element.tag.removeprefix(f"{{{NAMESPACE}}}")
        assert element.tag == f"{{{NAMESPACE}}}{name}"
        if name in ORDER:
            children = [child.tag.removeprefix(f"{{{NAMESPACE}}}") for child in element]
            assert children == sorted(children, key=ORDER[name].index)
    return root


def text(root: ET.Element, path: str) -> str | None:
    """Return the text of an element."""
    return root.findtext("/".join(f"{{{NAMESPACE}}}{name}" for name in path.split("/")))


def test_a_task_says_what_windows_is_to_do() -> None:
    root = task(a_schedule("Mon 04:30", command=AWKWARD, delay=600, own_delay=True))
    trigger = "Triggers/CalendarTrigger"
    assert text(root, f"{trigger}/StartBoundary") == "2020-01-01T04:30:00"
    assert text(root, f"{trigger}/RandomDelay") == "PT600S"
    assert text(root, f"{trigger}/ScheduleByWeek/DaysOfWeek/Monday") == ""
    assert text(root, "Settings/StartWhenAvailable") == "true"
    assert text(root, "Settings/MultipleInstancesPolicy") == "IgnoreNew"
    assert text(root, "Settings/ExecutionTimeLimit") == "PT12H"
    assert text(root, "Settings/Priority") == "10"
    assert text(root, "Actions/Exec/Command") == AWKWARD[0]
    # As CommandLineToArgvW takes it apart.
    words = subprocess.list2cmdline([*AWKWARD[1:], "--no-delay"])
    assert text(root, "Actions/Exec/Arguments") == words
    assert text(root, "Principals/Principal/RunLevel") == "LeastPrivilege"
    machine = task(a_schedule("1st 04:30", system=True, idle=False))
    assert text(machine, "Principals/Principal/UserId") == "S-1-5-18"
    assert text(machine, f"{trigger}/ScheduleByMonth/DaysOfMonth/Day") == "1"
    assert text(machine, f"{trigger}/ScheduleByMonth/Months/December") == ""
    assert text(machine, "Settings/Priority") == "7"


def test_a_task_that_repeats_waits_by_itself() -> None:
    root = task(a_schedule("hour", delay=300))
    assert text(root, "Triggers/CalendarTrigger/Repetition/Interval") == "PT1H"
    assert text(root, "Triggers/CalendarTrigger/RandomDelay") is None
    assert text(root, "Actions/Exec/Arguments") == "run nightly --delay 300s"


class Tasks(Calls):
    """A schtasks that keeps what it is given, and writes it anew as Windows does."""

    def __init__(self) -> None:
        super().__init__()
        self.tasks: dict[str, str] = {}

    def __call__(self, words: Any, **how: Any) -> Answer:
        super().__call__(words, **how)
        name = words[words.index("/TN") + 1] if "/TN" in words else ""
        match words[1]:
            case "/Create":
                content = Path(words[words.index("/XML") + 1]).read_bytes().decode("utf-16")
                self.tasks[name] = content.replace("<Enabled>true</Enabled>", "")
            case "/Delete":
                del self.tasks[name]
            case "/Query" if name:
                if name not in self.tasks:
                    return Answer(1, b"", "ERROR: The system cannot find the file specified.")
                return Answer(0, self.tasks[name].encode("utf-16"), "")
            case "/Query":
                rows = (f'"\\{name}","N/A","Ready"' for name in ("Other", *self.tasks))
                return Answer(0, "\r\n".join(rows).encode(), "")
        return Answer(0, b"", "")


def test_windows_is_told_and_made_to_forget() -> None:
    calls = Tasks()
    scheduler = TaskScheduler(calls=calls)
    assert scheduler.install(a_schedule()) == "installed"
    assert scheduler.install(a_schedule()) == "unchanged"
    assert scheduler.install(a_schedule("hour")) == "replaced"
    [found] = scheduler.found(system=False)
    assert (found.job, found.every, found.active) == ("nightly", "hour", True)
    assert scheduler.found(system=True) == []
    scheduler.start("nightly", system=False)
    assert calls.made[-1] == "schtasks /Run /TN cleanup-nodemodule-nightly"
    assert scheduler.remove("nightly", system=False) == ["the task cleanup-nodemodule-nightly"]
    assert calls.tasks == {}
    assert scheduler.remove("nightly", system=False) == []
    calls.tasks["cleanup-nodemodule-nightly"] = "<Task/>"
    with pytest.raises(NotOursError, match="another name"):
        scheduler.install(a_schedule())
