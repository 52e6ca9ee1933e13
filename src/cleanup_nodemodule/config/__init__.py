"""Everything a run depends on, validated once: what can be said about it, where, and what counts in the end.

``keys`` is the one table of what can be said. ``files`` reads what files say, ``layers`` puts that, the environment,
a job and the command line over each other, and ``definition`` makes ``Settings`` (frozen, in ``settings``) of it.

Words: a *key* is one thing that can be said, such as ``max-delete``. A *layer* is what one place says. A *source* is
that place. The *values* are what counts. A *profile* names an ecosystem whose rules are used. A later layer wins, but
patterns that protect add up.

May import ``proof`` (for its rules), ``record`` (for whom to trust) and everything below.
The next thing that can be said goes into ``keys``.
"""
