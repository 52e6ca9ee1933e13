"""The versioned report: programs read it as JSON, and the tables for people are drawn from it.

``rows`` has its types, ``build`` makes one from a plan or an outcome, ``document`` writes it as JSON and as its
JSON Schema.

Words: a *row* is one artifact, one problem or one leftover. The *totals* are sums over the rows.

May import the model and what is below it, not ``work``. It is pure: it reads no disk and no clock.
Within a schema version fields are added, never changed or taken away. A new field is one line in ``rows``, with a
docstring that becomes its description in the schema, and one in ``build``.
"""
