"""Everything a run depends on, validated once: the settings, and the file that the user writes them in.

Words: a *setting* is what an option or a key of the file says. A *profile* names an ecosystem whose rules
are used. Defaults come first, then the file, then the command line: the later one wins, and what protects
adds up.

May import ``proof`` (for its rules), ``record`` (for whom to believe) and what is below.
The next key of the file goes into ``settings``, with its check and its sentence for a wrong value.
"""
