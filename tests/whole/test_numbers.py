"""The number it prints is the number you get back: what ``df`` says, on real file systems.

``pytest --fuzz-trees N`` tries a quarter as many random trees on each of three file systems; what runs by default are the first five. A tree
follows from its number alone, so that a failure is repeated by ``--fuzz-first NUMBER --fuzz-trees 1``, but for what was on the disk before.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from support.accounts import NOBODY, as_account, give_away
from support.filesystems import Mounts
from support.given_back import SHAPES, Making, disk, free_bytes, grow, lay_over
from support.packed import for_node, for_python
from support.tool import Tool

pytestmark = pytest.mark.slow

AT_ONCE: Final = 5
"""Random trees in one test, one after the other."""

CHUNK: Final = 64 * 512
"""Bytes that XFS makes and gives back at once for inodes."""

NEAR: Final = {"ext4": 0.0, "tmpfs": 0.0, "xfs": 0.005, "btrfs": 0.05}
"""By how much the promise may be below what comes back, where nothing is shared."""

SHARED: Final = frozenset(
    {
        "reflinks of a store that stays",
        "reflinks between two that both go",
        "reflinks between two that go, and a third",
        "clones, overwritten in part",
        "pnpm, the store stays",
        "pnpm, the store goes",
        "a snapshot, and a project after it",
    }
)
"""Something is shared, so there is a bound besides the promise."""

MISSES: Final = {
    ("ext4", "attributes that differ"): "nobody tells that a block of attributes has one file only",
    (
        "ext4",
        "one attribute on all files",
    ): "nobody tells that a block has the files of one tree only",
    ("ext4", "a default ACL"): "nobody tells that a block has the files of one tree only",
    ("btrfs", "files below 100 B"): "all is in the tree, and nobody tells how full its nodes are",
    ("btrfs", "text below 2 kB"): "all is in the tree, and nobody tells how full its nodes are",
    ("btrfs", "directories"): "all is in the tree, and nobody tells how full its nodes are",
    ("btrfs", "symlinks"): "all is in the tree, and nobody tells how full its nodes are",
    ("btrfs", "long names"): "a third is in the tree, and nobody tells how full its nodes are",
    (
        "btrfs",
        "projects, every other goes",
    ): "little projects have the nodes at their ends in common",
    ("btrfs", "two written at the same time"): "nodes stay in which something stays",
    ("btrfs", "files, overwritten in part"): "nobody tells what is held by the rest of an extent",
    ("btrfs", "logs, written piece by piece"): "nobody tells what is held by the rest of an extent",
    ("btrfs", "one attribute on all files"): "nobody asks small files for their attributes",
    ("btrfs", "attributes that differ"): "nobody asks small files for their attributes",
    ("btrfs, DUP", "npm"): "the tree is kept twice, and nobody tells how full its nodes are",
    (
        "btrfs, DUP",
        "a project after a snapshot",
    ): "the tree is kept twice, and nobody tells how full its nodes are",
    (
        "btrfs, zstd",
        "a project after a snapshot",
    ): "nobody tells whether content in the tree is compressed",
    ("btrfs, zstd", "npm"): "nobody tells whether content in the tree is compressed",
    ("ext4, clusters", "symlinks"): "a symlink cannot be asked whether it has attributes",
    ("btrfs", "npm, text"): "compressed: nobody tells how much an extent takes",
}
"""Cells that are further off than that, and why. The truth lies inside the bounds there too."""

MORE: Final = {
    (
        "ext4, inline data",
        "one attribute on all files",
    ): "no block is told of with content in the inode",
}
"""Cells of ext4 in which less than the most comes back; and what has a default ACL shares the block of it with what stays."""

PLAIN: Final = (
    *("npm", "files below 100 B", "symlinks", "one attribute on all files"),
    *("attributes that differ", "a default ACL", "text below 2 kB"),
)
CLONED: Final = (
    *("reflinks of a store that stays", "reflinks between two that both go"),
    *("reflinks between two that go, and a third", "clones, overwritten in part"),
)
SNAPSHOTS: Final = ("a project after a snapshot", "a snapshot, and a project after it")
LINKED: Final = ("pnpm, the store stays", "pnpm, the store goes")

EACH: Final = tuple(
    name for name in SHAPES if name not in SNAPSHOTS and name not in CLONED and name not in LINKED
)

TABLE: Final = {
    "tmpfs": ("npm", "files below 100 B", *LINKED),
    "ext4": (*EACH, *LINKED),
    "ext4, inodes of 128 bytes": PLAIN,
    "ext4, inline data": PLAIN,
    "ext4, blocks of 1 kB": PLAIN,
    "ext4, clusters": PLAIN,
    "xfs": (*EACH, *LINKED, *CLONED),
    "xfs, no reflinks": ("npm", "directories", "pnpm, the store goes"),
    "xfs, rmapbt": ("npm", "directories", *CLONED),
    "btrfs": (*EACH, *LINKED, *CLONED, *SNAPSHOTS),
    "btrfs, DUP": ("npm", "files below 100 B", *LINKED, *CLONED[1:], *SNAPSHOTS),
    "btrfs, zstd": (
        *("npm", "npm, text", "text, 20 MB", "text below 2 kB", "files, overwritten in part"),
        *("two written at the same time", *CLONED, *SNAPSHOTS),
    ),
    "btrfs, nodatacow": ("npm", "files, overwritten in part", "a large file"),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One deletion, in bytes."""

    promise: int
    at_most: int
    observed: int | None
    freed: int
    """What ``df`` says."""


@pytest.fixture(scope="module")
def mounted(
    request: pytest.FixtureRequest,
    private_mounts: None,  # noqa: ARG001 - wanted for what it does
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[str, Path]]:
    """A file system of the kind that is asked for, for one cell after the other."""
    images = tmp_path_factory.mktemp("images")
    mounts = Mounts(images)
    try:
        where = disk(mounts, request.param, tmp_path_factory.mktemp("disk"))
        where.chmod(0o755)
        yield request.param, where
    finally:
        mounts.close()
        shutil.rmtree(images)


def measured(tool: Tool, making: Making, *options: str, prefix: tuple[str, ...] = ()) -> Cell:
    """Delete what goes, and return what was said, and what came of it."""
    before = free_bytes(making.top)
    how = {"prefix": prefix} if prefix else {}
    told = tool.delete(making.goes, *options, **how)
    assert told.code == 0, told
    totals = told.document["totals"]
    assert set(told.outcomes.values()) <= {"deleted", None}
    rows = told.document["artifacts"]
    for name in ("reclaimable_bytes", "reclaimable_at_most_bytes"):
        assert sum(row[name] for row in rows) == totals[name]
    freed = free_bytes(making.top) - before
    return Cell(
        totals["reclaimable_bytes"],
        totals["reclaimable_at_most_bytes"],
        totals["observed_freed_bytes"],
        freed,
    )


def check_inside(cell: Cell) -> None:
    """What came back lies between what was promised and what was said to be the most."""
    assert cell.promise <= cell.freed <= cell.at_most, cell
    if cell.observed is None:
        # Nothing was found, so nothing was deleted.
        assert cell == Cell(0, 0, None, 0)
        return
    assert abs(cell.observed - cell.freed) <= abs(cell.freed) * 0.005, cell


@pytest.mark.parametrize(
    ("mounted", "name"),
    [(kind, name) for kind, names in TABLE.items() for name in names],
    indirect=["mounted"],
)
def test_what_it_prints_is_what_df_gives(
    mounted: tuple[str, Path], name: str, one_tool: Tool
) -> None:
    kind, where = mounted
    making = Making(where / name)
    SHAPES[name](making)
    cell = measured(one_tool, making)
    check_inside(cell)
    general = kind.partition(",")[0]
    if name not in SHARED and not {(general, name), (kind, name)} & MISSES.keys():
        slack = 8 * CHUNK if general == "xfs" else 0
        assert cell.freed - cell.promise <= max(cell.freed * NEAR[general], slack), cell
    if general in {"ext4", "tmpfs"} and (kind, name) not in MORE and name != "a default ACL":
        # Not even where the promise cannot say it.
        assert cell.at_most == cell.freed, cell


@pytest.mark.parametrize(
    ("mounted", "name"),
    [
        ("ext4, inodes of 128 bytes", "a default ACL"),
        ("xfs", "npm"),
        ("xfs", "clones, overwritten in part"),
        ("btrfs", "npm"),
        ("btrfs", "reflinks between two that both go"),
        ("btrfs", "a snapshot, and a project after it"),
        ("btrfs, zstd", "npm, text"),
    ],
    indirect=["mounted"],
)
@pytest.mark.parametrize("everything", ["--exact", "--no-exact"])
def test_another_user_is_told_the_same(
    mounted: tuple[str, Path], name: str, everything: str, tool: Tool
) -> None:
    """Nothing of it needs a right that only root has."""
    _, where = mounted
    making = Making(where / f"{name} {everything} {tool.engine}")
    SHAPES[name](making)
    give_away(making.goes, tool.home)
    if everything == "--no-exact":
        told = tool.run(making.goes, everything, prefix=as_account(NOBODY, anywhere=True))
        totals = told.document["totals"]
        took = sum(row["allocated_bytes"] for row in told.document["artifacts"])
        assert totals["reclaimable_bytes"] == totals["reclaimable_at_most_bytes"] == took
        return
    check_inside(measured(tool, making, everything, prefix=as_account(NOBODY, anywhere=True)))


@pytest.fixture
def layered(disks: Mounts, tmp_path: Path) -> Making:
    """A tree to make, in layers."""
    disks.image("ext4", tmp_path / "disk", mebibytes=256)
    return Making(tmp_path / "disk" / "lower")


def test_the_upper_layer_comes_back_to_the_byte(layered: Making, disks: Mounts, tool: Tool) -> None:
    making = Making(lay_over(disks, layered.top) / "new")
    making.packages(making.project("a"), 300)
    making.links(making.project("b"), 20)
    cell = measured(tool, making)
    assert cell.promise == cell.at_most == cell.freed == cell.observed


def test_nothing_of_a_lower_layer_comes_back(layered: Making, disks: Mounts, tool: Tool) -> None:
    layered.packages(layered.project("a"), 300)
    top = lay_over(disks, layered.top)
    before = free_bytes(top)
    told = tool.delete(top / "goes")
    totals = told.document["totals"]
    assert totals["deleted"] == 1
    assert totals["allocated_bytes"] > 1 << 20
    assert totals["reclaimable_bytes"] == totals["reclaimable_at_most_bytes"] == 0
    # What says that it is gone takes a block or two.
    assert -65536 <= free_bytes(top) - before <= 0


def test_what_was_copied_into_the_upper_layer_may_come_back(
    layered: Making, disks: Mounts, tool: Tool
) -> None:
    modules = layered.project("a")
    layered.many(modules, 100, 9000)
    top = lay_over(disks, layered.top)
    changed = sorted((top / "goes/a/node_modules").rglob("*.js"))[:20]
    for path in changed:
        path.write_bytes(layered.content(50_000))
    took = sum(path.stat().st_blocks for path in changed) * 512
    before = free_bytes(top)
    totals = tool.delete(top / "goes").document["totals"]
    freed = free_bytes(top) - before
    assert totals["reclaimable_bytes"] == 0
    # With them the directories were copied that they lie in. What says that all is gone takes a block or two.
    assert took <= freed <= totals["reclaimable_at_most_bytes"] <= freed + 65536


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Have a test for each share of the random trees asked for."""
    if "numbers" in metafunc.fixturenames:
        first: int = metafunc.config.getoption("--fuzz-first")
        # There are three file systems to try each on.
        count: int = -(-metafunc.config.getoption("--fuzz-trees") // 4)
        shares = [
            range(start, min(start + AT_ONCE, first + count))
            for start in range(first, first + count, AT_ONCE)
        ]
        metafunc.parametrize("numbers", shares, ids=lambda share: str(share.start))


@pytest.mark.parametrize("mounted", ["xfs", "btrfs", "btrfs, zstd"], indirect=True)
def test_what_comes_back_lies_inside_the_bounds(
    mounted: tuple[str, Path], one_tool: Tool, numbers: range
) -> None:
    kind, where = mounted
    for number in numbers:
        making = Making(where / f"tree-{number}", number)
        grow(making, snapshots=kind.startswith("btrfs") and number % 3 == 0)
        try:
            check_inside(measured(one_tool, making))
        except BaseException as error:
            error.add_note(f"tree {number}")
            raise


INSTALLS: Final = {
    "npm": "npm install --offline --no-audit --no-fund PACKAGE",
    "pnpm": "pnpm add --offline PACKAGE",
    "yarn": "yarn add --offline file:PACKAGE",
    "bun": "bun add PACKAGE",
    "uv": "uv venv -q --offline --python-preference=only-system node_modules && "
    "uv pip install -q --offline --no-index --python node_modules/bin/python WHEEL",
}
"""How each installs into ``node_modules``, by what it does if nobody chooses: it copies, links or clones from its store."""


@pytest.mark.parametrize("program", INSTALLS)
@pytest.mark.parametrize("mounted", ["ext4", "xfs", "btrfs", "btrfs, zstd"], indirect=True)
def test_what_package_managers_install_comes_back_as_said(
    mounted: tuple[str, Path], program: str, one_tool: Tool
) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"needs {program}")
    kind, where = mounted
    making = Making(where / program)
    files = {
        f"part{number // 20}/{number}.js": making.content(
            min(int(making.chance.lognormvariate(8, 1.5)), 300_000), text=number % 3 > 0
        )
        for number in range(400)
    }
    home = making.stays
    packages = for_node(home, files), for_python(home, files)
    for name in "ab":
        project = making.project(name).parent
        subprocess.run(
            [
                "sh",
                "-c",
                INSTALLS[program]
                .replace("PACKAGE", str(packages[0]))
                .replace("WHEEL", str(packages[1])),
            ],
            cwd=project,
            env={"PATH": os.environ["PATH"], "HOME": str(home)},
            check=True,
            capture_output=True,
            timeout=180,
        )
    making.sync()
    cell = measured(one_tool, making, "--targets", "node_modules")
    check_inside(cell)
    assert cell.at_most > 0
    if kind == "ext4":
        assert cell.promise == cell.at_most == cell.freed
