"""The time of a run is up: nothing new is begun, and what goes on comes to its end."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Literal

import pytest

from cleanup_nodemodule.config.settings import Settings, with_surroundings
from cleanup_nodemodule.errors import ExitCode
from cleanup_nodemodule.model import Mode, Progress, Removed, Result
from cleanup_nodemodule.record.lock import acquire
from cleanup_nodemodule.report.rows import OutOfTimeRow, Report
from cleanup_nodemodule.run import loop
from cleanup_nodemodule.run.cleaning import clean
from cleanup_nodemodule.run.loop import OutOfTimeError, Runtime
from cleanup_nodemodule.run.orders import Orders
from cleanup_nodemodule.run.signals import Interrupts
from cleanup_nodemodule.run.voice import Ended, Silent
from cleanup_nodemodule.work.progress import Watch
from cleanup_nodemodule.work.scheduler import Scheduler
from support import simple
from support.removals import artifact, remove
from support.tool import PROJECT, Tool
from support.trees import declare, listing

When = Literal["looking", "planned", "deleting", "never"]


class Late(Silent):
    """Has the time be up at some moment."""

    def __init__(self, when: When) -> None:
        self.runtime: Runtime | None = None
        self.results: list[Result] = []
        self._when = when

    def at(self, moment: When) -> None:
        if self._when == moment and self.runtime is not None:
            self.runtime.expire()

    def planned(self, _report: Report, *, deletes: bool) -> None:  # noqa: ARG002 - a Voice is told
        self.at("planned")

    def came_of(self, result: Result) -> None:
        self.results.append(result)

    def watch(self) -> AbstractContextManager[Watch]:
        return nullcontext(self._hear)

    def _hear(self, progress: Progress) -> None:
        if progress.freed_bytes:
            self.at("deleting")


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """Four projects."""
    declare(tmp_path / "top", dict.fromkeys("abcd", PROJECT))
    return tmp_path / "top"


def run(top: Path, voice: Late, mode: Mode = "delete", *, wait: bool = False) -> Ended:
    settings = with_surroundings(Settings(roots=(str(top),), own_rules=simple.rules()))
    orders = Orders(mode, wait=wait, jobs=1, max_runtime=3600)

    async def work(runtime: Runtime) -> Ended:
        voice.runtime = runtime
        voice.at("looking")
        return await clean(settings, orders, voice, runtime)

    return loop.run(work, Interrupts(), jobs=1, max_runtime=3600)


def there(top: Path) -> list[str]:
    return sorted(path.parent.name for path in top.glob("*/node_modules"))


def test_who_has_time_enough_is_told_nothing(top: Path) -> None:
    voice = Late("never")
    ended = run(top, voice)
    assert (ended.exit_code, ended.report.out_of_time, there(top)) == (0, None, [])
    assert {type(result) for result in voice.results} == {Removed}
    assert len(voice.results) == 4


def test_what_was_planned_is_not_begun_any_more(top: Path) -> None:
    before = listing(top)
    ended = run(top, Late("planned"))
    assert ended.exit_code == ExitCode.INCOMPLETE
    assert ended.report.out_of_time == OutOfTimeRow(3600, searched=True, not_begun=4, unreached=0)
    assert listing(top) == before


def test_what_was_begun_comes_to_its_end_and_nothing_else_is_begun(top: Path) -> None:
    ended = run(top, Late("deleting"))
    assert ended.exit_code == ExitCode.INCOMPLETE
    totals, late = ended.report.totals, ended.report.out_of_time
    assert late is not None
    assert totals.failed == 0
    assert 1 <= totals.deleted < 4
    assert late == OutOfTimeRow(3600, searched=True, not_begun=4 - totals.deleted, unreached=0)
    # Each is there whole, or gone whole.
    assert len(there(top)) == late.not_begun
    assert {len(listing(top / one / "node_modules")) for one in there(top)} == {5}
    assert not any(b".cleanup-nodemodule" in name for name in listing(top))


def test_a_dry_run_that_has_looked_at_everything_is_complete(top: Path) -> None:
    ended = run(top, Late("planned"), "dry-run")
    assert (ended.exit_code, ended.report.out_of_time) == (0, None)


def test_a_search_that_did_not_come_to_its_end_deletes_nothing(top: Path) -> None:
    ended = run(top, Late("looking"), "dry-run")
    assert ended.exit_code == ExitCode.INCOMPLETE
    assert ended.report.out_of_time == OutOfTimeRow(3600, searched=False, not_begun=0, unreached=0)


def test_a_run_whose_time_is_up_before_it_has_the_lock_says_so(
    top: Path, state_directory: Path
) -> None:
    state_directory.mkdir(parents=True, mode=0o700)
    before = listing(top)
    with (
        acquire(str(state_directory), [str(top)], "1234567890ab"),
        pytest.raises(OutOfTimeError, match="time of --max-runtime was up; nothing was done"),
    ):
        run(top, Late("looking"), wait=True)
    assert listing(top) == before


def finishing(times: int) -> Callable[[Scheduler], None]:
    """Return what says after so many calls that nothing new is to be begun."""
    left = [times]

    def after_each_call(scheduler: Scheduler) -> None:
        left[0] -= 1
        if not left[0]:
            scheduler.finish()

    return after_each_call


@pytest.mark.parametrize("workers", [1, 2])
def test_those_that_are_begun_are_deleted_whole(tmp_path: Path, workers: int) -> None:
    declare(
        tmp_path, {str(number): {"node_modules": {"f": 1, "d": {"g": 1}}} for number in range(8)}
    )
    artifacts = [artifact(tmp_path / str(number) / "node_modules") for number in range(8)]
    done = remove(artifacts, workers=workers, after_each_call=finishing(2))
    assert done.outcome is not None
    assert not done.outcome.complete
    assert not done.failed
    gone = [one for one in artifacts if not Path(one.path).exists()]
    assert 1 <= len(gone) <= 2 + workers
    assert sorted(done.deleted) == [one.path for one in gone]
    assert not any(b".cleanup-nodemodule" in name for name in listing(tmp_path))


def test_the_time_is_up_in_the_command_too(one_tool: Tool, top: Path) -> None:
    """At one entry a second, a second is too short for what has to be looked at first."""
    before = listing(top)
    told = one_tool.delete(top, "--max-rate", "1", "--max-runtime", "1s")
    assert told.code == ExitCode.INCOMPLETE
    assert told.document["out_of_time"] == {
        "max_runtime_s": 1,
        "searched": False,
        "not_begun": 0,
        "unreached": 0,
    }
    assert told.errors.endswith(
        "the time of --max-runtime 1s was up; what was not done by then is left to the next run\n"
    )
    assert listing(top) == before
    assert json.loads(one_tool.tell("log", "--json").stdout)["runs"] == []


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("30", "--max-runtime 30 needs a unit; type 30min for minutes"),
        ("0s", "--max-runtime cannot be 0; type for instance 30min"),
        ("1y", "--max-runtime cannot be longer than 30 days"),
    ],
)
def test_a_time_that_makes_no_sense_is_refused(
    one_tool: Tool, top: Path, said: str, why: str
) -> None:
    done = one_tool.tell("-p", top, "--max-runtime", said)
    assert done.returncode == ExitCode.USAGE
    assert why in done.stderr


def test_a_rate_that_makes_no_sense_is_refused(one_tool: Tool, top: Path) -> None:
    assert one_tool.tell("-p", top, "--max-rate", "0").returncode == ExitCode.USAGE
