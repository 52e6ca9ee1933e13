"""``rules``: a page for people, lines for programs."""

import re
from pathlib import Path

import pytest

from cleanup_nodemodule.proof.rule_words import describe, directories
from cleanup_nodemodule.proof.rules import catalogue, profiles
from support.screen import Screen
from support.tool import Run

RULES = catalogue()


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration file, which is not there."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config/cleanup-nodemodule/config.toml"


def shown(cwd: Path, columns: int, *words: str) -> list[str]:
    """Return what a terminal shows of the command."""
    with Screen(columns) as screen:
        lines = screen.run("rules", *words, cwd=cwd)
        assert screen.code == 0
    return lines


def test_in_a_pipe_each_rule_is_a_line_with_six_fields(run: Run) -> None:
    result = run("rules")
    assert (result.returncode, result.stderr) == (0, "")
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert [row[:3] + row[4:5] for row in rows] == [
        [rule.id, directories(rule), rule.title, describe(rule)] for rule in RULES
    ]
    by_id = {row[0]: row for row in rows}
    assert by_id["js/next"][3] == "npx next build"
    assert by_id["js/next"][5] == "deleting it under a running development server breaks that"
    assert by_id["js/dist"][3] == "npm run build"
    assert by_id["js/swc"][3] == "nothing to run"
    assert "{" not in result.stdout.replace("${", "")


@pytest.mark.parametrize("columns", [60, 80, 100, 120, 200])
def test_at_a_terminal_each_rule_is_one_line_below_its_profile(
    tmp_path: Path, columns: int
) -> None:
    lines = shown(tmp_path, columns)
    assert max(map(len, lines)) <= min(columns, 120)
    headings = [line.rstrip(":") for line in lines if re.fullmatch(r"[a-z]+:", line)]
    assert headings == list(dict.fromkeys(rule.ecosystem for rule in RULES))
    assert {*headings} == {*profiles()} - {"all"}
    assert len([line for line in lines if line.startswith("  ")]) == len(RULES)
    assert re.search(r"^  \.next  .* npx next build$", "\n".join(lines), re.MULTILINE)
    assert (
        " ".join(lines)
        .rstrip()
        .endswith(f"{len(RULES)} rules. All about one of them: cleanup-nodemodule rules NAME")
    )


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_a_rule_in_full_is_broken_between_words(tmp_path: Path, columns: int) -> None:
    lines = shown(tmp_path, columns, ".next")
    text = " ".join(" ".join(lines).split())
    [rule] = [rule for rule in RULES if rule.id == "js/next"]
    assert text == (
        f"js/next: .next (Next.js build) Proof {describe(rule)} Back with npx next build Note {rule.risk}"
    )
    assert max(map(len, lines)) <= columns


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["js/next"], {"js/next"}),
        ([".next/"], {"js/next"}),
        (["foo.egg-info"], {"python/egg-info"}),
        (["zig"], {rule.id for rule in RULES if rule.ecosystem == "zig"}),
        (["--profile", "zig"], {rule.id for rule in RULES if rule.ecosystem == "zig"}),
        (["dist", "--profile", "js"], {"js/dist", "js/vitepress-dist"}),
        (["js/next", ".nuxt"], {"js/next", "js/nuxt"}),
    ],
    ids=["id", "directory", "pattern", "ecosystem", "profile", "both", "two"],
)
def test_rules_are_found_by_name(run: Run, words: list[str], found: set[str]) -> None:
    result = run("rules", *words)
    assert {line.split("\t")[0] for line in result.stdout.splitlines()} == found


@pytest.mark.parametrize(
    ("word", "advice"),
    [
        ("dsit", "did you mean dist?"),
        ("js/nxet", "did you mean js/next?"),
        ("pyhton", "did you mean python?"),
        ("qqqqqq", "cleanup-nodemodule rules lists them"),
    ],
)
def test_a_name_that_no_rule_has_is_told_the_nearest_one(run: Run, word: str, advice: str) -> None:
    result = run("rules", word)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"cleanup-nodemodule: there is no rule {word}; {advice}\n"


def test_a_rule_of_the_users_own_is_safe_to_show(run: Run, config: Path, tmp_path: Path) -> None:
    config.parent.mkdir(parents=True)
    config.write_text(
        '[[rule]]\nid = "own/x"\ntitle = "a\\u001b[31mb"\ndirectory = "made"\nproofs = [{ beside = ["m"] }]\n'
    )
    assert run("rules", "own").stdout.startswith("own/x\tmade\t$'a\\e[31mb'\t-\t")
    assert any(line.split()[:2] == ["made", "$'a\\e[31mb'"] for line in shown(tmp_path, 80))
