"""Runs the programs of the system's schedulers, and says what they said."""

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from cleanup_nodemodule.unattended.schedule.scheduler import SchedulerError
from cleanup_nodemodule.words import printable, shell_command

_PATIENCE: Final = 60.0
"""Seconds that systemctl, crontab and the like may take."""


class Answer(NamedTuple):
    """What a program said."""

    code: int
    output: bytes
    errors: str


Call: TypeAlias = Callable[..., Answer]
"""Runs a program with some words, and ``input`` if it reads any."""


def call(
    words: Sequence[str],
    *,
    input: bytes | None = None,  # noqa: A002 - as subprocess.run has it
    patience: float | None = _PATIENCE,
    shown: bool = False,
    cwd: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Answer:
    """Run a program and wait for its end, for *patience* seconds. Raises SchedulerError if it cannot be run, or goes on.

    With *shown* what it says goes where this program's goes, and none of it is in the answer. It speaks English, as its words decide (``crontab -l`` has no exit code for "there is none").
    """
    try:
        done = subprocess.run(  # noqa: S603 - the system's own programs
            words,
            input=b"" if input is None else input,
            stdout=None if shown else subprocess.PIPE,
            stderr=None if shown else subprocess.PIPE,
            timeout=patience,
            check=False,
            cwd=cwd,
            # Debian's crontab would leave out the first comments, which need not be those that it has put there.
            env={
                **os.environ,
                "LC_ALL": "C",
                "CRONTAB_NOHEADER": "N",
                **_runtime(),
                **(environment or {}),
            },
        )
    except OSError as error:
        raise SchedulerError(f"cannot run {words[0]}: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise SchedulerError(
            f"{shell_command(*words)} has not ended after {patience:g} seconds"
        ) from error
    errors = (done.stderr or b"").decode(errors="replace").strip()
    return Answer(done.returncode, done.stdout or b"", errors)


def _runtime() -> dict[str, str]:
    """Return where the user's own manager listens, for a shell that does not know.

    systemctl(1) needs it, and su(1) and sudo(8) do not set it (pam_systemd(8)).
    """
    if not hasattr(os, "geteuid") or os.environ.get("XDG_RUNTIME_DIR"):
        return {}
    return {"XDG_RUNTIME_DIR": f"/run/user/{os.geteuid()}"}


def must(call: Call, words: Sequence[str], *, input: bytes | None = None) -> Answer:  # noqa: A002 - as above
    """Run a program that has to succeed. Raises SchedulerError, with its words."""
    answer = call(words, input=input)
    if answer.code != 0:
        said = answer.errors or answer.output.decode(errors="replace")
        why = printable("; ".join(said.split("\n")).strip())
        raise SchedulerError(f"{shell_command(*words)} failed: {why or f'exit code {answer.code}'}")
    return answer
