"""What ``--exclude`` and ``keep`` leave alone, from the table of the documents and beyond."""

import fnmatch
import json
import os
import pickle
import re
from pathlib import Path
from typing import Final, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanup_nodemodule.patterns.globs import PatternError
from cleanup_nodemodule.patterns.patterns import Patterns, check, compile_pattern, parts
from support import simple
from support.places import CHECKOUT
from support.tool import PROJECT, Run, Tool, facts
from support.trees import declare

Case: TypeAlias = tuple[str, tuple[str, ...], tuple[str, ...]]

PAGE: Final = (CHECKOUT / "docs/configuration.md").read_text()

PLACES: Final = (
    *("clients", "clients/acme", "clients/zeta", "clients-old", "acme", "other"),
    *("old/clients", "old/clients/acme", "old/klaus", "old/other"),
    *("app/[slug]", "app/s", "app/slug"),
)
"""Where there is a project, beneath ~/work."""


def table() -> list[Case]:
    """Return the rows of the page's table: the pattern, what it leaves alone, and what not."""
    text = PAGE.partition("<!-- patterns -->")[2].partition("<!-- end of patterns -->")[0]
    cells = [re.findall(r"`(.*?)`", cell) for cell in re.findall(r"\| (.*?) (?=\|)", text)]
    rows = [cells[start : start + 3] for start in range(0, len(cells), 3)]
    return [(row[0][0], tuple(row[1]), tuple(row[2])) for row in rows if all(row)]


@pytest.fixture
def tool(one_tool: Tool) -> Tool:
    """The command with one engine, as none decides what a pattern means."""
    return one_tool


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """``~/work`` with a project in each of the places; HOME is the directory above."""
    top = tmp_path / "home" / "work"
    for place in PLACES:
        declare(top / place, PROJECT)
    declare(top / "clients/acme/node_modules", {"left-pad": {"index.js": ""}})
    declare(top, {"link": Path("clients")})
    return top


def spared(run: Run, work: Path, *arguments: str, keep: str | None = None) -> set[str]:
    """Return in which of the places nothing was deleted, with a home of its own."""
    config = work.parent / "config"
    declare(config / "cleanup-nodemodule", {})
    said = "" if keep is None else f"keep = [{json.dumps(keep)}]\n"
    (config / "cleanup-nodemodule/config.toml").write_text(said + simple.CONFIGURATION)
    env = {"HOME": str(work.parent), "XDG_CONFIG_HOME": str(config)}
    done = run("-p", ".", "--no-dry-run", "-q", *arguments, cwd=work, env=env)
    assert done.returncode == 0, done.stderr
    return {place for place in PLACES if (work / place / "node_modules").exists()}


def test_the_table_is_there() -> None:
    assert len(table()) > 10
    assert {case[0][0] for case in table()} >= {"c", ".", "~", "/", "["}


WAYS = ["--exclude", pytest.param("keep", marks=pytest.mark.slow)]
"""Two ways to leave something alone, by the same patterns."""


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("pattern", "alone", "other"), table(), ids=[one[0] for one in table()])
def test_what_the_table_says_is_left_alone(
    run: Run, work: Path, pattern: str, alone: tuple[str, ...], other: tuple[str, ...], way: str
) -> None:
    if way == "keep":
        left = spared(run, work, keep=pattern)
    else:
        left = spared(run, work, f"--exclude={pattern}")
    assert {os.path.relpath(place, "~/work") for place in alone} <= left
    assert left & {os.path.relpath(place, "~/work") for place in other} == set()


@pytest.mark.parametrize("way", WAYS)
def test_what_a_shell_makes_of_a_home_directory_is_left_alone(
    run: Run, work: Path, way: str
) -> None:
    pattern = f"{work}/clients"
    left = spared(run, work, keep=pattern) if way == "keep" else spared(run, work, "-e", pattern)
    assert left == {"clients", "clients/acme", "clients/zeta"}


def test_a_name_with_a_comma_that_is_there_is_that_name(run: Run, work: Path) -> None:
    declare(work / "a,b", PROJECT)
    assert spared(run, work, "-e", "a,b") == set()
    assert (work / "a,b/node_modules").exists()


@pytest.mark.parametrize("spelling", ["root", "link"])
def test_a_root_by_a_symlink_and_a_pattern_by_another_are_the_same_place(
    tool: Tool, tmp_path: Path, spelling: str
) -> None:
    declare(tmp_path / "real", {"a": PROJECT, "b": PROJECT})
    declare(tmp_path, {"link": Path("real"), "root": Path("real")})
    top = tmp_path / "link"
    told = tool.delete(top, "-e", f"{tmp_path}/{spelling}/a")
    assert (told.code, len(told.rows)) == (0, 1)
    assert (top / "a/node_modules").exists()
    assert not (top / "b/node_modules").exists()


@pytest.mark.parametrize("pattern", ["link/ac*", "link/**", "./link/*"])
def test_what_a_pattern_reaches_through_a_symlink_is_left_alone(
    run: Run, work: Path, pattern: str
) -> None:
    left = spared(run, work, "-e", pattern)
    assert "clients/acme" in left
    assert "other" not in left


def configure(home: Path, said: str) -> None:
    """Say this in the configuration that the tool beneath *home* reads, and have the simple rules in it."""
    text = f"{said}\n{simple.CONFIGURATION}"
    declare(home / "home/config/cleanup-nodemodule", {"config.toml": text})


# What lies inside an artifact.


@pytest.mark.parametrize(
    "pattern",
    [
        "node_modules/pkg/index.js",
        "./app/node_modules/pkg",
        "/app/node_modules/p*/deep",
        "app/node_modules/*",
        "{top}/app/node_modules/file",
    ],
)
@pytest.mark.parametrize("way", WAYS)
def test_an_artifact_around_what_is_named_is_kept(
    tool: Tool, tmp_path: Path, pattern: str, way: str
) -> None:
    top = tmp_path / "work"
    declare(top, {"app": PROJECT, "other": {"package.json": "{}", "node_modules": {"else": ""}}})
    text = pattern.format(top=top)
    options: tuple[str, ...] = ("-e", text)
    if way == "keep":
        configure(tmp_path, f"keep = [{json.dumps(text)}]")
        options = ()
    told = tool.delete(top, *options, cwd=top)
    assert (told.code, told.reasons["app/node_modules"]) == (0, "excluded"), told.errors
    assert any("names what is inside" in fact for fact in facts(told.rows["app/node_modules"]))
    assert (top / "app/node_modules/pkg/deep/er").exists()
    if pattern != "app/node_modules/*":
        assert told.document["unmatched_patterns"] == []
    assert told.outcomes["other/node_modules"] == "deleted"


def test_what_lies_inside_is_not_followed(tool: Tool, tmp_path: Path) -> None:
    top = tmp_path / "work"
    declare(top, {"app": PROJECT, "outside": {"precious": ""}})
    declare(top / "app/node_modules", {"link": Path("../../outside")})
    told = tool.run(top, "-e", "node_modules/link/precious")
    assert told.reasons["app/node_modules"] is None
    assert told.document["unmatched_patterns"] == ["node_modules/link/precious"]


def test_a_mere_name_is_not_looked_for_inside(tool: Tool, tmp_path: Path) -> None:
    top = tmp_path / "work"
    declare(top, {"app": {"package.json": "{}", "node_modules": {"dist": {"x": ""}}}})
    told = tool.run(top, "-e", "dist")
    assert told.reasons == {"app/node_modules": None}


# What matches nothing.

NOTHING: Final = {
    "": "matches nothing; type a name or a path",
    " ": "matches nothing; type a name or a path",
    "!": "matches nothing; type a name or a path",
    "!clients": "type 'clients'",
    "a\\": "ends with a backslash",
    "[z-a]": "as in [a-z]",
    "x/[b-a]/y": "as in [a-b]",
    "[[:digits:]]": "there are alnum",
    "*/../x": "type the path that it leads to",
    "a/x,b/x": "as in: -e a/x -e b/x",
    "{a,b}": "each pattern stands for itself",
    "x" * 5000: "longer than any path",
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("pattern", NOTHING, ids=lambda text: str(text)[:20])
def test_what_can_match_nothing_ends_the_run_and_says_what_works(
    tool: Tool, tmp_path: Path, pattern: str, way: str
) -> None:
    top = tmp_path / "work"
    declare(top, PROJECT)
    options: tuple[str, ...] = (f"--exclude={pattern}",)
    if way == "keep":
        said = f"keep = [{json.dumps(pattern)}]"
        configure(tmp_path, said)
        options = ()
    told = tool.delete(top, *options)
    assert told.code == 2
    [problem] = told.document["problems"]
    assert NOTHING[pattern] in problem["message"]
    assert told.errors.count("\n") == 1
    assert (top / "node_modules").exists()


def test_a_path_outside_of_what_is_searched_ends_the_run(tool: Tool, tmp_path: Path) -> None:
    top, other = tmp_path / "work", tmp_path / "other"
    declare(top, PROJECT)
    declare(other, {"clients": PROJECT})
    for pattern in (f"{other}/clients", "./clients", "../other", "/etc"):
        told = tool.delete(top, "-e", pattern, cwd=other)
        assert told.code == 2, pattern
        assert f"type a path beneath that, such as {top}/name" in told.errors
    assert (top / "node_modules").exists()
    # The configuration is for other runs, too.
    said = f"keep = ['{other}/clients']"
    configure(tmp_path, said)
    told = tool.run(top)
    assert (told.code, told.document["unmatched_patterns"]) == (0, [])


def test_what_matched_nothing_is_said_before_anything_is_deleted(
    tool: Tool, tmp_path: Path
) -> None:
    top = tmp_path / "work"
    declare(top, {"app": PROJECT, "clients": PROJECT})
    said = "keep = ['archive', '/no/such/place', 'clients/*']"
    configure(tmp_path, said)
    options = ("-e", "cleints", "-e", "app", "-e", "app/deep", "-e", "./nothing")
    told = tool.delete(top, *options, cwd=top)
    unmatched = ["cleints", "app/deep", "./nothing", "archive", "/no/such/place"]
    assert told.code == 0
    assert told.document["unmatched_patterns"] == unmatched
    for pattern in unmatched:
        assert (
            f"the pattern {pattern} matched nothing, so it protects nothing; check how it is spelt\n"
            in told.errors
        )
    quiet = tool.start("-p", top, "-q", "-e", "cleints")
    assert "the pattern cleints matched nothing" in quiet.communicate()[1]


def test_what_another_pattern_hides_was_not_misspelt(tool: Tool, tmp_path: Path) -> None:
    top = tmp_path / "work"
    declare(top, {"app": {"deep": PROJECT}})
    told = tool.run(top, "-e", "app", "-e", "./app/deep", cwd=top)
    assert told.document["unmatched_patterns"] == []


def test_what_is_to_be_searched_and_excluded_at_once_is_said(tool: Tool, tmp_path: Path) -> None:
    declare(tmp_path / "build", {"a": PROJECT, "build": PROJECT})
    top = tmp_path / "build"
    told = tool.delete(top, "-e", "build")
    assert (told.code, told.rows) == (3, {})
    [problem] = told.document["problems"]
    assert (problem["path"], problem["doing"]) == (str(top), "search")
    assert f"as in: -e '{top}/name'" in problem["message"]
    # Not even if it is an artifact itself.
    declare(tmp_path, {"app": PROJECT})
    for pattern in ("node_modules", f"{tmp_path}/app"):
        assert tool.delete(tmp_path / "app/node_modules", "-e", pattern).code == 3
    assert (tmp_path / "app/node_modules/pkg/index.js").exists()
    told = tool.delete(top, "-e", f"{top}/build")
    assert (told.code, told.outcomes) == (0, {"a/node_modules": "deleted"})
    # Taking back is another matter.
    assert set(tool.run(top, "-e", "*", "-e", "!/build").rows) == {"build/node_modules"}


# The syntax itself, against what the shell's own does.

NAMES: Final = st.text(alphabet="ab-]^![", min_size=1, max_size=6)


@given(st.lists(NAMES, min_size=1, max_size=4))
def test_a_path_matches_itself_however_it_is_spelled(names: list[str]) -> None:
    """What is there by that name is left alone, whatever its letters mean in a pattern."""
    for text in ("/" + "/".join(names), "/".join(names)):
        try:
            check(text)
        except PatternError:
            continue
        if text.startswith("!"):
            continue
        pattern = compile_pattern(text, None, "/", ("/",), ask=False)
        assert pattern.matches(tuple(names))
        assert pattern.matches((*names, "inside"))


@given(st.text(alphabet="ab*?", min_size=1, max_size=8), st.text(alphabet="ab", max_size=6))
def test_a_pattern_for_a_name_is_that_of_the_shell(glob: str, name: str) -> None:
    if "**" in glob or not name:
        return
    pattern = compile_pattern(glob, None, "/", (), ask=False)
    assert pattern.matches((name,)) == fnmatch.fnmatchcase(name, glob)


@given(st.text(max_size=12))
def test_whatever_is_typed_is_a_pattern_or_refused_in_a_sentence(text: str) -> None:
    try:
        check(text)
        pattern = compile_pattern(text, "/home/me", "/home/me/work", ("/srv",), ask=False)
    except PatternError:
        return
    pattern.matches(parts("/srv/a/b"))


@given(
    st.sampled_from(["a", "*", ""]),
    st.text(alphabet="abc-]![&~", min_size=1, max_size=5),
    st.sampled_from(["b", "?", ""]),
    st.text(alphabet="abc-]![&~", min_size=1, max_size=4),
)
def test_what_stands_in_brackets_is_that_of_the_shell(
    before: str, inside: str, after: str, name: str
) -> None:
    glob = f"{before}[{inside}]{after}"
    try:
        pattern = compile_pattern(f"/top/{glob}", None, "/", (), ask=False)
    except PatternError:
        return
    literally = name == glob
    assert pattern.matches(("top", name)) == (fnmatch.fnmatchcase(name, glob) or literally)


SPELLED: Final = (
    ("a[!b]c", ("a", "c"), False),
    ("a[+-9]c", ("a", "c"), False),
    ("a[[:punct:]]c", ("a", "c"), False),
    ("a?c", ("a", "c"), False),
    ("a[!b]c", ("a\nc",), True),
    ("a*c", ("a\n\nc",), True),
    ("a", ("line\nfeed", "a"), True),
    ("line*/**/a", ("line\nfeed", "x\n", "a"), True),
    ("a\\ ", ("a ",), True),
    ("a\\ ", ("a",), False),
    ("/a\u3000/", ("a\u3000",), True),
    ("#a", ("#a",), True),
    (r"\!a", ("!a",), True),
    ("[[:digit:][:upper:]_]", ("Q",), True),
    ("[[:digit:][:upper:]_]", ("q",), False),
    (r"[\]x]", ("]",), True),
    ("\udcff*", ("\udcff\udcfe",), True),
)


@pytest.mark.parametrize(("text", "names", "matches"), SPELLED)
def test_no_letter_means_more_than_it_does_to_git(
    text: str, names: tuple[str, ...], *, matches: bool
) -> None:
    pattern = compile_pattern(text, None, "/", (), ask=False)
    sent = pickle.loads(pickle.dumps(Patterns((pattern,))))  # noqa: S301 - as to another process
    for one in (pattern, sent.given[0]):
        assert one.matches(names) is matches
        assert one.matches((*names, "inside")) is matches


def test_the_last_pattern_that_matches_decides() -> None:
    texts = ("a", "!a/b", "a/b/c", "!nothing")
    patterns = Patterns(
        tuple(compile_pattern(text, None, "/", ("/",), ask=False) for text in texts)
    )
    met: set[str] = set()
    assert [patterns.covering(path, met) for path in ("/a", "/x/a/d", "/a/b/x", "/a/b/c/d")] == [
        *("a", "a", None, "a/b/c"),
    ]
    assert met == {"a", "!a/b", "a/b/c"}
    assert patterns.covering("/b", met) is None


def test_a_name_that_nearly_fits_many_stars_takes_no_time() -> None:
    pattern = compile_pattern("*a" * 40 + "b", None, "/", (), ask=False)
    assert not pattern.matches(("a" * 255,))
    assert pattern.matches(("a" * 254 + "b",))


def test_a_path_that_nearly_fits_many_directories_takes_no_time() -> None:
    for text in ("**/a" * 40 + "/b", "a" + "/**/a*" * 40 + "/b", "/**/*a*" * 40 + "/b"):
        pattern = compile_pattern(text.lstrip("/"), None, "/", (), ask=False)
        assert not pattern.matches(("a",) * 2000)
        assert pattern.matches((*("a",) * 2000, "b"))
