"""The user's filters, each alone and with each other, against what a plain reading of their words says."""

import itertools
import os
from array import array
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cleanup_nodemodule
from cleanup_nodemodule.config.filters import FilterError, Filters
from cleanup_nodemodule.config.settings import Settings
from cleanup_nodemodule.model import (
    Artifact,
    Candidate,
    Contents,
    Delete,
    Evidence,
    Goal,
    Identity,
    Keep,
    Level,
    Plan,
    Reason,
    Records,
    Size,
)
from cleanup_nodemodule.model.quantities import Share
from cleanup_nodemodule.patterns.patterns import Patterns, compile_pattern
from cleanup_nodemodule.survey import survey
from cleanup_nodemodule.survey.filtering import Known, filtered
from cleanup_nodemodule.survey.goals import FileSystem
from cleanup_nodemodule.work.tasks import Stopped
from support import simple
from support.trees import declare

NOW = 1_000_000
PLACES = tuple(
    "/".join(("", root, *names))
    for root in ("one", "two")
    for depth in (1, 2, 3)
    for names in itertools.product(("a", "b"), repeat=depth)
)


class Row(NamedTuple):
    """What the test knows of one artifact."""

    path: str
    selected: bool
    used: int
    own: int
    links: tuple[int, ...]
    """Numbers of inodes."""
    project: str
    tree: str | None


class World(NamedTuple):
    """Some artifacts, and the files with several links in them."""

    rows: tuple[Row, ...]
    blocks: tuple[int, ...]
    """Of each inode."""
    outside: tuple[int, ...]
    """Links of each inode that are in no artifact."""
    one_disk: bool
    """Both roots lie on one file system, as two subvolumes do."""
    available: tuple[int | None, int | None]

    def device(self, row: Row) -> int:
        return 1 if row.path.startswith("/one/") else 2

    def disk(self, row: Row) -> str:
        return "/" if self.one_disk else f"/{'one' if self.device(row) == 1 else 'two'}"

    def inode(self, row: Row, link: int) -> tuple[int, int]:
        """Links do not lead from one device to another one."""
        return self.device(row), link

    def count(self, being: tuple[int, int]) -> int:
        """Return how many links the file system counts."""
        inside = sum(self.inode(row, link) == being for row in self.rows for link in row.links)
        return inside + self.outside[being[1]]

    def freed(self, rows: Iterable[Row]) -> int:
        """Return what the file system gets back when these are gone."""
        gone = list(rows)
        links = [self.inode(row, link) for row in gone for link in row.links]
        whole = {one for one in links if links.count(one) == self.count(one)}
        return sum(row.own for row in gone) + sum(self.blocks[link] for _, link in whole)

    def taken(self, rows: Iterable[Row]) -> int:
        """Return what these take together, as ``du`` counts."""
        there = list(rows)
        inodes = {self.inode(row, link) for row in there for link in row.links}
        return sum(row.own for row in there) + sum(self.blocks[link] for _, link in inodes)

    def inside(self, row: Row) -> list[Row]:
        """Return it, and what lies in it."""
        return [one for one in self.rows if one is row or one.path.startswith(f"{row.path}/")]

    def around(self, row: Row) -> list[Row]:
        return [one for one in self.rows if row.path.startswith(f"{one.path}/")]


def plan_of(world: World) -> Plan:
    links = []
    for place, row in enumerate(world.rows):
        records = [
            (link, world.count(world.inode(row, link)), 1, *(2 * (world.blocks[link],)))
            for link in row.links
        ]
        packed = array("Q", itertools.chain.from_iterable(records)).tobytes()
        links.append((place, world.device(row), packed))
    artifacts = []
    met: set[tuple[int, int]] = set()
    for row in reversed(world.rows):  # An inode counts with the last one that links to it.
        fresh = {world.inode(row, link) for link in row.links} - met
        met |= fresh
        allocated = row.own + sum(world.blocks[link] for _, link in fresh)
        artifacts.append(
            Artifact(
                Candidate(
                    row.path, f"/{row.path[1:4]}", Identity(world.device(row), 9), mounted=False
                ),
                Evidence(
                    *(Level.PROVEN, (), None, "js", "js", row.project, None, None, (), row.used),
                    repository=row.tree,
                ),
                Contents(1, row.own, 1, 1, 0, complete=True, mounts=(), repositories=()),
                Size.exact(1, allocated, 1 if row.selected else 0),
                Delete() if row.selected else Keep(Reason.TRACKED),
            )
        )
    return Plan(
        *(("/one", "/two"), tuple(reversed(artifacts)), ()),
        complete=True,
        records=Records(tuple(links)),
    )


REPOSITORIES = {"/one/a": "r", "/one/b": "r", "/two/a": "s"}
"""Two working trees of one repository, and one of another."""


def tree_of(path: str) -> str | None:
    return next((one for one in REPOSITORIES if f"{path}/".startswith(f"{one}/")), None)


rows = st.builds(
    Row,
    path=st.sampled_from(PLACES),
    selected=st.sampled_from([True, True, True, False]),
    used=st.sampled_from([0, NOW - 1000, NOW - 300, NOW - 299, NOW - 10, NOW, NOW + 99]),
    own=st.sampled_from([0, 0, 512, 4096, 9000]),
    links=st.lists(st.integers(0, 4), max_size=4).map(tuple),
    project=st.just(""),
    tree=st.none(),
)
worlds = st.builds(
    World,
    rows=st.lists(rows, max_size=9, unique_by=lambda row: row.path).map(
        lambda some: tuple(
            row._replace(project=os.path.dirname(row.path), tree=tree_of(row.path))
            for row in sorted(some)
        )
    ),
    blocks=st.tuples(*[st.sampled_from([0, 512, 4096])] * 5),
    outside=st.tuples(*[st.sampled_from([0, 0, 0, 1])] * 5),
    one_disk=st.booleans(),
    available=st.tuples(*[st.sampled_from([None, 0, 5000, 20_000])] * 2),
)
SIZES = st.sampled_from([0, 1, 600, 5000, 9000, 20_000])
TIMES = st.sampled_from([0, 10, 299, 300, 301, 2000])
VALUES: Mapping[str, st.SearchStrategy[Any]] = {
    "older_than": TIMES,
    "newer_than": TIMES,
    "min_size": SIZES,
    "max_size": SIZES,
    "only": st.sampled_from([("a",), ("b/a",), ("/one", "!b"), ("nothing",)]),
    "keep_latest": st.integers(1, 3),
    "keep_latest_per": st.sampled_from(["run", "repository"]),
    "free": SIZES,
    "until_free": st.one_of(SIZES, st.sampled_from([Share(15), Share(60)])),
    "max_total": SIZES,
    "order": st.sampled_from(["age", "size"]),
}
WHOLE = 20_000
"""Bytes of each file system."""


def known_of(world: World, filters: Filters) -> Known:
    patterns = [
        compile_pattern(text, None, None, ("/one", "/two"), ask=False) for text in filters.only
    ]
    names = ("/", "/") if world.one_disk else ("/one", "/two")
    free = (world.available[0],) * 2 if world.one_disk else world.available
    return Known(
        NOW,
        Patterns(tuple(patterns)),
        REPOSITORIES,
        {device: FileSystem(names[device - 1], free[device - 1], WHOLE) for device in (1, 2)},
    )


# The reference: it looks at everything anew for each question, in the words of the help


def age(row: Row) -> int:
    return NOW - row.used if 0 < row.used < NOW else 0


def matches(path: str, only: tuple[str, ...]) -> bool:
    if only == ("/one", "!b"):
        # The last pattern that matches it, or something around it, decides.
        names = path.split("/")[1:]
        return names[0] == "one" and "b" not in names
    names = path.split("/")[1:]
    wanted = only[0].split("/")
    return any(names[at : at + len(wanted)] == wanted for at in range(len(names)))


def refused(world: World, row: Row, filters: Filters) -> Reason | None:
    """Return for which reason an artifact is kept when it is looked at alone."""
    taken = world.taken(world.inside(row))
    if filters.older_than is not None and age(row) < filters.older_than:
        return Reason.TOO_RECENT
    if filters.newer_than is not None and age(row) > filters.newer_than:
        return Reason.TOO_OLD
    if filters.only and not matches(row.path, filters.only):
        return Reason.NOT_MATCHED
    if filters.max_size is not None and taken > filters.max_size:
        return Reason.TOO_LARGE
    if filters.min_size is not None and taken < filters.min_size:
        return Reason.TOO_SMALL
    return None


def is_latest(world: World, row: Row, filters: Filters) -> bool:
    def competes(one: Row) -> tuple[str, str]:
        if filters.keep_latest_per == "run":
            return "", one.project
        if one.tree is None:
            return f"project {one.project}", one.project
        return REPOSITORIES[one.tree], one.tree

    group, member = competes(row)
    others = {competes(one)[1] for one in world.rows if competes(one)[0] == group}
    rows_of = {
        name: [one for one in world.rows if competes(one) == (group, name)] for name in others
    }
    unknown = {
        name for name, some in rows_of.items() if not all(0 < one.used <= NOW for one in some)
    }
    if member in unknown or (filters.keep_latest_per == "repository" and row.tree is None):
        return True
    used = {name: min(map(age, some)) for name, some in rows_of.items()}
    known = sorted(others - unknown, key=lambda name: (used[name], -len(name), name))
    return known.index(member) < (filters.keep_latest or 0)


def expected(world: World, filters: Filters) -> tuple[dict[str, Reason], list[Goal]]:
    """Return why each artifact that could go is kept, by its path, and what is reached."""
    going = [row for row in world.rows if row.selected]
    reasons: dict[str, Reason] = {}
    firm: list[Row] = []
    for row in going:
        if (reason := refused(world, row, filters)) is not None:
            reasons[row.path] = reason
            if reason is not Reason.TOO_SMALL:
                firm.append(row)
    around_them(world, firm, reasons, reasons)
    if filters.keep_latest is not None:
        latest = [row for row in going if is_latest(world, row, filters)]
        latest = [row for row in latest if reasons.get(row.path) in (None, Reason.TOO_SMALL)]
        for row in latest:
            reasons.setdefault(row.path, Reason.LATEST)
        firm += latest
        around_them(
            world, latest, dict.fromkeys((one.path for one in latest), Reason.LATEST), reasons
        )
    # What may go: on its own, or with something around it.
    alone = [row for row in going if row.path not in reasons]
    with_it = [
        row
        for row in going
        if reasons.get(row.path) is Reason.TOO_SMALL
        and not any(one in world.inside(row) for one in firm)
        and any(one in alone for one in world.around(row))
    ]
    may_go = [*alone, *with_it]
    goals: list[Goal] = []
    gone = may_go
    if filters.goals:
        gone = []
        for disk in dict.fromkeys(world.disk(row) for row in world.rows):
            some, reached = taken_for(world, filters, disk, alone, may_go)
            gone += some
            goals += reached
    for row in may_go:
        if row in gone:
            reasons.pop(row.path, None)
        else:
            reasons.setdefault(row.path, Reason.ENOUGH)
    return reasons, goals


def around_them(
    world: World, firm: list[Row], why: Mapping[str, Reason], reasons: dict[str, Reason]
) -> None:
    for row in firm:
        for around in world.around(row):
            if around.selected:
                reasons.setdefault(around.path, why[row.path])


def taken_for(
    world: World, filters: Filters, disk: str, alone: list[Row], may_go: list[Row]
) -> tuple[list[Row], list[Goal]]:
    """Delete one after the other, until everything is reached."""
    here = [row for row in world.rows if world.disk(row) == disk]
    available = world.available[0 if disk in {"/", "/one"} else 1]

    def with_all(row: Row) -> list[Row]:
        return [one for one in world.inside(row) if one in may_go]

    shown = {
        one.path: artifact.size.allocated_bytes
        for one, artifact in zip(world.rows, plan_of(world).artifacts, strict=True)
    }
    keys = {
        row.path: (min(map(age, with_all(row))), sum(shown[one.path] for one in with_all(row)))
        for row in alone
    }

    def order(row: Row) -> tuple[int, int, str]:
        used, size = keys[row.path]
        return (-used, -size, row.path) if filters.order == "age" else (-size, -used, row.path)

    total = world.taken(here)

    def missing(gone: list[Row]) -> list[int | None]:
        left = [row for row in here if row not in gone]
        found: list[int | None] = []
        if filters.free is not None:
            found.append(max(filters.free - world.freed(gone), 0))
        if filters.until_free is not None:
            least = filters.until_free
            least = least.of(WHOLE) if isinstance(least, Share) else least
            found.append(
                None if available is None else max(least - available - world.freed(gone), 0)
            )
        if filters.max_total is not None:
            # What a file takes that is in something that remains is not gone.
            found.append(max(world.taken(left) - filters.max_total, 0))
        return found

    steps: list[list[Row]] = []
    gone: list[Row] = []
    for row in sorted((row for row in alone if world.disk(row) == disk), key=order):
        if not any(missing(gone)):
            break
        steps.append([one for one in with_all(row) if one not in gone])
        gone += steps[-1]
    at_the_end = missing(gone)
    useful = [
        step
        for step in steps
        if step
        and (
            world.freed(one for one in gone if one not in step) < world.freed(gone)
            or (
                filters.max_total is not None
                and world.taken(row for row in here if row not in gone or row in step)
                > world.taken(row for row in here if row not in gone)
            )
        )
    ]
    kept = [row for step in useful for row in step]
    # What is taken along is, whoever needs it.
    kept += [
        row for row in gone if row not in kept and any(one in kept for one in world.around(row))
    ]
    del total
    return kept, [Goal("", disk, 0, 0, lacks) for lacks in at_the_end]


def reasons_of(plan: Plan) -> dict[str, Reason]:
    return {
        one.path: one.decision.reason
        for one in plan.artifacts
        if isinstance(one.decision, Keep) and one.decision.reason is not Reason.TRACKED
    }


def check(world: World, filters: Filters) -> None:
    plan = plan_of(world)
    made = filtered(plan, filters, known_of(world, filters))
    reasons, goals = expected(world, filters)
    assert reasons_of(made) == reasons
    assert [(one.file_system, one.missing_bytes) for one in made.goals] == [
        (one.file_system, one.missing_bytes) for one in goals
    ]
    gone = [row for row in world.rows if row.selected and row.path not in reasons]
    assert [one.path for one in made.selected] == [row.path for row in gone]
    assert all(
        one.decision.detail
        for one in made.artifacts
        if isinstance(one.decision, Keep) and one.path in reasons
    )
    if reasons:
        # Each number is settled anew.
        assert made.reclaimable_bytes == world.freed(gone)
    assert [one.size.allocated_bytes for one in made.artifacts] == [
        one.size.allocated_bytes for one in plan.artifacts
    ]


NAMES = [name for name in VALUES if name not in {"keep_latest_per", "order"}]
PAIRS = [(name,) for name in NAMES] + list(itertools.combinations(NAMES, 2))


@pytest.mark.parametrize("names", PAIRS, ids="+".join)
def test_each_filter_alone_and_each_pair_keep_what_they_say(names: tuple[str, ...]) -> None:
    @settings(max_examples=15)
    @given(
        world=worlds,
        given_=st.fixed_dictionaries(
            {name: VALUES[name] for name in (*names, "keep_latest_per", "order")}
        ),
    )
    def holds(world: World, given_: dict[str, Any]) -> None:
        try:
            filters = Filters(**given_)
        except FilterError:
            assert len(names) == 2
            return
        check(world, filters)

    holds()


@settings(max_examples=100)
@given(world=worlds, given_=st.fixed_dictionaries({}, optional=dict(VALUES)))
def test_any_filters_together_keep_what_they_say(world: World, given_: dict[str, Any]) -> None:
    try:
        filters = Filters(**given_)
    except FilterError:
        return
    if filters.any:
        check(world, filters)


def test_a_run_that_is_stopped_while_filters_ask_selects_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(tmp_path, {"package.json": "{}", "node_modules": {"a": {"index.js": "x"}}})

    async def stopped(*_: object) -> None:
        raise Stopped

    monkeypatch.setattr(survey, "known", stopped)
    asked = Settings(
        roots=(str(tmp_path),), own_rules=simple.rules(), filters=Filters(older_than=0)
    )
    plan = cleanup_nodemodule.scan(asked)
    assert [one.decision for one in plan.artifacts] == [Keep(Reason.INTERRUPTED)]
    assert not plan.complete
