"""What ``measure`` watches for, and what ``find`` notices (``engine/contract.py``)."""

import fnmatch
import os
import random
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanup_nodemodule.engine import _python
from cleanup_nodemodule.engine.contract import WATCHED, Names, Root, Usage, Watch
from support.children import bind, enter_private_mounts, in_child, mount_tmpfs
from support.dictated import Dictated, budgets, leaves, made, shuffles, usual
from support.engine_calls import EVERYTHING, TOO_MANY, root_of
from support.openings import BY_COMPONENT, BY_KERNEL, Way, every_opening
from support.trees import Declared, declare


class Seen(NamedTuple):
    """What the calls of ``measure`` listed in all, in order."""

    met: list[bytes]
    late: list[bytes]
    unlisted: int = 0


def look(
    engine: ModuleType,
    root: Root,
    watch: Watch,
    budget: int = EVERYTHING,
    shuffle: random.Random | None = None,
) -> Seen:
    """Measure to the end, each entry of the stack in a call of its own if there is a *shuffle*."""
    met: list[bytes] = []
    late: list[bytes] = []
    unlisted, waiting = 0, [[b""]]
    for _ in range(TOO_MANY):
        if not waiting:
            return Seen(sorted(met), sorted(late), unlisted)
        stack = waiting.pop(shuffle.randrange(len(waiting)) if shuffle else -1)
        usage, left, faults = engine.measure(root, stack, budget, watch)
        assert faults == []
        assert max(len(usage.met), len(usage.late)) <= WATCHED
        met += usage.met
        late += usage.late
        unlisted += usage.unlisted
        waiting += [[entry] for entry in left] if shuffle else [left] if left else []
    raise AssertionError("measure does not end")


ALL: Final = Watch(
    frozenset({b"id_rsa", b".svn", b".env", b"\xff\xe4"}),
    frozenset({b"key", b"gz", b"sqlite", b"", b"\xff"}),
    (b".env.*", b"*-keypair.json", b"secret?.[a-c]*", b"exact.txt", b"*.tar.*", b"a*a"),
)


@pytest.mark.parametrize(
    ("name", "is_met"),
    [
        (b"id_rsa", True),
        (b"ID_Rsa", True),
        (b"id_rsa.pub", False),
        (b"xid_rsa", False),
        (b"id_rs", False),
        (b".env", True),
        (b"env", False),
        # Endings.
        (b"server.key", True),
        (b"server.KEY", True),
        (b"server.keys", False),
        (b"server.key.bak", False),
        (b"key", False),
        (b".key", False),
        (b"..key", True),
        (b".a.key", True),
        (b"a.tar.gz", True),
        (b"a.gz.tar", False),
        (b"ends with a dot.", True),
        (b"...", True),
        (b"no dot", False),
        (b"not UTF-8.\xff", True),
        (b"\xff\xfe.Key", True),
        (b"x" * 251 + b".key", True),
        (b"a." + b"x" * 250, False),
        # Wildcards.
        (b".env.local", True),
        (b".ENV.Local", True),
        (b".env.", True),
        (b".envrc", False),
        (b"-keypair.json", True),
        (b"My-KeyPair.json", True),
        (b"my-keypair.json.x", False),
        (b"keypair.json", False),
        (b"secret1.b", True),
        (b"SECRET1.Bx", True),
        (b"secret1.d", False),
        (b"secret12.b", False),
        (b"Exact.TXT", True),
        (b"exact.txt2", False),
        (b"a.tar.xz", True),
        (b"aa", True),
        (b"a", False),
        (b"A.\na", True),
        # Only letters of ASCII have two cases.
        (b"\xff\xe4", True),
        (b"\xff\xc4", False),
        ("\u212aey".encode(), False),  # The sign of Kelvin is a K elsewhere.
    ],
)
@every_opening
def test_a_file_is_met_by_its_name(
    engine: ModuleType, tmp_path: Path, name: bytes, *, is_met: bool
) -> None:
    declare(tmp_path, {"a": {name: 1, "b": {}}})
    expected = [b"a/" + name] if is_met else []
    assert look(engine, root_of(tmp_path), ALL) == Seen(expected, [])


@every_opening
def test_a_directory_is_met_by_a_whole_name_only_and_gone_into_all_the_same(
    engine: ModuleType, tmp_path: Path
) -> None:
    declare(
        tmp_path,
        {".SVN": {"id_rsa": {".svn": {}}}, "a.key": {"b.key": 1}, ".env.d": {}, "x": {".env.x": 1}},
    )
    assert look(engine, root_of(tmp_path), ALL) == Seen(
        [b".SVN", b".SVN/id_rsa", b".SVN/id_rsa/.svn", b"a.key/b.key", b"x/.env.x"], []
    )


@every_opening
def test_whatever_is_no_directory_has_an_ending(engine: ModuleType, tmp_path: Path) -> None:
    declare(tmp_path, {"d": {}, "to a directory.key": Path("d"), "dangling.key": Path("nowhere")})
    os.mkfifo(tmp_path / "fifo.key")
    declare(tmp_path, {"a.key": 1})
    (tmp_path / "linked.key").hardlink_to(tmp_path / "a.key")
    assert look(engine, root_of(tmp_path), ALL).met == [
        b"a.key",
        b"dangling.key",
        b"fifo.key",
        b"linked.key",
        b"to a directory.key",
    ]


@every_opening
def test_what_was_modified_in_a_later_second_is_late(engine: ModuleType, tmp_path: Path) -> None:
    declare(
        tmp_path,
        {"top": {"before": 1, "at": 1, "within": 1, "behind": 1, "d": {"d": {}}, "l": Path("at")}},
    )
    top = tmp_path / "top"
    os.mkfifo(top / "fifo")
    (top / "first").touch()
    (top / "linked").hardlink_to(top / "first")
    times = {"before": 999, "at": 1000, "within": 1000.9, "behind": 1001, "first": 1002}
    for name in os.listdir(top):
        seconds = times.get(name, 4_000_000_000)
        if name != "linked":
            os.utime(top / name, (1, seconds), follow_symlinks=False)
    os.utime(top / "d/d", (1, 4e9))
    root = root_of(top)
    late = [b"behind", b"fifo", b"first", b"linked"]
    assert look(engine, root, Watch(since=1000)) == Seen([], late)
    assert look(engine, root, Watch(since=1001)) == Seen([], late[1:])
    assert look(engine, root, Watch(since=3_999_999_999)) == Seen([], [b"fifo"])
    assert look(engine, root, Watch(since=4_000_000_000)) == Seen([], [])
    assert look(engine, root, Watch(since=0)) == Seen([], [])
    both = Watch(frozenset({b"first"}), since=1001)
    assert look(engine, root, both) == Seen([b"first"], late[1:])


def test_nothing_is_late_where_tools_write_whenever_they_run(
    engine: ModuleType, tmp_path: Path
) -> None:
    inner = {"x": 1, "deep": {"er": {"y": 1}}, "a.key": 1}
    tree = {".cache": inner, "a": {".CACHE": inner, ".cached": inner}, "b.cache": inner, "top": 1}
    declare(tmp_path, {"root": {".cache": tree}})
    watch = Watch(endings=frozenset({b"key"}), since=1, written=frozenset({b".cache", b"er"}))
    # The name of the root, and of what is around it, does not count.
    seen = look(engine, root_of(tmp_path / "root/.cache"), watch)
    late = [b"a/.cached/a.key", b"a/.cached/x", b"b.cache/a.key", b"b.cache/x", b"top"]
    assert seen.late == late
    assert len(seen.met) == 4
    assert look(engine, root_of(tmp_path / "root"), watch).late == []


def test_what_lies_where_tools_write_is_not_counted_as_unlisted(
    engine: ModuleType, tmp_path: Path
) -> None:
    declare(tmp_path, {".cache": dict.fromkeys(map(str, range(WATCHED + 1)), 0), "late": 0})
    watch = Watch(since=1, written=frozenset({b".cache"}))
    assert look(engine, root_of(tmp_path), watch) == Seen([], [b"late"])
    assert look(engine, root_of(tmp_path), Watch(since=1)).unlisted == 2


def test_before_the_epoch_is_a_time_like_any_other(engine: ModuleType, tmp_path: Path) -> None:
    declare(tmp_path, {"old": 1, "older": 1})
    os.utime(tmp_path / "old", (1, -99))
    os.utime(tmp_path / "older", (1, -100))
    assert look(engine, root_of(tmp_path), Watch(since=-100)).late == [b"old"]


def test_nothing_is_listed_unless_it_is_watched_for(engine: ModuleType, tmp_path: Path) -> None:
    declare(tmp_path, {"id_rsa": 1, "a.key": {}})
    root = root_of(tmp_path)
    for watch in ((), (None,), (Watch(),)):
        usage = engine.measure(root, [b""], EVERYTHING, *watch).usage
        assert (usage.met, usage.late, usage.unlisted) == ([], [], 0)
        assert (usage.files, usage.directories) == (1, 2)


def test_of_what_is_closed_only_the_name_is_known(engine: ModuleType, tmp_path: Path) -> None:
    declare(tmp_path, {"a": {".SVN": {"id_rsa": 1}, "x.key": 1}, "b": {"id_rsa": 1}})
    os.utime(tmp_path / "a/x.key", (1, 4e9))
    root = root_of(tmp_path)._replace(closed=(b"a/.SVN", b"a/x.key"))
    watch = ALL._replace(since=3_000_000_000)
    assert look(engine, root, watch) == Seen([b"a/.SVN", b"b/id_rsa"], [])


def _with_a_mount(way: Way, binds: bool, directory: str) -> tuple[Seen, list[bytes]]:  # noqa: FBT001 - a parameter of the case, told by its name
    engine = way.engine()
    enter_private_mounts()
    mounted = Path(directory) / "top" / ".svn"
    if binds:
        bind(Path(directory) / "elsewhere", mounted)
    else:
        mount_tmpfs(mounted)
    declare(mounted, {"id_rsa": 1})
    root = root_of(Path(directory) / "top")
    return look(engine, root, ALL), engine.measure(root, [b""], EVERYTHING).usage.mounts


@pytest.mark.usefixtures("mounts")
@pytest.mark.parametrize(
    ("opening", "binds"), [(BY_KERNEL, False), (BY_KERNEL, True), (BY_COMPONENT, False)]
)
def test_a_mount_point_is_met_by_its_name(
    engine: ModuleType,
    tmp_path: Path,
    opening: str,
    binds: bool,  # noqa: FBT001 - a parameter of the case, told by its name
) -> None:
    declare(tmp_path, {"top": {".svn": {}, "a.key": 1}, "elsewhere": {}})
    way = Way(engine.__name__, opening)
    seen, mounts = in_child(_with_a_mount, way, binds, os.fspath(tmp_path))
    assert seen == Seen([b".svn", b"a.key"], [])
    assert mounts == [b".svn"]


@pytest.mark.parametrize("budget", [10, 700, EVERYTHING])
def test_a_call_lists_so_many_and_counts_the_others(
    engine: ModuleType, tmp_path: Path, budget: int
) -> None:
    """However a directory is cut; it is too large for a call, and so is what lies beneath it."""
    keys: Declared = {f"{number}.key": 1 for number in range(1500)}
    declare(tmp_path, {**keys, "d": {**keys, **{f"{n}.js": 1 for n in range(1200)}}})
    watch = ALL._replace(since=1)
    root = root_of(tmp_path)
    seen = look(engine, root, watch, budget, random.Random(budget))
    everything = len(seen.met) + len(seen.late) + seen.unlisted
    assert everything == 3000 + 4200
    assert len(set(seen.met)) == len(seen.met)
    assert len(set(seen.late)) == len(seen.late)
    if budget == EVERYTHING:
        [usage] = [engine.measure(root, [b""], budget, watch).usage]
        assert (len(usage.met), len(usage.late), usage.unlisted) == (1000, 1000, 5200)


@pytest.mark.on_linux
def test_small_calls_list_all_of_a_large_directory(native: ModuleType, tmp_path: Path) -> None:
    """There it is cut up; elsewhere, and by the Python engine, a directory is read in one call."""
    declare(tmp_path, {f"{number}.key": 1 for number in range(1500)})
    seen = look(native, root_of(tmp_path), ALL, 10, random.Random(0))
    assert (len(seen.met), seen.unlisted) == (1500, 0)


NO_NAMES: Final[frozenset[bytes]] = frozenset()

WRONG: Final[tuple[Any, ...]] = (
    1,
    "text",
    [NO_NAMES, NO_NAMES, (), 0],
    (),
    (NO_NAMES, NO_NAMES, ()),
    (1, NO_NAMES, (), 0),
    (NO_NAMES, NO_NAMES, (), 0, 1),
    (NO_NAMES, NO_NAMES, (), 0, frozenset({"text"})),
    ("text", NO_NAMES, (), 0),
    (frozenset({"text"}), NO_NAMES, (), 0),
    (NO_NAMES, None, (), 0),
    (NO_NAMES, frozenset({1}), (), 0),
    (NO_NAMES, NO_NAMES, 1, 0),
    (NO_NAMES, NO_NAMES, (b"*", "text"), 0),
    (NO_NAMES, NO_NAMES, b"bytes", 0),
    (NO_NAMES, NO_NAMES, (), "1"),
    (NO_NAMES, NO_NAMES, (), None),
    (NO_NAMES, NO_NAMES, (), 1.5),
)


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_what_is_watched_for_is_of_the_right_kind(
    native: ModuleType, tmp_path: Path, wrong: Any
) -> None:
    with pytest.raises(TypeError):
        native.measure(root_of(tmp_path), [b""], 10, wrong)


def test_no_name_has_a_nul_in_it(native: ModuleType, tmp_path: Path) -> None:
    nul = frozenset({b"a\0b"})
    for watch in (
        Watch(names=nul),
        Watch(endings=nul),
        Watch(globs=(b"*", b"a\0*")),
        Watch(written=nul),
    ):
        with pytest.raises(ValueError, match="null byte"):
            native.measure(root_of(tmp_path), [b""], 10, watch)


def test_a_time_may_not_be_too_large(native: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(OverflowError):
        native.measure(root_of(tmp_path), [b""], 10, Watch(since=1 << 63))


# Trees at random


stems = st.sampled_from(
    [b"", b"a", b"A", b"id_rsa", b"ID_RSA", b".env", b".Env", b"\xff\xc4", b"."]
)
suffixes = st.sampled_from([b"", b".", b".key", b".KEY", b".tar.Gz", b".\xff", b"*", b"[", b"\n"])
watched_names = st.one_of(
    st.tuples(stems, suffixes).map(b"".join),
    st.binary(min_size=1, max_size=5),
).filter(lambda name: name not in {b"", b".", b".."} and not set(name) & {0, ord("/")})
watched_trees = st.recursive(
    st.dictionaries(watched_names, leaves, max_size=8),
    lambda inner: st.dictionaries(watched_names, inner | leaves, min_size=1, max_size=8),
    max_leaves=30,
)
watches = st.builds(
    Watch,
    names=st.frozensets(watched_names.map(bytes.lower), max_size=6),
    endings=st.frozensets(
        st.sampled_from([b"", b"key", b"gz", b"tar.gz", b"\xff", b"k", b"ey", b"KEY"]), max_size=4
    ),
    globs=st.lists(
        st.sampled_from(
            [b"*", b"?", b"a*", b"*.key", b"*a", b".env*.key", b"*[!.]", b"[a-i]*y", b"a?*.*", b"[*",
             b"id_rsa", b"*\xe4", b"*\xc4", b"?*?", b"**y", b"*.*.*", b"A*", b"*[", b"\xff*[*]", b"*[._]key", b"*]a", b"a]", b"[a-]*a", b"?[*]a", b"*[a*y"]
        ),
        max_size=3,
    ).map(tuple),
    since=st.sampled_from([0, 1000, 1001, 1002, 1003]),
    written=st.frozensets(watched_names.map(bytes.lower), max_size=3),
)  # fmt: skip


def watched_plainly(top: bytes, watch: Watch) -> Seen:
    """Return what is to be listed, found in the plainest way."""

    def paths() -> Iterator[bytes]:
        for path, directories, files in os.walk(top):
            yield from (
                os.path.relpath(os.path.join(path, one), top) for one in directories + files
            )

    met, late = [], []
    for path in paths():
        found, name = os.lstat(os.path.join(top, path)), os.path.basename(path).lower()
        _, dot, ending = name[1:].rpartition(b".")
        is_directory = stat.S_ISDIR(found.st_mode)
        if name in watch.names or (
            not is_directory
            and (
                (dot and ending in watch.endings)
                or any(fnmatch.fnmatchcase(name, glob) for glob in watch.globs)
            )
        ):
            met.append(path)
        passed_by = is_directory or stat.S_ISLNK(found.st_mode)
        written = not watch.written.isdisjoint(os.path.dirname(path).lower().split(b"/"))
        if watch.since and int(found.st_mtime) > watch.since and not (passed_by or written):
            late.append(path)
    return Seen(sorted(met), sorted(late))


@usual
@given(tree=watched_trees, watch=watches, budget=budgets, shuffle=shuffles)
def test_both_list_what_is_watched_for(
    native: ModuleType, tree: Dictated, watch: Watch, budget: int, shuffle: random.Random
) -> None:
    with made(tree) as place:
        for path, directories, files in os.walk(place.top):
            for name in directories + files:
                here = os.path.join(path, name)
                seconds = 1000 + zlib.crc32(name) % 4
                os.utime(here, ns=(0, seconds * 10**9 + 999_999_999), follow_symlinks=False)
        root = root_of(place.top)
        plainly = watched_plainly(place.top, watch)
        for engine in (native, _python):
            assert look(engine, root, watch) == plainly
            assert look(engine, root, watch, budget, shuffle) == plainly
            watched = Usage(*engine.measure(root, [b""], budget, watch).usage)
            unwatched = watched._replace(met=[], late=[], unlisted=0)
            assert unwatched == engine.measure(root, [b""], budget).usage


# What find notices


def noticed(engine: ModuleType, root: Root, names: Names, budget: int = EVERYTHING) -> list[bytes]:
    paths: list[bytes] = []
    stack = [b""]
    for _ in range(TOO_MANY):
        found, stack, faults = engine.find(root, stack, names, budget)
        assert faults == []
        assert len(found.noticed) <= WATCHED
        paths += found.noticed
        if not stack:
            return sorted(paths)
    raise AssertionError("find does not end")


VENVS: Final = Names(
    frozenset({b"node_modules"}), frozenset({b".git"}), 0, noticed=frozenset({b".venv", b"target"})
)


@pytest.mark.parametrize("budget", [1, EVERYTHING])
@every_opening
def test_what_is_noticed_is_searched_like_any_directory(
    engine: ModuleType, tmp_path: Path, budget: int
) -> None:
    inside: dict[str | bytes, Any] = {"node_modules": {"target": {}}, "target": {"x": 1}}
    declare(
        tmp_path,
        {".venv": inside, "a": {".VENV": {}, ".git": {"target": {}}, "b": {"target": {}}},
         "file": {"target": 1}, "link": {"target": Path("/")}},
    )  # fmt: skip
    root = root_of(tmp_path)
    assert noticed(engine, root, VENVS, budget) == [b".venv", b".venv/target", b"a/b/target"]
    found = engine.find(root, [b""], VENVS, EVERYTHING).found
    assert [hit.path for hit in found.hits] == [b".venv/node_modules"]
    without = engine.find(root, [b""], VENVS._replace(noticed=frozenset()), EVERYTHING).found
    assert without == found._replace(noticed=[])


@pytest.mark.parametrize("min_depth", [0, 1, 2, 3])
def test_what_is_too_shallow_for_a_hit_is_not_noticed(
    engine: ModuleType, tmp_path: Path, min_depth: int
) -> None:
    declare(tmp_path, {"target": {"target": {"target": {}}}})
    names = VENVS._replace(min_depth=min_depth)
    paths = [b"target", b"target/target", b"target/target/target"]
    assert noticed(engine, root_of(tmp_path), names) == paths[min_depth:]


@pytest.mark.parametrize("max_depth", [0, 1, 2, 3])
def test_what_is_too_deep_for_a_hit_is_not_noticed(
    engine: ModuleType, tmp_path: Path, max_depth: int
) -> None:
    declare(tmp_path, {"target": {"target": {"target": {}}}})
    names = VENVS._replace(max_depth=max_depth)
    paths = [b"target", b"target/target", b"target/target/target"]
    assert noticed(engine, root_of(tmp_path), names) == paths[: max_depth + 1]


@pytest.mark.parametrize("budget", [1, EVERYTHING])
@pytest.mark.parametrize("max_depth", [-1, 0, 1, 2])
@every_opening
def test_a_marker_makes_a_hit_down_to_the_greatest_depth_and_nothing_deeper_is_opened(
    engine: ModuleType, tmp_path: Path, max_depth: int, budget: int
) -> None:
    declare(
        tmp_path,
        {
            "a": {"CACHEDIR.TAG": "x"},
            "b": {"c": {"CACHEDIR.TAG": "x"}, "d": {"e": {"CACHEDIR.TAG": "x", "f": {}}}},
            "g": {"node_modules": {}, "h": {"node_modules": {}}},
        },
    )
    names = Names(
        frozenset({b"node_modules"}),
        frozenset(),
        0,
        markers=frozenset({b"CACHEDIR.TAG"}),
        max_depth=max_depth,
    )
    stack, opened, hits = [b""], 0, []
    while stack:
        found, stack, faults = engine.find(root_of(tmp_path), stack, names, budget)
        assert faults == []
        opened += found.directories
        hits += [hit.path for hit in found.hits]
    every = {b"a": 0, b"b/c": 1, b"b/d/e": 2, b"g/node_modules": 1, b"g/h/node_modules": 2}
    deepest = max_depth if max_depth >= 0 else 9
    assert set(hits) == {path for path, depth in every.items() if depth <= deepest}
    assert opened == {-1: 8, 0: 4, 1: 7, 2: 8}[max_depth]


@every_opening
def test_a_hit_is_not_noticed_as_well_nor_is_what_is_skipped_or_closed(
    engine: ModuleType, tmp_path: Path
) -> None:
    declare(tmp_path, {"node_modules": {}, ".git": {}, "target": {}, ".venv": {}, "t-1": {}})
    names = Names(
        frozenset({b"node_modules"}),
        frozenset({b".git"}),
        0,
        (b"t-*",),
        noticed=frozenset({b"node_modules", b".git", b"target", b".venv", b"t-1"}),
    )
    root = root_of(tmp_path)._replace(closed=(b"target",))
    assert noticed(engine, root, names) == [b".venv"]


@pytest.mark.parametrize(
    "whole", [{"CACHEDIR.TAG": "x"}, {"HEAD": "ref", "objects": {}, "refs": {}}]
)
@every_opening
def test_what_lies_in_a_hit_is_not_noticed(
    engine: ModuleType, tmp_path: Path, whole: dict[str | bytes, Any]
) -> None:
    """A directory that turns out to be a hit, or a bare repository, while it is read."""
    declare(tmp_path, {"a": {"target": {}}, "b": {"target": {}, ".venv": {}, **whole}, "c": {}})
    names = VENVS._replace(markers=frozenset({b"CACHEDIR.TAG"}))
    assert noticed(engine, root_of(tmp_path), names) == [b"a/target"]


def test_a_call_notices_so_many(engine: ModuleType, tmp_path: Path) -> None:
    declare(tmp_path, {str(number): {"target": {}} for number in range(1003)})
    found, left, _ = engine.find(root_of(tmp_path), [b""], VENVS, EVERYTHING)
    assert (len(found.noticed), left) == (1000, [])
    assert found.directories == 2007


def test_what_is_noticed_is_of_the_right_kind(native: ModuleType, tmp_path: Path) -> None:
    root = root_of(tmp_path)
    with pytest.raises(TypeError):
        native.find(root, [b""], (*VENVS[:-1], frozenset({"text"})), 10)
    with pytest.raises(ValueError, match="null byte"):
        native.find(root, [b""], VENVS._replace(noticed=frozenset({b"a\0"})), 10)
    with pytest.raises(TypeError):
        native.find(root, [b""], VENVS[:-1], 10)
