"""Prints the outputs of the action, as the runner reads them: of a report, of a comparison, and the exit code."""

import json
import os
import secrets
import sys
from typing import Any


def read(path: str) -> dict[str, Any]:
    """Return a document, empty if there is none."""
    try:
        with open(path, encoding="ascii") as file:
            document: dict[str, Any] = json.load(file)
    except (OSError, ValueError):
        return {}
    return document


def main() -> None:
    """Print them."""
    report, comparison, code = sys.argv[1:]
    totals = read(report).get("totals", {})
    values = {
        "reclaimable-bytes": totals.get("reclaimable_bytes", ""),
        "reclaimable-at-most-bytes": totals.get("reclaimable_at_most_bytes", ""),
        "count": totals.get("selected", ""),
        "found": totals.get("found", ""),
        "freed-bytes": totals.get("freed_bytes", ""),
        "grown-bytes": read(comparison).get("totals", {}).get("change_bytes", ""),
        "exit-code": code,
        "report": os.path.abspath(report) if os.path.exists(report) else "",
    }
    # A path may have line breaks, so a word that nobody can know ends each value.
    end = secrets.token_hex(16)
    for name, value in values.items():
        sys.stdout.write(f"{name}<<{end}\n{value}\n{end}\n")


if __name__ == "__main__":
    main()
