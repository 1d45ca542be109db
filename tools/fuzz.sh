#!/bin/sh
# Runs each fuzzer named for FUZZ_SECONDS (60): fuzz.sh FUZZER... Inputs found are kept beside the
# fuzzer, so that the next run goes on from there; the seeds of tests/fuzz/corpus/NAME are read too.
# Stops at the first finding, which is kept in the same folder.
set -eu
for fuzzer in "$@"; do
    name=$(basename "$fuzzer")
    found="$fuzzer.corpus"
    seeds="tests/fuzz/corpus/$name"
    mkdir -p "$found"
    echo "$name: ${FUZZ_SECONDS:-60} s"
    "$fuzzer" -max_total_time="${FUZZ_SECONDS:-60}" -timeout=10 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="$fuzzer." \
        "$found" $([ -d "$seeds" ] && echo "$seeds") 2>"$fuzzer.log" || {
        tail -n 60 "$fuzzer.log"
        echo "$name: found something; the input is kept as $fuzzer.*"
        exit 1
    }
    grep -E '^stat::number_of_executed_units' "$fuzzer.log"
done
