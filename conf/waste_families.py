#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes src/matching/waste_families.c from conf/waste_families.csv: conf/waste_families.py > src/matching/waste_families.c"""
import csv
import os

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "waste_families.csv")
with open(path, encoding="utf-8") as f:
    rows = list(csv.DictReader(line for line in f if not line.startswith("#")))
print("// SPDX-License-Identifier: Apache-2.0")
print("// Waste codes of one material. Made by conf/waste_families.py from conf/waste_families.csv, which names its")
print("// source and licence (CC BY 4.0); do not edit.")
print("// clang-format off")
print('#include "matching/waste_families.h"\n')
print("const struct waste_family_row waste_family_rows[] = {")
for r in rows:
    print(f'    {{{int(r["code"].replace(" ", ""))}, "{r["family"]}"}},')
print("};\n\nconst size_t waste_family_count = sizeof waste_family_rows / sizeof waste_family_rows[0];")
