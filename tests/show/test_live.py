"""What is shown while a run is at work, and that nothing of it stays behind."""

import asyncio
import io
import os
import random
import re
import signal
from pathlib import Path

import pytest

from cleanup_nodemodule.model import Progress
from cleanup_nodemodule.show.fitting import cells
from cleanup_nodemodule.show.progress import Live
from cleanup_nodemodule.work.progress import Doing, Scene, Spectator, Tracker
from support.held import Held
from support.screen import Screen
from support.waiting import await_condition


@pytest.fixture
def held(tmp_path: Path) -> Held:
    return Held(tmp_path)


def state(process: int) -> str:
    """Return the state of a process (proc_pid_stat(5))."""
    return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]


def listed(screen: Screen) -> list[str]:
    """Return the lines above the progress line."""
    return screen.visible[:-1]


def ageless(line: str) -> str:
    """Return a line of the table without the time that has gone by."""
    return re.sub(r"  (a|an|\d+) \w+ +(?=p\d\d)", "  ", line)


def test_the_largest_are_listed_while_it_is_at_work_and_then_replaced(held: Held) -> None:
    with Screen(80, 24) as screen:
        screen.start(cwd=held.tree, env=held.env)
        screen.wait_for("Asking git about ~/tree: 28 found, ")
        screen.wait_for("60.0 KiB")
        found = listed(screen)
        assert len(found) == 10
        assert found[0] == "    60.0 KiB  ~/tree/p13/node_modules"
        assert found[9] == "    24.0 KiB  ~/tree/p04/node_modules"
        held.let_go()
        assert screen.finish() == 0
        with_it = screen.text
        assert not screen.hides_cursor
        assert b"\x1b[?" not in screen.output
    with Screen(80, 24) as screen:
        without = screen.run("--no-progress", cwd=held.tree, env=held.env)
    assert list(map(ageless, with_it)) == list(map(ageless, without))


@pytest.mark.parametrize(("lines", "most"), [(10, 4), (6, 2), (3, 0)])
def test_a_low_terminal_lists_fewer(held: Held, lines: int, most: int) -> None:
    with Screen(80, lines) as screen:
        screen.start(cwd=held.tree, env=held.env)
        screen.wait_for("Asking git about ~/tree: 28 found, ")
        assert len(listed(screen)) == most
        held.let_go()
        assert screen.finish() == 0
        assert "Asking" not in "".join(screen.text)
        assert screen.text[0] == "Kept in ~/tree:"


def test_a_run_that_is_stopped_takes_its_list_away(held: Held) -> None:
    with Screen(80, 24) as screen:
        screen.start("--format", "paths", cwd=held.tree, env=held.env)
        screen.wait_for("28 found")
        screen.type("\x03")
        assert screen.finish() == 130
        assert not [line for line in screen.text if "KiB  ~/" in line or "found, " in line]


@pytest.mark.parametrize("size", [(50, 24), (120, 40), (80, 8)])
def test_a_terminal_of_another_size_gets_all_of_it_anew(held: Held, size: tuple[int, int]) -> None:
    with Screen(80, 24) as screen:
        screen.start(cwd=held.tree, env=held.env)
        screen.wait_for("28 found")
        screen.resize(*size)
        before = len(screen.output)
        await_condition(
            lambda: bool(screen.terminal.read()) and len(screen.output) > before + 100,
            "it was painted again",
        )
        assert len(listed(screen)) == min(10, (size[1] - 2) // 2)
        assert all(cells(line) < size[0] for line in screen.visible)
        held.let_go()
        assert screen.finish() == 0
        # What a lower terminal has scrolled away by then is out of reach.
        assert "Asking git" not in "".join(screen.visible)
        assert [line for line in screen.text if line == "Kept in ~/tree:"] != []


def test_a_run_that_was_stopped_for_a_while_leaves_the_shell_alone(held: Held) -> None:
    with Screen(80, 24) as screen:
        screen.start(cwd=held.tree, env=held.env)
        screen.wait_for("28 found")
        process = screen.terminal.process
        os.kill(process.pid, signal.SIGSTOP)
        await_condition(
            lambda: state(process.pid) == "T",
            "it was stopped",
        )
        shell = os.open(f"/proc/{process.pid}/fd/2", os.O_WRONLY | os.O_NOCTTY)
        os.write(shell, b"\r\n[1]+  Stopped\r\n$ fg\r\n")
        os.close(shell)
        os.kill(process.pid, signal.SIGCONT)
        held.let_go()
        assert screen.finish() == 0
        assert "[1]+  Stopped" in screen.text
        assert "$ fg" in screen.text


@pytest.mark.parametrize(
    ("arguments", "env"),
    [(["--no-progress"], {}), (["-q"], {}), ([], {"TERM": "dumb"}), ([], {"TERM": "unknown"})],
)
def test_nothing_is_painted_where_nobody_wants_it(
    held: Held, arguments: list[str], env: dict[str, str]
) -> None:
    held.let_go()
    with Screen(80, 24) as screen:
        screen.run(*arguments, cwd=held.tree, env={**held.env, **env})
        assert screen.code == 0
        assert b"\x1b[J" not in screen.output
        assert b"Looking around" not in screen.output


def test_it_is_of_ascii_where_the_encoding_is(held: Held) -> None:
    with Screen(50, 24) as screen:
        screen.start(cwd=held.tree, env={**held.env, "PYTHONIOENCODING": "ascii"})
        screen.wait_for("28 found")
        assert "".join(screen.visible).isascii()
        held.let_go()
        assert screen.finish() == 0
        assert screen.output.isascii()


# What the line says.


class Stream(io.StringIO):
    """A stream of UTF-8 that is no terminal, so that it has 80 columns."""

    encoding = "utf-8"


def said(doing: Doing, place: str, progress: Progress, room: int = 77) -> str:
    live = Live(Stream(), "/home/me")
    live.scene.doing, live.scene.place = doing, place
    live(progress)
    return live._said(room)  # noqa: SLF001 - what would be painted, whatever the time


HALF = Progress(12_345, 31, 1_288_490_189)


@pytest.mark.parametrize(
    ("doing", "place", "words"),
    [
        (Doing.BEGINNING, "", "Looking around"),
        (
            Doing.SEARCHING,
            "/home/me/work/shop/packages/user-interface/src",
            "Searching ~/work/shop/packages/…: 12,345 directories, 31 found, 1.2 GiB",
        ),
        (
            Doing.SEARCHING,
            "/home/me/work",
            "Searching ~/work: 12,345 directories, 31 found, 1.2 GiB",
        ),
        (Doing.ASKING, "/srv/shop", "Asking git about /srv/shop: 31 found, 1.2 GiB"),
        (
            Doing.MEASURING,
            "/home/me/work/shop/packages/user-interface/one-more/node_modules",
            "Measuring ~/…/user-interface/one-more/node_modules: 31 found, 1.2 GiB",
        ),
        (Doing.CHECKING, "", "Checking what is inside: 31 found, 1.2 GiB"),
    ],
)
def test_the_line_says_what_is_done_and_where(doing: Doing, place: str, words: str) -> None:
    assert said(doing, place, HALF) == words


def test_the_line_says_how_far_a_deletion_is() -> None:
    progress = Progress(artifacts=32, deleted=2, freed_bytes=310 << 20)
    place = "/home/me/work/shop/web/node_modules"
    assert said(Doing.DELETING, place, progress) == (
        "Deleting 3 of 32: ~/work/shop/web/node_modules, 310.0 MiB freed"
    )
    assert said(Doing.DELETING, place, progress, 50) == (
        "Deleting 3 of 32: …/node_modules, 310.0 MiB freed"
    )
    assert said(Doing.TRASHING, "/srv/x/dist", progress) == (
        "Moving 3 of 32 to the trash: /srv/x/dist"
    )
    assert said(Doing.DELETING, "", Progress(artifacts=1, deleted=1)) == (
        "Deleting 1 of 1, 0 B freed"
    )


def test_the_place_goes_before_anything_else_where_there_is_no_room() -> None:
    place = "/home/me/work/shop/packages"
    assert said(Doing.SEARCHING, place, HALF, 56) == (
        "Searching ~/…: 12,345 directories, 31 found, 1.2 GiB"
    )
    assert said(Doing.SEARCHING, place, HALF, 40) == (
        "Searching: 12,345 directories, 31 found, 1.2 GiB"
    )


# Nothing is painted twice that is on the screen.


def test_only_what_has_changed_is_painted_again() -> None:
    stream = Stream()
    live = Live(stream)

    async def watch() -> list[str]:
        painted = []
        with live:
            live.scene.doing = Doing.SEARCHING
            live.scene.grew("/srv/a/node_modules", 5)
            for _ in range(2):
                stream.seek(stream.truncate(0))
                live._paint()  # noqa: SLF001 - as the clock would
                painted.append(stream.getvalue())
        return painted

    first, second = asyncio.run(watch())
    assert "/srv/a/node_modules" in first
    assert "/srv/a/node_modules" not in second
    assert second.startswith("\r")


# The scene.


def test_the_largest_are_known_however_they_came_about() -> None:
    chance = random.Random(7)
    scene, sizes = Scene(), dict[str, int]()
    for _ in range(5_000):
        path = f"/srv/{chance.randrange(60)}"
        if chance.random() < 0.02:
            scene.forget(path)
            sizes.pop(path, None)
        else:
            more = chance.choice([0, 1, 10, 1000])
            scene.grew(path, more)
            sizes[path] = sizes.get(path, 0) + more
        largest = scene.largest(4)
        assert [count for _, count in largest] == sorted(sizes.values(), reverse=True)[:4]
        assert all(sizes[found] == count for found, count in largest)


def test_what_was_found_is_listed_before_anything_is_known_of_it() -> None:
    scene = Scene()
    scene.grew("/srv/a", 0)
    assert scene.largest(9) == [("/srv/a", 0)]


def test_what_there_is_to_do_is_shown_before_any_of_it_is_done() -> None:
    live = Live(Stream())
    Tracker(live, Progress(artifacts=32)).at(Doing.DELETING, "/srv/dist")
    assert live._said(77) == "Deleting 1 of 32: /srv/dist, 0 B freed"  # noqa: SLF001 - as above


def test_a_tracker_tells_the_scene_of_who_has_one_and_all_others_as_before() -> None:
    class Both(Spectator):
        told: Progress | None = None

        def __call__(self, progress: Progress) -> None:
            self.told = progress

    both = Both()
    told: list[Progress] = []
    for watch in (both, told.append):
        tracker = Tracker(watch)
        tracker.at(Doing.MEASURING)
        tracker.found("/srv/a", 0)
        tracker.add(artifacts=1)
        tracker.measured("/srv/a", 7)
        tracker.found("/srv/b", 0)
        tracker.lost("/srv/b")
    assert both.told == told[-1] == Progress(artifacts=1, measured_bytes=7)
    assert len(told) == 2
    assert (both.scene.largest(9), both.scene.place) == ([("/srv/a", 7)], "/srv/a")
