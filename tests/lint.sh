#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Formatting, both compilers' warnings, cppcheck. Ends with status 1 when anything is to be mended.
set -eu
cd "$(dirname "$0")/.."
sources=$(git ls-files '*.c' '*.h')
fail=0

echo "clang-format"
# shellcheck disable=SC2086
clang-format --dry-run --Werror $sources || fail=1

echo "clang: warnings"
make --no-print-directory -k -s B=build/lint-clang CC=clang HARDEN= all || fail=1

echo "gcc: -fanalyzer on what reads foreign bytes"
for file in src/meters/modbus.c src/meters/point.c src/base/buf.c src/base/json.c src/base/text.c; do
    gcc -std=gnu11 -D_GNU_SOURCE -Iinclude -Isrc -O1 -fanalyzer -Werror -c -o /dev/null "$file" || fail=1
done

echo "cppcheck"
cppcheck --quiet --std=c11 --language=c --enable=warning,performance,portability --inline-suppr \
    --suppress=missingIncludeSystem --suppress=nullPointerOutOfMemory --error-exitcode=1 -Iinclude -Isrc -D_GNU_SOURCE \
    "-Djson_array_foreach(a,i,v)=while((v=json_array_get(a,i=next())))" "-Djson_object_foreach(o,k,v)=while((v=json_object_get(o,k=next())))" \
    -j "$(nproc)" src || fail=1
exit $fail
