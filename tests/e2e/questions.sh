#!/bin/bash
# What a step asks: a person answers on the run's terminal, and without one the run waits.
. "$(dirname "$0")/lib.sh"

talk() { # WORKFLOW, then PAIRS...
    local workflow=$1
    shift
    out=$(python3 tests/e2e/terminal.py "$pegflow" run "$workflow" -c "$work/cluster.lua" -- \
        "type the cluster's name" onebox "$@" </dev/null)
    status=$?
}

cat >"$work/ask.lua" <<'LUA'
return workflow "ask" {
  api = 1,
  steps = function()
    return {
      hold { setting = { ["meta.lb.assign_delay_ms"] = 1800000 },
        parallel {
          steps "a" { confirm "one?" },
          steps "b" { sleep "200ms", confirm "two?" },
        },
      },
      remote_command { to = "meta", "no.such", on_failure = "continue" },
      log "all answered",
    }
  end,
}
LUA

start_server five-nodes-fast
talk "$work/ask.lua" "two? (yes or no)" "yes" "more than one step asks" "b/confirm maybe" \
    "is no answer" "b/confirm yes" "answer: yes" "yes"
check "two questions" "$status" 0
check_has "the first answer is to nobody" "$out" "name the one that is meant: a/confirm, b/confirm"
check_has "no such answer" "$out" "'maybe' is no answer to step 'b/confirm': say yes or no"
check_has "it went on" "$out" "all answered"
check_has "what failed is not forgotten" "$out" "as the workflow says: 1, told above"

talk "$work/ask.lua" "two? (yes or no)" "a/confirm no"
check "a no is a stop" "$status" 4
check_has "it says so" "$out" "stopped: the answer to 'one?' was no"
check_has "all is put back" "$out" "meta.lb.assign_delay_ms is back at"

# Without a terminal it waits, and a stop ends the question.
"$pegflow" run "$work/ask.lua" -c "$work/cluster.lua" --confirm=onebox >"$work/log" 2>&1 </dev/null &
run=$!
for _ in $(seq 100); do
    grep -qF "QUESTION: two?" "$work/log" && break
    sleep 0.1
done
sleep 1
check "it waits" "$(kill -0 "$run" 2>/dev/null && echo waits)" waits
kill -INT "$run"
wait "$run"
check "stopped while it asks" "$?" 4
check_has "all is put back again" "$(cat "$work/log")" "meta.lb.assign_delay_ms is back at"
end_server INT
check "no violation was counted" "$status" 0

# ---- a rehearsal asks nobody, and says what it would have asked
out=$("$pegflow" rehearse "$work/ask.lua" 2>&1 </dev/null)
check "a rehearsal ends" "$?" 0
check_has "it says what was asked" "$out" \
    "answered      a/confirm: one? (yes or no): yes; b/confirm: two? (yes or no): yes"
out=$("$pegflow" rehearse "$work/ask.lua" --verbose 2>&1 </dev/null)
check_has "and in its lines" "$out" "answer: yes, as nobody is asked in a rehearsal"

# ---- nor does it need the racks of its own servers
cat >"$work/racks.lua" <<'LUA'
return cluster "prod" {
  metas = { "10.1.1.1:34601" },
  racks = { ["10.1.1.11"] = "north", ["10.1.1.12"] = "south", ["10.1.1.13"] = "north" },
}
LUA
cat >"$work/rolling.lua" <<'LUA'
return workflow "by rack" {
  api = 1,
  steps = function(cluster)
    return rolling { over = cluster.replicas, within = "rack", max_in_flight = 3, canary = 1,
      soak = "1m", steps = function(node) return sleep "10s" end }
  end,
}
LUA
out=$("$pegflow" rehearse "$work/rolling.lua" -c "$work/racks.lua" --verbose 2>&1 </dev/null)
check "racks in a rehearsal" "$?" 0
check "one rack after the other" \
    "$(grep -oE 'replica [0-9] of 5: [^ ,]*:3480[1-5]' <<<"$out" | grep -o '.$' | tr -d '\n')" 13524
check_has "it is asked after the canary" "$out" "the canary is done (1 of 5 servers)"

conclude
