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
