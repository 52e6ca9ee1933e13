"""Threads that make do with fewer, and processes that can be left behind."""

import os
import sys
import threading
import time
from concurrent.futures import wait
from pathlib import Path

import pytest

from cleanup_nodemodule.delete import rename_away
from cleanup_nodemodule.delete.rename_away import ChangedError
from cleanup_nodemodule.model import Candidate, Identity
from cleanup_nodemodule.work import bound, helper_process
from cleanup_nodemodule.work.bound import Searchers
from cleanup_nodemodule.work.helper_process import EndedError, HelperProcess
from cleanup_nodemodule.work.threads import Workers
from support.meeting import meet
from support.waiting import TIMEOUT


def test_a_thread_that_has_nothing_to_do_is_used_again() -> None:
    workers = Workers()
    threads = {workers.submit(threading.get_ident).result() for _ in range(100)}
    workers.shutdown()
    assert len(threads) == 1


def test_as_many_threads_as_calls_at_a_time() -> None:
    workers = Workers()
    barrier = threading.Barrier(5)
    calls = [workers.submit(barrier.wait, 60) for _ in range(5)]
    assert sorted(call.result() for call in calls) == [0, 1, 2, 3, 4]
    workers.shutdown()


def test_what_a_call_raises_is_raised_and_the_thread_goes_on() -> None:
    workers = Workers()
    with pytest.raises(ZeroDivisionError):
        workers.submit(divmod, 1, 0).result()
    assert workers.submit(divmod, 7, 2).result() == (3, 1)
    workers.shutdown()


def no_thread(_self: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_without_more_threads_those_there_are_do_it_all(monkeypatch: pytest.MonkeyPatch) -> None:
    workers = Workers()
    begun, released = threading.Event(), threading.Event()

    def hold() -> int:
        begun.set()
        released.wait()
        return threading.get_ident()

    first = workers.submit(hold)
    begun.wait()
    monkeypatch.setattr(threading.Thread, "start", no_thread)
    others = [workers.submit(threading.get_ident) for _ in range(10)]
    assert not wait(others, timeout=0.05).done
    released.set()
    assert {other.result() for other in others} == {first.result()}
    workers.shutdown()


def test_without_any_thread_the_caller_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading.Thread, "start", no_thread)
    workers = Workers()
    assert workers.submit(threading.get_ident).result() == threading.get_ident()
    workers.shutdown()


def test_what_is_cancelled_is_not_called() -> None:
    workers = Workers()
    begun, released = threading.Event(), threading.Event()

    def hold() -> None:
        begun.set()
        released.wait()

    workers.submit(hold)
    begun.wait()
    called: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        waiting = [workers.submit(called.append, number) for number in range(3)]
    waiting[0].cancel()
    workers.shutdown(wait=False, cancel_futures=True)
    released.set()
    assert all(one.cancelled() for one in waiting)
    assert called == []


# In processes of their own


def test_a_call_is_made_by_another_process_the_same_one_each_time() -> None:
    workers = Workers(helper=HelperProcess)
    processes = {workers.submit(os.getpid).result() for _ in range(3)}
    assert len(processes) == 1
    assert os.getpid() not in processes
    workers.shutdown()


def test_what_is_raised_there_is_raised_here(tmp_path: Path) -> None:
    workers = Workers(helper=HelperProcess)
    with pytest.raises(FileNotFoundError):
        workers.submit(os.lstat, tmp_path / "nowhere").result()
    changed = Candidate(str(tmp_path), "/", Identity(0, 0), mounted=False)
    with pytest.raises(ChangedError):
        workers.submit(rename_away.check, changed).result()
    workers.shutdown()


def test_it_imports_what_is_imported_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here/only_here.py").write_text("VALUE = 7")
    monkeypatch.syspath_prepend(tmp_path / "here")
    workers = Workers(helper=HelperProcess)
    assert workers.submit(eval, "__import__('only_here').VALUE").result() == 7
    workers.shutdown()


def test_a_process_that_ends_is_an_error_of_the_call() -> None:
    workers = Workers(helper=HelperProcess)
    with pytest.raises(OSError, match="has ended"):
        workers.submit(os._exit, 1).result()
    assert workers.submit(os.getppid).result() == os.getpid()
    workers.shutdown()


# Processes for an engine that is bound to one thread


def test_a_process_helps_the_first_thread_when_that_has_been_at_work_for_a_while(
    tmp_path: Path,
) -> None:
    workers = Searchers()
    assert workers.submit(os.getpid).result() == os.getpid()
    time.sleep(bound.START_OF_A_PROCESS)
    together = [workers.submit(meet, str(tmp_path), 3) for _ in range(3)]
    processes = {one.result() for one in together}
    assert len(processes) == 3
    assert os.getpid() in processes
    workers.shutdown()


def test_what_is_done_at_once_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bound, "START_OF_A_PROCESS", 3600.0)
    workers = Searchers()
    calls = [workers.submit(os.getpid) for _ in range(20)]
    assert {call.result() for call in calls} == {os.getpid()}
    workers.shutdown(wait=False)


def test_help_comes_for_what_waits_behind_a_call_that_is_stuck() -> None:
    workers = Searchers()
    stuck, released = threading.Event(), threading.Event()

    def wait_for_release() -> None:
        stuck.set()
        released.wait(TIMEOUT)

    first = workers.submit(wait_for_release)
    assert stuck.wait(TIMEOUT)
    assert workers.submit(os.getpid).result(TIMEOUT) != os.getpid()
    assert not first.done()
    released.set()
    workers.shutdown()


def test_an_answer_that_cannot_be_understood_is_no_part_of_the_next_one() -> None:
    workers = Workers(helper=HelperProcess)
    with pytest.raises(EndedError):
        workers.submit(os.write, 1, b"no pickle").result()
    assert workers.submit(os.getppid).result() == os.getpid()
    workers.shutdown()


@pytest.mark.parametrize("first", ["no process", "one that ends"])
def test_without_a_process_that_helps_the_thread_makes_the_calls(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, first: str
) -> None:
    program = "/nowhere/python" if first == "no process" else "/bin/false"
    monkeypatch.setattr(sys, "executable", program)
    monkeypatch.setattr(bound, "START_OF_A_PROCESS", 0.0)
    workers = Searchers()
    together = [workers.submit(meet, str(tmp_path), 2) for _ in range(2)]
    assert {one.result() for one in together} == {os.getpid()}
    with pytest.raises(FileNotFoundError):
        workers.submit(os.lstat, tmp_path / "nowhere").result()
    workers.shutdown()


def test_without_a_process_that_is_needed_the_call_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    workers = Workers(helper=HelperProcess)
    with pytest.raises(EndedError):
        workers.submit(os.getpid).result()
    workers.shutdown()


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse", "fuse.sshfs", "fuseblk", "9p", "autofs"])
def test_what_somebody_else_answers_for_needs_a_process(tmp_path: Path, kind: str) -> None:
    kinds = {"/": "ext4", str(tmp_path / "net"): kind, str(tmp_path / "disk"): "xfs"}
    (tmp_path / "way").symlink_to("net/projects")
    (tmp_path / "back").symlink_to("net/..")
    for inside in ("net", "net/a/b", "way", "way/x", "way/..", "disk/../net", "back/net"):
        assert helper_process.is_needed([str(tmp_path), str(tmp_path / inside)], kinds)
    for outside in ("", "disk", "network", "disk/net"):
        assert not helper_process.is_needed([str(tmp_path / outside)], kinds)


def test_symlinks_in_a_circle_need_none(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    assert not helper_process.is_needed([str(tmp_path / "one")], {"/": "ext4"})
