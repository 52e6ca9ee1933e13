"""Directories that a list names: each is decided as a run over the tree decides, and nothing is searched."""

import asyncio
import errno
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
import hypothesis.strategies as st
import pytest

from cleanup_nodemodule import engine as engines
from cleanup_nodemodule.config.filters import Filters
from cleanup_nodemodule.config.settings import Settings
from cleanup_nodemodule.model import Artifact, Plan
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.survey import survey
from cleanup_nodemodule.survey.named import places_around, root_finder
from cleanup_nodemodule.work.scheduler import Scheduler
from support import simple
from support.git import git
from support.tool import PROJECT
from support.trees import declare


@pytest.fixture(autouse=True)
def with_each_engine(engine: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_chosen", engine)


def plan_of(**settings: Any) -> Plan:
    async def plan() -> Plan:
        with ThreadPoolExecutor(2) as executor:
            made = Settings(own_rules=simple.rules(), **settings)
            return await survey.make_plan(made, Scheduler(executor, 2))

    return asyncio.run(plan())


def named(top: Path, names: Sequence[str], **settings: Any) -> Plan:
    return plan_of(
        **{"roots": (str(top),), **settings},
        artifacts=tuple(os.path.join(top, name) for name in names),
    )


def decided(plan: Plan) -> list[Artifact]:
    """Return the artifacts without what only a search counts, and what it does not ask of a root."""
    return [
        replace(one, inside=0, candidate=replace(one.candidate, changed=0))
        for one in plan.artifacts
    ]


def paths(top: Path, plan: Plan) -> list[str]:
    return [os.path.relpath(one.path, top) for one in plan.artifacts]


def reasons(top: Path, plan: Plan) -> dict[str, str]:
    return {os.path.relpath(path, top): code.value for path, code in _codes(plan)}


def _codes(plan: Plan) -> list[tuple[str, ProblemCode]]:
    return [(one.path, one.code) for one in plan.problems]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Projects with nested, tracked, kept and unproven directories, and hard links between them."""
    declare(
        tmp_path,
        {
            "app": {**PROJECT, "dist": {"index.js": 300, "dist": {"deep": 10}}},
            "lone": {"dist": {"package.json": "{}", "dist": {"inner": 700}}},
            "kept": {**PROJECT, ".cleanup-keep": ""},
            "tracked": {**PROJECT, "dist": {"package.json": "{}", "dist": {"inner": 10}}},
            "web": {"node_modules": {"x": {"package.json": "{}", "dist": {"a": 1}}}},
        },
    )
    os.link(tmp_path / "app/node_modules/file", tmp_path / "lone/dist/dist/linked")
    git(tmp_path / "tracked", "init", "--quiet")
    git(tmp_path / "tracked", "add", "--force", "dist")
    return tmp_path


def test_all_that_a_run_lists_is_decided_in_the_same_way(tree: Path) -> None:
    found = plan_of(roots=(str(tree),))
    assert {one.selected for one in found.artifacts} == {True, False}
    again = plan_of(roots=(str(tree),), artifacts=tuple(one.path for one in found.artifacts))
    assert decided(again) == decided(found)
    assert again.roots == found.roots
    assert (again.problems, again.complete) == ((), True)


def test_the_order_of_the_list_and_what_is_twice_in_it_change_nothing(tree: Path) -> None:
    found = plan_of(roots=(str(tree),))
    listed = [one.path for one in reversed(found.artifacts)]
    listed += [f"{path}/" for path in listed] + [f"{tree}/app/../app/node_modules"]
    assert decided(named(tree, listed)) == decided(found)


def test_what_is_not_in_the_list_has_no_row(tree: Path) -> None:
    plan = named(tree, ["app/node_modules"])
    assert paths(tree, plan) == ["app/node_modules"]
    assert plan.artifacts[0].selected


def test_what_lies_in_another_of_the_list_is_a_part_of_that(tree: Path) -> None:
    declare(tree / "app/node_modules/pkg/node_modules", {"x": 1})
    inner = "app/node_modules/pkg/node_modules"
    plan = named(tree, [inner, "app/node_modules", "lone/dist", "lone/dist/dist"])
    assert paths(tree, plan) == ["app/node_modules", "lone/dist", "lone/dist/dist"]
    whole = {one.path: one for one in plan_of(roots=(str(tree),)).artifacts}
    for one in plan.artifacts:
        assert one.contents == whole[one.path].contents


def test_the_links_in_a_part_of_another_one_count_once(tmp_path: Path) -> None:
    declare(tmp_path, {"p/stuff/x/cache/own": 50_000, "q/stuff/own": 50_000})
    shared = tmp_path / "p/stuff/shared"
    shared.write_bytes(b"x" * 200_000)
    os.link(shared, tmp_path / "p/stuff/x/cache/shared")
    os.link(shared, tmp_path / "q/stuff/shared")

    def plan(*names: str) -> Plan:
        whole: dict[str, Any] = {"roots": (str(tmp_path),), "also": ("stuff", "cache")}
        whole["filters"] = Filters(max_total=60_000)
        return named(tmp_path, names, **whole) if names else plan_of(**whole)

    outer, both, searched = (
        plan("p/stuff", "q/stuff"),
        plan("p/stuff", "p/stuff/x/cache", "q/stuff"),
        plan(),
    )
    assert outer.goals[0].missing_bytes == 0
    assert both.goals == outer.goals == searched.goals
    assert decided(both) == decided(outer) == decided(searched)
    # There are as many as the file system counts.
    assert sum(len(links) for _, _, links in both.links) == sum(
        len(links) for _, _, links in outer.links
    )


def test_each_name_that_is_no_artifact_says_why(tree: Path) -> None:
    (tree / "link").symlink_to("app/node_modules")
    (tree / "web/.git/node_modules").mkdir(parents=True)
    (tree / ".cleanup-nodemodule-0123456789abcdef/dist").mkdir(parents=True)
    plan = named(
        tree,
        [
            *("app", "link", "app/package.json", "missing", "app/package.json/x", "app/\0"),
            *("web/.git/node_modules", ".cleanup-nodemodule-0123456789abcdef/dist"),
            *(os.path.dirname(tree), "app/node_modules", "n" * 300),
        ],
    )
    # What no rule knows has a row, and is not measured.
    assert [(one.path, one.selected, one.contents.files) for one in plan.artifacts] == [
        (str(tree / "app"), False, 0),
        (str(tree / "app/node_modules"), True, 3),
    ]
    assert reasons(tree, plan) == {
        "link": "named",
        "app/package.json": "named",
        "missing": "named-gone",
        "app/package.json/x": "named-gone",
        "app/\0": "named",
        "web/.git/node_modules": "named",
        ".cleanup-nodemodule-0123456789abcdef/dist": "named",
        "..": "named",
        "n" * 300: "named",
    }
    sentences = {os.path.relpath(one.path, tree): one.sentence for one in plan.problems}
    assert "it is a symlink" in sentences["link"]
    assert "it is a file" in sentences["app/package.json"]
    assert "in a directory called .git" in sentences["web/.git/node_modules"]
    assert "lies in no PATH" in sentences[".."]


def test_by_a_symlink_on_the_way_it_is_the_same(tree: Path) -> None:
    (tree / "way").symlink_to("app")
    plan = named(tree, ["way/node_modules", "app/node_modules"])
    assert paths(tree, plan) == ["app/node_modules"]


def test_an_empty_list_is_a_plan_of_nothing(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)
    plan = plan_of(roots=(), artifacts=())
    assert (plan.artifacts, plan.problems, plan.roots, plan.complete) == ((), (), (), True)


def test_what_is_excluded_is_passed_over_as_by_a_search(tree: Path) -> None:
    plan = named(tree, ["app/node_modules", "lone/dist"], excludes=("app",), cwd=str(tree))
    assert paths(tree, plan) == ["lone/dist"]
    assert plan.problems == ()


def test_a_name_of_the_users_own_and_what_is_unproven_combine_with_a_list(tree: Path) -> None:
    declare(tree / "app", {"build-7": {"x": 1}})
    assert [one.selected for one in named(tree, ["app/build-7"]).artifacts] == [False]
    assert [one.selected for one in named(tree, ["app/build-7"], also=("build-7",)).artifacts] == [
        True
    ]
    unproven = str(tree / "web/node_modules")
    assert [one.selected for one in named(tree, ["web/node_modules"]).artifacts] == [False]
    plan = named(tree, ["web/node_modules"], include_unproven=(unproven,))
    assert [one.selected for one in plan.artifacts] == [True]


def test_a_root_that_is_in_the_list_itself(tree: Path) -> None:
    itself = tree / "app/node_modules"
    found = plan_of(roots=(str(itself),))
    assert decided(named(itself, [str(itself)])) == decided(found)
    assert [one.selected for one in found.artifacts] == [True]


# By which root each is decided. Pure.


@pytest.mark.parametrize(
    ("names", "mounts", "expected"),
    [
        ([], (), []),
        (["/srv/a/dist"], (), ["/srv/a"]),
        (["/srv/a/dist", "/srv/a/b/dist"], (), ["/srv/a"]),
        (["/srv/a/dist", "/srv/ab/dist"], (), ["/srv"]),
        (["/srv/a", "/srv/a/b", "/srv/a-c/d"], (), ["/srv"]),
        (["/srv/a/dist", "/home/b/dist"], (), ["/srv/a", "/home/b"]),
        (["/srv/a/dist", "/srv/m/b/dist"], ("/", "/srv/m"), ["/srv/a", "/srv/m/b"]),
        (["/dist"], (), ["/"]),
    ],
)
def test_the_nearest_directory_around(
    names: list[str], mounts: tuple[str, ...], expected: list[str]
) -> None:
    assert places_around(names, mounts) == expected


WORDS = st.lists(st.sampled_from(["a", "a-", "a.b", "b", "ab"]), min_size=1, max_size=4)


@hypothesis.given(st.lists(WORDS, min_size=1, max_size=8))
def test_it_lies_around_each_of_them_and_no_nearer_one_does(words: list[list[str]]) -> None:
    names = ["/top/" + "/".join(one) for one in words]
    [place] = places_around(names)
    assert place == os.path.commonpath([os.path.dirname(name) for name in names])


def test_the_first_root_around_counts_unless_something_is_mounted_in_between() -> None:
    find = root_finder(["/w/a", "/w", "/w/m/x"], None, ("/", "/w/m"), [])
    assert find("/w/a/dist") == "/w/a"
    assert find("/w/b/dist") == "/w"
    assert find("/w/m/y/dist") is None
    assert find("/w/m/x/dist") == "/w/m/x"
    assert find("/w/a") == "/w"
    assert find("/x/dist") is None


def test_without_roots_it_is_the_current_directory_or_what_lies_around_the_others() -> None:
    listed = ["/w/a/dist", "/w/b/dist", "/x/p/dist", "/x/q/dist"]
    find = root_finder([], "/w", (), listed)
    assert [find(path) for path in listed] == ["/w", "/w", "/x", "/x"]


def test_on_a_disk_that_may_not_be_read_each_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    plan = named(tmp_path, ["loop/dist"])
    assert [(one.code, one.errno) for one in plan.problems] == [(ProblemCode.NAMED, errno.ELOOP)]


# Many roots, as a list has them.


def test_many_roots_come_to_what_one_around_them_comes_to(tmp_path: Path) -> None:
    declare(tmp_path, {f"p{number}": PROJECT for number in range(40)})
    (tmp_path / "way").symlink_to("p1")
    (tmp_path / "p7/package.json").unlink()
    whole = plan_of(roots=(str(tmp_path),))
    roots = [f"{tmp_path}/p{number}" for number in range(40)]
    plan = plan_of(roots=(*roots, f"{tmp_path}/way", f"{tmp_path}/gone"))
    assert [(one.path, one.decision, one.size) for one in plan.artifacts] == [
        (one.path, one.decision, one.size) for one in whole.artifacts
    ]
    assert {one.candidate.root for one in plan.artifacts} == set(roots)
    assert [(one.path, one.errno) for one in plan.problems] == [(f"{tmp_path}/gone", errno.ENOENT)]


@pytest.mark.parametrize("outer_first", [True, False])
def test_of_many_roots_in_each_other_the_first_counts(tmp_path: Path, *, outer_first: bool) -> None:
    declare(tmp_path, {f"p{number}": PROJECT for number in range(40)})
    inner = [f"{tmp_path}/p{number}" for number in range(40)]
    roots = (str(tmp_path), *inner) if outer_first else (*inner, str(tmp_path))
    plan = plan_of(roots=roots)
    assert len(plan.selected) == 40
    found = {one.candidate.root for one in plan.artifacts}
    assert found == ({str(tmp_path)} if outer_first else set(inner))
