"""Trees that lead elsewhere, change under the walk, or are called what nobody expects.

What must happen where a tree is hostile, at the level of the installed command and with both engines.
The other two parts are ``test_hostile_file_systems.py`` and ``test_hostile_runs.py``.
"""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from support.filesystems import Mounts
from support.git import git
from support.needs import needs_root
from support.places import CHECKOUT
from support.processes import Terminal, execute, strace
from support.tool import FULL, PROJECT, Tool
from support.trees import Declared, declare, listing, npm_project
from support.waiting import await_condition

pytestmark = pytest.mark.slow

PRECIOUS: Final[Declared] = {"node_modules": {"precious": "precious"}, "letter": "precious"}
"""What lies outside of what is searched, and has to be as it was afterwards."""


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """A directory elsewhere; the test fails if anything in it changes."""
    top = tmp_path / "outside"
    declare(top, PRECIOUS)
    before = content(top)
    yield top
    assert content(top) == before


def content(top: Path) -> dict[bytes, object]:
    """Return everything beneath *top* with what is in it, symlinks with where they lead."""
    found: dict[bytes, object] = {}
    for path in listing(top):
        full = os.path.join(os.fsencode(top), path)
        mode = os.lstat(full).st_mode
        found[path] = mode
        if stat.S_ISLNK(mode):
            found[path] = os.readlink(full)
        elif stat.S_ISREG(mode):
            found[path] = (mode, Path(os.fsdecode(full)).read_bytes())
    return found


@contextmanager
def meanwhile(script: str, *arguments: str | Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a Python *script* in a loop in another process, for the time of a block.

    It prints a line when it has been through once, which is waited for. It is at work in the root
    directory, so that nothing is kept for its sake.
    """
    program = f"""\
import os, sys
arguments = sys.argv[1:]
first = True
while True:
    {script.strip().replace(chr(10), chr(10) + "    ")}
    if first:
        print("begun", flush=True)
        first = False
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments], cwd="/", stdout=subprocess.PIPE
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"begun\n"
            yield process
            assert process.poll() is None, "what was to go on all the time has ended"
        finally:
            process.kill()


def test_a_symlink_with_the_name_is_no_target_and_is_not_followed(
    tool: Tool, tmp_path: Path, outside: Path
) -> None:
    """A symlink called node_modules is never an artifact, wherever it leads."""
    top = tmp_path / "top"
    declare(
        top,
        {
            "app": {"package.json": "{}", "node_modules": outside / "node_modules"},
            "broken": {"package.json": "{}", "node_modules": Path("nowhere")},
            "real": {**PROJECT, "dist": Path("node_modules")},
        },
    )
    for told in (tool.run(top), tool.delete(top, "--targets", "node_modules", "dist")):
        assert (told.code, told.problems) == (0, set())
        assert told.reasons == {"real/node_modules": None}
    assert os.readlink(top / "app/node_modules") == str(outside / "node_modules")
    assert listing(top / "real") == [b"dist", b"package.json"]


def test_loops_of_symlinks_end(tool: Tool, tmp_path: Path) -> None:
    """Symlinks that lead in circles, in the tree and in an artifact, are entries like any other."""
    loops: Declared = {
        "self": Path("self"),
        "up": Path(".."),
        "top": Path("../.."),
        "a": {"b": Path("../c")},
        "c": {"d": Path("../a")},
    }
    top = tmp_path / "top"
    declare(top, {**loops, "app": {"package.json": "{}", "node_modules": loops}})
    before = content(top)
    told = tool.run(top)
    assert (told.code, told.problems) == (0, set())
    row = told.rows["app/node_modules"]
    assert (row["files"], row["directories"]) == (5, 3)
    assert tool.delete(top).outcomes == {"app/node_modules": "deleted"}
    after = {path: facts for path, facts in before.items() if b"node_modules" not in path}
    assert content(top) == after


def test_a_symlink_among_the_parents_of_the_root_is_resolved_once(
    tool: Tool, tmp_path: Path, outside: Path
) -> None:
    """The path given leads through a symlink: the real path is what is shown, and what is used,
    though the symlink leads elsewhere by the time of the deletion."""
    declare(tmp_path / "real/top", {"app": PROJECT})
    declare(outside, {"top": {"app": PROJECT}})
    (tmp_path / "way").symlink_to("real")
    real = tmp_path / "real/top"
    told = tool.run(tmp_path / "way/top")
    assert told.document["roots"] == [str(real)]
    assert [row["path"] for row in told.document["artifacts"]] == [str(real / "app/node_modules")]

    def lead_elsewhere() -> None:
        (tmp_path / "way").unlink()
        (tmp_path / "way").symlink_to(outside)

    document, code = _swapped_at_the_question(tool, tmp_path / "way/top", lead_elsewhere)
    assert (code, document["artifacts"][0]["outcome"]) == (0, "deleted")
    assert listing(real) == [b"app", b"app/package.json"]
    assert (outside / "top/app/node_modules/file").exists()
    shutil.rmtree(outside / "top")  # As the fixture made it.


def _swapped_at_the_question(tool: Tool, top: Path, swap: Any) -> tuple[dict[str, Any], int]:
    """Run at a terminal, and *swap* between what is shown and the yes."""
    with open(tool.home / "document", "w+b") as output:
        terminal = Terminal(
            *("-p", top, "--json", "--no-dry-run", "--engine", tool.engine),
            cwd=tool.home,
            env=tool.env,
            stdout=output.fileno(),
        )
        with terminal:
            terminal.expect("?] ")
            swap()
            terminal.type("y\n")
            code = terminal.finish()
        output.seek(0)
        return json.loads(output.read()), code


@pytest.mark.parametrize("by", ["symlink", "directory", "same inode number"])
def test_what_is_swapped_after_it_was_shown_is_kept(
    tool: Tool, tmp_path: Path, outside: Path, by: str
) -> None:
    """Between the scan and the deletion something else takes the artifact's place: a symlink, or
    another directory, which may even have been given the inode number. It is not what was approved."""
    top = tmp_path / "top"
    declare(top, {"app": PROJECT, "other": PROJECT})
    artifact = top / "app/node_modules"

    def swap() -> None:
        if by == "same inode number":
            # As ext4 gives it to the next directory; what else changed is when that was made.
            shutil.rmtree(artifact / "pkg")
            (artifact / "file").write_text("precious")
            (artifact / "new").mkdir()
            return
        artifact.rename(tmp_path / "aside")
        if by == "symlink":
            artifact.symlink_to(outside / "node_modules")
        else:
            declare(artifact, {"file": "precious"})

    document, code = _swapped_at_the_question(tool, top, swap)
    rows = {row["path"]: row for row in document["artifacts"]}
    assert code == 3
    assert rows[str(artifact)]["outcome"] == "failed"
    assert rows[str(top / "other/node_modules")]["outcome"] == "deleted"
    assert [problem["path"] for problem in document["problems"]] == [str(artifact)]
    assert document["problems"][0]["errno"] in {"ESTALE", "ELOOP", "ENOTDIR"}
    if by == "symlink":
        assert os.readlink(artifact) == str(outside / "node_modules")
    else:
        assert (artifact / "file").read_text() == "precious"
    if by != "same inode number":
        assert listing(tmp_path / "aside") == listing_of(FULL)


def listing_of(tree: Declared) -> list[bytes]:
    """Return what :func:`listing` says of a declared tree."""
    found: list[bytes] = []
    for name, what in tree.items():
        path = os.fsencode(name)
        found.append(path)
        if isinstance(what, dict):
            found += [path + b"/" + inner for inner in listing_of(what)]
    return sorted(found)


def test_an_inner_directory_that_is_swapped_all_the_time_leads_nowhere(
    tool: Tool, tmp_path: Path, outside: Path
) -> None:
    """Another process puts a symlink to what is precious in the place of a directory inside the
    artifact, and the directory back, as fast as it can, while root deletes."""
    top = tmp_path / "top"
    # It swaps in each of the places that the artifact may be at: its own, and what it is renamed to.
    swap = """\
import contextlib
top, outside = arguments
for name in os.listdir(top):
    inner = f"{top}/{name}/inner"
    with contextlib.suppress(OSError):
        if name.startswith(("node_modules", ".cleanup")):
            os.rename(inner, inner + ".aside")
            os.symlink(outside, inner)
            os.unlink(inner)
            os.rename(inner + ".aside", inner)
"""
    declare(top, {"package.json": "{}", "node_modules": {"inner": FULL}})
    with meanwhile(swap, top, outside):
        for _ in range(2):
            inner: Declared = {str(number): {"f": 1, "g": {"h": 1}} for number in range(200)}
            if not (top / "node_modules").exists():
                declare(tmp_path / "new", {"inner": inner})
                (tmp_path / "new").rename(top / "node_modules")
            told = tool.delete(top)
            assert told.code in {0, 3}
    tool.delete(top)
    assert [path for path in listing(top) if b"/" not in path] == [b"package.json"]


def test_a_directory_that_is_moved_out_of_the_tree_takes_nothing_along(
    tool: Tool, tmp_path: Path
) -> None:
    """While the walk is in a directory, that is moved out of the tree: the walk never goes back up by
    ``..``, which would now be somewhere else, and what it has not come to yet is saved."""
    needs_root()
    top, log = tmp_path / "top", tmp_path / "log"
    files: Declared = {f"f{number}": 1 for number in range(40)}
    inner: Declared = {"deep": files, "very deep": files, "g": 1}
    declare(top, {"package.json": "{}", "node_modules": {"inner": inner, "other": FULL}})
    elsewhere = tmp_path / "elsewhere"
    declare(elsewhere, {"letter": "precious", "deep": {"precious": "precious"}})
    slow = strace(log, "--trace=unlinkat,openat,openat2", "--inject=unlinkat:delay_enter=20000")
    process = tool.start("--json", "-p", top, "--no-dry-run", "--jobs", "1", prefix=slow)
    await_condition(
        lambda: log.exists() and len(re.findall('deep>, "f', log.read_text())) > 3,
        "it was at work in the inner directory",
    )
    (place,) = [path for path in top.iterdir() if path.is_dir()]
    (place / "inner").rename(elsewhere / "inner")
    told = tool.finish(process, top)
    left = [len(listing(elsewhere / "inner" / name)) for name in ("deep", "very deep")]
    assert sorted(left) == [0, 40]
    assert told.code in {0, 3}
    assert (elsewhere / "letter").read_text() == "precious"
    assert listing(elsewhere / "deep") == [b"precious"]
    # Where processes of other namespaces are, is looked for upwards: elsewhere.
    calls = [line for line in log.read_text().splitlines() if os.fspath(tmp_path) in line]
    assert calls
    assert not [line for line in calls if '".."' in line or '/.."' in line]


def test_a_fifo_in_the_place_of_any_file_blocks_nothing(tool: Tool, tmp_path: Path) -> None:
    """Whatever is read to prove something may have become a FIFO, which would block whoever opens it,
    and files and directories become FIFOs while they are walked."""
    fifos = tmp_path / "top/fifos"
    declare(fifos, {"node_modules": FULL, "dist": FULL, ".next": FULL, "target": FULL})
    for marker in (
        *("package.json", "package-lock.json", "Cargo.toml", ".cleanup-keep", "pyvenv.cfg"),
        *("node_modules/.package-lock.json", "dist/CACHEDIR.TAG", ".next/BUILD_ID", ".git"),
    ):
        os.mkfifo(fifos / marker)
    turning = tmp_path / "top/turning"
    declare(turning, {"package.json": "{}", "node_modules": {"d": FULL, "f": 1, "g": FULL}})
    turn = """\
import shutil
top, = arguments
for name in ("package.json", "node_modules/d", "node_modules/f"):
    path = f"{top}/{name}"
    try:
        os.rename(path, path + ".aside")
        os.mkfifo(path)
        os.unlink(path)
        os.rename(path + ".aside", path)
    except OSError:
        pass
"""
    with meanwhile(turn, turning):
        for _ in range(2):
            told = tool.run(tmp_path / "top", "--profile", "all")
            assert told.code in {0, 3}
            assert "fifos/node_modules" in told.rows
        tool.delete(tmp_path / "top", "--profile", "all", "--targets", "node_modules")
    assert stat.S_ISFIFO(os.lstat(fifos / "package.json").st_mode)


NAMES: Final = (
    *(b"\xff\xfe not UTF-8 \x80", b"new\nline", b"-rf", b"--", b"\x1b[31mred\x07", b"[brackets]"),
    *(b"[bold]", b"*", b" ", b"...", b"~", b"$HOME", b"back\\slash", b"\xe2\x80\xaeesrever"),
)


def test_names_of_any_bytes_are_deleted_and_shown_without_fooling_anybody(
    tool: Tool, tmp_path: Path
) -> None:
    """Names that are not UTF-8, or would break a line, a terminal, markup or a shell."""
    top = tmp_path / "top"
    declare(top, {name: {**PROJECT, "node_modules": {name: {name: 1}}} for name in NAMES})
    expected = {os.path.join(os.fsencode(top), name, b"node_modules") for name in NAMES}
    arguments = (*tool.command, "-p", top)
    document = tool.run(top).document
    assert {os.fsencode(row["path"]) for row in document["artifacts"]} == expected
    null = execute(*arguments, "-0", cwd=tool.home, env=tool.env).stdout
    assert set(null.removesuffix(b"\0").split(b"\0")) == expected
    for form in ("plain", "table"):
        shown = execute(*arguments, "--format", form, cwd=tool.home, env=tool.env)
        assert shown.returncode == 0
        lines = shown.stdout.decode().splitlines()
        assert all(line.replace("\t", "").isprintable() for line in lines)
        assert b"\x1b" not in shown.stdout + shown.stderr
        assert shown.stdout.decode().count("node_modules") >= len(NAMES)
    told = tool.delete(top)
    assert (told.code, told.document["totals"]["deleted"]) == (0, len(NAMES))
    assert listing(top) == sorted((*NAMES, *(name + b"/package.json" for name in NAMES)))


@pytest.mark.parametrize("given", ["", ".", "..", "a/..", "node_modules", "home"])
def test_what_is_given_is_searched_and_never_deleted_itself(tool: Tool, given: str) -> None:
    """An empty path, the current or the parent directory, a way round, the home directory, and a
    directory that has an artifact's name and nothing else of one: searching them works, and they are still there
    afterwards."""
    home = tool.home / "home"
    tree: Declared = {"package.json": "{}", "sub": {"a": {}, "app": PROJECT}}
    declare(home, {**tree, "node_modules": {**tree, "CACHEDIR.TAG": "Signature: no"}})
    if given == "node_modules":
        (home / "package.json").unlink()
    cwd = home / "sub" if given == ".." else home
    path = str(home) if given == "home" else "sub/a/.." if given == "a/.." else given
    for delete in ((), ("--no-dry-run",)):
        process = tool.start("--json", "-p", path, *delete, cwd=cwd, env={"HOME": str(home)})
        told = tool.finish(process, home)
        if delete and given == "":
            # As where a variable is not set.
            assert told.code == 2
            assert (home / "sub/app/node_modules").exists()
            continue
        assert told.code == 0
        if given == "node_modules":
            assert told.reasons == {"node_modules": "unproven"}
            # What lies in it is part of an installed package, as far as anybody can tell.
            assert told.rows["node_modules"]["inside"] == 1
        else:
            assert told.reasons["sub/app/node_modules"] is None
        assert home.exists()
        if given == "node_modules":
            assert (home / "node_modules/sub/app/node_modules/file").exists()
        elif delete:
            assert not (home / "sub/app/node_modules").exists()
        assert (home / "sub/app/package.json").exists()


def test_the_file_system_as_a_whole_is_searched_and_never_deleted(
    tool: Tool, disks: Mounts, tmp_path: Path
) -> None:
    """The path given is ``/``: here a root directory of the test's own, with little in it."""
    top = disks.tmpfs(tmp_path / "root")
    # There is no configuration in there, so the rules are those of the catalogue.
    declare(top, {"app": npm_project({"pkg": {}}), "proc": {}, "package.json": "{}"})
    for name in ("usr", "lib", "lib64", "bin", "sbin", "etc", "dev", "root", "work", "var", "home"):
        if os.path.isdir(f"/{name}"):
            disks.bind(Path(f"/{name}"), top / name)
    # Before what is needed, as that may lie in it.
    disks.tmpfs(top / "tmp", "mode=1777")
    for needed in {Path(sys.prefix), Path(sys.base_prefix), CHECKOUT}:
        disks.bind(needed, top / str(needed).lstrip("/"))
    subprocess.run(["mount", "--rbind", "/proc", top / "proc"], check=True)
    env = {"HOME": "/tmp/home", "XDG_STATE_HOME": "/tmp/home/state"}  # noqa: S108 - of that root
    declare(top / "tmp/home", {})
    process = tool.start(
        *("--json", "-p", "/", "--no-dry-run"), cwd=Path("/"), env=env, prefix=("chroot", str(top))
    )
    told = tool.finish(process, Path("/"))
    assert told.outcomes["app/node_modules"] == "deleted"
    assert (top / "app/package.json").exists()
    assert (top / "package.json").exists()
    subprocess.run(["umount", "--lazy", top / "proc"], check=True)


@pytest.mark.parametrize("jobs", [(), ("--jobs", "16")])
def test_32_descriptors_are_enough(tool: Tool, tmp_path: Path, jobs: tuple[str, ...]) -> None:
    """No descriptor is held for a level or a directory: with room for 32, all is done as with more."""
    top = tmp_path / "top"
    wide: Declared = {str(number): {"x": {"y": {"f": 1}}} for number in range(50)}
    declare(top, {f"app{number}": {**PROJECT, "node_modules": wide} for number in range(4)})
    declare(top, {"repo": {**PROJECT, "dist": FULL, ".gitignore": "dist\nnode_modules\n"}})
    os.makedirs(top / "app0/node_modules" / "/".join(["deep"] * 200))
    git(top / "repo", "init", "--quiet")
    few = ("prlimit", "--nofile=32:32")
    told = tool.run(top, *jobs, prefix=few)
    assert (told.code, told.problems, set(told.reasons.values())) == (0, set(), {None})
    told = tool.delete(top, *jobs, prefix=few)
    assert (told.code, told.problems) == (0, set())
    assert told.document["totals"]["deleted"] == 6
    assert [path for path in listing(top) if b"node_modules" in path] == []
