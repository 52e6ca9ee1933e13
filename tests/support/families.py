"""Families of cases: some of each are tried after every change, and all of them where there is time."""

from collections.abc import Iterable
from typing import Any

import pytest


def some_slow(cases: Iterable[Any], every: int) -> list[Any]:
    """Return *cases* for ``parametrize``: all are slow but the first of each *every* of them.

    A case for several arguments is a tuple.
    """
    return [
        case
        if place % every == 0
        else pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.slow)
        for place, case in enumerate(cases)
    ]
