"""A ``.cleanup-nodemodule.toml`` in a searched tree: it protects, whatever it says, and does nothing else."""

import os
from pathlib import Path
from typing import Any, Final

import pytest

from cleanup_nodemodule import Cleaner, Settings
from cleanup_nodemodule.model import Removed
from cleanup_nodemodule.proof.tree_file import TREE_FILE
from support import simple
from support.tool import PROJECT, Tool
from support.trees import Declared, declare

WORK: Final[Declared] = {
    "clients": {"acme": PROJECT, "zeta": PROJECT},
    "old": {"clients": {"acme": PROJECT}},
    "shop": PROJECT,
}

ALL: Final = {"clients/acme", "clients/zeta", "old/clients/acme", "shop"}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A directory of projects, whose own name is one of theirs."""
    declare(tmp_path / "acme", WORK)
    return tmp_path / "acme"


def kept(told: Any) -> set[str]:
    assert set(told.reasons.values()) <= {None, "excluded"}
    assert len(told.reasons) == len(ALL)
    return {os.path.dirname(path) for path, reason in told.reasons.items() if reason}


@pytest.mark.parametrize(
    ("says", "keeps"),
    [
        ("", set()),
        ("keep = true", ALL),
        ("exclude = true", ALL),
        ("keep = []", set()),
        ('keep = "acme"', {"clients/acme", "old/clients/acme"}),
        ('exclude = ["acme"]', {"clients/acme", "old/clients/acme"}),
        ('keep = ["/clients/acme"]', {"clients/acme"}),
        ('keep = ["./clients"]', {"clients/acme", "clients/zeta"}),
        ('keep = ["clients/*"]', {"clients/acme", "clients/zeta", "old/clients/acme"}),
        ('keep = ["clients", "!zeta"]', {"clients/acme", "old/clients/acme"}),
        ('keep = ["clients/*", "!clients/zeta"]', {"clients/acme", "old/clients/acme"}),
        ('keep = ["shop/node_modules/pkg"]', {"shop"}),
        ('keep = ["shop/node_modules/none"]', set()),
        ('keep = ["shop"]\nexclude = ["zeta"]', {"shop", "clients/zeta"}),
    ],
)
def test_it_keeps_what_its_patterns_mean_from_where_it_lies(
    tool: Tool, work: Path, says: str, keeps: set[str]
) -> None:
    declare(work, {TREE_FILE: says})
    told = tool.run(work)
    assert (told.code, kept(told), told.problems) == (0, keeps, set())
    told = tool.delete(work)
    assert {os.path.dirname(path) for path, one in told.outcomes.items() if one} == ALL - keeps
    assert {os.path.relpath(one.parent, work) for one in work.rglob("node_modules")} == keeps


FAULTY: Final = {
    "another key": ("profile = ['all']", "there is no key profile"),
    "an order": ("delete = true", "there is no key delete"),
    "a job": ("[job.nightly]\ndelete = true", "there is no key job"),
    "no TOML": ("keep = [", "Invalid"),
    "no text": (b"\xff\xfe", "can't decode"),
    "of a kind": ("keep = 3", "has to be a list of patterns"),
    "false": ("keep = false", "has to be a list of patterns"),
    "of a kind inside": ("keep = [3]", "has to be a list of patterns"),
    "no pattern": ("keep = ['[z-a]']", "gitignore syntax"),
    "out of it": ("keep = ['../clients']", "leads out of"),
    "of home": ("keep = ['~/work']", "begins with ~"),
    "what takes back nothing": ("keep = ['!acme']", "takes back what an earlier"),
    "taken back": ("keep = ['acme', '!acme']", "takes back all that 'acme' keeps"),
    "all taken back": ("keep = ['/acme', '!*']", "takes back all that '/acme' keeps"),
    "from the top": ("keep = ['/tmp/x/*']", "from the top of the file system"),
    "deep": ("keep = " + "[" * 20_000, ""),
    "too large": ("#" * 70_000, "no small file"),
    "an escape": ('"a\x1b[31m" = 1', "Illegal character"),
}


@pytest.mark.parametrize("name", FAULTY)
def test_one_that_cannot_be_understood_keeps_all_beneath_it_and_is_a_problem(
    tool: Tool, work: Path, name: str
) -> None:
    says, why = FAULTY[name]
    declare(work / "clients", {TREE_FILE: says})
    before = {*work.rglob("*")}
    told = tool.delete(work / "clients")
    assert told.code == 3
    assert set(told.reasons.values()) == {"excluded"}
    [problem] = told.document["problems"]
    assert problem["path"] == str(work / "clients" / TREE_FILE)
    assert why in problem["message"]
    assert "is kept" in problem["message"]
    assert "\x1b" not in told.errors
    assert {*work.rglob("*")} == before
    assert tool.run(work / "old").problems == set()


def test_the_whole_path_of_a_thing_beside_it_is_a_mistake(tool: Tool, work: Path) -> None:
    declare(work, {TREE_FILE: f'keep = ["{work}/shop"]'})
    told = tool.run(work)
    assert (told.code, kept(told)) == (3, ALL)


@pytest.mark.parametrize("kind", ["symlink", "directory", "fifo", "dangling", "loop"])
def test_what_is_no_file_keeps_all_and_is_never_opened(tool: Tool, work: Path, kind: str) -> None:
    place = work / TREE_FILE
    match kind:
        case "symlink":
            declare(work, {"real.toml": ""})
            place.symlink_to("real.toml")
        case "directory":
            place.mkdir()
        case "fifo":
            os.mkfifo(place)
        case "dangling":
            place.symlink_to("nothing")
        case _:
            place.symlink_to(TREE_FILE)
    told = tool.run(work)
    assert (told.code, kept(told)) == (3, ALL)


def test_those_further_up_count_too(tool: Tool, work: Path) -> None:
    declare(work, {TREE_FILE: 'keep = ["clients/zeta"]'})
    declare(work / "clients", {TREE_FILE: 'keep = ["acme"]'})
    assert kept(tool.run(work)) == {"clients/acme", "clients/zeta"}
    # Also above what is searched, and in a directory that is an artifact itself.
    declare(work.parent, {TREE_FILE: 'keep = ["/acme/shop"]'})
    declare(work / "old/clients/acme/node_modules", {TREE_FILE: "keep = ['pkg']"})
    assert kept(tool.run(work)) == {"clients/acme", "clients/zeta", "shop", "old/clients/acme"}


def test_a_keep_file_and_it_get_on(tool: Tool, work: Path) -> None:
    declare(work, {".cleanup-keep": "", "shop": {TREE_FILE: 'keep = ["nothing"]'}})
    assert kept(tool.run(work)) == ALL


@pytest.mark.parametrize("moment", ["before", "behind"])
@pytest.mark.parametrize("says", ['keep = ["node_modules"]', "keep = true", "what"])
def test_one_that_comes_right_before_the_deletion_is_seen(
    work: Path, monkeypatch: pytest.MonkeyPatch, moment: str, says: str
) -> None:
    settings = Settings(roots=(str(work),), own_rules=simple.rules())
    shop = work / "shop"
    with Cleaner() as cleaner:
        plan = cleaner.scan(settings)
        if moment == "before":
            declare(shop, {TREE_FILE: says})
        else:
            original = os.rename

            def renamed(*args: Any, **how: Any) -> None:
                original(*args, **how)
                declare(shop, {TREE_FILE: says})

            monkeypatch.setattr(os, "rename", renamed)
            monkeypatch.setattr(os, "supports_dir_fd", {*os.supports_dir_fd, renamed})
        outcome = cleaner.delete(plan)
    assert (shop / "node_modules/file").exists()
    assert not (work / "clients/acme/node_modules").exists()
    spared = [one for one in outcome.results if not isinstance(one, Removed)]
    assert [one.artifact.path for one in spared] == [str(shop / "node_modules")]
    assert len(outcome.results) == len(ALL)
