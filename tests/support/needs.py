"""What a test cannot do without, and is skipped for."""

import os
from typing import NoReturn

import pytest


def needs_root() -> None:
    """Skip a test that only root can run; in CI, where root runs everything, fail instead."""
    if os.geteuid() != 0:
        unable("needs root, for mounts and other owners")


def unable(why: str) -> NoReturn:
    """Skip the running test, saying why; in CI that is a failure."""
    if os.environ.get("CI"):
        pytest.fail(f"must run in CI, but: {why}")
    pytest.skip(why)
