"""A run that is killed, or told to stop, at every system call that changes anything, each in turn.

And at some of the others: on the disk, a kill at one of these leaves what a kill at the next one that changes
something leaves. With ``--each-call`` (``make stopped``) as often as a run makes calls, which takes half an
hour. Calls of any kind are not the same from run to run, as threads wait now more, now less for each other;
so some are met twice and some never.

Whatever the moment: a project has all of its artifact or nothing of it, nothing else has changed, what
the run said is true and so is the journal, and the next run brings it to an end. A run is one that
deletes, one that finishes what another left, or one that moves to the trash.
"""

import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import pytest

from cleanup_nodemodule.record import read
from cleanup_nodemodule.record.entries import Ending
from cleanup_nodemodule.record.staged import PREFIX
from support.engines import NATIVE, native_engine
from support.filesystems import Mounts
from support.needs import needs_root
from support.places import SUPPORT
from support.removals import leave
from support.trees import Declared, declare, listing

pytestmark = pytest.mark.slow

TREE: Final[Declared] = {
    "work": {
        "a": {
            "package.json": "{}",
            "src": {"index.js": "precious"},
            "node_modules": {"x": 5000, "d": {"y": 1}, "empty": {}},
        },
        "b": {"package.json": "{}", "node_modules": {"z": 1, "link": Path("../../../outside")}},
        "c": {"dist": {"essay": "precious"}},
    },
    "outside": {"letter": "precious", "node_modules": {"z": "precious"}},
}
NOTHING_DONE: Final = "cleanup-nodemodule: interrupted; nothing was done\n"

EARLY: Final = 20
"""Calls of any kind before which a run has taken the signals, as it will deal with them."""

FEW: Final = 16
"""Later ones at which each run is stopped, unless it is to be at each."""

ARTIFACTS: Final = ("work/a/node_modules", "work/b/node_modules")


class Server:
    """The program that runs the command and stops it; see ``support/each_call.py``."""

    def __init__(self, top: Path) -> None:
        # In a process namespace of its own, where there is little to ask whether it is at work.
        alone = ("unshare", "--pid", "--fork", "--mount-proc")
        self._process = subprocess.Popen(
            [*alone, sys.executable, SUPPORT / "each_call.py", top],
            cwd="/",
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._answer() == {"ready": True}, "this kind of machine is not known"

    def order(self, **order: Any) -> dict[str, Any]:
        """Have a run made; return its exit code (negative: the signal that killed it) and calls."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


@dataclass(frozen=True, slots=True)
class Said:
    """What came of a run."""

    code: int
    output: str
    errors: str
    calls: list[str]


class Case:
    """A tree of its own, on which runs are made one after the other."""

    def __init__(self, top: Path, server: Server, engine: str) -> None:
        declare(top, {**TREE, "home": {}})
        os.link(top / ARTIFACTS[0] / "x", top / "outside/shared")
        self._top = top
        self._server = server
        self._engine = engine
        self.state = top / "state/cleanup-nodemodule"
        self._before = self._contents()
        self._whole = {artifact: self._facts(artifact) for artifact in ARTIFACTS}

    def run(
        self,
        *arguments: str,
        at: int = 0,
        number: int = signal.SIGKILL,
        every: bool = False,
        home: Path | None = None,
    ) -> Said:
        """Run the command; at its call *at* send it a signal: of *every* one, or those that change something."""
        output, errors = self._top / "output", self._top / "errors"
        answer = self._server.order(
            arguments=[str(argument) for argument in arguments],
            cwd="/",
            engine=self._engine,
            env={
                "XDG_STATE_HOME": str(home or self._top / "state"),
                "XDG_DATA_HOME": str(self._top / "data"),
                "HOME": str(self._top / "home"),
                # Of the calls that write that the tests of the history speak.
                "CLEANUP_NODEMODULE_NO_HISTORY": "true",
            },
            stdout=str(output),
            stderr=str(errors),
            traced=at != 0,
            at=at,
            every=every,
            signal=number,
        )
        return Said(answer["code"], output.read_text(), errors.read_text(), answer["calls"])

    def delete(
        self,
        at: int = 0,
        number: int = signal.SIGKILL,
        *,
        every: bool = False,
        home: Path | None = None,
    ) -> Said:
        """Run what deletes, with its record in *home*, if that is given."""
        arguments = ("-p", f"{self._top}/work", "--no-dry-run", "--json", "--jobs", "1")
        return self.run(*arguments, at=at, number=number, every=every, home=home)

    def leave(self) -> None:
        """Leave all artifacts as killed runs do that had just taken them out."""
        for artifact in ARTIFACTS:
            leave(self._top / artifact, directory=self.state)

    def resume(self, at: int = 0, number: int = signal.SIGKILL) -> Said:
        """Run what finishes what was left."""
        return self.run("resume", "--json", at=at, number=number)

    def trash(self, at: int = 0, number: int = signal.SIGKILL) -> Said:
        """Run what moves to the trash."""
        arguments = ("-p", f"{self._top}/work", "--no-dry-run", "--trash", "--json", "--jobs", "1")
        return self.run(*arguments, at=at, number=number)

    def in_trash(self) -> list[str]:
        """Return which artifacts are in the trash; fail if one is there in part, or anything else."""
        found: list[str] = []
        for path in (self._top / "data/Trash/files").glob("*"):
            facts = self._facts(os.path.relpath(path, self._top))
            whole = [
                artifact
                for artifact, before in self._whole.items()
                if list(before.values()) == list(facts.values())
            ]
            assert len(whole) == 1
            found += whole
        return sorted(found)

    def log(self) -> list[dict[str, Any]]:
        """Return the entries that ``log --json`` has."""
        said = self.run("log", "--all", "--json")
        assert (said.code, said.errors) == (0, "")
        entries: list[dict[str, Any]] = json.loads(said.output)["entries"]
        return entries

    def is_there(self, artifact: str) -> bool:
        """Whether the project has all of its artifact; fail if it has a part of it."""
        if not os.path.lexists(self._top / artifact):
            return False
        assert self._facts(artifact) == self._whole[artifact]
        return True

    def path(self, artifact: str) -> str:
        return str(self._top / artifact)

    def left(self) -> list[str]:
        """Return what is out of its project and not gone yet."""
        return [str(path) for path in sorted((self._top / "work").glob(f"*/{PREFIX}*"))]

    def check_the_rest(self) -> None:
        """Fail if anything has changed that is no artifact."""
        assert self._contents() == self._before

    def _contents(self) -> dict[str, object]:
        return {
            path: facts
            for part in ("work", "outside")
            for path, facts in self._facts(part).items()
            if not any(path.startswith(artifact) for artifact in ARTIFACTS) and PREFIX not in path
        }

    def _facts(self, part: str) -> dict[str, object]:
        """Return what is known of each thing in a part of the tree, but for times of directories."""
        facts: dict[str, object] = {}
        top = self._top / part
        for path in ["", *map(os.fsdecode, listing(top))]:
            full = top / path
            status = os.lstat(full)
            content: object = None
            if stat.S_ISREG(status.st_mode):
                digest = hashlib.sha256(full.read_bytes()).hexdigest()
                content = (digest, status.st_size, status.st_mtime_ns)
            elif stat.S_ISLNK(status.st_mode):
                content = os.readlink(full)
            key = os.path.normpath(os.path.join(part, path))
            facts[key] = (status.st_ino, status.st_mode, status.st_uid, content)
        return facts


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory, private_mounts: None) -> Iterator[Path]:  # noqa: ARG001 - wanted for what it does
    """A place for records that has no room for any, in nobody's way and seen by the servers."""
    where = tmp_path_factory.mktemp("full")
    mounts = Mounts(where)
    # It has the one inode that its own directory takes.
    yield mounts.tmpfs(where / "state", "mode=700,nr_inodes=1")
    mounts.close()


@pytest.fixture(scope="module")
def servers(
    tmp_path_factory: pytest.TempPathFactory,
    full: Path,  # noqa: ARG001 - what is mounted later they do not see
) -> Iterator[list[Server]]:
    """As many as there are processors to use, as the cases do not depend on each other."""
    needs_root()
    top = tmp_path_factory.mktemp("warm")
    declare(top, {"package.json": "{}", "node_modules": {}})
    with Server(top) as one, Server(top) as other:
        yield [one, other]


@pytest.fixture(params=["python", NATIVE])
def engine_name(request: pytest.FixtureRequest) -> str:
    """Each engine in turn."""
    if request.param == NATIVE:
        native_engine()
    name: str = request.param
    return name


def everywhere(
    servers: list[Server],
    engine: str,
    top: Path,
    number: int,
    check: Any,
    *,
    run: Callable[[Case, int, int], Said] = Case.delete,
    before: Callable[[Case], None] = lambda _case: None,
) -> tuple[list[str], Counter[str]]:
    """Stop a *run* at each of its calls in turn, and have *check* look what came of it.

    Each is made on a tree of its own, to which *before* has been done. Returns the calls there are, and
    how often a run was stopped at each kind.
    """
    whole = Case(top / "whole", servers[0], engine)
    before(whole)
    said = run(whole, -1, number)
    assert (said.code, said.errors, whole.left()) == (0, "", [])
    assert not any(whole.is_there(artifact) for artifact in ARTIFACTS)
    whole.check_the_rest()
    whole_calls = said.calls
    stopped: Counter[str] = Counter()

    def stop(case: Case, at: int) -> None:
        before(case)
        said = run(case, at, number)
        # So that what is counted here is what was counted there.
        assert kinds(said.calls[:at]) == kinds(whole_calls[:at])
        with told_last(said, at):
            check(case, said)
        stopped.update(kinds(said.calls[at - 1 : at]))

    on_each(servers, engine, top, range(1, len(whole_calls) + 1), stop)
    return whole_calls, stopped


@contextmanager
def told_last(said: Said, at: int) -> Iterator[None]:
    """Have a failure say what a run was about to do when it was stopped."""
    try:
        yield
    except Exception as error:
        error.add_note(f"after {said.calls[max(0, at - 5) : at]}, it said {said}")
        raise


def on_each(
    servers: list[Server],
    engine: str,
    top: Path,
    calls: Iterable[int],
    stop: Callable[[Case, int], None],
) -> None:
    """Stop a run at each of the *calls*, on a tree of its own, each server one at a time."""
    free = list(servers)
    lock = threading.Lock()

    def one(at: int) -> None:
        with lock:
            server = free.pop()
        try:
            stop(Case(top / str(at), server, engine), at)
        except Exception as error:
            error.add_note(f"stopped at call {at}")
            raise
        finally:
            free.append(server)

    with ThreadPoolExecutor(len(servers)) as executor:
        try:
            for done in [executor.submit(one, at) for at in calls]:
                done.result()
        finally:
            executor.shutdown(cancel_futures=True)


def kinds(calls: list[str]) -> list[str]:
    """Return the names of calls, alike on every machine."""
    return [call.split()[0].removesuffix("at") for call in calls]


KINDS: Final = {
    *("mkdir", "open", "fchmod", "write", "fsync", "fdatasync"),
    *("setxattr", "rename", "unlink"),
}
"""The kinds of calls that a small deletion is made of, as *kinds* has them."""


def check_the_journal(case: Case) -> None:
    """Fail unless the journal tells what the disk tells, and has no open ends."""
    history = read.read(str(case.state))
    assert history.faults == ()
    assert history.unfinished(failed=True) == ()
    for artifact in ARTIFACTS:
        endings = [
            entry.end.ending
            for entry in history.entries
            if entry.end is not None and entry.intent.path == case.path(artifact)
        ]
        if case.is_there(artifact):
            assert set(endings) <= {Ending.KEPT, Ending.NOT_BEGUN}
        else:
            assert endings.count(Ending.DELETED) == 1
            assert set(endings) <= {Ending.KEPT, Ending.NOT_BEGUN, Ending.DELETED}
    told = [(entry["path"], entry["outcome"]) for entry in case.log()]
    assert sorted(told) == sorted(
        (entry.intent.path, entry.end.ending.value)
        for entry in history.entries
        if entry.end is not None
    )


def test_a_run_killed_at_any_call_leaves_whole_projects_and_is_finished_later(
    servers: list[Server], engine_name: str, tmp_path: Path
) -> None:
    """By resume after one half of the calls, by a run that deletes after the other.

    Which half is which depends on the engine, so that each call is followed by both.
    """

    def check(case: Case, said: Said) -> None:
        assert said.output == ""
        check_killed(case, said, resume=len(said.calls) % 2 == (engine_name == NATIVE))

    calls, stopped = everywhere(servers, engine_name, tmp_path, signal.SIGKILL, check)
    assert set(stopped) == KINDS
    assert sum(stopped.values()) == len(calls) > 25


def check_killed(case: Case, said: Said, *, resume: bool) -> None:
    """Fail unless what a killed run left is whole, or is found and finished."""
    assert said.code == -signal.SIGKILL
    assert len(case.left()) <= 1
    case.check_the_rest()
    if resume:
        check_resume(case)
    else:
        check_the_next_run(case)
    assert case.left() == []
    case.check_the_rest()
    check_the_journal(case)


def check_resume(case: Case) -> None:
    """Fail unless ``resume`` finishes what is left, no more and no less."""
    there = [artifact for artifact in ARTIFACTS if case.is_there(artifact)]
    left = case.left()
    # What is told before, is done then.
    told = case.run("resume", "--dry-run", "--json")
    assert (told.code, told.errors) == (0, "")
    assert [row["path"] for row in json.loads(told.output)["leftovers"]] == left
    assert case.left() == left
    resumed = case.run("resume", "--json")
    assert (resumed.code, resumed.errors) == (0, "")
    rows = json.loads(resumed.output)["leftovers"]
    assert [(row["path"], row["outcome"]) for row in rows] == [(one, "deleted") for one in left]
    assert [artifact for artifact in ARTIFACTS if case.is_there(artifact)] == there


def check_the_next_run(case: Case) -> None:
    """Fail unless a run that deletes finishes what is left, and deletes the rest."""
    left = case.left()
    for artifact in ARTIFACTS:
        case.is_there(artifact)  # Or it is gone: in between there is nothing.
    following = case.delete()
    assert (following.code, following.errors) == (0, "")
    rows = json.loads(following.output)["leftovers"]
    assert [(row["path"], row["outcome"]) for row in rows] == [(one, "deleted") for one in left]
    assert not any(case.is_there(artifact) for artifact in ARTIFACTS)


def test_a_run_without_room_for_its_record_killed_at_any_call_is_finished_later(
    servers: list[Server], engine_name: str, tmp_path: Path, full: Path
) -> None:
    """What it leaves bears a mark, from before it leaves its project to its end."""
    whole = Case(tmp_path / "whole", servers[0], engine_name)
    said = whole.delete(-1, home=full)
    assert (said.code, whole.left()) == (3, [])
    assert "records could not be written, because the disk is full" in said.errors
    found: Counter[bool] = Counter()

    def stop(case: Case, at: int) -> None:
        said = case.delete(at, home=full)
        with told_last(said, at):
            assert said.code == -signal.SIGKILL
            case.check_the_rest()
            left = case.left()
            found[bool(left)] += 1
            check_the_next_run(case)
            assert case.left() == []
            case.check_the_rest()
            deleted = [row["path"] for row in case.log() if row["outcome"] == "deleted"]
            assert len(deleted) == len({*deleted}) >= len(left)

    on_each(servers, engine_name, tmp_path, range(1, len(said.calls) + 1), stop)
    assert set(found) == {True, False}


# What the two signals differ in does not depend on the engine, here and below.
@pytest.mark.parametrize(
    ("engine_name", "number", "code"),
    [(NATIVE, signal.SIGINT, 130), (NATIVE, signal.SIGTERM, 143), ("python", signal.SIGINT, 130)],
    indirect=["engine_name"],
)
def test_a_run_stopped_at_any_call_says_truly_what_is_done_and_what_is_not(
    servers: list[Server], engine_name: str, tmp_path: Path, number: int, code: int
) -> None:
    def check(case: Case, said: Said) -> None:
        assert said.code == code
        check_what_is_said(case, said)

    _, stopped = everywhere(servers, engine_name, tmp_path, number, check)
    assert set(stopped) == KINDS


def check_what_is_said(case: Case, said: Said) -> None:
    """Fail unless the summary of a run that was told to stop is true, and the next run can go on."""
    document = json.loads(said.output)
    rows = {row["path"]: row for row in document["artifacts"]}
    left: list[str] = []
    for artifact in ARTIFACTS:
        row = rows.get(case.path(artifact))
        there = case.is_there(artifact)
        if row is None or row["outcome"] is None:
            assert there
        elif row["outcome"] == "failed":
            assert not there
            assert row["error"] == f"interrupted; what is left of it is at {row['left_at']}"
            left.append(row["left_at"])
        else:
            assert (row["outcome"], there) == ("deleted", False)
    assert case.left() == left
    case.check_the_rest()
    assert said.errors in {"", NOTHING_DONE}
    assert not rows or said.errors == ""
    check_the_end(case)


def check_the_end(case: Case) -> None:
    """Fail unless the next run deletes whatever there is."""
    following = case.delete()
    assert (following.code, following.errors, case.left()) == (0, "", [])
    assert not any(case.is_there(artifact) for artifact in ARTIFACTS)
    check_the_journal(case)


@pytest.fixture
def some_calls(
    servers: list[Server], engine_name: str, tmp_path: Path, pytestconfig: pytest.Config
) -> Sequence[int]:
    """At which calls of any kind to stop a run: as many as one makes, or some of these."""
    whole = Case(tmp_path / "counted", servers[0], engine_name).delete(-1, every=True)
    assert whole.code == 0
    step = 1 if pytestconfig.getoption("--each-call") else len(whole.calls) // FEW
    return sorted({*range(1, EARLY), *range(1, len(whole.calls), step)})


def test_a_run_killed_at_a_call_of_any_kind_leaves_whole_projects_and_is_finished_later(
    servers: list[Server], engine_name: str, tmp_path: Path, some_calls: Sequence[int]
) -> None:
    """Half of the time by resume, as above."""
    ended = []

    def stop(case: Case, at: int) -> None:
        said = case.delete(at, every=True)
        with told_last(said, at):
            # It may have had a few calls less to make than the one that was counted.
            if said.code == 0:
                assert at > len(said.calls)
                ended.append(at)
            else:
                check_killed(case, said, resume=at % 2 == (engine_name == NATIVE))

    on_each(servers, engine_name, tmp_path, some_calls, stop)
    assert len(ended) < len(some_calls) / 4


@pytest.mark.parametrize(
    ("engine_name", "number"),
    [(NATIVE, signal.SIGINT), (NATIVE, signal.SIGTERM), ("python", signal.SIGTERM)],
    indirect=["engine_name"],
)
def test_a_run_stopped_at_a_call_of_any_kind_says_truly_what_is_done_and_what_is_not(
    servers: list[Server], engine_name: str, tmp_path: Path, some_calls: Sequence[int], number: int
) -> None:
    """SIGTERM kills it before it can catch that, and when it has said everything."""
    ended = []

    def stop(case: Case, at: int) -> None:
        said = case.delete(at, number, every=True)
        with told_last(said, at):
            if said.output:
                check_what_is_said(case, said)
            else:
                assert said.errors == ""
                assert said.code == -signal.SIGTERM
                assert all(case.is_there(artifact) for artifact in ARTIFACTS)
                check_the_end(case)
            if said.code == 0:
                ended.append(at)
            else:
                assert said.code in {128 + number, -signal.SIGTERM}

    on_each(servers, engine_name, tmp_path, some_calls, stop)
    assert len(ended) < len(some_calls) / 4


def test_a_resume_killed_at_any_call_is_finished_by_another_one(
    servers: list[Server], engine_name: str, tmp_path: Path
) -> None:
    """Two artifacts were left, so that there is a call between the first one's end and the second."""

    def check(case: Case, said: Said) -> None:
        assert (said.code, said.output) == (-signal.SIGKILL, "")
        assert not any(case.is_there(artifact) for artifact in ARTIFACTS)
        case.check_the_rest()
        left = case.left()
        resumed = case.resume()
        assert (resumed.code, resumed.errors) == (0, "")
        rows = json.loads(resumed.output)["leftovers"]
        assert [(row["path"], row["outcome"]) for row in rows] == [(one, "deleted") for one in left]
        assert case.left() == []
        assert not any(case.is_there(artifact) for artifact in ARTIFACTS)
        case.check_the_rest()
        check_the_journal(case)

    calls, stopped = everywhere(
        *(servers, engine_name, tmp_path, signal.SIGKILL, check),
        run=Case.resume,
        before=Case.leave,
    )
    assert set(stopped) == KINDS - {"setxattr", "rename"}
    assert sum(stopped.values()) == len(calls) > 25


def test_a_run_killed_at_any_call_has_each_artifact_in_its_place_or_in_the_trash(
    servers: list[Server], tmp_path: Path
) -> None:
    """With one engine only, as neither has a part in the moving."""

    def check(case: Case, said: Said) -> None:
        assert (said.code, said.output) == (-signal.SIGKILL, "")
        moved = case.in_trash()
        assert sorted((*moved, *filter(case.is_there, ARTIFACTS))) == sorted(ARTIFACTS)
        case.check_the_rest()
        following = case.trash()
        assert (following.code, following.errors) == (0, "")
        assert case.in_trash() == sorted(ARTIFACTS)
        case.check_the_rest()
        history = read.read(str(case.state))
        assert (history.faults, history.unfinished(failed=True)) == ((), ())
        for artifact in ARTIFACTS:
            endings = [
                entry.end.ending
                for entry in history.entries
                if entry.end is not None and entry.intent.path == case.path(artifact)
            ]
            if artifact in moved:
                assert endings in ([Ending.TRASHED], [Ending.GONE])
            else:
                assert endings[-1] is Ending.TRASHED
                assert set(endings[:-1]) <= {Ending.FAILED, Ending.NOT_BEGUN}

    calls, stopped = everywhere(
        *(servers, "python", tmp_path, signal.SIGKILL, check), run=Case.trash
    )
    assert set(stopped) == KINDS - {"setxattr", "unlink"}
    assert sum(stopped.values()) == len(calls) > 25
