"""Everything that can be said about a run: one table, for the command line, files, the environment and jobs.

A key has the name of its option: ``--max-delete`` on the command line is ``max-delete`` in a file, and
``CLEANUP_NODEMODULE_MAX_DELETE`` in the environment. What an option does is in its help; what it may be, and where
it may be said, is here and nowhere else. Pure, and light: the help needs it too.
"""

from enum import Enum, StrEnum
from typing import Any, Final, Literal, NamedTuple, TypeAlias, get_args


class Format(StrEnum):
    """How the result is printed."""

    TABLE = "table"
    PLAIN = "plain"
    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"
    MARKDOWN = "markdown"
    PATHS = "paths"


class Sort(StrEnum):
    """The order of the rows."""

    SIZE = "size"
    PATH = "path"
    AGE = "age"


class By(StrEnum):
    """What artifacts are put together by."""

    ECOSYSTEM = "ecosystem"
    PROJECT = "project"
    ROOT = "root"
    OWNER = "owner"
    AGE = "age"
    HOST = "host"


class First(StrEnum):
    """What goes first where only a part has to go."""

    AGE = "age"
    SIZE = "size"


class Priority(StrEnum):
    """Whether a run takes part in the machine like any other program."""

    IDLE = "idle"
    NORMAL = "normal"


class Color(StrEnum):
    """When to colour."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


Engine: TypeAlias = Literal["auto", "native", "python"]
"""What walks the trees."""


class Kind(Enum):
    """What a value may be. The words say it to people."""

    TEXT = "a text in quotes"
    """Sizes, durations and patterns are texts, too: whoever uses one parses it."""
    TEXTS = "a list of texts"
    PATH = "a path in quotes"
    """In a file it begins with ``/`` or ``~``: a run may begin anywhere."""
    PATHS = "a list of paths"
    NUMBER = "a whole number"
    SECONDS = "a number of seconds"
    FLAG = "true or false"
    CHOICE = "one of some words"
    RULES = "a list of rules"
    """Tables as in the catalogue, or texts as of ``--rule``."""


class Where(Enum):
    """Where a key may be said. The words say it to people."""

    ANYWHERE = "anywhere"
    ORDERED = "in a job or on the command line"
    """What orders a deletion or weakens a proof: never in the environment, and never for all runs at once."""
    NO_VARIABLE = "in a file or on the command line"
    """What makes something an artifact. Only whoever may write a file of the user's says that, and a variable comes from
    anywhere."""
    TYPED = "on the command line"
    """What makes sense for one run only."""
    FILES = "in a file or in the environment"
    """What has no option."""
    JOB = "in a job"
    """What is about a job, and about no other run."""


class Key(NamedTuple):
    """One thing that can be said about a run."""

    name: str
    """In a file. It is the long name of the option without ``--``, unless *option* says otherwise."""
    kind: Kind
    default: Any = None
    """What counts if nobody says anything; None for what is decided later. Lists are tuples."""
    choices: tuple[str, ...] = ()
    adds_up: bool = False
    """The values of all layers count together, and not only the last one: so does what protects."""
    where: Where = Where.ANYWHERE
    option: str | None = None
    """The option, where its name is another one; empty for none."""
    off: str | None = None
    """The option that takes a flag back, where there is one of its own; else it is ``--no-`` and the name."""
    least: int | None = None
    """The least number that makes sense, where there is one that no other module knows."""
    counts: bool = False
    """A text that may be a number of something: a file can have that without quotes."""
    instead_of: tuple[str, ...] = ()
    """Keys that this one takes back where an earlier layer has said them."""
    also_called: tuple[str, ...] = ()
    """Other names in a file, of earlier versions."""

    @property
    def typed(self) -> str:
        """The option; empty if there is none."""
        return f"--{self.name}" if self.option is None else self.option

    @property
    def taken_back(self) -> bool:
        """Whether a later layer can say that nothing is said: flags have another value, and what protects adds up."""
        return self.kind not in {Kind.FLAG, Kind.PATHS} and not self.adds_up and self.option is None


def _flag(name: str, **more: Any) -> Key:
    return Key(name, Kind.FLAG, default=False, **more)


def _texts(name: str, **more: Any) -> Key:
    return Key(name, Kind.TEXTS, (), **more)


def _choice(name: str, choices: type[StrEnum], default: str | None = None, **more: Any) -> Key:
    return Key(name, Kind.CHOICE, default, tuple(one.value for one in choices), **more)


_TABLE: Final = (
    # Where and what to search. The options are in commands/search_options.py.
    # It takes back no artifacts-from, with which it says by which directory each of them is decided.
    Key("path", Kind.PATHS, (".",), instead_of=("from-file",)),
    Key("from-file", Kind.PATH, instead_of=("artifacts-from",)),
    Key("artifacts-from", Kind.PATH, instead_of=("from-file",)),
    Key("min-depth", Kind.NUMBER, 0),
    Key("max-depth", Kind.NUMBER),
    Key("profile", Kind.TEXTS, ("js",), also_called=("profiles",), instead_of=("targets",)),
    _texts("targets", where=Where.NO_VARIABLE),
    _texts("also", where=Where.NO_VARIABLE),
    Key("rule", Kind.RULES, (), adds_up=True, where=Where.NO_VARIABLE),
    Key("include-unproven", Kind.PATHS, (), where=Where.ORDERED),
    _texts("exclude", adds_up=True),
    _texts("keep", adds_up=True, option="", where=Where.FILES),
    # Without it what matters is asked.
    Key("exact", Kind.FLAG),
    # Choosing what goes: commands/choice_options.py.
    Key("older-than", Kind.TEXT),
    Key("newer-than", Kind.TEXT),
    Key("min-size", Kind.TEXT),
    Key("max-size", Kind.TEXT),
    _texts("only"),
    Key("keep-latest", Kind.TEXT, counts=True),
    Key("free", Kind.TEXT),
    Key("until-free", Kind.TEXT),
    Key("max-total", Kind.TEXT),
    _choice("order", First, "age"),
    # Deleting: commands/deleting_options.py.
    _flag("delete", option="--no-dry-run", off="--dry-run", where=Where.ORDERED),
    _flag("yes", where=Where.ORDERED),
    _flag("trash"),
    Key("max-delete", Kind.TEXT, counts=True),
    Key("fail-over", Kind.TEXT, counts=True),
    _flag("wait"),
    _flag("include-foreign", where=Where.ORDERED),
    _flag("assume-unused", where=Where.ORDERED),
    # About a job.
    Key("about", Kind.TEXT, option="", where=Where.JOB),
    _texts("users", option="", where=Where.JOB),
    # Output: commands/output_options.py.
    _choice("format", Format, instead_of=("null",)),
    _flag("null"),
    Key("save-plan", Kind.PATH, where=Where.ORDERED),
    Key("expires-in", Kind.TEXT, where=Where.ORDERED),
    _texts("output"),
    _choice("by", By),
    _choice("sort", Sort, "size"),
    Key("top", Kind.NUMBER, least=0),
    _choice("color", Color, "auto"),
    _flag("no-progress"),
    _flag("quiet", instead_of=("verbose",)),
    _flag("verbose", instead_of=("quiet",)),
    # Runs that nobody watches: commands/unattended_options.py.
    _choice("priority", Priority),
    Key("max-rate", Kind.NUMBER, least=1),
    Key("max-runtime", Kind.TEXT),
    Key("delay", Kind.TEXT),
    Key("log-file", Kind.PATH),
    Key("metrics", Kind.PATH),
    _texts("notify"),
    Key("notify-over", Kind.TEXT),
    _flag("no-history"),
    Key("history-max-age", Kind.TEXT, option="", where=Where.FILES),
    Key("history-max-size", Kind.TEXT, option="", where=Where.FILES),
    # The program itself: commands/general_options.py.
    Key("jobs", Kind.NUMBER),
    Key("timeout", Kind.SECONDS),
    Key("engine", Kind.CHOICE, "auto", get_args(Engine)),
)

KEYS: Final = {key.name: key for key in _TABLE}
"""All keys, by their names in a file."""

PROTECTING: Final = frozenset({"exclude", "keep"})
"""Keys that say what to leave alone."""

VARIABLES: Final = "CLEANUP_NODEMODULE_"
"""What each variable of the environment begins with that says something about a run."""

NO_KEYS: Final = frozenset({f"{VARIABLES}NATIVE"})
"""Variables that begin so and say something else: this one, whether to build the engine in C."""


def variable(key: Key) -> str:
    """Return the variable of the environment for a key."""
    return VARIABLES + key.name.replace("-", "_").upper()


OPTIONS: Final = {key.typed: key for key in _TABLE if key.typed}
"""All keys that have an option, by that."""

WITHOUT_KEY: Final = {
    "--config": "says where something is said",
    "--no-config": "says where nothing is said",
    "--json": "short for --format json",
    "--json-schema": "prints something else than a run",
    "--version": "prints something else than a run",
    "--help": "prints something else than a run",
    "-h": "prints something else than a run",
    "--install-completion": "prints something else than a run",
    "--show-completion": "prints something else than a run",
}
"""Options that say nothing about a run, or nothing of their own, and why."""


def without(key: Key) -> str:
    """Return the option that takes back what a file may have said: ``--no-trash``, ``--no-free``, and ``--progress``."""
    if key.off is not None:
        return key.off
    return f"--{key.name.removeprefix('no-')}" if key.name.startswith("no-") else f"--no-{key.name}"


WAYS_BACK: Final = {without(key): key for key in _TABLE if key.taken_back}
"""The options that take back what has a value, with their keys."""
