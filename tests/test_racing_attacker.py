"""A user who swaps things in their own directories, as fast as a program can, while root deletes there.

What they want is that root deletes something that is not theirs. What they swap in leads to a canary, or
is one: a tree of root's with the very names that are being deleted.
"""

import hashlib
import mmap
import os
import shutil
import stat
import struct
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

from cleanup_nodemodule.model import Failed
from conftest import Declared, declare, needs_root, unable
from filesystems import Mounts
from removals import artifact, each_engine, remove
from tool import Tool

SWAPS: Final = 60_000
"""That happen while something is being deleted, in each of the four tests that count them."""

NOBODY: Final = 65534

MOUNTS: Final = 10_000
"""Of something else over a directory while that is being deleted, in each of the two tests that count them."""

PAIRS: Final = 64

CONTENT: Final[Declared] = {**{f"f{number}": 100 for number in range(8)}, "s": {"g": 100}}
"""What is in each directory that is to be deleted, and in the canary."""


@pytest.fixture(scope="module")
def attacker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that swaps; see ``attacker.c``."""
    needs_root()
    compiler = shutil.which("cc")
    if compiler is None:
        unable("needs a C compiler")
    program = tmp_path_factory.mktemp("attacker") / "attacker"
    source = Path(__file__).with_name("attacker.c")
    subprocess.run([compiler, "-O2", "-o", program, source], check=True)
    return program


class Swaps:
    """How often the attacker has swapped something."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_bytes(bytes(8))
        with open(path, "r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 8)

    def count(self) -> int:
        (number,) = struct.unpack("=Q", self._memory[:8])
        return int(number)


@contextmanager
def attacked(program: Path, *arguments: str | Path) -> Iterator[None]:
    """Have the attacker at work for the time of a block."""
    process = subprocess.Popen([program, *arguments], cwd="/", stdout=subprocess.PIPE)
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield
            assert process.poll() is None, "the attacker has ended"
        finally:
            process.kill()


def facts(top: Path) -> dict[str, object]:
    """Return each thing in a canary with what makes it that very thing, and its content."""
    found: dict[str, object] = {}
    for directory, directories, files in os.walk(top):
        for name in [".", *directories, *files]:
            path = os.path.join(directory, name)
            status = os.lstat(path)
            digest = ""
            if stat.S_ISREG(status.st_mode):
                digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
            key = os.path.relpath(path, top)
            found[key] = (status.st_ino, status.st_mode, status.st_uid, status.st_nlink, digest)
    return found


def give_away(top: Path) -> None:
    """Make everything in *top* the attacker's."""
    for directory, directories, files in os.walk(top):
        for name in [".", *directories, *files]:
            os.lchown(os.path.join(directory, name), NOBODY, NOBODY)


def naively(top: Path) -> None:
    """Delete by path, from the innermost outwards, as many programs do."""
    for directory, directories, files in os.walk(top, topdown=False):
        for name in files:
            with suppress(OSError):
                os.unlink(os.path.join(directory, name))
        for name in directories:
            path = os.path.join(directory, name)
            with suppress(OSError):
                (os.unlink if os.path.islink(path) else os.rmdir)(path)
    with suppress(OSError):
        os.rmdir(top)


# What lies in the artifact is swapped.


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """A tree outside, root's own, with the names of what is deleted."""
    declare(tmp_path / "canary", {**CONTENT, "node_modules": {"pkg": CONTENT, **CONTENT}})
    return tmp_path / "canary"


@pytest.fixture
def swaps(tmp_path: Path) -> Swaps:
    return Swaps(tmp_path / "swaps")


def build_inner(project: Path, canary: Path) -> Path:
    """Build an artifact of the attacker's, and return the directory in it where they swap."""
    pairs: dict[str | bytes, object] = {}
    for number in range(PAIRS):
        pairs[f"d{number}"] = CONTENT
        pairs[f"l{number}"] = canary
    declare(project, {"package.json": "{}", "node_modules": {"pkg": pairs}})
    give_away(project)
    return project / "node_modules/pkg"


@each_engine
def test_nothing_outside_is_touched_by_swaps_inside(
    attacker: Path, canary: Path, swaps: Swaps, tmp_path: Path
) -> None:
    before = facts(canary)
    happened = freed = 0
    for number in range(1000):
        project = tmp_path / f"project{number}"
        where = build_inner(project, canary)
        planned = artifact(project / "node_modules")
        with attacked(attacker, "inner", where, str(PAIRS), swaps.path):
            start = swaps.count()
            run = remove([planned])
            happened += swaps.count() - start
        freed += sum(run.freed)
        if happened >= SWAPS and freed:
            break
    assert happened >= SWAPS
    assert freed > 0
    assert facts(canary) == before


def test_swaps_inside_destroy_the_canary_of_a_naive_deletion(
    attacker: Path, canary: Path, swaps: Swaps, tmp_path: Path
) -> None:
    """Which shows that the attack works, and that the canary is one."""
    before = facts(canary)
    for number in range(1000):
        project = tmp_path / f"project{number}"
        where = build_inner(project, canary)
        with attacked(attacker, "inner", where, str(PAIRS), swaps.path):
            naively(project / "node_modules")
        if facts(canary) != before:
            break
    assert set(facts(canary)) < set(before)


# Something else is mounted in the artifact. What is mounted is of the same file system, so that device numbers
# tell nothing.


def build_for_mounts(project: Path) -> Path:
    """Build an artifact, and return the directory in it where things are mounted."""
    places: Declared = {f"d{number}": CONTENT for number in range(PAIRS)}
    declare(project, {"package.json": "{}", "node_modules": {"pkg": places}})
    return project / "node_modules/pkg"


@each_engine
def test_nothing_mounted_inside_is_touched(
    attacker: Path, disks: Mounts, swaps: Swaps, tmp_path: Path
) -> None:
    disk = disks.tmpfs(tmp_path / "disk")
    declare(disk / "canary", CONTENT)
    before = facts(disk / "canary")
    happened = freed = 0
    for number in range(10_000):
        project = disk / f"project{number}"
        where = build_for_mounts(project)
        planned = artifact(project / "node_modules")
        with attacked(attacker, "binds", where, str(PAIRS), swaps.path, disk / "canary"):
            start = swaps.count()
            run = remove([planned])
            happened += swaps.count() - start
        freed += sum(run.freed)
        if happened >= MOUNTS and freed:
            break
    assert happened >= MOUNTS
    assert freed > 0
    assert facts(disk / "canary") == before


def test_mounts_inside_destroy_the_canary_of_a_naive_deletion(
    attacker: Path, disks: Mounts, swaps: Swaps, tmp_path: Path
) -> None:
    disk = disks.tmpfs(tmp_path / "disk")
    declare(disk / "canary", CONTENT)
    before = facts(disk / "canary")
    for number in range(1000):
        project = disk / f"project{number}"
        where = build_for_mounts(project)
        with attacked(attacker, "binds", where, str(PAIRS), swaps.path, disk / "canary"):
            naively(project / "node_modules")
        if facts(disk / "canary") != before:
            break
    assert set(facts(disk / "canary")) < set(before)


# The artifact itself is swapped, and the project, and what is being deleted.


def build_outer(top: Path, canary: Path) -> Path:
    """Build a project of the attacker's, in which lies a directory of root's; return that one."""
    declare(
        top,
        {
            "project": {
                "package.json": "{}",
                "node_modules": {"pkg": CONTENT, **CONTENT},
                "link": canary / "node_modules",
            },
            "elsewhere": canary,
        },
    )
    give_away(top)
    decoy = top / "project/decoy"
    declare(decoy, {"pkg": CONTENT, **CONTENT})
    return decoy


def find(top: Path, inode: int) -> Path:
    """Return where the directory with that inode number is by now."""
    (place,) = [path for path in top.glob("*/*") if os.lstat(path).st_ino == inode]
    return place


@each_engine
def test_nothing_else_is_touched_by_swaps_of_the_artifact_and_its_project(
    attacker: Path, canary: Path, swaps: Swaps, tmp_path: Path
) -> None:
    outside = facts(canary)
    happened = gone = kept = 0
    for number in range(10_000):
        top = tmp_path / f"top{number}"
        decoy = build_outer(top, canary)
        root_s, inode = facts(decoy), os.lstat(decoy).st_ino
        planned = artifact(top / "project/node_modules")
        removed = False
        with attacked(attacker, "outer", top, swaps.path):
            for _ in range(1000):
                start = swaps.count()
                run = remove([planned])
                happened += swaps.count() - start
                assert run.outcome is not None
                (result,) = run.outcome.results
                kept += isinstance(result, Failed)
                removed = bool(run.deleted)
                # Once it is out of the project, or was said to be gone, there is nothing to do there.
                if not isinstance(result, Failed) or result.left_at is not None:
                    break
        gone += removed
        assert facts(find(top, inode)) == root_s
        if happened >= SWAPS and gone and kept:
            break
    assert happened >= SWAPS
    assert gone > 0
    assert kept > 0
    assert facts(canary) == outside


@pytest.mark.parametrize("which", ["outside", "inside"])
def test_swaps_of_the_artifact_destroy_the_canaries_of_a_naive_deletion(
    attacker: Path, canary: Path, swaps: Swaps, tmp_path: Path, which: str
) -> None:
    """Both that which a symlink leads to, and the directory that takes the artifact's place."""

    def survives(look: Callable[[], dict[str, object]], before: dict[str, object]) -> bool:
        try:
            return look() == before
        except ValueError:
            return False  # It is not there at all any more.

    for number in range(1000):
        top = tmp_path / f"top{number}"
        decoy = build_outer(top, canary)
        inode = os.lstat(decoy).st_ino

        def look(top: Path = top, inode: int = inode) -> dict[str, object]:
            return facts(canary if which == "outside" else find(top, inode))

        before = look()
        with attacked(attacker, "outer", top, swaps.path):
            naively(top / "project/node_modules")
        if not survives(look, before):
            return
    pytest.fail("the attack does not work")


# The command as root runs it.


def test_the_command_is_not_led_astray(
    tool: Tool, attacker: Path, canary: Path, swaps: Swaps, tmp_path: Path
) -> None:
    """From the search on, with everything that it looks at in between."""
    outside = facts(canary)
    codes = set()
    for number in range(2):
        top = tmp_path / f"top{number}"
        where = build_inner(top / "project", canary)
        with attacked(attacker, "inner", where, str(PAIRS), swaps.path):
            told = tool.delete(top, "--targets", "node_modules")
        codes.add(told.code)
        decoys = tmp_path / f"outer{number}"
        decoy = build_outer(decoys, canary)
        root_s, inode = facts(decoy), os.lstat(decoy).st_ino
        with attacked(attacker, "outer", decoys, swaps.path):
            told = tool.delete(decoys, "--targets", "node_modules")
        codes.add(told.code)
        assert facts(find(decoys, inode)) == root_s
        assert facts(canary) == outside
    assert codes <= {0, 3}
    assert swaps.count() > 0
