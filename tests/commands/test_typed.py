"""Whatever somebody types, or has in the configuration, ends in a sentence and not in a traceback."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cleanup_nodemodule.commands import failures
from cleanup_nodemodule.config.files import CONFIG_NAME, read_file
from cleanup_nodemodule.config.layers import Order
from cleanup_nodemodule.config.settings import Settings
from cleanup_nodemodule.errors import ExitCode, UsageError
from support.judges import judge
from support.tool import PROJECT
from support.trees import declare, listing

Captured = pytest.CaptureFixture[str]

DIGITS: Final = "9" * 6000

TYPED: Final = {
    "min-depth": ["--min-depth", str(2**63)],
    "min-depth, far too large": ["--min-depth", DIGITS],
    "min-depth, far too small": ["--min-depth", f"-{DIGITS}"],
    "jobs": ["--jobs", str(2**63)],
    "jobs, far too many": ["--jobs", DIGITS],
    "timeout": ["--timeout", "1e400"],
    "timeout, far too long": ["--timeout", DIGITS],
    "max-delete": ["--max-delete", DIGITS],
    "max-delete, a size": ["--max-delete", f"{DIGITS}GB"],
    "max-delete, a fraction": ["--max-delete", f"0.{DIGITS}GB"],
    "range": ["--exclude", "[z-a]"],
    "class": ["--exclude", "[[:nothing:]]"],
    "long pattern": ["--exclude", "*/" * 3000],
    "nothing to exclude": ["--exclude", ""],
    "target with a slash": ["--targets", "a/b"],
    "empty target": ["--targets", ""],
    "empty name": ["--also", ""],
    "path for a name": ["--also", "a/b"],
    "repository": ["--also", ".git"],
    "snapshots": ["--targets", ".snapshot"],
    "nothing to include": ["--include-unproven", ""],
    "what is not there": ["--include-unproven", "nowhere"],
    "no rule": ["--rule", "@"],
    "long path": ["-p", "x" * 100_000],
    "long way": ["-p", "x/" * 3000],
    "profile": ["--profile", "\udcff"],
    "limit": ["log", "--limit", str(2**63)],
    "limit, far too large": ["log", "-n", DIGITS],
    "run": ["regenerate", "\udcff\n"],
    "no run": ["regenerate", ""],
    "timeout of resume": ["resume", "--timeout", DIGITS],
}


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, a project; with no configuration."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    declare(tmp_path / "work", PROJECT)
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


@pytest.mark.parametrize("name", TYPED)
def test_what_cannot_be_is_wrong_usage_in_a_sentence(
    work: Path, capfd: Captured, name: str
) -> None:
    before = listing(work)
    words = TYPED[name]
    code = failures.run(
        words if words[0] in {"log", "regenerate", "resume"} else ["--no-dry-run", *words]
    )
    output, errors = capfd.readouterr()
    assert (code, output) == (ExitCode.USAGE, ""), errors[-2000:]
    assert errors.startswith("cleanup-nodemodule: ")
    assert errors.count("\n") == 1
    assert "report it" not in errors
    assert listing(work) == before


CONFIGURED: Final = {
    "deep": "keep = " + "[" * 100_000,
    "deep tables": "[" + ".".join("a" * 5000) + "]",
    "digits": f"keep = [{DIGITS}]",
    "digits of another kind": f"x = 0x{DIGITS}\n",
    "no date": "x = 0000-13-41\n",
    "NUL in a directory": '[[rule]]\nid = "own/x"\ndirectory = "a\\u0000b"\nproofs = [{ beside = ["m"] }]',
    "NUL in a marker": '[[rule]]\nid = "own/x"\ndirectory = "a"\nproofs = [{ beside = ["m\\u0000"] }]',
    "NUL in a text": '[[rule]]\nid = "own/x"\ndirectory = "a"\nproofs = '
    '[{ holds = { file = "f", text = "\\u0000" } }]',
    "NUL in a pattern": 'keep = ["a\\u0000b"]',
    "NUL": "keep = [\0]",
    "range": 'keep = ["[z-a]"]',
    "too large": "#" * 2_000_000,
}


@pytest.mark.parametrize("name", CONFIGURED)
def test_a_configuration_that_cannot_be_is_refused_with_its_place(
    work: Path, capfd: Captured, name: str
) -> None:
    config = work.parent / "config/cleanup-nodemodule"
    declare(config, {CONFIG_NAME: CONFIGURED[name]})
    for words in (["--no-dry-run"], ["explain", "."], ["rules"], ["regenerate"], ["resume"]):
        code = failures.run(words)
        output, errors = capfd.readouterr()
        assert (code, output) == (ExitCode.USAGE, ""), errors[-2000:]
        assert errors.startswith(f"cleanup-nodemodule: {config}/{CONFIG_NAME}")
        assert errors.count("\n") == 1
        assert "report it" not in errors
    assert (work / "node_modules/file").exists()


@pytest.mark.parametrize("field", ["targets", "also", "excludes", "keep", "include_unproven"])
@pytest.mark.parametrize("value", ["a\0b", ""])
def test_the_library_refuses_a_nul_and_what_is_empty(field: str, value: str) -> None:
    given: dict[str, Any] = {field: (value,)}
    with pytest.raises(UsageError):
        Settings(**given)


def test_a_root_with_a_nul_is_missing(tmp_path: Path) -> None:
    declare(tmp_path, {"app": PROJECT})
    assert list(judge(tmp_path, roots=("a\0b", str(tmp_path)))) == ["app/node_modules"]


# Anything at all.

WORDS: Final = st.one_of(
    st.text(max_size=20),
    st.text(alphabet="ab/.*?[]!\\~-{},@ \n\x1b\udcff\udc80", max_size=12),
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(
        [DIGITS, str(2**63), str(-(2**63)), "nan", "inf", "-", "--", "~", "..", "/", "x" * 5000]
    ),
).filter(lambda text: "\0" not in text)

VALUED: Final = (
    *("--path", "--min-depth", "--targets", "--also", "--include-unproven", "--profile", "--rule"),
    *(
        "--exclude",
        "--max-delete",
        "--format",
        "--sort",
        "--color",
        "--jobs",
        "--timeout",
        "--engine",
    ),
)

ALLOWED: Final = {code.value for code in ExitCode} - {ExitCode.UNEXPECTED}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A current directory for all examples, which nothing may change."""
    top = tmp_path_factory.mktemp("typed")
    declare(top / "work", {**PROJECT, "dist": {"a": ""}})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(top / "work")
        patch.setenv("XDG_CONFIG_HOME", str(top / "config"))
        patch.setenv("HOME", str(top))
        yield top / "work"


def some(examples: int) -> Callable[[Any], Any]:
    return settings(
        max_examples=examples,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )


@pytest.mark.slow
@some(150)
@given(st.lists(st.tuples(st.sampled_from(VALUED), WORDS), min_size=1, max_size=3))
def test_whatever_is_typed_for_an_option_ends_as_documented(
    place: Path, capfd: Captured, typed: list[tuple[str, str]]
) -> None:
    # Not what somebody's whole machine has: a path is one beneath the current directory.
    words = [
        f"{option}={value}"
        for option, value in typed
        if option != "--path" or os.path.abspath(value) not in {"/", *_above(place)}
    ]
    code = failures.run(["--json", *words])
    output, errors = capfd.readouterr()
    assert code in ALLOWED, errors[-3000:]
    assert "report it" not in errors
    assert "Traceback" not in errors
    document = json.loads(output)
    assert document["totals"]["deleted"] == 0
    assert (place / "node_modules/file").exists()


@some(150)
@given(st.lists(st.one_of(WORDS, st.sampled_from(VALUED)), min_size=1, max_size=4))
def test_whatever_words_are_typed_end_as_documented(
    place: Path, capfd: Captured, typed: list[str]
) -> None:
    # Not what somebody's whole machine has, and no command.
    words = [
        word
        for word in typed
        if os.path.abspath(word.partition("=")[2] or word) not in {"/", *_above(place)}
        and word not in {"-V", "-h"}
    ]
    if set(words) & {"log", "resume", "rules", "explain", "regenerate", "help"}:
        return
    code = failures.run(["--json", *words])
    output, errors = capfd.readouterr()
    assert code in ALLOWED, errors[-3000:]
    assert "report it" not in errors
    assert "Traceback" not in errors
    assert json.loads(output)["totals"]["deleted"] == 0
    assert (place / "node_modules/file").exists()


def _above(place: Path) -> set[str]:
    return {os.fspath(one) for one in place.parents}


@pytest.mark.slow
@some(60)
@given(st.sampled_from(["log", "regenerate", "explain", "rules", "resume"]), WORDS)
def test_whatever_is_typed_for_a_command_ends_as_documented(
    place: Path, capfd: Captured, command: str, word: str
) -> None:
    for words in ([command, word], [command, "--", word], [command, f"--limit={word}"]):
        if command == "explain" and os.path.isdir(word):
            continue
        code = failures.run(words)
        _, errors = capfd.readouterr()
        assert code in ALLOWED, errors[-3000:]
        assert "report it" not in errors
        assert "Traceback" not in errors
    assert (place / "node_modules/file").exists()


@some(150)
@given(st.one_of(st.text(max_size=60), st.binary(max_size=60)))
def test_whatever_a_configuration_holds_it_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: str | bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "anything.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode(errors="replace"))
    try:
        read_file(str(path), Order.USER)
    except UsageError as error:
        refused = str(error)
    else:
        refused = str(path)
    assert refused.startswith(str(path))
