"""Each step of a removal gone wrong: what the result says, what the journal says, what the disk has."""

import asyncio
import errno
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from cleanup_nodemodule import engine as engines
from cleanup_nodemodule.delete import durable, leftovers, rename_away
from cleanup_nodemodule.delete import records as delete_records
from cleanup_nodemodule.delete.rename_away import Held
from cleanup_nodemodule.engine.contract import Counts, Fault, Finding, Names, Removal, Root
from cleanup_nodemodule.model import Artifact, Candidate, Failed, Leftover, Problem, Removed
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.proof import installed
from cleanup_nodemodule.record import state_directory, unfinished
from cleanup_nodemodule.record.entries import Intent, JournalError
from cleanup_nodemodule.record.write import Journal
from cleanup_nodemodule.work.scheduler import Scheduler
from support.removals import (
    Against,
    a_journal,
    artifact,
    by_python,
    each_engine,
    leave,
    remove,
    staged,
    told,
)
from support.trees import Declared, declare, listing

_RENAME = os.rename

FOREIGN: Final = "delete, as only its owner may,"
"""What the engines say of what is somebody else's."""

pytestmark = [pytest.mark.usefixtures("grouped"), pytest.mark.slow]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with an artifact, and another that lies in a third."""
    declare(
        tmp_path / "project",
        {
            "package.json": "{}",
            "node_modules": {"a": {"f": 5000}, "g": 1},
            "dist": {
                "bundle.js": 9000,
                "node_modules": {"b": 1},
                "deep": {"node_modules": {"c": 1}},
            },
        },
    )
    return tmp_path / "project"


def fresh(path: Path) -> Artifact:
    """Return the row of a plan, with the time at which the directory was changed."""
    planned = artifact(path)
    changed = os.lstat(path).st_ctime_ns
    return replace(planned, candidate=replace(planned.candidate, changed=changed))


def renames(monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[str, str], object]) -> None:
    """Have *meanwhile* called with both names before each rename; what it raises is its failure."""

    def rename(
        old: str, new: str, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None
    ) -> None:
        meanwhile(old, new)
        _RENAME(old, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr(os, "rename", rename)
    monkeypatch.setattr(os, "supports_dir_fd", {*os.supports_dir_fd, rename})


def stopper(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return what stops the run, from any thread."""
    made = Scheduler.__init__
    stops: list[Callable[[], object]] = []

    def remember(self: Scheduler, *arguments: Any, **options: Any) -> None:
        made(self, *arguments, **options)
        loop = asyncio.get_running_loop()
        stops.append(lambda: loop.call_soon_threadsafe(self.stop))

    def stop() -> None:
        for each in stops:
            each()

    monkeypatch.setattr(Scheduler, "__init__", remember)
    return stop


def refuse(number: int) -> Callable[[str, str], None]:
    """Return what makes every rename fail."""

    def meanwhile(_old: str, _new: str) -> None:
        raise OSError(number, os.strerror(number))

    return meanwhile


def looking(
    monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[Root], list[Fault] | None]
) -> None:
    """Have *meanwhile* called whenever it is looked through for repositories."""
    really_find = engines.find

    def find(root: Root, stack: list[bytes], names: Names, budget: int) -> Finding:
        faults = meanwhile(root) or []
        finding = really_find(root, stack, names, budget)
        return finding._replace(faults=[*finding.faults, *faults])

    monkeypatch.setattr(engines, "find", find)


# What came to be inside.


REPOSITORIES: list[Declared] = [
    {"own": {".git": {"HEAD": "ref: refs/heads/main\n"}, "essay": "precious"}},
    {"own": {".git": "gitdir: elsewhere\n"}},
    {".git": {}},
    {".git": "gitdir: elsewhere\n"},
    {"bare": {"HEAD": "ref: refs/heads/main\n", "objects": {}, "refs": {}}},
]
NAMES = ["directory", "worktree", "at the top", "worktree at the top", "bare"]


@each_engine
@pytest.mark.parametrize("repository", REPOSITORIES, ids=NAMES)
def test_a_repository_that_came_to_be_inside_keeps_all_of_it_in_its_place(
    project: Path, repository: Declared
) -> None:
    planned = artifact(project / "node_modules")
    where = project / "node_modules" if ".git" in repository else project / "node_modules/a"
    declare(where, repository)
    before = listing(project)
    run = remove([planned])
    (failed,) = run.failed
    inside = where if ".git" in repository else where / str(next(iter(repository)))
    problem = Problem(str(inside), ProblemCode.REPOSITORY_INSIDE)
    assert failed == Failed(planned, 0, (problem,), interrupted=False, untouched=True)
    assert listing(project) == before
    assert os.lstat(planned.path).st_ino == planned.candidate.identity.inode
    assert told() == [("node_modules", "kept")]


@each_engine
def test_what_cannot_be_looked_through_is_put_back(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = artifact(project / "node_modules")
    before = listing(project)
    looking(monkeypatch, lambda _root: [Fault(b"a", errno.EACCES, "open")])
    run = remove([planned])
    problem = Problem(f"{planned.path}/a", ProblemCode.OPEN, errno.EACCES)
    assert run.failed == [Failed(planned, 0, (problem,), interrupted=False, untouched=True)]
    assert listing(project) == before
    assert told() == [("node_modules", "kept")]


@each_engine
def test_what_cannot_be_put_back_is_where_it_is_said_to_be(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build has made it anew while the old one was looked through."""
    planned = artifact(project / "node_modules")
    declare(project / "node_modules/a", REPOSITORIES[0])
    looking(monkeypatch, lambda _root: declare(project / "node_modules", {"made": "anew"}))
    run = remove([planned])
    (failed,) = run.failed
    left = staged(project)
    assert (failed.left_at, failed.untouched, failed.interrupted) == (str(left), False, False)
    assert [(problem.path, problem.code) for problem in failed.problems] == [
        (str(left), ProblemCode.PUT_BACK),
        (f"{left}/a/own", ProblemCode.REPOSITORY_INSIDE),
    ]
    assert (left / "a/own/essay").exists()
    assert listing(project / "node_modules") == [b"made"]
    assert told() == [("node_modules", "failed")]


@each_engine
def test_what_is_stopped_before_anything_is_deleted_is_put_back(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = artifact(project / "node_modules")
    before = listing(project)
    stop = stopper(monkeypatch)
    really_stage = rename_away.stage

    def stage(*arguments: Any) -> int:
        taken = really_stage(*arguments)
        stop()
        return taken

    monkeypatch.setattr(rename_away, "stage", stage)
    run = remove([planned])
    assert run.outcome is not None
    assert (run.outcome.results, run.outcome.complete) == ((), False)
    assert listing(project) == before
    assert told() == [("node_modules", "kept")]


@each_engine
def test_what_was_begun_is_not_put_back_however_it_is_stopped(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the very call that deletes something, and then lacks descriptors."""
    planned = artifact(project / "node_modules")
    stop = stopper(monkeypatch)
    really_remove = engines.remove

    def remove_some(root: Root, stack: list[bytes], _budget: int, *grouped: Any) -> Removal:
        removal = really_remove(root, stack, 1, *grouped)
        stop()
        return removal._replace(faults=[Fault(b"", errno.EMFILE, "open")])

    monkeypatch.setattr(engines, "remove", remove_some)
    run = remove([planned])
    (failed,) = run.failed
    left = staged(project)
    assert (failed.interrupted, failed.untouched, failed.left_at) == (True, False, str(left))
    assert not (project / "node_modules").exists()
    assert told() == [("node_modules", "interrupted")]


@each_engine
def test_a_project_that_is_moved_away_meanwhile_is_not_said_to_be_clean(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = artifact(project / "node_modules")
    really_remove = engines.remove

    def remove_some(root: Root, stack: list[bytes], _budget: int, *grouped: Any) -> Removal:
        removal = really_remove(root, stack, 1, *grouped)
        if project.exists():
            project.rename(project.parent / "elsewhere")
        return removal

    monkeypatch.setattr(engines, "remove", remove_some)
    run = remove([planned])
    (failed,) = run.failed
    left = staged(project.parent / "elsewhere")
    (problem,) = failed.problems
    assert problem.code is ProblemCode.MOVED_AWAY
    assert problem.path == str(project / left.name)
    assert problem.why == (
        f"somebody has moved it away: it is at {left} now; a run that deletes there finishes it"
    )
    assert failed.left_at == str(left)
    assert told() == [("node_modules", "failed")]


@each_engine
@pytest.mark.parametrize("call", ["looked through", "emptied"])
def test_a_project_that_is_moved_away_before_anything_is_deleted_gets_it_back(
    project: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Nothing is found at the place any more, which is no deletion."""
    planned = artifact(project / "node_modules")
    before = listing(project)
    moved = project.parent / "elsewhere"
    name = {"looked through": "find", "emptied": "remove"}[call]
    really = getattr(engines, name)

    def move(root: Root, *arguments: Any) -> Any:
        if project.exists():
            project.rename(moved)
        return really(root, *arguments)

    monkeypatch.setattr(engines, name, move)
    run = remove([planned])
    (failed,) = run.failed
    assert (failed.untouched, failed.left_at, failed.freed_bytes) == (True, None, 0)
    assert run.deleted == []
    assert listing(moved) == before
    assert os.lstat(moved / "node_modules").st_ino == planned.candidate.identity.inode
    assert told() == [("node_modules", "kept")]


@each_engine
def test_a_removal_of_something_else_is_no_deletion(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine may say that the root is gone: what is held says so, too, or it is not."""
    planned = artifact(project / "node_modules")

    def say_so(*_: object) -> Removal:
        return Removal(Counts(3, 2, 10, [], root=True), [], [])

    monkeypatch.setattr(engines, "remove", say_so)
    (failed,) = remove([planned]).failed
    left = staged(project)
    assert (failed.untouched, failed.left_at) == (False, str(left))
    assert told() == [("node_modules", "failed")]


@each_engine
def test_what_cannot_be_held_for_want_of_descriptors_is_tried_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = artifact(project / "node_modules")
    really_hold = rename_away.hold
    refused: list[Path] = []

    def hold(candidate: Candidate) -> Held | None:
        if not refused:
            refused.append(project)
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return really_hold(candidate)

    monkeypatch.setattr(rename_away, "hold", hold)
    run = remove([planned])
    assert run.removed == [planned.path]
    assert refused


def test_what_is_done_leaves_no_descriptor_behind(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durable, "_MAX", 1)
    planned = [fresh(project / name) for name in NESTED]
    declare(project / NESTED[1] / "own", {".git": {}})
    planned[1] = fresh(project / NESTED[1])
    before = os.listdir("/proc/self/fd")
    remove([*planned, artifact(project / "node_modules")])
    assert os.listdir("/proc/self/fd") == before


# What the disk has.


def keeping(
    monkeypatch: pytest.MonkeyPatch, answer: int | None = None
) -> list[list[tuple[str, str | None]]]:
    """Return what the journal says whenever the disk is asked, which gives this *answer*."""
    said: list[list[tuple[str, str | None]]] = []
    really_keep = durable.keep

    def keep(directories: list[int]) -> int | None:
        said.append(told())
        return really_keep(directories) or answer

    monkeypatch.setattr(durable, "keep", keep)
    return said


def test_nothing_has_an_end_before_the_disk_has_it_and_all_is_asked_for_at_once(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = keeping(monkeypatch)
    run = remove([artifact(project / name) for name in ("dist", "node_modules")])
    assert said == [[("dist", None), ("node_modules", None)]]
    assert len(run.removed) == len(run.deleted) == 2
    assert sorted(told()) == [("dist", "deleted"), ("node_modules", "deleted")]


def test_what_was_put_back_has_no_end_before_the_disk_has_it_there(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it may be at the other place after a power cut, where nobody looks for it any more."""
    declare(project / "node_modules/a", REPOSITORIES[0])
    said = keeping(monkeypatch)
    remove([artifact(project / "node_modules")])
    assert said == [[("node_modules", None)]]
    assert told() == [("node_modules", "kept")]


def test_what_was_not_begun_waits_for_no_disk(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = keeping(monkeypatch)
    planned = artifact(project / "node_modules")
    against = {planned.path: Problem(planned.path, ProblemCode.PROTECTED, detail="excluded")}
    remove([planned], again=Against(against, {}))
    assert said == []
    assert told() == [("node_modules", "kept")]


@each_engine
def test_what_the_disk_did_not_keep_has_failed(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeping(monkeypatch, errno.EIO)
    declare(project / "node_modules/a", REPOSITORIES[0])
    planned = [artifact(project / name) for name in ("dist", "node_modules")]
    run = remove(planned)
    assert (run.removed, run.deleted) == ([], [])
    for artifact_, failed in zip(planned, run.failed, strict=True):
        assert failed.artifact is artifact_
        assert not failed.untouched
        assert failed.problems[0] == Problem(artifact_.path, ProblemCode.KEEP_ON_DISK, errno.EIO)
    assert sorted(told()) == [("dist", "failed"), ("node_modules", "failed")]


def test_a_disk_that_does_not_answer_is_not_waited_for(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forever = threading.Event()
    monkeypatch.setattr(durable, "keep", lambda _directories: forever.wait())
    made = Scheduler.__init__

    def impatient(self: Scheduler, *arguments: Any, **options: Any) -> None:
        made(self, *arguments, **{**options, "timeout": 0.5})

    monkeypatch.setattr(Scheduler, "__init__", impatient)
    (failed,) = remove([artifact(project / "node_modules")]).failed
    forever.set()
    assert failed.problems[0].errno == errno.ETIMEDOUT
    assert told() == [("node_modules", "failed")]


# What only somebody else may delete.


@each_engine
@pytest.mark.parametrize("before", [0, 1])
def test_what_only_its_owner_may_delete_stays_and_says_what_to_type(
    project: Path, monkeypatch: pytest.MonkeyPatch, before: int
) -> None:
    planned = artifact(project / "node_modules")
    really_remove = engines.remove
    asked: list[bool] = []

    def refuse_it(root: Root, stack: list[bytes], _budget: int, *more: Any) -> Removal:
        asked.append(more[2])
        counts = Counts(0, 0, 0, [])
        if before:
            counts, _, _ = really_remove(root, stack, 1, *more)
        return Removal(counts, [], [Fault(b"a/f", errno.EPERM, FOREIGN)])

    monkeypatch.setattr(engines, "remove", refuse_it)
    (failed,) = remove([planned]).failed
    assert set(asked) == {False}
    (problem,) = failed.problems
    assert problem.code is ProblemCode.DELETE_FOREIGN
    assert "--include-foreign" in problem.why
    assert failed.untouched is not bool(before)
    assert (project / "node_modules").exists() is not bool(before)
    if before:
        assert failed.left_at == str(staged(project))


def finished(place: Path, *, include_foreign: bool = False) -> Leftover:
    """Have what an interrupted run left at *place* finished, and return what came of it."""

    async def work() -> tuple[Leftover, ...]:
        with ThreadPoolExecutor(2) as executor, a_journal() as records:
            scheduler = Scheduler(executor, 2)
            candidates = [artifact(place).candidate]
            return await leftovers.delete_leftovers(
                await unfinished.recognise(candidates, state_directory.directory(), scheduler),
                scheduler,
                records,
                freed=lambda _: None,
                include_foreign=include_foreign,
            )

    [done] = asyncio.run(work())
    return done


@each_engine
def test_what_was_left_is_finished_in_the_same_way(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = leave(project / "node_modules")
    really_remove = engines.remove
    refusal = Removal(Counts(0, 0, 0, []), [], [Fault(b"a/f", errno.EPERM, FOREIGN)])

    def remove_it(*arguments: Any) -> Removal:
        return really_remove(*arguments) if arguments[5] else refusal

    monkeypatch.setattr(engines, "remove", remove_it)
    done = finished(place)
    assert "--include-foreign" in done.problems[0].why
    assert told() == [("node_modules", "failed")]
    said = keeping(monkeypatch)
    assert finished(place, include_foreign=True).finished
    assert said == [[("node_modules", "failed")]]
    assert told() == [("node_modules", "deleted")]


def test_what_the_disk_did_not_keep_of_what_was_left_is_not_finished(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = leave(project / "node_modules")
    keeping(monkeypatch, errno.EIO)
    done = finished(place)
    assert not done.finished
    assert [problem.errno for problem in done.problems] == [errno.EIO]
    assert told() == [("node_modules", "failed")]


@each_engine
def test_what_was_left_and_is_moved_away_is_not_finished(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = leave(project / "node_modules")
    really_remove = engines.remove

    def move(*arguments: Any) -> Removal:
        if project.exists():
            project.rename(project.parent / "elsewhere")
        return really_remove(*arguments)

    monkeypatch.setattr(engines, "remove", move)
    done = finished(place)
    assert not done.finished
    assert str(project.parent / "elsewhere" / place.name) in done.problems[0].why
    assert told() == [("node_modules", "failed")]


@each_engine
def test_the_engine_is_told_that_what_is_somebody_elses_goes_too(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really_remove = engines.remove
    asked: list[object] = []

    def remove_it(*arguments: Any) -> Removal:
        asked.append(arguments[5])
        return really_remove(*arguments)

    monkeypatch.setattr(engines, "remove", remove_it)
    remove([artifact(project / "node_modules")], include_foreign=True)
    assert set(asked) == {True}


# The rename.


@each_engine
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOENT, errno.EPIPE])
def test_a_rename_that_happened_though_it_is_said_to_have_failed_is_looked_into(
    project: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """As where the answer of a server is lost, or the process that made the call."""
    planned = artifact(project / "node_modules")
    really_stage = rename_away.stage

    def stage(*arguments: Any) -> None:
        really_stage(*arguments)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(rename_away, "stage", stage)
    run = remove([planned])
    (failed,) = run.failed
    left = staged(project)
    assert (failed.untouched, failed.left_at) == (False, str(left))
    assert (left / "a/f").exists()
    assert told() == [("node_modules", "failed")]


@each_engine
def test_what_the_file_system_cannot_rename_is_deleted_in_its_place(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the journal has that it was not renamed, before it was deleted."""
    renames(monkeypatch, refuse(errno.EXDEV))
    written: list[list[Intent]] = []
    really_begin = Journal.begin

    def begin(self: Journal, intents: list[Intent]) -> tuple[int, ...]:
        assert (project / "node_modules/g").exists()
        written.append(intents)
        return really_begin(self, intents)

    monkeypatch.setattr(Journal, "begin", begin)
    planned = fresh(project / "node_modules")
    run = remove([planned])
    assert run.removed == run.deleted == [planned.path]
    assert not (project / "node_modules").exists()
    assert [[intent.staged is None for intent in intents] for intents in written] == [
        [False],
        [True],
    ]
    assert told() == [("node_modules", "kept"), ("node_modules", "deleted")]


@by_python
def test_what_fails_in_its_place_is_said_to_be_there(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    renames(monkeypatch, refuse(errno.EXDEV))
    unlink = os.unlink

    def fail(path: str, *, dir_fd: int | None = None) -> None:
        if path == "f":
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))
        unlink(path, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", fail)
    (failed,) = remove([artifact(project / "node_modules")]).failed
    assert (failed.left_at, failed.untouched) == (None, False)
    assert failed.problems == (
        Problem(f"{project}/node_modules/a/f", ProblemCode.DELETE, errno.EPERM),
    )
    assert listing(project / "node_modules") == [b"a", b"a/f"]
    assert told() == [("node_modules", "kept"), ("node_modules", "failed")]


@each_engine
def test_a_repository_keeps_what_would_be_deleted_in_its_place(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    renames(monkeypatch, refuse(errno.EXDEV))
    planned = artifact(project / "node_modules")
    declare(project / "node_modules/a", REPOSITORIES[0])
    before = listing(project)
    (failed,) = remove([planned]).failed
    assert (failed.untouched, failed.left_at) == (True, None)
    assert listing(project) == before
    assert told() == [("node_modules", "kept"), ("node_modules", "kept")]


@each_engine
def test_what_cannot_be_written_down_anew_is_not_deleted_in_its_place(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    renames(monkeypatch, refuse(errno.EXDEV))
    really_begin = Journal.begin

    def begin(self: Journal, intents: list[Intent]) -> tuple[int, ...]:
        if intents[0].staged is None:
            raise JournalError(errno.EIO, "no more")
        return really_begin(self, intents)

    monkeypatch.setattr(Journal, "begin", begin)
    before = listing(project)
    (failed,) = remove([artifact(project / "node_modules")]).failed
    assert (failed.untouched, failed.problems[0].errno) == (True, errno.EIO)
    assert listing(project) == before
    assert told() == [("node_modules", "kept")]


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EBUSY, errno.EIO])
def test_what_may_not_be_renamed_is_not_deleted_either(
    project: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    renames(monkeypatch, refuse(number))
    planned = artifact(project / "node_modules")
    before = listing(project)
    run = remove([planned])
    problem = Problem(planned.path, ProblemCode.RENAME, number)
    assert run.failed == [Failed(planned, 0, (problem,), interrupted=False, untouched=True)]
    assert listing(project) == before
    assert told() == [("node_modules", "kept")]


# The journal.


def test_a_journal_that_fails_half_way_ends_the_deleting_there(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delete_records, "_AT_ONCE", 1)
    really_begin = Journal.begin
    begun: list[Intent] = []

    def begin(self: Journal, intents: list[Intent]) -> tuple[int, ...]:
        if begun:
            raise JournalError(errno.EIO, "no more")
        begun.extend(intents)
        return really_begin(self, intents)

    monkeypatch.setattr(Journal, "begin", begin)
    planned = [artifact(project / name) for name in ("dist", "node_modules")]
    run = remove(planned, workers=1)
    assert run.removed == [planned[0].path]
    (failed,) = run.failed
    assert (failed.untouched, failed.problems[0].errno) == (True, errno.EIO)
    assert failed.problems[0].code is ProblemCode.RECORD_DELETION
    assert (project / "node_modules/g").exists()
    assert told() == [("dist", "deleted")]


# What should never happen.


class Unheard(Exception):
    """What nobody has thought of."""


@each_engine
def test_a_failure_nobody_thought_of_stops_the_run_and_tells_where_everything_is(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really_remove = engines.remove

    def fail(root: Root, stack: list[bytes], _budget: int, *grouped: Any) -> Removal:
        if b"" not in stack:
            raise Unheard
        return really_remove(root, stack, 1, *grouped)

    monkeypatch.setattr(engines, "remove", fail)
    planned = [artifact(project / name) for name in ("dist/deep/node_modules", "node_modules")]
    run = remove(planned, workers=1)
    assert run.outcome is not None
    assert run.outcome.unexpected is not None
    assert not run.outcome.complete
    (failed,) = run.failed
    left = staged(Path(failed.artifact.path).parent)
    assert failed.left_at == str(left)
    assert (failed.untouched, failed.interrupted) == (False, False)
    assert not Path(failed.artifact.path).exists()
    (problem,) = failed.problems
    assert (problem.code, problem.detail) == (ProblemCode.UNEXPECTED, "Unheard")
    assert run.outcome.freed_bytes == sum(run.freed) >= failed.freed_bytes
    assert isinstance(run.outcome.unexpected, Unheard)
    # The last one's turn never came.
    assert (project / "node_modules").exists() == (failed.artifact is planned[0])
    assert {"failed"} < {ending for _, ending in told()} <= {"failed", "not-begun", "deleted"}


@each_engine
def test_a_failure_before_anything_is_deleted_leaves_it_known_where_it_is(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_root: Root) -> None:
        raise Unheard

    looking(monkeypatch, fail)
    run = remove([artifact(project / "node_modules")])
    (failed,) = run.failed
    assert failed.left_at == str(staged(project))
    assert told() == [("node_modules", "failed")]


@each_engine
def test_no_memory_for_one_is_no_reason_to_stop(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really_remove = engines.remove
    planned = [artifact(project / name) for name in ("dist", "node_modules")]

    def fail(root: Root, stack: list[bytes], budget: int, *grouped: Any) -> Removal:
        if root.inode == planned[0].candidate.identity.inode:
            raise MemoryError
        return really_remove(root, stack, budget, *grouped)

    monkeypatch.setattr(engines, "remove", fail)
    run = remove(planned, workers=1)
    assert run.outcome is not None
    assert (run.outcome.unexpected, run.outcome.complete) == (None, True)
    (failed,) = run.failed
    assert [problem.errno for problem in failed.problems] == [errno.ENOMEM]
    assert failed.left_at == str(staged(project))
    assert run.removed == [planned[1].path]


# One in the other.


NESTED = ("dist", "dist/deep/node_modules", "dist/node_modules")


@each_engine
@pytest.mark.parametrize("workers", [1, 3])
def test_what_lies_in_another_goes_first_and_does_not_count_as_a_change_of_that(
    project: Path, workers: int
) -> None:
    planned = [fresh(project / name) for name in NESTED]
    run = remove(planned, workers=workers)
    assert run.failed == []
    assert run.removed == [one.path for one in planned]
    assert run.deleted[-1] == planned[0].path
    assert not (project / "dist").exists()


@each_engine
def test_where_what_lies_inside_stays_so_does_what_is_around_it(project: Path) -> None:
    planned = [fresh(project / name) for name in NESTED]
    declare(project / "dist/deep/node_modules/own", {".git": {}})
    # What lies in it is deeper than what tells whether it was changed.
    planned[1] = fresh(project / NESTED[1])
    run = remove(planned)
    assert run.removed == [planned[2].path]
    outer, inner = run.failed
    assert outer.artifact is planned[0]
    assert inner.artifact is planned[1]
    assert outer.problems == (Problem(planned[1].path, ProblemCode.INNER_STAYS),)
    assert (outer.untouched, inner.untouched) == (True, True)
    assert listing(project / "dist") == [
        *(b"bundle.js", b"deep", b"deep/node_modules", b"deep/node_modules/c"),
        *(b"deep/node_modules/own", b"deep/node_modules/own/.git"),
    ]


def test_where_what_lies_inside_is_spared_so_is_what_is_around_it(project: Path) -> None:
    planned = [fresh(project / name) for name in NESTED]
    problem = Problem(planned[2].path, ProblemCode.PROTECTED, detail="tracked")
    before = listing(project / "dist/node_modules")
    run = remove(planned, again=Against({planned[2].path: problem}, {}))
    assert [failed.artifact for failed in run.failed] == [planned[0], planned[2]]
    assert run.removed == [planned[1].path]
    assert listing(project / "dist/node_modules") == before


def test_a_change_by_somebody_else_is_one_though_something_lay_inside(project: Path) -> None:
    planned = [fresh(project / name) for name in NESTED[:2]]
    (project / "dist/new").write_text("precious")
    run = remove(planned)
    assert [failed.artifact for failed in run.failed] == [planned[0]]
    assert (project / "dist/new").exists()


def test_what_is_gone_inside_by_somebody_elses_doing_is_a_change(project: Path) -> None:
    planned = [fresh(project / name) for name in (NESTED[0], NESTED[2])]
    _RENAME(project / "dist/node_modules", project / "aside")
    run = remove(planned)
    assert [failed.artifact for failed in run.failed] == [planned[0]]
    assert isinstance(run.outcome and run.outcome.results[1], Removed)


# What is never deleted.


def test_what_is_vital_is_not_deleted_whatever_was_approved(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installed, "vital", lambda _path: "a home directory")
    planned = artifact(project / "node_modules")
    before = listing(project)
    run = remove([planned])
    problem = Problem(planned.path, ProblemCode.VITAL, detail="a home directory")
    assert run.failed == [Failed(planned, 0, (problem,), interrupted=False, untouched=True)]
    assert listing(project) == before
    assert told() == [("node_modules", "kept")]
