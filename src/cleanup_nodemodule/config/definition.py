"""What everything that is said makes of a run's settings, whoever said it."""

import os
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from cleanup_nodemodule.config import files
from cleanup_nodemodule.config.environment import read_environment
from cleanup_nodemodule.config.files import Job
from cleanup_nodemodule.config.filters import FilterError, Filters, Per
from cleanup_nodemodule.config.keys import PROTECTING
from cleanup_nodemodule.config.layers import Layer, Order, Values
from cleanup_nodemodule.config.reading import word_of
from cleanup_nodemodule.config.settings import (
    Settings,
    SettingsError,
    check_patterns,
    with_surroundings,
)
from cleanup_nodemodule.model.quantities import (
    QuantityError,
    read_duration,
    read_size,
    read_size_or_share,
    shown,
)
from cleanup_nodemodule.proof.rules import DEFAULT_PROFILE, Rule, RuleError, from_option
from cleanup_nodemodule.words import command

_T = TypeVar("_T")


class Said(NamedTuple):
    """Everything that is said about runs, but for what is typed."""

    files: tuple[files.Said, ...]
    """Those that there are, from what counts least to what counts most."""
    environment: Layer
    ignored: frozenset[str] = frozenset()
    """Names of jobs in files that do not count, for ``--no-config``."""

    @property
    def jobs(self) -> dict[str, Job]:
        """All jobs, by name. One that a later file defines again is that of the later file."""
        return {name: job for file in self.files for name, job in file.jobs.items()}

    def values(self, typed: Layer, job: Job | None = None) -> Values:
        """Return what counts in a run, for what was *typed*."""
        layers = [file.layer for file in self.files]
        return Values([*layers, self.environment, *([job.says] if job is not None else []), typed])

    def only_protecting(self) -> "Said":
        """Return what protects, and no more."""
        return Said(
            tuple(file._replace(layer=_protecting(file.layer), jobs={}) for file in self.files),
            _protecting(self.environment),
            frozenset(self.jobs),
        )


def _protecting(layer: Layer) -> Layer:
    return {name: given for name, given in layer.items() if name in PROTECTING}


def read_all(config: Sequence[str] = (), *, alone: bool = False) -> Said:
    """Return everything that is said about runs of this user: in files, these of ``--config`` too, and in the environment.

    With *alone*, for ``--no-config``, only what protects. Like the rest of the edge, this reads the environment. Raises
    SettingsError and SaidWronglyError for what makes no sense.
    """
    found = [files.read_file(path, order) for path, order in files.paths()]
    read = tuple(said for said in found if said is not None)
    usual = Said(read, read_environment(os.environ))
    said = usual.only_protecting() if alone else usual
    return said._replace(files=(*said.files, *map(_named, config)))


def _named(path: str) -> files.Said:
    """Return what a file says that somebody named."""
    said = files.read_file(os.path.abspath(path), Order.CONFIG) if path else None
    if said is None:
        raise SettingsError(
            f"--config takes a configuration file, and there is no {word_of(path)}; config init"
            " makes one"
        )
    return said


def settings_of(values: Values) -> Settings:
    """Return the settings of a run, with this user's home directory and the current directory.

    Raises SettingsError and SaidWronglyError for what cannot be right. The message says where it was said.
    """
    for name, option in (("exclude", "--exclude"), ("keep", "keep")):
        before = False
        for given in values.given(name):
            said_by = f"{given.source}: {name}" if given.source.place else option
            check_patterns(said_by, given.value)
            if before and (
                taken_back := next((one for one in given.value if one[:1] == "!"), None)
            ):
                # The last pattern that matches decides, but what protects adds up.
                raise SettingsError(
                    f"{said_by}: {word_of(taken_back)} would take back what is said elsewhere, too;"
                    f" leave it out, or see who says what: {command('config', 'show', name)}"
                )
            before = before or bool(given.value)
    with values.blaming():
        return with_surroundings(
            Settings(
                roots=values.texts("path"),
                targets=tuple(dict.fromkeys(values.texts("targets"))) or None,
                also=tuple(dict.fromkeys(values.texts("also"))),
                include_unproven=values.texts("include-unproven"),
                min_depth=values.number("min-depth") or 0,
                max_depth=values.number("max-depth"),
                excludes=values.texts("exclude"),
                profiles=values.texts("profile") or (DEFAULT_PROFILE,),
                own_rules=_rules(values),
                keep=values.texts("keep"),
                include_foreign=values.flag("include-foreign"),
                assume_unused=values.flag("assume-unused"),
                exact=values.value("exact"),
                filters=filters_of(values),
            )
        )


def filters_of(values: Values) -> Filters:
    """Return which artifacts are to go. Raises FilterError."""
    try:
        latest, per = _latest(values.text("keep-latest"))
        return Filters(
            older_than=_read(read_duration, values, "older-than"),
            newer_than=_read(read_duration, values, "newer-than"),
            min_size=_read(read_size, values, "min-size"),
            max_size=_read(read_size, values, "max-size"),
            only=values.texts("only"),
            keep_latest=latest,
            keep_latest_per=per,
            free=_read(read_size, values, "free"),
            until_free=_read(read_size_or_share, values, "until-free"),
            max_total=_read(read_size, values, "max-total"),
            order="size" if values.text("order") == "size" else "age",
        )
    except QuantityError as error:
        raise FilterError(str(error)) from error


def _read(read: Callable[[str, str], _T], values: Values, name: str) -> _T | None:
    text = values.text(name)
    return None if text is None else read(text, f"--{name}")


def _latest(text: str | None) -> tuple[int | None, Per]:
    """Return how many are to stay, and among what."""
    if text is None:
        return None, "run"
    match = re.fullmatch(r"([0-9]{1,9})(/repo)?", text.strip(), re.ASCII)
    if match is None or int(match[1]) == 0:
        raise FilterError(
            "--keep-latest takes a number of projects such as 3, or of working trees of each repository such as 2/repo,"
            f" and {shown(text)} is neither"
        )
    return int(match[1]), "repository" if match[2] else "run"


def _rules(values: Values) -> tuple[Rule, ...]:
    """Return the user's own rules, those of the last layer first."""
    rules: list[Rule] = []
    for given in reversed(values.given("rule")):
        for one in given.value:
            try:
                rules.append(one if isinstance(one, Rule) else from_option(one))
            except RuleError as error:
                place = f"{given.source}: rule" if given.source.place else "--rule"
                raise SettingsError(f"{place}: {error}") from error
    return tuple(rules)
