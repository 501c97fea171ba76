#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ThreadSanitizer over the threaded unit tests (names as arguments) and over both daemons at work: broker away and back, kill,
# reload storm, dead meters, a serial line, a territory. Ends with status 1 when a race is found or a test fails. Everything
# is some ten times slower here: what fails is run once more by itself before it counts.
set -eu
cd "$(dirname "$0")/.."
reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
export VARIANT=tsan
export TSAN_OPTIONS="exitcode=66 second_deadlock_stack=1 suppressions=$PWD/tests/tsan.supp log_path=$reports/report"
failed=0

# judge NAME COMMAND...: COMMAND writes TAP; its failed tests are tried again by name when `again` is set.
judge() {
    name=$1
    shift
    status=0
    timeout -s KILL 900 "$@" >"$reports/out" 2>&1 || status=$?
    bad=$(sed -n 's/^not ok [0-9]* - //p' "$reports/out")
    if [ -n "$bad" ] && [ "$again" ]; then
        # shellcheck disable=SC2086 # names of functions
        timeout -s KILL 900 "$@" $bad >"$reports/again" 2>&1 && status=0 || status=$?
    fi
    races=$(cat "$reports"/report.* 2>/dev/null | grep -c 'WARNING: ThreadSanitizer' || true)
    printf '%-40s %s tests, %s reports%s\n' "$name" "$(grep -c '^ok\|^not ok' "$reports/out" || true)" "$races" \
        "${bad:+, failed at first: $(echo "$bad" | tr '\n' ' ')}"
    if [ "$status" -ne 0 ]; then
        failed=1
        tail -n 40 "$reports/out"
        [ ! -e "$reports/again" ] || cat "$reports/again"
    fi
    rm -f "$reports/again"
}

again=
export CMOCKA_MESSAGE_OUTPUT=TAP
for test in "$@"; do
    judge "unit/test_$test" "build/tsan/tests/unit/test_$test"
done
again=1
for test in test_gateway test_exchange_gateway test_coordinator; do
    judge "system/$test.py" "tests/system/$test.py"
done
if ls "$reports"/report.* >/dev/null 2>&1; then
    cat "$reports"/report.*
    exit 1
fi
[ "$failed" -eq 0 ] || exit 1
echo "no race found"
