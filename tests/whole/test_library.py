"""What a program can rely on that uses the package: the functions, the two cleaners, and what they leave."""

import asyncio
import errno
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

import cleanup_nodemodule
from cleanup_nodemodule import (
    AsyncCleaner,
    Cleaner,
    Failed,
    Keep,
    Outcome,
    Plan,
    Progress,
    Reason,
    Removed,
    Settings,
    delete,
    explain,
    scan,
)
from cleanup_nodemodule.errors import CleanupError
from cleanup_nodemodule.record import lock
from cleanup_nodemodule.record.entries import new_run
from support import simple
from support.journals import written
from support.places import CHECKOUT
from support.tool import FULL, PROJECT, Run
from support.trees import declare, listing, npm_project
from support.waiting import TIMEOUT

pytestmark = pytest.mark.slow

FILES = 4_000
"""More than one call deletes."""


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """Three projects, whose artifacts are proven by the rules of the catalogue, too."""
    top = tmp_path / "top"
    declare(top, dict.fromkeys("abc", npm_project({"pkg": FULL["pkg"]})))
    return top


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Two projects with artifacts that take more than one call each."""
    top = tmp_path / "large"
    content = {"deep": {str(number): "" for number in range(FILES)}}
    declare(top, {name: {"package.json": "{}", "node_modules": content} for name in "ab"})
    return top


def found(plan: Plan, top: Path) -> dict[str, Reason | None]:
    """Return why each artifact is kept, None if it is not, by its project."""
    return {
        os.path.relpath(os.path.dirname(one.path), top): (
            one.decision.reason if isinstance(one.decision, Keep) else None
        )
        for one in plan.artifacts
    }


def artifacts(top: Path) -> list[Path]:
    """Return what is there to delete."""
    return sorted(top.glob("*/node_modules"))


def settings(*roots: Path, **known: tuple[str, ...]) -> Settings:
    places = tuple(str(root) for root in roots)
    return Settings(roots=places, own_rules=simple.rules(), **known)  # type: ignore[arg-type]


@contextmanager
def nothing_left() -> Iterator[None]:
    """Fail if threads, child processes or descriptors are left."""
    process = psutil.Process()
    threads = set(threading.enumerate())
    # The tests have one that runs commands.
    children = process.children(recursive=True)
    descriptors = process.num_fds()
    yield
    assert set(threading.enumerate()) <= threads
    assert set(process.children(recursive=True)) <= set(children)
    assert process.num_fds() == descriptors


def journal(state: Path) -> list[dict[str, object]]:
    """Return the records of the journal."""
    return [json.loads(line) for line in written(state).decode().splitlines() if line]


def test_the_functions_do_what_the_command_does(top: Path) -> None:
    with nothing_left():
        plan = scan(Settings(roots=(str(top),)))
        assert found(plan, top) == {"a": None, "b": None, "c": None}
        known = explain(top / "a/node_modules")
        assert known is not None
        assert known.artifact.evidence == plan.artifacts[0].evidence
        outcome = delete(plan)
    assert (outcome.complete, outcome.freed_bytes) == (True, plan.reclaimable_bytes)
    assert all(isinstance(one, Removed) for one in outcome.results)
    left = (b"%c", b"%c/package.json", b"%c/package-lock.json")
    assert listing(top) == sorted(name % one for name in left for one in b"abc")


def test_a_function_can_be_called_again_and_stays_one(top: Path) -> None:
    for _ in range(2):
        delete(scan(settings(top)))
        declare(top / "a/node_modules", {"x": "y"})
    assert cleanup_nodemodule.delete is delete
    assert cleanup_nodemodule.scan is scan
    code = (
        "import cleanup_nodemodule.run.deleting, cleanup_nodemodule.delete.remove\n"
        "import cleanup_nodemodule as c\n"
        "from cleanup_nodemodule import delete\n"
        "assert callable(delete) and delete is c.delete"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=TIMEOUT)


def test_a_cleaner_serves_several_calls_and_keeps_no_workers_in_between(top: Path) -> None:
    with Cleaner() as cleaner:
        plan = cleaner.scan(settings(top))
        with nothing_left():
            for _ in range(3):
                assert cleaner.scan(settings(top)).artifacts == plan.artifacts
                assert cleaner.explain(top / "b/node_modules") is not None
            assert cleaner.delete(plan).complete
        assert cleaner.scan(settings(top)).artifacts == ()


def test_an_asynchronous_cleaner_does_several_things_at_a_time(top: Path) -> None:
    async def main() -> None:
        async with AsyncCleaner() as cleaner:
            plans = await asyncio.gather(*(cleaner.scan(settings(top / one)) for one in "abc"))
            assert [len(plan.selected) for plan in plans] == [1, 1, 1]
            outcomes = await asyncio.gather(*(cleaner.delete(plan) for plan in plans))
            assert [outcome.complete for outcome in outcomes] == [True, True, True]
            assert await cleaner.explain(top) is not None

    with nothing_left():
        asyncio.run(main())
    assert not list(top.glob("*/node_modules"))


def test_what_is_closed_can_be_closed_again_and_does_nothing_more(top: Path) -> None:
    cleaner = Cleaner()
    plan = cleaner.scan(settings(top))
    cleaner.close()
    cleaner.close()
    calls: list[Callable[[], object]] = [
        lambda: cleaner.scan(settings(top)),
        lambda: cleaner.delete(plan),
        lambda: cleaner.explain(top / "a/node_modules"),
    ]
    for call in calls:
        with pytest.raises(RuntimeError, match="closed"):
            call()

    async def main() -> None:
        cleaner = AsyncCleaner()
        await cleaner.aclose()
        await cleaner.aclose()
        with pytest.raises(RuntimeError, match="closed"):
            await cleaner.scan(settings(top))
        with pytest.raises(RuntimeError, match="closed"):
            await cleaner.delete(plan)
        with pytest.raises(RuntimeError, match="closed"):
            await cleaner.explain(top)

    asyncio.run(main())
    assert len(list(top.glob("*/node_modules"))) == 3


def test_closing_waits_until_a_deletion_has_ended(large: Path) -> None:
    async def main() -> None:
        cleaner = AsyncCleaner(jobs=1)
        plan = await cleaner.scan(settings(large))
        begun = asyncio.Event()
        task = asyncio.create_task(cleaner.delete(plan, progress=lambda _: begun.set()))
        await begun.wait()
        await cleaner.aclose()
        assert (await task).complete is False

    with nothing_left():
        asyncio.run(main())


def test_in_a_running_event_loop_the_functions_say_what_to_use_there(top: Path) -> None:
    plan = scan(settings(top))

    async def main() -> None:
        calls: list[Callable[[], object]] = [
            lambda: scan(settings(top)),
            lambda: delete(plan),
            lambda: explain(top / "a/node_modules"),
        ]
        for call in calls:
            with pytest.raises(RuntimeError, match="AsyncCleaner"):
                call()

    with nothing_left():
        asyncio.run(main())


_LEAVES_NOTHING = """
import asyncio, gc, logging, os, sys, threading
import cleanup_nodemodule as c

logging.getLogger("asyncio").addFilter(lambda record: not record.msg.startswith("Executing"))
settings = c.Settings(roots=(sys.argv[1],))

async def misuse():
    try:
        c.scan(settings)
    except RuntimeError as error:
        assert "AsyncCleaner" in str(error)
    async with c.AsyncCleaner() as cleaner:
        plan = await cleaner.scan(settings)
        cleaner.stop()
        assert not (await cleaner.delete(plan)).complete

asyncio.run(misuse())
cleaner = c.Cleaner()
cleaner.scan(settings)
cleaner.close()
cleaner.close()
c.Cleaner()
assert c.delete(c.scan(settings)).complete
gc.collect()
assert threading.enumerate() == [threading.main_thread()]
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print("nothing")
"""


def test_nothing_is_left_and_nothing_is_warned_of(top: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", _LEAVES_NOTHING, top],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "nothing\n", "")


def test_what_is_to_be_kept_is_kept(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(top / "c/node_modules/pkg")
    plan = scan(settings(top, keep=(f"{top}/a",), excludes=(f"{top}/b",)))
    assert found(plan, top) == {"a": Reason.EXCLUDED, "c": Reason.CURRENT_DIRECTORY}
    assert delete(plan).results == ()
    assert len(list(top.glob("*/node_modules"))) == 3


def test_what_programs_keep_in_the_home_directory_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(tmp_path, {".vscode": {"extensions": {"x": PROJECT}}, "work": PROJECT})
    monkeypatch.setenv("HOME", str(tmp_path))
    plan = scan(settings(tmp_path))
    assert found(plan, tmp_path) == {".vscode/extensions/x": Reason.INSTALLED, "work": None}


def test_what_is_protected_since_the_scan_is_kept(
    top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = scan(settings(top))
    (top / "a/.cleanup-keep").touch()
    monkeypatch.chdir(top / "b/node_modules")
    outcome = delete(plan)
    kept = {
        os.path.relpath(one.artifact.path, top): [problem.detail for problem in one.problems]
        for one in outcome.results
        if isinstance(one, Failed) and one.untouched
    }
    assert kept == {"a/node_modules": ["excluded"], "b/node_modules": ["current-directory"]}
    assert sorted(one.parent.name for one in top.glob("*/node_modules")) == ["a", "b"]


def test_a_scan_that_is_stopped_gives_a_plan_that_deletes_nothing(top: Path) -> None:
    async def main() -> Plan:
        async with AsyncCleaner() as cleaner:
            return await cleaner.scan(settings(top), progress=lambda _: cleaner.stop())

    plan = asyncio.run(main())
    assert plan.complete is False
    outcome = delete(plan)
    assert (outcome.complete, outcome.results) == (False, ())
    assert len(list(top.glob("*/node_modules"))) == 3


def ends_truthfully(outcome: Outcome | None, top: Path, state: Path, run: Run) -> None:
    """Check that what was told is so, and that nothing is left once what was begun is resumed."""
    records = journal(state)
    [end] = [record for record in records if record["kind"] == "run-end"]
    assert end["interrupted"] is True
    for one in outcome.results if outcome is not None else ():
        gone = not os.path.lexists(one.artifact.path)
        assert gone is (isinstance(one, Removed) or one.left_at is not None)  # type: ignore[union-attr]
    projects = [project for project in top.iterdir() if project.is_dir()]
    for project in projects:
        rest = project / "node_modules/deep"
        assert not rest.exists() or len(list(rest.iterdir())) == FILES
    result = run("resume", "--json")
    assert result.returncode == 0, result.stderr
    left = {name for project in projects for name in os.listdir(project)}
    assert left <= {"package.json", "node_modules"}


def test_a_deletion_that_is_stopped_says_so(large: Path, state_directory: Path, run: Run) -> None:
    async def main() -> Outcome:
        async with AsyncCleaner(jobs=1) as cleaner:
            plan = await cleaner.scan(settings(large))

            def watch(progress: Progress) -> None:
                if progress.freed_bytes:
                    cleaner.stop()

            return await cleaner.delete(plan, progress=watch)

    with nothing_left():
        outcome = asyncio.run(main())
    assert outcome.complete is False
    ends_truthfully(outcome, large, state_directory, run)


def test_a_deletion_whose_task_is_cancelled_leaves_whole_projects(
    large: Path, state_directory: Path, run: Run
) -> None:
    async def main() -> None:
        async with AsyncCleaner(jobs=1) as cleaner:
            plan = await cleaner.scan(settings(large))

            def watch(progress: Progress) -> None:
                if progress.freed_bytes:
                    task.cancel()

            task = asyncio.create_task(cleaner.delete(plan, progress=watch))
            with pytest.raises(asyncio.CancelledError):
                await task
            # Others may go on.
            assert (await cleaner.scan(settings(large / "b"))).complete

    with nothing_left():
        asyncio.run(main())
    ends_truthfully(None, large, state_directory, run)


def test_an_interrupted_scan_leaves_nothing_behind(top: Path) -> None:
    def interrupt(_progress: Progress) -> None:
        raise KeyboardInterrupt

    with nothing_left():
        with Cleaner() as cleaner, pytest.raises(KeyboardInterrupt):
            cleaner.scan(settings(top), progress=interrupt)
        with pytest.raises(KeyboardInterrupt):
            scan(settings(top), progress=interrupt)


@pytest.mark.parametrize("what", ["scan", "delete"])
def test_ctrl_c_stops_the_work_before_it_is_raised(
    large: Path, state_directory: Path, run: Run, what: str
) -> None:
    with nothing_left(), Cleaner(jobs=1) as cleaner:
        plan = cleaner.scan(settings(large))

        def interrupt(progress: Progress) -> None:
            if not sent and (progress.freed_bytes or what == "scan"):
                sent.append(True)
                signal.raise_signal(signal.SIGINT)

        sent: list[bool] = []
        calls: dict[str, Callable[[], object]] = {
            "scan": lambda: cleaner.scan(settings(large), progress=interrupt),
            "delete": lambda: cleaner.delete(plan, progress=interrupt),
        }
        with pytest.raises(KeyboardInterrupt):
            calls[what]()
        assert cleaner.scan(settings(large)).complete
    if what == "delete":
        ends_truthfully(None, large, state_directory, run)


@pytest.mark.parametrize("what", ["scan", "delete"])
def test_what_a_watcher_raises_stops_the_work_and_is_raised(
    large: Path, state_directory: Path, run: Run, what: str
) -> None:
    plan = scan(settings(large))

    def fail(progress: Progress) -> None:
        if progress.freed_bytes or what == "scan":
            raise LookupError("mine")

    calls: dict[str, Callable[[], object]] = {
        "scan": lambda: scan(settings(large), progress=fail),
        "delete": lambda: delete(plan, jobs=1, progress=fail),
    }
    with nothing_left(), pytest.raises(LookupError, match="mine"):
        calls[what]()
    if what == "delete":
        ends_truthfully(None, large, state_directory, run)


def test_two_deletions_of_one_tree_exclude_each_other(top: Path, state_directory: Path) -> None:
    plan = scan(settings(top))
    other = new_run("1.2.3", "delete", (str(top),))
    state_directory.mkdir(parents=True, mode=0o700)
    with lock.acquire(str(state_directory), [str(top)], other.id), pytest.raises(lock.Locked):
        delete(plan)
    assert len(list(top.glob("*/node_modules"))) == 3

    async def main() -> Outcome:
        async with AsyncCleaner() as cleaner:
            with lock.acquire(str(state_directory), [str(top)], other.id):
                task = asyncio.create_task(cleaner.delete(plan, wait=True))
                done, _ = await asyncio.wait((task,), timeout=0.5)
                assert not done
                assert len(artifacts(top)) == 3
            return await task

    assert asyncio.run(main()).complete
    assert not list(top.glob("*/node_modules"))


def test_waiting_for_another_deletion_can_be_stopped(top: Path, state_directory: Path) -> None:
    plan = scan(settings(top))
    other = new_run("1.2.3", "delete", (str(top),))
    state_directory.mkdir(parents=True, mode=0o700)

    async def main() -> Outcome:
        async with AsyncCleaner() as cleaner:
            task = asyncio.create_task(cleaner.delete(plan, wait=True))
            await asyncio.wait((task,), timeout=0.3)
            cleaner.stop()
            return await task

    with lock.acquire(str(state_directory), [str(top)], other.id):
        outcome = asyncio.run(main())
    assert (outcome.complete, outcome.results) == (False, ())
    assert len(list(top.glob("*/node_modules"))) == 3


def test_what_goes_to_the_trash_can_be_taken_back(
    top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    code = (
        "import sys; from cleanup_nodemodule import *\n"
        "outcome = delete(scan(Settings(roots=(sys.argv[1],))), trash=True)\n"
        "assert all(isinstance(one, Trashed) for one in outcome.results), outcome\n"
        "assert (outcome.complete, outcome.freed_bytes) == (True, 0)\n"
    )
    subprocess.run([sys.executable, "-c", code, top], check=True, timeout=TIMEOUT)
    assert not list(top.glob("*/node_modules"))
    assert len(list((home / "data/Trash/files").glob("node_modules*/pkg/deep/er"))) == 3


def test_what_cannot_be_done_is_said_in_a_sentence(top: Path, tmp_path: Path) -> None:
    calls: list[tuple[Callable[[], object], str]] = [
        (lambda: scan(settings(tmp_path / "gone")), "cannot search .*/gone: No such file"),
        (lambda: Settings(roots=()), "nothing to search"),
        (lambda: Settings(profiles=("fortran",)), "fortran"),
        (lambda: scan(settings(top), jobs=0), "jobs cannot be 0; use 1 or more"),
        (lambda: scan(settings(top), timeout=0), "timeout cannot be 0; use a number"),
        (lambda: explain(top / "a", root=str(top / "b")), "does not lie in"),
        # A text is a sequence of texts, and its first letter the root directory.
        (lambda: Settings(roots=str(top)), "roots has to be a tuple"),  # type: ignore[arg-type]
        (lambda: Settings(keep=(top,)), "keep has to be a tuple of texts"),  # type: ignore[arg-type]
    ]
    for call, sentence in calls:
        with pytest.raises(CleanupError, match=sentence):
            call()
    with pytest.raises(FileNotFoundError) as caught:
        explain(top / "gone")
    assert caught.value.errno == errno.ENOENT


def test_an_explanation_that_is_stopped_says_so(top: Path) -> None:
    async def main() -> None:
        async with AsyncCleaner() as cleaner:
            cleaner.stop()
            with pytest.raises(CleanupError, match=r"stopped before .*/node_modules was explained"):
                await cleaner.explain(top / "a/node_modules")

    asyncio.run(main())


def test_no_record_no_deletion(top: Path, state_directory: Path) -> None:
    plan = scan(settings(top))
    state_directory.parent.mkdir(parents=True, exist_ok=True)
    state_directory.write_text("no directory")
    with pytest.raises(CleanupError, match=str(state_directory)):
        delete(plan)
    assert len(list(top.glob("*/node_modules"))) == 3


def test_progress_is_told_in_this_thread_and_adds_up(top: Path) -> None:
    told: list[Progress] = []
    threads: set[threading.Thread] = set()

    def watch(progress: Progress) -> None:
        told.append(progress)
        threads.add(threading.current_thread())

    plan = scan(settings(top), progress=watch)
    assert told[-1].artifacts == 3
    assert told[-1].measured_bytes == sum(one.size.allocated_bytes for one in plan.artifacts)
    told.clear()
    outcome = delete(plan, progress=watch)
    assert (told[-1].deleted, told[-1].freed_bytes) == (3, outcome.freed_bytes)
    assert [one.deleted for one in told] == sorted(one.deleted for one in told)
    assert threads == {threading.current_thread()}


def test_one_root_of_two_that_is_not_there_is_a_problem(top: Path) -> None:
    plan = scan(settings(top / "gone", top / "a"))
    assert [problem.path for problem in plan.problems] == [str(top / "gone")]
    assert (len(plan.selected), plan.complete) == (1, True)


_TYPED = """
import asyncio

from cleanup_nodemodule import AsyncCleaner, Cleaner, Failed, Outcome, Settings, delete, explain, scan

plan = scan(Settings(roots=("src",)), jobs=2, timeout=5.0)
sizes: dict[str, int] = {artifact.path: artifact.size.reclaimable_bytes for artifact in plan.selected}
outcome: Outcome = delete(plan, trash=True)
failed: list[str] = [one.artifact.path for one in outcome.results if isinstance(one, Failed)]
explanation = explain("src/node_modules")
if explanation is not None:
    print(explanation.artifact.evidence.facts)
with Cleaner() as cleaner:
    cleaner.delete(cleaner.scan(progress=lambda progress: print(progress.artifacts)))


async def main() -> int:
    async with AsyncCleaner() as cleaner:
        return (await cleaner.delete(await cleaner.scan())).freed_bytes


freed: int = asyncio.run(main())
"""


@pytest.mark.parametrize(("line", "code"), [("", 0), ("sizes['x'].upper()\n", 1)])
def test_a_program_is_checked_by_the_types_of_the_package(
    tmp_path: Path, line: str, code: int
) -> None:
    (tmp_path / "program.py").write_text(_TYPED + line)
    result = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache", "program.py"],
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(CHECKOUT / "src")},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert result.returncode == code, result.stdout


def test_the_package_imports_nothing_until_something_is_used() -> None:
    code = (
        "import sys, types, typing; before = set(sys.modules)\n"
        "import cleanup_nodemodule\n"
        "assert set(sys.modules) - before == {'cleanup_nodemodule'}, set(sys.modules) - before\n"
        "cleanup_nodemodule.scan\n"
        "assert 'cleanup_nodemodule.library' in sys.modules\n"
        "shown = {'rich', 'typer', 'cleanup_nodemodule.commands', 'cleanup_nodemodule.show'}\n"
        "assert not shown & set(sys.modules), shown & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=TIMEOUT)


def test_everything_that_is_named_is_there_and_documented() -> None:
    code = (
        "from cleanup_nodemodule import *\n"
        "import cleanup_nodemodule as c, pydoc\n"
        "assert dir(c) == sorted(c.__all__)\n"
        "assert all(eval(name) is getattr(c, name) for name in c.__all__)\n"
        "print(pydoc.plaintext.document(c))"
    )
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    for name in set(cleanup_nodemodule.__all__) - {"__version__"}:
        assert name in result.stdout
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = cleanup_nodemodule.nothing


# What the user has configured.


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's configuration file, which says something."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    text = 'profile = ["rust"]\nkeep = ["a"]\n[job.nightly]\npath = ["/srv"]\nkeep = ["b"]\ndelete = true\n[job.bad]\n'
    declare(tmp_path / "config/cleanup-nodemodule", {"config.toml": text})
    return tmp_path / "config/cleanup-nodemodule/config.toml"


@pytest.mark.usefixtures("configured")
def test_the_configuration_is_read_only_by_who_asks_for_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert Settings().profiles == ("js",)
    settings = cleanup_nodemodule.load_settings()
    assert (settings.profiles, settings.keep, settings.roots) == (("rust",), ("a",), (".",))
    declare(tmp_path, {"named.toml": 'profile = ["go"]\nkeep = ["c"]\n'})
    settings = cleanup_nodemodule.load_settings("nightly", config=[tmp_path / "named.toml"])
    assert (settings.profiles, settings.keep, settings.roots) == (
        ("go",),
        ("a", "c", "b"),
        ("/srv",),
    )
    monkeypatch.setenv("CLEANUP_NODEMODULE_PROFILE", "python\njs")
    assert cleanup_nodemodule.load_settings().profiles == ("python", "js")


def test_a_configuration_that_cannot_be_is_an_error_with_its_place(
    configured: Path,
) -> None:
    for job, said in (("nightli", "did you mean nightly"), ("bad", "does not say where to search")):
        with pytest.raises(CleanupError, match=said):
            cleanup_nodemodule.load_settings(job)
    with pytest.raises(CleanupError, match=r"there is no 'none\.toml'"):
        cleanup_nodemodule.load_settings(config=["none.toml"])
    configured.write_text("min-depth = -1\n")
    with pytest.raises(CleanupError, match=r"config\.toml, line 1: min-depth cannot be -1"):
        cleanup_nodemodule.load_settings()
    configured.write_text("")
    configured.chmod(0o666)
    with pytest.raises(CleanupError, match="somebody else could write it"):
        cleanup_nodemodule.load_settings()
