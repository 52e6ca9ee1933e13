"""``rules``: list what is found, what proves it, and how it comes back."""

from typing import Annotated

import typer

from cleanup_nodemodule.commands.options import settings_of


def rules(
    profile: Annotated[
        list[str] | None,
        typer.Option("--profile", metavar="NAME", help="Only the rules of this ecosystem."),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
) -> int:
    """List the rules: what they find, what proves it, and how to get it back."""
    from cleanup_nodemodule.show.rule_list import show_rules as show

    return show(settings_of(profiles=tuple(profile or ("all",))).rules, as_json=json_)
