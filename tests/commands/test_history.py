"""``history``: what past runs have found and freed, as people, pipes and programs get it."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

import jsonschema
import pytest

from cleanup_nodemodule.record.history.entry import entry_of
from cleanup_nodemodule.record.history.keeping import keep
from cleanup_nodemodule.report.finished import FinishedRun
from support.histories import BEGAN, DAY, GIB, LONG, failed, finished, space
from support.processes import Terminal
from support.tool import Run
from support.trees import declare

PROJECT = {"package.json": "{}", "node_modules": {"a": 5000}}


def remember(state: Path, runs: Sequence[FinishedRun]) -> None:
    """Have *runs* in the history in a state directory."""
    directory = state / "cleanup-nodemodule"
    for run in runs:
        assert keep(str(directory), entry_of(run), LONG) is None


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state directory of the runs of this test."""
    directory = tmp_path / "state"
    directory.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_STATE_HOME", str(directory))
    monkeypatch.setenv("TZ", "UTC")
    return directory


NIGHTS = [
    finished(
        {"/srv/a": (night + 1) << 30},
        began_at=BEGAN + night * DAY,
        deleted=["/srv/a"] if night % 2 else [],
        job="nightly",
        command="run",
    )
    for night in range(30)
]


@pytest.mark.usefixtures("state")
def test_each_run_is_in_it(run: Run, tmp_path: Path) -> None:
    declare(tmp_path / "work", {"a": PROJECT})
    assert run("history").stderr == "The history has no runs yet.\n"
    assert run("work").returncode == 0
    assert run("work", "--no-history").returncode == 0
    assert run("work", "--no-dry-run").returncode == 0
    assert run("nowhere").returncode == 2
    lines = [line.split("\t") for line in run("history").stdout.splitlines()]
    assert [(line[1], line[5], line[6], line[7], line[13]) for line in lines] == [
        ("done", "dry-run", "1", "0", "0"),
        ("done", "delete", "1", "1", "0"),
        ("wrong usage", "dry-run", "-", "-", "2"),
    ]
    logged = json.loads(run("log", "--json").stdout)["entries"]
    assert lines[1][2] == logged[0]["run"]


@pytest.mark.usefixtures("state")
def test_the_file_systems_of_its_roots_are_in_it(run: Run, tmp_path: Path) -> None:
    declare(tmp_path, {"work": {"a": PROJECT}, "other": {}})
    assert run("work", "other").returncode == 0
    [row] = json.loads(run("history", "--json").stdout)["runs"]
    assert [root["root"] for root in row["roots"]] == [f"{tmp_path}/other", f"{tmp_path}/work"]
    for root in row["roots"]:
        assert root["file_system"]
        assert 0 < root["free_before_bytes"] < root["total_bytes"]
        assert 0 < root["free_after_bytes"] < root["total_bytes"]
    assert [root["found"] for root in row["roots"]] == [0, 1]


def test_some_runs_can_be_asked_for(state: Path, run: Run) -> None:
    remember(state, [*NIGHTS, failed(BEGAN + 31 * DAY)])
    assert len(run("history").stdout.splitlines()) == 31
    assert len(run("history", "--job", "nightly").stdout.splitlines()) == 30
    assert run("history", "--job", "weekly").stdout == ""
    assert len(run("history", "-n", "3").stdout.splitlines()) == 3
    assert run("history", "--since", "1h").stdout == ""
    assert len(run("history", "--since", "900y").stdout.splitlines()) == 31
    said = run("history", "--since", "soon")
    assert (said.returncode, said.stdout) == (2, "")
    assert "--since takes a length of time" in said.stderr


def test_programs_get_a_document(state: Path, run: Run) -> None:
    remember(state, [*NIGHTS, failed(BEGAN + 31 * DAY)])
    document = json.loads(run("history", "--json").stdout)
    schema = json.loads(run("history", "--json-schema").stdout)
    jsonschema.Draft202012Validator(schema).validate(document)
    assert document["schema_version"] == 1
    assert [row["number"] for row in document["runs"]] == list(range(1, 32))
    assert document["runs"][-1]["failure"] == "another run has it"


def test_spreadsheets_get_a_line_for_each_run(state: Path, run: Run) -> None:
    remember(state, [*NIGHTS, finished(job="=1+1")])
    rows = list(csv.DictReader(io.StringIO(run("history", "--csv").stdout)))
    assert [row["began_at"][:10] for row in rows[:2]] == ["2026-05-28", "2026-05-29"]
    assert rows[1]["freed_bytes"] == str(2 << 30)
    assert rows[-1]["job"] == "'=1+1"
    both = run("history", "--csv", "--json")
    assert both.returncode == 2
    assert "--json and --csv contradict each other" in both.stderr


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_people_get_a_table_and_a_chart(state: Path, tmp_path: Path, columns: int) -> None:
    remember(state, [*NIGHTS, failed(BEGAN + 31 * DAY)])
    with Terminal("history", cwd=tmp_path, columns=columns) as terminal:
        assert terminal.finish() == 0
        screen = [line for line in terminal.screen() if line]
    assert max(map(len, screen)) <= columns
    took = [] if columns == 60 else ["Took"]
    assert screen[0].split() == ["When", "What", "Found", "Freed", "Failed", *took, "Result"]
    assert screen[20].split()[-2:] == ["locked", "out"]
    runs, found, freed, axis = screen[21:25]
    assert [line.split()[0] for line in (runs, found, freed)] == ["Runs", "Found", "Freed"]
    assert runs.endswith("31 in all")
    assert found.endswith("now 30.0 GiB")
    assert freed.endswith("240.0 GiB in all")
    # A night each, side by side, but for the last one: it came to no result.
    assert found[8:42] == "▂▂▂▂▃▃▃▃▄▄▄▄▅▅▅▅▅▆▆▆▆▇▇▇▇█████    "
    assert freed[8:42] == "▁▂▁▂▁▃▁▃▁▄▁▄▁▅▁▅▁▆▁▆▁▇▁▇▁█▁█▁█ ▁  "
    assert axis.split() == ["2026-05-28", "2026-06-28"]


def test_a_terminal_without_such_characters_gets_others(state: Path, tmp_path: Path) -> None:
    remember(state, NIGHTS)
    with Terminal(
        "history", cwd=tmp_path, env={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    ) as terminal:
        assert terminal.finish() == 0
    assert terminal.output.isascii()
    assert b"#" in terminal.output


def test_a_clock_that_was_set_back_is_said(state: Path, run: Run) -> None:
    days = [0, 1, 2, -300, 3]
    remember(state, [finished(began_at=BEGAN + day * DAY) for day in days])
    said = run("history")
    assert len(said.stdout.splitlines()) == 5
    assert "The clock was wrong in 1 run: the time contradicts" in said.stderr


GROWING = [
    finished(
        {"/srv/shop": (night + 10) << 28, "/srv/blog": (90 - night) << 26, "/srv/site": 1 << 30},
        began_at=BEGAN + night * DAY,
        deleted=["/srv/site"],
        spaces=[space((41 - night) * GIB)],
    )
    for night in range(30)
]


def test_what_grows_fastest_comes_first(state: Path, run: Run) -> None:
    remember(state, GROWING)
    said = run("history", "--by", "project")
    lines = [line.split("\t") for line in said.stdout.splitlines()]
    # What is deleted each night and comes back grows too.
    assert [(int(line[0]), line[4]) for line in lines] == [
        (1 << 30, "/srv/site"),
        (1 << 28, "/srv/shop"),
        (-1 << 26, "/srv/blog"),
    ]
    assert lines[1][:4] == [str(1 << 28)] * 3 + [str(39 << 28)]
    assert said.stderr == ("Compared: 24 of 30 audits of /srv, from 2026-05-28 to 2026-06-26.\n")
    rows = list(csv.DictReader(io.StringIO(run("history", "--by", "root", "--csv").stdout)))
    assert [row["group"] for row in rows] == ["/srv"]
    document = json.loads(run("history", "--by", "ecosystem", "--json", "-n", "1").stdout)
    assert [row["group"] for row in document["growth"]] == ["js"]
    assert document["compared"]["audits"] == 30
    few = run("history", "--by", "project", "-n", "1")
    assert few.stdout.count("\n") == 1
    assert "2 more are not shown" in few.stderr
    wrong = run("history", "--by", "size")
    assert wrong.returncode == 2


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_people_get_what_grows_as_a_table(state: Path, tmp_path: Path, columns: int) -> None:
    remember(state, GROWING)
    with Terminal("history", "--by", "project", cwd=tmp_path, columns=columns) as terminal:
        assert terminal.finish() == 0
    screen = terminal.screen()
    assert max(map(len, screen)) <= columns
    assert screen[0].split() == ["A", "week", "Between", "Now", "Project"]
    assert screen[2].split() == ["+1.8", "GiB", "9.8", "GiB", "/srv/shop"]


def test_a_project_is_found_by_a_relative_path_and_through_a_symlink(
    state: Path, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "real/shop").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    sizes = [{f"{tmp_path}/real/shop": (night + 1) << 20} for night in range(9)]
    remember(state, [finished(size, began_at=BEGAN + n * DAY) for n, size in enumerate(sizes)])
    for word in ("real/shop", "./link/shop", f"{tmp_path}/real", "real/../real"):
        said = run("history", word)
        lines = [line.split("\t") for line in said.stdout.splitlines()]
        assert [int(line[4]) for line in lines] == [(night + 1) << 20 for night in range(9)], word
        assert "It takes 9.0 MiB now, and grows by 7.0 MiB a week." in said.stderr
    document = json.loads(run("history", "real/shop", "--json").stdout)
    assert document["project"] == f"{tmp_path}/real/shop"
    assert [point["allocated_bytes"] for point in document["points"]][:2] == [1 << 20, 2 << 20]
    assert len(run("history", "real", "--csv").stdout.splitlines()) == 10
    none = run("history", "elsewhere")
    assert (none.returncode, none.stdout) == (0, "")
    assert none.stderr == f"The history has no audits of {tmp_path}/elsewhere.\n"
    empty = run("history", "")
    assert empty.returncode == 2
    assert "PROJECT is empty" in empty.stderr


@pytest.mark.parametrize("columns", [60, 80])
def test_a_project_is_drawn(state: Path, tmp_path: Path, columns: int) -> None:
    remember(state, GROWING)
    with Terminal("history", "/srv/shop", cwd=tmp_path, columns=columns) as terminal:
        assert terminal.finish() == 0
    screen = terminal.screen()
    assert max(map(len, screen)) <= columns
    assert screen[0].startswith("Takes   ▃")
    assert screen[0].endswith("now 9.8 GiB")
    assert "and grows by 1.8 GiB a week." in " ".join(screen)


def test_when_the_disk_is_full_is_said(state: Path, run: Run) -> None:
    runs = [
        finished({"/srv/a": 19 * GIB}, began_at=BEGAN + n * DAY, spaces=[space((41 - n) * GIB)])
        for n in range(30)
    ]
    remember(state, runs)
    said = run("history").stderr
    assert said == (
        "/: at this rate the disk is full in 12 days (12.0 GiB are free, 1.0 GiB a day are added)."
        " What is rebuildable now would give 31 days.\n"
    )
    [row] = json.loads(run("history", "--json").stdout)["forecasts"]
    assert (row["full_in_days"], row["full_in_days_if_deleted"]) == (12.0, 31.0)


def test_few_audits_say_nothing_of_growth(state: Path, run: Run) -> None:
    assert (
        run("history", "--by", "root").stderr == "The history has no audits that can be compared.\n"
    )
    remember(state, GROWING[:3])
    said = run("history", "--by", "root")
    assert said.stdout == ""
    assert "How fast it grows cannot be said of fewer than 4 audits, or of one day." in said.stderr
    assert "full in" not in run("history").stderr


def test_prune_does_what_the_configuration_says(state: Path, run: Run, tmp_path: Path) -> None:
    remember(state, NIGHTS)
    (tmp_path / "c.toml").write_text('history-max-age = "5d"\n')
    (tmp_path / "c.toml").chmod(0o600)
    pruned = run("history", "--prune", "--config", "c.toml")
    assert pruned.returncode == 0, pruned.stderr
    # The last eleven stay.
    assert pruned.stdout.startswith("19 runs taken out of the history; it took ")
    assert len(run("history").stdout.splitlines()) == 11
    assert run("history", "--prune", "--no-config").stdout.startswith("0 runs")
    refused = run("history", "--prune", "--json")
    assert refused.returncode == 2
    assert "--prune takes no other option" in refused.stderr


@pytest.mark.parametrize(
    ("key", "value"), [("history-max-age", "30"), ("history-max-size", "2 pounds")]
)
def test_a_bound_that_cannot_be_right_is_refused_before_anything_happens(
    state: Path, run: Run, tmp_path: Path, key: str, value: str
) -> None:
    declare(tmp_path / "work", {"a": PROJECT})
    (tmp_path / "c.toml").write_text(f'{key} = "{value}"\n')
    (tmp_path / "c.toml").chmod(0o600)
    said = run("work", "--config", "c.toml", "--no-dry-run")
    assert said.returncode == 2
    assert f"c.toml, line 1: {key} " in said.stderr
    assert (tmp_path / "work/a/node_modules").exists()
    assert list(state.iterdir()) == []


def test_a_damaged_history_is_said_and_the_run_goes_on(
    state: Path, run: Run, tmp_path: Path
) -> None:
    declare(tmp_path / "work", {"a": PROJECT})
    remember(state, NIGHTS)
    [file] = (state / "cleanup-nodemodule").glob("history.*.db")
    file.write_bytes(b"no database at all" * 100)
    unreadable = run("history")
    assert unreadable.returncode == 2
    assert "it is not a database" in unreadable.stderr
    done = run("work", "--no-dry-run")
    assert done.returncode == 0
    assert not (tmp_path / "work/a/node_modules").exists()
    assert "the history was damaged (it is not a database); it is now " in done.stderr
    assert len(run("history").stdout.splitlines()) == 1
