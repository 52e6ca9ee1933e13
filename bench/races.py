"""Which programs race against which, and what each has promised."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import agreement
import floor
import peers
import places
import source_tree
from peers import Peer
from places import TOOL
from race import MEGABYTE, Race, Subject, Target

MOST_MEMORY: Final = 80 * MEGABYTE
"""That the tool may take with the native engine, however large the tree."""

STAGE: Final = os.path.join(places.SCRIPTS, "stage.py")
"""The script that runs one stage of the pipeline alone."""

_MOST_FOR_WATCHING: Final = 1.05
"""Times the time of sizing that sizing with a watch may take."""

_ENGINES: Final = ("native", "python")

_THREADS_A_CORE: Final = 4
"""With a cold cache; more gained nothing where that was tried."""

_SIZERS: Final = ("du", "gdu", "dua", "pdu", "dust", "diskus")

_LABEL_OF_PEER: Final = {"fdfind": "fd", "release": "cleanup-nodemodule"}
"""Names that users know a program by, where ours is another one."""


@dataclass(frozen=True, slots=True)
class Field:
    """What takes part: the trees, and the peers that can be had."""

    tree: str
    """With artifacts."""
    single: str
    """The same packages in a single artifact."""
    source: str
    """Without artifacts."""
    peers: dict[str, peers.Found]
    rounds: int
    short_rounds: int
    cold_rounds: int

    def missing(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return which of *names* cannot be had here, and why."""
        known_as = {"fdfind": "Debian's fd", "release": f"cleanup-nodemodule {peers.RELEASE}"}
        return tuple(
            f"{known_as.get(name, name)}: {peer.reason}"
            for name in names
            if isinstance(peer := self.peers[name], peers.Missing)
        )

    def subject(self, name: str, options: Sequence[str], shown: Sequence[str]) -> list[Subject]:
        """Return a peer with the options it is run with, and those that are shown; [] if it is not there."""
        peer = self.peers.get(name)
        if not isinstance(peer, Peer):
            return []
        label = f"`{' '.join((_LABEL_OF_PEER.get(name, name), *shown))}` {peer.version}"
        return [Subject(name, label, (peer.path, *options))]


def sizing(field: Field, tree: str, title: str) -> Race:
    """Return the race of adding up a whole tree."""
    theirs = tuple(name for name in _SIZERS if isinstance(field.peers[name], Peer))
    targets = {
        "native": (Target(1.15, ("floor",)), Target(1.0, theirs)),
        "python": (Target(4.5, ("native",)),),
    }
    memory = {"native": MOST_MEMORY, "python": None}
    floors = floor.command("size", tree)
    subjects = [
        Subject("floor", "the floor: `getdents64` and `statx`, in C", floors, total=r"^(\d+) "),
        *(
            replace(sizing_stage(tree, engine), targets=targets[engine], most_memory=memory[engine])
            for engine in _ENGINES
        ),
        Subject(
            "watch",
            "the sizing stage, native engine, with the watch",
            stage("watch", tree, "native"),
            (Target(_MOST_FOR_WATCHING, ("native",)),),
            MOST_MEMORY,
            process="the same, with the start of Python (native, with the watch)",
            total=r'"allocated": (\d+)',
        ),
        *sizers(field, tree),
    ]
    return Race(title, tuple(subjects), field.rounds, field.missing(_SIZERS))


def sizing_stage(tree: str, engine: str) -> Subject:
    """Return the stage that adds up a whole tree."""
    return Subject(
        engine,
        f"the sizing stage, {engine} engine",
        stage("size", tree, engine),
        process=f"the same, with the start of Python ({engine})",
        total=r'"allocated": (\d+)',
    )


def sizers(field: Field, tree: str) -> list[Subject]:
    """Return the peers that add up a tree, each told to print one number of bytes.

    du defines what is right. What others leave out or count otherwise is said below the table.
    """
    total = "TREE"
    du = field.subject("du", ("-s", "--block-size=1", tree), ("-s", total))
    gdu = ("--non-interactive", "--no-progress", "--summarize", "--no-color", "--no-prefix")
    others = [
        (field.subject("gdu", (*gdu, tree), ("-nps", total)), r"^\s*(\d+) "),
        (
            field.subject("dua", ("--format", "bytes", "aggregate", tree), ("aggregate", total)),
            r"(\d+) b [^\n]*\n?\Z",  # the last line, which is the total if there are several
        ),
        (
            field.subject(
                "pdu", ("--bytes-format=plain", "--max-depth=1", tree), ("--max-depth=1", total)
            ),
            r"^\s*(\d+) ",
        ),
        (
            field.subject(
                "dust", ("-P", "-c", "-b", "-d", "0", "-o", "b", tree), ("-d", "0", total)
            ),
            r"^\s*(\d+)B ",
        ),
        (field.subject("diskus", (tree,), (total,)), r"^(\d+)$"),
    ]
    return [
        *(replace(subject, total=r"^(\d+)\t") for subject in du),
        *(
            replace(subject, total=pattern, exact=False)
            for subjects, pattern in others
            for subject in subjects
        ),
    ]


def finding(field: Field) -> Race:
    """Return the race of searching a tree where there is nothing to be found."""
    tree = field.source
    names = source_tree.names()
    expression = f"^({'|'.join(re.escape(name) for name in names)})$"
    # Ignored and hidden files too; directories; nothing beneath what matches.
    options = ("--unrestricted", "--type", "d", "--prune", "--case-sensitive", expression, tree)
    shown = ("-u", "-td", "--prune", "NAMES", "TREE")
    theirs = tuple(name for name in ("fd", "fdfind") if isinstance(field.peers[name], Peer))
    find = field.peers["find"]
    target = {"native": (Target(0.6, theirs),), "python": ()}
    memory = {"native": MOST_MEMORY, "python": None}
    subjects = [
        Subject("floor", "the floor: `getdents64`, in C", floor.command("find", tree)),
        *(
            Subject(
                engine,
                f"the search, {engine} engine",
                stage("find", tree, engine),
                target[engine],
                process=f"the same, with the start of Python ({engine})",
            )
            for engine in _ENGINES
        ),
        *(
            Subject(
                f"whole-{engine}",
                f"`cleanup-nodemodule --engine {engine} -p TREE -qf paths`",
                (TOOL, "--engine", engine, "-p", tree, "--format", "paths", "--quiet"),
                most_memory=memory[engine],
            )
            for engine in _ENGINES
        ),
        *field.subject("fd", options, shown),
        *field.subject("fdfind", options, shown),
    ]
    if isinstance(find, Peer):
        command = (*agreement.find_command(find.path, tree), "-print")
        label = f"`find TREE -type d NAMES -prune` {find.version}"
        subjects.append(Subject("find", label, command))
    return Race(
        f"Finding, {len(names)} names, none of them there, warm cache",
        tuple(subjects),
        field.rounds,
        field.missing(("fd", "fdfind", "find")),
    )


def whole_job(field: Field, tree: str, title: str, artifacts: int) -> Race:
    """Return the race from the command to the list of what was found and its size."""
    notes: list[str] = []
    # It finds nothing, but has been what the Python engine is held against since there was only that.
    rivals = field.subject("du", ("-s", tree), ("-s", "TREE"))
    targets: list[Target] = []
    npkill = field.peers["npkill"]
    if isinstance(npkill, Peer):
        command = npkill_command(npkill, tree)
        found = len(sizes_by_npkill(command))
        rivals.append(
            Subject(
                "npkill",
                f"`npkill -d TREE -nu` {npkill.version}, {found} of {artifacts} found",
                command,
                process=f"npkill {npkill.version}, with its end",
            )
        )
        notes.append(
            "npkill runs at a terminal of its own, as it has no output for programs and never ends"
            " by itself; its time is until it shows that its search is complete."
        )
        if found < artifacts:
            notes.append(
                f"npkill finds and sizes {found} of the {artifacts} artifacts here, and calls its"
                " search complete: its time is no measure of the whole job."
            )
        else:
            targets.append(Target(0.5, ("npkill",)))
    rivals += kondo(field, tree)
    targets.append(Target(1.0, ("kondo",)))
    for subject in field.subject("release", ("-p", tree), ("-p", "TREE")):
        rivals.append(replace(subject, label=f"{subject.label}, names only: it has no sizes"))
    missing = field.missing(("du", "npkill", "kondo", "release"))
    native, python = tool(tree)
    subjects = (
        replace(native, targets=tuple(targets)),
        replace(python, targets=(Target(2.2, ("du",)),)),
        *rivals,
    )
    return Race(title, subjects, field.rounds, missing, notes=tuple(notes))


def tool(tree: str) -> list[Subject]:
    """Return the whole job as this tool does it."""
    memory = {"native": MOST_MEMORY, "python": None}
    return [
        Subject(
            f"whole-{engine}",
            f"`cleanup-nodemodule --engine {engine} -p TREE --json`",
            (TOOL, "--engine", engine, "-p", tree, "--json"),
            most_memory=memory[engine],
        )
        for engine in _ENGINES
    ]


def kondo(field: Field, tree: str) -> list[Subject]:
    """Return the whole job as kondo does it; [] if it is missing."""
    return field.subject("kondo", ("--dry-run", tree), ("-n", "TREE"))


def npkill_command(npkill: Peer, tree: str) -> tuple[str, ...]:
    """Return how npkill is run at a terminal of its own until it has found everything."""
    watcher = os.path.join(places.SCRIPTS, "at_terminal.py")
    shown, key = "Search completed", "q"
    return (sys.executable, "-I", watcher, shown, key, npkill.path, "-d", tree, "-nu")


def sizes_by_npkill(command: Sequence[str]) -> list[int]:
    """Return the bytes of each directory that npkill came to a size of, as its log says."""
    with tempfile.TemporaryDirectory() as directory:
        environment = {**os.environ, "TMPDIR": directory}
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
        log = os.path.join(directory, "npkill-latest.log")
        with open(log, encoding="utf-8") as file:
            sizes = re.findall(r"Size of .*: (\d+)kb$", file.read(), re.MULTILINE)
        return [1024 * int(size) for size in sizes]


def start_up(field: Field) -> Race:
    """Return the race of doing nothing."""
    reference = Subject(
        "typer", '`python -c "import typer"`', (sys.executable, "-c", "import typer")
    )
    tool = Subject(
        "version",
        "`cleanup-nodemodule --version`",
        (TOOL, "--version"),
        (Target(1.3, ("typer",)),),
    )
    return Race("Start-up", (reference, tool), field.short_rounds)


def cold(race: Race, rounds: int, prepare: Callable[[], None]) -> Race:
    """Return a race with an empty cache before each program; nothing is promised for that.

    Threads that wait for a disk leave a core to others. So the floor runs a second time with several
    threads a core, as the native engine has them, and that a second time with one.
    """
    title = race.title.replace("warm cache", "cold cache")
    others = [other for subject in race.subjects if (other := _with_other_threads(subject))]
    subjects = tuple(
        replace(subject, targets=(), most_memory=None, total="")
        for subject in (*race.subjects, *others)
    )
    return replace(race, title=title, subjects=subjects, rounds=rounds, prepare=prepare)


def _with_other_threads(subject: Subject) -> Subject | None:
    """Return the floor with more threads, the native engine with fewer; None for anything else."""
    threads = os.cpu_count() or 1
    if subject.key == "floor":
        threads *= _THREADS_A_CORE
        program, doing, _threads, tree = subject.command
        command: tuple[str, ...] = (program, doing, str(threads), tree)
    elif subject.key == "native":
        command = (*subject.command, "--jobs", str(threads))
    else:
        return None
    label = f"{subject.label}, {threads} threads"
    key = f"{subject.key}-otherwise"
    process = subject.process and f"{subject.process}, {threads} threads"
    return replace(subject, key=key, label=label, command=command, process=process)


def stage(doing: str, tree: str, engine: str) -> tuple[str, ...]:
    """Return how one stage of the pipeline is run alone; see ``stage.py``."""
    return (sys.executable, STAGE, doing, tree, "--engine", engine)
