"""How a run is shown: to a person at a terminal, and to the programs that read its output.

``terminal`` is the voice of a run at a terminal: it tells, asks, and prints the result. Each other module draws
one thing: ``table``, ``lines``, ``progress``, ``explanation`` and so on. ``streams`` writes all of it.

Words: a *row* is one artifact of the report. A *line* is one line of plain text, for pipes. The *table* is for
people. A *stream* is standard output or standard error, which may be closed, full, a pipe or a terminal.

May import ``run`` and what is below it, never ``commands``. It decides nothing, measures nothing, deletes nothing.
The next output format is a module in ``report`` or here, a member of ``config.keys.Format`` and an entry in ``formats``.
"""
