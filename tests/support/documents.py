"""The documents of the project as a reader meets them: headings, links, blocks, code in a sentence, prose."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from support.places import CHECKOUT

_PARSER: Final = MarkdownIt("commonmark").enable("table")

_NOT_RUN: Final = re.compile(r"<!-- not run: (.+?) -->\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block."""

    language: str
    text: str
    heading: str
    """The last heading above it."""
    not_run: str | None
    """Why no test runs it, as a comment right above it says."""


@dataclass(slots=True)
class Document:
    """A page in Markdown."""

    path: Path
    headings: list[str] = field(default_factory=list)
    anchors: list[str] = field(default_factory=list)
    """What a link to one of its headings has after the ``#``."""
    links: list[str] = field(default_factory=list)
    """Where its links and pictures lead."""
    blocks: list[Block] = field(default_factory=list)
    indented: list[str] = field(default_factory=list)
    """The lines of blocks that are only indented, which have no language: pictures of letters."""
    spans: list[str] = field(default_factory=list)
    """The code in sentences, headings and tables."""
    prose: list[str] = field(default_factory=list)
    """Paragraphs and items, with each piece of code as one short word. Tables and headings are no prose."""


def read(path: Path) -> Document:
    """Read a page."""
    page = Document(path)
    heading, not_run, opened = "", None, ""
    for token in _PARSER.parse(path.read_text(encoding="utf-8")):
        if token.type == "code_block":
            page.indented += token.content.splitlines()
        if token.type == "fence":
            page.blocks.append(Block(token.info.strip(), token.content, heading, not_run))
        if token.type == "html_block":
            page.links += re.findall(r'(?:src|srcset|href)="([^"]+)"', token.content)
        if token.nesting == 1:
            opened = token.type
        if token.type == "inline":
            if opened == "heading_open":
                heading = token.content
                page.headings.append(heading)
                page.anchors.append(_anchor(heading, page.anchors))
            _inline(token, page, prose=opened == "paragraph_open")
        comment = _NOT_RUN.fullmatch(token.content) if token.type == "html_block" else None
        not_run = comment and comment[1]
    return page


def _inline(token: Token, page: Document, *, prose: bool) -> None:
    words: list[str] = []
    for child in token.children or ():
        if child.type == "code_inline":
            page.spans.append(child.content)
            words.append("code")
        elif child.type in {"text", "softbreak", "hardbreak"}:
            words.append(child.content or " ")
        elif child.type == "html_inline":
            page.links += re.findall(r'(?:src|srcset|href)="([^"]+)"', child.content)
        target = child.attrs.get("href") or child.attrs.get("src")
        if target:
            page.links.append(str(target))
    if prose:
        page.prose.append("".join(words))


def _anchor(heading: str, taken: list[str]) -> str:
    """Return what GitHub calls a heading: lower case, hyphens for spaces, a number if it is taken."""
    plain = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
    number = sum(re.fullmatch(rf"{re.escape(plain)}(-\d+)?", one) is not None for one in taken)
    return f"{plain}-{number}" if number else plain


README: Final = CHECKOUT / "README.md"

PAGES: Final = sorted([*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/*.md")])
"""All of them."""

FOR_USERS: Final = [
    README,
    *(
        CHECKOUT / "docs" / f"{name}.md"
        for name in (
            *("recipes", "options", "artifacts", "configuration", "numbers", "safety"),
            *("scripts", "undo", "library", "json"),
        )
    ),
]
"""Those that somebody reads who only uses the program."""
