"""The projects that real package managers install, one entry each: files, commands, and what the tools made.

The packages are popular ones: frameworks, native modules, and packages whose scripts run after the
install. No version is named for most, as an install of today is what has to be recognised today.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

Content: TypeAlias = str | Mapping[str, Any]
"""Of a file: text, or what is written as JSON."""


@dataclass(frozen=True, slots=True)
class Install:
    """A project, and how real tools install and build it."""

    name: str
    """Also of its directory."""
    files: Mapping[str, Content]
    commands: tuple[str, ...]
    """For sh(1), in the project. The first ones must succeed, see :attr:`must`."""
    made: tuple[str, ...]
    """What the tools are expected to have made: every one of these that exists has to be selected."""
    tools: tuple[str, ...] = ()
    """Names in :data:`TOOLS`, which are put on the search path."""
    must: int = 1
    """How many of the commands have to succeed. The other ones are builds that may need the network."""
    needs: tuple[str, ...] = ()
    """Programs without which the entry is left out."""
    environment: Mapping[str, str] = field(default_factory=dict)


TOOLS: Final[Mapping[str, str]] = {
    "pnpm": "npm install --prefix . pnpm@10",
    "yarn": "npm install --prefix . yarn@1",
    "berry": "npm install --prefix . @yarnpkg/cli-dist@4",
    "bun": "npm install --prefix . bun@1",
    "deno": "npm install --prefix . deno@2",
    "uv": "python3 -m venv . && bin/pip install --quiet uv",
    "poetry": "python3 -m venv . && bin/pip install --quiet poetry",
    "pdm": "python3 -m venv . && bin/pip install --quiet pdm 'hishel<1'",
    "pipenv": "python3 -m venv . && bin/pip install --quiet pipenv",
    "tox": "python3 -m venv . && bin/pip install --quiet tox nox",
    "meson": "python3 -m venv . && bin/pip install --quiet meson ninja",
}
"""Package managers that a registry has: how each is installed into a directory of its own."""

IGNORED: Final = """\
node_modules/
dist/
build/
out/
target/
coverage/
htmlcov/
site/
_site/
storybook-static/
_build/
bin/
obj/
vendor/
.venv/
venv/
__pycache__/
*.egg-info/
.*/
!.github/
"""
"""The ``.gitignore`` of each project, as the usual templates have it."""

INSTALLS: Final[list[Install]] = []


def _add(name: str, files: Mapping[str, Content], *commands: str, made: str, **more: Any) -> None:
    INSTALLS.append(Install(name, files, commands, tuple(made.split()), **more))


def _package(
    dependencies: str, scripts: Mapping[str, str] | None = None, **more: Any
) -> Mapping[str, Any]:
    """Return a ``package.json``; *dependencies* are names, with ``@version`` where one is needed."""
    named = {}
    for word in dependencies.split():
        name, _, version = word[1:].partition("@")
        named[word[0] + name] = version or "*"
    return {
        "name": "example",
        "version": "1.0.0",
        "private": True,
        "scripts": dict(scripts or {}),
        "dependencies": named,
        **more,
    }


def text_of(content: Content) -> str:
    """Return what is written into a file."""
    return content if isinstance(content, str) else json.dumps(content, indent=2) + "\n"


_HTML: Final = (
    '<!doctype html><div id="app"></div><script type="module" src="/src/main.js"></script>\n'
)
_MODULE: Final = {"type": "module"}

# --- npm: frameworks and their builds

_add(
    "npm-next",
    {
        "package.json": _package("next react react-dom", {"build": "next build"}),
        "pages/index.js": "export default function Home() { return <p>Hello</p> }\n",
    },
    "npm install",
    "npm run build",
    made="node_modules .next",
)
_add(
    "npm-vite-react",
    {
        "package.json": _package(
            "vite @vitejs/plugin-react react react-dom", {"build": "vite build"}, **_MODULE
        ),
        "vite.config.js": 'import react from "@vitejs/plugin-react";\nexport default { plugins: [react()] };\n',
        "index.html": _HTML.replace("main.js", "main.jsx"),
        "src/main.jsx": 'import { createRoot } from "react-dom/client";\n'
        'createRoot(document.getElementById("app")).render(<b>Hello</b>);\n',
    },
    "npm install",
    "npm run build",
    made="node_modules dist",
)
_add(
    "npm-angular",
    {
        "package.json": _package(
            "@angular/core @angular/common @angular/compiler @angular/platform-browser rxjs tslib @angular/cli "
            "@angular/build @angular/compiler-cli typescript@~5.9",
            {"build": "ng build"},
        )
    },
    "npm install --legacy-peer-deps",
    made="node_modules",
)
_add(
    "npm-nuxt",
    {
        "package.json": _package(
            "nuxt vue vue-router", {"build": "nuxt build", "postinstall": "nuxt prepare"}, **_MODULE
        ),
        "nuxt.config.ts": "export default defineNuxtConfig({ telemetry: false })\n",
        "app.vue": "<template><p>Hello</p></template>\n",
    },
    "npm install",
    "npm run build",
    made="node_modules .nuxt .output",
)
_add(
    "npm-sveltekit",
    {
        "package.json": _package(
            "@sveltejs/kit @sveltejs/adapter-static @sveltejs/vite-plugin-svelte svelte vite",
            {"build": "vite build", "prepare": "svelte-kit sync || echo ''"},
            **_MODULE,
        ),
        "svelte.config.js": 'import adapter from "@sveltejs/adapter-static";\n'
        'export default { kit: { adapter: adapter({ fallback: "index.html" }) } };\n',
        "vite.config.js": 'import { sveltekit } from "@sveltejs/kit/vite";\nexport default { plugins: [sveltekit()] };\n',
        "src/app.html": "<!doctype html><html><head>%sveltekit.head%</head><body>%sveltekit.body%</body></html>\n",
        "src/routes/+page.svelte": "<p>Hello</p>\n",
    },
    "npm install",
    "npm run build",
    made="node_modules .svelte-kit build",
)
_add(
    "npm-sveltekit2",
    {
        "package.json": _package(
            "@sveltejs/kit@2 @sveltejs/adapter-static@3 @sveltejs/vite-plugin-svelte@5 svelte@5 vite@6",
            {"build": "vite build", "prepare": "svelte-kit sync || echo ''"},
            **_MODULE,
        ),
        "svelte.config.js": 'import adapter from "@sveltejs/adapter-static";\n'
        'export default { kit: { adapter: adapter({ fallback: "index.html" }) } };\n',
        "vite.config.js": 'import { sveltekit } from "@sveltejs/kit/vite";\nexport default { plugins: [sveltekit()] };\n',
        "src/app.html": "<!doctype html><html><head>%sveltekit.head%</head><body>%sveltekit.body%</body></html>\n",
        "src/routes/+page.svelte": "<p>Hello</p>\n",
    },
    "npm install",
    "npm run build",
    made="node_modules .svelte-kit build",
)
_add(
    "npm-astro",
    {
        "package.json": _package("astro@5", {"build": "astro build"}, **_MODULE),
        "astro.config.mjs": "export default {};\n",
        "src/pages/index.astro": "<p>Hello</p>\n",
    },
    "npm install",
    "npm run build",
    made="node_modules .astro dist",
)
_add(
    "npm-storybook",
    {
        "package.json": _package(
            "storybook @storybook/html-vite vite", {"build-storybook": "storybook build"}, **_MODULE
        ),
        ".storybook/main.js": 'export default { framework: "@storybook/html-vite", stories: ["../src/*.stories.js"] };\n',
        "src/a.stories.js": 'export default { title: "A" };\nexport const One = { render: () => "<b>one</b>" };\n',
    },
    "npm install",
    "npm run build-storybook -- --disable-telemetry",
    made="node_modules storybook-static",
)
_add(
    "npm-react-router",
    {
        "package.json": _package(
            "react-router @react-router/dev @react-router/node @react-router/serve isbot react react-dom vite",
            {"build": "react-router build", "typecheck": "react-router typegen"},
            **_MODULE,
        ),
        "react-router.config.ts": "export default { ssr: true };\n",
        "vite.config.ts": 'import { reactRouter } from "@react-router/dev/vite";\nexport default { plugins: [reactRouter()] };\n',
        "app/root.jsx": 'import { Outlet } from "react-router";\nexport default function App() { return <Outlet /> }\n',
        "app/routes.ts": 'import { index } from "@react-router/dev/routes";\nexport default [index("home.jsx")];\n',
        "app/home.jsx": "export default function Home() { return <p>Hello</p> }\n",
    },
    "npm install --legacy-peer-deps",
    "npm run build",
    "npm run typecheck",
    made="node_modules build .react-router",
)
_add(
    "npm-vitepress",
    {
        "package.json": _package("vitepress", {"docs:build": "vitepress build docs"}, **_MODULE),
        "docs/index.md": "# Hello\n",
    },
    "npm install",
    "npm run docs:build",
    made="node_modules docs/.vitepress/dist docs/.vitepress/cache",
)
_add(
    "npm-docusaurus",
    {
        "package.json": _package(
            "@docusaurus/core @docusaurus/preset-classic react@19 react-dom@19",
            {"build": "docusaurus build"},
        ),
        "docusaurus.config.js": 'module.exports = { title: "T", url: "https://example.org", baseUrl: "/", '
        'presets: [["classic", { blog: false, docs: { routeBasePath: "/" } }]] };\n',
        "docs/index.md": "---\nslug: /\n---\n# Hello\n",
    },
    "npm install",
    "npm run build",
    made="node_modules .docusaurus build",
    environment={"DOCUSAURUS_NO_TELEMETRY": "1"},
)
_add(
    "npm-nestjs",
    {
        "package.json": _package(
            "@nestjs/core @nestjs/common @nestjs/platform-express @nestjs/cli reflect-metadata rxjs typescript@5",
            {"build": "nest build"},
        ),
        "nest-cli.json": {"collection": "@nestjs/schematics", "sourceRoot": "src"},
        "tsconfig.json": {
            "compilerOptions": {
                "outDir": "./dist",
                "module": "commonjs",
                "experimentalDecorators": True,
                "skipLibCheck": True,
            }
        },
        "src/main.ts": "console.log(1);\n",
    },
    "npm install --legacy-peer-deps",
    "npm run build",
    made="node_modules dist",
)
_add(
    "npm-eleventy",
    {
        "package.json": _package("@11ty/eleventy", {"build": "eleventy"}),
        "index.md": "# Hello\n",
    },
    "npm install",
    "npm run build",
    made="node_modules _site",
)
_add(
    "npm-parcel",
    {
        "package.json": _package("parcel", {"build": "parcel build index.html"}),
        "index.html": '<!doctype html><script type="module" src="a.js"></script>\n',
        "a.js": "document.body.append('Hello');\n",
    },
    "npm install",
    "npm run build",
    made="node_modules dist .parcel-cache",
)
_add(
    "npm-webpack-babel",
    {
        "package.json": _package(
            "webpack webpack-cli babel-loader @babel/core @babel/preset-env lodash",
            {"build": "webpack --mode production"},
        ),
        "webpack.config.js": "module.exports = { cache: { type: 'filesystem' }, module: { rules: [{ test: /\\.js$/, "
        "use: { loader: 'babel-loader', options: { presets: ['@babel/preset-env'], cacheDirectory: true } } }] } };\n",
        "src/index.js": 'import { map } from "lodash";\nconsole.log(map([1], (one) => one + 1));\n',
    },
    "npm install",
    "npm run build",
    made="node_modules dist",
)

# --- npm: scripts that run after the install, and native modules

_add(
    "npm-prisma",
    {
        "package.json": _package("prisma@6 @prisma/client@6"),
        "prisma/schema.prisma": 'datasource db {\n  provider = "sqlite"\n  url = "file:./dev.db"\n}\n'
        'generator client {\n  provider = "prisma-client-js"\n}\nmodel A {\n  id Int @id\n}\n',
    },
    "npm install --ignore-scripts",
    "npx prisma generate",
    made="node_modules",
)
_add(
    "npm-prisma7",
    {
        "package.json": _package("prisma@7 @prisma/client@7"),
        "prisma.config.ts": 'export default { schema: "prisma/schema.prisma" };\n',
        "prisma/schema.prisma": 'datasource db {\n  provider = "sqlite"\n}\n'
        'generator client {\n  provider = "prisma-client-js"\n}\nmodel A {\n  id Int @id\n}\n',
    },
    "npm install --ignore-scripts",
    "npx prisma generate",
    made="node_modules",
)
_add(
    "npm-electron",
    {
        "package.json": _package("electron electron-builder", {"start": "electron ."}),
        "main.js": "\n",
    },
    "npm install",
    made="node_modules",
    environment={"ELECTRON_SKIP_BINARY_DOWNLOAD": "1"},
)
_add(
    "npm-esbuild",
    {
        "package.json": _package(
            "esbuild left-pad", {"build": "esbuild a.js --bundle --outdir=dist"}
        ),
        "a.js": 'import pad from "left-pad";\nconsole.log(pad("a", 3));\n',
    },
    "npm install",
    "npm run build",
    made="node_modules dist",
)
_add("npm-sharp", {"package.json": _package("sharp")}, "npm install", made="node_modules")
_add(
    "npm-husky",
    {
        "package.json": _package("husky lint-staged prettier", {"prepare": "husky"}),
        ".husky/pre-commit": "npx lint-staged\n",
    },
    "git init --quiet && npm install",
    made="node_modules",
)
_add(
    "npm-patch-package",
    {
        "package.json": _package("left-pad@1.3.0 patch-package", {"postinstall": "patch-package"}),
        "patches/left-pad+1.3.0.patch": "diff --git a/node_modules/left-pad/index.js b/node_modules/left-pad/index.js\n"
        "--- a/node_modules/left-pad/index.js\n+++ b/node_modules/left-pad/index.js\n@@ -3,4 +3,5 @@\n"
        "  * To Public License, Version 2, as published by Sam Hocevar. See\n  * http://www.wtfpl.net/ for more details. */\n"
        " 'use strict';\n+// patched\n module.exports = leftPad;\n",
    },
    "npm install --ignore-scripts && (npx patch-package || sed -i '5i // patched' node_modules/left-pad/index.js)",
    made="node_modules",
)
_add(
    "npm-puppeteer-core",
    {"package.json": _package("puppeteer-core")},
    "npm install",
    made="node_modules",
)
_add(
    "npm-playwright",
    {"package.json": _package("@playwright/test")},
    "npm install",
    made="node_modules",
)
_add(
    "npm-bcrypt",
    {"package.json": _package("bcrypt bufferutil utf-8-validate")},
    "npm install",
    made="node_modules",
)
_add(
    "npm-node-gyp",
    {"package.json": _package("microtime segfault-handler")},
    "npm install",
    made="node_modules",
)
_add(
    "npm-better-sqlite3",
    {"package.json": _package("better-sqlite3")},
    "npm install",
    made="node_modules",
)
_add(
    "npm-core-js",
    {"package.json": _package("core-js nodemon protobufjs")},
    "npm install",
    made="node_modules",
)

# --- npm: what its trees can look like

_WORKSPACES: Final[Mapping[str, Content]] = {
    "package.json": {
        **_package("", {"build": "tsc --build"}),
        "workspaces": ["packages/*"],
        "devDependencies": {"typescript": "5"},
    },
    "packages/a/package.json": {
        "name": "@example/a",
        "version": "1.0.0",
        "dependencies": {"chalk": "4"},
        "scripts": {"build": "tsc"},
    },
    "packages/b/package.json": {
        "name": "@example/b",
        "version": "1.0.0",
        "dependencies": {"chalk": "5", "@example/a": "1.0.0"},
        "scripts": {"build": "tsc"},
    },
    "packages/a/tsconfig.json": {
        "compilerOptions": {"outDir": "dist", "rootDir": "src", "composite": True},
        "include": ["src"],
    },
    "packages/b/tsconfig.json": {
        "compilerOptions": {"outDir": "dist", "rootDir": "src", "composite": True},
        "include": ["src"],
    },
    "tsconfig.json": {"files": [], "references": [{"path": "packages/a"}, {"path": "packages/b"}]},
    "packages/a/src/index.ts": "export const a = 1;\n",
    "packages/b/src/index.ts": "export const b = 1;\n",
}
_OF_WORKSPACES: Final = (
    "node_modules packages/a/node_modules packages/b/node_modules packages/a/dist packages/b/dist"
)
_add("npm-workspaces", _WORKSPACES, "npm install", "npm run build", made=_OF_WORKSPACES)
_add(
    "npm-no-lock",
    {"package.json": _package("express lodash"), ".npmrc": "package-lock=false\n"},
    "npm install",
    made="node_modules",
)
_add(
    "npm-shrinkwrap",
    {"package.json": _package("koa")},
    "npm install && npm shrinkwrap",
    made="node_modules",
)
_add(
    "npm-local-and-aliases",
    {
        "package.json": _package(
            "old@npm:lodash@3 lib@file:./lib react@18", overrides={"js-tokens": "^4.0.0"}
        ),
        "lib/package.json": {"name": "lib", "version": "1.0.0"},
        "lib/index.js": "\n",
    },
    "npm install",
    made="node_modules",
)
_add(
    "npm-mui-peers",
    {"package.json": _package("@mui/material @emotion/react @emotion/styled react react-dom")},
    "npm install",
    made="node_modules",
)
_add(
    "npm-jest-eslint",
    {
        "package.json": _package("jest eslint @eslint/js nyc", {"test": "jest --coverage"}),
        "a.test.js": 'test("a", () => {});\n',
        "a.js": "module.exports = 1;\n",
    },
    "npm install",
    "npm test -- --collectCoverageFrom=a.js",
    "npx nyc node a.js",
    made="node_modules coverage .nyc_output",
)
_add(
    "npm-nx",
    {
        **_WORKSPACES,
        "package.json": {
            **_package("nx", {"build": "nx run-many -t build"}),
            "workspaces": ["packages/*"],
            "devDependencies": {"typescript": "5"},
        },
        "nx.json": {
            "targetDefaults": {"build": {"cache": True, "outputs": ["{projectRoot}/dist"]}}
        },
    },
    "npm install",
    "npm run build",
    made=_OF_WORKSPACES + " .nx/cache .nx/workspace-data",
    environment={"NX_DAEMON": "false", "NX_NO_CLOUD": "true"},
)
_add(
    "npm-tailwind",
    {
        "package.json": _package(
            "tailwindcss postcss autoprefixer @tailwindcss/cli",
            {"build": "tailwindcss -o out/a.css"},
        )
    },
    "npm install",
    "npm run build",
    made="node_modules",
)
_add(
    "npm-aws-cdk",
    {"package.json": _package("aws-cdk aws-cdk-lib constructs")},
    "npm install",
    made="node_modules",
)

# --- pnpm, yarn, bun, deno

_add(
    "pnpm-vite-vue",
    {
        "package.json": _package("vite vue @vitejs/plugin-vue", {"build": "vite build"}, **_MODULE),
        "vite.config.js": 'import vue from "@vitejs/plugin-vue";\nexport default { plugins: [vue()] };\n',
        "index.html": _HTML,
        "src/main.js": 'import { createApp } from "vue";\ncreateApp({}).mount("#app");\n',
    },
    "pnpm install",
    "pnpm run build",
    made="node_modules dist",
    tools=("pnpm",),
)
_add(
    "pnpm-turbo",
    {
        **_WORKSPACES,
        "package.json": _package(
            "turbo typescript@5", {"build": "turbo run build"}, packageManager="pnpm@10.0.0"
        ),
        "pnpm-workspace.yaml": "packages:\n  - packages/*\n",
        "turbo.json": {"tasks": {"build": {"outputs": ["dist/**"]}}},
        "packages/b/package.json": {
            "name": "@example/b",
            "version": "1.0.0",
            "dependencies": {"chalk": "5", "@example/a": "workspace:*"},
            "scripts": {"build": "tsc"},
        },
    },
    "pnpm install",
    "pnpm run build",
    made=_OF_WORKSPACES + " .turbo packages/a/.turbo packages/b/.turbo",
    tools=("pnpm",),
    environment={
        "npm_config_manage_package_manager_versions": "false",
        "TURBO_TELEMETRY_DISABLED": "1",
    },
)
_add(
    "pnpm-hoisted",
    {"package.json": _package("express fastify"), ".npmrc": "node-linker=hoisted\n"},
    "pnpm install",
    made="node_modules",
    tools=("pnpm",),
)
_add(
    "pnpm-own-store",
    {"package.json": _package("express")},
    "pnpm install --store-dir .pnpm-store",
    made="node_modules .pnpm-store",
    tools=("pnpm",),
)
_add(
    "yarn1-express-typescript",
    {
        "package.json": _package("express typescript@5", {"build": "tsc"}),
        "a.ts": "export {};\n",
        "tsconfig.json": {"compilerOptions": {"outDir": "dist"}, "include": ["a.ts"]},
    },
    "yarn install",
    "yarn build",
    made="node_modules dist",
    tools=("yarn",),
)
_add(
    "yarn1-lerna",
    {
        **_WORKSPACES,
        "package.json": {
            **_package("lerna typescript@5", {"build": "lerna run build"}),
            "workspaces": ["packages/*"],
        },
        "lerna.json": {"version": "1.0.0", "npmClient": "yarn"},
    },
    "yarn install",
    "yarn build",
    made=_OF_WORKSPACES + " .nx/cache .nx/workspace-data",
    tools=("yarn",),
    environment={"NX_DAEMON": "false"},
)
_BERRY: Final = "nodeLinker: node-modules\nenableTelemetry: false\nenableGlobalCache: true\nenableScripts: true\n"
_add(
    "berry-fastify",
    {"package.json": _package("fastify zod@3"), ".yarnrc.yml": _BERRY, "yarn.lock": ""},
    "yarn install",
    made="node_modules",
    tools=("berry",),
)
_add(
    "berry-workspaces",
    {**_WORKSPACES, ".yarnrc.yml": _BERRY, "yarn.lock": ""},
    "yarn install",
    "yarn build",
    made=_OF_WORKSPACES,
    tools=("berry",),
)
_add(
    "berry-pnp-cache",
    {
        "package.json": _package("chalk@4"),
        ".yarnrc.yml": "enableTelemetry: false\nenableGlobalCache: false\n",
        "yarn.lock": "",
    },
    "yarn install",
    made=".yarn/cache",
    tools=("berry",),
)
_add(
    "bun-hono",
    {
        "package.json": _package("hono", {"build": "bun build a.js --outdir dist"}),
        "a.js": 'import { Hono } from "hono";\nexport default new Hono();\n',
    },
    "bun install",
    "bun run build",
    made="node_modules dist",
    tools=("bun",),
)
_add(
    "bun-workspaces",
    _WORKSPACES,
    "bun install",
    "bun run build",
    made=_OF_WORKSPACES,
    tools=("bun",),
)
_add(
    "deno-npm",
    {
        "deno.json": {
            "nodeModulesDir": "auto",
            "imports": {"chalk": "npm:chalk@5", "express": "npm:express@4"},
        }
    },
    "deno install",
    made="node_modules",
    tools=("deno",),
)

# --- Python

_add(
    "venv-django",
    {"requirements.in": "django\n"},
    "python3 -m venv .venv && .venv/bin/pip install -q -r requirements.in && .venv/bin/pip freeze > requirements.txt",
    ".venv/bin/django-admin startproject site1",
    ".venv/bin/python site1/manage.py check",
    made=".venv site1/site1/__pycache__",
)
_add(
    "venv-ansible",
    {"requirements.txt": "ansible-core\n"},
    "python3 -m venv venv && venv/bin/pip install -q -r requirements.txt",
    made="venv",
)
_add(
    "venv-jupyter",
    {"requirements.txt": "jupyterlab\n"},
    "python3 -m venv .venv && .venv/bin/pip install -q -r requirements.txt",
    made=".venv",
)
_add(
    "uv-fastapi",
    {
        "pyproject.toml": '[project]\nname = "example"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["fastapi", "uvicorn"]\n'
    },
    "uv sync",
    made=".venv",
    tools=("uv",),
)
_add(
    "uv-numpy-pandas",
    {
        "pyproject.toml": '[project]\nname = "example"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["numpy", "pandas"]\n'
    },
    "uv sync",
    made=".venv",
    tools=("uv",),
)
_add(
    "uv-pip-compiled",
    {"requirements.in": "flask\nsqlalchemy\n"},
    "uv pip compile -q requirements.in -o requirements.txt && uv venv -q && uv pip install -q -r requirements.txt",
    made=".venv",
    tools=("uv",),
)
_add(
    "poetry-flask",
    {
        "pyproject.toml": '[project]\nname = "example"\nversion = "1.0.0"\nrequires-python = ">=3.11,<4"\ndependencies = ["six"]\n'
        '[tool.poetry]\npackage-mode = false\n[build-system]\nrequires = ["poetry-core"]\nbuild-backend = "poetry.core.masonry.api"\n'
    },
    "poetry install --quiet",
    made=".venv",
    tools=("poetry",),
    environment={"POETRY_VIRTUALENVS_IN_PROJECT": "true"},
)
_add(
    "pdm-httpx",
    {
        "pyproject.toml": '[project]\nname = "example"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["httpx"]\n[tool.pdm]\ndistribution = false\n'
    },
    "pdm install -q",
    made=".venv",
    tools=("pdm",),
)
_add(
    "pipenv-requests",
    {"Pipfile": '[packages]\nrequests = "*"\n'},
    "pipenv install",
    made=".venv",
    tools=("pipenv",),
    environment={"PIPENV_VENV_IN_PROJECT": "1"},
)
_add(
    "pip-editable-tools",
    {
        "pyproject.toml": '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n[project]\nname = "example"\nversion = "1"\n'
        'dependencies = ["attrs"]\n[project.optional-dependencies]\ndev = ["pytest", "pytest-cov", "mypy", "ruff", "build", "sphinx", "mkdocs", "hypothesis"]\n'
        '[tool.setuptools]\npackages = ["example"]\n',
        "example/__init__.py": "x = 1\n",
        "tests/test_a.py": "from hypothesis import given, strategies as st\nimport example\n@given(st.integers())\ndef test_a(n): assert example.x == 1\n",
        "docs/index.md": "# Hello\n",
        "doc/index.rst": "Hello\n=====\n",
        "doc/conf.py": "project = 'example'\n",
        "mkdocs.yml": "site_name: example\n",
    },
    "python3 -m venv .venv && .venv/bin/pip install -q -e '.[dev]'",
    ".venv/bin/pytest -q --cov=example --cov-report=html",
    ".venv/bin/mypy example",
    ".venv/bin/ruff check example",
    ".venv/bin/mkdocs build -q",
    ".venv/bin/sphinx-build -q doc doc/_build/html",
    ".venv/bin/python -m build -q",
    made=".venv .pytest_cache .mypy_cache .ruff_cache .hypothesis htmlcov example/__pycache__ tests/__pycache__ site doc/_build example.egg-info dist",
)
_add(
    "tox-and-nox",
    {
        "tox.ini": "[tox]\nskipsdist = true\n[testenv]\ndeps = six\ncommands = python -c 1\n",
        "noxfile.py": "import nox\n@nox.session\ndef a(session):\n    session.install('six')\n",
    },
    "tox -q",
    "nox",
    made=".tox .nox __pycache__",
    tools=("tox",),
)

# --- Other ecosystems

_add(
    "cargo-serde",
    {
        "Cargo.toml": '[package]\nname = "example"\nversion = "1.0.0"\nedition = "2021"\n[dependencies]\nserde = "1"\nitoa = "1"\n',
        "src/main.rs": "fn main() {}\n",
    },
    "cargo build --quiet",
    made="target",
    needs=("cargo",),
)
_add(
    "cargo-workspace",
    {
        "Cargo.toml": '[workspace]\nresolver = "2"\nmembers = ["a", "b"]\n',
        "a/Cargo.toml": '[package]\nname = "a"\nversion = "1.0.0"\nedition = "2021"\n',
        "b/Cargo.toml": '[package]\nname = "b"\nversion = "1.0.0"\nedition = "2021"\n[dependencies]\na = { path = "../a" }\n',
        "a/src/lib.rs": "pub fn a() {}\n",
        "b/src/main.rs": "fn main() { a::a() }\n",
    },
    "cargo build --quiet --release",
    made="target",
    needs=("cargo",),
)
_add(
    "go-vendor",
    {
        "go.mod": "module example.org/example\n\ngo 1.21\n\nrequire github.com/google/uuid v1.6.0\n",
        "main.go": 'package main\n\nimport "github.com/google/uuid"\n\nfunc main() { println(uuid.NewString()) }\n',
    },
    "go mod tidy && go mod vendor",
    made="vendor",
    needs=("go",),
)
_POM: Final = """\
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>example</groupId>
<artifactId>example</artifactId><version>1</version><properties><maven.compiler.source>17</maven.compiler.source>
<maven.compiler.target>17</maven.compiler.target><project.build.sourceEncoding>UTF-8</project.build.sourceEncoding></properties>
</project>
"""
_add(
    "maven-jar",
    {"pom.xml": _POM, "src/main/java/A.java": "class A {}\n"},
    "mvn -q -B package",
    made="target",
    needs=("mvn",),
)
_add(
    "cmake-build",
    {
        "CMakeLists.txt": "cmake_minimum_required(VERSION 3.16)\nproject(example C)\nadd_executable(a a.c)\n",
        "a.c": "int main(void) { return 0; }\n",
    },
    "cmake -S . -B build && cmake --build build",
    made="build",
    needs=("cmake", "cc"),
)
_add(
    "cmake-presets",
    {
        "CMakeLists.txt": "cmake_minimum_required(VERSION 3.21)\nproject(example C)\nadd_executable(a a.c)\n",
        "a.c": "int main(void) { return 0; }\n",
        "CMakePresets.json": {
            "version": 3,
            "configurePresets": [
                {
                    "name": "debug",
                    "generator": "Unix Makefiles",
                    "binaryDir": "${sourceDir}/build/debug",
                    "cacheVariables": {"CMAKE_BUILD_TYPE": "Debug"},
                }
            ],
        },
    },
    "cmake --preset debug && cmake --build build/debug",
    made="build/debug",
    needs=("cmake", "cc"),
)
_add(
    "meson-build",
    {
        "meson.build": "project('example', 'c')\nexecutable('a', 'a.c')\n",
        "a.c": "int main(void) { return 0; }\n",
    },
    "meson setup builddir && ninja -C builddir",
    made="builddir",
    tools=("meson",),
    needs=("cc",),
)
_add(
    "composer-path",
    {
        "composer.json": {
            "name": "example/example",
            "require": {"example/lib": "*"},
            "repositories": [
                {"type": "path", "url": "./lib", "options": {"symlink": False}},
                {"packagist.org": False},
            ],
        },
        "lib/composer.json": {
            "name": "example/lib",
            "version": "1.0.0",
            "autoload": {"psr-4": {"Lib\\": "src/"}},
        },
        "lib/src/A.php": "<?php\nnamespace Lib;\nclass A {}\n",
    },
    "composer install --no-interaction --quiet",
    made="vendor",
    needs=("composer",),
    environment={"COMPOSER_ALLOW_SUPERUSER": "1"},
)
