# SPDX-License-Identifier: Apache-2.0
"""Random things done to a gateway, the same for the same seed; the checker judges what came of it."""
import random
import time

from rig import Rig, now_ms, wait_until

METER_FAULTS = ["silence", "exception", "late delay_ms=400", "torn", "close", "garbage", "wrong_transaction", "wrong_protocol",
                "wrong_length", "wrong_unit", "wrong_function", "wrong_count", "bad_exception", "stray", "duplicate",
                "drip delay_ms=100"]
DISK_FAULTS = ["write=eio", "sync=eio", "write=short", "write=enospc free=0", "write=erofs", "slow_sync=700", "slow_write=50",
               "write=eio after=2", "read=eio"]
ANSWERS = [503, 429, 500, "hang", "drop", (400, b'{"message":"no"}'), 413]


class Schedule:
    """The line l0 and its meters are the ones that misbehave; nothing that is done to them excuses a loss elsewhere."""

    def __init__(self, seed, seconds=30):
        self.seed, self.seconds, self.done = seed, seconds, []
        self.chance = random.Random(seed)
        self.rig = Rig(lines=3, meters=3, every_ms=self.chance.choice([40, 100, 250]), timeout="250 ms", shim=True, meter_proxies=True,
                       influx_more="connect_timeout = \"1 s\";", polling='probe_first = "300 ms"; probe_cap = "1 s";', serial=2,
                       storage='durability = "%s";' % self.chance.choice(["spill", "spill", "always"]))
        self.bad = {m.name for m in self.rig.meters if m.line == "l0"}
        self.rig.evidence.faulty = {m.name for m in self.rig.meters if m.line in ("l0", "l1")}  # l1 is cut
        self.broker_is_up = True

    # ---- What may happen ----

    def broker(self):
        if self.broker_is_up:
            self.rig.broker_down(kill=self.chance.random() < 0.5)
        else:
            self.rig.broker_up()
        self.broker_is_up = not self.broker_is_up

    def broker_hiccup(self):
        self.rig.evidence.disturbances.append(("broker", now_ms()))
        self.rig.broker_proxy.tell("blackhole")
        time.sleep(self.chance.uniform(0, 0.4))
        self.rig.evidence.disturbances.append(("broker", now_ms()))
        self.rig.broker_proxy.tell(self.chance.choice(["rst", "drop"]))
        self.rig.broker_proxy.tell("clear")

    def database(self):
        self.rig.influx.script = [self.chance.choice(ANSWERS[:5]) for _ in range(self.chance.randrange(1, 4))]

    def meter_fault(self):
        self.rig.plant.ask("fault %s %s probability=0.3" % (self.chance.choice(sorted(self.bad)), self.chance.choice(METER_FAULTS)))

    def meters_sound(self):
        for m in self.bad:
            self.rig.plant.ask("clear " + m)

    def cut(self):
        begin = now_ms()
        self.rig.proxies["l1"].tell(self.chance.choice(["rst", "drop"]))
        self.rig.evidence.excuses.append(("cut", begin - 50, now_ms() + 50, {m.name for m in self.rig.meters if m.line == "l1"}))

    def disk(self):
        self.rig.disk(self.chance.choice(DISK_FAULTS))

    def disk_sound(self):
        self.rig.disk("")

    def kill(self):
        # While the disk fails, what waits in memory is lost with the process: such kills are a row of their own.
        self.rig.disk("")
        assert wait_until(lambda: not self.rig.gw.status()["storage"]["failing"], 90, 0.1), "the disk is not used again"
        time.sleep(0.5)
        self.rig.kill()
        self.rig.start()

    def restart(self):
        self.rig.disk("")
        assert wait_until(lambda: not self.rig.gw.status()["storage"]["failing"], 90, 0.1), "the disk is not used again"
        status, _ = self.rig.stop()
        assert status == 0, "it ended with %s" % status
        self.rig.start()

    def reload(self):
        leave = self.chance.sample(self.rig.meters, self.chance.randrange(0, 3))
        body = self.rig.body([m for m in self.rig.meters if m not in leave])
        if self.chance.random() < 0.3:
            body = body.replace('batch_age = "100 ms"', 'batch_age = "%d ms"' % self.chance.randrange(50, 200))
        self.rig.reload(body)

    ACTIONS = [(broker, 3), (broker_hiccup, 2), (database, 3), (meter_fault, 4), (meters_sound, 2), (cut, 2), (disk, 2), (disk_sound, 2),
               (kill, 2), (restart, 1), (reload, 2)]

    # ---- Running ----

    def run(self):
        """The checker's verdict."""
        actions = [a for a, n in self.ACTIONS for _ in range(n)]
        rig = self.rig
        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            time.sleep(self.chance.uniform(0.05, 1.2))
            action = self.chance.choice(actions)
            self.done.append(action.__name__)
            action(self)
        rig.disk("")
        self.meters_sound()
        rig.influx.script = []
        if not self.broker_is_up:
            rig.broker_up()
        rig.reload(rig.body())
        wait_until(lambda: not rig.gw.status()["storage"]["failing"], 90, 0.1)
        rig.drained("mqtt", 120, 40)
        rig.drained("influxdb", 120, 40)
        rig.run(1)
        rig.evidence.reads.clear()
        with open(rig.witness.name) as f:
            rig.evidence.read_witness(f.read())
        # A meter that spoils its answers has its line's connection closed, and its neighbours on it wait for it.
        rig.evidence.excuses.append(("cut", rig.begun_ms, now_ms(), self.bad))
        return rig.finish()
