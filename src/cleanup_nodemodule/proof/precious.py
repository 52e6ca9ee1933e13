"""What must not be lost with an artifact: names and shapes of what people make, wherever it lies inside.

One list for all rules. A rule says which of these it expects (``expects``, by category or by pattern), and
what else is precious there (``precious``). The walk that measures looks for the rest
(:class:`~cleanup_nodemodule.engine.contract.Watch`) and hands back what it met; :func:`unexpected` tells which
of that keeps the artifact. Names are compared in lower case, as ``USERS.DB`` is no less precious.
"""

import fnmatch
import functools
import os
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from cleanup_nodemodule.engine.contract import Watch
from cleanup_nodemodule.proof.rules import Rule
from cleanup_nodemodule.proof.version_control.systems import INSIDE

MOST_NAMED: Final = 1
"""Files that a reason names; the others are counted."""


class Category(NamedTuple):
    """A kind of thing that people make, and how it is called."""

    endings: frozenset[str] = frozenset()
    """What follows the last dot of a file's name."""
    names: frozenset[str] = frozenset()
    """Whole names, of files and directories."""
    globs: tuple[str, ...] = ()
    """Shell wildcards for names of files."""

    def has(self, name: str, ending: str) -> bool:
        """Whether something with this *name*, in lower case, and *ending* is of this kind."""
        return (
            ending in self.endings
            or name in self.names
            or any(fnmatch.fnmatchcase(name, glob) for glob in self.globs)
        )


def _category(endings: str = "", names: str = "", globs: str = "") -> Category:
    return Category(frozenset(endings.split()), frozenset(names.split()), tuple(globs.split()))


CATEGORIES: Final[dict[str, Category]] = {
    # What programs and people write into: data bases, with what SQLite keeps beside them (sqlite.org,
    # tempfiles), dumps, and directories of that purpose.
    "databases": _category(
        "sqlite sqlite2 sqlite3 db db3 s3db sl3 db-wal db-shm db-journal sqlite-wal sqlite-shm sqlite-journal"
        " sqlite3-wal sqlite3-shm mdb accdb fdb gdb realm duckdb mdf ldf frm ibd myd dbf rdb aof dump bak"
        " sav save db4 ldb gnucash qbw nbt mca",
        "dump.rdb appendonly.aof pgdata uploads userdata user-data user_data backups backup savegames saves"
        " attachments wallet level.dat",
    ),
    # What editors and people put beside a file before they change it.
    "backups": _category("old orig swp swo", "", "*~"),
    # Keys and certificates: PKCS, OpenSSH, PuTTY, PGP, Java, Apple, Solana.
    "keys": _category(
        "pem key p8 p12 pfx p7b jks jceks keystore bks ppk pgp gpg kbx kdb kdbx crt cer der csr mobileprovision"
        " provisionprofile keychain keychain-db wallet",
        "id_rsa id_dsa id_ecdsa id_ed25519 authorized_keys known_hosts wallet.dat keystore.json .ssh .gnupg",
        "*-keypair.json *_rsa *_ed25519 utc--20*",
    ),
    # What programs read passwords and tokens from.
    "secrets": _category(
        "htpasswd",
        ".env .envrc .npmrc .yarnrc .pypirc .netrc _netrc .htpasswd .pgpass .my.cnf .git-credentials credentials"
        " credentials.json credentials.toml secrets.json secrets.yml secrets.yaml secrets.toml kubeconfig"
        " export_credentials.cfg service-account.json service_account.json serviceaccount.json auth.json .dockercfg"
        " .vault-token vault.yml vault.yaml gcp-key.json cookies.txt .kube .aws",
        ".env* secrets.*.yml secrets.*.yaml service-account*.json service_account*.json *service-account.json"
        " firebase-adminsdk*",
    ),
    # The only record of what was deployed (Terraform, Pulumi, SAM).
    "state": _category(
        "tfstate tfvars",
        "terraform.tfstate terraform.tfstate.backup pipelineconfig.toml samconfig.toml .pulumi",
        "terraform.tfstate.*",
    ),
    "documents": _category(
        "pdf doc docx docm dot dotx odt ott ods ots odp odg xls xlsx xlsm xlsb ppt pptx pptm pages numbers rtf"
        " mpp fb2 wps djvu xmind ics epub mobi tex bib ipynb one eml msg mbox pst vsd vsdx drawio fig sketch xd"
    ),
    "data": _category(
        "csv tsv parquet feather arrow avro orc h5 hdf5 hdf he5 netcdf cdf npy npz mat rds rdata dta sas7bdat"
        " pkl pickle joblib pth ckpt safetensors onnx gguf tflite jsonl ndjson las laz shp gpkg pcap pcapng"
        " pt fits dcm vcf fastq bam vtk gpx kml"
    ),
    "media": _category(
        "jpg jpeg heic heif raw cr2 cr3 nef arw dng orf rw2 tif tiff psd psb ai indd xcf kra blend max c4d fbx"
        " glb gltf stl step stp iges igs dwg dxf skp mp3 wav flac aif aiff m4a ogg opus mid midi mp4 mov mkv avi"
        " webm m4v mts braw prproj aep als flp 3gp wma wmv flv m2ts vob aac ape wv ply usdz blend1"
    ),
    "images": _category("png gif bmp webp avif svg ico icns"),
    # What is released, with its signatures and what reads its crash reports (R8's mapping.txt).
    "releases": _category(
        "apk aab apks ipa dmg msi msix msixbundle pkg deb rpm appimage snap flatpak whl egg nupkg snupkg gem crx"
        " xpi vsix iso img ova qcow2 vhd vhdx vmdk asc sig minisig sigstore dsym",
        "mapping.txt seeds.txt usage.txt",
    ),
    "archives": _category("zip 7z rar tar gz tgz bz2 tbz2 xz txz zst lz4"),
    "java-archives": _category("jar war ear"),
    "scripts": _category(
        "sh bash zsh fish ps1 psm1 bat cmd",
        "dockerfile containerfile makefile gnumakefile justfile rakefile gemfile vagrantfile jenkinsfile procfile"
        " docker-compose.yml docker-compose.yaml compose.yml compose.yaml",
    ),
    "notes": _category(
        "md markdown rst adoc asciidoc org patch diff",
        "notes.txt todo.txt readme.txt readme todo notes",
    ),
    # Sources, by language, as a rule expects those that its tool makes.
    "javascript": _category("js mjs cjs jsx ts mts cts tsx vue svelte"),
    "python": _category("py pyw pyx pxd"),
    "c": _category("c cc cpp cxx c++ h hh hpp hxx m mm s asm cu ino"),
    "rust": _category("rs"),
    "go": _category("go"),
    "java": _category("java kt kts groovy scala sc clj cljs cljc"),
    "dotnet": _category("cs fs vb cshtml razor xaml"),
    "ruby": _category("rb erb"),
    "php": _category("php phtml"),
    "other-sources": _category(
        "swift pl pm lua r jl hs lhs ml mli ex exs erl hrl dart nim zig f f90 pas v sv vhd adb ads el lisp rkt"
        " sol move elm purs gleam cr gd cob sql"
    ),
    # Sources in D, and what compilers write down about the files that each object was made of.
    "d": _category("d"),
    # Working copies of other systems than git, which the walk finds by itself.
    "version-control": _category("", f"{' '.join(map(os.fsdecode, INSIDE))} .p4config"),
}
"""By name, as rules write them in ``expects``."""

ONLY_BY_NAME: Final = frozenset(
    ("databases", "backups", "keys", "secrets", "state", "documents", "data", "version-control")
)
"""The categories that no pattern for a whole directory expects: what a tool makes of these is named."""

SOURCES: Final = frozenset(
    [
        "javascript",
        "python",
        "c",
        "rust",
        "go",
        "java",
        "dotnet",
        "ruby",
        "php",
        "other-sources",
        "d",
    ]
)
"""The categories of sources."""

NAMED_BY_USER: Final = SOURCES | {
    "images",
    "scripts",
    "notes",
    "archives",
    "java-archives",
    "backups",
}
"""What is expected in a directory that no rule knows, as the user said that every one of its name is an artifact."""

_EXAMPLES: Final = (".env.example", ".env.sample", ".env.template", ".env.dist", ".env.defaults")
"""Templates of what holds secrets, with none in it."""


_WRITING: Final = (
    # Caches of JavaScript's tools, bytecode, links to programs; what Prisma generates; what Gradle makes of modules.
    ".cache .vite .vitest .parcel-cache .turbo .nx .babel-cache .rpt2_cache __pycache__ .bin .prisma .gradle .cxx "
    ".transforms intermediates"
)

_WRITTEN: Final = frozenset(map(os.fsencode, _WRITING.split()))
"""Directories among installed packages that tools write into whenever they run. Nothing in them is a change to a package,
and there may be more than can be listed."""


def watch(rule: Rule | None, since: int = 0) -> Watch:
    """Return what the walk through an artifact of this *rule* looks for; None is a rule that nobody has.

    *since* is when its installer was through, in seconds; 0 asks for no times.
    """
    asked = _watch(_expected(rule), rule.precious if rule else ())
    return asked._replace(since=since, written=_WRITTEN) if since else asked


def watch_changes(since: int) -> Watch:
    """Return what a later walk looks for: what was written after *since*, in seconds, but into no cache of tools."""
    return Watch(since=since, written=_WRITTEN)


@functools.lru_cache(maxsize=1024)
def _watch(expected: frozenset[str], precious: tuple[str, ...]) -> Watch:
    wanted = [one for name, one in CATEGORIES.items() if name not in expected]
    more = [pattern.lower() for pattern in _patterns(precious)]
    names = {name for one in wanted for name in one.names}
    endings = {ending for one in wanted for ending in one.endings} - _expected_endings(expected)
    globs = [glob for one in wanted for glob in one.globs]
    for pattern in more:
        if not any(mark in pattern for mark in "*?["):
            names.add(pattern)
        elif pattern.startswith("*.") and not any(mark in pattern[2:] for mark in "*?[."):
            endings.add(pattern[2:])
        else:
            globs.append(pattern)
    return Watch(
        frozenset(map(os.fsencode, names)),
        frozenset(map(os.fsencode, endings)),
        tuple(map(os.fsencode, globs)),
    )


def _expected_endings(expected: frozenset[str]) -> set[str]:
    """Return the endings of what a rule expects, whatever else has them: ``.mts`` is TypeScript, and film."""
    return {ending for name in expected for ending in CATEGORIES[name].endings}


def _patterns(patterns: Iterable[str]) -> list[str]:
    """Return those of *patterns* that say how something is called wherever it lies."""
    return [pattern for pattern in patterns if "/" not in pattern]


def _expected(rule: Rule | None) -> frozenset[str]:
    """Return the categories of what lies in an artifact of this rule anyway."""
    if rule is None or (rule.own and not rule.expects):
        return NAMED_BY_USER
    return _categories(rule.expects)


@functools.lru_cache(maxsize=1024)
def _categories(expects: tuple[str, ...]) -> frozenset[str]:
    return frozenset(name for name in expects if name in CATEGORIES)


def unexpected(rule: Rule | None, met: Sequence[str]) -> tuple[str, ...]:
    """Return which of the paths *met* in an artifact do not belong there, in order.

    They are relative to the artifact. A pattern in the rule's ``expects`` fits a path from its beginning, or
    if it has no slash any name of it.
    """
    expected = _expected(rule)
    patterns = [one for one in (rule.expects if rule else ()) if one not in CATEGORIES]
    more = _patterns(rule.precious) if rule else []
    endings = _expected_endings(expected)
    found = []
    for path in met:
        name = path.rpartition("/")[2].lower()
        if name in _EXAMPLES:
            continue
        ending = name.rpartition(".")[2] if "." in name[1:] else ""
        ending = "" if ending in endings else ending
        kinds = {
            key for key, one in CATEGORIES.items() if key not in expected and one.has(name, ending)
        }
        if any(fnmatch.fnmatchcase(name, pattern.lower()) for pattern in more):
            kinds |= ONLY_BY_NAME
        if kinds and not _is_expected(path, kinds, patterns):
            found.append(path)
    return tuple(sorted(found))


def _is_expected(path: str, kinds: AbstractSet[str], patterns: Sequence[str]) -> bool:
    """Whether one of *patterns* expects what is of these *kinds*.

    One that names a directory, and no file, expects nothing there that only people make.
    """
    parts = path.split("/")
    by_name = not kinds.isdisjoint(ONLY_BY_NAME)
    for pattern in patterns:
        if by_name and not _names(pattern.rpartition("/")[2]):
            continue
        if "/" not in pattern:
            # The name of a file, where it has to be one.
            if any(
                fnmatch.fnmatchcase(part, pattern) for part in (parts[-1:] if by_name else parts)
            ):
                return True
        elif fnmatch.fnmatchcase(path, pattern):
            return True
    return False


def _names(last: str) -> bool:
    """Whether the *last* part of a pattern says how a file is called, and does not fit whatever is there."""
    return "." in last.strip(".") or not any(mark in last for mark in "*?[")


def listed(paths: Sequence[str], unlisted: int = 0) -> str:
    """Say which paths there are, the first by name: ``data/users.sqlite and 2 more``."""
    more = len(paths) - MOST_NAMED + unlisted
    named = ", ".join(paths[:MOST_NAMED])
    return f"{named} and {more:,} more" if more > 0 else named
