"""A real systemd starts what was installed: one that is booted in a container, of which this machine sees nothing.

The container has the programs of this machine and nothing else of it. The timer starts the job at once: it takes a run
for missed, which it makes up for.
"""

import json
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any, Final

import pytest

from cleanup_nodemodule.record.entries import new_id
from support import simple
from support.needs import needs_root, unable
from support.places import CHECKOUT, COMMAND
from support.trees import declare
from support.waiting import TIMEOUT, await_condition

WORK: Final = "/srv/cleanup/my 100% 'work\" $HOME é"
"""A root whose name systemd reads in its own way."""

UNITS: Final = {
    "default.target": """\
[Unit]
Requires=sysinit.target
Wants=timers.target script.service
After=sysinit.target timers.target
""",
    "script.service": """\
[Unit]
After=timers.target
[Service]
Type=oneshot
ExecStart=/bin/sh /srv/script
StandardOutput=file:/srv/said
StandardError=inherit
""",
}

SCRIPT: Final = """\
set -x
trap 'touch /srv/ended' EXIT
work="/srv/cleanup/my 100% 'work\\" \\$HOME é"
timer=cleanup-nodemodule-nightly.timer
service=cleanup-nodemodule-nightly.service
schedule() { action=$1; shift; COMMAND schedule "$action" --system "$@"; }
cd /srv
(cd "$work/used/node_modules" && exec sleep 1000) &
schedule install --job nightly --every day --delay 0s --yes >shown || exit
schedule install --job nightly --every day --delay 0s --yes 2>again
schedule list --json >before.json
# It has not run for two days.
systemctl stop $timer
touch -d '2 days ago' /var/lib/systemd/timers/stamp-$timer
systemctl start $timer
until [ "$(systemctl show $service --property=ExecMainExitTimestampMonotonic --value)" != 0 ]; do sleep 0.1; done
systemctl show $service --property=Result,ExecMainStatus >result
schedule list --json >after.json
echo '{}' >"$work/free/package.json"; mkdir "$work/free/node_modules"; echo x >"$work/free/node_modules/x"
schedule run --job nightly; echo $? >ran
XDG_STATE_HOME=/var/lib COMMAND log --all | cat >log
XDG_STATE_HOME=/var/lib COMMAND history --json >history.json
schedule remove --job nightly
find /etc /var /run /root -xdev '(' -name 'cleanup-nodemodule-nightly*' -o -name "stamp-$timer" ')' >trace
systemctl list-units --all 'cleanup-*' --no-legend >units
touch done
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The root directory of a system that is not booted yet."""
    needs_root()
    for program in ("systemd-nspawn", "systemctl"):
        if shutil.which(program) is None:
            unable(f"needs {program}")
    root = tmp_path / "root"
    for name in ("usr", "proc", "sys", "dev", "run", "tmp", "root", "var", "etc/systemd/system"):
        (root / name).mkdir(parents=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / name).symlink_to(f"usr/{name}")
    for name in ("passwd", "group", "nsswitch.conf", "os-release"):
        shutil.copy(f"/etc/{name}", root / "etc")
    for name, text in UNITS.items():
        (root / "etc/systemd/system" / name).write_text(text)
    # Without one it would ask who is at the keyboard (machine-id(5), First Boot Semantics).
    (root / "etc/machine-id").write_text(f"{uuid.uuid4().hex}\n")
    for timer in Path("/usr/lib/systemd/system/timers.target.wants").glob("*"):
        (root / "etc/systemd/system" / timer.name).symlink_to("/dev/null")
    job = f"{simple.CONFIGURATION}\n[job.nightly]\npath = {json.dumps(WORK)}\ndelete = true\n"
    # The lowest priority would have it wait for the tests beside this one.
    job += 'metrics = "/srv/metrics/cleanup.prom"\npriority = "normal"\n'
    project = {"package.json": "{}", "node_modules": {"x": "x"}}
    declare(root, {"etc/cleanup-nodemodule": {"config.toml": job}})
    declare(root / WORK[1:], {"free": project, "used": project})
    declare(root / "srv/cleanup/other", {"web": project})
    (root / "srv/metrics").mkdir()
    (root / "srv/script").write_text(SCRIPT.replace("COMMAND", COMMAND))
    return root


def stopped(container: "subprocess.Popen[str]") -> bool:
    """Whether a container is gone; if it is not, tell it to go."""
    container.terminate()
    return container.poll() is not None


def boot(root: Path) -> str:
    """Boot the system, wait until the script has ended, and take its power away; return what it said."""
    shared = dict.fromkeys(
        place
        for place in (str(CHECKOUT), sys.prefix, sys.base_prefix)
        if not place.startswith("/usr/")
    )
    with subprocess.Popen(
        [
            *("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot"),
            *("--machine", f"cleanup-{new_id()[:8]}", "--directory", root, "--bind-ro=/usr"),
            *(f"--bind-ro={place}" for place in shared),
            *("--", "systemd.show_status=no", "systemd.log_level=warning"),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as container:
        try:
            await_condition(
                lambda: (root / "srv/ended").exists() or container.poll() is not None,
                "the script in the container ended",
            )
        finally:
            # The first of these asks it to shut down, which takes its time. The second one takes its power away.
            await_condition(lambda: stopped(container), "the container was gone")
            said = container.communicate(timeout=TIMEOUT)[0]
    return said


def schedules(path: Path) -> list[dict[str, Any]]:
    """Return what ``schedule list`` said."""
    listed: list[dict[str, Any]] = json.loads(path.read_text())["schedules"]
    return listed


def test_systemd_starts_the_job_as_it_was_installed(root: Path) -> None:
    output = boot(root)
    srv = root / "srv"
    if not (srv / "said").exists():
        # Not every machine gives a container what systemd wants to boot, such as control groups.
        pytest.skip(f"systemd cannot be booted here: {output[-500:]}")
    said = (srv / "said").read_text()
    assert (srv / "done").exists(), said
    assert "It was installed already; nothing was changed." in (srv / "again").read_text()
    [before] = schedules(srv / "before.json")
    assert (before["active"], before["last_run"]) == (True, None)
    assert before["next_run"] is not None
    # What it was to delete, and nothing else: neither what a process outside is at work in, nor another tree.
    assert (srv / "result").read_text().split() == ["Result=success", "ExecMainStatus=0"]
    [after] = schedules(srv / "after.json")
    assert (after["last_exit"], after["active"]) == (0, True)
    assert after["last_run"] is not None
    assert (srv / "ran").read_text() == "0\n", said
    deleted = [line.split("\t") for line in (srv / "log").read_text().splitlines()]
    assert [one[-1] for one in deleted] == [f"{WORK}/free/node_modules"] * 2
    runs = json.loads((srv / "history.json").read_text())["runs"]
    assert [(run["job"], run["mode"], run["deleted"], run["exit_code"]) for run in runs] == [
        ("nightly", "delete", 1, 0)
    ] * 2
    metrics = (srv / "metrics/cleanup.prom").read_text()
    assert 'cleanup_nodemodule_deleted_total{file="cleanup",job_name="nightly"} 2\n' in metrics
    left = sorted(
        str(path.relative_to(srv / "cleanup")) for path in srv.glob("cleanup/*/*/node_modules")
    )
    assert left == [f"{os.path.basename(WORK)}/used/node_modules", "other/web/node_modules"]
    assert (srv / "trace").read_text() == ""
    assert (srv / "units").read_text() == ""
