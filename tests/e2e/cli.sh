#!/bin/bash
# The command line's frame: help, version, suggestions, exit codes.
. "$(dirname "$0")/lib.sh"

# Runs pegflow with the arguments: $out, $err, $status.
run() {
    out=$("$pegflow" "$@" 2>"$work/err" </dev/null)
    status=$?
    err=$(cat "$work/err")
}

run --version
check "the version" "$out $status" "pegflow 0.1.0 0"

run --help
check "help is no error" "$status" 0
check "nothing on standard error" "$err" ""
check "help lists the exit codes" "$(grep -cE '^  [0-6]  ' <<<"$out")" 7
overview=$out
run help
check "help is --help" "$out" "$overview"
run -h
check "-h is --help" "$out" "$overview"

commands=$(sed -nE 's/^  ([a-z]+) +[^ ].*/\1/p' <<<"$overview")
check "the commands" "$(tr '\n' ' ' <<<"$commands")" "check doctor plan snapshot describe run resume revert fetch pause continue stop answer holds status watch history rehearse simulate "
for command in $commands; do
    run "$command" --help
    check "$command --help" "$status" 0
    check "$command has an example" "$(grep -c -m 1 "^  pegflow $command" <<<"$out")" 1
    help=$out
    run help "$command"
    check "help $command" "$out" "$help"
    run "$command" --no-such-option
    check "$command refuses what it does not know" "$status $out" "2 "
done

wrong() { # STATUS FIRST-LINE ARGUMENTS...
    local wanted_status=$1 wanted_line=$2
    shift 2
    run "$@"
    check "pegflow $*" "$status: $(head -n 1 <<<"$err")" "$wanted_status: $wanted_line"
    check "pegflow $* prints no result" "$out" ""
}
wrong 2 "pegflow: a command is missing"
wrong 2 "pegflow: unknown command 'simlate': did you mean simulate?" simlate
wrong 2 "pegflow: unknown command 'xyzzy'" xyzzy
wrong 2 "pegflow: unknown option '--verison': did you mean --version?" --verison
wrong 2 "pegflow: unknown command 'rn': did you mean run?" help rn
wrong 2 "pegflow simulate: unknown option '--modle': did you mean --model?" simulate --modle x
wrong 2 "pegflow simulate: 'five-nodes' is one argument too many" simulate five-nodes
check "where the right usage is shown" "$(tail -n 1 <<<"$err")" \
    "'pegflow simulate --help' shows how it is used"

"$pegflow" --help >/dev/full 2>"$work/err"
check "a result that is not delivered is a failure" "$?: $(cat "$work/err")" \
    "1: pegflow: write to standard output: No space left on device"

conclude
