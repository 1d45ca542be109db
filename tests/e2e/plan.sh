#!/bin/bash
# pegflow plan and snapshot: what is planned is what is performed, what would stop a run and why, the same
# on a simulated cluster in virtual time and over real sockets.
. "$(dirname "$0")/lib.sh"

# Runs it: $out, $err, $status.
plan() {
    out=$("$pegflow" plan "$@" 2>"$work/err" </dev/null)
    status=$?
    err=$(cat "$work/err")
}

# A cluster file for models, with more lines in it.
write_file() { # NAME LINES
    cat >"$work/$1.lua" <<LUA
return cluster "onebox" {
  metas = { "127.0.0.1:34601", "127.0.0.1:34602", "127.0.0.1:34603" },
  collectors = { "127.0.0.1:34101" },
  target = { version = "2.6.0" },
  deploy = require("deploy.exec") { update = { "upgrade-pegasus", "{host}", "{port}" } },
  $2
}
LUA
}
write_file accepting 'accept = { outage = { "pair", "solo" }, freeze = true, reason = "these are caches" },'
write_file plain ''

# ---- the steps that are planned are those that an undisturbed run performs, in their order
same_steps() { # WORKFLOW MODEL MORE...
    plan "$1" --model "$2" "${@:3}" --output json
    check "$1 on $2: exit code" "$status" 0
    printf '%s\n' "$out" >"$work/plan.json"
    "$pegflow" rehearse "$1" --model "$2" "${@:3}" --output json >"$work/rehearsal.jsonl"
    check "$1 on $2: planned and performed" \
        "$(python3 tests/e2e/plan_steps.py "$work/plan.json" "$work/rehearsal.jsonl")" same
}
for workflow in workflows/ha.lua workflows/simple.lua; do
    for model in five-nodes five-nodes-2.5 five-nodes-fast five-nodes-2.5-fast; do
        same_steps "$workflow" "$model"
    done
    for model in three-nodes recorded recorded-2.5; do
        same_steps "$workflow" "$model" -c "$work/accepting.lua"
    done
done

same_steps workflows/ha.lua five-nodes --set pace=swift
same_steps workflows/ha.lua recorded -c "$work/accepting.lua" --set pace=swift
check_has "a drain in one pass" "$out" "every replica leaves it in one pass, 1 at once"

# Racks, a canary, what follows a failure, what is asked.
cat >"$work/groups.lua" <<'LUA'
return workflow "groups" {
  api = 1,
  steps = function(cluster, p)
    return {
      confirm "go on?",
      rolling "replicas" {
        over = cluster.replicas, within = "rack", canary = 1, soak = "5s",
        steps = function(node)
          return try {
            steps = { steps "inner" { sleep "2s" }, log "done" },
            rescue = { log "it failed" },
            finally = { log "in any case" },
          }
        end,
      },
      rolling "metas" {
        over = cluster.metas, order = standbys_first(),
        steps = function(node) return sleep { "1s", retry = { times = 2 }, on_failure = "continue" } end,
      },
    }
  end,
}
LUA
write_file racks 'racks = {
    ["localhost:34801"] = "a", ["localhost:34802"] = "b", ["localhost:34803"] = "b",
    ["localhost:34804"] = "a", ["localhost:34805"] = "b",
  },'
same_steps "$work/groups.lua" five-nodes -c "$work/racks.lua"
check_has "what follows a failure is told apart" "$out" '"rescue":true'
plan "$work/groups.lua" --model five-nodes -c "$work/racks.lua" --all
check "rack by rack" "$(grep -oE 'in rack [ab]' <<<"$out" | tr -d '\n')" \
    "in rack ain rack ain rack bin rack bin rack b"
check_has "a canary" "$(tr -s ' \n' ' ' <<<"$out")" "another, first 1 alone and watched for 5s"
check_has "after a failure" "$out" "only when something failed there"
check_has "what is asked" "$out" 'asks: "go on?"'

# ---- a plan that is fine
plan workflows/ha.lua --model five-nodes
check "five nodes: exit code" "$status" 0
check "five nodes: nothing on standard error" "$err" ""
check_has "its servers" "$out" "replica     5 at 2.6.0-SNAPSHOT"
check_has "its requirement" "$out" "yes      cluster_is_healthy(): all 72 partitions are healthy"
check_has "its guards" "$out" "each of 5 replica servers can be taken away"
check_has "a hold, old and new" "$(tr -s ' \n' ' ' <<<"$out")" \
    "meta.lb.add_secondary_max_count_for_one_node 32.1s 20 -> 100"
check_has "a nudge" "$out" "while not, each 10s: other servers take over what it"
check_has "servers alike are told once" "$out" "the same for 4 more servers: localhost:34802"
check_has "what it takes" "$out" "done after"
check_has "the verdict" "$out" "nothing was found that would stop a run"
first=$out
TZ=Asia/Tokyo plan workflows/ha.lua --model five-nodes
check "the same cluster, the same bytes" "$out" "$first"
plan workflows/ha.lua --model five-nodes --all
check "--all shows each server" "$(grep -c '  replicas/localhost:3480[1-5] ' <<<"$out")" 5
plan workflows/ha.lua --model five-nodes --no-estimate
check "--no-estimate: exit code" "$status" 0
check_has "--no-estimate" "$out" "none: not asked for"
plan workflows/ha.lua --model five-nodes --set drain_timeout=1s
check "a rehearsal that fails: exit code" "$status" 1
check_has "a rehearsal that fails: why" "$out" "failed after"
check_has "a rehearsal that fails: the verdict" "$out" "in the rehearsal it failed"
check_has "what was given" "$out" "drain_timeout=1s (--set)"

# ---- guards that cannot be met
plan workflows/ha.lua --model three-nodes
check "three servers: exit code" "$status" 3
words=$(tr -s ' \n' ' ' <<<"$out")
check_has "the freeze rule" "$words" "with one of 3 replica servers away, 2 are left, fewer than 3"
check_has "in plain words" "$words" "Until the server is back it repairs nothing"
check_has "how to accept it" "$words" 'accept = { freeze = true, reason = "..." }'
check_has "what it would take all the same" "$words" "as if what is refused above were accepted done after"
check_has "the verdict" "$words" "a run would be refused, before any change"
plan workflows/ha.lua --model three-nodes -c "$work/accepting.lua"
check "three servers, accepted: exit code" "$status" 0
check_has "a table that is not there" "$(tr -s ' \n' ' ' <<<"$out")" \
    "accepts an outage of table 'pair', which is not there"
check_has "the reason" "$(tr -s ' \n' ' ' <<<"$out")" "Accepted: these are caches"
for model in recorded recorded-2.5; do
    plan workflows/ha.lua --model "$model" -c "$work/plain.lua"
    check "$model: exit code" "$status" 3
    words=$(tr -s ' \n' ' ' <<<"$out")
    check_has "$model: two replicas" "$words" "table 'pair' has 2 replicas and writes need 2"
    check_has "$model: one replica" "$words" "table 'solo' has one replica: each server that holds one"
    check_has "$model: measured" "$words" "In the rehearsal: at most"
    check_has "$model: how to accept it" "$words" 'accept = { outage = { "pair", "solo" }, reason = "..." }'
    "$pegflow" rehearse workflows/ha.lua --model "$model" -c "$work/plain.lua" >"$work/out"
    check "$model: the guard holds" "$?" 3
    "$pegflow" rehearse workflows/ha.lua --model "$model" -c "$work/accepting.lua" >"$work/out"
    check "$model: accepted, it finishes" "$?" 0
    check_has "$model: nothing is left" "$(cat "$work/out")" "settings left none"
done

# ---- models that cannot be, or that begin broken
cat >"$work/impossible.lua" <<'LUA'
return model "impossible" {
  release = "master", replicas = 3,
  tables = { { name = "temp", partitions = 2, placement = { "r1 r2 r3", "r1 r2 r4" } } },
}
LUA
plan workflows/ha.lua --model "$work/impossible.lua"
check "an unknown server: exit code" "$status" 2
check_has "an unknown server: message" "$err" \
    "impossible.lua:1: model: table 'temp': partition 1 is on r4, but the model has 3 replica servers"
sed 's/r1 r2 r4/r1 r2 r1/' "$work/impossible.lua" >"$work/twice.lua"
plan workflows/ha.lua --model "$work/twice.lua"
check "a member named twice: exit code" "$status" 2
check_has "a member named twice: message" "$err" "partition 1 is on r1 twice"
sed 's/partitions = 2, placement = .*/partitions = 2, replicas = 4 } },/' "$work/impossible.lua" \
    >"$work/many.lua"
plan workflows/ha.lua --model "$work/many.lua"
check "more replicas than servers: exit code" "$status" 2
check_has "more replicas than servers: message" "$err" \
    "wants 4 replicas of each partition, but the model has 3 replica servers"
cat >"$work/headless.lua" <<'LUA'
return model "headless" {
  release = "master", timings = { first_tick = "1h" }, -- nobody heals it before
  tables = { { name = "temp", partitions = 2, placement = { "- r2 r3", "r1 r2 r4" } } },
}
LUA
for command in plan rehearse; do
    out=$("$pegflow" "$command" workflows/ha.lua --model "$work/headless.lua" 2>&1)
    check "no primary at the start, $command: exit code" "$?" 3
    check_has "no primary at the start, $command: message" "$(tr -s ' \n' ' ' <<<"$out")" \
        "), but 1 of 2 partitions are not fully healthy"
done
cat >"$work/leftover.lua" <<'LUA'
return model "leftover" {
  release = "master", add_secondary_limit = 0,
  tables = { { name = "temp", partitions = 8 } },
}
LUA
plan workflows/ha.lua --model "$work/leftover.lua"
check "a leftover: exit code" "$status" 3
check_has "a leftover: message" "$out" "looks like another tool's leftover"
plan workflows/ha.lua --model "$work/leftover.lua" --keep-leftovers
check "a leftover that is meant: exit code" "$status" 0
check_has "a leftover that is meant: said" "$out" "is 0, and is kept"

# ---- what it refuses
refused() { # TEXT ARGUMENTS...
    local text=$1
    shift
    plan "$@"
    check "plan $*: exit code" "$status" 2
    check_has "plan $*: message" "$err" "$text"
    check "plan $*: no result" "$out" ""
}
refused "which workflow?" --model five-nodes
refused "give plain or json" workflows/ha.lua --model five-nodes --output xml
refused "a seed is not negative" workflows/ha.lua --model five-nodes --seed=-1
refused "drain_timeot" workflows/ha.lua --model five-nodes --set drain_timeot=5m
refused "Give its file: -c FILE" workflows/ha.lua
refused "no-such-workflow.lua" no-such-workflow.lua -c "$work/plain.lua"

# ---- over real sockets
start_server five-nodes-fast
plan workflows/ha.lua -c "$work/cluster.lua"
check "live: exit code" "$status" 0
check "live: nothing on standard error" "$err" ""
check_has "live: its leader" "$out" "primary meta server localhost:$(port_of m1)"
check_has "live: estimated" "$out" "done after"
first=$out
plan workflows/ha.lua -c "$work/cluster.lua"
check "live: the same bytes" "$out" "$first"

"$pegflow" snapshot -c "$work/cluster.lua" >"$work/shape.lua" 2>"$work/err"
check "snapshot: exit code" "$?" 0
"$pegflow" snapshot -c "$work/cluster.lua" --output "$work/shape-2.lua" 2>"$work/err"
check "snapshot into a file: exit code" "$?" 0
check "snapshot: the same bytes" "$(cksum <"$work/shape.lua")" "$(cksum <"$work/shape-2.lua")"
took=$(grep -oE 'done after [0-9ms.]+' <<<"$first")
"$pegflow" rehearse workflows/ha.lua --model "$work/shape.lua" -c "$work/cluster.lua" >"$work/out"
check "snapshot: it can be rehearsed" "$?" 0
check_has "snapshot: and takes as long" "$(cat "$work/out")" "$took"
"$pegflow" snapshot -c "$work/cluster.lua" --output /no/such/folder/shape.lua 2>"$work/err"
check_has "snapshot into a folder that is not there" "$(cat "$work/err")" "/no/such/folder/shape.lua"

# A secret of the environment: named, never shown; a run would want it.
sed -E 's|^( *deploy = ).*|\1require("deploy.exec") { update = { "upgrade", env "UPGRADE_TOKEN" } },|' \
    "$work/cluster.lua" >"$work/secret.lua"
plan workflows/ha.lua -c "$work/secret.lua"
check "a secret that is not set: exit code" "$status" 3
check_has "a secret that is not set: told" "$(tr -s ' \n' ' ' <<<"$out")" \
    'env "UPGRADE_TOKEN": the environment has no such variable'
export UPGRADE_TOKEN=swordfish
plan workflows/ha.lua -c "$work/secret.lua"
check "a secret: exit code" "$status" 0
check_has "a secret: its name" "$out" 'run: upgrade env "UPGRADE_TOKEN"'
check "a secret: not its value" "$(grep -c swordfish <<<"$out")" 0

# A run that is going on.
: >"$work/log"
"$pegflow" run workflows/ha.lua -c "$work/cluster.lua" --confirm=onebox >"$work/log" 2>&1 </dev/null &
run=$!
until grep -q "drain held\|held at 0" "$work/log" || ! kill -0 "$run" 2>/dev/null; do sleep 0.1; done
plan workflows/ha.lua -c "$work/cluster.lua"
check "another run: exit code" "$status" 3
check_has "another run: told" "$(tr -s ' \n' ' ' <<<"$out")" "works on cluster 'onebox' since"
kill -INT "$run"
wait "$run"
check "another run: it ends by itself" "$?" 4
"$pegflow" run tests/data/heal.lua -c "$work/cluster.lua" --confirm=onebox >/dev/null 2>&1
check "another run: the cluster heals" "$?" 0
plan workflows/ha.lua -c "$work/cluster.lua"
check "another run: gone" "$status" 0

# Meta servers that one side alone knows.
sed -E 's/metas = \{ ("[^"]*"), "[^"]*"/metas = { \1/' "$work/cluster.lua" >"$work/less.lua"
sed -E 's/metas = \{ /&"127.0.0.1:1", /' "$work/cluster.lua" >"$work/more.lua"
for command in "plan workflows/ha.lua" "run workflows/ha.lua --confirm=onebox" doctor; do
    # shellcheck disable=SC2086
    out=$("$pegflow" $command -c "$work/less.lua" 2>&1 </dev/null)
    check "$command, a meta server is missing: exit code" "$?" 3
    check_has "$command, a meta server is missing: message" "$out" \
        "does not name the meta server localhost:$(port_of m2), which the cluster lists"
    # shellcheck disable=SC2086
    out=$("$pegflow" $command -c "$work/more.lua" 2>&1 </dev/null)
    check "$command, a foreign meta server: exit code" "$?" 3
    check_has "$command, a foreign meta server: message" "$out" \
        "names the meta server 127.0.0.1:1, which the cluster does not list"
done

# Servers that are dead from the start.
control_post /servers/c1/kill >/dev/null
plan workflows/ha.lua -c "$work/cluster.lua"
check "a dead collector: exit code" "$status" 0
check_has "a dead collector: told" "$out" "the collector 127.0.0.1:$(port_of c1) does not answer"
control_post /servers/r2/kill >/dev/null
for command in "plan workflows/ha.lua" "run workflows/ha.lua --confirm=onebox"; do
    # shellcheck disable=SC2086
    out=$("$pegflow" $command -c "$work/cluster.lua" 2>&1 </dev/null)
    check "$command, a dead server: exit code" "$?" 3
    check_has "$command, a dead server: message" "$(tr -s ' \n' ' ' <<<"$out")" \
        "requires cluster_is_healthy() (workflows/ha.lua:"
    check_has "$command, a dead server: named" "$out" "localhost:$(port_of r2)"
done
plan workflows/ha.lua -c "$work/cluster.lua"
check_has "a dead server: no estimate" "$out" "none: a run would not get to its first step"
check_has "a dead server: it does not answer" "$out" "localhost:$(port_of r2) does not answer"
end_server INT
check "no violation was counted" "$status" 0
plan workflows/ha.lua -c "$work/cluster.lua"
check "nobody there: exit code" "$status" 3
check_has "nobody there: message" "$err" "meet cluster 'onebox'"

# ---- what must always hold, and a guard that is overridden for a while
write_override() { # EXPIRES
    cat >"$work/override.lua" <<LUA
return workflow "restart" {
  api = 1,
  always = { all_servers_alive() },
  steps = function(cluster)
    return rolling "replicas" { over = cluster.replicas, steps = function(node)
      return deploy(node) { "restart", override = { guard = true, reason = "a lab", expires = "$1" } }
    end }
  end,
}
LUA
}
write_override 2999-12-31
plan "$work/override.lua" --model three-nodes
check "three servers, overridden: exit code" "$status" 0
check_has "the override is told" "$out" "override.lua:6: deploy overrides its guard until 2999-12-31: a lab"
check_has "what is always asked too" "$out" "always all_servers_alive(): "
write_override 2020-12-31
for command in "check" "plan --model three-nodes" "rehearse --model three-nodes"; do
    # shellcheck disable=SC2086 # some have options
    out=$("$pegflow" $command "$work/override.lua" 2>&1)
    check "$command, an override that has expired: exit code" "$?" 2
    check_has "$command says so" "$out" "override.lua:6: deploy: 'override' has ended, on 2020-12-31 (a lab)"
done

conclude
