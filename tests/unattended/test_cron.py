"""A real cron runs what was installed: Debian's daemon, with tables, processes and mounts that nobody else sees.

It starts everything at one minute, so the test waits for one, without work.
"""

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from cleanup_nodemodule.record.entries import new_id
from cleanup_nodemodule.record.lock import acquire
from support import simple
from support.needs import needs_root, unable
from support.places import COMMAND, TESTS
from support.processes import execute, surroundings
from support.trees import declare
from support.waiting import await_condition

OTHERS: Final = b'# 1\n# 2\r\n# caf\xe9 \xff\nMAILTO=""\n# 100\\%\n59 23 31 12 * /bin/true\n'
"""What else is in the crontab. The first comments are such that Debian's crontab(1) takes them for its own."""

SETTING_UP: Final = """\
mount -t tmpfs -o mode=755 none /var/spool/cron
install -d -m 1730 -g crontab /var/spool/cron/crontabs
mount -t tmpfs -o mode=755 none /etc/cron.d
mount -t tmpfs -o mode=755 none /run
mount --bind "$1/nothing" /etc/crontab
cp "$1/before" /var/spool/cron/crontabs/root
chmod 600 /var/spool/cron/crontabs/root
cd "$1"
jobs="nightly impatient patient look machine"
"$2" -c "$3" "$4" install $jobs
cron -f &
touch ready
until [ -e stop ]; do sleep 0.2; done
cp -r /etc/cron.d tables
"$2" -c "$3" "$4" remove $jobs
cp /var/spool/cron/crontabs/root after
cp -r /etc/cron.d left
"""
"""Works in namespaces of its own, at the end of which cron ends, and everything that it has started."""

COMMANDS: Final = """\
import sys, time
from cleanup_nodemodule.commands import failures
command, action, *jobs = sys.argv[1:]
sys.argv[0] = command
missed = True
while missed:
    at = (time.time() + 8) // 60 * 60 + 60  # A full minute, which gives it time enough.
    when = time.strftime("%H:%M", time.localtime(at))
    for job in jobs:
        more = ["--every", when, "--yes"] if action == "install" else []
        system = ["--system"] if job == "machine" else []
        code = failures.run(["schedule", action, "--job", job, "--with", "cron", *more, *system])
        assert code == 0, (job, code)
    missed = action == "install" and time.time() > at - 3  # Or another one takes its place.
"""

SHELL: Final = """\
#!/bin/sh
# What the crontab has as its SHELL: as sh, and notes what comes of it.
PATH=$PATH:/nowhere /bin/sh "$@" >>{top}/said 2>&1
echo "$?" "$2" >>{top}/codes
"""


@pytest.fixture
def top(tmp_path: Path) -> Iterator[Path]:
    """A directory with trees, jobs, and a crontab."""
    needs_root()
    for program in ("cron", "crontab", "unshare"):
        if shutil.which(program) is None:
            unable(f"needs {program}")
    for tree in ("my 100% work", "shared", "machine's", "other"):
        declare(tmp_path / tree / "web", {"package.json": "{}", "node_modules": {"a": "b"}})
    jobs = {
        "nightly": 'path = ["my 100% work"]\ndelete = true',
        "impatient": 'path = ["shared"]\ndelete = true',
        "patient": 'path = ["shared"]\ndelete = true\nwait = true',
        "look": 'path = ["other"]',
        "machine": 'path = ["machine\'s"]\ndelete = true',
    }
    # The lowest priority would have them wait for the tests beside this one.
    said = "".join(
        f'[job.{name}]\n{says}\nmetrics = "{tmp_path}/metrics.prom"\npriority = "normal"\n'
        for name, says in jobs.items()
    )
    text = f"{simple.CONFIGURATION}\n{said.replace('= [' + chr(34), f'= [{chr(34)}{tmp_path}/')}"
    declare(tmp_path, {"config/cleanup-nodemodule": {"config.toml": text}, "nothing": ""})
    (tmp_path / "config").chmod(0o755)
    (tmp_path / "shell").write_text(SHELL.format(top=tmp_path))
    (tmp_path / "shell").chmod(0o755)
    (tmp_path / "before").write_bytes(OTHERS + f"SHELL={tmp_path}/shell".encode())
    yield tmp_path
    (tmp_path / "stop").touch()


def test_cron_runs_each_job_as_it_was_installed(top: Path) -> None:
    untouched = snapshot()
    state = top / "state/cleanup-nodemodule"
    environment = surroundings(
        {
            "XDG_STATE_HOME": str(top / "state"),
            "XDG_CONFIG_HOME": str(top / "config"),
            "PYTHONPATH": str(TESTS),
        }
    )
    private = ("unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child")
    script = ("sh", "-eu", "-c", SETTING_UP, "sh", top, sys.executable, COMMANDS, COMMAND)
    codes = top / "codes"
    state.mkdir(parents=True, mode=0o700)
    with (
        acquire(str(state), [str(top / "shared")], new_id()) as lock,
        subprocess.Popen(
            [*private, *script], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            await_condition(lambda: (top / "ready").exists() or ended(process), "cron was started")
            assert not ended(process), process.communicate()[0].decode()
            # The one that does not wait ends, and the other goes on when the tree is free.
            await_condition(lambda: "impatient" in read(codes), "a job found the tree locked")
            lock.release()
            await_condition(lambda: read(codes).count("\n") == 4, "all of the user's jobs ended")
            machine = top / "machine's/web/node_modules"
            await_condition(lambda: not machine.exists(), "the machine's job deleted")
        finally:
            (top / "stop").touch()
            output = process.communicate()[0].decode()
    assert process.returncode == 0, output
    told = {line.split(" run ")[1].split()[0]: int(line[0]) for line in read(codes).splitlines()}
    assert told == {"nightly": 0, "impatient": 5, "patient": 0, "look": 0}, read(top / "said")
    left = {path.relative_to(top).parts[0] for path in top.glob("*/web/node_modules")}
    assert left == {"other"}
    assert {path.parent.name for path in top.glob("*/web/package.json")} == {"web"}
    assert "deleting beneath" in read(top / "said")
    listed = execute(COMMAND, "history", "--json", cwd=top, env={"XDG_STATE_HOME": f"{top}/state"})
    runs = {run["job"]: run for run in json.loads(listed.stdout)["runs"]}
    assert {job: run["exit_code"] for job, run in runs.items()} == {**told, "machine": 0}
    assert {job: run["deleted"] or 0 for job, run in runs.items()} == {
        **dict.fromkeys(("nightly", "patient", "machine"), 1),
        **dict.fromkeys(("impatient", "look"), 0),
    }
    metrics = (top / "metrics.prom").read_text()
    for job, run in runs.items():
        label = f'{{file="metrics",job_name="{job}"}}'
        assert f"cleanup_nodemodule_last_run_exit_code{label} {run['exit_code']}\n" in metrics
        assert f"cleanup_nodemodule_deleted_total{label} {run['deleted'] or 0}\n" in metrics
    [table] = (top / "tables").iterdir()
    assert stat.S_IMODE(table.stat().st_mode) == 0o644
    assert list((top / "left").iterdir()) == []
    # Behind three lines of crontab's own, and with the end of the last line that it insists on.
    after = (top / "after").read_bytes().split(b"\n", 3)[3]
    assert after == (top / "before").read_bytes() + b"\n"
    assert snapshot() == untouched


def ended(process: "subprocess.Popen[bytes]") -> bool:
    """Whether a process has ended."""
    return process.poll() is not None


def read(path: Path) -> str:
    """Return what a file holds, nothing if it is not there yet."""
    return path.read_text() if path.exists() else ""


def snapshot() -> list[tuple[str, int, int]]:
    """Return what this machine has in its own tables."""
    places = ("/var/spool/cron/crontabs", "/etc/cron.d", "/etc/systemd/system")
    return [
        (entry.path, entry.stat(follow_symlinks=False).st_mtime_ns, entry.inode())
        for place in places
        if os.path.isdir(place)
        for entry in sorted(os.scandir(place), key=lambda one: one.path)
    ]
