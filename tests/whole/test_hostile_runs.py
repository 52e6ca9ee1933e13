"""Runs that are stopped, killed, doubled, misled or given a disk that never answers.

At the level of the installed command and with both engines.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest

from cleanup_nodemodule.record.staged import PREFIX
from support.accounts import give_away
from support.filesystems import Mounts
from support.git import git
from support.needs import needs_root
from support.processes import execute_text, strace
from support.tool import FULL, PROJECT, Tool
from support.trees import Declared, declare, listing
from support.waiting import await_condition

pytestmark = pytest.mark.slow

SIGNALS: Final = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]

MANY: Final[Declared] = {f"d{number:03}": FULL for number in range(300)}


def staged_in(directory: Path) -> list[str]:
    """Return what is being deleted there, or was."""
    return [name for name in os.listdir(directory) if name.startswith(PREFIX)]


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_stopped_deletion_ends_at_once_and_tells_the_truth(
    tool: Tool, tmp_path: Path, number: int, code: int
) -> None:
    """SIGINT and SIGTERM: it stops at an entry, and says what is gone, what is not and where the rest
    is; the next run finishes that. How soon is for bench/deleting.py to say."""
    top, log = tmp_path / "top", tmp_path / "log"
    declare(top, {name: {"package.json": "{}", "node_modules": MANY} for name in ("a", "b")})
    slow = strace(log, "--trace=unlinkat", "--inject=unlinkat:delay_enter=300")
    process = tool.start("--json", "-p", top, "--no-dry-run", "--jobs", "1", prefix=slow)
    await_condition(lambda: log.exists() and log.read_text().count("\n") > 50, "it was deleting")
    before = time.monotonic()
    process.send_signal(number)
    told = tool.finish(process, top)
    # It may be about to delete a thousand entries, each of which strace makes wait.
    assert time.monotonic() - before < 10
    assert (told.code, told.document["complete"]) == (code, False)
    (begun,) = (name for name in ("a", "b") if staged_in(top / name))
    (other,) = {"a", "b"} - {begun}
    row = told.rows[f"{begun}/node_modules"]
    assert row["outcome"] == "failed"
    assert "interrupted" in row["error"]
    (left,) = staged_in(top / begun)
    assert row["left_at"] == str(top / begun / left)
    assert 0 < len(listing(top / begun / left)) < len(_all(MANY))
    assert told.rows[f"{other}/node_modules"]["outcome"] is None
    assert len(listing(top / other / "node_modules")) == len(_all(MANY))
    told = tool.delete(top)
    assert (told.code, told.outcomes) == (0, {f"{other}/node_modules": "deleted"})
    assert [row["outcome"] for row in told.document["leftovers"]] == ["deleted"]
    assert listing(top) == [b"a", b"a/package.json", b"b", b"b/package.json"]


def _all(tree: Declared) -> list[str]:
    names: list[str] = []
    for name, what in tree.items():
        names += [str(name), *(_all(what) if isinstance(what, dict) else ())]
    return names


@pytest.mark.parametrize("resume", [False, True])
def test_a_killed_deletion_leaves_projects_whole_or_clean_and_is_finished_later(
    tool: Tool,
    tmp_path: Path,
    resume: bool,  # noqa: FBT001 - a parameter of the case, told by its name
) -> None:
    """SIGKILL in the middle: each project has all of its artifact or nothing of it, and ``resume`` or
    the next run deletes what was begun. At each system call it is tried in test_stopped_anywhere."""
    top, log = tmp_path / "top", tmp_path / "log"
    declare(top, {"a": PROJECT, "b": PROJECT, "c": {"letter": "precious"}})
    whole = listing(top / "a")
    killing = strace(log, "--trace=unlinkat", "--inject=unlinkat:signal=KILL:when=3")
    process = tool.start("--json", "-p", top, "--no-dry-run", "--jobs", "1", prefix=killing)
    assert process.communicate()[0] == ""
    (begun,) = (name for name in ("a", "b") if staged_in(top / name))
    (other,) = {"a", "b"} - {begun}
    assert [path for path in listing(top / begun) if PREFIX.encode() not in path] == [
        b"package.json"
    ]
    assert listing(top / other) == whole
    if resume:
        told = tool.resume(top)
        assert told.code == 0
        assert [row["outcome"] for row in told.document["leftovers"]] == ["deleted"]
        assert listing(top / begun) == [b"package.json"]
        assert listing(top / other) == whole
    told = tool.delete(top)
    assert (told.code, told.outcomes) == (0, {f"{other}/node_modules": "deleted"})
    assert listing(top) == [*(b"a", b"a/package.json", b"b", b"b/package.json", b"c", b"c/letter")]


@pytest.mark.parametrize("where", ["/dev/full", "&-"])
def test_an_output_that_takes_nothing_hides_no_deletion(
    tool: Tool, tmp_path: Path, where: str
) -> None:
    """The output is full or closed: no traceback, an exit code that says so, and the work is done."""
    top = tmp_path / "top"
    declare(top, {"app": PROJECT})
    script = f'"$0" "$@" >{where}'
    result = execute_text(
        *("bash", "-c", script, *tool.command, "-p", top, "--json", "--no-dry-run"),
        cwd=tool.home,
        env=tool.env,
    )
    assert result.returncode == 1
    assert "could not print the result" in result.stderr
    assert "Traceback" not in result.stderr
    assert listing(top / "app") == [b"package.json"]


def test_two_runs_at_once_get_in_nobodys_way(tool: Tool, tmp_path: Path) -> None:
    """One deletes, the other is told that it does; with ``--wait`` it comes after. Nothing is counted
    twice."""
    top, log = tmp_path / "top", tmp_path / "log"
    declare(top, {f"app{number}": PROJECT for number in range(20)})
    size = tool.run(top).document["totals"]["reclaimable_bytes"]
    slow = strace(log, "--trace=unlinkat", "--inject=unlinkat:delay_enter=40000")
    first = tool.start("--json", "-p", top, "--no-dry-run", prefix=slow)
    await_condition(lambda: log.exists() and log.read_text().count("\n") > 5, "one was deleting")
    second = tool.delete(top)
    waiting = tool.delete(top, "--wait")
    told = tool.finish(first, top)
    assert (told.code, told.document["totals"]["deleted"]) == (0, 20)
    assert told.document["totals"]["freed_bytes"] == size
    assert (second.code, second.document["totals"]["freed_bytes"]) == (5, 0)
    assert (waiting.code, waiting.document["totals"]["freed_bytes"]) == (0, 0)
    assert len(listing(top)) == 40


def test_two_runs_that_know_nothing_of_each_other_fail_neither(tool: Tool, tmp_path: Path) -> None:
    """As those of two users, whose locks are in two places: each artifact is taken by one of them."""
    top = tmp_path / "top"
    declare(top, {f"app{number}": PROJECT for number in range(60)})
    size = tool.run(top).document["totals"]["reclaimable_bytes"]
    arguments = ("--json", "-p", top, "--no-dry-run")
    processes = [
        tool.start(*arguments, env={"XDG_STATE_HOME": str(tool.home / f"state{number}")})
        for number in range(3)
    ]
    all_told = [tool.finish(process, top) for process in processes]
    totals = [told.document["totals"] for told in all_told]
    assert sum(total["deleted"] for total in totals) == 60
    assert sum(total["freed_bytes"] for total in totals) == size
    assert {error for told in all_told for _, error in told.problems} <= {"ESTALE"}
    assert len(listing(top)) == 120


def test_what_keeps_being_written_is_given_up_after_a_while(tool: Tool, tmp_path: Path) -> None:
    """As by a dev server that is not where it could be seen: it creates files in a directory of the
    artifact that it holds open, as fast as they are deleted."""
    top, log = tmp_path / "top", tmp_path / "log"
    declare(top, {"app": PROJECT, "other": PROJECT})
    script = """\
import itertools, os, sys, threading
inside = os.open(os.environ["INSIDE"], os.O_PATH)
def write():
    for number in itertools.count():
        try:
            os.mknod(f"{threading.get_ident()}-{number % 50}", dir_fd=inside)
        except FileExistsError:
            pass
        except FileNotFoundError:
            os._exit(1)
for _ in range(3):
    threading.Thread(target=write).start()
print("begun", flush=True)
"""
    slow = strace(log, "--trace=unlinkat", "--inject=unlinkat:delay_enter=3000")
    writer = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd="/",
        env={**os.environ, "INSIDE": str(top / "app/node_modules/pkg/deep")},
        stdout=subprocess.PIPE,
    )
    with writer:
        try:
            assert writer.stdout is not None
            writer.stdout.readline()
            told = tool.delete(top, prefix=slow)
            assert writer.poll() is None
        finally:
            writer.kill()
    assert told.code == 3
    assert told.outcomes == {"app/node_modules": "failed", "other/node_modules": "deleted"}
    assert {error for _, error in told.problems} <= {"EBUSY", "ENOTEMPTY", "ESTALE"}
    # Now that nobody writes any more, the next run deletes the rest.
    assert tool.delete(top).code == 0
    assert listing(top / "app") == [b"package.json"]


def test_what_is_spelled_otherwise_is_the_same_where_case_does_not_count(
    tool: Tool, tmp_path: Path, disks: Mounts
) -> None:
    """A file system that takes TOP for top, as macOS and Windows have it, here by FUSE: this kernel's
    ext4 cannot. What is one directory is one, however it is spelled: roots, the current directory."""
    tree: Declared = {"top": {"app": PROJECT, "here": PROJECT, "other": PROJECT}}
    disk = disks.misbehaving(tmp_path / "disk", tree, caseless=True).path
    assert (disk / "TOP/App/NODE_MODULES").exists()
    cwd = disk / "TOP/HERE/Node_Modules/PKG"
    told = tool.run(
        *(disk / "top", "-p", disk / "TOP", "-p", disk / "Top/APP", "--no-dry-run"), cwd=cwd
    )
    assert told.document["totals"]["found"] == 3
    reasons = {path.lower(): reason for path, reason in told.reasons.items()}
    assert reasons == {
        "app/node_modules": None,
        "here/node_modules": "current-directory",
        "other/node_modules": None,
    }
    assert told.document["totals"]["deleted"] == 2
    assert listing(disk / "top/app") == [b"package.json"]
    assert (disk / "top/here/node_modules/pkg/deep/er").exists()


def test_an_overlay_is_searched_and_cleaned(tool: Tool, tmp_path: Path, disks: Mounts) -> None:
    """As in a container: what lies below cannot be renamed, is of another device than its directory,
    and is deleted by being covered."""
    below, layers = disks.tmpfs(tmp_path / "below"), disks.image("ext4", tmp_path / "layers")
    for name in ("upper", "work"):
        (layers / name).mkdir()
    declare(below, {"image": PROJECT, "both": PROJECT, "package.json": "{}"})
    before = listing(below)
    top = disks.overlay(tmp_path / "top", below, layers / "upper", layers / "work")
    declare(top, {"fresh": PROJECT, "both": {"node_modules": {"pkg": {"added": 1000}}}})
    inside = top / "image" / "node_modules"
    assert any(path.lstat().st_dev != top.stat().st_dev for path in inside.iterdir())
    with pytest.raises(OSError, match="Invalid cross-device link"):
        inside.rename(top / "image" / "elsewhere")
    planned = tool.run(top)
    assert (planned.code, planned.problems) == (0, set())
    names = {f"{name}/node_modules": None for name in ("both", "fresh", "image")}
    assert planned.reasons == names
    assert [planned.rows[name]["files"] for name in sorted(names)] == [4, 3, 3]
    # What lies below gives nothing back, so it comes last.
    assert list(planned.rows) == [f"{name}/node_modules" for name in ("fresh", "both", "image")]
    assert planned.rows["image/node_modules"]["reclaimable_bytes"] == 0
    told = tool.delete(top)
    assert (told.code, told.problems) == (0, set())
    assert told.outcomes == dict.fromkeys(names, "deleted")
    assert listing(top) == sorted(
        (
            b"package.json",
            *(
                part
                for name in (b"both", b"fresh", b"image")
                for part in (name, name + b"/package.json")
            ),
        )
    )
    assert listing(below) == before


PATIENT: Final = ("--timeout", "2")

DELETE: Final = ("--no-dry-run",)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    ("silent", "delete"),
    [
        *(("/", ()), ("/app", ()), ("/app/node_modules/pkg", ())),
        *(("/", DELETE), ("/app/node_modules", DELETE)),
    ],
)
def test_a_root_that_never_answers_is_given_up_and_the_others_go_on(
    tool: Tool, tmp_path: Path, disks: Mounts, silent: str, delete: tuple[str, ...]
) -> None:
    """As on a network mount whose server is gone: whoever asks waits in the kernel and cannot be
    interrupted. That root is given up when it has not answered for a while, whatever it was that was
    asked; nothing of it is deleted, and the run ends."""
    dead = disks.misbehaving(tmp_path / "dead", {"app": PROJECT})
    first, last = tmp_path / "first", tmp_path / "last"
    for top in (first, last):
        declare(top, {"app": PROJECT})
    dead.change(silent=[silent])
    roots = (first, "-p", dead.path, "-p", last)
    told = tool.run(*roots, *PATIENT, *delete)
    assert told.code == 3
    assert told.problems >= {("../dead", "ETIMEDOUT")}
    outcome = "deleted" if delete else None
    assert told.outcomes["app/node_modules"] == told.outcomes["../last/app/node_modules"] == outcome
    row = told.rows.get("../dead/app/node_modules")
    assert row is None or (row["decision"], row["reason"]) == ("keep", "unreadable")
    assert not told.document["complete"]
    for top in (first, last):
        assert (top / "app/node_modules").exists() is not bool(delete)


@pytest.mark.parametrize(
    ("cwd", "root", "found"),
    [
        ("disk", (), {"app", "too/app"}),
        ("disk", ("-p", "."), {"app", "too/app"}),
        ("disk", ("-p", "app"), {"app"}),
        # To the system, if not to whoever takes ".." out of the text.
        (".", ("-p", "link/../app"), {"too/app"}),
    ],
)
def test_a_relative_root_means_the_same_where_another_process_makes_the_calls(
    tool: Tool, tmp_path: Path, disks: Mounts, cwd: str, root: tuple[str, ...], found: set[str]
) -> None:
    """That process is in another directory, and another tree would be searched, or deleted from."""
    tree: Declared = {"app": PROJECT, "too": {"deep": {}, "app": PROJECT}}
    disk = disks.misbehaving(tmp_path / "disk", tree)
    (tmp_path / "link").symlink_to("disk/too/deep")
    told = tool.finish(tool.start("--json", *root, cwd=tmp_path / cwd), disk.path)
    assert (told.code, told.errors) == (0, "")
    assert set(told.rows) == {f"{project}/node_modules" for project in found}


def test_a_relative_root_that_is_not_there_is_named_as_it_was_typed(
    tool: Tool, tmp_path: Path, disks: Mounts
) -> None:
    disk = disks.misbehaving(tmp_path / "disk", {"app": PROJECT})
    told = tool.finish(tool.start("--json", "-p", "nowhere", cwd=disk.path), disk.path)
    assert told.code == 2
    assert "cannot search nowhere: " in told.errors


@pytest.mark.parametrize("mode", [(), DELETE])
@pytest.mark.parametrize("root", [(), ("-p", "app")])
def test_without_a_current_directory_there_is_nothing_relative_to_it(
    tool: Tool, tmp_path: Path, root: tuple[str, ...], mode: tuple[str, ...]
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    prefix = ("sh", "-c", 'rmdir "$PWD" && exec "$@"', "sh")
    told = tool.finish(tool.start("--json", *root, *mode, cwd=gone, prefix=prefix), gone)
    assert told.code == 2
    assert f"cannot search {root[-1] if root else '.'}: " in told.errors


@pytest.mark.usefixtures("at_once")
def test_a_disk_that_stops_answering_while_it_is_deleted_from_ends_the_run_all_the_same(
    tool: Tool, tmp_path: Path, disks: Mounts
) -> None:
    """The rest of it is reported as not deleted, the other artifacts are deleted, and the next run
    finds what is left."""
    dead = disks.misbehaving(tmp_path / "dead", {"app": PROJECT, "too": PROJECT})
    top = tmp_path / "top"
    declare(top, {"app": PROJECT})
    dead.change(mute=["unlink */pkg/*"])
    told = tool.run(top, "-p", dead.path, *PATIENT, "--no-dry-run")
    assert told.code == 3
    assert told.outcomes["app/node_modules"] == "deleted"
    assert "deleted" not in {
        row["outcome"] for path, row in told.rows.items() if path.startswith("../dead")
    }
    assert {error for _, error in told.problems} == {"ETIMEDOUT"}
    dead.change()


def test_a_dead_mount_inside_a_tree_does_not_hold_it_up(
    tool: Tool, tmp_path: Path, disks: Mounts
) -> None:
    """It is not gone to: what lies around it is searched, measured and deleted as usual."""
    top = tmp_path / "top"
    declare(top, {"app": PROJECT, "mnt": {}})
    for where in (top / "mnt", top / "app/src"):
        disks.misbehaving(where, {"app": PROJECT}).change(silent=["/"])
    told = tool.delete(top, "--timeout", "60")
    assert (told.code, told.problems) == (0, set())
    assert told.outcomes == {"app/node_modules": "deleted"}


def test_a_clock_that_was_ahead_makes_nothing_look_unused(tool: Tool, tmp_path: Path) -> None:
    """A file that was changed in the future was changed just now, as far as anybody can tell."""
    top = tmp_path / "top"
    declare(top, {"app": {**PROJECT, "src.js": ""}, "bare": {"node_modules": FULL}})
    future = 4_000_000_000
    for path in listing(top):
        os.utime(os.path.join(os.fsencode(top), path), (future, future))
    told = tool.run(top, "--targets", "node_modules")
    for row in told.rows.values():
        assert row["last_used_at"] == told.document["started_at"]


def test_nested_and_repeated_roots_count_each_artifact_once(tool: Tool, tmp_path: Path) -> None:
    """Roots within each other, in any order, given twice, by way of a symlink."""
    top = tmp_path / "top"
    declare(top, {"a": {"b": PROJECT}, "c": PROJECT})
    (tmp_path / "way").symlink_to(top)
    once = tool.run(top).document["totals"]
    roots = [top / "a/b", top, top / "a", tmp_path / "way/a", top / "../top", top]
    for order in (roots, roots[::-1]):
        arguments = [word for root in order[1:] for word in ("-p", root)]
        assert tool.run(order[0], *arguments).document["totals"] == once
    arguments = [word for root in roots[1:] for word in ("-p", root)]
    told = tool.delete(roots[0], *arguments)
    assert (told.code, told.document["totals"]["deleted"]) == (0, 2)
    assert told.document["totals"]["freed_bytes"] == once["reclaimable_bytes"]


def test_what_the_current_directory_is_in_is_kept(tool: Tool, tmp_path: Path) -> None:
    """Whoever calls it from there would be left nowhere."""
    top = tmp_path / "top"
    declare(top, {"app": PROJECT, "other": PROJECT})
    told = tool.delete(top, cwd=top / "app/node_modules/pkg")
    assert told.reasons == {"app/node_modules": "current-directory", "other/node_modules": None}
    assert (top / "app/node_modules/pkg/deep/er").exists()
    assert not (top / "other/node_modules").exists()


def test_what_git_tracks_and_repositories_inside_are_kept(tool: Tool, tmp_path: Path) -> None:
    """A build that is committed is the only copy of what others take from there, and a repository in
    node_modules may have work in it that is nowhere else."""
    top = tmp_path / "top"
    declare(top, {"app": {**PROJECT, "dist": FULL, ".gitignore": "dist\nnode_modules\n"}})
    declare(top, {"linked": PROJECT})
    git(top / "app", "init", "--quiet")
    git(top / "app", "add", "--force", "dist")
    git(tmp_path, "init", "--quiet", top / "linked/node_modules/pkg")
    told = tool.delete(top, "--targets", "dist", "node_modules")
    assert told.reasons == {
        "app/dist": "tracked",
        "app/node_modules": None,
        "linked/node_modules": "repository-inside",
    }
    assert (top / "app/dist/pkg/deep/er").exists()
    assert (top / "linked/node_modules/pkg/deep/er").exists()
    assert not (top / "app/node_modules").exists()


def test_no_program_that_a_repository_names_is_run(tool: Tool, tmp_path: Path) -> None:
    """A repository's configuration may name programs for git to run: whoever unpacked it trusts none
    of them."""
    top, program = tmp_path / "top", tmp_path / "program"
    declare(top, {"app": {**PROJECT, "dist": FULL, ".gitignore": "dist\nnode_modules\n"}})
    program.write_text(f"#!/bin/sh\necho ran >>{tmp_path}/ran\n")
    program.chmod(0o755)
    app = top / "app"
    git(app, "init", "--quiet")
    git(app, "add", "package.json")
    declare(tmp_path / "hooks", {"post-index-change": program.read_text()})
    (tmp_path / "hooks/post-index-change").chmod(0o755)
    for key, value in {
        **dict.fromkeys(
            ("core.fsmonitor", "core.pager", "core.sshCommand", "diff.external"), program
        ),
        **dict.fromkeys(("filter.f.clean", "filter.f.process"), program),
        "core.hooksPath": tmp_path / "hooks",
    }.items():
        git(app, "config", key, value)
    (app / ".gitattributes").write_text("* filter=f\n")
    (tmp_path / "ran").unlink(missing_ok=True)
    told = tool.delete(top)
    assert told.outcomes == {"app/node_modules": "deleted", "app/dist": "deleted"}
    assert not (tmp_path / "ran").exists()
    # Git itself would have run one of them.
    subprocess.run(["git", "status"], cwd=app, capture_output=True, check=False)
    assert (tmp_path / "ran").exists()


def test_a_repository_of_somebody_else_is_left_alone(tool: Tool, tmp_path: Path) -> None:
    """Git refuses to read it (safe.directory, git-config(1)), so nobody can say what it tracks."""
    needs_root()
    top = tmp_path / "top"
    declare(top, {"app": {**PROJECT, "dist": FULL, ".gitignore": "dist\n"}, "other": PROJECT})
    git(top / "app", "init", "--quiet")
    give_away(top / "app")
    told = tool.delete(top, "--targets", "dist", "node_modules")
    assert told.reasons == {
        "app/dist": "git-failed",
        "app/node_modules": "git-failed",
        "other/node_modules": None,
    }
    assert (top / "app/dist/pkg/deep/er").exists()
    assert (top / "app/node_modules/pkg/deep/er").exists()


def test_without_git_nothing_fails_and_nothing_it_would_prove_is_deleted(
    tool: Tool, tmp_path: Path
) -> None:
    """What is outside of repositories and proven by itself is deleted as usual."""
    top = tmp_path / "top"
    declare(top, {"app": {**PROJECT, "dist": FULL}, "repo": {**PROJECT, "dist": FULL}})
    git(top / "repo", "init", "--quiet")
    (top / "repo/.gitignore").write_text("dist\n")
    (tmp_path / "empty").mkdir()
    told = tool.delete(top, env={"PATH": str(tmp_path / "empty")})
    assert (told.code, told.problems) == (0, set())
    assert told.reasons == {
        "app/dist": "unproven",
        "app/node_modules": None,
        "repo/dist": "git-failed",
        "repo/node_modules": "git-failed",
    }
    assert not (top / "app/node_modules").exists()
    assert (top / "repo/dist/pkg/deep/er").exists()


def test_a_file_in_the_tree_widens_nothing_and_may_keep_something(
    tool: Tool, tmp_path: Path
) -> None:
    """Whoever made the tree has no say in what is deleted, but for keeping something."""
    top = tmp_path / "top"
    wide = 'profiles = ["all"]\n[[rule]]\nname = "src"\nproof = ["package.json"]\n'
    configs: Declared = dict.fromkeys(
        (
            *("config.toml", "cleanup-nodemodule.toml", "rules.toml"),
            *(".cleanup-nodemodule", "cleanup-nodemodule.json", ".cleanuprc"),
        ),
        wide,
    )
    inner: Declared = {
        **configs,
        "cleanup-nodemodule": configs,
        ".config": {"cleanup-nodemodule": configs},
    }
    declare(top, {**inner, "app": {**PROJECT, **inner, "src": FULL, "target": FULL}})
    declare(top, {"kept": {**PROJECT, ".cleanup-keep": ""}})
    told = tool.delete(top, cwd=top)
    assert told.reasons == {"app/node_modules": None, "kept/node_modules": "excluded"}
    assert (top / "app/src/pkg/deep/er").exists()
    assert (top / "app/target/pkg/deep/er").exists()
    assert (top / "kept/node_modules/pkg/deep/er").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        *(["--no-dryrun"], ["--no-dry-run", "--ye"], ["--no-dry-run", "--exclde", "app"]),
        *(["--no-dry-run", "-yes"], ["--no-dry-run", "--keep", "app"], ["--no-dry-run", "app"]),
        *(["--no-dry-run", "--dry-run"], ["--no-dry-run", "--timeout", "soon"]),
    ],
)
def test_a_misspelt_option_is_an_error_and_deletes_nothing(
    tool: Tool, tmp_path: Path, arguments: list[str]
) -> None:
    """It may have been meant to spare something."""
    top = tmp_path / "top"
    declare(top, {"app": PROJECT})
    before = listing(top)
    told = tool.run(top, *arguments)
    assert told.code == 2
    assert (told.document["artifacts"], len(told.document["problems"])) == ([], 1)
    assert listing(top) == before
