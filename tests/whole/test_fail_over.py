"""``--fail-over``: the exit code says that more can be deleted than it should be, whatever else the run does."""

from pathlib import Path
from typing import Any

import pytest

from support.tool import PROJECT, Tool
from support.trees import declare


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Two projects whose packages can be deleted."""
    declare(tmp_path / "work", {"one": PROJECT, "two": PROJECT})
    return tmp_path / "work"


def reclaimable(tool: Tool, work: Path) -> int:
    totals: dict[str, Any] = tool.run(work).document["totals"]
    return int(totals["reclaimable_bytes"])


@pytest.mark.parametrize("unit", ["B", ""])
def test_a_dry_run_fails_only_above_the_limit(tool: Tool, work: Path, unit: str) -> None:
    there = reclaimable(tool, work) if unit else 2
    at_most = tool.run(work, "--fail-over", f"{there}{unit}")
    assert (at_most.code, at_most.document["gates"]) == (0, [])
    above = tool.run(work, "--fail-over", f"{there - 1}{unit}")
    assert above.code == 4
    [gate] = above.document["gates"]
    assert (gate["option"], gate["limit"], gate["actual"]) == ("--fail-over", there - 1, there)
    assert gate["sentence"] in above.errors
    assert "can be deleted" in gate["sentence"]


def test_it_does_not_stop_a_deletion(tool: Tool, work: Path) -> None:
    told = tool.delete(work, "--fail-over", "1")
    assert told.code == 4
    assert told.document["totals"]["deleted"] == 2
    assert [gate["option"] for gate in told.document["gates"]] == ["--fail-over"]
    assert not list(work.glob("*/node_modules"))


def test_both_limits_at_once(tool: Tool, work: Path) -> None:
    told = tool.delete(work, "--fail-over", "0", "--max-delete", "1")
    assert told.code == 4
    assert [gate["option"] for gate in told.document["gates"]] == ["--max-delete", "--fail-over"]
    assert len(list(work.glob("*/node_modules"))) == 2


def test_what_is_kept_does_not_count(tool: Tool, work: Path) -> None:
    (work / "one/.cleanup-keep").touch()
    assert tool.run(work, "--fail-over", "1").code == 0


def test_it_can_be_said_in_the_configuration(tool: Tool, work: Path) -> None:
    config = tool.home / "config/cleanup-nodemodule/config.toml"
    rules = config.read_text()
    config.write_text(f'fail-over = "1"\n{rules}')
    assert tool.run(work).code == 4
    config.write_text(f'fail-over = "much"\n{rules}')
    told = tool.run(work)
    assert told.code == 2
    assert "fail-over takes a size such as 10GB" in told.errors
    assert "config.toml" in told.errors
