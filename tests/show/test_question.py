"""The question before a deletion: what can be answered, and what each answer does."""

import json
import re
from pathlib import Path

import pytest

from support.held import Held
from support.processes import Terminal
from support.screen import Screen
from support.trees import declare, listing

MEBIBYTE = 1 << 20
WHOLE = "3 directories, 6.0 MiB"
ALL = f"Delete {WHOLE}? [y/N/l/1,3-5/?] "


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Three projects, whose artifacts take three mebibytes, two and one."""
    top = tmp_path / "work"
    sizes = {"middle": 2, "small": 1, "big": 3}
    declare(
        top,
        {
            name: {"package.json": "{}", "node_modules": {"file": size * MEBIBYTE}}
            for name, size in sizes.items()
        },
    )
    return top


def there(work: Path) -> list[str]:
    return sorted(path.parent.name for path in work.glob("*/node_modules"))


def talk(
    work: Path, *exchange: str, press: str = "", code: int = 0, options: tuple[str, ...] = ()
) -> str:
    """Give the answers one by one, each after a question; return everything that was seen, in lines."""
    with Terminal("--no-dry-run", *options, cwd=work, columns=100) as terminal:
        for number, answer in enumerate(exchange, 1):
            terminal.expect("?] ", number)
            terminal.type(f"{answer}\n")
        if press:
            terminal.expect("?] ", len(exchange) + 1)
            terminal.type(press)
        assert terminal.finish() == code
    return "\n".join(terminal.screen())


def test_the_list_has_a_number_for_each_the_largest_first(work: Path) -> None:
    seen = talk(work, "l", "n")
    assert f"{ALL}l\nIn {work}:\n" in seen
    listed = seen.partition(f"In {work}:")[2].splitlines()
    assert [line.split() for line in listed if line.startswith(("1  ", "2  ", "3  "))] == [
        ["1", "3.0", "MiB", "big/node_modules"],
        ["2", "2.0", "MiB", "middle/node_modules"],
        ["3", "1.0", "MiB", "small/node_modules"],
    ]
    assert len(there(work)) == 3


def test_the_numbers_go_by_the_order_of_the_table(work: Path) -> None:
    seen = talk(
        work,
        "l",
        "1",
        "y",
        options=("--sort", "path", "-p", str(work / "small"), "-p", str(work / "big")),
    )
    # The names in the middle of a long path are left out.
    assert re.search(r"^1    3\.0 MiB  /\S*/big/node_modules\s*$", seen, re.MULTILINE)
    assert there(work) == ["middle", "small"]


@pytest.mark.parametrize(
    ("answers", "sums", "left"),
    [
        (["2"], ["1 directory, 2.0 MiB"], ["big", "small"]),
        (["1,3"], ["2 directories, 4.0 MiB"], ["middle"]),
        (["2-3"], ["2 directories, 3.0 MiB"], ["big"]),
        (["3 1"], ["2 directories, 4.0 MiB"], ["middle"]),
        (["-2"], ["2 directories, 4.0 MiB"], ["middle"]),
        (["-1", "-3"], ["2 directories, 3.0 MiB", "1 directory, 2.0 MiB"], ["big", "small"]),
        (["-1,-3"], ["1 directory, 2.0 MiB"], ["big", "small"]),
        (["1", "2-3", "1-3"], ["1 directory, 3.0 MiB", "2 directories, 3.0 MiB", WHOLE], []),
    ],
)
def test_numbers_choose_and_it_is_asked_again(
    work: Path, answers: list[str], sums: list[str], left: list[str]
) -> None:
    seen = talk(work, *answers, "y")
    questions = [line for line in seen.splitlines() if line.startswith("Delete ")]
    assert [line.partition("?")[0] for line in questions] == [
        f"Delete {one}" for one in (WHOLE, *sums)
    ]
    assert there(work) == left


def test_what_was_left_out_is_told_by_the_list_and_in_the_end(work: Path) -> None:
    seen = talk(work, "-2", "l", "y")
    assert "\n1 left out\n" in seen
    # The table stands above all of it, and has the name.
    answered, _, listed = seen.partition("] -2\n")
    assert "middle" in answered
    listed = listed.partition("] l\n")[2].partition("1 left out")[0]
    assert "big" in listed
    assert "middle" not in listed
    assert "1 is kept: not-chosen." in seen
    assert "explain" not in seen


def test_the_document_says_what_was_not_chosen(work: Path) -> None:
    with Terminal("--no-dry-run", "--json", cwd=work, columns=100) as terminal:
        for number, answer in enumerate(("1", "y"), 1):
            terminal.expect("?] ", number)
            terminal.type(f"{answer}\n")
        assert terminal.finish() == 0
    text = terminal.output.decode()
    document = json.loads(text[text.index('{\r\n  "schema_version"') :])
    assert {
        Path(row["path"]).parent.name: (row["reason"], row["outcome"])
        for row in document["artifacts"]
    } == {
        "big": (None, "deleted"),
        "middle": ("not-chosen", None),
        "small": ("not-chosen", None),
    }


def test_files_with_links_in_two_of_them_come_back_only_with_both(work: Path) -> None:
    for name in ("big", "small"):
        (work / name / "node_modules/shared").hardlink_to(work / "middle/node_modules/file")
    seen = talk(work, "1", "1-2", "1-3", "n")
    assert "Delete 1 directory, 3.0 MiB?" in seen
    assert "Delete 2 directories, 4.0 MiB?" in seen
    assert seen.count("Delete 3 directories, 6.0 MiB?") == 2


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            "maybe",
            "Please type y or n, l for a list, numbers such as 1,3-5 to choose, or ? for help.",
        ),
        ("1-", "Please type y or n, l for a list, numbers such as 1,3-5 to choose, or ? for help."),
        ("4", "The numbers go from 1 to 3. Type l to see them."),
        ("0-2", "The numbers go from 1 to 3. Type l to see them."),
        ("3-1", "3-1 runs backwards. Type 1-3 for these."),
        ("-1-3", "That leaves nothing to delete. To delete nothing, type n."),
        (
            "9" * 5000,
            "Please type y or n, l for a list, numbers such as 1,3-5 to choose, or ? for help.",
        ),
    ],
)
def test_a_wrong_answer_is_told_what_to_type_and_changes_nothing(
    work: Path, answer: str, said: str
) -> None:
    before = listing(work)
    # A terminal takes no line of that length, and reads it in pieces.
    seen = talk(work, answer[:1000], "n")
    assert f"\n{said}\n{ALL}n\n" in seen
    assert listing(work) == before


def test_help_says_what_each_answer_does(work: Path) -> None:
    seen = talk(work, "?", "n")
    for answer in ("y ", "n ", "l ", "1,3-5 ", "-2,4 ", "? "):
        assert any(line.startswith(answer) for line in seen.splitlines()), answer


@pytest.mark.parametrize("press", ["\x03", "\x04"], ids=["Ctrl-C", "Ctrl-D"])
def test_to_stop_after_choosing_deletes_nothing(work: Path, press: str) -> None:
    before = listing(work)
    talk(work, "1", press=press, code=130)
    assert listing(work) == before


@pytest.mark.parametrize("answer", ["y", "1", "yes"])
def test_an_answer_without_its_enter_is_none(work: Path, answer: str) -> None:
    """The first Ctrl-D ends the line, as Enter does, but without a newline. The second ends the input."""
    before = listing(work)
    talk(work, press=f"{answer}\x04\x04", code=130)
    assert listing(work) == before


def test_what_was_typed_while_it_searched_answers_nothing(tmp_path: Path) -> None:
    held = Held(tmp_path)
    declare(held.tree, {".gitignore": "node_modules\n"})
    with Screen(80, 24) as screen:
        screen.start("--no-dry-run", cwd=held.tree, env=held.env)
        screen.wait_for("Asking git about ")
        before = listing(held.tree)
        screen.type("y\ny\ny")
        screen.terminal.expect("y\r\n", 2)  # The terminal has taken it in, and echoes it.
        held.let_go()
        screen.wait_for("/?]")
        # It waits: what is typed now is the answer.
        screen.type("maybe\n")
        screen.wait_for("Please type y or n")
        assert listing(held.tree) == before
        screen.terminal.expect("?] ", 2)
        screen.type("n\n")
        assert screen.finish() == 0
    assert listing(held.tree) == before
    assert [line.partition("?] ")[2] for line in screen.text if "?] " in line] == ["maybe", "n"]


def test_of_several_lines_only_the_first_answers(work: Path) -> None:
    """The others were typed before anybody saw what the next question asks about."""
    before = listing(work)
    with Terminal("--no-dry-run", cwd=work, columns=100) as terminal:
        terminal.expect("?] ")
        terminal.type("1\ny\n")
        terminal.expect("?] ", 2)
        terminal.type("n\n")
        assert terminal.finish() == 0
    assert "Nothing was deleted." in terminal.screen()
    assert listing(work) == before


def test_more_than_the_limit_is_not_asked_about(work: Path) -> None:
    """The limit is for a mistake, and it holds before anybody chooses."""
    with Terminal("--no-dry-run", "--max-delete", "2", cwd=work, columns=100) as terminal:
        assert terminal.finish() == 4
    assert b"?] " not in terminal.output
    assert len(there(work)) == 3
