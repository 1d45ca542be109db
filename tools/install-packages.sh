#!/bin/sh
# Installs the Debian packages named that are missing. Silent when nothing is missing. Without root
# and without sudo that asks nothing, prints the one command that installs them and fails. After
# --optional WHY it never fails: it says in one line what is done without.
set -eu

optional=""
if [ "${1:-}" = --optional ]; then
    optional=$2
    shift 2
fi

command -v dpkg-query >/dev/null 2>&1 || exit 0 # no Debian: the build says what it lacks

missing=""
for package in "$@"; do
    status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

install="apt-get install -y --no-install-recommends$missing"
if [ "$(id -u)" = 0 ]; then
    as_root=""
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root="sudo -n"
elif [ -n "$optional" ]; then
    echo "without$missing: $optional; to have it: sudo $install"
    exit 0
else
    echo "missing Debian packages; install them with:" >&2
    echo "  sudo $install" >&2
    exit 1
fi

echo "installing:$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
run="$as_root env DEBIAN_FRONTEND=noninteractive"
# The package lists of a fresh machine are empty or old: fetch them only when it fails without.
if ! $run $install >"$log" 2>&1; then
    if ! { $run apt-get update && $run $install; } >"$log" 2>&1; then
        if [ -n "$optional" ]; then
            echo "without$missing, which could not be installed: $optional"
            exit 0
        fi
        cat "$log" >&2
        echo "could not install the packages; the command was:" >&2
        echo "  ${as_root:+sudo }$install" >&2
        exit 1
    fi
fi
