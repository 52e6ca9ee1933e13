"""Looks at what a run asks: processes, git, the engine, the mail system; and at the configuration."""

import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from cleanup_nodemodule import engine
from cleanup_nodemodule.config.definition import read_all
from cleanup_nodemodule.config.layers import Given, Order, Values
from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.proof.in_use import describe_unseen
from cleanup_nodemodule.proof.protections import running_processes
from cleanup_nodemodule.run.checking import check_all
from cleanup_nodemodule.run.checkup import Check, missing, ok, warning
from cleanup_nodemodule.unattended.notifying.mail import find_sendmail
from cleanup_nodemodule.unattended.notifying.recipients import Way, way_of
from cleanup_nodemodule.words import command, printable, shell_command

CONFIGURATION: Final = "configuration"

_LEAST_GIT: Final = (2, 15)
"""Older ones write to the index when they are asked not to (GIT_OPTIONAL_LOCKS, the release notes of git 2.15)."""

_PATIENCE: Final = 10.0
"""Seconds for git to say its version."""


class Configured(NamedTuple):
    """What the configuration asks for in any run or job, as far as something has to be there for it."""

    files: tuple[tuple[str, str], ...] = ()
    """Keys, each with the absolute path of the file that a run writes."""
    mail: tuple[str, ...] = ()
    """Values of ``--notify`` that are mail."""
    trash: bool = False
    engine: str = "auto"
    jobs: tuple[str, ...] = ()
    """The names of all jobs."""


def of_configuration(config: Sequence[str], _path: str) -> tuple[list[Check], Configured]:
    """Look at all that is said in files, in those of *config* too, and in the environment."""
    try:
        checked = check_all(config)
    except UsageError as error:
        return [missing(CONFIGURATION, *_parted(str(error)))], Configured()
    faults = [fault for one in checked for fault in one.faults]
    if faults:
        again = command("config", "check", *config)
        return [missing(CONFIGURATION, *_parted(fault), again) for fault in faults], Configured()
    places = [printable(one.place) for one in checked if one.place]
    right = (
        f"{', '.join(places)}: nothing is wrong"
        if places
        else "there is no configuration file, and none is needed"
    )
    said = read_all(config)
    each = [said.values({}, job) for job in (None, *said.jobs.values())]
    configured = Configured(
        files=tuple(dict.fromkeys(file for values in each for file in _files(values))),
        mail=tuple(dict.fromkeys(one for values in each for one in _mail(values))),
        trash=any(values.flag("trash") for values in each),
        engine=str(each[0].value("engine")),
        jobs=tuple(said.jobs),
    )
    return [ok(CONFIGURATION, right), *_exposed(each)], configured


def _parted(fault: str) -> tuple[str, str]:
    """Return what is wrong, and what to do about it, of a sentence that says both."""
    wrong, semicolon, advice = fault.rpartition("; ")
    return (wrong, advice) if semicolon else (fault, "change that")


def _files(values: Values) -> Iterator[tuple[str, str]]:
    for key in ("metrics", "log-file"):
        path = values.text(key)
        if path is not None:
            yield key, os.path.abspath(path)


def _mail(values: Values) -> Iterator[str]:
    yield from (one for one in values.texts("notify") if way_of(one) is Way.MAIL)


def _exposed(each: Sequence[Values]) -> Iterator[Check]:
    """Give a check for each file that has a URL, which may be secret, and that everybody can read."""
    given = {one for values in each for one in values.given("notify")}
    for place in sorted({one.source.place for one in given if _has_url(one)}):
        if _everybody_reads(place):
            yield warning(
                CONFIGURATION,
                f"everybody can read {printable(place)}, which has the URL of a webhook",
                "let nobody else read it, if the URL is secret",
                shell_command("chmod", "go-r", place),
            )


def _has_url(given: Given) -> bool:
    in_file = given.source.place and given.source.order is not Order.ENVIRONMENT
    return bool(in_file) and any(way_of(one) is Way.WEBHOOK for one in given.value)


def _everybody_reads(path: str) -> bool:
    try:
        if not os.stat(path).st_mode & stat.S_IROTH:
            return False
        while (path := os.path.dirname(path)) not in {"", os.sep}:
            if not os.stat(path).st_mode & stat.S_IXOTH:
                return False
    except OSError:
        return False
    return True


def of_processes(_path: str) -> Check:
    """Look whether it can be seen which processes are at work, and on what."""
    name = "processes"
    try:
        unseen = running_processes(os.getpid()).unseen
    except Exception as error:  # noqa: BLE001 - whatever it is, a run keeps everything then
        why = getattr(error, "strerror", None) or error
        return missing(
            name,
            f"nobody can say which processes are at work, so everything is kept: {why}",
            "mount /proc, or say that nothing is in use with --assume-unused",
            "mount -t proc proc /proc",
        )
    if unseen == 0:
        return ok(name, "all can be looked at")
    found = describe_unseen(unseen)
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return ok(name, f"{found}, so what belongs to other users is kept")
    return missing(
        name,
        f"{found}, although this is root, so what belongs to other users is kept",
        "give it CAP_SYS_PTRACE: in a unit of systemd by CapabilityBoundingSet=, and no ProtectProc=; in a container by"
        " --cap-add SYS_PTRACE",
    )


def of_git(_path: str) -> Check:
    """Look for git, and whether it answers."""
    name = "git"
    path = shutil.which("git")
    if path is None:
        return missing(
            name,
            "there is none, so what lies in a repository is kept",
            "install it",
            _install("git"),
        )
    try:
        done = subprocess.run(  # noqa: S603 - the git that a run asks, and no shell
            [path, "--version"],
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=_PATIENCE,
        )
    except (OSError, subprocess.SubprocessError) as error:
        why = getattr(error, "strerror", None) or "it does not answer"
        return missing(
            name, f"{printable(path)} cannot be asked: {why}", "install it again", _install("git")
        )
    said = done.stdout.decode(errors="replace")
    version = re.match(r"git version ([0-9]+)\.([0-9]+)\S*", said)
    if done.returncode != 0 or version is None:
        words = (
            done.stderr.decode(errors="replace").strip().splitlines()
            or ["it does not say its version"]
        )[-1]
        return missing(
            name,
            f"{printable(path)} does not work: {printable(words)}",
            "install it again",
            _install("git"),
        )
    text = printable(version[0].removeprefix("git version "))
    if (int(version[1]), int(version[2])) < _LEAST_GIT:
        return warning(
            name,
            f"{text} is older than {'.'.join(map(str, _LEAST_GIT))}, and may write to repositories",
            "install a newer one",
        )
    return ok(name, f"{text} ({printable(path)})")


def of_engine(chosen: str) -> Check:
    """Look which engine walks the trees, if *chosen* is what the configuration says."""
    name = "engine"
    try:
        if chosen in {"native", "python"}:
            engine.choose("native" if chosen == "native" else "python")
    except engine.UnavailableError as error:
        return missing(name, *_parted(str(error)))
    if engine.name() == "native":
        return ok(name, "native, the fast one")
    if chosen == "python":
        return ok(name, "python, which is slow, and which the configuration asks for")
    return warning(
        name,
        "python, the slow one: the fast one was not built when this was installed",
        "install a C compiler and Python's headers, and then this program again",
        _install("gcc", "python3-dev"),
    )


def of_mail(recipients: Sequence[str], _path: str) -> Check:
    """Look for what sends mail to *recipients*, values of ``--notify``."""
    whom = ", ".join(map(printable, recipients))
    program, why = find_sendmail()
    if program is None:
        return missing(
            "notify",
            f"nothing can send mail ({whom}): {why.partition('; ')[0]}",
            why.partition("; ")[2] or "see who may write it",
        )
    return ok("notify", f"{program} sends mail ({whom})")


def _install(*packages: str) -> str | None:
    """Return how to install *packages* as Debian and its kin call them; None elsewhere."""
    return shell_command("apt", "install", *packages) if shutil.which("apt") else None
