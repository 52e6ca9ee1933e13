"""Every command in the documents runs as it is printed, and does what the page says."""

import csv
import json
import os
import re
import subprocess
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import pytest

from support.documents import PAGES, Block, read
from support.needs import unable
from support.places import COMMAND
from support.processes import surroundings
from support.trees import declare, npm_project
from support.waiting import TIMEOUT

Key: TypeAlias = tuple[str, str, int]
"""A page, a heading, and the number of a block under it."""

SHELL: Final = {"sh", "crontab"}

INSTALLING: Final = ("README", "Install", 0)
"""The block that the tests of the first steps run, a line each."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A block that was run, and where."""

    home: Path
    out: str
    err: str
    code: int

    @property
    def paths(self) -> list[str]:
        """The paths at the ends of its lines, relative to the home directory."""
        found = (line.rpartition("\t")[2] for line in self.out.splitlines())
        return [os.path.relpath(path, self.home) for path in found]

    @property
    def there(self) -> set[str]:
        """The projects in ``~/work`` that have their ``node_modules``."""
        return {path.parent.name for path in self.home.glob("work/*/node_modules")}


ALL: Final = {"blog", "shop", "site"}

_NPM: Final = """#!/bin/sh
# What brings back the packages of a project, and notes where it was asked to.
pwd >>"$HOME/npm.log"
mkdir -p node_modules
"""

_SSH: Final = """#!/bin/sh
# Another machine, which has what this one has.
sh -c "$2" | sed "s/\\"host\\": \\"[^\\"]*\\"/\\"host\\": \\"$1\\"/g"
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home directory with projects: a new one, an old one, one that is in doubt, and other languages."""
    home = tmp_path / "home"
    packages = npm_project({"a": {"index.js": 100_000}})
    site = {**npm_project({"c": {"index.js": 50_000}}), "dist": {"index.html": "<p>mine</p>"}}
    declare(
        home,
        {
            "work": {
                "shop": packages,
                "blog": npm_project({"b": {"index.js": 10}}),
                "site": site,
                "crate": {
                    "Cargo.toml": "",
                    "target": {".rustc_info.json": "{}", "debug": {"a": 9}},
                },
                "script": {"a.py": "", "__pycache__": {"a.cpython-311.pyc": 99}},
                "own": {"bundler.conf": "", "bundle": {"a": 9}},
                "mine": {"WORKSPACE": "", "bazel-out": {"a": 9}},
                "loose": {"bundle": {"a": 9}},
            },
            "play": {"game": npm_project({"d": {"index.js": 10}})},
            "bin": {"npm": _NPM, "ssh": _SSH},
        },
    )
    for program in ("npm", "ssh"):
        (home / "bin" / program).chmod(0o755)
    (home / "bin/cleanup-nodemodule").symlink_to(COMMAND)
    (home / ".local/bin").mkdir(parents=True)
    (home / ".local/bin/cleanup-nodemodule").symlink_to(COMMAND)
    old = time.time() - 2000 * 86_400
    for path in (*(home / "work/blog").rglob("*"), home / "work/blog"):
        os.utime(path, (old, old), follow_symlinks=False)
    return home


def run(script: str, home: Path) -> Ran:
    """Run a script as somebody at home in *home* would, in ``~/work``."""
    here = {
        **{name: value for name, value in surroundings().items() if not name.startswith("XDG_")},
        "HOME": str(home),
        "PATH": f"{home}/bin:/usr/bin:/bin",
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=home / "work",
        env=here,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    return Ran(home, done.stdout, done.stderr, done.returncode)


def of_crontab(line: str) -> str:
    """Return the command of a line for cron, which runs it by ``sh`` and makes lines of percent signs."""
    when, command = re.fullmatch(r"((?:\S+\s+){5})(.*)\n", line).groups()  # type: ignore[union-attr]
    assert "%" not in command
    assert re.fullmatch(r"([\d*]+\s+)+", when)
    return f"exec sh -c {json.dumps(command)}"


BLOCKS: Final[dict[Key, Block]] = {}
for _page in PAGES:
    _seen: dict[str, int] = {}
    for _block in read(_page).blocks:
        if _block.language in SHELL:
            _number = _seen.get(_block.heading, -1) + 1
            _seen[_block.heading] = _number
            BLOCKS[_page.stem, _block.heading, _number] = _block

CHECKS: Final[dict[Key, Callable[[Ran], None]]] = {}
"""What each block has to have done."""

BEFORE: Final[dict[Key, str]] = {}
"""What is done before some blocks."""


Check: TypeAlias = Callable[[Ran], None]


def check(page: str, heading: str, number: int = 0, *, after: str = "") -> Callable[[Check], Check]:
    """Have a function check a block under a heading, which is run after a script."""

    def registered(function: Check) -> Check:
        CHECKS[page, heading, number] = function
        BEFORE[page, heading, number] = after
        return function

    return registered


DELETE: Final = "cleanup-nodemodule -p ~/work --no-dry-run --quiet"


def nothing_is_deleted(ran: Ran) -> None:
    assert ran.there == ALL
    assert ran.code == 0, ran.err


@check("recipes", "Not used for 90 days")
def _(ran: Ran) -> None:
    nothing_is_deleted(ran)
    assert "too-recent" in ran.out
    assert not re.search(r"^keep.*blog/node_modules$", ran.out, re.MULTILINE)


@check("recipes", "Until enough is free")
def _(ran: Ran) -> None:
    nothing_is_deleted(ran)
    assert "--free 20GB is not reached on " in ran.err


@check("choosing", "Choosing what goes")
def _(ran: Ran) -> None:
    nothing_is_deleted(ran)
    assert "too-recent" in ran.out
    assert "--free 20GB is not reached on " in ran.err


@check("README", "Use it")
@check("recipes", "The ten largest")
def _(ran: Ran) -> None:
    nothing_is_deleted(ran)
    assert {"work/shop/node_modules", "work/blog/node_modules"} <= set(ran.paths)


@check("recipes", "Look")
def _(ran: Ran) -> None:
    nothing_is_deleted(ran)
    assert ran.paths.count("work/shop/node_modules") == 3
    assert ran.paths.count("play/game/node_modules") == 1


@check("recipes", "Look for other languages")
def _(ran: Ran) -> None:
    nothing_is_deleted(ran)
    assert ran.paths.count("work/script/__pycache__") == 2
    assert ran.paths.count("work/crate/target") == 2
    assert "rust/target" in ran.out


@check("README", "Use it", 1)
@check("recipes", "Find out why one is kept")
def _(ran: Ran) -> None:
    nothing_is_deleted(ran)
    assert "unproven" in ran.out


@check("recipes", "Find out why one is kept", 1)
def _(ran: Ran) -> None:
    nothing_is_deleted(ran)
    assert f"{ran.home}/work/site/dist" in ran.out
    assert not re.search(r"^keep.*site/dist$", ran.out, re.MULTILINE)


@check("recipes", "The ten largest", 1)
def _(ran: Ran) -> None:
    nothing_is_deleted(ran)
    assert ran.paths[:2] == ["work/shop/node_modules", "work/site/node_modules"]
    assert "work/site/dist" in ran.paths


@check("recipes", "Not used for 90 days", 1)
def _(ran: Ran) -> None:
    nothing_is_deleted(ran)
    assert ran.paths == ["work/blog/node_modules"]


@check("recipes", "Not used for 90 days", 2)
def _(ran: Ran) -> None:
    assert (ran.code, ran.there) == (0, ALL - {"blog"}), ran.err


@check("README", "Use it", 2)
@check("recipes", "Delete, after a question")
def _(ran: Ran) -> None:
    assert (ran.code, ran.there) == (0, set()), ran.err
    assert (ran.home / "work/site/dist").exists()
    assert f"{ran.home}/work/shop/node_modules" in ran.out


@check("recipes", "From cron")
def _(ran: Ran) -> None:
    """Cron sends no mail."""
    assert (ran.code, ran.there, ran.out, ran.err) == (0, set(), "", "")
    assert (ran.home / "work/site/dist").exists()


@check("recipes", "Delete, after a question", 1)
def _(ran: Ran) -> None:
    assert (ran.code, ran.there) == (0, set()), ran.err
    assert len(list(ran.home.glob(".local/share/Trash/files/*"))) == len(ALL)


@check("recipes", "Leave some projects alone")
@check("recipes", "Leave some projects alone", 2)
def _(ran: Ran) -> None:
    nothing_is_deleted(ran)
    assert not re.search(r"^delete.*work/shop", ran.out, re.MULTILINE)
    assert re.search(r"^delete.*work/blog", ran.out, re.MULTILINE)


@check("recipes", "Leave some projects alone", 1)
def _(ran: Ran) -> None:
    assert run(DELETE, ran.home).there == {"shop"}


@check("configuration", "Leave something alone")
def _(ran: Ran) -> None:
    nothing_is_deleted(ran)
    assert "work/blog/node_modules" not in ran.paths
    assert re.search(r"^keep\texcluded.*work/shop", ran.out, re.MULTILINE)


@check("recipes", "Look for names of your own")
def _(ran: Ran) -> None:
    nothing_is_deleted(ran)
    assert re.search(r"^delete.*work/own/bundle$", ran.out, re.MULTILINE)
    assert not re.search(r"^delete.*work/loose/bundle$", ran.out, re.MULTILINE)


@check("recipes", "Look for names of your own", 1)
def _(ran: Ran) -> None:
    nothing_is_deleted(ran)
    assert len(re.findall(r"^delete.*/bundle$", ran.out, re.MULTILINE)) == 2


@check("configuration", "The file")
def _(ran: Ran) -> None:
    assert (ran.code, ran.err, ran.there) == (0, "", ALL)
    path = f"{ran.home}/.config/cleanup-nodemodule/config.toml"
    assert f"{path} is right\n" in ran.out
    assert re.search(rf'^max-delete\t"50GB"\tuser\t{path}, line \d+$', ran.out, re.MULTILINE)


@check("configuration", "The file", 1)
def _(ran: Ran) -> None:
    nothing_is_deleted(ran)
    assert re.search(r"^delete.*work/mine/bazel-out$", ran.out, re.MULTILINE)


@check("configuration", "The environment")
def _(ran: Ran) -> None:
    nothing_is_deleted(ran)
    by_size = run("cleanup-nodemodule ~/work", ran.home).paths
    assert sorted(ran.paths) == sorted(by_size)
    assert ran.paths != by_size


@check("recipes", "A job for each night")
def _(ran: Ran) -> None:
    assert (ran.code, ran.there) == (0, ALL), ran.err
    assert "work/blog/node_modules" in ran.paths
    assert re.search(r"^keep\texcluded.*work/shop", ran.out, re.MULTILINE)


@check(
    "recipes", "A job for each night", 1, after=BLOCKS["recipes", "A job for each night", 0].text
)
def _(ran: Ran) -> None:
    assert (ran.code, ran.there) == (0, ALL), ran.err
    assert f"{ran.home}/bin/cleanup-nodemodule run nightly" in ran.out
    assert run("cleanup-nodemodule run nightly", ran.home).there == {"shop", "site"}


@check("unattended", "Scheduling")
def _(ran: Ran) -> None:
    assert (ran.code, ran.there) == (0, ALL), ran.err
    assert "It deletes what it finds, and nobody is asked." in " ".join(ran.out.split())


@check("README", "Use it", 3)
def _(ran: Ran) -> None:
    assert (ran.code, ran.there) == (0, ALL), ran.err
    assert f"{ran.home}/bin/cleanup-nodemodule run weekly" in ran.out
    assert "It deletes what it finds, and nobody is asked." in " ".join(ran.out.split())
    assert run("cleanup-nodemodule run weekly", ran.home).there == set()


@check("recipes", "Room for a build")
def _(ran: Ran) -> None:
    nothing_is_deleted(ran)
    less = BLOCKS["recipes", "Room for a build", 1].text.replace("20GB", "1kB")
    assert run(less, ran.home).there == {"shop", "site"}


@check("recipes", "Room for a build", 1)
def _(ran: Ran) -> None:
    assert (ran.code, ran.there) == (0, set()), ran.err


@check("README", "Use it", 4)
@check("recipes", "In CI")
def _(ran: Ran) -> None:
    nothing_is_deleted(ran)
    document = json.loads(run("cleanup-nodemodule -p . --json", ran.home).out)
    assert int(ran.out) == document["totals"]["reclaimable_bytes"] > 100_000


@check("recipes", "In CI", 1)
def _(ran: Ran) -> None:
    nothing_is_deleted(ran)
    less = BLOCKS["recipes", "In CI", 1].text.replace("10GB", "2KiB")
    failed = run(less, ran.home)
    assert failed.code == 4
    assert "more than --fail-over 2KiB allows" in failed.err


@check(
    "recipes",
    "In CI",
    2,
    after="cleanup-nodemodule . --json >yesterday.json; head -c 300000 /dev/zero >shop/node_modules/a/new.js",
)
def _(ran: Ran) -> None:
    nothing_is_deleted(ran)
    grown = [line.split("\t") for line in ran.out.splitlines() if line.startswith("grown")]
    assert [(line[8], int(line[1]) >= 300_000) for line in grown] == [
        (f"{ran.home}/work/shop", True)
    ]
    assert sorted(path.name for path in ran.home.glob("work/*.json")) == ["yesterday.json"]
    [yesterday] = ran.home.glob("work/*.json")
    yesterday.unlink()
    first = run(f"set -e\n{BLOCKS['recipes', 'In CI', 2].text}", ran.home)
    assert first.code == 0, first.err
    assert yesterday.exists()


@check("recipes", "One spreadsheet of many machines")
def _(ran: Ran) -> None:
    nothing_is_deleted(ran)
    assert "2 audits of 2 machines: " in ran.err
    with open(ran.home / "all-machines.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["host"] for row in rows} == {"web-1", "web-2"}
    assert len(rows) == 2 * len({row["path"] for row in rows}) >= 2 * len(ALL)
    assert [line.split("\t")[-1] for line in ran.out.splitlines()[-2:]] == ["web-1", "web-2"]


@check(
    "recipes",
    "Leave artifacts out of a backup",
    after="mkdir -p deep/half; cd deep; cp -r ../shop \"$(printf 'half\\nof-it')\"; echo mine >half/thesis.txt",
)
def _(ran: Ran) -> None:
    nothing_is_deleted(ran)
    with tarfile.open(ran.home / "work.tar") as archive:
        names = {f"/{name}" for name in archive.getnames()}
    assert f"{ran.home}/work/shop/package.json" in names
    assert f"{ran.home}/work/site/dist/index.html" in names
    assert f"{ran.home}/work/deep/half/thesis.txt" in names
    assert f"{ran.home}/work/deep/half\nof-it/node_modules" in names
    left_out = set((ran.home / "exclude.txt").read_text().splitlines())
    assert f"{ran.home}/work/shop/node_modules" in left_out
    assert not {name for name in names if any(f"{name}/".startswith(f"{one}/") for one in left_out)}


@check("recipes", "One looks, another deletes")
def _(ran: Ran) -> None:
    nothing_is_deleted(ran)
    [looks] = re.findall(r"to look at it again: (.*)", ran.err)
    [deletes] = re.findall(r"To delete just that: (.*)", ran.err)
    assert deletes == f"{looks} --no-dry-run"
    # As for another person, for whom the file is one that somebody else could write.
    (ran.home / "work/plan.json").chmod(0o666)
    assert "add: --digest DIGEST" in run(looks.partition(" --digest")[0], ran.home).err
    looked = run(looks, ran.home)
    assert (looked.code, looked.there) == (0, ALL), looked.err
    assert run(deletes, ran.home).there == set()


@check("recipes", "One looks, another deletes", 1, after="cleanup-nodemodule --save-plan plan.json")
def _(ran: Ran) -> None:
    assert (ran.code, ran.there) == (0, set()), ran.err


@check("recipes", "From a list")
@check("scripts", "Lists")
def _(ran: Ran) -> None:
    nothing_is_deleted(ran)
    assert set(ran.paths) == {f"work/{name}/node_modules" for name in ALL}


@check("recipes", "How much would be free")
def _(ran: Ran) -> None:
    nothing_is_deleted(ran)
    assert ran.paths == ["work/shop", "work/site", "work/blog"]


@check("recipes", "Hand the paths to another program")
@check("scripts", "Paths")
def _(ran: Ran) -> None:
    nothing_is_deleted(ran)
    assert set(ran.paths) == {f"work/{name}/node_modules" for name in ALL}


@check("README", "Use it", 5, after=DELETE)
@check("recipes", "Undo", after=DELETE)
@check("undo", "Bring it back", after=DELETE)
def _(ran: Ran) -> None:
    assert ran.code == 0, ran.err
    assert ran.there == ALL
    asked = (ran.home / "npm.log").read_text().split()
    assert sorted(asked) == sorted(f"{ran.home}/work/{name}" for name in ALL)
    assert "npm ci" in ran.out


@check("undo", "What was deleted", after=DELETE)
def _(ran: Ran) -> None:
    assert ran.code == 0, ran.err
    lines, document = ran.out.split("{", 1)
    assert [lines.count(f"/work/{name}/node_modules") for name in sorted(ALL)] == [1, 2, 1]
    assert len(json.loads("{" + document)["entries"]) == 3


@check("history", "History", after=DELETE)
def _(ran: Ran) -> None:
    assert ran.code == 0, ran.err
    first, last = ran.out.splitlines()
    assert first == last
    assert first.split("\t")[6:9] == ["4", "3", "0"]
    assert "The history has no such runs." in ran.err


@check("history", "What grows", after=DELETE)
def _(ran: Ran) -> None:
    assert ran.code == 0, ran.err
    assert "How fast it grows cannot be said of fewer than 4 audits" in ran.err
    [line] = ran.out.splitlines()
    assert line.split("\t")[1:4] == ["1", "1", "0"]


@check("history", "How much it keeps", after=DELETE)
def _(ran: Ran) -> None:
    assert ran.code == 0, ran.err
    assert "0 runs taken out of the history" in ran.out
    written = (ran.home / ".config/cleanup-nodemodule/config.toml").read_text()
    assert 'history-max-age = "6mo"' in written


@check("undo", "After a crash")
@check("recipes", "After a crash")
def _(ran: Ran) -> None:
    nothing_is_deleted(ran)
    assert "Nothing is left of any interrupted run." in ran.err


RUN: Final = sorted(
    key for key, block in BLOCKS.items() if block.not_run is None and key != INSTALLING
)


@pytest.mark.slow
@pytest.mark.parametrize("key", RUN, ids=lambda key: "-".join(map(str, key)).replace(" ", "_"))
def test_what_a_block_says_is_what_happens(home: Path, key: Key) -> None:
    block = BLOCKS[key]
    for program in ("jq", "xargs"):
        if (
            f"{program} " in block.text
            and subprocess.run(["which", program], check=False).returncode
        ):
            unable(f"there is no {program}")
    if BEFORE.get(key):
        assert run(BEFORE[key], home).code == 0
    script = of_crontab(block.text) if block.language == "crontab" else block.text
    assert key in CHECKS, "no test says what this block does"
    CHECKS[key](run(script, home))


def test_every_check_has_its_block() -> None:
    assert set(CHECKS) - set(RUN) == set()


def test_a_block_that_is_not_run_says_why() -> None:
    reasons = {key: block.not_run for key, block in BLOCKS.items() if block.not_run is not None}
    assert {key for key, reason in reasons.items() if len(reason or "") < 20} == set()
    assert len(reasons) < len(RUN) / 4
