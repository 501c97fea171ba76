# SPDX-License-Identifier: Apache-2.0
"""Rows 36 to 41: the disk under outbox and ledger. disk_shim.c makes it fail on order."""
import glob
import os
import random
import re
import subprocess
import time

from rig import ROOT, Rig, Skip, wait_until
from row import row
from rows_meters import by_name, share_missed


def outage(rig, words, seconds, broker=True):
    """The disk is as `words` say while the broker is away."""
    if broker:
        rig.broker_down()
    rig.run(1.5)
    rig.disk(words)
    before = by_name(rig.gw.status())
    rig.run(seconds)
    return share_missed(before, by_name(rig.gw.status()), list(before))


@row(36, "disk full while broker and database are away, memory_max 1 MiB: readings lost without being counted", 0, "readings")
def full(t):
    with Rig(lines=4, meters=5, every_ms=50, shim=True, storage='memory_max = "1 MiB";') as rig:
        rig.run(1)
        rig.influx.judge = lambda r: 503
        t.expect(outage(rig, "write=enospc free=0", 3) <= 5, "polling suffers")
        t.expect(wait_until(lambda: all(p["dropped"] > 500 for p in rig.gw.status()["publishers"]), 120, 0.2), "nothing has to go: %s" % rig.gw.status()["publishers"])
        s = rig.gw.status()["storage"]
        t.expect(s["failing"] and re.search("full|free", s["error"]), "no alarm: %s" % s)
        t.note(memory_mib=round(rig.gw.memory_kib() / 1024, 1))
        rig.disk("")
        back = time.monotonic()
        t.expect(wait_until(lambda: not rig.gw.status()["storage"]["failing"], 60, 0.1), "the disk is not used again")
        t.note(recovery_s=time.monotonic() - back)
        rig.influx.judge = lambda r: 204
        rig.broker_up()
        rig.drained("mqtt", 90, 60)
        rig.drained("influxdb", 90, 60)
        rig.run(2.5)
        f = t.judged(rig, rig.finish())
        t.expect(f["told"] > 500, "only %d dropped" % f["told"])
        t.note(dropped=f["told"], recorded_in_gaps=f["told"], dropped_influxdb=f.get("holes_influxdb", 0))
        t.measure(abs(f["holes"] - f["told"]) + abs(f.get("holes_influxdb", 0) - f.get("told_influxdb", 0)))


@row("36t", "a real file system of 16 MiB (tmpfs) filled to the last byte: readings lost", 0, "readings", fast=True)
def small_filesystem(t):
    if os.geteuid() != 0:
        raise Skip("mounting takes root")

    class Mounted(Rig):
        def before_start(self):
            os.mkdir(self.gw.state, 0o700)
            self.gw.prefix = ["unshare", "-m", "sh", "-c", "mount -t tmpfs -o size=16m none '%s' && exec \"$@\"" % self.gw.state, "sh"]
    with Mounted(lines=2, meters=4, every_ms=50) as rig:
        rig.run(1)
        rig.broker_down()
        rig.run(1.5)
        inside = "/proc/%d/root%s/filler" % (rig.gw.pid(), rig.gw.state)
        with open(inside, "wb", buffering=0) as f:
            for size in (65536, 4096, 512, 1):
                try:
                    while f.write(b"x" * size):
                        pass
                except OSError:
                    pass
        t.expect(wait_until(lambda: rig.gw.status()["storage"]["failing"], 30, 0.1), "no alarm")
        rig.run(2)
        os.unlink(inside)
        back = time.monotonic()
        t.expect(wait_until(lambda: not rig.gw.status()["storage"]["failing"], 60, 0.1), "the disk is not used again")
        t.note(recovery_s=time.monotonic() - back)
        rig.broker_up()
        rig.drained("mqtt")
        f = t.judged(rig, rig.finish())
        t.measure(f["lost_mqtt"])


@row(37, "write and fsync fail with EIO, half writes, in turn, broker away: readings lost", 0, "readings")
def input_output(t):
    with Rig(lines=2, meters=4, shim=True) as rig:
        rig.run(0.5)
        missed = outage(rig, "write=eio", 2)
        for words in ("sync=eio", "write=short", "read=eio", "write=eio after=3"):
            rig.disk("")
            rig.run(1)
            rig.disk(words)
            rig.run(1.5)
        s = rig.gw.status()["storage"]
        t.expect(s["failing"], "no alarm: %s" % s)
        t.expect(missed <= 5, "%.1f %% of polls missed" % missed)
        rig.disk("")
        back = time.monotonic()
        t.expect(wait_until(lambda: not rig.gw.status()["storage"]["failing"], 90, 0.1), "the disk is not used again")
        t.note(recovery_s=time.monotonic() - back)
        rig.broker_up()
        rig.drained("mqtt")
        f = t.judged(rig, rig.finish())
        t.measure(f["lost_mqtt"])


@row(38, "every fsync takes 2 s, then 5 s: polls missed", 5, "%")
def slow(t):
    with Rig(lines=2, meters=4, shim=True) as rig:
        rig.run(0.5)
        missed = outage(rig, "slow_sync=2000", 5)
        rig.disk("slow_sync=5000")
        before = by_name(rig.gw.status())
        rig.run(6)
        missed = max(missed, share_missed(before, by_name(rig.gw.status()), list(before)))
        rig.disk("")
        rig.broker_up()
        t.note(recovery_s=rig.drained("mqtt"))
        t.judged(rig, rig.finish())
        t.measure(missed)


@row(39, "the file system becomes read-only with the broker away, then writable again: readings lost", 0, "readings")
def read_only(t):
    with Rig(lines=2, meters=4, shim=True) as rig:
        rig.run(0.5)
        t.expect(outage(rig, "write=erofs sync=eio", 4) <= 5, "polling suffers")
        t.expect(rig.gw.status()["storage"]["failing"], "no alarm")
        rig.disk("")
        back = time.monotonic()
        t.expect(wait_until(lambda: not rig.gw.status()["storage"]["failing"], 90, 0.1), "the disk is not used again")
        t.note(recovery_s=time.monotonic() - back)
        rig.broker_up()
        rig.drained("mqtt")
        f = t.judged(rig, rig.finish())
        t.measure(f["lost_mqtt"])


@row(40, "a page of the outbox is overwritten at random, before a start and while it runs: reading again within", 5, "s")
def corrupt(t):
    chance = random.Random(t.seed)
    with Rig(lines=2, meters=4, influx=None) as rig:
        rig.run(0.5)
        rig.broker_down()
        rig.run(3)
        rig.stop()   # all of it is in the file now, not in its log
        rig.start()
        rig.run(0.3)
        rig.kill()
        size = os.path.getsize(rig.gw.outbox)
        with open(rig.gw.outbox, "r+b") as f:
            for at in (4096, chance.randrange(1, max(2, size // 4096)) * 4096):
                f.seek(at)
                f.write(chance.randbytes(4096))
        rig.start()
        t.measure(rig.gw.start_s)
        asides = glob.glob(rig.gw.outbox + ".corrupt-*")
        t.expect(asides, "nothing was set aside: %s" % os.listdir(rig.gw.state))
        t.expect(re.search("corrupt|damaged|malformed", rig.gw.log()), "nobody is told")
        rig.run(1.5)
        with open(rig.gw.outbox, "r+b") as f:
            f.seek(8192)
            f.write(chance.randbytes(8192))
        rig.run(2)
        rig.broker_up()
        t.note(recovery_s=rig.drained("mqtt"))
        # What stood only in the damaged file is gone, and cannot be counted by anybody.
        rig.evidence.excuses.append(("kill", rig.begun_ms, time.time() * 1000))
        verdict = rig.finish()
        verdict.violations[:] = [v for v in verdict.violations if not v.startswith("gaps_say")]
        t.judged(rig, verdict)


@row(41, "flash wear: bytes written by a healthy gateway in 10 s; per reading in an outage: see the figures", 0, "bytes")
def wear(t):
    with Rig(lines=4, meters=5, every_ms=100, spill="1 s", storage='endurance = "24 TB";') as rig:
        rig.run(2)
        before = rig.gw.status()["storage"]["bytes_written"]
        rig.run(10)
        t.measure(rig.gw.status()["storage"]["bytes_written"] - before)
        rig.influx.judge = lambda r: 503
        rig.broker_down()
        rig.run(2)
        s, n = rig.gw.status(), 0
        begin, n = s["storage"]["bytes_written"], sum(m["readings"] for m in s["meters"])
        rig.run(10)
        s = rig.gw.status()
        wear = s["storage"]
        t.expect(wear["bytes_per_day"] > 1e6 and 0 < wear["flash_years"] < 1e6, "status does not tell of the wear: %s" % wear)
        t.note(status_bytes_per_day=wear["bytes_per_day"], status_flash_years=round(wear["flash_years"], 1))
        spent, more = s["storage"]["bytes_written"] - begin, sum(m["readings"] for m in s["meters"]) - n
        t.note(flash_bytes_per_reading_healthy=t.measured / 2000.0, flash_bytes_per_reading_in_outage_two_publishers=round(spent / more, 1))
        t.expect(spent / more < 600, "%.0f bytes per reading in an outage" % (spent / more))
        rig.influx.judge = lambda r: 204
        rig.broker_up()
        rig.drained("mqtt")
        rig.drained("influxdb", 90)
        t.judged(rig, rig.finish())


@row("O1", "the outbox alone on failing, full and slow disks, and 100 power cuts (tests/fault/outbox.sh): tests that fail", 0, "tests")
def outbox_alone(t):
    r = subprocess.run([os.path.join(ROOT, "tests/fault/outbox.sh")], cwd=ROOT, capture_output=True, text=True, timeout=380)
    said = r.stdout + r.stderr
    t.expect(r.returncode == 0, said[-1500:])
    t.note(tests=sum(int(n) for n in re.findall(r"(\d+) passed, 0 failed", said)))
    t.measure(len(re.findall(r"FAILED", said)) + (r.returncode != 0))
