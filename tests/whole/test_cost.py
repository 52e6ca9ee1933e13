"""What a dry run asks of the system for each artifact: a bound, so that no question comes in unnoticed.

Counted are the calls of all threads, by strace(1). Of two trees of the same kind, one with more projects, the difference
is what the projects cost and not what the start does.
"""

import re
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from support.processes import strace
from support.tool import Tool
from support.trees import Declared, declare

pytestmark = pytest.mark.slow

COMPILED: Final[Declared] = {"x.py": "x = 1\n", "__pycache__": {"x.cpython-311.pyc": "x" * 100}}

PACKAGES: Final = '"node_modules/a": {"version": "1.0.0"}, "node_modules/b": {"version": "1.0.0"}'

INSTALLED: Final[Declared] = {
    "package.json": '{"dependencies": {"a": "1.0.0", "b": "1.0.0"}}',
    "node_modules": {
        ".package-lock.json": f'{{"lockfileVersion": 3, "packages": {{{PACKAGES}}}}}',
        "a": {"package.json": '{"name": "a", "version": "1.0.0"}', "index.js": "x"},
        "b": {"package.json": '{"name": "b", "version": "1.0.0"}', "index.js": "x"},
    },
}

FEW: Final = 50
MANY: Final = 250

BY_PATH: Final = re.compile(
    r"^\d+ +(?:openat2?|newfstatat|statx|lstat|stat|open|readlink|readlinkat|access|faccessat2?)\("
    r'(?!.*(?:AT_EMPTY_PATH|, ""))'
)
"""Calls by which the kernel looks up a name."""


@pytest.mark.parametrize(
    ("project", "profile", "most"),
    [(COMPILED, "python", 18), (INSTALLED, "js", 30)],
    ids=["compiled", "installed"],
)
def test_what_is_asked_for_each_artifact(
    tool: Tool, tmp_path: Path, project: Declared, profile: str, most: int
) -> None:
    """About half of it the engine asks, which opens each directory safely to search it, and again to measure."""
    counts: list[Counter[str]] = []
    for count in (FEW, MANY):
        top, log = tmp_path / f"top-{count}", tmp_path / f"log-{count}"
        declare(top, {f"p{number}": project for number in range(count)})
        told = tool.run(top, "--profile", profile, prefix=strace(log))
        assert len(told.rows) == count
        assert told.document["totals"]["selected"] == count
        counts.append(_counted(log.read_text(errors="replace")))
    more = MANY - FEW
    by_path = (counts[1]["by path"] - counts[0]["by path"]) / more
    waits = (counts[1]["futex"] - counts[0]["futex"]) / more
    assert by_path <= most
    # One thread asks all, and none waits for another's interpreter: that were hundreds for each.
    assert waits <= 10


def _counted(log: str) -> "Counter[str]":
    counted: Counter[str] = Counter()
    for line in log.splitlines():
        if BY_PATH.match(line):
            counted["by path"] += 1
        elif "futex(" in line:
            counted["futex"] += 1
    return counted
