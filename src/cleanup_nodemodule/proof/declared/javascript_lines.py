"""Reads the lock files of Yarn and pnpm, line by line.

A YAML reader in Python takes seconds for 20,000 lines. None is needed: both tools write their files themselves, each
name on a line of its own, at fixed depths, with keys that are quoted where they have to be, and they put text of
several lines below a key, deeper than any name that counts (Yarn 1: lockfile/stringify.js; later ones: parsers/syml.ts;
pnpm: lockfile/fs/write.ts). A line at another depth, or below another key, says nothing here. So a file that
somebody has formatted anew declares too little, and its packages are kept.
"""

import re
from typing import Final

from cleanup_nodemodule.proof.declared.javascript_locks import Lock, Making, split

_NEEDS: Final = frozenset({"dependencies", "optionalDependencies"})
"""What is installed along with a package. Peers are among what installs them."""

_QUOTED: Final = re.compile(r'"([^"]+)"|([^",\s][^",]*)')
"""The patterns in a key of Yarn 1, each quoted by itself."""


def _text(content: bytes) -> str:
    """Return the text of a file, which git may have given the line ends of Windows."""
    return content.replace(b"\r\n", b"\n").decode("utf-8", "replace")


def yarn(content: bytes) -> Lock | None:
    """Read ``yarn.lock`` of Yarn 1 and of later ones, which say too what each project asks for."""
    lock = Making()
    importers: dict[str, dict[str, str]] = {}
    patterns: set[str] = set()
    names: set[str] = set()
    local: dict[str, str] = {}
    asked: dict[str, str] = {}
    needing = False
    for line in _text(content).split("\n"):
        if line[:1] not in {" ", "#", ""}:
            keys = [a or b for a, b in _QUOTED.findall(line[:-1])] if line[-1] == ":" else []
            found = [one for key in keys for one in key.split(", ") if one.find("@", 1) > 0]
            patterns.update(found)
            names = {split(one)[0] for one in found}
            for name in names:
                lock.add(name)
            asked, needing = {}, False
        elif line.startswith("    "):
            if needing and line[4:5] not in {" ", "#", ""}:
                name, wanted = _pair(line[4:])
                asked[name] = wanted
                for one in names:
                    lock.needs[one].add(name)
        elif line.startswith("  ") and names:
            key, value = _pair(line[2:])
            needing = key in _NEEDS and not value
            if key == "version":
                for one in names:
                    lock.versions[one].add(value)
            elif key == "resolved" and value.startswith("file:"):
                path = value.removeprefix("file:").partition("#")[0]
                local |= {f"node_modules/{one}": path for one in names}
            elif key == "resolution" and "@workspace:" in value:
                importers[_place(value.partition("@workspace:")[2])] = asked
    return (
        Lock(lock.needs, lock.versions, importers or None, patterns, local=local)
        if patterns
        else None
    )


def yarn_state(content: bytes) -> Lock:
    """Read ``.yarn-state.yml``: where Yarn has put each package (plugin-nm, NodeModulesLinker.ts)."""
    text = content.decode("utf-8", "replace")
    return Lock(
        places=frozenset(re.findall(r'^ +- "(.+/node_modules/[^"\n]+)"$', text, re.MULTILINE))
    )


def _pair(text: str) -> tuple[str, str]:
    """Split what a line says into key and value, without their quotes."""
    if text[0] in "\"'":
        key, _, value = text[1:].partition(text[0])
    else:
        end = text.find(" ")
        key, value = (text, "") if end < 0 else (text[:end], text[end:])
        key = key.removesuffix(":")
    return key, value.lstrip(": ").strip("\"' ")


def _place(path: str) -> str:
    """Return the path of a project as all locks have it here: "" is the root."""
    return "" if path == "." else path


def pnpm(content: bytes) -> Lock | None:
    """Read ``pnpm-lock.yaml`` of version 5 and later, or pnpm's copy of it."""
    lock = Making()
    importers: dict[str, dict[str, str]] = {}
    rewritten = False
    section = kind = asking = path = ""
    local: dict[str, str] = {}
    name: str | None = None
    asked: dict[str, str] = {}
    for line in _LINE.finditer(_text(content)):
        indent, plain, quoted, double, other, told = line.groups()
        key = plain or quoted or double or other
        value = told.strip("\"' ") if told else ""
        depth = len(indent) // 2
        # A lock file of one project, up to version 8, has at the top what others have in "importers".
        flat = depth > 0 and section in _DIRECT
        if depth == 0:
            section = kind = key
            name = None
            asked = importers.setdefault("", {}) if section in _DIRECT else {}
            rewritten |= key in _REWRITING
        elif section in {"packages", "snapshots"}:
            if depth == 1:
                name, version = _identity(key)
                kind = ""
                path = key.partition("file:")[2].partition("(")[0]
                if name is not None:
                    lock.add(name, version)
                    if path:
                        local[f"node_modules/{name}"] = path
            elif depth == _KIND:
                kind = key
                if kind == "name":
                    # That of a package that has not come from a registry.
                    name = value
                    lock.add(name)
                    if path:
                        local[f"node_modules/{name}"] = path
            elif depth == _NAME and kind in _NEEDS and name is not None:
                lock.add(name, None, (key,))
                lock.add(key, None, _behind(value))
        elif section == "importers" and depth == 1:
            asked = importers.setdefault(_place(key), {})
            kind = ""
        elif section == "importers" and depth == _KIND:
            kind = key
        elif (flat or section == "importers") and kind in _DIRECT:
            if depth == (1 if flat else _NAME):
                asking = key
                if kind == "specifiers":
                    asked[key] = value
                else:
                    asked.setdefault(key, "")
                    lock.add(key, None, _behind(value))
            elif key == "specifier":
                asked[asking] = value
            elif key == "version":
                lock.add(asking, None, _behind(value))
    if not importers:
        return None
    return Lock(lock.needs, lock.versions, importers, local=local, rewritten=rewritten)


def _behind(value: str) -> tuple[str, ...]:
    """Return the name of the package that lies behind an alias, if what is needed is one."""
    if not value or value[0].isdigit() or value.startswith("link:"):
        return ()
    name = _identity(value)[0]
    return () if name is None else (name,)


def _identity(key: str) -> tuple[str | None, str]:
    """Return name and version from the key of a package, no name if that does not tell it.

    It is ``/@scope/name/1.0.0_peers`` in version 5, ``/@scope/name@1.0.0(peers)`` in version 6, and without the slash
    later.
    """
    key = key.removeprefix("/").partition("(")[0]
    name, at, version = split(key)
    if at and "/" not in name.partition("/")[2] and ("/" in name) == name.startswith("@"):
        return name, version
    parts = key.split("/")
    number = 2 if key.startswith("@") else 1
    if len(parts) != number + 1 or not parts[number][:1].isdigit():
        return None, ""
    return "/".join(parts[:number]), parts[number].partition("_")[0]


_DIRECT: Final = frozenset({*_NEEDS, "devDependencies", "specifiers"})
"""What pnpm writes down of what a project asks for; the last one, up to version 5, has the ranges of all."""

_KIND: Final = 2
"""How deep the kinds of dependencies lie, in the packages and projects of pnpm's lock file."""

_NAME: Final = 3
"""How deep the names of dependencies do."""

_REWRITING: Final = frozenset(
    {"overrides", "pnpmfileChecksum", "packageExtensionsChecksum", "catalogs"}
)
"""Keys of a lock file whose names and ranges need not be those of the manifests."""

_LINE: Final = re.compile(
    # What each package has on one line, and says nothing here, is passed over: that is half of all lines.
    r"^(?!    (?:resolution|engines|hasBin|os|cpu|libc): )"
    r"""((?:  ){0,4})(?:([^\s'"#?:-][^\n:]*)|'([^'\n]+)'|"([^"\\\n]+)"|([^\s'"#?:-][^\n]*?)):(?: +([^\n]*))?$""",
    re.MULTILINE,
)
"""A line with a key, up to the depth of a range in "importers"; most keys have no colon."""
