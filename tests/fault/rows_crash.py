# SPDX-License-Identifier: Apache-2.0
"""Beyond the matrix: crash loops, power cuts, a museum of damaged files, reload storms, random schedules."""
import glob
import os
import random
import re
import shutil
import threading
import time

import museum
from rig import HERE, Rig, now_ms, wait_until
from row import row
from schedule import Schedule


def kills(t, rounds, mode):
    """kill -9 at random moments of a gateway under load."""
    chance = random.Random(t.seed)
    with Rig(lines=2, meters=3, every_ms=50) as rig:
        flap = Flapper(rig, chance) if mode == "flapping" else None
        if mode == "down":
            rig.broker_down()
            rig.influx.judge = lambda r: 503
        slowest = 0
        for _ in range(rounds):
            rig.run(chance.uniform(0.02, 0.9))
            rig.kill()
            rig.start()
            slowest = max(slowest, rig.gw.start_s)
        if flap:
            flap.end()
        if mode == "down":
            rig.influx.judge = lambda r: 204
            rig.broker_up()
        back = time.monotonic()
        rig.drained("mqtt", 120, 40)
        t.note(recovery_s=time.monotonic() - back)
        rig.drained("influxdb", 120, 40)
        rig.run(0.5)
        f = t.judged(rig, rig.finish(), delay=False)
        t.note(kill_rounds=rounds, slowest_start_s=round(slowest, 2))
        t.measure(f.get("oldest_lost_ms", 0))


class Flapper:
    """The broker and the database come and go by themselves."""

    def __init__(self, rig, chance):
        self.rig, self.chance, self.stop = rig, random.Random(chance.random()), threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while not self.stop.wait(self.chance.uniform(0.1, 0.7)):
            self.rig.broker_proxy.tell("blackhole")  # what is sent now is under way when the connection breaks
            self.stop.wait(0.2)
            self.rig.broker_down(kill=False)
            self.rig.broker_proxy.tell("clear")
            self.rig.influx.script = [self.chance.choice([503, "drop", 204]) for _ in range(2)]
            self.stop.wait(self.chance.uniform(0.1, 0.7))
            self.rig.broker_up()

    def end(self):
        self.stop.set()
        self.thread.join()
        self.rig.influx.script = []
        self.rig.broker_proxy.tell("accept")


AGE = "oldest reading lost before a kill (spill time 300 ms)"


@row("K1", "70 kills at random moments, broker up: " + AGE, 800, "ms")
def killed_up(t):
    kills(t, 70, "up")


@row("K2", "70 kills at random moments, broker and database down: " + AGE, 800, "ms")
def killed_down(t):
    kills(t, 70, "down")


@row("K3", "70 kills at random moments, broker and database flapping: " + AGE, 800, "ms")
def killed_flapping(t):
    kills(t, 70, "flapping")


@row("K0", "6 kills at random moments, broker flapping: " + AGE, 800, "ms", fast=True)
def killed_few(t):
    kills(t, 6, "flapping")


def cut_power(t, rounds):
    """The shim loses some of what was not synced, tears a write, and ends the process. Returns the slowest start."""
    chance = random.Random(t.seed)
    slowest, cuts = 0, 0
    for durability in ("spill", "always"):
        with Rig(lines=2, meters=3, every_ms=50, shim=True, storage='durability = "%s";' % durability) as rig:
            rig.run(0.5)
            if durability == "spill":
                rig.broker_down()
                rig.influx.judge = lambda r: 503
            for _ in range(rounds // 2):
                rig.disk("cut=%d seed=%d" % (chance.randrange(3, 60), chance.randrange(1, 2**32)))
                gone = wait_until(lambda: rig.gw.process.poll() is not None, 40, 0.005)
                if not t.expect(gone, "nothing was written in 40 s"):
                    break
                cuts += 1
                rig.died(now_ms())
                rig.disk("")
                rig.start()
                slowest = max(slowest, rig.gw.start_s)
            rig.influx.judge = lambda r: 204
            if durability == "spill":
                rig.broker_up()
            back = time.monotonic()
            rig.drained("mqtt", 60)
            t.note(recovery_s=time.monotonic() - back)
            rig.drained("influxdb", 60)
            rig.run(0.5)
            f = t.judged(rig, rig.finish(), delay=False)
            t.expect(not glob.glob(rig.gw.outbox + ".corrupt*"), "a power cut left a damaged file: %s" % os.listdir(rig.gw.state))
            t.note(**{"oldest_lost_%s_ms" % durability: f.get("oldest_lost_ms", 0)})
    t.note(power_cuts=cuts)
    return slowest


STREAM = 'streams: ( { name = "heat"; resource = "heat"; direction = "out"; value = "5 kW + 0 * m0.first * 1 kW"; } );\n'


def remove_all(path):
    for p in glob.glob(path + "*"):
        (shutil.rmtree if os.path.isdir(p) else os.unlink)(p)


def damaged(t, name, prepare):
    """Every exhibit in the place of a sound file: the gateway polls within seconds, or says why it does not start."""
    chance = random.Random(t.seed)
    failed, slowest, shown = 0, 0, 0
    with Rig(lines=1, meters=3, more=STREAM) as rig:
        prepare(rig)
        path = os.path.join(rig.gw.state, name)
        with open(path, "rb") as f:
            sound = f.read()
        state = os.path.join(rig.gw.dir, "sound")
        shutil.copytree(rig.gw.state, state)
        for exhibit, content in museum.exhibits(sound, chance, rig.gw.dir):
            shutil.rmtree(rig.gw.state)
            shutil.copytree(state, rig.gw.state)
            remove_all(path)
            with open(path, "wb") as f:
                f.write(content)
            os.chmod(path, 0o600)
            shown += 1
            rig.evidence.disturbances.append(("broker", now_ms()))
            rig.run(1)  # the old copy has an old epoch; the clock's second is what tells the runs apart
            try:
                rig.start()
                slowest = max(slowest, rig.gw.start_s)
                assert wait_until(lambda: all(m["readings"] > 3 for m in rig.gw.status()["meters"]), 10), "it does not poll"
                if exhibit in ("foreign-database", "text", "noise", "format-negative"):
                    assert glob.glob(path + ".corrupt-*"), "a file of somebody else was not set aside: %s" % os.listdir(rig.gw.state)
                    asides = [open(p, "rb").read() for p in glob.glob(path + ".corrupt-*")]
                    assert content in asides, "what was set aside is not what was there"
                status = rig.gw.stop()
                assert status == 0, "it ended with %s" % status
            except (AssertionError, RuntimeError, OSError) as e:
                failed += 1
                t.expect(False, "%s (seed %d): %s; %s" % (exhibit, t.seed, e, rig.gw.log()[-700:]))
                if rig.gw.process.poll() is None:
                    rig.gw.kill()
        # Whatever came out of damaged files must be what meters have said, with its right name.
        rig.evidence.excuses.append(("stop", rig.begun_ms, now_ms()))
        rig.evidence.clock_changes = True
        verdict = rig.finish()
        verdict.violations[:] = [v for v in verdict.violations if v.startswith("values_are") or "different contents" in v]
        t.judged(rig, verdict, delay=False)
        t.note(exhibits=shown, slowest_start_s=round(slowest, 2))
        t.measure(failed)


@row("M1", "20 damaged outboxes: starts that fail, hang or take the damage for good", 0, "outboxes")
def damaged_outboxes(t):
    def prepare(rig):
        rig.run(0.5)
        rig.broker_down()
        rig.influx.judge = lambda r: 503
        rig.run(3)
        rig.stop()
        rig.influx.judge = lambda r: 204
        rig.broker_up()
    damaged(t, "outbox.db", prepare)


@row("M2", "20 damaged ledgers: starts that fail, hang or take the damage for good", 0, "ledgers")
def damaged_ledgers(t):
    def prepare(rig):
        rig.run(3)
        rig.stop()
    damaged(t, "ledger.db", prepare)


@row("R1", "80 reloads under load, one in five with a mistake, meters and publishers changing: readings lost", 0, "readings", fast=True)
def reloads(t):
    chance = random.Random(t.seed)
    with Rig(lines=2, meters=4, every_ms=50, serial=2) as rig:
        rig.run(0.5)
        descriptors, memory = rig.gw.descriptors(), rig.gw.memory_kib()
        for i in range(80):
            some = [m for m in rig.meters if chance.random() < 0.8]
            body = rig.body(some)
            if chance.random() < 0.3:
                body = body.replace('batch_age = "100 ms"', 'batch_age = "%d ms"' % chance.randrange(50, 200))
            if i % 5 == 4:
                rig.gw.configure(body.replace("every", "evry", 1))
                rig.gw.reload()
            else:
                rig.reload(body)
            if chance.random() < 0.3:
                rig.run(chance.uniform(0, 0.2))
        rig.reload(rig.body())
        rig.run(1.5)
        t.note(more_descriptors=rig.gw.descriptors() - descriptors, more_memory_kib=rig.gw.memory_kib() - memory)
        t.expect(rig.gw.descriptors() - descriptors <= 2, "descriptors leak")
        rig.drained("mqtt")
        rig.drained("influxdb")
        f = t.judged(rig, rig.finish(), delay=False)
        t.measure(f["lost_mqtt"] + f["lost_influxdb"])


def kept_seeds():
    with open(os.path.join(HERE, "seeds.txt")) as f:
        return [int(line.split("#")[0]) for line in f if re.match(r"\d", line)]


def scheduled(t, seeds, seconds):
    broken, readings = 0, 0
    for seed in seeds:
        s = Schedule(seed, seconds)
        with s.rig:
            try:
                verdict = s.run()
                readings += verdict.figures["readings"]
                violations = verdict.violations
                t.notes["delay_ms"] = max(t.notes.get("delay_ms", 0), verdict.figures["delay_ms"])
            except (AssertionError, RuntimeError, OSError) as e:
                violations = ["%s: %s" % (type(e).__name__, e)]
            if violations:
                broken += 1
                t.expect(False, "seed %d (put it into tests/fault/seeds.txt): %s\n%s\n%s" % (
                    seed, " ".join(s.done), "\n".join(map(str, violations)), s.rig.gw.log()[-1500:]))
    t.note(schedules=len(seeds), seeds=" ".join(map(str, seeds)), readings=readings)
    t.measure(broken)


@row("S0", "one random schedule of faults of 8 s, and those that ever failed: schedules that broke a promise", 0, "schedules", fast=True)
def one_schedule(t):
    scheduled(t, kept_seeds()[:2] + [t.seed], 8)


@row("S1", "6 random schedules of faults, 30 s each: schedules that broke a promise", 0, "schedules")
def schedules(t):
    scheduled(t, [t.seed + i for i in range(6)], 30)
