"""What lock files declare: the formats that real tools wrote, and what only looks like a name."""

import json
from typing import Final

import pytest

from cleanup_nodemodule.proof.declared.javascript_lines import pnpm, yarn
from cleanup_nodemodule.proof.declared.javascript_locks import Lock, bun, deno, npm, reached
from support import installed

PNPM_5: Final = """lockfileVersion: 5.4

specifiers:
  '@babel/plugin-syntax-jsx': ^7
  string-width-cjs: npm:string-width@^4
  lib: github:acme/lib

dependencies:
  '@babel/plugin-syntax-jsx': 7.29.7_@babel+core@7.29.13
  string-width-cjs: /string-width/4.2.3
  lib: github.com/acme/lib/0123456

packages:

  /@babel/plugin-syntax-jsx/7.29.7_@babel+core@7.29.13:
    resolution: {integrity: sha512-TSu8+mHC}
    engines: {node: '>=6.9.0'}
    peerDependencies:
      '@babel/core': ^7.0.0-0
    dependencies:
      '@babel/helper-plugin-utils': 7.29.7

  /@babel/helper-plugin-utils/7.29.7:
    resolution: {integrity: sha512-x}

  /string-width/4.2.3:
    resolution: {integrity: sha512-x}
    deprecated: |-
      evil: 1.0.0
      dependencies:
        evil: 1.0.0
    dependencies:
      emoji-regex: 8.0.0

  /emoji-regex/8.0.0:
    resolution: {integrity: sha512-x}

  github.com/acme/lib/0123456:
    resolution: {tarball: https://codeload.example.org/acme/lib/tar.gz/0123456}
    name: lib
    version: 1.0.0
    dependencies:
      emoji-regex: 8.0.0
"""

PNPM_6: Final = """lockfileVersion: '6.0'

settings:
  autoInstallPeers: true

overrides:
  evil: 1.0.0

dependencies:
  '@babel/plugin-syntax-jsx':
    specifier: ^7
    version: 7.29.7(@babel/core@7.29.13)
  string-width-cjs:
    specifier: npm:string-width@^4
    version: /string-width@4.2.3

packages:

  /@babel/plugin-syntax-jsx@7.29.7(@babel/core@7.29.13):
    resolution: {integrity: sha512-TSu8}
    dependencies:
      '@babel/helper-plugin-utils': 7.29.7
    dev: false

  /@babel/helper-plugin-utils@7.29.7:
    resolution: {integrity: sha512-x}

  /string-width@4.2.3:
    resolution: {integrity: sha512-x}
    dependencies:
      emoji-regex: 8.0.0

  /emoji-regex@8.0.0:
    resolution: {integrity: sha512-x}
"""


def names(lock: Lock | None, *roots: str) -> set[str]:
    """Return what *roots* lead to."""
    assert lock is not None
    return reached(roots, [lock])


@pytest.mark.parametrize("text", [PNPM_5, PNPM_6])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_pnpm_s_older_files_are_read(text: str, ends: str) -> None:
    lock = pnpm(text.replace("\n", ends).encode())
    assert lock is not None
    assert names(lock, "@babel/plugin-syntax-jsx") == {
        "@babel/plugin-syntax-jsx",
        "@babel/helper-plugin-utils",
    }
    assert names(lock, "string-width-cjs") == {"string-width-cjs", "string-width", "emoji-regex"}
    assert lock.importers is not None
    assert lock.importers[""]["@babel/plugin-syntax-jsx"] == "^7"
    assert lock.versions["@babel/plugin-syntax-jsx"] == {"7.29.7"}
    assert "evil" not in lock.needs
    assert lock.rewritten is ("overrides" in text)


def test_pnpm_names_what_comes_from_no_registry() -> None:
    lock = pnpm(PNPM_5.encode())
    assert names(lock, "lib") == {"lib", "emoji-regex"}


def test_an_alias_leads_to_what_lies_behind_it() -> None:
    lock = pnpm(
        b"importers:\n\n  .:\n    dependencies:\n      a:\n        specifier: npm:b@1\n        version: b@1.0.0\n"
        b"\nsnapshots:\n\n  b@1.0.0:\n    dependencies:\n      '@c/d': e@2.0.0(b@1.0.0)\n\n  e@2.0.0(b@1.0.0): {}\n"
    )
    assert names(lock, "a") == {"a", "b", "@c/d", "e"}


YARN_1: Final = """# yarn lockfile v1
# evil@1:

"@acme/a@^1.0.0", "@acme/a@>=1 <2", b@^2:
  version "1.0.0"
  resolved "https://example.org/evil@1:"
  dependencies:
    "@acme/c" "^1"
    d "npm:other@^1"
  optionalDependencies:
    e "*"

"@acme/c@^1":
  version "1.0.0"

"d@npm:other@^1":
  version "1.0.0"

e@*:
  version "1.0.0"
"""


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_yarn_1_is_read(ends: str) -> None:
    lock = yarn(YARN_1.replace("\n", ends).encode())
    assert names(lock, "@acme/a") == {"@acme/a", "@acme/c", "d", "e"}
    assert lock is not None
    assert set(lock.needs) == {"@acme/a", "b", "@acme/c", "d", "e"}
    assert "@acme/a@^1.0.0" in lock.patterns
    assert lock.importers is None


def test_a_later_yarn_tells_what_each_project_asks_for() -> None:
    lock = yarn(installed.YARN_LOCK.encode())
    assert lock is not None
    assert lock.importers == {"": {"@sindresorhus/is": "npm:^4", "chalk": "npm:^4.1.2"}}
    assert names(lock, "chalk") == {"chalk", "ansi-styles"}
    assert lock.versions["chalk"] == {"4.1.2"}


@pytest.mark.parametrize(
    "text",
    [
        '# "evil@1":\n"a@1":\n  version "1"\n',
        '"a@1":\n  version "1"\n  # evil "1"\n  dependencies:\n      evil "1"\n    # evil "1"\n',
        '"a@1":\n  version "1"\n  peerDependencies:\n    evil "1"\n',
        '"a@1":\n  resolved "\u2028evil@1:"\n  version "1"\n',
        '"a@1":\n  resolved "\x0bevil@1:\x1cevil@2:"\n',
        '  evil@1:\n"a@1":\n  version "1"\n',
        '"evil@1"\n"a@1":\n  version "1"\n',
        '"a@1":\n  dependencies: evil\n    evil "1"\n',
    ],
)
def test_comments_and_values_of_yarn_are_no_names(text: str) -> None:
    lock = yarn(text.encode())
    assert "evil" not in names(lock, "a")
    assert lock is not None
    assert "evil" not in lock.needs


@pytest.mark.parametrize(
    "text",
    [
        "  # evil@1.0.0:\n",
        "  a@1.0.0:\n    deprecated: |-\n      evil: 1.0.0\n",
        "  a@1.0.0:\n    deprecated: >-\n      dependencies:\n        evil: 1.0.0\n",
        "  a@1.0.0:\n    peerDependencies:\n      evil: 1.0.0\n",
        "  a@1.0.0:\n    dependencies:\n      b: 1.0.0\n    peerDependencies:\n      evil: 1.0.0\n",
        "  a@1.0.0:\n    transitivePeerDependencies:\n      - evil\n",
        "  a@1.0.0:\n    resolution: {evil: 1.0.0}\n",
        "   evil@1.0.0:\n",
        "time:\n  evil@1.0.0: '2020'\n",
        "---\noverrides:\n  evil@1.0.0: 1\n",
        "  ? evil@1.0.0\n  : dependencies:\n      evil: 1.0.0\n",
        "  a@1.0.0:\n    deprecated: evil:\n    resolution: {}\n      evil: 1.0.0\n",
    ],
)
def test_comments_and_values_of_pnpm_are_no_names(text: str) -> None:
    head = "importers:\n\n  .:\n    dependencies:\n      a:\n        specifier: '1'\n        version: 1.0.0\n\npackages:\n\n"
    lock = pnpm((head + text).encode())
    assert "evil" not in names(lock, "a")
    assert lock is not None
    assert "evil" not in lock.needs


def test_npm_s_first_format_is_read_at_every_depth() -> None:
    inner = {"c": {"version": "2.0.0", "requires": {"d": "1"}}}
    tree = {
        "a": {"version": "1.0.0", "requires": {"c": "^2"}, "dependencies": inner},
        "c": {"version": "1.0.0"},
        "d": {"version": "1.0.0"},
    }
    lock = npm(json.dumps({"lockfileVersion": 1, "dependencies": tree}).encode())
    assert names(lock, "a") == {"a", "c", "d"}
    assert lock is not None
    assert lock.versions["c"] == {"1.0.0", "2.0.0"}


def test_npm_s_paths_are_names_only_below_node_modules() -> None:
    packages = {
        "": {"dependencies": {"a": "1"}},
        "node_modules/a": {"version": "1.0.0", "dependencies": {"@b/c": "1"}},
        "node_modules/a/node_modules/@b/c": {"version": "1.0.0"},
        "evil": {"version": "1.0.0"},
        "packages/node_modules-evil": {},
        "not-node_modules/evil": {},
    }
    lock = npm(json.dumps({"packages": packages}).encode())
    assert lock is not None
    assert set(lock.needs) == {"a", "@b/c"}
    assert names(lock, "a") == {"a", "@b/c"}


def test_bun_is_read_with_its_commas() -> None:
    lock = bun(
        b'{"lockfileVersion": 1, "workspaces": {"": {"dependencies": {"a": "1",},},},\n "packages": {\n'
        b'  "a": ["a@1.0.0", "", { "dependencies": { "b": "1" }, "peerDependencies": { "c": "1", "d": "1" },'
        b' "optionalPeers": ["d"], }, "sha512-,]x"],\n  "b": ["other@1.0.0", "", {}, ""],\n'
        b'  "a/c": ["c@2.0.0", ""],\n  "@x/y/@z/d": ["@z/d@1.0.0"],\n},}\n'
    )
    assert names(lock, "a") == {"a", "b", "c"}
    assert lock is not None
    assert set(lock.needs) == {"a", "b", "c", "@z/d"}
    assert lock.importers == {"": {"a": "1"}}


@pytest.mark.parametrize("version", [3, 5])
def test_deno_is_read(version: int) -> None:
    needs: object = ["b", "c@npm:d@1.0.0"] if version > 3 else {"b": "b@1.0.0", "c": "d@1.0.0"}
    npm_packages = {
        "a@1.0.0_b@1.0.0": {"dependencies": needs},
        "b@1.0.0": {},
        "d@1.0.0": {},
    }
    content = {"specifiers": {"npm:a@1": "1.0.0"}, "npm": npm_packages}
    lock = deno(json.dumps(content if version > 3 else {"packages": content}).encode())
    assert {"a", "b"} <= names(lock, "a") <= {"a", "b", "c", "d"}
    assert lock is not None
    assert lock.versions["a"] == {"1.0.0"}


@pytest.mark.parametrize("reader", [npm, bun, deno, yarn, pnpm])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 100,
        b"\xff" * 100,
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"null",
        b"[]",
        b"{}",
        b'{"packages": [], "npm": [], "dependencies": null}',
        b'{"packages": {"": null, "a": null, "node_modules/a": null, "b": [null]}, "npm": {"a@1": null}}',
        b'{"packages": {"node_modules/a": {"dependencies": [1], "peerDependenciesMeta": 2, "version": {}}}}',
        b'{"dependencies": {"a": {"requires": true, "dependencies": {"b": 1}}}}',
        b"9" * 10_000,
        b":\n: :\n  :\n    :\n      :\n",
        b"packages:\n\n  :\n  '':\n  @:\n  /:\n  a/:\n  @a/b:\n",
    ],
)
def test_nothing_that_is_written_there_raises(reader: object, content: bytes) -> None:
    assert callable(reader)
    lock = reader(content)
    assert lock is None or isinstance(lock, Lock)
