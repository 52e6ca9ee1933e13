"""What the metadata of a Python project declare: ``pyproject.toml``, ``setup.cfg``, ``setup.py``, ``Pipfile``.

Sources: PEP 621 (``[project]``), PEP 735 (``[dependency-groups]``), the manuals of uv ("Settings"), Poetry ("The
pyproject.toml file") and PDM ("Manage dependencies"), setuptools' "Keywords" and "Configuring setuptools using setup.cfg
files".
"""

import ast
import configparser
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from cleanup_nodemodule.proof.declared import requirements
from cleanup_nodemodule.proof.declared.requirements import Requirement, normalised
from cleanup_nodemodule.proof.declared.toml import strings, table, table_of
from cleanup_nodemodule.proof.stat_cache import StatCache

_ALL: Final = frozenset({"uv.lock", "poetry.lock", "pdm.lock"})
"""The lock files of tools that know groups. Poetry and PDM install all groups that are not marked as optional, uv
those that it is told to, which is ``dev`` unless the project says something else."""


@dataclass(frozen=True, slots=True)
class Group:
    """Requirements that are installed together."""

    name: str
    """What the option is called by that has it installed."""
    kind: str
    """``extra`` or ``group``; empty for what is always installed."""
    requirements: tuple[Requirement, ...]
    default: frozenset[str] = frozenset()
    """The lock files whose tools install it without being told."""


@dataclass(frozen=True, slots=True)
class Project:
    """What the metadata of the project beside the environment say."""

    file: str = ""
    """The file that declares dependencies; empty if none does."""
    name: str = ""
    installable: bool = False
    """``pip install -e .`` takes it."""
    groups: tuple[Group, ...] = ()
    tools: frozenset[str] = frozenset()
    """The tools that have a table in ``pyproject.toml``."""


def project(
    read: Callable[[str], bytes | None], directory: str, boundary: str, cache: StatCache
) -> Project:
    """Return what ``pyproject.toml``, ``setup.cfg`` and ``setup.py`` say, put together."""
    found = Project()
    content = read("pyproject.toml")
    written = table_of(content) if content else {}
    if written:
        found = _pyproject(written, directory, boundary, cache)
    for name, parse in (("setup.cfg", _setup_cfg), ("setup.py", _setup_py), ("Pipfile", _pipfile)):
        content = read(name)
        if content is None:
            continue
        called, groups = parse(content)
        if name == "setup.py":
            found = replace(found, installable=True)
        if called and not found.name:
            found = replace(found, name=called, installable=True)
        if groups:
            found = replace(found, file=found.file or name, groups=(*found.groups, *groups))
        elif name == "setup.py" and not found.file:
            found = replace(found, file=name)
    return found


def _pyproject(
    content: Mapping[str, Any], directory: str, boundary: str, cache: StatCache
) -> Project:
    metadata = table(content.get("project"))
    tools = table(content.get("tool"))
    poetry, uv, pdm = (table(tools.get(name)) for name in ("poetry", "uv", "pdm"))
    groups: list[Group] = [Group("", "", _specifiers(metadata.get("dependencies")))]
    groups += (
        Group(name, "extra", _specifiers(listed))
        for name, listed in table(metadata.get("optional-dependencies")).items()
    )
    dynamic = table(table(tools.get("setuptools")).get("dynamic"))
    for name in strings(table(dynamic.get("dependencies")).get("file")):
        found, _ = requirements.from_file(directory, name, boundary, cache)
        groups.append(Group("", "", found))
    together = table(content.get("dependency-groups"))
    standard = uv.get("default-groups", ["dev"])
    for name in together:
        with_uv = standard == "all" or name in strings(standard)
        default = _ALL if with_uv else _ALL - {"uv.lock"}
        groups.append(Group(name, "group", _of_group(together, name), default))
    groups.append(Group("dev", "group", _specifiers(uv.get("dev-dependencies")), _ALL))
    groups += (
        Group(name, "group", _specifiers(listed), _ALL)
        for name, listed in table(pdm.get("dev-dependencies")).items()
    )
    groups += _of_poetry(poetry)
    present = tuple(group for group in groups if group.requirements)
    name = normalised(str(metadata.get("name") or poetry.get("name") or ""))
    dynamics = "dependencies" in strings(metadata.get("dynamic"))
    return Project(
        "pyproject.toml" if present or dynamics else "",
        name,
        bool(metadata or poetry or content.get("build-system")),
        present,
        frozenset(tools),
    )


def _of_poetry(poetry: Mapping[str, Any]) -> list[Group]:
    dependencies = table(poetry.get("dependencies"))
    extras = table(poetry.get("extras"))
    optional = {normalised(one) for listed in extras.values() for one in strings(listed)}
    asked = _of_table(dependencies)
    groups = [Group("", "", tuple(one for one in asked if one.name not in optional))]
    groups += (
        Group(name, "extra", tuple(Requirement(normalised(one)) for one in strings(listed)))
        for name, listed in extras.items()
    )
    groups.append(Group("dev", "group", _of_table(table(poetry.get("dev-dependencies"))), _ALL))
    for name, group in table(poetry.get("group")).items():
        asked = _of_table(table(table(group).get("dependencies")))
        groups.append(
            Group(name, "group", asked, frozenset() if table(group).get("optional") else _ALL)
        )
    return groups


def _of_table(dependencies: Mapping[str, Any]) -> tuple[Requirement, ...]:
    """Return what a table of names asks for, as Poetry and Pipenv write it."""
    found = []
    for name, what in dependencies.items():
        if name == "python":
            continue
        detail = table(what[0] if isinstance(what, list) and what else what)
        place = next(
            (str(detail[key]) for key in ("path", "file", "url", "git") if key in detail), ""
        )
        extras = requirements.extras_of(",".join(strings(detail.get("extras"))))
        found.append(Requirement(normalised(name), extras, place))
    return tuple(found)


def _of_group(groups: Mapping[str, Any], name: str, depth: int = 0) -> tuple[Requirement, ...]:
    found: list[Requirement] = []
    listed = groups.get(name)
    for one in listed if isinstance(listed, list) and depth < len(groups) else ():
        if isinstance(one, str):
            found += _specifiers([one])
        elif isinstance(one, dict):
            found += _of_group(groups, str(one.get("include-group", "")), depth + 1)
    return tuple(found)


def _setup_cfg(content: bytes) -> tuple[str, list[Group]]:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(content.decode("utf-8", "replace"))
    except configparser.Error:
        return "", []
    name = parser.get("metadata", "name", fallback="")
    main = parser.get("options", "install_requires", fallback="")
    groups = [Group("", "", requirements.from_lines(main.splitlines()))]
    extras = "options.extras_require"
    if parser.has_section(extras):
        groups += (
            Group(extra, "extra", requirements.from_lines(listed.splitlines()))
            for extra, listed in parser.items(extras)
        )
    return normalised(name), [group for group in groups if group.requirements]


def _setup_py(content: bytes) -> tuple[str, list[Group]]:
    """Return what is written out in the call of ``setup``. What it computes is in the metadata of what is installed."""
    try:
        tree = ast.parse(content)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return "", []
    written: dict[str, Any] = {}
    constants: dict[str, ast.expr] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            constants[node.targets[0].id] = node.value
        if not isinstance(node, ast.Call):
            continue
        called = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if called == "setup":
            written.update({word.arg: word.value for word in node.keywords if word.arg})
    found = {key: _literal(value, constants) for key, value in written.items()}
    name = found.get("name")
    groups = [Group("", "", _specifiers(found.get("install_requires")))]
    groups += (
        Group(str(extra), "extra", _specifiers(listed))
        for extra, listed in table(found.get("extras_require")).items()
    )
    return (
        normalised(name) if isinstance(name, str) else "",
        [group for group in groups if group.requirements],
    )


def _literal(node: ast.expr, constants: Mapping[str, ast.expr]) -> Any:
    try:
        return ast.literal_eval(_Written(constants).visit(node))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


class _Written(ast.NodeTransformer):
    """Puts in the place of a name what is assigned to it."""

    def __init__(self, constants: Mapping[str, ast.expr]) -> None:
        self._constants = constants

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._constants.get(node.id, node)


def _pipfile(content: bytes) -> tuple[str, list[Group]]:
    written = table_of(content)
    groups = [Group("", "", _of_table(table(written.get("packages"))))]
    groups.append(Group("dev", "group", _of_table(table(written.get("dev-packages")))))
    return "", [group for group in groups if group.requirements]


def _specifiers(value: Any) -> tuple[Requirement, ...]:
    return requirements.from_lines(strings(value))
