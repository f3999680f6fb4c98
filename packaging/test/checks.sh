# SPDX-License-Identifier: BSD-3-Clause
# Counts what holds and what does not, for the scripts beside it.
# shellcheck shell=bash

passed=0 failed=0

# check "what should hold" COMMAND...: the command decides; its output is shown if it fails.
check() {
    local what=$1 output
    shift
    if output=$("$@" 2>&1); then
        passed=$((passed + 1))
        echo "ok      $what"
    else
        failed=$((failed + 1))
        printf 'FAILED  %s\n%s\n%s\n' "$what" "$*" "$output"
    fi
}
fails() { ! "$@"; }
says() { local text=$1; shift; grep -q -e "$text" <<<"$("$@" 2>&1)" || { "$@"; return 1; }; }
soon() { local end=$((SECONDS + ${patience:-20})); while [ "$SECONDS" -lt "$end" ]; do "$@" >/dev/null 2>&1 && return; sleep 0.1; done; "$@"; }
step() { echo "== $*"; }

skip() { echo "SKIPPED: $(basename "$0") of the package's tests: $*" >&2; exit 77; }
needs() { for tool in "$@"; do command -v "$tool" >/dev/null || skip "$tool is missing"; done; }

# The package's file as `make deb` has left it, for this machine unless an architecture is named.
package() {
    local version
    version=$(packaging/project Version) || return
    echo "out/udptunneld_${version/-/\~}_${1:-$(dpkg --print-architecture)}.deb"
}
