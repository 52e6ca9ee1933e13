"""One person looks and saves a plan, another one applies it: nothing else is deleted, and nothing that has changed."""

import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cleanup_nodemodule.record import lock
from cleanup_nodemodule.run.saved_plan import digest_of, plan_schema
from cleanup_nodemodule.words import size
from support.accounts import ANOTHER, SOMEBODY, as_account, give_away
from support.needs import needs_root
from support.places import COMMAND
from support.processes import Terminal
from support.tool import PROJECT, Told, Tool
from support.trees import declare, listing
from support.waiting import TIMEOUT


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """Three projects, and something that is kept."""
    declare(tmp_path / "top", {"a": PROJECT, "b": PROJECT, "c": {**PROJECT, "dist": {"x": 1}}})
    return tmp_path / "top"


def save(tool: Tool, top: Path, *arguments: str | Path) -> Path:
    """Save a plan of what can be deleted in *top*."""
    path = tool.home / "plan.json"
    told = tool.run(top, "--save-plan", path, *arguments)
    assert told.code == 0, told.errors
    assert digest(path) in told.errors
    return path


def document(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


def digest(path: Path) -> str:
    return str(document(path)["digest"])


def rewrite(path: Path, change: Callable[[dict[str, Any]], object], *, sign: bool = True) -> None:
    """Change a saved plan as somebody does who may write it, and give it the digest that belongs to it."""
    changed = document(path)
    change(changed)
    if sign:
        changed["digest"] = digest_of(changed)
    path.write_text(json.dumps(changed))


def apply(tool: Tool, top: Path, path: Path, *arguments: str | Path) -> Told:
    done = tool.tell("apply", path, "--json", *arguments)
    return Told(done.returncode, json.loads(done.stdout), done.stderr, top)


def refused(tool: Tool, top: Path, path: Path, *arguments: str | Path) -> str:
    """Apply a plan that is refused; return why."""
    before = listing(top)
    done = tool.tell("apply", path, "--no-dry-run", "--yes", *arguments)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert listing(top) == before
    return done.stderr


ALL = {f"{name}/node_modules": "deleted" for name in "abc"}


def test_just_what_the_plan_names_is_deleted(tool: Tool, top: Path) -> None:
    path = save(tool, top)
    jsonschema.validate(document(path), json.loads(plan_schema()))
    declare(top / "later", PROJECT)
    shown = apply(tool, top, path)
    assert shown.code == 0, shown.errors
    assert shown.reasons == dict.fromkeys(ALL)
    assert (top / "a/node_modules").is_dir()
    told = apply(tool, top, path, "--no-dry-run")
    assert told.code == 0, told.errors
    assert told.outcomes == ALL
    assert (top / "later/node_modules").is_dir()
    assert (top / "c/dist").is_dir()
    again = apply(tool, top, path, "--no-dry-run")
    assert again.code == 0, again.errors
    assert again.document["gone"] == [str(top / name) for name in ALL]
    assert again.document["artifacts"] == []


def _grow(top: Path) -> None:
    (top / "b/node_modules/pkg/more").write_text("more")


def _rewrite(top: Path) -> None:
    file = top / "b/node_modules/pkg/index.js"
    later = time.time() + 60
    file.write_text("work")
    os.utime(file, (later, later))


def _replace(top: Path) -> None:
    shutil.move(top / "b/node_modules", top / "b/old")
    declare(top / "b/node_modules", {"work": "of somebody"})


def _copy(top: Path) -> None:
    shutil.move(top / "b/node_modules", top / "b/old")
    shutil.copytree(top / "b/old", top / "b/node_modules")


def _empty(top: Path) -> None:
    (top / "b/node_modules/file").unlink()


def _rewrite_with_its_times(top: Path) -> None:
    file = top / "b/node_modules/pkg/index.js"
    before = file.stat()
    file.write_bytes(b"w" * before.st_size)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def _rewrite_with_an_old_time(top: Path) -> None:
    file = top / "b/node_modules/pkg/index.js"
    file.write_bytes(b"")
    os.utime(file, (1, 1))


def _rename_within(top: Path) -> None:
    """As many files, and nothing newer: but for directories, which change with a name in them."""
    around = top / "b/node_modules/pkg"
    before = around.stat()
    (around / "index.js").rename(around / "other.js")
    os.utime(around, ns=(before.st_atime_ns, before.st_mtime_ns))


def _make_private(top: Path) -> None:
    (top / "b/node_modules/pkg/index.js").chmod(0o600)


def _lead_elsewhere(top: Path) -> None:
    shutil.move(top / "b", top.parent / "elsewhere")
    (top / "b").symlink_to(top.parent / "elsewhere")


@pytest.mark.parametrize(
    "change",
    [
        *(_grow, _rewrite, _replace, _copy, _empty),
        *(_rewrite_with_its_times, _rewrite_with_an_old_time, _rename_within, _make_private),
    ],
)
def test_what_has_changed_is_spared(tool: Tool, top: Path, change: Callable[[Path], None]) -> None:
    path = save(tool, top)
    change(top)
    before = listing(top / "b")
    told = apply(tool, top, path, "--no-dry-run")
    assert told.code == 0, told.errors
    assert told.outcomes == {**ALL, "b/node_modules": None}
    assert told.reasons["b/node_modules"] == "changed"
    assert told.rows["b/node_modules"]["reason_detail"]
    assert listing(top / "b") == before


def test_a_link_that_comes_or_goes_elsewhere_is_no_change(tool: Tool, top: Path) -> None:
    store = top.parent / "store"
    store.write_text("of many")
    for name in ("a/node_modules/pkg/linked", "again"):
        (top / name).hardlink_to(store)
    path = save(tool, top)
    (top / "again").unlink()
    (top / "later").hardlink_to(store)
    told = apply(tool, top, path)
    assert told.reasons == dict.fromkeys(ALL), told.errors


def test_a_symlink_that_was_put_in_the_way_leads_nowhere(tool: Tool, top: Path) -> None:
    path = save(tool, top)
    _lead_elsewhere(top)
    told = apply(tool, top, path, "--no-dry-run")
    # It lies in no root of the plan any more.
    assert told.code == 3
    assert told.outcomes == {"a/node_modules": "deleted", "c/node_modules": "deleted"}
    assert (top.parent / "elsewhere/node_modules/file").exists()


def test_a_symlink_in_the_place_of_an_artifact_is_no_artifact(tool: Tool, top: Path) -> None:
    path = save(tool, top)
    shutil.move(top / "b/node_modules", top / "b/kept")
    (top / "b/node_modules").symlink_to("kept")
    told = apply(tool, top, path, "--no-dry-run")
    assert told.code == 3
    assert [one["code"] for one in told.document["problems"]] == ["named"]
    assert (top / "b/kept/file").exists()


def test_what_is_not_proven_any_more_is_kept_for_that(tool: Tool, top: Path) -> None:
    path = save(tool, top)
    (top / "a/package.json").unlink()
    (top / "b/.cleanup-keep").touch()
    told = apply(tool, top, path, "--no-dry-run")
    assert told.code == 0
    assert told.reasons == {
        "b/node_modules": "excluded",
        "a/node_modules": "unproven",
        "c/node_modules": None,
    }
    assert told.outcomes["c/node_modules"] == "deleted"


def test_what_whoever_applies_it_keeps_is_kept(tool: Tool, top: Path) -> None:
    path = save(tool, top)
    configuration = tool.home / "config/cleanup-nodemodule/config.toml"
    configuration.write_text(f'keep = ["{top}/a"]\n{configuration.read_text()}')
    told = apply(tool, top, path, "--no-dry-run")
    assert told.reasons["a/node_modules"] == "excluded"
    assert told.outcomes["b/node_modules"] == "deleted"


def test_settings_that_ask_for_less_proof_are_said_first(tool: Tool, top: Path) -> None:
    declare(top / "a/node-7", {"x": 1})
    (tool.home / "config/cleanup-nodemodule/config.toml").unlink()
    path = save(tool, top, "--also", "node-7", "--rule", "dist@package.json", "--assume-unused")
    told = apply(tool, top, path)
    assert told.reasons == {"a/node-7": None, "c/dist": None}
    first, second = told.errors.splitlines()[:2]
    assert "names 2 directories" in first
    assert "less proof than usual: --also node-7; own rules own/dist; --assume-unused" in second
    assert apply(tool, top, path, "--no-dry-run").outcomes == {
        "a/node-7": "deleted",
        "c/dist": "deleted",
    }


def test_a_plan_that_was_saved_when_there_was_one_number_still_counts(
    tool: Tool, top: Path
) -> None:
    path = save(tool, top)
    saved = document(path)
    assert saved["reclaimable_at_most_bytes"] == saved["reclaimable_bytes"]

    def age(plan: dict[str, Any]) -> None:
        for one in (plan, *plan["artifacts"]):
            del one["reclaimable_at_most_bytes"]

    rewrite(path, age)
    told = apply(tool, top, path, "--no-dry-run")
    assert told.outcomes == ALL
    assert f"names 3 directories, {size(saved['reclaimable_bytes'])}\n" in told.errors


def test_both_ends_are_told_of_a_plan_before_anything_happens(tool: Tool, top: Path) -> None:
    path = save(tool, top)
    rewrite(path, lambda plan: plan.update(reclaimable_bytes=5 << 20))
    rewrite(path, lambda plan: plan.update(reclaimable_at_most_bytes=112 << 20))
    assert "names 3 directories, 5.0 MiB, up to 112.0 MiB\n" in apply(tool, top, path).errors


def test_what_was_included_by_hand_is_deleted_if_it_is_as_it_was(tool: Tool, top: Path) -> None:
    path = save(tool, top, "--include-unproven", top / "c/dist")
    told = apply(tool, top, path, "--no-dry-run")
    assert told.outcomes == {**ALL, "c/dist": "deleted"}
    assert "--include-unproven for 1 directory" in told.errors


def test_what_was_used_since_is_spared_if_the_plan_is_of_what_was_not_used(
    tool: Tool, top: Path
) -> None:
    old = time.time() - 7 * 86400
    for name in ("package.json", "node_modules/file", "node_modules/pkg/index.js"):
        os.utime(top / "a" / name, (old, old))
    path = save(tool, top)
    rewrite(path, lambda plan: plan["settings"].update(older_than=86400))
    told = apply(tool, top, path, "--no-dry-run")
    assert told.code == 0, told.errors
    assert told.outcomes == {**dict.fromkeys(ALL), "a/node_modules": "deleted"}
    assert told.reasons["b/node_modules"] == "too-recent"
    assert "--older-than 1d" in told.rows["b/node_modules"]["reason_detail"]
    rewrite(path, lambda plan: plan["settings"].update(older_than=0))
    assert apply(tool, top, path, "--no-dry-run").outcomes["b/node_modules"] == "deleted"


def test_what_is_used_while_it_asks_is_spared_if_the_plan_is_of_what_was_not_used(
    tool: Tool, top: Path
) -> None:
    old = time.time() - 7 * 86400
    for around, directories, files in os.walk(top):
        for name in (*directories, *files):
            os.utime(Path(around, name), (old, old))
    path = save(tool, top, "--older-than", "1d")
    assert len(document(path)["artifacts"]) == len(ALL)
    arguments = ("apply", path, "--no-dry-run")
    command = (COMMAND, "--engine", tool.engine)
    with Terminal(*arguments, cwd=top, env=tool.env, command=command) as terminal:
        terminal.expect("[y/")
        (top / "b/index.js").write_text("work")
        terminal.type("y\n")
        assert terminal.finish() == 3
    assert [(top / name).exists() for name in ALL] == [False, True, False]


def test_a_limit_holds_for_a_plan_too(tool: Tool, top: Path) -> None:
    path = save(tool, top)
    before = listing(top)
    assert apply(tool, top, path, "--no-dry-run", "--max-delete", "2").code == 4
    assert listing(top) == before


def test_it_is_not_applied_while_another_run_deletes_there(tool: Tool, top: Path) -> None:
    path = save(tool, top)
    before = listing(top)
    state = os.path.join(tool.env["XDG_STATE_HOME"], "cleanup-nodemodule")
    with lock.acquire(state, [str(top / "a")], "0123456789abcdef"):
        assert apply(tool, top, path, "--no-dry-run").code == 5
    assert listing(top) == before


def test_what_interrupted_runs_left_is_not_in_the_plan(tool: Tool, top: Path) -> None:
    path = save(tool, top)
    left = top / "a/.cleanup-nodemodule-0123456789abcdef"
    declare(left, {"x": 1})
    assert apply(tool, top, path, "--no-dry-run").outcomes == ALL
    assert left.is_dir()


def test_a_plan_of_nothing_is_nothing_to_do(tool: Tool, tmp_path: Path) -> None:
    declare(tmp_path / "empty", {"x": {}})
    path = save(tool, tmp_path / "empty")
    done = tool.tell("apply", path, "--no-dry-run")
    assert (done.returncode, done.stdout) == (0, "")
    assert "The plan names nothing, so there is nothing to do." in done.stderr


# Who may, where and when.


def test_a_plan_that_was_changed_is_refused(one_tool: Tool, top: Path) -> None:
    path = save(one_tool, top)
    whole = path.read_text()
    path.write_text(whole.replace(str(top / "a"), str(top / "x")))
    assert "it was changed after it was saved" in refused(one_tool, top, path)
    path.write_text(whole[: len(whole) // 2])
    assert "it is no plan" in refused(one_tool, top, path)
    # How it is written does not matter.
    path.write_text(json.dumps(json.loads(whole), indent=7, sort_keys=True))
    assert one_tool.tell("apply", path).returncode == 0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda plan: plan.update(made_at=0, expires_at=60), "it counted until 1970-01-01"),
        (lambda plan: plan.update(made_at=2**40, expires_at=2**41), "set the clock"),
        (lambda plan: plan.update(machine="0" * 32, host="other"), "for the machine other"),
        (lambda plan: plan.update(plan_version=2), "a newer version of this program saved it"),
        (lambda plan: plan.update(plan_version=None), "it is no plan"),
        (lambda plan: plan.pop("artifacts"), "artifacts is not as it should be"),
        (lambda plan: plan.update(plan_version=True), "it is no plan"),
        (lambda plan: plan.update(plan_version=1.0), "it is no plan"),
        (lambda plan: plan.update(user="\ud800"), "it is no plan"),
        (lambda plan: plan["artifacts"][0].update(path="/x\ud800"), "it is no plan"),
        (lambda plan: plan["artifacts"][0].update(path="/x\0"), "it is no plan"),
        (lambda plan: plan.update(reclaimable_bytes=10**4000), "reclaimable_bytes is not"),
        (lambda plan: plan.update(reclaimable_bytes=-1), "reclaimable_bytes is not"),
        (lambda plan: plan.update(made_at=-(10**30)), "made_at is not"),
        (lambda plan: plan["settings"].update(older_than=10**400), "settings.older_than is not"),
        (lambda plan: plan["artifacts"][0].update(files=-1), "artifacts.files is not"),
        (lambda plan: plan["artifacts"][0].update(newest=10**30), "artifacts.newest is not"),
        (lambda plan: plan.update(more=1), "more is not as it should be"),
        (lambda plan: plan["artifacts"][0].update(path="/etc/node_modules"), "does not lie in"),
        (lambda plan: plan["artifacts"][0].update(path="relative"), "does not lie in"),
        (lambda plan: plan["artifacts"][0].update(inode="x"), "artifacts.0.inode is not"),
        (
            lambda plan: plan["artifacts"][0].update(
                path=plan["roots"][0] + "/../x/node_modules", root=plan["roots"][0]
            ),
            "does not lie in",
        ),
        (lambda plan: plan["settings"].update(rules=[{"id": "x"}]), "the plan, rule 1"),
        (lambda plan: plan["settings"].update(targets=[".git"]), "never done"),
        (lambda plan: plan["settings"].update(profiles=["nonsense"]), "nonsense"),
    ],
)
def test_what_is_not_for_here_and_now_is_refused(
    one_tool: Tool, top: Path, change: Callable[[dict[str, Any]], object], says: str
) -> None:
    path = save(one_tool, top)
    rewrite(path, change)
    assert says in refused(one_tool, top, path)


def test_a_plan_that_names_more_than_it_was_made_of_deletes_no_more(tool: Tool, top: Path) -> None:
    path = save(tool, top / "a")
    # Whoever may write it can name what they like; it is proven all the same, and has to be that very directory.
    rewrite(
        path,
        lambda plan: plan["artifacts"].append({**plan["artifacts"][0], "path": str(top / "a/src")}),
    )
    declare(top / "a/src", {"work": "of somebody"})
    told = apply(tool, top, path, "--no-dry-run")
    assert told.outcomes == {"a/node_modules": "deleted", "a/src": None}
    assert (top / "a/src/work").exists()


def test_a_shared_disk_is_the_same_for_another_machine(tool: Tool, top: Path) -> None:
    path = save(tool, top)

    def move(plan: dict[str, Any]) -> None:
        plan.update(machine="0" * 32, host="other", boot="another")
        for one in plan["artifacts"]:
            one["file_system"] = "nfs:server:/export"

    rewrite(path, move)
    # It is read here, and these directories do not lie on that disk.
    told = apply(tool, top, path, "--no-dry-run")
    assert told.code == 0, told.errors
    assert set(told.reasons.values()) == {"changed"}


def test_a_plan_that_others_could_write_needs_its_digest(one_tool: Tool, top: Path) -> None:
    path = save(one_tool, top)
    path.chmod(0o666)
    assert "somebody else could write it" in refused(one_tool, top, path)
    assert "you typed" in refused(one_tool, top, path, "--digest", "0" * 64)
    told = apply(one_tool, top, path, "--no-dry-run", "--digest", digest(path).upper())
    assert told.outcomes == ALL


def test_one_account_looks_and_another_deletes(tool: Tool, place: Path) -> None:
    needs_root()
    declare(place / "top", {"a": PROJECT})
    give_away(place / "top", account=SOMEBODY)
    for name, account in (("looks", SOMEBODY), ("applies", ANOTHER)):
        (place / name).mkdir()
        give_away(place / name, account=account)

    def run(account: int, name: str, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*as_account(account, anywhere=True), *tool.command, *arguments],
            cwd=place / name,
            env={**tool.env, "HOME": str(place / name), "XDG_STATE_HOME": str(place / name)},
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    path = place / "looks/plan.json"
    saved = run(SOMEBODY, "looks", place / "top", "--save-plan", path)
    assert saved.returncode == 0, saved.stderr
    done = run(ANOTHER, "applies", "apply", path, "--no-dry-run")
    assert done.returncode == 2
    assert "it belongs to another user" in done.stderr
    # Root may delete it, and the plan is not root's either.
    done = tool.tell("apply", path, "--no-dry-run")
    assert done.returncode == 2
    assert (place / "top/a/node_modules/file").exists()
    done = tool.tell("apply", path, "--no-dry-run", "--digest", digest(path))
    assert done.returncode == 0, done.stderr
    assert not (place / "top/a/node_modules").exists()


def test_what_is_no_file_is_no_plan(one_tool: Tool, top: Path) -> None:
    os.mkfifo(one_tool.home / "fifo")
    for path, says in (
        (one_tool.home / "fifo", "it is no regular file"),
        (top, "it is no regular file"),
        (Path("/dev/zero"), "it is no regular file"),
        (one_tool.home / "missing", "No such file or directory"),
    ):
        assert says in refused(one_tool, top, path)


# Saving.


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--save-plan", "missing/plan"), "No such file or directory"),
        (("--save-plan", "."), "Is a directory"),
        (("--save-plan", "plan/"), "Is a directory"),
        (("--save-plan", "/dev/full"), "it is no regular file"),
        (("--save-plan", "plan", "--no-dry-run"), "is for a dry run"),
        (("--save-plan", "plan", "--expires-in", "7"), "--expires-in 7 needs a unit"),
        (("--save-plan", "plan", "--expires-in", "0s"), "--expires-in cannot be 0s"),
        (("--save-plan", "plan", "--expires-in", "30y"), "--expires-in cannot be 30y"),
        (("--expires-in", "7d"), "add --save-plan plan.json"),
    ],
)
def test_where_it_cannot_be_saved_nothing_is_searched(
    one_tool: Tool, top: Path, arguments: tuple[str, ...], says: str
) -> None:
    done = one_tool.tell(top, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    # The history has it.
    assert sorted(os.listdir(one_tool.home)) == ["config", "state"]


def test_a_plan_takes_the_place_of_a_plan_and_of_nothing_else(one_tool: Tool, top: Path) -> None:
    package = top / "a/package.json"
    done = one_tool.tell(top, "--save-plan", package)
    assert done.returncode == 2
    assert "there is a file that is no plan; type another name" in done.stderr
    assert package.read_text() == "{}"
    path = save(one_tool, top)
    before = path.read_bytes()
    save(one_tool, top, "--expires-in", "1h")
    assert path.read_bytes() != before
    path.write_bytes(b"")  # As mktemp(1) makes it.
    save(one_tool, top)


def test_how_long_it_counts(one_tool: Tool, top: Path) -> None:
    for arguments, seconds in (((), 7 * 86400), (("--expires-in", "2w"), 14 * 86400)):
        saved = document(save(one_tool, top, *arguments))
        assert saved["expires_at"] - saved["made_at"] == seconds
        assert abs(saved["made_at"] - time.time()) < 600


def test_an_interrupted_run_saves_nothing(one_tool: Tool, top: Path) -> None:
    path = save(one_tool, top)
    before = path.read_bytes()
    with Terminal(top, "--save-plan", path, cwd=one_tool.home, env=one_tool.env) as terminal:
        terminal.type("\x03")
        code = terminal.finish()
    if code == 130:  # It may have been faster.
        assert path.read_bytes() == before
    assert os.listdir(one_tool.home).count("plan.json") == 1
    assert not [name for name in os.listdir(one_tool.home) if name.endswith(".tmp")]


def test_at_a_terminal_it_is_asked(tool: Tool, top: Path) -> None:
    path = save(tool, top)
    command = (COMMAND, "--engine", tool.engine)
    for answer, gone in (("n\n", False), ("y\n", True)):
        with Terminal(
            *("apply", path, "--no-dry-run"), cwd=tool.home, env=tool.env, command=command
        ) as terminal:
            terminal.expect("Delete 3 directories")
            terminal.type(answer)
            assert terminal.finish() == 0
        assert (top / "a/node_modules").exists() is not gone


def test_names_that_are_not_text_are_saved_as_they_are(tool: Tool, tmp_path: Path) -> None:
    declare(tmp_path / "top", {b"\xff\n\x1b[31m": PROJECT})
    path = save(tool, tmp_path / "top")
    told = apply(tool, tmp_path / "top", path, "--no-dry-run")
    assert list(told.outcomes.values()) == ["deleted"]
    with contextlib.suppress(FileNotFoundError):
        assert not os.path.lexists(os.fsencode(tmp_path / "top") + b"/\xff\n\x1b[31m/node_modules")


def test_the_published_schema_is_that_of_the_program() -> None:
    published = Path(__file__).parents[2] / "docs/schema/plan-1.json"
    assert json.loads(published.read_text()) == json.loads(plan_schema())
