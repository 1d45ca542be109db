#!/bin/bash
# Runs that are killed, by SIGKILL, over real sockets: gone on with, or put back, until they end.
. "$(dirname "$0")/lib.sh"
fast=(--set meta_pause=2s --set healthy_for=1s --set look_every=200ms --set nudge_every=2s)
RANDOM=20260131 # the same moments each time, as far as the machine allows
kills=0
began=$SECONDS

go_on() { # COMMAND MORE ARGUMENTS...
    : >"$work/log"
    "$pegflow" "$1" last --confirm=onebox --verbose "${@:2}" >"$work/log" 2>&1 </dev/null &
    run=$!
}

kill_run() {
    kill -KILL "$run" 2>/dev/null || return 1
    wait "$run" 2>/dev/null
    [ $? = 137 ] && kills=$((kills + 1))
}

kill_at() { # TEXT
    wait_for_line "$1" && kill_run
}

as_after_an_undisturbed_run() { # WHAT
    local servers
    servers=$(curl -sS "$control/servers" | tr '{' '\n')
    check "$1: every server was updated once" "$(grep -cF '"updates":1}' <<<"$servers")" 8
    check "$1: every server on the new version" "$(grep -cF "\"version\":\"$(target)\"" <<<"$servers")" 8
    settings_are_back
    no_violation
}

# ---- at any moment
start_server five-nodes-fast
start_run --verbose
for _ in 1 2 3 4 5 6 7 8; do
    sleep "$((RANDOM % 3)).$((RANDOM % 10))"
    kill_run || break
    go_on resume
done
end_run
check "a run that is killed again and again is done in the end" "$status" 0
as_after_an_undisturbed_run "killed at random"

# ---- at moments of which each is hard in its own way
start_server five-nodes-fast
start_run --verbose --set pace=swift
kill_at "held at 0"
go_on resume
kill_at "drain_node"
go_on resume
kill_at "update replica"
go_on resume
kill_at "answered 200"
go_on resume
kill_at "rejoin_node"
go_on resume
kill_at "is back at"
go_on resume
kill_at "update meta"
go_on resume
kill_at "the primary meta server now"
go_on resume
end_run
check "a run that is killed at its hard moments is done in the end" "$status" 0
as_after_an_undisturbed_run "killed at chosen moments"

# ---- put back instead
start_server five-nodes-fast
start_run --verbose
kill_at "downgrade_node"
go_on revert
end_run
check "a killed run is put back" "$status" 0
check_has "and closed" "$log" "which is closed"
check "no server was touched" "$(curl -sS "$control/servers" | grep -c '"updates":1')" 0
settings_are_back
go_on resume
end_run
check "a closed run is not gone on with" "$status" 3
check_has "and says so" "$log" "has ended (reverted): nothing of it is left to be done"
start_run --verbose
kill_at "update replica"
go_on resume
kill_at "wait_until"
go_on revert
kill_run
go_on revert
end_run
check "a killed revert is done again" "$status" 0
settings_are_back
no_violation

# ---- an adapter's program that lives on
start_server five-nodes-fast
cat >"$work/update.sh" <<SH
#!/bin/sh
echo "\$1" >>"$work/started"
sleep 4
exec curl -sS --max-time 60 -X POST "$control/servers/\$1/update?version=\$2"
SH
chmod +x "$work/update.sh"
sed "s|^ *deploy = .*|  deploy = require(\"deploy.exec\") { update = { \"$work/update.sh\", \"{address}\", \"{version}\" } },|" \
    "$work/cluster.lua" >"$work/exec.lua"
cat >"$work/one.lua" <<'LUA'
return workflow "one" {
  api = 1,
  steps = function(cluster)
    local node = cluster.collectors[1]
    return { deploy(node) { "update" }, wait_until { has_restarted(node), timeout = "1m" } }
  end,
}
LUA
: >"$work/log"
"$pegflow" run "$work/one.lua" -c "$work/exec.lua" --confirm=onebox --verbose >"$work/log" 2>&1 </dev/null &
run=$!
wait_for_line "update.sh" && sleep 1 && kill_run
go_on resume
kill_at "is still at work: its end is waited for"
go_on resume
wait_for_line "is still at work: its end is waited for"
end_run
check "a program that outlived its run" "$status" 0
check "was started once" "$(wc -l <"$work/started")" 1
check_has "what it did was seen" "$log" "has restarted since"
check "updated once" "$(curl -sS "$control/servers" | grep -o '"updates":1' | wc -l)" 1
no_violation

echo "$kills kills in $((SECONDS - began)) s"
check "most of the kills met a run" "$([ "$kills" -ge 18 ] && echo most)" most
conclude
