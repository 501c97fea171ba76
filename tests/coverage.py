#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints branch coverage per file, in groups with an aim and a floor. usage: tests/coverage.py BRANCHES.json [FILE]

With --filter: the files that matter, as a pattern. With FILE: the lines of that file that have branches nobody took.
"""
import json
import re
import sys

AIM = 95
# The floor lies just below what was reached: a change that falls below it has left something untested. The five that
# foreign bytes and the disk reach first, then what is beside them.
GROUPS = (
    ("codec", r"src/meters/(modbus|rtu_find|sunspec|wire)\.c|src/simulator/sim_codec\.c", 98),
    ("decoder", r"src/meters/(point|point_gather|point_finish|point_encode|counter|locate)\.c", 97),
    ("outbox", r"src/store/outbox\w*\.c", 89),
    ("signature", r"src/exchange/(envelope|key|sign|base64)\w*\.c", 97),
    ("messages", r"src/exchange/(codec_\w+|messages\w*|offer|offer_check|offer_table|match_check|span|topic|disclosure_log)\.c", 95),
    # What becomes of a message once it is checked. Daemons of the system tests are not counted here.
    ("taken in", r"src/gateway/territory_(inbox|state)\.c|src/coordinator/intake\.c", 63),
    ("offers", r"src/exchange/offer_(build\w*|life|terms|options)\.c", 71),
    ("texts", r"src/base/(json|json_parse|files)\.c|src/publish/influx_answer\.c", 97),
)


def branches(lines):
    taken = total = 0
    for line in lines:
        for b in line["branches"]:
            total += 1
            taken += b["count"] > 0
    return taken, total


def main():
    if sys.argv[1] == "--filter":  # for gcovr
        print("(%s)$" % "|".join(pattern for _, pattern, _ in GROUPS))
        return 0
    with open(sys.argv[1]) as f:
        files = {f["file"]: f["lines"] for f in json.load(f)["files"]}
    if len(sys.argv) > 2:
        with open(sys.argv[2]) as f:
            text = f.read().split("\n")
        for line in files[sys.argv[2]]:
            missed = sum(not b["count"] for b in line["branches"])
            if missed:
                print("%5d %d of %d  %s" % (line["line_number"], missed, len(line["branches"]), text[line["line_number"] - 1]))
        return 0
    low = []
    for name, pattern, floor in GROUPS:
        group = [0, 0]
        for path in sorted(f for f in files if re.fullmatch(pattern, f)):
            taken, total = branches(files[path])
            group = [group[0] + taken, group[1] + total]
            if total:
                print("%-10s %-34s %5d of %5d  %5.1f %%" % (name, path, taken, total, 100 * taken / total))
        if group[1]:
            share = 100 * group[0] / group[1]
            print("%-10s %-34s %5d of %5d  %5.1f %%   aim %d, floor %d\n" % (name, "together", *group, share, AIM, floor))
            if share < floor:
                low.append("%s is at %.1f %%, below its floor of %d %%" % (name, share, floor))
    print("\n".join(low))
    return 1 if low else 0


sys.exit(main())
