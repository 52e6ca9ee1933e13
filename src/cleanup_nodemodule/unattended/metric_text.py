r"""Metrics as text, and what such a text says. Pure.

The format is that of https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4, without timestamps:
node_exporter refuses a file that has any. In the value of a label ``\``, ``"`` and the end of a line are escaped.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from cleanup_nodemodule.unattended.metric_table import METRICS, OWN_LABELS, PREFIX

Key: TypeAlias = tuple[str, ...]
"""The name of a metric without the prefix, and the values of its labels besides the own ones."""

Samples: TypeAlias = dict[Key, float]
"""The values of one job. Whole numbers are of the type ``int``."""

_ESCAPES: Final = {"\\": r"\\", "\n": r"\n", '"': r"\""}

_BACK: Final = {escaped: character for character, escaped in _ESCAPES.items()}

_BY_NAME: Final = {metric.full_name: metric for metric in METRICS}

_SAMPLE: Final = re.compile(
    r'(?P<name>[a-z_]+)\{(?P<labels>[a-z_]+="(?:[^"\\]|\\.)*"(?:,[a-z_]+="(?:[^"\\]|\\.)*")*)\}'
    r" (?P<value>(?:0|[1-9][0-9]{0,17})(?P<fraction>\.[0-9]{3})?)"
)

_LABEL: Final = re.compile(r'([a-z_]+)="((?:[^"\\]|\\[\\n"])*)"')


class TextError(ValueError):
    """A text that is not what :func:`pieces` writes."""


def pieces(file: str, jobs: Mapping[str, Samples]) -> Iterator[bytes]:
    """Give the text of the file of this name with the values of these jobs, a metric at a time."""
    for metric in METRICS:
        lines = [
            f"{metric.full_name}{{{_labels(metric.labels, file, job, key[1:])}}} {_number(value, fractions=metric.fractions)}\n"
            for job, samples in sorted(jobs.items())
            for key, value in sorted(samples.items())
            if key[0] == metric.name
        ]
        if lines:
            name = metric.full_name
            head = f"# HELP {name} {metric.help}\n# TYPE {name} {metric.kind}\n"
            yield (head + "".join(lines)).encode()


def _labels(names: tuple[str, ...], file: str, job: str, values: tuple[str, ...]) -> str:
    each = zip((*OWN_LABELS, *names), (file, job, *values), strict=True)
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in each)


def _escaped(value: str) -> str:
    return re.sub(r'[\\\n"]', lambda found: _ESCAPES[found[0]], value)


def _number(value: float, *, fractions: bool) -> str:
    return f"{value:.3f}" if fractions else str(int(value))


def read(file: str, content: bytes) -> dict[str, Samples]:
    """Return the values of each job that the text of the file of this name has.

    Metrics that are not known any more, or not yet, are left out. Raises TextError for anything that :func:`pieces`
    would not write.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise TextError(str(error)) from error
    if not text.endswith("\n"):
        raise TextError("it has been cut off")
    jobs: dict[str, Samples] = {}
    # Not splitlines, as a label may have other ends of lines.
    for line in text[:-1].split("\n"):
        if line.startswith((f"# HELP {PREFIX}", f"# TYPE {PREFIX}")):
            continue
        found = _SAMPLE.fullmatch(line)
        if found is None:
            raise TextError(line)
        metric = _BY_NAME.get(found["name"])
        if metric is None:
            continue
        labels = _LABEL.findall(found["labels"])
        if tuple(name for name, _ in labels) != (*OWN_LABELS, *metric.labels):
            raise TextError(line)
        own, job, *others = (_unescaped(value) for _, value in labels)
        samples, key = jobs.setdefault(job, {}), (metric.name, *others)
        if own != file or key in samples or bool(found["fraction"]) != metric.fractions:
            raise TextError(line)
        value = found["value"]
        samples[key] = float(value) if metric.fractions else int(value)
    return jobs


def _unescaped(value: str) -> str:
    return re.sub(r"\\.", lambda found: _BACK[found[0]], value)
