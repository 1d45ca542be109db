#!/bin/bash
# docs/operating.md: its commands run as they stand, on a simulated cluster that stands for the real
# one; its cluster file is right; what it says one sees is seen. A command that this version does not
# have is left out, and counted.
. "$(dirname "$0")/lib.sh"
page=$PWD/docs/operating.md
case $pegflow in
/*) ;;
*) pegflow=$PWD/$pegflow ;;
esac
ln -s "$PWD/workflows" "$work/workflows"
check "it is no longer than one reads" "$([ "$(wc -l <"$page")" -le 250 ] && echo short)" short

cat >"$work/model.lua" <<'LUA'
local parts = require "models.parts"
return model "prod" {
  release = "2.5", cluster = "prod", replicas = 5, tables = parts.tables, timings = parts.fast_timings,
}
LUA
start_server "$work/model.lua"
cd "$work" || exit 1

# ---- the cluster file of the page
awk '/^```lua$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$page" >page.lua
output=$("$pegflow" check workflows/ha.lua -c page.lua 2>&1)
check "the cluster file of the page: $output" "$?" 0
mv cluster.lua prod.lua

# ---- its commands, in order; the first run is performed, the others are checked
fast="--set meta_pause=2s --set healthy_for=1s --set look_every=200ms --set nudge_every=2s"
left_out=0
performed=0
ran=
while read -r command arguments; do
    if ! "$pegflow" help "$command" >/dev/null 2>&1 ||
        { [[ $arguments = *"--model prod-model"* ]] && [ ! -e prod-model.lua ]; } ||
        { [[ $arguments = *pace=* ]] && ! grep -q 'pace *= choice' workflows/ha.lua; }; then
        left_out=$((left_out + 1))
        continue
    fi
    performed=$((performed + 1))
    # shellcheck disable=SC2086
    case $command/$ran in
    run/) "$pegflow" run $arguments --confirm=prod $fast >run.log 2>&1 </dev/null ;;
    run/*) "$pegflow" check $arguments >log 2>&1 ;;
    *) "$pegflow" "$command" $arguments >log 2>&1 </dev/null ;;
    esac
    check "pegflow $command $arguments: exit code" "$?" 0
    [ "$command" != run ] || ran=yes
done < <(sed -nE 's/^    pegflow //p' "$page")
check "commands that were run" "$([ "$performed" -ge 7 ] && echo enough)" enough
check "those of other versions" "$([ "$left_out" -le 5 ] && echo few)" few

# ---- what it says one sees
run_log=$(cat run.log)
for text in "meta level held at steady" "held at 100" "held at 0" "propose to move " "primaries left on " \
    "guard passed" "propose to drop " "secondaries left on " "close " "drained replicas" "still open on " \
    "update replica " "is alive and answers; " "is back at 100" "partitions are not fully healthy" \
    "partitions are healthy" "is back at 20" "replica 2 of 5" "settings and level as before"; do
    check_has "the page's table" "$run_log" "$text"
    check "'$text' is on the page" "$(tr '\n' ' ' <"$page" | grep -cF -- "${text% on }")" 1
done

# ---- what it says refuses
cat >small.lua <<'LUA'
return model "small" {
  release = "2.5", replicas = REPLICAS, tables = { { name = "solo", partitions = 4, replicas = 1 } },
}
LUA
sed 's/REPLICAS/5/' small.lua >five.lua
output=$("$pegflow" rehearse workflows/ha.lua --model five.lua 2>&1)
check "a table of one replica: exit code" "$?" 3
check_has "a table of one replica" "$output" "table 'solo' would keep 0, writes need "
sed 's/REPLICAS/3/; s/replicas = 1/replicas = 3/' small.lua >three.lua
output=$("$pegflow" rehearse workflows/ha.lua --model three.lua 2>&1)
check "three servers: exit code" "$?" 3
check_has "three servers" "$output" "min_live_node_count_for_unfreeze"

end_server INT
check "no violation was counted" "$status" 0
conclude
