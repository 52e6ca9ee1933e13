"""The commands: one file for each thing that the user can type.

``clean`` is the command without a name, and ``search_options``, ``deleting_options``,
``output_options`` and ``general_options`` have its options. ``app`` is the Typer program.
``parsing`` reads the command line, ``wrong_usage`` says what is wrong with it, and ``options`` turns options into
settings and orders. ``help_page`` draws the help. ``at_terminal`` and ``query`` carry out a run for a command, and
``failures`` turns an exception into a sentence and an exit code.

Words: a *command* is what the user types. An *option* has the same name here as on the command line.

May import every other wing. Only ``__main__`` imports a command.
The next command is one module here and one line in ``app``. The next option is one parameter of its command, with its help.
"""
