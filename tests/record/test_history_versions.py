"""A history of an older version becomes one of this version, wholly or not at all, and says what it said before.

``histories/version-N.sql`` is the text of a history that version N of the tables has. Whoever adds a step adds the text of
the version before it, made with ``sqlite3 FILE .dump``.
"""

import sqlite3
from pathlib import Path
from typing import Final

import pytest

from cleanup_nodemodule.record.history import files, schema
from cleanup_nodemodule.record.history.keeping import keep
from cleanup_nodemodule.run.looking_back import Asked, UnreadableError, look_back
from support.histories import BEGAN, DAY, LONG, entry

TEXTS: Final = Path(__file__).parent / "histories"

VERSIONS: Final = range(1, schema.VERSION + 1)


def made_of(version: int, state: Path) -> Path:
    """Make a history of its text, and return the file."""
    state.mkdir(mode=0o700, exist_ok=True)
    file = Path(files.path_of(str(state)))
    with sqlite3.connect(file) as connection:
        connection.executescript((TEXTS / f"version-{version}.sql").read_text())
    connection.close()
    file.chmod(0o600)
    return file


def tables_of(file: Path) -> dict[str, str]:
    """Return how the tables and indices of a database are made, but for blanks."""
    with sqlite3.connect(file) as connection:
        found = connection.execute(
            "SELECT name, sql FROM sqlite_schema WHERE sql NOT NULL"
        ).fetchall()
    connection.close()
    return {name: " ".join(sql.split()) for name, sql in found if not name.startswith("sqlite_")}


def test_there_is_a_text_of_each_version() -> None:
    assert {one.name for one in TEXTS.iterdir()} == {f"version-{one}.sql" for one in VERSIONS}


@pytest.mark.parametrize("version", VERSIONS)
def test_what_it_said_it_says_still(tmp_path: Path, version: int) -> None:
    made_of(version, tmp_path / "s")
    for _ in range(2):  # Reading brings it to this version; then it is that of this version.
        past = look_back(str(tmp_path / "s"), Asked())
        *runs, failed = past.document.runs
        assert [run.run for run in runs] == [f"{number:012x}" for number in range(4)]
        assert [run.allocated_bytes for run in runs] == [(number + 2) << 20 for number in range(4)]
        assert (failed.failure, failed.found) == ("another run has it", None)
        assert past.document.runs[1].freed_bytes == 1 << 20
        [row, other] = look_back(str(tmp_path / "s"), Asked(by="project")).document.growth
        assert (row.group, row.growth_bytes_per_day) == ("/srv/a", 1 << 20)
        assert (other.group, other.allocated_bytes) == ("/srv/b", 1 << 20)


@pytest.mark.parametrize("version", VERSIONS)
def test_it_has_the_tables_of_this_version_then(tmp_path: Path, version: int) -> None:
    file = made_of(version, tmp_path / "old")
    one = entry({"/srv/a": 9 << 20}, began_at=BEGAN + 9 * DAY, id="new")
    assert keep(str(tmp_path / "old"), one, LONG) is None
    assert keep(str(tmp_path / "new"), one, LONG) is None
    assert tables_of(file) == tables_of(Path(files.path_of(str(tmp_path / "new"))))
    assert look_back(str(tmp_path / "old"), Asked()).document.runs[-1].run == "new"


def later(monkeypatch: pytest.MonkeyPatch, *steps: str) -> None:
    """Have a version of the tables that comes after this one."""
    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS, *steps))
    monkeypatch.setattr(schema, "VERSION", len(schema.STEPS))


def test_each_step_is_done_once_in_its_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = made_of(1, tmp_path / "s")
    later(
        monkeypatch,
        "ALTER TABLE run ADD COLUMN host TEXT;\nUPDATE run SET host = 'a;\nb';",
        "UPDATE run SET host = host || 'c';\nCREATE TABLE more (id INTEGER);",
    )
    for _ in range(2):
        assert keep(str(tmp_path / "s"), entry(), LONG) is None
    with sqlite3.connect(file) as connection:
        hosts = {host for (host,) in connection.execute("SELECT host FROM run WHERE id <= 5")}
        [(version,)] = connection.execute("PRAGMA user_version")
    connection.close()
    assert (hosts, version) == ({"a;\nbc"}, 3)


def test_a_step_that_fails_leaves_all_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = made_of(1, tmp_path / "s")
    before = tables_of(file)
    later(monkeypatch, "CREATE TABLE more (id INTEGER);\nINSERT INTO nowhere VALUES (1);")
    said = keep(str(tmp_path / "s"), entry(), LONG)
    assert said == "this run is not in the history: no such table: nowhere"
    with pytest.raises(UnreadableError, match="no such table: nowhere"):
        look_back(str(tmp_path / "s"), Asked())
    monkeypatch.undo()
    assert tables_of(file) == before
    assert len(look_back(str(tmp_path / "s"), Asked()).document.runs) == 5
