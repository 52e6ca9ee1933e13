"""``--metrics``: writes the numbers of a run for node_exporter's textfile collector, which Prometheus asks.

By the rules of https://github.com/prometheus/node_exporter#textfile-collector: only files are read whose names end in
``.prom``. The file is written beside it and renamed. node_exporter runs as another user, so everybody may read it.
"""

import contextlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.model import Reason
from cleanup_nodemodule.report.digest import Digest
from cleanup_nodemodule.report.finished import FinishedRun
from cleanup_nodemodule.report.groups import UNKNOWN
from cleanup_nodemodule.report.rows import Report, Tool
from cleanup_nodemodule.system import whole_file
from cleanup_nodemodule.system.files import UnfitError, read_small
from cleanup_nodemodule.system.symlinks import LinkError, resolve, resolve_file
from cleanup_nodemodule.unattended import metric_text
from cleanup_nodemodule.unattended.metric_table import METRICS, SEARCH
from cleanup_nodemodule.unattended.metric_text import Samples
from cleanup_nodemodule.words import printable, quoted
from cleanup_nodemodule.work.helper_process import EndedError
from cleanup_nodemodule.work.time_limit import within

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment] # nothing else stands for a module that is not there

ENDING: Final = ".prom"
"""How the names of files end that node_exporter reads."""

_EXAMPLE: Final = "cleanup.prom"

_MODE: Final = 0o644

_LIMIT: Final = 5.0
"""Seconds for all of it, should the disk not answer."""

_EARLY_LIMIT: Final = 1.0
"""Seconds that a run waits before it begins."""

_PATIENCE: Final = 3.0
"""Seconds that a run waits for others that write in the same directory."""

_PAUSE: Final = 0.01

_LARGEST: Final = 4 * 1024 * 1024
"""Bytes of a file with some hundred jobs."""


def check_name(path: str) -> None:
    """Raise UsageError for a file that node_exporter would not read."""
    if os.path.basename(path).endswith(ENDING):
        return
    if not path:
        raise UsageError(f"--metrics needs a file, as in: --metrics {_EXAMPLE}")
    is_directory = os.path.isdir(os.path.expanduser(path))
    instead = os.path.join(path, _EXAMPLE) if is_directory else path + ENDING
    raise UsageError(
        f"--metrics {printable(path)} does not end in {ENDING}, and node_exporter reads no other files; type for"
        f" instance: --metrics {quoted(instead)}"
    )


class Metrics:
    """Writes the metrics of one run; a :class:`~cleanup_nodemodule.report.finished.Listener`."""

    asked_for: Final = True

    def __init__(self, path: str, tool: Tool) -> None:
        """Write to the file *path* what this program, *tool*, has done.

        Raises UsageError for one that node_exporter would not read.
        """
        check_name(path)
        self._path = os.path.expanduser(path)
        with contextlib.suppress(
            OSError
        ):  # Without a current directory there is no such file, which is said then.
            self._path = os.path.join(os.getcwd(), self._path)
        self._tool = tool

    def hear(self, run: FinishedRun) -> str | None:
        """Write the numbers of a run; return what could not be done, in a sentence."""
        numbers = numbers_of(run, self._tool)
        why = self._put(run.job, numbers.ended_at, numbers.after, _LIMIT)
        return why and f"could not write the metrics to {printable(self._path)}: {why}"

    def begin(self, job: str | None, began_at: float) -> None:
        """Write that a run begins. If that cannot be done, it will be said in the end."""
        self._put(job, began_at, partial(_begun, began_at), _EARLY_LIMIT)

    def _put(
        self, job: str | None, now: float, change: Callable[[Samples], Samples], seconds: float
    ) -> str | None:
        work = partial(update, self._path, job or "", now, change)
        try:
            return within(seconds, self._path, work)
        except TimeoutError:
            return f"its disk did not answer within {seconds:g} seconds"
        except EndedError as error:
            return error.strerror or str(error)


def _begun(began_at: float, before: Samples) -> Samples:
    # From nothing to the first sum nobody sees an increase.
    nothing: Samples = {(metric.name,): 0 for metric in METRICS if metric.kind == "counter"}
    return {**nothing, **before, _START: began_at}


def update(path: str, job: str, now: float, change: Callable[[Samples], Samples]) -> str | None:
    """Change the values of a job in the file *path*; return why that cannot be done, None if it is done.

    It is *now* so many seconds since the epoch.
    """
    try:
        place = resolve_file(path, own=True)
        directory, status = resolve(os.path.dirname(place))
        with _alone(directory):
            jobs = _before(place, now)
            jobs[job] = change(jobs.get(job, {}))
            text = metric_text.pieces(_name(place), jobs)
            # Not durable: a disk with much to write would hold up the end of the run.
            whole_file.write(
                place, text, lambda: None, (status.st_dev, status.st_ino), mode=_MODE, durable=False
            )
    except LinkError:
        return "it is a symlink that somebody else has made, or lies behind one"
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        return f"{why}; the old file is as it was" if os.path.isfile(path) else why
    return None


@contextlib.contextmanager
def _alone(directory: str) -> Iterator[None]:
    """Have no other run write into a directory meanwhile: each adds to what it finds in its file.

    A lock on the directory itself (flock(2)) leaves nothing behind. NFS has none on what is only open for reading, and
    whoever may read the directory can keep it: without it a run may be lost in the sums, and the file is whole all the
    same. So nobody waits for it for long.
    """
    flags = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
    with contextlib.ExitStack() as stack:
        if fcntl is not None:
            with contextlib.suppress(OSError):
                descriptor = os.open(directory, flags)
                stack.callback(os.close, descriptor)
                end = time.monotonic() + _PATIENCE
                while not _locked(descriptor) and time.monotonic() < end:
                    time.sleep(_PAUSE)
        yield


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _name(path: str) -> str:
    """Return the name of a file without its ending, in characters that text has."""
    name = os.path.basename(path).removesuffix(ENDING)
    return os.fsencode(name).decode(errors="backslashreplace")


def _before(path: str, now: float) -> dict[str, Samples]:
    """Return what the file has by now, of each job; nothing where it is not to be believed.

    Raises OSError where something is there that is no file, and must not be replaced by one.
    """
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return {}
    if not stat.S_ISREG(status.st_mode):
        raise UnfitError("it is no regular file")
    if hasattr(os, "geteuid") and status.st_uid not in {0, os.geteuid()}:
        return {}
    try:
        jobs = metric_text.read(_name(path), read_small(path, _LARGEST)[0])
    except (OSError, ValueError):
        return {}
    for samples in jobs.values():
        # The clock has been put back since: that would keep quiet about runs that fail until it has caught up.
        if samples.get(_SUCCESS, 0) > now:
            samples[_SUCCESS] = 0.0
    return jobs


_START: Final = ("last_start_timestamp_seconds",)
_SUCCESS: Final = ("last_success_timestamp_seconds",)


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of one run."""

    ended_at: float
    """Seconds since the epoch."""
    succeeded: bool
    of_run: Samples
    added: dict[str, int]
    """What it adds to the sums over all runs."""
    found: Samples | None
    """None if it has not searched everywhere."""

    def after(self, before: Samples) -> Samples:
        """Return the values of its job, which were *before* that what they are there."""
        samples = {
            **self.of_run,
            _SUCCESS: self.ended_at if self.succeeded else before.get(_SUCCESS, 0.0),
        }
        samples |= {(name,): before.get((name,), 0) + more for name, more in self.added.items()}
        if self.found is not None:
            return samples | self.found
        names = {metric.name for metric in SEARCH}
        return samples | {key: value for key, value in before.items() if key[0] in names}


def numbers_of(run: FinishedRun, tool: Tool) -> Numbers:
    """Return the numbers of a run of this program, *tool*."""
    end = run.began_at + run.duration
    totals = None if run.report is None else run.report.totals
    deleted, freed = (0, 0) if totals is None else (totals.deleted, totals.freed_bytes)
    found = None
    if run.report is not None and run.digest is not None and _searched(run.report):
        found = _found(run.report, run.digest, end)
    return Numbers(
        ended_at=end,
        succeeded=run.succeeded,
        of_run={
            _START: run.began_at,
            ("last_run_timestamp_seconds",): end,
            ("last_run_success",): int(run.succeeded),
            ("last_run_exit_code",): run.exit_code,
            ("last_run_duration_seconds",): run.duration,
            ("last_run_deleted",): deleted,
            ("last_run_trashed",): 0 if totals is None else totals.trashed,
            ("last_run_failed",): 0 if totals is None else totals.failed,
            ("last_run_freed_bytes",): freed,
            # What came to no result is a problem of its own, as in the document of such a run.
            ("last_run_problems",): 1 if run.report is None else len(run.report.problems),
            ("build_info", tool.version, tool.engine): 1,
        },
        added={
            "runs_total": 1,
            "run_failures_total": int(not run.succeeded),
            "deleted_total": deleted,
            "freed_bytes_total": freed,
        },
        found=found,
    )


def _searched(report: Report) -> bool:
    """Whether a run has searched everywhere, and nobody stopped it before."""
    return report.asked is None or report.asked.ended


def _found(report: Report, digest: Digest, end: float) -> Samples:
    totals = report.totals
    samples: Samples = {
        ("last_search_timestamp_seconds",): end,
        ("found",): totals.found,
        ("selected",): totals.selected,
        ("allocated_bytes",): totals.allocated_bytes,
        ("reclaimable_bytes",): totals.reclaimable_bytes,
        ("reclaimable_at_most_bytes",): totals.reclaimable_at_most_bytes,
    }
    # All of them, as a series that is not there until something happens is hard to compute with.
    samples |= {("kept", reason.value): digest.kept.get(reason.value, 0) for reason in Reason}
    for portion in digest.portions:
        ecosystem = portion.ecosystem or UNKNOWN
        for name, more in (
            ("ecosystem_found", portion.found),
            ("ecosystem_reclaimable_bytes", portion.reclaimable_bytes),
        ):
            samples[name, ecosystem] = samples.get((name, ecosystem), 0) + more
    return samples
