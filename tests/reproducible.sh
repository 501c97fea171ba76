#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds and installs the tree twice, in directories of different names and depths, at different times, in different
# time zones, languages and umasks, with one process and with two, and compares every file.
#
# usage: tests/reproducible.sh
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d /tmp/symbiont-reproducible-XXXXXX)
trap 'rm -rf "$work"' EXIT
build() { # DIRECTORY JOBS NUMBER
    mkdir -p "$work/$1"
    git ls-files -z | xargs -0 cp --parents -t "$work/$1" 2>/dev/null || true
    make -C "$work/$1" -s -j "$2" DESTDIR="$work/to-$3" PREFIX=/usr install >"$work/log-$3" 2>&1 || {
        tail -n 20 "$work/log-$3"
        exit 1
    }
}
export CCACHE_DISABLE=1
(umask 022 && export TZ=UTC LC_ALL=C && build one 1 1)
(umask 027 && export TZ=Asia/Kathmandu LC_ALL=C.UTF-8 && build a/deeper/directory/of/another/name 2 2)
differ=0
(cd "$work/to-1" && find . -type f | sort) >"$work/files-1"
(cd "$work/to-2" && find . -type f | sort) >"$work/files-2"
cmp "$work/files-1" "$work/files-2" || differ=1
while read -r file; do
    cmp "$work/to-1/$file" "$work/to-2/$file" || differ=1
done <"$work/files-1"
[ $differ = 0 ] || exit 1
echo "$(wc -l <"$work/files-1") files, all of them alike:"
cd "$work/to-1" && sha256sum usr/bin/symbiont usr/sbin/symbiontd
