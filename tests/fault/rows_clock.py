# SPDX-License-Identifier: Apache-2.0
"""Rows 42 to 46: clocks and power. libfaketime moves the wall clock of the daemon alone."""
import os
import re
import signal
import time

from rig import ROOT, Rig, now_ms, wait_until
from row import row
from rows_meters import by_name


def same_order(docs):
    """Sequence numbers of a meter without a repeat or a hole."""
    return all(a["seq"] + 1 == b["seq"] for a, b in zip(docs, docs[1:]))


def per_meter(rig):
    docs = {}
    for _, m, d in rig.recorder.states():
        docs.setdefault(m, []).append(d)
    return docs


@row(42, "the clock says 1970 at the start and is set after 4 s: readings published with a wrong time", 0, "readings", fast=True)
def unset(t):
    with Rig(lines=2, meters=2, faketime="@1970-01-02 00:00:00") as rig:
        rig.run(4)
        early = len(rig.recorder.states())
        t.expect(rig.gw.status()["clock_set"] is False, "status does not say that the clock is not set")
        set_at = now_ms()
        rig.set_clock("+0")
        assert wait_until(lambda: len(rig.recorder.states()) > 100, 20), rig.gw.log()
        t.note(recovery_s=(now_ms() - set_at) / 1000, published_while_unset=early)
        rig.run(1)
        f = t.judged(rig, rig.finish(), delay=False)
        wrong = 0
        for (meter, point), reads in rig.evidence.reads.items():
            times = {read: ms for ms, read, _ in reads}
            for _, m, d in rig.evidence.states:
                if m == meter and abs(d["ts"] - times[round(d[point]) % 10**8]) > 1000:
                    wrong += 1
        t.expect(f["readings"] > 150, "only %d readings" % f["readings"])
        t.measure(wrong)


@row(43, "the clock steps -3 h, +10 years, back: polls more or fewer than usual within 6 s", 4, "polls")
def steps(t):
    with Rig(lines=2, meters=2, faketime="+0") as rig:
        rig.evidence.clock_changes = True
        rig.run(1)
        worst = 0
        for offset in ("-3h", "+10y", "+0"):
            before = by_name(rig.gw.status())
            begun = time.monotonic()
            rig.set_clock(offset)
            rig.run(6)
            after, took = by_name(rig.gw.status()), time.monotonic() - begun
            for name in before:
                worst = max(worst, abs(after[name]["cycles"] - before[name]["cycles"] - took * 10))
        t.expect(all(same_order(d) for d in per_meter(rig).values()), "numbers are missing or twice")
        steps_seen = rig.gw.status()["clock_steps"]
        t.expect(steps_seen >= 2 and re.search("clock: it moved by -10800", rig.gw.log()), "%d steps of the clock are told" % steps_seen)
        f = t.judged(rig, rig.finish(), delay=False)
        t.expect(f["lost_mqtt"] == 0, "%d lost" % f["lost_mqtt"])
        t.measure(worst)


@row(44, "everything stands still for 20 s (suspend): requests in the first second after, beyond the usual 160", 40, "requests")
def suspend(t):
    with Rig(lines=2, meters=4, every_ms=100) as rig:
        rig.run(1)
        missed = sum(m["missed"] for m in rig.gw.status()["meters"])
        rig.evidence.disturbances.append(("broker", now_ms()))
        begin = now_ms()
        os.kill(rig.gw.pid(), signal.SIGSTOP)
        rig.run(20)
        before = rig.plant.stats()["requests"]
        os.kill(rig.gw.pid(), signal.SIGCONT)
        rig.run(1)
        n = rig.plant.stats()["requests"] - before
        rig.evidence.excuses.append(("cut", begin, begin + 1500))
        t.expect(sum(m["missed"] for m in rig.gw.status()["meters"]) - missed > 1000, "what was missed is not counted")
        rig.drained("mqtt")
        t.judged(rig, rig.finish(), delay=False)
        t.measure(n - 160)


@row(45, "20 power cuts in the middle of writing (torn and unsynced writes lost): slowest start after one", 5, "s")
def power_cuts(t):
    from rows_crash import cut_power
    t.measure(cut_power(t, 20))


@row(46, "20 kills right after the start (brown-out): starts that did not come up", 0, "starts", fast=True)
def brown_out(t):
    import random
    chance = random.Random(t.seed)
    with Rig(lines=1, meters=3) as rig:
        rig.run(0.5)
        rig.kill()
        failed = 0
        for _ in range(20):
            begin = now_ms()
            rig.gw.spawn()
            time.sleep(chance.uniform(0.005, 0.25))
            rig.evidence.disturbances.append(("gateway", now_ms()))
            rig.gw.kill()
            rig.evidence.excuses.append(("kill", begin, now_ms()))
        try:
            rig.start()
        except RuntimeError as e:
            failed += 1
            t.expect(False, str(e))
        t.note(recovery_s=rig.gw.start_s)
        with open(os.path.join(ROOT, "systemd/symbiontd.service.in")) as f:
            unit = f.read()
        t.expect("StartLimitIntervalSec=0" in unit and "Restart=" in unit, "the service manager would give up")
        rig.run(1)
        t.judged(rig, rig.finish())
        t.measure(failed)


