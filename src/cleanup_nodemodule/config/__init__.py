"""Everything a run depends on, validated once: the settings, and the configuration file of the user.

All of it is in ``settings``: ``Settings`` (frozen), ``Config`` (what the file says) and ``read_config``.

Words: a *setting* is what an option or a key of the file says. A *profile* names an ecosystem whose rules are used.
Defaults come first, then the file, then the command line. The later one wins, but patterns that protect add up.

May import ``proof`` (for its rules), ``record`` (for whom to trust) and everything below.
The next key of the file goes into ``read_config``, with its check and a sentence for a wrong value.
"""
