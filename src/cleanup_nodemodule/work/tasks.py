"""Tasks that belong together: where one fails the others are cancelled, and one error comes out."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Final

from cleanup_nodemodule.work.silence import Unanswered


class Stopped(Exception):
    """The work was told to stop before it was done."""


_LEAST_FIRST: Final[tuple[type[BaseException], ...]] = (Stopped, Unanswered, MemoryError)
"""What says the less about what is wrong, the earlier it stands here; anything else says most."""


@asynccontextmanager
async def tasks() -> AsyncIterator[asyncio.TaskGroup]:
    """Give a group of tasks, and wait for all of them. For the time of that.

    What one of them raises is raised as it is, and not in a group: a stop has one shape, whoever was at
    work. Of several it is what says most: what nobody thought of before want of memory, then Unanswered,
    then Stopped.
    """
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as raised:
        raise max(_leaves(raised), key=_weight) from None


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _leaves(one)
    else:
        yield error


def _weight(error: BaseException) -> int:
    for weight, kind in enumerate(_LEAST_FIRST):
        if isinstance(error, kind):
            return weight
    return len(_LEAST_FIRST)
