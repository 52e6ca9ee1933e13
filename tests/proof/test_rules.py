"""The catalogue, rules and profiles of the user's own, and the commands that tell about them."""

import importlib.resources
import json
import os
import tomllib
import zlib
from collections import Counter
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest

from cleanup_nodemodule.commands import failures
from cleanup_nodemodule.proof import catalogue_files
from cleanup_nodemodule.proof.rule_words import describe
from cleanup_nodemodule.proof.rules import (
    Proof,
    RuleError,
    catalogue,
    from_option,
    of_profiles,
    profiles,
    read_rules,
)
from support.git import git
from support.judges import DELETE, verdicts
from support.simple import CONFIGURATION
from support.tool import Run
from support.trees import declare, listing

Captured: TypeAlias = "pytest.CaptureFixture[str]"

FILES: Final = {"file": "content"}


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the configuration file is looked for, in this process and in those it starts."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    declare(tmp_path / "config/cleanup-nodemodule", {})
    return tmp_path / "config/cleanup-nodemodule/config.toml"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A project with an artifact that a run would delete."""
    top = tmp_path / "work"
    declare(top, {"package.json": "{}", "node_modules": FILES, "made": FILES, "mark": ""})
    return top


def found(run: Run, top: Path, *arguments: str) -> dict[str, str]:
    """Return what a run would do with everything found beneath *top*, by relative path."""
    document = json.loads(run("-p", top, "--json", *arguments).stdout)
    return {
        os.path.relpath(row["path"], top): row["reason"] or DELETE for row in document["artifacts"]
    }


# The catalogue.


def test_the_catalogue_in_json_is_the_one_in_toml() -> None:
    for name in profiles()[:-1]:
        written = Path(catalogue_files.source(name)).read_bytes()
        compiled = json.loads(Path(catalogue_files.as_json(name)).read_text(encoding="utf-8"))
        assert compiled == {"of": zlib.crc32(written), "rule": catalogue_files.parsed(written)}, (
            name
        )
    assert len(os.listdir(f"{catalogue_files.CATALOGUE}/json")) == len(profiles()) - 1


def test_a_rule_that_was_changed_counts_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toml = "[[rule]]\nid = 'x/new'\n"
    made_of = zlib.crc32(toml.encode())
    monkeypatch.setattr(catalogue_files, "CATALOGUE", str(tmp_path))
    for compiled, read in (
        (f'{{"of": {made_of}, "rule": [{{"id": "x/compiled"}}]}}', "x/compiled"),
        (f'{{"of": {made_of + 1}, "rule": [{{"id": "x/old"}}]}}', "x/new"),
        ('[{"id": "x/old"}]', "x/new"),
        (f'{{"of": {made_of}}}', "x/new"),
        (f'{{"of": {made_of}, "rule": [{{"id"', "x/new"),
    ):
        declare(tmp_path, {"x.toml": toml, "json": {"x.json": compiled}})
        assert [table["id"] for table in catalogue_files.tables("x")] == [read]
    (tmp_path / "json/x.json").unlink()
    assert [table["id"] for table in catalogue_files.tables("x")] == ["x/new"]


def test_every_rule_has_an_id_of_its_own_and_a_title() -> None:
    count = Counter(rule.id for rule in catalogue())
    assert max(count.values()) == 1
    assert len(count) > 90
    assert all(rule.title and rule.title != rule.directory for rule in catalogue())


@pytest.mark.parametrize("rule", catalogue(), ids=lambda rule: str(rule.id))
def test_every_proof_asks_for_something_on_the_disk(rule: Any) -> None:
    for proof in rule.proofs:
        asked = {field.name for field in fields(Proof) if getattr(proof, field.name)}
        assert asked - {"ignored"}
        assert not any(
            marker.strip("*?/") == ""
            for name in ("inside", "beside", "above", "depends", "only")
            for marker in getattr(proof, name)
        )
    assert describe(rule)


def test_every_profile_but_all_is_that_of_some_rule() -> None:
    assert profiles()[-1] == "all"
    assert len(set(profiles())) == len(profiles())
    for name in profiles()[:-1]:
        assert of_profiles((name,))
        assert {rule.ecosystem for rule in of_profiles((name,))} == {name}
    assert of_profiles(("all",)) == of_profiles(("rust", "all")) == catalogue()
    both = of_profiles(("rust", "js"))
    assert {rule.ecosystem for rule in both} == {"rust", "js"}


def test_each_file_of_the_catalogue_holds_the_rules_of_its_own_ecosystem() -> None:
    files = importlib.resources.files("cleanup_nodemodule.proof") / "catalogue"
    found = {file.name.removesuffix(".toml") for file in files.iterdir()} - {"README.md", "json"}
    assert found == {*profiles()} - {"all"}
    for name in found:
        rules = tomllib.loads((files / f"{name}.toml").read_text())["rule"]
        assert {rule["id"].partition("/")[0] for rule in rules} == {name}


def test_no_rule_takes_what_must_never_be_touched() -> None:
    never = [
        *(".vercel", ".netlify", ".wrangler", ".firebase", ".dynamodb", ".yarn", ".yarn/patches"),
        *(".hypothesis", ".ipynb_checkpoints", "mlruns", ".terraform", ".vagrant", ".pulumi"),
        *(".swiftpm", "Saved", "UserSettings", "Archives", ".bundle", "vendor/cache", ".git"),
        *("public", "site", "src", "lib", "node_module", ".aws", ".ssh", ".env", ".config"),
    ]
    for path in never:
        names = ("", "home", "someone", "project", *path.split("/"))
        # A name that is used for many things is not even mentioned without a mark inside.
        rules = [rule for rule in catalogue() if rule.directory != "*" and not rule.generic]
        fitting = [rule.id for rule in rules if rule.fits(names)]
        assert fitting == [], path


def test_every_regeneration_that_needs_no_lock_comes_last() -> None:
    for rule in catalogue():
        needs = [entry.lock or entry.script for entry in rule.regenerate]
        assert all(needs[:-1]), rule.id
        assert not rule.locked or any(entry.lock for entry in rule.regenerate), rule.id


# Malformed rules.

GOOD: Final = 'id = "own/made"\ndirectory = "made"\nproofs = [{ beside = ["mark"] }]\n'

MALFORMED: Final = {
    "unknown key": (GOOD + "sort = 1", ["'sort'", "directory"]),
    "id of a wrong type": ("id = 1\n", ["id has to be a text"]),
    "title of a wrong type": (GOOD + "title = []", ["title has to be a text"]),
    "generic of a wrong type": (GOOD + 'generic = "yes"', ["generic has to be true or false"]),
    "number for a truth": (GOOD + "locked = 1", ["locked has to be true or false"]),
    "without of a wrong type": (GOOD + 'without = "x"', ["without has to be a list of names"]),
    "precious with a number": (GOOD + "precious = [1]", ["precious has to be a list of names"]),
    "empty list": (GOOD + "precious = []", ["precious is empty"]),
    "proofs of a wrong type": (
        'id = "own/x"\ndirectory = "made"\nproofs = { beside = ["x"] }',
        ["proofs has to be a list"],
    ),
    "regenerate of a wrong type": (GOOD + 'regenerate = "make"', ["regenerate has to be a list"]),
    "no id": ('directory = "made"\nproofs = [{ beside = ["x"] }]', ["id is missing"]),
    "no directory": ('id = "own/x"\nproofs = [{ beside = ["x"] }]', ["directory is missing"]),
    "directory of any name": (
        'id = "own/x"\ndirectory = "?*"\nproofs = [{ beside = ["x"] }]',
        ["directory cannot end with '?*'"],
    ),
    "directory that proves itself": (
        'id = "own/x"\ndirectory = "made"\nproofs = [{ beside = ["made/"] }]',
        ["'made' beside it is the directory itself"],
    ),
    "marker of any name": (
        'id = "own/x"\ndirectory = "made"\nproofs = [{ inside = ["**"] }]',
        ["inside cannot be '**'"],
    ),
    "no text to hold": (
        'id = "own/x"\ndirectory = "made"\nproofs = [{ holds = { file = "f", text = "" } }]',
        ["file and text cannot be empty"],
    ),
    "no proofs": ('id = "own/x"\ndirectory = "made"', ["proofs is missing"]),
    "odd id": (GOOD.replace("own/made", "Made"), ["(Made)", "id has to be like ecosystem/name"]),
}

PROOFS: Final = {
    "empty proofs": ("[]", ["without a proof"]),
    "proof that is a text": ('["mark"]', ["proof 1", "has to be a table"]),
    "empty proof": ("[{}]", ["proof 1", "proves nothing"]),
    "ignored alone": ("[{ ignored = true }]", ["proof 1", "ignored by git alone"]),
    "ignored alone, second": (
        '[{ beside = ["x"] }, { ignored = true }]',
        ["proof 2", "ignored by git alone"],
    ),
    "nothing asked for": ("[{ tagged = false }]", ["proof 1", "proves nothing"]),
    "nothing asked for but ignored": (
        "[{ tagged = false, home = false, ignored = true }]",
        ["proof 1", "proves nothing"],
    ),
    "unknown condition": ('[{ next_to = ["x"] }]', ["proof 1", "'next_to'", "beside"]),
    "condition of a wrong type": ('[{ beside = "x" }]', ["proof 1", "beside", "list of names"]),
    "empty condition": ("[{ beside = [] }]", ["proof 1", "beside is empty"]),
    "the directory itself": ('[{ inside = ["/"] }]', ["proof 1", "inside"]),
    "the project itself": ('[{ beside = ["./"] }]', ["proof 1", "beside"]),
    "the directory above": ('[{ inside = ["../"] }]', ["proof 1", "inside"]),
    "an absolute path": ('[{ inside = ["/etc/passwd"] }]', ["proof 1", "inside"]),
    "tagged of a wrong type": ("[{ tagged = 1 }]", ["proof 1", "tagged has to be true or false"]),
    "holds of a wrong type": ('[{ holds = "x" }]', ["proof 1", "holds has to be a table"]),
    "holds an unknown key": (
        '[{ holds = { file = "a", text = "b", or = "c" } }]',
        ["proof 1", "holds", "'or'"],
    ),
    "holds without a text": ('[{ holds = { file = "a" } }]', ["proof 1", "holds", "text"]),
}

DIRECTORIES: Final = ("", ".", "..", ".git", "a/../b", "a//b", "/a", "a/", "x/.git", "*")

REGENERATE: Final = {
    "regenerate a text": ('["make"]', ["regenerate", "has to be a table"]),
    "regenerate an unknown key": ('[{ command = "a", if = "b" }]', ["regenerate", "'if'"]),
    "regenerate without command": ('[{ lock = "a.lock" }]', ["regenerate", "command"]),
}


def _cases() -> dict[str, tuple[str, list[str]]]:
    cases = dict(MALFORMED)
    for name, (proofs, words) in PROOFS.items():
        text = f'id = "own/made"\ndirectory = "made"\nproofs = {proofs}'
        cases[name] = (text, ["(own/made)", *words])
    for name in DIRECTORIES:
        cases[f"directory {name!r}"] = (GOOD.replace('"made"', f'"{name}"'), ["directory"])
    for name, (entries, words) in REGENERATE.items():
        cases[name] = (f"{GOOD}regenerate = {entries}", ["(own/made)", *words])
    return {
        name: (f"[[rule]]\n{GOOD.replace('made', 'first')}\n[[rule]]\n{text}\n", ["rule 2", *words])
        for name, (text, words) in cases.items()
    }


FILES_WITHOUT_SENSE: Final = {
    **_cases(),
    "duplicate id": (f"[[rule]]\n{GOOD}[[rule]]\n{GOOD}", ["rule 2", "'own/made'"]),
    "bad TOML": ("[[rule]\n", ["line 1"]),
    "not UTF-8": ("keep = ['\udcff']\n", []),
    "rule that is a number": ("rule = 1\n", ["rule 1: has to be a table"]),
    "rule that is a word": ('rule = ["x"]\n', ["line 1", "'x' is no rule"]),
    "unknown key at the top": ("rules = []\n", ["'rules'", "did you mean rule?"]),
    "unknown profile": ('profiles = ["js", "cobol"]\n', ["'cobol'", "js, ", "rust"]),
    "profiles of a wrong type": ("profiles = 1\n", ["profile", "list of texts"]),
    "keep of a wrong type": ("keep = [1]\n", ["keep", "list"]),
    "malformed keep pattern": ('keep = ["!"]\n', ["keep", "gitignore"]),
}


@pytest.mark.parametrize("name", FILES_WITHOUT_SENSE)
def test_a_file_that_makes_no_sense_ends_the_run_and_says_where(
    config: Path, work: Path, capfd: Captured, name: str
) -> None:
    text, words = FILES_WITHOUT_SENSE[name]
    config.write_text(text, errors="surrogateescape")
    before = listing(work)
    # What is typed takes the place of what a file says of profiles.
    typed = () if "profiles" in text else ("--profile", "all")
    code = failures.run(["-p", str(work), "--no-dry-run", *typed])
    output, errors = capfd.readouterr()
    assert (code, output) == (2, ""), errors
    assert [word for word in (str(config), *words) if word not in errors] == [], errors
    assert len(errors.splitlines()) == 1
    assert listing(work) == before


def test_all_the_commands_refuse_such_a_file(run: Run, config: Path, work: Path) -> None:
    config.write_text(f'[[rule]]\n{GOOD}sort = "x"\n')
    before = listing(work)
    for arguments in ([], ["--no-dry-run"], ["rules"], ["explain", str(work / "node_modules")]):
        result = run(*arguments, cwd=work)
        assert (result.returncode, result.stdout) == (2, ""), arguments
        assert f"{config}, rule 1: there is no key 'sort'" in result.stderr
    document = json.loads(run("--json", cwd=work).stdout)
    assert (document["artifacts"], document["complete"]) == ([], False)
    assert "'sort'" in document["problems"][0]["message"]
    assert listing(work) == before


def test_a_file_that_cannot_be_read_ends_the_run(config: Path, work: Path, capfd: Captured) -> None:
    config.mkdir()
    assert failures.run(["-p", str(work), "--no-dry-run"]) == 2
    assert str(config) in capfd.readouterr().err
    assert (work / "node_modules/file").exists()


OPTIONS: Final = {
    **dict.fromkeys(["made", "", "@", "made@", "@mark", "made@/", "made@//"], "NAME@MARKER"),
    **dict.fromkeys([".@x", "..@x", ".git@x", "a/../b@x", "/a@x", "a/@x", "a/.git@x"], "directory"),
    **dict.fromkeys(["made@./", "made@../"], "made@"),
    "*@x": "tags itself",
}


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_that_is_no_rule_ends_the_run(
    config: Path, work: Path, capfd: Captured, option: str
) -> None:
    assert not config.exists()
    before = listing(work)
    code = failures.run(["-p", str(work), "--no-dry-run", "--rule", "ok@mark", "--rule", option])
    output, errors = capfd.readouterr()
    assert (code, output) == (2, "")
    assert "--rule" in errors
    assert repr(option) in errors
    assert OPTIONS[option] in errors
    assert listing(work) == before


@pytest.mark.parametrize("tables", [None, {}, "x", [1], [[]], [None]])
def test_what_is_no_table_is_no_rule(tables: object) -> None:
    with pytest.raises(RuleError, match="somewhere"):
        read_rules(tables, "somewhere")


# Rules of one's own.


@pytest.mark.parametrize(
    ("option", "tree", "expected"),
    [
        ("made@mark", {"made": FILES, "mark": ""}, {"made": DELETE}),
        ("made@mark", {"made": FILES}, {"made": "unproven"}),
        ("made@mark", {"made": {"mark": ""}}, {"made": "unproven"}),
        ("made@/mark", {"made": {"mark": ""}}, {"made": DELETE}),
        ("made@/mark", {"made": FILES, "mark": ""}, {"made": "unproven"}),
        ("made@/sub/", {"made": {"sub": {}}}, {"made": DELETE}),
        ("made@/sub/", {"made": {"sub": ""}}, {"made": "unproven"}),
        ("made@*.mk", {"made": FILES, "a.mk": ""}, {"made": DELETE}),
        ("made@dir/", {"made": FILES, "dir": {}}, {"made": DELETE}),
        ("made@dir", {"made": FILES, "dir": {}}, {"made": "unproven"}),
        ("made-*@mark", {"made-1": FILES, "made": FILES, "mark": ""}, {"made-1": DELETE}),
        ("m?de@mark", {"mode": FILES, "mde": FILES, "mark": ""}, {"mode": DELETE}),
        ("m[ao]de@mark", {"mode": FILES, "mede": FILES, "mark": ""}, {"mode": DELETE}),
        ("a/b@mark", {"a": {"b": FILES, "mark": ""}, "b": FILES}, {"a/b": DELETE}),
        ("a/b@mark", {"x": {"b": FILES, "mark": ""}}, {}),
        ("*/b@mark", {"x": {"b": FILES, "mark": ""}}, {"x/b": DELETE}),
    ],
)
def test_a_rule_of_ones_own_finds_and_proves(
    tmp_path: Path, option: str, tree: dict[str | bytes, Any], expected: dict[str, str]
) -> None:
    declare(tmp_path, tree)
    assert verdicts(tmp_path, profiles=(), own_rules=(from_option(option),)) == expected


def test_own_rules_come_with_those_of_the_profile(run: Run, config: Path, work: Path) -> None:
    config.write_text(CONFIGURATION)
    assert found(run, work) == {"node_modules": DELETE}
    both = {"node_modules": DELETE, "made": DELETE}
    assert found(run, work, "--rule", "made@mark") == both
    config.write_text(f"[[rule]]\n{GOOD}\n{CONFIGURATION}")
    assert found(run, work) == both
    declare(work, {"other": FILES})
    assert found(run, work, "--rule", "other@mark") == {**both, "other": DELETE}
    config.write_text(f"[[rule]]\n{GOOD}")
    assert found(run, work, "--profile", "rust") == {"made": DELETE}


def test_an_own_rule_deletes_what_it_proves_and_nothing_else(run: Run, work: Path) -> None:
    declare(work, {"sub": {"made": FILES}})
    result = run("-p", work, "--rule", "made@mark", "--no-dry-run", "--quiet")
    assert result.returncode == 0
    assert listing(work) == [b"mark", b"package.json", b"sub", b"sub/made", b"sub/made/file"]


def test_own_rules_can_say_all_that_the_catalogue_says(run: Run, config: Path, work: Path) -> None:
    config.write_text(
        """
        [[rule]]
        id = "own/made"
        title = "what I make"
        directory = "made"
        generic = true
        proofs = [{ beside = ["mark"], ignored = true }, { holds = { file = "f", text = "t" } }]
        without = ["source"]
        precious = ["key.*"]
        regenerate = [{ lock = "mark", command = "make made" }]
        locked = true
        risk = "none"
        """
    )
    git(work, "init", "--quiet")
    assert found(run, work) == {"node_modules": "unproven", "made": "unproven"}
    declare(work, {".gitignore": "made\n"})
    document = json.loads(run("-p", work, "--json").stdout)
    [row] = [row for row in document["artifacts"] if row["name"] == "made"]
    assert (row["decision"], row["rule"], row["ecosystem"]) == ("delete", "own/made", "own")
    assert (row["regenerate"], row["regenerate_in"]) == ("make made", str(work))
    declare(work / "made", {"key.pem": ""})
    assert found(run, work)["made"] == "precious"
    declare(work / "made", {"source": ""})
    assert found(run, work).get("made") != DELETE


# Profiles.


def test_profiles_choose_what_is_looked_for(run: Run, config: Path, work: Path) -> None:
    declare(work, {"__pycache__": {"a.pyc": ""}, "zig-out": FILES, "build.zig": ""})
    js, python, zig = "node_modules", "__pycache__", "zig-out"
    assert set(found(run, work)) == {js}
    assert set(found(run, work, "--profile", "python")) == {python}
    assert set(found(run, work, "--profile", "python", "--profile", "zig")) == {python, zig}
    assert set(found(run, work, "--profile", "all")) == {js, python, zig}
    config.write_text('profiles = ["zig", "js"]\n')
    assert set(found(run, work)) == {js, zig}
    assert set(found(run, work, "--profile", "python")) == {python}


@pytest.mark.parametrize("arguments", [[], ["rules"]])
def test_an_unknown_profile_ends_the_run_and_says_which_there_are(
    work: Path, capfd: Captured, arguments: list[str]
) -> None:
    words = arguments or ["-p", str(work), "--no-dry-run"]
    assert failures.run([*words, "--profile", "cobol"]) == 2
    output, errors = capfd.readouterr()
    assert output == ""
    assert "'cobol'" in errors
    assert all(name in errors for name in profiles())
    assert (work / "node_modules/file").exists()


def test_what_the_user_keeps_is_kept_by_the_file(run: Run, config: Path, work: Path) -> None:
    for pattern in (f"{work}/", "node_modules/", "~/work/node_modules"):
        config.write_text(f'keep = ["{pattern}"]\n{CONFIGURATION}')
        result = run("-p", work, "--no-dry-run", "--json", env={"HOME": str(work.parent)})
        [row] = json.loads(result.stdout)["artifacts"]
        assert row["reason"] == "excluded"
    config.write_text(f'keep = ["node_modules/", "!node_modules/"]\n{CONFIGURATION}')
    assert found(run, work) == {"node_modules": DELETE}


# What the commands tell.


def test_rules_are_a_document_too(run: Run, config: Path) -> None:
    config.write_text(f"[[rule]]\n{GOOD}")
    document = json.loads(run("rules", "--json").stdout)
    listed = {rule["id"]: rule for rule in document["rules"]}
    assert list(listed) == ["own/made", *(rule.id for rule in catalogue())]
    assert listed["own/made"]["directory"] == "made"
    assert listed["own/made"]["proofs"][0]["beside"] == ["mark"]
    assert {rule["ecosystem"] for rule in listed.values()} == {"own", *profiles()} - {"all"}


def _delete(top: Path) -> None:
    declare(top, {"package.json": "{}"})


def _unproven(_top: Path) -> None:
    pass


def _tracked(top: Path) -> None:
    _delete(top)
    git(top, "init", "--quiet")
    git(top, "add", "--force", ".")


def _git_failed(top: Path) -> None:
    declare(top, {"package.json": "{}", ".git": "no gitfile"})


def _kept(top: Path) -> None:
    declare(top, {"package.json": "{}", ".cleanup-keep": ""})


def _repository_inside(top: Path) -> None:
    _delete(top)
    declare(top / "node_modules/dep", {".git": {}})


def _installed(top: Path) -> None:
    declare(top, {"package.json": "{}", "pyvenv.cfg": ""})


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_delete, None),
        (_unproven, "unproven"),
        (_tracked, "tracked"),
        (_git_failed, "git-failed"),
        (_kept, "excluded"),
        (_repository_inside, "repository-inside"),
        (_installed, "installed"),
    ],
)
def test_explain_says_what_is_decided_and_why(
    run: Run, tmp_path: Path, make: Any, reason: str | None
) -> None:
    top = tmp_path / "work"
    declare(top, {"node_modules": {"file": "x"}})
    make(top)
    path = top / "node_modules"
    before = listing(tmp_path)
    result = run("explain", path)
    assert (result.returncode, result.stderr) == (0, "")
    first = result.stdout.splitlines()[0]
    word = "can be deleted" if reason is None else f"kept: {reason}, because "
    assert first.startswith(f"{path}: {word}")
    assert "Rule " not in result.stdout
    told = run("explain", path, "--verbose").stdout
    assert "Rule js/node_modules (installed packages):" in told
    document = json.loads(run("explain", path, "--json").stdout)
    assert (document["path"], document["reason"]) == (str(path), reason)
    assert document["decision"] == ("delete" if reason is None else "keep")
    tried = {rule["id"]: rule for rule in document["rules"]}
    assert len(tried["js/node_modules"]["proofs"]) == 2
    # As a run that finds it decides.
    assert found(run, top).get("node_modules", reason or DELETE) == (reason or DELETE)
    assert listing(tmp_path) == before


def test_explain_says_which_condition_was_missing(run: Run, tmp_path: Path) -> None:
    declare(tmp_path, {"dist": FILES, "package.json": "{}", "target": {"deploy": {"a.json": ""}}})
    lines = run("explain", "dist", "-v").stdout.splitlines()
    assert lines[0].startswith(f"{tmp_path}/dist: kept: unproven")
    assert "        yes package.json beside it" in lines
    assert "        ?   ignored by git (nobody asked, because it would decide nothing)" in lines
    assert any(
        "as javascript builds make" in line for line in lines if line.startswith("        no  ")
    )
    document = json.loads(run("explain", "target", "--json").stdout)
    tried = {rule["id"]: rule for rule in document["rules"]}
    assert tried["rust/target"]["precious"] == "deploy/a.json"


def test_explain_of_a_name_that_no_rule_knows(run: Run, tmp_path: Path) -> None:
    declare(tmp_path, {"essays": FILES})
    result = run("explain", "essays")
    assert result.returncode == 0
    assert result.stdout.startswith(f"{tmp_path}/essays: kept: unproven")
    assert " files" not in result.stdout
    document = json.loads(run("explain", "essays", "--json").stdout)
    # It is not measured, as a run that passes by does not either.
    assert (document["decision"], document["allocated_bytes"]) == ("keep", None)


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_explain_of_a_symlink_says_that_it_is_one(
    run: Run, tmp_path: Path, form: list[str]
) -> None:
    declare(tmp_path, {"real": FILES, "package.json": "{}", "node_modules": Path("real")})
    result = run("explain", "node_modules", *form)
    assert (result.returncode, result.stderr) == (0, "")
    if form:
        document = json.loads(result.stdout)
        assert (document["path"], document["decision"]) == (f"{tmp_path}/node_modules", "keep")
    else:
        assert "node_modules: kept, because it is a symlink" in result.stdout


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("nowhere", "No such file or directory"),
        ("file", "it is not a directory"),
        ("file/inside", "Not a directory"),
    ],
)
def test_explain_of_what_is_no_directory_is_wrong_usage(
    run: Run, tmp_path: Path, path: str, why: str
) -> None:
    declare(tmp_path, {"file": "x"})
    result = run("explain", path)
    assert (result.returncode, result.stdout) == (2, "")
    assert (
        result.stderr
        == f"cleanup-nodemodule: cannot explain {path}: {why}; type the path of a directory\n"
    )


@pytest.mark.parametrize("path", [".", "/", "node_modules/..", "node_modules/"])
def test_explain_takes_any_way_to_a_directory(run: Run, work: Path, path: str) -> None:
    result = run("explain", path, "--json", cwd=work)
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["path"] == os.path.normpath(work / path)
    assert document["decision"] == ("delete" if path == "node_modules/" else "keep")


@pytest.mark.parametrize("arguments", [["explain"], ["explain", "a", "b"], ["rules", "x"]])
def test_a_command_with_the_wrong_words_is_wrong_usage(run: Run, arguments: list[str]) -> None:
    result = run(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("cleanup-nodemodule: ")
    assert "Traceback" not in result.stderr
