"""Who is believed if several say something: each option, said in each two of the places where it can be said."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from cleanup_nodemodule.commands import clean, effective, failures
from cleanup_nodemodule.config import files
from cleanup_nodemodule.config.keys import KEYS, Key, Kind, Where, variable
from cleanup_nodemodule.config.layers import Order, Values
from cleanup_nodemodule.errors import UsageError
from support.trees import declare

ORDER: Final = [*Order]
"""From what counts least to what counts most, as the page on the configuration has it."""

IN_FILES: Final = {Order.SYSTEM, Order.USER, Order.CONFIG}


def some_values(key: Key) -> tuple[Any, Any]:
    """Return two values that a key may have, none of them the default."""
    match key.kind:
        case Kind.FLAG:
            return True, True
        case Kind.NUMBER:
            return 3, 4
        case Kind.SECONDS:
            return 30.5, 40.0
        case Kind.CHOICE:
            one, other, *_ = sorted(key.choices, key=lambda choice: choice == key.default)
            return one, other
        case Kind.PATHS:
            return ("/one", "/other"), ("/third",)
        case Kind.PATH:
            return "/one", "/other"
        case Kind.TEXTS:
            return ("one", "other"), ("third",)
        case Kind.RULES:
            return ("one@mark", "other@/mark"), ("third@mark",)
        case _:
            return "30d", "40d"


def places(key: Key) -> list[Order]:
    """Return where a key may be said, the default included."""
    told = {
        Where.ANYWHERE: {*ORDER},
        Where.ORDERED: {Order.DEFAULT, Order.JOB, Order.COMMAND_LINE},
        Where.NO_VARIABLE: {*ORDER} - {Order.ENVIRONMENT},
        Where.TYPED: {Order.DEFAULT, Order.COMMAND_LINE},
        Where.FILES: {*ORDER},
        Where.JOB: {Order.DEFAULT, Order.JOB},
    }[key.where]
    return [one for one in ORDER if one in told and (key.typed or one is not Order.COMMAND_LINE)]


def toml(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case tuple():
            return f"[{', '.join(map(toml, value))}]"
        case str():
            return f'"{value}"'
        case _:
            return str(value)


def text(value: Any) -> str:
    match value:
        case tuple():
            return "\n".join(value)
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)


def words(key: Key, value: Any) -> list[str]:
    if value is True:
        return [key.typed]
    if value is False:
        return [key.off or f"--no-{key.name}".replace("--no-no-", "--")]
    each = value if isinstance(value, tuple) else [value]
    if key.name in {"targets", "also"}:
        return [key.typed, *each]
    return [f"{key.typed}={one}" for one in each]


Said = dict[Order, Any]


@pytest.fixture
def counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Key, Said], Values]:
    """Say values of a key in several places, and return what counts then in the run of a job."""
    monkeypatch.setattr(files, "SYSTEM_DIRECTORY", str(tmp_path / "etc"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv(variable(KEYS["priority"]))
    found: list[Values] = []
    original = effective.values_of

    def caught(*args: Any, **how: Any) -> Values:
        found.append(original(*args, **how))
        raise UsageError("that is enough")

    monkeypatch.setattr(clean, "values_of", caught)

    def say(key: Key, said: Said) -> Values:
        lines = {
            place: f"{key.name} = {toml(said[place])}\n"
            for place in said
            if place in {*IN_FILES, Order.JOB}
        }
        job = '[job.nightly]\npath = ["/"]\n'
        if key.name in {"path", *KEYS["path"].instead_of}:
            job = "[job.nightly]\n"
        declare(
            tmp_path,
            {
                "etc": {"config.toml": lines.get(Order.SYSTEM, "")},
                "config": {
                    "cleanup-nodemodule": {
                        "config.toml": f"{lines.get(Order.USER, '')}{job}{lines.get(Order.JOB, '')}"
                    }
                },
                "named.toml": lines.get(Order.CONFIG, ""),
            },
        )
        if Order.ENVIRONMENT in said:
            monkeypatch.setenv(variable(key), text(said[Order.ENVIRONMENT]))
        typed = words(key, said[Order.COMMAND_LINE]) if Order.COMMAND_LINE in said else []
        code = failures.run(["run", "nightly", "--config", str(tmp_path / "named.toml"), *typed])
        assert (code, len(found)) == (2, 1)
        return found.pop()

    return say


CASES: Final = [
    pytest.param(key, low, high, id=f"{key.name}-{low.value}-{high.value}")
    for key in KEYS.values()
    for low, high in itertools.combinations(places(key), 2)
]


@pytest.mark.parametrize(("key", "low", "high"), CASES)
def test_of_two_places_the_later_one_counts_or_both_add_up(
    counts: Callable[[Key, Said], Values], key: Key, low: Order, high: Order
) -> None:
    one, other = some_values(key)
    said: Said = {high: other} if low is Order.DEFAULT else {low: one, high: other}
    values = counts(key, said)
    added = low is not Order.DEFAULT and key.adds_up
    assert values.value(key.name) == ((*one, *other) if added else other)
    assert [given.source.order for given in values.given(key.name)] == (
        [low, high] if added else [high]
    )


@pytest.mark.parametrize("key", KEYS.values(), ids=lambda key: key.name)
def test_what_nobody_says_is_the_default(counts: Callable[[Key, Said], Values], key: Key) -> None:
    values = counts(key, {})
    assert values.value(key.name) == key.default
    assert not values.is_given(key.name)


@pytest.mark.parametrize(
    "key", [key for key in KEYS.values() if key.kind is Kind.FLAG], ids=lambda key: key.name
)
def test_a_flag_can_be_taken_back_in_each_place_that_is_later(
    counts: Callable[[Key, Said], Values], key: Key
) -> None:
    some = [one for one in places(key) if one is not Order.DEFAULT]
    said: Said = {place: place is not some[-1] for place in some}
    values = counts(key, said)
    assert values.flag(key.name) is False
    assert values.source(key.name).order is some[-1]


@pytest.mark.parametrize("place", [Order.JOB, Order.COMMAND_LINE])
@pytest.mark.parametrize(
    "key",
    [key for key in KEYS.values() if key.taken_back and key.where is Where.ANYWHERE],
    ids=lambda key: key.name,
)
def test_what_has_a_value_can_be_taken_back_for_one_run(
    counts: Callable[[Key, Said], Values], key: Key, place: Order
) -> None:
    values = counts(key, {Order.USER: some_values(key)[0], place: False})
    assert values.value(key.name) == key.default
    assert values.source(key.name).order is place


NOT_THERE: Final = [
    pytest.param(key, place, id=f"{key.name}-{place.value}")
    for key in KEYS.values()
    for place in ORDER
    if place not in places(key) and place is not Order.COMMAND_LINE
]


@pytest.mark.parametrize(("key", "place"), NOT_THERE)
def test_what_may_not_be_said_in_a_place_is_refused_there(
    counts: Callable[[Key, Said], Values], capfd: pytest.CaptureFixture[str], key: Key, place: Order
) -> None:
    with pytest.raises(AssertionError):  # It did not come to the values.
        counts(key, {place: some_values(key)[0]})
    errors = capfd.readouterr().err
    assert f"{key.name} can only stand {key.where.value}" in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize("key", KEYS.values(), ids=lambda key: key.name)
@pytest.mark.parametrize("place", [Order.SYSTEM, Order.CONFIG, Order.ENVIRONMENT, Order.JOB])
def test_what_is_of_another_kind_is_refused_with_its_place(
    counts: Callable[[Key, Said], Values],
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    key: Key,
    place: Order,
) -> None:
    if place not in places(key):
        return
    takes_any_text = {Kind.TEXT, Kind.TEXTS, Kind.PATHS, Kind.RULES, Kind.PATH}
    if place is Order.ENVIRONMENT and key.kind in takes_any_text:
        return
    with pytest.raises(AssertionError):
        counts(key, {place: (1, 2)} if place is not Order.ENVIRONMENT else {place: "what"})
    errors = capfd.readouterr().err
    where = {
        Order.SYSTEM: f"{tmp_path}/etc/config.toml, line 1: ",
        Order.CONFIG: f"{tmp_path}/named.toml, line 1: ",
        Order.JOB: f"{tmp_path}/config/cleanup-nodemodule/config.toml, line ",
        Order.ENVIRONMENT: f"{variable(key)}: ",
    }[place]
    if key.kind is Kind.RULES:  # The catalogue's own words, which count the rules.
        where = where.partition(", line")[0]
    assert errors.startswith(f"cleanup-nodemodule: {where}"), errors
    assert errors.count("\n") == 1
