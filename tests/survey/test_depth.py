"""A chain of candidates in each other takes time with its length, and not with a power of it."""

import os
from pathlib import Path
from typing import Final

import pytest

from cleanup_nodemodule.model import Candidate, Identity, Reason
from cleanup_nodemodule.proof.evidence import gather
from cleanup_nodemodule.proof.rules import catalogue
from cleanup_nodemodule.proof.sighting import Circumstances
from cleanup_nodemodule.proof.stat_cache import StatCache, ancestors
from support.trees import declare


def chain(top: Path, depth: int) -> list[Candidate]:
    """Make ``dist/dist/dist...`` with a package.json at each level; return each of them."""
    found: list[Candidate] = []
    place = top
    for _ in range(depth):
        declare(place, {"package.json": "{}", "dist": {}})
        place /= "dist"
        found.append(Candidate(str(place), str(top), Identity(0, 0), mounted=False))
    return found


def asked(monkeypatch: pytest.MonkeyPatch, candidates: list[Candidate]) -> int:
    """Return how often the disk is asked about candidates found one after the other."""
    calls = 0
    lstat, scandir = os.lstat, os.scandir

    def count(function: object) -> object:
        def call(*arguments: object) -> object:
            nonlocal calls
            calls += 1
            return function(*arguments)  # type: ignore[operator]

        return call

    circumstances, cache = Circumstances(catalogue()), StatCache()
    with monkeypatch.context() as patch:
        patch.setattr(os, "lstat", count(lstat))
        patch.setattr(os, "scandir", count(scandir))
        for candidate in candidates:
            [sighting] = gather([candidate], circumstances, cache)
            assert sighting.problems == ()
    return calls


def test_what_is_asked_of_the_disk_grows_with_the_depth_and_not_faster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short, long = chain(tmp_path / "short", 60), chain(tmp_path / "long", 240)
    few, many = asked(monkeypatch, short), asked(monkeypatch, long)
    above = len(list(ancestors(str(tmp_path), None)))
    # Four times the depth; what is above the chain is asked once.
    assert many - 16 * above < 4.5 * few


def test_it_is_the_same_for_many_beside_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has questions of its own, and shares those of what is above."""
    depth: Final = 150
    few = asked(monkeypatch, chain(tmp_path / "a", depth))
    both = asked(monkeypatch, [*chain(tmp_path / "b", depth), *chain(tmp_path / "c", depth)])
    assert both < 2.1 * few


def test_what_is_remembered_is_bounded_and_says_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidates = chain(tmp_path, 40)
    circumstances = Circumstances(catalogue())
    (tmp_path / "dist/dist/.cleanup-keep").touch()
    anew = [gather([one], circumstances)[0] for one in candidates]
    monkeypatch.setattr("cleanup_nodemodule.proof.stat_cache._MAX_REMEMBERED", 3_000)
    cache = StatCache()
    assert [gather([one], circumstances, cache)[0] for one in candidates] == anew
    assert cache.remembered <= 3_000
    kept = [one.protection.reason if one.protection else None for one in anew]
    assert kept == [None, *[Reason.EXCLUDED] * 39]


def test_nothing_is_remembered_for_those_who_look_again(tmp_path: Path) -> None:
    [candidate] = chain(tmp_path, 1)
    circumstances = Circumstances(catalogue())
    assert gather([candidate], circumstances)[0].protection is None
    (tmp_path / ".cleanup-keep").touch()
    [again] = gather([candidate], circumstances)
    assert again.protection is not None
    assert again.protection.reason is Reason.EXCLUDED
