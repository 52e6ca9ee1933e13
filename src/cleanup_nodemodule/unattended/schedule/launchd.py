"""launchd of macOS: agents of a user, and daemons of the machine."""

import os
import plistlib
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.unattended.schedule import placing
from cleanup_nodemodule.unattended.schedule.calls import Call, call, must
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
from cleanup_nodemodule.unattended.schedule.times import calendar_interval
from cleanup_nodemodule.words import PROGRAM, printable

SYSTEM_DAEMONS: Final = "/Library/LaunchDaemons"
"""Where an administrator's daemons are (launchd(8)). Agents of a user are in the same place of the home directory."""

_ENDING: Final = ".plist"


class Launchd:
    """Property lists, each for one job."""

    name = SchedulerName.LAUNCHD

    def __init__(
        self, *, home: str, user: int, daemons: str = SYSTEM_DAEMONS, calls: Call = call
    ) -> None:
        """Have agents in the home directory of a *user*, by id, and daemons in a directory of the machine's."""
        self._directories = {True: daemons, False: os.path.join(home, "Library/LaunchAgents")}
        self._logs = {True: "/var/log", False: os.path.join(home, "Library/Logs")}
        self._domains = {True: "system", False: f"gui/{user}"}
        self._call = calls

    def installation(self, schedule: Schedule) -> Installation:
        """Return the property list, and what tells launchd of it."""
        path = self._path(schedule.job, system=schedule.system)
        content = _marked(plistlib.dumps(self._content(schedule), sort_keys=False), mark(schedule))
        domain = self._domains[schedule.system]
        return Installation(
            (File(path, content),),
            commands=(
                ("launchctl", "bootout", f"{domain}/{unit_name(schedule.job)}"),
                ("launchctl", "bootstrap", domain, path),
            ),
        )

    def _content(self, schedule: Schedule) -> Mapping[str, Any]:
        words = list(schedule.command)
        if schedule.delay:
            words += ["--delay", f"{schedule.delay}s"]
        elif schedule.own_delay:
            words.append("--no-delay")
        for text in (*words, *schedule.environment.values()):
            if any(ord(char) < 0x20 or "\ud800" <= char <= "\udfff" for char in text):  # noqa: PLR2004 - ASCII's controls, which XML has not
                raise UsageError(
                    f"launchd cannot be told of {printable(text)}, which has a character that XML cannot have; rename it"
                )
        log = self._log(schedule.job, system=schedule.system)
        content: dict[str, Any] = {
            "Label": unit_name(schedule.job),
            "ProgramArguments": words,
            # A time that passed while the machine slept is made up for when it wakes, which StartInterval's is not.
            "StartCalendarInterval": calendar_interval(schedule.every),
            "StandardOutPath": log,
            "StandardErrorPath": log,
        }
        if schedule.idle:
            content |= {"ProcessType": "Background", "LowPriorityIO": True, "Nice": 19}
        if schedule.environment:
            content["EnvironmentVariables"] = dict(schedule.environment)
        return content

    def install(self, schedule: Schedule) -> Change:
        """Put the property list in, and have launchd read it."""
        new = self.installation(schedule)
        label = f"{self._domains[schedule.system]}/{unit_name(schedule.job)}"
        same = placing.content_of(new.files[0].path, schedule.job) == new.files[0].content
        if same and self._call(("launchctl", "print", label)).code == 0:
            return "unchanged"
        with placing.put(new.files, schedule.job) as replaced:
            # It is not there unless an earlier one is to be replaced.
            self._call(new.commands[0])
            must(self._call, new.commands[1])
        return "replaced" if replaced and not same else "installed"

    def remove(self, job: str, *, system: bool) -> list[str]:
        """Have launchd forget the job, and delete the property list, with what the runs have said."""
        path = self._path(job, system=system)
        if placing.content_of(path, job) is None:
            return []
        self._call(("launchctl", "bootout", f"{self._domains[system]}/{unit_name(job)}"))
        removed = placing.take_out([path], job)
        log = self._log(job, system=system)
        if os.path.isfile(log) and not os.path.islink(log) and placing.remove_left(log):
            removed.append(log)
        return removed

    def found(self, *, system: bool) -> list[Installed]:
        """Return what is installed. launchd tells nobody when it last started something."""
        return list(self._found(system=system))

    def _found(self, *, system: bool) -> Iterator[Installed]:
        directory = self._directories[system]
        for path, text in placing.ours_in(directory, f"{PROGRAM}-", _ENDING):
            known = marked(text)
            if known is None:
                continue
            job, every = known
            answer = self._answer(f"{self._domains[system]}/{unit_name(job)}")
            active = None if answer is None else answer[0]
            next_run = every.next_after(time.time()) if active else None
            last_exit = answer[1] if answer is not None else None
            yield Installed(
                job, every.text, self.name, system, path, active, next_run, last_exit=last_exit
            )

    def _answer(self, label: str) -> tuple[bool, int | None] | None:
        """Return whether launchd knows a job, and the exit code of its last run; None where there is no launchd."""
        try:
            answer = self._call(("launchctl", "print", label))
        except SchedulerError:
            return None
        last = None
        for line in answer.output.decode(errors="replace").splitlines():
            name, _, value = line.strip().partition(" = ")
            if name == "last exit code" and value.isdecimal():
                last = int(value)
        return answer.code == 0, last

    def start(self, job: str, *, system: bool) -> int:
        """Have launchd start the job, which goes on by itself."""
        must(self._call, ("launchctl", "kickstart", f"{self._domains[system]}/{unit_name(job)}"))
        return 0

    def _path(self, job: str, *, system: bool) -> str:
        return os.path.join(self._directories[system], unit_name(job) + _ENDING)

    def _log(self, job: str, *, system: bool) -> str:
        return os.path.join(self._logs[system], f"{unit_name(job)}.log")


def _marked(content: bytes, sentence: str) -> bytes:
    """Return a property list with a comment in it, which plistlib does not write."""
    head, _, rest = content.partition(b"<plist ")
    return head + f"<!-- {sentence} -->\n".encode() + b"<plist " + rest
