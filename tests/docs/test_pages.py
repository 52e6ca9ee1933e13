"""The pages say what is so: links, options, numbers, generated tables, spelling, and words that are easy to read."""

import importlib.util
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

from cleanup_nodemodule.commands.help_page import EXIT_CODES
from cleanup_nodemodule.config.files import read_file
from cleanup_nodemodule.config.keys import KEYS, WAYS_BACK, Kind, without
from cleanup_nodemodule.config.layers import Order
from cleanup_nodemodule.errors import ExitCode
from cleanup_nodemodule.model import Reason
from cleanup_nodemodule.proof.rules import catalogue
from cleanup_nodemodule.proof.tree_file import understood
from cleanup_nodemodule.record.entries import Ending
from cleanup_nodemodule.run.checking import check_text
from support.documents import FOR_USERS, PAGES, README, Document, read
from support.places import CHECKOUT
from support.readability import reading_ease


def script(name: str) -> ModuleType:
    """Load a script of docs/."""
    spec = importlib.util.spec_from_file_location(name, CHECKOUT / f"docs/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def named(path: Path) -> str:
    """Return what a page is called in a test."""
    return path.stem


def page(name: str) -> Document:
    """Return one of the pages in docs/."""
    return read(CHECKOUT / f"docs/{name}.md")


# What is made from the program.


@pytest.mark.parametrize("name", ["options", "artifacts"])
def test_a_page_that_is_made_from_the_program_is_up_to_date(name: str) -> None:
    """``make pages`` brings them up to date."""
    assert (CHECKOUT / f"docs/{name}.md").read_text() == script(f"{name}_page").page()


def test_every_rule_and_every_command_has_its_row() -> None:
    text = (CHECKOUT / "docs/artifacts.md").read_text()
    assert text.count("\n| `") + text.count("\n| any name") == len(catalogue())
    program = OPTIONS.the_program()
    assert {f"`{name}`" for name in program.commands} <= set(page("options").headings)
    assert len(program.commands) >= 5


# What is named is there.

OPTIONS: Final[Any] = script("options_page")

ELSEWHERE: Final = {
    "--no-installs": "bench/proof.py",
    "--return": "bench/installs.py",
}
"""Options that are not the program's, and the file that has each."""


TYPED_IN: Final = [path for path in PAGES if path.stem not in {"benchmarks", "CHANGELOG"}]
"""Pages that name no options of other programs, and none of earlier releases."""


def options() -> dict[str, set[str]]:
    """Return the options of each command, and of the program itself by an empty name."""
    program = OPTIONS.the_program()
    return {
        name: {"--help", *(option for one in command.params for option in one.opts)}
        for name, command in {"": program, **program.commands}.items()
    }


def typed(document: Document, commands: set[str]) -> Iterator[tuple[str, str]]:
    """Give what a page shows of command lines: a command, empty if there is none, and the words after it."""
    shown = [line for block in document.blocks for line in block.text.splitlines()]
    for line in [*document.spans, *shown]:
        for piece in re.split(r"[|>;&]", line):
            _, program, words = piece.partition("cleanup-nodemodule ")
            first = words.split(" ")[0] if program else piece.split(" ")[0]
            command = first if first in commands else ""
            # A line of its own begins with the program, and the code in a sentence may leave that out.
            if program or (line in document.spans and (command or first.startswith("-"))):
                yield command, words if program else piece


def test_every_option_and_command_that_a_page_names_is_there() -> None:
    known = options()
    known[""] |= {without(key) for key in KEYS.values() if key.kind is Kind.FLAG and key.typed}
    known[""] |= {*WAYS_BACK}
    known["run"] |= known[""]
    anybody = set().union(*known.values(), ELSEWHERE)
    lost, seen = [], 0
    for path in TYPED_IN:
        for command, words in typed(read(path), set(known)):
            # An option that stands alone in a sentence may be that of any command.
            there = anybody if words.startswith("-") else known[command]
            for option in re.findall(r"(?<!\S)(?:-0|--?[a-zA-Z][\w-]*)", words):
                seen += 1
                if option not in there:
                    lost.append((path.stem, words, option))
    assert lost == []
    assert seen > 150


def test_what_make_is_told_to_do_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([\w-]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))
    for path in PAGES:
        document = read(path)
        shown = [
            *document.spans,
            *(line for block in document.blocks for line in block.text.splitlines()),
        ]
        told = [found[1] for line in shown if (found := re.match(r"make ([a-z][\w-]*)", line))]
        assert set(told) <= targets, path.stem


@pytest.mark.parametrize("path", [path for path in PAGES if path.stem != "options"], ids=named)
def test_a_command_is_in_a_block_that_says_so(path: Path) -> None:
    """One that is only indented would not be run."""
    commands = r"make |git |npm |pip|uv |jq |\.venv/|bench/|cleanup-nodemodule "
    assert [line for line in read(path).indented if re.match(commands, line)] == []


def test_a_word_after_the_program_is_a_command_an_option_or_a_path() -> None:
    known = options()
    for path in FOR_USERS:
        for command, words in typed(read(path), set(known)):
            first = words.split(" ")[0]
            assert command or re.match(r"[-~./[]|PATH|COMMAND|DIRECTORY|#|$", first), (
                path.stem,
                words,
            )


@pytest.mark.parametrize("option", ELSEWHERE)
def test_an_option_of_another_program_is_in_its_source(option: str) -> None:
    assert option in (CHECKOUT / ELSEWHERE[option]).read_text()


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_every_link_leads_to_a_file_and_to_a_heading_in_it(path: Path) -> None:
    lost = []
    for link in read(path).links:
        if re.match(r"https?:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file) if file else path
        if not target.exists() or (anchor and anchor not in read(target).anchors):
            lost.append(link)
    assert lost == []


@pytest.mark.parametrize("path", FOR_USERS, ids=named)
def test_a_reader_comes_to_every_page_from_the_readme(path: Path) -> None:
    links = {link.partition("#")[0] for link in read(README).links}
    others = {link.partition("#")[0] for link in page("scripts").links}
    assert path == README or f"docs/{path.name}" in links or path.name in others


# What scripts rely on is on one page, all of it.


def test_the_exit_codes_on_the_page_for_scripts_are_those_of_the_help() -> None:
    text = (CHECKOUT / "docs/scripts.md").read_text()
    table = text.partition("## Exit codes\n")[2].partition("\n## ")[0].replace("`", "")
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", table, re.MULTILINE)
    assert rows == [(str(code.value), EXIT_CODES[code]) for code in ExitCode]


def test_every_reason_is_on_the_page_on_safety() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \|", (CHECKOUT / "docs/safety.md").read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(reason.value for reason in Reason)


def test_every_result_of_a_deletion_is_on_the_page_for_scripts() -> None:
    text = (CHECKOUT / "docs/scripts.md").read_text()
    for ending in [*(one.value for one in Ending), "unfinished", "running"]:
        assert f"`{ending}`" in text


def test_the_configuration_on_its_page_is_one(tmp_path: Path) -> None:
    example, job, tree = (
        block.text for block in page("configuration").blocks if block.language == "toml"
    )
    check_text(job, "job.toml")
    assert [*understood(tomllib.loads(tree), str(tmp_path)).patterns] != []
    (tmp_path / "config.toml").write_text(example)
    file = read_file(str(tmp_path / "config.toml"), Order.USER)
    assert file is not None
    said = file.layer
    assert said["profile"].value == ("js", "python")
    assert [rule.id for rule in said["rule"].value] == ["own/bazel"]
    assert len(said["keep"].value) == 3


# The README.


def test_the_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= 150


def test_the_readme_counts_the_profiles() -> None:
    [count] = re.findall(r"\[(\d+) ecosystems\]", README.read_text())
    assert int(count) == len({rule.ecosystem for rule in catalogue()})


def test_the_figures_in_the_readme_are_those_of_the_benchmarks() -> None:
    text = README.read_text()
    [table] = re.findall(r"\n\| program \|.*?\n\n", text, re.DOTALL)
    measured = (CHECKOUT / "docs/benchmarks.md").read_text()
    for row in table.strip().splitlines()[2:]:
        name = re.findall(r"[\w-]+", row)[0]
        for figure in re.findall(r"\d+\.\d+ s", row):
            assert re.search(rf"^\| `{name}\b.*?\| {figure} \|", measured, re.MULTILINE), (
                name,
                figure,
            )
    assert len(re.findall(r"\d+\.\d+ s", table)) >= 7
    assert "make bench" in text


# How it reads.


def spoken_help() -> list[str]:
    """Return the texts of the help, of each command and of each of its options."""
    program = OPTIONS.the_program()
    texts = []
    for command in (program, *program.commands.values()):
        texts += OPTIONS.summary_of(command)
        texts += [OPTIONS.help_of(one) for one in command.params if getattr(one, "help", None)]
    return texts


def test_a_sentence_is_easy_to_read_if_it_is() -> None:
    easy, hard = "The cat sat on the mat.", "Notwithstanding considerations of interoperability"
    assert reading_ease([easy]) > 100
    assert reading_ease([hard]) < 0


def test_the_readme_and_the_help_are_easy_to_read() -> None:
    """Plain English is above 60, easy English above 80."""
    assert reading_ease(read(README).prose) >= 80
    assert reading_ease(spoken_help()) >= 82


@pytest.mark.parametrize("path", FOR_USERS, ids=named)
def test_each_page_for_users_is_plain_english(path: Path) -> None:
    assert reading_ease(read(path).prose) >= 65


def test_what_people_read_is_spelled_as_dictionaries_have_it() -> None:
    settings = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["codespell"]
    assert len(settings["ignore-words-list"].split(",")) < 12
    done = subprocess.run(
        [Path(sys.executable).parent / "codespell", *map(str, PAGES), "src"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_every_option_is_tried_by_a_test() -> None:
    tests = "\n".join(path.read_text() for path in (CHECKOUT / "tests").rglob("*.py"))
    everything = set().union(*options().values())
    untried = {
        option for option in everything if not re.search(rf"(?<![\w-]){option}(?![\w-])", tests)
    }
    assert untried == set()
