"""The versioned report: what programs read, and what people's tables are drawn from.

``rows`` has its types, ``build`` makes one of a plan or an outcome, ``document`` writes it as JSON and
its JSON Schema.

Words: a *row* is one artifact, one problem or one leftover. *Totals* are sums over the rows.

May import the model and what is below. It is pure: it reads no disk and no clock.
Within a schema version fields are added, never changed or taken away. A new field goes into ``rows``, with
a docstring, which becomes its description in the schema.
"""
