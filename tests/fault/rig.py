# SPDX-License-Identifier: Apache-2.0
"""A plant whose meters count their reads, a gateway, a broker with a recorder, a database: what faults are done to.

    with Rig(lines=2, meters=3) as rig:
        rig.run(3)
        rig.broker_down(); rig.run(2); rig.broker_up()
        verdict = rig.finish()          # stops everything in order and has the checker judge it

The gateway reaches the broker through a proxy, the recorder directly: so the recorder is always there before the gateway,
and what the broker has accepted has been written down before it can be lost with the broker. Programs are plain
builds (build/release): a sanitizer does not go together with what is preloaded here.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

os.environ.setdefault("VARIANT", "release")
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "system"))
import gateway as system_gateway  # noqa: E402
from http_stub import HttpStub  # noqa: E402
from servers import ROOT, Influx, Mosquitto, Subscriber, free_port, wait_until  # noqa: E402

import checker  # noqa: E402

BUILD = system_gateway.BUILD


class Skip(Exception):
    """This machine cannot do it; the words say why."""


class NotBuilt(Exception):
    """The product has no such part yet."""


def now_ms():
    return int(time.time() * 1000)


def tool(name):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not path:
        raise Skip("%s is not installed" % name)
    return path


def built(program):
    """build/<variant>/<program>, made if need be; a shim when it ends in .so."""
    path = os.path.join(BUILD, program)
    if program.endswith(".so"):
        source = os.path.join(ROOT, program[:-3] + ".c")
        if not os.path.exists(path) or os.path.getmtime(path) < os.path.getmtime(source):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            subprocess.run(["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-O1", "-g", "-shared",
                            "-fPIC", "-o", path + ".new", source, "-ldl", "-lpthread"], check=True)
            os.replace(path + ".new", path)
        return path
    subprocess.run(["make", "-s", "VARIANT=" + os.environ["VARIANT"], "build/%s/%s" % (os.environ["VARIANT"], program)],
                   cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return path


class Proxy:
    """toxic_proxy.c in front of a port."""

    def __init__(self, target_port):
        self.process = subprocess.Popen([built("tests/fault/toxic_proxy"), "127.0.0.1:0", "127.0.0.1:%d" % target_port],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.port = int(self.process.stdout.readline().rsplit(":", 1)[1])

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        answer = self.process.stdout.readline().strip()
        assert not answer.startswith("error"), (command, answer)
        return answer

    def stats(self):
        return dict(zip(("now", "total", "up", "down"), map(int, re.findall(r"\d+", self.tell("stats")))))

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


class Recorder(Subscriber):
    """Keeps what arrives with the time it came. QoS 0: the broker then writes a message to us before it acknowledges it,
    and keeps nothing for us that would be lost with it."""

    def __init__(self, port):
        super().__init__(port, "symbiont/#", keepalive=600)
        self.client.on_connect = lambda c, *rest: c.subscribe("symbiont/#", qos=0)
        self.client.on_message = self._keep
        self.client.on_disconnect = lambda *rest: self.ready.clear()
        self.arrived = []   # (ms, topic, payload, retained)

    def _keep(self, client, userdata, m):
        self.arrived.append((now_ms(), m.topic, bytes(m.payload), m.retain))

    def states(self):
        return [(ms, topic.split("/")[3], json.loads(payload)) for ms, topic, payload, retained in list(self.arrived)
                if topic.count("/") == 4 and topic.endswith("/state") and "/meters/" in topic and not retained]

    def documents(self, suffix):
        return [(ms, json.loads(p)) for ms, t, p, _ in list(self.arrived) if t.endswith(suffix) and p[:1] == b"{"]


class Daemon(system_gateway.Gateway):
    """A gateway that can be started under shims, clocks and limits, and whose directory outlives its deaths."""

    def __init__(self, body, **options):
        super().__init__(body, **options)
        self.prefix, self.preload, self.extra = [], [], {}
        self.program = os.path.join(BUILD, "symbiontd")

    def spawn(self):
        env = dict(self.env, **self.extra)
        if self.preload:
            env["LD_PRELOAD"] = ":".join(self.preload)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([*self.prefix, self.program, "-c", self.path], env=env, stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL)
        return self.process

    def start(self, seconds=30):
        begun = time.monotonic()
        self.spawn()
        if not wait_until(lambda: self.alive() or self.process.poll() is not None, seconds) or \
                self.process.poll() is not None:
            raise RuntimeError("the gateway does not start: " + self.log()[-3000:])
        self.start_s = time.monotonic() - begun
        return self

    def status(self):
        return self.ask("status")

    @property
    def state(self):
        return os.path.join(self.dir, "state")

    @property
    def outbox(self):
        return os.path.join(self.state, "outbox.db")

    def pid(self):
        """The daemon's own: behind faketime or prlimit it is the same, they exec."""
        return self.process.pid

    def memory_kib(self):
        with open("/proc/%d/status" % self.pid()) as f:
            return int(re.search(r"RssAnon:\s+(\d+)", f.read()).group(1))

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.pid()))

    def cpu_s(self):
        with open("/proc/%d/stat" % self.pid()) as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


POINTS = ('points: ( { name = "first"; quantity = "number"; table = "holding"; address = %d; type = "uint64"; unit = ""; '
          'min = -1e18; max = 1e18; }, { name = "second"; quantity = "number"; table = "holding"; address = %d; '
          'type = "uint64"; unit = ""; min = -1e18; max = 1e18; } );')


class Meter:
    def __init__(self, name, line, unit, number, every_ms):
        self.name, self.line, self.unit, self.number, self.every_ms = name, line, unit, number, every_ms
        # Two requests of equal size at different registers, and no two meters with the same registers.
        self.points = {"first": 10 + number, "second": 500 + number}

    def text(self):
        return POINTS % (self.points["first"], self.points["second"])


class Rig:
    """lines x meters TCP meters named m0, m1, ...; `serial` more on a pseudo terminal line "bus"."""

    def __init__(self, lines=2, meters=2, every_ms=100, serial=0, timeout="1 s", in_flight=1, influx="stub", mqtt=True,
                 storage="", mqtt_more="", influx_more="", more="", plant_more="", line_more="", plant_line="", polling="",
                 spill="300 ms", meter_proxies=False, shim=False, faketime=None, notify=False, mode="115200 8N1", kinds=None):
        self.every_ms, self.timeout, self.in_flight = every_ms, timeout, in_flight
        self.want_influx, self.want_mqtt, self.meter_proxies = influx, mqtt, meter_proxies
        self.mqtt_more, self.influx_more, self.more, self.plant_more = mqtt_more, influx_more, more, plant_more
        self.line_more, self.plant_line, self.polling = line_more, plant_line, polling
        self.storage = 'spill_after = "%s"; %s' % (spill, storage)
        self.spill_ms = int(spill.split()[0]) * (1000 if spill.endswith(" s") else 1)
        self.shim, self.faketime, self.notify, self.mode = shim, faketime, notify, mode
        self.meters, self.lines = [], ["l%d" % i for i in range(lines)]
        for i in range(lines):
            for k in range(meters):
                self.meters.append(Meter("m%d" % len(self.meters), "l%d" % i, k + 1, len(self.meters) + 1, every_ms))
        if serial:
            self.lines.append("bus")
            for k in range(serial):
                self.meters.append(Meter("m%d" % len(self.meters), "bus", k + 1, len(self.meters) + 1, every_ms))
        self.evidence = checker.Evidence({m.name: {"number": m.number, "points": m.points, "every_ms": every_ms}
                                          for m in self.meters})
        self.timeout_ms = int(timeout.split()[0]) * (1000 if timeout.endswith(" s") else 1)
        self.evidence.cycle_ms = max(500, self.timeout_ms)
        self.stack, self.proxies, self.broker, self.recorder, self.influx, self.gw = [], {}, None, None, None, None
        self.begun_ms = now_ms()

    # ---- Making ----

    def plant_text(self):
        lines = ['{ name = "%s"; %s %s }' % (n, 'pty = "%%(dir)s/tty"; mode = "%s";' % self.mode if n == "bus" else
                                             'listen = "127.0.0.1:0";', "" if n == "bus" else self.plant_line)
                 for n in self.lines]
        meters = ['{ name = "%s"; line = "%s"; unit_id = %d; encode = true; number = %d; %s %s }'
                  % (m.name, m.line, m.unit, m.number, self.plant_more, m.text()) for m in self.meters]
        return "lines: ( %s );\nmeters: (\n  %s\n);\n" % (",\n  ".join(lines), ",\n  ".join(meters))

    def line_text(self, name):
        if name == "bus":
            where = 'serial = "%s/tty"; mode = "%s";' % (self.plant.dir, self.mode)
        else:
            where = 'tcp = "127.0.0.1:%d"; in_flight = %d;' % (
                self.proxies[name].port if name in self.proxies else self.plant.ports[name], self.in_flight)
        return '{ name = "%s"; %s timeout = "%s"; %s }' % (name, where, self.timeout, self.line_more)

    def meter_text(self, m):
        return '{ name = "%s"; line = "%s"; unit_id = %d; every = "%d ms"; merge = false; in_flight = %d; %s }' % (
            m.name, m.line, m.unit, m.every_ms, self.in_flight, m.text())

    def body(self, meters=None, every=None):
        text = "lines: ( %s );\n" % ",\n  ".join(self.line_text(n) for n in self.lines)
        text += "meters: (\n  %s );\n" % ",\n  ".join(self.meter_text(m) for m in (self.meters if meters is None else meters))
        if every:
            text = re.sub(r'every = "\d+ ms"', 'every = "%d ms"' % every, text)
        if self.polling:
            text += "polling: { %s };\n" % self.polling
        if self.want_mqtt:
            text += 'mqtt: { server = "mqtt://127.0.0.1:%d"; retry_max = "2 s"; %s };\n' % (self.broker_proxy.port, self.mqtt_more)
        if self.want_influx:
            url = "http://127.0.0.1:%d" % (self.influx_proxy.port if self.influx_proxy else self.influx.port)
            text += 'influxdb: { url = "%s"; database = "plant"; batch_age = "100 ms"; timeout = "5 s"; %s };\n' % (url, self.influx_more)
        return text + self.more

    def _enter(self, thing):
        value = thing.__enter__()
        self.stack.append(thing)
        return value

    def __enter__(self):
        try:
            self._make()
        except BaseException:
            self.close()
            raise
        return self

    def _make(self):
        self.witness = tempfile.NamedTemporaryFile(prefix="symbiont-witness-")
        self.plant = self._enter(system_gateway.Plant(self.plant_text(), "--witness", self.witness.name))
        if self.meter_proxies:
            for name in self.lines:
                if name != "bus":
                    self.proxies[name] = Proxy(self.plant.ports[name])
        self.broker_proxy = self.influx_proxy = None
        if self.want_mqtt:
            self.broker = self._enter(Mosquitto(extra="set_tcp_nodelay true", log="information"))
            self.recorder = self._enter(Recorder(self.broker.port))
            self.broker_proxy = Proxy(self.broker.port)
        if self.want_influx == "stub":
            self.influx = self._enter(HttpStub())
        elif self.want_influx:
            self.influx = self._enter(Influx())
            self.influx.create("plant")
            self.influx_proxy = Proxy(self.influx.port)
        self.gw_body = self.body()
        self.gw = Daemon(self.gw_body, storage=self.storage, notify=self.notify)
        if self.shim:
            self.shim_control = os.path.join(self.gw.dir, "shim")
            self.gw.preload.append(built("tests/fault/disk_shim.so"))
            self.gw.extra["DISK_SHIM_CONTROL"] = self.shim_control
        if self.faketime:
            self.fake_clock()
        self.before_start()
        self.start()

    def before_start(self):
        """For what has to be laid out before the gateway runs."""

    def fake_clock(self):
        candidates = ["/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1"]
        library = next((c for c in candidates if os.path.exists(c)), None)
        if not library:
            raise Skip("libfaketime is not installed")
        self.clock_file = os.path.join(self.gw.dir, "clock")
        self.set_clock(self.faketime)
        self.gw.preload.append(library)
        self.gw.extra.update(FAKETIME_TIMESTAMP_FILE=self.clock_file, FAKETIME_NO_CACHE="1", FAKETIME_DONT_FAKE_MONOTONIC="1")

    def set_clock(self, offset):
        """As libfaketime writes it: "+0", "-3h", "+10y", "@1970-01-02 00:00:00"."""
        with open(self.clock_file + ".new", "w") as f:
            f.write(offset + "\n")
        os.replace(self.clock_file + ".new", self.clock_file)

    # ---- Doing ----

    def run(self, seconds):
        time.sleep(seconds)

    def disk(self, words):
        """The shim's control file; "" is a sound disk."""
        with open(self.shim_control + ".new", "w") as f:
            f.write(("under=%s %s\n" % (self.gw.state, words)) if words else "\n")
        os.replace(self.shim_control + ".new", self.shim_control)

    def start(self):
        self.gw.start()

    def kill(self):
        self.evidence.disturbances.append(("gateway", now_ms()))
        begin = now_ms()
        self.gw.kill()
        self.evidence.excuses.append(("kill", begin, now_ms()))

    def died(self, at_ms):
        """It was killed by itself (a power cut): when that was is only known from its last sign of life."""
        self.evidence.disturbances.append(("gateway", at_ms))
        self.evidence.excuses.append(("kill", at_ms, now_ms()))

    def stop(self, seconds=20):
        begin, t = now_ms(), time.monotonic()
        self.evidence.disturbances.append(("broker", begin))
        status = self.gw.stop(seconds)
        self.evidence.excuses.append(("stop", begin, now_ms()))
        return status, time.monotonic() - t

    def reload(self, body, signal_only=False):
        """What is under way on the wire to a meter that the new file changes is lost; so the others are not excused."""
        old = {m.name: self.meter_in(self.gw_body, m) for m in self.meters}
        self.gw_body = body
        self.gw.configure(body)
        begin = now_ms()
        if signal_only:
            self.gw.process.send_signal(signal.SIGHUP)
        else:
            self.gw.reload()
        changed = {m.name for m in self.meters if self.meter_in(body, m) != old[m.name]}
        # What had left may be answered for as long as its timeout.
        self.evidence.excuses.append(("stop", begin, now_ms() + max(200, self.timeout_ms), changed))
        self.evidence.disturbances.append(("broker", begin))

    @staticmethod
    def meter_in(body, m):
        """All that the file says of a meter and its line."""
        return [l for l in body.split("\n") if '"%s"' % m.name in l or 'name = "%s"; ' % m.line in l and "timeout" in l]

    def broker_down(self, kill=True):
        self.evidence.disturbances.append(("broker", now_ms()))
        self.broker_proxy.tell("refuse")
        if kill:
            self.broker.kill()
        self.broker_proxy.tell("drop")

    def broker_up(self):
        """The recorder first, then the way for the gateway."""
        if self.broker.process.poll() is not None:
            self.recorder.ready.clear()
            self.broker.start()
        assert self.recorder.ready.wait(30), "the recorder does not come back"
        self.evidence.disturbances.append(("broker", now_ms()))
        self.broker_proxy.tell("accept")

    def cut_meters(self, line, reset=True):
        begin = now_ms()
        self.proxies[line].tell("rst" if reset else "drop")
        self.evidence.excuses.append(("cut", begin, now_ms()))

    def waiting(self, lane):
        return self.gw.publisher(lane)["waiting"]

    def drained(self, lane="mqtt", seconds=60, under=None):
        """Until nothing but what comes new waits; how long that took."""
        begun = time.monotonic()
        under = under or max(6, 2 * len(self.meters))

        def empty():
            p = self.gw.publisher(lane)
            return p["connected"] and p["waiting"] < under and p["on_disk"] < under
        assert wait_until(empty, seconds, 0.1), "%s is not drained: %s" % (lane, self.gw.publisher(lane))
        return time.monotonic() - begun

    def settle(self):
        """What is stopped while it is not connected keeps the rest on disk, rightly, and the judge would miss it."""
        few, quiet, end = max(6, 2 * len(self.meters)), 0, time.monotonic() + 20
        while quiet < 3 and time.monotonic() < end:
            time.sleep(0.15)
            calm = all(p["connected"] and p["waiting"] <= few for p in self.gw.status()["publishers"])
            quiet = quiet + 1 if calm else 0

    # ---- Judging ----

    def rows(self):
        if self.want_influx == "stub":
            lines = [checker.parse_line(l) for l in list(self.influx.stored)]
            self.evidence.gaps["influxdb"] = _distinct([dict(f, ts=t) for m, _, f, t in lines if m == "gaps"])
            return [(tags["meter"], ms, fields) for m, tags, fields, ms in lines if m == "meters"]
        self.evidence.gaps["influxdb"] = self.influx.query("SELECT * FROM gaps", "plant")
        rows = []
        for m in self.meters:
            for r in self.influx.query("SELECT * FROM meters WHERE meter='%s'" % m.name, "plant"):
                rows.append((m.name, r["time"], {p: r[p] for p in m.points if r.get(p) is not None}))
        return rows

    def finish(self, stop=True):
        """Stops the gateway in order, collects what was seen, and judges."""
        self.before_stop = None
        if stop and self.gw.process.poll() is None:
            self.settle()
            self.before_stop = self.gw.status()
            status, _ = self.stop()
            assert status == 0, "the gateway ended with %s: %s" % (status, self.gw.log()[-2000:])
        if self.recorder:
            wait_until(lambda: any(t.endswith("mill/status") and p == b"offline" for _, t, p, _ in self.recorder.arrived[-50:]), 3)
            self.evidence.states = self.recorder.states()
            self.evidence.gaps["mqtt"] = _distinct([d for _, d in self.recorder.documents("mill/gaps")])
        if self.want_influx:
            self.evidence.rows = self.rows()
        self.evidence.reads.clear()
        with open(self.witness.name) as f:
            self.evidence.read_witness(f.read())
        self.verdict = checker.judge(self.evidence, spill_ms=self.spill_ms)
        return self.verdict

    def __exit__(self, *exc):
        self.close()

    def close(self):
        gw, self.gw = self.gw, None
        if gw:
            if gw.process and gw.process.poll() is None:
                gw.process.send_signal(signal.SIGCONT)
            gw.__exit__()
            if gw.notify:
                gw.notify.close()
        for p in [*self.proxies.values(), getattr(self, "broker_proxy", None), getattr(self, "influx_proxy", None)]:
            if p:
                p.close()
        while self.stack:
            self.stack.pop().__exit__(None, None, None)
        if hasattr(self, "witness"):
            self.witness.close()


def _distinct(gaps):
    """A gap record may come twice, as everything may."""
    seen = []
    for g in gaps:
        key = {k: v for k, v in g.items() if k not in ("ts", "time")}
        if key not in [{k: v for k, v in s.items() if k not in ("ts", "time")} for s in seen]:
            seen.append(g)
    return seen


__all__ = ["BUILD", "Daemon", "HttpStub", "Influx", "Mosquitto", "NotBuilt", "Proxy", "ROOT", "Recorder", "Rig", "Skip", "built",
           "checker", "free_port", "now_ms", "system_gateway", "threading", "tool", "wait_until"]
