#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The outbox on failing, full and slow disks, and through power cuts. About 40 s. A plain build: a sanitizer and a
# preloaded shim do not go together.
# usage: tests/fault/outbox.sh    (from the top of the source tree)
set -eu
B=build/release
make -s "$B/tests/fault/test_outbox_disk" "$B/tests/unit/test_outbox_crash"
${CC:-cc} -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -O1 -g -shared -fPIC -o "$B/tests/fault/disk_shim.so" \
    tests/fault/disk_shim.c -ldl -lpthread
tests/run "$B/tests/fault/test_outbox_disk"
control=$(mktemp /tmp/symbiont-disk-XXXXXX)
trap 'rm -f "$control"' EXIT
echo "power cuts:"
LD_PRELOAD="$PWD/$B/tests/fault/disk_shim.so" DISK_SHIM_CONTROL="$control" CMOCKA_MESSAGE_OUTPUT=STDOUT \
    "$B/tests/unit/test_outbox_crash"
