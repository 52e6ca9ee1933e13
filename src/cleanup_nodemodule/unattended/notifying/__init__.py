"""Tells people of a run that failed, or freed a lot: by mail, by a webhook, at the terminal.

``recipients`` reads whom to tell. ``message`` makes what is told, and is pure. ``mail``, ``webhook`` and ``desktop`` each
have one way to deliver it. ``notifier`` decides whether anybody is told, and bounds how long all of it may take.

Words: a *recipient* is one value of ``--notify``. To *deliver* is to hand a message to the local mail system, to a server
or to a terminal, which may still lose it.

May import ``record`` and everything below it.
The next way is one module here with a recipient that can ``deliver``, and a line in ``recipients``.
"""
