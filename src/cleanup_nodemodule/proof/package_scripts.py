"""Tells which script of a ``package.json`` brings something back, and which ones only look so.

npm calls a script by its name, and the name says little: ``prepare`` sets up git hooks as often as it builds, and
``build`` may say no more than that there is nothing to build. So the command is read: what it calls, whether the
file that it runs is there, and what the scripts do that it calls in turn. Sources: npm's manual (``scripts``,
``npm-run-script``), and the manuals of the tools that are named here.
"""

import fnmatch
import itertools
import json
import os
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from cleanup_nodemodule.proof.stat_cache import StatCache

_FOR_MORE: Final = frozenset(
    {"prepare", "release", "prepublish", "prepublishOnly", "prepack", "vscode:prepublish"}
)
"""Names of scripts that npm or a release calls. Many do other things: these count if they call a build tool."""

_BUILD_NAMES: Final = re.compile(r"(?:build|compile|bundle|dist|transpile)(?:[:_-].*)?")
"""Names of scripts that count as a build tool where another script calls them."""

_NOTHING_WORDS: Final = """
    echo exit true false : cd pwd set export printf sleep test rm mkdir touch rimraf del del-cli shx
    husky is-ci simple-git-hooks lefthook pinst lint-staged patch-package yarn-deduplicate
    only-allow np lerna changeset semantic-release bumpp standard-version release-it
    commit-and-tag-version git gh typedoc jsdoc compodoc documentation
"""

_NOTHING: Final = frozenset(_NOTHING_WORDS.split())
"""Commands that build nothing: the shell's own and what tidies up, git hooks, patches, releases, documentation."""

_TOOLS_WORDS: Final = """
    tsc vue-tsc webpack webpack-cli rollup rolldown esbuild tsup tsdown babel swc spack unbuild
    rslib pkgroll tshy zshy microbundle bili ncc father gulp grunt make turbo nx wireit
    svelte-package ng-packagr eleventy tstl dts-bundle-generator bob preconstruct
    bunchee sass postcss coffee browserify rescript
"""

_TOOLS: Final = frozenset(_TOOLS_WORDS.split())
"""Commands that build whatever they are told."""

_TOOLS_TOLD_WORDS: Final = """
    vite next nuxt nuxi nitro nitropack astro gatsby parcel ng nest bun deno rspack rsbuild
    react-scripts wp-scripts react-app-rewired craco vue-cli-service react-router remix vitepress
    docusaurus ember expo electron-vite tsdx storybook farm umi max taro vinxi modern quasar ionic
    preact svelte-kit sapper razzle aegir kcd-scripts
"""

_TOOLS_TOLD: Final = frozenset(_TOOLS_TOLD_WORDS.split())
"""Commands that build if one of their words says so: ``next lint`` does not."""

_TOLD: Final = frozenset({"build", "bundle", "export", "generate", "compile", "pack", "prebuild"})

_RUNS_FILES: Final = frozenset({"node", "tsx", "ts-node", "babel-node"})
"""Commands other than shells that run the file that is their first word without a dash."""

_SHELLS: Final = frozenset({"sh", "bash", "zsh", "dash"})

_SHELL_OPTIONS: Final = frozenset({"-o", "+o", "--rcfile", "--init-file"})
"""Options of shells after which a word of theirs follows."""

_CODE_OPTIONS: Final = frozenset({"-e", "--eval", "-p", "--print", "-pe", "--run", "--test"})
"""Options of Node.js after which no file follows. Shells have ``-c`` for it, and ``-e`` for something else."""

_VALUE_OPTIONS: Final = frozenset(
    {"-r", "--require", "--import", "--loader", "--experimental-loader", "-C", "--conditions"}
    | {"-O", "--project", "-P", "--tsconfig", "-o"}
)
"""Options of these after which a word of theirs follows."""

_CONFIG_OPTIONS: Final = frozenset({"-c", "--config", "-p", "--project"})
"""Options of build tools after which a file follows that they go by."""

_AS_MODULES: Final = ("", ".js", ".cjs", ".mjs", ".json", ".ts", "/index.js", "/index.ts")
"""What Node.js and what runs TypeScript add to the name of a file."""

_WRAPPERS: Final = frozenset({"cross-env", "cross-env-shell", "env", "npx", "bunx", "exec", "time"})
"""Commands that call what follows them."""

_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)

_RUNNERS: Final = frozenset({"npm", "yarn", "pnpm", "bun", "node"})
"""Commands that run other scripts of the same file: ``npm run build``."""

_MANY_RUNNERS: Final = frozenset({"run-s", "run-p", "npm-run-all", "npm-run-all2"})

_ELSEWHERE: Final = re.compile(
    r"(?:-w|--workspaces?|--prefix|--cwd|-C|--filter|-F|-r|--recursive|workspaces?)(?:=.*)?"
)
"""Words that send a runner to another package, whose scripts are not looked at."""


def manifest(content: bytes | None) -> dict[str, Any]:
    """Return what a ``package.json`` of that *content* says, nothing if it says nothing."""
    try:
        found = json.loads(content) if content is not None else None
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def script_of(
    content: bytes | None, names: Iterable[str], project: str, artifact: str, cache: StatCache
) -> str | None:
    """Return the first script of a ``package.json`` of that *content* that fits one of *names*, wildcards too.

    A script that builds nothing, or that runs a file that is not in *project* or lies in *artifact* itself, is
    left out. Raises OSError where something could not be looked at.
    """
    scripts = manifest(content).get("scripts")
    if not isinstance(scripts, dict):
        return None
    commands = {name: told for name, told in scripts.items() if isinstance(told, str)}
    reader = _Reader(commands, project, artifact, cache)
    return next(
        (
            one
            for wanted in names
            for one in commands
            if fnmatch.fnmatchcase(one, wanted) and reader.makes(one, one in _FOR_MORE)
        ),
        None,
    )


class _Missing(Exception):
    """A command runs what is not there."""


class _Reader:
    """Reads the scripts of one package."""

    def __init__(
        self, commands: dict[str, str], project: str, artifact: str, cache: StatCache
    ) -> None:
        self._commands = commands
        self._project = project
        self._artifact = artifact
        self._cache = cache

    def makes(self, name: str, strictly: bool, within: frozenset[str] = frozenset()) -> bool:  # noqa: FBT001 - an answer that is passed on
        """Whether the script makes anything; *strictly*: only if it calls what is known to build."""
        command = self._commands.get(name)
        if command is None or name in within:
            return False
        try:
            return self._any_makes(_parts(command), strictly, within | {name})
        except _Missing:
            return False

    def _any_makes(
        self,
        parts: Iterable[Sequence[str]],
        strictly: bool,  # noqa: FBT001 - an answer that is passed on
        within: frozenset[str],
    ) -> bool:
        place, made = self._project, False
        for words in parts:
            called = _called(words)
            if not called:
                continue
            if called[0] == "cd" and len(called) > 1:
                place = os.path.normpath(os.path.join(place, called[1]))
                continue
            made = self._makes(called, place, strictly, within, made) or made
        return made

    def _makes(
        self,
        words: Sequence[str],
        place: str,
        strictly: bool,  # noqa: FBT001 - an answer that is passed on
        within: frozenset[str],
        made: bool,  # noqa: FBT001 - what it runs may have been built by the command before
    ) -> bool:
        tool, rest = words[0].rpartition("/")[2], words[1:]
        scripts = self._scripts_called(tool, rest) if place == self._project else None
        if scripts is not None:
            for_tools = [
                self.makes(
                    one,
                    one in _FOR_MORE or (strictly and not _BUILD_NAMES.fullmatch(one)),
                    within,
                )
                for one in scripts
            ]
            return any(for_tools)
        if tool in _NOTHING or (tool in {"tsc", "vue-tsc"} and "--noEmit" in rest):
            return False
        file = _file_run(words[0], tool, rest)
        if file is not None and not self._is_there(file, place, made):
            raise _Missing
        for option, value in itertools.pairwise(rest):
            if file is None and option in _CONFIG_OPTIONS and self._is_lost(value, place):
                raise _Missing
        if not strictly:
            return True
        return tool in _TOOLS or (tool in _TOOLS_TOLD and not _TOLD.isdisjoint(rest))

    def _scripts_called(self, tool: str, rest: Sequence[str]) -> list[str] | None:
        """Return the scripts of this package that a command calls, None if it calls none."""
        if any(_ELSEWHERE.fullmatch(word) for word in rest):
            return None
        plain = [word for word in rest if not word.startswith("-")]
        if tool in _MANY_RUNNERS:
            return [one for word in plain for one in self._commands if fnmatch.fnmatch(one, word)]
        if tool not in _RUNNERS or not plain:
            return None
        if tool == "node":
            return [plain[0]] if "--run" in rest else None
        if plain[0] in {"run", "run-script"}:
            # Bun runs files too by this word.
            known = plain[1:2] if tool != "bun" or set(plain[1:2]) & set(self._commands) else None
            return list(known) if known is not None else None
        if plain[0] in {"test", "start"} or (
            tool in {"yarn", "pnpm"} and plain[0] in self._commands
        ):
            return [plain[0]]
        return [] if tool == "npm" else None  # Publishing, installing and the like.

    def _is_there(self, file: str, place: str, made: bool) -> bool:  # noqa: FBT001 - an answer that is passed on
        if re.search(r"[$*?`]", file):
            return True  # Only a shell knows.
        path = os.path.normpath(os.path.join(place, file))
        if self._is_lost(file, place) and not made:
            return False
        directory, name = os.path.split(path)
        return any(self._cache.exists(directory, name + ending) for ending in _AS_MODULES)

    def _is_lost(self, file: str, place: str) -> bool:
        """Whether a file would go with the artifact."""
        path = os.path.normpath(os.path.join(place, file))
        return path.startswith(self._artifact + os.sep)


def _parts(command: str) -> Iterator[list[str]]:
    """Give the words of each command in a line of a shell."""
    lexer = shlex.shlex(command.replace("\n", ";"), posix=True, punctuation_chars="();<>|&")
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    try:
        for word in lexer:
            if word and set(word) <= set("();|&"):
                yield words
                words = []
            else:
                words.append(word)
    except ValueError:  # A quotation mark is missing: the shell would not run it either.
        return
    yield words


def _called(words: Sequence[str]) -> Sequence[str]:
    """Return what is called in the end, without what sets its environment."""
    left = list(words)
    while left:
        if _ASSIGNMENT.fullmatch(left[0]) or left[0] in _WRAPPERS:
            del left[0]
            while left and left[0].startswith("-"):
                del left[0]
        elif left[0] in {"pnpm", "yarn", "npm"} and left[1:2] and left[1] in {"exec", "dlx", "x"}:
            del left[:2]
            while left and left[0].startswith("-"):
                del left[0]
        elif left[0] in {"dotenv", "dotenvx", "env-cmd"} and "--" in left:
            del left[: left.index("--") + 1]
        else:
            # ``yarn tsc`` runs tsc.
            known = _TOOLS | _TOOLS_TOLD | _NOTHING
            bare = left[0] in {"yarn", "pnpm"} and left[1:2] and left[1] in known
            return left[1:] if bare else left
    return left


def _file_run(command: str, tool: str, rest: Sequence[str]) -> str | None:
    """Return the file that a command runs, None if it runs none."""
    if command.startswith(("./", "../")) and "node_modules/" not in command:
        return command
    shell = tool in _SHELLS
    if tool not in _RUNS_FILES and not shell:
        return None
    words = iter(rest)
    for word in words:
        if (word.endswith("c") and word.startswith("-")) if shell else word in _CODE_OPTIONS:
            return None
        if word in (_SHELL_OPTIONS if shell else _VALUE_OPTIONS):
            next(words, None)
        elif tool == "tsx" and word == "watch":
            continue
        elif not word.startswith("-"):
            # What an installation brings is not there before it.
            return None if "node_modules/" in word else word
    return None
