#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes src/streams/waste_table.c from conf/list_of_waste.csv: conf/list_of_waste.py > src/streams/waste_table.c"""
import csv
import os

KINDS = {
    "Absolute hazardous": "WASTE_ABSOLUTE_HAZARDOUS",
    "Absolute non-hazardous": "WASTE_ABSOLUTE_NON_HAZARDOUS",
    "Mirror hazardous": "WASTE_MIRROR_HAZARDOUS",
    "Mirror non-hazardous": "WASTE_MIRROR_NON_HAZARDOUS",
}


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "list_of_waste.csv")
with open(path, encoding="utf-8") as f:
    rows = list(csv.DictReader(line for line in f if not line.startswith("#")))
chapters = {}
parts = {}
for r in rows:
    code = r["code"].replace(" ", "")
    chapters.setdefault(code[:2], r["chapter"])
    parts.setdefault(code[:4], r["sub_chapter"])
    assert chapters[code[:2]] == r["chapter"] and parts[code[:4]] == r["sub_chapter"]
    assert (r["hazardous"] == "1") == (" hazardous" in r["entry_type"])
print("// SPDX-License-Identifier: Apache-2.0")
print("// The European List of Waste as a table. Made by conf/list_of_waste.py from conf/list_of_waste.csv, which names")
print("// its source and licence (Open Government Licence v3); do not edit.")
print("// clang-format off")
print('#include "streams/waste_table.h"\n')
print("const struct waste_heading waste_chapters[] = {")
for code in sorted(chapters):
    print(f"    {{{int(code)}, {quoted(chapters[code])}}},")
print("    {0, NULL}};\n\nconst struct waste_heading waste_parts[] = {")
for code in sorted(parts):
    print(f"    {{{int(code)}, {quoted(parts[code])}}},")
print("    {0, NULL}};\n\nconst struct waste_code waste_codes[] = {")
for r in sorted(rows, key=lambda r: r["code"]):
    print(f'    {{{int(r["code"].replace(" ", ""))}, {KINDS[r["entry_type"]]}, {quoted(r["description"])}}},')
print("};\n\nconst size_t waste_count = sizeof waste_codes / sizeof waste_codes[0];")
