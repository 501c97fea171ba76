# SPDX-License-Identifier: Apache-2.0
"""Rows 51 to 56: what operators do."""
import glob
import os
import re
import shutil
import sqlite3
import subprocess
import time

from rig import BUILD, ROOT, Daemon, Rig, now_ms, system_gateway, wait_until
from row import row
from rows_meters import Herd

# What is wrong, and what the sentence has to name.
MISTAKES = [
    ('evry = "100 ms"', "evry.*every"), ('every = 100', "every"), ('every = "100 kW"', "every"),
    ('every = "1e400 s"', "every"), ('unit_id = 3000000000', "3000000000|unit_id"), ('unit_id = 300', "300"),
    ('unit_id = "one"', "unit_id"), ('line = "l9"', "l9"), ('name = "m1"', "m1"), ('profile = "no-such-meter"', "no-such-meter"),
    ('in_flight = 0x7fffffffff', "0x7fffffffff"), ('timeout = "-1 s"', "timeout"), ('maintenance = "yes"', "maintenance"),
    ('every = "1 s"; every = "2 s"', "every|duplicate"), ('points: ( ', "value is missing"), ('ct_ratio = nan', "nan"),
]


def check(path):
    return subprocess.run([os.path.join(BUILD, "symbiont"), "check", path], capture_output=True, text=True, timeout=30,
                          env=system_gateway.environment())


@row(51, "16 kinds of mistakes in the file, checked and reloaded into a running gateway: refused without file and line", 0, "mistakes", fast=True)
def mistakes(t):
    with Rig(lines=1, meters=2, influx=None) as rig:
        rig.run(0.5)
        body, bad = rig.body(), 0
        hashed = rig.gw.status()["config"]["hash"]
        for wrong, words in MISTAKES:
            name = wrong.split(" ")[0].rstrip(":")
            if 'name = "m1"' in wrong:
                text = body.replace('name = "m0"', 'name = "m1"', 1)
            elif re.search(r'\b%s = [^;]*;' % name, body.split("meters:")[1]):
                head, meters = body.split("meters:", 1)
                text = head + "meters:" + re.sub(r'\b%s = [^;]*;' % name, wrong.replace("\\", "") + ";", meters, count=1)
            else:
                text = body.replace("merge = false;", "merge = false; %s;" % wrong, 1)
            rig.gw.configure(text)
            r = check(rig.gw.path)
            before = rig.gw.status()["config"]["reload_failures"]
            rig.gw.reload()
            config = rig.gw.status()["config"]
            said = r.stdout + r.stderr
            good = r.returncode in (1, 78) and re.search(r"symbiont\.conf:\d+: ", said) and re.search(words, said) and \
                config["reload_failures"] == before + 1 and config["hash"] == hashed and re.search(r":\d+: ", config["last_reload_error"])
            if not good:
                bad += 1
                t.expect(False, "%s: status %s, %s; reload: %s" % (wrong, r.returncode, said.strip()[:300], config.get("last_reload_error")))
        rig.gw.configure(body)
        rig.reload(body)
        t.expect(rig.gw.status()["config"]["hash"] == hashed, "the right file is not taken any more")
        t.judged(rig, rig.finish())
        t.measure(bad)


@row(52, "@include of a directory, of nothing, of itself, of 11 levels, of a device: gateways that died", 0, "gateways", fast=True)
def includes(t):
    with Rig(lines=1, meters=2, influx=None) as rig:
        rig.run(0.5)
        d, died = rig.gw.dir, 0
        with open(d + "/loop.conf", "w") as f:
            f.write('@include "%s/loop.conf"\n' % d)
        for i in range(14):
            with open("%s/deep%d.conf" % (d, i), "w") as f:
                f.write('@include "%s/deep%d.conf"\n' % (d, i + 1) if i < 13 else "log = \"info\";\n")
        for target in (d, d + "/none.conf", d + "/loop.conf", d + "/deep0.conf", "/dev/zero", "/dev/null", d + "/control.sock"):
            rig.gw.configure('@include "%s"\n%s' % (target, rig.body()))
            r = check(rig.gw.path)
            t.expect(r.returncode in (0, 1, 78) and (r.returncode == 0 or re.search(r"conf:\d+", r.stderr + r.stdout)), "%s: %s %s" % (target, r.returncode, r.stderr[-300:]))
            rig.gw.process.send_signal(1)
            time.sleep(0.2)
            if not wait_until(rig.gw.alive, 5):
                died += 1
                t.expect(False, "%s: %s" % (target, rig.gw.log()[-500:]))
                rig.gw.configure(rig.body())
                rig.start()
        rig.reload(rig.body())
        t.judged(rig, rig.finish(), delay=False)
        t.measure(died)


@row(53, "a password file that others can read: starts", 0, "starts", fast=True)
def open_secret(t):
    with Rig(lines=1, meters=1, influx=None) as rig:
        secret = os.path.join(rig.gw.dir, "password")
        with open(secret, "w") as f:
            f.write("s3cret-word\n")
        os.chmod(secret, 0o644)
        body = rig.body().replace('retry_max = "2 s";', 'retry_max = "2 s"; user = "x"; password_file = "%s";' % secret)
        before = rig.gw.status()["config"]["hash"]
        rig.gw.configure(body)
        rig.gw.reload()
        t.expect(rig.gw.status()["config"]["hash"] == before, "a reload takes it")
        other = Daemon(body)
        other.spawn()
        wait_until(lambda: other.process.poll() is not None or other.alive(), 10)
        started = other.process.poll() is None
        t.expect("chmod" in other.log() or "mode" in other.log(), "it is not said what to do: " + other.log()[-400:])
        t.expect("s3cret" not in other.log() + rig.gw.log(), "the secret is in the log")
        other.__exit__()
        rig.reload(rig.body())
        t.judged(rig, rig.finish())
        t.measure(int(started))


@row(54, "900 of 1,000 devices are removed by a reload during an outage: connections of the others made anew", 0, "connections")
def many_removed(t):
    with Herd(1000) as rig:
        assert wait_until(lambda: rig.up() >= 995, 90, 0.5), "only %d are up" % rig.up()
        rig.broker_down()
        rig.run(3)
        rig.plant.ask("stats")
        status = rig.gw.status()
        connects = {l["name"]: l["connects"] for l in status["lines"]}
        put = [p for p in status["publishers"] if p["name"] == "mqtt"][0]["put"]
        rig.gw.configure(rig.body(first=900))
        begun = time.monotonic()
        rig.gw.reload()
        t.note(reload_s=time.monotonic() - begun)
        status = rig.gw.status()
        kept = {l["name"]: l["connects"] for l in status["lines"]}
        t.expect(len(kept) == 100, "%d lines are left" % len(kept))
        anew = sum(kept[n] != connects[n] for n in kept)
        for i in range(10):
            rig.gw.configure(rig.body(first=900 if i % 2 else 890))
            rig.gw.process.send_signal(1)
            time.sleep(0.05)
        rig.gw.configure(rig.body(first=900))
        rig.gw.reload()
        anew += sum(l["connects"] != connects[l["name"]] for l in rig.gw.status()["lines"])
        rig.broker_up()
        t.note(recovery_s=rig.drained("mqtt", 60, 200))
        p = rig.gw.publisher("mqtt")
        docs = {}
        for _, m, d in rig.recorder.states():
            docs.setdefault((m, d["epoch"]), set()).add(d["seq"])
        holes = sum(max(s) - len(s) for s in docs.values())
        t.expect(holes == 0 and p["dropped"] == 0, "%d holes, %s dropped" % (holes, p["dropped"]))
        t.expect(sum(len(s) for (m, _), s in docs.items() if int(m[1:]) < 890) > 2000, "the removed meters' backlog is not delivered")
        t.note(backlog=put)
        t.expect(rig.gw.stop() == 0, "it does not end well")
        t.measure(anew)


@row(55, "an outbox of the first format, of a newer version, and its end after an upgrade: backlog lost or mixed up", 0, "outboxes", fast=True)
def versions(t):
    museum, wrong = os.path.join(ROOT, "tests/unit/outbox_museum"), 0
    with Rig(lines=1, meters=1, influx=None) as rig:
        rig.run(0.3)
        rig.stop()
        for p in glob.glob(rig.gw.outbox + "*"):
            os.unlink(p)
        shutil.copy(os.path.join(museum, "format-1.db"), rig.gw.outbox)
        before = len(rig.recorder.arrived)
        rig.start()
        assert wait_until(lambda: any(b'"seq":29' in p and b'"ts":1029' in p for _, _, p, _ in rig.recorder.arrived[before:]), 10), rig.gw.log()
        got = [p for _, topic, p, _ in rig.recorder.arrived[before:] if topic.endswith("meters/a/state")]
        wrong += len(got) != 25  # 30 messages, of which 5 were acknowledged
        t.expect(len(got) == 25, "%d of 25 messages" % len(got))
        rig.stop()
        for p in glob.glob(rig.gw.outbox + "*"):
            os.unlink(p)
        shutil.copy(os.path.join(museum, "newer.db"), rig.gw.outbox)
        with open(rig.gw.outbox, "rb") as f:
            content = f.read()
        rig.gw.spawn()
        wait_until(lambda: rig.gw.process.poll() is not None, 10)
        t.expect(rig.gw.process.poll() not in (None, 0) and rig.gw.process.poll() > 0, "it starts on a newer file")
        t.expect("newer" in rig.gw.log(), "it is not said why")
        with open(rig.gw.outbox, "rb") as f:
            same = f.read() == content
        t.expect(same, "the newer file was changed")
        wrong += not same
        t.note(format=sqlite3.connect("file:%s?mode=ro" % rig.gw.outbox, uri=True).execute("PRAGMA user_version").fetchone()[0])
        t.measure(wrong)


@row(56, "the outbox file is deleted while it runs, broker away: readings lost without being counted", 0, "readings", fast=True)
def deleted(t):
    with Rig(lines=2, meters=2) as rig:
        rig.run(0.5)
        rig.broker_down()
        rig.run(2)
        for p in glob.glob(rig.gw.outbox + "*"):
            os.unlink(p)
        gone = now_ms()
        t.expect(wait_until(lambda: os.path.exists(rig.gw.outbox), 20), "it is not made again")
        t.note(noticed_s=(now_ms() - gone) / 1000)
        t.expect(wait_until(lambda: re.search(r"outbox.* was deleted while in use", rig.gw.log()), 5), "nobody is told: " + rig.gw.log()[-600:])
        rig.run(1)
        rig.broker_up()
        t.note(recovery_s=rig.drained("mqtt"))
        rig.run(2)
        f = t.judged(rig, rig.finish())
        t.note(told_of=f["told"])
        t.measure(abs(f["holes"] - f["told"]))
