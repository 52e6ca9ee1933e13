"""What the walk watches for, and what of it a rule expects."""

import os

from cleanup_nodemodule.proof.precious import CATEGORIES, unexpected, watch
from cleanup_nodemodule.proof.rules import catalogue


def test_an_ending_that_a_rule_expects_is_not_watched_for_whatever_else_has_it() -> None:
    for rule in catalogue():
        expected = {
            ending
            for name in rule.expects
            if name in CATEGORIES
            for ending in CATEGORIES[name].endings
        }
        assert not expected.intersection(map(os.fsdecode, watch(rule).endings)), rule.id
        assert unexpected(rule, [f"x.{ending}" for ending in expected]) == (), rule.id


def test_what_tools_write_into_their_caches_is_not_asked_for_by_its_time() -> None:
    [rule] = [rule for rule in catalogue() if rule.id == "js/node_modules"]
    assert watch(rule).written == frozenset()
    assert {b".cache", b".vite", b"__pycache__"} <= watch(rule, 1000).written
