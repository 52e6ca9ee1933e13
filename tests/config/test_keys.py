"""The table of what can be said, and the options that it is for."""

from typing import Any, Final

import pytest
import typer

from cleanup_nodemodule.commands.app import app
from cleanup_nodemodule.commands.wrong_usage import choices_of
from cleanup_nodemodule.config.keys import KEYS, OPTIONS, WITHOUT_KEY, Key, Kind, without
from cleanup_nodemodule.config.layers import Order, SaidWronglyError, Source
from cleanup_nodemodule.config.reading import value_of
from cleanup_nodemodule.config.settings import Settings

PARAMS: Final[dict[str, Any]] = {
    max(param.opts, key=len): param for param in typer.main.get_command(app).params
}
"""The options of a run, by their long names."""

OFF: Final = {key.off for key in KEYS.values() if key.off}


def test_each_option_of_a_run_has_a_key_or_a_reason_for_none() -> None:
    assert {*PARAMS} == {*OPTIONS, *WITHOUT_KEY, *OFF}
    assert {*OPTIONS} & {*WITHOUT_KEY} == set()


@pytest.mark.parametrize(
    "key", [key for key in KEYS.values() if key.typed], ids=lambda key: key.name
)
def test_an_option_takes_what_its_key_says(key: Key) -> None:
    param = PARAMS[key.typed]
    assert param.is_flag is (key.kind is Kind.FLAG)
    assert param.multiple is (key.kind in {Kind.TEXTS, Kind.PATHS, Kind.RULES})
    assert choices_of(param) == key.choices
    assert getattr(param, "min", None) == key.least
    if key.kind in {Kind.NUMBER, Kind.SECONDS}:
        assert param.type_descriptor.annotation is (int if key.kind is Kind.NUMBER else float)


@pytest.mark.parametrize("key", KEYS.values(), ids=lambda key: key.name)
def test_a_default_is_of_the_kind_of_its_key(key: Key) -> None:
    match key.kind:
        case Kind.FLAG:
            assert key.default is (None if key.name == "exact" else False)
        case Kind.TEXTS | Kind.PATHS | Kind.RULES:
            assert isinstance(key.default, tuple)
        case Kind.CHOICE:
            assert key.default in {None, *key.choices}
        case Kind.NUMBER:
            assert key.default is None or isinstance(key.default, int)
        case _:
            assert key.default is None
    assert key.instead_of == tuple(name for name in key.instead_of if name in KEYS)
    if key.adds_up:
        assert key.default == ()


def test_the_default_profile_is_that_of_the_settings() -> None:
    assert KEYS["profile"].default == Settings().profiles


@pytest.mark.parametrize("option", [*PARAMS])
def test_a_flag_can_be_taken_back_by_an_option_that_is_no_other(option: str) -> None:
    key = OPTIONS.get(option)
    if key is not None and key.kind is Kind.FLAG:
        assert (without(key) in PARAMS) is (key.off is not None)


@pytest.mark.parametrize("name", ["keep-latest", "max-delete", "fail-over"])
def test_a_file_has_a_number_of_something_without_quotes(name: str) -> None:
    """What has a unit is a text, and true is no number."""
    source = Source(Order.USER, "/a/file")
    assert value_of(KEYS[name], 2, source) == "2"
    for key, value in ((name, True), (name, 2.5), ("free", 20), ("older-than", 30)):
        with pytest.raises(SaidWronglyError, match="has to be a text in quotes"):
            value_of(KEYS[key], value, source)
