"""Which directories lie around which, by their paths alone. Pure."""

import os
from collections.abc import Sequence


def innermost_around(paths: Sequence[str]) -> dict[int, int | None]:
    """Return for each of some different paths, by its place, that of the innermost other one around it, if any.

    What lies around another one comes before it.
    """
    around: dict[int, int | None] = {}
    open_: list[int] = []
    prefixes = [path if path.endswith(os.sep) else path + os.sep for path in paths]
    for place in sorted(range(len(paths)), key=prefixes.__getitem__):
        while open_ and not prefixes[place].startswith(prefixes[open_[-1]]):
            open_.pop()
        around[place] = open_[-1] if open_ else None
        open_.append(place)
    return around
