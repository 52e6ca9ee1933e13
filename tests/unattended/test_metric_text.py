"""The text that Prometheus reads: what is written is read back, by this program and by Prometheus' own, and nothing else is."""

import contextlib
import re
import shutil
import subprocess
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as some

from cleanup_nodemodule.unattended.metric_table import METRICS, OWN_LABELS, Metric
from cleanup_nodemodule.unattended.metric_text import Samples, TextError, pieces, read
from support.needs import unable

HOSTILE: Final = (
    'a"b',
    "a\\",
    "a\\nb",
    "two\nlines",
    "a}",
    "{",
    ',x="',
    " ",
    "",
    "\r\t\x0b\x00\u2028",
    "名前",
    "# HELP",
)
"""Values of labels of which some program makes more than a value."""

NAMES: Final = some.one_of(some.sampled_from(HOSTILE), some.text(max_size=8))


@some.composite
def samples(draw: some.DrawFn) -> Samples:
    """Return some values of a job."""
    made: Samples = {}
    for metric in draw(some.lists(some.sampled_from(METRICS), max_size=4)):
        key = (metric.name, *(draw(NAMES) for _ in metric.labels))
        whole = draw(some.integers(0, 10**18 - 1))
        made[key] = draw(some.integers(0, 10**12)) / 1000 if metric.fractions else whole
    return made


def text_of(file: str, jobs: dict[str, Samples]) -> bytes:
    return b"".join(pieces(file, jobs))


@given(NAMES, some.dictionaries(NAMES, samples(), max_size=3))
def test_what_is_written_is_read_back(file: str, jobs: dict[str, Samples]) -> None:
    text = text_of(file, jobs)
    said = {job: values for job, values in jobs.items() if values}
    assert not said or read(file, text) == said


LINE: Final = b'cleanup_nodemodule_runs_total{file="a",job_name="b"} 7'


def test_a_line_is_as_prometheus_describes_it() -> None:
    assert text_of("a", {"b": {("runs_total",): 7}}) == (
        b"# HELP cleanup_nodemodule_runs_total Runs that have ended.\n"
        b"# TYPE cleanup_nodemodule_runs_total counter\n" + LINE + b"\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        b"",
        LINE,
        LINE + b" 1700000000000\n",
        LINE + b"\n\n",
        LINE + b"\n" + LINE + b"\n",
        b" " + LINE + b"\n",
        LINE.replace(b"7", b"-7") + b"\n",
        LINE.replace(b"7", b"NaN") + b"\n",
        LINE.replace(b"7", b"+Inf") + b"\n",
        LINE.replace(b"7", b"7e3") + b"\n",
        LINE.replace(b"7", b"7.000") + b"\n",
        LINE.replace(b"7", b"07") + b"\n",
        LINE.replace(b"7", "\N{ARABIC-INDIC DIGIT SEVEN}".encode()) + b"\n",
        LINE.replace(b"7", b"7" * 400) + b"\n",
        LINE.replace(b'"a"', b'"other"') + b"\n",
        LINE.replace(b'"b"', b'"\\x"') + b"\n",
        LINE.replace(b'"b"', b'"\xff"') + b"\n",
        LINE.replace(b'"b"', b'"b",path="/srv"') + b"\n",
        LINE.replace(b'file="a",job_name="b"', b'job_name="b",file="a"') + b"\n",
        LINE.replace(b'{file="a",job_name="b"}', b"") + b"\n",
        LINE.replace(b"runs_total", b"last_run_timestamp_seconds") + b"\n",
        b"# HELP node_load1 1m load average.\n" + LINE + b"\n",
        b"node_load1 0.5\n",
    ],
)
def test_nothing_else_is_believed(text: bytes) -> None:
    with pytest.raises(TextError):
        read("a", text)


def test_what_another_version_has_written_is_left_out() -> None:
    other = b'# HELP cleanup_nodemodule_new What is new.\ncleanup_nodemodule_new{file="a",job_name="b",x="y"} 1\n'
    assert read("a", other + LINE + b"\n") == {"b": {("runs_total",): 7}}


@given(some.binary(max_size=300))
def test_no_text_does_harm(text: bytes) -> None:
    with contextlib.suppress(TextError):
        read("a", text)


@given(some.integers(0, 10_000), some.binary(min_size=1, max_size=3))
def test_no_damage_is_taken_for_something_else(place: int, damage: bytes) -> None:
    """What is read of a damaged text is in it."""
    text = text_of("a", {"b": {("runs_total",): 7, ("found",): 12}, "c": {("kept", "x"): 1}})
    place %= len(text)
    damaged = text[:place] + damage + text[place + len(damage) :]
    try:
        jobs = read("a", damaged)
    except TextError:
        return
    lines = text_of("a", jobs).splitlines()
    assert {line for line in lines if line[:1] != b"#"} <= {*damaged.split(b"\n")}


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_is_named_by_what_prometheus_advises(metric: Metric) -> None:
    assert (metric.kind == "counter") == metric.name.endswith("_total")
    assert metric.fractions == metric.name.endswith("_seconds")
    assert not set(metric.labels) & {"job", "instance", "le", "quantile", *OWN_LABELS}
    assert re.fullmatch(r"[A-Z1][^\n\\]*\.", metric.help)
    # OpenMetrics has the counter freed_bytes_total in a family called freed_bytes, in which nothing else may be.
    assert metric.kind == "gauge" or metric.name.removesuffix("_total") not in {
        other.name for other in METRICS
    }


def test_prometheus_own_program_finds_nothing_wrong() -> None:
    if shutil.which("promtool") is None:
        unable("needs promtool (Debian package prometheus)")
    everything: Samples = {}
    for number, metric in enumerate(METRICS):
        for value in HOSTILE if metric.labels else ("",):
            key = (metric.name, *[value] * len(metric.labels))
            everything[key] = number + 0.5 if metric.fractions else number
    for file in ("metrics", 'a"\\\n'):
        done = subprocess.run(
            ["promtool", "check", "metrics"],
            input=text_of(file, dict.fromkeys(HOSTILE, everything)),
            capture_output=True,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
