"""The file that ``config init`` writes: every key, commented out, with what its option's help says."""

import textwrap
from collections.abc import Iterator
from typing import Any, Final

from cleanup_nodemodule.commands.help_page import first_sentence
from cleanup_nodemodule.commands.wrong_usage import example_of
from cleanup_nodemodule.config.keys import KEYS, Key, Kind, Where
from cleanup_nodemodule.show.configuration import written

_HEAD: Final = """\
# What cleanup-nodemodule does in each run, unless the command line says otherwise.
# Each line below shows what can be said, and says nothing while it begins with #.
# docs/configuration.md says more. To look for mistakes, type: cleanup-nodemodule config check
"""

_JOB: Final = """\
# A job is a run with a name: cleanup-nodemodule run nightly
# It takes each key above, and these:
#
# [job.nightly]
# path = ["~/work"]
"""

_WORDS: Final = {
    "keep": "Keep what matches, as --exclude does, but show it.",
    "about": "What the job is for.",
    "users": "Accounts besides root that may have a job of the system's files delete.",
    "yes": "Do not ask, even at a terminal.",
    "trash": "Move to the trash what would be deleted.",
    "null": "Print only paths, each with a NUL behind it.",
    "history-max-age": "Runs that are older leave the history. Default: 2y.",
    "history-max-size": "The most that the history may take on disk. Then the oldest runs leave it. Default: 200MB.",
    "delete": "Delete. Without it the job only shows what can be deleted.",
}
"""What to say of keys without an option, and of those whose option needs other words."""

_EXAMPLES: Final[dict[str, Any]] = {
    "keep": ("~/clients/",),
    "about": "what is older than a month",
    "users": ("ci",),
    "history-max-age": "2y",
    "history-max-size": "200MB",
    "min-depth": 1,
    "metrics": "/var/lib/prometheus/node-exporter/cleanup.prom",
}

_WIDTH: Final = 96


def template(program: Any) -> str:
    """Return a configuration file that says nothing, with every key of the *program*'s options."""
    params = {max(param.opts, key=len): param for param in program.params}
    lines = [_HEAD]
    for key in KEYS.values():
        if key.where in {Where.ANYWHERE, Where.FILES, Where.NO_VARIABLE}:
            lines += [
                *_about(key, params.get(key.typed)),
                f"# {assignment(key, params.get(key.typed))}",
                "",
            ]
    lines.append(_JOB.rstrip("\n"))
    for key in KEYS.values():
        if key.where in {Where.ORDERED, Where.JOB}:
            lines += ["#", *_about(key, params.get(key.typed))]
            lines.append(f"# {assignment(key, params.get(key.typed))}")
    return "\n".join(lines) + "\n"


def _about(key: Key, param: Any) -> Iterator[str]:
    help_text = " ".join((getattr(param, "help", "") or "").split())
    text = _WORDS.get(key.name) or first_sentence(help_text)
    yield from textwrap.wrap(text, _WIDTH, initial_indent="# ", subsequent_indent="# ")


def assignment(key: Key, param: Any) -> str:
    """Return a line that says something of a key."""
    return f"{key.name} = {written(_example(key, param))}"


def _example(key: Key, param: Any) -> Any:
    if key.name in _EXAMPLES:
        return _EXAMPLES[key.name]
    text = example_of(f"--{key.name}", getattr(param, "metavar", None))
    match key.kind:
        case Kind.FLAG:
            return True
        case Kind.CHOICE:
            return key.default or key.choices[0]
        case Kind.NUMBER | Kind.SECONDS:
            return int(text) if text.isdecimal() else 4
        case Kind.PATHS:
            return tuple(map(_whole, text.split()))
        case Kind.PATH:
            return _whole(text)
        case Kind.TEXTS | Kind.RULES:
            return tuple(text.split())
        case _:
            return text


def _whole(path: str) -> str:
    return path if path.startswith(("~", "/")) else f"~/{path}"
