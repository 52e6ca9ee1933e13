"""Measures what a run without a terminal takes from a program that wants all of the processor.

    idle.py [--tree DIRECTORY] [--rounds N] [--seconds N] [--entries N]

As many competitors as there are cores count rounds of a calculation for some seconds: alone, beside a run of the lowest
priority, and beside one of the usual priority, in turn. A run begins when they begin, and the next one when it is over,
so that one is at work all the time. Each is started as cron(8) and systemd start a command: in a session of its own, with
its output in a pipe. The first run of each looks at the whole tree before that, so that none waits for the disk.
"""

import argparse
import multiprocessing
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import build_tree
import machine
import places
from places import TOOL

MOST: Final = 0.03
"""The part of its throughput that a competitor may lose beside a run of the lowest priority."""

_WAYS: Final = ("alone", "idle", "normal")


def compete(seconds: float, ready: "multiprocessing.synchronize.Barrier") -> int:
    """Return how many rounds of a calculation are done in so many *seconds*, once all are *ready*."""
    ready.wait()
    end = time.monotonic() + seconds
    rounds = 0
    number = 1
    while time.monotonic() < end:
        for _ in range(10_000):
            number = number * 1_103_515_245 + 12_345 & 0x7FFFFFFF
        rounds += 1
    return rounds


def _compete(
    seconds: float,
    ready: "multiprocessing.synchronize.Barrier",
    results: "multiprocessing.queues.Queue[int]",
) -> None:
    os.setsid()  # As a program of somebody else's; it counts where the kernel has autogroups (sched(7)).
    results.put(compete(seconds, ready))


@contextmanager
def at_work(tree: str, priority: str) -> Iterator[None]:
    """Have one run after the other look at *tree*, for the time of that; none for the priority ``alone``."""
    over = threading.Event()
    running: list[subprocess.Popen[bytes]] = []

    def work() -> None:
        while not over.is_set():
            running.append(start(tree, priority))
            running[-1].communicate()

    thread = threading.Thread(target=work)
    if priority != "alone":
        thread.start()
    try:
        yield
    finally:
        over.set()
        if priority != "alone":
            while not running:
                time.sleep(0.01)
            running[-1].send_signal(signal.SIGTERM)
            thread.join()


def start(tree: str, priority: str) -> "subprocess.Popen[bytes]":
    """Start a run as cron(8) does."""
    return subprocess.Popen(
        [TOOL, "-p", tree, "--json", "--no-config", "--no-history", "--priority", priority],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def throughput(tree: str, way: str, seconds: float) -> float:
    """Return the rounds a second of all competitors together."""
    count = os.cpu_count() or 1
    ready = multiprocessing.Barrier(count + 1)
    results: multiprocessing.Queue[int] = multiprocessing.Queue()
    competitors = [
        multiprocessing.Process(target=_compete, args=(seconds, ready, results))
        for _ in range(count)
    ]
    for one in competitors:
        one.start()
    with at_work(tree, way):
        ready.wait()
        rounds = sum(results.get() for _ in competitors)
    for one in competitors:
        one.join()
    return rounds / seconds


def main() -> int:
    """Print what was measured; exit with 1 if a competitor loses more than it may."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tree", default=places.tree(), help="where (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=20, help="default: %(default)s")
    parser.add_argument("--entries", type=int, default=build_tree.ENTRIES, help="at least")
    options = parser.parse_args()
    entries = build_tree.build(options.tree, options.entries)
    for line in machine.describe():
        print(line)
    print(f"- Tree: {entries:,} entries, {machine.file_system(options.tree)}")
    print()
    start(options.tree, "normal").communicate()
    taken: dict[str, list[float]] = {way: [] for way in _WAYS}
    for one in range(options.rounds):
        # The one that goes first differs, as the machine may grow warm.
        for way in (*_WAYS[one % 3 :], *_WAYS[: one % 3]):
            taken[way].append(throughput(options.tree, way, options.seconds))
            print(f"round {one + 1}, {way}: {taken[way][-1]:,.0f}", file=sys.stderr)
    print("| beside | throughput | lost |")
    print("|---|---:|---:|")
    lost = {}
    for way, label in zip(_WAYS, ("nothing", "an idle run", "a normal run"), strict=True):
        pairs = zip(taken["alone"], taken[way], strict=True)
        lost[way] = statistics.median(1 - beside / alone for alone, beside in pairs)
        print(f"| {label} | {statistics.median(taken[way]):,.0f} | {100 * lost[way]:.1f} % |")
    print()
    print(
        f"Rounds a second of {os.cpu_count()} competitors, in {options.seconds:g} seconds: medians of"
        f" {options.rounds} rounds. Beside an idle run they may lose {100 * MOST:.0f} %."
    )
    return int(lost["idle"] > MOST)


if __name__ == "__main__":
    sys.exit(main())
