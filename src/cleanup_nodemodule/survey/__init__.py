"""The survey: everything between the settings and the plan. It changes nothing on any disk.

``survey`` puts the stages together: ``search`` finds candidates, ``proving`` asks what proves and protects them,
``measure`` measures them, ``decide`` decides, and ``summary`` makes the plan. They share a ``rows.Findings``, so
that a survey that is stopped still has a plan.

Words: a *row* is a candidate with what is known of it. A *round* is a search and then git's answer about what it
found. The rows *around* a row are those whose directories hold it.

May import ``config``, ``proof`` and everything below. Never ``delete``, ``run`` or ``record.write``.
A question about one row goes into ``proving``. One that needs all rows is a module of its own, which
``proving.Prover.conclude`` calls.
"""
