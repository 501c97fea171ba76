#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A plain build at work under valgrind: broker and database away and back, dead meters, reloads, a serial line, and an end
in order. No invalid access, no use of what was not set, nothing definitely or possibly lost by us; what libraries lost is
added up by the function that allocated it.

usage: tests/fault/valgrind.py [--seconds 120] [--only broker_away]     (make valgrind VALGRIND_SECONDS=120)
"""
import argparse
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
os.environ.setdefault("VARIANT", "release")
import rig  # noqa: E402
import soak  # noqa: E402

# Paho 1.3.12 leaks when a connection is lost with messages on their way (upstream #1446, #1474). UDUNITS keeps its names in a
# tree of glibc, which marks nodes in the low bit of their pointers: "possibly lost".
FOREIGN = r"libpaho-mqtt3as|libudunits2|libcrypto|libp11|libgnutls|libldap|libkrb5"
LOST = r"([\d,]+)(?: \([^)]*\))? bytes in ([\d,]+) blocks are (?:definitely|possibly) lost"
KINDS = r"Invalid|uninitialised|definitely lost in|possibly lost in|Mismatched|overlap"


class Slow(rig.Rig):
    def before_start(self):
        self.report = os.path.join(self.gw.dir, "valgrind")
        self.gw.prefix = ["valgrind", "--leak-check=full", "--show-leak-kinds=definite,possible", "--errors-for-leak-kinds=definite",
                          "--num-callers=30", "--child-silent-after-fork=yes", "--log-file=" + self.report]

    def start(self):
        self.gw.start(240)


def is_ours(block):
    # A thread's own stack that is still there when a library left one behind is no leak of anybody.
    # glibc's memmove and memcpy are one function there, and valgrind takes the first for the second.
    return not re.search(FOREIGN, block) and "memmove (string_fortified" not in block and "allocate_stack" not in block


def foreign(blocks):
    """{function: [bytes, blocks]} of what libraries lost."""
    lost = {}
    for b in blocks:
        size = re.search(LOST, b)
        by = re.search(r"(?:by|at) 0x\w+: (\w+) \(in [^)]*(?:%s)" % FOREIGN, b)
        if size and by:
            sums = lost.setdefault(by.group(1), [0, 0])
            for i in range(2):
                sums[i] += int(size.group(i + 1).replace(",", ""))
    return lost


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--only", help="one of the soak's faults, again and again")
    options = parser.parse_args()
    with Slow(lines=2, meters=3, every_ms=500, serial=1, timeout="2 s", shim=True) as r:
        begun, number = time.monotonic(), 0
        faults = [soak.broker_away, soak.database_gone, soak.meters_dead, soak.meters_odd, soak.reloads, soak.database_busy,
                  soak.broker_frozen, soak.slow_disk, soak.failing_disk]
        faults = [getattr(soak, options.only)] if options.only else faults
        while time.monotonic() - begun < options.seconds:
            faults[number % len(faults)](r, lambda: time.sleep(5))
            number += 1
            time.sleep(3)
        seen = r.gw.status()
        readings = sum(m["readings"] for m in seen["meters"])
        losses = [p for p in seen["publishers"] if p["name"] == "mqtt"][0]["losses"]
        status = r.gw.stop(120)
        with open(r.report, errors="replace") as f:
            text = f.read()
    blocks = [b for b in re.split(r"\n==\d+== \n", text) if re.search(KINDS, b)]
    ours = [b for b in blocks if is_ours(b)]
    print("%d faults, %d losses of the broker, %d readings, exit status %d; %d reports, %d of them ours"
          % (number, losses, readings, status, len(blocks), len(ours)))
    for function, (size, n) in sorted(foreign(blocks).items(), key=lambda item: -item[1][0]):
        print("lost by a library: %s %d bytes in %d blocks" % (function, size, n))
    print("\n\n".join(ours[:10]))
    return 1 if ours or status else 0


if __name__ == "__main__":
    sys.exit(main())
