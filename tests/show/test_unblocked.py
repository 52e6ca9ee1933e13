"""A terminal that takes nothing, as after Ctrl-S: the run goes on, and a signal ends it."""

import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cleanup_nodemodule.show.unblocked import Unblocked, takes_any
from support.held import Held
from support.needs import unable
from support.processes import Terminal, open_terminal
from support.screen import Screen
from support.trees import declare, listing
from support.waiting import TIMEOUT, await_condition

STOPPED = (
    sys.executable,
    "-c",
    "import os, sys, termios; termios.tcflow(1, termios.TCOOFF); os.execv(sys.argv[1], sys.argv[1:])",
)
"""What to put before a command so that its terminal takes nothing from the beginning."""

CODES = {signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGHUP: 129}


@pytest.fixture
def held(tmp_path: Path) -> Held:
    held = Held(tmp_path)
    declare(held.tree, {".gitignore": "node_modules\n"})
    return held


def flow(terminal: Terminal, action: int) -> None:
    """Have the terminal take nothing, or everything again (tcflow(3))."""
    its = os.open(f"/proc/{terminal.process.pid}/fd/0", os.O_RDWR | os.O_NOCTTY)
    termios.tcflow(its, action)
    os.close(its)


@pytest.mark.parametrize("number", CODES)
def test_a_signal_ends_a_search(held: Held, number: signal.Signals) -> None:
    with Terminal(cwd=held.tree, env=held.env, prefix=STOPPED) as terminal:
        await_condition(held.asked, "it had begun, and come further")
        terminal.process.send_signal(number)
        assert terminal.process.wait(TIMEOUT) == CODES[number]


@pytest.mark.parametrize("number", CODES)
@pytest.mark.parametrize("arguments", [(), ("--no-progress",), ("--no-dry-run",)])
def test_a_signal_ends_the_printing(
    held: Held, number: signal.Signals, arguments: tuple[str, ...]
) -> None:
    before = listing(held.tree)
    with Terminal(*arguments, cwd=held.tree, env=held.env, prefix=STOPPED) as terminal:
        await_condition(held.asked, "it had begun, and come further")
        held.let_go()
        await_condition(lambda: waits(terminal.process.pid), "it waited for the terminal")
        terminal.process.send_signal(number)
        assert terminal.process.wait(TIMEOUT) == CODES[number]
    assert listing(held.tree) == before


def waits(process: int) -> bool:
    """Whether the main thread waits for its terminal (proc_pid_wchan(5); n_tty_write in the kernel)."""
    where = Path(f"/proc/{process}/wchan").read_text(encoding="ascii")
    if where == "":
        unable("the kernel does not tell where a process waits")
    return where == "wait_woken"


@pytest.mark.parametrize("number", CODES)
def test_a_signal_ends_a_question(held: Held, number: signal.Signals) -> None:
    before = listing(held.tree)
    held.let_go()
    with Terminal("--no-dry-run", cwd=held.tree, env=held.env) as terminal:
        terminal.expect("?] ")
        flow(terminal, termios.TCOOFF)
        terminal.process.send_signal(number)
        assert terminal.process.wait(TIMEOUT) == CODES[number]
    assert listing(held.tree) == before


def test_a_deletion_does_not_wait_for_it(held: Held) -> None:
    held.let_go()
    with Terminal("--no-dry-run", cwd=held.tree, env=held.env) as terminal:
        terminal.expect("?] ")
        flow(terminal, termios.TCOOFF)
        terminal.type("y\n")
        await_condition(lambda: not list(held.tree.glob("*/node_modules")), "all of it was deleted")
        flow(terminal, termios.TCOON)
        assert terminal.finish() == 0
    assert "Deleted 14 of 14, which freed " in "\n".join(terminal.screen())


def test_what_was_not_painted_in_the_meantime_is_painted_then(held: Held) -> None:
    with Screen(80, 24) as screen:
        screen.start(cwd=held.tree, env=held.env, prefix=STOPPED)
        await_condition(held.asked, "it had begun, and come further")
        flow(screen.terminal, termios.TCOON)
        screen.wait_for("Asking git about ~/tree: 28 found, ")
        flow(screen.terminal, termios.TCOOFF)
        held.let_go()
        await_condition(lambda: waits(screen.terminal.process.pid), "it waited for the terminal")
        flow(screen.terminal, termios.TCOON)
        assert screen.finish() == 0
        with_it = screen.text
    assert with_it[0] == "Can be deleted in ~/tree:"
    assert "Asking" not in "".join(with_it)


# By itself.


@contextmanager
def terminal() -> Iterator[tuple[int, int]]:
    """Give both ends of a pseudo-terminal that changes nothing of what is written."""
    master, slave = open_terminal(80)
    tty.setraw(slave)
    try:
        yield master, slave
    finally:
        os.close(master)
        os.close(slave)


@pytest.mark.parametrize("opened", [True, False], ids=["opened", "asked each time"])
def test_nothing_is_lost_and_nothing_waits(*, opened: bool) -> None:
    text = "".join(f"{number:06}|" for number in range(50_000))
    with terminal() as (master, slave), os.fdopen(os.dup(slave), "w", encoding="utf-8") as stream:
        outlet = Unblocked(stream)
        if opened:
            outlet.open()
        outlet.write(text)
        assert not outlet.is_through()
        assert not takes_any(stream)
        seen = b""
        while not outlet.is_through():
            seen += os.read(master, 65536)
        outlet.close()
        while select.select([master], [], [], 0.2)[0]:
            seen += os.read(master, 65536)
        assert os.get_blocking(slave)
        assert takes_any(stream)
    assert seen.decode() == text


def test_a_terminal_that_is_gone_is_told() -> None:
    master, slave = open_terminal(80)
    with os.fdopen(slave, "w", encoding="utf-8") as stream:
        outlet = Unblocked(stream)
        outlet.open()
        os.close(master)
        with pytest.raises(OSError, match="Input/output"):
            outlet.write("a word")
        assert outlet.is_through()
        outlet.close()
