# SPDX-License-Identifier: Apache-2.0
"""Rows 1 to 12: what meters on TCP do."""
import re
import socket
import time

from rig import Rig, wait_until
from row import row

SPOILT = "silence late close torn garbage wrong_transaction wrong_protocol wrong_length wrong_unit wrong_function " \
         "wrong_count bad_exception".split()


def share_missed(before, after, names):
    """Polls that came late by a slot or fell out, in percent of those that were due."""
    begun = sum(after[n]["cycles"] - before[n]["cycles"] for n in names)
    missed = sum(after[n]["missed"] - before[n]["missed"] for n in names)
    return 100.0 * missed / max(1, begun + missed)


def by_name(status):
    return {m["name"]: m for m in status["meters"]}


class Deaf:
    """A port that takes no connection: its queue is full, so that the kernel drops every SYN."""

    def __init__(self, port):
        self.server = socket.socket()
        self.server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.server.bind(("127.0.0.1", port))
        self.server.listen(0)
        self.fillers = []
        for _ in range(8):
            s = socket.socket()
            s.settimeout(0.2)
            try:
                s.connect(("127.0.0.1", port))
            except OSError:
                s.close()
                break
            self.fillers.append(s)

    def close(self):
        for s in [*self.fillers, self.server]:
            s.close()


@row(1, "a meter's host is off (no answer to SYN): polls missed by all others", 5, "%", fast=True)
def host_off(t):
    with Rig(lines=3, meters=2, timeout="500 ms", polling='probe_cap = "2 s";') as rig:
        rig.evidence.faulty = {"m0", "m1"}
        rig.run(1)
        begin = time.time() * 1000
        rig.plant.ask("stop l0")
        deaf = Deaf(rig.plant.ports["l0"])
        rig.evidence.excuses.append(("cut", begin, time.time() * 1000))
        cycles = by_name(rig.gw.status())["m0"]["cycles"]
        down = wait_until(lambda: by_name(rig.gw.status())["m0"]["state"] == "down", 20)
        t.expect(down, "the meter is not down")
        t.note(polls_until_down=by_name(rig.gw.status())["m0"]["cycles"] - cycles)
        before = by_name(rig.gw.status())
        rig.run(5)
        after = by_name(rig.gw.status())
        t.measure(share_missed(before, after, ["m2", "m3", "m4", "m5"]))
        deaf.close()
        rig.plant.ask("start l0")
        back = time.monotonic()
        t.expect(wait_until(lambda: by_name(rig.gw.status())["m0"]["state"] == "up", 30), "it does not come back")
        t.note(recovery_s=time.monotonic() - back)
        rig.run(0.5)
        t.judged(rig, rig.finish())


@row(2, "connections reset in the middle of answers, port refused: reconnected within", 3, "s", fast=True)
def resets(t):
    with Rig(lines=2, meters=2, timeout="1 s", meter_proxies=True, plant_more='delay = "5 ms";') as rig:
        rig.evidence.faulty = {"m0", "m1"}
        rig.run(0.5)
        for kind in ("torn", "close"):
            rig.plant.ask("fault m0 %s probability=0.1" % kind)
        for _ in range(12):
            rig.cut_meters("l0")
            rig.run(0.15)
        rig.plant.ask("clear m0")
        begin = time.time() * 1000
        rig.proxies["l0"].tell("refuse")
        rig.proxies["l0"].tell("drop")
        rig.run(1)
        rig.proxies["l0"].tell("accept")
        back, n = time.monotonic(), by_name(rig.gw.status())["m0"]["readings"]
        t.expect(wait_until(lambda: by_name(rig.gw.status())["m0"]["readings"] > n, 30), "it does not come back")
        rig.evidence.excuses.append(("cut", begin, time.time() * 1000))
        t.measure(time.monotonic() - back)
        t.note(recovery_s=t.measured)
        rig.run(0.5)
        # The connection that a torn answer ends takes what else was under way on it with it.
        rig.evidence.excuses += [("cut", ms, ms) for ms, _, f in rig_reads(rig, "m0") if f in ("torn", "close")]
        t.judged(rig, rig.finish())


def rig_reads(rig, meter):
    rig.evidence.reads.clear()
    with open(rig.witness.name) as f:
        rig.evidence.read_witness(f.read())
    return [r for (m, _), reads in rig.evidence.reads.items() if m == meter for r in reads]


@row(3, "every third answer later than its timeout: late answers taken for others", 0, "answers", fast=True)
def late(t):
    with Rig(lines=1, meters=3, timeout="300 ms", influx=None) as rig:
        rig.run(0.5)
        rig.plant.ask("fault m0 late every=3 delay_ms=450")
        rig.plant.ask("fault m1 late every=4 delay_ms=700")
        rig.run(6)
        rig.plant.ask("clear *")
        rig.run(1)
        late_ones = sum(f == "late" for m in ("m0", "m1") for _, _, f in rig_reads(rig, m))
        f = t.judged(rig, rig.finish(), delay=False)
        strays = rig.before_stop["lines"][0]["refused_answers"].get("nobody is waiting for it", 0)
        t.note(late_answers=late_ones, counted_as_stray=strays)
        t.expect(late_ones >= 8, "only %d answers were late" % late_ones)
        t.expect(strays >= late_ones - 2, "%d late answers, %d counted" % (late_ones, strays))
        t.measure(sum("spoilt" in v for v in rig.verdict.violations) + 0 * f["spoilt"])


@row(4, "answers out of order and twice, four in flight: values under another's name", 0, "values", fast=True)
def disorder(t):
    with Rig(lines=2, meters=4, timeout="1 s", in_flight=4, every_ms=50, plant_more='jitter = "40 ms";') as rig:
        rig.plant.ask("fault * duplicate probability=0.3")
        rig.plant.ask("fault * stray probability=0.1")
        rig.run(5)
        rig.plant.ask("clear *")
        rig.run(0.3)
        f = t.judged(rig, rig.finish())
        strays = sum(l["refused_answers"].get("nobody is waiting for it", 0) for l in rig.before_stop["lines"])
        t.expect(strays > 50, "only %d strays" % strays)
        t.note(strays=strays)
        t.measure(sum(v.startswith("values_are_theirs") for v in rig.verdict.violations) + 0 * f["reads"])


REFUSALS = ("protocol id is not 0", "length contradicts the content", "another unit answered",
            "another function was answered", "malformed exception", "byte count does not fit the question",
            "nobody is waiting for it")


@row(5, "twelve kinds of wrong answers: spoilt answers that became values", 0, "values", fast=True)
def wrong_fields(t):
    with Rig(lines=4, meters=3, timeout="250 ms", every_ms=50) as rig:
        rig.run(0.3)
        for i, kind in enumerate(SPOILT):
            rig.plant.ask("fault m%d %s every=5%s" % (i, kind, " delay_ms=400" if kind == "late" else ""))
        rig.run(5)
        # A busy machine polls less: until every kind has been met.
        wait_until(lambda: {w for l in rig.gw.status()["lines"] for w, n in l["refused_answers"].items() if n}.issuperset(REFUSALS),
                   40, 0.2)
        rig.run(3)
        rig.plant.ask("clear *")
        rig.run(2.5)
        excuse_connections(rig)
        f = t.judged(rig, rig.finish(), delay=False)
        kinds = {}
        for line in rig.before_stop["lines"]:
            for words, n in line["refused_answers"].items():
                kinds[words] = kinds.get(words, 0) + n
        for words in REFUSALS:
            t.expect(kinds.get(words), "nothing was counted as \"%s\"" % words)
        t.expect(f["spoilt"] > 100, "only %d answers were spoilt" % f["spoilt"])
        t.note(spoilt_answers=f["spoilt"])
        t.measure(sum("spoilt" in v for v in rig.verdict.violations))


# Kinds after which the connection is not kept, so that a right answer under way on it may be lost with it.
ENDS_CONNECTION = ("torn", "close", "garbage", "wrong_protocol", "wrong_length", "silence", "late", "wrong_transaction")


def excuse_connections(rig, kinds=ENDS_CONNECTION):
    """What is asked of a line while its connection is being made anew, or while another unit is waited for."""
    rig.evidence.reads.clear()
    with open(rig.witness.name) as f:
        rig.evidence.read_witness(f.read())
    for reads in rig.evidence.reads.values():
        rig.evidence.excuses += [("cut", ms, ms + 400) for ms, _, fault in reads if fault in kinds]


@row(6, "an answer a byte at a time, 400 ms apart: longest transaction at a timeout of 500 ms", 650, "ms")
def trickle(t):
    with Rig(lines=2, meters=2, timeout="500 ms") as rig:
        rig.run(0.5)
        rig.plant.ask("fault m0 drip delay_ms=400")
        longest, end = 0, time.monotonic() + 6
        while time.monotonic() < end:
            longest = max(longest, by_name(rig.gw.status())["m0"]["cycle_ms"])
            time.sleep(0.05)
        before = by_name(rig.gw.status())
        rig.run(2)
        after = by_name(rig.gw.status())
        t.expect(share_missed(before, after, ["m2", "m3"]) <= 5, "the other line suffers")
        rig.plant.ask("clear *")
        back = time.monotonic()
        t.expect(wait_until(lambda: by_name(rig.gw.status())["m0"]["state"] == "up", 30), "it does not come back")
        t.note(recovery_s=time.monotonic() - back)
        rig.run(0.5)
        rig.evidence.excuses += [("cut", ms, ms + 1500) for m in ("m0", "m1") for ms, _, f in rig_reads(rig, m) if f == "drip"]
        t.judged(rig, rig.finish(), delay=False)
        t.measure(longest)


@row(7, "exceptions 2, 3, 4, 6, 11: log lines about one missing register in 6 s", 1, "lines", fast=True)
def exceptions(t):
    with Rig(lines=1, meters=4, timeout="500 ms", polling='probe_first = "300 ms"; probe_cap = "1 s";') as rig:
        more = '{ name = "ghost"; quantity = "number"; table = "holding"; address = 4000; type = "uint64"; unit = ""; }, ' \
               '{ name = "first"'
        rig.reload(rig.body().replace('{ name = "first"', more, 1))
        rig.run(1.5)
        for meter, code in (("m1", 4), ("m2", 6), ("m3", 11)):
            rig.plant.ask("fault %s exception every=4 code=%d" % (meter, code))
        rig.run(4)
        rig.plant.ask("clear *")
        rig.run(1.5)
        states = by_name(rig.gw.status())
        t.expect(all(m["state"] == "up" for m in states.values()), "not all are up: %s" % {n: m["state"] for n, m in states.items()})
        # 11 is a silent unit behind a gateway: the cycle is given up, its other register is not asked.
        rig.evidence.excuses += [("cut", ms, ms + 300) for ms, _, f in rig_reads(rig, "m3") if f == "exception"]
        t.judged(rig, rig.finish())
        docs = [d for _, m, d in rig.evidence.states if m == "m0"]
        t.expect(sum(d.get("bad", {}).get("ghost", "").startswith("exception 2") for d in docs) >= 1, "the register's absence is not said")
        t.expect(sum("first" in d and "second" in d for d in docs) >= 0.9 * len(docs), "the other registers suffer")
        t.measure(len(re.findall(r'no point "ghost"', rig.gw.log())))


@row(8, "a device that takes one client and kicks the older one: connections made in 5 s", 1, "connections")
def one_client(t):
    with Rig(lines=1, meters=4, plant_line="max_clients = 1; kick = true;") as rig:
        rig.run(5)
        n = rig.plant.stats()["lines"]["l0"]["connections_total"]
        t.judged(rig, rig.finish())
        t.measure(n)


COUNTER = """lines: ( { name = "l"; listen = "127.0.0.1:0"; } );
meters: ( { name = "total"; line = "l"; unit_id = 1; refresh = "1 ms"; points: ( %s ); values: ( { point = "active_energy_import"; constant = %s; } ); } );"""


class Single(Rig):
    """One meter with points of one's own, whose values are set by hand."""

    def __init__(self, points, values="", **options):
        self.point_text, self.value_text = points, values
        super().__init__(lines=0, meters=0, influx=options.pop("influx", None), **options)
        self.lines = ["l"]

    def plant_text(self):
        return 'lines: ( { name = "l"; listen = "127.0.0.1:0"; } );\nmeters: ( { name = "total"; line = "l"; unit_id = 1; ' \
               'refresh = "1 ms"; points: ( %s ); %s } );' % (self.point_text, self.value_text)

    def body(self, points=None, every="50 ms"):
        text = super().body()
        return text.replace("meters: (\n   );", 'meters: ( { name = "total"; line = "l"; unit_id = 1; every = "%s"; points: ( %s ); } );'
                            % (every, points or self.point_text))

    def docs(self):
        return [d for _, m, d in self.recorder.states() if m == "total"]

    def wait_docs(self, n=3, seconds=10):
        have = len(self.docs())
        assert wait_until(lambda: len(self.docs()) >= have + n, seconds), self.gw.log()[-2000:]
        return self.docs()[have:]


@row(9, "a total wraps, then a rebooted meter begins at 0: consumption that went below zero", 0, "steps")
def counters(t):
    points = '{ name = "active_energy_import"; table = "holding"; address = 0; type = "uint16"; unit = "kWh"; scale = 0.1; }'
    with Single(points, 'values: ( { point = "active_energy_import"; constant = 6553.0; } );') as rig:
        rig.wait_docs()
        for value in (6553.4, 0.5, 1.0):  # over 6553.5 the register begins again
            rig.plant.ask("value total active_energy_import %s" % value)
            rig.wait_docs()
        for value in (5.0, 6.0, 7.0):
            rig.plant.ask("value total active_energy_import %s" % value)
            rig.wait_docs()
        rig.plant.ask("value total active_energy_import 0.1")  # rebooted: far from the wrap
        # A new level is believed after a minute and three readings that agree.
        wait_until(lambda: any(d.get("state") == "reset confirmed" for _, d in rig.recorder.documents("mill/alerts")), 90, 0.2)
        alerts = [d for _, d in rig.recorder.documents("mill/alerts") if d.get("meter") == "total"]
        states = [a["state"] for a in alerts]
        t.expect("wrap" in states, "the wrap is not told: %s" % alerts)
        t.expect("reset confirmed" in states, "the reset is not told: %s" % alerts)
        t.note(events=len(alerts))
        t.measure(sum(a.get("counted", 0) < 0 for a in alerts))


@row(10, "NaN, 0x7FFFFFFF and the meter's own not-available marks: numbers published for them", 0, "numbers", fast=True)
def not_available(t):
    points = '{ name = "voltage_l1"; table = "holding"; address = 0; type = "float32"; unit = "V"; }, ' \
             '{ name = "active_power"; table = "holding"; address = 2; type = "int32"; unit = "W"; not_available = [ "0x80000000", "0x7FFFFFFF" ]; }'
    with Single(points) as rig:
        wrong = 0
        for voltage, power in ((0x7FC0, 0x8000), (0x7F80, 0x7FFF), (0xFFC0, 0x8000), (0xFF80, 0x7FFF)):
            rig.plant.ask("registers total holding 0 %d 0 %d %d" % (voltage, power, 0 if power == 0x8000 else 0xFFFF))
            docs = rig.wait_docs(6)[2:]
            wrong += sum("voltage_l1" in d or "active_power" in d for d in docs)
            t.expect(all(set(d["bad"]) == {"voltage_l1", "active_power"} for d in docs if "bad" in d), "not said to be bad: %s" % docs[-1])
        rig.plant.ask("registers total holding 0 %d %d 0 1000" % (0x4366, 0x8000))
        t.expect("voltage_l1" in rig.wait_docs(4)[-1], "the good value is not published")
        raw = b"".join(p for _, topic, p, _ in rig.recorder.arrived if "/meters/" in topic)
        found = re.search(rb".{60}:(-?nan|-?inf|null)", raw, re.I)
        t.expect(not found, "a NaN was written: %s" % (found and found.group(0)))
        t.measure(wrong)


@row(11, "word order configured wrongly: implausible values published", 0, "values", fast=True)
def word_order(t):
    points = '{ name = "frequency"; table = "holding"; address = 0; type = "float32"; unit = "Hz"; min = 45.0; max = 65.0; }'
    with Single(points, 'values: ( { point = "frequency"; constant = 49.98; } );') as rig:
        t.expect(rig.wait_docs()[-1].get("frequency") == 49.98, "the right order does not give 49.98 Hz")
        rig.reload(rig.body(points.replace("unit =", 'order = "cdab"; unit =')))
        docs = rig.wait_docs(10)[3:]
        t.expect(all(d.get("bad", {}).get("frequency") == "out of range" for d in docs), "not said to be out of range: %s" % docs[-1])
        t.expect(re.search(r"frequency is not plausible", rig.gw.log()), "nobody is told that the configuration may be wrong")
        t.expect(len(re.findall(r"frequency is not plausible", rig.gw.log())) <= 2, "it is told again and again")
        t.measure(sum("frequency" in d for d in docs))


@row(12, "1,000 devices come back at once: connections asked for in the busiest 100 ms", 100, "connections")
def herd(t):
    with Herd(1000) as rig:
        assert wait_until(lambda: rig.up() >= 995, 90, 0.5), "only %d are up" % rig.up()
        rig.run(3)
        rig.plant.ask("stop l0")
        assert wait_until(lambda: rig.up() == 0, 60, 0.5), "%d are still up" % rig.up()
        memory = rig.gw.memory_kib()
        rig.run(8)
        rig.plant.ask("start l0")
        begun, most, last, looked = time.monotonic(), 0, rig.plant.stats()["connections_total"], time.monotonic()
        while time.monotonic() < begun + 150 and rig.up() < 1000:
            time.sleep(0.1)
            n, now = rig.plant.stats()["connections_total"], time.monotonic()
            most, last, looked = max(most, round((n - last) * 0.1 / (now - looked))), n, now
        t.expect(rig.up() == 1000, "only %d came back" % rig.up())
        t.note(recovery_s=time.monotonic() - begun, memory_mib=round(memory / 1024, 1), descriptors=rig.gw.descriptors())
        t.measure(most)
        t.expect(rig.gw.stop() == 0, "it does not end well")


class Herd(Rig):
    """So many devices, each with an address of its own."""

    def __init__(self, n, every="1 s"):
        self.n, self.every = n, every
        super().__init__(lines=0, meters=0, influx=None)
        self.lines = ["l0"]

    def plant_text(self):
        return 'tick = "2 ms";\nlines: ( { name = "l0"; listen = "127.0.0.1:0"; ports = %d; } );\n' \
               'meters: ( { name = "x"; line = "l0"; unit_id = 1; registers: ( { address = 0; words = [1, 2]; } ); } );' % self.n

    def body(self, first=0):
        ports = self.plant.places["l0"]["ports"]
        lines = ",\n".join('{ name = "h%d"; tcp = "127.0.0.1:%d"; }' % (i, p) for i, p in enumerate(ports) if i >= first)
        point = '{ name = "number"; quantity = "number"; table = "holding"; address = 0; type = "uint16"; unit = ""; }'
        meters = ",\n".join('{ name = "x%d"; line = "h%d"; unit_id = 1; every = "%s"; points: ( %s ); }' % (i, i, self.every, point)
                            for i in range(first, self.n))
        return 'lines: (\n%s );\nmeters: (\n%s );\nmqtt: { server = "mqtt://127.0.0.1:%d"; retry_max = "2 s"; };\n' % (
            lines, meters, self.broker_proxy.port)

    def up(self):
        return sum(m["state"] == "up" for m in self.gw.status()["meters"])

