#!/bin/bash
# tools/install-packages.sh installs what is missing where it may, and otherwise names the one command.
# The system's tools are stand-ins that write down how they were called.
. "$(dirname "$0")/lib.sh"
mkdir "$work/bin"

stand_in() { # NAME BODY
    printf '#!/bin/sh\n%s\n' "$2" >"$work/bin/$1"
    chmod +x "$work/bin/$1"
}
# Only "present" is installed.
stand_in dpkg-query 'for last; do :; done
[ "$last" = present ] || exit 1
printf installed'
stand_in apt-get "echo \"apt-get \$*\" >>'$work/calls'
[ \"\$1\" != install ] || [ ! -e '$work/stale' ] || [ -e '$work/updated' ] || { echo 'E: no such package'; exit 100; }
[ \"\$1\" != update ] || touch '$work/updated'
[ ! -e '$work/broken' ]"

install_as() { # USER-ID PACKAGES...
    stand_in id "echo $1"
    shift
    : >"$work/calls"
    output=$(PATH=$work/bin:$PATH tools/install-packages.sh "$@" 2>&1)
    status=$?
    calls=$(cat "$work/calls")
}
install="apt-get install -y --no-install-recommends absent other"

stand_in sudo 'exit 1'
install_as 1000 present
check "nothing is missing" "$status:$output:$calls" "0::"

install_as 1000 present absent other
check "who may not gets the command" "$status:$calls" "1:"
check_has "the command" "$output" "  sudo $install"

install_as 0 present absent other
check "root installs what is missing" "$status:$calls" "0:$install"

stand_in sudo '[ "$1" = -n ] && shift
"$@"'
install_as 1000 absent other
check "sudo that asks nothing is used" "$status:$calls" "0:$install"

touch "$work/stale"
install_as 0 absent other
check "old package lists are fetched anew" "$status:$calls" "0:$install
apt-get update
$install"

touch "$work/broken"
install_as 0 absent other
check "what cannot be installed is a failure" "$status" 1
check_has "with the command" "$output" "the command was:
  $install"

install_as 0 --optional "no lock" absent other
check "what is optional may be missing" "$status" 0
check_has "and that is said" "$output" "without absent other, which could not be installed: no lock"
install_as 0 --optional "no lock" present
check "nothing optional is missing" "$status:$output:$calls" "0::"
stand_in sudo 'exit 1'
install_as 1000 --optional "no lock" absent other
check "who may not goes on without" "$status:$output:$calls" \
    "0:without absent other: no lock; to have it: sudo $install:"
rm "$work/broken"
install_as 0 --optional "no lock" absent other
check "what is optional is installed where it may" "$status:$calls" "0:$install"

conclude
