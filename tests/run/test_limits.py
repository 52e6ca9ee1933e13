"""``--max-delete``: what it takes, and when it says no."""

import os
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanup_nodemodule.model import (
    Artifact,
    Candidate,
    Contents,
    Delete,
    Evidence,
    Identity,
    Keep,
    Leftover,
    Level,
    Plan,
    Reason,
    Size,
)
from cleanup_nodemodule.run.limits import Limit, LimitError, exceeded, parse_limit


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("10GB", 10 * 1000**3),
        ("10GiB", 10 * 1024**3),
        ("10G", 10 * 1024**3),
        ("2g", 2 * 1024**3),
        ("500MiB", 500 * 1024**2),
        ("500mb", 500 * 1000**2),
        ("1.5K", 1536),
        (".5M", 512 * 1024),
        ("0B", 0),
        ("17 B", 17),
        (" 1 TB ", 1000**4),
        ("1P", 1024**5),
        ("1E", 1024**6),
        ("0.1KB", 100),
        ("1.9999B", 1),
    ],
)
def test_a_number_with_a_unit_is_a_size(text: str, size: int) -> None:
    assert parse_limit(text) == Limit(text.strip(), bytes=size)


@pytest.mark.parametrize(("text", "count"), [("1000", 1000), ("0", 0), (" 7 ", 7), ("007", 7)])
def test_a_number_alone_counts_artifacts(text: str, count: int) -> None:
    assert parse_limit(text) == Limit(text.strip(), count=count)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "G", "iB", "10iB", "10X", "10GG", "-1", "+1", "1e9", "1,000", "10  GB", "1_0"),
        *("\N{ARABIC-INDIC DIGIT THREE}", "10Gb/s", "0x10", "1.G", "inf", "nan", "K10", "10\nGB"),
    ],
)
def test_anything_else_is_refused_with_examples(text: str) -> None:
    with pytest.raises(LimitError, match=r"10GB, 500MiB or 1\.5G, or a number of directories"):
        parse_limit(text)


def test_a_fraction_of_an_artifact_is_refused() -> None:
    with pytest.raises(LimitError, match=r"1\.5 is no whole number of directories; .* as in 1\.5G"):
        parse_limit("1.5")


@given(st.text(max_size=20))
def test_whatever_is_typed_is_a_limit_or_an_error_of_ours(text: str) -> None:
    try:
        limit = parse_limit(text)
    except LimitError:
        return
    assert (limit.bytes is None) is not (limit.count is None)


def an_artifact(path: str, allocated: int, *, selected: bool = True) -> Artifact:
    return Artifact(
        Candidate(path, "/", Identity(1, 2), mounted=False),
        Evidence(Level.PROVEN, (), None, None, None, os.path.dirname(path), None, None, (), 0),
        Contents(1, allocated, 1, 1, 0, complete=True, mounts=(), repositories=()),
        Size.exact(1, allocated, 1 if selected else 0),
        Delete() if selected else Keep(Reason.EXCLUDED),
    )


def a_plan(*artifacts: Artifact) -> Plan:
    return Plan(("/",), artifacts, (), complete=True)


@pytest.mark.parametrize(
    ("limit", "much"),
    [
        ("2", None),
        ("1", "it would be 2 directories, which is more than --max-delete 1 allows"),
        ("0", "it would be 2 directories, which is more than --max-delete 0 allows"),
        ("3KiB", None),
        ("3KB", "it would be 3.0 KiB (3,072 bytes), which is more than --max-delete 3KB allows"),
        (
            "3071B",
            "it would be 3.0 KiB (3,072 bytes), which is more than --max-delete 3071B allows",
        ),
    ],
)
def test_it_is_exceeded_by_what_is_selected_and_not_by_what_is_kept(
    limit: str, much: str | None
) -> None:
    plan = a_plan(
        an_artifact("/a", 1024),
        an_artifact("/b", 2048),
        an_artifact("/c", 1_000_000, selected=False),
    )
    said = exceeded(plan, parse_limit(limit))
    assert (said is None) is (much is None)
    assert (much or "") in (said.sentence if said else "")


def test_what_may_come_back_counts_if_it_is_more_than_what_is_taken() -> None:
    """The inodes of XFS come back, and du does not count them."""
    one = an_artifact("/a", 1024)
    plan = a_plan(replace(one, size=Size(1, 1024, 1024, 1536, 0)))
    assert exceeded(plan, parse_limit("1536B")) is None
    gate = exceeded(plan, parse_limit("1535B"))
    assert gate is not None
    assert gate.actual == 1536


def test_an_empty_selection_exceeds_nothing() -> None:
    assert exceeded(a_plan(), parse_limit("0")) is None
    assert exceeded(a_plan(an_artifact("/c", 9, selected=False)), parse_limit("0B")) is None


@pytest.mark.parametrize(
    ("limit", "much"),
    [
        ("3", None),
        (
            "2",
            "nothing was deleted, because it would be 3 directories (interrupted runs left 2 of it),",
        ),
        ("4KiB", None),
        (
            "4KB",
            "nothing was deleted, because it would be 4.0 KiB (4,096 bytes) (interrupted runs left 3.0 KiB of it)",
        ),
    ],
)
def test_what_interrupted_runs_left_counts_as_what_it_took(limit: str, much: str | None) -> None:
    plan = a_plan(an_artifact("/a", 1024))
    leftovers = [
        Leftover(an_artifact(path, 0).candidate, "/b", "abc", 1, allocated_bytes=size)
        for path, size in (("/b1", 1024), ("/b2", 2048))
    ]
    said = exceeded(plan, parse_limit(limit), leftovers)
    assert (said is None) is (much is None)
    assert (said.sentence if said else "").startswith(much or "")


def test_what_it_says_is_one_sentence_with_what_to_do() -> None:
    said = exceeded(a_plan(an_artifact("/a", 1)), parse_limit("0"))
    assert said is not None
    assert said.sentence == (
        "nothing was deleted, because it would be 1 directory, which is more than --max-delete 0 allows;"
        " look at it with --dry-run, and if that is right, type: --max-delete 1"
    )


@pytest.mark.parametrize("size", [1, 999, 1000, 1025, 416_190_001, 999_500_000, 1 << 40, 1 << 62])
@pytest.mark.parametrize("limit", ["0", "0B"])
def test_what_it_says_to_type_allows_it_and_not_much_more(size: int, limit: str) -> None:
    plan = a_plan(an_artifact("/a", size))
    said = exceeded(plan, parse_limit(limit), dry_run=True)
    assert said is not None
    assert said.sentence.startswith("--no-dry-run would delete nothing, because ")
    typed = parse_limit(said.sentence.rpartition("type: --max-delete ")[2])
    assert exceeded(plan, typed) is None
    assert (typed.count, (typed.bytes or 0) <= size * 1.11) == (1 if limit == "0" else None, True)


def test_a_program_can_read_what_was_allowed_and_what_there_was() -> None:
    plan = a_plan(an_artifact("/a", 1024), an_artifact("/b", 2048))
    by_count, by_size = exceeded(plan, parse_limit("1")), exceeded(plan, parse_limit("2KiB"))
    assert by_count is not None
    assert by_size is not None
    shown = [(one.option, one.unit, one.limit, one.actual) for one in (by_count, by_size)]
    assert shown == [("--max-delete", "artifacts", 1, 2), ("--max-delete", "bytes", 2048, 3072)]
