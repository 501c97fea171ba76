#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes gateway.pcap: four meters behind one TCP-to-serial gateway, asked by several masters at once.

usage: tests/replay/make_gateway_pcap.py > tests/replay/gateway.pcap

Every byte is made here, from a seed; nothing was recorded. The traffic has the habits of a real gateway
(www.modbus.org, "Modbus Messaging on TCP/IP V1.0b"), each of which has broken a client somewhere:
  - the capture begins in the middle: no SYN, and the first answer belongs to no request that is in it;
  - units 1, 2 and 3 are meters (FC 4 of 2, 8 and 14 registers at 0), unit 7 is a setpoint station (FC 4 of
    1 register at 4), into which one more master writes with FC 6;
  - the serial line behind the gateway is slow: answers queue up behind each other, some come after the
    master has already asked again, some never;
  - two requests in one segment, three under one transaction id, an answer cut in two segments, a repeated
    segment, two segments in the wrong order, an exception.
The meters: voltage in 0.01 V, current in mA and power in W as signed 32 bits, high word first, at 0, 6, 12.
"""
import random
import struct
import sys

SECONDS = 60
GATEWAY = (10, 0, 0, 20)
MASTERS = {"scada": (10, 0, 0, 21), "bms": (10, 0, 0, 33), "meter_room": (10, 0, 0, 44), "panel": (10, 0, 0, 56),
           "logger": (10, 0, 0, 12)}
PORTS = {"scada": 53454, "bms": 51560, "meter_room": 56338, "panel": 53842, "logger": 61614}
LOST = 0.03    # of the requests are never answered by their unit
TIMEOUT = 0.9  # s, after which a master asks again

random.seed(22)


def registers(unit, t):
    """Fourteen input registers of a meter at time t."""
    volt = 23000 + 40 * unit + int(150 * random.random())
    ampere = 12000 + 900 * unit + int(3000 * random.random())
    watt = volt * ampere // 100000
    out = [0] * 14
    for at, value in ((0, volt), (6, ampere), (12, -watt if unit == 3 else watt)):
        out[at], out[at + 1] = value >> 16 & 0xffff, value & 0xffff
    out[2], out[3], out[4], out[5] = 0, unit, 0, int(t)
    return out


class Stream:
    """One direction of a TCP connection."""

    def __init__(self, source, sport, to, dport):
        self.source, self.sport, self.to, self.dport = source, sport, to, dport
        self.seq = random.getrandbits(32)

    def segment(self, payload):
        tcp = struct.pack(">HHIIBBHHH", self.sport, self.dport, self.seq, 1, 5 << 4, 0x18, 8192, 0, 0) + payload
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0, bytes(self.source),
                         bytes(self.to))
        total = sum(struct.unpack(">10H", ip))
        total = (total & 0xffff) + (total >> 16)
        ip = ip[:10] + struct.pack(">H", ~(total + (total >> 16)) & 0xffff) + ip[12:]
        self.seq = (self.seq + len(payload)) & 0xffffffff
        return b"\x02\0\0\0\0\x20\x02\0\0\0\0\x21\x08\0" + ip + tcp


packets = []  # (time, bytes)
up = {name: Stream(a, PORTS[name], GATEWAY, 502) for name, a in MASTERS.items()}
down = {name: Stream(GATEWAY, 502, a, PORTS[name]) for name, a in MASTERS.items()}
count = {"requests": 0, "answers": 0, "writes": 0, "exceptions": 0, "unanswered": 0, "late": 0}
transaction = {name: random.getrandbits(12) for name in MASTERS}
line_free = 0.0  # when the serial line behind the gateway is idle again


def frame(tid, unit, pdu):
    return struct.pack(">HHHB", tid, 0, len(pdu) + 1, unit) + pdu


def answer(tid, unit, pdu, t, busy):
    """What the unit sends back, or None."""
    function, address, number = struct.unpack(">BHH", pdu)
    if busy:
        count["exceptions"] += 1
        return frame(tid, unit, bytes([function | 0x80, 6]))
    if random.random() < LOST:
        return None
    if function == 6:
        return frame(tid, unit, pdu)
    if unit == 7:
        return frame(tid, unit, struct.pack(">BBH", 4, 2, 2500 + int(t) % 7))
    values = registers(unit, t)[address:address + number]
    return frame(tid, unit, struct.pack(">BB%dH" % number, 4, 2 * number, *values))


def ask(name, t, *requests, same_id=False, busy=False):
    """One segment with one or two requests; the gateway works through them on its serial line."""
    global line_free
    frames = []
    for unit, pdu in requests:
        transaction[name] = (transaction[name] + (not same_id)) & 0xffff
        frames.append((transaction[name], unit, pdu))
        count["writes" if pdu[0] == 6 else "requests"] += 1
    packets.append((t, up[name].segment(b"".join(frame(*f) for f in frames))))
    for tid, unit, pdu in frames:
        begin = max(t, line_free)
        took = 0.035 + 0.003 * pdu[4] + 0.03 * random.random() + (0.9 if random.random() < 0.004 else 0)
        reply = answer(tid, unit, pdu, begin, busy)
        line_free = begin + (took if reply else 0.3)  # the gateway's own timeout on its serial side
        if reply is None:
            count["unanswered"] += 1
            continue
        count["answers"] += 1
        if line_free - t > TIMEOUT:
            count["late"] += 1
        pending.append((line_free, name, reply))


pending = []  # answers under way: (time, master, bytes)


def read(unit, number, address=0):
    return unit, struct.pack(">BHH", 4, address, number)


# The capture begins behind a request: its answer is in the file, the request is not.
pending.append((0.004, "scada", frame(transaction["scada"], 3, struct.pack(">BBHH", 4, 4, 0, 23120))))
t = 0.02
turn = 0
while t < SECONDS:
    ask("scada", t, read(1 + turn % 3, (14, 2, 2)[turn // 3 % 3]))
    if turn % 8 == 1:
        ask("bms", t + 0.05, read(1, 8))
    if turn % 8 == 3:
        ask("meter_room", t + 0.06, read(2, 8))
    if turn % 8 == 5:
        ask("panel", t + 0.07, (7, struct.pack(">BHH", 6, 4, 2500)))
    if turn == 29:  # this master repeats itself under the same id
        ask("panel", t + 0.09, *[(7, struct.pack(">BHH", 6, 4, 2490))] * 2, same_id=True)
    if turn % 8 == 6:
        ask("logger", t + 0.03, read(7, 1, 4))
    if turn == 101:
        ask("bms", t + 0.09, read(1, 8), read(2, 2))
    if turn == 115:
        ask("bms", t + 0.09, read(2, 8), busy=True)
    turn += 1
    t += 0.25 + 0.04 * random.random()

# Answers leave each connection in order. One is cut in two, one is sent twice, one pair is swapped.
for n, (when, name, reply) in enumerate(sorted(pending)):
    if n == 40:
        packets.append((when, down[name].segment(reply[:5])))
        packets.append((when + 0.0004, down[name].segment(reply[5:])))
    elif n == 60:
        again = down[name].segment(reply)
        packets.append((when, again))
        packets.append((when + 0.0021, again))
    elif n == 80:
        first, second = down[name].segment(reply[:9]), down[name].segment(reply[9:])
        packets.append((when, second))
        packets.append((when + 0.0002, first))
    else:
        packets.append((when, down[name].segment(reply)))

out = sys.stdout.buffer
out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
EPOCH = 1764000000
for when, data in sorted(packets, key=lambda p: p[0]):
    out.write(struct.pack("<IIII", EPOCH + int(when), int(when % 1 * 1e6), len(data), len(data)) + data)
print("packets %d %s" % (len(packets), " ".join("%s %d" % kv for kv in count.items())), file=sys.stderr)
