"""Which script of a ``package.json`` brings something back."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from cleanup_nodemodule.proof.package_scripts import script_of
from cleanup_nodemodule.proof.stat_cache import StatCache
from support.trees import declare

NAMES: Final = ("build", "build:*", "compile", "release", "prepare", "prepack", "prepublishOnly")

NOTHING: Final[tuple[Mapping[str, str], ...]] = (
    {"prepare": "husky install"},
    {"prepare": "husky"},
    {"prepare": "is-ci || husky install"},
    {"prepare": "eslint ."},
    {"prepare": "npm run lint", "lint": "eslint ."},
    {"prepare": "next lint"},
    {"prepare": "svelte-kit sync || echo ''"},
    {"release": "np"},
    {"release": "npm publish"},
    {"release": "semantic-release"},
    {"release": "changeset publish"},
    {"prepack": "patch-package"},
    {"prepublishOnly": "npm test", "test": "jest"},
    {"build": "echo no build"},
    {"build": 'echo "nothing; really && nothing" && exit 0'},
    {"build": "true"},
    {"build": ":"},
    {"build": "exit 1"},
    {"build": "lerna run build"},
    {"build": "rimraf dist"},
    {"build": "NODE_ENV=production echo x"},
    {"build": "tsc --noEmit"},
    {"build": ""},
    {"build": "tsc 'and no end"},
    {"build:docs": "typedoc"},
    {"build": "node scripts/missing.js"},
    {"build": "node -r dotenv/config scripts/missing"},
    {"build": "cross-env A=1 node scripts/missing.js"},
    {"build": "sh missing.sh"},
    {"build": "bash -e missing.sh"},
    {"build": "node --check missing.js"},
    {"build": "bash -o pipefail missing.sh"},
    {"build": "./missing.sh"},
    {"build": "npx tsx missing.ts"},
    {"build": "tsc && node scripts/missing.js"},
    {"build": "cd sub && node scripts/make.js"},
    {"build": "node dist/make.js"},
    {"build": "webpack --config dist/webpack.config.js"},
    {"build": "npm run missing"},
    {"build": "npm run build"},
    {"build": "yarn build:a", "build:a": "echo x"},
    {"build": "run-s a b", "a": "echo a", "b": "exit 0"},
    {"start": "vite build"},
)

MAKES: Final[tuple[tuple[str, Mapping[str, str]], ...]] = (
    ("build", {"build": "tsc"}),
    ("build", {"build": "echo building && vite build"}),
    ("build", {"build": "rimraf dist && cross-env NODE_ENV=production webpack"}),
    ("build", {"build": "node scripts/make.js"}),
    ("build", {"build": "node --import tsx scripts/make"}),
    ("build", {"build": "node -e 'require(\"x\")()'"}),
    ("build", {"build": "bash -ec 'tsc && cp a b'"}),
    ("build", {"build": "cd sub && node there.js"}),
    ("build", {"build": "tsc && node dist/make.js"}),
    ("build", {"build": 'bash "$HOME/x.sh"'}),
    ("build", {"build": "./scripts/make.js"}),
    ("build", {"build": "node node_modules/x/cli.js"}),
    ("build", {"build": "some-tool of their own"}),
    ("build", {"build": "npm run -w packages/a build"}),
    ("build", {"build": "run-p a:*", "a:one": "tsc"}),
    ("build", {"build": "bun build a.js --outdir dist"}),
    ("build", {"build": "bun run scripts/make.js"}),
    ("build:lib", {"build": "echo no", "build:lib": "tsup"}),
    ("compile", {"prepare": "husky", "compile": "tsc -p ."}),
    ("prepare", {"prepare": "husky && npm run build-it", "build-it": "x"}),
    ("prepare", {"prepare": "husky; tsc"}),
    ("prepare", {"prepare": "npx --no-install tsc"}),
    ("prepare", {"prepare": "yarn tsc"}),
    ("prepare", {"prepare": "pnpm exec rollup -c"}),
    ("prepare", {"prepare": "bun build a.ts --outdir dist"}),
    ("prepare", {"prepare": "dotenv -e .env -- vite build"}),
    ("prepare", {"prepare": "node_modules/.bin/tsc"}),
    ("prepack", {"prepare": "husky", "prepack": "node --run make", "make": "esbuild a.js"}),
    ("release", {"release": "npm run bundle && np", "bundle": "rollup -c"}),
)


def found(project: Path, scripts: Mapping[str, object]) -> str | None:
    """Return the script that brings ``dist`` back."""
    declare(
        project,
        {
            "scripts/make.js": "x",
            "sub/there.js": "x",
            "dist/make.js": "x",
            "dist/webpack.config.js": "x",
        },
    )
    content = json.dumps({"scripts": scripts}).encode()
    return script_of(content, NAMES, str(project), str(project / "dist"), StatCache())


@pytest.mark.parametrize("scripts", NOTHING, ids=str)
def test_a_script_that_builds_nothing_brings_nothing_back(
    tmp_path: Path, scripts: Mapping[str, str]
) -> None:
    assert found(tmp_path, scripts) is None


@pytest.mark.parametrize(("name", "scripts"), MAKES, ids=str)
def test_the_script_is_the_first_that_builds(
    tmp_path: Path, name: str, scripts: Mapping[str, str]
) -> None:
    assert found(tmp_path, scripts) == name


@pytest.mark.parametrize(
    "content", [None, b"[", b"[]", b'{"scripts": []}', b'{"scripts": {"build": 1}}']
)
def test_no_scripts_are_none(tmp_path: Path, content: bytes | None) -> None:
    assert script_of(content, NAMES, str(tmp_path), str(tmp_path / "dist"), StatCache()) is None
