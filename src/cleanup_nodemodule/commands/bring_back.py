"""Runs the commands that bring back what was deleted."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, TextIO

from cleanup_nodemodule.errors import ExitCode
from cleanup_nodemodule.run import run_as
from cleanup_nodemodule.run.loop import Runtime
from cleanup_nodemodule.run.signals import Interrupts
from cleanup_nodemodule.run.ways_back import SKIPPED, STRANGE, Place, Step, see, shown_step
from cleanup_nodemodule.show.streams import say
from cleanup_nodemodule.words import printable
from cleanup_nodemodule.work.silence import Unanswered
from cleanup_nodemodule.work.tasks import Stopped


async def run_all(
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
    seen = await see(
        {path: Place(step.directory) for step in done for path in step.artifacts}, runtime
    )
    for path, now in seen.items():
        if not now.there:
            say(f"{printable(path)}: the command succeeded, and it is not there")
    return ExitCode.DONE if len(done) == len(steps) else ExitCode.INCOMPLETE


async def _run(
    step: Step, runtime: Runtime, interrupts: Interrupts, *, as_json: bool
) -> tuple[str, int | None]:
    """Run one command; return what came of it, and its exit code. Raises Stopped."""
    reason: str | None = STRANGE
    if step.known:
        # Again, as the commands before it took their time.
        try:
            step = replace(step, verdict=await runtime.call(run_as.decide, step.directory))
            reason = step.verdict.refusal
        except Unanswered:
            reason = SKIPPED["no-answer"]
    if reason is not None:
        say(f"Not run: {shown_step(step)}: {reason}")
        return "refused", None
    say(f"Running: {shown_step(step)}")
    try:
        with interrupts.raising():
            code = _execute(step, sys.stderr if as_json else None)
    except KeyboardInterrupt as error:
        raise Stopped from error
    except OSError as error:
        say(f"Failed: {shown_step(step)}: {error.strerror}")
        return "failed", None
    if code != 0:
        say(f"Failed: {shown_step(step)}: exit code {code}")
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
        return subprocess.Popen(step.command, shell=True, cwd=step.directory, stdout=stdout)  # noqa: S602 - a rule's command, which may need a shell
    import pwd

    account = pwd.getpwnam(step.verdict.user)
    return subprocess.Popen(  # noqa: S603 - a rule's command, as its owner
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
