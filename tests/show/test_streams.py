"""Lines that are folded at a terminal: between words, and commands so that a shell takes them as they were."""

import io
import os
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanup_nodemodule.show import streams
from cleanup_nodemodule.words import Advice, command, shell_command

NAMES = st.lists(
    st.text(alphabet="abc '\"\\$`-/\n\té中;&|*?", min_size=1, max_size=30), min_size=1, max_size=6
)


def folded(line: str, width: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the lines that are printed at a terminal of so many columns."""
    with monkeypatch.context() as patch:
        patch.setattr(streams, "is_terminal", lambda _stream: True)
        patch.setattr(os, "get_terminal_size", lambda _descriptor: os.terminal_size((width, 24)))
        with open(os.devnull, "w", encoding="utf-8") as stream:
            return list(streams.folded(line, stream))


def as_bash_reads(text: str) -> list[str]:
    """Return the arguments that bash makes of a command."""
    shown = subprocess.run(
        ["bash", "-c", f"words() {{ printf '%s\\0' \"$@\"; }}; words {text}"],
        capture_output=True,
        check=True,
    )
    return [word.decode("utf-8", "surrogateescape") for word in shown.stdout.split(b"\0")[:-1]]


def test_a_command_to_paste_ends_its_sentence() -> None:
    """Everything behind it would be pasted into the shell, too."""
    said_on = re.compile(r": \{(?:shell_)?command\([^{}]*\)\}[;,]")
    package = Path(streams.__file__).parents[1]
    found = {
        str(path.relative_to(package)): said_on.findall(path.read_text())
        for path in package.rglob("*.py")
    }
    # Its second command is the one to paste.
    assert [name for name, hits in found.items() if hits] == ["commands/misread.py"]


@settings(max_examples=60, deadline=None)
@given(NAMES, st.sampled_from((40, 60, 80)))
def test_a_folded_command_is_the_command_that_was_meant(names: list[str], width: int) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        advice = Advice("To delete", shell_command("touch", *names))
        lines = folded(advice, width, monkeypatch)
    if lines != [advice]:
        assert lines[0] == "To delete:"
        assert as_bash_reads("\n".join(lines[1:])) == ["touch", *names]


def test_a_sentence_is_folded_between_words_and_its_command_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sentence = "Nothing was deleted, because this was a dry run. To delete"
    advice = Advice(sentence, command("/w/two words", "--exclude", "legacy", "--no-dry-run"))
    assert folded(advice, 50, monkeypatch) == [
        "Nothing was deleted, because this was a dry run.",
        "To delete:",
        "    cleanup-nodemodule '/w/two words' --exclude \\",
        "        legacy --no-dry-run",
    ]
    assert folded(advice, 200, monkeypatch) == [advice]


def test_a_command_at_the_end_of_any_sentence_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "there is no command and no directory resum; did you mean: cleanup-nodemodule resume -x?"
    assert folded(said, 60, monkeypatch) == [
        "there is no command and no directory resum; did you mean:",
        "    cleanup-nodemodule resume -x",
    ]


def test_what_is_indented_goes_on_more_indented(monkeypatch: pytest.MonkeyPatch) -> None:
    assert folded("        one two three four five six seven", 30, monkeypatch) == [
        "        one two three four",
        "            five six seven",
    ]


def test_nothing_is_folded_that_goes_elsewhere() -> None:
    line = "word " * 100
    assert list(streams.folded(line, io.StringIO())) == [line]
    with open(os.devnull, "w", encoding="utf-8") as stream:
        assert list(streams.folded(line, stream)) == [line]
