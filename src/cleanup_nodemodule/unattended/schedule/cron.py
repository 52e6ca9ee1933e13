"""cron: the user's crontab, and a file in /etc/cron.d for the machine."""

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Final

from cleanup_nodemodule.system.accounts import user_name
from cleanup_nodemodule.unattended.schedule import crontab, placing
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
from cleanup_nodemodule.unattended.schedule.times import Every
from cleanup_nodemodule.words import PROGRAM, printable

SYSTEM_TABLES: Final = "/etc/cron.d"
"""Where packages and administrators put what cron starts (cron(8))."""

_READ: Final = ("crontab", "-l")
_WRITE: Final = ("crontab", "-")
_EDIT: Final = ("crontab", "-e")

_NONE: Final = re.compile(r"no crontab for|can't open .*No such file", re.IGNORECASE)
"""What Vixie's cron, cronie and BusyBox say where a user has none. All of them end with 1, as for any failure."""

_BARE_PATH: Final = "/usr/bin:/bin"
"""PATH of what cron starts (crontab(5))."""


def daemon_runs() -> bool | None:
    """Whether a daemon that reads crontabs runs; None where not all processes can be seen."""
    try:
        processes = [name for name in os.listdir("/proc") if name.isdecimal()]
    except OSError:
        return None
    for process in processes:
        with suppress(OSError), open(f"/proc/{process}/comm", encoding="utf-8") as file:
            if file.read().strip() in {"cron", "crond", "fcron"}:
                return True
    # With the mount option hidepid there is nobody but this user (proc(5)), and its first process is not seen.
    return False if "1" in processes else None


class Cron:
    """Lines of crontabs."""

    name = SchedulerName.CRON

    def __init__(
        self,
        *,
        tables: str = SYSTEM_TABLES,
        calls: Call = call,
        is_at_work: Callable[[], bool | None] = daemon_runs,
    ) -> None:
        """Have the machine's schedules in the directory *tables*, an absolute path."""
        self._tables = tables
        self._is_at_work = is_at_work
        self._call = calls

    def installation(self, schedule: Schedule) -> Installation:
        """Return the lines, and what tells cron of them: it looks into its directory each minute by itself."""
        if not schedule.system:
            return Installation(block=crontab.block_of(schedule), commands=(_READ, _WRITE))
        text = f"# {mark(schedule)}\n{crontab.line_of(schedule, user='root')}\n"
        content = text.encode(errors="surrogateescape")
        return Installation((File(self._table(schedule.job), content),))

    def install(self, schedule: Schedule) -> Change:
        """Put the lines in."""
        if schedule.system:
            new = self.installation(schedule).files
            if placing.content_of(new[0].path, schedule.job) == new[0].content:
                return "unchanged"
            with placing.put(new, schedule.job) as replaced:
                return "replaced" if replaced else "installed"
        old = self._read()
        text = crontab.with_block(old, schedule)
        if text == old:
            return "unchanged"
        self._write(text)
        return "installed" if crontab.block_for(old, schedule.job) is None else "replaced"

    def remove(self, job: str, *, system: bool) -> list[str]:
        """Take the lines out; the whole crontab if there is nothing else in it."""
        if system:
            return placing.take_out([self._table(job)], job)
        old = self._read()
        text = crontab.without_block(old, job)
        if text == old:
            return []
        if text:
            self._write(text)
        else:
            must(self._call, ("crontab", "-r"))
        return [f"the lines for the job {job} in your crontab"]

    def found(self, *, system: bool) -> list[Installed]:
        """Return what is installed. cron tells nobody when it last started something."""
        entries = list(self._entries(system=system))
        active = self._is_at_work() if entries else None
        return [
            Installed(
                job,
                every.text,
                self.name,
                system,
                place,
                active,
                next_run=None if active is False else every.next_after(time.time()),
            )
            for job, every, place, _ in entries
        ]

    def start(self, job: str, *, system: bool) -> int:
        """Run the very command line, with the environment that cron gives it (crontab(5)), and what the crontab sets."""
        found = {name: started for name, _, _, started in self._entries(system=system)}
        if job not in found:
            raise SchedulerError(f"the job {job} is not installed in cron")
        command, settings = found[job]
        home = os.path.expanduser("~")
        given = {"HOME": home, "LOGNAME": user_name(), "PATH": _BARE_PATH, "SHELL": "/bin/sh"}
        given |= {**settings, "LOGNAME": user_name(), "USER": user_name()}
        variables = [f"{name}={value}" for name, value in given.items()]
        words = ("/usr/bin/env", "-i", *variables, given["SHELL"], "-c", crontab.at_once(command))
        return self._call(words, patience=None, shown=True, cwd=given["HOME"]).code

    def _entries(
        self, *, system: bool
    ) -> Iterator[tuple[str, Every, str, tuple[str, Mapping[str, str]]]]:
        """Give the job, the time, the place and the command of each schedule, with the variables that are set for it."""
        if system:
            for path, text in placing.ours_in(self._tables, f"{PROGRAM}-", ""):
                known, lines = marked(text), text.splitlines()
                if known is not None and len(lines) > 1:
                    yield *known, path, (crontab.command_in(lines[1], user=True), {})
            return
        table = self._read()
        for one in crontab.blocks(table):
            settings = crontab.settings_above(table, one.start)
            yield one.job, one.every, "crontab", (crontab.command_in(one.line), settings)

    def _table(self, job: str) -> str:
        # cron passes over a name with a dot (run-parts(8)).
        return os.path.join(self._tables, unit_name(job).replace(".", "_"))

    def _read(self) -> bytes:
        """Return the user's crontab, empty if there is none. Raises SchedulerError where it cannot be read.

        Then nothing may be written, as that would take the place of what could not be read.
        """
        answer = self._call(_READ)
        if answer.code == 0:
            return self._exactly(crontab.without_header(answer.output))
        if answer.code == 1 and not answer.output and _NONE.search(answer.errors):
            return b""
        why = printable(answer.errors) or f"exit code {answer.code}"
        raise SchedulerError(f"your crontab cannot be read, and was left as it is: {why}")

    def _exactly(self, text: bytes) -> bytes:
        r"""Return what ``crontab -l`` has listed as it is: Debian's lists a carriage return as ``\r``.

        An editor gets it as it is, and this one changes nothing.
        """
        if rb"\r" not in text:
            return text
        exact = self._call(_EDIT, environment={"VISUAL": "cat", "EDITOR": "cat"}).output
        listed = exact.replace(b"\r", rb"\r")
        # Above it there may be comments that Debian's takes for its own, and gives to no editor.
        if exact and text.endswith(listed):
            return text.removesuffix(listed).replace(b"\\r\n", b"\r\n") + exact
        raise SchedulerError(
            "your crontab was left as it is: it has carriage returns, and crontab does not tell where"
        )

    def _write(self, text: bytes) -> None:
        answer = self._call(_WRITE, input=text)
        if answer.code != 0 and text and not text.endswith(b"\n"):
            # Debian's takes no last line without an end, as it was before us.
            answer = self._call(_WRITE, input=text + b"\n")
        if answer.code != 0:
            why = printable(answer.errors) or f"exit code {answer.code}"
            raise SchedulerError(f"crontab took nothing, and your crontab is as it was: {why}")
        if self._read().rstrip(b"\n") != text.rstrip(b"\n"):
            raise SchedulerError(
                "your crontab is not what was just written, so something else wrote it at the same time; look at it"
                " with: crontab -l"
            )
