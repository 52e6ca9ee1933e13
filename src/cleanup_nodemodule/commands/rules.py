"""``rules``: list what is found, what proves it, and how it comes back."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated

import typer

from cleanup_nodemodule.commands.completion import profile_names, rule_names
from cleanup_nodemodule.commands.information import LongHelp, ShortHelp
from cleanup_nodemodule.commands.wrong_usage import near, shown
from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.words import command

if TYPE_CHECKING:
    from cleanup_nodemodule.proof.rules import Rule


def rules(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME",
            help="Say all about these: a directory such as dist, a rule such as js/dist, or a profile such"
            " as js.",
            autocompletion=rule_names,
        ),
    ] = None,
    profile: Annotated[
        list[str] | None,
        typer.Option(
            "--profile",
            metavar="NAME",
            help="Only the rules of this ecosystem. May be given several times.",
            autocompletion=profile_names,
        ),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
    _short_help: ShortHelp = False,
    _help: LongHelp = False,
) -> int:
    """List the directories it knows, and what brings them back.

    With NAME or --profile it says more: what proves that a tool made such a directory, and that it comes back.
    """
    from dataclasses import replace

    from cleanup_nodemodule.commands.effective import said_in, values_of
    from cleanup_nodemodule.config.definition import settings_of
    from cleanup_nodemodule.show.rule_list import show_rules

    settings = settings_of(values_of(ctx, said_in(ctx), "profile"))
    listed = (settings if profile else replace(settings, profiles=("all",))).rules
    if names:
        listed = _named(listed, names)
    return show_rules(listed, in_full=bool(names or profile), as_json=json_)


def _named(known: "Sequence[Rule]", names: Sequence[str]) -> "tuple[Rule, ...]":
    """Return the rules of these names. Raises UsageError for a name that no rule has."""
    chosen: set[str] = set()
    for name in names:
        found = {rule.id for rule in known if name.rstrip("/") in {rule.id, rule.ecosystem}}
        found = found or {rule.id for rule in known if _is_called(rule, name.rstrip("/"))}
        if not found:
            words = {word for rule in known for word in (rule.id, *rule.last_names, rule.ecosystem)}
            meant = near(name, sorted(words))
            advice = f"did you mean {meant}?" if meant else f"{command('rules')} lists them"
            raise UsageError(f"there is no rule {shown(name)}; {advice}")
        chosen |= found
    return tuple(rule for rule in known if rule.id in chosen)


def _is_called(rule: "Rule", name: str) -> bool:
    """Whether a directory of this name, or path, may be what the rule is about."""
    if rule.names == ("*",):
        return False
    parts = tuple(name.split("/"))
    return rule.fits(parts) or (
        len(parts) == 1 and any(fnmatchcase(name, pattern) for pattern in rule.last_names)
    )
