"""How a run is shown to a person at a terminal, and to the programs that read its output.

``terminal`` is the voice of a run: it tells, asks, and prints what came of it. The other modules each
draw one thing. Nothing here decides what a run does, and nothing is measured or deleted here.

Words: a *row* is one artifact of the report. A *line* is one line of plain text. The *table* is for people.
A *stream* is standard output or standard error, which may be closed, full, a pipe or a terminal.

May import ``run`` (for its voice and its orders), ``report`` and the model; never ``commands``.
The next output format is one module here, and one case in ``terminal``.
"""
