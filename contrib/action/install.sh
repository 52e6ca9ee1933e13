#!/usr/bin/env bash
# Installs the program from the checkout of the action, into an environment that ends with the job.
set -euo pipefail

environment="$RUNNER_TEMP/cleanup-nodemodule"
if [[ -x "$environment/bin/cleanup-nodemodule" ]]; then
    exit  # An earlier step of the job has done it.
fi
if ! "$INPUT_PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "::error::cleanup-nodemodule needs Python 3.11 or newer; set up another one before, or name it in the input python"
    exit 1
fi
"$INPUT_PYTHON" -m venv "$environment"
"$environment/bin/python" -m pip install --quiet --disable-pip-version-check "$GITHUB_ACTION_PATH"
