"""Work shared among workers, and stopped."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest

from cleanup_nodemodule.work.pace import Pace
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.silence import Unanswered
from cleanup_nodemodule.work.tasks import Stopped
from support.waiting import TIMEOUT

_T = TypeVar("_T")


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    """More threads than any scheduler here has workers."""
    with ThreadPoolExecutor(16) as pool:
        yield pool


def run(work: Coroutine[Any, Any, _T]) -> _T:
    async def patiently() -> _T:
        async with asyncio.timeout(TIMEOUT):
            return await work

    return asyncio.run(patiently())


class Held:
    """A function that tells when it has begun and goes on when it is let go."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.let_go = threading.Event()
        self.done = threading.Event()

    def __call__(self, result: str) -> str:
        self.begun.set()
        assert self.let_go.wait(TIMEOUT)
        self.done.set()
        return result


async def has_begun(held: Held) -> None:
    assert await asyncio.to_thread(held.begun.wait, TIMEOUT)


async def let_the_loop_turn() -> None:
    """Give everything a chance to happen that was not going to wait."""
    for _ in range(100):
        await asyncio.sleep(0)


class Peak:
    """Counts how many callers are in it at the same time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = 0
        self.most = 0

    def __enter__(self) -> None:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._now -= 1


def test_closing_ends_the_thread_of_its_own_but_not_one_that_is_stuck(
    executor: ThreadPoolExecutor,
) -> None:
    held = Held()

    async def main() -> None:
        before = threading.enumerate()
        with Scheduler(executor, 1) as scheduler:
            assert await scheduler.aside(str, 1) == "1"
            assert threading.enumerate() != before
        assert threading.enumerate() == before
        with Scheduler(executor, 1) as scheduler:
            stuck = asyncio.ensure_future(scheduler.aside(held, "done"))
            await has_begun(held)
        assert scheduler.stopped
        held.let_go.set()
        assert await stuck == "done"

    run(main())


@pytest.mark.parametrize("workers", [0, -1])
def test_no_workers_are_an_error(executor: ThreadPoolExecutor, workers: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Scheduler(executor, workers)


def test_call_and_finish_return_what_the_function_returns(executor: ThreadPoolExecutor) -> None:
    async def work() -> tuple[list[int], list[int]]:
        scheduler = Scheduler(executor, 1)
        return await scheduler.call(sorted, [2, 1]), await scheduler.change(sorted, [4, 3])

    assert run(work()) == ([1, 2], [3, 4])


@pytest.mark.parametrize("way", ["call", "change"])
def test_what_the_function_raises_is_raised_and_the_worker_goes_on(
    executor: ThreadPoolExecutor, way: str
) -> None:
    def fail() -> int:
        raise ZeroDivisionError

    async def work() -> int:
        scheduler = Scheduler(executor, 1)
        call: Callable[..., Coroutine[Any, Any, int]] = getattr(scheduler, way)
        with pytest.raises(ZeroDivisionError):
            await call(fail)
        return await call(len, "four")

    assert run(work()) == 4


@pytest.mark.parametrize("way", ["call", "change"])
@pytest.mark.parametrize("workers", [1, 3])
def test_at_most_as_many_functions_run_as_there_are_workers(
    executor: ThreadPoolExecutor, way: str, workers: int
) -> None:
    peak = Peak()
    together = threading.Barrier(workers)

    def meet() -> None:
        with peak:
            together.wait(TIMEOUT)

    async def work() -> None:
        scheduler = Scheduler(executor, workers)
        call: Callable[..., Coroutine[Any, Any, None]] = getattr(scheduler, way)
        async with asyncio.TaskGroup() as group:
            for _ in range(workers * 20):
                group.create_task(call(meet))

    run(work())
    assert peak.most == workers


# share


class Work:
    """A tree to work off: each item is done once, and says what there is beneath it."""

    def __init__(self, scheduler: Scheduler, beneath: dict[bytes, list[bytes]]) -> None:
        self._scheduler = scheduler
        self._beneath = beneath
        self._lock = threading.Lock()
        self.done: Counter[bytes] = Counter()

    async def __call__(self, stack: list[bytes]) -> list[bytes]:
        return await self._scheduler.call(self._slice, stack)

    def _slice(self, stack: list[bytes]) -> list[bytes]:
        item = stack[-1]
        with self._lock:
            self.done[item] += 1
        return [*stack[:-1], *self._beneath.get(item, [])]


def tree(fan: int, levels: int) -> dict[bytes, list[bytes]]:
    beneath: dict[bytes, list[bytes]] = {}
    level = [b""]
    for _ in range(levels):
        for item in level:
            beneath[item] = [b"%s/%d" % (item, number) for number in range(fan)]
        level = [below for item in level for below in beneath[item]]
    return beneath


@pytest.mark.parametrize("workers", [1, 2, 3, 8])
@pytest.mark.parametrize(("fan", "levels"), [(1, 50), (50, 1), (3, 5), (7, 3)])
def test_sharing_loses_nothing_and_does_nothing_twice(
    executor: ThreadPoolExecutor, workers: int, fan: int, levels: int
) -> None:
    beneath = tree(fan, levels)

    async def work() -> "Counter[bytes]":
        scheduler = Scheduler(executor, workers)
        handle = Work(scheduler, beneath)
        await scheduler.share([b""], handle)
        return handle.done

    expected = {b"", *(below for several in beneath.values() for below in several)}
    assert run(work()) == Counter(expected)


def test_sharing_nothing_ends(executor: ThreadPoolExecutor) -> None:
    async def work() -> "Counter[bytes]":
        scheduler = Scheduler(executor, 2)
        handle = Work(scheduler, {})
        await scheduler.share([], handle)
        return handle.done

    assert not run(work())


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_sharing_keeps_every_worker_busy(executor: ThreadPoolExecutor, workers: int) -> None:
    """The first to open something returns only when every worker is at it."""
    met = threading.Event()
    together = threading.Barrier(workers, action=met.set)
    peak = Peak()

    def open_one(stack: list[bytes]) -> list[bytes]:
        if stack == [b""]:
            return [b"%d" % number for number in range(100)]
        with peak:
            if not met.is_set():
                together.wait(TIMEOUT)
        return stack[:-1]

    async def work() -> None:
        scheduler = Scheduler(executor, workers)

        async def handle(stack: list[bytes]) -> list[bytes]:
            return await scheduler.call(open_one, stack)

        await scheduler.share([b""], handle)

    run(work())
    assert met.is_set()
    assert peak.most == workers


@pytest.mark.parametrize("workers", [2, 5])
def test_what_is_there_at_the_start_is_shared_at_once(
    executor: ThreadPoolExecutor, workers: int
) -> None:
    """No slice comes back before every worker has one."""
    together = threading.Barrier(workers)
    taken: list[list[bytes]] = []

    def open_all(stack: list[bytes]) -> list[bytes]:
        taken.append(stack)
        together.wait(TIMEOUT)
        return []

    start = [b"%d" % number for number in range(workers * 3)]

    async def work() -> None:
        scheduler = Scheduler(executor, workers)

        async def handle(stack: list[bytes]) -> list[bytes]:
            return await scheduler.call(open_all, stack)

        await scheduler.share(start, handle)

    run(work())
    assert sorted(path for slice_ in taken for path in slice_) == sorted(start)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_calls_are_small_only_while_others_have_nothing_to_do(
    executor: ThreadPoolExecutor, workers: int
) -> None:
    def hold(go: threading.Event) -> None:
        assert go.wait(TIMEOUT)

    async def work() -> tuple[int, int]:
        scheduler = Scheduler(executor, workers)
        go = threading.Event()
        alone = scheduler.portion(800)
        others = [asyncio.create_task(scheduler.call(hold, go)) for _ in range(workers - 1)]
        await asyncio.sleep(0)
        busy = scheduler.portion(800)
        go.set()
        await asyncio.gather(*others)
        assert scheduler.portion(1) == 1
        return alone, busy

    assert run(work()) == (800 if workers == 1 else 100, 800)


def test_a_worker_that_has_nothing_to_do_any_more_gets_its_part(
    executor: ThreadPoolExecutor,
) -> None:
    """One slice has a long way to go; the worker done with its own takes half of that."""
    met = threading.Event()
    together = threading.Barrier(2, action=met.set)

    def open_one(stack: list[bytes]) -> list[bytes]:
        last = stack[-1]
        if last == b"":
            return [b"short", b"long"]
        if last == b"long":
            return [*stack[:-1], *(b"%d" % number for number in range(10))]
        if last != b"short" and not met.is_set():
            together.wait(TIMEOUT)
        return stack[:-1]

    async def work() -> None:
        scheduler = Scheduler(executor, 2)

        async def handle(stack: list[bytes]) -> list[bytes]:
            return await scheduler.call(open_one, stack)

        await scheduler.share([b""], handle)

    run(work())
    assert met.is_set()


def test_what_runs_short_is_tried_again_with_fewer_at_a_time(
    executor: ThreadPoolExecutor,
) -> None:
    """Four workers, until one of them lacks something; then two, then one."""
    peak, widths = Peak(), []

    def stay() -> None:
        with peak:
            # Nothing sets it: there is time for all that may be in here at once.
            threading.Event().wait(0.3)

    async def most_at_once(scheduler: Scheduler) -> int:
        peak.most = 0
        await asyncio.gather(*(scheduler.call(stay) for _ in range(4)))
        return peak.most

    async def work() -> None:
        scheduler = Scheduler(executor, 4)
        widths.append(await most_at_once(scheduler))
        for _ in range(3):
            answers = iter([True, False])
            assert await scheduler.read(next, answers, lacked=bool) is False
            widths.append(await most_at_once(scheduler))

    run(work())
    assert widths == [4, 2, 1, 1]


def test_what_stays_short_is_told_in_the_end(
    executor: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    sleep = asyncio.sleep

    async def soon(seconds: float) -> None:
        waits.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", soon)

    async def work() -> None:
        scheduler = Scheduler(executor, 2)
        assert await scheduler.read(lambda: True, lacked=bool) is True
        tried = len(waits)
        with pytest.raises(MemoryError):
            await scheduler.read(_exhausted, lacked=bool)
        # Where waiting has not helped once, it is not waited for long again.
        assert tried > len(waits) - tried

    run(work())
    assert waits[:3] == sorted(waits[:3])


def _exhausted() -> bool:
    raise MemoryError


def test_a_failure_of_one_slice_ends_the_sharing(executor: ThreadPoolExecutor) -> None:
    def open_one(stack: list[bytes]) -> list[bytes]:
        if stack[-1] == b"/1":
            raise ZeroDivisionError
        return [*stack[:-1], *([b"/0", b"/1", b"/2"] if stack == [b""] else [])]

    async def work() -> None:
        scheduler = Scheduler(executor, 2)

        async def handle(stack: list[bytes]) -> list[bytes]:
            return await scheduler.call(open_one, stack)

        await scheduler.share([b""], handle)

    with pytest.raises(ZeroDivisionError):
        run(work())


# Being stopped


def test_a_stopped_call_is_not_waited_for(executor: ThreadPoolExecutor) -> None:
    held = Held()

    async def work() -> None:
        scheduler = Scheduler(executor, 1)
        call = asyncio.create_task(scheduler.call(held, "result"))
        await has_begun(held)
        assert not scheduler.stopped
        scheduler.stop()
        assert scheduler.stopped
        with pytest.raises(Stopped):
            await call
        assert not held.done.is_set()

    try:
        run(work())
    finally:
        held.let_go.set()


def test_what_has_begun_to_change_something_is_waited_for(executor: ThreadPoolExecutor) -> None:
    held = Held()

    async def work() -> str:
        scheduler = Scheduler(executor, 1)
        finish = asyncio.create_task(scheduler.change(held, "result"))
        await has_begun(held)
        scheduler.stop()
        await let_the_loop_turn()
        assert not finish.done()
        held.let_go.set()
        result = await finish
        assert held.done.is_set()
        return result

    try:
        assert run(work()) == "result"
    finally:
        held.let_go.set()


@pytest.mark.parametrize("way", ["call", "change"])
def test_nothing_begins_after_the_stop(executor: ThreadPoolExecutor, way: str) -> None:
    ran: list[str] = []

    async def work() -> None:
        scheduler = Scheduler(executor, 1)
        scheduler.stop()
        with pytest.raises(Stopped):
            await getattr(scheduler, way)(ran.append, "ran")

    run(work())
    assert ran == []


@pytest.mark.parametrize("way", ["call", "change"])
def test_what_waits_for_a_worker_when_it_stops_never_begins(
    executor: ThreadPoolExecutor, way: str
) -> None:
    held = Held()
    ran: list[str] = []

    async def work() -> None:
        scheduler = Scheduler(executor, 1)
        first = asyncio.create_task(scheduler.change(held, "result"))
        await has_begun(held)
        waiting = [
            asyncio.create_task(getattr(scheduler, way)(ran.append, "ran")) for _ in range(3)
        ]
        await let_the_loop_turn()
        scheduler.stop()
        held.let_go.set()
        assert await first == "result"
        for task in waiting:
            with pytest.raises(Stopped):
                await task

    try:
        run(work())
    finally:
        held.let_go.set()
    assert ran == []


def test_a_call_that_is_done_when_it_stops_keeps_its_result(executor: ThreadPoolExecutor) -> None:
    async def work() -> str:
        scheduler = Scheduler(executor, 1)
        result: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        result.set_result("result")
        scheduler.stop()
        return await scheduler.unless_stopped(result)

    assert run(work()) == "result"


def test_waiting_is_given_up_and_cancelled_when_it_stops(executor: ThreadPoolExecutor) -> None:
    cancelled: list[bool] = []

    async def for_ever() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async def work() -> None:
        scheduler = Scheduler(executor, 1)
        waiting = asyncio.create_task(scheduler.unless_stopped(for_ever()))
        await let_the_loop_turn()
        scheduler.stop()
        with pytest.raises(Stopped):
            await waiting
        await let_the_loop_turn()
        # Here, and not when the loop ends and cancels what is left.
        assert cancelled == [True]

    run(work())


def test_sharing_ends_when_it_is_stopped(executor: ThreadPoolExecutor) -> None:
    """The tree has no end, so nothing else ends it."""
    opened = 0

    async def work() -> None:
        scheduler = Scheduler(executor, 2)

        async def handle(stack: list[bytes]) -> list[bytes]:
            nonlocal opened
            opened += 1
            if opened == 20:
                scheduler.stop()
            return await scheduler.call(lambda: [*stack, b"more"])

        await scheduler.share([b""], handle)

    with pytest.raises(Stopped):
        run(work())
    assert opened >= 20


def test_slots_of_calls_given_up_are_free_again(executor: ThreadPoolExecutor) -> None:
    """A task that is cancelled while it waits or runs takes no worker with it."""
    held = Held()

    async def work() -> str:
        scheduler = Scheduler(executor, 1)
        running = asyncio.create_task(scheduler.call(held, "result"))
        waiting = asyncio.create_task(scheduler.call(held, "result"))
        await has_begun(held)
        await let_the_loop_turn()
        for task in (waiting, running):
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        return await scheduler.call(str.upper, "next")

    try:
        assert run(work()) == "NEXT"
    finally:
        held.let_go.set()


# How many entries at a time


def _call(pace: Pace, entries: int, *, of: int, took: float) -> None:
    """Have a call handle so many *entries* in so many seconds."""
    pace.took(took)
    pace.did(entries, of=of)


def test_a_pace_is_that_of_the_last_call() -> None:
    pace = Pace(0.05, 1000, 16_000)
    _call(pace, 1000, of=1000, took=0.5)
    assert pace.entries == 100
    _call(pace, 100, of=100, took=0.04)
    assert pace.entries == 125


def test_a_pace_grows_no_faster_than_twofold_and_has_an_end() -> None:
    pace = Pace(0.05, 1000, 3000)
    paces = []
    for _ in range(3):
        _call(pace, pace.entries, of=pace.entries, took=0.0)
        paces.append(pace.entries)
    assert paces == [2000, 3000, 3000]


def test_a_pace_never_comes_to_a_standstill() -> None:
    pace = Pace(0.05, 1, 3000)
    _call(pace, 1, of=1, took=60.0)
    assert pace.entries == 1
    _call(pace, 1, of=1, took=0.001)
    assert pace.entries == 2


def test_a_call_that_did_nothing_says_nothing_of_the_pace() -> None:
    pace = Pace(0.05, 1000, 3000)
    _call(pace, 0, of=1000, took=60.0)
    assert pace.entries == 1000


def test_a_call_that_came_to_the_end_of_its_work_at_once_says_nothing_of_the_pace() -> None:
    pace = Pace(0.05, 1000, 3000)
    _call(pace, 1, of=1000, took=0.001)
    assert pace.entries == 1000
    _call(pace, 100, of=1000, took=0.5)
    assert pace.entries == 10


def test_what_a_call_took_is_told_without_the_wait_for_its_turn(
    executor: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    times: list[float] = []
    go_on = threading.Event()

    async def one_after_the_other() -> None:
        loop = asyncio.get_running_loop()
        now = float(round(loop.time()))  # So that sums of it are exact.
        scheduler = Scheduler(executor, 1)
        monkeypatch.setattr(loop, "time", lambda: now)
        first = asyncio.create_task(scheduler.call(go_on.wait, took=times.append))
        others = [
            asyncio.create_task(scheduler.call(sorted, [2, 1], took=times.append)),
            asyncio.create_task(scheduler.read(sorted, [2, 1], lacked=_nothing, took=times.append)),
        ]
        await asyncio.sleep(0)
        now += 10
        go_on.set()
        await asyncio.gather(first, *others)

    run(one_after_the_other())
    assert times == [10, 0, 0]


def _nothing(_result: object) -> bool:
    return False


# How many calls at a time


def many(executor: ThreadPoolExecutor, rates: Mapping[int, int], *, busy: float) -> int:
    """Return how many calls are made at a time in the end, by two in the beginning.

    *rates* are how many entries a second so many calls do together, and *busy* is the part of a call's
    time in which it uses a processor.
    """

    async def work() -> int:
        scheduler = Scheduler(executor, 2, max_workers=max(rates))
        for turn in range(1, 100):
            width = scheduler.width
            for _ in range(width):
                entries = rates[width] // 10 // width
                await scheduler.breadth.did(entries, 0.1, 0.1 * busy, now=turn / 10)
        return scheduler.width

    return run(work())


def test_more_calls_go_on_where_they_wait_and_more_of_them_do_more(
    executor: ThreadPoolExecutor,
) -> None:
    assert many(executor, {2: 10_000, 4: 20_000, 8: 30_000}, busy=0.4) == 8
    assert many(executor, {2: 10_000, 4: 20_000, 7: 0}, busy=0.0) == 4


def test_no_more_go_on_than_do_more(executor: ThreadPoolExecutor) -> None:
    assert many(executor, {2: 10_000, 4: 10_500}, busy=0.4) == 2
    assert many(executor, {2: 10_000, 4: 20_000, 8: 19_000}, busy=0.4) == 4


def test_calls_that_are_at_work_are_not_joined_by_others(executor: ThreadPoolExecutor) -> None:
    assert many(executor, {2: 10_000, 4: 40_000}, busy=0.6) == 2


def test_a_few_calls_say_nothing(executor: ThreadPoolExecutor) -> None:
    async def work() -> list[int]:
        scheduler = Scheduler(executor, 2, max_workers=4)
        widths = []
        for now in (1.0, 2.0, 3.0, 4.0):
            await scheduler.breadth.did(1000, 1.0, 0.0, now=now)
            widths.append(scheduler.width)
        return widths

    assert run(work()) == [2, 2, 2, 4]


def test_as_many_calls_go_on_as_may_by_now(executor: ThreadPoolExecutor) -> None:
    async def peak_of(scheduler: Scheduler, together: int) -> int:
        peak = Peak()
        barrier = threading.Barrier(together)

        def meet() -> None:
            with peak:
                barrier.wait(TIMEOUT)

        async with asyncio.TaskGroup() as group:
            for _ in range(together * 10):
                group.create_task(scheduler.change(meet))
        return peak.most

    async def work() -> list[int]:
        scheduler = Scheduler(executor, 2, max_workers=8)
        peaks = [await peak_of(scheduler, 2)]
        assert scheduler.broaden(8)
        peaks.append(await peak_of(scheduler, 8))
        await scheduler.narrow(4)
        peaks.append(await peak_of(scheduler, 4))
        return peaks

    assert run(work()) == [2, 8, 4]


def test_no_more_calls_go_on_where_something_has_run_short(executor: ThreadPoolExecutor) -> None:
    async def work() -> bool:
        scheduler = Scheduler(executor, 2, max_workers=8)
        await scheduler.make_do(0)
        return scheduler.broaden(4)

    assert not run(work())


def test_what_asks_no_disk_is_waited_for_however_little_patience_there_is(
    executor: ThreadPoolExecutor,
) -> None:
    async def work() -> None:
        table, disk = Held(), Held()
        with Scheduler(executor, workers=2, timeout=1e-9) as scheduler:
            asking = asyncio.create_task(scheduler.call(table, "mounts", disk=False))
            await has_begun(table)
            with pytest.raises(Unanswered):
                await scheduler.call(disk, "nothing")
            disk.let_go.set()
            table.let_go.set()
            assert await asking == "mounts"

    run(work())
