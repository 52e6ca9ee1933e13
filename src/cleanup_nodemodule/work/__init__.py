"""How calls to the disk are made: by how many workers, how many at a time, and how they are stopped.

``scheduler`` shares calls among the workers of an executor; ``threads`` and ``helper_process`` are such
executors. ``pace`` says how many entries a call is to handle, ``breadth`` how many calls are made at a
time. ``conversion`` translates between the engine's paths and the model's.

Words: a *worker* makes one call at a time. *Silent* is a disk that does not answer. *Stopped* is raised
by what was told to stop.

May import the model, ``system`` and ``engine``. Knows nothing of artifacts.
Another kind of worker is one executor here.
"""
