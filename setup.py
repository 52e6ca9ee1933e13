"""Builds the native engine, where there is a compiler. Everything else is in pyproject.toml.

The package works without it, so a missing compiler is no error, and the wheel made then is one for
any platform. ``CLEANUP_NODEMODULE_NATIVE=1`` makes it one, for whoever relies on the speed;
``CLEANUP_NODEMODULE_NATIVE=0`` does not even try.
"""

import glob
import os
import sys
import sysconfig
from typing import Any

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

_WANTED = os.environ.get("CLEANUP_NODEMODULE_NATIVE", "")
_ENGINE = "src/cleanup_nodemodule/engine"
_LIMITED = not sysconfig.get_config_var("Py_GIL_DISABLED")
"""The limited API does not exist for interpreters without the GIL (PEP 703, PEP 803)."""


class BuildKernel(build_ext):
    """Remembers what could not be built."""

    def build_extension(self, ext: Any) -> None:
        """Build one extension, or say why not and go on if it is optional."""
        super().build_extension(ext)
        self.distribution.has_kernel = True


class Wheel(bdist_wheel):
    """Tags the wheel by what is in it."""

    def get_tag(self) -> tuple[str, str, str]:
        """Return Python, ABI and platform."""
        if getattr(self.distribution, "has_kernel", False):
            return super().get_tag()
        return "py3", "none", "any"


def _extensions() -> list[Extension]:
    if _WANTED == "0" or os.name != "posix" or sys.implementation.name != "cpython":
        return []
    return [
        Extension(
            "cleanup_nodemodule.engine._kernel",
            [f"{_ENGINE}/_kernel.c"],
            # A change to one of them builds the engine again.
            depends=sorted(glob.glob(f"{_ENGINE}/native/**/*.h", recursive=True)),
            extra_compile_args=["-std=c11", "-Wall", "-Wextra"],
            define_macros=[("Py_LIMITED_API", "0x030B0000")] if _LIMITED else [],
            py_limited_api=_LIMITED,
            optional=_WANTED != "1",
        )
    ]


setup(
    ext_modules=_extensions(),
    cmdclass={"build_ext": BuildKernel, "bdist_wheel": Wheel},
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if _LIMITED else {},
)
