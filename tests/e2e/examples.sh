#!/bin/bash
# The files of examples/ are right for check, and the site's README says what check really says: each
# of its Lua blocks becomes the file that is named before it, each console block is run and compared.
. "$(dirname "$0")/lib.sh"

case $pegflow in
/*) ;;
*) pegflow=$PWD/$pegflow ;;
esac
cp -R examples/site "$work/site"
cd "$work/site" || exit 1

# ---- each cluster with the site's workflow
for file in clusters/*.lua; do
    output=$("$pegflow" check workflows/ours.lua -c "$file" 2>&1)
    check "$file: exit code" "$?" 0
    check_has "$file: its workflow" "$output" "workflows/ours.lua: ok, "
    check_has "$file: the variant's default" "$output" "heal_timeout=6h (variant)"
    check "$file names the workflow" "$(grep -c 'workflow = "workflows/ours.lua"' "$file")" 1
done
output=$("$pegflow" check workflows/ours.lua -c clusters/payments.lua 2>&1)
check_has "the cluster's own value" "$output" "drain_timeout=30m (cluster file)"

# ---- a rehearsal of each, with what the programs and services of the site would answer
declared_only() { # FILE: nothing was asked that the model has no answer for
    case $1 in
    *onebox*) return 0 ;; # its orders go to the simulation itself
    *) ! grep -q "the model has no row for it" <<<"$output" ;;
    esac
}
for file in clusters/*.lua; do
    output=$("$pegflow" rehearse -c "$file" --model models/services.lua --verbose 2>&1)
    check "rehearse $file: exit code" "$?" 0
    check_has "rehearse $file: outcome" "$output" "outcome       done after"
    check "rehearse $file: every answer is declared" "$(declared_only "$file" && echo yes)" yes
done
output=$("$pegflow" rehearse -c clusters/maps.lua --model models/services.lua --verbose 2>&1)
check_has "Jenkins: the queue" "$output" "waiting: waiting for an executor (for "
check_has "Jenkins: the build" "$output" "waiting: the build goes on (for "
sed 's/"result":"SUCCESS"/"result":"ABORTED"/' models/services.lua >models/aborted.lua
output=$("$pegflow" rehearse -c clusters/maps.lua --model models/aborted.lua 2>&1)
check "a build that fails: exit code" "$?" 1
check_has "a build that fails" "$output" "the job has failed: the build ended with ABORTED"
rm models/aborted.lua

# ---- the README
# Writes each Lua block to the last path in backticks before it; each console block to console-N.
awk '
    /^```lua$/ { target = named; next }
    /^```$/ && target == "" { target = "console-" ++consoles; next }
    /^```$/ { target = ""; next }
    target != "" { print > target; next }
    match($0, /`[a-z]+\/[a-z]+\.lua`/) { named = substr($0, RSTART + 1, RLENGTH - 2) }
' README.md
consoles=0
for console in console-*; do
    consoles=$((consoles + 1))
    read -r _ _ arguments <"$console"
    # shellcheck disable=SC2086 -- words of the command line
    output=$("$pegflow" $arguments 2>&1)
    check "pegflow $arguments: exit code" "$?" 2
    check "pegflow $arguments: output" "$output" "$(tail -n +2 "$console")"
done
check "consoles in the README" "$consoles" 2

conclude
