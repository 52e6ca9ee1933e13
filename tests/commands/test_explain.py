"""``explain`` says what a run decides, and ends when its disk does not answer."""

import asyncio
import json
import os
import random
import signal
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
from support.judges import verdict
from support.tool import PROJECT, Run, Tool
from support.trees import Declared, declare
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
