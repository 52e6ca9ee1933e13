"""What file systems tell about how they give back space, and what comes of it."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from cleanup_nodemodule import engine
from cleanup_nodemodule.config.settings import Settings
from cleanup_nodemodule.engine.contract import ATTRIBUTES, EXTENTS, LAYERS, TREE
from cleanup_nodemodule.library import scan
from cleanup_nodemodule.model import Accounted
from cleanup_nodemodule.survey.accounting import accounted
from cleanup_nodemodule.system import mounts
from cleanup_nodemodule.system.accounting import Facts, ask
from support.filesystems import Mounts
from support.needs import unable
from support.trees import declare


def facts(place: Path, *, only_name: bool = False) -> Facts:
    return ask(os.stat(place).st_dev, (str(place),), only_name)


@pytest.mark.parametrize(
    ("options", "inode"), [((), 512), (("-i", "size=1024", "-m", "reflink=0"), 1024)]
)
def test_xfs_tells_what_an_inode_takes(
    disks: Mounts, tmp_path: Path, options: tuple[str, ...], inode: int
) -> None:
    top = disks.image("xfs", tmp_path / "disk", *options)
    told = facts(top)
    assert told == Facts(str(top), "xfs", inode=inode)
    known = accounted(told, 5, exact=None)
    assert (known.accounting.kind, known.accounting.all, known.inode) == (EXTENTS, False, inode)
    assert (known.how, known.devices) == ("measured", frozenset({5}))
    assert accounted(told, 5, exact=True).accounting.all


@pytest.mark.parametrize(
    ("metadata", "data", "copies"),
    [("dup", "single", 2.0), ("single", "single", 1.0), ("dup", "dup", 1.0)],
)
def test_btrfs_tells_how_often_it_keeps_its_tree(
    disks: Mounts, tmp_path: Path, metadata: str, data: str, copies: float
) -> None:
    making = ("-m", metadata, "-d", data)
    top = disks.image("btrfs", tmp_path / "disk", *making, options="compress=zstd", mebibytes=256)
    told = facts(top)
    assert (told.kind, told.copies, told.compresses, len(told.identity)) == (
        "btrfs",
        copies,
        True,
        32,
    )
    known = accounted(told, 5, exact=None)
    assert (known.accounting.kind, known.copies, known.compresses) == (TREE, copies, True)


def test_subvolumes_are_one_file_system(disks: Mounts, tmp_path: Path) -> None:
    top = disks.image("btrfs", tmp_path / "disk")
    for name in ("one", "two"):
        made = subprocess.run(
            ["btrfs", "-q", "subvolume", "create", top / name], check=False, capture_output=True
        )
        if made.returncode:
            unable("needs btrfs")
        declare(
            top / name,
            {"package.json": 2, "package-lock.json": 2, "node_modules": {"a": {"b": 9000}}},
        )
    plan = scan(Settings(roots=(str(top / "one"), str(top / "two"))))
    [known] = plan.accounted
    devices = frozenset(os.stat(top / name).st_dev for name in ("one", "two"))
    assert known.devices == devices
    assert (known.kind, known.how) == ("btrfs", "measured")


@pytest.mark.parametrize("block", [1024, 4096])
def test_ext4_tells_what_a_block_takes(disks: Mounts, tmp_path: Path, block: int) -> None:
    top = disks.image("ext4", tmp_path / "disk", "-b", str(block))
    told = facts(top)
    assert told == Facts(str(top), "ext4", block=block)
    known = accounted(told, 5, exact=None)
    assert (known.accounting.kind, known.accounting.block) == (ATTRIBUTES, block)


def test_an_overlay_tells_whether_it_knows_its_layers(disks: Mounts, tmp_path: Path) -> None:
    disk = disks.image("ext4", tmp_path / "disk")
    declare(disk, {"lower": {"a": 1}, "upper": {}, "work": {}})
    top = disks.overlay(tmp_path / "over", disk / "lower", disk / "upper", disk / "work")
    told = facts(top)
    assert told.kind == "overlay"
    if not told.layers:
        unable("needs Linux 6.6, whose overlays give handles")
    assert accounted(told, 5, exact=None).accounting.kind == LAYERS
    assert accounted(told._replace(layers=False), 5, exact=None).how == "as du counts"


@pytest.mark.parametrize(("below", "doubtful"), [("ext4", False), ("xfs", True), ("btrfs", True)])
def test_nothing_is_promised_of_an_overlay_whose_files_may_share_content(
    disks: Mounts, tmp_path: Path, below: str, *, doubtful: bool
) -> None:
    disk = disks.image(below, tmp_path / "disk", mebibytes=512)
    declare(disk, {"lower": {"a": 1}, "upper": {}, "work": {}})
    top = disks.overlay(tmp_path / "over", disk / "lower", disk / "upper", disk / "work")
    if not facts(top).layers:
        unable("needs Linux 6.6, whose overlays give handles")
    assert accounted(facts(top), 5, exact=True).doubtful is doubtful
    module = top / "project" / "rebuilt" / "a" / "b"
    module.parent.mkdir(parents=True)
    module.write_bytes(b"b" * 90_000)
    for number in range(4):
        copied = subprocess.run(
            ["cp", "--reflink=auto", module, module.with_name(f"copy-{number}")], check=False
        )
        assert copied.returncode == 0
    os.link(module, module.with_name("link"))
    [artifact] = scan(Settings(roots=(str(top),), targets=("rebuilt",))).artifacts
    size = artifact.size
    assert size.reclaimable_at_most_bytes == size.allocated_bytes >= 5 * 90_000
    promised, shared = (0, size.allocated_bytes) if doubtful else (size.allocated_bytes, 0)
    assert (size.reclaimable_bytes, size.shared_bytes) == (promised, shared)


@pytest.mark.parametrize(
    ("block", "inode", "options", "kept"),
    [
        (65_536, 512, "rw", True),
        (32_768, 512, "rw", False),
        (65_536, 1024, "rw", False),
        (4096, 512, "rw,ikeep", True),
        (4096, 512, "rw,noikeep", False),
    ],
)
def test_xfs_may_never_give_back_inodes(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    block: int,
    inode: int,
    options: str,
    *,
    kept: bool,
) -> None:
    mount = SimpleNamespace(point=str(tmp_path), kind="xfs", options=options, source="/dev/x")
    monkeypatch.setattr(mounts, "here", lambda: SimpleNamespace(mount_of=lambda _: mount))
    monkeypatch.setattr(engine, "inodes_of", lambda _: (inode, True))
    monkeypatch.setattr(os, "fstatvfs", lambda _: SimpleNamespace(f_frsize=block))
    told = facts(tmp_path)
    assert (told.inode, told.whole_chunks) == (inode, not kept)
    known = accounted(told, 5, exact=None)
    assert (known.accounting.kind, known.whole_chunks) == (EXTENTS, not kept)


def test_memory_needs_no_question(disks: Mounts, tmp_path: Path) -> None:
    top = disks.tmpfs(tmp_path / "memory")
    for exact in (None, True, False):
        known = accounted(facts(top), 5, exact=exact)
        assert (known.how, known.exact, known.accounting.kind) == ("measured", True, 0)


def test_what_nobody_has_measured_is_as_du_counts() -> None:
    known = accounted(Facts("/mnt", "minix"), 5, exact=True)
    plain = Accounted("/mnt", "minix", "as du counts", exact=False, devices=frozenset({5}))
    assert known == plain
    asked = accounted(Facts("/mnt", "xfs", inode=512), 5, exact=False)
    assert asked == replace(plain, kind="xfs")
    # It did not say what it should have.
    assert accounted(Facts("/mnt", "xfs"), 5, exact=None) == replace(plain, kind="xfs")


def test_what_may_not_answer_is_not_asked(disks: Mounts, tmp_path: Path) -> None:
    top = disks.image("xfs", tmp_path / "disk")
    assert facts(top, only_name=True) == Facts(str(top), "xfs")
    # What is at the place now is on another device.
    assert ask(os.stat(top).st_dev + 1, (str(top),)) == Facts(str(top), "xfs")


def test_a_run_says_how_it_has_found_out(disks: Mounts, tmp_path: Path) -> None:
    top = disks.image("xfs", tmp_path / "disk")
    files = {str(number): 5000 for number in range(200)}
    declare(top, {"made": {"a": files}})
    usual, exact, plain = (
        scan(Settings(roots=(str(top),), targets=("made",), exact=exact))
        for exact in (None, True, False)
    )
    [[one], [everything], [nothing]] = (usual.accounted, exact.accounted, plain.accounted)
    assert (one.how, one.exact, one.name) == ("measured", False, str(top))
    assert (everything.how, everything.exact) == ("measured", True)
    assert (nothing.how, nothing.exact) == ("as du counts", False)
    takes = sum(row.size.allocated_bytes for row in plain.selected)
    assert plain.reclaimable_bytes == plain.reclaimable_at_most_bytes == takes > 0
    # All inodes of a chunk or two come back with the files.
    assert takes < usual.reclaimable_bytes == exact.reclaimable_bytes
    assert usual.reclaimable_bytes <= usual.reclaimable_at_most_bytes
