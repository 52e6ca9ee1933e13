"""One run, from its settings to what came of it, without a terminal.

Here lie the use cases (``cleaning``, ``resuming``, ``ways_back``) and what each of them needs: the one
event loop (``loop``), the signals that stop it (``signals``), what was ordered (``orders``), the lock and
the journal of a run that deletes (``undertaking``), the limit (``limits``).

Words: a *run* works for one command. Its *runtime* has the event loop, the workers and the one way to
stop. Its *voice* is whoever hears of it and may be asked: a terminal, a log file, a test.

May import everything below: ``delete``, ``survey``, ``config``, ``proof``, ``record``, ``report``,
``work``. Never ``show`` or ``commands``: a run must work where nobody looks.
The next use case is one module here, and one command that calls it.
"""
