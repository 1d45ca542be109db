#!/bin/bash
# pegflow rehearse: what it says, how fast, the same bytes each time, and what it refuses.
. "$(dirname "$0")/lib.sh"

# Runs it: $out, $err, $status.
rehearse() {
    out=$("$pegflow" rehearse "$@" 2>"$work/err" </dev/null)
    status=$?
    err=$(cat "$work/err")
}

for model in five-nodes five-nodes-2.5; do
    rehearse workflows/ha.lua --model "$model"
    check "$model: exit code" "$status" 0
    check "$model: nothing on standard error" "$err" ""
    check_has "$model: outcome" "$out" "outcome       done after"
    check_has "$model: settings" "$out" "settings left none"
    check_has "$model: violations" "$out" "violations    none"
    check "$model: a row for each table and all" "$(grep -cE '^  (temp|users|stats|all) ' <<<"$out")" 4
done

# ---- careful and swift: the difference is there to be seen
number() { # NAME: of the summary's total
    sed -nE "s/^[^[]*\"$1\":([0-9]+).*\$/\1/p" <<<"$summary"
}
rehearse workflows/ha.lua --output json
summary=$(tail -n 1 <<<"$out")
duration=$(number duration_ms) away=$(number reads_away_ms) longest=$(number longest_read_ms)
changes=$(number changes)
rehearse workflows/ha.lua --set pace=swift --output json
summary=$(tail -n 1 <<<"$out")
check "swift: exit code" "$status" 0
check_has "swift: nothing is left" "$summary" '"settings_left":"","violations":[]'
check "swift takes less time" "$(($(number duration_ms) < duration))" 1
check "partitions are away for less" "$(($(number reads_away_ms) < away))" 1
check "each of them too" "$(($(number longest_read_ms) < longest))" 1
check "with fewer changes" "$(($(number changes) < changes))" 1
rehearse workflows/ha.lua --set pace=swfit
check "a pace that is none" "$status" 2
check_has "and the nearest" "$err" "is none of careful, swift: did you mean 'swift'?"

# ---- the same seed, the same bytes
for form in "--output plain" "--verbose" "--output json"; do
    # shellcheck disable=SC2086
    rehearse workflows/ha.lua --seed 3 $form
    first=$out
    # shellcheck disable=SC2086
    TZ=Asia/Tokyo rehearse workflows/ha.lua --seed 3 $form
    check "$form: the same bytes" "$(cksum <<<"$out")" "$(cksum <<<"$first")"
done
rehearse workflows/ha.lua --seed 4 --output json
check "another seed, other events" "$([ "$out" != "$first" ] && echo differs)" differs

# ---- JSON: the events of a run, then the summary
check "each line is an object" "$(grep -cvE '^\{.*\}$' <<<"$out")" 0
check_has "events are there" "$out" '"event":"step_started"'
summary=$(tail -n 1 <<<"$out")
check_has "the last line sums up" "$summary" '"event":"rehearsed"'
check_has "no setting is left" "$summary" '"settings_left":"","violations":[]'
check_has "tables are told apart" "$summary" '"tables":[{"name":"temp","reads_away_ms":'

# ---- a failure is a run's: put back, and told
rehearse workflows/ha.lua --set drain_timeout=1s --set look_every=600ms --set batch=1
check "a wait that is too short" "$status" 1
check_has "what failed" "$out" "no_primaries("
check_has "where" "$out" "where         workflows/ha.lua:"
check_has "all is put back" "$out" "settings left none"

cat >"$work/three.lua" <<'LUA'
return model "three" { release = "master", replicas = 3, tables = { { name = "temp", partitions = 8 } } }
LUA
rehearse workflows/ha.lua --model "$work/three.lua"
check "three servers freeze" "$status" 3
check_has "and why" "$out" "min_live_node_count_for_unfreeze"

# ---- with a site's own files: nothing is executed, the model does what the step says
cat >"$work/prod.lua" <<LUA
return cluster "prod" {
  metas = { "10.1.1.1:34601", "10.1.1.2:34601", "10.1.1.3:34601" },
  collectors = { "10.1.1.1:34101" },
  target = { version = "9.9.9" },
  workflow = "workflows/ha.lua",
  deploy = require("deploy.exec") {
    update = { "touch", "$work/touched", "{host}", "{port}" },
  },
}
LUA
rehearse -c "$work/prod.lua" --verbose
check "the workflow of the cluster file" "$status" 0
check_has "its metas" "$out" "10.1.1.3:34601"
check_has "its version" "$out" "runs 9.9.9"
check_has "its program, not run" "$out" "run: touch"
check "nothing was executed" "$([ -e "$work/touched" ] && echo touched)" ""

# ---- what it refuses
refused() { # TEXT ARGUMENTS...
    local text=$1
    shift
    rehearse "$@"
    check "rehearse $*: exit code" "$status" 2
    check_has "rehearse $*: message" "$err" "$text"
    check "rehearse $*: no result" "$out" ""
}
refused "which workflow?"
refused "there is no model 'five-node': did you mean" workflows/ha.lua --model five-node
refused "give plain or json" workflows/ha.lua --output xml
refused "a seed is not negative" workflows/ha.lua --seed=-1
refused "drain_timeot" workflows/ha.lua --set drain_timeot=5m
refused "no-such-workflow.lua" no-such-workflow.lua

conclude
