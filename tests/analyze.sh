#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# gcc -fanalyzer over every file. What it reports and was looked at and is not so stands in tests/analyze.known, one
# "file:function:warning" a line with the reason behind it; anything else ends with status 1.
set -eu
cd "$(dirname "$0")/.."
found=$(mktemp)
trap 'rm -f "$found" "$found.1"' EXIT
for file in $(git ls-files 'src/*.c'); do
    gcc -std=gnu11 -D_GNU_SOURCE -Iinclude -Isrc -DSYMBIONT_VERSION='""' -DSYMBIONT_DATADIR='""' -DSYMBIONT_SYSCONFDIR='""' \
        -O1 -fanalyzer -fdiagnostics-plain-output -c -o /dev/null "$file" 2>"$found.1" || { cat "$found.1"; exit 1; }
    # Each report names its function in the line before it.
    awk -v file="$file" '/In function/ {f = $0; sub(/.*In function ./, "", f); sub(/[^a-zA-Z0-9_].*/, "", f)}
        /\[-Wanalyzer/ {w = $0; sub(/.*\[-W/, "", w); sub(/\].*/, "", w); sub(/^analyzer-/, "", w); print file ":" f ":" w}' "$found.1" >>"$found"
done
sort -u -o "$found" "$found"
cut -d' ' -f1 tests/analyze.known | grep -v '^#' | sort -u | comm -23 "$found" - >"$found.1"
printf '%s reports, %s of them new\n' "$(wc -l <"$found")" "$(wc -l <"$found.1")"
cat "$found.1"
[ ! -s "$found.1" ]
