# What the scripts of this folder share; source it. Counts checks, starts and ends a simulated cluster.
# Not a test itself.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
pegflow=${PEGFLOW:-build/pegflow}
work=$(mktemp -d)
export XDG_STATE_HOME=$work/state # where runs are recorded
server=
passed=0
failed=0

finish() {
    [ -z "$server" ] || kill -KILL "$server" 2>/dev/null
    rm -rf "$work"
}
trap finish EXIT

check() { # WHAT GOT WANTED
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAIL  %s: got "%s", wanted "%s"\n' "$1" "$2" "$3"
    fi
}

# The text must have the part in it.
check_has() { # WHAT TEXT PART
    case $2 in
    *"$3"*) passed=$((passed + 1)) ;;
    *)
        failed=$((failed + 1))
        printf 'FAIL  %s: no "%s" in:\n%s\n' "$1" "$3" "$2"
        ;;
    esac
}

# Starts a model on free ports and returns when it is ready; what it prints is $work/ready, then
# what end_server reads. $work/cluster.lua fits it, $control is its control endpoint.
start_server() {
    exec 3< <(exec "$pegflow" simulate --model "$1" --base-port 0 --write-cluster \
        "$work/cluster.lua" 2>"$work/errors")
    server=$!
    : >"$work/ready"
    while IFS= read -r -t 60 line <&3; do
        printf '%s\n' "$line" >>"$work/ready"
        if [ "$line" = ready ]; then
            control=$(sed -nE 's/^.*(http:\/\/127\.0\.0\.1:[0-9]+).*$/\1/p' "$work/ready" | head -n 1)
            return 0
        fi
    done
    echo "the simulation of $1 did not get ready:"
    cat "$work/ready" "$work/errors"
    exit 1
}

# Ends it by a signal; its exit code is in $status, the rest of its output in $work/rest.
end_server() {
    kill "-$1" "$server"
    cat <&3 >"$work/rest"
    wait "$server"
    status=$?
    server=
    exec 3<&-
    check "nothing on standard error" "$(cat "$work/errors")" ""
}

# The port of a server by its label, and its address.
port_of() {
    sed -nE "s/^$1 .*127\.0\.0\.1:([0-9]+) .*/\1/p" "$work/ready"
}

control_post() { # PATH
    curl -sS --max-time 60 -X POST "$control$1"
}

# ---- a run of workflows/ha.lua in the background, with the arguments in the array `fast`
# Its lines go to $work/log.
start_run() { # MORE ARGUMENTS...
    : >"$work/log"
    "$pegflow" run workflows/ha.lua -c "$work/cluster.lua" --confirm=onebox "${fast[@]}" "$@" \
        >"$work/log" 2>&1 </dev/null &
    run=$!
}

# The version that the cluster file wants.
target() {
    sed -nE 's/^.*target = \{ version = "([^"]*)".*$/\1/p' "$work/cluster.lua"
}

# Returns when a line of the log has the text.
wait_for_line() { # TEXT
    local left=600
    until grep -qF -- "$1" "$work/log"; do
        left=$((left - 1))
        if [ "$left" = 0 ] || ! kill -0 "$run" 2>/dev/null; then
            echo "no line with '$1' came:"
            cat "$work/log"
            return 1
        fi
        sleep 0.1
    done
}

end_run() {
    wait "$run"
    status=$?
    log=$(cat "$work/log")
}

settings_are_back() {
    local doctor
    doctor=$("$pegflow" doctor -c "$work/cluster.lua" 2>&1)
    check_has "the limit is back" "$doctor" "add_secondary_max_count_for_one_node = 20"
    check_has "the level is back" "$doctor" "level         steady"
}

no_violation() {
    end_server INT
    check "no violation was counted" "$status" 0
}

conclude() {
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ]
}
