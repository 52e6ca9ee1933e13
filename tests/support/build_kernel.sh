#!/bin/sh
# Puts a copy of the package into a directory, its native engine compiled with the flags given: a
# build for tests, to be put in front of the installed one with PYTHONPATH.
#
#     tests/support/build_kernel.sh PYTHON DIRECTORY FLAG...
set -eu
python=$1
directory=$2
shift 2
rm -rf "$directory"
mkdir -p "$directory"
cp -R "$(dirname "$0")/../../src/cleanup_nodemodule" "$directory"
engine=$directory/cleanup_nodemodule/engine
rm -f "$engine"/*.so
include=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
"${CC:-gcc}" -std=c11 -shared -fPIC -Wall -Wextra -Wconversion -Werror -DPy_LIMITED_API=0x030B0000 \
    -I"$include" "$@" -o "$engine/_kernel.abi3.so" "$engine/_kernel.c"
