"""The files of the catalogue: TOML, as people write them, and the same as JSON, as a run reads them.

Python takes thirty times as long to read TOML, which for the default profile is a tenth of the whole time of a run on
a small project. ``make pages`` writes the JSON anew; a test fails where it is not current. Until then a file in TOML that was changed later is read itself.
"""

import json
import os
import sys
from typing import Any, Final

CATALOGUE: Final = os.path.join(os.path.dirname(__file__), "catalogue")


def tables(name: str) -> Any:
    """Return the tables of the rules of one ecosystem, by its *name*."""
    written, compiled = source(name), as_json(name)
    try:
        if os.stat(compiled).st_mtime_ns >= os.stat(written).st_mtime_ns:
            with open(compiled, encoding="utf-8") as file:
                return json.load(file)
    except FileNotFoundError:
        pass
    return read_toml(written)


def source(name: str) -> str:
    """Return the path of the file that people write."""
    return os.path.join(CATALOGUE, f"{name}.toml")


def as_json(name: str) -> str:
    """Return the path of the same file as JSON."""
    return os.path.join(CATALOGUE, "json", f"{name}.json")


def read_toml(path: str) -> Any:
    """Return the tables of the rules in a file in TOML."""
    import tomllib  # noqa: PLC0415 - a run on a small project needs no TOML

    with open(path, "rb") as file:
        return tomllib.load(file)["rule"]


def main() -> None:
    """Write each file as JSON."""
    for file in sorted(os.listdir(CATALOGUE)):
        name, extension = os.path.splitext(file)
        if extension == ".toml":
            with open(as_json(name), "w", encoding="utf-8") as compiled:
                json.dump(read_toml(source(name)), compiled, indent=0, ensure_ascii=False)
                compiled.write("\n")
    sys.stderr.write("the catalogue is compiled\n")


if __name__ == "__main__":
    main()
