"""The answers to the question are those that the recipes have."""

import re
from pathlib import Path

import pytest

from support.places import CHECKOUT
from support.processes import Terminal
from support.trees import declare, npm_project

RECIPES = (CHECKOUT / "docs/recipes.md").read_text()
PART = RECIPES.partition("## Delete, after a question\n")[2].partition("\n## ")[0]
ANSWERS = re.findall(r"^\| `(.+?)` \|", PART, re.MULTILINE)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Six projects, of which the first is the smallest."""
    sizes = {f"p{number}": 10_000 * number for number in range(1, 7)}
    top = tmp_path / "work"
    declare(top, {name: npm_project({"a": {"index.js": size}}) for name, size in sizes.items()})
    return top


def left(work: Path) -> list[str]:
    """Return the projects that have their packages."""
    return sorted(path.parent.name for path in work.glob("*/node_modules"))


def ask(work: Path, *answers: str) -> list[str]:
    """Run the command, give these answers one after the other, and return what the terminal shows."""
    with Terminal("work", "--no-dry-run", cwd=work.parent) as terminal:
        for number, answer in enumerate(answers, 1):
            terminal.expect("?] ", number)
            terminal.type(f"{answer}\n")
        terminal.finish()
    return terminal.screen()


ALL = ["p1", "p2", "p3", "p4", "p5", "p6"]

LEFT = {
    "y": [],
    "n": ALL,
    "l": ALL,
    # The largest has the first number.
    "1,3-5": ["p1", "p5"],
    "-2,4": ["p3", "p5"],
    "?": ALL,
}
"""What is left after each answer, and a yes or a no behind it."""


def test_the_recipes_have_all_answers() -> None:
    assert list(LEFT) == ANSWERS


@pytest.mark.parametrize("answer", LEFT)
def test_an_answer_does_what_the_recipes_say(work: Path, answer: str) -> None:
    ends = [] if answer in {"y", "n"} else ["n" if LEFT[answer] == ALL else "y"]
    ask(work, answer, *ends)
    assert left(work) == LEFT[answer]


def test_the_question_explains_the_answers_of_the_recipes(work: Path) -> None:
    explained = ask(work, "?", "n")
    for answer in ANSWERS:
        assert any(line.startswith(answer) for line in explained), answer
