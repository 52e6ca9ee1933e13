"""How calls to the disk are made: by which workers, how many at a time, and how they are stopped.

``scheduler`` shares calls among the workers of an executor. ``threads`` and ``bound`` are such executors, and
``helper_process`` makes the calls of a thread in a process. ``breadth`` says how many calls that delete are made at
a time. ``silence`` knows what does not answer, ``tasks`` has what comes out when one of several fails.
``containment`` turns an exception into a problem, ``conversion`` translates paths.

Words: a *worker* makes one call at a time. The *pace* is how many entries a call handles, the *breadth* how many
calls go on at once. A disk is *silent* if it does not answer. *Stopped* is raised by work that was told to stop.

May import the model, ``system``, ``engine`` and what is below. It knows nothing of artifacts.
Another kind of worker is one executor here.
"""
