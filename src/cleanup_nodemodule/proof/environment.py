"""Tells which environment of Python a project is installed in."""

from typing import Final

from cleanup_nodemodule.proof.stat_cache import StatCache

_NAMES: Final = (".venv", "venv", "env")
"""What the environment of a project is called."""

_COMMANDS: Final = (
    *(f"{name}/bin/pip install -e ." for name in _NAMES),
    "uv pip install -e .",
    *(f"uv pip install --python {name} -e ." for name in _NAMES[1:]),
)


def command(artifact: str, project: str, cache: StatCache) -> str | None:
    """Return the command that installs *project* into its own environment, None if it has none.

    uv makes environments without pip. Raises OSError where something could not be looked at.
    """
    for name in _NAMES:
        if not cache.proves(project, f"{name}/pyvenv.cfg", artifact):
            continue
        if cache.status(project, f"{name}/bin/pip") is not None:
            return f"{name}/bin/pip install -e ."
        place = "" if name == ".venv" else f"--python {name} "
        return f"uv pip install {place}-e ."
    return None


def knows(command: str, artifact: str, project: str, cache: StatCache) -> bool:  # noqa: ARG001 - as all recipes
    """Whether it is one of these commands. The environment may have been deleted too, and come back before."""
    return command in _COMMANDS
