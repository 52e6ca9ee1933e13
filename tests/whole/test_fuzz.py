"""The whole command on random trees that mean harm: it ends, says all, and touches nothing else.

``pytest --fuzz-trees N`` tries so many; what runs by default are the first ten with each engine, and .ci/run tries those that follow. A tree follows from
its number alone, so that a failure is repeated by ``--fuzz-first NUMBER --fuzz-trees 1``.
"""

import hashlib
import json
import os
import random
import resource
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest

from support import hostile_trees
from support.accounts import NOBODY
from support.engines import NATIVE, native_engine
from support.hostile_trees import Tree
from support.places import COMMAND
from support.preloaded import Preloaded
from support.tool import Told, Tool

pytestmark = pytest.mark.slow

AT_ONCE: Final = 5
"""Trees in one test, one after the other."""

LIMITS: Final = {
    resource.RLIMIT_AS: 4 << 30,
    resource.RLIMIT_CPU: 60,
    resource.RLIMIT_FSIZE: 64 << 20,
    resource.RLIMIT_CORE: 0,
}
"""What a run may take: bytes of memory, seconds of processor time, bytes of a file that it writes."""

RUN: Final = frozenset({0, 3})
"""Exit codes of a search or deletion that went to its end: there always is something to search."""

TOLD: Final = frozenset({0, 2, 3})
"""Exit codes of the commands that only tell."""

SWAP: Final = """
import ctypes, json, os, sys, time
pairs = [[os.fsencode(path) for path in pair] for pair in json.loads(sys.argv[1])]
if os.geteuid() == 0 and int(sys.argv[2]):
    os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[2]))
exchange = ctypes.CDLL(None).renameat2
print(flush=True)
while os.getppid() != 1:
    for one, other in pairs:
        exchange(-100, one, -100, other, 2)  # RENAME_EXCHANGE, renameat2(2)
    time.sleep(0.0005)  # Others have tests to run, too.
"""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Have a test for each share of the trees asked for."""
    first: int = metafunc.config.getoption("--fuzz-first")
    count: int = metafunc.config.getoption("--fuzz-trees")
    shares = [
        range(start, min(start + AT_ONCE, first + count))
        for start in range(first, first + count, AT_ONCE)
    ]
    metafunc.parametrize("numbers", shares, ids=lambda share: str(share.start))


@pytest.fixture(scope="module")
def limited() -> Iterator[Preloaded]:
    """What runs the command under limits."""
    with Preloaded(COMMAND, LIMITS) as preloaded:
        yield preloaded


@pytest.fixture(params=["python", NATIVE])
def tool(request: pytest.FixtureRequest, tmp_path: Path, limited: Preloaded) -> Tool:
    """The command with each engine in turn, under limits."""
    if request.param == NATIVE:
        native_engine()
    return Tool(request.param, tmp_path / "home", limited)


def test_no_tree_ends_a_run_or_loses_a_thing(
    tool: Tool, tmp_path: Path, numbers: range, schema: dict[str, Any]
) -> None:
    documents = jsonschema.Draft202012Validator(schema)
    for number in numbers:
        top = tmp_path / f"tree{number}"
        try:
            _try(tool, top, tmp_path / f"canary{number}", number, documents)
        except BaseException as error:
            error.add_note(f"tree {number}")
            raise
        finally:
            # Not shutil.rmtree, which cannot take away a chain of a thousand directories.
            subprocess.run(["rm", "-rf", top], check=True)


def _try(
    tool: Tool, top: Path, canary: Path, number: int, documents: jsonschema.Draft202012Validator
) -> None:
    chance = random.Random(-number)
    canary.mkdir()
    (canary / "file").write_bytes(b"precious")
    (canary / "node_modules").mkdir()
    (canary / "node_modules" / "kept").write_bytes(b"precious")
    tree = hostile_trees.grow(top, canary, number)
    # By then, as a symlink may have led what grew into it.
    before = _facts(canary)
    options = _options(chance, tree)
    listed = _everything(top)
    with _swapping(tree, chance):
        told = tool.run(top, *options)
        again = tool.delete(top, *options)
        _ask(tool, tree, chance)
    for one, deleting in (told, False), (again, True):
        documents.validate(one.document)
        _check(one)
        assert one.code in ({*RUN, 4} if "--max-delete" in options else RUN), one
        if not deleting:
            assert not any(one.outcomes.values())
    assert _facts(canary) == before
    if tree.swaps:
        return  # What is where then is anybody's guess.
    gone = listed - _everything(top)
    deleted = {
        os.path.relpath(os.fsencode(row["path"]), os.fsencode(top))
        for row in again.document["artifacts"]
        # What failed may have been deleted in part.
        if row["outcome"] is not None
    }
    assert {path for path in gone if not _beneath(path, deleted)} == set()
    for row in again.document["artifacts"]:
        there = os.path.lexists(os.fsencode(row["path"]))
        assert there is (row["outcome"] != "deleted"), row
        if row["decision"] == "delete":
            assert row["outcome"] is not None or row["error"] is not None or again.code == 4, row


def _check(told: Told) -> None:
    """Check that a run came to its end, and said all of it."""
    assert "Traceback" not in told.errors, told.errors
    assert "report it" not in told.errors, told.errors
    for row in told.document["artifacts"]:
        assert row["reason"] != "interrupted", row
        assert (row["reason"] is None) is (row["decision"] == "delete"), row


def _ask(tool: Tool, tree: Tree, chance: random.Random) -> None:
    """Have the commands that only tell look at it, too."""
    for path in chance.sample(tree.artifacts, min(2, len(tree.artifacts))):
        _tell(tool, "explain", path, "--json")
    _tell(tool, "log", "--json", os.fsencode(tree.top))
    _tell(tool, "regenerate", "--json")
    _tell(tool, "resume", "--json")


def _tell(tool: Tool, *arguments: str | bytes) -> None:
    done = tool.tell(*arguments)
    assert done.returncode in TOLD, done
    assert "Traceback" not in done.stderr, done.stderr
    assert "report it" not in done.stderr, done.stderr
    if done.stdout:
        json.loads(done.stdout)


def _options(chance: random.Random, tree: Tree) -> list[str]:
    options: list[str] = []
    if chance.random() < 0.8:
        options += ("--profile", "all")
    if chance.random() < 0.2 and tree.artifacts:
        options += ("--targets", os.path.basename(os.fsdecode(chance.choice(tree.artifacts))))
    if chance.random() < 0.1:
        options += ("--exclude", chance.choice(("src", "*.x", "d/d", "**/dist")))
    if chance.random() < 0.1:
        options += ("--max-delete", chance.choice(("1", "5K", "2TB")))
    if chance.random() < 0.2:
        options += ("--min-depth", str(chance.choice((1, 2, 1000))))
    options += ("--jobs", str(chance.choice((1, 2, 8))))
    return options


@contextmanager
def _swapping(tree: Tree, chance: random.Random) -> Iterator[None]:
    """Have a process exchange what the tree says, as its owner or as root, for the time of a block."""
    if not tree.swaps:
        yield
        return
    pairs = json.dumps([[os.fsdecode(path) for path in pair] for pair in tree.swaps])
    user = str(chance.choice((0, NOBODY)))
    with subprocess.Popen(
        [sys.executable, "-S", "-c", SWAP, pairs, user], cwd="/", stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline()
            yield
        finally:
            process.kill()


def _facts(canary: Path) -> dict[str, object]:
    """Return what there is in the canary; how many names it has elsewhere does not matter."""
    found: dict[str, object] = {}
    for directory, directories, files in os.walk(canary):
        for name in [".", *directories, *files]:
            path = Path(directory, name)
            status = path.lstat()
            digest = hashlib.sha256(path.read_bytes()).digest() if path.is_file() else b""
            key = os.path.relpath(path, canary)
            found[key] = (status.st_ino, stat.S_IFMT(status.st_mode), status.st_size, digest)
    return found


def _everything(top: Path) -> set[bytes]:
    """Return the path of everything beneath *top*, relative to it."""
    return {os.path.relpath(path, os.fsencode(top)) for path in hostile_trees.everything(top)}


def _beneath(path: bytes, tops: set[bytes]) -> bool:
    while path:
        if path in tops:
            return True
        path = os.path.dirname(path)
    return False
