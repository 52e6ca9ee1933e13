"""How to get back what a run deleted: the commands, and running them."""

import asyncio
import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, TextIO

from cleanup_nodemodule import words
from cleanup_nodemodule.commands import query
from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.exit_codes import ExitCode
from cleanup_nodemodule.proof.rules import Rule
from cleanup_nodemodule.record.write import UNTOUCHED, Entry, Fault, Run, read
from cleanup_nodemodule.run import run_as
from cleanup_nodemodule.run.loop import Runtime
from cleanup_nodemodule.run.signals import Interrupts
from cleanup_nodemodule.show.streams import emit, is_terminal, say
from cleanup_nodemodule.system import mounts as system_mounts
from cleanup_nodemodule.words import printable, quoted
from cleanup_nodemodule.work.scheduler import Scheduler, Stopped, Unanswered

_MAX: Final = 20
"""How many of a kind are named one by one."""


class UnknownRun(UsageError):
    """There is no such run, or several. The message says which there are."""


@dataclass(frozen=True, slots=True)
class Step:
    """A command, and what it brings back."""

    directory: str
    """Absolute path of where to run it."""
    command: str
    known: bool
    """Whether it is one that the rules have, and not merely what stands in the journal."""
    artifacts: tuple[str, ...]
    """Absolute paths."""
    verdict: run_as.Verdict = run_as.AS_WE_ARE
    """As whom it is to be run."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything about getting back what one run deleted."""

    run: Run | None
    """None where no run has deleted anything."""
    steps: tuple[Step, ...]
    """What installs comes before what builds, and then what is above before what is beneath."""
    skipped: Mapping[str, str]
    """By path, why nothing is to be run for an artifact: a code of :data:`SKIPPED`."""
    faults: tuple[Fault, ...]


SKIPPED: Final = {
    "exists": "is there again",
    "no-command": "nobody knows a command that brings it back",
    "project-gone": "the directory that its command is for is gone",
    "no-answer": "nobody knows whether it is there, as its disk does not answer",
}
"""What each reason for leaving an artifact out means."""


class _Seen(NamedTuple):
    """What the disk says of an artifact and of where its command is to be run."""

    there: bool
    ready: bool
    verdict: run_as.Verdict


async def recipe(
    directory: str, rules: Sequence[Rule], name: str | None, runtime: Runtime
) -> Recipe:
    """Return how to get back what a run deleted that is in the journal of this state directory.

    *name* is the run's id or the beginning of it; None is the last run that deleted anything. What
    lies inside another artifact of the run comes with that. Raises UnknownRun and StateError, and
    Stopped where it is interrupted while it asks the disks.
    """
    touched: set[str] = set()

    def wanted(entry: Entry) -> bool:
        touched.update({entry.run} if _touched(entry) else ())
        return False

    looked = read(directory, wanted=wanted)
    runs = looked.runs
    if name is None:
        deleting = [run for run in runs.values() if run.id in touched]
        if not deleting:
            return Recipe(None, (), {}, looked.faults)
        run = deleting[-1]
    else:
        run = _named(runs, name)
    history = read(directory, wanted=lambda entry: entry.run == run.id and _touched(entry))
    skipped: dict[str, str] = {}
    steps: dict[tuple[bool, str, int, str, bool], list[str]] = {}
    order = {rule.id: number for number, rule in enumerate(rules)}
    by_id = {rule.id: rule for rule in rules}
    seen = await _see({entry.intent.path: _where(entry) for entry in history.entries}, runtime)
    verdicts: dict[str, run_as.Verdict] = {}
    for entry in _outermost(history.entries, seen):
        intent = entry.intent
        where = _where(entry)
        known_of = seen.get(intent.path)
        if known_of is None:
            skipped[intent.path] = "no-answer"
        elif known_of.there:
            skipped[intent.path] = "exists"
        elif intent.regenerate is None:
            skipped[intent.path] = "no-command"
        elif not known_of.ready:
            skipped[intent.path] = "project-gone"
        else:
            rule = by_id.get(intent.rule or "")
            commands = {each.command for each in rule.regenerate} if rule is not None else set()
            # What a lock file determines is what is installed, which building needs.
            installs = rule is not None and rule.locked
            rank = order.get(intent.rule or "", len(order))
            known = intent.regenerate in commands
            key = (not installs, where, rank, intent.regenerate, known)
            verdicts[where] = known_of.verdict
            steps.setdefault(key, []).append(intent.path)
    once: dict[tuple[str, str], Step] = {}
    for key in sorted(steps):
        _, where, _, command, known = key
        before = once.get((where, command))
        paths = (*(before.artifacts if before else ()), *sorted(steps[key]))
        known = known and (before is None or before.known)
        once[where, command] = Step(where, command, known, paths, verdicts[where])
    return Recipe(run, tuple(once.values()), skipped, history.faults)


def _where(entry: Entry) -> str:
    """Return the directory that the command which brings it back is for."""
    return entry.intent.regenerate_in or entry.intent.project


async def _see(places: Mapping[str, str], runtime: Runtime) -> dict[str, _Seen]:
    """Return what the disks say of artifacts and their directories; nothing where one does not answer.

    Those on other mounts are asked side by side, so that one which is silent holds up none of the others.
    """
    mounts = system_mounts.mount_points()
    groups: dict[tuple[str, str], dict[str, str]] = {}
    for path, where in places.items():
        key = (
            system_mounts.mount_point_of(path, mounts),
            system_mounts.mount_point_of(where, mounts),
        )
        groups.setdefault(key, {})[path] = where
    seen: dict[str, _Seen] = {}

    async def ask(scheduler: Scheduler) -> None:
        async def one(group: dict[str, str]) -> None:
            with contextlib.suppress(Unanswered):
                seen.update(await scheduler.call(_ask_disk, group))

        async with asyncio.TaskGroup() as tasks:
            for group in groups.values():
                tasks.create_task(one(group))

    if groups:
        around = {os.path.dirname(path): None for path in places} | dict.fromkeys(places.values())
        await runtime.ask(list(around), ask, workers=len(groups))
    return seen


def _ask_disk(places: Mapping[str, str]) -> dict[str, _Seen]:
    verdicts: dict[str, run_as.Verdict] = {}
    seen: dict[str, _Seen] = {}
    for path, where in places.items():
        ready = os.path.isdir(where)
        if ready and where not in verdicts:
            verdicts[where] = run_as.decide(where)
        seen[path] = _Seen(os.path.lexists(path), ready, verdicts.get(where, run_as.AS_WE_ARE))
    return seen


def shell_line(directory: str, command: str, *, raw: bool = False, user: str | None = None) -> str:
    """Return a line for a shell that runs *command* in *directory* and leaves the shell where it is.

    Every character of it can be seen, in the quotes that bash(1), zsh and ksh know; with *raw* it has
    the very bytes, in those of every shell (sh(1)), where a name may go over several lines. With *user*
    it is for root's shell, and runs the command as that account.
    """
    if user is not None:
        # With that account's home directory, as what is run there keeps its caches in it.
        line = shell_line(directory, command, raw=True)
        become = "sudo -H -u {} sh -c" if shutil.which("sudo") else "su -l -s /bin/sh {} -c"
        return f"{become.format(shlex.quote(user))} {shlex.quote(line) if raw else quoted(line)}"
    word = shlex.quote(directory) if raw else quoted(directory)
    return f"(cd {word} && {command})"


def show(
    directory: str,
    rules: Sequence[Rule],
    name: str | None,
    *,
    run_them: bool,
    timeout: float,
    as_json: bool,
) -> int:
    """Print the commands, or run them one after the other; return the exit code.

    Raises UnknownRun and StateError.
    """

    async def work(runtime: Runtime, interrupts: Interrupts) -> _Shown:
        found = await recipe(directory, rules, name, runtime)
        _say_what_is_known(found)
        if not run_them:
            return _Shown(found, {}, ExitCode.DONE)
        outcomes: dict[Step, tuple[str, int | None]] = {}
        code = await _run_all(found.steps, outcomes, runtime, interrupts, as_json=as_json)
        return _Shown(found, outcomes, code)

    def print_result(shown: _Shown) -> int:
        return _print_result(shown, run_them=run_them, as_json=as_json)

    return query.run(work, print_result, timeout=timeout, as_json=as_json)


class _Shown(NamedTuple):
    found: Recipe
    outcomes: Mapping[Step, tuple[str, int | None]]
    """What came of each command that was run, and its exit code."""
    code: int


def _say_what_is_known(found: Recipe) -> None:
    for fault in found.faults:
        say(f"{words.PROGRAM}: {fault_line(fault)}")
    if found.run is None:
        say("Nothing has been deleted yet.")
    _say_skipped(found)


def _print_result(shown: _Shown, *, run_them: bool, as_json: bool) -> int:
    found, outcomes, code = shown
    if not run_them:
        for step in found.steps:
            if step.verdict.refusal is not None:
                say(f"{_shown(step)}: {step.verdict.refusal}")
    lost = None
    if as_json:
        document = json.dumps(_document(found, outcomes), indent=2)
        lost = emit(lambda: _write(f"{document}\n"))
    elif not run_them:
        lost = emit(lambda: _write("".join(_lines(found.steps))))
    if lost is not None:
        say(f"{words.PROGRAM}: could not print the result: {lost}")
        return ExitCode.UNEXPECTED
    if code == ExitCode.DONE and "no-answer" in found.skipped.values():
        return ExitCode.INCOMPLETE
    return code


def fault_line(fault: Fault) -> str:
    """Return what could not be read of the journal, in a line."""
    where = printable(fault.file) if fault.line is None else f"{printable(fault.file)}:{fault.line}"
    return f"left out of the journal: {where}: {printable(fault.message)}"


def iso(seconds: float) -> str:
    """Return a time, in seconds since the epoch, as ISO 8601 has it, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def run_document(run: Run) -> dict[str, Any]:
    """Return a run as documents have it."""
    return {
        "id": run.id,
        "started_at": iso(run.started_at),
        "ended_at": None if run.ended_at is None else iso(run.ended_at),
        "interrupted": run.interrupted,
        "pid": run.pid,
        "host": run.host,
        "user": run.user,
        "tool": run.tool,
        "mode": run.mode,
        "roots": list(run.roots),
    }


def _touched(entry: Entry) -> bool:
    return not entry.waiting and (entry.end is None or entry.end.ending not in UNTOUCHED)


def _named(runs: Mapping[str, Run], name: str) -> Run:
    fitting = [run for run in runs.values() if name and run.id.startswith(name.lower())]
    exact = [run for run in fitting if run.id == name.lower()]
    if len(exact or fitting) == 1:
        return (exact or fitting)[0]
    listed = fitting or list(runs.values())
    there = ", ".join(f"{run.id} ({iso(run.started_at)})" for run in listed[-_MAX:])
    more = "the last are " if len(listed) > _MAX else "there are "
    if fitting:
        raise UnknownRun(f"{printable(name)} is the beginning of several runs: {there}")
    raise UnknownRun(
        f"there is no run {printable(name)}; {more + there if listed else 'nothing was deleted yet'}"
    )


def _outermost(entries: Sequence[Entry], seen: Mapping[str, _Seen]) -> Iterator[Entry]:
    """Give the entries that lie in no other that is gone, in the order of their paths."""
    last: str | None = None
    # With the separator, so that what is inside comes right behind.
    for entry in sorted(entries, key=lambda entry: os.path.join(entry.intent.path, "")):
        inside = os.path.join(entry.intent.path, "")
        if last is None or not inside.startswith(last):
            known = seen.get(entry.intent.path)
            last = last if known is not None and known.there else inside
            yield entry


def _say_skipped(found: Recipe) -> None:
    for code, meaning in SKIPPED.items():
        paths = [path for path, reason in found.skipped.items() if reason == code]
        for path in paths[:_MAX]:
            say(f"{printable(path)}: {meaning}")
        if len(paths) > _MAX:
            say(f"{len(paths) - _MAX} more: {meaning}")
    for step in found.steps:
        if not step.known:
            say(f"{_shown(step)}: {_STRANGE}")


_STRANGE: Final = "no rule has this command, so look at it before you run it"


def _shown(step: Step) -> str:
    return shell_line(step.directory, printable(step.command), user=step.verdict.user)


def _lines(steps: Sequence[Step]) -> Iterator[str]:
    raw = not is_terminal(sys.stdout)
    for step in steps:
        if step.known and step.verdict.refusal is None:
            user = step.verdict.user
            yield shell_line(step.directory, step.command, raw=raw, user=user) + "\n"
        else:
            # The journal could have been altered, or somebody else decide: no shell shall run it unseen.
            yield f"# {_shown(step)}\n"


def _write(text: str) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(os.fsencode(text))


async def _run_all(
    steps: Sequence[Step],
    outcomes: dict[Step, tuple[str, int | None]],
    runtime: Runtime,
    interrupts: Interrupts,
    *,
    as_json: bool,
) -> int:
    """Run every command, whatever comes of the others; fill *outcomes* in."""
    try:
        for step in steps:
            outcomes[step] = await _run(step, runtime, interrupts, as_json=as_json)
    except Stopped:
        say(f"Interrupted: {len(outcomes)} of {len(steps)} commands were run.")
        return 128 + (interrupts.number or signal.SIGINT)
    done = [step for step, (outcome, _) in outcomes.items() if outcome == "done"]
    if steps:
        say(f"{len(done)} of {len(steps)} commands succeeded.")
    seen = await _see({path: step.directory for step in done for path in step.artifacts}, runtime)
    for path, now in seen.items():
        if not now.there:
            say(f"{printable(path)}: the command succeeded, and it is not there")
    return ExitCode.DONE if len(done) == len(steps) else ExitCode.INCOMPLETE


async def _run(
    step: Step, runtime: Runtime, interrupts: Interrupts, *, as_json: bool
) -> tuple[str, int | None]:
    """Run one command; return what came of it, and its exit code. Raises Stopped."""
    reason: str | None = _STRANGE
    if step.known:
        # Again, as the commands before it took their time.
        try:
            step = replace(step, verdict=await runtime.call(run_as.decide, step.directory))
            reason = step.verdict.refusal
        except Unanswered:
            reason = SKIPPED["no-answer"]
    if reason is not None:
        say(f"Not run: {_shown(step)}: {reason}")
        return "refused", None
    say(f"Running: {_shown(step)}")
    try:
        with interrupts.raising():
            code = _execute(step, sys.stderr if as_json else None)
    except KeyboardInterrupt as error:
        raise Stopped from error
    except OSError as error:
        say(f"Failed: {_shown(step)}: {error.strerror}")
        return "failed", None
    if code != 0:
        say(f"Failed: {_shown(step)}: exit code {code}")
        return "failed", code
    return "done", 0


def _execute(step: Step, stdout: TextIO | None) -> int:
    """Run a command of the rules' and return its exit code.

    Some need a shell. What is not the rules', the directory, is in nothing that the shell reads. When
    this is interrupted, what the command has started ends too.
    """
    with _start(step, stdout) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            import psutil

            # It may have ended by itself, as by a Ctrl-C that both were sent.
            with contextlib.suppress(psutil.NoSuchProcess):
                shell = psutil.Process(process.pid)
                started = [shell, *shell.children(recursive=True)]
                for each in started:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        each.terminate()
                for each in psutil.wait_procs(started, _GRACE)[1]:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        each.kill()
            raise


def _start(step: Step, stdout: TextIO | None) -> "subprocess.Popen[bytes]":
    if step.verdict.user is None:
        return subprocess.Popen(step.command, shell=True, cwd=step.directory, stdout=stdout)  # noqa: S602 - see above
    import pwd

    account = pwd.getpwnam(step.verdict.user)
    return subprocess.Popen(  # noqa: S603 - see above
        # The directory is entered with the rights of that account, not with root's.
        ["/bin/sh", "-c", f'cd -- "$0" || exit\n{step.command}', step.directory],
        cwd="/",
        user=account.pw_uid,
        group=account.pw_gid,
        extra_groups=os.getgrouplist(account.pw_name, account.pw_gid),
        env={
            **{name: os.environ[name] for name in _HARMLESS if name in os.environ},
            "HOME": account.pw_dir,
            "USER": account.pw_name,
            "LOGNAME": account.pw_name,
        },
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        # Nothing of that account's gets root's terminal, into which it could type (TIOCSTI, ioctl_tty(2)).
        start_new_session=True,
    )


_HARMLESS: Final = (
    *("PATH", "TERM", "TZ", "LANG", "LC_ALL", "LC_CTYPE", "NO_COLOR", "CI"),
    *(
        name
        for proxy in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
        for name in (proxy, proxy.lower())
    ),
)
"""Variables of root's that a command of another account gets too: none that says where root keeps what."""

_GRACE: Final = 5.0
"""Seconds that a command has to end in when it is told to."""


def _document(found: Recipe, outcomes: Mapping[Step, tuple[str, int | None]]) -> dict[str, Any]:
    nothing = (None, None)
    return {
        "schema_version": 1,
        "run": None if found.run is None else run_document(found.run),
        "steps": [
            {
                "directory": step.directory,
                "command": step.command,
                "known": step.known,
                "artifacts": list(step.artifacts),
                "user": step.verdict.user,
                "refusal": step.verdict.refusal,
                "outcome": outcomes.get(step, nothing)[0],
                "exit_code": outcomes.get(step, nothing)[1],
            }
            for step in found.steps
        ],
        "skipped": [{"path": path, "reason": reason} for path, reason in found.skipped.items()],
        "problems": [
            {"path": fault.file, "line": fault.line, "message": fault.message}
            for fault in found.faults
        ],
    }
