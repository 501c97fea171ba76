# SPDX-License-Identifier: Apache-2.0
"""Rows 31 to 35: what databases answer. The server is scripted; it keeps what it said it has stored."""
import os
import re
import time

from rig import HttpStub, Rig, now_ms, wait_until
from row import row
from rows_meters import by_name, share_missed


def influx(**options):
    options.setdefault("lines", 1)
    options.setdefault("meters", 3)
    return Rig(**options)


@row(31, "503 and 429 with Retry-After 3 s: requests before the time is up", 0, "requests")
def retry_after(t):
    with influx() as rig:
        rig.run(1)
        early = 0
        for status in (503, 429):
            rig.influx.script = [(status, {"Retry-After": "3"})]
            n = len(rig.influx.requests)
            assert wait_until(lambda: len(rig.influx.requests) >= n + 2, 20), rig.gw.log()
            refused, following = rig.influx.requests[n], rig.influx.requests[n + 1]
            early += following.at - refused.at < 2.9
            t.note(**{"waited_after_%d_s" % status: round(following.at - refused.at, 2)})
        t.note(recovery_s=rig.drained("influxdb"))
        f = t.judged(rig, rig.finish())
        t.expect(f["lost_influxdb"] == 0, "%d lost" % f["lost_influxdb"])
        t.measure(early)


@row(32, "400: one meter's lines are refused, the others' are good: good lines lost", 0, "lines", fast=True)
def partial(t):
    with influx() as rig:
        bad = "meter=m1,"
        rig.influx.judge = lambda r: (400, b'{"code":"invalid","message":"unable to parse \'%s\': bad"}' % next(
            l for l in r.lines if bad in l).encode()) if any(bad in l for l in r.lines) else 204
        rig.run(4)
        p = rig.gw.publisher("influxdb")
        t.expect(p["rejected"] > 10, "nothing is set aside: %s" % p)
        rig.influx.judge = lambda r: 204
        rig.run(0.5)
        rig.finish()
        kept = rig.gw.log()
        t.expect(re.search("refuses|unable to parse", kept), "nobody is told")
        lost = [v for v in rig.verdict.violations if "m1." not in v and "more" not in v and "gaps_say" not in v]
        for v in lost:
            t.expect(False, v)
        rows = {(m, f["first"] % 10**8) for m, _, f in rig.rows() if "first" in f}
        reads = {(m, r) for (m, p), rs in rig.evidence.reads.items() if p == "first" and m != "m1" for ms, r, _ in rs
                 if not any(k == "stop" and b - 250 <= ms <= e + 250 for k, b, e, *_ in rig.evidence.excuses)}
        t.note(delay_ms=rig.verdict.figures["delay_ms"], set_aside=p["rejected"])
        t.measure(len(reads - rows))


@row(33, "401: the token is revoked, the data is kept; delivered after the token file changes within", 5, "s")
def revoked(t):
    class Token(Rig):
        def body(self, *rest, **more):
            self.token = os.path.join(os.path.dirname(self.witness.name), os.path.basename(self.witness.name) + ".token")
            if not os.path.exists(self.token):
                self.write("old")
            return super().body(*rest, **more).replace('database = "plant";', 'org = "o"; bucket = "b"; token_file = "%s";' % self.token)

        def write(self, word):
            with open(self.token + ".new", "w") as f:
                os.chmod(self.token + ".new", 0o600)
                f.write(word + "\n")
            os.replace(self.token + ".new", self.token)

        def close(self):
            super().close()
            if os.path.exists(getattr(self, "token", "")):
                os.unlink(self.token)
    with Token(lines=1, meters=3) as rig:
        rig.influx.judge = lambda r: 204 if r.headers.get("authorization") == "Token new" else (401, b'{"code":"unauthorized","message":"unauthorized access"}')
        rig.run(4)
        p = rig.gw.publisher("influxdb")
        t.expect(p["waiting"] > 50 and p["delivered"] == 0, "not kept: %s" % p)
        t.expect(len(rig.influx.requests) <= 3, "%d requests: it hammers" % len(rig.influx.requests))
        t.expect(re.search("401|unauthorized", rig.gw.log()), "nobody is told")
        t.expect("old" not in rig.gw.log(), "the token is in the log")
        rig.write("new")
        back = time.monotonic()
        t.expect(wait_until(lambda: rig.gw.publisher("influxdb")["waiting"] < 20, 60, 0.1), "it does not recover: %s" % rig.gw.publisher("influxdb"))
        t.measure(time.monotonic() - back)
        t.note(recovery_s=t.measured)
        t.judged(rig, rig.finish())


@row(34, "no answer at all, connections dropped after the request: lines lost", 0, "lines")
def hangs(t):
    with influx(influx_more="") as rig:
        rig.reload(rig.body().replace('timeout = "5 s";', 'timeout = "1 s";'))
        rig.run(0.5)
        before = by_name(rig.gw.status())
        rig.influx.script = ["hang", "drop", "drop", "hang", "drop"]
        assert wait_until(lambda: not rig.influx.script, 60, 0.1), "still %s" % rig.influx.script
        t.expect(share_missed(before, by_name(rig.gw.status()), list(before)) <= 5, "polling suffers")
        t.note(recovery_s=rig.drained("influxdb", 90))
        f = t.judged(rig, rig.finish())
        t.measure(f["lost_influxdb"])


@row(35, "307 to another host: requests that follow, with the token", 0, "requests", fast=True)
def redirect(t):
    with HttpStub() as elsewhere, influx() as rig:
        rig.influx.judge = lambda r: (307, {"Location": elsewhere.url + "/write"})
        rig.run(3)
        p = rig.gw.publisher("influxdb")
        t.expect(p["waiting"] > 20, "not kept: %s" % p)
        rig.influx.judge = lambda r: 204
        t.measure(len(elsewhere.requests))
        rig.evidence.disturbances.append(("broker", now_ms()))
        rig.reload(rig.body().replace('batch_age = "100 ms"', 'batch_age = "90 ms"'))
        back = time.monotonic()
        rig.drained("influxdb")
        t.note(recovery_s=time.monotonic() - back)
        t.judged(rig, rig.finish())
