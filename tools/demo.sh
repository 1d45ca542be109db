#!/bin/bash
# make demo: a simulated five-server cluster of each release is upgraded over real sockets.
# Everything stays on the loopback interface; nothing is left behind.
set -u
cd "$(dirname "$0")/.." || exit 1
pegflow=${PEGFLOW:-build/pegflow}
work=$(mktemp -d)
export XDG_STATE_HOME=$work/state # where the runs are recorded
server=
trap '[ -z "$server" ] || kill -KILL "$server" 2>/dev/null; rm -rf "$work"' EXIT

upgrade() { # MODEL
    local started=$SECONDS line status
    printf '\n=== pegflow simulate --model %s\n' "$1"
    exec 3< <(exec "$pegflow" simulate --model "$1" --base-port 0 --write-cluster "$work/cluster.lua")
    server=$!
    while IFS= read -r -t 60 line <&3; do
        printf '%s\n' "$line"
        [ "$line" = ready ] && break
    done
    [ "${line:-}" = ready ] || { echo "the simulated cluster did not start" >&2; return 1; }

    printf '\n=== pegflow doctor -c cluster.lua\n'
    "$pegflow" doctor -c "$work/cluster.lua" || return

    printf '\n=== pegflow run workflows/ha.lua -c cluster.lua\n'
    "$pegflow" run workflows/ha.lua -c "$work/cluster.lua" --confirm=onebox --set meta_pause=5s </dev/null
    status=$?

    printf '\n=== the cluster afterwards\n'
    kill -INT "$server"
    cat <&3
    wait "$server"
    local violations=$?
    server=
    exec 3<&-
    if [ "$status" != 0 ] || [ "$violations" != 0 ]; then
        printf '%s: the run ended with exit code %d, the simulation with %d\n' "$1" "$status" \
            "$violations" >&2
        return 1
    fi
    summary+=("$1: every server upgraded, no violation, $((SECONDS - started)) s")
}

summary=()
for model in ${MODELS:-five-nodes-fast five-nodes-2.5-fast}; do
    upgrade "$model" || exit 1
done
printf '\n'
printf '%s\n' "${summary[@]}"
