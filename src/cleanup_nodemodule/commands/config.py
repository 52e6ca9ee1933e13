"""``config``: show what counts in a run, and who said it; make, check and change configuration files."""

import os
from typing import Annotated

import typer

from cleanup_nodemodule.commands import general_options as general
from cleanup_nodemodule.commands.completion import configuration_words
from cleanup_nodemodule.commands.information import LongHelp, ShortHelp
from cleanup_nodemodule.commands.options import nothing_done
from cleanup_nodemodule.commands.wrong_usage import near, shown
from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.words import command, printable

ACTIONS = ("show", "init", "check", "set", "unset")
"""What the command can do."""


def config(
    ctx: typer.Context,
    action: Annotated[
        str | None,
        typer.Argument(
            metavar="ACTION",
            help="show: what counts in a run, and where that was said. init: write a file that has every key,"
            " commented out. check: look for mistakes in all files, or in FILE. set: write a VALUE into your file; a"
            " list takes several. unset: take a key out of it.",
            autocompletion=configuration_words,
        ),
    ] = None,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="WORD",
            help="What the action takes: show KEY..., check FILE..., set KEY VALUE..., unset KEY."
            " A key is the name of an option, such as max-delete; in a job it is job.NAME.max-delete.",
            autocompletion=configuration_words,
        ),
    ] = None,
    job: Annotated[
        str | None,
        typer.Option("--job", metavar="NAME", help="With show: what counts in this job."),
    ] = None,
    file: Annotated[
        str | None,
        typer.Option(
            "--file",
            metavar="FILE.toml",
            help="With init, set and unset: another file than yours.",
        ),
    ] = None,
    json_: Annotated[
        bool, typer.Option("--json", help="With show and check: print a JSON document.")
    ] = False,
    config: general.Config = None,
    no_config: general.NoConfig = False,
    _short_help: ShortHelp = False,
    _help: LongHelp = False,
) -> int:
    """Show, make, check or change the configuration."""
    given = words or []
    _refuse(action, given)
    _refuse_options(
        action,
        ("--job", job is not None, {"show"}),
        ("--file", file is not None, {"init", "set", "unset"}),
        ("--json", json_, {"show", "check"}),
        ("--config", bool(config), {"show", "check"}),
        ("--no-config", no_config, {"show"}),
    )
    with nothing_done():
        match action:
            case "show":
                return _show(ctx, given, job, as_json=json_)
            case "init":
                return _init(ctx, _own(file))
            case "check":
                return _check(ctx, given, as_json=json_)
            case "set":
                return _set(_own(file), given[0], given[1:])
            case _:
                return _unset(_own(file), given[0])


_LEAST = {"set": 2, "unset": 1}
"""Words that an action needs."""

_MOST = {"init": 0, "unset": 1}
"""Words that an action takes at most."""

_TAKES = {"set": "KEY VALUE", "unset": "KEY"}


def _refuse_options(action: str | None, *options: tuple[str, bool, set[str]]) -> None:
    """Raise UsageError for an option that was given, and that others of the actions take."""
    for option, given, actions in options:
        if given and action not in actions:
            raise UsageError(f"config {action} takes no {option}; leave it out")


def _refuse(action: str | None, words: list[str]) -> None:
    """Raise UsageError for an action that there is not, and for words that it does not take."""
    if action is None:
        raise UsageError(
            f"config needs one of {', '.join(ACTIONS)}, as in: {command('config', 'show')}"
        )
    if action not in ACTIONS:
        meant = near(action, ACTIONS)
        advice = (
            f"did you mean: {command('config', meant)}?"
            if meant
            else f"there are {', '.join(ACTIONS)}"
        )
        raise UsageError(f"config has no action {shown(action)}; {advice}")
    if len(words) < _LEAST.get(action, 0):
        example = ("min-depth", "2") if action == "set" else ("min-depth",)
        raise UsageError(
            f"config {action} takes {_TAKES[action]}, as in: {command('config', action, *example)}"
        )
    most = _MOST.get(action)
    if most is not None and len(words) > most:
        raise UsageError(f"config {action} takes no {shown(words[most])}; leave it out")


def _own(file: str | None) -> str:
    """Return the path of the file to write: this user's, unless another one is named."""
    from cleanup_nodemodule.config.files import user_path

    if file is not None:
        if not file:
            raise UsageError("--file needs the path of a file, as in: --file nightly.toml")
        return os.path.abspath(file)
    try:
        return user_path()
    except RuntimeError as error:
        raise UsageError("you have no home directory; name a file with --file") from error


def _show(ctx: typer.Context, names: list[str], job: str | None, *, as_json: bool) -> int:
    from cleanup_nodemodule.commands.effective import said_in
    from cleanup_nodemodule.config.editing import key_called
    from cleanup_nodemodule.config.jobs import job_called
    from cleanup_nodemodule.config.keys import KEYS, Where
    from cleanup_nodemodule.show.configuration import show_values

    said = said_in(ctx)
    values = said.values({}, None if job is None else job_called(job, said))
    asked = [key_called(name)[1].name for name in names]
    of_all = [key.name for key in KEYS.values() if job is not None or key.where is not Where.JOB]
    return show_values(values, asked or of_all, as_json=as_json)


def _init(ctx: typer.Context, path: str) -> int:
    from cleanup_nodemodule.commands.template import template
    from cleanup_nodemodule.config.editing import create
    from cleanup_nodemodule.show.streams import print_lines

    create(path, template(ctx.find_root().command))
    return print_lines(
        [f"{printable(path)} is written; take away the # before what you want to say"]
    )


def _check(ctx: typer.Context, paths: list[str], *, as_json: bool) -> int:
    from cleanup_nodemodule.commands.effective import files_of
    from cleanup_nodemodule.config.files import user_path
    from cleanup_nodemodule.run.checking import check_all, check_file
    from cleanup_nodemodule.show.configuration import show_checked

    named = [os.path.abspath(path) for path in files_of(ctx)]
    if paths:
        checked = [check_file(path) for path in (*map(os.path.abspath, paths), *named)]
    else:
        checked = check_all(named)
    try:
        usual = user_path()
    except RuntimeError:  # Nobody has a home directory.
        usual = None
    return show_checked(checked, usual, as_json=as_json)


def _set(path: str, name: str, words: list[str]) -> int:
    from cleanup_nodemodule.config.editing import text_of, with_value

    return _changed(path, with_value(text_of(path), name, words, path), f"{name} is set in")


def _unset(path: str, name: str) -> int:
    from cleanup_nodemodule.config.editing import text_of, without_value

    text = without_value(text_of(path), name, path)
    if text is None:
        raise UsageError(
            f"{path} does not say {name}; {command('config', 'show')} says where it is said"
        )
    return _changed(path, text, f"{name} is taken out of")


def _changed(path: str, text: str, done: str) -> int:
    """Write a file, if it is right, and say what was done."""
    from cleanup_nodemodule.config.editing import write
    from cleanup_nodemodule.config.files import read_file
    from cleanup_nodemodule.config.layers import Order
    from cleanup_nodemodule.run.checking import check_text
    from cleanup_nodemodule.show.streams import print_lines

    read_file(
        path, Order.USER, faults=[]
    )  # One that somebody else could write is not to be made this user's.
    check_text(text, path)
    write(path, text)
    return print_lines([f"{printable(done)} {printable(path)}"])
