"""Deleting what was approved, on real trees."""

import ast
import asyncio
import errno
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

import cleanup_nodemodule
from cleanup_nodemodule import engine as engines
from cleanup_nodemodule.delete import approval, empty, trash
from cleanup_nodemodule.delete import remove as remover
from cleanup_nodemodule.engine import _python, _python_remove
from cleanup_nodemodule.engine.contract import Counts, Fault, Groups, Removal, Root
from cleanup_nodemodule.model import (
    Approved,
    DeletingMode,
    Failed,
    Identity,
    Keep,
    Outcome,
    Plan,
    Problem,
    Reason,
    Removed,
)
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.record import staged as record_staged
from cleanup_nodemodule.record import state_directory
from cleanup_nodemodule.record.write import Journal
from cleanup_nodemodule.work import breadth
from cleanup_nodemodule.work.scheduler import Scheduler
from support.journals import a_run
from support.removals import (
    Against,
    a_journal,
    approve,
    artifact,
    by_python,
    each_engine,
    remove,
    staged,
    told,
)
from support.trees import declare, listing
from support.waiting import TIMEOUT

pytestmark = pytest.mark.usefixtures("grouped")


@pytest.fixture
def in_small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every call of the engine remove a single entry."""
    monkeypatch.setattr(empty, "_BUDGET", 1)
    monkeypatch.setattr(empty, "_MAX", 1)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with three artifacts, what makes it one, and something that is not its own."""
    declare(
        tmp_path / "project",
        {
            "node_modules": {"a": {"f": 5000, "g": 1}, "link": Path("../../outside")},
            "dist": {"bundle.js": 9000},
            "zzz": {"f": 1},
            "src": {"index.js": "precious"},
            "package.json": "{}",
        },
    )
    declare(tmp_path / "outside", {"node_modules": {"precious": "precious"}})
    return tmp_path / "project"


KEPT: Final = [b"package.json", b"src", b"src/index.js"]


@each_engine
def test_an_artifact_that_takes_many_calls_is_removed(tmp_path: Path) -> None:
    files: dict[str | bytes, Any] = {f"{number}": 0 for number in range(1500)}
    declare(tmp_path / "dist", {**files, "more": files})
    run = remove([artifact(tmp_path / "dist")])
    assert run.removed == [os.fspath(tmp_path / "dist")]
    assert len(run.freed) >= 3
    assert listing(tmp_path) == []


@each_engine
def test_what_was_approved_is_gone_and_nothing_else(project: Path) -> None:
    paths = [project / "dist", project / "node_modules", project / "zzz"]
    blocks = {
        path: sum(
            os.lstat(os.path.join(os.fsencode(path), inner)).st_blocks * 512
            for inner in (b"", *listing(path))
        )
        for path in paths
    }
    run = remove([artifact(path) for path in paths])
    assert listing(project) == KEPT
    assert listing(project.parent / "outside") == [b"node_modules", b"node_modules/precious"]
    assert run.removed == [os.fspath(path) for path in paths]
    assert sorted(run.deleted) == run.removed
    assert run.outcome is not None
    assert {result.artifact.path: result.freed_bytes for result in run.outcome.results} == {
        os.fspath(path): size for path, size in blocks.items()
    }
    assert sum(run.freed) == run.outcome.freed_bytes == sum(blocks.values())
    assert run.outcome.complete


def test_what_is_to_be_kept_is_kept(project: Path) -> None:
    kept = artifact(project / "node_modules", Keep(Reason.TRACKED))
    run = remove([artifact(project / "dist"), kept])
    assert run.removed == [os.fspath(project / "dist")]
    assert run.outcome is not None
    assert run.outcome.complete
    assert (project / "node_modules" / "a" / "f").exists()


def test_nothing_approved_is_nothing_done(project: Path) -> None:
    before = listing(project)
    run = remove([artifact(project / "dist", Keep(Reason.UNPROVEN))])
    assert run.outcome is not None
    assert (run.outcome.results, run.outcome.complete) == ((), True)
    assert (run.freed, run.deleted) == ([], [])
    assert listing(project) == before


@each_engine
def test_results_are_in_path_order_whoever_finished_first(tmp_path: Path) -> None:
    names = [f"{number:02}" for number in range(20)]
    declare(tmp_path, {name: {"f": 1} for name in names})
    run = remove([artifact(tmp_path / name) for name in reversed(names)], workers=4)
    assert run.removed == [os.fspath(tmp_path / name) for name in names]
    assert listing(tmp_path) == []


@by_python
def test_a_failure_stops_no_other_artifact(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be deleted, in the artifact begun first."""
    really_unlink = os.unlink

    def unlink(path: str, *, dir_fd: int | None = None) -> None:
        if path == "bundle.js":
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        really_unlink(path, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", unlink)
    names = ("dist", "node_modules", "zzz")
    run = remove([artifact(project / name) for name in names], workers=1)
    assert run.removed == [os.fspath(project / "node_modules"), os.fspath(project / "zzz")]
    (failed,) = run.failed
    # That dist is not empty goes without saying.
    assert failed.problems == (
        Problem(os.fspath(project / "dist" / "bundle.js"), ProblemCode.DELETE, errno.EPERM),
    )
    assert not failed.interrupted
    assert run.outcome is not None
    assert run.outcome.complete
    assert listing(project) == [b"dist", b"dist/bundle.js", *KEPT]


@by_python
def test_what_failed_in_part_says_what_it_freed(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really_unlink = os.unlink

    def unlink(path: str, *, dir_fd: int | None = None) -> None:
        if path == "g":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        really_unlink(path, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", unlink)
    inside = project / "node_modules"
    expected = sum(os.lstat(path).st_blocks * 512 for path in (inside / "a" / "f", inside / "link"))
    run = remove([artifact(inside)])
    (failed,) = run.failed
    assert failed.freed_bytes == expected > 0
    assert not inside.exists()
    left = staged(project)
    assert (failed.left_at, failed.untouched) == (os.fspath(left), False)
    assert listing(left) == [b"a", b"a/g"]
    assert [problem.path for problem in failed.problems] == [os.fspath(left / "a" / "g")]


# What has changed since the plan was made


@each_engine
def test_another_directory_in_its_place_is_kept_and_said_to_be_stale(project: Path) -> None:
    planned = artifact(project / "node_modules")
    (project / "node_modules").rename(project / "aside")
    declare(project / "node_modules", {"new": "precious"})
    before = listing(project)
    run = remove([planned])
    (failed,) = run.failed
    assert [(problem.path, problem.code) for problem in failed.problems] == [
        (os.fspath(project / "node_modules"), ProblemCode.CHANGED)
    ]
    assert (failed.freed_bytes, failed.interrupted) == (0, False)
    assert run.deleted == []
    assert listing(project) == before


@each_engine
@pytest.mark.parametrize("target", ["../outside/node_modules", "aside"])
def test_a_symlink_in_its_place_is_kept_and_so_is_its_target(project: Path, target: str) -> None:
    planned = artifact(project / "node_modules")
    (project / "node_modules").rename(project / "aside")
    (project / "node_modules").symlink_to(target)
    before = listing(project.parent)
    run = remove([planned, artifact(project / "dist")])
    (failed,) = run.failed
    assert failed.artifact is planned
    assert failed.freed_bytes == 0
    assert {problem.path for problem in failed.problems} == {planned.path}
    assert run.removed == [os.fspath(project / "dist")]
    assert listing(project.parent) == [
        path for path in before if not path.startswith(b"project/dist")
    ]


@each_engine
def test_a_symlink_among_its_parents_is_not_followed(project: Path) -> None:
    """Even though it leads to the very same directory: the path shown is no longer its own."""
    planned = artifact(project / "node_modules")
    project.rename(project.parent / "moved")
    project.symlink_to("moved")
    before = listing(project.parent)
    run = remove([planned])
    assert len(run.failed) == 1
    assert listing(project.parent) == before


@each_engine
def test_a_file_in_its_place_is_kept(project: Path) -> None:
    planned = artifact(project / "node_modules")
    shutil.rmtree(project / "node_modules")
    (project / "node_modules").write_text("precious")
    run = remove([planned])
    assert len(run.failed) == 1
    assert (project / "node_modules").read_text() == "precious"


@each_engine
def test_an_artifact_that_is_gone_already_is_a_success(project: Path) -> None:
    planned = [artifact(project / "dist"), artifact(project / "node_modules")]
    shutil.rmtree(project / "node_modules")
    run = remove(planned)
    assert run.removed == [planned[0].path, planned[1].path]
    assert run.deleted == [planned[0].path]
    assert run.failed == []
    assert run.outcome is not None
    assert run.outcome.complete
    assert run.outcome.results[1] == Removed(planned[1], 0, gone=True)


@each_engine
@pytest.mark.usefixtures("in_small_steps")
def test_an_artifact_that_somebody_else_deletes_meanwhile_is_a_success(project: Path) -> None:
    def after_each_call(_scheduler: Scheduler) -> None:
        shutil.rmtree(project / "node_modules", ignore_errors=True)

    run = remove([artifact(project / "node_modules")], after_each_call=after_each_call)
    assert run.removed == [os.fspath(project / "node_modules")]
    assert not (project / "node_modules").exists()


# Something that keeps writing


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Root]:
    """The calls of the engine, which end the test if there is no end to them."""
    made: list[Root] = []
    really_remove = engines.remove

    def counted(root: Root, stack: list[bytes], budget: int, *grouped: Any) -> Removal:
        made.append(root)
        assert len(made) < 1000, "the remover does not give up"
        return really_remove(root, stack, budget, *grouped)

    monkeypatch.setattr(engines, "remove", counted)
    return made


@by_python
@pytest.mark.parametrize("inside", ["", "a"])
@pytest.mark.parametrize(("bound", "beyond"), [("_SLACK", "_ROUNDS"), ("_ROUNDS", "_SLACK")])
def test_what_keeps_being_written_into_is_given_up(
    project: Path,
    calls: list[Root],
    monkeypatch: pytest.MonkeyPatch,
    inside: str,
    bound: str,
    beyond: str,
) -> None:
    """Something writes again whenever a directory is about to be empty, and each round deletes it.

    It had the directory open before that was taken out of the project, or it would not get there.
    """
    monkeypatch.setattr(empty, bound, 50)
    monkeypatch.setattr(empty, beyond, 1_000_000)
    top = (project / "node_modules").rename(project / "made")
    descriptor = os.open(top, os.O_RDONLY)
    really_rmdir = os.rmdir

    def rmdir(path: str, *, dir_fd: int | None = None) -> None:
        into = Path("/proc/self/fd", str(descriptor), inside)
        if into.exists():
            (into / "written").write_text("again")
        really_rmdir(path, dir_fd=dir_fd)

    monkeypatch.setattr(os, "rmdir", rmdir)
    run = remove([artifact(top), artifact(project / "zzz")], workers=1)
    os.close(descriptor)
    (failed,) = run.failed
    left = staged(project)
    assert [(problem.path, problem.code) for problem in failed.problems] == [
        (os.fspath(left), ProblemCode.WRITTEN_TO)
    ]
    assert (failed.interrupted, failed.left_at) == (False, os.fspath(left))
    assert (left / inside / "written").exists()
    assert not top.exists()
    assert run.removed == [os.fspath(project / "zzz")]
    assert calls[-1].path != calls[0].path == os.fsencode(left)


def say(monkeypatch: pytest.MonkeyPatch, *removals: Removal) -> None:
    """Have the calls of the engine return these, one each, and delete nothing; any more would fail."""
    left = list(removals)
    monkeypatch.setattr(engines, "remove", lambda *_: left.pop(0))


def test_nothing_is_begun_again_once_the_directory_itself_is_gone(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in its place by then is somebody else's, and what was wrong with anything in it is over."""
    broken = Fault(b"a", errno.EIO, "read")
    say(
        monkeypatch,
        Removal(Counts(1, 0, 10, []), [b"a"], [broken]),
        Removal(Counts(1, 3, 10, [b"a"], root=True), [b"b"], [Fault(b"", errno.ESTALE, "open")]),
    )
    told = engines.remove

    def remove_it(root: Root, *arguments: Any) -> Removal:
        shutil.rmtree(root.path, ignore_errors=True)
        return told(root, *arguments)

    monkeypatch.setattr(engines, "remove", remove_it)
    run = remove([artifact(project / "zzz")], workers=1)
    assert (run.removed, run.failed) == ([os.fspath(project / "zzz")], [])


def test_what_another_call_is_at_work_in_when_it_is_stopped_is_no_problem(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(monkeypatch, Removal(Counts(1, 0, 10, [b"a"]), [b"a/b"], []))
    run = remove([artifact(project / "zzz")], workers=1, after_each_call=Scheduler.stop)
    (failed,) = run.failed
    assert (failed.interrupted, failed.problems) == (True, ())


@by_python
@pytest.mark.parametrize("inside", ["", "a"])
def test_what_is_not_empty_though_nothing_is_in_it_is_given_up_after_three_attempts(
    project: Path, calls: list[Root], monkeypatch: pytest.MonkeyPatch, inside: str
) -> None:
    """As on a network file system that keeps what is still open under another name."""
    top = (project / "node_modules").rename(project / "made")
    inode = os.lstat(top / inside).st_ino
    really_rmdir = os.rmdir

    def rmdir(path: str, *, dir_fd: int | None = None) -> None:
        if os.stat(path, dir_fd=dir_fd).st_ino == inode:
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY))
        really_rmdir(path, dir_fd=dir_fd)

    monkeypatch.setattr(os, "rmdir", rmdir)
    run = remove([artifact(top), artifact(project / "zzz")], workers=1)
    (failed,) = run.failed
    left = staged(project)
    assert failed.problems == (
        Problem(os.path.normpath(left / inside), ProblemCode.REMOVE_DIRECTORY, errno.ENOTEMPTY),
    )
    assert not failed.interrupted
    assert listing(left) == [os.fsencode(inside)] * bool(inside)
    assert run.removed == [os.fspath(project / "zzz")]
    # The first call deletes what is in it; then come three that delete nothing.
    assert [root.path == os.fsencode(left) for root in calls] == [*[True] * 4, False]


@each_engine
@pytest.mark.usefixtures("in_small_steps")
def test_what_is_written_as_fast_as_it_is_deleted_is_given_up_too(
    project: Path, calls: list[Root]
) -> None:
    """However much is deleted at a time, as much is there again: there is no end to an attempt."""
    top = project / "node_modules"

    def write_again(_scheduler: Scheduler) -> None:
        for name in ("written", "written too", "and this"):
            (staged(project) / name).write_text("again")

    run = remove([artifact(top)], workers=1, after_each_call=write_again)
    (failed,) = run.failed
    left = staged(project)
    assert [(problem.path, problem.code) for problem in failed.problems] == [
        (os.fspath(left), ProblemCode.WRITTEN_TO)
    ]
    assert not failed.interrupted
    assert (left / "and this").exists()
    assert calls


@each_engine
@pytest.mark.usefixtures("in_small_steps")
def test_what_nobody_has_measured_is_given_up_as_well(project: Path, calls: list[Root]) -> None:
    """What an interrupted run has left: it is counted first, or there would be no saying when it is enough."""
    top = project / "zzz"
    found = os.lstat(top)

    def write_again(_size: int) -> None:
        for name in ("written", "written too", "and this"):
            (top / name).write_text("again")

    async def work() -> empty.Emptied:
        identity = Identity(found.st_dev, found.st_ino)
        with ThreadPoolExecutor(1) as executor:
            scheduler = Scheduler(executor, 1)
            return await empty.empty(os.fspath(top), identity, None, scheduler, write_again)

    emptied = asyncio.run(work())
    assert [(problem.path, problem.code) for problem in emptied.problems] == [
        (os.fspath(top), ProblemCode.WRITTEN_TO)
    ]
    assert calls


@each_engine
@pytest.mark.usefixtures("in_small_steps")
def test_what_was_written_into_once_is_removed_at_the_next_attempt(
    project: Path, calls: list[Root]
) -> None:
    """Written where the remover has been already and has only the directory itself to remove."""
    top = project / "dist"
    times = 0

    def write_once(_scheduler: Scheduler) -> None:
        nonlocal times
        if not times:
            left = staged(project)
            assert not (left / "bundle.js").exists()
            (left / "late").write_text("once")
            times += 1

    run = remove([artifact(top)], after_each_call=write_once)
    assert times == 1
    assert run.removed == [os.fspath(top)]
    assert not top.exists()
    assert len(calls) >= 3


@each_engine
def test_a_program_that_writes_while_it_is_deleted_does_not_hold_the_run_up(
    project: Path, calls: list[Root]
) -> None:
    """As a dev server does: nothing of that is lost, as what it writes by now is another directory."""
    top = project / "node_modules"
    stop = threading.Event()
    written = threading.Event()

    def write() -> None:
        while not stop.is_set():
            try:
                (top / "a").mkdir(exist_ok=True)
                (top / "a" / "written").write_text("again")
            except (FileNotFoundError, FileExistsError):
                # What is there is taken away meanwhile; pathlib looks whether it is a directory only
                # after mkdir(2) has said that it is there.
                pass
            written.set()

    writer = threading.Thread(target=write)
    planned = [artifact(top), artifact(project / "dist")]
    writer.start()
    try:
        assert written.wait(TIMEOUT)
        run = remove(planned)
    finally:
        stop.set()
        writer.join()
    assert os.fspath(project / "dist") in run.removed
    assert (os.fspath(top) in run.removed) == (list(project.glob(f"{record_staged.PREFIX}*")) == [])
    for failed in run.failed:
        assert {problem.number for problem in failed.problems} <= {errno.ENOTEMPTY, errno.EBUSY}
        assert failed.problems
    assert (project / "src" / "index.js").read_text() == "precious"
    assert calls


# What is said to be freed


@each_engine
@pytest.mark.parametrize("missing", [0, 1])
def test_what_directories_took_is_freed_if_all_of_them_were_removed(
    project: Path, missing: int
) -> None:
    """They shrink on some file systems as they empty. But what somebody else has removed since they were
    measured, this run has not freed."""
    top = project / "node_modules"
    planned = artifact(top)
    more = 10**6
    directories = [path for path, _, _ in os.walk(top)]
    took = sum(os.lstat(path).st_blocks * 512 for path in directories)
    files = sum(
        os.lstat(path).st_blocks * 512
        for path in top.rglob("*")
        if path.is_symlink() or not path.is_dir()
    )
    contents = replace(
        planned.contents,
        directories=len(directories) + missing,
        directory_bytes=took + more,
    )
    run = remove([replace(planned, contents=contents)])
    assert run.removed == [os.fspath(top)]
    assert run.outcome is not None
    assert run.outcome.freed_bytes == sum(run.freed) == files + took + more * (not missing)


# Being stopped


@each_engine
def test_what_is_not_begun_when_it_stops_is_left_whole(project: Path) -> None:
    names = ("dist", "node_modules", "zzz")
    run = remove(
        [artifact(project / name) for name in names], workers=1, after_each_call=Scheduler.stop
    )
    assert run.outcome is not None
    assert not run.outcome.complete
    assert run.removed == run.deleted == [os.fspath(project / "dist")]
    assert run.failed == []
    assert not (project / "dist").exists()
    assert listing(project / "node_modules") == [b"a", b"a/f", b"a/g", b"link"]
    assert listing(project / "zzz") == [b"f"]


@each_engine
@pytest.mark.usefixtures("in_small_steps")
def test_what_is_under_way_when_it_stops_is_said_to_be_interrupted(project: Path) -> None:
    (project / "node_modules").rename(project / "made")
    names = ("made", "zzz")
    before = len(listing(project / "made"))
    run = remove(
        [artifact(project / name) for name in names], workers=1, after_each_call=Scheduler.stop
    )
    assert run.outcome is not None
    assert not run.outcome.complete
    (failed,) = run.failed
    assert failed.artifact.path == os.fspath(project / "made")
    assert failed.interrupted
    assert failed.problems == ()
    assert failed.freed_bytes == sum(run.freed)
    assert len(run.freed) == 1
    assert not (project / "made").exists()
    left = staged(project)
    assert failed.left_at == os.fspath(left)
    assert len(listing(left)) == before - 1
    assert run.removed == run.deleted == []
    assert listing(project / "zzz") == [b"f"]


@pytest.mark.usefixtures("in_small_steps")
def test_a_run_that_was_stopped_is_not_complete_though_there_is_a_result_for_everything(
    project: Path,
) -> None:
    run = remove([artifact(project / "node_modules")], after_each_call=Scheduler.stop)
    assert run.outcome is not None
    assert len(run.outcome.results) == 1
    assert not run.outcome.complete


def test_what_waits_for_a_worker_when_it_stops_was_never_begun(project: Path) -> None:
    begun, let_go = threading.Event(), threading.Event()
    before = listing(project)

    def hold() -> None:
        begun.set()
        assert let_go.wait(TIMEOUT)

    async def work() -> Outcome:
        with ThreadPoolExecutor(2) as executor, a_journal() as journal:
            scheduler = Scheduler(executor, 1)
            held = asyncio.create_task(scheduler.change(hold))
            removal = asyncio.create_task(
                remover.remove(
                    approve([artifact(project / "dist")]),
                    scheduler,
                    journal,
                    freed=lambda _size: pytest.fail("something was freed"),
                    deleted=lambda _artifact: pytest.fail("something was deleted"),
                )
            )
            try:
                assert await asyncio.to_thread(begun.wait, TIMEOUT)
                scheduler.stop()
            finally:
                let_go.set()
            await held
            return await removal

    outcome = asyncio.run(work())
    assert (outcome.results, outcome.complete) == ((), False)
    assert listing(project) == before


def test_nothing_is_begun_when_it_is_stopped_before(project: Path) -> None:
    before = listing(project)

    async def work() -> Outcome:
        with ThreadPoolExecutor(1) as executor, a_journal() as journal:
            scheduler = Scheduler(executor, 1)
            scheduler.stop()
            return await remover.remove(
                approve([artifact(project / "dist")]),
                scheduler,
                journal,
                freed=lambda _size: pytest.fail("something was freed"),
                deleted=lambda _artifact: pytest.fail("something was deleted"),
            )

    outcome = asyncio.run(work())
    assert (outcome.results, outcome.complete) == ((), False)
    assert listing(project) == before


# Permission


def test_there_is_no_permission_for_a_dry_run_or_an_unfinished_plan(project: Path) -> None:
    rows = (artifact(project / "dist"),)
    finished = Plan(("/",), rows, (), complete=True)
    unfinished = Plan(("/",), rows, (), complete=False)
    assert approval.by_flag(finished, mode="dry-run") is None
    assert approval.by_flag(unfinished, mode="delete") is None
    approved = approval.by_flag(finished, mode="delete")
    assert approved is not None
    assert (approved.artifacts, approved.mode) == (rows, "delete")
    assert approved.plan is finished


@pytest.mark.parametrize("answer", [{"dist"}, {"src"}, set()], ids=["yes", "another", "no"])
def test_a_question_is_asked_about_the_plan_and_only_what_it_selects_is_approved(
    project: Path, answer: set[str]
) -> None:
    plan = Plan(("/",), (artifact(project / "dist"),), (), complete=True)
    asked: list[Plan] = []

    async def ask(shown: Plan) -> set[str]:
        asked.append(shown)
        return {str(project / name) for name in answer}

    approved = asyncio.run(approval.by_question(plan, ask, mode="delete"))
    assert (approved is not None) == ("dist" in answer)
    assert asked == [plan]
    assert asyncio.run(approval.by_question(plan, ask, mode="dry-run")) is None
    assert asked == [plan]


def test_nothing_is_asked_where_there_is_nothing_to_delete(project: Path) -> None:
    kept = artifact(project / "dist", Keep(Reason.UNPROVEN))
    plan = Plan(("/",), (kept,), (), complete=True)

    async def ask(_plan: Plan) -> set[str]:
        pytest.fail("asked")

    approved = asyncio.run(approval.by_question(plan, ask, mode="delete"))
    assert approved is not None
    assert approved.artifacts == ()


@pytest.mark.parametrize("mode", ["delete", "trash"])
def test_permission_for_one_thing_is_none_for_the_other(project: Path, mode: DeletingMode) -> None:
    """Whatever the run is said to be in the journal: that only keeps the record."""
    before = listing(project)
    other: DeletingMode = "trash" if mode == "delete" else "delete"
    approved = approve([artifact(project / "dist")], other)
    assert approved.mode == other

    def fail(_what: object) -> None:
        pytest.fail("something was done")

    async def work() -> Outcome:
        with (
            ThreadPoolExecutor(1) as executor,
            Journal(state_directory.directory(), a_run("/", mode=mode)) as journal,
        ):
            scheduler = Scheduler(executor, 1)
            if mode == "trash":
                return await trash.trash(approved, scheduler, journal, deleted=fail)
            return await remover.remove(approved, scheduler, journal, freed=fail, deleted=fail)

    with pytest.raises(ValueError, match=f"cannot {mode}"):
        asyncio.run(work())
    assert listing(project) == before
    assert told() == []


def test_permission_cannot_be_made_by_calling_for_it() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Approved()  # type: ignore[abstract]  # that it fails is the point


def sources() -> Iterator[tuple[str, ast.Module]]:
    """Yield every module of the package, by its path in it."""
    package = Path(cleanup_nodemodule.__file__).parent
    for path in sorted(package.rglob("*.py")):
        yield path.relative_to(package).as_posix(), ast.parse(path.read_text())


def refers_to_removal(node: ast.AST) -> bool:
    """Whether *node* gets hold of the engine's ``remove``, by an attribute or by an import."""
    match node:
        case ast.Attribute(value=ast.Name(id=name), attr="remove"):
            return name in {"engine", "_chosen", "_native", "_kernel", "_python"}
        case ast.ImportFrom(module=str(module), names=names) if ".engine" in module:
            return any(alias.name in {"remove", "*"} for alias in names)
    return False


def base_name(base: ast.expr) -> str | None:
    match base:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return None


def test_only_the_remover_gets_hold_of_the_engines_remove() -> None:
    modules = {name for name, module in sources() if any(map(refers_to_removal, ast.walk(module)))}
    # The engine's own package passes it on.
    assert modules == {"delete/by_group.py", "engine/__init__.py", "engine/_python.py"}


def test_only_confirm_makes_permission() -> None:
    modules = {
        name
        for name, module in sources()
        for node in ast.walk(module)
        if isinstance(node, ast.ClassDef)
        and any(base_name(base) in {"Approved", "_Approved"} for base in node.bases)
    }
    assert modules == {"delete/approval.py"}


def test_nothing_else_calls_what_deletes() -> None:
    """Outside the engine nobody deletes by means of the system either; what is renamed is staged."""
    deleting = {
        "unlink",
        "rmdir",
        "rmtree",
        "removedirs",
        "remove",
        "truncate",
        "rename",
        "replace",
    }

    def deletes(node: ast.AST) -> bool:
        match node:
            case ast.Attribute(value=ast.Name(id="os" | "shutil"), attr=name):
                return name in deleting
            case ast.ImportFrom(module="os" | "shutil", names=names):
                return any(alias.name in deleting for alias in names)
        return False

    modules = {name for name, module in sources() if any(map(deletes, ast.walk(module)))}
    # One puts a file that is whole in the place of an old one, which is no artifact. One takes out the schedules that
    # the program has put in, and one renames a history that is damaged.
    assert modules == {
        *("delete/rename_away.py", "engine/_by_descriptor.py", "engine/_by_path.py"),
        *("system/whole_file.py", "unattended/schedule/placing.py", "record/history/files.py"),
    }


def test_the_searchers_for_such_references_find_them() -> None:
    """Or the three tests above would hold whatever the sources say."""

    def found(source: str, test: Callable[[Any], bool]) -> bool:
        return any(map(test, ast.walk(ast.parse(source))))

    assert found("from cleanup_nodemodule import engine\nengine.remove(1)", refers_to_removal)
    assert found("from cleanup_nodemodule.engine import remove", refers_to_removal)
    assert found("from cleanup_nodemodule.engine._python import remove", refers_to_removal)
    assert found("call(_python.remove)", refers_to_removal)
    assert found("removed: Removal = _chosen.remove(root)", refers_to_removal)
    assert not found("waiting.remove(1)", refers_to_removal)
    (made,) = ast.parse("class Made(model.Approved): ...").body
    assert isinstance(made, ast.ClassDef)
    assert base_name(made.bases[0]) == "Approved"


def test_another_directory_with_the_same_inode_number_is_not_deleted(project: Path) -> None:
    """Ext4 gives the number of a deleted directory to the next one that is made."""
    top = project / "node_modules"
    status = os.lstat(top)
    planned = artifact(top)
    candidate = replace(planned.candidate, changed=status.st_ctime_ns - 1)
    run = remove([replace(planned, candidate=candidate)])
    (failed,) = run.failed
    assert [problem.code for problem in failed.problems] == [ProblemCode.CHANGED]
    assert top.exists()
    same = replace(planned.candidate, changed=os.lstat(top).st_ctime_ns)
    assert remove([replace(planned, candidate=same)]).failed == []
    assert not top.exists()


def test_what_is_protected_by_now_is_spared(project: Path) -> None:
    """Between the plan and its execution somebody may have committed it."""
    planned = [artifact(project / "dist"), artifact(project / "node_modules")]
    (kept, gone) = planned
    problem = Problem(kept.path, ProblemCode.PROTECTED, detail="tracked")
    run = remove(planned, again=Against({kept.path: problem}, {}))
    assert run.failed == [Failed(kept, 0, (problem,), interrupted=False, untouched=True)]
    assert run.removed == [gone.path]
    assert (project / "dist").exists()


@each_engine
def test_what_is_protected_behind_its_rename_is_put_back(project: Path) -> None:
    planned = [artifact(project / "dist"), artifact(project / "node_modules")]
    (kept, gone) = planned
    problem = Problem(kept.path, ProblemCode.PROTECTED, detail="mount-point")
    before = listing(project / "dist")
    run = remove(planned, again=Against({}, {kept.path: problem}))
    assert run.failed == [Failed(kept, 0, (problem,), interrupted=False, untouched=True)]
    assert run.removed == [gone.path]
    assert listing(project / "dist") == before


# How many calls at a time.


@by_python
@pytest.mark.parametrize(
    ("groups", "together"), [(None, 8), pytest.param(Groups(3, 4), 2, marks=pytest.mark.slow)]
)
def test_a_disk_that_has_calls_wait_is_given_more_of_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, groups: Groups | None, together: int
) -> None:
    """But not where two that delete in the same group of inodes wait for each other."""
    lock = threading.Lock()
    at_work = peak = 0
    delete = _python_remove.remove

    def wait_and_delete(*arguments: Any) -> Removal:
        nonlocal at_work, peak
        with lock:
            at_work += 1
            peak = max(peak, at_work)
        time.sleep(0.005)
        removal = delete(*arguments)
        with lock:
            at_work -= 1
        return removal

    monkeypatch.setattr(_python, "remove", wait_and_delete)
    monkeypatch.setattr(engines, "groups_of", lambda _directory: groups)
    monkeypatch.setattr(breadth, "_TRIAL", 0.02)
    # Whether more of them do more is for the tests of the scheduler.
    monkeypatch.setattr(breadth, "_WORTH_IT", 0.0)
    monkeypatch.setattr(empty, "_BUDGET", 8)
    monkeypatch.setattr(empty, "_MAX", 8)
    declare(
        tmp_path, {"node_modules": {f"d{one}": dict.fromkeys("abcdef", 1) for one in range(400)}}
    )
    run = remove([artifact(tmp_path / "node_modules")], most=8)
    assert run.failed == []
    assert not (tmp_path / "node_modules").exists()
    assert peak == together
