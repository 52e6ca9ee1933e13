"""``schedule``: start a job by itself, by what the system has for that."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from cleanup_nodemodule.commands import general_options as general
from cleanup_nodemodule.commands.completion import job_names, schedule_actions
from cleanup_nodemodule.commands.information import LongHelp, ShortHelp
from cleanup_nodemodule.commands.options import nothing_done
from cleanup_nodemodule.commands.wrong_usage import near, shown
from cleanup_nodemodule.errors import ExitCode, UsageError
from cleanup_nodemodule.show.streams import is_terminal, say
from cleanup_nodemodule.unattended.schedule.scheduler_names import SchedulerName
from cleanup_nodemodule.words import PROGRAM, command

if TYPE_CHECKING:
    from cleanup_nodemodule.config.files import Job
    from cleanup_nodemodule.unattended.schedule.scheduler import Schedule, Scheduler

ACTIONS = ("show", "install", "remove", "list", "run")
"""What the command can do."""


# Long: its parameters are its options, as Typer reads them from the signature.
def schedule(
    ctx: typer.Context,
    action: Annotated[
        str | None,
        typer.Argument(
            metavar="ACTION",
            help="show: print what install would write and run. install: do that, after a question at a terminal."
            " remove: take it out again. list: the schedules that are installed. run: start an installed job now, as the"
            " system would.",
            autocompletion=schedule_actions,
        ),
    ] = None,
    every: Annotated[
        str | None,
        typer.Option(
            "--every",
            metavar="WHEN",
            help='hour, day, week, 03:00 for each day, "Mon 03:00" for each week, or "1st 03:00" for each month. day and'
            " week are at 03:00, the week's on Sunday.",
        ),
    ] = None,
    job: Annotated[
        str | None,
        typer.Option(
            "--job",
            metavar="NAME",
            help="The job to start. To make one, type: config set job.NAME.path DIRECTORY. It deletes only if it says delete = true.",
            autocompletion=job_names,
        ),
    ] = None,
    system: Annotated[
        bool,
        typer.Option(
            "--system",
            help="Run it as root, for the whole machine. Without --system it runs as you.",
        ),
    ] = False,
    with_: Annotated[
        SchedulerName | None,
        typer.Option(
            "--with",
            metavar="SCHEDULER",
            help="What starts it: systemd, cron, launchd or task-scheduler. Default: what this system has.",
        ),
    ] = None,
    delay: Annotated[
        str | None,
        typer.Option(
            "--delay",
            metavar="DURATION",
            help="Start at a random time up to this long after WHEN, so that many machines do not start at once. Default:"
            " the delay of the job; if it has none, 30min for day and week, 5min for hour, and none for a time such as 03:00.",
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="With install: do not ask first.")
    ] = False,
    json_: Annotated[
        bool, typer.Option("--json", help="With list: print a JSON document.")
    ] = False,
    config: general.Config = None,
    _short_help: ShortHelp = False,
    _help: LongHelp = False,
) -> int:
    """Start a job by itself, for example each night.

    It uses systemd, cron, launchd or the Task Scheduler of Windows. It changes only what it has made itself, and install shows first what it will change.
    """
    name = _checked(action)
    _refuse_options(
        name,
        ("--every", every is not None, {"show", "install"}),
        ("--delay", delay is not None, {"show", "install"}),
        ("--job", job is not None, {"show", "install", "remove", "run"}),
        ("--yes", yes, {"install"}),
        ("--json", json_, {"list"}),
        ("--config", bool(config), {"show", "install"}),
    )
    with nothing_done():
        if name == "list":
            return _list(with_, only_system=system, as_json=json_)
        if job is None:
            raise UsageError(f"schedule {name} needs --job NAME, as in: {command(*_example(name))}")
        if name == "remove":
            return _remove(job, with_, system=system)
        if name == "run":
            return _run(job, with_, system=system)
        if every is None:
            raise UsageError(
                f"schedule {name} needs --every, as in: {command(*_example(name, job))}"
            )
        return _install(
            _schedule(ctx, job, every, delay, system=system),
            _scheduler(with_, system=system),
            only_show=name == "show",
            yes=yes,
        )


def _checked(action: str | None) -> str:
    """Return the action. Raises UsageError for one that there is not."""
    if action is None:
        raise UsageError(
            f"schedule needs one of {', '.join(ACTIONS)}, as in: {command('schedule', 'list')}"
        )
    if action not in ACTIONS:
        meant = near(action, ACTIONS)
        advice = f"did you mean {meant}?" if meant else f"there are {', '.join(ACTIONS)}"
        raise UsageError(f"schedule has no action {shown(action)}; {advice}")
    return action


def _refuse_options(action: str, *options: tuple[str, bool, set[str]]) -> None:
    """Raise UsageError for an option that was given, and that others of the actions take."""
    for option, given, actions in options:
        if given and action not in actions:
            raise UsageError(f"schedule {action} takes no {option}; leave it out")


def _example(action: str, job: str = "nightly") -> tuple[str, ...]:
    every = ("--every", "day") if action in {"show", "install"} else ()
    return ("schedule", action, *every, "--job", job)


def _scheduler(name: SchedulerName | None, *, system: bool) -> "Scheduler":
    from cleanup_nodemodule.unattended.schedule import choosing

    return choosing.named(choosing.usual(system=system) if name is None else name)


def _schedule(
    ctx: typer.Context, name: str, when: str, delay: str | None, *, system: bool
) -> "Schedule":
    """Return the schedule that is asked for. Raises UsageError for a job that could not be carried out."""
    from cleanup_nodemodule.commands.effective import files_of, refuse_odd_names, said_in
    from cleanup_nodemodule.config.definition import settings_of
    from cleanup_nodemodule.config.jobs import job_called, refuse_nowhere, refuse_others
    from cleanup_nodemodule.run.orders import orders_of
    from cleanup_nodemodule.run.scheduling import schedule_of
    from cleanup_nodemodule.show.output_files import parsed
    from cleanup_nodemodule.unattended.schedule.times import read_every

    every = read_every(when)
    said = said_in(ctx)
    if said.environment:
        # What starts by itself does not have the variables of this shell.
        keys = ", ".join(sorted(said.environment))
        say(
            f"{PROGRAM}: variables of this shell set {keys}; the job will run without them, so write that into a"
            " configuration file"
        )
        said = said._replace(environment={})
    job = job_called(name, said)
    values = said.values({}, job)
    refuse_nowhere(job, values)
    if system:
        _refuse_unread(job)
    else:
        refuse_others(job, values)
    settings_of(values)
    refuse_odd_names(values)
    orders_of(values)
    with values.blaming():
        targets, _ = parsed(values.texts("output"))
    return schedule_of(
        job,
        values,
        every,
        delay=delay,
        system=system,
        config=files_of(ctx),
        outputs=[target.path for target in targets],
    )


def _refuse_unread(job: "Job") -> None:
    """Raise UsageError for a job in a file of this user, which root does not read."""
    from cleanup_nodemodule.config.files import SYSTEM_DIRECTORY
    from cleanup_nodemodule.config.layers import Order

    if job.order is Order.USER and hasattr(os, "geteuid") and os.geteuid() != 0:
        raise UsageError(
            f"with --system root runs the job, and root does not read {job.source.place}; write the job into"
            f" {SYSTEM_DIRECTORY}/config.toml"
        )


def _install(schedule: "Schedule", scheduler: "Scheduler", *, only_show: bool, yes: bool) -> int:
    from cleanup_nodemodule.show.schedules import ask, installation_page
    from cleanup_nodemodule.show.streams import print_lines
    from cleanup_nodemodule.unattended.schedule.doubts import doubts

    page = installation_page(schedule, scheduler, list(doubts(schedule, scheduler.name)))
    if only_show:
        return print_lines(page)
    _refuse_rights(system=schedule.system)
    asks = not yes and is_terminal(sys.stdin) and is_terminal(sys.stderr)
    if not (yes or asks):
        raise UsageError(
            "schedule install asks first, and there is no terminal to ask at; to install it, add --yes"
        )
    code = print_lines(page)
    if code != ExitCode.DONE:
        return code
    if asks and not ask():
        say("Nothing was installed.")
        return ExitCode.DONE
    with _alone():
        change = scheduler.install(schedule)
    to_test = command("schedule", "run", "--job", schedule.job, *_SYSTEM[schedule.system])
    said = {
        "unchanged": "It was installed already; nothing was changed.",
        "replaced": f"It is installed in the place of the earlier one. To start it now, type: {to_test}",
        "installed": f"It is installed. To start it now, type: {to_test}",
    }
    say(said[change])
    return ExitCode.DONE


_SYSTEM = {True: ("--system",), False: ()}


def _refuse_rights(*, system: bool) -> None:
    """Raise UsageError for what only root may do."""
    if system and hasattr(os, "geteuid") and os.geteuid() != 0:
        raise UsageError("--system needs root; type the same with sudo, or leave out --system")


@contextmanager
def _alone() -> "Iterator[None]":
    """Have no other of these commands of this user change anything at the same time."""
    from filelock import FileLock, Timeout

    from cleanup_nodemodule.record import state_directory
    from cleanup_nodemodule.unattended.schedule.scheduler import SchedulerError

    directory = state_directory.directory()
    state_directory.prepare(directory)
    try:
        with FileLock(os.path.join(directory, "schedule.lock"), timeout=_PATIENCE):
            yield
    except Timeout as error:
        raise SchedulerError(
            "another schedule command of this user has not ended; wait for it, and try again"
        ) from error


_PATIENCE = 30.0
"""Seconds to wait for another of these commands."""


def _names(name: SchedulerName | None) -> tuple[SchedulerName, ...]:
    from cleanup_nodemodule.unattended.schedule import choosing

    return choosing.here() if name is None else (name,)


def _remove(job: str, name: SchedulerName | None, *, system: bool) -> int:
    from cleanup_nodemodule.show.streams import print_lines
    from cleanup_nodemodule.unattended.schedule.installed import where_installed

    _refuse_rights(system=system)
    removed: list[str] = []
    with _alone():
        for scheduler in where_installed(job, _names(name), system=system):
            removed += scheduler.remove(job, system=system)
    if not removed:
        say(f"{PROGRAM}: there is no schedule of the job {job}{_elsewhere(job, system=system)}")
        return ExitCode.DONE
    return print_lines(f"removed: {one}" for one in removed)


def _elsewhere(job: str, *, system: bool) -> str:
    """Return where a schedule of a job is that was looked for in the wrong place, to be added to a sentence."""
    from cleanup_nodemodule.unattended.schedule.installed import installed

    other = [one for one in installed() if one.job == job and one.system != system]
    if not other:
        return ""
    return (
        " of yours; for the machine's, add --system"
        if not system
        else "; for yours, leave out --system"
    )


def _run(job: str, name: SchedulerName | None, *, system: bool) -> int:
    from cleanup_nodemodule.unattended.schedule.installed import where_installed

    for scheduler in where_installed(job, _names(name), system=system):
        _refuse_rights(system=system)
        return scheduler.start(job, system=system)
    raise UsageError(
        f"there is no schedule of the job {shown(job)}{_elsewhere(job, system=system)}; to install one, type:"
        f" {command(*_example('install', job))}"
    )


def _list(name: SchedulerName | None, *, only_system: bool, as_json: bool) -> int:
    from cleanup_nodemodule.show.schedules import show_installed
    from cleanup_nodemodule.unattended.schedule.installed import installed

    faults: list[str] = []
    found = installed(_names(name), faults=faults)
    code = show_installed([one for one in found if one.system or not only_system], as_json=as_json)
    for fault in faults:
        say(f"{PROGRAM}: {fault}")
    return code or (ExitCode.INCOMPLETE if faults else ExitCode.DONE)
