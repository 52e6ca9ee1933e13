"""The pictures in the README show what the command prints today, at 80 columns."""

import errno
import html
import importlib.util
import re
from pathlib import Path

import pytest
from rich.text import Text

from support.documents import README, read
from support.needs import unable
from support.places import CHECKOUT


def letters(text: str) -> str:
    """Return the letters of a text: sizes differ from one file system to the next, and bars with them."""
    return re.sub(r"[^A-Za-z/]", "", text.replace("KiB", "").replace("MiB", ""))


def words_of(picture: str) -> str:
    """Return what a picture shows, with the command that was typed."""
    svg = (CHECKOUT / picture).read_text()
    pieces = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    return html.unescape("".join(pieces))


@pytest.mark.slow
def test_the_pictures_show_what_the_command_prints(tmp_path: Path) -> None:
    """``make screenshot`` takes them anew."""
    spec = importlib.util.spec_from_file_location("screenshot", CHECKOUT / "docs/screenshot.py")
    assert spec is not None
    assert spec.loader is not None
    screenshot = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(screenshot)
    home = tmp_path / "home"
    try:
        screenshot.build(str(home / "work"))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        unable("there is no room for a gigabyte of projects")
    printed = Text.from_ansi(screenshot.shown(str(home))).plain
    assert screenshot.COLUMNS == 80
    assert "node_modules" in printed
    for theme in screenshot.THEMES:
        assert letters(printed) in letters(words_of(f"docs/screenshot-{theme}.svg"))


def test_the_readme_has_a_picture_for_dark_and_one_for_light() -> None:
    shown = [link for link in read(README).links if link.endswith(".svg")]
    assert shown == ["docs/screenshot-dark.svg", "docs/screenshot-light.svg"]
    dark, light = map(words_of, shown)
    assert dark == light
    assert "cleanup-nodemodule" in dark
