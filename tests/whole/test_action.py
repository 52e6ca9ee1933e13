"""The GitHub Action: its scripts are run as a runner runs them, with what people and attackers put into inputs."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from support.needs import unable
from support.places import CHECKOUT, COMMAND
from support.processes import surroundings
from support.trees import declare, npm_project
from support.waiting import TIMEOUT

ACTION: Final[dict[str, Any]] = yaml.safe_load((CHECKOUT / "action.yml").read_text())
STEPS: Final[list[dict[str, Any]]] = ACTION["runs"]["steps"]
INSTALL, RUN = STEPS
EXAMPLE: Final = CHECKOUT / "contrib/github-workflow.yml"

_EXPRESSION: Final = re.compile(r"\$\{\{ inputs\.([\w-]+) \}\}")


@dataclass(frozen=True, slots=True)
class Done:
    """A step that was run."""

    code: int
    log: str
    outputs: dict[str, str]
    summary: str


class Runner:
    """Runs a step in a workspace, with the files and variables that a runner has (docs of GitHub Actions)."""

    def __init__(self, top: Path) -> None:
        self.workspace = top / "workspace"
        self.temp = top / "temp"
        self.home = top / "home"
        for directory in (self.workspace, self.temp, self.home):
            directory.mkdir()
        self._files = {
            "GITHUB_OUTPUT": top / "output",
            "GITHUB_STEP_SUMMARY": top / "summary",
        }

    def install(self) -> None:
        """Put the tested program where the first step puts it."""
        bin_ = self.temp / "cleanup-nodemodule/bin"
        bin_.mkdir(parents=True)
        (bin_ / "cleanup-nodemodule").symlink_to(COMMAND)
        (bin_ / "python").symlink_to(sys.executable)

    def run(self, step: Mapping[str, Any], **inputs: str) -> Done:
        """Run a step with these inputs, ``_`` for ``-``, and else the defaults."""
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        assert given.keys() <= ACTION["inputs"].keys()
        values = {name: given.get(name, one["default"]) for name, one in ACTION["inputs"].items()}
        env = {}
        for variable, expression in step["env"].items():
            match = _EXPRESSION.fullmatch(expression)
            assert match is not None, expression
            env[variable] = values[match[1]]
        for path in self._files.values():
            path.write_text("")
        assert step["shell"] == "bash"
        script = self.temp / "script.sh"
        script.write_text(step["run"])
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", script],
            cwd=self.workspace,
            env=surroundings(
                {
                    **env,
                    **{name: str(path) for name, path in self._files.items()},
                    "RUNNER_TEMP": str(self.temp),
                    "GITHUB_ACTION_PATH": str(CHECKOUT),
                    "HOME": str(self.home),
                }
            ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TIMEOUT,
            check=False,
        )
        log = done.stdout.decode("utf-8", "surrogateescape")
        outputs = parsed(self._files["GITHUB_OUTPUT"].read_text())
        return Done(done.returncode, log, outputs, self._files["GITHUB_STEP_SUMMARY"].read_text())


def parsed(text: str) -> dict[str, str]:
    """Return what the runner takes from the file of outputs: a name, a word that ends the value, the value."""
    found: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, _, end = line.partition("<<")
        assert end, line
        value = []
        for more in lines:
            if more == end:
                break
            value.append(more)
        found[name] = "\n".join(value)
    return found


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """A runner with the program, and two projects in its workspace."""
    made = Runner(tmp_path)
    made.install()
    declare(
        made.workspace,
        {"shop": npm_project({"a": {"x.js": 50_000}}), "site": npm_project({"b": {"x.js": 9}})},
    )
    return made


def there(runner: Runner) -> set[str]:
    return {path.parent.name for path in runner.workspace.glob("*/node_modules")}


def test_a_dry_run_tells_and_deletes_nothing(runner: Runner) -> None:
    done = runner.run(RUN)
    assert done.code == 0, done.log
    assert there(runner) == {"shop", "site"}
    assert set(done.outputs) == set(ACTION["outputs"])
    for name, output in ACTION["outputs"].items():
        assert output["value"] == f"${{{{ steps.run.outputs.{name} }}}}"
    report = json.loads(Path(done.outputs["report"]).read_text())
    assert done.outputs["reclaimable-bytes"] == str(report["totals"]["reclaimable_bytes"])
    assert int(done.outputs["reclaimable-bytes"]) > 50_000
    at_most = str(report["totals"]["reclaimable_at_most_bytes"])
    assert done.outputs["reclaimable-at-most-bytes"] == at_most
    assert (done.outputs["count"], done.outputs["found"]) == ("2", "2")
    assert (done.outputs["freed-bytes"], done.outputs["grown-bytes"]) == ("0", "")
    assert done.outputs["exit-code"] == "0"
    assert "## 2 of 2 directories can be deleted" in done.summary
    assert "shop/node_modules" in done.summary
    assert f"\t{runner.workspace}/shop/node_modules\n" in done.log


def test_it_deletes_when_told_to(runner: Runner) -> None:
    done = runner.run(RUN, delete="true")
    assert done.code == 0, done.log
    assert there(runner) == set()
    assert int(done.outputs["freed-bytes"]) > 50_000


@pytest.mark.parametrize("word", ["yes", "TRUE", "true\nfalse", "1", "$(id)"])
def test_only_the_word_true_deletes(runner: Runner, word: str) -> None:
    done = runner.run(RUN, delete=word)
    assert done.code == 2
    assert "::error::the input delete has to be true or false" in done.log
    assert there(runner) == {"shop", "site"}


def test_options_cannot_make_a_deletion_of_a_dry_run(runner: Runner) -> None:
    done = runner.run(RUN, options="--no-dry-run\n--yes")
    assert done.code == 2
    assert "contradict each other" in done.log
    assert there(runner) == {"shop", "site"}


HOSTILE: Final = (
    "'",
    '"',
    "a; touch pwned",
    "$(touch pwned)",
    "`touch pwned`",
    "a && touch pwned #",
    "| touch pwned",
    "-rf",
    "--no-dry-run",
    "\\",
    "*",
    "~",
    "ä ö\tü",
    "${{ github.token }}",
)


INPUTS: Final = (
    "path",
    "profile",
    "options",
    "max_delete",
    "fail_over",
    "fail_if_grown",
    "compare_with",
)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        # Those that are split into words get all of them; of the others each has its turn with three.
        (name, word)
        for place, name in enumerate(INPUTS)
        for turn, word in enumerate(HOSTILE)
        if name in {"path", "options"} or (turn + place) % 5 == 0
    ],
)
def test_no_input_is_taken_for_a_command(runner: Runner, name: str, word: str) -> None:
    done = runner.run(RUN, **{name: word})
    assert done.code in {0, 2}, done.log
    assert "syntax error" not in done.log
    assert "unbound variable" not in done.log
    assert not list(runner.workspace.rglob("pwned"))
    assert there(runner) == {"shop", "site"}


@pytest.mark.parametrize("name", ["a b", "x;y", "q'uo\"te", "$HOME", "-p", "--", "ü", "*"])
def test_a_directory_with_any_name_is_searched(runner: Runner, name: str) -> None:
    declare(runner.workspace, {name: {"shop": npm_project({"a": {"x.js": 1}})}})
    done = runner.run(RUN, path=f"{name}\nsite")
    assert (done.code, done.outputs["count"]) == (0, "2"), done.log


def test_lines_without_anything_and_line_ends_of_windows_do_no_harm(runner: Runner) -> None:
    done = runner.run(RUN, path="\r\n  \nshop\r\n\nsite", profile="js\r\npython\r\n")
    assert (done.code, done.outputs["count"]) == (0, "2"), done.log


def test_the_report_may_have_a_name_that_would_forge_an_output(runner: Runner) -> None:
    name = "a\ncount<<x\n99\nx"
    done = runner.run(RUN, report=name)
    assert done.code == 0, done.log
    assert done.outputs["count"] == "2"
    assert done.outputs["report"] == str(runner.workspace / name)


def test_the_name_of_a_directory_is_no_command_to_the_runner(runner: Runner) -> None:
    declare(runner.workspace, {"::error::x": {"##[error]y": npm_project({"a": {"x.js": 1}})}})
    done = runner.run(RUN)
    lines = done.log.splitlines()
    [stop] = [number for number, line in enumerate(lines) if line.startswith("::stop-commands::")]
    token = lines[stop].removeprefix("::stop-commands::")
    assert re.fullmatch(r"[0-9a-f]{32}", token)
    again = lines.index(f"::{token}::")
    named = [number for number, line in enumerate(lines) if "##[error]y" in line]
    assert named
    assert all(stop < number < again for number in named)


def test_limits_fail_the_step_after_everything_was_written(runner: Runner) -> None:
    done = runner.run(RUN, fail_over="1")
    assert (done.code, done.outputs["exit-code"], done.outputs["count"]) == (4, "4", "2")
    assert "1 more than --fail-over 1 allows" in done.log
    assert "--fail-over" in done.summary
    done = runner.run(RUN, delete="true", max_delete="1")
    assert (done.code, there(runner)) == (4, {"shop", "site"})


def test_what_grew_since_the_last_report_is_shown(runner: Runner) -> None:
    name = str(runner.home / "kept.json")
    first = runner.run(RUN, report=name, compare_with=name, fail_if_grown="100kB")
    assert (first.code, first.outputs["grown-bytes"]) == (0, ""), first.log
    (runner.workspace / "shop/node_modules/a/more.js").write_bytes(b"x" * 300_000)
    second = runner.run(RUN, report=name, compare_with=name, fail_if_grown="100kB")
    assert second.code == 4, second.log
    assert int(second.outputs["grown-bytes"]) >= 300_000
    assert "more than --fail-if-grown 100kB allows" in second.log
    assert f"{runner.workspace}/shop" in second.summary
    assert runner.run(RUN, report=name, compare_with=name, fail_if_grown="100kB").code == 0


def test_what_could_not_be_read_is_a_warning(runner: Runner) -> None:
    done = runner.run(RUN, path=".\nnot-there")
    assert (done.code, done.outputs["exit-code"]) == (0, "3"), done.log
    assert "::warning::" in done.log


def test_the_summary_can_be_left_out(runner: Runner) -> None:
    assert runner.run(RUN, summary="false").summary == ""


def test_nothing_is_left_in_the_temporary_directory(runner: Runner) -> None:
    before = set(os.listdir(runner.temp))
    runner.run(RUN)
    assert set(os.listdir(runner.temp)) - before <= {"script.sh", "cleanup-nodemodule.json"}


# What installs it.


@pytest.mark.slow
def test_it_is_installed_from_the_checkout_of_the_action(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    done = runner.run(INSTALL, python=sys.executable)
    if done.code and any(
        words in done.log
        for words in ("No matching distribution", "Connection", "Temporary failure")
    ):
        unable("the packages it needs cannot be had")
    assert done.code == 0, done.log
    declare(runner.workspace, {"shop": npm_project({"a": {"x.js": 50_000}})})
    assert runner.run(RUN).outputs["count"] == "1"
    # A second step of the same job finds it there.
    assert runner.run(INSTALL, python="no-such-python").code == 0


def test_a_python_that_is_too_old_is_said(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    done = runner.run(INSTALL, python="false")
    assert done.code == 1
    assert "::error::cleanup-nodemodule needs Python 3.11 or newer" in done.log


# What is checked without running it.


def test_no_expression_stands_in_a_script() -> None:
    for step in STEPS:
        assert "${{" not in step["run"]
        assert "uses" not in step
    for path in (CHECKOUT / "contrib/action").iterdir():
        if path.suffix in {".sh", ".py"}:
            assert "${{" not in path.read_text()


def test_every_input_is_used_and_has_a_default() -> None:
    used = {
        match[1]
        for step in STEPS
        for value in step["env"].values()
        if (match := _EXPRESSION.fullmatch(value))
    }
    assert used == set(ACTION["inputs"])
    assert all(isinstance(one["default"], str) for one in ACTION["inputs"].values())
    assert ACTION["inputs"]["delete"]["default"] == "false"


def test_the_scripts_are_sound() -> None:
    if shutil.which("shellcheck") is None:
        unable("there is no shellcheck")
    scripts = sorted(str(path) for path in (CHECKOUT / "contrib/action").glob("*.sh"))
    assert len(scripts) == 2
    assert all(os.access(path, os.X_OK) for path in scripts)
    done = subprocess.run(["shellcheck", *scripts], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_a_workflow_that_uses_it_is_right(tmp_path: Path) -> None:
    """actionlint knows the inputs of an action that lies in the same repository."""
    if shutil.which("actionlint") is None:
        unable("there is no actionlint")
    workflows = tmp_path / ".github/workflows"
    workflows.mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    shutil.copy(CHECKOUT / "action.yml", tmp_path)
    example = EXAMPLE.read_text()
    uses = "OWNER/cleanup-nodemodule@COMMIT"
    assert uses in example
    workflow = workflows / "clean.yml"
    workflow.write_text(example.replace(uses, "./"))

    def lint() -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["actionlint"], cwd=tmp_path, capture_output=True, text=True, check=False
        )

    done = lint()
    assert (done.returncode, done.stdout) == (0, "")
    workflow.write_text(workflow.read_text().replace("max-delete:", "most-deleted:"))
    assert 'input "most-deleted" is not defined' in lint().stdout


def test_the_example_for_gitlab_fails_above_the_limit_and_shows_what_grew(runner: Runner) -> None:
    job = yaml.safe_load((CHECKOUT / "contrib/gitlab-ci.yml").read_text())["clean-up"]
    lines = [line for line in job["script"] if "venv" not in line and "pip" not in line]
    script = "set -eo pipefail\n" + "\n".join(lines).replace("10GB", "100kB").replace(
        "1GB", "100kB"
    )

    def pipeline() -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["bash", "-c", script],
            cwd=runner.workspace,
            env=surroundings(
                {
                    "PATH": f"{runner.temp}/cleanup-nodemodule/bin:/usr/bin:/bin",
                    "CI_BUILDS_DIR": str(runner.temp),
                    "HOME": str(runner.home),
                }
            ),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )

    assert pipeline().returncode == 0
    (runner.workspace / "shop/node_modules/a/more.js").write_bytes(b"x" * 300_000)
    done = pipeline()
    assert done.returncode == 4
    assert f"\t{runner.workspace}/shop\n" in done.stdout
    assert "--fail-if-grown 100kB allows" in done.stderr


def test_the_outputs_are_never_those_of_an_earlier_run(runner: Runner) -> None:
    assert runner.run(RUN).outputs["count"] == "2"
    done = runner.run(RUN, options="--older-than 30d")
    assert done.code == 2
    assert (done.outputs["count"], done.outputs["report"]) == ("", "")
    done = runner.run(RUN, options="--help")
    assert (done.code, done.outputs) == (2, {})
    assert "wrote no report" in done.log


@pytest.mark.parametrize(
    ("earlier", "grown"), [(None, "zz"), (None, "-5"), ("good", "10"), ("damaged", ""), (".", "")]
)
def test_a_comparison_that_cannot_be_made_is_told_before_anything_is_deleted(
    runner: Runner, earlier: str | None, grown: str
) -> None:
    name = "."
    if earlier != ".":
        name = "earlier.json"
        if earlier == "good":
            runner.run(RUN, report=name)
        elif earlier == "damaged":
            (runner.workspace / name).write_text("{")
    done = runner.run(RUN, delete="true", compare_with=name, fail_if_grown=grown)
    assert (done.code, there(runner)) == (2, {"shop", "site"}), done.log
