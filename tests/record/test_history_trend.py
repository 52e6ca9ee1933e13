"""How fast something grows, and when a disk is full, by numbers some of which may be far off."""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanup_nodemodule.record.history.clock import believed, straightened
from cleanup_nodemodule.record.history.forecast import doubt
from cleanup_nodemodule.record.history.keeping import keep
from cleanup_nodemodule.record.history.trend import Trend, thinned, trend_of
from cleanup_nodemodule.report.history import ForecastRow
from cleanup_nodemodule.report.observed import ObservedRow
from cleanup_nodemodule.run.looking_back import Asked, look_back
from support.histories import BEGAN, DAY, GIB, LONG, entry, space

TIMES = st.lists(st.integers(0, 30).map(float), max_size=12)


# Clocks.


def longest(times: Sequence[float]) -> int:
    """Return how long the longest part is that never goes back, by trying all."""
    best = [0] * len(times)
    for place, time in enumerate(times):
        best[place] = 1 + max((best[one] for one in range(place) if times[one] <= time), default=0)
    return max(best, default=0)


@given(TIMES)
def test_as_many_times_are_believed_as_can_be(times: list[float]) -> None:
    trusted = [time for time, good in zip(times, believed(times), strict=True) if good]
    assert trusted == sorted(trusted)
    assert len(trusted) == longest(times)


@given(TIMES)
def test_straightened_times_never_go_back(times: list[float]) -> None:
    found = straightened(times)
    assert found == sorted(found)
    assert set(found) <= set(times)
    if times == sorted(times):
        assert found == times


# Trends.


def test_a_line_has_its_own_slope() -> None:
    found = trend_of([(float(x), 3.0 * x + 7) for x in range(10)])
    assert found == Trend(3.0, 3.0, 3.0)


def test_a_quarter_of_the_points_may_be_anything() -> None:
    points = [(float(x), 3.0 * x) for x in range(40)]
    for place in range(0, 40, 4):
        points[place] = (float(place), 1e9 * (-1) ** place - place * 1e6)
    found = trend_of(points)
    assert found is not None
    assert found.slope == pytest.approx(3.0, rel=0.2)


def test_the_bounds_hold_the_slope_nineteen_times_of_twenty() -> None:
    chance = random.Random(5)
    held = 0
    for _ in range(200):
        found = trend_of([(float(x), 2.0 * x + chance.gauss(0, 8)) for x in range(20)])
        assert found is not None
        assert found.low <= found.slope <= found.high
        held += found.low <= 2.0 <= found.high
    assert 180 <= held <= 199


def test_two_points_have_no_bounds() -> None:
    assert trend_of([(0.0, 0.0), (1.0, 5.0)]) == Trend(5.0, -math.inf, math.inf)
    assert trend_of([(1.0, 0.0), (1.0, 5.0)]) is None
    assert trend_of([]) is None


@given(st.lists(st.integers(0, 1000).map(float), min_size=1, max_size=60), st.integers(2, 20))
def test_what_is_thinned_has_both_ends_and_its_order(times: list[float], most: int) -> None:
    times.sort()
    items = list(range(len(times)))
    found = thinned(items, times, most)
    assert len(found) <= most
    assert found == sorted(set(found))
    assert (found[0], found[-1]) == (0, len(items) - 1)
    assert len(items) > most or found == items


# Forecasts.


def forecast(
    state: Path,
    free: Callable[[int], int],
    *,
    nights: int = 30,
    freed: Callable[[int], int] = lambda _: 0,
    reclaimable: int = 19 * GIB,
) -> ForecastRow:
    """Return the forecast after some nights, on each of which so much is *free* and so much is *freed*."""
    for night in range(nights):
        gone = freed(night)
        sizes = {"/srv/gone": gone, "/srv/a": reclaimable} if gone else {"/srv/a": reclaimable}
        began = free(night)
        one = entry(
            sizes,
            began_at=BEGAN + night * DAY,
            deleted=["/srv/gone"] if gone else [],
            spaces=[space(began, after=began + gone, total=500 * GIB)],
        )
        assert keep(str(state), one, LONG) is None
    [row] = look_back(str(state), Asked()).document.forecasts
    return row


@pytest.fixture
def state(tmp_path: Path) -> Path:
    directory = tmp_path / "state"
    directory.mkdir(mode=0o700)
    return directory


def test_a_disk_that_fills_evenly_is_full_when_it_is(state: Path) -> None:
    row = forecast(state, lambda night: (41 - night) * GIB)
    assert (row.full_in_days, row.reason) == (12.0, None)
    assert row.full_in_days_if_deleted == 31.0
    assert row.growth_bytes_per_day == GIB
    assert (row.readings, row.span_days) == (30, 29.0)


def test_what_a_run_has_freed_does_not_slow_it_down(state: Path) -> None:
    """One large deletion in the midst: the disk fills as fast as before it and after it."""
    row = forecast(
        state,
        lambda night: (41 - night) * GIB + (30 * GIB if night > 14 else 0),
        freed=lambda night: 30 * GIB if night == 14 else 0,
    )
    assert row.growth_bytes_per_day == GIB
    assert row.freed_bytes_per_day == 0
    assert row.full_in_days == 42.0


def test_where_runs_free_what_is_added_nothing_is_foretold(state: Path) -> None:
    row = forecast(state, lambda _: 20 * GIB, freed=lambda _: GIB)
    assert (row.reason, row.full_in_days) == ("kept-up", None)
    assert row.growth_bytes_per_day == GIB
    assert row.freed_bytes_per_day == pytest.approx(GIB, rel=0.05)


def test_where_runs_free_a_part_of_it_that_counts(state: Path) -> None:
    row = forecast(state, lambda night: 40 * GIB - night * GIB, freed=lambda _: GIB)
    assert row.growth_bytes_per_day == 2 * GIB
    assert row.full_in_days == pytest.approx(12, abs=1)


CHANCE = random.Random(3)
NOISE = [CHANCE.randrange(-20, 20) * GIB for _ in range(100)]


@pytest.mark.parametrize(
    ("reason", "nights", "free"),
    [
        ("too-few-readings", 5, lambda night: (41 - night) * GIB),
        ("too-short", 30, None),
        ("not-growing", 30, lambda _: 41 * GIB),
        ("not-growing", 30, lambda night: (41 + night) * GIB),
        ("too-noisy", 30, lambda night: 100 * GIB - night * GIB // 4 + NOISE[night]),
        (
            "changing",
            30,
            lambda night: (100 - min(night, 16)) * GIB - max(0, night - 16) * GIB // 9,
        ),
        ("too-far-ahead", 30, lambda night: 400 * GIB - night * GIB // 2),
    ],
)
def test_nothing_is_foretold_that_the_readings_do_not_carry(
    state: Path, reason: str, nights: int, free: Callable[[int], int] | None
) -> None:
    if free is None:
        for hour in range(nights):
            one = entry({}, began_at=BEGAN + hour * 3600, spaces=[space((41 - hour) * GIB)])
            assert keep(str(state), one, LONG) is None
        [row] = look_back(str(state), Asked()).document.forecasts
    else:
        row = forecast(state, free, nights=nights)
    assert (row.reason, row.full_in_days, row.full_in_days_if_deleted) == (reason, None, None)


def test_a_random_walk_is_seldom_taken_for_a_trend() -> None:
    """Use that goes up and down by chance: what it has done says nothing of what it does."""
    chance, told = random.Random(11), 0
    for _ in range(300):
        used, points = 0.0, []
        for night in range(30):
            used += chance.gauss(0, 1)
            points.append((night * DAY, used))
        told += doubt(points, trend_of(points)) is None
    assert told <= 300 // 20


def test_one_night_with_a_wrong_clock_changes_nothing(state: Path) -> None:
    for night in range(30):
        wrong = {10: 4000, 20: -4000}.get(night, 0)
        one = entry({}, began_at=BEGAN + (night + wrong) * DAY, spaces=[space((41 - night) * GIB)])
        assert keep(str(state), one, LONG) is None
    [row] = look_back(str(state), Asked()).document.forecasts
    assert (row.full_in_days, row.readings) == (12.0, 28)


def test_a_file_system_that_did_not_answer_has_no_forecast(state: Path) -> None:
    silent = replace(space(0), total_bytes=None, free_before_bytes=None, free_after_bytes=None)
    for night in range(10):
        assert (
            keep(str(state), entry({}, began_at=BEGAN + night * DAY, spaces=[silent]), LONG) is None
        )
    assert look_back(str(state), Asked()).document.forecasts == []


def test_what_resume_frees_counts_too(state: Path) -> None:
    """It searches no root; the journal knows where it is."""
    for night in range(30):
        free = (41 - night) * GIB + (30 * GIB if night > 14 else 0)
        assert (
            keep(str(state), entry({}, began_at=BEGAN + night * DAY, spaces=[space(free)]), LONG)
            is None
        )
        if night == 14:
            freed = ObservedRow(
                *("machine", "/", "ext4", 0, 30 * GIB, 30 * GIB, True, 30 * GIB, 30 * GIB),
                *(None, None, None, None, None),
            )
            said = {"roots": [], "observed": [freed], "asked": None}
            one = entry({}, began_at=BEGAN + night * DAY + 60, said=said, command="resume")
            assert keep(str(state), one, LONG) is None
    [row] = look_back(str(state), Asked()).document.forecasts
    assert (row.growth_bytes_per_day, row.full_in_days) == (GIB, 42.0)


def test_each_file_system_has_its_own(state: Path) -> None:
    for night in range(30):
        spaces = [
            space((41 - night) * GIB, root="/srv"),
            space((41 - night) * GIB, root="/srv/deeper"),
            space((70 - 2 * night) * GIB, root="/home", name="uuid:2"),
        ]
        one = entry(
            {},
            began_at=BEGAN + night * DAY,
            spaces=spaces,
            said={"roots": ["/srv", "/srv/deeper", "/home"]},
        )
        assert keep(str(state), one, LONG) is None
    rows = look_back(str(state), Asked()).document.forecasts
    assert {row.file_system: row.full_in_days for row in rows} == {"uuid:1": 12.0, "uuid:2": 6.0}
