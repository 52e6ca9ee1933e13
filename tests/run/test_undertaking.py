"""A run that deletes has its trees to itself, or waits for the run that has them."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from cleanup_nodemodule.record.lock import Held, Locked, acquire
from cleanup_nodemodule.run.loop import Runtime
from cleanup_nodemodule.run.orders import Orders
from cleanup_nodemodule.run.signals import Interrupts
from cleanup_nodemodule.run.undertaking import undertake
from cleanup_nodemodule.run.voice import Silent
from cleanup_nodemodule.work.tasks import Stopped


class Listener(Silent):
    """Hears what a run says, and does something then."""

    def __init__(self, held: Held) -> None:
        self.heard: list[str] = []
        self.runtime: Runtime | None = None
        self._held = held

    def say(self, message: str) -> None:
        self.heard.append(message)
        if self.runtime is None:
            self._held.release()
        else:
            self.runtime.stop()

    def note(self, message: str) -> None:
        self.say(message)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state directory."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "cleanup-nodemodule"


@pytest.fixture
def tree(tmp_path: Path) -> str:
    (tmp_path / "tree").mkdir()
    return str(tmp_path / "tree")


@pytest.fixture
def other(home: Path, tree: str) -> Iterator[Held]:
    """The lock of another run on the tree."""
    with acquire(str(home), [tree], "aaaa") as held:
        yield held


def undertaken(tree: str, voice: Listener, *, wait: bool, stops: bool = False) -> bool:
    async def work() -> bool:
        with Runtime(Interrupts()) as runtime:
            voice.runtime = runtime if stops else None
            orders = Orders("delete", wait=wait)
            async with undertake([tree], orders, voice, runtime) as undertaking:
                return undertaking.alone

    return asyncio.run(work())


def test_a_run_waits_until_the_other_one_has_ended_and_says_so_once(tree: str, other: Held) -> None:
    voice = Listener(other)
    assert undertaken(tree, voice, wait=True)
    [heard] = voice.heard
    assert heard.startswith("waiting: another run")


def test_a_run_that_does_not_wait_says_who_is_in_the_way(tree: str, other: Held) -> None:
    voice = Listener(other)
    with pytest.raises(Locked, match="is deleting beneath"):
        undertaken(tree, voice, wait=False)
    assert voice.heard == []


def test_a_run_that_waits_can_be_stopped(tree: str, other: Held) -> None:
    voice = Listener(other)
    with pytest.raises(Stopped):
        undertaken(tree, voice, wait=True, stops=True)
    assert len(voice.heard) == 1
