"""Rows that are handed out while a survey goes on: the same as those of the plan that is made at once."""

import asyncio
import contextlib
import os
import pickle
import random
import subprocess
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from unittest.mock import Mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanup_nodemodule import engine
from cleanup_nodemodule.config.filters import Filters
from cleanup_nodemodule.config.settings import Settings
from cleanup_nodemodule.engine.contract import Root
from cleanup_nodemodule.model import Artifact, Keep, Plan, Problem, Reason
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.survey import portions, proving, survey
from cleanup_nodemodule.survey.packed import PackedMap, PackedSet, Passed
from cleanup_nodemodule.survey.rows import Findings, Row
from cleanup_nodemodule.work.scheduler import Scheduler
from support import corpus, hostile_trees, simple
from support.filesystems import Mounts
from support.git import git
from support.trees import Declared, declare

WORKERS: Final = 3

NAMES: Final = ("a", "b", "src", "packages", "node_modules", "dist", "build", ".turbo", "out")


def planned(chosen: Settings) -> Plan:
    """Return the plan that is made at once."""

    async def work() -> Plan:
        with ThreadPoolExecutor(WORKERS) as executor, Scheduler(executor, WORKERS) as scheduler:
            return await survey.make_plan(chosen, scheduler)

    return asyncio.run(work())


class Taken:
    """Takes what is handed out, and has each artifact watched for."""

    def __init__(self, watch: Callable[[Artifact], None] | None = None) -> None:
        self.roots: tuple[str, ...] | None = None
        self.artifacts: list[Artifact] = []
        self.problems: list[Problem] = []
        self._watch = watch

    def begun(self, roots: tuple[str, ...]) -> None:
        assert self.roots is None
        self.roots = roots

    def decided(self, artifacts: Sequence[Artifact], problems: Sequence[Problem]) -> None:
        assert self.roots is not None
        self.problems += problems
        for one in artifacts:
            self.artifacts.append(one)
            if self._watch is not None:
                self._watch(one)


def handed_out(
    chosen: Settings,
    watch: Callable[[Artifact, Scheduler], None] | None = None,
    timeout: float | None = None,
    after: Callable[[], object] = lambda: None,
) -> tuple[Taken, Plan]:
    """Return what was handed out, and the plan in the end; *watch* is called with each artifact, *after* at the end."""

    async def work() -> tuple[Taken, Plan]:
        with (
            ThreadPoolExecutor(WORKERS) as executor,
            Scheduler(executor, WORKERS, timeout=timeout) as scheduler,
        ):
            taken = Taken(None if watch is None else lambda one: watch(one, scheduler))
            plan = await survey.decide_each(chosen, scheduler, taken)
            after()
            return taken, plan

    return asyncio.run(work())


def check_the_same(chosen: Settings) -> tuple[list[Artifact], Plan]:
    """Make both, compare everything, and return both."""
    whole = planned(chosen)
    taken, rest = handed_out(chosen)
    assert sorted(taken.artifacts, key=lambda one: one.path) == [*whole.artifacts]
    assert Counter(taken.problems) == Counter(whole.problems)
    assert (taken.roots, rest.artifacts, rest.problems) == (whole.roots, (), ())
    for name in ("roots", "complete", "leftovers", "unseen_processes", "unmatched", "others"):
        assert getattr(rest, name) == getattr(whole, name), name
    return taken.artifacts, whole


class _Grower:
    """Grows a tree by chance: projects in projects, artifacts in artifacts, repositories, files with several links."""

    def __init__(self, top: Path, seed: int) -> None:
        self._top = top
        self._chance = random.Random(seed)
        self._files: list[Path] = []
        self._room = 60

    def grow(self) -> None:
        self._directory(self._top, 0)

    def _directory(self, place: Path, depth: int) -> None:
        chance = self._chance
        place.mkdir(exist_ok=True)
        self._room -= 1
        for number in range(chance.randrange(3)):
            self._file(place / str(number))
        if chance.random() < 0.6:
            (place / "package.json").write_text("{}")
        if chance.random() < 0.05:
            (place / ".cleanup-keep").touch()
        if chance.random() < 0.05:
            (place / f".cleanup-nodemodule-{chance.randrange(10**16):016}").mkdir()
        repository = depth < 5 and chance.random() < 0.2
        if repository and chance.random() < 0.7:
            (place / ".gitignore").write_text("dist\nbuild\nnode_modules\n")
        for name in chance.sample(NAMES, chance.randrange(1, 5)):
            if self._room > 0 and depth < 7:
                self._directory(place / name, depth + 1)
        if repository:
            self._commit(place)
        when = chance.randrange(1_500_000_000, 1_700_000_000)
        os.utime(place, (when, when))

    def _file(self, path: Path) -> None:
        chance = self._chance
        if self._files and chance.random() < 0.4:
            path.hardlink_to(chance.choice(self._files))
        else:
            path.write_bytes(b"x" * chance.randrange(9000))
            when = chance.randrange(1_500_000_000, 1_700_000_000)
            os.utime(path, (when, when))
        self._files.append(path)

    def _commit(self, place: Path) -> None:
        git(place, "init", "--quiet")
        for directory, names, _files in os.walk(place):
            if ".git" in names:
                names.remove(".git")
            for name in {"dist", "build"}.intersection(names):
                if self._chance.random() < 0.3:
                    with contextlib.suppress(
                        subprocess.CalledProcessError
                    ):  # A new repository in it.
                        git(place, "add", "--force", os.path.join(directory, name))


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Search a few entries in a call, so that rows are decided while the search is in the midst of a small tree."""
    monkeypatch.setattr(portions, "_BUDGET", 6)
    monkeypatch.setattr(portions, "_MOMENT", 0)
    # What one call has found is not known all at once either.
    monkeypatch.setattr(proving, "_FIRST", 1)
    monkeypatch.setattr(proving, "_MOST", 1)


def simply(top: Path, **more: Any) -> Settings:
    return Settings(roots=(str(top),), cwd=str(top), own_rules=simple.rules(), **more)


@pytest.mark.usefixtures("chosen", "hurried")
@pytest.mark.parametrize(("most", "budget"), [(3, 6), (portions.MOST, 6), (portions.MOST, 40)])
def test_they_are_those_of_the_plan(
    monkeypatch: pytest.MonkeyPatch, most: int, budget: int
) -> None:
    """Whatever lies in what, is tracked, or has links elsewhere, and however few may be under way at a time."""
    monkeypatch.setattr(portions, "MOST", most)
    monkeypatch.setattr(portions, "_BUDGET", budget)
    met: Counter[str] = Counter()

    @settings(max_examples=10)
    @given(st.integers(0, 2**32))
    def check(seed: int) -> None:
        with tempfile.TemporaryDirectory() as directory:
            top = Path(directory).resolve() / "top"
            _Grower(top, seed).grow()
            artifacts, _ = check_the_same(simply(top))
            met.update(
                one.decision.reason if isinstance(one.decision, Keep) else "delete"
                for one in artifacts
            )
            met["in another"] += sum(
                one.path.startswith(f"{other.path}/") for one in artifacts for other in artifacts
            )

    check()
    assert met.keys() >= {"delete", "in another", Reason.TRACKED, Reason.UNPROVEN}


FILTERS: Final = st.fixed_dictionaries(
    {},
    optional={
        "older_than": st.integers(0, 200_000_000),
        "newer_than": st.integers(200_000_000, 300_000_000),
        "min_size": st.integers(0, 20_000),
        "max_size": st.integers(20_000, 60_000),
        "only": st.sampled_from([("a",), ("dist", "out"), ("packages/**", "!dist")]),
    },
)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin each run in the same second, so that all say the same of how long ago something was used."""
    monkeypatch.setattr(survey, "time", Mock(time=lambda: 1_750_000_000.5))


@pytest.mark.usefixtures("chosen", "hurried", "at_once")
def test_filters_that_look_at_one_row_keep_what_they_keep_in_a_plan() -> None:
    @settings(max_examples=8)
    @given(st.integers(0, 2**32), FILTERS)
    def check(seed: int, filters: dict[str, Any]) -> None:
        with tempfile.TemporaryDirectory() as directory:
            top = Path(directory).resolve() / "top"
            _Grower(top, seed).grow()
            check_the_same(simply(top, filters=Filters(**filters)))

    check()


@pytest.mark.usefixtures("chosen", "hurried", "at_once")
@pytest.mark.parametrize(
    ("filters", "reason"),
    [
        (Filters(older_than=5000), Reason.TOO_RECENT),
        (Filters(newer_than=5000), Reason.TOO_OLD),
        (Filters(min_size=60_000), Reason.TOO_SMALL),
        (Filters(max_size=60_000), Reason.TOO_LARGE),
        (Filters(only=("team-000",)), Reason.NOT_MATCHED),
    ],
    ids=lambda one: one.value if isinstance(one, Reason) else "",
)
def test_each_filter_that_looks_at_one_row_keeps_some(
    tmp_path: Path, filters: Filters, reason: Reason
) -> None:
    """Some that it keeps lie in others, and some share files with others that go."""
    projects(tmp_path, 30)
    for number in range(10):
        own, other = (tmp_path / f"team-00{team}/project-{number}" for team in range(2))
        (own / "node_modules/large").write_bytes(b"x" * 20_000 * number)
        (other / "node_modules/shared").hardlink_to(own / "node_modules/large")
        inner = own / "node_modules/z/node_modules"
        declare(inner.parent, {"package.json": "{}", "node_modules": {"x": 10_000 * number}})
    for place, directories, files in os.walk(tmp_path):
        when = 1_750_000_000 - 1000 * int(place.partition("project-")[2][:1] or 0)
        for name in (*directories, *files):
            os.utime(os.path.join(place, name), (when, when))
    artifacts, _ = check_the_same(simply(tmp_path, filters=filters))
    reasons = Counter(one.decision.reason for one in artifacts if isinstance(one.decision, Keep))
    assert 0 < reasons[reason] < len(artifacts)
    assert any(one.selected for one in artifacts)


@pytest.mark.usefixtures("chosen", "hurried")
def test_one_root_in_another_alters_nothing(tmp_path: Path) -> None:
    _Grower(tmp_path / "top", 7).grow()
    inner = [place for place, _, _ in os.walk(tmp_path / "top") if place.endswith("dist")][:2]
    assert inner
    for roots in ((*inner, str(tmp_path / "top")), (str(tmp_path / "top"), *inner)):
        check_the_same(replace(simply(tmp_path), roots=roots))


@pytest.mark.slow
@pytest.mark.usefixtures("chosen")
def test_they_are_those_of_the_plan_in_a_whole_home_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path.resolve() / "home"
    corpus.build(home)
    monkeypatch.setattr(portions, "_BUDGET", 50)
    for profiles in (("all",), ("js",), ("python", "rust")):
        chosen = Settings(
            roots=(str(home),), cwd=str(home / corpus.CURRENT), home=str(home), profiles=profiles
        )
        artifacts, _ = check_the_same(chosen)
        assert artifacts


@pytest.mark.slow
@pytest.mark.usefixtures("chosen", "hurried")
@pytest.mark.parametrize("seed", range(6))
def test_they_are_those_of_the_plan_on_trees_that_mean_harm(tmp_path: Path, seed: int) -> None:
    top = tmp_path.resolve() / "tree"
    (tmp_path / "canary").mkdir()
    (tmp_path / "canary/file").write_bytes(b"precious")
    hostile_trees.grow(top, tmp_path / "canary", seed)
    try:
        check_the_same(Settings(roots=(str(top),), cwd=str(tmp_path), profiles=("all",)))
    finally:
        # Not shutil.rmtree, which cannot take away a chain of a thousand directories.
        subprocess.run(["rm", "-rf", top], check=True)


def projects(top: Path, count: int) -> None:
    """Make so many projects, ten in a directory."""
    project: Declared = {"package.json": "{}", "node_modules": {"x": 10}, "src": {"y": 1}}
    declare(
        top,
        {
            f"team-{team:03}": {f"project-{number}": project for number in range(10)}
            for team in range(count // 10)
        },
    )


@pytest.mark.usefixtures("chosen")
@pytest.mark.parametrize("filters", [Filters(), Filters(min_size=1, only=("node_modules",))])
def test_few_are_under_way_at_a_time_and_the_first_comes_long_before_the_last_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, filters: Filters
) -> None:
    monkeypatch.setattr(portions, "MOST", 20)
    monkeypatch.setattr(portions, "_BUDGET", 64)
    projects(tmp_path, 800)
    found = most = 0
    add = Findings.add

    def adding(findings: Findings, *sighted: Any, **named: Any) -> Row:
        nonlocal found, most
        row = add(findings, *sighted, **named)
        found, most = found + 1, max(most, len(findings.rows))
        return row

    monkeypatch.setattr(Findings, "add", adding)
    first: list[int] = []
    taken, _ = handed_out(
        simply(tmp_path, filters=filters), lambda _one, _scheduler: first.append(found)
    )
    assert len(taken.artifacts) == found == 800
    # What the calls that go on find meanwhile comes on top, and what waits for the search.
    assert most < 800
    assert first[0] < 800


@pytest.mark.usefixtures("chosen", "hurried")
@pytest.mark.parametrize("after", [1, 57])
def test_a_stop_leaves_what_was_handed_out_and_says_that_there_may_be_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    monkeypatch.setattr(portions, "MOST", 10)
    projects(tmp_path, 200)
    whole = {one.path: one for one in planned(simply(tmp_path)).artifacts}
    count = 0

    def stop(_one: Artifact, scheduler: Scheduler) -> None:
        nonlocal count
        count += 1
        if count == after:
            scheduler.stop()

    taken, rest = handed_out(simply(tmp_path), stop)
    paths = [one.path for one in taken.artifacts]
    assert len(paths) == len(set(paths))
    assert after <= len(paths) <= len(whole)
    # It may come when all is decided.
    assert not rest.complete or set(paths) == whole.keys()
    known = [one for one in taken.artifacts if one.decision != Keep(Reason.INTERRUPTED)]
    assert len(known) >= after
    assert [whole[one.path] for one in known] == known


def test_what_was_stopped_before_it_began_says_so(tmp_path: Path) -> None:
    taken = Taken()

    async def work() -> Plan:
        with ThreadPoolExecutor(1) as executor, Scheduler(executor, 1) as scheduler:
            scheduler.stop()
            return await survey.decide_each(simply(tmp_path), scheduler, taken)

    rest = asyncio.run(work())
    assert (taken.roots, taken.artifacts, rest.complete) == ((), [], False)


@pytest.mark.usefixtures("chosen", "hurried")
def test_a_disk_that_falls_silent_leaves_the_others_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was decided there before stays; the rest is kept."""
    for root in ("loud", "silent"):
        projects(tmp_path / root, 100)
    roots = tuple(str(tmp_path / root) for root in ("loud", "silent"))
    chosen = Settings(roots=roots, cwd=str(tmp_path), own_rules=simple.rules())
    whole = {one.path: one for one in planned(chosen).artifacts}
    answer = threading.Event()
    find = engine.find
    calls = 0

    def silent(root: Root, stack: list[bytes], *rest: Any) -> Any:
        nonlocal calls
        if root.path == os.fsencode(roots[1]):
            calls += 1
            if calls == 10:
                answer.wait(60)
        return find(root, stack, *rest)

    monkeypatch.setattr(engine, "find", silent)
    # Whoever waits for the interpreter alone is not to be taken for a disk.
    taken, rest = handed_out(chosen, timeout=3, after=answer.set)
    assert taken.problems == [Problem(roots[1], ProblemCode.ROOT_UNANSWERED)]
    assert rest.complete
    loud = [one for one in taken.artifacts if one.candidate.root == roots[0]]
    assert len(loud) == 100
    for one in taken.artifacts:
        if one.decision != Keep(Reason.UNREADABLE):
            assert one == whole[one.path]
        else:
            assert one.candidate.root == roots[1]


@pytest.mark.usefixtures("chosen", "hurried")
def test_what_shares_files_with_another_has_the_sizes_that_it_has_in_a_plan(tmp_path: Path) -> None:
    projects(tmp_path, 30)
    first, other, own = (tmp_path / f"team-00{n}/project-3/node_modules" for n in range(3))
    (first / "shared").write_bytes(b"x" * 9000)
    (other / "shared").hardlink_to(first / "shared")
    (own / "one").write_bytes(b"x" * 5000)
    (own / "two").hardlink_to(own / "one")
    artifacts, _ = check_the_same(simply(tmp_path))
    sizes = {one.path: one.size.reclaimable_bytes for one in artifacts}
    assert sizes[str(first)] + sizes[str(other)] > 9000
    assert sizes[str(own)] > 5000


@pytest.mark.usefixtures("chosen", "hurried")
@pytest.mark.parametrize("kind", ["xfs", "btrfs"])
def test_what_has_clones_in_another_has_the_sizes_that_it_has_in_a_plan(
    disks: Mounts, tmp_path: Path, kind: str
) -> None:
    top = disks.image(kind, tmp_path / "disk")
    projects(top, 30)
    first, other = (top / f"team-00{n}/project-3/node_modules" for n in range(2))
    (first / "shared").write_bytes(os.urandom(90_000))
    cloned = ("cp", "--reflink=always", first / "shared", other / "shared")
    subprocess.run(cloned, check=True)
    (other / "linked").hardlink_to(first / "x")
    os.sync()
    artifacts, whole = check_the_same(simply(top))
    [known] = whole.accounted
    assert (known.kind, known.how) == (kind, "measured")
    shared = {one.path: one.size.shared_bytes for one in artifacts}
    assert min(shared[str(first)], shared[str(other)]) >= 90_000
    assert whole.reclaimable_at_most_bytes - whole.reclaimable_bytes >= 90_000


def test_a_list_of_artifacts_is_handed_out_too(tmp_path: Path) -> None:
    projects(tmp_path, 20)
    named = (str(tmp_path / "team-001/project-3/node_modules"),)
    artifacts, _ = check_the_same(simply(tmp_path, artifacts=named))
    assert [one.path for one in artifacts] == [*named]


names = st.text(max_size=4)


@given(st.dictionaries(names, st.integers(-(2**63), 2**63 - 1), max_size=2000), names)
def test_packed_ones_are_as_others(items: dict[str, int], other: str) -> None:
    packed, keys = PackedMap(), PackedSet()
    for key, value in items.items():
        packed[key] = value - 1 if value > 0 else value
        packed[key] = value
        assert keys.add(key)
        assert not keys.add(key)
    again = pickle.loads(pickle.dumps(packed))  # noqa: S301 - what is packed in the same line
    assert {key: again[key] for key in items} == items
    assert (len(packed), len(keys)) == (len(items), len(items))
    assert (other in packed, other in keys, packed.get(other)) == (
        other in items,
        other in items,
        items.get(other),
    )
    assert all(key in Passed(frozenset(), keys) for key in items)
