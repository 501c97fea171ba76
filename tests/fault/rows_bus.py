# SPDX-License-Identifier: Apache-2.0
"""Rows 13 to 19: serial lines, here pseudo terminals, and RTU frames over TCP."""
import os
import re
import socket
import subprocess
import threading
import time

from rig import BUILD, Rig, now_ms, system_gateway, wait_until
from row import row
from rows_meters import by_name, rig_reads, share_missed


def bus(meters=3, **options):
    options.setdefault("timeout", "300 ms")
    return Rig(lines=0, meters=0, serial=meters, influx=options.pop("influx", None), **options)


@row(13, "a byte of noise before every fifth frame: polls lost", 0, "polls")
def noise(t):
    with bus() as rig:
        rig.run(0.5)
        for m in ("m0", "m1", "m2"):
            rig.plant.ask("fault %s noise every=5" % m)
        rig.run(6)
        rig.plant.ask("clear *")
        rig.run(0.5)
        f = t.judged(rig, rig.finish())
        struck = sum(fault == "noise" for m in rig.meters for _, _, fault in rig_reads(rig, m.name))
        t.expect(struck > 20, "only %d frames had noise" % struck)
        t.note(frames_with_noise=struck)
        t.measure(f["lost_mqtt"])


@row(14, "a tenth of all frames with a wrong checksum, a twentieth garbage: wrong values", 0, "values", fast=True)
def checksums(t):
    with bus() as rig:
        rig.run(0.5)
        rig.plant.ask("fault * crc probability=0.1")
        rig.plant.ask("fault * garbage probability=0.05")
        rig.plant.ask("fault * wrong_unit probability=0.05")
        rig.run(6)
        rig.plant.ask("clear *")
        rig.run(1.5)
        f = t.judged(rig, rig.finish(), delay=False)
        t.expect(f["spoilt"] > 10, "only %d frames were spoilt" % f["spoilt"])
        t.expect(rig.before_stop["lines"][0]["refused_answers"].get("checksum does not match"), "not counted")
        t.note(spoilt_frames=f["spoilt"])
        t.measure(sum(v.startswith("values_are_theirs") for v in rig.verdict.violations))


@row(15, "answers that come during the next question: late answers taken for others", 0, "answers", fast=True)
def late(t):
    with bus(every_ms=200) as rig:
        rig.run(0.5)
        rig.plant.ask("fault m0 late every=3 delay_ms=350")
        rig.plant.ask("fault m1 late every=4 delay_ms=550")
        rig.run(8)
        rig.plant.ask("clear *")
        rig.run(1.5)
        f = t.judged(rig, rig.finish(), delay=False)
        t.expect(f["spoilt"] >= 6, "only %d answers were late" % f["spoilt"])
        t.note(late_answers=f["spoilt"])
        t.measure(sum("spoilt" in v or "after read" in v for v in rig.verdict.violations))


@row(16, "one unit of four silent: polls missed by the other three", 10, "%")
def silent(t):
    with bus(meters=4, every_ms=250) as rig:
        rig.evidence.faulty = {"m0"}
        rig.run(1)
        rig.plant.ask("fault m0 silence")
        assert wait_until(lambda: by_name(rig.gw.status())["m0"]["state"] == "down", 20)
        before = by_name(rig.gw.status())
        rig.run(8)
        after = by_name(rig.gw.status())
        t.measure(share_missed(before, after, ["m1", "m2", "m3"]))
        rig.plant.ask("clear m0")
        back = time.monotonic()
        t.expect(wait_until(lambda: by_name(rig.gw.status())["m0"]["state"] == "up", 90), "it does not come back")
        t.note(recovery_s=time.monotonic() - back)
        rig.run(0.5)
        t.judged(rig, rig.finish())


@row("16r", "a meter is removed by a reload while its question waits behind a silent unit: questions it is still asked", 0, "questions")
def removed_while_waiting(t):
    """Found by the soak: it was asked once more, and the answer belonged to nobody."""
    with bus(meters=3, every_ms=100, timeout="1 s", polling='probe_cap = "1 s";') as rig:
        rig.run(1)
        late = 0
        for i in range(8):
            rig.plant.ask("fault m0 silence")
            rig.run(0.7 + 0.13 * i)  # m1 and m2 wait for the bus, somewhere in m0's second
            rig.reload(rig.body([m for m in rig.meters if m.name != "m2"]))
            over = now_ms()
            rig.run(2.5)
            rig.plant.ask("clear m0")
            with open(rig.witness.name) as f:
                # What had left before the reload may be answered after it.
                late += sum(w[1] == "m2" and over + 100 < int(w[0]) for w in (l.split(" ") for l in f.read().splitlines()) if len(w) == 5)
            seen = rig.recorder.documents("m2/state")[-1][0]
            rig.reload(rig.body())
            t.expect(wait_until(lambda: rig.recorder.documents("m2/state")[-1][0] > seen, 20), "m2 does not come back")
        rig.evidence.cycle_ms = 2500  # its second question waits for m0's time and for the silence after it
        rig.run(1)
        t.judged(rig, rig.finish(), delay=False)
        t.measure(late)


@row(17, "the adapter is unplugged and comes back as another device, probe_cap 2 s: readings within", 8, "s")
def unplugged(t):
    with bus(polling='probe_cap = "2 s";') as rig:
        rig.run(1)
        begin, cpu = time.time() * 1000, rig.gw.cpu_s()
        first = os.readlink(os.path.join(rig.plant.dir, "tty"))
        rig.plant.ask("stop bus")
        assert wait_until(lambda: by_name(rig.gw.status())["m0"]["state"] == "down", 30), rig.gw.log()
        rig.run(3)
        t.expect(rig.gw.cpu_s() - cpu < 0.5, "it is busy while the port is gone")
        holder = os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY)  # takes the old number
        rig.plant.ask("start bus")
        t.note(same_device=int(os.readlink(os.path.join(rig.plant.dir, "tty")) == first))
        back = time.monotonic()
        t.expect(wait_until(lambda: by_name(rig.gw.status())["m0"]["state"] == "up", 90), "it does not come back")
        t.measure(time.monotonic() - back)
        t.note(recovery_s=t.measured)
        os.close(holder)
        rig.evidence.excuses.append(("cut", begin, time.time() * 1000))
        rig.run(0.5)
        t.judged(rig, rig.finish(), delay=False)


@row(18, "a second master wants the port: it is refused, and the holder is named", 1, "sentence", least=True, fast=True)
def second_master(t):
    with bus() as rig:
        rig.run(1)
        r = subprocess.run([os.path.join(BUILD, "symbiont"), "scan", "--serial", rig.plant.dir + "/tty", "--mode", "115200 8N1"],
                           capture_output=True, text=True, timeout=60, env=system_gateway.environment())
        said = r.stderr + r.stdout
        t.expect(r.returncode not in (0, -11, -6), "the second master is let in: %s" % said)
        t.measure(int(str(rig.gw.pid()) in said))
        if t.wrong:
            t.expect(False, said)
        rig.run(1)
        t.judged(rig, rig.finish())


class Echo:
    """An adapter that returns every byte it sends, before the answer comes."""

    def __init__(self, target):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port, self.target = self.server.getsockname()[1], target
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            there = socket.create_connection(("127.0.0.1", self.target))
            threading.Thread(target=self._pass, args=(client, there, True), daemon=True).start()
            threading.Thread(target=self._pass, args=(there, client, False), daemon=True).start()

    @staticmethod
    def _pass(a, b, echo):
        try:
            while True:
                data = a.recv(4096)
                if not data:
                    break
                if echo:
                    a.sendall(data)
                b.sendall(data)
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class OverTcp(Rig):
    def __init__(self, **options):
        super().__init__(lines=1, plant_line="rtu_over_tcp = true;", influx=None, **options)

    def line_text(self, name):
        self.echo = Echo(self.plant.ports[name])
        return '{ name = "%s"; rtu_over_tcp = "127.0.0.1:%d"; timeout = "%s"; }' % (name, self.echo.port, self.timeout)


@row(19, "an adapter that echoes our own bytes: polls lost", 0, "polls", fast=True)
def echo(t):
    with OverTcp(meters=2, timeout="300 ms", every_ms=200) as rig:
        rig.run(4)
        f = t.judged(rig, rig.finish())
        t.expect(f["readings"] > 20, "only %d readings" % f["readings"])
        t.expect(re.search("echo", rig.gw.log()), "it is not said that the adapter echoes")
        t.measure(f["lost_mqtt"])


