# SPDX-License-Identifier: Apache-2.0
"""Judges what came out of a gateway by what the simulated meters know they have said.

The simulator's registers say which meter, which register and which read they are (`encode`), and its witness file
says when each read was answered and whether the answer was spoilt. So nothing that the gateway says about itself is
needed: every value that arrived can be traced to one read, and every read that is missing has to be accounted for by
something that was done to the gateway, or by a gap that it recorded.

What is checked is a list of rules, each a function over the evidence that yields sentences: none means it holds.
"""
import bisect
import json

# Answers that carry the right data in a right frame, whatever was sent around it.
RIGHT = {"-", "drip", "noise", "stray", "duplicate"}
WINDOW = 16              # messages under way at once: docs/mqtt.md, "Dropping repeats"
SHOWN = 8                # of each kind of violation


def encoded(number, address, read):
    """simulator_encoded() of a uint64 point."""
    return number % 90000 * 10**11 + address % 1000 * 10**8 + read % 10**8


class Evidence:
    """Everything that was seen from outside.

    meters: {name: {"number": n, "points": {point: address}, "every_ms": n}}
    reads: {(meter, point): [(ms, read, fault), ...]} in order
    states: [(received_ms, meter, document)] of the broker's subscriber, in order of arrival
    rows: [(meter, ts_ms, {point: value})] that the database has, or None when there is none
    gaps: {"mqtt": [document], "influxdb": [row]} as published
    excuses: [(kind, from_ms, to_ms)] or with names of meters as a fourth, to those alone: what was done. A read that
        was answered then may be missing:
        "kill"    kill -9 or a power cut: what was younger than the spill time may be gone
        "stop"    asked to stop, started, reloaded: what was under way on the wire
        "cut"     the connection to a meter was broken: what was under way on the wire
    disturbances: [(kind, ms)] after which repeats may come: "broker" at most a window, "gateway" what was
        acknowledged within the last second before
    """

    def __init__(self, meters):
        self.meters = meters
        self.reads, self.states, self.rows = {}, [], None
        self.gaps = {"mqtt": [], "influxdb": []}
        self.excuses, self.disturbances = [], []
        self.clock_changes = False
        self.cycle_ms = 500   # what a cycle of one meter may take, its waiting for the line included
        self.faulty = set()   # meters whose own fault it is when they are late

    def read_witness(self, text):
        for line in text.splitlines():
            parts = line.split(" ")
            if len(parts) != 5:
                continue  # cut short by the end of the simulator
            ms, meter, point, read, fault = parts
            if meter in self.meters:
                self.reads.setdefault((meter, point), []).append((int(ms), int(read), fault))


class Verdict:
    def __init__(self, violations, figures):
        self.violations, self.figures = violations, figures

    def __bool__(self):
        return not self.violations

    def __str__(self):
        return "\n".join(self.violations)


class Judge:
    def __init__(self, evidence, spill_ms=1000, sync_ms=500):
        self.e = evidence
        self.spill_ms, self.sync_ms = spill_ms, sync_ms
        self.faults = {}      # (meter, point) -> {read: fault}
        self.times = {}       # (meter, point) -> {read: ms}
        for key, reads in evidence.reads.items():
            self.faults[key] = {read: fault for _, read, fault in reads}
            self.times[key] = {read: ms for ms, read, _ in reads}
        self.seen_mqtt, self.seen_influx = {}, {}
        self.first = {}       # (meter, epoch, seq) -> (received_ms, document)
        self.repeats = []     # (received_ms, meter, epoch, seq)
        self.figures = {}

    # ---- Values are what they claim to be ----

    def value(self, where, meter, point, value, seen):
        """The read a value comes from, put into `seen`; a sentence when it is none of this point's."""
        about = self.e.meters.get(meter)
        if not about or point not in about["points"]:
            return "%s: %s.%s is not configured" % (where, meter, point)
        number, address = about["number"], about["points"][point]
        key, read = (meter, point), round(value) % 10**8
        if not float(value).is_integer() or encoded(number, address, read) != round(value):
            return "%s: %s.%s = %s is not of meter %d, register %d" % (where, meter, point, value, number, address)
        fault = self.faults.get(key, {}).get(read)
        if fault is None:
            return "%s: %s.%s = read %d, which the meter never answered" % (where, meter, point, read)
        if fault not in RIGHT:
            return "%s: %s.%s = read %d, whose answer was spoilt (%s)" % (where, meter, point, read, fault)
        seen.setdefault(key, set()).add(read)
        return None

    def values_are_theirs(self):
        for _, meter, doc in self.e.states:
            for point in self.e.meters.get(meter, {}).get("points", ()):
                if point in doc:
                    yield self.value("mqtt", meter, point, doc[point], self.seen_mqtt)
        for meter, _, fields in self.e.rows or ():
            for point, value in fields.items():
                yield self.value("influxdb", meter, point, value, self.seen_influx)

    # ---- Order and repeats ----

    def messages_are_in_order(self):
        highest, reads, stamps = {}, {}, {}
        for received, meter, doc in self.e.states:
            number = (doc["epoch"], doc["seq"])
            key = (meter, *number)
            if key in self.first:
                self.repeats.append((received, *key))
                if {k: v for k, v in doc.items() if k != "historical"} != \
                        {k: v for k, v in self.first[key][1].items() if k != "historical"}:
                    yield "%s %s came twice with different contents" % (meter, number)
                continue
            self.first[key] = (received, doc)
            if number <= highest.get(meter, (0, 0)):
                yield "%s: %s came after %s" % (meter, number, highest[meter])
            highest[meter] = max(number, highest.get(meter, (0, 0)))
            if not self.e.clock_changes and doc["ts"] < stamps.get(meter, 0):
                yield "%s %s: its time goes back" % (meter, number)
            stamps[meter] = doc["ts"]
            for point in self.e.meters.get(meter, {}).get("points", ()):
                if point not in doc:
                    continue
                read = round(doc[point]) % 10**8
                if read <= reads.get((meter, point), 0):
                    yield "%s.%s: read %d after read %d" % (meter, point, read, reads[meter, point])
                reads[meter, point] = read

    def repeats_are_bounded(self):
        """What happened between the first and the second time decides how many there may be."""
        self.figures["repeats"] = len(self.repeats)
        kills = [ms for kind, ms in self.e.disturbances if kind == "gateway"]
        losses = sorted(ms for kind, ms in self.e.disturbances if kind == "broker")
        after = {}
        for received, meter, epoch, seq in self.repeats:
            first = self.first[meter, epoch, seq][0]
            between = [ms for ms in kills if first - 50 <= ms <= received]
            if between:
                # The outbox writes acknowledgements down once a second.
                if min(between) - first > 3000:
                    yield "%s (%d, %d) was repeated although it had come %d ms before the kill" % (
                        meter, epoch, seq, min(between) - first)
                continue
            i = bisect.bisect_right(losses, received) - 1
            while i >= 0 and losses[i] > received - 200 and i > 0 and losses[i - 1] >= first:
                i -= 1  # the loss itself rather than the way back
            if i < 0 or losses[i] < first - 200:
                yield "%s (%d, %d) came twice without a cause" % (meter, epoch, seq)
                continue
            after[i] = after.get(i, 0) + 1
        for n in after.values():
            if n > WINDOW:
                yield "%d repeats after one loss of the broker" % n

    # ---- Nothing is lost but what may be ----

    def excused(self, ms, meter):
        for kind, begin, end, *only in self.e.excuses:
            if only and meter not in only[0]:
                continue
            if kind == "kill" and begin - self.spill_ms - self.sync_ms <= ms <= end + 100:
                self.figures["oldest_lost_ms"] = max(self.figures.get("oldest_lost_ms", 0), begin - ms)
                return True
            # A cycle of two requests is given up whole: what the first had said goes with it.
            slack = self.e.cycle_ms if kind == "stop" else 150
            if kind in ("stop", "cut") and begin - slack <= ms <= end + 150:
                return True
        return False

    def in_gap(self, lane, ms, slack):
        return any(g["from"] - slack <= ms <= g["to"] + slack for g in self.e.gaps[lane])

    def missing(self, lane, seen):
        lost = 0
        for (meter, point), reads in self.e.reads.items():
            slack = self.e.meters[meter]["every_ms"] + 1000
            have = seen.get((meter, point), set())
            for ms, read, fault in reads:
                if fault not in RIGHT or read in have or self.excused(ms, meter):
                    continue
                lost += 1
                if not self.in_gap(lane, ms, slack):
                    yield "%s: %s.%s read %d is lost (%s)" % (lane, meter, point, read, fault)
        self.figures["lost_" + lane] = lost

    def nothing_is_missing_in_mqtt(self):
        yield from self.missing("mqtt", self.seen_mqtt)

    def nothing_is_missing_in_influxdb(self):
        if self.e.rows is not None:
            yield from self.missing("influxdb", self.seen_influx)

    def gaps_say_what_is_missing(self):
        """Holes in the numbering are exactly as many as the gap records say."""
        numbers = {}
        for meter, epoch, seq in self.first:
            numbers.setdefault((meter, epoch), []).append(seq)
        holes = 0
        for (meter, epoch), seqs in numbers.items():
            present = set(seqs)
            absent = [s for s in range(1, max(seqs) + 1) if s not in present]
            holes += len(absent)
        told = sum(g["messages"] for g in self.e.gaps["mqtt"])
        self.figures["holes"], self.figures["told"] = holes, told
        if holes != told:
            yield "mqtt: %d readings are missing in the numbering, gap records tell of %d" % (holes, told)

    def gaps_say_what_is_missing_in_influxdb(self):
        if self.e.rows is None:
            return
        told = sum(g["messages"] for g in self.e.gaps["influxdb"])
        if not told and not self.figures.get("lost_influxdb"):
            return
        points = {}
        for meter, about in self.e.meters.items():
            points[meter] = sorted(about["points"])[0]
        lost = 0
        for meter, point in points.items():
            have = self.seen_influx.get((meter, point), set())
            for ms, read, fault in self.e.reads.get((meter, point), ()):
                lost += fault in RIGHT and read not in have and not self.excused(ms, meter)
        self.figures["holes_influxdb"], self.figures["told_influxdb"] = lost, told
        if lost != told:
            yield "influxdb: %d readings are missing, gap records tell of %d" % (lost, told)

    # ---- Figures that are not rules ----

    def measure(self):
        """How much later than due a meter was asked, from the readings' own times."""
        last, longest = {}, 0
        for (meter, epoch, seq), (_, doc) in sorted(self.first.items()):
            before = last.get(meter)
            if before and before[0] == (epoch, seq - 1) and meter in self.e.meters and meter not in self.e.faulty:
                longest = max(longest, doc["ts"] - before[1] - self.e.meters[meter]["every_ms"])
            last[meter] = ((epoch, seq), doc["ts"])
        self.figures["delay_ms"] = longest
        self.figures["readings"] = len(self.first)
        self.figures["reads"] = sum(len(r) for r in self.e.reads.values())
        self.figures["spoilt"] = sum(f not in RIGHT for r in self.e.reads.values() for _, _, f in r)

    RULES = [values_are_theirs, messages_are_in_order, repeats_are_bounded, nothing_is_missing_in_mqtt,
             nothing_is_missing_in_influxdb, gaps_say_what_is_missing, gaps_say_what_is_missing_in_influxdb]

    def judge(self):
        violations = []
        for rule in self.RULES:
            found = [s for s in rule(self) if s]
            violations += ["%s: %s" % (rule.__name__, s) for s in found[:SHOWN]]
            if len(found) > SHOWN:
                violations.append("%s: and %d more" % (rule.__name__, len(found) - SHOWN))
        self.measure()
        return Verdict(violations, self.figures)


def judge(evidence, **settings):
    return Judge(evidence, **settings).judge()


def parse_line(line):
    """A line of line protocol as the gateway writes it: (measurement, tags, fields, ms)."""
    head, fields, ms = line.rsplit(" ", 2) if line.count(" ") == 2 else (None, None, None)
    if head is None:
        raise ValueError(line)
    measurement, *tags = head.split(",")
    values = {}
    for f in fields.split(","):
        name, value = f.split("=")
        values[name] = json.loads(value.rstrip("i")) if value not in ("true", "t") else True
    return measurement, dict(t.split("=") for t in tags), values, int(ms)
