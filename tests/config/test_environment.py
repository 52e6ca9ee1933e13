"""What the environment says: by which names, and how values are written there."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanup_nodemodule.config.environment import read_environment
from cleanup_nodemodule.config.keys import KEYS, VARIABLES, variable
from cleanup_nodemodule.errors import UsageError


@pytest.mark.parametrize(
    ("name", "text", "key", "value"),
    [
        ("EXCLUDE", "a b\n\nc:d,e\n", "exclude", ("a b", "c:d,e")),
        ("EXCLUDE", "\udcff\x1b", "exclude", ("\udcff\x1b",)),
        ("PROFILE", "js", "profile", ("js",)),
        ("QUIET", "YES", "quiet", True),
        ("QUIET", "off", "quiet", False),
        ("NO_PROGRESS", "1", "no-progress", True),
        ("MIN_DEPTH", " 3 ", "min-depth", 3),
        ("TIMEOUT", "1e2", "timeout", 100.0),
        ("SORT", "age", "sort", "age"),
        ("MAX_DELETE", "10 GB", "max-delete", "10 GB"),
        ("PATH", "/a:b\n/c", "path", ("/a:b", "/c")),
    ],
)
def test_a_variable_says_what_its_option_says(name: str, text: str, key: str, value: Any) -> None:
    layer = read_environment({VARIABLES + name: text, "HOME": "/", "CLEANUP": "x"})
    assert {name: given.value for name, given in layer.items()} == {key: value}
    assert str(layer[key].source) == VARIABLES + name


def test_an_empty_variable_and_one_of_the_build_say_nothing() -> None:
    assert read_environment({f"{VARIABLES}SORT": "", f"{VARIABLES}NATIVE": "1"}) == {}
    assert read_environment({f"{VARIABLES}UNKNOWN": ""}) == {}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("SORTT", "age", "did you mean CLEANUP_NODEMODULE_SORT?"),
        ("ZZZZZZZZ", "x", "unset it"),
        ("sort", "age", "there is no variable CLEANUP_NODEMODULE_sort"),
        ("DELETE", "1", "can only stand in a job or on the command line"),
        ("YES", "1", "can only stand in a job or on the command line"),
        ("USERS", "me", "can only stand in a job"),
        ("QUIET", "maybe", "quiet has to be true or false"),
        ("MIN_DEPTH", "٣", "min-depth has to be a whole number"),
        ("MIN_DEPTH", "9" * 6000, "min-depth has to be a whole number"),
        ("MIN_DEPTH", "1_000", "min-depth has to be a whole number"),
        ("TOP", "-1", "top cannot be -1; write 0 or more"),
        ("TIMEOUT", "soon", "timeout has to be a number of seconds"),
        ("SORT", "sixe", 'sort has to be "size" or "path" or "age"'),
        ("PATH", "work", "path: 'work' is relative"),
        ("PATH", "\n", "path is empty"),
    ],
)
def test_what_makes_no_sense_is_said_with_its_name(name: str, text: str, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        read_environment({VARIABLES + name: text})
    assert said in str(raised.value)
    assert VARIABLES + name in str(raised.value)


@given(st.sampled_from([*KEYS.values()]), st.text(max_size=30))
def test_whatever_a_variable_holds_it_is_read_or_refused(key: Any, text: str) -> None:
    try:
        layer = read_environment({variable(key): text})
    except UsageError as error:
        refused = str(error)
        assert refused.startswith(variable(key))
    else:
        assert set(layer) <= {key.name}
