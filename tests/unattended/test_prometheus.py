"""A real node_exporter reads what runs have written, and a real Prometheus asks it, computes with it and alerts."""

import contextlib
import json
import os
import random
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import yaml

from cleanup_nodemodule.unattended.metric_table import METRICS, OWN_LABELS, PREFIX
from cleanup_nodemodule.unattended.metrics import Metrics
from support.accounts import NOBODY, as_account
from support.ended_runs import PROGRAM, finished
from support.needs import unable
from support.places import CHECKOUT
from support.tool import PROJECT, Tool
from support.trees import declare
from support.waiting import TIMEOUT, await_condition

RULES: Final = CHECKOUT / "contrib/prometheus/rules.yml"
DASHBOARD: Final = CHECKOUT / "contrib/grafana/cleanup-nodemodule.json"

ODD: Final = 'a "job" \\ with\ntwo lines and a {brace="}'
"""The name of a job of which some program makes more than a name."""


def needs_program(name: str, package: str) -> str:
    """Return the path of a program of Debian's."""
    found = shutil.which(name)
    if found is None:
        unable(f"needs {name} (Debian package {package})")
    return found


def free_port() -> int:
    """Return a port that nobody listens to, none of those that the system gives to whoever asks for any (ip(7))."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as listening, contextlib.suppress(OSError):
            listening.bind(("127.0.0.1", port))
            return port


def get(url: str) -> str | None:
    """Return what a server answers, None if it is not there yet."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:  # noqa: S310 - a server of the test's own
            text: str = answer.read().decode()
            return text
    except (urllib.error.URLError, ConnectionError):
        return None


@contextlib.contextmanager
def serving(log: Path, *command: str | Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a server, and end just that."""
    with (
        log.open("wb") as output,
        subprocess.Popen(command, stdout=output, stderr=output) as server,
    ):
        try:
            yield server
        finally:
            server.kill()


class Prometheus:
    """A Prometheus that is asked."""

    def __init__(self, port: int) -> None:
        self._top = f"http://127.0.0.1:{port}/api/v1"

    def ask(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Return what an expression has come to: the labels and the value of each series."""
        answer = get(f"{self._top}/query?{urllib.parse.urlencode({'query': expression})}")
        if answer is None:
            return []
        found = json.loads(answer)["data"]["result"]
        return [(one["metric"], float(one["value"][1])) for one in found]

    def has(self, expression: str) -> bool:
        """Whether an expression has come to anything."""
        return bool(self.ask(expression))

    def firing(self) -> set[tuple[str, str, str]]:
        """Return the alerts that fire, each with the file and the job that it is about."""
        alerts = json.loads(get(f"{self._top}/alerts") or '{"data": {"alerts": []}}')
        return {
            (one["labels"]["alertname"], one["labels"]["file"], one["labels"].get("job_name", ""))
            for one in alerts["data"]["alerts"]
            if one["state"] == "firing"
        }


def configuration(top: Path, exporter: int) -> Path:
    """Return the file of a configuration with the alerts of contrib, which do not wait."""
    impatient = re.sub(r"(?m)^( +for:) .*$", r"\1 0s", RULES.read_text())
    assert impatient.count("for: 0s") == 7
    (top / "rules.yml").write_text(impatient)
    (top / "prometheus.yml").write_text(
        json.dumps(
            {
                "global": {"scrape_interval": "500ms", "evaluation_interval": "500ms"},
                "rule_files": [str(top / "rules.yml")],
                "scrape_configs": [
                    {"job_name": "node", "static_configs": [{"targets": [f"127.0.0.1:{exporter}"]}]}
                ],
            }
        )
    )
    return top / "prometheus.yml"


def exported(text: str) -> dict[str, set[str]]:
    """Return the samples in what node_exporter says, by the name of their metric; labels are in its order."""
    lines = [line for line in text.splitlines() if line.startswith(PREFIX)]
    samples: dict[str, set[str]] = {}
    for line in lines:
        samples.setdefault(line.partition("{")[0], set()).add(line)
    assert sum(map(len, samples.values())) == len(lines)
    return samples


def test_what_runs_write_is_scraped_queried_and_alerted(one_tool: Tool, place: Path) -> None:
    exporter = needs_program("prometheus-node-exporter", "prometheus-node-exporter")
    prometheus = needs_program("prometheus", "prometheus")
    collected = place / "collected"
    collected.mkdir()
    # A run by hand, a job with a strict umask, and a job with an odd name whose last run failed.
    declare(place / "work", {"app": PROJECT, "b": {"dist": {"x": 10}}})
    config = one_tool.home / "config/cleanup-nodemodule/config.toml"
    nightly = collected / "nightly.prom"
    with config.open("a") as text:
        text.write(
            f'\n[job.nightly]\npath = ["{place}/work"]\ndelete = true\nmetrics = "{nightly}"\n'
        )
    assert one_tool.tell(place / "work", "--metrics", collected / "audit.prom").returncode == 0
    strict = ("sh", "-c", 'umask 077; exec "$@"', "sh")
    with one_tool.start("run", "nightly", "--json", prefix=strict) as process:
        document = json.loads(process.communicate(timeout=TIMEOUT)[0])
    odd = Metrics(str(collected / "odd.prom"), PROGRAM)
    assert odd.hear(finished(None, job=ODD, exit_code=5, began_at=shortly_before())) is None

    ports = free_port(), free_port()
    user = as_account(NOBODY) if os.geteuid() == 0 else ()
    with (
        serving(
            place / "exporter.log",
            *(*user, exporter, "--collector.disable-defaults", "--collector.textfile"),
            f"--collector.textfile.directory={collected}",
            f"--web.listen-address=127.0.0.1:{ports[0]}",
        ),
        serving(
            place / "prometheus.log",
            *(prometheus, f"--config.file={configuration(place, ports[0])}"),
            *(f"--storage.tsdb.path={place}/data", "--log.level=warn"),
            f"--web.listen-address=127.0.0.1:{ports[1]}",
        ),
    ):
        url = f"http://127.0.0.1:{ports[0]}/metrics"
        await_condition(lambda: get(url) is not None, "node_exporter answered")
        answer = "\n" + (get(url) or "")
        assert "\nnode_textfile_scrape_error 0\n" in answer
        # Everything has come through: of each file as many samples as are written there.
        written = [
            line
            for path in sorted(collected.iterdir())
            for line in path.read_text().splitlines()
            if not line.startswith("#")
        ]
        samples = exported(answer)
        assert sum(map(len, samples.values())) == len(written)
        assert {*samples} == {metric.full_name for metric in METRICS}
        for metric in METRICS:
            assert f"\n# TYPE {metric.full_name} {metric.kind}\n" in answer
            assert f"\n# HELP {metric.full_name} {metric.help}\n" in answer

        server = Prometheus(ports[1])
        freed = f'{PREFIX}freed_bytes_total{{job_name="nightly"}}'
        await_condition(partial(server.has, freed), "Prometheus had the metrics")
        [(labels, value)] = server.ask(freed)
        assert value == document["totals"]["freed_bytes"] > 0
        assert labels == {
            "__name__": f"{PREFIX}freed_bytes_total",
            "instance": f"127.0.0.1:{ports[0]}",
            "job": "node",
            "file": "nightly",
            "job_name": "nightly",
        }
        codes = {
            one["job_name"]: code
            for one, code in server.ask(f"{PREFIX}last_run_exit_code")
            if "job_name" in one
        }
        assert codes == {"nightly": 0, ODD: 5}

        # Each panel has something to show.
        for expression in shown():
            await_condition(partial(server.has, expression), f"there was {expression}")

        failed = ("CleanupRunFailed", "odd", ODD)
        # That one has never succeeded.
        await_condition(
            lambda: server.firing() == {failed, ("CleanupNoSuccess", "odd", ODD)},
            "the alerts fired",
        )
        assert odd.hear(finished(job=ODD, began_at=shortly_before())) is None
        await_condition(lambda: server.firing() == set(), "the alerts were over")


def shortly_before() -> float:
    """Return the seconds since the epoch."""
    return time.time() - 10


# What is in contrib.


def shown() -> list[str]:
    """Return what the panels of the dashboard ask for, of everything, and of the time since the test began."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    asked = [target["expr"] for panel in panels for target in panel["targets"]]
    some = [re.sub(r"\[(?:\$__range|1d)\]", "[1m]", expression) for expression in asked]
    return [re.sub(r"\$\w+", ".*", expression) for expression in some]


def named(text: str) -> set[str]:
    """Return the metrics of this program that a text names."""
    return set(re.findall(rf"\b{PREFIX}[a-z_]+", text))


def test_the_alerts_and_the_dashboard_name_metrics_that_are_written() -> None:
    written = {metric.full_name for metric in METRICS}
    for path in (RULES, RULES.with_name("rules_test.yml"), DASHBOARD):
        assert named(path.read_text()) - written == set()
        assert named(path.read_text())


def test_the_alerts_are_right_and_do_what_they_say() -> None:
    promtool = needs_program("promtool", "prometheus")
    for words in (("check", "rules", RULES), ("test", "rules", RULES.with_name("rules_test.yml"))):
        done = subprocess.run([promtool, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    alerts = {
        rule["alert"]
        for group in yaml.safe_load(RULES.read_text())["groups"]
        for rule in group["rules"]
    }
    tests = yaml.safe_load(RULES.with_name("rules_test.yml").read_text())["tests"]
    fired = {
        check["alertname"]
        for test in tests
        for check in test["alert_rule_test"]
        if check.get("exp_alerts")
    }
    silent = {
        check["alertname"]
        for test in tests
        for check in test["alert_rule_test"]
        if not check.get("exp_alerts")
    }
    assert fired == silent == alerts


def test_the_dashboard_has_the_shape_that_grafana_imports() -> None:
    """What the types of its packages @grafana/schema 13.2 and grafana-foundation-sdk say, as far as it matters here."""
    dashboard = json.loads(DASHBOARD.read_text())
    assert dashboard["schemaVersion"] == 39
    assert dashboard["id"] is None  # Grafana gives it one.
    [source, *variables] = dashboard["templating"]["list"]
    assert (source["name"], source["type"], source["query"]) == (
        "datasource",
        "datasource",
        "prometheus",
    )
    uses = {"type": "prometheus", "uid": "${datasource}"}
    labels = []
    for variable in variables:
        assert (variable["type"], variable["datasource"]) == ("query", uses)
        # A run without a job has no such label.
        assert (variable["includeAll"], variable["allValue"]) == (True, ".*")
        labels.append(variable["name"])
        assert variable["query"]["query"] == (
            f"label_values({PREFIX}last_start_timestamp_seconds,{variable['name']})"
        )
    assert labels == ["instance", *OWN_LABELS]
    panels = dashboard["panels"]
    assert [panel["id"] for panel in panels] == [*range(1, len(panels) + 1)]
    assert {panel["type"] for panel in panels} == {"stat", "timeseries", "table"}
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])
        }
        assert not cells & taken
        assert all(x < 24 for x, _ in cells)
        taken |= cells
        assert panel["title"]
        assert {"defaults", "overrides"} == {*panel["fieldConfig"]}
        assert panel["options"]
        references = [target["refId"] for target in panel["targets"]]
        assert len({*references}) == len(references) > 0
        for target in panel["targets"]:
            assert panel["datasource"] == target["datasource"] == uses
            chosen = re.findall(r"\w+\{([^}]*)\}", target["expr"])
            assert {*chosen} == {'instance=~"$instance",file=~"$file",job_name=~"$job_name"'}
            assert len(chosen) == len(re.findall(PREFIX, target["expr"]))


def test_the_page_has_every_metric_and_every_alert() -> None:
    text = (CHECKOUT / "docs/unattended.md").read_text()
    rows = [
        f"| `{metric.full_name}{labels}` | {metric.kind} | {metric.help} |"
        for metric in METRICS
        for labels in [f"{{{','.join(metric.labels)}}}" if metric.labels else ""]
    ]
    assert [line for line in text.splitlines() if line.startswith(f"| `{PREFIX}")] == rows
    assert re.findall(r"(?m)^\| `(Cleanup\w+)` \|", text) == re.findall(
        r"alert: (\w+)", RULES.read_text()
    )
