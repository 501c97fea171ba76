#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ThreadSanitizer over the threaded unit tests (names as arguments) and over a daemon at work: broker away and back, kill,
# reload storm, dead meters, a serial line. Ends with status 1 when a race is found; what only time decides is not judged.
set -eu
cd "$(dirname "$0")/.."
reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
export TSAN_OPTIONS="exitcode=66 second_deadlock_stack=1 suppressions=$PWD/tests/tsan.supp log_path=$reports/report"
for name in "$@"; do
    CMOCKA_MESSAGE_OUTPUT=TAP timeout -s KILL 600 "build/tsan/tests/unit/test_$name" >"$reports/out" 2>&1 || true
    printf '%-40s %s tests, %s reports\n' "unit/test_$name" "$(grep -c '^ok\|^not ok' "$reports/out" || true)" \
        "$(cat "$reports"/report.* 2>/dev/null | grep -c 'WARNING: ThreadSanitizer' || true)"
done
VARIANT=tsan timeout -s KILL 900 python3 tests/system/test_gateway.py >"$reports/out" 2>&1 || true
printf '%-40s %s tests, %s reports\n' system/test_gateway.py "$(grep -c '^ok\|^not ok' "$reports/out" || true)" \
    "$(cat "$reports"/report.* 2>/dev/null | grep -c 'WARNING: ThreadSanitizer' || true)"
if ls "$reports"/report.* >/dev/null 2>&1; then
    cat "$reports"/report.*
    exit 1
fi
echo "no race found"
