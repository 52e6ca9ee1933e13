"""What the machine that runs the tests cannot be: drives, backslashes, junctions, letters' case.

pyfakefs plays the other system. It knows no directory descriptors, so the engine goes by path
(``_PathTree``), which is how it works on Windows.
"""

import asyncio
import errno
import os
import stat
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Final

import pathspec  # noqa: F401 - or it would be loaded on Windows, half of it
import pytest
from pyfakefs.fake_filesystem import FakeFilesystem, OSType
from pyfakefs.helpers import FakeStatResult

from cleanup_nodemodule import engine
from cleanup_nodemodule.config.settings import Settings
from cleanup_nodemodule.engine import _python, _python_entries, _python_remove
from cleanup_nodemodule.engine._by_path import PathTree
from cleanup_nodemodule.engine.contract import Counts, Hit, Names, Watch
from cleanup_nodemodule.model import Candidate, Identity, Problem
from cleanup_nodemodule.patterns.patterns import Patterns, compile_pattern
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.proof.rules import catalogue
from cleanup_nodemodule.survey import search as finder
from cleanup_nodemodule.work.conversion import anchor, beneath, problem_at
from cleanup_nodemodule.work.scheduler import Scheduler

EVERYTHING: Final = 1_000_000
catalogue()  # Read while the disk is the real one.
NODE_MODULES: Final = Names(frozenset({b"node_modules"}), frozenset({b".git"}), 0)


def ten_numbers(status: FakeStatResult) -> Iterator[int | None]:
    """Unpack a status as the system's own unpacks, which pyfakefs' does not."""
    return (status[position] for position in range(10))


@pytest.fixture
def by_path(fs: FakeFilesystem, monkeypatch: pytest.MonkeyPatch) -> FakeFilesystem:
    monkeypatch.setattr(engine, "_chosen", _python)  # The other one would see the real disk.
    for module in (_python, _python_remove):
        monkeypatch.setattr(module, "open_tree", PathTree)
    monkeypatch.setattr(FakeStatResult, "__iter__", ten_numbers, raising=False)
    return fs


@pytest.fixture
def windows(by_path: FakeFilesystem, monkeypatch: pytest.MonkeyPatch) -> FakeFilesystem:
    by_path.os = OSType.WINDOWS
    monkeypatch.setattr(_python_entries, "sys", SimpleNamespace(platform="win32"))
    monkeypatch.setattr(os, "stat_result", object)  # Which has no st_blocks on Windows.
    return by_path


@pytest.fixture
def macos(by_path: FakeFilesystem) -> FakeFilesystem:
    by_path.os = OSType.MACOS
    return by_path


@pytest.fixture
def linux(by_path: FakeFilesystem) -> FakeFilesystem:
    by_path.os = OSType.LINUX
    return by_path


def make_junction(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the directory *path* say that it leads elsewhere ([MS-FSCC] 2.6).

    A junction passes for a directory in everything but its attributes.
    """
    inode = os.lstat(path).st_ino
    usual = vars(FakeStatResult)["st_file_attributes"]

    def attributes(status: FakeStatResult) -> int:
        said: int = usual.fget(status)
        return said | (stat.FILE_ATTRIBUTE_REPARSE_POINT if status.st_ino == inode else 0)

    monkeypatch.setattr(FakeStatResult, "st_file_attributes", property(attributes))


def identity_of(path: str) -> Identity:
    found = os.lstat(path)
    return Identity(found.st_dev, found.st_ino)


def search(settings: Settings) -> list[Candidate]:
    """Search the roots as a run does, with threads and all."""
    candidates: list[Candidate] = []
    problems: list[Problem] = []

    async def judge(found: Sequence[Candidate], _doubted: bool) -> list[bool]:  # noqa: FBT001 - by position, as a Judge is called
        candidates.extend(found)
        return [False] * len(found)

    async def work() -> None:
        with ThreadPoolExecutor(2) as executor:
            await finder.Search(
                finder.locate_roots(settings.roots),
                finder.wanted_names((), settings.targets or (), settings.min_depth),
                Patterns(
                    tuple(compile_pattern(text, None, None, ()) for text in settings.excludes)
                ),
                Scheduler(executor, 2),
                judge=judge,
                leftover=candidates.append,
                problem=problems.append,
                searched=lambda _count, _place: None,
            ).everything()

    asyncio.run(work())
    assert problems == []
    return sorted(candidates, key=lambda candidate: candidate.path)


# Names and paths


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize(
    ("root", "relative", "expected", "name"),
    [
        ("C:\\work", b"app/node_modules", "C:\\work\\app\\node_modules", "node_modules"),
        ("C:\\", b"node_modules", "C:\\node_modules", "node_modules"),
        ("C:\\work", b"", "C:\\work", "work"),
        ("\\\\host\\share", b"a/dist", "\\\\host\\share\\a\\dist", "dist"),
        ("\\\\?\\C:\\long", b"a/dist", "\\\\?\\C:\\long\\a\\dist", "dist"),
        ("C:\\work", "caf\u00e9/\u2603".encode(), "C:\\work\\caf\u00e9\\\u2603", "\u2603"),
    ],
)
def test_a_path_beneath_a_windows_root_has_backslashes(
    root: str, relative: bytes, expected: str, name: str
) -> None:
    path = beneath(root, relative)
    assert path == expected
    assert Candidate(path, root, Identity(1, 2), mounted=False).name == name


@pytest.mark.parametrize("system", ["macos", "linux"])
def test_a_backslash_in_a_name_is_a_letter_elsewhere(
    request: pytest.FixtureRequest, system: str
) -> None:
    request.getfixturevalue(system)
    path = beneath("/srv", b"app\\x/node_modules")
    assert path == "/srv/app\\x/node_modules"
    assert beneath("/", b"app") == "/app"
    assert Candidate(beneath("/", b"a\\b"), "/", Identity(1, 2), mounted=False).name == "a\\b"


@pytest.mark.usefixtures("windows")
def test_a_fault_is_shown_with_its_windows_path() -> None:
    os.makedirs("C:\\work")
    root = anchor("C:\\work", identity_of("C:\\work"))
    stale = root._replace(inode=root.inode + 1)
    _, _, faults = _python.measure(stale, [b""], EVERYTHING)
    assert [problem_at("C:\\work", fault) for fault in faults] == [
        Problem("C:\\work", ProblemCode.OPEN, errno.ESTALE)
    ]


# Roots


@pytest.mark.usefixtures("windows")
def test_spellings_of_one_windows_directory_are_one_root() -> None:
    os.makedirs("C:\\Work\\app")
    spellings = ("C:\\Work", "C:/Work", "C:\\Work\\", "C:\\Work\\app\\..", "c:\\work", "C:\\WORK")
    roots = finder.locate_roots(spellings)
    assert [root.path for root in roots] == ["C:\\Work"]
    assert roots[0].identity == identity_of("C:\\Work")


@pytest.mark.usefixtures("macos")
def test_spellings_of_one_macos_directory_are_one_root() -> None:
    os.makedirs("/Users/me/Work")
    roots = finder.locate_roots(("/Users/me/Work", "/Users/ME/work", "/users/me/WORK/"))
    assert [root.path for root in roots] == ["/Users/me/Work"]


@pytest.mark.usefixtures("linux")
def test_directories_that_differ_in_case_are_two_roots_on_linux() -> None:
    os.makedirs("/Srv")
    os.makedirs("/srv")
    assert [root.path for root in finder.locate_roots(("/Srv", "/srv"))] == ["/Srv", "/srv"]


@pytest.mark.usefixtures("windows")
def test_a_windows_root_that_is_missing_or_a_file_is_refused_as_it_was_given() -> None:
    os.makedirs("C:\\work")
    with open("C:\\work\\file", "w") as file:
        file.write("x")
    with pytest.raises(finder.RootError) as missing:
        finder.locate_roots(("D:\\nowhere",))
    assert missing.value.errno == errno.ENOENT
    assert missing.value.filename == "D:\\nowhere"
    with pytest.raises(finder.RootError) as is_file:
        finder.locate_roots(("C:/work/file",))
    assert is_file.value.errno == errno.ENOTDIR
    assert is_file.value.filename == "C:/work/file"


# The search


@pytest.mark.usefixtures("windows")
def test_a_search_of_nested_windows_roots_finds_each_artifact_once() -> None:
    for path in ("app\\node_modules", "app\\src\\node_modules", ".git\\node_modules", "b\\x"):
        os.makedirs(f"C:\\work\\{path}")
    found = search(
        Settings(roots=("C:\\work", "C:\\work\\app", "C:/work"), targets=("node_modules",))
    )
    assert [candidate.path for candidate in found] == [
        "C:\\work\\app\\node_modules",
        "C:\\work\\app\\src\\node_modules",
    ]
    for candidate in found:
        assert candidate.identity == identity_of(candidate.path)
        assert candidate.name == "node_modules"
        assert not candidate.mounted


@pytest.mark.usefixtures("windows")
def test_a_windows_root_inside_what_another_root_reports_is_searched_and_knows_its_root() -> None:
    """Which of the two is shown is for the plan to say, when git has been asked."""
    os.makedirs("C:\\work\\node_modules\\a\\node_modules")
    found = search(
        Settings(roots=("C:\\work", "C:\\work\\node_modules\\a"), targets=("node_modules",))
    )
    assert [(candidate.path, candidate.root) for candidate in found] == [
        ("C:\\work\\node_modules", "C:\\work"),
        ("C:\\work\\node_modules\\a\\node_modules", "C:\\work\\node_modules\\a"),
    ]


@pytest.mark.usefixtures("windows")
def test_excludes_match_windows_paths_with_slashes() -> None:
    os.makedirs("C:\\work\\keep\\me\\node_modules")
    os.makedirs("C:\\work\\me\\node_modules")
    found = search(Settings(roots=("C:\\work",), targets=("node_modules",), excludes=("keep/me/",)))
    assert [candidate.path for candidate in found] == ["C:\\work\\me\\node_modules"]


@pytest.mark.usefixtures("macos")
def test_a_name_is_matched_as_it_is_spelled_where_case_does_not_count() -> None:
    """Tools spell the names of their directories one way; another spelling is somebody else's."""
    os.makedirs("/srv/a/node_modules")
    os.makedirs("/srv/b/Node_Modules")
    found = search(Settings(roots=("/srv",), targets=("node_modules",)))
    assert [candidate.path for candidate in found] == ["/srv/a/node_modules"]


# The engine by path


@pytest.mark.usefixtures("windows")
def test_a_windows_tree_is_found_measured_and_removed() -> None:
    os.makedirs("C:\\work\\app\\node_modules\\x\\empty")
    for path, size in (("f", 600), ("x\\g", 1), ("x\\h", 0), ("x\\h2", 512)):
        with open(f"C:\\work\\app\\node_modules\\{path}", "wb") as file:
            file.write(b"x" * size)
    with open("C:\\work\\precious", "w") as file:
        file.write("precious")
    root = anchor("C:\\work", identity_of("C:\\work"))
    (_, hits, _, _), left, faults = _python.find(root, [b""], NODE_MODULES, EVERYTHING)
    (hit,) = hits
    assert hit._replace(changed=0) == Hit(
        b"app/node_modules", *identity_of("C:\\work\\app\\node_modules"), mounted=False
    )
    assert (left, faults) == ([], [])

    top = "C:\\work\\app\\node_modules"
    directories = [top, f"{top}\\x", f"{top}\\x\\empty"]
    root = anchor(top, identity_of(top))
    usage, left, faults = _python.measure(root, [b""], EVERYTHING)
    entries = sum(os.lstat(path).st_size for path in directories)
    rounded = sum(-(-os.lstat(path).st_size // 512) * 512 for path in directories)
    assert (usage.files, usage.directories) == (4, 3)
    assert usage.apparent == 600 + 1 + 0 + 512 + entries
    # Where blocks are not counted, sizes are rounded up to them.
    assert usage.allocated == 1024 + 512 + 0 + 512 + rounded
    assert (usage.links, usage.mounts, left, faults) == (b"", [], [], [])

    assert _python_remove.remove(root, [b""], EVERYTHING) == (
        Counts(4, 3, usage.allocated, [], root=True),
        [],
        [],
    )
    assert not os.path.exists(top)
    with open("C:\\work\\precious") as file:
        assert file.read() == "precious"


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize("budget", [1, 2, 3])
def test_a_windows_tree_is_removed_in_slices(budget: int) -> None:
    for number in range(3):
        os.makedirs(f"C:\\top\\{number}\\deep")
        with open(f"C:\\top\\{number}\\deep\\f", "w") as file:
            file.write("x")
    root, stack = anchor("C:\\top", identity_of("C:\\top")), [b""]
    files = directories = calls = 0
    while stack:
        counts, stack, faults = _python_remove.remove(root, stack, budget)
        assert faults == []
        files += counts.files
        directories += counts.directories
        calls += 1
        assert calls <= 10
    assert (files, directories) == (3, 7)
    assert not os.path.exists("C:\\top")


@pytest.mark.usefixtures("windows")
def test_a_windows_hard_link_is_told_by_its_own_status() -> None:
    """A directory listing there knows no link count (os.DirEntry.stat)."""
    os.makedirs("C:\\top")
    with open("C:\\outside", "w") as file:
        file.write("precious")
    os.link("C:\\outside", "C:\\top\\linked")
    root = anchor("C:\\top", identity_of("C:\\top"))
    usage, _, _ = _python.measure(root, [b""], EVERYTHING)
    assert memoryview(usage.links).cast("Q").tolist() == [
        identity_of("C:\\outside").inode,
        2,
        8,
        512,
        512,
    ]
    counts, _, faults = _python_remove.remove(root, [b""], EVERYTHING)
    assert (counts.files, faults) == (1, [])
    with open("C:\\outside") as file:
        assert file.read() == "precious"


@pytest.mark.usefixtures("windows")
def test_what_is_watched_for_on_windows_has_slashes_in_its_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A junction is met by its name, as other mount points are, and is no file with an ending."""
    os.makedirs("C:\\top\\a\\.SVN")
    os.makedirs("C:\\top\\ID_RSA")
    os.makedirs("C:\\top\\x.key")
    for path in ("a\\.SVN\\Server.KEY", "a\\late"):
        with open(f"C:\\top\\{path}", "w") as file:
            file.write("x")
    os.utime("C:\\top\\a\\late", (1, 4e9))
    make_junction("C:\\top\\ID_RSA", monkeypatch)
    root = anchor("C:\\top", identity_of("C:\\top"))
    watch = Watch(frozenset({b".svn", b"id_rsa"}), frozenset({b"key"}), since=3_000_000_000)
    usage, left, faults = _python.measure(root, [b""], EVERYTHING, watch)
    assert sorted(usage.met) == [b"ID_RSA", b"a/.SVN", b"a/.SVN/Server.KEY"]
    assert (usage.late, usage.unlisted) == ([b"a/late"], 0)
    assert (usage.mounts, left, faults) == ([b"ID_RSA"], [], [])


@pytest.mark.usefixtures("windows")
def test_a_junction_is_no_hit_and_not_entered(monkeypatch: pytest.MonkeyPatch) -> None:
    os.makedirs("C:\\top\\usual\\node_modules")
    os.makedirs("C:\\top\\junction\\node_modules\\precious")
    make_junction("C:\\top\\junction", monkeypatch)
    root = anchor("C:\\top", identity_of("C:\\top"))
    found, left, faults = _python.find(root, [b""], NODE_MODULES, EVERYTHING)
    assert [hit.path for hit in found.hits] == [b"usual/node_modules"]
    assert (left, faults) == ([], [])
    only_it = NODE_MODULES._replace(wanted=frozenset({b"junction"}))
    found, _, _ = _python.find(root, [b""], only_it, EVERYTHING)
    assert found.hits == []
    usage, _, faults = _python.measure(root, [b""], EVERYTHING)
    assert usage.mounts == [b"junction"]
    assert (usage.directories, faults) == (3, [])


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize("stack", [[b""], [b"junction"], [b"junction/"], [b"junction/d"]])
def test_what_a_junction_leads_to_is_not_removed(
    monkeypatch: pytest.MonkeyPatch, stack: list[bytes]
) -> None:
    os.makedirs("C:\\top\\junction\\d")
    with open("C:\\top\\junction\\d\\precious", "w") as file:
        file.write("precious")
    make_junction("C:\\top\\junction", monkeypatch)
    root = anchor("C:\\top", identity_of("C:\\top"))
    counts, left, _ = _python_remove.remove(root, stack, EVERYTHING)
    # What was to go once the junction had gone is for another time, as the junction has not.
    blocked = [b""] if stack == [b"junction/"] else []
    assert (counts, left) == (Counts(0, 0, 0, blocked), [])
    with open("C:\\top\\junction\\d\\precious") as file:
        assert file.read() == "precious"


@pytest.mark.usefixtures("windows")
def test_a_root_that_is_a_junction_is_searched_and_not_removed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    os.makedirs("C:\\junction\\node_modules")
    make_junction("C:\\junction", monkeypatch)
    root = anchor("C:\\junction", identity_of("C:\\junction"))
    found, _, faults = _python.find(root, [b""], NODE_MODULES, EVERYTHING)
    assert ([hit.path for hit in found.hits], faults) == ([b"node_modules"], [])
    assert [f[:2] for f in _python.measure(root, [b""], EVERYTHING)[2]] == [(b"", errno.ELOOP)]
    assert [f[:2] for f in _python_remove.remove(root, [b""], EVERYTHING)[2]] == [
        (b"", errno.ELOOP)
    ]
    assert os.listdir("C:\\junction") == ["node_modules"]


@pytest.mark.parametrize(("system", "top"), [("windows", "C:\\top"), ("macos", "/top")])
def test_a_symlink_is_never_followed_by_path(
    request: pytest.FixtureRequest, system: str, top: str
) -> None:
    request.getfixturevalue(system)
    outside = os.path.join(os.path.dirname(top), "outside")
    os.makedirs(os.path.join(outside, "node_modules"))
    os.makedirs(top)
    os.symlink(outside, os.path.join(top, "node_modules"))
    os.symlink(outside, os.path.join(top, "inner"))
    root = anchor(top, identity_of(top))
    found, left, faults = _python.find(root, [b"inner", b""], NODE_MODULES, EVERYTHING)
    assert (found.hits, left, faults) == ([], [], [])
    usage, left, faults = _python.measure(root, [b"inner", b""], EVERYTHING)
    assert (usage.files, usage.directories, left, faults) == (2, 1, [], [])
    stack = [b"", b"inner/node_modules/", b"inner"]
    counts, left, faults = _python_remove.remove(root, stack, EVERYTHING)
    assert (counts.files, counts.directories, left, faults) == (2, 1, [], [])
    assert os.listdir(outside) == ["node_modules"]


@pytest.mark.usefixtures("windows")
def test_another_windows_directory_in_the_place_of_the_root_is_stale() -> None:
    os.makedirs("C:\\top\\a")
    root = anchor("C:\\top", identity_of("C:\\top"))
    os.rename("C:\\top", "C:\\aside")
    os.makedirs("C:\\top\\other")
    counts, left, faults = _python_remove.remove(root, [b""], EVERYTHING)
    assert (counts, left) == (Counts(0, 0, 0, []), [])
    assert [fault[:2] for fault in faults] == [(b"", errno.ESTALE)]
    assert os.path.isdir("C:\\top\\other")
    assert os.path.isdir("C:\\aside\\a")


@pytest.mark.usefixtures("windows")
def test_another_windows_drive_mounted_in_a_tree_is_not_entered(windows: FakeFilesystem) -> None:
    os.makedirs("C:\\top\\a")
    windows.add_mount_point("C:\\top\\mounted")
    os.makedirs("C:\\top\\mounted\\node_modules")
    root = anchor("C:\\top", identity_of("C:\\top"))
    found, _, faults = _python.find(root, [b""], NODE_MODULES, EVERYTHING)
    assert (found.hits, faults) == ([], [])
    usage, _, _ = _python.measure(root, [b""], EVERYTHING)
    assert usage.mounts == [b"mounted"]
    assert usage.directories == 2
    _, left, faults = _python_remove.remove(root, [b""], EVERYTHING)
    assert left == []
    assert faults[0][:2] == (b"mounted", errno.EXDEV)
    assert os.path.isdir("C:\\top\\mounted\\node_modules")
    assert not os.path.exists("C:\\top\\a")


@pytest.mark.usefixtures("windows")
def test_a_file_that_windows_keeps_open_is_a_fault_and_the_rest_goes() -> None:
    os.makedirs("C:\\top\\d")
    for path in ("C:\\top\\d\\open", "C:\\top\\d\\f", "C:\\top\\g"):
        with open(path, "w") as file:
            file.write("x")
    root = anchor("C:\\top", identity_of("C:\\top"))
    with open("C:\\top\\d\\open"):
        counts, left, faults = _python_remove.remove(root, [b""], EVERYTHING)
    assert (counts, left) == (Counts(2, 0, 1024, []), [])
    assert faults == [(b"d/open", errno.EACCES, "delete")]
    assert os.listdir("C:\\top") == ["d"]
    assert os.listdir("C:\\top\\d") == ["open"]
