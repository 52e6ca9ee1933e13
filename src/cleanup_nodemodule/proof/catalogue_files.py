"""The files of the catalogue: TOML, as people write them, and the same as JSON, as a run reads them.

Python takes thirty times as long to read TOML, which for the default profile is a tenth of the whole time of a run on
a small project. ``make pages`` writes the JSON anew; a test fails where it is not current. The JSON says of which TOML it
was made. Of another one, as after a change, the TOML is read itself.
"""

import json
import os
import sys
import zlib
from typing import Any, Final

CATALOGUE: Final = os.path.join(os.path.dirname(__file__), "catalogue")


def tables(name: str) -> Any:
    """Return the tables of the rules of one ecosystem, by its *name*."""
    with open(source(name), "rb") as file:
        written = file.read()
    try:
        with open(as_json(name), encoding="utf-8") as file:
            compiled = json.load(file)
        if compiled["of"] == zlib.crc32(written):
            return compiled["rule"]
    except (OSError, ValueError, KeyError, TypeError):
        pass  # It is not there, or somebody else's.
    return parsed(written)


def source(name: str) -> str:
    """Return the path of the file that people write."""
    return os.path.join(CATALOGUE, f"{name}.toml")


def as_json(name: str) -> str:
    """Return the path of the same file as JSON."""
    return os.path.join(CATALOGUE, "json", f"{name}.json")


def parsed(written: bytes) -> Any:
    """Return the tables of the rules in TOML."""
    import tomllib  # noqa: PLC0415 - a run on a small project needs no TOML

    return tomllib.loads(written.decode())["rule"]


def main() -> None:
    """Write each file as JSON."""
    for file in sorted(os.listdir(CATALOGUE)):
        name, extension = os.path.splitext(file)
        if extension == ".toml":
            with open(source(name), "rb") as toml:
                written = toml.read()
            tables_ = {"of": zlib.crc32(written), "rule": parsed(written)}
            with open(as_json(name), "w", encoding="utf-8") as compiled:
                json.dump(tables_, compiled, indent=0, ensure_ascii=False)
                compiled.write("\n")
    sys.stderr.write("the catalogue is compiled\n")


if __name__ == "__main__":
    main()
