"""Deleting as root's crontab does it: what the project sees, what hinders it, and what limits it."""

import contextlib
import json
import os
import pwd
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from cleanup_nodemodule.proof import homes, installed
from cleanup_nodemodule.record import entries as record_entries
from cleanup_nodemodule.record import lock, read
from cleanup_nodemodule.record.entries import Ending
from cleanup_nodemodule.record.staged import PREFIX
from cleanup_nodemodule.record.write import Journal
from support.accounts import NOBODY, give
from support.filesystems import Mounts
from support.journals import a_run, fill
from support.needs import needs_root
from support.places import COMMAND
from support.processes import Terminal, bound, execute, strace
from support.removals import leave
from support.tool import FULL, PROJECT, Tool
from support.trees import declare, listing, npm_project
from support.waiting import TIMEOUT, await_condition


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """Where there is one project with an artifact."""
    declare(tmp_path / "top", {"app": PROJECT})
    return tmp_path / "top"


@pytest.mark.parametrize("jobs", ["1", "8"])
def test_what_proves_another_goes_after_it(plain: Tool, tmp_path: Path, jobs: str) -> None:
    built = {"index.html": "<p>", "assets": {"index-BdK7x2Qp.js": "import{a as b}"}}
    project = npm_project({"vite": {"index.js": 5000}})
    manifest = json.loads(project["package.json"])
    manifest["scripts"] = {"build": "vite build"}
    project["package.json"] = json.dumps(manifest)
    # It sorts behind node_modules, in which its proof is.
    declare(tmp_path / "top", {f"p{number}": {**project, "out": built} for number in range(9)})
    told = plain.run(tmp_path / "top", "--no-dry-run", "-y", "-j", jobs)
    assert told.code == 0, told.errors
    assert len(told.outcomes) == 18
    assert set(told.outcomes.values()) == {"deleted"}


def state_of(tool: Tool) -> str:
    return os.path.join(tool.env["XDG_STATE_HOME"], "cleanup-nodemodule")


def entries(tool: Tool) -> list[record_entries.Entry]:
    """Return what the journal has, in the order in which it was begun."""
    return sorted(read.read(state_of(tool)).entries, key=lambda entry: entry.number)


def endings(tool: Tool) -> list[str | None]:
    return [None if one.end is None else one.end.ending.value for one in entries(tool)]


def spoken(tool: Tool, *arguments: str | Path, **how: Any) -> tuple[int, str, str]:
    """Run the command as people see it; return exit code, output and error output."""
    with tool.start(*arguments, **how) as process:
        output, errors = process.communicate(timeout=TIMEOUT)
    return process.returncode, output, errors


# What the project sees.


FILES = 5_000


class Watcher:
    """Looks again and again at a directory by its path, and counts what is in it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.looked = 0
        self.seen: set[int] = set()
        """How many entries there were whenever the directory was there."""

    def __enter__(self) -> Self:
        self._thread.start()
        await_condition(lambda: self.looked > 0, "it had looked")
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.is_set():
            try:
                descriptor = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY)
            except FileNotFoundError:
                self.looked += 1
                continue
            with os.scandir(descriptor) as found:
                count = sum(1 for _ in found)
            # What left while it was counted is nothing the project has.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), os.stat(self._path)):
                    self.seen.add(count)
            os.close(descriptor)
            self.looked += 1


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A project with an artifact of many files."""
    declare(tmp_path / "top", {"package.json": "{}", "node_modules": {}})
    for number in range(FILES):
        (tmp_path / f"top/node_modules/f{number}").touch()
    return tmp_path / "top"


def test_a_project_has_all_of_it_or_nothing_at_any_moment(tool: Tool, large: Path) -> None:
    with Watcher(large / "node_modules") as watcher:
        told = tool.delete(large)
    assert told.outcomes == {"node_modules": "deleted"}
    assert watcher.seen == {FILES}


def test_a_deletion_in_place_is_seen_half_done(large: Path) -> None:
    """By the same watcher, or the test above would hold of anything."""
    with Watcher(large / "node_modules") as watcher:
        shutil.rmtree(large / "node_modules")
    assert watcher.seen - {FILES} != set()


def test_a_repository_made_while_the_question_was_open_is_kept(tool: Tool, top: Path) -> None:
    """With everything around it, in its place; deeper than any change of the artifact itself."""
    before = os.lstat(top / "app/node_modules").st_ino
    arguments = ("--engine", tool.engine, "-p", top, "--no-dry-run")
    with Terminal(*arguments, cwd=tool.home, env=tool.env) as terminal:
        terminal.expect("?] ")
        own = top / "app/node_modules/pkg/deep/own"
        declare(own, {".git": {"HEAD": "ref: refs/heads/main\n"}, "essay": "precious"})
        expected = listing(top)
        terminal.type("y\n")
        assert terminal.finish() == 3
    said = terminal.output.decode()
    assert "it is a git repository now" in said
    assert listing(top) == expected
    assert os.lstat(top / "app/node_modules").st_ino == before
    assert endings(tool) == ["kept"]


def test_what_cannot_be_taken_out_is_not_touched(tool: Tool, top: Path) -> None:
    """Renaming takes leave to write the directory around, as deleting the last of it would."""
    needs_root()
    for directory, _, _ in os.walk(top):
        give(NOBODY, directory)
    (top / "app").chmod(0o555)
    before = listing(top)
    prefix = bound()
    # Without these rights processes of others on the machine may not be looked at.
    told = tool.delete(top, "--assume-unused", prefix=prefix)
    assert (told.code, told.outcomes) == (3, {"app/node_modules": "failed"})
    path = f"{top}/app/node_modules"
    assert told.rows["app/node_modules"]["error"] == (f"could not rename {path}: Permission denied")
    assert told.rows["app/node_modules"]["left_at"] is None
    assert listing(top) == before
    assert endings(tool) == ["kept"]


# File systems that cannot rename.


def test_what_cannot_be_renamed_is_deleted_in_its_place_as_the_journal_says(
    tool: Tool, top: Path, tmp_path: Path
) -> None:
    """By a system call made to fail (strace --inject)."""
    prefix = strace(tmp_path / "log", "--trace=renameat", "--inject=renameat:error=EXDEV")
    told = tool.delete(top, prefix=prefix)
    assert (told.code, told.outcomes) == (0, {"app/node_modules": "deleted"})
    assert "EXDEV" in (tmp_path / "log").read_text()
    assert listing(top) == [b"app", b"app/package.json"]
    first, second = entries(tool)
    assert (first.intent.staged is None, second.intent.staged is None) == (False, True)
    assert endings(tool) == ["kept", "deleted"]


def test_a_directory_of_an_overlays_lower_layer_is_deleted_in_its_place(
    tool: Tool, disks: Mounts, tmp_path: Path
) -> None:
    """Overlayfs says EXDEV there, as it would have to copy all of it (redirect_dir)."""
    layers = disks.tmpfs(tmp_path / "layers")
    for name in ("lower", "upper", "work"):
        (layers / name).mkdir()
    declare(layers / "lower", {"app": PROJECT})
    top = disks.overlay(tmp_path / "top", layers / "lower", layers / "upper", layers / "work")
    with pytest.raises(OSError, match="cross-device"):
        (top / "app/node_modules").rename(top / "app/renamed")
    told = tool.delete(top)
    assert (told.code, told.outcomes) == (0, {"app/node_modules": "deleted"})
    assert listing(top) == [b"app", b"app/package.json"]
    assert endings(tool) == ["kept", "deleted"]


# The state directory.


def test_a_full_disk_for_the_journal_hinders_no_deletion(
    tool: Tool, top: Path, disks: Mounts, tmp_path: Path
) -> None:
    state = disks.tmpfs(tmp_path / "state", "mode=700,size=64k")
    fill(state / "full")
    told = tool.delete(top, env={"XDG_STATE_HOME": str(state)})
    assert (told.code, told.outcomes) == (3, {"app/node_modules": "deleted"})
    assert listing(top) == [b"app", b"app/package.json"]
    # And that nothing could be written down of it is said.
    assert "could not be written" in told.errors
    assert "because the disk is full" in told.errors


def test_without_a_place_for_the_journal_nothing_is_deleted(
    tool: Tool, top: Path, tmp_path: Path
) -> None:
    (tmp_path / "state").mkdir(mode=0o777)
    (tmp_path / "state").chmod(0o777)
    (tmp_path / "file").touch()
    before = listing(top)
    for place, why in (("state", "others may write"), ("file", "is not a directory")):
        env = {"XDG_STATE_HOME": str(tmp_path / place)}
        told = tool.delete(top, env=env)
        assert told.code == 1
        [problem] = told.document["problems"]
        for text in (told.errors, problem["message"]):
            assert why in text
            assert "set XDG_STATE_HOME to a directory that only you can write" in text
        code, output, errors = spoken(tool, "-p", top, "--no-dry-run", env=env)
        assert (code, output) == (1, "")
        assert errors.startswith("cleanup-nodemodule: the record of what is deleted cannot be kept")
        assert listing(top) == before
        # Looking needs no such place.
        assert tool.run(top, env=env).code == 0


# The lock.


@contextlib.contextmanager
def another_run(tool: Tool, top: Path) -> Iterator[None]:
    """Have a run at work there, which is this process as far as anybody can tell."""
    run = a_run(str(top))
    directory = Path(tool.env["XDG_STATE_HOME"], "cleanup-nodemodule")
    with lock.acquire(str(directory), run.roots, run.id):
        yield


def test_a_second_run_says_who_is_at_work(tool: Tool, top: Path) -> None:
    before = listing(top)
    with another_run(tool, top):
        told = tool.delete(top / "app")
    assert told.code == 5
    assert f"another run (process {os.getpid()}, since " in told.errors
    assert "wait for it with --wait" in told.errors
    [problem] = told.document["problems"]
    assert problem["path"] == str(top)
    assert listing(top) == before


def test_a_second_run_that_waits_has_its_turn(tool: Tool, top: Path) -> None:
    with another_run(tool, top):
        waiting = tool.start("--json", "-p", top, "--no-dry-run", "--wait")
        assert waiting.stderr is not None
        said = waiting.stderr.readline()
        assert said.startswith("cleanup-nodemodule: waiting: another run (process ")
        assert (top / "app/node_modules").exists()
    told = tool.finish(waiting, top)
    assert (told.code, told.outcomes) == (0, {"app/node_modules": "deleted"})


def test_who_waits_can_be_interrupted(tool: Tool, top: Path) -> None:
    before = listing(top)
    with another_run(tool, top):
        waiting = tool.start("--json", "-p", top, "--no-dry-run", "--wait")
        assert waiting.stderr is not None
        assert "waiting: another run" in waiting.stderr.readline()
        waiting.terminate()
        told = tool.finish(waiting, top)
    assert told.code == 143
    assert "interrupted; nothing was done" in told.errors
    assert listing(top) == before


# Limits.


@pytest.mark.parametrize("limit", ["1", "4KiB"])
def test_more_than_expected_is_not_begun(tool: Tool, top: Path, limit: str) -> None:
    declare(top, {"other": PROJECT})
    before = listing(top)
    told = tool.delete(top, "--max-delete", limit)
    assert told.code == 4
    assert f"which is more than --max-delete {limit} allows; look at it" in told.errors
    assert told.errors.count("\n") == 1
    [gate] = told.document["gates"]
    allowed, there = {
        "1": (1, 2),
        "4KiB": (4096, sum(row["allocated_bytes"] for row in told.rows.values())),
    }[limit]
    assert (gate["option"], gate["limit"], gate["actual"]) == ("--max-delete", allowed, there)
    assert gate["sentence"] in told.errors
    assert told.outcomes == {"app/node_modules": None, "other/node_modules": None}
    assert told.document["totals"]["selected"] == 2
    code, output, errors = spoken(tool, "-p", top, "--no-dry-run", "--max-delete", limit)
    assert (code, output.count("\n")) == (4, 2)
    assert f"--max-delete {limit} allows" in errors
    assert errors.count("othing was deleted") == 1
    assert listing(top) == before
    assert entries(tool) == []


@pytest.mark.parametrize("limit", ["2", "1GB"])
def test_as_much_as_expected_is_deleted(tool: Tool, top: Path, limit: str) -> None:
    declare(top, {"other": PROJECT})
    told = tool.delete(top, "--max-delete", limit)
    assert told.code == 0
    assert set(told.outcomes.values()) == {"deleted"}


@pytest.mark.parametrize("in_bytes", [False, True])
def test_what_was_left_counts_and_is_not_finished_where_the_limit_says_no(
    tool: Tool,
    top: Path,
    monkeypatch: pytest.MonkeyPatch,
    in_bytes: bool,  # noqa: FBT001 - a parameter of the case, told by its name
) -> None:
    """By what the journal says that it took, less what was freed of it since."""
    monkeypatch.setenv("XDG_STATE_HOME", tool.env["XDG_STATE_HOME"])
    [planned] = tool.run(top).rows.values()
    declare(top, {"other": PROJECT})
    left = leave(top / "other/node_modules", allocated=1_000_000)
    [entry] = entries(tool)
    with Journal(state_of(tool), a_run(str(top))) as records:
        records.end(entry.number, Ending.INTERRUPTED, freed_bytes=400_000, run=entry.run)
    both = planned["allocated_bytes"] + 600_000 if in_bytes else 2
    unit = "B" if in_bytes else ""
    before = listing(top)
    told = tool.delete(top, "--max-delete", f"{both - 1}{unit}")
    assert told.code == 4
    assert "(interrupted runs left " in told.errors
    assert listing(top) == before
    told = tool.delete(top, "--max-delete", f"{both}{unit}")
    assert (told.code, told.outcomes) == (0, {"app/node_modules": "deleted"})
    assert not left.exists()


def test_what_nobody_finishes_does_not_count(tool: Tool, top: Path) -> None:
    declare(top / f"app/{PREFIX}0123456789abcdef", {"letter": "precious"})
    told = tool.delete(top, "--max-delete", "1")
    assert (told.code, told.outcomes) == (0, {"app/node_modules": "deleted"})


# The trash.


@pytest.fixture
def trash(tool: Tool) -> dict[str, str]:
    """The environment of a desktop whose trash is the test's own."""
    return {"XDG_DATA_HOME": str(tool.home / "data")}


def test_the_trash_gets_it_whole_and_the_summary_says_when_space_comes_back(
    tool: Tool, top: Path, trash: dict[str, str]
) -> None:
    inside = listing(top / "app/node_modules")
    identity = os.lstat(top / "app/node_modules").st_ino
    code, output, errors = spoken(tool, "-p", top, "--no-dry-run", "--trash", env=trash)
    assert code == 0
    assert output.startswith("trashed\t")
    assert errors.splitlines()[0] == (
        "Moved 1 of 1 to the trash. The space comes back when you empty the trash."
    )
    moved = tool.home / "data/Trash/files/node_modules"
    assert (os.lstat(moved).st_ino, listing(moved)) == (identity, inside)
    info = (tool.home / "data/Trash/info/node_modules.trashinfo").read_text()
    assert f"Path={top}/app/node_modules\n" in info
    assert listing(top) == [b"app", b"app/package.json"]
    assert endings(tool) == ["trashed"]


def test_the_trash_is_no_deletion_in_the_report(
    tool: Tool, top: Path, trash: dict[str, str]
) -> None:
    told = tool.delete(top, "--trash", env=trash)
    assert (told.code, told.document["mode"]) == (0, "trash")
    assert told.outcomes == {"app/node_modules": "trashed"}
    totals = told.document["totals"]
    assert (totals["trashed"], totals["deleted"], totals["freed_bytes"]) == (1, 0, 0)
    # Without --no-dry-run it is a dry run like any other.
    declare(top, {"app": PROJECT})
    told = tool.run(top, "--trash", env=trash)
    assert (told.code, told.document["mode"]) == (0, "dry-run")
    assert (top / "app/node_modules").exists()


def test_what_the_trash_cannot_take_is_not_deleted(
    tool: Tool, disks: Mounts, tmp_path: Path, trash: dict[str, str]
) -> None:
    """On another file system it needs a directory in the topmost one, and that cannot be made here."""
    top = disks.tmpfs(tmp_path / "disk")
    declare(top, {"app": PROJECT, ".Trash-0": "a file"})
    before = listing(top)
    told = tool.delete(top, "--trash", env=trash)
    assert (told.code, told.outcomes) == (3, {"app/node_modules": "failed"})
    assert told.rows["app/node_modules"]["error"].startswith(
        f"could not move to the trash {top}/app/node_modules: "
    )
    assert told.document["totals"]["trashed"] == 0
    assert listing(top) == before
    assert endings(tool) == ["failed"]


def test_root_moves_nothing_to_the_trash_that_another_could_swap(
    tool: Tool, disks: Mounts, tmp_path: Path, trash: dict[str, str]
) -> None:
    """It goes by the path, which leads through a directory of somebody else's."""
    declare(tmp_path / "top", {"theirs": {"app": PROJECT}})
    give(NOBODY, tmp_path / "top/theirs")
    # On a file system where anybody may make what passes for root's own trash.
    open_to_all = disks.tmpfs(tmp_path / "open", "mode=1777")
    declare(open_to_all, {"app": PROJECT})
    (open_to_all / "app").chmod(0o755)
    for top, why in (
        (tmp_path / "top", f"'{tmp_path}/top/theirs' belongs to another user"),
        (open_to_all, f"others may write to '{open_to_all}' (mode 1777)"),
    ):
        before = listing(top)
        told = tool.delete(top, "--trash", env=trash)
        assert told.code == 3
        [row] = told.rows.values()
        assert (row["outcome"], why in row["error"]) == ("failed", True)
        assert listing(top) == before
    assert endings(tool) == ["kept", "kept"]
    assert not (tool.home / "data").exists()


def test_the_question_says_that_it_is_the_trash(
    tool: Tool, top: Path, trash: dict[str, str]
) -> None:
    arguments = ("-p", top, "--no-dry-run", "--trash")
    with Terminal(*arguments, cwd=tool.home, env={**tool.env, **trash}) as terminal:
        terminal.expect("to the trash? [y/N/l/?] ")
        terminal.type("n\n")
        assert terminal.finish() == 0
    assert (top / "app/node_modules").exists()


# What is never deleted, whatever a rule, a proof or the user says.


VITAL = [
    ("/", "a directory of the system"),
    ("/srv", "a directory of the system"),
    ("/node_modules", "a directory of the system"),
    ("/root", "a directory of the system"),
    ("/home/anybody", "a home directory"),
    ("/export/home/anybody", "a home directory"),
    ("/Users/anybody", "a home directory"),
]


@pytest.mark.parametrize(("path", "what"), VITAL)
def test_a_directory_of_the_system_is_vital(path: str, what: str) -> None:
    assert installed.vital(path) == what


def test_what_a_home_of_an_account_lies_in_is_vital(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "service/data/build"
    account = pwd.struct_passwd(("service", "x", 999, 999, "", str(home), "/bin/false"))
    homes._of_everybody.cache_clear()  # noqa: SLF001 - other tests ask with the real accounts
    monkeypatch.setattr(pwd, "getpwall", lambda: [account])
    try:
        for path in (home, home.parent, home.parent.parent):
            assert installed.vital(str(path)) == "a home directory"
        for path in (home / "app/node_modules", home.with_name("builder")):
            assert installed.vital(str(path)) is None
    finally:
        homes._of_everybody.cache_clear()  # noqa: SLF001 - who is asked for homes is replaced


def test_an_ordinary_artifact_is_not_vital(tmp_path: Path) -> None:
    for path in (f"{tmp_path}/node_modules", "/home/anybody/app/dist", "/srv/app/node_modules"):
        assert installed.vital(path) is None


def test_naming_what_is_vital_does_not_help(tool: Tool, disks: Mounts, tmp_path: Path) -> None:
    """With an account whose home directory has a name that is looked for."""
    top = tmp_path / "top"
    accounts = tmp_path / "passwd"
    accounts.write_text(
        Path("/etc/passwd").read_text() + f"builder:x:4242:4242::{top}/srv/build:/bin/false\n"
    )
    disks.bind(accounts, Path("/etc/passwd"))
    declare(top, {"srv": {"build": {"letter": "precious"}}, "disk": {}, "app": {"build": FULL}})
    disks.tmpfs(top / "disk/build")
    (top / "disk/build/letter").write_text("precious")
    told = tool.delete(top, "--targets", "build")
    assert told.problems == set()
    assert told.reasons == {
        "srv/build": "installed",
        "disk/build": "mount-point",
        "app/build": None,
    }
    assert told.outcomes["app/build"] == "deleted"
    assert (top / "srv/build/letter").exists()
    assert (top / "disk/build/letter").exists()


# A failure nobody thought of, at the level of the command.


def test_an_unexpected_failure_is_told_with_where_everything_is(top: Path, tmp_path: Path) -> None:
    """One document all the same, whose rows are true."""
    declare(top, {"other": PROJECT})
    script = f"""\
import sys
from cleanup_nodemodule import engine
from cleanup_nodemodule.commands import failures
def fail(*_given):
    raise RuntimeError("nobody thought of this")
engine.remove = fail
sys.exit(failures.run(["-p", {str(top)!r}, "--json", "--no-dry-run", "--jobs", "1"]))
"""
    result = execute(sys.executable, "-c", script, cwd=tmp_path)
    assert result.returncode == 1
    rows = json.loads(result.stdout)["artifacts"]
    failed = [row for row in rows if row["outcome"] == "failed"]
    assert len(failed) == 1
    assert sorted(os.listdir(failed[0]["left_at"])) == ["file", "pkg"]
    assert not os.path.exists(failed[0]["path"])
    [other] = [row for row in rows if row["outcome"] is None]
    assert os.path.exists(other["path"])
    errors = result.stderr.decode()
    assert errors.count("Traceback") == 1
    assert "nobody thought of this" in errors
    assert "unexpected failure, please report it: RuntimeError" in errors
    # The next run finishes it.
    assert execute(COMMAND, "-p", top, "--no-dry-run", cwd=tmp_path).returncode == 0
    assert [path for path in listing(top) if b"nod" in path] == []
