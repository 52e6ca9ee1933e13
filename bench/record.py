"""Records the shapes of unpacked packages, or of projects that were installed, for ``tests/corpora``.

What to record is read from standard input, a line each: origin, package, version and directory, with
tabs between them, and for what was installed the artifacts, with spaces between them.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support.shapes import Limits, Shape, record, write


def main() -> None:
    """Record, write, and print a row of the table for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="where the shapes are written")
    parser.add_argument("--artifacts", type=int, default=Limits().artifacts)
    parser.add_argument("--entries", type=int, default=Limits().entries)
    parser.add_argument("--total", type=int, default=Limits().total)
    arguments = parser.parse_args()
    limits = Limits(arguments.artifacts, arguments.entries, arguments.total)
    shapes: list[Shape] = []
    for line in sys.stdin:
        origin, package, version, place, *artifacts = line.rstrip("\n").split("\t")
        named = tuple(artifacts[0].split()) if artifacts else None
        shape = record(origin, package, version, Path(place), limits, named)
        if shape is None:
            print(f"nothing like an artifact in {package}", file=sys.stderr)
            continue
        shapes.append(shape)
        names = sorted({Path(one).name for one in shape.artifacts})
        some = ", ".join(f"`{one}`" for one in names[:6]) + (", …" if len(names) > 6 else "")  # noqa: PLR2004 - a line's worth
        print(f"| {origin} | {package} | {version} | {len(shape.artifacts)} | {some} |")
    write(arguments.file, shapes)


if __name__ == "__main__":
    main()
