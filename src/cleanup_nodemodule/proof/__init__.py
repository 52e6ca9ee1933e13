"""What speaks for a directory being an artifact, and what protects it.

``rules`` and ``catalogue/`` say what proves which name; ``markers`` looks for that on disk, ``git`` asks
git. ``protections``, ``installed``, ``in_use`` and ``homes`` say what is kept whatever the proof.
``evidence`` puts both together.

Words: a *candidate* has a name that is looked for. A *marker* is a file whose presence proves something.
*Evidence* is what was found, a *protection* what keeps it, a *project* the directory it belongs to.

May import ``record``, ``work`` and what is below. Decides nothing: that is for ``survey``.
The next ecosystem is one file in ``catalogue/``. The next reason to keep is one function in
``protections``, and one member of ``model.Reason``.
"""
