"""What is wrong with a command line, in a sentence that says what to type instead."""

import difflib
import errno
import os
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, Final, Literal, get_args, get_origin

import typer

from cleanup_nodemodule.commands.examples import EXAMPLES
from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.words import PROGRAM, command, printable, quoted

_VALUES: Final = {
    "PATH": ("a directory", "~/work"),
    "PATH...": ("a directory", "web/dist"),
    "ROOT": ("a directory", "~/work"),
    "N": ("a number", "4"),
    "NAME": ("a profile", "python"),
    "NAME...": ("the name of a directory", "dist out"),
    "NAME@MARKER": ("a name and a marker", "out@Makefile"),
    "PATTERN": ("a name, a path or a pattern", "legacy"),
    "SIZE|COUNT": ("a size or a number", "10GB"),
    "PLAN": ("the file of a plan", "plan.json"),
    "DURATION": ("a length of time", "7d"),
    "DIGEST": ("the digest of a plan", "DIGEST"),
    "SIZE|PERCENT": ("a size or a share", "15%"),
    "N[/repo]": ("a number of projects", "3"),
    "LIST": ("a file with a name in each line", "list.txt"),
    "SECONDS": ("a number of seconds", "60"),
    "SIZE": ("a size", "1GB"),
    "OLD": ("two audits", "old.json new.json"),
    "NEW": ("two audits", "old.json new.json"),
    "FILE": ("an audit, or several", "web.json"),
    "FILE.toml": ("a file", "nightly.toml"),
    "FILE.prom": ("a file", "cleanup.prom"),
    "[FORMAT:]FILE": ("a file", "audit.json"),
    "RUN": ("the name of a run", "3f9a"),
    "ACTION": ("an action", "show"),
    "WHOM": ("whom to tell", "mail:you@example.org"),
    "WORD": ("a word", "max-delete"),
}
"""What an option takes, and an example of it, by the word that stands for it in the help."""

_OF_OPTIONS: Final = {
    "--job": ("the name of a job", "nightly"),
    "--every": ("a time", "day"),
    "--log-file": ("a file", "cleanup.log"),
    "--max-rate": ("a number", "1000"),
    "--max-runtime": ("a length of time", "2h"),
    "--delay": ("a length of time", "30min"),
}
"""The same for options whose word says less than that."""


def _taken(option: str, metavar: str | None) -> tuple[str, str]:
    return _OF_OPTIONS.get(option) or _VALUES.get(metavar or "", _VALUES["N"])


def example_of(option: str, metavar: str | None) -> str:
    """Return an example of what an option takes, by its name and by the word that stands for it in the help."""
    return _taken(option, metavar)[1]


_ON_PURPOSE: Final = {"--yes", "-y"}
"""Options that skip the question. Nobody is led to them: they have to be typed on purpose."""


class NotThereError(UsageError):
    """A word that is neither a command nor a directory."""

    code = ProblemCode.SEARCH_ROOT

    def __init__(self, message: str, path: str, number: int | None) -> None:
        super().__init__(message)
        self._path = path
        self._number = number

    @property
    def path(self) -> str:
        """Absolute path of the directory that is not there."""
        return self._path

    @property
    def number(self) -> int | None:
        """What the system said (errno(3))."""
        return self._number


def near(word: str, known: Iterable[str]) -> str | None:
    """Return the word that is most likely meant by a misspelt one; None if nothing is near."""
    found = difflib.get_close_matches(word, list(known), n=5, cutoff=0.6)
    # Two letters that have changed places are the most common slip.
    swapped = [one for one in found if sorted(one) == sorted(word)]
    return next(iter((*swapped, *found)), None)


def choices_of(param: Any) -> tuple[str, ...]:
    """Return the values that a parameter takes; none if it takes others too."""
    annotation = param.type_descriptor.annotation
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return tuple(member.value for member in annotation)
    return ()


def listed(words: Sequence[str]) -> str:
    """Return words as a sentence lists them: ``a, b or c``."""
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def no_choice(option: str, value: str, choices: Sequence[str]) -> UsageError:
    """Return the error for a value that is none of the choices."""
    meant = near(value, choices)
    advice = f"did you mean {meant}? It" if meant else "it"
    return UsageError(
        f"{option} cannot be {shown(value)}; {advice} takes {listed(choices)}, as in:"
        f" {option} {meant or choices[0]}"
    )


def no_number(option: str, value: str, metavar: str | None) -> UsageError:
    """Return the error for a value that is no number."""
    what, example = _taken(option, metavar)
    return UsageError(f"{option} takes {what}, as in: {option} {example}; {shown(value)} is none")


def too_long(option: str, metavar: str | None) -> UsageError:
    """Return the error for a number with too many digits to be read."""
    _, example = _taken(option, metavar)
    return UsageError(
        f"{option} cannot be so large a number; type for instance: {option} {example}"
    )


def no_argument(name: str, what: str) -> UsageError:
    """Return the error for a command that needs an argument and has none."""
    return UsageError(f"{name} needs {_VALUES[what][0]}, as in: {PROGRAM} {EXAMPLES[name][0][1]}")


def one_too_many(name: str, takes: Sequence[str], extra: Sequence[str]) -> UsageError:
    """Return the error for arguments that a command does not take."""
    kind = f"one {takes[-1]} at a time" if takes else "no argument"
    if len(takes) > 1:
        kind = f"{' and '.join(takes)} and nothing else"
    rest = " ".join(quoted(word) for word in extra)
    if name == "run":
        places = " ".join(f"-p {quoted(word)}" for word in extra)
        return UsageError(
            f"{name} takes {kind}; to search other places than the job says, type: {places}"
        )
    if name == "schedule":
        return UsageError(f"{name} takes {kind}; to name a job, type: --job {rest}")
    return UsageError(f"{name} takes {kind}; leave out: {rest}")


def before_command(option: str, name: str, theirs: Iterable[str]) -> UsageError:
    """Return the error for an option that stands before a command, where it has no effect."""
    if option in theirs:
        return UsageError(f"{option} has to stand after {name}; type: {command(name, option)}")
    return UsageError(
        f"{name} takes no {option}; {command(name)} -h lists the options that it takes"
    )


def no_command(word: str, names: Iterable[str]) -> UsageError:
    """Return the error for ``help`` of a command that is not there."""
    names = list(names)
    meant = _COMMANDS.get(word) or near(word, names)
    advice = f"did you mean {meant}?" if meant else f"there are {', '.join(names)}"
    return UsageError(f"there is no command {shown(word)}; {advice}")


def shown(value: str) -> str:
    """Return what somebody typed, so that all of it can be seen, and not endlessly."""
    text = value if len(value) <= _LONGEST else f"{value[:_LONGEST]}..."
    return printable(text) if text.strip() == text != "" else f"'{text}'"


_LONGEST: Final = 60
"""Characters of what somebody typed that an error shows."""


def single_dash(word: str) -> UsageError:
    """Return the error for a long option with one dash."""
    return UsageError(f"there is no option {word}; did you mean -{word}?")


def equals_sign(option: str, value: str, param: Any) -> UsageError:
    """Return the error for an equals sign behind a short option, where it would be part of the value."""
    if param.is_flag:
        return UsageError(_value_of(option, param))
    return UsageError(f"{option} takes its value behind a space; type: {option} {quoted(value)}")


_COMMANDS: Final = {
    **dict.fromkeys(("undo", "restore", "rollback", "reinstall", "bring-back"), "regenerate"),
    **dict.fromkeys(("why", "info", "show"), "explain"),
    **dict.fromkeys(("history", "journal", "runs"), "log"),
    **dict.fromkeys(("profiles", "targets"), "rules"),
}
"""What other programs call these commands."""

_DELETING: Final = frozenset({"delete", "remove", "rm", "clean", "cleanup", "prune", "purge"})
"""What other programs call what is an option here."""

_OPTIONS: Final = {
    **dict.fromkeys(("--delete", "--remove", "--force", "--clean", "--prune"), "--no-dry-run"),
    **dict.fromkeys(("--undo", "--restore"), f"{PROGRAM} regenerate"),
    **dict.fromkeys(
        (
            "--age",
            "--days",
            "--older",
            "--min-age",
            "--unused",
            "--unused-for",
            "--not-used-for",
            "--stale",
        ),
        "--older-than 30d",
    ),
    **dict.fromkeys(("--newer", "--max-age", "--since"), "--newer-than 30d"),
    **dict.fromkeys(
        ("--larger", "--larger-than", "--bigger-than", "--minsize", "--size"), "--min-size 100MB"
    ),
    **dict.fromkeys(("--smaller", "--smaller-than", "--maxsize"), "--max-size 100MB"),
    **dict.fromkeys(("--keep-last", "--keep-newest", "--keep-recent"), "--keep-latest 3"),
    **dict.fromkeys(("--depth", "--maxdepth", "--level", "--max-level"), "--max-depth 3"),
    **dict.fromkeys(
        ("--free-space", "--min-free", "--target-free", "--keep-free"), "--until-free 15%"
    ),
    **dict.fromkeys(
        ("--maxtotal", "--quota", "--keep-storage", "--max-cache-size"), "--max-total 10GB"
    ),
    **dict.fromkeys(("--include", "--match", "--filter"), "--only PATTERN"),
}
"""What other programs call these options."""


def refuse_misspelt(words: Sequence[str], names: Sequence[str]) -> None:
    """Raise UsageError if one of the words that stand for directories is likely to be meant for a command.

    With more than one, the others would be searched. Only words that look like a command are looked up on the disk.
    """
    for word in words:
        meant = word if word in names else _COMMANDS.get(word) or near(word, names)
        if word in _DELETING and not os.path.lexists(word):
            raise UsageError(
                f"there is no command {word}; a run deletes with --no-dry-run, as in:"
                f" {command(*([one for one in words if one != word] or ['.']), '--no-dry-run')}"
            )
        if meant is None or os.sep in word or os.path.lexists(word):
            continue
        others = [other for other in words if other != word]
        if meant == word:
            raise UsageError(
                f"there is no directory {shown(word)}; to run the command {word}, type it first:"
                f" {command(word, *others)}"
            )
        raise UsageError(
            f"there is no command and no directory {shown(word)}; did you mean:"
            f" {command(meant, *others)}?"
        )


def instead_of(
    error: UsageError, words: Sequence[str], lines: Iterable[Sequence[str]]
) -> UsageError:
    """Return a better error where a root is not there that may be one of the *words*, typed without ``-p``.

    The *lines* are paths that were typed side by side, so that a path without its quotes is known.
    """
    filename = getattr(error, "filename", None)
    if error.code is not ProblemCode.SEARCH_ROOT or filename is None or error.path is None:
        return error
    word = os.fsdecode(filename)
    if error.number != errno.ENOENT:
        return error
    if whole := _without_quotes(word, lines):
        message = f"there is no directory {printable(word)}; a path with a space needs quotes: {quoted(whole)}"
    elif word in words and os.sep not in word:
        message = (
            f"there is no command and no directory {shown(word)}; {PROGRAM} -h lists the commands"
        )
    else:
        return error
    return NotThereError(message, error.path, error.number)


def _without_quotes(word: str, lines: Iterable[Sequence[str]]) -> str | None:
    """Return the path of which a shell has made several words, this one and others beside it; None if there is none."""
    for line in lines:
        for start in range(len(line)):
            for end in range(start + 2, min(len(line), start + _MOST_PIECES) + 1):
                path = " ".join(line[start:end])
                if word in line[start:end] and os.path.lexists(path):
                    return path
    return None


_MOST_PIECES: Final = 6
"""Words that a path may have been parted into."""


def sentence(error: typer.TyperException) -> str:
    """Return what Typer found to be wrong, in our words."""
    context: Any = getattr(error, "ctx", None)
    option = getattr(error, "option_name", None)
    if option is None or context is None:
        message = error.message if isinstance(error, typer.BadParameter) else str(error)
        return printable(message).rstrip(".")
    params = {name: param for param in context.command.params for name in param.opts}
    if option in params:
        return _value_of(option, params[option])
    return _no_option(option, context, list(params))


def _value_of(option: str, param: Any) -> str:
    """Return what is wrong with the value of an option: there is none, or it takes none."""
    if getattr(param, "is_flag", False):
        return f"{option} takes no value; type {option} alone"
    choices = choices_of(param)
    if choices:
        return f"{option} needs a value: {listed(choices)}, as in: {option} {choices[0]}"
    what, example = _taken(option, param.metavar)
    return f"{option} needs {what}, as in: {option} {example}"


def _no_option(option: str, context: Any, known: Sequence[str]) -> str:
    """Return what to type instead of an option that the command does not have."""
    name = context.command.name if context.parent is not None else None
    if name is not None and any(option in one.opts for one in context.parent.command.params):
        return f"{name} takes no {option}; {command(name)} -h lists the options that it takes"
    if name is None:
        for other, its in context.command.commands.items():
            if any(option in param.opts for param in its.params):
                return (
                    f"there is no option {option} without a command; did you mean:"
                    f" {command(other, option)}?"
                )
    if name is None:
        from cleanup_nodemodule.proof.profile_nicknames import NICKNAMES
        from cleanup_nodemodule.proof.rules import profiles

        said = option.removeprefix("--")
        profile = said if said in profiles() else NICKNAMES.get(said.lower())
        meant = f"--profile {profile}" if profile else _OPTIONS.get(option)
        if meant is not None:
            return f"there is no option {shown(option)}; did you mean {meant}?"
    if name == "run" and option == "--job":
        return f"run takes the name of the job without --job, as in: {command('run', 'nightly')}"
    found = difflib.get_close_matches(option, {*known} - _ON_PURPOSE, n=1, cutoff=0.7)
    if len(option.lstrip("-")) == 1:
        found = [one for one in (option.swapcase(),) if one in {*known} - _ON_PURPOSE]
    if found:
        return f"there is no option {shown(option)}; did you mean {found[0]}?"
    words = () if name is None else (name,)
    return f"there is no option {shown(option)}; {command(*words, '--help')} lists the options"
