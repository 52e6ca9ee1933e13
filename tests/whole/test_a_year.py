"""A year of nightly runs on a tree that grows, on a disk that fills: with crashes, a damaged history and a wrong clock.

No time passes in it: each run is told by the test when it begins.
"""

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Final

import pytest

from cleanup_nodemodule.record import staged
from cleanup_nodemodule.words import iso
from support.filesystems import Mounts
from support.needs import needs_root, unable
from support.places import CHECKOUT
from support.preloaded import CLOCK, Preloaded
from support.processes import strace, surroundings
from support.trees import declare, npm_project
from support.waiting import TIMEOUT

pytestmark = pytest.mark.slow

NIGHTS: Final = 365

DAY: Final = 86_400

FIRST: Final = 2_000_000_000
"""The first night, in seconds since the epoch: later than any file is made."""

SIZE: Final = 28 << 20
"""Bytes of the disk."""

GROWTH: Final = 80 << 10
"""Bytes that people write each day."""

CRASHES: Final = frozenset({100, 222})
"""Nights in which the run is killed."""

AWAY: Final = range(60, 64)
"""Nights in which the directory to search is not there."""

DAMAGED: Final = 180
"""The day on which the history is overwritten."""

BACK: Final = range(250, 254)
"""Nights of which the clock says that they are 40 days earlier."""

TIDIED: Final = 345
"""The day on which somebody makes room."""

JOB: Final = """
[job.nightly]
about = "what has to go each night"
path = ["{work}"]
delete = true
quiet = true
metrics = "{metrics}"
"""


BEGUN_AT: Final = """
import sys, time
clock = time.time
ahead = float(sys.argv.pop(1)) - clock()
time.time = lambda: clock() + ahead
from cleanup_nodemodule.__main__ import main
main()
"""
"""The command, as at a moment."""


@dataclass(frozen=True)
class Night:
    """What has to come of a run."""

    number: int
    began_at: int
    code: int
    found: int


@dataclass
class Year:
    """The disk, what people do on it, and what has to come of it."""

    disk: Path
    commands: Preloaded
    nights: list[Night] = field(default_factory=list)
    """Runs that came to their end."""
    metrics: list[dict[str, float]] = field(default_factory=list)
    """What could be read after each night."""
    full: list[int] = field(default_factory=list)
    """Days on which there was no room for what people did."""

    @property
    def work(self) -> Path:
        """What is searched."""
        return self.disk / "work"

    @property
    def env(self) -> dict[str, str]:
        """The environment of each run. Its state is on the disk that fills."""
        home = self.disk / "home"
        places = {"STATE": "state", "CONFIG": "config", "CACHE": "cache"}
        return surroundings(
            {
                "HOME": str(home),
                **{f"XDG_{name}_HOME": str(home / where) for name, where in places.items()},
            }
        )

    def run(self, *words: str, at: int) -> "subprocess.CompletedProcess[str]":
        """Run the command as at a moment, in seconds since the epoch."""
        env = {**self.env, CLOCK: str(at)}
        done = self.commands.run(words, cwd=self.disk, env=env, timeout=TIMEOUT)
        assert done is not None
        return done

    def live(self, day: int) -> None:
        """Do what people do in a day: begin projects, install packages, write."""
        try:
            for number in range(1 + day // 40):
                project = self.work / f"app-{number:02}"
                if not project.exists() or (day + number) % 4:
                    self.install(project, 2048 * (1 + day // 20))
            notes = self.work / "app-00/notes"
            notes.mkdir(exist_ok=True)
            (notes / f"{day}.md").write_bytes(b"n" * GROWTH)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            self.full.append(day)

    def install(self, project: Path, size: int) -> None:
        """Install packages, or none if there is no room: npm takes back what it could not finish."""
        modules = project / "node_modules"
        if modules.exists():
            return
        try:
            declare(project, npm_project({name: {"index.js": size} for name in ("a", "b", "c")}))
        except OSError:
            shutil.rmtree(modules if (project / "package-lock.json").exists() else project)
            raise

    def installed(self) -> list[Path]:
        """Return what can be deleted."""
        return sorted(self.work.glob("app-*/node_modules"))

    def precious(self) -> dict[str, int]:
        """Return the size of each file that nobody may lose."""
        found: dict[str, int] = {}
        for path, directories, files in os.walk(self.work):
            gone = {"node_modules"} if "app-" in path else set()
            directories[:] = [
                name for name in directories if name not in gone and not staged.is_staged(name)
            ]
            found |= {f"{path}/{name}": os.path.getsize(f"{path}/{name}") for name in files}
        return found

    def night(self, number: int) -> None:
        """Let a night pass."""
        at = FIRST + number * DAY - (40 * DAY if number in BACK else 0)
        away = self.disk / "away"
        if number in AWAY:
            self.work.rename(away)
        precious, found = self.precious(), self.installed()
        if number in CRASHES:
            self.crash(at)
        else:
            done = self.run("run", "nightly", at=at)
            code = 2 if number in AWAY else 0
            assert done.returncode == code, (number, done)
            self.nights.append(Night(number, at, code, len(found)))
            assert self.installed() == [], number
        assert self.precious() == precious, number
        if number in AWAY:
            away.rename(self.work)
        self.metrics.append(dict(self.series()))

    def crash(self, at: int) -> None:
        """Have the run killed while it deletes."""
        traced = strace(
            self.disk / "home/log", "--trace=unlinkat", "--inject=unlinkat:signal=KILL:when=7"
        )
        command = [*traced, sys.executable, "-c", BEGUN_AT, str(at), "run", "nightly"]
        done = subprocess.run(
            command, cwd=self.disk, env=self.env, capture_output=True, timeout=TIMEOUT, check=False
        )
        assert done.returncode == -9
        # What was begun is not whole, and has to go the next time.
        assert list(self.work.rglob(f"{staged.PREFIX}*"))

    def series(self) -> Iterator[tuple[str, float]]:
        """Give the metrics there are, with their labels."""
        for line in (self.disk / "metrics/nightly.prom").read_text().splitlines():
            if not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                yield name, float(value)


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory, preloaded: Preloaded) -> Iterator[Year]:
    """A year that has passed."""
    needs_root()
    disk = tmp_path_factory.mktemp("disk")
    mounts = Mounts(tmp_path_factory.mktemp("images"))
    try:
        mounts.tmpfs(disk, f"mode=755,size={SIZE}")
        year = Year(disk, preloaded)
        config = JOB.format(work=year.work, metrics=disk / "metrics/nightly.prom")
        declare(
            disk,
            {
                "metrics": {},
                "home/config/cleanup-nodemodule/config.toml": config,
                # Nothing proves that anybody could bring these back.
                "work/attic": {"node_modules": {"mine.js": 10}, "dist": {"thesis.pdf": 10}},
            },
        )
        for number in range(NIGHTS):
            if number == DAMAGED:
                damage(disk / "home/state/cleanup-nodemodule")
            if number == TIDIED:
                for note in (year.work / "app-00/notes").iterdir():
                    note.unlink()
            year.live(number)
            year.night(number)
        yield year
    finally:
        mounts.close()


def damage(state: Path) -> None:
    """Overwrite the history."""
    [history] = state.glob("history*.db")
    history.write_bytes(os.urandom(8192))


def test_the_disk_was_full_and_the_work_went_on(year: Year) -> None:
    """Nothing else is what this year is about, if this did not happen."""
    assert year.full
    assert year.full[-1] < TIDIED
    assert len(year.nights) == NIGHTS - len(CRASHES)
    assert sum(night.found for night in year.nights) > NIGHTS


def test_the_history_has_each_run_since_it_was_damaged(year: Year) -> None:
    told = json.loads(year.run("history", "--json", "--limit", "0", at=FIRST + NIGHTS * DAY).stdout)
    expected = [night for night in year.nights if night.number >= DAMAGED]
    # The first of them could not read it, set it aside and began another one.
    assert [(run["began_at"], run["exit_code"]) for run in told["runs"]] == [
        (iso(night.began_at), night.code) for night in expected
    ]
    assert [run["deleted"] for run in told["runs"]] == [night.found for night in expected]
    wrong = {iso(night.began_at) for night in expected if night.number in BACK}
    assert {run["began_at"] for run in told["runs"] if not run["clock_trusted"]} == wrong
    [aside] = [
        name
        for name in os.listdir(year.disk / "home/state/cleanup-nodemodule")
        if "damaged" in name
    ]
    assert aside


def test_the_alerts_fire_on_the_right_nights(year: Year, tmp_path: Path) -> None:
    """As Prometheus reads the file each hour. What it has for a clock begins with 0."""
    if shutil.which("promtool") is None:
        unable("promtool (Debian package prometheus) is not installed")
    series = {
        name: " ".join(
            f"{night[name] - FIRST if name.startswith(SUCCESS) else night[name]:.0f}x23"
            for night in year.metrics
        )
        for name in year.metrics[0]
        if name.startswith((SUCCESS, "cleanup_nodemodule_last_run_success"))
    }
    assert len(series) == 2
    days = sorted({0, 1, NIGHTS - 1, *around(AWAY), *around(BACK), *around(CRASHES), *year.full})
    late = {
        day
        for day in days
        # By the clock of Prometheus, which is right.
        if FIRST + (day + 0.5) * DAY - last(year, day, good=True).began_at > 2 * DAY
    }
    failed = {day for day in days if last(year, day).code}
    assert (late, failed) == ({61, 62, 63, *BACK}, {*AWAY})
    tests = {
        "rule_files": [str(CHECKOUT / "contrib/prometheus/rules.yml")],
        "evaluation_interval": "1h",
        "tests": [
            {
                "interval": "1h",
                "input_series": [
                    {"series": name, "values": values} for name, values in series.items()
                ],
                "promql_expr_test": [
                    {
                        # What has fired, and not only begun to.
                        "expr": f'ALERTS{{alertname="{alert}", alertstate="firing"}}',
                        "eval_time": f"{day}d12h",
                        "exp_samples": [
                            {"labels": f"ALERTS{labels_of(alert, name)}", "value": 1}
                            for name in series
                            if name.startswith(about) and day in when
                        ],
                    }
                    for day in days
                    for alert, about, when in (
                        ("CleanupNoSuccess", SUCCESS, late),
                        ("CleanupRunFailed", "cleanup_nodemodule_last_run_success", failed),
                    )
                ],
            }
        ],
    }
    file = tmp_path / "year_test.yml"
    file.write_text(json.dumps(tests))
    done = subprocess.run(
        ["promtool", "test", "rules", file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def around(days: Iterable[int]) -> set[int]:
    """Return the days, those before them and those after them."""
    return {day + more for day in days for more in (-1, 0, 1, 2)}


def last(year: Year, day: int, *, good: bool = False) -> Night:
    """Return the last night that came to its end until a day, or the last good one."""
    until = (night for night in year.nights if night.number <= day and not (good and night.code))
    return max(until, key=attrgetter("number"))


def labels_of(alert: str, series: str) -> str:
    """Return the labels that an alert of a series has."""
    own = series[series.index("{") + 1 : -1]
    return f'{{alertname="{alert}", alertstate="firing", severity="warning", {own}}}'


SUCCESS: Final = "cleanup_nodemodule_last_success_timestamp_seconds"
