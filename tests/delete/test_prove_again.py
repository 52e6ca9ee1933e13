"""What comes between the plan and an artifact's own turn, and between its rename and its deletion."""

import asyncio
import errno
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from cleanup_nodemodule import engine as engines
from cleanup_nodemodule.config.settings import Settings
from cleanup_nodemodule.delete import approval, freshness, prove_again, rename_away
from cleanup_nodemodule.delete import carry_out as carrying
from cleanup_nodemodule.engine.contract import Removal, Root
from cleanup_nodemodule.model import Failed, Outcome
from cleanup_nodemodule.proof import git, protections, use
from cleanup_nodemodule.survey import survey
from cleanup_nodemodule.work.scheduler import Scheduler
from support import simple
from support.filesystems import Mounts
from support.git import git as run_git
from support.removals import a_journal, each_engine, told
from support.tool import PROJECT
from support.trees import declare, listing
from support.waiting import TIMEOUT

pytestmark = pytest.mark.slow

Meanwhile = Callable[[Path], object]
"""Does something to an artifact, at the place where it is."""


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """Two projects in repositories of their own; the first one's artifact goes first."""
    for name in ("first", "second"):
        project = tmp_path / "top" / name
        declare(project, {**PROJECT, ".gitignore": "node_modules/\n"})
        run_git(project, "init", "-q")
        run_git(project, "add", ".")
        run_git(project, "commit", "-qm", "all")
    return tmp_path / "top"


@pytest.fixture
def processes() -> Iterator[ExitStack]:
    """Processes that end with the test."""
    with ExitStack() as started:
        yield started


@pytest.fixture
def doing(request: pytest.FixtureRequest, processes: ExitStack) -> Meanwhile:
    """What happens to the second artifact."""
    name: str = request.param
    if "mount" in name:
        # Not later, as it is for the thread that asks for it, and those that it starts.
        disks: Mounts = request.getfixturevalue("disks")

    def work_in(place: Path) -> None:
        process = subprocess.Popen(["sleep", "600"], cwd=place)
        processes.callback(process.wait)
        processes.callback(process.kill)

    def open_in(place: Path) -> None:
        process = subprocess.Popen(
            ["sh", "-c", 'exec 3<"$0"; echo; exec sleep 600', place / "file"],
            cwd="/",
            stdout=subprocess.PIPE,
        )
        processes.callback(process.wait)
        processes.callback(process.kill)
        assert process.stdout is not None
        with process.stdout as output:
            output.readline()

    def mount(place: Path) -> None:
        disks.tmpfs(place / "pkg" / "data")

    def mount_on_it(place: Path) -> None:
        disks.bind(place, place)

    def commit(place: Path) -> None:
        project = place.parent
        # As git add -f does, whatever its directory is called by now.
        (project / "node_modules").mkdir(exist_ok=True)
        with open(project / "changed", "w", encoding="utf-8") as file:
            file.write("mine")
        blob = run_git(project, "hash-object", "-w", "changed").decode().strip()
        run_git(project, "update-index", "--add", "--cacheinfo", f"100644,{blob},node_modules/file")
        (project / "changed").unlink()
        run_git(project, "commit", "-qm", "mine")
        if place.name != "node_modules":
            (project / "node_modules").rmdir()

    def keep_inside(place: Path) -> None:
        (place / ".cleanup-keep").touch()

    def keep_beside(place: Path) -> None:
        (place.parent / ".cleanup-keep").touch()

    def unignore(place: Path) -> None:
        (place.parent / ".gitignore").write_text("")

    what: dict[str, Meanwhile] = {
        "a process in its project": lambda place: work_in(place.parent),
        "a process in it": lambda place: work_in(place / "pkg"),
        "an open file": open_in,
        "a mount in it": mount,
        "a mount on it": mount_on_it,
        "a commit": commit,
        "a keep file in it": keep_inside,
        "a keep file beside": keep_beside,
        "not ignored": unignore,
    }
    return what[name]


@pytest.fixture(autouse=True)
def unbound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have all be asked each time: how often that can be afforded depends on how busy the machine is."""
    monkeypatch.setattr(freshness, "_FREE", 1e9)


def carry_out(top: Path, **settings: Any) -> Outcome:
    """Make a plan of *top* and carry it out, one artifact after the other."""
    chosen = Settings(roots=(str(top),), **{"own_rules": simple.rules(), **settings})

    async def work() -> Outcome:
        with ThreadPoolExecutor(2) as executor:
            plan = await survey.make_plan(chosen, Scheduler(executor, 2))
            approved = approval.by_flag(plan, mode="delete")
            assert approved is not None
            with a_journal() as records:
                async with asyncio.timeout(TIMEOUT):
                    scheduler = Scheduler(executor, 1)
                    again = partial(prove_again.prepared, chosen, scheduler)
                    return await carrying.carry_out(approved, scheduler, records, again)

    return asyncio.run(work())


def before_its_turn(monkeypatch: pytest.MonkeyPatch, top: Path, doing: Meanwhile) -> None:
    """Have it done to the second artifact while the first one is deleted."""
    really_remove = engines.remove
    done: list[bool] = []

    def remove(root: Root, *arguments: Any) -> Removal:
        if not done:
            done.append(True)
            doing(top / "second/node_modules")
        return really_remove(root, *arguments)

    monkeypatch.setattr(engines, "remove", remove)


def behind_its_rename(monkeypatch: pytest.MonkeyPatch, doing: Meanwhile) -> None:
    """Have it done to the second artifact when it has just been taken out of its project."""
    really_stage = rename_away.stage

    def stage(candidate: Any, place: str, *marking: Any) -> int:
        taken = really_stage(candidate, place, *marking)
        if "second" in place:
            doing(Path(place))
        return taken

    monkeypatch.setattr(rename_away, "stage", stage)


BEFORE: Final = [
    ("a process in its project", "in-use"),
    ("a process in it", "in-use"),
    ("an open file", "in-use"),
    ("a mount in it", "mount-point"),
    ("a commit", "tracked"),
    ("a keep file beside", "excluded"),
]
"""What leaves the directory itself as it was."""

BEHIND: Final = [*BEFORE, ("a keep file in it", "excluded")]


def assert_kept(outcome: Outcome, top: Path, reason: str, files: list[bytes]) -> None:
    """The first one is gone, the second one as it was and in its place."""
    first, second = outcome.results
    assert not isinstance(first, Failed)
    assert isinstance(second, Failed)
    assert (second.untouched, second.left_at) == (True, None)
    assert (second.problems[0].doing, second.problems[0].detail) == ("delete", reason)
    assert second.problems[0].path == str(top / "second/node_modules")
    # What it is, and not what the number of an error stands for.
    assert second.problems[0].why != os.strerror(errno.EPERM)
    assert not (top / "first/node_modules").exists()
    assert set(files) <= set(listing(top / "second/node_modules"))
    assert sorted(told()) == [("node_modules", "deleted"), ("node_modules", "kept")]


@each_engine
@pytest.mark.parametrize(("doing", "reason"), BEFORE, indirect=["doing"])
@pytest.mark.parametrize("targets", [None, ("node_modules",)], ids=["by rule", "by name"])
def test_what_comes_before_its_turn_keeps_it(
    top: Path,
    monkeypatch: pytest.MonkeyPatch,
    doing: Meanwhile,
    reason: str,
    targets: tuple[str, ...] | None,
) -> None:
    files = listing(top / "second/node_modules")
    before_its_turn(monkeypatch, top, doing)
    assert_kept(carry_out(top, targets=targets), top, reason, files)


@each_engine
@pytest.mark.parametrize("doing", ["a keep file in it", "a mount on it"], indirect=True)
def test_what_changes_the_directory_itself_before_its_turn_keeps_it(
    top: Path, monkeypatch: pytest.MonkeyPatch, doing: Meanwhile
) -> None:
    files = listing(top / "second/node_modules")
    before_its_turn(monkeypatch, top, doing)
    first, second = carry_out(top).results
    assert not isinstance(first, Failed)
    assert isinstance(second, Failed)
    assert second.untouched
    assert set(files) <= set(listing(top / "second/node_modules"))


@each_engine
@pytest.mark.parametrize("doing", ["not ignored"], indirect=True)
def test_what_git_does_not_ignore_any_more_is_not_proven(
    top: Path, monkeypatch: pytest.MonkeyPatch, doing: Meanwhile
) -> None:
    for name in ("first", "second"):
        (top / name / "node_modules").rename(top / name / "dist")
        (top / name / ".gitignore").write_text("dist/\n")
    before_its_turn(monkeypatch, top, doing)
    _, second = carry_out(top).results
    assert isinstance(second, Failed)
    assert second.problems[0].detail == "unproven"
    assert (top / "second/dist/file").exists()


@each_engine
@pytest.mark.parametrize(("doing", "reason"), BEHIND, indirect=["doing"])
def test_what_comes_behind_its_rename_has_it_put_back(
    top: Path, monkeypatch: pytest.MonkeyPatch, doing: Meanwhile, reason: str
) -> None:
    files = listing(top / "second/node_modules")
    behind_its_rename(monkeypatch, doing)
    assert_kept(carry_out(top), top, reason, files)


@each_engine
@pytest.mark.parametrize("failure", [ValueError("embedded null byte"), OSError(22, "no")])
@pytest.mark.parametrize("name", ["_gather", "_gather_behind"])
def test_what_cannot_be_looked_at_again_stays_and_the_others_go(
    top: Path, monkeypatch: pytest.MonkeyPatch, name: str, failure: Exception
) -> None:
    really_look = getattr(prove_again, name)

    def look(about: Any, *arguments: Any) -> Any:
        if "second" in str(about):
            raise failure
        return really_look(about, *arguments)

    monkeypatch.setattr(prove_again, name, look)
    outcome = carry_out(top)
    assert outcome.unexpected is None
    first, second = outcome.results
    assert not isinstance(first, Failed)
    assert isinstance(second, Failed)
    assert (second.untouched, second.problems[0].doing) == (True, "look again at")
    assert (top / "second/node_modules/file").exists()


# What it costs.


def test_nobody_asks_again_when_a_project_was_last_used(
    top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: Counter[str] = Counter()
    for name in ("newest_source", "last_git_activity"):
        really = getattr(use, name)

        def counted(*arguments: Any, really: Any = really, name: str = name) -> Any:
            asked[name] += 1
            return really(*arguments)

        monkeypatch.setattr(use, name, counted)
    carry_out(top)
    # By the plan: once for each project and each repository.
    assert asked == {"newest_source": 2, "last_git_activity": 2}


def test_git_is_asked_once_for_all_artifacts_of_a_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = tmp_path / "top"
    declare(top, {".gitignore": "node_modules/\n"})
    for number in range(9):
        declare(top / f"{number}", PROJECT)
    run_git(top, "init", "-q")
    asked: list[int] = []
    really_ask = git.Asker.ask

    async def ask(
        self: git.Asker, repository: str, directories: Any, *rest: Any, **how: Any
    ) -> Any:
        asked.append(len(directories))
        return await really_ask(self, repository, directories, *rest, **how)

    monkeypatch.setattr(git.Asker, "ask", ask)
    outcome = carry_out(top)
    assert [isinstance(result, Failed) for result in outcome.results] == [False] * 9
    # Each with its project, by the plan and before the first one's turn.
    assert asked == [18, 18]


def test_processes_are_asked_for_only_as_often_as_can_be_afforded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = tmp_path / "top"
    for number in range(9):
        declare(top / f"{number}", PROJECT)
    asked: list[int] = []
    really_look = protections.running_processes

    def look(run: int, *, known: Any = None, **how: Any) -> Any:
        if not known:
            asked.append(run)
        return really_look(run, known=known, **how)

    monkeypatch.setattr(protections, "running_processes", look)
    carry_out(top)
    # By the plan, and twice for each.
    assert len(asked) == 1 + 2 * 9
    asked.clear()
    for number in range(9):
        declare(top / f"{number}", {"node_modules": {"file": 1}})
    monkeypatch.setattr(freshness, "_FREE", 0.0)
    monkeypatch.setattr(freshness, "_SHARE", 1_000_000_000)
    carry_out(top)
    assert len(asked) == 1 + 1


@pytest.mark.parametrize("how", ["begins", "changes its directory"])
def test_a_process_that_begins_is_seen_when_no_more_looks_can_be_afforded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: ExitStack, how: str
) -> None:
    """As on a busy machine, where a look takes seconds."""
    top = tmp_path / "top"
    for number in range(9):
        declare(top / f"{number}", PROJECT)
    monkeypatch.setattr(freshness, "_FREE", 0.0)
    monkeypatch.setattr(freshness, "_SHARE", 1_000_000_000)
    command = [
        sys.executable,
        "-c",
        "import os\nprint(flush=True)\nos.chdir(input())\nprint(flush=True)\ninput()",
    ]

    def start(place: Path) -> "subprocess.Popen[bytes]":
        process = processes.enter_context(
            subprocess.Popen(command, cwd=place, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        )
        processes.callback(process.kill)
        assert process.stdout is not None
        process.stdout.readline()
        return process

    early = start(tmp_path) if how != "begins" else None
    really_stage = rename_away.stage
    taken: list[Path] = []

    def stage(*args: Any) -> Any:
        result = really_stage(*args)
        if not taken:
            left = [path for path in sorted(top.iterdir()) if (path / "node_modules").exists()]
            process = early or start(left[-1])
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(os.fsencode(left[-1]) + b"\n")
            process.stdin.flush()
            process.stdout.readline()
            taken.append(left[-1])
        return result

    monkeypatch.setattr(rename_away, "stage", stage)
    outcome = carry_out(top)
    kept = [result.artifact.path for result in outcome.results if isinstance(result, Failed)]
    assert kept == [str(taken[0] / "node_modules")]
