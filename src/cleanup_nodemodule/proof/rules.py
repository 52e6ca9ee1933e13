"""The artifact catalogue: which directories tools make, and what proves that a tool made one.

The rules are data, in the directory ``catalogue`` of the package, whose README says what each key
means. Rules of the user's own have the same form.
"""

import difflib
import functools
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import Any, Final

from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.proof import catalogue_files
from cleanup_nodemodule.proof.listing import WILD
from cleanup_nodemodule.proof.profile_nicknames import NICKNAMES

DEFAULT_PROFILE: Final = "js"
"""The ecosystem looked for unless others are named."""

EVERYTHING: Final = "all"
"""The profile of all ecosystems."""

_ECOSYSTEMS: Final = (
    *("any", "js", "python", "rust", "go", "cmake", "meson", "platformio", "zig", "nim"),
    *("haskell", "ocaml", "elm", "lean", "purescript", "swift", "elixir", "java", "android"),
    *("scala", "clojure", "dotnet", "apple", "flutter", "unity", "unreal", "godot", "php"),
    *("ruby", "terraform", "iac", "sites", "c", "contracts", "dbt", "editors", "erlang"),
    *("gleam", "hdl", "latex", "lua", "monorepo", "nix", "perl", "provers", "r", "rescript"),
)
"""Each has a file in the catalogue: to read all of them takes longer than to measure a small project."""

SNAPSHOTS: Final = frozenset({".snapshot", "~snapshot", ".snapshots", ".snap", "#snapshot", ".zfs"})
"""Directories in which file systems show what they held before: NetApp, Isilon and Qumulo; SMB shares of
NetApp; snapper(8); CephFS and FreeBSD's UFS (mksnap_ffs(8)); Synology; ZFS (zfsprops(7), snapdir)."""

_CACHE_LIKE: Final = frozenset(
    {"cache", "caches", "cached", "tmp", "temp", "target", "build", "builds", "builddir"}
)
"""Words of which one has to be in the name of a directory that is taken for a cache by its tag alone."""


_WORD: Final = re.compile(r"[a-z0-9]+")


class RuleError(UsageError):
    """A rule that says nothing sensible. The message says which, and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Holds:
    """A file inside the directory, and a text that it has to contain."""

    file: str
    text: str


@dataclass(frozen=True, slots=True)
class Proof:
    """Conditions that together prove that a tool made a directory; see the catalogue's README."""

    inside: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    above: tuple[str, ...] = ()
    depends: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    holds: Holds | None = None
    tagged: bool = False
    home: bool = False
    ignored: bool = False
    unversioned: bool = False
    script: tuple[str, ...] = ()
    output: str | None = None
    distributions: str | None = None
    maker: bool = False

    @property
    def marked(self) -> bool:
        """Whether something inside says who made it, and not only the name and what lies around it."""
        files = (self.inside, self.only, self.holds)
        return any((*files, self.tagged, self.home, self.output, self.distributions))

    @property
    def markers(self) -> tuple[str, ...]:
        """The names at the top of which one has to be a file where this holds, none if there is no such list."""
        if self.tagged:
            return ("CACHEDIR.TAG",)
        if self.home:
            return ("CMakeCache.txt",)
        names = (self.holds.file,) if self.holds is not None else self.inside
        return () if any(set("*?[/") & set(name) for name in names) else names


@dataclass(frozen=True, slots=True)
class Regeneration:
    """A command that brings an artifact back, and what it needs: a lock file, or a script of package.json."""

    command: str
    lock: str | None = None
    script: tuple[str, ...] = ()
    recipe: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of artifact; see the catalogue's README."""

    id: str
    title: str
    directory: str
    proofs: tuple[Proof, ...]
    aliases: tuple[str, ...] = ()
    generic: bool = False
    without: tuple[str, ...] = ()
    top: tuple[str, ...] = ()
    comes_back: tuple[Proof, ...] = ()
    packages: str | None = None
    precious: tuple[str, ...] = ()
    expects: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()
    clones: tuple[str, ...] = ()
    regenerate: tuple[Regeneration, ...] = ()
    refills: bool = False
    locked: bool = False
    risk: str | None = None
    own: bool = False
    """The user wrote it, so that its proofs count even if nothing inside says who made it."""

    @property
    def ecosystem(self) -> str:
        """The profile it belongs to."""
        return sys.intern(self.id.partition("/")[0])

    @property
    def names(self) -> tuple[str, ...]:
        """The last names of the directory's path."""
        return _names_of(self.directory)

    @property
    def is_plain(self) -> bool:
        """Whether only directories of certain names fit."""
        return not any(WILD.intersection(name) for name in self.last_names)

    @property
    def last_names(self) -> tuple[str, ...]:
        """Names that the directory itself may have."""
        return (self.names[-1], *self.aliases)

    @property
    def copied(self) -> tuple[tuple[str, str], ...]:
        """Directories inside, and those beside it whose files the tool copies there."""
        return tuple(
            (inside, beside) for inside, _, beside in (c.partition("=") for c in self.copies)
        )

    def fits(self, names: tuple[str, ...]) -> bool:
        """Whether a directory whose path ends with *names* may be this."""
        mine = self.names
        if mine == ("*",):
            # People tag data of their own, to keep it out of backups; a cache is called one.
            tagged = all(proof.tagged for proof in self.proofs)
            return not tagged or not _CACHE_LIKE.isdisjoint(_WORD.findall(names[-1].lower()))
        return (
            len(names) >= len(mine)
            and all(map(fnmatchcase, names[-len(mine) : -1], mine[:-1]))
            and any(fnmatchcase(names[-1], name) for name in self.last_names)
        )


@functools.lru_cache(maxsize=4096)
def _names_of(directory: str) -> tuple[str, ...]:
    return tuple(directory.split("/"))


class RuleIndex:
    """Rules by the last names of their directories, so that those that cannot fit are not tried."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._plain: dict[str, list[tuple[int, Rule]]] = {}
        self._others: list[tuple[int, Rule]] = []
        for place, rule in enumerate(rules):
            if rule.is_plain:
                for name in rule.last_names:
                    self._plain.setdefault(name, []).append((place, rule))
            else:
                self._others.append((place, rule))

    def to_try(self, name: str) -> list[Rule]:
        """Return the rules, in their order, that may fit a directory of this name."""
        found = self._plain.get(name)
        if found is None:
            return [rule for _, rule in self._others]
        return [rule for _, rule in sorted([*found, *self._others], key=_place)]


def _place(numbered: tuple[int, Rule]) -> int:
    return numbered[0]


def catalogue() -> tuple[Rule, ...]:
    """Return the rules that ship with the package."""
    return of_profiles((EVERYTHING,))


def profiles() -> tuple[str, ...]:
    """Return the names of the profiles."""
    return (*_ECOSYSTEMS, EVERYTHING)


def of_profiles(names: Iterable[str]) -> tuple[Rule, ...]:
    """Return the rules of these profiles. Raises RuleError for a name that is no profile."""
    wanted, listed = set(names), ", ".join(sorted(profiles()))
    for name in sorted(wanted):
        if name not in profiles():
            near = "".join(difflib.get_close_matches(name, profiles(), 1))
            meant = NICKNAMES.get(name.lower(), near)
            advice = f"did you mean {meant}?" if meant else f"there are {listed}"
            raise RuleError(f"there is no profile {name!r}; {advice}")
    chosen = (name for name in _ECOSYSTEMS if EVERYTHING in wanted or name in wanted)
    return tuple(rule for name in chosen for rule in _of_ecosystem(name))


@functools.cache
def _of_ecosystem(name: str) -> tuple[Rule, ...]:
    file = f"catalogue/{name}.toml"
    return read_rules(catalogue_files.tables(name), file)


def from_option(text: str) -> Rule:
    """Return the rule of ``--rule NAME@MARKER``: a directory, and what lies beside or inside it.

    ``NAME@MARKER`` asks for MARKER beside the directory, ``NAME@/MARKER`` for MARKER inside it.
    Raises RuleError for anything else.
    """
    name, at, marker = text.partition("@")
    if not at or not name or not marker.strip("/"):
        raise RuleError(
            f"{text!r} is no rule; it takes NAME@MARKER (beside NAME) or NAME@/MARKER (inside it),"
            " as in: target@Cargo.toml"
        )
    where = "inside" if marker.startswith("/") else "beside"
    table = {
        "id": f"own/{name.replace('/', '-')}",
        "title": "rule of your own",
        "directory": name,
        "proofs": [{where: [marker.lstrip("/")]}],
    }
    return _rule(table, f"{text!r}", own=True)


def read_rules(tables: object, place: str, *, own: bool = False) -> tuple[Rule, ...]:
    """Return the rules of an array of TOML tables, which the user wrote if they are *own*.

    Raises RuleError naming *place* and the rule for anything that is not as the catalogue has it.
    """
    if not isinstance(tables, list):
        raise RuleError(f"{place}: rule has to be an array of tables, written [[rule]]")
    rules = tuple(
        _rule(table, f"{place}, rule {number}", own=own) for number, table in enumerate(tables, 1)
    )
    seen: set[str] = set()
    for number, rule in enumerate(rules, 1):
        if rule.id in seen:
            raise RuleError(f"{place}, rule {number}: there already is a rule {rule.id!r}")
        seen.add(rule.id)
    return rules


_ID: Final = re.compile(r"[a-z][a-z0-9-]*/[^\s/]+")


def _rule(table: object, place: str, *, own: bool) -> Rule:
    values = _values(table, Rule, place)
    for key in ("id", "directory", "proofs"):
        if key not in values:
            raise RuleError(f"{place}: {key} is missing")
    values.setdefault("title", values["directory"])
    place = f"{place} ({values['id']})"
    if not _ID.fullmatch(values["id"]):
        raise RuleError(f"{place}: id has to be like ecosystem/name")
    names = values["directory"].split("/")
    if any(name in {"", ".", "..", ".git"} for name in names):
        raise RuleError(f"{place}: directory has to be a name, or names parted by /")
    values["proofs"] = tuple(
        _proof(proof, f"{place}, proof {number}")
        for number, proof in enumerate(values["proofs"], 1)
    )
    if not values["proofs"]:
        raise RuleError(f"{place}: without a proof it would prove everything or nothing")
    values["comes_back"] = tuple(
        _proof(proof, f"{place}, comes_back {number}")
        for number, proof in enumerate(values.get("comes_back", ()), 1)
    )
    values["regenerate"] = tuple(
        Regeneration(**_values(entry, Regeneration, f"{place}, regenerate", ("command",)))
        for entry in values.get("regenerate", ())
    )
    rule = Rule(**values, own=own)
    if rule.refills and rule.regenerate:
        raise RuleError(f"{place}: what refills by itself needs no command in regenerate")
    if not names[-1].strip("*?") and names != ["*"]:
        raise RuleError(f"{place}: directory cannot end with {names[-1]!r}, which is any name")
    last = names[-1]
    for proof in rule.proofs:
        if last in {marker.rstrip("/") for marker in (*proof.beside, *proof.above)}:
            raise RuleError(f"{place}: {last!r} beside it is the directory itself")
    if names == ["*"] and not all(proof.markers and proof.marked for proof in rule.proofs):
        raise RuleError(
            f"{place}: directory can be * only for what tags itself, or has a file for a mark"
        )
    if any(not inside or not beside for inside, beside in rule.copied):
        raise RuleError(f"{place}: copies has to be a list of texts like INSIDE=BESIDE")
    if any(not name.strip("*?") or "/" in name for name in rule.aliases):
        raise RuleError(f"{place}: aliases has to be a list of other last names of the directory")
    return rule


_HINTS: Final = frozenset({"ignored", "unversioned", "maker"})
"""Conditions that mean nothing without others."""


def _proof(table: object, place: str) -> Proof:
    values = _values(table, Proof, place)
    if not any(value for key, value in values.items() if key not in _HINTS):
        raise RuleError(f"{place}: being ignored by git alone proves nothing; add a marker")
    if "holds" in values:
        values["holds"] = Holds(
            **_values(values["holds"], Holds, f"{place}, holds", ("file", "text"))
        )
        if not values["holds"].file or not values["holds"].text:
            raise RuleError(f"{place}, holds: file and text cannot be empty")
    for key in ("inside", "beside", "above", "only"):
        for name in values.get(key, ()):
            if name.startswith("/") or not name.replace("../", "").strip("/.*?"):
                raise RuleError(f"{place}: {key} cannot be {name!r}, which is always there")
    return Proof(**values)


_KINDS: Final[Mapping[str, type]] = {
    **dict.fromkeys(
        (
            "id",
            "title",
            "directory",
            "risk",
            "command",
            "lock",
            "file",
            "text",
            "output",
            "distributions",
            "recipe",
            "packages",
        ),
        str,
    ),
    **dict.fromkeys(
        ("generic", "locked", "refills", "tagged", "maker", "home", "ignored", "unversioned"), bool
    ),
    **dict.fromkeys(("proofs", "comes_back", "regenerate"), list),
    "holds": dict,
}
"""What each key has to be; a list of names where it is not here."""


def _values(table: object, kind: type, place: str, needed: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the keys of a TOML table, checked, as arguments for the dataclass *kind*."""
    if not isinstance(table, dict):
        raise RuleError(f"{place}: has to be a table")
    known = {field.name for field in fields(kind)} - {"own"}
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in known:
            raise RuleError(
                f"{place}: there is no key {key!r}; there are {', '.join(sorted(known))}"
            )
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and "\0" in text:
                raise RuleError(f"{place}: {key} has a NUL, which no name and no command has")
        wanted = _KINDS.get(key)
        if wanted is not None:
            if not isinstance(value, wanted):
                raise RuleError(f"{place}: {key} has to be {_WORDS[wanted]}")
            values[key] = value
        elif not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            raise RuleError(f"{place}: {key} has to be a list of names")
        elif not value:
            raise RuleError(f"{place}: {key} is empty, so it would hold for nothing")
        else:
            values[key] = tuple(value)
    for key in needed:
        if key not in values:
            raise RuleError(f"{place}: {key} is missing")
    return values


_WORDS: Final = {str: "a text", bool: "true or false", list: "a list", dict: "a table"}
