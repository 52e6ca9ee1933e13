"""Writes docs/schema/ from the types of the report: ``python docs/schema_files.py``.

A test fails if the files are not what this makes of them.
"""

import sys
from pathlib import Path
from typing import Final

from cleanup_nodemodule.report.comparison import COMPARISON_VERSION, Comparison
from cleanup_nodemodule.report.document import json_schema, schema_of
from cleanup_nodemodule.report.history import HISTORY_VERSION, HistoryDocument
from cleanup_nodemodule.report.records import records_schema
from cleanup_nodemodule.report.rows import SCHEMA_VERSION
from cleanup_nodemodule.run.saved_plan import PLAN_VERSION, plan_schema

DIRECTORY: Final = Path(__file__).parent / "schema"


def files() -> dict[Path, str]:
    """Return what each file has to hold."""
    made = {
        f"report-{SCHEMA_VERSION}": json_schema(),
        f"record-{SCHEMA_VERSION}": records_schema(),
        f"diff-{COMPARISON_VERSION}": schema_of(Comparison),
        f"history-{HISTORY_VERSION}": schema_of(HistoryDocument),
        f"plan-{PLAN_VERSION}": plan_schema(),
    }
    return {DIRECTORY / f"{name}.json": f"{text}\n" for name, text in made.items()}


if __name__ == "__main__":
    DIRECTORY.mkdir(exist_ok=True)
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
    sys.exit()
