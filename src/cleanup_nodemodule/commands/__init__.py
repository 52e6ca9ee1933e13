"""One file a command: what its options mean, which run does the work, and how the result is shown.

``clean`` is the command without a name. ``app`` is the Typer program, ``options`` turns options into
settings and orders, ``failures`` turns an exception into a sentence and an exit code, ``query`` runs the
commands that only tell.

Words: a *command* is what the user types. An *option* has the same name here as on the command line.

May import everything. Nothing imports a command.
The next command is one module here, and one line in ``app``.
"""
