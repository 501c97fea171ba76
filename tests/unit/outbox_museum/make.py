#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the museum of outbox files beside it: one of each kind of damage, and one of each format that was ever released.

The files are committed. Formats that were released are frozen: never make format-1.db again from a changed schema, add
a format-2.db. usage: tests/unit/outbox_museum/make.py

Every file made from a whole outbox holds lane "mqtt": 30 messages (ids 101..130) in three rows, ids up to 105 acknowledged.
"""
import os
import sqlite3
import struct
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
APPLICATION = 0x53594D42
SCHEMA_1 = """
CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE lane(number INTEGER PRIMARY KEY, name TEXT NOT NULL, acked INTEGER NOT NULL);
CREATE TABLE batch(id INTEGER PRIMARY KEY, count INTEGER NOT NULL, raw INTEGER NOT NULL,
  first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE gap(lane INTEGER, n INTEGER, first_id INTEGER NOT NULL, last_id INTEGER NOT NULL,
  count INTEGER NOT NULL, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL, PRIMARY KEY(lane, n)) WITHOUT ROWID;
CREATE TABLE fact(key TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE rejected(number INTEGER PRIMARY KEY, lane TEXT NOT NULL, id INTEGER NOT NULL,
  time_ms INTEGER NOT NULL, at_ms INTEGER NOT NULL, topic TEXT NOT NULL, why TEXT NOT NULL, payload BLOB NOT NULL);
"""


def record(topic, payload, time_ms):
    return struct.pack("<IHHq", len(payload), len(topic), 0, time_ms) + topic + b"\0" + payload


def messages(first, last):
    """Message of id 101 + i has sequence number i; test_outbox.c knows their form."""
    return b"".join(record(b"meters/a/state", b'{"ts":%d,"seq":%d}' % (1000 + i, i), 1764000000000 + i)
                    for i in range(first, last))


def outbox(path, version=1):
    db = sqlite3.connect(path, isolation_level=None)
    db.executescript("PRAGMA page_size=4096; PRAGMA auto_vacuum=INCREMENTAL;" + SCHEMA_1)
    db.execute("PRAGMA application_id=%d" % APPLICATION)
    db.execute("PRAGMA user_version=%d" % version)
    db.executemany("INSERT INTO meta VALUES(?,?)", [("epoch", 7), ("next_id", 1000), ("clean", 0)])
    db.execute("INSERT INTO lane VALUES(1, 'mqtt', 105)")
    for first in (0, 10, 20):
        raw = messages(first, first + 10)
        db.execute("INSERT INTO batch VALUES(?,10,?,?,?,?)",
                   ((1 << 56) + 101 + first, len(raw), 1764000000000 + first, 1764000000000 + first + 9,
                    zlib.compress(raw, 4)))
    db.execute("INSERT INTO gap VALUES(1, 0, 50, 99, 50, 1763999990000, 1763999999000)")
    db.execute("INSERT INTO fact VALUES('counter/a/energy', ?)", (b"\x01\x02\x03",))
    db.execute("INSERT INTO rejected VALUES(1, 'mqtt', 42, 1763999980000, 1763999981000, 'meters/a/state', "
               "'not authorized', ?)", (b'{"seq":42}',))
    db.close()


def edited(name, change):
    path = os.path.join(HERE, name)
    outbox(path)
    with open(path, "rb") as f:
        data = bytearray(f.read())
    with open(path, "wb") as f:
        f.write(change(data))


def flip_row(data):
    """One bit in the middle row's compressed bytes: SQLite does not notice, the row's Adler-32 does."""
    at = data.index(zlib.compress(messages(10, 20), 4))
    data[at + 30] ^= 0x10
    return data


def flip_tree(data):
    """The page of table batch says it is of another kind."""
    page = data.index(zlib.compress(messages(0, 10), 4)) // 4096
    data[page * 4096] ^= 0x40
    return data


def main():
    for name in os.listdir(HERE):
        if name.endswith(".db"):
            os.unlink(os.path.join(HERE, name))
    outbox(os.path.join(HERE, "format-1.db"))
    outbox(os.path.join(HERE, "newer.db"), version=99)
    edited("torn.db", lambda d: d[:len(d) // 2 + 100])
    edited("flipped-row.db", flip_row)
    edited("flipped-tree.db", flip_tree)
    open(os.path.join(HERE, "empty.db"), "wb").close()
    with open(os.path.join(HERE, "text.db"), "w") as f:
        f.write("This is not an outbox.\n" * 400)
    db = sqlite3.connect(os.path.join(HERE, "foreign.db"))
    db.executescript("CREATE TABLE songs(title TEXT); INSERT INTO songs VALUES('Die Gedanken sind frei');")
    db.close()
    # Killed between making the file and its tables.
    db = sqlite3.connect(os.path.join(HERE, "half-made.db"), isolation_level=None)
    db.execute("PRAGMA page_size=4096")
    db.execute("PRAGMA auto_vacuum=INCREMENTAL")
    db.execute("PRAGMA journal_mode=WAL")
    db.close()


main()
