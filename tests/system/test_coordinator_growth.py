#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A member that signs many short-lived needs: it costs itself, the territory's memory stays flat, others are served. TAP."""
import json
import os
import re
import sqlite3
import sys
import time

os.environ["VARIANT"] = "release"  # what a sanitizer keeps of freed memory would look like growth
import paho.mqtt.client as mqtt  # noqa: E402
from servers import build, main, wait_until  # noqa: E402
from test_coordinator import OFFER, Valley, setting  # noqa: E402
from valley import Member, now_ms  # noqa: E402

FAST = "limits: { messages_minute = 100000; burst = 100000; %s };"


def rss_anon(coordinator):
    """KiB."""
    with open("/proc/%d/status" % coordinator.process.pid) as f:
        return int(re.search(r"RssAnon:\s+(\d+)", f.read()).group(1))


def small_need(member, number, life_ms):
    id = "%032x" % number
    body = member.entry(id, "need", firm=100, typical=100, peak=100, annual=600, heat={"medium": "water", "supply": 50, "back": 30})
    member.client.publish(member.topic("needs/" + id), member.envelope("need", body, expires=now_ms() + life_ms), 0, True)
    return id


def dashboard(broker):
    told = []
    client = mqtt.Client("dash")
    client.username_pw_set("dashboard", "secret")
    client.on_connect = lambda c, *_: c.subscribe("symbiosis/v1/+/alerts", 1)
    client.on_message = lambda _, __, m: told.append(json.loads(m.payload))
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    return client, told


def test_tens_of_thousands_of_short_lived_needs_cost_their_sender_only():
    build("symbiont-coordinator")
    c = Member("h-ccc", "Pirate")
    with Valley(others=(c,), more=setting() + FAST % "") as v:
        client, told = dashboard(v.broker)
        v.propose(kw=20000)
        sizes, number = [], 0x100000
        for wave in range(6):  # as many at a time as it may have
            for _ in range(60):
                number += 1
                small_need(c, number, 2500)
            assert wait_until(lambda: v.coordinator.member("h-ccc")["accepted"] >= 60 * (wave + 1) or
                              v.coordinator.member("h-ccc")["new_ids_refused"], 60), v.coordinator.member("h-ccc")
            assert wait_until(lambda: v.coordinator.member("h-ccc")["entries"] == 0, 60), v.coordinator.member("h-ccc")
        for wave in range(6):
            heard = v.coordinator.ask("status")["broker"]["received"]
            for _ in range(5000):
                number += 1
                small_need(c, number, 60000)
            assert wait_until(lambda: v.coordinator.ask("status")["broker"]["received"] >= heard + 5000, 120)
            assert wait_until(lambda: v.coordinator.member("h-ccc")["entries"] == 0, 60), v.coordinator.member("h-ccc")
            sizes.append(rss_anon(v.coordinator))
        m = v.coordinator.member("h-ccc")
        print("# RssAnon after each 5,000 needs, KiB: %s; %d of 30,360 were looked at, %d not"
              % (sizes, m["accepted"], m["new_ids_refused"]))
        assert sizes[-1] - sizes[0] < 1024, sizes
        assert m["accepted"] <= 260 and m["new_ids_refused"] > 29000 and m["state"] != "muted", m
        assert "more than 256 new offers and needs a day" in m["trouble"], m
        assert "member h-ccc: more than 256 new" in v.coordinator.log()
        named = [a for a in told if a["kind"] == "member"]
        assert len(named) == 1 and named[0]["member"] == "h-ccc" and "h-ccc" in named[0]["title"], named
        # Others are served as ever.
        begun = time.monotonic()
        v.b.need_heat("7" * 32, kw=100)
        assert v.b.receipt(v.coordinator, "7" * 32) and time.monotonic() - begun < 10
        assert v.b.view(v.coordinator, lambda x: x["own"] == "7" * 32 and x["status"] == "proposed"), v.coordinator.log()
        assert v.coordinator.member("f-aaa")["throttled"] == 0
        client.loop_stop()


def test_what_nobody_answered_is_forgotten_after_an_hour():
    build("symbiont-coordinator")
    c = Member("h-ccc", "Pirate")
    with Valley(others=(c,), more=setting() + FAST % "entries_most = 200; new_ids_day = 1000000;") as v:
        v.propose(kw=20000)
        for wave in range(3):
            for i in range(150):
                small_need(c, 0x100000 + 1000 * wave + i, 8000)
            assert wait_until(lambda: v.coordinator.member("h-ccc")["entries"] >= 150, 60), v.coordinator.member("h-ccc")
            assert wait_until(lambda: v.coordinator.member("h-ccc")["entries"] == 0, 60)
        gone = [m for m in v.coordinator.matches() if m["status"] == "ended"]
        print("# %d matches of 450 short-lived needs" % len(gone))
        assert len(gone) > 100, v.coordinator.ask("status")["matching"]
        ended = [t for t, p in v.a.seen if p and t.endswith(gone[0]["id"])]
        assert ended
        # Two hours later nothing of them is left, neither in memory nor retained at the broker; the honest match stands.
        assert v.coordinator.stop() == 0
        db = sqlite3.connect(v.coordinator.storage + "/territory.db")
        for id, text in db.execute("SELECT id, json FROM deal").fetchall():
            deal = json.loads(text)
            if deal["ended"]:
                deal["ended"] -= 2 * 3600000
            db.execute("UPDATE deal SET json=? WHERE id=?", (json.dumps(deal).encode(), id))
        db.commit()
        db.close()
        v.coordinator.start()
        assert wait_until(lambda: len(v.coordinator.matches()) == 1, 30), v.coordinator.ask("status")["matching"]
        assert v.coordinator.matches()[0]["status"] == "proposed"
        assert wait_until(lambda: (ended[0], b"") in v.a.seen, 30)
        # What was released of whom is still known: it is the owner's.
        assert v.a.receipt(v.coordinator, OFFER, lambda r: r["total"] > 100)
        assert v.coordinator.stop() == 0
        db = sqlite3.connect(v.coordinator.storage + "/territory.db")
        assert db.execute("SELECT count(*) FROM deal").fetchone()[0] == 1
        db.close()


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
