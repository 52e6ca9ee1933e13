"""The history of runs: what each has found, freed and failed at, in a database in the state directory.

Every run is in it, also one that deletes nothing. The journal says what was deleted, so that it can be finished and
brought back. The history says how it went and what grows, and nothing depends on it.

Words: a *portion* is what one project has of one ecosystem below one root
(:class:`~cleanup_nodemodule.report.digest.Portion`).

May import ``report``, the rest of ``record`` and what is below it.
The next question to the history is one module here.
"""
