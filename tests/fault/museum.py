#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Damages files in every way that disks and people do: a museum made from a sound file, a new one at each run.

usage: tests/fault/museum.py FILE DIRECTORY [SEED]      writes DIRECTORY/<damage>
"""
import os
import random
import sqlite3
import struct
import sys

FOREIGN_SQL = "CREATE TABLE cookies(host TEXT, value TEXT); INSERT INTO cookies VALUES('example.org', 'x');"


def foreign_database(path):
    db = sqlite3.connect(path)
    db.executescript(FOREIGN_SQL)
    db.close()
    with open(path, "rb") as f:
        content = f.read()
    os.unlink(path)
    return content


def flipped(content, chance, bits):
    data = bytearray(content)
    for _ in range(bits):
        at = chance.randrange(len(data))
        data[at] ^= 1 << chance.randrange(8)
    return bytes(data)


def zeroed(content, chance):
    at = chance.randrange(max(1, len(content) // 4096)) * 4096
    return content[:at] + bytes(4096) + content[at + 4096:]


def swapped(content, chance):
    """Two pages in each other's place, as a broken translation layer leaves them."""
    n = len(content) // 4096
    a, b = sorted(chance.sample(range(1, max(3, n)), 2))
    pages = [content[i * 4096:(i + 1) * 4096] for i in range(max(3, n))]
    pages[a], pages[b] = pages[b], pages[a]
    return b"".join(pages)


def version(content, number):
    """user_version, at byte 60 of an SQLite file."""
    return content[:60] + struct.pack(">i", number) + content[64:]


def exhibits(content, chance, scratch):
    """(name, bytes): what is to be found in the file's place."""
    yield "empty", b""
    yield "one-byte", content[:1]
    yield "header-only", content[:100]
    yield "torn-page", content[:len(content) // 2 + 1000]
    yield "torn-half", content[:len(content) // 8192 * 4096]
    yield "torn-last", content[:-7]
    yield "longer", content + chance.randbytes(5000)
    yield "foreign-database", foreign_database(os.path.join(scratch, "foreign.db"))
    yield "text", b"# this was a configuration file\nlog = \"info\";\n" * 100
    yield "noise", chance.randbytes(20000)
    yield "zeros", bytes(len(content))
    yield "format-0", version(content, 0)
    yield "format-negative", version(content, -5)
    yield "zeroed-page", zeroed(content, chance)
    yield "swapped-pages", swapped(content, chance)
    for bits in (1, 1, 1, 8, 64):
        yield "flipped-%d-bits-%d" % (bits, chance.randrange(10**6)), flipped(content, chance, bits)


def main():
    source, target = sys.argv[1:3]
    chance = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    os.makedirs(target, exist_ok=True)
    with open(source, "rb") as f:
        content = f.read()
    for name, data in exhibits(content, chance, target):
        with open(os.path.join(target, name), "wb") as f:
            f.write(data)


if __name__ == "__main__":
    main()
