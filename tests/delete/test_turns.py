"""The order of artifacts of which one lies in another, or proves another."""

import asyncio
import random

import pytest

from cleanup_nodemodule.delete.order import Turns, turn_of

PATHS = (
    "/w/mono/node_modules",
    "/w/mono/dist",
    "/w/mono/packages/a/dist",
    "/w/mono/packages/a/node_modules",
    "/w/mono/packages/a/node_modules/x/dist",
    "/w/mono/packages/a/node_modules/x/node_modules",
    "/w/mono/packages/b/node_modules",
    "/w/mono-2/node_modules",
    "/w/mono-2/dist",
    "/w/plain/build/dist",
    "/w/plain/build",
    "/w/plain/build-2",
    "/w/plain/build/node_modules",
    "/w/plain/build/deep/node_modules",
)


def ended(paths: list[str], at_once: int, staying: frozenset[str]) -> tuple[list[str], set[str]]:
    """Give each its turn, so many at once; return the order in which they ended, and which stayed."""
    order: list[str] = []
    stayed: set[str] = set()

    async def run() -> None:
        turns = Turns(paths)
        waiting = sorted(paths, key=turn_of)

        async def work() -> None:
            while waiting:
                path = waiting.pop(0)
                stays = await turns.await_inner(path) is not None or path in staying
                await asyncio.sleep(0)
                order.append(path)
                if stays:
                    stayed.add(path)
                turns.done(path, stays=stays)

        await asyncio.wait_for(asyncio.gather(*(work() for _ in range(at_once))), 60)

    asyncio.run(run())
    return order, stayed


@pytest.mark.parametrize("at_once", [1, 2, 5, 20])
def test_what_lies_in_another_and_what_another_proves_go_first(at_once: int) -> None:
    for seed in range(20):
        paths = list(PATHS)
        random.Random(seed).shuffle(paths)
        order, stayed = ended(paths, at_once, frozenset())
        assert (sorted(order), stayed) == (sorted(PATHS), set())
        at = {path: number for number, path in enumerate(order)}
        for path in PATHS:
            around = path.removesuffix("/node_modules")
            for other in PATHS:
                if other != path and other.startswith(f"{around}/"):
                    assert at[other] < at[path], (other, path)


def test_what_stays_keeps_what_lies_around_it_and_nothing_else() -> None:
    inner = "/w/mono/packages/a/node_modules/x/dist"
    _, stayed = ended(list(PATHS), 3, frozenset({inner, "/w/mono/dist"}))
    assert stayed == {inner, "/w/mono/packages/a/node_modules", "/w/mono/dist"}
