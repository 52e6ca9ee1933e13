"""What the documents show of the Python package works, and leaves nothing behind."""

import builtins
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import cleanup_nodemodule
from support.documents import FOR_USERS, read
from support.trees import declare, npm_project

[SHOWN, CONFIGURED, CHOSEN] = [
    block.text for path in FOR_USERS for block in read(path).blocks if block.language == "python"
]
[_DOCUMENTED] = re.findall(r"\n\n((?:    .*\n|\n)+)", cleanup_nodemodule.__doc__ or "")

_TIDY = """
import asyncio, gc, logging, sys, threading

# That a busy machine takes its time is no warning.
logging.getLogger("asyncio").addFilter(lambda record: not record.msg.startswith("Executing"))

async def and_collect(main):
    await main
    gc.collect()

run, before = asyncio.run, threading.enumerate()
asyncio.run = lambda main: run(and_collect(main))
exec(sys.argv[1])
gc.collect()
assert threading.enumerate() == before, threading.enumerate()
"""
"""Runs an example and looks for what it leaves behind."""

_DELETING = """
import os

from cleanup_nodemodule import Settings, delete, scan

outcome = delete(scan(Settings(roots=("src",))))
print([result.artifact.path for result in outcome.results])
"""

_ASYNC = """
import asyncio

from cleanup_nodemodule import AsyncCleaner, Settings

async def main():
    async with AsyncCleaner() as cleaner:
        plan = await cleaner.scan(Settings(roots=("src",)))
    print([artifact.path for artifact in plan.artifacts])

asyncio.run(main())
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home directory with two artifacts."""
    small, large = npm_project({"a": {"index.js": 10}}), npm_project({"a": {"index.js": 100_000}})
    job = f'[job.nightly]\npath = "{tmp_path}"\nkeep = ["new"]\n'
    declare(tmp_path, {"src": small, "new": large, "job.toml": job})
    return tmp_path


def test_the_example_finds_what_is_there(home: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", SHOWN], cwd=home, capture_output=True, text=True, check=True
    )
    assert {line.split()[0] for line in result.stdout.splitlines()} == {
        str(home / "src/node_modules"),
        str(home / "new/node_modules"),
    }


def test_the_example_goes_by_the_configuration(home: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", CONFIGURED], cwd=home, capture_output=True, text=True, check=True
    )
    plan = cleanup_nodemodule.scan(cleanup_nodemodule.Settings(roots=(str(home / "src"),)))
    assert result.stdout == f"{plan.reclaimable_bytes}\n"


def test_the_example_chooses_by_age(home: Path) -> None:
    # However empty the disk of the test is, it is not as empty as that.
    chosen = CHOSEN.replace("Share(20)", "Share(99.9999999)")
    assert chosen != CHOSEN
    for path in (home / "new", *(home / "new").rglob("*")):
        os.utime(path, (1, 1))
    result = subprocess.run(
        [sys.executable, "-c", chosen], cwd=home, capture_output=True, text=True, check=True
    )
    assert result.stdout == f"{[str(home / 'new/node_modules')]}\n"


@pytest.mark.parametrize(
    "example",
    [SHOWN, textwrap.dedent(_DOCUMENTED), _DELETING, _ASYNC],
    ids=["page", "package", "deleting", "async"],
)
def test_a_program_that_uses_the_package_has_nothing_left_to_end(home: Path, example: str) -> None:
    (home / "state").mkdir(mode=0o700)
    result = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", _TIDY, example],
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert str(home / "src/node_modules") in result.stdout


def test_every_public_name_that_the_page_has_is_there() -> None:
    [page] = [read(path) for path in FOR_USERS if path.stem == "library"]
    named = {span.partition("(")[0] for span in page.spans if re.match(r"[A-Za-z]+(\(|$)", span)}
    assert {"scan", "delete", "explain", "Cleaner", "AsyncCleaner"} <= named
    assert named <= {*cleanup_nodemodule.__all__, *dir(builtins)}
