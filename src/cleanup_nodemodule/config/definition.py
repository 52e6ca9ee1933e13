"""What everything that is said makes of a run's settings, whoever said it."""

from cleanup_nodemodule.config.files import read_file, user_path
from cleanup_nodemodule.config.layers import Layer, Order, Values
from cleanup_nodemodule.config.settings import (
    Settings,
    SettingsError,
    check_patterns,
    with_surroundings,
)
from cleanup_nodemodule.proof.rules import DEFAULT_PROFILE, Rule, RuleError, from_option


def values_with(typed: Layer) -> Values:
    """Return what counts in a run of this user, for what was *typed*.

    Like the rest of the edge, this reads the environment. Raises SettingsError and SaidWronglyError.
    """
    try:
        path = user_path()
    except RuntimeError:  # Nobody has a home directory, and so no configuration.
        return Values([typed])
    return Values([read_file(path, Order.USER), typed])


def settings_of(values: Values) -> Settings:
    """Return the settings of a run, with this user's home directory and the current directory.

    Raises SettingsError and SaidWronglyError for what cannot be right. The message says where it was said.
    """
    for name, option in (("exclude", "--exclude"), ("keep", "keep")):
        for given in values.given(name):
            said_in_file = given.source.place
            check_patterns(f"{given.source}: {name}" if said_in_file else option, given.value)
    with values.blaming():
        return with_surroundings(
            Settings(
                roots=values.texts("path"),
                targets=tuple(dict.fromkeys(values.texts("targets"))) or None,
                also=tuple(dict.fromkeys(values.texts("also"))),
                include_unproven=values.texts("include-unproven"),
                min_depth=values.number("min-depth") or 0,
                excludes=values.texts("exclude"),
                profiles=values.texts("profile") or (DEFAULT_PROFILE,),
                own_rules=_rules(values),
                keep=values.texts("keep"),
                include_foreign=values.flag("include-foreign"),
                assume_unused=values.flag("assume-unused"),
            )
        )


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
