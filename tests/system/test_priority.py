"""The lowest priority, for all that a run begins."""

import errno
import os
import subprocess
import sys

import psutil
import pytest

from cleanup_nodemodule.system import priority

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="other systems lower it in other ways")

LOOK = """
import os, psutil
print(os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0), int(psutil.Process().ionice().ioclass))
"""

IN_A_THREAD_AND_A_PROCESS = f"""
import subprocess, sys, threading
from cleanup_nodemodule.system.priority import make_idle
LOOK = {LOOK!r}
print(make_idle(), flush=True)
one = threading.Thread(target=exec, args=(LOOK,))
one.start()
one.join()
subprocess.run([sys.executable, "-c", LOOK], check=True)
"""


@LINUX
def test_threads_and_processes_that_begin_later_are_idle_too() -> None:
    done = subprocess.run(
        [sys.executable, "-uc", IN_A_THREAD_AND_A_PROCESS],
        capture_output=True,
        text=True,
        check=True,
    )
    idle = f"19 {os.SCHED_IDLE} {int(psutil.IOPRIO_CLASS_IDLE)}"
    assert done.stdout.splitlines() == ["[]", idle, idle]


@LINUX
@pytest.mark.parametrize(("own", "nice"), [(True, 19), (False, 0)])
def test_only_a_session_of_its_own_is_nice_to_others(*, own: bool, nice: int) -> None:
    if not os.path.exists("/proc/self/autogroup"):
        pytest.skip("this kernel has no autogroups")
    lower = "from cleanup_nodemodule.system.priority import make_idle; make_idle()"
    show = "print(open('/proc/self/autogroup').read())"
    # A session, in which a shell waits for what lowers its priority, unless that is its leader.
    words = [sys.executable, "-c", f"{lower}; {show}"]
    done = subprocess.run(
        words if own else ["sh", "-c", '"$@"; exit $?', "sh", *words],
        capture_output=True,
        text=True,
        check=True,
        start_new_session=True,
    )
    assert done.stdout.split()[-2:] == ["nice", str(nice)]


def test_what_cannot_be_lowered_is_told_and_the_rest_is_lowered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lowered: list[str] = []

    def refuse() -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    def is_missing() -> None:
        raise AttributeError("no such call")

    steps = [
        ("nice", refuse),
        ("SCHED_IDLE", is_missing),
        ("ioprio_set", lambda: lowered.append("ioprio_set")),
    ]
    monkeypatch.setattr(priority, "_steps", lambda: iter(steps))
    assert priority.make_idle() == [
        "the priority could not be lowered by nice: Operation not permitted",
        "the priority could not be lowered by SCHED_IDLE: AttributeError: no such call",
    ]
    assert lowered == ["ioprio_set"]
