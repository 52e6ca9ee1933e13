"""A run tells and asks by its voice, whoever that is, and says nothing in any other way."""

import contextlib
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal, TypeAlias

import pytest

from cleanup_nodemodule.config.settings import Settings, with_surroundings
from cleanup_nodemodule.model import Mode, Plan, Progress, Result
from cleanup_nodemodule.record import lock
from cleanup_nodemodule.record.entries import new_run
from cleanup_nodemodule.report.rows import Report
from cleanup_nodemodule.run import loop
from cleanup_nodemodule.run.cleaning import clean
from cleanup_nodemodule.run.limits import parse_limit
from cleanup_nodemodule.run.orders import Orders
from cleanup_nodemodule.run.signals import Interrupts
from cleanup_nodemodule.run.voice import Ended, Silent, Voice
from cleanup_nodemodule.work.progress import Watch
from cleanup_nodemodule.work.tasks import Stopped
from support import simple
from support.tool import PROJECT
from support.trees import declare

Answer: TypeAlias = Literal["yes", "no", "first", "stop"]


class Recording:
    """A voice that writes down what it hears, and gives the answer it was made with."""

    asks = True
    taker = None

    def __init__(self, answer: Answer) -> None:
        self.heard: list[str] = []
        self.said: list[str] = []
        self.reports: list[Report] = []
        self.asked: list[Plan] = []
        self.progress: list[Progress] = []
        self.results: list[Result] = []
        self._answer = answer

    def say(self, message: str) -> None:
        self.heard.append("say")
        self.said.append(message)

    def note(self, message: str) -> None:
        self.say(message)

    def planned(self, report: Report, *, deletes: bool) -> None:
        self.heard.append("planned to delete" if deletes else "planned")
        self.reports.append(report)

    async def ask(self, plan: Plan) -> AbstractSet[str]:
        self.heard.append("ask")
        self.asked.append(plan)
        if self._answer == "stop":
            raise Stopped
        paths = sorted(one.path for one in plan.selected)
        return set({"yes": paths, "first": paths[:1]}.get(self._answer, []))

    def came_of(self, result: Result) -> None:
        self.results.append(result)

    def watch(self) -> AbstractContextManager[Watch]:
        return self._watch()

    def finished(self, ended: Ended) -> int:
        self.heard.append("finished")
        return ended.exit_code

    @contextlib.contextmanager
    def _watch(self) -> Iterator[Watch]:
        self.heard.append("watch")
        yield self.progress.append
        self.heard.append("watched")


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """Two projects."""
    declare(tmp_path / "top", {"a": PROJECT, "b": PROJECT})
    return tmp_path / "top"


@pytest.fixture(autouse=True)
def nothing_printed(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Fail if a run prints anything itself."""
    yield
    assert capfd.readouterr() == ("", "")


def run(
    top: Path, voice: Voice, mode: Mode, *, limit: str | None = None, ask: bool = True
) -> Ended:
    settings = with_surroundings(Settings(roots=(str(top),), own_rules=simple.rules()))
    orders = Orders(mode, ask=ask, max_delete=None if limit is None else parse_limit(limit))
    return loop.run(lambda runtime: clean(settings, orders, voice, runtime), Interrupts())


def there(top: Path) -> list[str]:
    return sorted(path.parent.name for path in top.glob("*/node_modules"))


def test_a_dry_run_tells_its_plan_and_asks_nothing(top: Path) -> None:
    voice = Recording(answer="yes")
    ended = run(top, voice, "dry-run")
    assert voice.heard == ["watch", "watched", "planned"]
    assert voice.progress[-1].artifacts == 2
    assert ended.report.totals.selected == voice.reports[0].totals.selected == 2
    assert ended.exit_code == 0
    assert there(top) == ["a", "b"]


def test_a_yes_deletes_what_was_shown(top: Path) -> None:
    voice = Recording(answer="yes")
    ended = run(top, voice, "delete")
    assert voice.heard == ["watch", "watched", "planned to delete", "ask", "watch", "watched"]
    [plan] = voice.asked
    shown = [row.path for row in voice.reports[0].artifacts]
    assert [one.path for one in plan.selected] == shown
    assert [(row.path, row.outcome) for row in ended.report.artifacts] == [
        (path, "deleted") for path in shown
    ]
    assert voice.progress[-1].deleted == 2
    assert (ended.exit_code, there(top)) == (0, [])


def test_what_was_not_chosen_is_kept_and_says_so(top: Path) -> None:
    ended = run(top, Recording("first"), "delete")
    assert [(row.decision, row.reason, row.outcome) for row in ended.report.artifacts] == [
        ("delete", None, "deleted"),
        ("keep", "not-chosen", None),
    ]
    totals = ended.report.totals
    assert (totals.found, totals.selected, totals.deleted) == (2, 1, 1)
    assert (ended.exit_code, there(top)) == (0, ["b"])


@pytest.mark.parametrize("answer", ["no", "stop"])
def test_without_a_yes_nothing_is_deleted(top: Path, answer: Answer) -> None:
    voice = Recording(answer)
    ended = run(top, voice, "delete")
    assert voice.heard == ["watch", "watched", "planned to delete", "ask"]
    assert {row.outcome for row in ended.report.artifacts} == {None}
    assert ended.report.totals.selected == 2
    assert there(top) == ["a", "b"]


def test_a_voice_that_cannot_be_asked_is_not(top: Path) -> None:
    voice = Recording(answer="no")
    voice.asks = False
    run(top, voice, "delete")
    assert "ask" not in voice.heard
    assert there(top) == []


def test_with_yes_nobody_is_asked(top: Path) -> None:
    voice = Recording(answer="no")
    run(top, voice, "delete", ask=False)
    assert "ask" not in voice.heard
    assert there(top) == []


def test_nothing_is_asked_where_there_is_nothing_to_delete(tmp_path: Path) -> None:
    declare(tmp_path / "empty", {})
    voice = Recording(answer="no")
    ended = run(tmp_path / "empty", voice, "delete")
    assert "ask" not in voice.heard
    assert ended.exit_code == 0


def test_a_limit_that_is_exceeded_is_in_the_report(top: Path) -> None:
    voice = Recording(answer="yes")
    ended = run(top, voice, "delete", limit="1")
    assert voice.heard == ["watch", "watched", "planned"]
    assert [gate.option for gate in ended.report.gates] == ["--max-delete"]
    assert ended.exceeded
    assert there(top) == ["a", "b"]


def test_waiting_for_another_run_is_said_once(top: Path, state_directory: Path) -> None:
    class Patient(Recording):
        """Ends the other run as soon as it hears of it."""

        def say(self, message: str) -> None:
            super().say(message)
            other.__exit__(None, None, None)

    state_directory.mkdir(parents=True, mode=0o700)
    taken = new_run("1.2.3", "delete", (str(top),))
    other = lock.acquire(str(state_directory), [str(top)], taken.id)
    other.__enter__()
    voice = Patient(answer="yes")
    settings = with_surroundings(Settings(roots=(str(top),), own_rules=simple.rules()))
    orders = Orders("delete", ask=True, wait=True)
    loop.run(lambda runtime: clean(settings, orders, voice, runtime), Interrupts())
    assert voice.heard[0] == "say"
    assert len(voice.said) == 1
    assert voice.said[0].startswith("waiting: ")
    assert there(top) == []


def test_a_silent_voice_says_yes_and_nothing_else(top: Path) -> None:
    voice = Silent()
    assert run(top, voice, "dry-run").exit_code == 0
    assert there(top) == ["a", "b"]
    assert run(top, voice, "delete").report.totals.deleted == 2
    assert there(top) == []
