"""``rules``: list what is found, what proves it, and how it comes back."""

from typing import Annotated

import typer

from cleanup_nodemodule.commands.completion import profile_names
from cleanup_nodemodule.commands.information import LongHelp, ShortHelp
from cleanup_nodemodule.commands.options import settings_of


def rules(
    profile: Annotated[
        list[str] | None,
        typer.Option(
            "--profile",
            metavar="NAME",
            help="Only the rules of this ecosystem.",
            autocompletion=profile_names,
        ),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
    _short_help: ShortHelp = False,
    _help: LongHelp = False,
) -> int:
    """List the directories it knows, and what brings them back.

    With a name it says all about that rule: what proves such a directory, too.
    """
    from cleanup_nodemodule.show.rule_list import show_rules as show

    return show(settings_of(profiles=tuple(profile or ("all",))).rules, as_json=json_)
