"""What a third user puts where everybody may write: it proves nothing, and what it keeps is said."""

import os
from pathlib import Path
from typing import Final

import pytest

from support.needs import needs_root
from support.tool import FULL, Tool, facts
from support.trees import Declared, declare, listing

OWNER: Final = 1_001_001
STRANGER: Final = 1_001_002
MATE: Final = 1_001_003

TREE: Final[Declared] = {"turbo.json": "{}", "work": {".turbo": FULL}, ".turbo": FULL}


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A directory where everybody may write, with a marker, and what somebody keeps there."""
    needs_root()
    top = tmp_path / "top"
    declare(top, TREE)
    for path in listing(top):
        os.lchown(os.path.join(os.fsencode(top), path), OWNER, OWNER)
    top.chmod(0o1777)
    return top


@pytest.mark.parametrize(
    ("mode", "around", "marker", "proves"),
    [
        (0o1777, 0, STRANGER, False),
        (0o1777, 0, OWNER, True),
        (0o1777, 0, 0, True),
        (0o1777, STRANGER, STRANGER, False),
        (0o3775, 0, STRANGER, False),
        (0o777, 0, STRANGER, False),
        # Whoever owns the directory decides what is in it, unless it is sticky.
        (0o777, MATE, MATE, True),
        (0o777, OWNER, STRANGER, False),
        # Nobody but a group, who trust each other, or the owner puts anything there.
        (0o2775, 0, MATE, True),
        (0o755, OWNER, MATE, True),
        (0o755, 0, MATE, True),
    ],
)
def test_a_marker_proves_something_of_its_owners_or_where_not_everybody_writes(
    tool: Tool, shared: Path, mode: int, around: int, marker: int, *, proves: bool
) -> None:
    os.chown(shared, around, around)
    shared.chmod(mode)
    os.lchown(shared / "turbo.json", marker, marker)
    told = tool.delete(shared, "--include-foreign")
    reason = None if proves else "unproven"
    assert told.reasons == {".turbo": reason, "work/.turbo": reason}
    assert set(told.outcomes.values()) == {"deleted" if proves else None}
    assert (shared / "work/.turbo").exists() is not proves


@pytest.mark.parametrize(
    ("marker", "content", "artifact"),
    [
        ("package.json", "{}", "node_modules"),
        ("package.json", '{"dependencies": {"next": "1"}}', ".next"),
        ("node_modules/.package-lock.json", "{}", "node_modules"),
        (".next/cache/x", "", ".next"),
        (
            "cache/CACHEDIR.TAG",
            "Signature: 8a477f597d28d172789f06886806bc55\n# created by pytest",
            "cache",
        ),
        ("node_modules/.bun/x", "", "node_modules"),
    ],
)
def test_a_stranger_proves_nothing_by_any_kind_of_marker(
    tool: Tool, tmp_path: Path, marker: str, content: str, artifact: str
) -> None:
    """Beside it, inside it where that is open to everybody, by what it says, by a directory."""
    needs_root()
    for owner, expected in {STRANGER: "unproven", OWNER: None}.items():
        top = tmp_path / str(owner)
        # Sources in what tags itself as a cache would keep it.
        declare(top, {artifact: {"blob": 100} if artifact == "cache" else FULL})
        for path in listing(top):
            os.lchown(os.path.join(os.fsencode(top), path), OWNER, OWNER)
        parts = marker.split("/")
        place = top
        for part in parts[:-1]:
            place /= part
            if not place.exists():
                place.mkdir()
                os.chown(place, owner, owner)
        (place / parts[-1]).write_text(content)
        os.chown(place / parts[-1], owner, owner)
        top.chmod(0o1777)
        (top / artifact).chmod(0o1777)
        told = tool.run(top, "--include-foreign", "--profile", "all")
        assert told.reasons.get(artifact, "unproven") == expected


def test_a_strangers_lock_file_says_nothing_of_how_to_get_it_back(tool: Tool, shared: Path) -> None:
    """Who runs the command there runs what the stranger wrote."""
    declare(shared / "work", {"package.json": "{}", "node_modules": FULL})
    (shared / "yarn.lock").write_text("")
    for owner, command in {STRANGER: "npm install", OWNER: "yarn install"}.items():
        os.chown(shared / "yarn.lock", owner, owner)
        for path in ("package.json", "node_modules"):
            os.chown(shared / "work" / path, OWNER, OWNER)
        row = tool.run(shared).rows["work/node_modules"]
        assert row["regenerate"] == command


@pytest.mark.parametrize(
    ("marker", "reason", "fact"),
    [
        (".cleanup-keep", "excluded", "there is a .cleanup-keep in {top}"),
        ("pyvenv.cfg", "installed", "part of the environment {top}, for its pyvenv.cfg"),
        (".vsixmanifest", "installed", "part of the editor extension {top}, for its .vsixmanifest"),
        (".git", "git-failed", "{top} holds a .git"),
    ],
)
def test_a_stranger_who_keeps_everybodys_artifacts_is_named(
    tool: Tool, shared: Path, marker: str, reason: str, fact: str
) -> None:
    (shared / marker).write_text("")
    by_whom = f", which the user {STRANGER} put into the sticky directory {shared}"
    for owner, named in {STRANGER: True, 0: False, OWNER: False}.items():
        os.chown(shared / marker, owner, owner)
        row = tool.run(shared).rows["work/.turbo"]
        assert row["reason"] == reason
        assert any(one == fact.format(top=shared) + by_whom for one in facts(row)) is named
        assert any("the user" in one for one in facts(row)) is named
