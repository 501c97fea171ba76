#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A plain build at work under valgrind: broker and database away and back, dead meters, reloads, a serial line, and an end
in order. No invalid access, no use of what was not set, nothing definitely lost by us.

usage: tests/fault/valgrind.py [--seconds 120]
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

# Paho 1.3.12 leaks when a connection is lost with messages on their way (upstream #1446, #1474).
FOREIGN = r"libpaho-mqtt3as|libcrypto|libp11|libgnutls|libldap|libkrb5"


class Slow(rig.Rig):
    def before_start(self):
        self.report = os.path.join(self.gw.dir, "valgrind")
        self.gw.prefix = ["valgrind", "--leak-check=full", "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite",
                          "--num-callers=30", "--child-silent-after-fork=yes", "--log-file=" + self.report]

    def start(self):
        self.gw.start(240)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=120)
    options = parser.parse_args()
    with Slow(lines=2, meters=3, every_ms=500, serial=1, timeout="2 s") as r:
        begun, number = time.monotonic(), 0
        faults = [soak.broker_away, soak.database_gone, soak.meters_dead, soak.meters_odd, soak.reloads, soak.database_busy]
        while time.monotonic() - begun < options.seconds:
            faults[number % len(faults)](r, lambda: time.sleep(5))
            number += 1
            time.sleep(3)
        readings = sum(m["readings"] for m in r.gw.status()["meters"])
        status = r.gw.stop(120)
        with open(r.report, errors="replace") as f:
            text = f.read()
    blocks = [b for b in re.split(r"\n==\d+== \n", text) if re.search(r"Invalid|uninitialised|definitely lost in|Mismatched|overlap", b)]
    # glibc's memmove and memcpy are one function there, and valgrind takes the first for the second.
    ours = [b for b in blocks if not re.search(FOREIGN, b) and "memmove (string_fortified" not in b]
    print("%d faults, %d readings, exit status %d; %d reports, %d of them ours" % (number, readings, status, len(blocks), len(ours)))
    print("\n\n".join(ours[:10]))
    return 1 if ours or status else 0


sys.exit(main())
