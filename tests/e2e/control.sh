#!/bin/bash
# A run without a terminal is spoken to from another: pause, continue, stop, answer; what is refused.
. "$(dirname "$0")/lib.sh"

cat >"$work/ask.lua" <<'LUA'
return workflow "ask" {
  api = 1,
  steps = function()
    return {
      hold { setting = { ["meta.lb.assign_delay_ms"] = 1800000 },
        log "begun",
        sleep "1500ms",
        remote_command { to = "meta", "server-info" },
        parallel {
          steps "a" { confirm "one?" },
          steps "b" { confirm "two?" },
        },
      },
      log "all answered",
    }
  end,
}
LUA

# $out (both outputs) and $status of a command of pegflow.
tell() {
    out=$("$pegflow" "$@" 2>&1 </dev/null)
    status=$?
}

# Starts the workflow in the background, with the arguments; its id is $id.
begin() {
    : >"$work/log"
    "$pegflow" run "$work/ask.lua" -c "$work/cluster.lua" --confirm=onebox "$@" \
        >"$work/log" 2>&1 </dev/null &
    run=$!
    wait_for_line "held at 1800000" || exit 1
    id=$("$pegflow" history --output json -n 1 | sed -nE 's/^\[\{"run":"([^"]*)".*/\1/p')
}

# Returns when what the journal of the run says has the text.
wait_for_record() { # TEXT
    local left=300
    until grep -qF -- "$1" "$XDG_STATE_HOME/pegflow/runs/$id/journal.jsonl"; do
        left=$((left - 1))
        if [ "$left" = 0 ]; then
            echo "no record with '$1' came"
            return 1
        fi
        sleep 0.1
    done
}

# ---- nobody is there
tell pause last
check "no run" "$status" 2

start_server five-nodes-fast
# ---- pause and continue
begin
tell continue "$id"
check "it is not paused" "$status: $out" "3: pegflow continue: run $id: it is not paused"
tell pause last --reason "storage network down"
check "it pauses" "$status: $out" \
    "0: run $id: it pauses: nothing more is begun until pegflow continue"
wait_for_line "asked for a pause: storage network down"
tell status last
check "it is alive and well" "$status" 0
check_has "status says why" "$out" "asked for a pause: storage network down"
tell status last --output json
check_has "for programs too" "$out" "asked for a pause: storage network down"
"$pegflow" watch last >"$work/watched" 2>&1 </dev/null &
watch=$!
sleep 1
check_has "watch shows it" "$(cat "$work/watched")" "asked for a pause: storage network down"
tell continue last
check "it goes on" "$status: $out" "0: run $id: it goes on"
wait_for_line "the operator has decided: the run goes on"

# ---- questions
wait_for_line "QUESTION: two?"
sleep 0.5
check "it waits, for as long as it takes" "$(kill -0 "$run" && echo waits)" waits
tell status last
check_has "status has the question" "$out" "two?"
tell answer last yes
check "two are open" "$status" 3
check_has "both are named" "$out" "name the one that is meant: a/confirm, b/confirm"
tell answer last perhaps --step a/confirm
check "no such answer" "$status" 3
check_has "what it allows" "$out" "'perhaps' is no answer to step 'a/confirm': say yes or no"
tell answer last yes --step c/confirm
check "no such question" "$status" 3
tell answer last yes --step a/confirm
check "answered" "$status: $out" "0: run $id: answered yes"
tell answer "$id" yes
check "the other needs no name" "$status: $out" "0: run $id: answered yes"
end_run
check "it is done" "$status" 0
wait "$watch"
check "and so is the watching" "$?" 0
for words in "pause" "continue" "stop" "answer yes"; do
    read -r word answer <<<"$words"
    tell "$word" "$id" $answer
    check "$word: it has ended" "$status" 3
    check_has "$word: it says so" "$out" "run $id: "
done
tell history -n 1
check_has "history has it as done" "$out" "  done  "

# ---- stop, then resume
begin --reason "ticket 12"
tell stop last
check "it stops" "$status" 0
end_run
check "stopped" "$status" 4
check_has "what it held is back" "$log" "meta.lb.assign_delay_ms is back at"
tell history -n 1
check_has "history: why it ran" "$out" "ticket 12"
check_has "history: how it ended" "$out" "  stopped  "
: >"$work/log"
"$pegflow" resume "$id" --confirm=onebox >"$work/log" 2>&1 </dev/null &
run=$!
wait_for_line "QUESTION: two?"
tell answer "$id" yes --step a/confirm
check "the resumed run is spoken to as well" "$status" 0
tell answer "$id" yes
end_run
check "resumed, it is done" "$status" 0
check_has "to its end" "$log" "all answered"

# ---- a no, and stop --now
begin
wait_for_line "QUESTION: two?"
tell answer last no --step b/confirm
check "a no is an answer" "$status" 0
end_run
check "which stops it" "$status" 4
begin
tell stop last --now
check "it stops at once" "$status" 0
check_has "and how to put back" "$out" "pegflow revert puts back what it holds"
end_run
check "with what it held left" "$status" 5
tell revert last --confirm=onebox
check "reverted" "$status" 0

# ---- killed
begin
kill -KILL "$run"
wait "$run" 2>/dev/null
tell pause "$id"
check "nobody works on it" "$status" 3
check_has "which is said" "$out" "run $id: "
tell revert "$id" --confirm=onebox
check "what it held is put back" "$status" 0

# ---- detached: nothing of the terminal that started it is left
out=$("$pegflow" run "$work/ask.lua" -c "$work/cluster.lua" --confirm=onebox --detach 2>&1 </dev/null)
check "it is on its own" "$?" 0
id=$("$pegflow" history --output json -n 1 | sed -nE 's/^\[\{"run":"([^"]*)".*/\1/p')
wait_for_record "held at 1800000" || exit 1
tell pause "$id" --reason "look first"
check "paused" "$status" 0
tell continue "$id"
check "continued" "$status" 0
wait_for_record "two?" || exit 1
tell answer "$id" yes --step a/confirm
check "answered" "$status" 0
tell answer "$id" yes
check "answered again" "$status" 0
tell watch "$id"
check "it is done" "$status" 0
check_has "it went on" "$out" "all answered"

settings=$("$pegflow" holds -c "$work/cluster.lua" 2>&1)
check "nothing is left" "$?" 0
end_server INT
check "no violation was counted" "$status" 0
conclude
