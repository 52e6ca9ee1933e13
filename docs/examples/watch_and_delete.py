"""Scan, ask, delete, and print what failed: python watch_and_delete.py [DIRECTORY].

It does so in an event loop of its own, as a program would that does other things meanwhile. Ctrl-C stops it: what
was begun is put in order, and everything else stays as it is.
"""

import asyncio
import signal
import sys

from cleanup_nodemodule import AsyncCleaner, CleanupError, Failed, Progress, Settings


def show(progress: Progress) -> None:
    """Show how far it is, on one line."""
    if progress.deleted or progress.freed_bytes:
        line = f"{progress.deleted} deleted, {progress.freed_bytes:,} bytes freed"
    else:
        line = f"{progress.directories:,} directories searched, {progress.artifacts} found"
    print(f"\r{line:60}", end="", file=sys.stderr)


async def clean(directory: str) -> int:
    """Delete the artifacts beneath *directory* if the user says so, and return an exit code."""
    async with AsyncCleaner() as cleaner:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, cleaner.stop)
        plan = await cleaner.scan(Settings(roots=(directory,)), progress=show)
        loop.remove_signal_handler(signal.SIGINT)
        print(file=sys.stderr)
        if not plan.complete:
            print("Stopped; nothing was deleted.")
            return 130
        for artifact in plan.selected:
            print(artifact.path)
        if not plan.selected:
            print("There is nothing to delete.")
            return 0
        question = f"Delete {len(plan.selected)}, {plan.reclaimable_bytes:,} bytes? [y/N] "
        if (await asyncio.to_thread(input, question)).strip().lower() != "y":
            return 0
        loop.add_signal_handler(signal.SIGINT, cleaner.stop)
        outcome = await cleaner.delete(plan, progress=show)
        print(file=sys.stderr)
    for result in outcome.results:
        if isinstance(result, Failed):
            print(f"{result.artifact.path} is still there:", file=sys.stderr)
            for problem in result.problems:
                print(f"  {problem.sentence}", file=sys.stderr)
    print(f"{outcome.freed_bytes:,} bytes freed.")
    failed = any(isinstance(result, Failed) for result in outcome.results)
    return 0 if outcome.complete and not failed else 3


def main(directory: str) -> int:
    """Run the program and return an exit code."""
    try:
        return asyncio.run(clean(directory))
    except CleanupError as error:
        print(error, file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "."))
