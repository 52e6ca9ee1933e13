"""What is watched for where sizing with a watch is timed: as many names, endings and wildcards as a run has."""

from typing import Final

from cleanup_nodemodule.engine.contract import Watch

_NAMES: Final = """
    .svn .hg .bzr _darcs .jj .fslckout _fossil_ cvs .p4config .env .envrc .netrc .npmrc .pypirc .pgpass .htpasswd
    id_rsa id_dsa id_ecdsa id_ed25519 authorized_keys known_hosts credentials credentials.json secrets secrets.json
    secrets.yaml service-account.json google-services.json wallet.dat release.keystore kubeconfig .kube .ssh .gnupg
    .aws .vault-token terraform.tfstate terraform.tfstate.backup terraform.tfvars dump.rdb appendonly.aof ibdata1
    pg_version pg_hba.conf mongod.lock todo.md todo.txt notes.md notes.txt journal.md data.json makefile.local
    config.local.js local.settings.json settings.local.json docker-compose.override.yml
"""

_ENDINGS: Final = """
    sqlite sqlite3 db db3 mdb accdb ldb frm ibd myd dump sql bak backup rdb aof key pem p12 pfx jks keystore kdbx ppk
    gpg asc pgp age crt cer der csr ovpn doc docx xls xlsx ppt pptx odt ods odp pdf rtf tex pages numbers epub mobi csv
    tsv parquet feather arrow h5 hdf5 npy npz mat rdata rds sav dta jpg jpeg tif tiff psd ai eps heic raw cr2 nef arw
    dng xcf blend fbx obj stl dwg dxf skp mp3 wav flac ogg aac m4a mp4 mov avi mkv webm wmv zip tar gz tgz bz2 xz zst
    7z rar iso dmg deb rpm apk ipa pt pth ckpt safetensors onnx gguf joblib pkl eml mbox pst ics vcf ipynb
"""

_GLOBS: Final = (
    ".env.*",
    "*-keypair.json",
    "*.tar.*",
    "*.local.*",
    "id_*",
    "*~",
    "secret*.y*ml",
    "*[._-]backup",
)

WATCH: Final = Watch(
    frozenset(map(str.encode, _NAMES.split())),
    frozenset(map(str.encode, _ENDINGS.split())),
    tuple(map(str.encode, _GLOBS)),
    # Nothing in a tree that was just installed is later.
    since=4_000_000_000,
)
"""Some 60 names, 120 endings and 8 wildcards."""
