"""Runs over a list that have too little time for all of it: the next one goes on where the last one left off."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cleanup_nodemodule.config.settings import Settings, with_surroundings
from cleanup_nodemodule.delete.order import in_turn, turn_of
from cleanup_nodemodule.record import state_directory
from cleanup_nodemodule.report.rows import OutOfTimeRow, Report
from cleanup_nodemodule.run import left_off, loop
from cleanup_nodemodule.run.cleaning import clean
from cleanup_nodemodule.run.left_off import BEGINNING, LeftOff
from cleanup_nodemodule.run.loop import Runtime
from cleanup_nodemodule.run.orders import Orders
from cleanup_nodemodule.run.signals import Interrupts
from cleanup_nodemodule.run.voice import Ended, Silent
from support import simple
from support.filesystems import Mounts, ended
from support.removals import artifact
from support.reports import report, row
from support.tool import PROJECT, Tool
from support.trees import declare

ALL = "abcdef"


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """Six roots with a project each."""
    declare(tmp_path / "top", {one: {"app": PROJECT} for one in ALL})
    return tmp_path / "top"


class Short(Silent):
    """Has half of the time be up, or all of it, as soon as anything is found, or planned."""

    def __init__(self, what: str) -> None:
        self.runtime: Runtime | None = None
        self.looked_at: tuple[str, ...] = ()
        self._what = what

    def begin(self, runtime: Runtime) -> None:
        self.runtime = runtime
        if self._what == "hurry":
            runtime.hurry()

    def planned(self, told: Report, *, deletes: bool) -> None:  # noqa: ARG002 - a Voice is told
        self.looked_at = tuple(Path(one.path).parent.parent.name for one in told.artifacts)
        if self._what == "planned" and self.runtime is not None:
            self.runtime.expire()


def run(
    top: Path, what: str, *, listed: bool = False, file: str | None = None
) -> tuple[Ended, str]:
    """Run over all of the list; return what came of it, and what was looked at."""
    artifacts = tuple(str(top / one / "app/node_modules") for one in ALL) if listed else None
    roots = (str(top),) if listed else tuple(str(top / one) for one in ALL)
    settings = with_surroundings(
        Settings(roots=roots, artifacts=artifacts, own_rules=simple.rules())
    )
    orders = Orders("delete", jobs=1, max_runtime=3600, list_file=file)
    voice = Short(what)

    async def work(runtime: Runtime) -> Ended:
        voice.begin(runtime)
        return await clean(settings, orders, voice, runtime)

    ended = loop.run(work, Interrupts(), jobs=1, max_runtime=3600)
    return ended, "".join(voice.looked_at)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the time is up as soon as a search begins."""
    monkeypatch.setattr(Runtime, "hurry_after", lambda runtime, _seconds: runtime.hurry())


@pytest.mark.usefixtures("hurried")
def test_each_night_goes_on_behind_the_last_one_and_wraps_round(top: Path) -> None:
    nights = []
    for _ in range(8):
        ended, looked_at = run(top, "hurry")
        nights.append(looked_at)
        assert ended.report.out_of_time == OutOfTimeRow(
            3600, searched=True, not_begun=0, unreached=5
        )
        assert (ended.exit_code, ended.report.complete) == (3, False)
        assert ended.report.totals.deleted == 1
        declare(top, {looked_at: {"app": {"node_modules": {"again": 1}}}})
    assert nights == [*ALL, "a", "b"]


@pytest.mark.usefixtures("hurried")
def test_what_is_gone_from_the_list_or_new_in_it_stops_nobody(top: Path) -> None:
    """The list is known by its file, and begins at its beginning if the next one is not in it any more."""
    assert run(top, "hurry", file="/list")[1] == "a"
    declare(top, {"a": {"app": {"node_modules": {"again": 1}}}})
    (top / "b").rename(top / "z")
    declare(top, {"b": {}})
    assert run(top, "hurry", file="/list")[1] == ""
    assert run(top, "hurry", file="/list")[1] == "c"


@pytest.mark.parametrize("listed", [False, True])
def test_what_was_not_begun_to_be_deleted_is_the_first_the_next_time(
    top: Path, *, listed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended, looked_at = run(top, "planned", listed=listed)
    assert looked_at == ALL
    late = ended.report.out_of_time
    assert late == OutOfTimeRow(3600, searched=True, not_begun=6, unreached=0)
    [left] = json.loads(written())["lists"].values()
    assert left == {"search": None, "delete": f"{top}/a/app/node_modules", "share": 0.5}
    left["delete"] = f"{top}/d/app/node_modules"
    key = left_off.key_of(
        [str(top / one / "app/node_modules") if listed else str(top / one) for one in ALL], None
    )
    left_off.write(key, LeftOff(None, left["delete"]))
    turns: list[str] = []
    monkeypatch.setattr(Short, "came_of", lambda _, result: turns.append(result.artifact.path))
    ended, _ = run(top, "never", listed=listed)
    assert ended.exit_code == 0
    assert [Path(path).parent.parent.name for path in turns] == list("defabc")
    assert json.loads(written())["lists"] == {}


def written() -> str:
    return (Path(state_directory.directory()) / "left-off.json").read_text()


# What comes next.


def late(*, searched: bool = True, not_begun: int = 0) -> OutOfTimeRow:
    return OutOfTimeRow(60, searched=searched, not_begun=not_begun, unreached=0)


def told(*paths: str, **more: Any) -> Report:
    return report([row(path) for path in paths], mode="delete", **more)


def test_a_run_that_had_time_enough_begins_at_the_beginning_again() -> None:
    before = LeftOff("/b", "/c/node_modules", 0.25)
    assert left_off.after(told("/a/dist"), (), before, listed=False) == BEGINNING


def test_a_search_that_takes_too_long_gets_less_of_the_time_and_another_beginning() -> None:
    """Or it would never delete anything, or never come to the other roots."""
    before = BEGINNING
    shares = []
    for _ in range(8):
        cut = told(roots=["/a", "/b"], out_of_time=late(searched=False))
        before = left_off.after(cut, (), before, listed=False)
        shares.append(before.share)
        assert before.search == "/b"
    assert shares == [0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.015625, 0.015625, 0.015625]
    alone = told(roots=["/a"], out_of_time=late(searched=False))
    assert left_off.after(alone, (), BEGINNING, listed=False).search is None


def test_of_listed_artifacts_the_one_behind_the_first_comes_next() -> None:
    cut = told("/c/dist", "/a/dist", "/b/dist", out_of_time=late(searched=False))
    nexts = []
    before = BEGINNING
    for _ in range(4):
        before = left_off.after(cut, (), before, listed=True)
        nexts.append(before.search)
    assert nexts == ["/b/dist", "/c/dist", "/a/dist", "/b/dist"]


def test_the_first_that_was_not_begun_counts_in_the_turn_of_the_run() -> None:
    cut = told("/a/dist", "/b/dist", "/c/dist", out_of_time=late(not_begun=3))
    for before, first in ((None, "/a/dist"), ("/b/dist", "/b/dist"), ("/d", "/a/dist")):
        found = left_off.after(cut, ("/x", "/y"), LeftOff(None, before), listed=False)
        assert found == LeftOff("/x", first)


def test_turns_go_round_and_keep_what_belongs_together(tmp_path: Path) -> None:
    names = ["a/node_modules", "b", "b/c/dist", "b/node_modules", "d/dist", "e/dist"]
    declare(tmp_path, {f"{name}/f": 1 for name in names})
    some = [artifact(tmp_path / name) for name in names]
    usual = sorted((one.path for one in some), key=turn_of)
    assert [one.path for one in in_turn(some, None)] == usual
    at = usual.index(str(tmp_path / "d/dist"))
    for first in ("d/dist", "b2", "d"):
        turns = [one.path for one in in_turn(some, str(tmp_path / first))]
        assert turns == usual[at:] + usual[:at]
    within = [one.path for one in in_turn(some, str(tmp_path / "b/c/dist"))]
    assert sorted(within) == sorted(usual)
    assert within.index(str(tmp_path / "b")) > within.index(str(tmp_path / "b/c/dist"))
    assert within[-1] == str(tmp_path / "a/node_modules")


# The file.


def spoil(write: Callable[[Path], object]) -> LeftOff:
    """Return what is known when something else is in the place of the file."""
    left_off.write("a", LeftOff("/b", "/c", 0.25))
    path = Path(state_directory.directory()) / "left-off.json"
    path.unlink()
    write(path)
    return left_off.read("a")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "[" * 100_000,
        '{"version": 2, "lists": {"a": {"search": "/b"}}}',
        '{"version": 1, "lists": ["a"]}',
        '{"version": 1, "lists": {"a": 7}}',
        '{"version": 1, "lists": {"a": {"search": "b", "delete": 3, "share": 7.5}}}',
        '{"version": 1, "lists": {"a": {"search": "/' + "b" * 5000 + '", "share": NaN}}}',
        '{"version": 1, "lists": {"a": {"search": "/b"}}, "x": "' + "x" * (1 << 20) + '"}',
    ],
    ids=range(10),
)
def test_a_damaged_file_is_as_good_as_none(text: str) -> None:
    assert spoil(lambda path: path.write_text(text)) == BEGINNING
    left_off.write("a", LeftOff("/b"))
    assert left_off.read("a") == LeftOff("/b")


def test_a_symlink_and_a_pipe_are_not_read(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text('{"version": 1, "lists": {"a": {"search": "/b"}}}')
    assert spoil(lambda path: path.symlink_to(other)) == BEGINNING


def test_only_the_last_lists_are_remembered() -> None:
    for number in range(150):
        left_off.write(str(number), LeftOff(f"/{number}"))
    assert left_off.read("49") == BEGINNING
    assert left_off.read("50") == LeftOff("/50")
    assert left_off.read("149") == LeftOff("/149")


def test_a_run_without_a_limit_remembers_nothing(one_tool: Tool, top: Path) -> None:
    one_tool.delete(top)
    assert not list((one_tool.home / "state").rglob("left-off.json"))


def test_a_state_directory_that_does_not_answer_holds_up_no_run_for_long(
    tmp_path: Path, disks: Mounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(left_off, "_PATIENCE", 0.1)
    served = disks.misbehaving(tmp_path / "disk", {"dir": {}}, silent=["/dir"])
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "disk/dir"))
    with ended(served):
        assert left_off.read("list") == BEGINNING
        left_off.write("list", LeftOff("/srv/b"))
