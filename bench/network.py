"""Measures how many threads a network file system wants: SFTP, mounted through a slow line.

What a server sends and is sent waits on the way, as it does where the server is in another building:
nothing is as slow here for the work it takes, so that threads which wait together wait once. Needs root,
sshfs and the OpenSSH SFTP server, and only connects to this machine.
"""

import argparse
import asyncio
import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from typing import Final

import machine
import race
import races
import synthetic

ENTRIES: Final = 20_000
"""Of the tree. Each directory takes some ways there and back."""

JOBS: Final = (1, 2, 4, 8, 16, 32, 64)
"""Threads, and for the native engine only: the other one has a single thread."""

DELAY: Final = 0.0005
"""Seconds on the way, in each direction: a millisecond there and back."""

_SERVERS: Final = ("/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server")
"""Where Debian and Fedora have it."""

_OPTIONS: Final = ("dcache_timeout=1", "attr_timeout=1", "entry_timeout=1")
"""Of sshfs(1): what came with a directory is known for as long as it takes to look at it, as with NFS."""

_FORGOTTEN: Final = 1.5
"""Seconds after which nothing of that is known any more."""


def server() -> str:
    """Return the path of the SFTP server. Raises UnableError if it or sshfs is missing."""
    found = next((path for path in _SERVERS if os.path.exists(path)), None)
    if found is None or shutil.which("sshfs") is None:
        raise machine.UnableError("a network file system: there is no sshfs, or no sftp-server")
    return found


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter, delay: float) -> None:
    """Hand on what comes, each piece so many seconds after it came, and none held up by another."""
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def hand_on() -> None:
        piece = b"-"
        while piece:
            due, piece = await waiting.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            target.write(piece)
        target.close()

    async with asyncio.TaskGroup() as group:
        group.create_task(hand_on())
        piece = b"-"
        while piece:
            piece = await source.read(1 << 16)
            waiting.put_nowait((loop.time() + delay, piece))


@contextlib.asynccontextmanager
async def mounted(directory: str, delay: float) -> AsyncIterator[str]:
    """Mount *directory* through the slow line; yields where. Raises UnableError."""
    program = server()
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        process = await asyncio.create_subprocess_exec(
            program, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        if process.stdin is not None and process.stdout is not None:
            await asyncio.gather(
                _carry(reader, process.stdin, delay), _carry(process.stdout, writer, delay)
            )
        await process.wait()
        ended.set()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="bench-network-") as place:
        options = ",".join((*_OPTIONS, f"directport={port}"))
        command = ("sshfs", "-o", options, f"127.0.0.1:{directory}", place)
        done = await asyncio.to_thread(subprocess.run, command, check=False)
        if done.returncode:
            raise machine.UnableError("a network file system: sshfs cannot mount it")
        try:
            yield place
        finally:
            # Which ends sshfs, its connection, and so the server.
            await asyncio.to_thread(subprocess.run, ("umount", place), check=True)
            await ended.wait()
            listening.close()


def measure(tree: str, jobs: Sequence[int], rounds: int) -> dict[int, list[float]]:
    """Size the tree with each number of threads in turn; return the seconds that each round took."""
    taken: dict[int, list[float]] = {count: [] for count in jobs}
    for number in range(rounds):
        for turn in range(len(jobs)):
            count = jobs[(number + turn) % len(jobs)]
            command = (*races.stage("size", tree, "native"), "--jobs", str(count))
            time.sleep(_FORGOTTEN)
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            taken[count].append(race.stage_times(done.stdout).wall)
    return taken


def table(taken: dict[int, list[float]], entries: int, delay: float) -> list[str]:
    """Return what was measured as a table in Markdown."""
    rounds = race.rounds(min(len(times) for times in taken.values()))
    way = f"{2 * delay * 1000:g} ms there and back"
    lines = [
        f"**Threads on a network file system**, {entries:,} entries by SFTP, {way} ({rounds})",
        "",
        *race.header(("threads", "median", "fastest to slowest", "ratio"), judged=False),
    ]
    first = statistics.median(next(iter(taken.values())))
    for count, times in taken.items():
        median = statistics.median(times)
        spread = f"{min(times):.2f} to {max(times):.2f} s"
        lines.append(f"| {count} | {median:.2f} s | {spread} | **{median / first:.2f}** |")
    return lines


async def run(options: argparse.Namespace) -> dict[int, list[float]]:
    """Build a tree, mount it and measure. Raises UnableError."""
    with tempfile.TemporaryDirectory(prefix="bench-served-") as directory:
        synthetic.build(os.path.join(directory, "project"), options.project)
        async with mounted(directory, options.delay) as place:
            tree = os.path.join(place, "project")
            return await asyncio.to_thread(measure, tree, options.jobs, options.rounds)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--project", type=int, default=ENTRIES, metavar="ENTRIES")
    parser.add_argument("--delay", type=float, default=DELAY, help="seconds, one way")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", type=int, nargs="+", default=JOBS, metavar="N")
    options = parser.parse_args()
    machine.end_tidily()
    machine.compile_tool()
    try:
        taken = asyncio.run(run(options))
    except machine.UnableError as error:
        print(f"network: missing: {error}", file=sys.stderr)
        return 1
    print("\n".join(machine.describe()), "", sep="\n")
    print("\n".join(table(taken, options.project, options.delay)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
