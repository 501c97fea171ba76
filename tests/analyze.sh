#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# gcc -fanalyzer over every file. What it reports and was looked at and is not so stands in tests/analyze.known, one
# "file:function:warning" a line with the reason behind it; anything else ends with status 1, as does a line there that
# is no longer reported.
#
# usage: tests/analyze.sh [FILE...]      (make analyze; with files: only these)
set -eu
cd "$(dirname "$0")/.."
export LC_ALL=C

# One file, with a time limit: the analyzer's search is bounded, but not its patience.
one() {
    out=$found/$(echo "$1" | tr / _)
    timeout 600 gcc -std=gnu11 -D_GNU_SOURCE -Iinclude -Isrc -DSYMBIONT_VERSION='""' -DSYMBIONT_DATADIR='""' -DSYMBIONT_SYSCONFDIR='""' \
        -O1 -fanalyzer -fdiagnostics-plain-output -c -o /dev/null "$1" 2>"$out.text" || { cat "$out.text"; echo "$1: not analyzed"; return 1; }
    # Each report names its function in the line before it.
    awk -v file="$1" '/In function/ {f = $0; sub(/.*In function ./, "", f); sub(/[^a-zA-Z0-9_].*/, "", f)}
        /\[-Wanalyzer/ {w = $0; sub(/.*\[-W/, "", w); sub(/\].*/, "", w); sub(/^analyzer-/, "", w); print file ":" f ":" w}' "$out.text" >"$out.reports"
}
if [ "${1:-}" = --one ]; then
    found=$2
    one "$3"
    exit
fi
found=$(mktemp -d)
trap 'rm -rf "$found"' EXIT
whole=
[ $# -gt 0 ] || { whole=yes; set -- $(git ls-files 'src/*.c'); }
printf '%s\n' "$@" | xargs -P "$(nproc)" -n 1 "$0" --one "$found"
cat "$found"/*.reports | sort -u >"$found/all"
sed -n 's/^\([^# ][^ ]*\).*/\1/p' tests/analyze.known | sort -u >"$found/known"
comm -23 "$found/all" "$found/known" >"$found/new"
comm -13 "$found/all" "$found/known" >"$found/gone"
printf '%s files, %s reports, %s of them new\n' "$#" "$(wc -l <"$found/all")" "$(wc -l <"$found/new")"
cat "$found/new"
[ -z "$whole" ] || [ ! -s "$found/gone" ] || { echo "no longer reported, take out of tests/analyze.known:"; cat "$found/gone"; exit 1; }
[ ! -s "$found/new" ]
