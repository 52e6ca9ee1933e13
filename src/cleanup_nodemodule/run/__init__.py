"""One run, from its settings to its result. It works without a terminal.

Here are the use cases, one module each: ``cleaning``, ``deleting``, ``resuming``, ``explaining``, ``deletions``,
``ways_back``. ``loop`` has the event loop and the workers, ``signals`` what stops a run, ``voice`` whom a run
tells and asks, ``orders`` what to do with what is found, ``undertaking`` the lock and the journal.

Words: a *run* does the work of one command. Its *runtime* has the workers and the one way to stop. A *crew* is the
workers that suit some disks. The *voice* is a terminal, a program or a test.

May import ``delete`` and everything below it. Never ``show`` or ``commands``: a run also works where nobody looks.
The next use case is one module here, and the command that calls it.
"""
