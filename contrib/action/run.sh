#!/usr/bin/env bash
# Runs the program with the inputs of the action, which come through the environment, and hands on what it found.
set -euo pipefail

environment="$RUNNER_TEMP/cleanup-nodemodule"
program="$environment/bin/cleanup-nodemodule"

stop() {
    echo "::error::$1"
    exit 2
}

# Each line of an input becomes one argument, whatever is in it; lines without anything are left out.
arguments=()
add() {
    local option=$1 line
    while IFS= read -r line || [[ -n "$line" ]]; do
        line=${line%$'\r'}
        if [[ -n "${line//[[:space:]]/}" ]]; then
            arguments+=("$option$line")
        fi
    done
}
add --path= <<<"$INPUT_PATH"
add --profile= <<<"$INPUT_PROFILE"
add --max-delete= <<<"$INPUT_MAX_DELETE"
add --fail-over= <<<"$INPUT_FAIL_OVER"
while IFS= read -r line; do
    if [[ -n "${line//[[:space:]]/}" && "$line" != -* ]]; then
        stop "each line of the input options has to be an option with its value behind an equals sign"
    fi
done <<<"$INPUT_OPTIONS"
add "" <<<"$INPUT_OPTIONS"
case "$INPUT_DELETE" in
true) arguments+=(--no-dry-run --yes) ;;
false | "") arguments+=(--dry-run) ;;
*) stop "the input delete has to be true or false" ;;
esac

work=$(mktemp -d "$RUNNER_TEMP/cleanup-XXXXXXXX")
trap 'rm -rf "$work"' EXIT
report=${INPUT_REPORT:-$RUNNER_TEMP/cleanup-nodemodule.json}
# The new report may take the place of the earlier one.
earlier=
if [[ -d "$INPUT_COMPARE_WITH" ]]; then
    stop "the input compare-with is a directory; name the report in it"
fi
if [[ -n "$INPUT_COMPARE_WITH" && -f "$INPUT_COMPARE_WITH" ]]; then
    earlier=$work/earlier.json
    cp -- "$INPUT_COMPARE_WITH" "$earlier"
fi

# A name of a directory may look like a command to the runner, which reads all that is printed.
token=$("$environment/bin/python" -c 'import secrets; print(secrets.token_hex(16))')
echo "::stop-commands::$token"
limit=()
if [[ -n "$INPUT_FAIL_IF_GROWN" ]]; then
    limit=("--fail-if-grown=$INPUT_FAIL_IF_GROWN")
fi
# What is wrong with the comparison has to be known before anything is deleted.
if [[ -n "$earlier" || -n "$INPUT_FAIL_IF_GROWN" ]]; then
    mkdir "$work/nothing"
    "$program" --path="$work/nothing" --no-config --json >"$work/nothing.json"
    tried=0
    "$program" diff "${earlier:-$work/nothing.json}" "$work/nothing.json" --quiet \
        ${limit[@]+"${limit[@]}"} >/dev/null || tried=$?
    if ((tried != 0 && tried != 3 && tried != 4)); then
        echo "::$token::"
        stop "the inputs compare-with and fail-if-grown cannot be used; the log of this step says why"
    fi
fi
# Else it would pass for the report of this run, if that ends before it writes one.
if [[ -f "$report" ]]; then
    rm -f -- "$report"
fi
code=0
"$program" "${arguments[@]}" --format=plain --output="json:$report" --output="markdown:$work/summary.md" || code=$?
grown=0
if [[ -n "$earlier" && -s "$report" ]] && ((code == 0 || code == 3 || code == 4)); then
    compare=("$program" diff "$earlier" "$report")
    "${compare[@]}" --format=markdown >"$work/diff.md" || true
    "${compare[@]}" --json ${limit[@]+"${limit[@]}"} >"$work/diff.json" || grown=$?
fi
echo "::$token::"
if ((code == 0)) && [[ ! -e "$report" ]]; then
    stop "the run wrote no report; leave out of the input options what ends it, such as --help"
fi

if [[ "$INPUT_SUMMARY" != false ]]; then
    for part in "$work/summary.md" "$work/diff.md"; do
        if [[ -s "$part" ]]; then
            cat "$part" >>"$GITHUB_STEP_SUMMARY"
            echo >>"$GITHUB_STEP_SUMMARY"
        fi
    done
fi
if ((code == 0 || code == 3)) && ((grown != 0 && grown != 3)); then
    code=$grown
fi
"$environment/bin/python" "$GITHUB_ACTION_PATH/contrib/action/outputs.py" \
    "$report" "$work/diff.json" "$code" >>"$GITHUB_OUTPUT"

case $code in
0) ;;
3)
    echo "::warning::something could not be read or deleted; the log of this step says what"
    code=0
    ;;
4) echo "::error::a limit was exceeded; the log of this step says by how much" ;;
*) echo "::error::cleanup-nodemodule ended with exit code $code; the log of this step says why" ;;
esac
exit "$code"
