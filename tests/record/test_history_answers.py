"""What the history answers, held against a model that remembers everything and packs nothing."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanup_nodemodule.record.history.database import opened
from cleanup_nodemodule.record.history.entry import entry_of
from cleanup_nodemodule.record.history.keeping import keep
from cleanup_nodemodule.record.history.store import store
from cleanup_nodemodule.record.history.trend import trend_of
from cleanup_nodemodule.report.rows import ProblemRow
from cleanup_nodemodule.run.looking_back import Asked, look_back
from cleanup_nodemodule.words import iso
from support.histories import BEGAN, DAY, LONG, asked, entry, finished
from support.reports import row

PROJECTS: Final = ("/srv/a", "/srv/b", "/srv/b/inner", "/srv/c")

OTHERS: Final = asked(profiles=["python"])


class Night(NamedTuple):
    """What one run found and did."""

    sizes: dict[str, int]
    deleted: frozenset[str]
    other: bool
    """It asked something else."""
    job: str | None


NIGHTS: Final = st.lists(
    st.builds(
        Night,
        sizes=st.dictionaries(st.sampled_from(PROJECTS), st.integers(1, 1 << 40), max_size=4),
        deleted=st.frozensets(st.sampled_from(PROJECTS), max_size=2),
        other=st.sampled_from([False, False, False, True]),
        job=st.sampled_from(["nightly", None]),
    ),
    min_size=1,
    max_size=14,
)


def remember(state: Path, nights: Sequence[Night]) -> None:
    for number, night in enumerate(nights):
        said = {"asked": OTHERS} if night.other else {}
        one = entry(
            night.sizes,
            began_at=BEGAN + number * DAY,
            deleted=sorted(night.deleted & night.sizes.keys()),
            said=said,
            job=night.job,
            id=f"{number}",
        )
        assert keep(str(state), one, LONG) is None


def gone_of(night: Night, project: str) -> int:
    return night.sizes[project] if project in night.deleted & night.sizes.keys() else 0


def usual(nights: Sequence[Night]) -> bool:
    """Whether the question that was asked most often is the other one; if both were so as often, the last."""
    others = sum(night.other for night in nights)
    if 2 * others == len(nights):
        return nights[-1].other
    return 2 * others > len(nights)


def series(nights: Sequence[Night], project: str, *, other: bool) -> list[float]:
    """Return what each audit of the same question found of a project, and what had been deleted of it before.

    What is not found has been deleted as far as the next that finds it knows, or the end.
    """
    audits = [number for number, night in enumerate(nights) if night.other is other]
    found: list[float] = []
    for place, number in enumerate(audits):
        until = next(
            (later for later in audits[place:] if project in nights[later].sizes), len(nights)
        )
        gone = sum(gone_of(night, project) for night in nights[:until])
        found.append(float(nights[number].sizes.get(project, 0) + gone))
    return found


@given(NIGHTS)
@settings(max_examples=40, deadline=None)
def test_what_grows_is_what_the_model_says(nights: list[Night]) -> None:
    with tempfile.TemporaryDirectory() as top:
        state = Path(top) / "state"
        remember(state, nights)
        document = look_back(str(state), Asked(by="project")).document
    other = usual(nights)
    audits = [number for number, night in enumerate(nights) if night.other is other]
    assert document.compared is not None
    assert (document.compared.audits, document.compared.others) == (
        len(audits),
        len(nights) - len(audits),
    )
    assert document.compared.first == iso(BEGAN + audits[0] * DAY)
    seen = {project for number in audits for project in nights[number].sizes}
    if len(audits) < 4:
        assert document.growth == []
        return
    rows = {growth.group: growth for growth in document.growth}
    assert rows.keys() == seen
    times = [number * DAY for number in audits]
    for project in seen:
        trend = trend_of(list(zip(times, series(nights, project, other=other), strict=True)))
        assert trend is not None
        assert rows[project].growth_bytes_per_day == pytest.approx(trend.slope * DAY)
        last = nights[audits[-1]]
        assert rows[project].allocated_bytes == last.sizes.get(project, 0) - gone_of(last, project)
    rates = [growth.growth_bytes_per_day for growth in document.growth]
    assert rates == sorted(rates, reverse=True)


@given(NIGHTS, st.sampled_from(["/srv", "/srv/b", "/srv/b/inner", "/srv/none"]))
@settings(max_examples=40, deadline=None)
def test_a_project_is_what_the_model_says(nights: list[Night], place: str) -> None:
    with tempfile.TemporaryDirectory() as top:
        state = Path(top) / "state"
        remember(state, nights)
        document = look_back(str(state), Asked(project=place)).document
    inside = [
        project for project in PROJECTS if project == place or project.startswith(f"{place}/")
    ]
    if not any(project in night.sizes for night in nights for project in inside):
        assert (document.points, document.compared) == ([], None)
        return
    # Runs that found nothing anywhere have searched there too.
    other = usual(nights)
    wanted = [(number, night) for number, night in enumerate(nights) if night.other is other]
    assert [point.number - 1 for point in document.points] == [number for number, _ in wanted]
    for point, (number, night) in zip(document.points, wanted, strict=True):
        found = [night.sizes[project] for project in inside if project in night.sizes]
        gone = sum(gone_of(night, project) for project in inside)
        assert point.began_at == iso(BEGAN + number * DAY)
        assert (point.found, point.allocated_bytes) == (len(found), sum(found))
        assert (point.freed_bytes, point.failed) == (gone, 0)


@given(NIGHTS, st.sampled_from(["nightly", None]), st.integers(1, 20))
@settings(max_examples=30, deadline=None)
def test_the_runs_are_those_of_the_model(nights: list[Night], job: str | None, last: int) -> None:
    with tempfile.TemporaryDirectory() as top:
        state = Path(top) / "state"
        remember(state, nights)
        past = look_back(str(state), Asked(job=job, last=last))
    wanted = [f"{n}" for n, night in enumerate(nights) if job is None or night.job == job]
    assert [run.run for run in past.document.runs] == wanted[-last:]
    assert past.document.left_out == max(0, len(wanted) - last)
    for run in past.document.runs:
        night = nights[int(run.run)]
        assert run.allocated_bytes == sum(night.sizes.values())
        assert run.freed_bytes == sum(gone_of(night, project) for project in PROJECTS)
        [root] = run.roots
        assert (root.found, root.freed_bytes) == (len(night.sizes), run.freed_bytes)


def test_growth_by_root_and_ecosystem_adds_up(tmp_path: Path) -> None:
    for night in range(6):
        rows = [
            row(
                f"/{root}/{number}/{name}",
                root=f"/{root}",
                ecosystem=ecosystem,
                allocated_bytes=1000 * (1 + night * rate),
            )
            for root, rates in (("srv", (1, 2)), ("home", (5,)))
            for number, rate in enumerate(rates)
            for name, ecosystem in (("node_modules", "js"), ("target", "rust"))
        ]
        one = entry(rows, began_at=BEGAN + night * DAY, said={"roots": ["/srv", "/home"]})
        assert keep(str(tmp_path / "s"), one, LONG) is None

    def rates(by: str) -> dict[str, float]:
        document = look_back(str(tmp_path / "s"), Asked(by=by)).document  # type: ignore[arg-type]
        return {one.group: one.growth_bytes_per_day for one in document.growth}

    assert rates("root") == {"/home": 10_000, "/srv": 6_000}
    assert rates("ecosystem") == {"js": 8_000, "rust": 8_000}
    assert rates("project") == {"/home/0": 10_000, "/srv/1": 4_000, "/srv/0": 2_000}


@pytest.mark.parametrize(
    "said",
    [
        {"asked": None},
        {"asked": asked(ended=False)},
        {"asked": asked(only_listed=True)},
        {"problems": True},
    ],
)
def test_a_run_that_did_not_come_everywhere_is_not_compared(
    tmp_path: Path, said: dict[str, object]
) -> None:
    if said.pop("problems", None):
        said["problems"] = [ProblemRow("machine", "/srv", "search", "EIO", "broken", "search-root")]
    for night in range(6):
        one = entry({"/srv/a": 1000 * night}, began_at=BEGAN + night * DAY)
        assert keep(str(tmp_path / "s"), one, LONG) is None
    assert keep(str(tmp_path / "s"), entry({}, began_at=BEGAN + 6 * DAY, said=said), LONG) is None
    document = look_back(str(tmp_path / "s"), Asked(by="project")).document
    assert document.compared is not None
    assert document.compared.audits == 6
    assert [one.group for one in document.growth] == ["/srv/a"]


def test_filters_do_not_change_the_question(tmp_path: Path) -> None:
    """They leave nothing out of what is found: a dry run and a job that deletes what is old compare."""
    for night in range(6):
        said = {"asked": asked(filters=["--older-than 30d"] if night % 2 else [])}
        one = entry({"/srv/a": 1000 * night}, began_at=BEGAN + night * DAY, said=said)
        assert keep(str(tmp_path / "s"), one, LONG) is None
    document = look_back(str(tmp_path / "s"), Asked(by="project")).document
    assert document.compared is not None
    assert (document.compared.audits, document.compared.others) == (6, 0)


def test_a_search_by_the_way_does_not_change_what_is_compared(tmp_path: Path) -> None:
    for night in range(10):
        one = entry({"/srv/a": 1000 * night}, began_at=BEGAN + night * DAY)
        assert keep(str(tmp_path / "s"), one, LONG) is None
    other = entry({"/home/x": 9}, began_at=BEGAN + 11 * DAY, said={"roots": ["/home"]})
    assert keep(str(tmp_path / "s"), other, LONG) is None
    document = look_back(str(tmp_path / "s"), Asked(by="project")).document
    assert document.compared is not None
    assert (document.compared.roots, document.compared.others) == (["/srv"], 1)


def test_of_many_audits_some_are_looked_at_from_the_first_to_the_last(tmp_path: Path) -> None:
    with opened(str(tmp_path / "s")) as connection:
        for night in range(700):
            store(
                connection,
                entry_of(finished({"/srv/a": 1000 * night}, began_at=BEGAN + night * DAY)),
            )
    document = look_back(str(tmp_path / "s"), Asked(project="/srv/a")).document
    assert document.compared is not None
    assert (document.compared.audits, document.compared.read) == (700, len(document.points))
    assert 400 < len(document.points) <= 500
    assert (document.points[0].number, document.points[-1].number) == (1, 700)
    [growth] = document.growth
    assert growth.growth_bytes_per_day == pytest.approx(1000)
