"""Candidates measured: many small ones together, a large one by everybody."""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import pytest

from cleanup_nodemodule import engine
from cleanup_nodemodule.engine.contract import Watch
from cleanup_nodemodule.model import Candidate, Contents, Identity, Problem
from cleanup_nodemodule.survey import measure as sizing
from cleanup_nodemodule.survey.ledger import Ledger
from cleanup_nodemodule.work.conversion import anchor
from cleanup_nodemodule.work.scheduler import Scheduler
from support.trees import Declared, declare

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Counting(Executor):
    """Counts what is submitted, and how many of that are at it at once."""

    def __init__(self, workers: int) -> None:
        self._pool = ThreadPoolExecutor(workers)
        self.calls = self.at_once = self.most = 0

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> "Future[_T]":
        self.calls += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        future = self._pool.submit(fn, *args, **kwargs)
        future.add_done_callback(self._ended)
        return future

    def _ended(self, _future: "Future[Any]") -> None:
        self.at_once -= 1


def candidate(path: Path) -> Candidate:
    status = path.stat()
    identity = Identity(status.st_dev, status.st_ino)
    return Candidate(str(path), str(path.parent), identity, mounted=False)


def measure(
    paths: Sequence[Path],
    executor: Executor,
    workers: int,
    watch: Callable[[int], Watch | None] = lambda _number: None,
) -> tuple[list[Contents | None], list[Problem]]:
    problems: list[Problem] = []
    candidates = list(enumerate(candidate(path) for path in paths))
    for path in paths:
        if path.name == "vanishes":
            path.rmdir()

    async def work() -> list[Contents | None]:
        return await sizing.measure(
            candidates,
            Scheduler(executor, workers),
            Ledger(),
            watch=watch,
            problem=problems.append,
            measured=lambda _path, _size: None,
        )

    return asyncio.run(work()), problems


def counts(contents: Sequence[Contents | None]) -> list[tuple[int, int] | None]:
    return [None if one is None else (one.files, one.directories) for one in contents]


def test_many_small_ones_go_in_few_calls_and_none_is_taken_for_another(tmp_path: Path) -> None:
    trees: Declared = {f"{n:03}": {"d": {str(m): m for m in range(n % 7)}} for n in range(500)}
    declare(tmp_path, {**trees, "vanishes": {}})
    paths = sorted(tmp_path.iterdir())
    executor = Counting(1)
    contents, problems = measure(paths, executor, 1)
    assert problems == []
    assert counts(contents) == [*((n % 7, 2) for n in range(500)), None]
    assert executor.calls < 10


def test_what_is_too_large_for_a_call_does_not_hold_up_those_behind_it(tmp_path: Path) -> None:
    large = {str(n): {str(m): 1 for m in range(20)} for n in range(300)}
    declare(tmp_path, {"a": {"x": 1}, "b": large, "c": {"y": 1, "z": {}}})
    contents, problems = measure(sorted(tmp_path.iterdir()), Counting(1), 1)
    assert problems == []
    assert counts(contents) == [(1, 1), (6000, 301), (1, 2)]


@pytest.mark.parametrize("shape", ["deep", "flat"])
def test_a_large_one_is_measured_by_all_workers(tmp_path: Path, shape: str) -> None:
    """In many directories, or all of it in a single one."""
    inner = {str(n): {str(m): 1 for m in range(20)} for n in range(400)}
    declare(tmp_path, {"top": inner if shape == "deep" else {str(n): 1 for n in range(30_000)}})
    executor = Counting(4)
    [contents], problems = measure([tmp_path / "top"], executor, 4)
    assert problems == []
    assert counts([contents]) == [(8000, 401) if shape == "deep" else (30_000, 1)]
    assert executor.most == 4


def listed(contents: Sequence[Contents | None]) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    return [(one.met, one.late) for one in contents if one is not None]


def test_each_is_watched_for_what_it_is_to_be_watched_for(tmp_path: Path) -> None:
    """Though several are measured in one call; what is met has a path of its own, in order."""
    inside: Declared = {"z.key": 1, "x": {"a.key": 1, b"\xff.KEY": 1}, "b.crt": 1}
    declare(tmp_path, dict.fromkeys("abc", inside))
    os.utime(tmp_path / "c/b.crt", (1, 4e9))
    keys, crts = Watch(endings=frozenset({b"key"})), Watch(endings=frozenset({b"crt"}))
    watches = {0: keys, 2: crts._replace(since=3_000_000_000)}
    executor = Counting(1)
    contents, problems = measure(sorted(tmp_path.iterdir()), executor, 1, watches.get)
    assert problems == []
    assert executor.calls == 1
    assert listed(contents) == [
        (("x/a.key", os.fsdecode(b"x/\xff.KEY"), "z.key"), ()),
        ((), ()),
        (("b.crt",), ("b.crt",)),
    ]
    assert all(one is not None and one.unlisted == 0 for one in contents)


@pytest.mark.parametrize("shape", ["deep", "flat"])
def test_what_is_watched_for_is_met_in_every_part_of_a_large_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: str
) -> None:
    """More than is kept, and more than one call lists."""
    monkeypatch.setattr(sizing, "MAX_LISTED", 1500)
    keys: Declared = {f"{number}.key": 1 for number in range(20)}
    deep: Declared = {str(number): keys for number in range(200)}
    flat: Declared = {f"{number}.key": 1 for number in range(4000)}
    declare(tmp_path, {"top": deep if shape == "deep" else flat})
    watch = Watch(endings=frozenset({b"key"}), since=1)
    [contents], problems = measure([tmp_path / "top"], Counting(4), 4, lambda _number: watch)
    assert problems == []
    assert contents is not None
    assert (len(contents.met), len(contents.late)) == (1500, 1500)
    assert contents.unlisted == 2 * 2500
    assert contents.met == tuple(sorted(set(contents.met)))
    assert all((tmp_path / "top" / path).exists() for path in contents.met + contents.late)


def test_when_it_was_measured_is_taken_down_however_it_was_done(tmp_path: Path) -> None:
    declare(tmp_path / "a", {"f": 1})
    one = candidate(tmp_path / "a")
    problems: list[Problem] = []
    before = int(time.time())
    with ThreadPoolExecutor(1) as executor:
        [first], _ = measure([tmp_path / "a"], executor, 1)
    begun = engine.measure(anchor(one.path, one.identity), [b""], 100)
    second = sizing.contents_of(0, one, begun, Ledger(), problem=problems.append)
    declare(tmp_path / "a", {".git": {}})
    begun = engine.measure(anchor(one.path, one.identity), [b""], 100)
    third = sizing.contents_of(0, one, begun, Ledger(), problem=problems.append)
    for contents in (first, second, third):
        assert contents is not None
        assert before <= contents.measured_at <= time.time()
    assert problems == []
    assert first == second
    assert first is not None
    assert first == replace(first, measured_at=1)
