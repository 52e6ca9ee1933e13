"""The selection of a plan, narrowed: what is left out is kept, and what the rest frees is settled anew."""

import asyncio
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanup_nodemodule.config.settings import Settings
from cleanup_nodemodule.model import Delete, Keep, Plan, Reason
from cleanup_nodemodule.survey import survey
from cleanup_nodemodule.survey.choose import choose
from cleanup_nodemodule.work.scheduler import Scheduler
from support import simple
from support.trees import declare

NAMES = ("a", "b", "c", "d")
OUTSIDE = "store"


def make_plan(top: Path, excludes: tuple[str, ...] = ()) -> Plan:
    async def plan() -> Plan:
        with ThreadPoolExecutor(2) as executor:
            made = Settings(
                roots=(str(top),),
                cwd=str(top),
                own_rules=simple.rules(),
                excludes=excludes,
            )
            return await survey.make_plan(made, Scheduler(executor, 2))

    return asyncio.run(plan())


def selected(plan: Plan) -> dict[str, int]:
    """Return what each artifact that is selected frees, by the name of its project."""
    return {
        os.path.basename(os.path.dirname(one.path)): one.size.reclaimable_bytes
        for one in plan.selected
    }


places = st.sets(st.sampled_from((*NAMES, OUTSIDE)), min_size=1)
files = st.lists(st.tuples(st.integers(0, 20_000), places), max_size=8)


@settings(max_examples=40)
@given(files=files, chosen=st.sets(st.sampled_from(NAMES)))
def test_a_narrowed_plan_frees_what_a_run_without_the_rest_says(
    files: list[tuple[int, set[str]]], chosen: set[str]
) -> None:
    """Whatever links lead from one artifact to others, or out of all of them."""
    with tempfile.TemporaryDirectory() as directory:
        top = Path(directory).resolve()
        project = {"package.json": "{}", "node_modules": {"own": 3000}}
        declare(top, {**dict.fromkeys(NAMES, project), OUTSIDE: {"readme": 1}})
        for number, (length, where) in enumerate(files):
            first, *more = (
                top / one if one == OUTSIDE else top / one / "node_modules" for one in sorted(where)
            )
            (first / str(number)).write_bytes(b"x" * length)
            for place in more:
                (place / str(number)).hardlink_to(first / str(number))
        whole = make_plan(top)
        assert len(whole.selected) == len(NAMES)
        narrowed = choose(whole, {str(top / one / "node_modules") for one in chosen})
        fresh = make_plan(top, tuple(f"{top}/{one}" for one in NAMES if one not in chosen))
    assert narrowed.reclaimable_bytes == fresh.reclaimable_bytes
    assert selected(narrowed) == selected(fresh)
    # What they take is what they take, whoever goes.
    assert [one.size.allocated_bytes for one in narrowed.artifacts] == [
        one.size.allocated_bytes for one in whole.artifacts
    ]
    assert {one.size.reclaimable_bytes for one in narrowed.artifacts if not one.selected} <= {0}
    taken = sum(one.size.allocated_bytes for one in narrowed.selected)
    assert taken <= sum(one.size.allocated_bytes for one in whole.selected)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Two artifacts with all links of a file between them, and one that is kept."""
    declare(
        tmp_path,
        {
            "a": {"package.json": "{}", "node_modules": {"shared": 9000}},
            "b": {"package.json": "{}", "node_modules": {}},
            "notes": {"dist": {"essay": "mine"}},
        },
    )
    (tmp_path / "b/node_modules/shared").hardlink_to(tmp_path / "a/node_modules/shared")
    return make_plan(tmp_path)


def test_what_is_left_out_says_so_and_what_was_kept_says_what_it_said(plan: Plan) -> None:
    first, second, kept = plan.artifacts
    narrowed = choose(plan, {second.path})
    assert [one.decision for one in narrowed.artifacts] == [
        Keep(Reason.NOT_CHOSEN),
        second.decision,
        Keep(Reason.UNPROVEN),
    ]
    assert narrowed.artifacts[2] is kept
    assert first.size.reclaimable_bytes + second.size.reclaimable_bytes > 9000
    assert narrowed.reclaimable_bytes == second.contents.allocated_bytes


def test_all_of_it_is_the_same_plan_and_a_stranger_is_nothing(plan: Plan) -> None:
    assert choose(plan, {one.path for one in plan.selected}) is plan
    nothing = choose(plan, {plan.artifacts[2].path, "/elsewhere"})
    assert (nothing.selected, nothing.reclaimable_bytes) == ((), 0)


def test_it_can_be_narrowed_step_by_step(plan: Plan) -> None:
    paths = {one.path for one in plan.selected}
    for path in sorted(paths):
        once = choose(plan, {path})
        assert choose(choose(plan, paths), {path}) == once
        assert choose(once, {path}) is once
        assert choose(once, paths - {path}).selected == ()


def test_what_lies_around_something_that_stays_stays_too(tmp_path: Path) -> None:
    places = [tmp_path / "/".join(["dist"] * level) for level in (1, 2, 3)]
    for place in places:
        declare(place, {"package.json": "{}", "file": 5000})
    found = make_plan(tmp_path)
    made = replace(
        found, artifacts=tuple(replace(one, decision=Delete()) for one in found.artifacts)
    )
    assert [one.path for one in made.selected] == [str(place) for place in places]
    middle = str(places[1])
    narrowed = choose(made, {one.path for one in made.selected} - {middle})
    assert [one.path for one in narrowed.selected] == [str(places[2])]


def test_the_reason_is_the_caller_s(plan: Plan) -> None:
    narrowed = choose(plan, set(), Reason.IN_USE)
    assert [one.decision for one in narrowed.artifacts[:2]] == [Keep(Reason.IN_USE)] * 2
