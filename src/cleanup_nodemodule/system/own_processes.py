"""Tells which processes belong to this run: itself, what it started, and who reads what it prints."""

import contextlib
import re
from collections.abc import Sequence
from typing import Final

from cleanup_nodemodule.system.process_files import Process, first_of, status_of


class Own:
    """The run itself: what started or traces it, and who reads what it prints.

    ``cd project && cleanup-nodemodule | less`` has less in the project, which is no work done there. So

    * who is in the process group of the run, as are all parts of a pipeline, and in its session, is not
      at work in its current directory, if that is the one the run was started in;
    * who reads what the run or one of those that started it prints (by a pipe on their standard output or
      error, directly or through another such reader) is not either, nor in the files that it writes:
      ``| tee report.txt``.

    Their programs, what they have mapped, and files in that directory among their arguments count: ``node
    server.js &`` in the same script is at work.
    """

    def __init__(self, run: int) -> None:
        self.line: Final = {run}
        """It, and those that started it."""
        self._status: Final = status_of(run)
        above = self._status.parent
        while above and above not in self.line:
            self.line.add(above)
            with contextlib.suppress(OSError):
                above = status_of(above).parent
        if tracer := _tracer(run):  # Its arguments may name anything that the run comes by.
            self.line.add(tracer)
        self._cwd: Final = first_of(f"/proc/{run}/cwd")
        self._pipes = {
            target
            for process in self.line
            for name in ("1", "2")
            if (target := first_of(f"/proc/{process}/fd/{name}")).startswith("pipe:")
        }
        self._readers: set[int] = set()

    def find_readers(self, processes: Sequence[Process]) -> None:
        """Find among the *processes* who reads what the run prints."""
        waiting = [process for process in processes if process.reads]
        found = True
        while found:
            found = False
            for process in waiting:
                if process.number not in self._readers and process.reads & self._pipes:
                    self._readers.add(process.number)
                    self._pipes |= process.writes
                    found = True

    def reads(self, process: Process) -> bool:
        """Whether a process reads what the run prints."""
        return process.number in self._readers

    def is_beside(self, process: Process) -> bool:
        """Whether a process is in the directory of the run because the run is."""
        status = process.status
        together = (status.session, status.group) == (self._status.session, self._status.group)
        # Neither has a number here if it is from outside the PID namespace.
        together &= status.group != 0
        return self._cwd in process.cwd and (together or self.reads(process))


def _tracer(run: int) -> int:
    """Return which process traces the run (ptrace(2)), 0 if none does."""
    with contextlib.suppress(OSError), open(f"/proc/{run}/status", "rb") as file:
        found = re.search(rb"^TracerPid:\s*([0-9]+)$", file.read(), re.MULTILINE)
        return int(found[1]) if found else 0
    return 0
