"""The documents name what is there."""

import re
from pathlib import Path

import pytest

from support.documents import PAGES
from support.places import CHECKOUT

PACKAGE = CHECKOUT / "src" / "cleanup_nodemodule"

# What the rules name lies in projects.
DOCUMENTS = [path for path in PAGES if path.stem != "artifacts"]


def test_the_architecture_has_every_module_and_no_other() -> None:
    text = (CHECKOUT / "docs" / "architecture.md").read_text()
    cells = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    named = [name for cell in cells for name in re.findall(r"`([\w/]+\.py)`", cell)]
    modules = {str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py")}
    wings = {f"{path.parent.name}/__init__.py" for path in PACKAGE.glob("*/__init__.py")}
    assert sorted(named) == sorted(modules - wings)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_name_only_paths_that_are_there(document: Path) -> None:
    # Of these the first part is a directory of the package or of the checkout.
    tops = {path.name for top in (PACKAGE, CHECKOUT) for path in top.iterdir() if path.is_dir()}
    places = (PACKAGE, CHECKOUT, PACKAGE / "engine", PACKAGE / "proof")
    named = re.findall(r"`((?:[\w-]+/)+[\w.-]+\.(?:py|toml|md|c|h))`", document.read_text())
    lost = {
        name
        for name in named
        if name.split("/")[0] in tops and not any((place / name).exists() for place in places)
    }
    assert lost == set()
