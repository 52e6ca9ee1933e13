"""``explain`` says what a run decides, and ends when its disk does not answer."""

import asyncio
import io
import json
import os
import random
import re
import signal
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cleanup_nodemodule.config.settings import Settings
from cleanup_nodemodule.model import Artifact, Plan
from cleanup_nodemodule.proof import rules
from cleanup_nodemodule.run.explaining import locate
from cleanup_nodemodule.survey import survey
from cleanup_nodemodule.work.scheduler import Scheduler
from support import corpus
from support.families import some_slow
from support.filesystems import Mounts, ended
from support.git import git
from support.judges import verdict
from support.tool import PROJECT, Run, Tool
from support.trees import Declared, declare, npm_project
from support.waiting import TIMEOUT, await_condition


def explained(path: str, settings: Settings, root: str | None) -> Artifact:
    """Return what is decided about one directory."""

    async def explain() -> survey.Explanation:
        candidate = locate(path, settings.cwd, root)
        assert candidate is not None
        with ThreadPoolExecutor(1) as executor, Scheduler(executor, 1) as scheduler:
            return await survey.explain(candidate, settings, scheduler)

    return asyncio.run(explain()).artifact


def found(settings: Settings) -> dict[str, Artifact]:
    """Return what a run finds, by its path."""

    async def plan() -> Plan:
        with ThreadPoolExecutor(2) as executor, Scheduler(executor, 2) as scheduler:
            return await survey.make_plan(settings, scheduler)

    return {artifact.path: artifact for artifact in asyncio.run(plan()).artifacts}


def agree(settings: Settings, root: str | None) -> int:
    """Assert that all that a run finds is explained as it is decided; return how much that is."""
    artifacts = found(settings)
    for path, artifact in artifacts.items():
        told = explained(path, settings, root)
        assert (path, verdict(told), told.evidence.facts, told.evidence.regenerate_in) == (
            *(path, verdict(artifact), artifact.evidence.facts),
            artifact.evidence.regenerate_in,
        )
    return len(artifacts)


@pytest.mark.slow
def test_a_whole_home_is_explained_as_a_run_decides_it(tmp_path: Path) -> None:
    home = tmp_path.resolve() / "home"
    corpus.build(home)
    settings = Settings(
        roots=(str(home),), profiles=("all",), home=str(home), cwd=str(home / corpus.CURRENT)
    )
    try:
        assert agree(settings, str(home)) > 100
    finally:
        (home / corpus.LOCKED / "dep").chmod(0o755)


_MARKERS = sorted(
    {
        marker
        for rule in rules.catalogue()
        for proof in rule.proofs
        for marker in (*proof.above, *proof.beside)
        if not set(marker) & set("*?[/")
    }
)
_NAMES = sorted({rule.names[-1] for rule in rules.catalogue() if "*" not in rule.directory})


def _random_tree(chance: random.Random, depth: int) -> Declared:
    tree: dict[str | bytes, object] = {}
    for marker in chance.sample(_MARKERS, chance.choice((0, 0, 1, 3))):
        tree[marker] = "{}"
    if chance.random() < 0.2:
        tree[".git"] = {"HEAD": "ref: refs/heads/main\n", "objects": {}, "refs": {}}
    for name in chance.sample(_NAMES, chance.choice((0, 1, 3))):
        tree[name] = {"file": "x"}
    for number in range(chance.choice((1, 2, 3)) if depth else 0):
        tree[f"d{number}"] = _random_tree(chance, depth - 1)
    return tree


@pytest.mark.parametrize("seed", some_slow(range(8), 8))
@pytest.mark.parametrize("where", ["root", "cwd", "elsewhere"])
def test_random_trees_are_explained_as_a_run_decides_them(
    tmp_path: Path, seed: int, where: str
) -> None:
    """Of a root that is named, and of the current directory, wherever the markers above are."""
    chance = random.Random(seed)
    top = tmp_path.resolve() / "top"
    declare(top, {**_random_tree(chance, 1), "work": _random_tree(chance, 4)})
    root = top / "work"
    cwd = {"root": top, "cwd": root, "elsewhere": tmp_path / "else"}[where]
    settings = Settings(roots=(str(root),), profiles=("all",), cwd=str(cwd))
    assert agree(settings, None if where == "cwd" else str(root)) > 0


def test_what_lies_above_counts_as_far_as_the_run_it_is_explained_for_would_look(
    run: Run, tmp_path: Path
) -> None:
    declare(
        tmp_path, {"a": {"turbo.json": "{}", "b": {"c": {".turbo": {"log": "x"}}}}, "other": {}}
    )
    path = tmp_path / "a/b/c/.turbo"
    for cwd, options, decision in (
        (tmp_path, (), "delete"),
        (tmp_path / "a/b", (), "keep"),
        (tmp_path / "a/b", ("-p", tmp_path), "delete"),
        (tmp_path / "other", (), "keep"),
        (tmp_path / "other", ("-p", "../a"), "delete"),
        (tmp_path, ("-p", "a/b"), "keep"),
    ):
        told = json.loads(run("explain", path, "--json", *options, cwd=cwd).stdout)
        root = told["root"]
        assert (cwd, options, told["decision"]) == (cwd, options, decision)
        document = json.loads(run("-p", root, "--json", cwd=cwd).stdout)
        assert [row["decision"] for row in document["artifacts"]] == [decision]
        lines = run("explain", path, *options, cwd=cwd).stdout.splitlines()
        assert f"    decided like a run that searches {root}" in lines


def test_a_root_that_it_does_not_lie_in_is_wrong_usage(run: Run, tmp_path: Path) -> None:
    declare(tmp_path, {"app": PROJECT, "other": {}})
    for root in ("other", "app/node_modules"):
        result = run("explain", "app/node_modules", "-p", root)
        assert (result.returncode, result.stdout) == (2, "")
        assert f"does not lie in {tmp_path}/{root}; -p takes a directory around it" in result.stderr
    result = run("explain", "app/node_modules", "-p", "nowhere")
    assert (result.returncode, result.stdout) == (2, "")


# What people read.


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place for a configuration without rules, so that only those count that everybody has."""
    place = tmp_path_factory.mktemp("config")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(place))
    return place


def _lines(run: Run, *words: str | Path, cwd: Path | None = None) -> list[str]:
    result = run("explain", *words) if cwd is None else run("explain", *words, cwd=cwd)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout.splitlines()


def _wheel(version: str) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("tiny.py", "")
        archive.writestr(f"tiny-{version}.dist-info/METADATA", f"Name: tiny\nVersion: {version}\n")
        archive.writestr(f"tiny-{version}.dist-info/RECORD", "")
    return written.getvalue()


@pytest.mark.usefixtures("shipped")
def test_the_answer_stands_first_and_the_rules_only_where_they_are_asked_for(
    run: Run, tmp_path: Path
) -> None:
    declare(tmp_path, {"build": {"notes": "x"}})
    lines = _lines(run, "build")
    assert lines == [
        (
            f"{tmp_path}/build: kept: unproven, because nothing proves that it can be rebuilt:"
            " nothing inside shows who made it."
        ),
        "    Who made it?",
        "        nothing shows it",
        "    Can it come back?",
        "        nothing shows that it can",
        "    What else is in it?",
        "        nobody looked, because it is kept anyway",
        f"    decided like a run that searches {tmp_path}",
        (
            "A run finds it only if you give its name. If you know that all directories of that name in"
            f" {tmp_path} can be rebuilt, include them: cleanup-nodemodule . --also build"
        ),
        lines[-1],
    ]
    found = re.fullmatch(
        r"To see the (\d+) rules that were tried: cleanup-nodemodule explain build --verbose",
        lines[-1],
    )
    assert found is not None
    more = _lines(run, "build", "--verbose")
    assert more[: len(lines) - 1] == lines[:-1]
    assert sum(line.startswith("Rule ") for line in more) == int(found[1])


@pytest.mark.usefixtures("shipped")
def test_all_packages_that_are_declared_nowhere_are_named(run: Run, tmp_path: Path) -> None:
    strangers = [f"stranger{number:02}" for number in range(32)]
    project = npm_project({"left-pad": {"index.js": "x"}})
    for name in strangers:
        project["node_modules"][name] = {"package.json": "{}", "index.js": "mine"}
    declare(tmp_path, project)
    lines = _lines(run, "node_modules")
    assert lines[0].endswith(
        ": kept: undeclared, because some packages in it are declared nowhere, so nothing brings them"
        " back: stranger00 and 31 more."
    )
    assert f"        declared nowhere: {', '.join(strangers[:30])} and 2 more" in lines


def test_what_another_profile_proves_is_said_to_need_that_profile(
    run: Run, tmp_path: Path, shipped: Path
) -> None:
    declare(
        tmp_path,
        {
            "package.json": "{}",
            "pyproject.toml": '[project]\nname = "tiny"\nversion = "1.0"\n',
            "dist": {"tiny-1.0-py3-none-any.whl": _wheel("1.0")},
        },
    )
    lines = _lines(run, "dist")
    assert lines[0].startswith(f"{tmp_path}/dist: can be deleted by a run with --profile python, ")
    assert lines[0].endswith(" Runs without that profile leave it alone.")
    advice = "To see what that run finds: cleanup-nodemodule . --profile python"
    assert advice in lines
    for options, decision in (((), "keep"), (("--profile", "python"), "delete")):
        rows = json.loads(run(".", *options, "--json").stdout)["artifacts"]
        assert [row["decision"] for row in rows] == [decision]
    declare(shipped, {"cleanup-nodemodule/config.toml": 'profiles = ["python"]\n'})
    told = "\n".join(_lines(run, "dist"))
    assert "can be deleted, because" in told
    assert advice not in told


@pytest.mark.usefixtures("shipped")
def test_commands_can_be_typed_where_they_are_printed(run: Run, tmp_path: Path) -> None:
    """Also in the root directory, and in the very directory."""
    declare(tmp_path, {"work/scratch": {"notes": "x"}})
    place = os.path.relpath(tmp_path / "work", "/")
    lines = _lines(run, tmp_path / "work/scratch", cwd=Path("/"))
    [advice] = [line for line in lines if "--also" in line]
    assert advice.endswith(f": cleanup-nodemodule {place} --also scratch")
    found = run(place, "--also", "scratch", "--json", cwd=Path("/")).stdout
    rows = json.loads(found)["artifacts"]
    assert [row["path"] for row in rows] == [str(tmp_path / "work/scratch")]
    assert lines[-1].endswith(f" explain {place}/scratch --verbose")
    lines = _lines(run, ".", cwd=tmp_path / "work")
    assert f"Leave it, then run the command again: cd {tmp_path}" in lines


@pytest.mark.usefixtures("shipped")
def test_gits_word_is_told_as_far_as_it_was_asked(run: Run, tmp_path: Path) -> None:
    top = tmp_path / "app"
    declare(
        top,
        {
            "package.json": '{"scripts": {"build": "webpack"}, "devDependencies": {"webpack": "5"}}',
            "dist/main.bundle.js": "(()=>{var __webpack_require__={};})();\n",
        },
    )
    git(top, "init", "-q")
    assert "        no  not ignored by git" in _lines(run, top / "dist", "-v")
    (top / ".gitignore").write_text("dist/\n")
    assert "        yes ignored by .gitignore: dist/" in _lines(run, top / "dist", "-v")
    (top / "package.json").unlink()
    told = _lines(run, top / "dist", "-v")
    assert "        ?   ignored by git (nobody asked, because it would decide nothing)" in told


# A disk that does not answer.


@pytest.mark.parametrize("silent", ["getattr /app*", "opendir /app/node_modules/pkg"])
def test_a_disk_that_does_not_answer_ends_it_all_the_same(
    tool: Tool, tmp_path: Path, disks: Mounts, silent: str
) -> None:
    dead = disks.misbehaving(tmp_path / "dead", {"app": PROJECT})
    dead.change(mute=[silent])
    path = dead.path / "app/node_modules"
    with tool.start("explain", path, "--timeout", "2") as process, ended(dead):
        output, errors = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 3
    assert f"{path}: its disk did not answer for 2 seconds (--timeout)" in errors
    assert output == "" or "kept: unreadable" in output


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_the_first_signal_ends_it_where_the_disk_does_not_answer(
    tool: Tool,
    tmp_path: Path,
    disks: Mounts,
    number: int,
    code: int,
    form: tuple[str, ...],
) -> None:
    dead = disks.misbehaving(tmp_path / "dead", {"app": PROJECT})
    dead.change(mute=["getattr /app*"])
    path = dead.path / "app/node_modules"
    with tool.start("explain", path, *form) as process, ended(dead):
        await_condition(lambda: dead.calls("getattr", "/app") > 0, "it has asked the disk")
        process.send_signal(number)
        output, errors = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, errors) == (
        code,
        "cleanup-nodemodule: interrupted; nothing was done\n",
    )
    assert not os.path.exists(f"/proc/{process.pid}")
    if form:
        assert json.loads(output)["problems"][0]["errno"] == "EINTR"
