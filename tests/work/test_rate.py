"""A bound of entries a second, kept by all calls together."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from cleanup_nodemodule.work.rate import Rate
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.tasks import Stopped
from support.waiting import TIMEOUT


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def seconds_for(total: int, *, per_second: int, workers: int, call: Callable[[Rate], int]) -> float:
    """Return how long so many entries take *workers* whose calls take no time, each with what *call* says."""
    clock = Clock()
    rate = Rate(per_second, clock)
    done = 0
    while done < total:
        clock.now += rate.wait()
        for _ in range(workers):
            entries = min(call(rate), total - done)
            rate.handled(entries)
            done += entries
    return clock.now + rate.wait() - 100.0


@pytest.mark.parametrize("workers", [1, 2, 16])
def test_all_workers_together_keep_the_rate(workers: int) -> None:
    taken = seconds_for(20_000, per_second=1000, workers=workers, call=lambda rate: rate.most)
    assert taken == pytest.approx(20, rel=0.01)


@pytest.mark.parametrize("per_second", [1, 7, 1000, 1_000_000])
def test_what_a_call_did_beyond_its_part_is_worked_off(per_second: int) -> None:
    """As with a directory of a thousand files, which is read at once."""
    total = 30 * per_second
    taken = seconds_for(total, per_second=per_second, workers=2, call=lambda _: 3 * per_second)
    assert taken == pytest.approx(30, rel=0.01)


def test_who_has_waited_for_something_else_does_not_make_up_for_that() -> None:
    clock = Clock()
    rate = Rate(1000, clock)
    clock.now += 3600
    assert rate.wait() == 0
    rate.handled(1000)
    assert rate.wait() == pytest.approx(0.9)


def test_a_call_gets_a_tenth_of_a_second_at_most() -> None:
    assert [Rate(each).most for each in (1, 9, 1000, 50_000)] == [1, 1, 100, 5000]


def test_less_than_one_a_second_is_no_rate() -> None:
    with pytest.raises(ValueError, match="at least 1 a second, not 0"):
        Rate(0)


def test_a_scheduler_hands_out_what_the_rate_allows_and_waits_for_it() -> None:
    """And a stop ends that wait at once, however long it would be."""

    async def work() -> None:
        with ThreadPoolExecutor(2) as executor:
            scheduler = Scheduler(executor, 2, rate=Rate(1000))
            assert scheduler.limited
            assert scheduler.portion(8192) == 100
            assert scheduler.portion(20) == 20
            scheduler.handled(1)
            assert await scheduler.call(int, "7") == 7
            scheduler.handled(10**9)
            waiting = [
                asyncio.ensure_future(one)
                for one in (
                    scheduler.call(pytest.fail, "it was called"),
                    scheduler.change(pytest.fail, "it was called"),
                )
            ]
            for _ in range(10):
                await asyncio.sleep(0)
            assert not any(one.done() for one in waiting)
            scheduler.stop()
            for one in waiting:
                with pytest.raises(Stopped):
                    await asyncio.wait_for(one, TIMEOUT)

    asyncio.run(work())


def test_without_a_rate_nobody_waits_and_nothing_is_bounded() -> None:
    async def work() -> None:
        with ThreadPoolExecutor(1) as executor:
            scheduler = Scheduler(executor, 1)
            scheduler.handled(10**12)
            assert not scheduler.limited
            assert scheduler.portion(8192) == 8192
            assert await scheduler.call(int, "7") == 7

    asyncio.run(work())
