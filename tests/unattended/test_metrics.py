"""The metrics of runs: what they say after each end that a run can come to, and the file that has them."""

import os
import signal
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.model import Reason
from cleanup_nodemodule.report.finished import FinishedRun
from cleanup_nodemodule.report.rows import Report, Tool
from cleanup_nodemodule.unattended import metric_text, metrics
from cleanup_nodemodule.unattended.metric_table import METRICS, SEARCH
from cleanup_nodemodule.unattended.metric_text import Samples
from cleanup_nodemodule.unattended.metrics import Metrics, numbers_of
from support import tool as tools
from support.accounts import SOMEBODY, give
from support.ended_runs import ASKED, PROGRAM, RESULT, finished
from support.filesystems import Mounts, ended
from support.held import Held
from support.needs import needs_root
from support.processes import bound, mode
from support.reports import report, row
from support.tool import PROJECT
from support.trees import declare, listing
from support.waiting import TIMEOUT, await_condition


def value(samples: Samples, *key: str) -> float:
    return samples[key]


def samples_of(run: FinishedRun, tool: Tool, before: Samples) -> Samples:
    return numbers_of(run, tool).after(before)


# What the numbers are.


def test_the_numbers_of_a_run_are_those_of_its_report() -> None:
    samples = samples_of(finished(), PROGRAM, {})
    assert {key[0] for key in samples} == {metric.name for metric in METRICS}
    assert {key: one for key, one in samples.items() if key[0] != "kept"} == {
        ("last_start_timestamp_seconds",): 1000.0,
        ("last_run_timestamp_seconds",): 1010.0,
        ("last_run_success",): 1,
        ("last_run_exit_code",): 0,
        ("last_run_duration_seconds",): 10.0,
        ("last_run_deleted",): 1,
        ("last_run_trashed",): 0,
        ("last_run_failed",): 0,
        ("last_run_freed_bytes",): 4096,
        ("last_run_problems",): 0,
        ("build_info", "0.2.0", "native"): 1,
        ("last_success_timestamp_seconds",): 1010.0,
        ("runs_total",): 1,
        ("run_failures_total",): 0,
        ("deleted_total",): 1,
        ("freed_bytes_total",): 4096,
        ("last_search_timestamp_seconds",): 1010.0,
        ("found",): 3,
        ("selected",): 2,
        ("allocated_bytes",): 3 * 4096,
        ("reclaimable_bytes",): 4096 + 8192,
        ("reclaimable_at_most_bytes",): 4096 + 8192,
        ("ecosystem_found", "js"): 1,
        ("ecosystem_found", "rust"): 1,
        ("ecosystem_found", "unknown"): 1,
        ("ecosystem_reclaimable_bytes", "js"): 4096,
        ("ecosystem_reclaimable_bytes", "rust"): 8192,
        ("ecosystem_reclaimable_bytes", "unknown"): 0,
    }
    kept = {key[1]: one for key, one in samples.items() if key[0] == "kept"}
    assert kept == {**dict.fromkeys([one.value for one in Reason], 0), "tracked": 1}


@pytest.mark.parametrize(
    ("code", "result", "success"),
    [
        (0, RESULT, 1),
        (3, RESULT, 1),
        (4, RESULT, 0),
        (1, RESULT, 0),
        (143, RESULT, 0),
        (1, None, 0),
        (2, None, 0),
        (3, None, 0),
        (5, None, 0),
        (130, None, 0),
    ],
)
def test_a_run_that_fails_keeps_the_last_success(
    code: int, result: Report | None, success: int
) -> None:
    before = samples_of(finished(), PROGRAM, {})
    run = finished(result, exit_code=code, began_at=2000.0)
    after = samples_of(run, PROGRAM, before)
    assert value(after, "last_run_success") == success
    assert value(after, "last_run_exit_code") == code
    assert value(after, "last_run_timestamp_seconds") == 2010
    assert value(after, "last_success_timestamp_seconds") == (2010 if success else 1010)
    assert value(after, "runs_total") == 2
    assert value(after, "run_failures_total") == 1 - success
    first = samples_of(run, PROGRAM, {})
    assert value(first, "last_success_timestamp_seconds") == (2010 if success else 0)


@pytest.mark.parametrize("stopped", [True, False])
def test_a_run_that_has_not_searched_everywhere_leaves_what_was_found(*, stopped: bool) -> None:
    before = samples_of(finished(), PROGRAM, {})
    part = report([row(outcome="deleted")], asked=replace(ASKED, ended=False))
    run = finished(part if stopped else None, exit_code=143, began_at=2000.0)
    after = samples_of(run, PROGRAM, before)
    names = {metric.name for metric in SEARCH}
    assert {key: one for key, one in after.items() if key[0] in names} == {
        key: one for key, one in before.items() if key[0] in names
    }
    assert value(after, "last_run_freed_bytes") == (4096 if stopped else 0)
    assert value(after, "last_run_problems") == (0 if stopped else 1)
    assert value(after, "freed_bytes_total") == (2 * 4096 if stopped else 4096)
    # Where nothing has ever been found, nothing is said of it.
    first = samples_of(run, PROGRAM, {})
    assert not {key[0] for key in first} & names


def test_what_is_not_found_any_more_is_not_told_any_more() -> None:
    before = samples_of(finished(), PROGRAM, {})
    after = samples_of(finished(report([row()], asked=ASKED)), PROGRAM, before)
    assert [key for key in after if key[0] == "ecosystem_found"] == [("ecosystem_found", "js")]
    assert value(after, "kept", "tracked") == 0
    upgraded = samples_of(finished(), replace(PROGRAM, version="0.3.0"), before)
    assert [key for key in upgraded if key[0] == "build_info"] == [
        ("build_info", "0.3.0", "native")
    ]


# The file.

NOTHING: Final = {(metric.name,): 0 for metric in METRICS if metric.kind == "counter"}
"""The sums before the first run has ended: without them nobody sees an increase by that."""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the metrics go, however long it takes where tests write much."""
    monkeypatch.setattr(metrics, "_LIMIT", TIMEOUT)
    monkeypatch.setattr(metrics, "_EARLY_LIMIT", TIMEOUT)
    (tmp_path / "collected").mkdir()
    return tmp_path / "collected/cleanup.prom"


def told(file: Path) -> dict[str, Samples]:
    return metric_text.read(file.stem, file.read_bytes())


def hear(file: Path, run: FinishedRun) -> str | None:
    return Metrics(str(file), PROGRAM).hear(run)


def test_sums_and_the_last_success_are_read_back(file: Path) -> None:
    assert hear(file, finished()) is None
    assert hear(file, finished(None, exit_code=5, began_at=2000.0)) is None
    assert hear(file, finished(began_at=3000.0, exit_code=4)) is None
    samples = told(file)["nightly"]
    assert value(samples, "runs_total") == 3
    assert value(samples, "run_failures_total") == 2
    assert value(samples, "freed_bytes_total") == 2 * 4096
    assert value(samples, "last_success_timestamp_seconds") == 1010
    assert listing(file.parent) == [b"cleanup.prom"]


def test_a_run_that_never_ends_is_known_to_have_begun(file: Path) -> None:
    assert hear(file, finished()) is None
    before = told(file)["nightly"]
    Metrics(str(file), PROGRAM).begin("nightly", 2000.0)
    Metrics(str(file), PROGRAM).begin("weekly", 3000.0)
    assert told(file) == {
        "nightly": {**before, ("last_start_timestamp_seconds",): 2000.0},
        "weekly": {("last_start_timestamp_seconds",): 3000.0, **NOTHING},
    }
    Metrics(str(file.parent / "no/such.prom"), PROGRAM).begin("nightly", 2000.0)


def test_each_job_has_its_own_numbers_in_a_file(file: Path) -> None:
    for job in ("nightly", 'a "job"\\', None, "nightly"):
        assert hear(file, finished(job=job)) is None
    runs = {job: value(samples, "runs_total") for job, samples in told(file).items()}
    assert runs == {"nightly": 2, 'a "job"\\': 1, "": 1}


@pytest.mark.parametrize("old", [None, 0o600, 0o666])
def test_everybody_may_read_the_file_whatever_the_umask(file: Path, old: int | None) -> None:
    if old is not None:
        file.touch(old)
    before = os.umask(0o077)
    try:
        assert hear(file, finished()) is None
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"node_load1 0.5\n",
        b'cleanup_nodemodule_runs_total{file="cleanup"',
        b"x" * 5_000_000,
    ],
    ids=["empty", "bytes", "another", "half", "large"],
)
def test_what_is_not_to_be_believed_is_replaced(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert hear(file, finished()) is None
    assert value(told(file)["nightly"], "runs_total") == 1


def test_the_file_of_another_user_is_not_believed(file: Path) -> None:
    needs_root()
    assert hear(file, finished()) is None
    give(SOMEBODY, file)
    assert hear(file, finished()) is None
    assert value(told(file)["nightly"], "runs_total") == 1
    assert file.stat().st_uid == 0


def test_a_success_that_lies_ahead_is_forgotten_where_the_clock_was_put_back(file: Path) -> None:
    """It would keep an alert silent until the clock has caught up."""
    assert hear(file, finished(began_at=9_000_000_000.0)) is None
    assert hear(file, finished(None, exit_code=2)) is None
    samples = told(file)["nightly"]
    assert value(samples, "last_success_timestamp_seconds") == 0
    assert value(samples, "runs_total") == 2


def test_twenty_runs_at_once_are_all_counted_and_the_file_is_always_whole(file: Path) -> None:
    assert hear(file, finished()) is None
    done = threading.Event()

    def look() -> int:
        looks = 0
        while not done.is_set() or not looks:
            assert len(told(file)["nightly"]) == len(samples_of(finished(), PROGRAM, {}))
            looks += 1
        return looks

    with ThreadPoolExecutor(21) as pool:
        looking = pool.submit(look)
        assert {*pool.map(lambda _: hear(file, finished()), range(20))} == {None}
        done.set()
        assert looking.result() > 0
    assert value(told(file)["nightly"], "runs_total") == 21
    assert listing(file.parent) == [b"cleanup.prom"]


def test_whoever_keeps_the_directory_does_not_keep_a_run_from_being_told(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be another run that is stopped, or anybody who may read the directory."""
    monkeypatch.setattr(metrics, "_PATIENCE", 0.05)
    with metrics._alone(str(file.parent)):  # noqa: SLF001 - what the other one holds
        assert hear(file, finished()) is None
    assert value(told(file)["nightly"], "runs_total") == 1


@pytest.mark.parametrize("name", ["metrics", "metrics.prom.tmp", "prom", "a.PROM"])
def test_a_file_that_node_exporter_would_not_read_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=r"--metrics .*does not end in \.prom"):
        Metrics(name, PROGRAM)


def test_what_to_type_instead_is_said(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"^--metrics needs a file, as in: --metrics cleanup.prom$"
    ):
        Metrics("", PROGRAM)
    with pytest.raises(UsageError, match=f"--metrics {tmp_path}/cleanup.prom$"):
        Metrics(str(tmp_path), PROGRAM)


def test_a_name_that_is_no_text_is_a_label_all_the_same(file: Path) -> None:
    odd = file.with_name("\udcff\n.prom")
    assert hear(odd, finished()) is None
    assert hear(odd, finished()) is None
    [samples] = metric_text.read("\\xff\n", odd.read_bytes()).values()
    assert value(samples, "runs_total") == 2


# Where it cannot be written.


def test_a_directory_that_is_missing_is_said(file: Path) -> None:
    lost = file.parent / "no/such.prom"
    assert hear(lost, finished()) == (
        f"could not write the metrics to {lost}: No such file or directory"
    )


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo], ids=["directory", "fifo"])
def test_what_is_no_file_is_left_as_it_is(file: Path, make: Any) -> None:
    make(file)
    before = file.lstat()
    assert hear(file, finished()) == (
        f"could not write the metrics to {file}: it is no regular file"
    )
    assert file.lstat() == before
    assert listing(file.parent) == [b"cleanup.prom"]


def test_a_symlink_of_ones_own_is_followed(file: Path, tmp_path: Path) -> None:
    file.symlink_to("../elsewhere.prom")
    for _ in range(2):
        assert hear(file, finished()) is None
    assert file.is_symlink()
    assert value(told(tmp_path / "elsewhere.prom")["nightly"], "runs_total") == 2


@pytest.mark.parametrize("there", [True, False])
def test_a_symlink_of_another_user_is_never_followed(
    file: Path, tmp_path: Path, *, there: bool
) -> None:
    """Not even to what belongs to that user, who may make it another one meanwhile."""
    needs_root()
    target = tmp_path / "target.prom"
    if there:
        target.write_text("precious")
        give(SOMEBODY, target)
    file.symlink_to(target)
    give(SOMEBODY, file)
    why = "it is a symlink that somebody else has made, or lies behind one"
    assert str(hear(file, finished())).startswith(f"could not write the metrics to {file}: {why}")
    assert file.is_symlink()
    assert target.read_text() == "precious" if there else not target.exists()


def test_a_full_disk_leaves_the_old_file(file: Path, disks: Mounts, tmp_path: Path) -> None:
    small = disks.tmpfs(tmp_path / "small", "size=16k,mode=755")
    file = small / "cleanup.prom"
    assert hear(file, finished()) is None
    (small / "fill").write_bytes(b"x" * 4096)
    before = file.read_bytes()
    assert hear(file, finished()) == (
        f"could not write the metrics to {file}: No space left on device; the old file is as it was"
    )
    assert file.read_bytes() == before
    assert listing(small) == [b"cleanup.prom", b"fill"]


# The command.


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """Two projects."""
    declare(tmp_path / "work", {"a": PROJECT, "b": {"dist": {"x": 10}}})
    return tmp_path / "work"


def test_the_numbers_are_those_of_the_document(one_tool: tools.Tool, top: Path, file: Path) -> None:
    for arguments in ((), ("--no-dry-run",)):
        document = one_tool.run(top, "--metrics", file, *arguments).document
        totals, samples = document["totals"], told(file)[""]
        same = (
            "found",
            "selected",
            "allocated_bytes",
            "reclaimable_bytes",
            "reclaimable_at_most_bytes",
        )
        assert {name: value(samples, name) for name in same} == {
            name: totals[name] for name in same
        }
        last = ("deleted", "trashed", "failed", "freed_bytes")
        assert {name: value(samples, f"last_run_{name}") for name in last} == {
            name: totals[name] for name in last
        }
        reasons = [one["reason"] for one in document["artifacts"] if one["reason"]]
        kept = [key[1] for key, one in samples.items() if key[0] == "kept" and one]
        assert kept == reasons == ["unproven"]
        assert value(samples, "last_run_problems") == len(document["problems"])
        tool = document["tool"]
        assert ("build_info", tool["version"], tool["engine"]) in samples
    assert value(samples, "freed_bytes_total") == totals["freed_bytes"] > 0
    assert value(samples, "runs_total") == 2


def test_rows_that_are_told_one_by_one_are_counted_too(
    one_tool: tools.Tool, top: Path, file: Path
) -> None:
    one_tool.tell("-p", top, "--format", "ndjson", "--metrics", file)
    samples = told(file)[""]
    assert (value(samples, "found"), value(samples, "ecosystem_found", "js")) == (2, 2)


def test_a_job_is_named_and_may_say_where_its_metrics_go(
    one_tool: tools.Tool, top: Path, file: Path
) -> None:
    config = one_tool.home / "config/cleanup-nodemodule/config.toml"
    with config.open("a") as text:
        text.write(f'\n[job.nightly]\npath = ["{top}"]\nmetrics = "{file}"\n')
    assert one_tool.tell("run", "nightly").returncode == 0
    assert [*told(file)] == ["nightly"]


def test_a_run_that_cannot_write_them_deletes_all_the_same(
    one_tool: tools.Tool, top: Path, tmp_path: Path
) -> None:
    lost = tmp_path / "no/such.prom"
    told = one_tool.delete(top, "--metrics", lost)
    assert told.code == 3
    assert told.document["totals"]["deleted"] == 1
    assert f"could not write the metrics to {lost}: No such file or directory\n" in told.errors


def test_where_nobody_may_write_is_said(one_tool: tools.Tool, top: Path, file: Path) -> None:
    with mode(file.parent, 0o500):
        told = one_tool.run(top, "--metrics", file, prefix=bound())
    assert told.code == 3
    assert f"could not write the metrics to {file}: Permission denied" in told.errors


def test_one_that_node_exporter_would_not_read_is_said_before_anything_is_done(
    one_tool: tools.Tool, top: Path, tmp_path: Path
) -> None:
    told = one_tool.delete(top, "--metrics", tmp_path / "metrics.txt")
    assert told.code == 2
    assert f"type for instance: --metrics {tmp_path}/metrics.txt.prom" in told.errors
    assert (top / "a/node_modules").exists()


def test_a_file_in_what_is_deleted_is_refused_before_anything_is(
    one_tool: tools.Tool, top: Path
) -> None:
    """It would be lost with that, and the last success with it."""
    inside = top / "a/node_modules/pkg/cleanup.prom"
    told = one_tool.delete(top, "--metrics", inside)
    assert told.code == 2
    assert f"--metrics {inside} lies in {top}/a/node_modules, which this run deletes" in told.errors
    assert (top / "a/node_modules").exists()


def test_the_file_of_the_result_cannot_be_that_of_the_metrics(
    one_tool: tools.Tool, top: Path, file: Path
) -> None:
    told = one_tool.run(top, "--metrics", file, "-o", f"json:{file}")
    assert told.code == 2
    assert f"--output {file} is the file of --metrics, too" in told.errors


def test_a_name_in_a_file_is_checked_with_the_file(one_tool: tools.Tool) -> None:
    config = one_tool.home / "config/cleanup-nodemodule/config.toml"
    config.write_text('[job.nightly]\npath = ["~"]\nmetrics = "/srv/metrics.txt"\n')
    checked = one_tool.tell("config", "check")
    assert checked.returncode == 2
    assert (
        f"{config}, line 3: metrics /srv/metrics.txt does not end in .prom"
        in checked.stdout + checked.stderr
    )


def test_a_run_that_finds_no_root_has_failed(one_tool: tools.Tool, top: Path, file: Path) -> None:
    assert one_tool.run(top / "lost", "--metrics", file).code == 2
    samples = told(file)[""]
    assert value(samples, "last_run_exit_code") == 2
    assert value(samples, "last_success_timestamp_seconds") == 0


@pytest.mark.parametrize(
    ("words", "config"),
    [
        (("--older-than", "30m"), ""),
        (("--older-than", "30d", "--newer-than", "60m"), ""),
        (("--no-dry-run", "--save-plan", "plan.json"), ""),
        ((), "keep = 1"),
        ((), "this is no TOML"),
    ],
)
def test_a_run_that_was_told_something_wrong_has_failed(
    one_tool: tools.Tool, top: Path, file: Path, words: tuple[str, ...], config: str
) -> None:
    """Also where a file of the configuration cannot be read, which might say where the metrics go."""
    (one_tool.home / "config/cleanup-nodemodule/config.toml").write_text(config)
    assert one_tool.run(top, "--metrics", file, *words).code == 2
    assert value(told(file)[""], "last_run_exit_code") == 2


def test_a_job_that_is_told_something_wrong_and_a_plan_that_is_lost_are_failures(
    one_tool: tools.Tool, top: Path, file: Path
) -> None:
    config = one_tool.home / "config/cleanup-nodemodule/config.toml"
    config.write_text(f'metrics = "{file}"\n[job.nightly]\npath = ["{top}"]\nolder-than = "soon"\n')
    assert one_tool.tell("run", "nightly").returncode == 2
    assert one_tool.tell("apply", "lost.json").returncode == 2
    codes = {job: value(samples, "last_run_exit_code") for job, samples in told(file).items()}
    assert codes == {"nightly": 2, "": 2}


def test_a_run_that_finds_another_one_at_work_has_failed_and_so_has_one_that_is_stopped(
    one_tool: tools.Tool, tmp_path: Path, file: Path
) -> None:
    held = Held(tmp_path / "held")
    words = ("--json", "-p", held.tree, "--no-dry-run", "--metrics", file)
    with one_tool.start(*words, env=held.env) as process:
        await_condition(held.asked, "git was asked")
        await_condition(file.exists, "the beginning was told")
        assert {*told(file)[""]} == {("last_start_timestamp_seconds",), *NOTHING}
        assert one_tool.delete(held.tree, "--metrics", file).code == 5
        assert value(told(file)[""], "last_run_exit_code") == 5
        process.send_signal(signal.SIGTERM)
        assert one_tool.finish(process, held.tree).code == 143
    samples = told(file)[""]
    assert value(samples, "last_run_exit_code") == 143
    assert value(samples, "run_failures_total") == 2
    assert value(samples, "last_success_timestamp_seconds") == 0
    assert ("found",) not in samples


def test_another_machine_may_have_the_file(disks: Mounts, tmp_path: Path) -> None:
    """Then another process writes it, which can be left behind."""
    (tmp_path / "there").mkdir()
    disks.sshfs(tmp_path / "here", tmp_path / "there")
    for _ in range(2):
        Metrics(str(tmp_path / "here/cleanup.prom"), PROGRAM).begin("nightly", 2000.0)
        assert hear(tmp_path / "here/cleanup.prom", finished()) is None
    assert value(told(tmp_path / "there/cleanup.prom")["nightly"], "runs_total") == 2


def test_a_disk_that_does_not_answer_holds_up_no_run_for_long(
    one_tool: tools.Tool, top: Path, disks: Mounts, tmp_path: Path
) -> None:
    served = disks.misbehaving(tmp_path / "disk", {"dir": {}}, silent=["/dir"])
    lost = tmp_path / "disk/dir/cleanup.prom"
    with ended(served):
        told = one_tool.delete(top, "--metrics", lost)
    assert told.code == 3
    assert told.document["totals"]["deleted"] == 1
    assert f"could not write the metrics to {lost}: its disk did not answer" in told.errors
