"""Whoever keeps account of runs hears of each, whatever became of it."""

import os
import signal
import time
from dataclasses import dataclass, field

import pytest

from cleanup_nodemodule.commands.at_terminal import carry_out
from cleanup_nodemodule.commands.listeners import Accounts
from cleanup_nodemodule.report.digest import Digest
from cleanup_nodemodule.report.finished import FinishedRun
from cleanup_nodemodule.run.orders import Orders
from cleanup_nodemodule.run.signals import Interrupts
from cleanup_nodemodule.run.voice import Ended
from cleanup_nodemodule.show.terminal import Display
from support.reports import report, row
from support.waiting import TIMEOUT


@dataclass
class Hearing:
    """A listener that remembers."""

    asked_for: bool = True
    unable: str | None = None
    heard: list[FinishedRun] = field(default_factory=list)

    def hear(self, run: FinishedRun) -> str | None:
        self.heard.append(run)
        return self.unable


def accounts(*listeners: Hearing) -> Accounts:
    return Accounts("run", "nightly", listeners, 1000.0, 0.0)


@pytest.mark.parametrize("code", [0, 3, 4, 143])
@pytest.mark.parametrize("asked_for", [True, False])
def test_only_what_the_user_asked_for_counts_if_it_fails(
    code: int, *, asked_for: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    unable = Hearing(asked_for, "there is no room for it")
    after = Hearing()
    told = accounts(unable, after).of_failure("another run has the lock", "delete", code)
    assert told == (3 if code == 0 and asked_for else code)
    assert capsys.readouterr().err == "cleanup-nodemodule: there is no room for it\n"
    [run] = after.heard
    assert (run.failure, run.report, run.exit_code) == ("another run has the lock", None, told)
    assert (run.command, run.job, run.began_at) == ("run", "nightly", 1000.0)


class Faulty(Hearing):
    """A listener with a fault of its own."""

    def hear(self, run: FinishedRun) -> str | None:
        raise TypeError(f"\x1b[2J{run.command}")


@pytest.mark.parametrize(("asked_for", "code"), [(True, 3), (False, 0)])
def test_a_fault_in_one_listener_keeps_nobody_from_being_told(
    code: int, *, asked_for: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    after = Hearing()
    assert accounts(Faulty(asked_for), after).of_failure("it failed", "delete", 0) == code
    said = capsys.readouterr().err
    assert said.startswith("cleanup-nodemodule: unexpected failure of Faulty: TypeError: ")
    assert "\x1b" not in said
    assert len(after.heard) == 1


def test_a_run_that_came_to_a_result_is_told_with_its_sums() -> None:
    hearing = Hearing()
    ended = Ended(report([row(), row("/srv/b/node_modules", reason="tracked")]), run="abc")
    assert accounts(hearing).of_end(ended, 0) == 0
    [run] = hearing.heard
    assert run.id == "abc"
    assert run.report is ended.report
    assert run.digest is not None
    assert run.digest.kept == {"tracked": 1}
    assert [one.project for one in run.digest.portions] == ["/srv/a", "/srv/b"]


def test_rows_that_were_told_while_it_went_on_are_in_the_sums() -> None:
    hearing, digest = Hearing(), Digest()
    digest.add(row())
    accounts(hearing).of_end(Ended(report(), digest=digest), 0)
    assert hearing.heard[0].digest is digest


@pytest.mark.parametrize("raised", [OSError("gone"), KeyError("a fault")])
def test_a_fault_of_the_program_is_told_too(raised: Exception) -> None:
    hearing = Hearing()

    async def work(*_: object) -> Ended:
        raise raised

    with pytest.raises(type(raised)):
        carry_out(work, Orders("delete"), Display(), Interrupts(), accounts(hearing))
    [run] = hearing.heard
    assert (run.exit_code, run.mode) == (1, "delete")
    assert type(raised).__name__ in str(run.failure)


def test_a_signal_ends_the_telling_at_once() -> None:
    class Slow(Hearing):
        def hear(self, run: FinishedRun) -> str | None:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(TIMEOUT)
            return super().hear(run)

    slow, after = Slow(), Hearing()

    async def work(*_: object) -> Ended:
        return Ended(report())

    assert carry_out(work, Orders("dry-run"), Display(), Interrupts(), accounts(slow, after)) == 143
    assert slow.heard == after.heard == []
