"""What deleting gives back: both engines say the same of it, and what is found out without them."""

import contextlib
import os
import random
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanup_nodemodule.engine import _python
from cleanup_nodemodule.engine.contract import (
    AS_COUNTED,
    ATTRIBUTES,
    EXTENTS,
    LAYERS,
    TREE,
    Accounting,
)
from support.accounted import (
    ON_BTRFS,
    ON_EXT4,
    ON_XFS,
    Accounted,
    account,
    clone,
    expected,
    noise,
    root_of,
    steady,
    words,
    write,
)
from support.accounts import give_up_rights
from support.children import in_child
from support.dictated import budgets, examples, shuffles, usual
from support.engines import BY_PATH
from support.filesystems import Mounts
from support.needs import unable
from support.openings import Way, by_descriptor, every_python_opening
from support.trees import declare

BLOCK = 4096


def punch(path: Path, at: int, size: int) -> None:
    subprocess.run(
        ["fallocate", "--punch-hole", "--offset", str(at), "--length", str(size), path], check=True
    )


def scattered(path: Path, count: int) -> Path:
    """Make a file of so many extents: each second block is a hole."""
    with open(path, "wb") as file:
        for number in range(count):
            os.pwrite(file.fileno(), b"x" * BLOCK, 2 * BLOCK * number)
        os.fsync(file.fileno())
    return path


def furnish(top: Path) -> Path:
    """Make a tree with everything that a file system which can clone may have."""
    declare(top, {"a": {"empty": 0, "byte": 1, "deep": {"deeper": {}}}, "b": {}, "out": {}})
    (top / "a" / "symlink").symlink_to("byte")
    (top / "a" / "long symlink").symlink_to("x" * 300)
    os.mkfifo(top / "a" / "fifo")
    write(top / "a" / "alone", noise(100_000, 1))
    write(top / "a" / "hole", b"end", 500_000)
    write(top / "a" / "tail overwritten", noise(100_000, 2))
    write(top / "a" / "tail overwritten", noise(20_000, 3), 81_920)
    write(top / "a" / "middle overwritten", noise(200_000, 4))
    write(top / "a" / "middle overwritten", noise(BLOCK, 5), 40_960)
    punch(write(top / "a" / "punched", noise(100_000, 6)), 8192, 16_384)
    write(top / "b" / "cloned", noise(150_000, 7))
    clone(top / "b" / "cloned", top / "b" / "clone")
    write(clone(top / "b" / "cloned", top / "b" / "partly"), noise(12_000, 8), 20_480)
    write(clone(top / "b" / "cloned", top / "b" / "longer"), noise(50_000, 9), 150_000)
    (top / "a" / "linked clone").hardlink_to(clone(top / "b" / "cloned", top / "b" / "linked"))
    (top / "out" / "link of one alone").hardlink_to(top / "a" / "alone")
    clone(scattered(top / "b" / "scattered", 2500), top / "b" / "scattered too")
    return top


def of_budgets(engine: ModuleType, top: Path, accounting: Accounting, whole: Accounted) -> None:
    """Check that all slices add up to the same."""
    for budget in (1, 3, 10, 50):
        assert account(engine, root_of(top), accounting, budget, random.Random(budget)) == whole


# XFS


@pytest.mark.on_linux
@by_descriptor
@pytest.mark.parametrize("everything", [False, True])
def test_on_xfs_shared_extents_are_ranges_and_the_rest_is_own(
    engine: ModuleType,
    disks: Mounts,
    tmp_path: Path,
    everything: bool,  # noqa: FBT001 - a parameter of the case, told by its name
) -> None:
    top = furnish(disks.image("xfs", tmp_path / "disk") / "top")
    accounting = ON_XFS._replace(all=everything)
    whole = expected(top, accounting)
    assert account(engine, root_of(top), accounting) == whole
    of_budgets(engine, top, accounting, whole)
    # That the tree has what it should have.
    assert whole.own > 500_000
    assert whole.shared > 2 * 2500 * BLOCK
    assert len(whole.linked_ranges) == 1
    assert sum(whole.chunks.values()) == 21
    part = account(engine, root_of(top / "b"), accounting)
    assert part == expected(top / "b", accounting)


@pytest.mark.on_linux
def test_on_xfs_what_is_not_written_out_yet_is_own(
    engine: ModuleType, disks: Mounts, tmp_path: Path
) -> None:
    top = disks.image("xfs", tmp_path / "disk") / "top"
    top.mkdir()
    source = write(top / "source", noise(64 * BLOCK))
    copy = clone(source, top / "copy")
    with open(copy, "r+b") as written, open(top / "new", "wb") as new:
        written.write(noise(3 * BLOCK, 1))
        written.flush()
        new.write(noise(50 * BLOCK, 2))
        new.flush()
        seen, whole = steady(lambda: account(engine, root_of(top), ON_XFS), top, ON_XFS)
    assert seen == whole
    assert whole.own >= 50 * BLOCK


def _as_nobody(way: Way, top: str, accounting: Accounting) -> Accounted:
    engine = way.engine()
    give_up_rights()
    return account(engine, root_of(Path(top)), accounting)


@pytest.mark.on_linux
@pytest.mark.parametrize(
    ("kind", "accounting"),
    [
        ("xfs", ON_XFS._replace(all=True)),
        ("btrfs", ON_BTRFS),
        ("ext4", ON_EXT4._replace(all=True)),
    ],
)
def test_what_may_not_be_read_may_come_back(
    engine: ModuleType, place: Path, disks: Mounts, kind: str, accounting: Accounting
) -> None:
    disk = disks.image(kind, place / "disk")
    accounting = accounting._replace(block=os.statvfs(disk).f_bsize)
    top = disk / "top"
    declare(top, {"d": {}, "small": 10})
    write(top / "open", noise(30_000))
    write(top / "closed", noise(50_000)).chmod(0)
    (top / "linked").hardlink_to(write(top / "d" / "linked", noise(70_000)))
    (top / "linked").chmod(0)
    takes = {name: os.lstat(top / name).st_blocks * 512 for name in ("closed", "linked")}
    whole = account(engine, root_of(top), accounting)
    seen = in_child(_as_nobody, Way(engine.__name__, "best"), os.fspath(top), accounting)
    assert seen.own == whole.own - takes["closed"]
    assert seen.perhaps == whole.perhaps + takes["closed"] + takes["linked"]
    assert [record[4] for record in seen.links] == [0]
    assert [record[4] for record in whole.links] == [takes["linked"]]
    assert seen.chunks == whole.chunks


# btrfs


@pytest.mark.on_linux
@pytest.mark.parametrize("options", ["", "compress-force=zstd"])
def test_on_btrfs_extents_are_own_and_the_rest_is_in_the_tree(
    engine: ModuleType, disks: Mounts, tmp_path: Path, options: str
) -> None:
    disk = disks.image("btrfs", tmp_path / "disk", options=options, mebibytes=256)
    top = furnish(disk / "top")
    for number in range(30):
        write(top / "a" / f"small {number}", words(100 * number))
    write(top / "a" / "words", words(1_000_000))
    write(top / "a" / "words overwritten", words(1_000_000))
    write(top / "a" / "words overwritten", words(200_000), 300_000)
    write(top / "a" / "few words", words(3000))
    write(top / "a" / "words and a hole", words(200_000), 300_000)
    clone(top / "a" / "words", top / "b" / "words")
    (top / "a" / "linked words").hardlink_to(write(top / "b" / "linked words", words(40_000)))
    for name in ("b", "b/cloned", "b/partly", "a/alone"):
        os.setxattr(top / name, "user.name", b"value" * 10)
    os.setxattr(top / "b", "user.other", b"")
    small = write(top / "b" / "small", b"1")
    os.setxattr(small, "user.x", b"12")
    os.setxattr(top / "a" / "small 3", "user.unseen", b"nobody asks for it")
    whole = expected(top, ON_BTRFS)
    assert account(engine, root_of(top), ON_BTRFS) == whole
    of_budgets(engine, top, ON_BTRFS, whole)
    assert bool(whole.encoded) == bool(options)
    assert whole.perhaps > 0
    assert whole.proven < whole.metadata
    assert whole.shared > 0


@pytest.mark.on_linux
def test_on_btrfs_a_large_directory_is_asked_for_its_attributes_once(
    engine: ModuleType, disks: Mounts, tmp_path: Path
) -> None:
    top = disks.image("btrfs", tmp_path / "disk") / "top"
    declare(top, {"large": {f"f{number}": number % 3 for number in range(2000)}})
    for path in (top / "large", top / "large" / "f1", top / "large" / "f1999"):
        os.setxattr(path, "user.x", b"x" * 100)
    whole = expected(top, ON_BTRFS)
    for budget in (10, 300, 1_000_000):
        assert account(engine, root_of(top), ON_BTRFS, budget) == whole


@pytest.mark.on_linux
def test_on_btrfs_a_snapshot_shares_everything(
    engine: ModuleType, disks: Mounts, tmp_path: Path
) -> None:
    disk = disks.image("btrfs", tmp_path / "disk")
    declare(disk / "top", {"d": {"small": 100}})
    for number in range(5):
        write(disk / "top" / f"f{number}", noise(50_000, number))
    alone = account(engine, root_of(disk / "top"), ON_BTRFS)
    assert (alone.shared, alone.extents) == (0, 5)
    subprocess.run(
        ["btrfs", "subvolume", "snapshot", disk, disk / "top" / "snapshot"],
        check=True,
        capture_output=True,
    )
    write(disk / "top" / "f1", noise(8192, 9))
    seen = account(engine, root_of(disk / "top"), ON_BTRFS)
    assert seen.own == 8192
    assert seen.shared == alone.own - 8192
    assert seen.proven == 0
    # The snapshot is another device, so it is none of the tree around it.
    usage = engine.measure(root_of(disk / "top"), [b""], 1_000_000, None, ON_BTRFS).usage
    assert usage.mounts == [b"snapshot"]


@pytest.mark.on_linux
def test_on_btrfs_what_is_not_written_out_yet_is_own(
    engine: ModuleType, disks: Mounts, tmp_path: Path
) -> None:
    top = disks.image("btrfs", tmp_path / "disk") / "top"
    top.mkdir()
    with open(top / "new", "wb") as new:
        new.write(noise(50 * BLOCK, 2))
        new.flush()
        seen, whole = steady(lambda: account(engine, root_of(top), ON_BTRFS), top, ON_BTRFS)
    assert seen == whole
    assert whole.own == 50 * BLOCK


# ext4


def attributed(top: Path) -> Path:
    """Make a tree with extended attributes: many alike, and some of their own."""
    declare(top, {"d": {"e": {}}})
    for number in range(20):
        file = write(top / "d" / f"f{number}", noise(number * 1000, number))
        os.setxattr(file, "user.alike", b"x" * 300)
    os.setxattr(top / "d", "user.alike", b"x" * 300)
    os.setxattr(write(top / "other", b"1"), "user.other", b"y" * 300)
    (top / "linked").hardlink_to(top / "d" / "f3")
    write(top / "plain", noise(100))
    (top / "symlink").symlink_to("plain")
    (top / "long symlink").symlink_to("x" * 300)
    os.mkfifo(top / "fifo")
    write(top / "hole", b"1", 1_000_000)
    scattered(top / "d" / "scattered", 2500)
    os.setxattr(scattered(top / "d" / "scattered too", 2500), "user.alike", b"x" * 300)
    os.setxattr(top / "symlink", "trusted.alike", b"x" * 300, follow_symlinks=False)
    os.setxattr(top / "long symlink", "trusted.alike", b"x" * 300, follow_symlinks=False)
    return top


@pytest.mark.on_linux
@pytest.mark.parametrize("everything", [False, True])
@pytest.mark.parametrize(
    "making",
    [
        ("-I", "128"),
        ("-I", "256"),
        ("-I", "1024"),
        ("-I", "256", "-O", "inline_data"),
        ("-b", "1024"),
    ],
    ids=" ".join,
)
def test_on_ext4_a_block_of_attributes_is_a_range(
    engine: ModuleType,
    disks: Mounts,
    tmp_path: Path,
    making: tuple[str, ...],
    everything: bool,  # noqa: FBT001 - a parameter of the case, told by its name
) -> None:
    disk = disks.image("ext4", tmp_path / "disk", *making, mebibytes=128)
    top = attributed(disk / "top")
    accounting = ON_EXT4._replace(all=everything, block=os.statvfs(disk).f_bsize)
    whole = expected(top, accounting)
    assert account(engine, root_of(top), accounting) == whole
    of_budgets(engine, top, accounting, whole)
    if "1024" not in making[:2] or making[0] == "-b":
        assert whole.shared > 0
    if "128" in making:
        # All that are alike have one block.
        assert max(whole.ranges.values()) >= 20


@pytest.mark.on_linux
def test_on_ext4_access_lists_share_a_block(
    engine: ModuleType, disks: Mounts, tmp_path: Path
) -> None:
    top = disks.image("ext4", tmp_path / "disk", "-b", "4096", "-I", "128") / "top"
    top.mkdir()
    for number in range(10):
        write(top / f"f{number}", b"1")
        access = bytes.fromhex(
            "02000000 0100 0600 ffffffff 0200 0400 01000000 0400 0400 ffffffff"
            " 1000 0600 ffffffff 2000 0400 ffffffff"
        )  # struct posix_acl_xattr_header, and an entry for another user
        os.setxattr(top / f"f{number}", "system.posix_acl_access", access)
    seen = account(engine, root_of(top), ON_EXT4)
    assert seen == expected(top, ON_EXT4)
    assert list(seen.ranges.values()) == [10]
    assert seen.own == 11 * BLOCK
    assert seen.shared == 10 * BLOCK


# overlayfs


def takes(*paths: Path) -> int:
    return sum(os.lstat(path).st_blocks * 512 for path in paths)


@pytest.mark.on_linux
def test_on_an_overlay_only_what_is_in_the_upper_layer_alone_is_own(
    engine: ModuleType, disks: Mounts, tmp_path: Path
) -> None:
    disk = disks.image("ext4", tmp_path / "disk", mebibytes=64)
    lower, upper, work = (disk / name for name in ("lower", "upper", "work"))
    declare(
        lower,
        {
            "top": {
                "low": {"a": 5000, "b": {"c": 5000}},
                "both": {"low": 9000, "copied": 7000, "replaced": 6000, "gone": 3000},
                "moved": {"low": 4000},
            }
        },
    )
    for directory in (upper, work):
        directory.mkdir()
    top = disks.overlay(tmp_path / "over", lower, upper, work, options="redirect_dir=on") / "top"
    declare(top / "both" / "new", {"a": 5000, "d": {"b": 10_000}, "link": Path("a")})
    declare(top / "new", {"x": {"y": 20_000}})
    (top / "both" / "replaced").unlink()
    (top / "both" / "gone").unlink()
    (top / "both" / "replaced").write_bytes(b"x" * 50_000)
    with open(top / "both" / "copied", "ab") as file:
        file.write(b"more")
    (top / "moved").rename(top / "new" / "moved")
    (top / "new" / "linked").hardlink_to(top / "both" / "replaced")
    subprocess.run(["sync", "--file-system", disk], check=True)
    alone = [top / "both" / "new", *(top / "both" / "new").rglob("*")]
    alone += [top / "new", top / "new" / "x", top / "new" / "x" / "y"]
    accounting = Accounting(LAYERS)
    seen = account(engine, root_of(top), accounting)
    if not seen.own:
        unable("needs Linux 6.6, whose overlays give handles")
    assert seen.own == takes(*alone)
    # What was copied up, with the directories that were for that, and what is beside it.
    copied = [top, top / "both", top / "both" / "low", top / "both" / "copied"]
    copied += [top / "new" / "moved", top / "new" / "moved" / "low"]
    assert seen.perhaps == takes(*copied)
    replaced = os.lstat(top / "both" / "replaced")
    size = replaced.st_blocks * 512
    assert seen.links == Counter({(replaced.st_ino, 2, 50_000, size, size): 2})
    assert (seen.metadata, seen.shared, seen.chunks, seen.encoded) == (0, 0, {}, {})
    of_budgets(engine, top, accounting, seen)
    for part, own in (
        ("low", 0),
        ("both", takes(*alone[:5])),
        ("new", takes(*alone[5:])),
        ("new/moved", 0),
        ("both/new", takes(*alone[:5])),
    ):
        assert account(engine, root_of(top / part), accounting).own == own


@pytest.mark.on_linux
def test_the_layers_of_an_overlay_may_lie_on_several_disks(
    engine: ModuleType, disks: Mounts, tmp_path: Path
) -> None:
    """Then files have the device of their layer, and two of them may have the same inode."""
    below, above = disks.tmpfs(tmp_path / "below"), disks.tmpfs(tmp_path / "above")
    declare(below, {"lower": {"top": {"low": 5000, "e": 100, "f": 100, "g": 100}}})
    (below / "lower" / "top" / "low too").hardlink_to(below / "lower" / "top" / "low")
    for name in ("upper", "work"):
        (above / name).mkdir()
    over = disks.overlay(
        tmp_path / "over", below / "lower", above / "upper", above / "work", options="xino=off"
    )
    top = over / "top"
    declare(top, {"new": 9000, "alone": 7000, "d": {"f": 3000}})
    (top / "new too").hardlink_to(top / "new")
    found = [os.lstat(top / name) for name in ("low", "new")]
    assert len({one.st_dev for one in found} | {os.lstat(top).st_dev}) > 1
    seen = account(engine, root_of(top), Accounting(LAYERS))
    if not seen.own:
        unable("needs Linux 6.6, whose overlays give handles")
    assert seen.own == takes(top / "alone", top / "d", top / "d" / "f")
    assert sorted((record[2:], count) for record, count in seen.links.items()) == [
        ((5000, takes(top / "low"), 0), 2),
        ((9000, takes(top / "new"), takes(top / "new")), 2),
    ]
    assert len({record[0] for record in seen.links}) == 2
    assert seen == account(_python, root_of(top), Accounting(LAYERS), 2)


@pytest.mark.on_linux
def test_what_has_no_layers_may_come_back(engine: ModuleType, tmp_path: Path) -> None:
    declare(tmp_path, {"top": {"d": {"f": 5000}}})
    top = tmp_path / "top"
    seen = account(engine, root_of(top), Accounting(LAYERS))
    assert (seen.own, seen.perhaps) == (0, takes(top, top / "d", top / "d" / "f"))


# All


@pytest.mark.on_linux
@pytest.mark.parametrize("accounting", [ON_XFS, ON_BTRFS])
def test_what_the_file_system_does_not_say_may_come_back(
    engine: ModuleType, disks: Mounts, tmp_path: Path, accounting: Accounting
) -> None:
    top = disks.tmpfs(tmp_path / "disk") / "top"
    declare(top, {"d": {"f": 5000}, "g": 9000})
    (top / "link").hardlink_to(top / "g")
    seen = account(engine, root_of(top), accounting)
    assert (seen.own, seen.perhaps) == (0, takes(top / "d" / "f", top / "g"))
    assert [record[3:] for record in seen.links] == [(takes(top / "g"), 0)]


@pytest.mark.parametrize("opening", [BY_PATH], indirect=True)
@every_python_opening
def test_on_other_systems_nobody_is_asked(engine: ModuleType, tmp_path: Path) -> None:
    declare(tmp_path, {"top": {"d": {"f": 5000}, "g": 9000}})
    for accounting in (ON_XFS, ON_EXT4, ON_BTRFS, Accounting(LAYERS)):
        plain = account(engine, root_of(tmp_path / "top"), None)
        assert account(engine, root_of(tmp_path / "top"), accounting) == plain
        assert plain.own > 14_000


@pytest.mark.parametrize(
    "accounting", [None, Accounting(), Accounting(AS_COUNTED, all=True, inode=7)]
)
def test_where_nobody_is_asked_what_is_taken_is_own(
    engine: ModuleType, tmp_path: Path, accounting: Accounting | None
) -> None:
    top = tmp_path / "top"
    declare(top, {"d": {"f": 5000, "g": 1}, "l": Path("d")})
    (top / "h").hardlink_to(top / "d" / "f")
    usage = engine.measure(root_of(top), [b""], 1000, None, accounting).usage
    assert usage.own == usage.allocated
    assert usage[14:] == (0, 0, 0, 0, b"", b"", b"", 0, b"", 0)
    found = os.lstat(top / "h")
    size = found.st_blocks * 512
    seen = account(engine, root_of(top), accounting)
    assert seen.links == Counter({(found.st_ino, 2, 5000, size, size): 2})


@pytest.mark.parametrize(
    "accounting",
    [
        Accounting(5),
        Accounting(-1),
        Accounting(EXTENTS, block=0),
        Accounting(AS_COUNTED, inline=-1),
        *(Accounting(TREE, 4096, False, *(-(at == of) for at in range(7))) for of in range(7)),  # noqa: FBT003 - of all numbers behind it one is wrong
    ],
)
def test_what_nobody_can_count_is_refused(
    engine: ModuleType, tmp_path: Path, accounting: Accounting
) -> None:
    with pytest.raises(ValueError, match="nothing is counted in such a way"):
        engine.measure(root_of(tmp_path), [b""], 1000, None, accounting)


@pytest.mark.parametrize("kind", [ATTRIBUTES, EXTENTS, TREE, LAYERS])
def test_what_was_there_before_is_the_same(engine: ModuleType, tmp_path: Path, kind: int) -> None:
    top = tmp_path / "top"
    declare(top, {"d": {"f": 5000, "g": 1, ".git": {}}, "l": Path("d")})
    (top / "h").hardlink_to(top / "d" / "f")
    plain = engine.measure(root_of(top), [b""], 1000)
    asked = engine.measure(root_of(top), [b""], 1000, None, Accounting(kind))
    assert (asked.left, asked.faults) == (plain.left, plain.faults)
    assert asked.usage[:5] == plain.usage[:5]
    assert asked.usage[6:13] == plain.usage[6:13]


@pytest.mark.on_linux
def test_what_is_mounted_is_not_asked(engine: ModuleType, disks: Mounts, tmp_path: Path) -> None:
    """A directory of the same file system was counted before it turned out to be mounted."""
    disk = disks.image("ext4", tmp_path / "disk", "-b", "4096", "-I", "128")
    top = disk / "top"
    declare(top, {"d": {}, "plain": 1, "file": 0})
    declare(disk / "elsewhere", {"in": {"f": 1000}, "file": 9000})
    for path in (top / "d", disk / "elsewhere" / "in", disk / "elsewhere" / "file"):
        os.setxattr(path, "user.x", b"x" * 300)
    assert account(engine, root_of(top), ON_EXT4).own == takes(top, top / "plain") + BLOCK
    disks.bind(disk / "elsewhere" / "file", top / "file")
    disks.bind(disk / "elsewhere" / "in", top / "d")
    seen = engine.measure(root_of(top), [b""], 1000, None, ON_EXT4).usage
    assert seen.mounts == [b"d"]
    assert (seen.own, seen.perhaps) == (takes(top, top / "plain"), takes(top / "file"))


# Whatever was done to the files

sizes = st.sampled_from([0, 1, 100, 2048, 2049, 4096, 5000, 20_000, 150_000])
places = st.sampled_from([0, 1, 4096, 8192, 40_960, 131_072])
numbers = st.integers(0, 5)
deeds = st.one_of(
    st.tuples(st.just("write"), numbers, places, sizes),
    st.tuples(st.just("words"), numbers, places, sizes),
    st.tuples(st.just("clone"), numbers, numbers, st.just(0)),
    st.tuples(st.just("punch"), numbers, places, st.sampled_from([4096, 16_384])),
    st.tuples(st.just("cut"), numbers, places, st.just(0)),
    st.tuples(st.just("link"), numbers, numbers, st.just(0)),
    st.tuples(
        st.just("attribute"), numbers, st.sampled_from([0, 1]), st.sampled_from([0, 10, 300])
    ),
)


def done(top: Path, deed: tuple[str, int, int, int]) -> None:
    """Do something to a file, if it is there to be done."""
    what, number, at, size = deed
    directory = top / "d" if number % 2 else top
    path, other = directory / f"f{number}", top / f"f{at}"
    match what:
        case "write":
            write(path, noise(size, number), at)
        case "words":
            write(path, words(size), at)
        case "clone" if other.exists() and path != other:
            clone(other, path)
        case "punch" if path.exists():
            punch(path, at, size)
        case "cut" if path.exists():
            os.truncate(path, at)
        case "link" if path.exists():
            with contextlib.suppress(FileExistsError):
                (top / "d" / f"l{at}").hardlink_to(path)
        case "attribute" if path.exists():
            os.setxattr(directory if at else path, "user.x", b"x" * size)


@pytest.fixture(scope="module")
def shelves(
    private_mounts: None,  # noqa: ARG001 - wanted for what it does
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Path]]:
    """Disks of each kind, for all of a test."""
    top = tmp_path_factory.mktemp("shelves")
    (top / "images").mkdir()
    mounts = Mounts(top / "images")
    try:
        yield {
            "xfs": mounts.image("xfs", top / "xfs"),
            "ext4": mounts.image("ext4", top / "ext4", "-I", "128", "-b", "4096"),
            "btrfs": mounts.image("btrfs", top / "btrfs"),
            "zstd": mounts.image("btrfs", top / "zstd", options="compress-force=zstd"),
        }
    finally:
        mounts.close()


@pytest.mark.on_linux
@settings(usual, max_examples=examples(25))
@given(
    kind=st.sampled_from(["xfs", "ext4", "btrfs", "zstd"]),
    deeds=st.lists(deeds, max_size=14),
    budget=budgets,
    shuffle=shuffles,
)
def test_both_engines_account_for_whatever_was_done(
    native: ModuleType,
    shelves: dict[str, Path],
    kind: str,
    deeds: list[tuple[str, int, int, int]],
    budget: int,
    shuffle: random.Random,
) -> None:
    accounting = {"xfs": ON_XFS, "ext4": ON_EXT4}.get(kind, ON_BTRFS)
    with tempfile.TemporaryDirectory(dir=shelves[kind]) as directory:
        top = Path(directory) / "top"
        declare(top, {"d": {}})
        for deed in deeds:
            if kind != "ext4" or deed[0] != "clone":
                done(top, deed)
        seen, whole = steady(lambda: account(native, root_of(top), accounting), top, accounting)
        assert seen == whole
        for engine in (native, _python):
            again, whole = steady(
                lambda: account(engine, root_of(top), accounting, budget, shuffle),  # noqa: B023 - called at once
                top,
                accounting,
            )
            assert again == whole
