#!/bin/bash
# What `pegflow simulate` serves is read by an independent client, on a model of each release; it
# ends cleanly on both signals, and says by its exit code whether a real server would have died.
. "$(dirname "$0")/lib.sh"

# Runs the client and takes over its counts.
run_client() {
    local output counts
    output=$(python3 tests/e2e/simulate_client.py "$1" "$work/ready" "$2" 2>&1)
    if counts=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' <<<"$output"); then
        read -r p _ f _ <<<"$counts"
        passed=$((passed + p))
        failed=$((failed + f))
        grep -vE '^[0-9]+ passed, [0-9]+ failed$' <<<"$output"
    else
        failed=$((failed + 1))
        printf '%s\n' "$output"
    fi
}

for pair in master:five-nodes-fast 2.5:five-nodes-2.5-fast; do
    start_server "${pair#*:}"
    check "a cluster file is written" "$(grep -c '^return cluster' "$work/cluster.lua")" 1
    run_client "${pair%%:*}" read
    end_server INT
    check "Ctrl-C ends it well" "$status" 0
    check "no violation" "$(grep -c '^violations: 0$' "$work/rest")" 1
    check "a kill is told" "$(grep -c 'r2 .* is down$' "$work/rest")" 1

    start_server "${pair#*:}"
    run_client "${pair%%:*}" violate
    end_server TERM
    check "a violation is the exit code" "$status" 6
    check "the violation is listed" "$(grep -c '^violation at ' "$work/rest")" 1
done

# ---- what it refuses
refused() { # WHAT EXIT-CODE TEXT ARGUMENTS...
    local what=$1 code=$2 text=$3 output got
    shift 3
    output=$("$pegflow" simulate "$@" 2>&1)
    got=$?
    check "$what: exit code" "$got" "$code"
    check "$what: message" "$(grep -cF -- "$text" <<<"$output")" 1
}
refused "an address of the world" 2 "is no loopback address" --listen 0.0.0.0
refused "a name" 2 "is no loopback address" --listen localhost
refused "a port that is none" 2 "is no port" --base-port 65536
refused "ports beyond the last" 2 "would get port 65536: the last is 65535" --base-port 65534
refused "a model that is not there" 2 "no-such-model" --model no-such-model
refused "a slip" 2 "did you mean --base-port?" --base-prot 0
refused "a folder that is not there" 1 "/no/such/folder/c.lua" --base-port 0 \
    --write-cluster /no/such/folder/c.lua
start_server five-nodes-fast
refused "a port in use" 3 "Address already in use; choose other ports" --base-port "$(port_of r3)"
end_server TERM

conclude
