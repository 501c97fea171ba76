#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs fuzzers for so many seconds of processor time each (on a busy machine that is longer by the clock) and prints, per
# fuzzer: the seconds it got, executions, coverage at half time and at the end (the plateau), features, and what was
# found. New inputs go to build/fuzz/corpus/<name>; the seeds in the tree are not changed.
#
# usage: tests/fuzz/run.sh SECONDS NAME...
set -eu
seconds=$1
shift
fail=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Processor seconds of all children that ended, into $used; `times` in a subshell would not know them.
look() {
    times >"$work/times"
    used=$(awk 'NR == 2 {for (i = 1; i <= 2; i++) {split($i, t, /[ms]/); n += 60 * t[1] + t[2]} print int(n)}' "$work/times")
}
last() { grep -ho "$1: [0-9]*" "$log".* 2>/dev/null | tail -n 1 | cut -d' ' -f2; }

# One fuzzer, in slices that end by the clock, until their processor time is enough.
run() {
    name=$1 log=build/fuzz/$1.log corpus=build/fuzz/corpus/$1
    dict=tests/fuzz/dict/$name # what byte by byte is hardly met
    mkdir -p "$corpus" build/fuzz/found
    rm -f "$log".*
    look
    before=$used got=0 clock=0 half='' status=good slices=0 until=$(((seconds + 1) / 2))
    while [ "$got" -lt "$seconds" ] && [ $slices -lt 90 ] && [ $status = good ]; do
        slices=$((slices + 1)) begun=$(date +%s)
        slice=$(((until - got) * (clock + 1) / (got + 1)))
        [ "$clock" -gt 0 ] || slice=$(((until + 1) / 2)) # how much of the machine is ours is not known yet
        [ "$slice" -gt 0 ] || slice=1
        ./build/fuzz/fuzz_"$name" -max_total_time="$slice" -rss_limit_mb=2048 -timeout=60 -print_final_stats=1 \
            $([ -f "$dict" ] && echo "-dict=$dict") -artifact_prefix=build/fuzz/found/"$name"- "$corpus" \
            tests/fuzz/seeds/"$name" >"$log.$(printf %02d $slices)" 2>&1 || status=FOUND
        look
        clock=$((clock + $(date +%s) - begun)) got=$((used - before))
        [ "$got" -lt "$until" ] || [ -n "$half" ] || { half=$(last cov); until=$seconds; }
    done
    runs=$(cat "$log".* | awk '/stat::number_of_executed_units/ {n += $2} END {print n + 0}')
    printf '%-18s %8s %12s %9s %9s %9s  %s\n' "$name" "$got" "$runs" "${half:--}" "$(last cov)" "$(last ft)" "$status"
    [ $status = good ] || { fail=1; tail -n 30 "$log.$(printf %02d $slices)"; }
}

printf '%-18s %8s %12s %9s %9s %9s  %s\n' fuzzer 'CPU s' executions 'cov half' 'cov end' features result
for name in "$@"; do
    run "$name"
done
exit $fail
