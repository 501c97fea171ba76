#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Keys that change, clocks that are not set, ids and topics that are another's: at both ends of the exchange. TAP."""
import json
import os
import sys
import time

os.environ["VARIANT"] = "release"  # libfaketime and the sanitizers do not go together
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from servers import build, main, wait_until  # noqa: E402
from test_clock import FAKETIME, Clock  # noqa: E402
from test_coordinator import OFFER, Valley, setting  # noqa: E402
from test_exchange_gateway import MATCH, Rig  # noqa: E402
from territory import Key as SiteKey, verify  # noqa: E402
from valley import Key, Member, config_of  # noqa: E402


def built():
    for program in ("symbiont", "symbiontd", "symbiont-coordinator"):
        build(program)


# ---- The coordinator ----

def test_a_refused_id_tells_nothing_of_its_owner():
    built()
    c = Member("h-ccc", "Curious")
    with Valley(others=(c,)) as v:
        v.propose()
        assert v.a.receipt(v.coordinator, OFFER, lambda r: r["total"] == 1)
        c.offer_heat(OFFER, kw=5)
        r = c.receipt(v.coordinator, OFFER, lambda r: r["status"] == "refused")
        assert r and r.get("total", 0) == 0 and "releases" not in r and "g-bbb" not in json.dumps(r), r
        # Nor when its owner has taken it away.
        v.a.say("offers/" + OFFER, "withdrawal", {"id": OFFER})
        assert v.a.receipt(v.coordinator, OFFER, lambda r: r["status"] == "withdrawn" and r["total"] == 1)
        assert wait_until(lambda: v.coordinator.member("h-ccc")["state"] != "muted", 90)
        c.say("offers/" + OFFER, "withdrawal", {"id": OFFER})
        r = c.receipt(v.coordinator, OFFER, lambda r: r["status"] == "withdrawn")
        assert r and r.get("total", 0) == 0 and "releases" not in r, r


def test_unsigned_messages_use_up_nobodys_room():
    with Valley(acl=False, more=setting() + "limits: { messages_minute = 1000; burst = 1000; entries_most = 2; };") as v:
        v.propose()
        # Room for 72 topics: as many as that, and more, with signatures that are none.
        forger = Key()
        for i in range(200):
            id = "%032x" % (0xf000 + i)
            v.a.client.publish(v.a.topic("offers/" + id), v.a.envelope("offer", {"id": id}, key=forger), 1, False)
        assert wait_until(lambda: v.coordinator.member("f-aaa")["refused"] >= 200, 60), v.coordinator.member("f-aaa")
        v.a.offer_heat("3" * 32, kw=50)
        assert v.a.receipt(v.coordinator, "3" * 32, lambda r: r["status"] == "held"), v.coordinator.member("f-aaa")


def test_who_is_enrolled_once_more_finds_what_it_withdrew_withdrawn():
    c = Member("h-ccc", "Serre")
    with Valley(others=(c,)) as v:
        id = "4" * 32
        told = c.envelope("need", c.entry(id, "need", firm=100, typical=100, annual=600,
                                          heat={"medium": "water", "supply": 50, "back": 30}))
        c.publish("needs/" + id, told)
        assert c.receipt(v.coordinator, id, lambda r: r["status"] == "held")
        c.say("needs/" + id, "withdrawal", {"id": id})
        assert c.receipt(v.coordinator, id, lambda r: r["status"] == "withdrawn")
        v.coordinator.configure(config_of(v.a, v.b, more=v.more))
        v.coordinator.reload()
        c.publish("needs/" + id, told)  # by somebody who kept it; it has not expired
        v.coordinator.configure(config_of(*v.members, more=v.more))
        v.coordinator.reload()
        assert wait_until(lambda: sum(v.coordinator.member("h-ccc")["verdicts"].values()) >= 1, 30), v.coordinator.member("h-ccc")
        assert v.coordinator.member("h-ccc")["entries"] == 0, v.coordinator.member("h-ccc")


def test_with_another_key_the_coordinator_says_everything_anew():
    with Valley() as v:
        va, _ = v.propose()
        assert v.a.receipt(v.coordinator, OFFER, lambda r: r["total"] == 1)
        assert v.coordinator.stop() == 0
        v.coordinator.key = Key()
        os.unlink(v.coordinator.dir + "/key")
        v.coordinator.key.write(v.coordinator.dir + "/key")
        mark = len(v.a.seen)
        v.coordinator.start()

        def told(branch):
            return [json.loads(p)["k"] for t, p in v.a.seen[mark:] if p and t.split("/")[4] == branch]

        assert wait_until(lambda: told("matches") and told("receipts"), 30), v.coordinator.log()
        assert set(told("matches") + told("receipts")) == {v.coordinator.key.id}, told("matches") + told("receipts")
        # What the old key signed is taken back, not left for those who do not believe it any more; a late subscriber looks.
        late = Member("f-aaa")
        late.connect(v.broker)
        assert wait_until(lambda: len(late.seen) >= 2, 20)
        assert late.opened(v.coordinator, "matches")[va["id"]]["status"] == "proposed"
        late.close()


def with_clock(coordinator, words):
    environment = type(coordinator).environment()
    coordinator.environment = lambda: dict(environment, LD_PRELOAD=FAKETIME, FAKETIME=words, FAKETIME_DONT_FAKE_MONOTONIC="1",
                                           DONT_FAKE_MONOTONIC="1") if words else environment


def test_a_clock_that_is_not_set_ends_nothing():
    with Valley() as v:
        va, _ = v.agree()
        assert v.coordinator.stop() == 0
        with_clock(v.coordinator, "@1970-01-02 00:00:00")
        mark = len(v.a.seen)
        v.coordinator.start()
        assert v.coordinator.ask("status")["clock_set"] is False
        time.sleep(3)  # some turns of its housekeeping
        assert [m["status"] for m in v.coordinator.matches()] == ["agreed"], v.coordinator.log()
        assert v.a.seen[mark:] == [], v.a.seen[mark:]
        assert v.coordinator.stop() == 0
        with_clock(v.coordinator, None)
        v.coordinator.start()
        assert wait_until(lambda: v.coordinator.ask("status")["matching"]["settles"] > 0, 20)
        assert [m["status"] for m in v.coordinator.matches()] == ["agreed"]
        assert v.a.view(v.coordinator, lambda x: x["id"] == va["id"])["status"] == "agreed"


# ---- The gateway ----

def test_with_another_key_the_gateway_signs_everything_anew():
    with Rig() as rig:
        gw, c = rig.start(), rig.coordinator
        rig.set(415)
        own = c.wait_for("offer", seconds=60)[0].body["id"]
        c.say("match", c.match(MATCH, own))
        assert wait_until(lambda: gw.ask("matches")["matches"], 30), gw.log()
        assert rig.verb("accept", MATCH).returncode == 0
        before = {t.kind: t for t in c.wait_for("reply", seconds=30) + c.of("offer") + c.of("card")}
        gw.stop()
        fresh = SiteKey()
        os.unlink(rig.key_path)
        fresh.write(rig.key_path)
        mark = len(c.told)
        gw.start()
        assert wait_until(lambda: {"card", "offer", "reply"} <= {t.kind for t in c.told[mark:]}, 60), gw.log()
        for t in c.told[mark:]:
            assert t.key_id == fresh.id and verify(fresh.public, t.signed, t.signature), t
            if t.kind in ("offer", "reply"):
                assert t.body == before[t.kind].body and t.number > before[t.kind].number, (t, before[t.kind])
                assert t.payload["expires"] == before[t.kind].payload["expires"], t
        assert "signed anew with another key" in "".join(x.get("note") or "" for x in rig.log_lines())
        fresh.close()


def test_a_gateway_whose_clock_is_not_set_sends_nothing():
    with Rig() as rig:
        clock = Clock(rig.gw)
        clock.set("+0")
        gw = rig.start()
        rig.set(415)
        offer = rig.coordinator.wait_for("offer", seconds=60)[0]
        gw.stop()
        mark = len(rig.coordinator.told)
        clock.set("@1970-01-02 00:00:10")
        gw.start()
        assert rig.connected(), gw.log()
        time.sleep(3)
        assert rig.coordinator.told[mark:] == [], rig.coordinator.told[mark:]
        clock.set("+0")
        assert wait_until(lambda: [t for t in rig.coordinator.told[mark:] if t.kind == "offer"], 30), gw.log()
        again = [t for t in rig.coordinator.told[mark:] if t.kind == "offer"][0]
        assert again.raw == offer.raw and again.expiry <= 90 * 86400, (again.expiry, again)


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
