"""Every rule of the catalogue, asked the three questions on trees that its tool makes.

The trees are in ``tests/support/rule_trees``, whose README says how one is written.
"""

import fnmatch
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from cleanup_nodemodule.proof.declared import NAMES
from cleanup_nodemodule.proof.precious import CATEGORIES
from cleanup_nodemodule.proof.rules import Rule, catalogue
from support.families import some_slow
from support.judges import DELETE, judge, verdict
from support.needs import unable
from support.questions import Answers, ask
from support.rule_trees import TREES, Tree

RULES: Final = {rule.id: rule for rule in catalogue()}
OF_RULE: Final = {
    rule: [tree for tree in TREES.values() if tree.rule == rule]
    for rule in (RULES.keys() | {tree.rule for tree in TREES.values()})
}

PRECIOUS: Final = {
    "databases": "users.sqlite",
    "keys": "id_ed25519",
    "secrets": ".env",
    "state": "terraform.tfstate",
    "documents": "thesis.odt",
    "data": "survey.parquet",
    "media": "interview.flac",
    "releases": "setup.msi",
}
"""A file of each kind that few rules expect."""

UNTRIED: Final = frozenset[str]()
"""Rules that have no trees yet."""


def _look_is_there(rule: Rule) -> None:
    if rule.packages is not None and rule.packages not in NAMES:
        unable(f"there is no look at packages of {rule.packages} yet")


def _asked(tree: Tree, top: Path) -> Answers:
    return ask(RULES[tree.rule], top / "project" / tree.directory, top / "project")


def test_every_rule_has_its_trees() -> None:
    assert {rule for rule in RULES if not OF_RULE[rule]} == UNTRIED
    assert OF_RULE.keys() - RULES.keys() == set()
    assert RULES.keys() >= UNTRIED


@pytest.mark.parametrize("name", sorted(RULES.keys() - UNTRIED))
def test_no_rule_can_do_without_a_tree_in_which_it_cannot_be_brought_back(name: str) -> None:
    rule = RULES[name]
    assert all(proof.marked or rule.packages for proof in rule.proofs), "a name proves nothing"
    if rule.comes_back or rule.packages:
        assert any(tree.lost for tree in OF_RULE[name])


@pytest.mark.parametrize("name", sorted(RULES.keys() - UNTRIED))
def test_each_proof_of_a_rule_holds_for_one_of_its_trees(tmp_path: Path, name: str) -> None:
    rule = RULES[name]
    _look_is_there(rule)
    held: set[int] = set()
    for number, tree in enumerate(OF_RULE[name]):
        tree.build(tmp_path / str(number) / "project")
        held |= _asked(tree, tmp_path / str(number)).held
    assert held == set(range(len(rule.proofs)))


@pytest.mark.parametrize("name", TREES)
def test_what_the_tool_made_is_an_artifact(tmp_path: Path, name: str) -> None:
    tree = TREES[name]
    _look_is_there(RULES[tree.rule])
    artifact = tree.build(tmp_path / "project")
    assert RULES[tree.rule].fits(artifact.parts), "the rule does not take this directory"
    answers = _asked(tree, tmp_path)
    assert answers.selected, answers


@pytest.mark.parametrize("name", some_slow(TREES, 4))
def test_a_run_with_all_rules_selects_what_the_tool_made(tmp_path: Path, name: str) -> None:
    tree = TREES[name]
    _look_is_there(RULES[tree.rule])
    tree.build(tmp_path / "project")
    found = judge(tmp_path / "project", profiles=("all",), simple_rules=False)[tree.directory]
    assert verdict(found) == DELETE, found.evidence


@pytest.mark.parametrize("name", TREES)
def test_without_a_mark_inside_nobody_knows_who_made_it(tmp_path: Path, name: str) -> None:
    tree = TREES[name]
    tree.build(tmp_path / "project", marked=False)
    assert not _asked(tree, tmp_path).made


@pytest.mark.parametrize("name", [name for name in TREES if TREES[name].lost])
def test_without_what_it_takes_it_does_not_come_back(tmp_path: Path, name: str) -> None:
    tree = TREES[name]
    rule = RULES[tree.rule]
    _look_is_there(rule)
    tree.build(tmp_path / "project")
    tree.lose(tmp_path / "project")
    answers = _asked(tree, tmp_path)
    assert not answers.selected
    assert answers.missing or (rule.packages and answers.named) or not answers.made, answers


@pytest.mark.parametrize("name", TREES)
def test_something_precious_at_any_depth_keeps_it_and_is_named(tmp_path: Path, name: str) -> None:
    tree = TREES[name]
    rule = RULES[tree.rule]
    _look_is_there(rule)
    path = _hide(tree, tmp_path)
    answers = _asked(tree, tmp_path)
    assert not answers.selected
    assert any(path == one or path.startswith(f"{one}/") for one in answers.named), answers


@pytest.mark.parametrize("name", some_slow(TREES, 4))
def test_a_run_with_all_rules_names_what_is_precious(tmp_path: Path, name: str) -> None:
    tree = TREES[name]
    _look_is_there(RULES[tree.rule])
    path = _hide(tree, tmp_path)
    found = judge(tmp_path / "project", profiles=("all",), simple_rules=False)[tree.directory]
    assert verdict(found) in {"precious", "undeclared", "modified"}, found.evidence
    assert path.partition("/")[0] in str(found.evidence)


def _hide(tree: Tree, tmp_path: Path) -> str:
    """Build *tree* with something precious in it; return the path of that in the artifact."""
    rule = RULES[tree.rule]
    artifact = tree.build(tmp_path / "project")
    chance = random.Random(tree.name)
    kind = chance.choice([one for one in PRECIOUS if one not in rule.expects])
    place = chance.choice(sorted(_places(tree, rule, artifact)))
    below = [chance.choice(["a", "b", "data"]) for _ in range(chance.randrange(4))]
    file = artifact.joinpath(place, *below, PRECIOUS[kind])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("only here")
    return os.path.relpath(file, artifact)


def _places(tree: Tree, rule: Rule, artifact: Path) -> Iterator[str]:
    """Give the directories in *artifact* in which nothing is expected that is precious elsewhere."""
    if tree.hides is not None:
        yield tree.hides
        return
    patterns = [one for one in rule.expects if one not in CATEGORIES]
    for place, _, _ in os.walk(artifact):
        path = os.path.relpath(place, artifact)
        probes = [os.path.normpath(f"{path}/{name}") for name in PRECIOUS.values()]
        if not any(_fits(probe, pattern) for probe in probes for pattern in patterns):
            yield path


def _fits(path: str, pattern: str) -> bool:
    names = [path] if "/" in pattern else path.split("/")
    return any(fnmatch.fnmatchcase(name, pattern) for name in names)
