"""Which of the layers counts, and that an error says where what is wrong was said."""

import pytest

from cleanup_nodemodule.config.layers import (
    COMMAND_LINE,
    Given,
    Layer,
    Order,
    SaidWronglyError,
    Source,
    Values,
)
from cleanup_nodemodule.config.lines import line_of
from cleanup_nodemodule.errors import UsageError

USER = Source(Order.USER, "/etc/config.toml")


def layer(source: Source, **said: object) -> Layer:
    return {name.replace("_", "-"): Given(value, source) for name, value in said.items()}


def test_the_last_layer_that_says_something_decides() -> None:
    values = Values([layer(USER, sort="age", min_depth=2), layer(COMMAND_LINE, sort="path")])
    assert (values.text("sort"), values.source("sort").order) == ("path", Order.COMMAND_LINE)
    assert (values.number("min-depth"), str(values.source("min-depth"))) == (2, USER.place)
    assert (values.text("color"), values.source("color").order) == ("auto", Order.DEFAULT)


def test_what_protects_adds_up_in_the_order_of_the_layers() -> None:
    values = Values([layer(USER, exclude=("a", "b")), layer(COMMAND_LINE, exclude=("b", "!b"))])
    assert values.texts("exclude") == ("a", "b", "b", "!b")
    assert [given.source.order for given in values.given("exclude")] == [
        Order.USER,
        Order.COMMAND_LINE,
    ]


@pytest.mark.parametrize(
    ("first", "second", "left"),
    [
        ({"verbose": True}, {"quiet": True}, {"verbose": False, "quiet": True}),
        ({"quiet": True}, {"verbose": True}, {"verbose": True, "quiet": False}),
        ({"quiet": True}, {"verbose": False}, {"verbose": False, "quiet": True}),
        ({"quiet": True}, {"quiet": False}, {"verbose": False, "quiet": False}),
        ({"null": True, "format": "paths"}, {"format": "json"}, {"null": False, "format": "json"}),
        ({"targets": ("a",)}, {"profile": ("js",)}, {"targets": (), "profile": ("js",)}),
        ({"profile": ("js",)}, {"targets": ("a",)}, {"targets": ("a",), "profile": ("js",)}),
    ],
)
def test_a_later_layer_takes_back_what_contradicts_it(
    first: dict[str, object], second: dict[str, object], left: dict[str, object]
) -> None:
    values = Values([layer(USER, **first), layer(COMMAND_LINE, **second)])
    assert {name: values.value(name) for name in left} == left


def test_an_error_about_an_option_says_who_said_it_unless_it_was_typed() -> None:
    values = Values([layer(USER, min_depth=-1), layer(COMMAND_LINE, jobs=0)])
    with (
        pytest.raises(SaidWronglyError, match=r"^/etc/config\.toml: min-depth cannot be -1"),
        values.blaming(),
    ):
        raise UsageError("--min-depth cannot be -1")
    for typed in ("--jobs cannot be 0", "--sort cannot be x", "--no-such-option", "nothing there"):
        with pytest.raises(UsageError) as raised, values.blaming():
            raise UsageError(typed)
        assert str(raised.value) == typed


TOML = """\
# sort = "x"
keep = [
    "sort",  # sort =
    'path = 1',
]
note = '''
sort = 1
'''
"sort" = "age"

[job.nightly]
sort = "path"
path = ["~"]

[job.weekly]
path = [
"~/sort"]
"""


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (("keep",), 2),
        (("note",), 6),
        (("sort",), 9),
        (("job", "nightly"), 11),
        (("job", "nightly", "sort"), 12),
        (("job", "nightly", "path"), 13),
        (("job", "weekly", "path"), 16),
        (("path",), None),
    ],
)
def test_the_line_of_a_key_is_where_it_is_said_and_no_line_that_looks_like_it(
    keys: tuple[str, ...], line: int | None
) -> None:
    assert line_of(TOML, keys) == line
