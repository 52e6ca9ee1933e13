"""Writes the page of the Python API: ``make docs``."""

from pathlib import Path

import pdoc
import pdoc.render

import cleanup_nodemodule

PLACE = Path(__file__).parent.parent / "build" / "docs"

if __name__ == "__main__":
    # The names are imported with their first use, and pdoc would take delete for the wing that is called so.
    for name in cleanup_nodemodule.__all__:
        getattr(cleanup_nodemodule, name)
    pdoc.render.configure(docformat="restructuredtext")
    pdoc.pdoc("cleanup_nodemodule", r"!cleanup_nodemodule\..*", output_directory=PLACE)
