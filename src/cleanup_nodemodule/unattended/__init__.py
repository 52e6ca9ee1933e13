"""Runs that nobody watches: who is told of them, how they are measured, and what starts them.

``schedule`` has what starts a run by itself, by each system's own means. ``metrics`` writes what a monitoring system
reads, ``notifying`` tells people.

Words: a *listener* hears of each run that is over (:class:`~cleanup_nodemodule.report.finished.Listener`). A *schedule*
is a job with a time.

May import ``record`` and everything below it. It searches and deletes nothing, and a run does not depend on it: what
goes wrong here is said, and the run is as it was.
The next way to tell somebody is a listener here, and a line in ``commands/listeners.py``.
"""
