"""The Typer program: its commands."""

import typer

from cleanup_nodemodule.commands.apply import apply
from cleanup_nodemodule.commands.clean import clean
from cleanup_nodemodule.commands.completion import get_ready
from cleanup_nodemodule.commands.config import config
from cleanup_nodemodule.commands.diff import diff
from cleanup_nodemodule.commands.doctor import doctor
from cleanup_nodemodule.commands.explain import explain
from cleanup_nodemodule.commands.help import help_
from cleanup_nodemodule.commands.history import history
from cleanup_nodemodule.commands.log import log
from cleanup_nodemodule.commands.merge import merge
from cleanup_nodemodule.commands.parsing import Command, Program, Run
from cleanup_nodemodule.commands.regenerate import regenerate
from cleanup_nodemodule.commands.resume import resume
from cleanup_nodemodule.commands.rules import rules
from cleanup_nodemodule.commands.run import run
from cleanup_nodemodule.commands.schedule import schedule

get_ready()

app = typer.Typer(
    # Both are done here: see completion.py and help_page.py.
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

# In the order in which --help lists them.
app.callback(cls=Program, invoke_without_command=True, add_help_option=False)(clean)
app.command("run", cls=Run, add_help_option=False)(run)
app.command("apply", cls=Command, add_help_option=False)(apply)
app.command("resume", cls=Command, add_help_option=False)(resume)
app.command("rules", cls=Command, add_help_option=False)(rules)
app.command("explain", cls=Command, add_help_option=False)(explain)
app.command("log", cls=Command, add_help_option=False)(log)
app.command("history", cls=Command, add_help_option=False)(history)
app.command("regenerate", cls=Command, add_help_option=False)(regenerate)
app.command("diff", cls=Command, add_help_option=False)(diff)
app.command("merge", cls=Command, add_help_option=False)(merge)
app.command("doctor", cls=Command, add_help_option=False)(doctor)
app.command("config", cls=Command, add_help_option=False)(config)
app.command("schedule", cls=Command, add_help_option=False)(schedule)
app.command("help", cls=Command, add_help_option=False)(help_)
