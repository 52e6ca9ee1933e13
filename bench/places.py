"""Where the benchmarks keep what they build and fetch."""

import os
import sys
from typing import Final

TOOL: Final = os.path.join(os.path.dirname(sys.executable), "cleanup-nodemodule")
"""The installed command that belongs to the Python running this."""

SCRIPTS: Final = os.path.dirname(os.path.abspath(__file__))
"""Where the scripts of the benchmarks are."""


def cache() -> str:
    """Return the directory for everything that is kept between runs."""
    return os.path.expanduser(os.path.join("~", ".cache", "cleanup-nodemodule", "bench"))


def tree() -> str:
    """Return the directory of the tree with artifacts, unless another one is named."""
    return os.environ.get("BENCH_TREE") or os.path.join(cache(), "tree")


def peers() -> str:
    """Return the directory of the peers, unless another one is named."""
    return os.environ.get("BENCH_PEERS") or os.path.join(cache(), "peers")
