"""Nothing about one directory ends the run: it is kept, said, and all the others are decided as before."""

import asyncio
import errno
import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

from cleanup_nodemodule import engine
from cleanup_nodemodule.config.settings import Settings
from cleanup_nodemodule.model import Candidate, Identity, Keep, Plan, Reason
from cleanup_nodemodule.proof import (
    evidence,
    git,
    in_use,
    installed,
    last_used,
    markers,
    protections,
    same_again,
    use,
    weigh,
)
from cleanup_nodemodule.proof.rules import Rule
from cleanup_nodemodule.proof.stat_cache import StatCache
from cleanup_nodemodule.survey import survey, weighing
from cleanup_nodemodule.work import scheduler
from cleanup_nodemodule.work.scheduler import Scheduler
from support import simple
from support.accounts import as_account, give_away, lonely
from support.engines import NATIVE
from support.filesystems import Mounts
from support.git import git as run_git
from support.processes import strace
from support.tool import FULL, PROJECT, Told, Tool
from support.trees import Declared, declare, npm_project
from support.waiting import TIMEOUT

pytestmark = pytest.mark.slow

QUESTIONS: Final[dict[str, tuple[object, str]]] = {
    "what a rule fits": (Rule, "fits"),
    "repositories": (StatCache, "repositories"),
    "a rule's proofs": (evidence, "examine"),
    "the command to get it back": (evidence, "command_for"),
    "who put a repository there": (evidence, "_remarks"),
    "mounts inside": (protections, "mounted_in"),
    "what the user keeps": (protections, "kept"),
    "the current directory": (protections, "current_directory"),
    "installed software": (installed, "installed"),
    "what may come back differently": (same_again, "warnings"),
    "the newest source": (use, "newest_source"),
    "what git did last": (use, "last_git_activity"),
    "whose it is": (evidence, "whose"),
    "processes at work": (in_use.Processes, "at_work_in"),
    "all of it together": (weigh, "weigh"),
    "the decision": (weighing, "decide"),
    "a whole batch": (evidence, "gather"),
    "a whole batch's last use": (use, "last_used"),
    "its size": (engine, "measure"),
}
"""Everything that is asked about one candidate, and where it is called from."""

OF_NO_CANDIDATE: Final = {
    "gitdir",
    "last_change",
    "newest_of_its_own",
    "describe_unseen",
    "directories_around",
    "running_processes",
    "vital",
}
"""Functions of the modules that evidence comes from which are not asked about one candidate of a survey."""


def functions(module: ModuleType) -> set[str]:
    """Return the public functions that *module* defines."""
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and callable(value)
        and not isinstance(value, type)
        and getattr(value, "__module__", None) == module.__name__
    }


def test_every_function_that_evidence_comes_from_is_made_to_fail() -> None:
    there = set().union(
        *map(functions, (markers, protections, installed, in_use, same_again, last_used))
    )
    assert there - OF_NO_CANDIDATE == there & {name for _, name in QUESTIONS.values()}
    assert there >= OF_NO_CANDIDATE


def make_plan(top: Path, **settings: Any) -> Plan:
    async def plan() -> Plan:
        with ThreadPoolExecutor(2) as executor:
            made = Settings(
                roots=(str(top),), cwd=str(top), **{"own_rules": simple.rules(), **settings}
            )
            return await survey.make_plan(made, Scheduler(executor, 2))

    return asyncio.run(plan())


def known(plan: Plan) -> dict[str, tuple[object, ...]]:
    """Return what is known of each artifact, and what is decided."""
    return {
        one.path: (one.evidence, one.contents, one.size, one.decision) for one in plan.artifacts
    }


_last_used: Final = use.last_used


def breaking(function: Callable[..., Any], error: Exception, bad: str) -> Callable[..., Any]:
    """Return *function*, but that it raises *error* when it is asked about *bad*."""

    def call(*arguments: Any, **named: Any) -> Any:
        # What is to be passed over on the way is named with every question.
        asked = repr(arguments[:1] if function is _last_used else arguments)
        if f"/{bad}" in asked or f"'{bad}'" in asked:
            raise error
        return function(*arguments, **named)

    return call


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """Three projects, each in a repository of its own."""
    for name in ("a", "bad", "z"):
        ignored: dict[str | bytes, Any] = {".gitignore": "node_modules\n"}
        declare(tmp_path / name, {**PROJECT, **ignored, "src": {"x.js": "x"}})
        run_git(tmp_path / name, "init", "--quiet")
    return tmp_path


ERRORS: Final = {
    "too deep": RecursionError("maximum recursion depth exceeded"),
    "NUL": ValueError("embedded null byte"),
    "refused": OSError(errno.EINVAL, os.strerror(errno.EINVAL), "/somewhere"),
    "unheard of": ZeroDivisionError(),
}


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_that_fails_keeps_the_one_it_was_about(
    three: Path, monkeypatch: pytest.MonkeyPatch, question: str, error: str
) -> None:
    before = known(make_plan(three))
    where, name = QUESTIONS[question]
    monkeypatch.setattr(where, name, breaking(getattr(where, name), ERRORS[error], "bad"))
    plan = make_plan(three)
    after = known(plan)
    bad = str(three / "bad/node_modules")
    [row] = [one for one in plan.artifacts if one.path == bad]
    assert row.decision == Keep(Reason.UNREADABLE)
    assert {one.path for one in plan.problems} == {bad}
    number = errno.EINVAL if error == "refused" else errno.EIO
    assert {one.number for one in plan.problems} == {number}
    words = {"refused": "Invalid argument", "unheard of": "ZeroDivisionError"}
    assert words.get(error, str(ERRORS[error])) in "".join(one.why for one in plan.problems)
    assert plan.complete
    del before[bad], after[bad]
    assert after == before
    assert all(not isinstance(decision, Keep) for *_, decision in after.values())


@pytest.mark.parametrize("question", ["a rule's proofs", "a whole batch", "its size"])
def test_what_has_no_memory_is_tried_again_and_then_kept(
    three: Path, monkeypatch: pytest.MonkeyPatch, question: str
) -> None:
    monkeypatch.setattr(scheduler, "_ATTEMPTS", 1)
    where, name = QUESTIONS[question]
    function = getattr(where, name)
    monkeypatch.setattr(where, name, breaking(function, MemoryError(), "bad"))
    plan = make_plan(three)
    assert [one.decision for one in plan.artifacts if "/bad/" in one.path] == [
        Keep(Reason.UNREADABLE)
    ]
    assert {(one.path, one.number) for one in plan.problems} == {
        (str(three / "bad/node_modules"), errno.ENOMEM)
    }
    assert len(plan.selected) == 2
    left = [MemoryError()]

    def once(*arguments: Any, **named: Any) -> Any:
        if left and "/bad" in repr(arguments):
            raise left.pop()
        return function(*arguments, **named)

    monkeypatch.setattr(where, name, once)
    plan = make_plan(three)
    assert (left, plan.problems, len(plan.selected)) == ([], (), 3)


@pytest.mark.parametrize("error", ERRORS)
def test_a_repository_that_cannot_be_asked_gives_no_answer(
    three: Path, monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    monkeypatch.setattr(git.Asker, "ask", breaking(git.Asker.ask, ERRORS[error], "bad"))
    plan = make_plan(three)
    reasons = {one.path: one.decision for one in plan.artifacts if not one.selected}
    assert reasons == {str(three / "bad/node_modules"): Keep(Reason.GIT_FAILED)}
    assert len(plan.selected) == 2


@pytest.mark.parametrize("error", ERRORS)
def test_a_directory_that_cannot_be_searched_is_a_problem(
    three: Path, monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    find = engine.find

    def broken(root: Any, stack: list[bytes], *others: Any) -> Any:
        if b"bad" in stack:
            raise ERRORS[error]
        return find(root, stack, *others)

    monkeypatch.setattr(engine, "find", broken)
    # One directory a call, so that it is on the stack of one.
    monkeypatch.setattr(Scheduler, "portion", lambda _self, _most: 1)
    plan = make_plan(three)
    assert {one.path for one in plan.problems} == {str(three / "bad")}
    assert [os.path.relpath(one.path, three) for one in plan.selected] == [
        "a/node_modules",
        "z/node_modules",
    ]


def test_what_is_gone_while_it_is_explained_is_told_all_the_same(
    three: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = engine.measure
    path = three / "a/node_modules"
    status = path.stat()
    candidate = Candidate(
        str(path), str(three), Identity(status.st_dev, status.st_ino), mounted=False
    )

    def late(*arguments: Any) -> Any:
        path.rename(three / "elsewhere")
        return measure(*arguments)

    async def explain() -> survey.Explanation:
        with ThreadPoolExecutor(2) as executor:
            made = Settings(roots=(str(three),), cwd=str(three), own_rules=simple.rules())
            return await survey.explain(candidate, made, Scheduler(executor, 2))

    monkeypatch.setattr(engine, "measure", late)
    assert asyncio.run(explain()).artifact.decision == Keep(Reason.UNREADABLE)


def test_where_nobody_can_be_asked_for_processes_everything_is_kept(
    three: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_run: int) -> None:
        raise RuntimeError

    monkeypatch.setattr(protections, "running_processes", fail)
    assert {one.decision for one in make_plan(three).artifacts} == {Keep(Reason.IN_USE)}


# Depth.


def dig(top: Path, levels: int, name: str, tree: Declared) -> str:
    """Make *tree* beneath so many directories within each other; return its path."""
    top.mkdir()
    before = Path.cwd()
    try:
        os.chdir(top)
        for _ in range(levels):
            os.mkdir(name)
            os.chdir(name)
        declare(".", tree)
    finally:
        os.chdir(before)
    return os.path.join(top, *[name] * levels)


def others_are_fine(told: Told, *rows: str) -> None:
    """Check that what is beside a bad one is decided as always."""
    for row in rows:
        assert told.reasons[row] is None
        assert told.outcomes[row] in {None, "deleted"}


def test_a_thousand_levels_are_no_depth(tool: Tool, tmp_path: Path) -> None:
    top = tmp_path / "top"
    declare(top, {"app": PROJECT})
    deep = dig(top / "deep", 1_100, "d", PROJECT)
    told = tool.delete(top)
    assert (told.code, told.problems) == (0, set())
    assert told.outcomes == {
        "app/node_modules": "deleted",
        os.path.relpath(deep, top) + "/node_modules": "deleted",
    }


def test_what_lies_too_deep_for_any_path_is_kept_and_said(tool: Tool, tmp_path: Path) -> None:
    """A repository around each of what nobody can look at would be thousands of questions to git."""
    top = tmp_path / "top"
    declare(top, {"app": PROJECT})
    deep = dig(top / "deep", 5_000, "d", PROJECT)
    told = tool.delete(top)
    row = os.path.relpath(deep, top) + "/node_modules"
    assert told.code == 3
    assert told.problems == {(row, "ENAMETOOLONG")}
    assert told.reasons == {"app/node_modules": None, row: "unreadable"}
    assert told.outcomes["app/node_modules"] == "deleted"
    subprocess.run(["rm", "-rf", top / "deep"], check=True)


# What stands in files.


@pytest.mark.parametrize(
    "text", [b"gitdir: /x\0y", b"gitdir: \0", b"\0", b"gitdir: " + b"x/" * 9000]
)
def test_a_path_that_is_none_in_a_gitfile_keeps_one_repository(
    tool: Tool, tmp_path: Path, text: bytes
) -> None:
    top = tmp_path / "top"
    declare(top, {"app": PROJECT, "bad": {**PROJECT, ".git": text}})
    told = tool.delete(top)
    assert told.reasons == {"app/node_modules": None, "bad/node_modules": "git-failed"}
    assert told.outcomes["app/node_modules"] == "deleted"
    assert told.code == 0


@pytest.mark.parametrize("key", ["CMAKE_HOME_DIRECTORY", "CMAKE_CACHEFILE_DIR"])
def test_a_path_that_is_none_in_a_cmake_cache_proves_nothing(
    tool: Tool, tmp_path: Path, key: str
) -> None:
    top = tmp_path / "top"
    for name in ("app", "bad"):
        project = top / name
        paths = {"CMAKE_HOME_DIRECTORY": project, "CMAKE_CACHEFILE_DIR": project / "build"}
        lines = [f"{one}:INTERNAL={path}\n" for one, path in paths.items()]
        if name == "bad":
            lines.insert(0, f"{key}:INTERNAL={project}\0/x\n")
        declare(
            project, {"CMakeLists.txt": "", "build": {"CMakeCache.txt": "".join(lines), "x.o": 9}}
        )
    told = tool.delete(top, "--profile", "cmake")
    assert told.code == 0
    assert told.reasons == {"app/build": None, "bad/build": "unproven"}
    assert told.outcomes["app/build"] == "deleted"


@pytest.mark.parametrize(("error", "kept"), [("EPERM", True), ("EINVAL", False), ("EIO", True)])
def test_a_symlink_that_cannot_be_read_keeps_one_artifact(
    tool: Tool, tmp_path: Path, error: str, *, kept: bool
) -> None:
    """Some network file systems refuse it; and it may be none any more."""
    top, log = tmp_path / "top", tmp_path / "log"
    declare(top, {"app": PROJECT, "bad": PROJECT})
    link = top / "bad/node_modules/linked"
    link.symlink_to("../elsewhere")
    told = tool.run(
        top,
        "--jobs",
        "1",
        prefix=strace(
            log, "--trace=readlink,readlinkat", f"--inject=readlink:error={error}", "-P", str(link)
        ),
    )
    assert f"{error} " in log.read_text()
    others_are_fine(told, "app/node_modules")
    assert told.code == (3 if kept else 0)
    assert told.reasons["bad/node_modules"] == ("unreadable" if kept else None)
    assert told.problems == ({("bad/node_modules", error)} if kept else set())


SILENT: Final[Declared] = {"x": PROJECT, "index.js": "x", "HEAD": "x", "logs": {"HEAD": "x"}}


def _linked_package(top: Path, silent: Path) -> None:
    (top / "bad/node_modules/linked").symlink_to(silent / "x")


def _linked_scope(top: Path, silent: Path) -> None:
    (top / "bad/node_modules/@scope").symlink_to(silent)


def _linked_in_a_scope(top: Path, silent: Path) -> None:
    declare(top / "bad/node_modules", {"@scope": {"linked": silent / "x"}})


def _linked_store(top: Path, silent: Path) -> None:
    declare(top / "bad", {"pnpm-lock.yaml": "x"})
    (top / "bad/node_modules/.pnpm").symlink_to(silent)


def _linked_store_of_a_workspace(top: Path, silent: Path) -> None:
    declare(top / "bad", {"package-lock.json": "{}", "packages": {"one": PROJECT}})
    (top / "bad/node_modules").rename(top / "bad/elsewhere")
    (top / "bad/node_modules").symlink_to(silent)


def _marker_in_a_link(top: Path, silent: Path) -> None:
    declare(top / "bad", {".next": {"index.js": "x"}})
    (top / "bad/.next/dev").symlink_to(silent)


def _gitfile(top: Path, silent: Path) -> None:
    (top / "bad/.git").write_text(f"gitdir: {silent}\n")


def _gitfile_by_a_link(top: Path, silent: Path) -> None:
    (top / "bad/way").symlink_to(silent)
    (top / "bad/.git").write_text("gitdir: way/x\n")


def _linked_repository(top: Path, silent: Path) -> None:
    (top / "bad/.git").symlink_to(silent)


def _linked_log(top: Path, silent: Path) -> None:
    run_git(top / "bad", "init", "--quiet")
    (top / "bad/.git/logs").symlink_to(silent / "logs")


def _cmake_cache(top: Path, silent: Path) -> None:
    cache = "CMAKE_HOME_DIRECTORY:INTERNAL={0}/x\nCMAKE_CACHEFILE_DIR:INTERNAL={0}/x/y\n"
    declare(top / "bad", {"build": {"CMakeCache.txt": cache.format(silent)}})


def _linked_sources(top: Path, silent: Path) -> None:
    (top / "bad/src").symlink_to(silent)


LEADS: Final = (
    *(_linked_package, _linked_scope, _linked_in_a_scope, _linked_store, _marker_in_a_link),
    *(_linked_store_of_a_workspace, _gitfile, _gitfile_by_a_link, _linked_repository),
    *(_linked_log, _cmake_cache, _linked_sources),
)
DELETE: Final = ("--no-dry-run", "--yes")


@pytest.mark.parametrize(
    ("lead", "delete"),
    [
        *((lead, ()) for lead in LEADS),
        *((lead, DELETE) for lead in (_linked_package, _gitfile, _cmake_cache)),
    ],
)
def test_nothing_in_the_content_leads_into_a_mount_that_does_not_answer(
    tool: Tool,
    tmp_path: Path,
    disks: Mounts,
    lead: Callable[[Path, Path], None],
    delete: tuple[str, ...],
) -> None:
    """Whoever goes there waits in the kernel, and does not end before that answers. Git, which may go
    there, is a process of its own, and has none of its answers waited for here."""
    top = tmp_path / "top"
    silent = disks.misbehaving(tmp_path / "silent", SILENT)
    declare(top, {"app": PROJECT, "bad": PROJECT})
    lead(top, silent.path)
    silent.change(silent=["/"])
    without_git = {"PATH": str(tmp_path / "nothing")}
    told = tool.run(top, "--profile", "all", "--timeout", "20", *delete, env=without_git)
    assert told.document["complete"]
    assert (told.code, told.problems) == (0, set())
    others_are_fine(told, "app/node_modules")
    # Whatever became of it was said by what lies there itself.
    assert {"bad/node_modules", "bad/.next", "bad/build", "bad/packages/one/node_modules"}.union(
        {"app/node_modules"}
    ).issuperset(told.reasons)
    assert set(told.reasons.values()) <= {None, "unproven", "git-failed"}
    assert told.reasons.get("bad/build", "unproven") == "unproven"


MOUNTED: Final = {
    "node_modules/.pnpm": "mount-point",
    "node_modules/@scope": "mount-point",
    "node_modules/pkg": "mount-point",
    "node_modules/pkg/deep": "mount-point",
    "node_modules": "mount-point",
    ".git": "git-failed",
    "src": None,
}
"""Where something is mounted in a project, and why its artifact is kept then."""


@pytest.mark.parametrize("delete", [(), DELETE], ids=["dry-run", "delete"])
@pytest.mark.parametrize("where", MOUNTED)
def test_nothing_mounted_in_a_project_that_does_not_answer_is_looked_at(
    tool: Tool, tmp_path: Path, disks: Mounts, where: str, delete: tuple[str, ...]
) -> None:
    """It is known from the mount table: what is looked at leaves a thread that waits, and no end to the process."""
    top = tmp_path / "top"
    declare(top, {"app": PROJECT, "bad": {**PROJECT, "pnpm-lock.yaml": ""}})
    silent = disks.misbehaving(top / "bad" / where, SILENT)
    silent.change(silent=["/"])
    without_git = {"PATH": str(tmp_path / "nothing")}
    told = tool.run(top, "--timeout", "20", *delete, env=without_git)
    others_are_fine(told, "app/node_modules")
    assert "ETIMEDOUT" not in {error for _, error in told.problems}
    assert told.reasons["bad/node_modules"] == MOUNTED[where]
    assert (top / "app/node_modules").exists() is not bool(delete)
    assert told.outcomes["app/node_modules"] == ("deleted" if delete else None)


@pytest.mark.parametrize("delete", [(), DELETE], ids=["dry-run", "delete"])
def test_a_mount_that_does_not_answer_and_is_called_like_an_artifact_is_a_row_of_its_own(
    tool: Tool, tmp_path: Path, disks: Mounts, delete: tuple[str, ...]
) -> None:
    top = tmp_path / "top"
    declare(top, {"app": PROJECT, "bad": {**PROJECT, "dist": {}, "sub": {"node_modules": {}}}})
    for where in ("bad/dist", "bad/sub/node_modules"):
        disks.misbehaving(top / where, SILENT).change(silent=["/"])
    without_git = {"PATH": str(tmp_path / "nothing")}
    told = tool.run(top, "--timeout", "20", *delete, env=without_git)
    others_are_fine(told, "app/node_modules", "bad/node_modules")
    assert told.problems == set()
    reasons = {path: reason for path, reason in told.reasons.items() if reason is not None}
    assert set(reasons.values()) == {"mount-point"}
    assert "bad/dist" in reasons
    for path in ("app/node_modules", "bad/node_modules"):
        assert (top / path).exists() is not bool(delete)


def test_a_link_is_compared_by_what_is_written_in_it(tool: Tool, tmp_path: Path) -> None:
    """Where it leads from there is for nobody to find out."""
    top = tmp_path / "top"
    declare(top, {"app": PROJECT, "real": {"x": {}}})
    inside = top / "app/node_modules"
    (inside / "within").symlink_to("pkg/../pkg/deep")
    (inside / "loop").symlink_to("loop")
    (inside / "out").symlink_to("../../real/x")
    (inside / "itself").symlink_to(".")
    [row] = tool.run(top).document["artifacts"]
    assert row["warnings"][-1] == "linked from outside: out"


# Too few processes, and nobody's account.


# How git is started does not depend on the engine.
@pytest.mark.parametrize(
    ("tool", "processes"),
    [*((NATIVE, processes) for processes in (1, 2, 4, 6, 8, 10)), ("python", 1), ("python", 6)],
    indirect=["tool"],
)
def test_too_few_processes_for_git_are_no_end(tool: Tool, tmp_path: Path, processes: int) -> None:
    """RLIMIT_NPROC, which counts threads too: where git cannot be asked, its repositories are kept."""
    account = lonely()
    top = tmp_path / "top"
    names = [f"app{number}" for number in range(6)]
    declare(top, {name: {**PROJECT, "dist": FULL, ".gitignore": "dist\n"} for name in names})
    declare(top, {"plain": PROJECT})
    for name in names:
        run_git(top / name, "init", "--quiet")
    give_away(tool.home, top, account=account)
    few = (*as_account(account, anywhere=True), "prlimit", f"--nproc={processes}")
    told = tool.run(top, prefix=few)
    assert (told.code, told.problems, told.errors) == (0, set(), "")
    assert len(told.rows) == 13
    assert set(told.reasons.values()) <= {None, "git-failed"}
    others_are_fine(told, "plain/node_modules")
    told = tool.delete(top, prefix=few)
    assert (told.code, told.problems, told.errors) == (0, set(), "")
    assert len(told.rows) == 13
    assert {(row["reason"], row["outcome"]) for row in told.rows.values()} <= {
        (None, "deleted"),
        ("git-failed", None),
    }
    for path, outcome in told.outcomes.items():
        assert (top / path).exists() is (outcome is None)
    assert told.outcomes["plain/node_modules"] == "deleted"


NO_HOME: Final = (
    "env",
    *(word for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME") for word in ("-u", name)),
)


def test_an_account_without_a_home_looks_and_is_told_what_deleting_needs(
    tool: Tool, tmp_path: Path
) -> None:
    """As in a container that runs for a number: no passwd entry, and no HOME."""
    account = lonely()
    top = tmp_path / "top"
    # Nor is there a configuration, so the rules are those of the catalogue.
    declare(top, {"app": npm_project({"pkg": {}})})
    give_away(tool.home, top, account=account)
    prefix = (*as_account(account, anywhere=True), *NO_HOME)
    told = tool.run(top, prefix=prefix)
    assert (told.code, told.reasons) == (0, {"app/node_modules": None})
    [line] = told.errors.splitlines()
    assert line.startswith("cleanup-nodemodule: this run is not in the history: there is no place")
    told = tool.delete(top, prefix=prefix)
    assert told.code == 1
    assert "set XDG_STATE_HOME to a directory that only you can write" in told.errors
    assert "Traceback" not in told.errors
    assert (top / "app/node_modules").exists()
    told = tool.delete(top, prefix=(*prefix, "env", f"XDG_STATE_HOME={tool.home}"))
    assert (told.code, told.outcomes) == (0, {"app/node_modules": "deleted"})


@pytest.mark.parametrize("command", ["log", "resume", "regenerate", "explain", "rules"])
def test_no_command_fails_without_a_home(tool: Tool, tmp_path: Path, command: str) -> None:
    account = lonely()
    top = tmp_path / "top"
    declare(top, {"app": PROJECT})
    give_away(tool.home, top, account=account)
    arguments = [command, *(["app/node_modules"] if command == "explain" else [])]
    process = tool.start(
        *arguments, cwd=top, prefix=(*as_account(account, anywhere=True), *NO_HOME)
    )
    _, errors = process.communicate(timeout=TIMEOUT)
    told = command in {"log", "resume", "regenerate"}
    assert process.returncode == ({"resume": 1}.get(command, 2) if told else 0)
    assert ("set XDG_STATE_HOME" in errors) is told
    assert "Traceback" not in errors
