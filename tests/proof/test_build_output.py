"""What a JavaScript build wrote, told from what people put into directories of the same names."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from cleanup_nodemodule.proof.build_output import javascript
from cleanup_nodemodule.proof.stat_cache import StatCache
from support.trees import Declared, declare

PRELOAD: Final = (
    "(function(){let e=document.createElement(QUOTElinkQUOTE).relList;"
    "if(e&&e.supports&&e.supports(QUOTEmodulepreloadQUOTE))return;})();\n"
)
"""How Vite begins what the page loads first."""

BY_HAND: Final = "function greet() {\n  alert('hello');\n}\n"
MINIFIED: Final = "var a=" + "function(b){return b+1}," * 100 + "c;\n"
WEBPACK: Final = "/******/ var x = __webpack_require__(1);\n"
COMMONJS: Final = '"use strict";\nObject.defineProperty(exports, "__esModule", { value: true });\nexports.a = 1;\n'
JQUERY: Final = "/*! jQuery v3.7.1 | (c) OpenJS Foundation */\n" + MINIFIED

NOT_BUILT: Final[Mapping[str, Declared]] = {
    "a library that was downloaded, and code by hand": {
        "dist/jquery-3.7.1.min.js": JQUERY,
        "dist/app.js": BY_HAND,
        "dist/scan.webp": "x",
    },
    "a library alone": {"dist/jquery-3.7.1.min.js": JQUERY, "dist/photo.png": "x"},
    "a library under another name": {"dist/q.js": JQUERY, "dist/photo.png": "x"},
    "a library that webpack built": {"dist/hls.js": WEBPACK, "dist/photo.png": "x"},
    "a library that webpack built, among others": {"dist/vendor/x.js": WEBPACK, "dist/a.html": "x"},
    "a minified one of no name, and code by hand": {"dist/z.js": MINIFIED, "dist/app.js": BY_HAND},
    "a bundle of somebody, and code by hand": {"dist/z.js": WEBPACK, "dist/app.js": BY_HAND},
    "resources of electron-builder": {
        "dist/notarize.js": BY_HAND,
        "dist/entitlements.mac.plist": "x",
        "dist/icon.png": "x",
        "dist/lib.min.js": MINIFIED,
    },
    "types by hand": {"dist/index.d.ts": "export declare const a: number;\n", "dist/a.json": "{}"},
    "types by hand beside code by hand": {
        "dist/index.d.ts": "export declare const a: number;\n",
        "dist/index.js": BY_HAND,
    },
    "a style sheet with its map": {
        "dist/bootstrap.css": "a {}",
        "dist/bootstrap.css.map": "{}",
        "dist/index.html": "x",
    },
    "maps of a library": {"dist/vue.global.js.map": "{}", "dist/app.js": BY_HAND},
    "data in a long line": {"dist/data.js": "var data = [" + "1234.5, " * 1000 + "];\n"},
    "a copy of what is public": {"dist/z.js": MINIFIED, "public/z.js": MINIFIED},
    "a name that looks hashed, and code by hand": {
        "dist/photo-1a2b3c4d.js": "x",
        "dist/app.js": BY_HAND,
        "dist/more.js": BY_HAND,
    },
}

BUILT: Final[Mapping[str, tuple[str, Declared]]] = {
    "Vite": (
        "dist/assets/about-DAXUALzQ.js",
        {
            "dist/assets/index-BdK7x2Qp.js": MINIFIED,
            "dist/assets/about-DAXUALzQ.js": "import{a as b}",
        },
    ),
    "Vite with a hash without a digit": (
        "dist/assets/index-DVIbyw_l.js",
        {"dist/assets/index-DVIbyw_l.js": PRELOAD.replace("QUOTE", '"')},
    ),
    "Vite 8 with a hash that ends with a dash": (
        "dist/assets/index-OEMaFHc-.js",
        {"dist/assets/index-OEMaFHc-.js": PRELOAD.replace("QUOTE", "`")},
    ),
    "Vite with a library in public": (
        "dist/assets/index-BdK7x2Qp.js",
        {
            "dist/assets/index-BdK7x2Qp.js": MINIFIED,
            "dist/theme.js": BY_HAND,
            "dist/other.js": BY_HAND,
            "public/theme.js": BY_HAND,
            "public/other.js": BY_HAND,
        },
    ),
    "webpack": ("dist/main.js", {"dist/main.js": WEBPACK, "dist/main.css": "a {\n}\n"}),
    "webpack with its licences": (
        "dist/main.js",
        {"dist/main.js": "x", "dist/main.js.LICENSE.txt": "x"},
    ),
    "Parcel": ("dist/a.d4de325d.js", {"dist/a.d4de325d.js": "x", "dist/a.d4de325d.js.map": "{}"}),
    "tsc to CommonJS": ("dist/a.js", {"dist/a.js": COMMONJS, "dist/a.d.ts": "export {};\n"}),
    "tsc to modules": (
        "dist/b/c.js",
        {"dist/b/c.js": "export const c = 1;\n", "src/b/c.ts": "export const c = 1;\n"},
    ),
    "declarations alone": ("dist/a.d.ts", {"dist/a.d.ts": "export {};\n", "src/a.ts": "x"}),
    "a library that is this very project": (
        "dist/hello.min.js",
        {"package.json": '{"name": "@me/hello"}', "dist/hello.min.js": MINIFIED},
    ),
    "what this project minifies": (
        "dist/tool.min.js",
        {"dist/tool.min.js": MINIFIED, "src/tool.js": BY_HAND},
    ),
    "esbuild": ("dist/a.js", {"dist/a.js": "(() => {\n  var __create = Object.create;\n"}),
    "Bun": ("dist/a.js", {"dist/a.js": "// node_modules/hono/dist/x.js\nvar a = 1;\n"}),
    "Babel": ("dist/a.js", {"dist/a.js": "var b = _interopRequireDefault(require('b'));\n"}),
    "Docusaurus": (
        "dist/assets/js/main.0806c79e.js",
        {"dist/assets/js/main.0806c79e.js": "x", "dist/assets/css/styles.78e6bda1.css": "x"},
    ),
    "style sheets alone": ("dist/app.css", {"dist/app.css": "a {}", "src/app.scss": "a {}"}),
    "Astro": ("dist/_astro/", {"dist/_astro/x.css": "x", "dist/index.html": "x"}),
    "Nuxt": ("dist/_nuxt/", {"dist/_nuxt/x.js": "x"}),
    "Next.js": ("dist/_next/", {"dist/_next/static/x.js": "x", "dist/jquery.js": JQUERY}),
    "React Scripts": ("dist/asset-manifest.json", {"dist/asset-manifest.json": "{}"}),
    "most of it": (
        "dist/a.js",
        {"dist/a.js": COMMONJS, "dist/b.js": COMMONJS, "dist/c.js": BY_HAND},
    ),
}
"""What shows it, and a tree."""


@pytest.mark.parametrize("name", NOT_BUILT)
def test_no_file_is_the_whole_proof(tmp_path: Path, name: str) -> None:
    declare(tmp_path, {"package.json": "{}", **NOT_BUILT[name]})
    assert javascript(str(tmp_path / "dist"), StatCache()) is None


@pytest.mark.parametrize("name", BUILT)
def test_what_builds_write_is_known(tmp_path: Path, name: str) -> None:
    mark, tree = BUILT[name]
    declare(tmp_path, {"package.json": "{}", **tree})
    found = javascript(str(tmp_path / "dist"), StatCache())
    assert found == mark.removeprefix("dist/")


def test_a_manifest_that_is_none_names_nothing_its_own(tmp_path: Path) -> None:
    declare(tmp_path, {"package.json": "[", "dist/a.min.js": MINIFIED})
    assert javascript(str(tmp_path / "dist"), StatCache()) is None
