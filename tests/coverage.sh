#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Branch coverage of what reads foreign bytes and of what keeps data, per file: the unit and replay tests and the
# fuzzers' seeds, run over a build of its own. Ends with status 1 when a group is below its floor.
#
# usage: tests/coverage.sh      (make coverage)
set -eu
cd "$(dirname "$0")/.."
B=build/cov
report=$B/branches.json
find $B -name '*.gcda' -delete
SYMBIONT_SWEEP=all tests/run --timeout 600 $(ls $B/tests/unit/test_* $B/tests/replay/test_* | grep -v '\.[do]$\|\.gc' ) >$B/tests.log 2>&1 ||
    { tail -n 40 $B/tests.log; echo "a test fails: the figures below are of what ran"; }
tail -n 1 $B/tests.log
for run in $B/tests/fuzz/run_*; do
    case $run in
    *.bin | *.d | *.o) ;;
    *) "$run" >/dev/null 2>&1 || echo "$run fails" ;;
    esac
done
# Branches that only an allocation without success takes are gone through by tests/fault/malloc.py, which needs a
# plain build; they are counted here all the same.
filter=$(python3 tests/coverage.py --filter)
gcovr -r . --object-directory $B --branches --exclude-unreachable-branches -f "$filter" --json -o $report $B/src
python3 tests/coverage.py $report
