#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What ends with the consent, and with the name under which it was given: metered hours, and what stands on the broker when
pseudonym, territory or server change. TAP."""
import json
import os
import sys
import time

os.environ["VARIANT"] = "release"  # libfaketime and the sanitizers do not go together
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from servers import Mosquitto, Subscriber, build, main, wait_until  # noqa: E402
from territory import ACL, USERS, Coordinator, Told  # noqa: E402
from test_clock import Clock  # noqa: E402
from test_exchange_gateway import MATCH, Rig  # noqa: E402

QUARTER = 900


def built():
    for program in ("symbiont", "symbiontd"):
        build(program)


class Running:
    """A rig whose furnace has an agreed match, on a clock that is moved by the quarter of an hour."""

    def __init__(self, rig):
        self.rig, self.offset = rig, 0
        self.clock = Clock(rig.gw)
        self.clock.set("+0")
        rig.coordinator.now = lambda: time.time() + self.offset
        rig.start(keep="24 h")
        rig.set(415)
        c = rig.coordinator
        self.own = c.wait_for("offer", seconds=60)[0].body["id"]
        c.say("match", c.match(MATCH, self.own))
        self.reach("proposed")
        assert rig.verb("accept", MATCH).returncode == 0 and c.wait_for("reply", seconds=30)
        c.say("match", c.match(MATCH, self.own, "disclosed", 2))
        self.reach("disclosed")
        assert rig.verb("accept", MATCH, "--meter", "furnace_secret").returncode == 0 and c.wait_for("reply", 2, 30)
        c.say("match", c.match(MATCH, self.own, "agreed", 3))
        self.reach("agreed")

    def reach(self, status):
        assert wait_until(lambda: [m for m in self.rig.gw.ask("matches")["matches"] if m["view"]["status"] == status], 30), \
            self.rig.gw.log()

    def go_on(self, quarters):
        for _ in range(quarters):
            self.offset += QUARTER
            self.clock.set("+%d" % self.offset)
            seen = self.rig.readings()
            assert wait_until(lambda: self.rig.readings() >= seen + 3, 30), self.rig.gw.log()

    def metered(self):
        return [t for t in self.rig.coordinator.of("meter")]


def standing(rig, seconds=3):
    """What a late subscriber finds retained."""
    with Subscriber(rig.broker.port, "symbiosis/#", "coordinator", "c") as late:
        wait_until(lambda: late.messages, seconds)
        return {m.topic: m.payload for m in late.messages if m.payload}


def test_no_hour_leaves_without_consent_and_those_that_stood_are_cleared():
    built()
    with Rig() as rig:
        r, c = Running(rig), rig.coordinator
        r.go_on(9)
        assert wait_until(lambda: r.metered(), 30), rig.gw.log()
        topic = c.topic("meters", MATCH)
        assert r.metered()[-1].topic == topic and topic in standing(rig)
        # The consent is taken back, by nothing but the level; the match still says that it is agreed.
        rig.configure(offer="disclosure = 0;", keep="24 h")
        rig.gw.reload()
        assert c.wait_for("withdrawal", seconds=30), rig.gw.log()
        assert wait_until(lambda: [t for t in c.of("clear") if t.topic == topic], 30), rig.gw.log()
        assert rig.gw.ask("matches")["matches"][0]["view"]["status"] == "agreed"
        count = len(r.metered())
        r.go_on(9)
        assert len(r.metered()) == count, r.metered()[count:]
        assert topic not in standing(rig) and c.topic("replies", MATCH) not in standing(rig)
        # The coordinator has not heard of it, and says that it runs: nothing leaves either.
        c.say("match", c.match(MATCH, r.own, "running", 4))
        r.reach("running")
        r.go_on(5)
        assert len(r.metered()) == count, r.metered()[count:]
        assert [x for x in rig.log_lines() if x["what"] == "cleared" and x["topic"] == topic], rig.log_lines()[-5:]


def test_hours_are_cleared_when_the_match_is_over():
    with Rig() as rig:
        r, c = Running(rig), rig.coordinator
        r.go_on(9)
        assert wait_until(lambda: r.metered(), 30), rig.gw.log()
        # The match expires: its answers and hours go with it.
        r.offset += 31 * 86400
        r.clock.set("+%d" % r.offset)
        for branch in ("meters", "replies"):
            assert wait_until(lambda: [t for t in c.of("clear") if t.topic == c.topic(branch, MATCH)], 30), (branch, rig.gw.log())
        assert wait_until(lambda: not rig.gw.ask("matches")["matches"], 30)


def renamed(rig, old, new):
    with open(rig.gw.path) as f:
        text = f.read()
    assert old in text, text
    with open(rig.gw.path, "w") as f:
        f.write(text.replace(old, new))


def test_under_another_pseudonym_what_was_told_is_withdrawn_first():
    with Rig() as rig:
        rig.start()
        rig.set(415)
        c = rig.coordinator
        own = c.wait_for("offer", seconds=60)[0].body["id"]
        c.say("match", c.match(MATCH, own))
        assert wait_until(lambda: rig.gw.ask("matches")["matches"], 30)
        with open(rig.password, "w") as f:
            f.write("e\n")
        renamed(rig, 'user = "f-7q2"', 'user = "eve"')
        renamed(rig, 'pseudonym = "f-7q2"', 'pseudonym = "eve"')
        rig.gw.reload()
        assert c.wait_for("withdrawal", seconds=30)[0].topic == c.topic("offers", own), rig.gw.log()
        assert wait_until(lambda: [o for o in c.of("offer") if "/eve/" in o.topic], 30), rig.gw.log()
        fresh = [o for o in c.of("offer") if "/eve/" in o.topic][0]
        assert fresh.body["id"] != own and fresh.body["site"]["pseudonym"] == fresh.payload["from"] == "eve", fresh
        assert "f-7q2" not in json.dumps(fresh.payload) and own not in json.dumps(fresh.payload), fresh
        # The old name's matches are not this one's.
        assert rig.gw.ask("matches")["matches"] == []


def test_under_another_name_after_a_stop_nothing_of_the_old_one_is_repeated():
    with Rig() as rig:
        rig.start()
        rig.set(415)
        c = rig.coordinator
        own = c.wait_for("offer", seconds=60)[0].body["id"]
        assert wait_until(lambda: rig.offer()["broker"] == "stands there", 30)
        rig.gw.stop()
        with open(rig.password, "w") as f:
            f.write("e\n")
        renamed(rig, 'user = "f-7q2"', 'user = "eve"')
        renamed(rig, 'pseudonym = "f-7q2"', 'pseudonym = "eve"')
        mark = len(c.told)
        rig.gw.start()
        # What it has to spare is looked at once a minute.
        assert wait_until(lambda: [t for t in c.told[mark:] if t.kind == "offer"], 100), rig.gw.log()
        assert all("/eve/" in t.topic and own not in json.dumps(t.payload) for t in c.told[mark:]), c.told[mark:]
        assert rig.gw.ask("status")["exchange"]["refused_by_broker"] == 0


def test_in_another_territory_the_old_one_is_told_that_it_is_over():
    with Rig() as rig:
        rig.start()
        rig.set(415)
        c = rig.coordinator
        own = c.wait_for("offer", seconds=60)[0].body["id"]
        with Subscriber(rig.broker.port, "symbiosis/v1/orne/#", "coordinator", "c") as elsewhere:
            renamed(rig, 'territory = "val"', 'territory = "orne"')
            rig.gw.reload()
            assert c.wait_for("withdrawal", seconds=30)[0].topic == c.topic("offers", own), rig.gw.log()
            # This broker's access list has no such territory: the gateway says so, and tells the old one nothing more.
            assert wait_until(lambda: "symbiosis/v1/orne/f-7q2/" in rig.gw.log(), 30), rig.gw.log()
            told = [t for t in c.told if t.kind in ("offer", "need", "card")]
            before = rig.readings()
            assert wait_until(lambda: rig.readings() > before + 10, 30)
            assert [t for t in c.told if t.kind in ("offer", "need", "card")] == told
            assert elsewhere.messages == []


def test_at_another_server_the_old_one_keeps_nothing():
    with Rig() as rig, Mosquitto(acl=ACL, users=USERS) as other, Coordinator(other.port) as there:
        rig.start()
        rig.set(415)
        c = rig.coordinator
        own = c.wait_for("offer", seconds=60)[0].body["id"]
        renamed(rig, "mqtt://127.0.0.1:%d" % rig.broker.port, "mqtt://127.0.0.1:%d" % other.port)
        renamed(rig, c.key.text, there.key.text)
        rig.gw.reload()
        assert c.wait_for("withdrawal", seconds=30)[0].body["id"] == own, rig.gw.log()
        assert there.wait_for("offer", seconds=60), rig.gw.log()
        assert there.of("offer")[0].body["id"] != own, there.of("offer")
        # There nothing but the withdrawal stands in its place, for as long as the offer would have lived.
        left = {t: p for t, p in standing(rig).items() if "/offers/" in t or "/needs/" in t}
        assert list(left) == [c.topic("offers", own)], left
        assert Told(c.topic("offers", own), left[c.topic("offers", own)], True, None).kind == "withdrawal", left


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
