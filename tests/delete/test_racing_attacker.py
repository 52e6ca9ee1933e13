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
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from cleanup_nodemodule.model import Failed
from support.accounts import NOBODY, SOMEBODY, give_away
from support.filesystems import Mounts
from support.needs import needs_root, unable
from support.places import SUPPORT
from support.removals import artifact, each_engine, remove
from support.tool import Tool
from support.trees import Declared, declare

pytestmark = pytest.mark.slow

SWAPS: Final = 30_000
"""That happen while something is being deleted, in each of the four tests that count them."""

MOUNTS: Final = 5_000
"""Of something else over a directory while that is being deleted, in each of the two tests that count them."""

PAIRS: Final = 64

CONTENT: Final[Declared] = {**{f"f{number}": 100 for number in range(8)}, "s": {"g": 100}}
"""What is in each directory that is to be deleted, and in the canary."""


@pytest.fixture(scope="module")
def attacker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that swaps; see ``support/attacker.c``."""
    needs_root()
    compiler = shutil.which("cc")
    if compiler is None:
        unable("needs a C compiler")
    program = tmp_path_factory.mktemp("attacker") / "attacker"
    source = SUPPORT / "attacker.c"
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


class Attack(NamedTuple):
    """One on what lies in an artifact, and what it must not get at."""

    build: Callable[[Path], None]
    """Builds a project with an artifact."""
    attacker: Path
    how: str
    target: Path
    """The canary; and for the attacker, if it has to know that."""
    swaps: Swaps
    wanted: int
    """Swaps while something is being deleted."""

    def on(self, project: Path) -> AbstractContextManager[None]:
        """Have the attacker at work there for the time of a block."""
        where = project / "node_modules/pkg"
        return attacked(self.attacker, self.how, where, str(PAIRS), self.swaps.path, self.target)


@pytest.fixture
def with_symlinks(attacker: Path, canary: Path, swaps: Swaps) -> Attack:
    """The attacker swaps directories of its own for symlinks to the canary."""

    def build(project: Path) -> None:
        pairs: dict[str | bytes, object] = {}
        for number in range(PAIRS):
            pairs[f"d{number}"] = CONTENT
            pairs[f"l{number}"] = canary
        declare(project, {"package.json": "{}", "node_modules": {"pkg": pairs}})
        give_away(project)

    return Attack(build, attacker, "inner", canary, swaps, SWAPS)


@pytest.fixture
def with_mounts(attacker: Path, disks: Mounts, swaps: Swaps, tmp_path: Path) -> Attack:
    """The canary is mounted in the artifact; it is of the same file system, so that device numbers tell
    nothing."""
    disks.tmpfs(tmp_path / "disk")
    canary = tmp_path / "disk/canary"
    declare(canary, CONTENT)

    def build(project: Path) -> None:
        places: Declared = {f"d{number}": CONTENT for number in range(PAIRS)}
        declare(project, {"package.json": "{}", "node_modules": {"pkg": places}})

    return Attack(build, attacker, "binds", canary, swaps, MOUNTS)


@pytest.fixture(params=["with_symlinks", "with_mounts"])
def attack(request: pytest.FixtureRequest) -> Attack:
    """Each of them in turn."""
    one: Attack = request.getfixturevalue(request.param)
    return one


@each_engine
def test_nothing_outside_is_touched_by_swaps_inside(attack: Attack) -> None:
    before = facts(attack.target)
    happened = freed = 0
    for number in range(10_000):
        project = attack.target.parent / f"project{number}"
        attack.build(project)
        planned = artifact(project / "node_modules")
        with attack.on(project):
            start = attack.swaps.count()
            run = remove([planned])
            happened += attack.swaps.count() - start
        freed += sum(run.freed)
        if happened >= attack.wanted and freed:
            break
    assert happened >= attack.wanted
    assert freed > 0
    assert facts(attack.target) == before


def test_swaps_inside_destroy_the_canary_of_a_naive_deletion(attack: Attack) -> None:
    """Which shows that the attack works, and that the canary is one."""
    before = facts(attack.target)
    for number in range(1000):
        project = attack.target.parent / f"project{number}"
        attack.build(project)
        with attack.on(project):
            naively(project / "node_modules")
        if facts(attack.target) != before:
            break
    assert set(facts(attack.target)) < set(before)


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
    tool: Tool, attacker: Path, with_symlinks: Attack, tmp_path: Path
) -> None:
    """From the search on, with everything that it looks at in between."""
    canary, swaps = with_symlinks.target, with_symlinks.swaps
    outside = facts(canary)
    codes = set()
    for number in range(2):
        top = tmp_path / f"top{number}"
        with_symlinks.build(top / "project")
        with with_symlinks.on(top / "project"):
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


# Directories that all may write to are moved into what is being deleted.


POOLS: Final = 16

THEIRS: Final[Declared] = {**CONTENT, "empty": {}, "mine": {"deep": CONTENT, "empty": {}}}
"""What others keep in such a directory, and by the same names the attacker in what is being deleted."""


def build_shared(top: Path) -> set[tuple[int, int]]:
    """Build a project of the attacker's with directories as /tmp is one; return what is not theirs in these."""
    pairs: dict[str | bytes, object] = {f"d{number}": THEIRS for number in range(POOLS)}
    project = top / "project"
    declare(project, {"package.json": "{}", "node_modules": {"pkg": pairs}})
    give_away(project)
    for number in range(POOLS):
        pool = project / f"pool{number}"
        declare(pool, THEIRS)
        for path in pool.rglob("*"):
            # Some of it somebody has installed as root for the victim.
            os.lchown(path, *((0, 0) if path.name == "deep" else (SOMEBODY, SOMEBODY)))
        pool.chmod(0o1777)
    return of_others(top)


def of_others(top: Path) -> set[tuple[int, int]]:
    """Return inode number and owner of everything that is not the attacker's, wherever it is by now."""
    found = set()
    for directory, directories, files in os.walk(top):
        for name in (*directories, *files):
            status = os.lstat(os.path.join(directory, name))
            if status.st_uid != NOBODY:
                found.add((status.st_ino, status.st_uid))
    return found


def sharing(attacker: Path, top: Path, swaps: Swaps) -> AbstractContextManager[None]:
    """Have the attacker at work in the project that :func:`build_shared` made."""
    return attacked(attacker, "sticky", top / "project", str(POOLS), swaps.path)


@each_engine
def test_nothing_of_others_is_deleted_by_moving_shared_directories_in(
    attacker: Path, swaps: Swaps, tmp_path: Path
) -> None:
    happened = freed = 0
    for number in range(10_000):
        top = tmp_path / f"top{number}"
        before = build_shared(top)
        planned = artifact(top / "project/node_modules")
        with sharing(attacker, top, swaps):
            start = swaps.count()
            run = remove([planned])
            happened += swaps.count() - start
        freed += sum(run.freed)
        assert of_others(top) == before
        shutil.rmtree(top)
        if happened >= SWAPS // 4 and freed and number >= 20:
            break
    assert happened >= SWAPS // 4
    assert freed > 0


def test_moving_shared_directories_in_has_a_naive_deletion_take_what_is_in_them(
    attacker: Path, swaps: Swaps, tmp_path: Path
) -> None:
    for number in range(1000):
        top = tmp_path / f"top{number}"
        before = build_shared(top)
        with sharing(attacker, top, swaps):
            staged = (top / "project/node_modules").rename(top / "project/.cleanup-nodemodule-0")
            naively(staged)
        if of_others(top) != before:
            return
    pytest.fail("the attack does not work")


def test_the_command_and_resume_leave_what_others_keep_in_shared_directories(
    tool: Tool, attacker: Path, swaps: Swaps, tmp_path: Path
) -> None:
    """Whatever the first run cannot finish is attacked again while it is resumed."""
    codes = set()
    for number in range(4):
        top = tmp_path / f"top{number}"
        before = build_shared(top)
        with sharing(attacker, top, swaps):
            codes.add(tool.delete(top, "--targets", "node_modules").code)
            codes.add(tool.resume(top).code)
        assert of_others(top) >= before
    assert codes <= {0, 3}
    assert swaps.count() > 0
