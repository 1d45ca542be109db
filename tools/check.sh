#!/bin/bash
# All checks of the project, called by `make check` once the packages are there: the floors, shipped
# Lua, every unit test and every script of tests/e2e, then tests and scripts again under the
# sanitizers. The last line is "N passed, N failed". MAKE and BUILD come from make.
set -u
make=${MAKE:-make}
build=${BUILD:-build}
tally=$(mktemp)
trap 'rm -f "$tally"' EXIT

# One check that is a command of its own: quiet when it passes.
check() {
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then
        printf 'ok    %s\n' "$name"
        echo "1 0 $name" >>"$tally"
    else
        printf 'FAIL  %s\n' "$name"
        printf '%s\n' "$output" | sed 's/^/      | /'
        echo "0 1 $name" >>"$tally"
    fi
}

# Builds program and tests into a folder (its output only when it fails) and runs them all.
suite() {
    local folder=$1
    shift
    check "build in $folder" $make --no-print-directory -k -j2 "$@" BUILD="$build" all unit-tests
    local programs=() scripts=()
    while read -r test; do
        [ -x "$folder/$test" ] && programs+=("$folder/$test")
    done < <(cd tests/unit && ls */*_test.c | sed 's/\.c$//; s/^/tests\//')
    if [ -x "$folder/pegflow" ]; then
        # Those that take more than a minute come first: nothing waits for them at the end.
        local first='upgrade|swift|crash|look|refusals|zookeeper'
        while read -r script; do
            [ -x "$script" ] && scripts+=("$script")
        done < <(ls tests/e2e/*.sh | grep -E "/($first)\.sh$" && ls tests/e2e/*.sh | grep -vE "/($first)\.sh$")
    fi
    tools/run-tests.sh "$tally" "${programs[@]}"
    # Whole upgrades in real time: they wait more than they work, so more of them at once, and with
    # more patience.
    PEGFLOW=$PWD/$folder/pegflow TEST_SECONDS=900 TEST_JOBS=6 tools/run-tests.sh "$tally" \
        "${scripts[@]}"
}

check "no include against the floors" tools/check-floors.sh
if command -v luacheck >/dev/null && [ -f .luacheckrc ]; then
    check "luacheck" luacheck -q --no-color stdlib workflows examples
fi
suite "$build"
echo "under the address and undefined behaviour sanitizers:"
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1
CK_FORK=no suite "$build/san" SAN=1

awk '{ passed += $1; failed += $2 }
     END { printf "%d passed, %d failed\n", passed, failed; exit failed > 0 }' "$tally"
