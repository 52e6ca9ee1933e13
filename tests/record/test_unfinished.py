"""What interrupted runs leave: recognised, shown, finished, and nothing else taken for it."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cleanup_nodemodule.delete import rename_away
from cleanup_nodemodule.model import Candidate, Leftover
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.record import entries, identity, lock, read
from cleanup_nodemodule.record import staged as record_staged
from cleanup_nodemodule.record import unfinished as recovery
from cleanup_nodemodule.record.entries import Ending, Intent
from cleanup_nodemodule.record.write import Journal
from cleanup_nodemodule.system import machine, mounts
from cleanup_nodemodule.work.scheduler import Scheduler
from support.accounts import NOBODY, give
from support.filesystems import Mounts
from support.journals import a_run, abandon, fill
from support.needs import needs_root
from support.processes import strace
from support.removals import artifact, leave
from support.tool import Tool
from support.trees import declare, listing
from support.waiting import TIMEOUT, await_condition

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with two artifacts."""
    declare(
        tmp_path / "top/project",
        {
            "package.json": "{}",
            "node_modules": {"a": {"f": 5000}, "g": 1},
            "other": {"package.json": "{}", "node_modules": {"h": 1}},
        },
    )
    return tmp_path / "top/project"


def found(path: Path) -> Candidate:
    """Return what a search says of a directory."""
    return artifact(path).candidate


def recognise(path: Path, directory: Path, **known: Any) -> Leftover:
    """Return what a run says of a directory with such a name, for which a search has *known*."""

    async def work() -> tuple[Leftover, ...]:
        with ThreadPoolExecutor(1) as executor:
            scheduler = Scheduler(executor, 1, timeout=TIMEOUT)
            candidate = replace(found(path), **known)
            return await recovery.recognise([candidate], str(directory), scheduler)

    [leftover] = asyncio.run(work())
    return leftover


def unfinished(directory: str, roots: Sequence[str] | None = None) -> recovery.Unfinished:
    """Return what interrupted runs have not finished, as a run finds it."""

    async def look() -> recovery.Unfinished:
        with ThreadPoolExecutor(1) as executor:
            scheduler = Scheduler(executor, 1, timeout=TIMEOUT)
            return await recovery.ask_disks(recovery.begun(directory, roots), scheduler)

    return asyncio.run(look())


def endings(directory: Path) -> list[tuple[str, str | None]]:
    """Return what the journal says came of each deletion, by the name of what was deleted."""
    return [
        (
            os.path.basename(entry.intent.path),
            None if entry.end is None else entry.end.ending.value,
        )
        for entry in read.read(str(directory)).entries
    ]


# Recognising.


def test_what_a_killed_run_left_is_recognised_by_the_journal(
    project: Path, state_directory: Path
) -> None:
    place = leave(project / "node_modules")
    leftover = recognise(place, state_directory)
    assert leftover.original == os.fspath(project / "node_modules")
    assert (leftover.number, leftover.at_work, leftover.problems) == (1, False, ())
    assert leftover.run is not None
    [again] = unfinished(str(state_directory)).to_finish
    assert again == replace(leftover, candidate=again.candidate)
    assert again.candidate.identity == leftover.candidate.identity


def test_a_name_alone_is_nothing_to_go_by(project: Path, state_directory: Path) -> None:
    place = project / f"{record_staged.PREFIX}0123456789abcdef"
    declare(place, {"letter": "precious"})
    leave(project / "node_modules")
    leftover = recognise(place, state_directory)
    assert (leftover.original, leftover.run, leftover.number) == (None, None, None)


def test_another_directory_with_the_name_is_not_it(project: Path, state_directory: Path) -> None:
    place = leave(project / "node_modules")
    place.rename(project / "aside")
    declare(place, {"letter": "precious"})
    leftover = recognise(place, state_directory)
    assert leftover.run is None
    told = unfinished(str(state_directory))
    assert (told.to_finish, told.concluded) == ((), ())
    [problem] = told.leftovers[0].problems
    assert (problem.path, problem.code) == (os.fspath(place), ProblemCode.REPLACED)


def test_what_is_mounted_there_is_not_it(project: Path, state_directory: Path) -> None:
    place = leave(project / "node_modules")
    leftover = recognise(place, state_directory, mounted=True)
    assert leftover.run is None


def test_it_is_recognised_where_its_project_was_moved(project: Path, state_directory: Path) -> None:
    place = leave(project / "node_modules")
    project.rename(project.with_name("moved"))
    moved = project.with_name("moved") / place.name
    leftover = recognise(moved, state_directory)
    assert leftover.original == os.fspath(project / "node_modules")
    assert leftover.candidate.path == os.fspath(moved)


def test_what_failed_in_part_is_left_too_and_what_was_put_back_is_not(
    project: Path, state_directory: Path
) -> None:
    planned = artifact(project / "node_modules")
    place = record_staged.new_name(planned.path)
    for ending, number in ((Ending.FAILED, 1), (Ending.INTERRUPTED, 1), (Ending.KEPT, 0)):
        with Journal(str(state_directory), a_run("/")) as records:
            [begun] = records.begin([Intent.to_delete(planned, place)])
            rename_away.stage(planned.candidate, place)
            records.end(begun, ending)
        leftover = recognise(Path(place), state_directory)
        assert (leftover.run is not None) == bool(number)
        assert len(unfinished(str(state_directory)).to_finish) == number
        with Journal(str(state_directory), a_run("/")) as records:
            records.end(begun, Ending.KEPT, run=leftover.run)
        rename_away.put_back(place, planned.path, planned.candidate.identity)


def test_what_is_in_the_hands_of_a_run_at_work_is_left_to_it(
    project: Path, state_directory: Path
) -> None:
    run = a_run(os.fspath(project))
    place = leave(project / "node_modules", run=run)
    with lock.acquire(str(state_directory), [os.fspath(project)], run.id):
        leftover = recognise(place, state_directory)
        assert leftover.at_work
        told = unfinished(str(state_directory))
        assert (told.to_finish, told.concluded) == ((), ())
        # Nor is anything settled that it has not got to yet.
        shutil.rmtree(place)
        assert unfinished(str(state_directory)).concluded == ()
    assert len(unfinished(str(state_directory)).concluded) == 1


# Settling what nothing is left to do for.


def concluded(directory: Path) -> list[Ending]:
    """Return what would be written of what is settled."""
    return [one.ending for one in unfinished(str(directory)).concluded]


def test_what_was_never_begun_is_kept(project: Path, state_directory: Path) -> None:
    place = leave(project / "node_modules")
    place.rename(project / "node_modules")
    assert concluded(state_directory) == [Ending.KEPT]


def test_what_is_gone_from_both_places_is_deleted(project: Path, state_directory: Path) -> None:
    shutil.rmtree(leave(project / "node_modules"))
    assert concluded(state_directory) == [Ending.DELETED]
    declare(project / "node_modules", {"made": "anew"})
    assert concluded(state_directory) == [Ending.DELETED]


def test_what_went_with_its_project_is_not_believed_gone(
    project: Path, state_directory: Path
) -> None:
    """Whether it was moved or deleted nobody can tell, so it is said, and finished where it is met."""
    place = leave(project / "node_modules")
    project.rename(project.with_name("moved"))
    for _ in range(2):
        assert concluded(state_directory) == []
        [leftover] = unfinished(str(state_directory)).leftovers
        [problem] = leftover.problems
        assert (problem.path, problem.code, leftover.to_finish) == (
            str(place),
            ProblemCode.LOST,
            False,
        )
        assert f"resume --forget {project}/node_modules" in problem.why
        # Nor with another directory in its place.
        project.mkdir(exist_ok=True)
    moved = recognise(project.with_name("moved") / place.name, state_directory)
    assert (moved.original, moved.to_finish) == (str(project / "node_modules"), True)


def leave_undone(project: Path, state_directory: Path, names: Sequence[str]) -> list[Path]:
    """Leave a run that wrote several down at once, and was killed before the turn of any; return their paths."""
    for name in names:
        declare(project / name, {"node_modules": {"f": 1}})
    records = Journal(str(state_directory), a_run(str(project)))
    tops = [project / name / "node_modules" for name in names]
    records.begin(
        Intent.to_delete(artifact(top), record_staged.new_name(str(top)), *identity.seen(str(top)))
        for top in tops
    )
    abandon(records)
    return tops


def test_of_those_whose_turn_never_came_nothing_was_begun(
    project: Path, state_directory: Path
) -> None:
    """Several are written down at once. A project that was changed, moved or deleted since is none of ours."""
    names = ("same", "installed", "anew", "gone", "moved")
    leave_undone(project, state_directory, names)
    declare(project / "installed/node_modules", {"new": 1})
    (project / "anew/node_modules").rename(project / "aside")
    declare(project / "anew/node_modules", {"new": 1})
    shutil.rmtree(project / "gone/node_modules")
    (project / "moved").rename(project / "elsewhere")
    assert unfinished(str(state_directory)).leftovers == ()
    assert concluded(state_directory) == [Ending.NOT_BEGUN] * len(names)


def test_after_a_restart_nobody_knows_whose_turn_had_come(
    project: Path, state_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written last may be lost with the system: then nothing is said that nobody knows."""
    names = ("same", "gone", "moved")
    tops = leave_undone(project, state_directory, names)
    shutil.rmtree(project / "gone/node_modules")
    (project / "moved").rename(project / "elsewhere")
    monkeypatch.setattr(machine, "boot", lambda: "another one")
    told = unfinished(str(state_directory))
    assert {one.entry.intent.path: one.ending for one in told.concluded} == {
        str(tops[0]): Ending.KEPT,
        str(tops[1]): Ending.GONE,
    }
    [leftover] = told.leftovers
    assert (leftover.original, leftover.problems[0].code) == (str(tops[2]), ProblemCode.LOST)


def test_what_was_to_be_deleted_in_its_place_is_gone_or_there_in_part(
    project: Path, state_directory: Path
) -> None:
    """What is there has its usual name, and may have been mended since: it is said and not touched."""
    top = project / "node_modules"
    records = Journal(str(state_directory), a_run("/"))
    [number] = records.begin([Intent.to_delete(artifact(top), None, *identity.seen(str(top)))])
    assert concluded(state_directory) == [Ending.NOT_BEGUN]
    records.turn(number)
    abandon(records)
    told = unfinished(str(state_directory))
    assert (told.concluded, told.to_finish, len(told.in_place)) == ((), (), 1)
    [problem] = told.leftovers[0].problems
    assert problem.path == str(top)
    assert f"-p {project} --targets node_modules --no-dry-run" in problem.why
    assert f"resume --forget {top}" in problem.why
    (project / "node_modules").rename(project / "aside")
    assert concluded(state_directory) == [Ending.GONE]
    declare(project / "node_modules", {"made": "anew"})
    assert concluded(state_directory) == [Ending.GONE]


def test_nothing_is_settled_while_its_file_system_is_not_there(
    disks: Mounts, tmp_path: Path, state_directory: Path
) -> None:
    """An external disk that was unplugged: the most likely of all interruptions."""
    disk = disks.tmpfs(tmp_path / "disk")
    declare(disk / "project", {"node_modules": {"f": 1}})
    place = leave(disk / "project/node_modules")
    # Out of sight: something else is mounted over it.
    disks.tmpfs(disk)
    told = unfinished(str(state_directory))
    assert (told.concluded, told.to_finish) == ((), ())
    [problem] = told.leftovers[0].problems
    assert (problem.path, problem.code) == (os.fspath(place), ProblemCode.LOST)
    subprocess.run(["umount", disk], check=True)
    [leftover] = unfinished(str(state_directory)).to_finish
    assert leftover.candidate.path == os.fspath(place)


def test_only_what_lies_beneath_the_roots_is_asked_for(
    project: Path, state_directory: Path
) -> None:
    leave(project / "node_modules")
    directory = str(state_directory)
    for root, count in (
        (project, 1),
        (project.parent, 1),
        (mounts.mount_point_of(str(project)), 1),
        (project / "other", 0),
        (f"{project}x", 0),
        (str(project)[:-1], 0),
    ):
        assert len(unfinished(directory, [str(root)]).leftovers) == count


def test_what_is_mounted_beneath_the_roots_is_none_of_theirs(
    disks: Mounts, tmp_path: Path, state_directory: Path
) -> None:
    """A search does not go there, so its run does not wait for what is there either."""
    disk = disks.tmpfs(tmp_path / "top/disk")
    declare(disk / "project", {"node_modules": {"f": 1}})
    leave(disk / "project/node_modules")
    directory = str(state_directory)
    for root, count in ((tmp_path / "top", 0), (disk, 1), (disk / "project", 1)):
        assert len(unfinished(directory, [str(root)]).leftovers) == count
    assert len(unfinished(directory).leftovers) == 1


def test_what_was_begun_on_another_machine_is_none_of_ours(
    project: Path, state_directory: Path
) -> None:
    """Where two share a home directory, the same path may be two different disks."""
    place = leave(project / "node_modules", run=replace(a_run("/"), machine="elsewhere"))
    assert unfinished(str(state_directory)).leftovers == ()
    leftover = recognise(place, state_directory)
    assert leftover.run is None


# As a run tells and does it.


@pytest.fixture
def left(tool: Tool, project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is left of the project's artifact, by the record of the user that the command runs for."""
    monkeypatch.setenv("XDG_STATE_HOME", tool.env["XDG_STATE_HOME"])
    return leave(project / "node_modules")


def state_of(tool: Tool) -> Path:
    return Path(tool.env["XDG_STATE_HOME"], "cleanup-nodemodule")


def resume(tool: Tool, *arguments: str, **how: Any) -> tuple[int, list[dict[str, Any]]]:
    """Run ``resume``; return its exit code and what it says of what was left."""
    process = tool.start("resume", "--json", *arguments, **how)
    with process:
        output, errors = process.communicate(timeout=TIMEOUT)
    # A disk without room for a lock has none for the history either, which is said.
    said = [line for line in errors.splitlines() if "is not in the history" not in line]
    assert len(said) == (process.returncode != 0)
    rows: list[dict[str, Any]] = json.loads(output)["leftovers"]
    return process.returncode, rows


def test_a_dry_run_shows_what_was_left_and_does_nothing(
    tool: Tool, project: Path, left: Path
) -> None:
    before = listing(project)
    told = tool.run(project)
    assert told.code == 0
    [row] = told.document["leftovers"]
    [entry] = read.read(str(state_of(tool))).entries
    assert row == {
        "host": socket.gethostname(),
        "path": str(left),
        "original": f"{project}/node_modules",
        "run": entry.run,
        "outcome": None,
        "error": None,
    }
    # What lies in it is no artifact of its own.
    assert list(told.rows) == ["other/node_modules"]
    with tool.start("-p", project) as process:
        _, errors = process.communicate(timeout=TIMEOUT)
    lines = errors.splitlines()
    assert f"Left by an interrupted run: {left}, which was {project}/node_modules." in lines
    assert "To finish what an interrupted run left: cleanup-nodemodule resume" in lines
    assert listing(project) == before


def test_a_run_that_deletes_finishes_what_was_left_there(
    tool: Tool, project: Path, left: Path
) -> None:
    used = sum(
        os.lstat(os.path.join(os.fsencode(left), path)).st_blocks * 512
        for path in (b"", *listing(left))
    )
    told = tool.delete(project)
    assert (told.code, told.errors) == (0, "")
    [row] = told.document["leftovers"]
    assert (row["path"], row["outcome"], row["error"]) == (str(left), "deleted", None)
    [other] = told.rows.values()
    freed = told.document["totals"]["freed_bytes"]
    assert freed == used + other["reclaimable_bytes"]
    assert listing(project) == [b"other", b"other/package.json", b"package.json"]
    assert sorted(endings(state_of(tool))) == [("node_modules", "deleted")] * 2


def test_resume_finishes_it_and_nothing_else(tool: Tool, project: Path, left: Path) -> None:
    code, [row] = resume(tool, "--dry-run")
    assert (code, row["path"], row["outcome"]) == (0, str(left), None)
    assert left.exists()
    code, [row] = resume(tool)
    assert (code, row["path"], row["outcome"]) == (0, str(left), "deleted")
    assert not left.exists()
    assert (project / "other/node_modules/h").exists()
    assert endings(state_of(tool)) == [("node_modules", "deleted")]
    assert resume(tool) == (0, [])


def test_resume_says_what_it_does(tool: Tool, project: Path, left: Path) -> None:
    for expected in (
        f"Finished what an interrupted run left: {left}, which was {project}/node_modules.",
        "Nothing is left of any interrupted run.",
    ):
        with tool.start("resume") as process:
            output, errors = process.communicate(timeout=TIMEOUT)
        assert (process.returncode, output, errors) == (0, "", f"{expected}\n")


def test_what_nobody_knows_is_told_and_neither_touched_nor_searched(
    tool: Tool, project: Path
) -> None:
    """It may have any owner, a copy of the whole tree for one, or a restored backup."""
    unknown = project / f"{record_staged.PREFIX}0123456789abcdef"
    declare(unknown, {"letter": "precious", "p": {"package.json": "{}", "node_modules": {"x": 1}}})
    before = listing(unknown)
    for arguments in ((), ("--targets", unknown.name, "node_modules"), ("-d", "1"), ("-d", "2")):
        told = tool.delete(project, *arguments)
        assert told.code == 0
        if "-d" not in arguments:
            [row] = told.document["leftovers"]
            assert (row["path"], row["original"], row["outcome"]) == (str(unknown), None, None)
            assert row["error"] == "this user's journal knows nothing of it, so it is left alone"
        assert not [path for path in told.rows if record_staged.PREFIX in path]
        assert listing(unknown) == before
    assert resume(tool) == (0, [])
    assert listing(unknown) == before


def test_another_directory_in_the_place_of_what_was_left_is_told_and_left_alone(
    tool: Tool, project: Path, left: Path
) -> None:
    left.rename(project / "aside")
    declare(left, {"letter": "precious"})
    told = tool.delete(project)
    [row] = told.document["leftovers"]
    assert (row["path"], row["run"], row["outcome"]) == (str(left), None, None)
    code, [row] = resume(tool)
    assert (code, row["outcome"]) == (3, "failed")
    assert row["error"].startswith(f"could not recognise {left}: another directory is in its place")
    assert (left / "letter").read_text() == "precious"
    assert (project / "aside/g").exists()


def test_what_has_its_inode_and_name_but_another_owner_is_left_alone(
    tool: Tool, project: Path, left: Path
) -> None:
    """ext4 gives an inode number to the next directory that is made, which may be anybody's."""
    needs_root()
    give(NOBODY, left)
    before = listing(left)
    told = tool.delete(project)
    [row] = told.document["leftovers"]
    assert (told.code, row["path"], row["outcome"]) == (3, str(left), "failed")
    assert row["error"] == f"could not recognise {left}: another directory is in its place"
    assert resume(tool)[0] == 3
    assert listing(left) == before


@pytest.mark.usefixtures("left")
def test_what_a_later_run_freed_comes_on_top(tool: Tool, project: Path) -> None:
    [entry] = read.read(str(state_of(tool))).entries
    with Journal(str(state_of(tool)), a_run(str(project))) as records:
        records.end(entry.number, entries.Ending.INTERRUPTED, freed_bytes=1_000_000, run=entry.run)
    [row] = resume(tool)[1]
    assert row["outcome"] == "deleted"
    [entry] = read.read(str(state_of(tool))).entries
    assert entry.end is not None
    assert entry.end.freed_bytes > 1_000_000


def test_a_repository_that_came_to_be_in_it_is_kept(tool: Tool, left: Path) -> None:
    declare(left / "a/own", {".git": {"HEAD": "ref: refs/heads/main\n"}, "essay": "precious"})
    before = listing(left)
    code, [row] = resume(tool)
    assert (code, row["outcome"]) == (3, "failed")
    assert row["error"].startswith(f"could not delete {left}/a/own: it is a git repository now")
    assert listing(left) == before
    # It is finished once that is taken out.
    shutil.rmtree(left / "a/own")
    assert resume(tool)[0] == 0
    assert not left.exists()


def test_what_a_run_at_work_has_taken_out_is_left_to_it(
    tool: Tool, project: Path, tmp_path: Path
) -> None:
    declare(project / "node_modules/many", {f"f{number}": 1 for number in range(60)})
    log = tmp_path / "log"
    slowly = strace(log, "--trace=unlinkat", "--inject=unlinkat:delay_enter=30000")
    running = tool.start("--json", "-p", project, "--no-dry-run", "-j", "1", prefix=slowly)
    await_condition(lambda: log.exists() and log.read_text().count("\n") > 3, "it was deleting")
    # It is at work for as long as it takes to look at it.
    running.send_signal(signal.SIGSTOP)
    [place] = project.rglob(f"{record_staged.PREFIX}*")
    told = tool.run(project)
    [row] = told.document["leftovers"]
    assert (row["path"], row["outcome"]) == (str(place), None)
    assert row["error"] == "the run that is deleting it is still at work"
    code, [row] = resume(tool)
    assert (code, row["outcome"]) == (0, None)
    assert row["error"] == "the run that is deleting it is still at work"
    assert place.exists()
    running.send_signal(signal.SIGCONT)
    finished = tool.finish(running, project)
    assert finished.code == 0
    assert set(finished.outcomes.values()) == {"deleted"}
    assert listing(project) == [b"other", b"other/package.json", b"package.json"]
    assert {ending for _, ending in endings(state_of(tool))} == {"deleted"}


def test_a_run_that_had_no_room_for_a_lock_is_at_work_all_the_same(
    tool: Tool, project: Path, tmp_path: Path, disks: Mounts
) -> None:
    """It began on a full disk, which its own deletion may make room on: then others read of it."""
    disk = disks.tmpfs(tmp_path / "state", "mode=700,size=64k")
    env = {"XDG_STATE_HOME": str(disk)}
    fill(disk / "ballast")
    # It goes after the other one, which lies beneath the directory around it.
    declare(project / "other/node_modules", {"f": 1})
    declare(project / "node_modules", {f"f{number}": 1 for number in range(200)})
    log = tmp_path / "log"
    slowly = strace(log, "--trace=unlinkat", "--inject=unlinkat:delay_enter=30000")
    arguments = ("--json", "-p", project, "--no-dry-run", "-j", "1")
    running = tool.start(*arguments, prefix=slowly, env=env)
    await_condition(lambda: log.exists() and log.read_text().count("\n") > 0, "it was deleting")
    (disk / "ballast").unlink()
    directory = disk / "cleanup-nodemodule"
    await_condition(
        lambda: ("node_modules", "deleted") in endings(directory), "one of them was written down"
    )
    staged = partial(project.glob, f"{record_staged.PREFIX}*")
    await_condition(lambda: any(staged()), "the other one was begun")
    running.send_signal(signal.SIGSTOP)
    assert lock.held(str(directory)) == ()
    [place] = staged()
    before = listing(place)
    code, [row] = resume(tool, env=env)
    assert (code, row["path"], row["outcome"]) == (0, str(place), None)
    assert row["error"] == "the run that is deleting it is still at work"
    [row] = tool.run(project, env=env).document["leftovers"]
    assert row["error"] == "the run that is deleting it is still at work"
    with tool.start("log", env=env) as process:
        output, _ = process.communicate(timeout=TIMEOUT)
    assert [line.split("\t")[1] for line in output.splitlines()] == ["running", "deleted"]
    # The one call that it was stopped in may have come to its end.
    assert len(listing(place)) >= len(before) - 1
    running.send_signal(signal.SIGCONT)
    assert set(tool.finish(running, project).outcomes.values()) == {"deleted"}
    assert endings(directory) == [("node_modules", "deleted")] * 2


def test_resume_waits_for_nothing_but_what_it_needs(
    tool: Tool, project: Path, left: Path, tmp_path: Path
) -> None:
    """A run in the same tree is in its way: it is told, or waited for."""
    holder = a_run(os.fspath(project))
    with lock.acquire(str(state_of(tool)), [os.fspath(project)], holder.id):
        with tool.start("resume", "--json") as process:
            output, errors = process.communicate(timeout=TIMEOUT)
        assert process.returncode == 5
        assert f"another run (process {os.getpid()}, since " in errors
        assert json.loads(output)["problems"][0]["errno"] in {"EWOULDBLOCK", "EAGAIN"}
        said = tmp_path / "said"
        with open(said, "w", encoding="utf-8") as file:
            waiting = subprocess.Popen(
                [*tool.command, "resume", "--wait"], env=tool.env, cwd="/", stderr=file
            )
        await_condition(lambda: "waiting: another run" in said.read_text(), "it waited")
        assert left.exists()
    assert waiting.wait(TIMEOUT) == 0
    assert not left.exists()


@pytest.mark.usefixtures("at_once", "left")
@pytest.mark.parametrize("arguments", [("--dry-run",), ()])
def test_a_disk_that_does_not_answer_keeps_nothing_else_from_being_finished(
    tool: Tool, project: Path, tmp_path: Path, disks: Mounts, arguments: tuple[str, ...]
) -> None:
    """As on a network mount whose server is gone. It is waited for once, however much is left there."""
    tree = {"package.json": "{}", "node_modules": {"f": 1}}
    dead = disks.misbehaving(tmp_path / "dead", {"a": tree, "b": tree})
    places = [leave(dead.path / name / "node_modules") for name in ("a", "b")]
    last = leave(project / "other/node_modules")
    dead.change(silent=["/"])
    with tool.start("resume", "--json", "--timeout", "2", *arguments) as process:
        output, errors = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 3
    assert errors.count("\n") == 2
    document = json.loads(output)
    assert {(one["path"], one["errno"]) for one in document["problems"]} == {
        (str(place), "ETIMEDOUT") for place in places
    }
    rows = {row["path"]: row["outcome"] for row in document["leftovers"]}
    assert [rows[str(place)] for place in places] == ["failed", "failed"]
    assert rows[str(last)] == (None if arguments else "deleted")
    assert len([path for path in project.rglob(f"{record_staged.PREFIX}*") if path.is_dir()]) == (
        2 if arguments else 0
    )


@pytest.mark.usefixtures("at_once", "left")
def test_a_disk_that_answers_nothing_about_what_was_left_ends_a_run_that_deletes_all_the_same(
    tool: Tool, project: Path, tmp_path: Path, disks: Mounts
) -> None:
    """What is on it is reported and kept; what is elsewhere is finished and deleted."""
    tree = {"package.json": "{}", "node_modules": {"f": 1}}
    dead = disks.misbehaving(tmp_path / "dead", {"a": tree, "b": tree})
    place = leave(dead.path / "a/node_modules")
    shutil.rmtree(place)
    dead.change(mute=[f"getattr /a/{record_staged.PREFIX}*"])
    told = tool.delete(project, "-p", dead.path, "--timeout", "2")
    assert told.code == 3
    assert told.outcomes == {
        "other/node_modules": "deleted",
        "../../dead/b/node_modules": "failed",
    }
    rows = {row["path"]: row["outcome"] for row in told.document["leftovers"]}
    assert rows.pop(str(place)) == "failed"
    assert list(rows.values()) == ["deleted"]
    assert {error for _, error in told.problems} == {"ETIMEDOUT"}
    dead.change()
    assert (dead.path / "b/node_modules/f").exists()


def test_a_timeout_that_is_none_is_wrong_usage(tool: Tool) -> None:
    with tool.start("resume", "--timeout", "0") as process:
        _, errors = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 2
    assert "--timeout cannot be 0; type a number of seconds above 0" in errors


def test_a_record_that_cannot_be_read_is_said_once(tool: Tool, left: Path) -> None:
    state_of(tool).chmod(0o777)
    for arguments in (("resume",), ("resume", "--dry-run")):
        with tool.start(*arguments, "--json") as process:
            output, errors = process.communicate(timeout=TIMEOUT)
        assert process.returncode == 1
        assert errors.count("set XDG_STATE_HOME to a directory that only you can write") == 1
        assert "Traceback" not in errors
        assert "set XDG_STATE_HOME" in json.loads(output)["problems"][0]["message"]
    assert left.exists()
    # A dry run shows it all the same; whose it is cannot be told.
    told = tool.run(left.parent)
    assert "set XDG_STATE_HOME" in told.errors
    [row] = told.document["leftovers"]
    assert (row["path"], row["run"]) == (str(left), None)


def test_resume_can_be_interrupted_and_resumed(tool: Tool, left: Path, tmp_path: Path) -> None:
    declare(left / "many", {f"f{number}": 1 for number in range(3000)})
    log = tmp_path / "log"
    slowly = strace(log, "--trace=unlinkat", "--inject=unlinkat:delay_enter=1000")
    with tool.start("resume", "--json", prefix=slowly) as running:
        await_condition(lambda: log.exists() and log.read_text().count("\n") > 3, "it was deleting")
        running.terminate()
        output, _ = running.communicate(timeout=TIMEOUT)
    assert running.returncode == 143
    [row] = json.loads(output)["leftovers"]
    assert (row["path"], row["outcome"], row["error"]) == (str(left), "failed", "interrupted")
    assert left.exists()
    assert endings(state_of(tool)) == [("node_modules", "interrupted")]
    assert resume(tool)[0] == 0
    assert not left.exists()
    assert endings(state_of(tool)) == [("node_modules", "deleted")]
