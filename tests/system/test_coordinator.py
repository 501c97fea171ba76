#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The real coordinator with a real broker and members that sign for themselves: matches, consent, restarts, hostile
members, alerts, reports."""
import base64
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import time

import paho.mqtt.client as mqtt

from servers import ROOT, Certificates, main, wait_until
from valley import (BUILD, TERRITORY, ChatRoom, Coordinator, Key, MailServer, Member, broker, config_of, now_ms)

OFFER, NEED = "0" * 31 + "1", "0" * 31 + "2"
QUIET = 'alerts: { mqtt = true; digest = "never"; eur_least = 0.0; tco2e_least = 0.0; payback_most = 100.0; %s };'


def setting(more=""):
    return QUIET % more


class Valley:
    """A broker, two members and the coordinator."""

    def __init__(self, more=None, acl=True, others=()):
        self.a, self.b = Member("f-aaa", "Laminoir"), Member("g-bbb", "Blanchisserie")
        self.others = others
        self.broker = broker(["coordinator", "dashboard", "f-aaa", "g-bbb"] + [o.pseudonym for o in others], acl)
        self.more = setting() if more is None else more

    def __enter__(self):
        self.broker.__enter__()
        self.members = [self.a, self.b, *self.others]
        self.coordinator = Coordinator(self.broker, config_of(*self.members, more=self.more))
        try:
            self.coordinator.start()
            for m in self.members:
                m.connect(self.broker)
        except Exception:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, *exc):
        for m in self.members:
            if m.client:
                m.close()
        try:
            self.coordinator.__exit__(*exc)
        finally:
            self.broker.__exit__(*exc)

    def propose(self, need_level=3, **more):
        self.a.offer_heat(OFFER, **more)
        self.b.need_heat(NEED, level=need_level)
        va = self.a.view(self.coordinator, lambda v: v["status"] == "proposed")
        vb = self.b.view(self.coordinator, lambda v: v["status"] == "proposed")
        assert va and vb, (self.coordinator.ask("status"), self.coordinator.log())
        return va, vb

    def disclose(self):
        va, vb = self.propose()
        self.a.reply(va, "interested", name="Laminoir SA", contact="anne@laminoir")
        assert self.a.view(self.coordinator, lambda v: v["status"] == "interested")
        self.b.reply(vb, "interested")
        va = self.a.view(self.coordinator, lambda v: v["status"] == "disclosed")
        vb = self.b.view(self.coordinator, lambda v: v["status"] == "disclosed")
        assert va and vb
        return va, vb

    def agree(self):
        va, vb = self.disclose()
        self.a.reply(va, "agreed")
        self.b.reply(vb, "agreed")
        va = self.a.view(self.coordinator, lambda v: v["status"] == "agreed")
        vb = self.b.view(self.coordinator, lambda v: v["status"] == "agreed")
        assert va and vb
        return va, vb


def test_one_yes_reveals_nothing_both_release_names():
    with Valley() as v:
        va, vb = v.propose(level=4, need_level=4)
        assert va["id"] == vb["id"] and va["own"] == OFFER and vb["own"] == NEED
        assert v.a.receipt(v.coordinator, OFFER, lambda r: r["status"] == "held" and r["total"] == 1)
        mark = len(v.b.seen)
        before = dict(v.b.seen)
        v.a.reply(va, "interested", name="Laminoir SA", contact="anne@laminoir")
        assert v.a.view(v.coordinator, lambda x: x["status"] == "interested")
        # Something else that concerns b, so that whatever the yes could have caused is there too.
        v.b.say("needs/" + "9" * 32, "need", v.b.entry("9" * 32, "need", resource="water", firm=1, typical=1))
        assert v.b.receipt(v.coordinator, "9" * 32)
        told = [(t, p) for t, p in v.b.seen[mark:] if "9" * 32 not in t]
        assert all(before.get(t) == p for t, p in told), told  # not one byte that was not there before
        for _, p in v.b.seen:
            inner = base64.b64decode(json.loads(p)["p"])
            for word in (b"Laminoir", b"anne", b"f-aaa@example"):
                assert word not in inner, inner
        v.b.reply(vb, "interested")
        va = v.a.view(v.coordinator, lambda x: x["status"] == "disclosed")
        vb = v.b.view(v.coordinator, lambda x: x["status"] == "disclosed")
        assert vb["counterpart"]["name"] == "Laminoir SA" and vb["counterpart"]["contact"] == "anne@laminoir", vb
        assert va["counterpart"]["name"] == "Blanchisserie" and va["counterpart"]["contact"] == "g-bbb@example", va
        r = v.a.receipt(v.coordinator, OFFER, lambda r: r["total"] == 2)
        assert sorted(x["level"] for x in r["releases"]) == [2, 4] and {x["to"] for x in r["releases"]} == {"g-bbb"}, r


def test_a_name_is_released_at_level_4_only():
    with Valley() as v:
        va, vb = v.propose(level=2, site={"pseudonym": "f-aaa", "zone": v.a.zone})
        v.a.reply(va, "interested", name="Laminoir SA", contact="anne@laminoir")
        assert v.a.view(v.coordinator, lambda x: x["status"] == "interested")
        v.b.reply(vb, "interested")
        va = v.a.view(v.coordinator, lambda x: x["status"] == "disclosed")
        vb = v.b.view(v.coordinator, lambda x: x["status"] == "disclosed")
        assert va["counterpart"]["name"] == "g-bbb" and "Blanchisserie" not in json.dumps(va), va  # level 3
        assert vb["counterpart"]["name"] == "f-aaa" and not vb["counterpart"].get("contact"), vb
        assert "Laminoir" not in json.dumps(vb) and "anne" not in json.dumps(vb), vb
        r = v.a.receipt(v.coordinator, OFFER)
        assert [x["level"] for x in r["releases"]] == [2], r


def test_a_second_yes_without_a_name_takes_the_first_back():
    with Valley() as v:
        va, vb = v.propose(level=4)
        v.a.reply(va, "interested", name="Laminoir SA", contact="anne@laminoir")
        va = v.a.view(v.coordinator, lambda x: x["status"] == "interested")
        accepted = v.coordinator.member("f-aaa")["accepted"]
        v.a.reply(va, "interested")
        assert wait_until(lambda: v.coordinator.member("f-aaa")["accepted"] > accepted)
        v.b.reply(vb, "interested")
        vb = v.b.view(v.coordinator, lambda x: x["status"] == "disclosed")
        assert vb["counterpart"]["name"] == "Laminoir" and vb["counterpart"]["contact"] == "f-aaa@example", vb


def test_before_both_agree_the_others_numbers_are_bands():
    with Valley() as v:
        va, vb = v.propose(kw=553)  # level 3: exact to the coordinator
        text = json.dumps(vb)
        assert "553" not in text and "3318" not in text, text
        assert "400" in json.dumps(va["counterpart"]) or va["counterpart"]["amount"] == "200-500", va
        assert vb["counterpart"]["amount"] == "500-1000", vb
        assert vb["counterpart"]["supply"] == "60-70", vb


def test_after_both_said_yes_the_others_numbers_are_bands_still():
    with Valley() as v:
        va, vb = v.propose(kw=553, level=4, need_level=4)
        v.a.reply(va, "interested", name="Laminoir SA")
        v.b.reply(vb, "interested")
        after = v.b.view(v.coordinator, lambda x: x["status"] == "disclosed")
        assert after["counterpart"]["name"] == "Laminoir SA", after
        assert "553" not in json.dumps(after) and "3318" not in json.dumps(after), after
        # Names come; of the numbers nothing changes.
        for key in ("quantity", "annual", "distance_m", "capex_eur", "eur_yr", "payback_y", "gates", "limits"):
            assert after.get(key) == vb.get(key), (key, after.get(key), vb.get(key))


def test_declined_stays_declined_until_something_changes():
    with Valley() as v:
        va, vb = v.propose()
        v.b.reply(vb, "declined")
        over = v.a.view(v.coordinator, lambda x: x["status"] == "ended")
        assert over and "declin" not in json.dumps(over), over  # nobody is told who said no
        v.a.offer_heat(OFFER, kw=560, revision=2)  # in the same band: nothing new
        assert v.a.receipt(v.coordinator, OFFER, lambda r: r["revision"] == 2)
        v.coordinator.kill()
        v.coordinator.start()
        assert wait_until(lambda: v.coordinator.ask("status")["matching"]["settles"] > 0)
        assert [m["status"] for m in v.coordinator.matches()] == ["ended"]
        v.a.offer_heat(OFFER, kw=1500, revision=3)
        assert v.a.view(v.coordinator, lambda x: x["status"] == "proposed"), v.coordinator.log()


def test_answers_to_what_was_never_shown_do_not_count():
    with Valley() as v:
        va, vb = v.propose()
        v.a.reply(dict(va, revision=va["revision"] + 7), "interested")
        v.b.reply(dict(vb, id="e" * 32), "interested")
        assert wait_until(lambda: "never shown" in v.coordinator.member("f-aaa").get("trouble", ""))
        assert wait_until(lambda: "no such match" in v.coordinator.member("g-bbb").get("trouble", ""))
        m = v.coordinator.matches()[0]
        assert m["status"] == "proposed", m


def test_agreeing_to_an_older_view_does_not_count():
    with Valley() as v:
        va, vb = v.disclose()
        v.a.offer_heat(OFFER, kw=1500, revision=2)
        newer = v.a.view(v.coordinator, lambda x: x["status"] == "disclosed" and x["revision"] > va["revision"])
        assert newer, v.coordinator.log()
        v.a.reply(va, "agreed")
        assert wait_until(lambda: "something else" in v.coordinator.member("f-aaa").get("trouble", ""))
        v.b.reply(v.b.view(v.coordinator, lambda x: x["revision"] > vb["revision"]), "agreed")
        assert v.coordinator.matches()[0]["status"] == "disclosed"
        v.a.reply(newer, "agreed")
        assert v.a.view(v.coordinator, lambda x: x["status"] == "agreed")


def agreed_earlier(coordinator, ms):
    """Moves the agreements in the store back, as if they had been made so long ago."""
    assert coordinator.stop() == 0
    db = sqlite3.connect(coordinator.storage + "/territory.db")
    for id, text in db.execute("SELECT id, json FROM deal").fetchall():
        deal = json.loads(text)
        deal["agreed"] -= ms
        db.execute("UPDATE deal SET json=? WHERE id=?", (json.dumps(deal).encode(), id))
    db.commit()
    db.close()
    coordinator.start()


def test_what_was_renewed_while_the_coordinator_was_away_has_not_expired():
    with Valley() as v:
        v.agree()
        assert v.coordinator.stop() == 0
        db = sqlite3.connect(v.coordinator.storage + "/territory.db")
        db.execute("UPDATE entry SET expires=?", (now_ms() - 60000,))
        db.commit()
        db.close()
        v.a.offer_heat(OFFER, revision=2)
        v.b.need_heat(NEED, level=3, revision=2)
        v.coordinator.start()
        for member, id in ((v.a, OFFER), (v.b, NEED)):
            assert member.receipt(v.coordinator, id, lambda r: r["revision"] == 2 and r["status"] == "held"), v.coordinator.log()
        settled = v.coordinator.ask("status")["matching"]["settles"]
        v.b.need_heat("7" * 32, kw=100)
        assert wait_until(lambda: v.coordinator.ask("status")["matching"]["settles"] > settled)
        assert "no longer to be had" not in v.coordinator.log()
        m = [m for m in v.coordinator.matches() if m["parties"][1]["entry"] == NEED]
        assert [x["status"] for x in m] == ["agreed"], m


def test_metered_at_both_ends_and_booked():
    with Valley() as v:
        va, vb = v.agree()
        hour = now_ms() // 3600000
        # Hours of before the agreement are no exchange.
        accepted = v.coordinator.member("f-aaa")["accepted"], v.coordinator.member("g-bbb")["accepted"]
        for m in (v.a, v.b):
            m.say("meters/" + va["id"], "meter", {"match": va["id"], "first": hour - 9, "amounts": [400, 400, 400]})
        assert wait_until(lambda: v.coordinator.member("f-aaa")["accepted"] > accepted[0] and
                          v.coordinator.member("g-bbb")["accepted"] > accepted[1])
        assert v.coordinator.matches()[0]["status"] == "agreed" and not v.coordinator.matches()[0].get("hours")
        agreed_earlier(v.coordinator, 5 * 3600000)
        v.a.say("meters/" + va["id"], "meter", {"match": va["id"], "first": hour - 3, "amounts": [400, 410, 420]})
        v.b.say("meters/" + va["id"], "meter", {"match": va["id"], "first": hour - 3, "amounts": [390, 400, None]})
        vb = v.b.view(v.coordinator, lambda x: x["status"] == "running" and x.get("realised", 0) > 0)
        assert vb and abs(vb["realised"] - 0.79) < 1e-6, vb  # MWh: the smaller of both, hours that both know
        m = v.coordinator.matches()[0]
        assert m["hours"] == 2 and m["hours_of_one_side"] == 1 and m["realised_eur"] > 0 and m["realised_tco2e"] > 0, m
        v.coordinator.kill()
        v.coordinator.start()
        m = v.coordinator.matches()[0]
        assert m["status"] == "running" and abs(m["realised"] - 0.79) < 1e-6, m
        # Absurd but signed: refused, and its sender is not listened to for a while.
        v.a.say("meters/" + va["id"], "meter", {"match": va["id"], "first": hour - 1, "amounts": [9e9]})
        assert wait_until(lambda: v.coordinator.member("f-aaa")["state"] == "muted")
        assert abs(v.coordinator.matches()[0]["realised"] - 0.79) < 1e-6
        v.b.reply(vb, "ended")
        assert v.a.view(v.coordinator, lambda x: x["status"] == "ended")


def test_kill_and_restart_lose_nothing_and_repeat_nothing():
    with Valley() as v:
        va, vb = v.propose()
        v.a.reply(va, "interested")
        assert v.a.view(v.coordinator, lambda x: x["status"] == "interested")
        last = len(v.a.seen)
        before = {t: p for t, p in v.a.seen}
        v.coordinator.kill()
        assert v.coordinator.start().matches()[0]["status"] == "interested"
        v.b.reply(vb, "interested")  # a yes before and a yes after the crash
        assert v.b.view(v.coordinator, lambda x: x["status"] == "disclosed")
        # What came again is what was there, byte by byte; what is new has larger numbers.
        numbers = {}
        for t, p in v.a.seen + v.b.seen:
            m = json.loads(base64.b64decode(json.loads(p)["p"]))
            assert numbers.setdefault((m["epoch"], m["seq"]), p) == p, "a number was used twice"
        assert v.coordinator.stop() == 0
        v.coordinator.start()
        assert v.coordinator.matches()[0]["status"] == "disclosed"
        assert before and last


def last_number(member):
    return max((m["epoch"], m["seq"]) for m in (json.loads(base64.b64decode(json.loads(p)["p"])) for _, p in member.seen if p))


def test_after_a_restored_backup_no_number_comes_again():
    with Valley() as v:
        v.propose()
        assert v.coordinator.stop() == 0
        db = v.coordinator.storage + "/territory.db"
        with open(db, "rb") as f:
            backup = f.read()
        time.sleep(1.1)
        v.coordinator.start()
        v.a.offer_heat("3" * 32, kw=50)
        assert v.a.receipt(v.coordinator, "3" * 32)
        assert v.coordinator.stop() == 0
        last = last_number(v.a)
        with open(db, "wb") as f:
            f.write(backup)
        time.sleep(1.1)
        v.coordinator.start()
        v.a.offer_heat("4" * 32, kw=50)
        assert v.a.receipt(v.coordinator, "4" * 32)
        assert last_number(v.a)[0] > last[0], (last, last_number(v.a))


def test_it_does_not_start_when_its_epoch_cannot_be_kept():
    with Valley() as v:
        assert v.coordinator.stop() == 0
        with sqlite3.connect(v.coordinator.storage + "/territory.db") as db:
            db.execute("CREATE TRIGGER full BEFORE INSERT ON fact BEGIN SELECT RAISE(ABORT, 'no room'); END")
        db.close()
        r = subprocess.run([os.path.join(BUILD, "symbiont-coordinator"), "-c", v.coordinator.path], capture_output=True,
                           text=True, timeout=60)
        assert r.returncode != 0 and "no room" in r.stderr and "used twice" in r.stderr, r


def test_withdrawal_is_signed_and_a_bare_clear_is_nothing():
    with Valley() as v:
        v.propose()
        v.a.publish("offers/" + OFFER, b"")
        assert wait_until(lambda: v.coordinator.member("f-aaa")["bare_clears"] == 1)
        assert v.coordinator.member("f-aaa")["entries"] == 1
        v.a.say("offers/" + OFFER, "withdrawal", {"id": OFFER})
        assert v.a.receipt(v.coordinator, OFFER, lambda r: r["status"] == "withdrawn")
        assert v.b.view(v.coordinator, lambda x: x["status"] == "ended")
        # A tombstone: what stood there does not come back.
        v.a.offer_heat(OFFER, revision=9)
        assert wait_until(lambda: v.coordinator.member("f-aaa")["verdicts"].get("of what was withdrawn", 0) >= 1), \
            v.coordinator.member("f-aaa")
        assert v.coordinator.member("f-aaa")["entries"] == 0


def test_a_withdrawal_of_nothing_is_answered_for_as_long_as_it_lives():
    with Valley() as v:
        until = now_ms() + 600000
        v.a.say("offers/" + "e" * 32, "withdrawal", {"id": "e" * 32}, expires=until)
        assert v.a.receipt(v.coordinator, "e" * 32, lambda r: r["status"] == "withdrawn")
        told = json.loads(base64.b64decode(json.loads(v.a.seen[-1][1])["p"]))
        assert abs(told["expires"] - until) < 1000, told


def test_hostile_messages_cost_their_sender():
    c = Member("h-ccc", "Pirate")
    with Valley(acl=False, others=(c,), more=setting() + "limits: { mute = \"1 s\"; messages_minute = 30; };") as v:
        v.propose()

        def verdict(pseudonym, word, n=1):
            assert wait_until(lambda: v.coordinator.member(pseudonym)["verdicts"].get(word, 0) >= n), \
                (word, v.coordinator.member(pseudonym))

        words = {w.replace(" ", "_"): w for w in ()}
        good = c.envelope("offer", c.entry("a" * 32, "offer"))
        # Forged in another's name, without his key.
        v.a.publish("offers/" + OFFER, v.a.envelope("offer", {"id": OFFER}, key=Key()))
        outer = json.loads(good)
        c.publish("offers/" + "a" * 32, json.dumps(dict(outer, s=base64.b64encode(bytes(64)).decode())).encode())
        assert wait_until(lambda: sum(v.coordinator.member("h-ccc")["verdicts"].values()) >= 1)
        for junk in (b"junk", b"{" * 5000, b'{"p":"","p":"","s":"","k":""}', b"x" * 9000, b"\xff\xfe\x00"):
            c.publish("offers/" + "b" * 32, junk)
        assert wait_until(lambda: v.coordinator.member("h-ccc")["refused"] >= 5), v.coordinator.member("h-ccc")
        held = v.coordinator.member("h-ccc")["refused"]
        # Signed by itself, but wrong: another site, another territory, the future, a number twice.
        for more in ({"sender": "f-aaa"}, {"territory": "elsewhere"}, {"issued": now_ms() + 3600000}):
            wait_until(lambda: v.coordinator.member("h-ccc")["state"] != "muted", 30)
            c.publish("offers/" + "c" * 32, c.envelope("offer", c.entry("c" * 32, "offer"), **more), retain=False)
            assert wait_until(lambda: v.coordinator.member("h-ccc")["refused"] > held), (more, v.coordinator.member("h-ccc"))
            held = v.coordinator.member("h-ccc")["refused"]
        # Absurd but signed: a terawatt, and a place 500 km away. Its owner is told why.
        wait_until(lambda: v.coordinator.member("h-ccc")["state"] != "muted", 60)
        c.offer_heat("d" * 32, kw=2e9)
        r = c.receipt(v.coordinator, "d" * 32, lambda r: r["status"] == "refused")
        assert r and "not believed" in r["reason"], r
        assert v.coordinator.member("h-ccc")["state"] == "muted" and v.coordinator.member("h-ccc")["entries"] == 0
        # The id of another's offer is not to be had.
        wait_until(lambda: v.coordinator.member("h-ccc")["state"] != "muted", 60)
        c.offer_heat(OFFER, kw=5)
        assert wait_until(lambda: "another member" in v.coordinator.member("h-ccc").get("trouble", ""), 30)
        assert v.coordinator.member("f-aaa")["entries"] == 1
        # A stranger is nobody.
        stranger = Member("x-zzz")
        stranger.connect(v.broker, user="h-ccc")
        stranger.offer_heat("e" * 32)
        stranger.close()
        assert wait_until(lambda: v.coordinator.ask("status")["strangers"] > 0)
        assert len(v.coordinator.matches()) == 1
        assert not words


def test_a_flood_is_throttled_and_memory_stays_flat():
    with Valley(more=setting() + "limits: { messages_minute = 10; burst = 20; entries_most = 30; };") as v:
        v.propose()

        def resident():
            with open("/proc/%d/status" % v.coordinator.process.pid) as f:
                return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))

        ids = ["%032x" % (0x1000 + i) for i in range(40)]
        letters = [v.a.envelope("offer", v.a.entry(i, "offer", firm=10, typical=10)) for i in ids]
        for i, p in zip(ids, letters):
            v.a.client.publish(v.a.topic("offers/" + i), p, 1, True)
        assert wait_until(lambda: v.coordinator.member("f-aaa")["throttled"] > 0), v.coordinator.member("f-aaa")
        junk, sizes = b"\x00" * 6000, []
        for _ in range(3):
            before = v.coordinator.ask("status")["broker"]["received"]
            for _ in range(3000):
                v.a.client.publish(v.a.topic("offers/" + ids[0]), junk, 0, False)
            assert wait_until(lambda: v.coordinator.ask("status")["broker"]["received"] > before + 300, 60)
            sizes.append(resident())
        assert wait_until(lambda: v.coordinator.member("f-aaa")["throttled"] > 300, 60), v.coordinator.member("f-aaa")
        m = v.coordinator.member("f-aaa")
        assert m["entries"] <= 30 and m["state"] in ("throttled", "muted"), m
        # What waits for the loop is bounded (64 MiB); the third flood takes no more than the ones before it.
        assert sizes[2] - sizes[0] < 30000 and sizes[2] < 200000, sizes
        assert "member f-aaa: more than" in v.coordinator.log()
        # Others are served meanwhile.
        v.b.need_heat("7" * 32, kw=100)
        assert v.b.receipt(v.coordinator, "7" * 32)


def test_the_access_rules_keep_members_apart():
    with Valley() as v:
        v.propose()
        spied = []
        spy = Member("g-bbb")
        spy.client = mqtt.Client("spy")
        spy.client.username_pw_set("g-bbb", "secret")
        spy.client.on_message = lambda _, __, m: spied.append((m.topic, m.payload))
        spy.client.on_connect = lambda c, *_: c.subscribe([("#", 1), ("symbiosis/v1/+/f-aaa/#", 1)])
        spy.client.connect("127.0.0.1", v.broker.port)
        spy.client.loop_start()
        assert wait_until(lambda: any("/g-bbb/matches/" in t for t, _ in spied))
        spy.client.publish("symbiosis/v1/%s/f-aaa/offers/%s" % (TERRITORY, "f" * 32), b"{}", 1)
        v.a.offer_heat("3" * 32, kw=50)
        assert v.a.receipt(v.coordinator, "3" * 32)
        assert all("/g-bbb/" in t for t, _ in spied), [t for t, _ in spied]
        assert v.coordinator.member("f-aaa")["refused"] == 0
        spy.close()


def test_members_are_enrolled_rekeyed_and_revoked_by_a_reload():
    c = Member("h-ccc", "Serre")
    with Valley(others=(c,)) as v:
        v.propose()
        old, new = c.key, Key()
        c.need_heat("4" * 32, kw=100)
        assert c.receipt(v.coordinator, "4" * 32)
        # Both keys, then only the new one.
        c.key = new
        text = config_of(*v.members, more=v.more)
        v.coordinator.configure(text.replace('"%s"' % new.text, '"%s", "%s"' % (old.text, new.text)))
        v.coordinator.reload()
        c.epoch, c.seq = 2, 0
        c.need_heat("4" * 32, kw=100, revision=2)
        assert c.receipt(v.coordinator, "4" * 32, lambda r: r["revision"] == 2), v.coordinator.log()
        v.coordinator.configure(text)
        v.coordinator.reload()
        c.key = old
        c.need_heat("4" * 32, kw=100, revision=3)
        assert wait_until(lambda: sum(v.coordinator.member("h-ccc")["verdicts"].values()) >= 1)
        assert c.receipt(v.coordinator, "4" * 32)["revision"] == 2
        # Revoked: gone with all it had, and its match ends.
        v.coordinator.configure(config_of(v.a, c, more=v.more))
        v.coordinator.reload()
        assert v.a.view(v.coordinator, lambda x: x["status"] == "ended")
        assert [m["pseudonym"] for m in v.coordinator.ask("status")["members"] if m["pseudonym"] == "g-bbb"] == []
        # A file with an error changes nothing.
        v.coordinator.configure("members: ( { pseudonym = \"A\"; keys = [ \"x\" ]; } );")
        v.coordinator.reload()
        s = v.coordinator.ask("status")
        assert "A" in s["config"]["last_reload_error"] and len(s["members"]) == 2, s["config"]


def test_alerts_reach_chat_rooms_mail_and_mqtt():
    with tempfile.TemporaryDirectory() as d, ChatRoom(answers=[503]) as room, ChatRoom() as other:
        tls = Certificates()
        with MailServer(tls.server, tls.server_key) as mail:
            with open(d + "/mail.password", "w") as f:
                f.write("mail-secret\n")
            os.chmod(d + "/mail.password", 0o600)
            with open(d + "/token", "w") as f:
                f.write("room-token\n")
            os.chmod(d + "/token", 0o600)
            channels = '''webhooks: (
                { name = "first"; url = "%s/hook"; preset = "mattermost"; language = "fr"; },
                { name = "full"; url = "%s/all"; preset = "json"; language = "en"; token_file = "%s/token"; names = true; },
                { name = "matrix"; url = "%s/send/m.room.message"; preset = "matrix"; kinds = [ "match" ]; },
                { name = "ends"; url = "%s/ends"; preset = "slack"; kinds = [ "end" ]; } );
              mails: ( { name = "team"; server = "smtp://localhost:%d"; user = "symbiont"; password_file = "%s/mail.password";
                ca_file = "%s"; from = "s@val.example"; to = [ "x@val.example", "y@val.example" ]; language = "fr"; } );
            ''' % (room.url, other.url, d, other.url, other.url, mail.port, d, tls.ca)
            with Valley(more=setting(channels)) as v:
                told = []
                dash = mqtt.Client("dash")
                dash.username_pw_set("dashboard", "secret")
                dash.on_connect = lambda c, *_: c.subscribe("symbiosis/v1/+/alerts", 1)
                dash.on_message = lambda _, __, m: told.append(json.loads(m.payload))
                dash.connect("127.0.0.1", v.broker.port)
                dash.loop_start()
                va, vb = v.propose()
                assert wait_until(lambda: told, 20)
                assert told[0]["kind"] == "match" and told[0]["match"] == va["id"] and told[0]["parties"] == ["f-aaa", "g-bbb"]
                assert wait_until(lambda: mail.mails, 30), v.coordinator.log()
                sender, to, text = mail.mails[0]
                assert sender == "s@val.example" and to == ["x@val.example", "y@val.example"], (sender, to)
                body = base64.b64decode(text.split(b"\r\n\r\n", 1)[1]).decode()
                assert "f-aaa" in body and "Laminoir" not in body and mail.refused == 0, body
                assert wait_until(lambda: len(other.posts) >= 2, 30), v.coordinator.log()
                posts = {p[1].split("/")[1]: p for p in other.posts}
                full = posts["all"]
                assert full[2]["Authorization"] == "Bearer room-token" and "f-aaa" in full[3]["text"], full
                # `names` tells what was released, and nothing was.
                assert "Laminoir" not in json.dumps(full[3]) and "@example" not in json.dumps(full[3]), full
                assert posts["send"][0] == "PUT" and re.search(r"/symbiont-\d+$", posts["send"][1]), posts["send"]
                # Refused once, kept over kill -9, delivered.
                assert wait_until(lambda: room.posts, 30) and room.posts[0][4] == 503
                v.coordinator.kill()
                v.coordinator.start()
                assert wait_until(lambda: any(p[4] == 200 for p in room.posts), 60), v.coordinator.log()
                assert room.posts[-1][3] == room.posts[0][3] and room.posts[0][3]["username"] == "Symbiont"
                # One alert about a synergy a week: its end waits for the digest.
                v.b.reply(vb, "declined")
                assert v.a.view(v.coordinator, lambda x: x["status"] == "ended")
                assert wait_until(lambda: v.coordinator.ask("status")["alerts"]["held_back"] == 1)
                assert not any("/ends" in p[1] for p in other.posts)
                assert "mail-secret" not in v.coordinator.log() and "room-token" not in v.coordinator.log()
                dash.loop_stop()


def test_names_go_to_those_only_to_whom_they_were_released():
    with ChatRoom() as room, Valley(more=setting(
            'change = 0.01; interval = "1 s"; webhooks: ( { name = "room"; url = "%s/"; preset = "json"; language = "en"; '
            'names = true; } );' % room.url)) as v:
        va, vb = v.propose(level=4)  # the need is at level 3: that one does not tell who it is
        assert wait_until(lambda: room.posts, 30), v.coordinator.log()
        m = v.coordinator.matches()[0]
        told = json.dumps([room.posts[0][3], m, v.coordinator.ask("status")])
        assert "Laminoir" not in told and "Blanchisserie" not in told and "@example" not in told, told
        assert [p["name"] for p in m["parties"]] == ["f-aaa", "g-bbb"], m
        v.a.reply(va, "interested", name="Laminoir SA", contact="anne@laminoir")
        v.b.reply(vb, "interested")
        assert v.b.view(v.coordinator, lambda x: x["status"] == "disclosed")
        time.sleep(1.1)  # the alerts' interval
        v.a.offer_heat(OFFER, kw=300, revision=2, level=4)  # a change, of which the room is told
        assert wait_until(lambda: any(p[3]["kind"] == "change" for p in room.posts), 30), v.coordinator.log()
        post = next(p[3] for p in room.posts if p[3]["kind"] == "change")
        m = v.coordinator.matches()[0]
        assert "Laminoir SA" in post["text"] and "anne@laminoir" in post["text"] and "g-bbb" in post["text"], post
        assert [p["name"] for p in m["parties"]] == ["Laminoir SA", "g-bbb"], m
        told = json.dumps([post, m, v.coordinator.ask("status")])
        assert "Blanchisserie" not in told and "g-bbb@example" not in told, told


def test_a_common_round_and_the_full_container():
    shops, late = [Member("s-%d" % i, "Shop %d" % i) for i in range(3)], Member("s-3", "Shop 3")
    with ChatRoom() as room, Valley(others=[*shops, late], more=setting(
            'webhooks: ( { name = "room"; url = "%s/"; preset = "json"; language = "en"; kinds = [ "full" ]; } );'
            % room.url)) as v:
        for shop, rate, fill in zip(shops, (1.2, 0.8, 2.0), (0.9, 0.2, 0.3)):
            id = "%032x" % (0x70 + int(shop.pseudonym[-1]))
            shop.say("offers/" + id, "offer", shop.entry(
                id, "offer", synergy="pool", level=4, resource="waste", firm=rate, typical=rate, annual=rate * 52,
                waste={"codes": ["150101"], "hazardous": False, "capacity_t": 2.4, "fill": fill, "days_to_full": 3.5}))
        views = [shop.view(v.coordinator, lambda x: x["synergy"] == "pool") for shop in shops]
        assert all(views) and {x["id"] for x in views} == {views[0]["id"]}, v.coordinator.log()
        assert views[0]["parties"] == 2 and "Shop" not in json.dumps(views), views[0]
        assert wait_until(lambda: room.posts, 30), v.coordinator.log()
        assert room.posts[0][3]["kind"] == "full" and "s-0" in room.posts[0][3]["title"], room.posts
        # Names are released when everybody said yes, not before.
        for shop, view in zip(shops, views):
            assert shop.view(v.coordinator)["status"] == "proposed"
            shop.reply(view, "interested")
            assert shop.view(v.coordinator, lambda x: x["status"] != "proposed")
        last = shops[0].view(v.coordinator, lambda x: x["status"] == "disclosed")
        assert last and "Shop 1" in last["counterpart"]["name"] and "Shop 2" in last["counterpart"]["name"], last
        # It runs: what is booked is what was agreed for the round, whatever a member says that it brought.
        for shop in shops:
            shop.reply(shop.view(v.coordinator, lambda x: x["status"] == "disclosed"), "agreed")
        assert shops[0].view(v.coordinator, lambda x: x["status"] == "agreed")
        agreed_earlier(v.coordinator, 3 * 3600000)
        match, hour = views[0]["id"], now_ms() // 3600000
        for shop, kg in zip(shops, (1200, 800, 9000)):
            shop.say("meters/" + match, "meter", {"match": match, "first": hour - 1, "amounts": [kg]})
        m = wait_until(lambda: next((m for m in v.coordinator.matches() if m.get("most_metered") == 11000), None), 30)
        assert m and m["status"] == "running", v.coordinator.matches()
        week = 4.0 * 52 * 168 / 8760  # t
        assert abs(m["realised"] - week) < 0.05 * week, (m, week)
        # What was agreed stands over a restart, though a fourth would make it better now and an offer has grown since.
        for shop, number, rate in ((shops[2], 0x72, 2.5), (late, 0x73, 1.5)):
            id = "%032x" % number
            shop.say("offers/" + id, "offer", shop.entry(
                id, "offer", synergy="pool", level=4, resource="waste", firm=rate, typical=rate, annual=rate * 52, revision=2,
                waste={"codes": ["150101"], "hazardous": False, "capacity_t": 2.4, "fill": 0.3, "days_to_full": 3.5}))
            assert shop.receipt(v.coordinator, id, lambda r: r["revision"] == 2 and r["status"] == "held"), v.coordinator.log()
        agreed_earlier(v.coordinator, 20 * 86400000)
        for shop, kg in zip(shops, (5000, 4000, 9000)):
            shop.say("meters/" + match, "meter", {"match": match, "first": hour - 1, "amounts": [kg]})
        m = wait_until(lambda: next((m for m in v.coordinator.matches() if m.get("most_metered") == 18000), None), 30)
        assert m and m["status"] == "running", (v.coordinator.matches(), v.coordinator.log())
        assert abs(m["realised"] - 3 * week) < 0.05 * week, (m, week)
        # An hour of more than four rounds is not believed.
        shops[0].say("meters/" + match, "meter", {"match": match, "first": hour - 1, "amounts": [30000]})
        assert wait_until(lambda: "not believed" in v.coordinator.member("s-0").get("trouble", ""))


def test_the_digest_says_what_happened():
    today = time.strftime("%A").lower()
    more = setting().replace('digest = "never"', 'digest = "%s 0"' % today) + 'timezone = "%s";' % "UTC"
    if time.gmtime().tm_wday != time.localtime().tm_wday:
        more = more.replace(today, time.strftime("%A", time.gmtime()).lower())
    with Valley(more=more) as v:
        told = []
        dash = mqtt.Client("dash")
        dash.username_pw_set("dashboard", "secret")
        dash.on_connect = lambda c, *_: c.subscribe("symbiosis/v1/+/alerts", 1)
        dash.on_message = lambda _, __, m: told.append(json.loads(m.payload))
        dash.connect("127.0.0.1", v.broker.port)
        dash.loop_start()
        # Once a week: the one of the start is not repeated, neither after a restart.
        v.coordinator.kill()
        v.coordinator.start()
        v.propose()
        assert wait_until(lambda: any(a["kind"] == "match" for a in told))
        assert sum(a["kind"] == "digest" for a in told) <= 1, told
        assert "alerts: digest: Val de test" in v.coordinator.log(), v.coordinator.log()
        assert v.coordinator.log().count("alerts: digest") == 1
        dash.loop_stop()


def run(*args, **more):
    return subprocess.run([os.path.join(BUILD, "symbiont"), *args], capture_output=True, text=True, timeout=60,
                          env=Coordinator.environment(), **more)


def test_report_keeps_statistical_secrecy():
    sites = [Member("s-%d" % i, zone="57221") for i in range(3)]
    with Valley(others=sites) as v:
        for m, kw in zip(sites, (500, 300, 200)):
            m.offer_heat("%032x" % (0x50 + int(m.pseudonym[-1])), kw=kw)
        assert wait_until(lambda: v.coordinator.ask("status")["matching"]["entries"] == 3)

        def row():
            return [p for p in v.coordinator.ask("report")["potential"] if p["resource"] == "heat" and p["role"] == "offer"][0]

        def zones():
            return {z["zone"]: z["total"] for z in row()["zones"]}

        assert zones() == {"57221": "1-2 MW"}, zones()
        assert (row()["total"], row()["annual"]) == ("1-2 MW", "5-10 GWh"), row()
        r = run("report", "-c", v.coordinator.path)
        assert r.returncode == 0 and "1-2 MW" in r.stdout, r
        r = run("report", "-c", v.coordinator.path, "--csv")
        assert "potential,offer,heat,57221,3,,1-2 MW,,,shown" in r.stdout, r.stdout
        r = run("report", "-c", v.coordinator.path, "--html")
        assert "<!doctype html>" in r.stdout and "1-2 MW" in r.stdout and "http" not in r.stdout, r.stdout[:300]
        for m, kw in zip(sites, (900, 60, 40)):
            m.offer_heat("%032x" % (0x50 + int(m.pseudonym[-1])), kw=kw, revision=2)
        assert wait_until(lambda: zones() == {"...": "..."}), zones()
        for m in sites[:1]:
            m.offer_heat("%032x" % 0x50, kw=50, revision=3)
        assert wait_until(lambda: zones() == {"57221": "100-200 kW"}), zones()
        # Each figure by itself: nobody dominates the power, somebody the year.
        sites[0].offer_heat("%032x" % 0x50, kw=50, annual=50000, revision=4)
        assert wait_until(lambda: row()["annual"] == "..."), row()
        assert row()["total"] == "100-200 kW" and "sites" in row()["zones"][0], row()
        sites[0].say("offers/%032x" % 0x50, "withdrawal", {"id": "%032x" % 0x50})
        assert wait_until(lambda: zones() == {"...": "..."}), zones()  # two sites
        assert "sites" not in row()["zones"][0], row()  # nor where they are, nor how many
        r = run("status", "-c", v.coordinator.path)
        assert r.returncode == 0 and "s-1" in r.stdout, r


def test_reports_of_two_dates_tell_nothing_of_one_site():
    sites = [Member("s-%d" % i, zone="57221") for i in range(6)]
    with Valley(others=sites) as v:
        def zone():
            row = [p for p in v.coordinator.ask("report")["potential"] if p["resource"] == "heat" and p["role"] == "offer"]
            return [z["total"] for z in row[0]["zones"]] if row else []

        def give(i, kw, revision=1):
            before = v.coordinator.member(sites[i].pseudonym)["accepted"]
            sites[i].offer_heat("%032x" % (0x50 + i), kw=kw, revision=revision)
            assert wait_until(lambda: v.coordinator.member(sites[i].pseudonym)["accepted"] > before)

        for i, kw in enumerate((500, 300, 250)):
            give(i, kw)
        assert zone() == ["1-2 MW"], zone()
        give(3, 1500)  # a fourth: what it brings would be the difference
        assert zone() == ["1-2 MW"], zone()
        v.coordinator.kill()  # what was told is kept
        v.coordinator.start()
        give(4, 800)
        assert zone() == ["1-2 MW"], zone()
        give(5, 700)  # three came: their sum tells nothing of one
        assert zone() == ["2-5 MW"], zone()
        give(0, 4900, 2)  # the same sites: it moves
        assert zone() == ["5-10 MW"], zone()


def test_the_ceiling_tells_nothing_of_a_site_that_dominates():
    sites = [Member("s-%d" % i, zone="57221") for i in range(6)]
    with Valley(others=sites) as v:
        def ceiling():
            return v.coordinator.ask("report")["ceiling"]

        # Three give and three want, but nearly all the heat is one site's.
        for i, kw in enumerate((9000, 300, 250)):
            sites[i].offer_heat("%032x" % (0x50 + i), kw=kw)
        for i, kw in enumerate((5000, 4000, 3000)):
            sites[3 + i].need_heat("%032x" % (0x60 + i), kw=kw)
        assert wait_until(lambda: v.coordinator.ask("status")["matching"]["entries"] == 6)
        assert wait_until(lambda: ceiling()["verdict"] == "dominated"), ceiling()
        c = ceiling()
        assert c["possible"] == c["reached"] == "..." and "sites" not in c and "reached_share" not in c, c
        sites[0].offer_heat("%032x" % 0x50, kw=400, revision=2)
        assert wait_until(lambda: ceiling()["verdict"] == "shown"), ceiling()
        assert ceiling()["possible"].endswith("kW") and ceiling()["sites"] == 6, ceiling()


def test_a_firm_without_a_gateway_declares_in_a_file():
    with tempfile.TemporaryDirectory() as d:
        baker = Member("d-baker")
        with open(d + "/baker.json", "w") as f:
            json.dump([baker.entry("5" * 32, "need", level=4, firm=400, typical=400, annual=2400,
                                   heat={"medium": "water", "supply": 50, "back": 30})], f)
        more = setting() + 'declared: ( { pseudonym = "d-baker"; name = "Boulangerie"; contact = "06"; files = ( "%s" ); } );' \
            % (d + "/baker.json")
        with Valley(more=more) as v:
            v.a.offer_heat(OFFER)
            va = v.a.view(v.coordinator, lambda x: x["status"] == "proposed")
            assert va, v.coordinator.log()
            v.a.reply(va, "interested")
            assert v.a.view(v.coordinator, lambda x: x["status"] == "interested")
            assert "error" in v.coordinator.ask("accept %s f-aaa" % va["id"])  # its own gateway answers
            assert v.coordinator.ask("accept %s d-baker" % va["id"])["status"] == "disclosed"
            r = run("matches", "-c", v.coordinator.path)
            assert r.returncode == 0 and "Boulangerie" in r.stdout and "disclosed" in r.stdout, r
            r = run("accept", "-c", v.coordinator.path, "--for", "d-baker", va["id"])
            assert r.returncode == 0 and "agreed" in r.stdout, r
            va = v.a.view(v.coordinator, lambda x: x["status"] == "disclosed")
            assert va["counterpart"]["name"] == "Boulangerie", va
            os.unlink(d + "/baker.json")
            with open(d + "/baker.json", "w") as f:
                f.write("[]")
            v.coordinator.reload()
            assert v.a.view(v.coordinator, lambda x: x["status"] == "ended")


def test_the_unit_file_is_tight():
    with open(os.path.join(ROOT, "systemd/symbiont-coordinator.service.in")) as f:
        text = f.read().replace("@SBINDIR@", "/usr/sbin").replace("@SYSCONFDIR@", "/etc")
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "symbiont-coordinator.service")
        with open(path, "w") as f:
            f.write(text)
        out = subprocess.run(["systemd-analyze", "security", "--offline=yes", path], capture_output=True, text=True).stdout
        level = re.search(r"Overall exposure level for symbiont-coordinator.service: ([\d.]+)", out)
        assert level and float(level.group(1)) <= 1.5, out[-300:]


def test_symbiont_check_reads_a_coordinator_conf():
    def check(name, text, *options):
        path = os.path.join(d, name)
        with open(path, "w") as f:
            f.write(text)
        return path, run("check", path, *options)

    with open(os.path.join(ROOT, "conf/coordinator.conf")) as f:
        sample = f.read()
    with tempfile.TemporaryDirectory() as d:
        path, r = check("coordinator.conf", sample)
        assert r.returncode == 0 and r.stdout == path + ": configuration OK, 0 members, 0 declared firms, 0 warnings\n", r
        path, r = check("coordinator.conf", sample, "--json")
        assert r.returncode == 0 and json.loads(r.stdout)["territory"] == "my-territory", r
        path, r = check("coordinator.conf", sample, "--print")
        assert r.returncode == 0 and "new_ids_day" in r.stdout, r
        wrong = sample.replace("limits: {", "limits: { new_ids_daj = 3;")
        path, r = check("coordinator.conf", wrong)
        line = next(i for i, l in enumerate(wrong.splitlines(), 1) if "new_ids_daj" in l)
        assert r.returncode == 78 and "%s:%d:" % (path, line) in r.stderr and "new_ids_day" in r.stderr, r
        daemon = subprocess.run([os.path.join(BUILD, "symbiont-coordinator"), "--check", "-c", path], capture_output=True, text=True,
                                timeout=60)
        assert daemon.returncode == 78 and daemon.stderr.splitlines()[0] == r.stderr.splitlines()[0], (daemon.stderr, r.stderr)
        # A site's file that names its territory on a line of its own is a site's.
        path, r = check("symbiont.conf", "# territory = no\nsite: {\n  id = \"mill\";\n  name = \"territory = x\";\n"
                        "  territory = \"val\";\n};\n")
        assert r.returncode == 0 and "0 meters on 0 lines" in r.stdout, r


def test_the_sample_configuration_is_right():
    with open(os.path.join(ROOT, "conf/coordinator.conf")) as f:
        text = f.read()
    with tempfile.TemporaryDirectory() as d:
        for name, lines in (("defaults", re.sub(r"(?m)^# (?=\w+ = )", "", text)),
                            ("examples", re.sub(r"(?m)^#>? ?(?=\s*[\w{}]+.*[;,(){}])", "", text))):
            path = os.path.join(d, name + ".conf")
            with open(path, "w") as f:
                f.write(lines if name == "defaults" else text)
            r = subprocess.run([os.path.join(BUILD, "symbiont-coordinator"), "--check", "-c", path], capture_output=True,
                               text=True, timeout=60)
            assert r.returncode == 0, (name, r.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
