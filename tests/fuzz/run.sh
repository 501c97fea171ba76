#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs fuzzers for so many seconds each and prints, per fuzzer: executions, coverage at half time and at the end (the
# plateau), and what was found. New inputs go to build/fuzz/corpus/<name>; the seeds in the tree are not changed.
#
# usage: tests/fuzz/run.sh SECONDS NAME...
set -eu
seconds=$1
shift
fail=0
printf '%-14s %12s %10s %10s  %s\n' fuzzer executions 'cov half' 'cov end' result
for name in "$@"; do
    corpus=build/fuzz/corpus/$name
    mkdir -p "$corpus" build/fuzz/found
    half=$((seconds / 2))
    log=build/fuzz/$name.log
    status=good
    for part in 1 2; do
        ./build/fuzz/fuzz_"$name" -max_total_time="$half" -rss_limit_mb=2048 -timeout=25 -print_final_stats=1 \
            -artifact_prefix=build/fuzz/found/"$name"- "$corpus" tests/fuzz/seeds/"$name" >"$log.$part" 2>&1 || status=FOUND
        [ $status = good ] || break
    done
    coverage() { grep -o 'cov: [0-9]*' "$1" 2>/dev/null | tail -n 1 | cut -d' ' -f2; }
    runs=$(cat "$log".* | awk '/stat::number_of_executed_units/ {n += $2} END {print n + 0}')
    printf '%-14s %12s %10s %10s  %s\n' "$name" "$runs" "$(coverage "$log.1")" "$(coverage "$log.2")" "$status"
    [ $status = good ] || { fail=1; tail -n 30 "$log.1" "$log.2" 2>/dev/null; }
done
exit $fail
