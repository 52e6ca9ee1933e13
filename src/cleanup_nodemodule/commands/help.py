"""``help``: print the help of the program, or of a command."""

from typing import Annotated, Any

import typer

from cleanup_nodemodule.commands.completion import command_names
from cleanup_nodemodule.commands.information import LongHelp, ShortHelp, print_and_end


def help_(
    ctx: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="COMMAND",
            help="The command to explain. Without it, the program.",
            autocompletion=command_names,
        ),
    ] = None,
    _short_help: ShortHelp = False,
    _help: LongHelp = False,
) -> None:
    """Print this help, or that of a command."""
    from cleanup_nodemodule.commands.help_page import page
    from cleanup_nodemodule.commands.wrong_usage import no_command

    program: Any = ctx.find_root().command
    if name is not None and name not in program.commands:
        raise no_command(name, program.commands)
    asked = program if name is None else program.commands[name]
    print_and_end(lambda: typer.echo(page(asked, short=False)))
