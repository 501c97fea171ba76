#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The benchmark of the main job, on loopback, with a simulated plant, mosquitto and an independent subscriber.

usage: tests/bench/run.py [--seconds N] [a b c d e paho rules signatures matching]...      (default: all, 20 s each)

a  100 TCP meters x 25 floats every 1 s, answering in 5 ms       b  1,000 meters, 20 ms
c  ten connections with ten units each, one of the ten silent; and the same on a serial line
d  as fast as possible on 100 connections, beside a bare epoll client in the same run, 1 and 4 in flight
e  share of the theoretical wire time on a 9600 baud serial line
paho  the messages of (a) and (b) through Paho alone: the part that is not ours
matching  a synthetic territory of 1,000, 10,000 and 100,000 offers and as many needs: all at once, one changed, memory, quality
signatures  signed offers that a coordinator opens and checks in a second of one core
rules  1,000 rules with windows over 10,000 points, beside plain C and Lua; memory of windows; replay

CPU is the daemon's own, user and system, per 1,000 readings (values). Figures are printed, nothing is asserted: they depend
on the machine; compare within one run.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
from servers import Mosquitto, free_port  # noqa: E402

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, "build", "release")
TICK = os.sysconf("SC_CLK_TCK")
POINTS = 25
WORDS = ", ".join("0x%04X" % w for i in range(POINTS) for w in (0x4366, 0x3334 + i))
PROFILE = """vendor = "bench"; model = "25 floats"; medium = "electricity"; confidence = "high"; sources = [ "bench" ];
table = "holding"; points: ( %s );
""" % ",\n".join('{ name = "v%d"; quantity = "value"; address = %d; type = "float32"; unit = ""; }' % (i, 2 * i)
                 for i in range(POINTS))


def cpu(pid):
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory(pid, key):
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(key + r":\s+(\d+)", f.read()).group(1)) / 1024


class Rig:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="symbiont-bench-", dir=os.path.join(TOP, "build"))
        os.makedirs(os.path.join(self.dir, "profiles"))
        self.write("profiles/bench.conf", PROFILE)
        self.env = dict(os.environ, SYMBIONT_PROFILES=os.path.join(self.dir, "profiles"))
        self.processes = []

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def start(self, argv, **more):
        log = open(os.path.join(self.dir, os.path.basename(argv[0]) + ".log"), "ab")
        p = subprocess.Popen(argv, env=self.env, stdout=more.pop("stdout", log), stderr=log, **more)
        self.processes.append(p)
        return p

    def plant(self, lines, meters):
        path = self.write("plant.conf", 'ports_file = "%s/ports.json";\nlines: ( %s );\nmeters: ( %s );\n'
                          % (self.dir, ",\n".join(lines), ",\n".join(meters)))
        ports = os.path.join(self.dir, "ports.json")
        if os.path.exists(ports):
            os.unlink(ports)
        p = self.start([os.path.join(BUILD, "symbiont"), "simulate", path])
        while not (os.path.exists(ports) and os.path.getsize(ports)):
            if p.poll() is not None:
                raise SystemExit(open(os.path.join(self.dir, "symbiont.log")).read())
            time.sleep(0.02)
        with open(ports) as f:
            return p, json.load(f)

    def gateway(self, lines, meters, broker):
        self.socket = os.path.join(self.dir, "control.sock")
        shutil.rmtree(os.path.join(self.dir, "state"), ignore_errors=True)
        path = self.write("symbiont.conf", 'site: { id = "bench"; };\nlines: ( %s );\nmeters: ( %s );\n'
                          'mqtt: { server = "mqtt://127.0.0.1:%d"; };\nstorage: { directory = "%s/state"; };\n'
                          'control: { socket = "%s"; };\nlog = "warning";\n'
                          % (",\n".join(lines), ",\n".join(meters), broker, self.dir, self.socket))
        p = self.start([os.path.join(BUILD, "symbiontd"), "-c", path])
        while not os.path.exists(self.socket):
            if p.poll() is not None:
                raise SystemExit(open(os.path.join(self.dir, "symbiontd.log")).read())
            time.sleep(0.02)
        return p

    def status(self):
        return json.loads(subprocess.check_output([os.path.join(BUILD, "symbiont"), "status", "--json", "--socket",
                                                   self.socket]))

    def stop(self, *processes):
        for p in processes:
            p.terminate()
            p.wait(20)
            self.processes.remove(p)

    def close(self):
        for p in self.processes:
            p.kill()
            p.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


class Subscriber:
    def __init__(self, rig, port):
        self.p = rig.start([os.path.join(BUILD, "tests/bench/subscriber"), str(port), "bench"],
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.p.stdout.readline()

    def tally(self):
        self.p.stdin.write(b"\n")
        self.p.stdin.flush()
        return json.loads(self.p.stdout.readline())


def meters_of(status, names=None):
    return [m for m in status["meters"] if names is None or m["name"] in names]


def measure(rig, gateway, subscriber, seconds, settle):
    """Runs for so long and returns the differences."""
    time.sleep(settle)
    subscriber.tally()
    first, c0, t0 = rig.status(), cpu(gateway.pid), time.monotonic()
    time.sleep(seconds)
    c1, t1, tally, last = cpu(gateway.pid), time.monotonic(), subscriber.tally(), rig.status()
    before = {m["name"]: m for m in first["meters"]}
    result = dict(tally, seconds=t1 - t0, cpu=c1 - c0, rss=memory(gateway.pid, "VmHWM"), anon=memory(gateway.pid, "RssAnon"))
    for key in ("cycles", "readings", "late", "missed"):
        result[key] = {m["name"]: m[key] - before[m["name"]][key] for m in last["meters"]}
    result["written"] = last["storage"]["bytes_written"] - first["storage"]["bytes_written"]
    result["asked"] = sum(l["asked"] for l in last["lines"]) - sum(l["asked"] for l in first["lines"])
    return result


def on_time(r, names=None):
    keys = [k for k in r["cycles"] if names is None or k in names]
    slots = sum(r["cycles"][k] + r["missed"][k] for k in keys)
    return 100.0 * (1 - sum(r["late"][k] + r["missed"][k] for k in keys) / slots) if slots else 0.0


def report(name, r):
    print("%-34s %9.0f readings/s at the subscriber, %6.2f %% of polls on time, %5.2f ms CPU per 1,000 readings,\n"
          "%34s %5.1f MiB resident at most (%.1f MiB anonymous), %d bytes written, %d/%d/%d ms register to subscriber "
          "(median/p99/max)"
          % (name, r["values"] / r["seconds"], on_time(r), 1e6 * r["cpu"] / max(1, r["values"]), "", r["rss"], r["anon"],
             r["written"], r["median_ms"], r["p99_ms"], r["max_ms"]), flush=True)


def tcp_bench(name, count, delay, seconds):
    rig = Rig()
    try:
        with Mosquitto(log="information") as broker:
            plant, ports = rig.plant(['{ name = "l"; listen = "127.0.0.1:0"; }'],
                                     ['{ name = "m"; line = "l"; unit_id = 1; delay = "%d ms"; registers: ( { table = "holding"; '
                                      'address = 0; words = [ %s ]; } ); }' % (delay, WORDS)])
            subscriber = Subscriber(rig, broker.port)
            gateway = rig.gateway(['{ name = "l%d"; tcp = "127.0.0.1:%d"; }' % (i, ports["l"]["port"]) for i in range(count)],
                                  ['{ name = "m%d"; line = "l%d"; unit_id = 1; profile = "bench"; every = "1 s"; }' % (i, i)
                                   for i in range(count)], broker.port)
            report(name, measure(rig, gateway, subscriber, seconds, 5))
    finally:
        rig.close()


def bench_a(seconds):
    tcp_bench("a  100 meters, 5 ms", 100, 5, seconds)


def bench_b(seconds):
    tcp_bench("b  1,000 meters, 20 ms", 1000, 20, seconds)


def bench_c(seconds):
    rig = Rig()
    try:
        with Mosquitto(log="information") as broker:
            registers = 'registers: ( { table = "holding"; address = 0; words = [ %s ]; } );' % WORDS
            plant, ports = rig.plant(
                ['{ name = "l"; listen = "127.0.0.1:0"; silent_gateway = true; }',
                 '{ name = "s"; pty = "%s/tty"; mode = "115200 8N1"; wire_speed = true; }' % rig.dir],
                ['{ name = "m"; line = "l"; unit_id = 1; copies = 9; delay = "5 ms"; %s }' % registers,
                 '{ name = "n"; line = "s"; unit_id = 1; copies = 9; delay = "5 ms"; %s }' % registers])
            subscriber = Subscriber(rig, broker.port)
            lines = ['{ name = "l%d"; tcp = "127.0.0.1:%d"; in_flight = 2; }' % (i, ports["l"]["port"]) for i in range(10)]
            meters = ['{ name = "m%d_%d"; line = "l%d"; unit_id = %d; profile = "bench"; every = "1 s"; }' % (i, u, i, u)
                      for i in range(10) for u in range(1, 11)]
            lines.append('{ name = "s"; serial = "%s/tty"; mode = "115200 8N1"; timeout = "300 ms"; }' % rig.dir)
            meters += ['{ name = "s_%d"; line = "s"; unit_id = %d; profile = "bench"; every = "1 s"; }' % (u, u)
                       for u in range(1, 11)]
            gateway = rig.gateway(lines, meters, broker.port)
            r = measure(rig, gateway, subscriber, seconds, 10)
            live = {k for k in r["cycles"] if not k.endswith("_10")}
            tcp, serial = {k for k in live if k[0] == "m"}, {k for k in live if k[0] == "s"}
            report("c  ten shared lines, 1 of 10 silent", r)
            print("%34s %6.2f %% of the other 90 units' polls on time; of the 9 on the serial line %6.2f %%, "
                  "missed %d" % ("", on_time(r, tcp), on_time(r, serial), sum(r["missed"][k] for k in serial)), flush=True)
    finally:
        rig.close()


def bench_d(seconds):
    rig = Rig()
    try:
        with Mosquitto(log="information") as broker:
            meters = ['{ name = "m"; line = "l"; unit_id = 1; copies = 4; delay = "5 ms"; registers: ( { table = "holding"; '
                      'address = 0; words = [ %s ]; } ); }' % WORDS]
            plant, ports = rig.plant(['{ name = "l"; listen = "127.0.0.1:0"; }'], meters)
            port = ports["l"]["port"]
            for window in (1, 4):
                bare = subprocess.check_output([os.path.join(BUILD, "tests/bench/bare_client"), str(port), "100",
                                                str(window), str(2 * POINTS), str(min(seconds, 10))]).split()
                subscriber = Subscriber(rig, broker.port)
                gateway = rig.gateway(
                    ['{ name = "l%d"; tcp = "127.0.0.1:%d"; in_flight = %d; }' % (i, port, window) for i in range(100)],
                    ['{ name = "m%d_%d"; line = "l%d"; unit_id = %d; profile = "bench"; every = "0 s"; }' % (i, u, i, u)
                     for i in range(100) for u in range(1, window + 1)], broker.port)
                r = measure(rig, gateway, subscriber, seconds, 3)
                asked, reference = r["asked"] / r["seconds"], float(bare[0])
                print("d  100 connections, %d in flight    %8.0f requests/s, %3.0f %% of the bare client's %.0f; %.0f readings/s "
                      "at the subscriber, %.2f ms CPU per 1,000" % (window, asked, 100 * asked / reference, reference,
                                                                   r["values"] / r["seconds"],
                                                                   1e6 * r["cpu"] / max(1, r["values"])), flush=True)
                rig.stop(gateway, subscriber.p)
    finally:
        rig.close()


def bench_e(seconds):
    rig = Rig()
    try:
        with Mosquitto(log="information") as broker:
            delay = 0.005
            plant, ports = rig.plant(['{ name = "s"; pty = "%s/tty"; mode = "9600 8N1"; wire_speed = true; }' % rig.dir],
                                     ['{ name = "n"; line = "s"; unit_id = 1; delay = "5 ms"; registers: ( { table = '
                                      '"holding"; address = 0; words = [ %s ]; } ); }' % WORDS])
            subscriber = Subscriber(rig, broker.port)
            gateway = rig.gateway(['{ name = "s"; serial = "%s/tty"; mode = "9600 8N1"; }' % rig.dir],
                                  ['{ name = "n"; line = "s"; unit_id = 1; profile = "bench"; every = "0 s"; }'], broker.port)
            r = measure(rig, gateway, subscriber, seconds, 3)
            character = 10 / 9600
            theory = (8 + 5 + 4 * POINTS) * character + 2 * 3.5 * character + delay
            print("e  9600 baud, 50 registers         %5.1f %% of the theoretical wire time used (%.2f requests/s of %.2f; frame "
                  "gaps and the slave's 5 ms count as theoretical)"
                  % (100 * r["asked"] / r["seconds"] * theory, r["asked"] / r["seconds"], 1 / theory), flush=True)
    finally:
        rig.close()


def bench_paho(seconds):
    with Mosquitto(log="information") as broker:
        for rate, burst in ((100, 10), (1000, 100)):
            out = subprocess.check_output([os.path.join(BUILD, "tests/bench/paho_alone"), str(broker.port), str(rate),
                                           str(burst), str(min(seconds, 10))]).decode().strip()
            print("paho alone, %4d messages/s in bursts of %3d: %s" % (rate, burst, out), flush=True)


def bench_rules(seconds):
    subprocess.check_call([os.path.join(BUILD, "tests/bench/bench_rules"), str(min(seconds, 5))])


def bench_signatures(seconds):
    program = os.path.join(BUILD, "tests", "bench", "bench_signatures")
    r = json.loads(subprocess.check_output([program, str(min(seconds, 10))], text=True))
    print("signatures: %d offers/s opened and checked (envelopes of %d bytes), %d/s of the signature alone"
          % (r["opened_per_s"], r["envelope_bytes"], r["verified_per_s"]), flush=True)


def bench_matching(_seconds):
    program = os.path.join(BUILD, "tests", "bench", "bench_matching")
    for n in (1000, 10000, 100000):
        r = json.loads(subprocess.check_output([program, str(n)], text=True))
        print("matching: %6d offers and needs: %7.2f s CPU for %d pairs and %d matches; one changed: %.2f ms median, %.2f ms 99 %%, "
              "%.2f ms at most; %d bytes per entry; %.2f %% of the dual bound"
              % (r["n"], r["all_s"], r["pairs"], r["matches"], r["change_median_ms"], r["change_p99_ms"], r["change_most_ms"],
                 r["bytes_per_entry"], 100 * r["quality"]), flush=True)


BENCHES = {"a": bench_a, "b": bench_b, "c": bench_c, "d": bench_d, "e": bench_e, "paho": bench_paho, "signatures": bench_signatures,
           "rules": bench_rules, "matching": bench_matching}


def main():
    args, seconds = sys.argv[1:], 20
    if args[:1] == ["--seconds"]:
        seconds, args = int(args[1]), args[2:]
    print("load before: %s" % open("/proc/loadavg").read().split()[0])
    for name in args or BENCHES:
        BENCHES[name](seconds)


main()
