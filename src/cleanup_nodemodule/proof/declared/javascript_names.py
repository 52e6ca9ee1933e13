"""Names in packages of JavaScript: of what people keep there, of what tools write, and of examples."""

import re
from typing import Final

EXAMPLES: Final = re.compile(
    r"^(?:__)?(?:tests?|specs?|fixtures?|examples?|samples?|mocks?|demos?|benchmarks?|certs?|certificates?|docs?"
    r"|test[-_.].*|.*[-_.](?:tests?|specs?|fixtures?))(?:__)?$",
    re.IGNORECASE,
)
"""Directories in packages that have keys and data bases to try things with."""

VALUABLE: Final = re.compile(
    # Data bases, secrets, keys.
    r"^\.env(?:\..*)?$|^id_[a-z0-9]+$|^credentials|^secrets?\.|^\.(?:netrc|htpasswd|pgpass|git-credentials)$"
    r"|\.(?:sqlite[23]?|db3?|s3db|sl3|mdb|accdb|fdb|gdb|realm|duckdb|mdf|ldf|frm|ibd|myd|dbf|rdb|aof)"
    r"(?:[-.](?:wal|shm|journal))?$"
    r"|\.(?:pem|key|p8|p12|pfx|p7b|jks|jceks|keystore|bks|ppk|pgp|gpg|kbx|kdbx?|crt|cer|der|csr)$"
    r"|\.(?:mobileprovision|provisionprofile|keychain|tfstate|tfvars)$"
    # Documents and data.
    r"|\.(?:pdf|do[ct][xm]?|od[tspg]|ot[ts]|xls[xmb]?|ppt[xm]?|pages|numbers|rtf|epub|mobi|bib|ipynb|eml|msg|mbox|pst|fig)$"
    r"|\.(?:csv|tsv|parquet|feather|arrow|avro|orc|h5|hdf5?|npy|npz|mat|rds|rdata|dta|pkl|pickle|onnx|safetensors|jsonl|ndjson)$",
    re.IGNORECASE,
)
"""Names of what programs and people write: that a package brought it takes more than its time. It has to be listed in the
manifest, or lie where examples do. (Of 68 such files in 22 installations of popular packages one is neither.)"""

STORED: Final = re.compile(
    r"^\.env(?:\..*)?$|\.(?:sqlite[23]?|db3?|s3db|sl3|realm|duckdb)(?:[-.](?:wal|shm|journal))?$",
    re.IGNORECASE,
)
"""Those of them that programs write where they lie: in a copy, which has the times of copying, nothing tells whether a
package brought it."""

BROUGHT: Final = {"@angular/cli": "lib/code-examples.db"}
"""Files of that kind which a package brings without listing them."""

TOOLS: Final = re.compile(
    # Links to programs, caches, bytecode of node-gyp's Python, the build state of TypeScript, desktops.
    r"(?:^|/)(?:\.bin|\.cache|__pycache__|\.parcel-cache|\.rpt2_cache)/|\.tsbuildinfo$|(?:^|/)(?:\.DS_Store|Thumbs\.db)$"
    # Clients that Prisma and ZenStack generate (prisma.io, Generating Prisma Client).
    r"|(?:^|/node_modules/)(?:\.prisma|\.zenstack)/"
    # Angular's ngcc (until version 15).
    r"|/__ivy_ngcc__/|\.__ivy_ngcc_bak$"
    # Native modules, compiled for this machine (node-gyp-build, prebuild-install, node-pre-gyp).
    r"|\.node$|/(?:prebuilds|lib/binding)/"
)
"""What tools write whenever they are used."""

WRITING: Final = {
    "@prisma/client": re.compile(""),
    "@prisma/engines": re.compile(""),
    "prisma": re.compile(r"[^/]*engine[^/]*$"),
    "electron": re.compile(r"dist/|path\.txt$"),
    "next": re.compile(r"next-swc-fallback/|wasm/"),
    "playwright": re.compile(r"\.local-browsers/"),
    "playwright-core": re.compile(r"\.local-browsers/"),
    "puppeteer": re.compile(r"\.local-"),
    "puppeteer-core": re.compile(r"\.local-"),
    "esbuild": re.compile(r"bin/esbuild$"),
    "bun": re.compile(r"bin/bunx?(?:\.exe)?$"),
    "deno": re.compile(r"deno(?:\.exe)?$"),
    "geckodriver": re.compile(r"bin/|geckodriver$"),
    "chromedriver": re.compile(r"lib/chromedriver/"),
}
"""Packages that download or generate something with their first use, and where."""

BUILDING: Final = re.compile(r"(.*?)/(?:build|\.gradle|\.cxx|bin)/")
"""Where Gradle writes for the native parts of React Native and Expo."""

CERTIFICATES: Final = re.compile(r"^(?:\.cache/webpack-dev-server|\.vite/basic-ssl)/[^/]+\.pem$")
"""Certificates that development servers make for themselves."""

WORKING_COPIES: Final = frozenset(
    {
        ".git",
        ".hg",
        ".svn",
        ".jj",
        "CVS",
        ".bzr",
        "_darcs",
        ".fslckout",
        "_FOSSIL_",
        ".p4config",
        ".pijul",
    }
)
"""What no package brings, as npm leaves it out of all that it packs (npm-docs, package.json, files)."""

TEMPLATES: Final = re.compile(
    r"^\.env\.(?:examples?|samples?|template|tpl|dist|defaults?|schema)$", re.IGNORECASE
)
"""Names of files that only show what may be written into another one."""
