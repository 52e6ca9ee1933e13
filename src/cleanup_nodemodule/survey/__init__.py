"""The survey: everything between the user's order and the plan. It changes nothing on any disk.

It finds candidates, asks what proves and what protects them, measures them and decides. The stages share
a :class:`~cleanup_nodemodule.survey.rows.Findings`: each adds to it, and the plan is made of it at any moment,
also of a survey that was stopped. :mod:`cleanup_nodemodule.survey.survey` puts the stages together.

Words: a *row* is a candidate with what is known of it; a *round* is a search, then git's word on what it
found; the rows *around* a row are those whose directories hold it; what is *shown* is in the plan.

May import ``config``, ``proof``, ``work`` and what is below. It may not import what deletes, what writes
records, or what shows something. A new question about a row goes into ``proving.py``, one that
needs all rows into a module of its own, called from :meth:`Prover.conclude`.
"""
