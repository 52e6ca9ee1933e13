"""Deletes the artifacts of a project that the benchmarks made, and says what the removal alone took.

    removal.py PROJECT [--engine native|python] [--jobs N]

Everything up to the approval happens first: finding, proving, sizing. Prints one JSON document:
``seconds`` and ``cpu`` seconds from the approval to the outcome. Refuses a project without the mark that
the benchmarks put beside what they made.
"""

import argparse
import asyncio
import gc
import json
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from cleanup_nodemodule import engine
from cleanup_nodemodule.config.settings import Settings
from cleanup_nodemodule.delete import approval, prove_again
from cleanup_nodemodule.delete.carry_out import carry_out
from cleanup_nodemodule.model import Approved, Outcome, Plan
from cleanup_nodemodule.record.entries import new_run
from cleanup_nodemodule.record.write import Journal
from cleanup_nodemodule.survey import survey
from cleanup_nodemodule.work.scheduler import Scheduler

MARK: Final = "made-by-the-benchmarks"
"""A file of this name lies beside each project that may be deleted from."""


def plan(settings: Settings, jobs: int) -> Plan:
    """Do everything that changes nothing."""

    async def planned(executor: ThreadPoolExecutor) -> Plan:
        with Scheduler(executor, jobs) as scheduler:
            return await survey.make_plan(settings, scheduler)

    with ThreadPoolExecutor(jobs) as executor:
        return asyncio.run(planned(executor))


def carried_out(approved: Approved, settings: Settings, jobs: int, max_workers: int) -> Outcome:
    """Do the rest, with up to *max_workers* threads where that turns out to be better."""

    async def done(executor: ThreadPoolExecutor, journal: Journal) -> Outcome:
        with Scheduler(executor, jobs, max_workers=max_workers) as scheduler:
            return await carry_out(
                approved, scheduler, journal, partial(prove_again.prepared, settings, scheduler)
            )

    roots = [os.path.abspath(root) for root in settings.roots]
    with (
        tempfile.TemporaryDirectory() as records,
        Journal(records, new_run("bench", "delete", roots)) as journal,
        ThreadPoolExecutor(max(jobs, max_workers)) as executor,
    ):
        return asyncio.run(done(executor, journal))


def main() -> int:
    """Delete, and say what it took; exit with 1 if not everything is gone."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("project")
    parser.add_argument("--engine", choices=("auto", "native", "python"), default="auto")
    parser.add_argument("--jobs", type=int, help="threads (default: what suits the engine)")
    options = parser.parse_args()
    project = os.path.abspath(options.project)
    if not os.path.exists(os.path.join(os.path.dirname(project), MARK)):
        print(f"removal: {project} was not made by the benchmarks", file=sys.stderr)
        return 2
    engine.choose(options.engine)
    jobs = options.jobs or engine.default_removers()
    max_workers = options.jobs or engine.max_removers()
    gc.freeze()
    settings = Settings(roots=(project,))
    approved = approval.by_flag(plan(settings, jobs), mode="delete")
    if approved is None:
        print(f"removal: not all of {project} could be read", file=sys.stderr)
        return 1
    start, cpu = time.perf_counter(), time.process_time()
    outcome = carried_out(approved, settings, jobs, max_workers)
    taken = {"seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu}
    print(json.dumps({**taken, "engine": engine.name(), "jobs": jobs}))
    return 0 if outcome.complete else 1


if __name__ == "__main__":
    sys.exit(main())
