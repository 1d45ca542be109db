#!/bin/bash
# Runs test programs and scripts, TEST_JOBS (2) at a time: run-tests.sh TALLY PROGRAM...
#
# One line a program; the whole output of one that fails. A Check program counts by its cases, a
# script by its last line "N passed, N failed" where it has one, anything else as one. The counts of
# each are appended to the file TALLY as "passed failed name". Fails when anything failed.
# PEGFLOW names the program under test; TEST_SECONDS bounds each (300).
set -u

run_one() {
    local program=$1 output status counts passed failed started=${EPOCHREALTIME/./}
    output=$(mktemp)
    timeout -k 5 "${TEST_SECONDS:-300}" "$program" >"$output" 2>&1 </dev/null
    status=$?
    counts=$(sed -nE -e 's/^[0-9]+%: Checks: ([0-9]+), Failures: ([0-9]+), Errors: ([0-9]+)$/\1 \2 \3/p' \
        -e 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' "$output" |
        awk 'NF == 3 { p += $1 - $2 - $3; f += $2 + $3 } NF == 2 { p += $1; f += $2 }
             END { if (NR) print p, f }')
    read -r passed failed <<<"${counts:-0 0}"
    if [ "$status" = 0 ] && [ $((passed + failed)) = 0 ]; then
        passed=1
    elif [ "$status" != 0 ] && [ "$failed" = 0 ]; then
        failed=1 # a crash, a leak, a timeout: no case says so
    fi
    local ms=$(((${EPOCHREALTIME/./} - started) / 1000))
    {
        if [ "$failed" = 0 ]; then
            printf 'ok    %-52s %4d in %6d ms\n' "$program" "$passed" "$ms"
        else
            printf 'FAIL  %-52s %d failed, exit status %d%s\n' "$program" "$failed" "$status" \
                "$([ "$status" = 124 ] && echo " (took too long)")"
            sed 's/^/      | /' "$output"
        fi
    } >"$output.report"
    cat "$output.report" # in one write, so that two programs do not mix their lines
    printf '%d %d %s\n' "$passed" "$failed" "$program" >>"$TALLY"
    rm -f "$output" "$output.report"
    [ "$failed" = 0 ]
}

if [ "${1:-}" = --one ]; then
    run_one "$2"
    exit
fi
export TALLY=$1
shift
[ $# -gt 0 ] || exit 0
export CK_DEFAULT_TIMEOUT=${CK_DEFAULT_TIMEOUT:-120}
printf '%s\0' "$@" | xargs -0 -n 1 -P "${TEST_JOBS:-2}" "$0" --one
