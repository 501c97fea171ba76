# SPDX-License-Identifier: Apache-2.0
"""Rows 57 to 62: what comes from the territory, and neighbours that are not what they should be."""
import json
import os
import time

from rig import Daemon, Mosquitto, NotBuilt, Rig, now_ms, wait_until
from row import row
from rows_meters import by_name, share_missed
from territory import ACL, USERS, Coordinator, Key

MATCH = "a1" * 16


class Territory(Rig):
    """A gateway that is a member of a territory; whoever has the coordinator's password may publish to it."""

    def _make(self):
        self.territory = self._enter(Mosquitto(acl=ACL, users=USERS, log="information"))
        self.coordinator = self._enter(Coordinator(self.territory.port))
        self.site_key = Key()
        super()._make()

    def body(self, *rest, **more):
        self.password = self.witness.name + ".password"
        key = self.witness.name + ".key"
        if not os.path.exists(key):
            self.site_key.write(key)
        with open(self.password, "w") as f:
            os.chmod(self.password, 0o600)
            f.write("m\n")
        return super().body(*rest, **more) + (
            'streams: ( { name = "heat"; resource = "heat"; value = "400 kW + 0 * m0.first * 1 kW"; surplus: { above = "100 kW"; '
            'for = "1 s"; below = "80 kW"; release = "1 s"; }; offer: { keep = "1 h"; pause = "0 s"; disclosure = 2; }; } );\n'
            'exchange: { server = "mqtt://127.0.0.1:%d"; user = "f-7q2"; password_file = "%s"; pseudonym = "f-7q2"; key_file = "%s"; '
            'coordinator_key = "%s"; retry_max = "1 s"; };\n' % (self.territory.port, self.password, key, self.coordinator.key.text))

    def before_start(self):
        with open(self.gw.path) as f:
            text = f.read()
        with open(self.gw.path, "w") as f:
            f.write(text.replace('site: { id = "mill"; };', 'site: { id = "mill"; name = "Mill"; territory = "val"; nace = "24.10"; '
                                 'latitude = 49.3237; longitude = 6.1183; };'))

    def exchange(self):
        return self.gw.status()["exchange"]

    def matches(self):
        return self.gw.ask("matches")["matches"]

    def offered(self):
        """The id of our offer, once the coordinator has it."""
        offers = self.coordinator.wait_for("offer", seconds=60)
        assert offers, "no offer: " + self.gw.log()[-1500:]
        return offers[0].body["id"]

    def close(self):
        super().close()
        for suffix in (".password", ".key"):
            if hasattr(self, "witness") and os.path.exists(self.witness.name + suffix):
                os.unlink(self.witness.name + suffix)
        if hasattr(self, "site_key"):
            self.site_key.close()


def refused(rig):
    return sum(rig.exchange()["refused"].values())


@row(57, "10,000 messages as fast as they go and one of 60 MB from the territory: memory grows by at most", 4000, "KiB")
def flood(t):
    with Territory(lines=2, meters=3, influx=None) as rig:
        rig.offered()
        before, memory, received = by_name(rig.gw.status()), rig.gw.memory_kib(), rig.exchange()["received"]
        topic, most = rig.coordinator.topic("matches", MATCH), 0
        for i in range(10000):
            rig.coordinator.client.publish(topic, b'{"p":"","s":"","k":"%d"}' % i, qos=0)
            if i % 500 == 0:
                most = max(most, rig.gw.memory_kib() - memory)
        rig.coordinator.client.publish(topic, b"x" * 60000000, qos=1)
        end = time.monotonic() + 8
        while time.monotonic() < end:
            most = max(most, rig.gw.memory_kib() - memory)
            time.sleep(0.1)
        t.expect(share_missed(before, by_name(rig.gw.status()), list(before)) <= 5, "polling suffers")
        words = rig.exchange()["refused"]
        t.expect(rig.exchange()["received"] > received and words.get("flood", 0) > 100, "not throttled and counted: %s" % rig.exchange())
        t.expect(rig.matches() == [], "a match was taken: %s" % rig.matches())
        t.note(refused_as_flood=words.get("flood", 0))
        t.judged(rig, rig.finish())
        t.measure(most)


NONSENSE = [b"", b"{", b"null", b"[]", b"\xff\xfe{", b"{" * 3000, b"[" * 3000 + b"]" * 3000, b'{"p":1,"s":2,"k":3}', b'{"p":NaN}',
            b'{"p":"","p":"","s":"","k":""}', b'{"p":1e400,"s":"","k":""}', b'"\\u0000"', b'{"p":"AAAA","s":"AAAA","k":"0"} x', b"x" * 7000]


@row(58, "invalid JSON, deep nesting, duplicate keys, NaN, 1e400, trailing bytes: messages taken", 0, "messages")
def nonsense(t):
    with Territory(lines=1, meters=3, influx=None) as rig:
        rig.offered()
        before, topic = refused(rig), rig.coordinator.topic("matches", MATCH)
        for payload in NONSENSE:
            rig.coordinator.publish(topic, payload, False)
        counted = wait_until(lambda: refused(rig) - before >= len(NONSENSE) - 1, 20)  # an empty one clears, and says nothing
        t.expect(counted, "%d of %d counted: %s" % (refused(rig) - before, len(NONSENSE), rig.exchange()))
        lines = rig.gw.log().count("matches")
        t.expect(lines < len(NONSENSE), "it is logged %d times" % lines)
        t.note(refused=refused(rig) - before)
        n = len(rig.matches())
        t.judged(rig, rig.finish())
        t.measure(n)


@row(59, "forged, replayed elsewhere, future-dated, for another member, a used number with other content: matches taken", 0, "matches")
def forged(t):
    with Territory(lines=1, meters=3, influx=None) as rig:
        own, c, stranger = rig.offered(), rig.coordinator, Key()
        good = c.say("match", c.match(MATCH, own), retain=False)
        assert wait_until(lambda: len(rig.matches()) == 1, 30), rig.gw.log()
        before, other, used = refused(rig), "b2" * 16, c.seq
        c.say("match", c.match(other, own), key=stranger, retain=False)
        c.publish(c.topic("matches", other), good, False)
        e = json.loads(good)
        e["p"] = e["p"][:-8] + "AAAAAAA="
        c.publish(c.topic("matches", other), json.dumps(e).encode(), False)
        now = int(time.time() * 1000)
        c.say("match", c.match(other, own), retain=False, issued=now + 86400000)
        c.say("match", c.match(other, own), retain=False, to="g-1")
        c.say("match", c.match(other, own), retain=False, seq=used)
        c.say("match", c.match(other, own), retain=False, issued=now - 40 * 86400000, expires=now - 86400000)
        t.expect(wait_until(lambda: refused(rig) - before >= 7, 20), "%d of 7 counted: %s" % (refused(rig) - before, rig.exchange()))
        t.note(refused=refused(rig) - before)
        taken = len(rig.matches()) - 1
        stranger.close()
        t.judged(rig, rig.finish())
        t.measure(taken)


@row(60, "absurd but signed: things done on a neighbour's word alone", 0, "things")
def absurd(t):
    raise NotBuilt("no scenario here yet")


@row(61, "a neighbour disappears: its offers live on after their expiry by at most", 60, "s")
def vanished(t):
    raise NotBuilt("no scenario here yet; tests/system/test_coordinator.py has expiry")


@row(62, "two gateways with one site id at the plant's broker: sides that do not report it within 30 s (who keeps the connection cannot know)", 1, "sides")
def twins(t):
    with Rig(lines=1, meters=2, influx=None) as rig:
        rig.run(1)
        twin = Daemon(rig.body(), storage=rig.storage)
        rig.evidence.disturbances.append(("broker", now_ms()))
        try:
            twin.start()
            end, told = time.monotonic() + 30, set()
            while time.monotonic() < end and len(told) < 2:
                rig.evidence.disturbances.append(("broker", now_ms()))
                told |= {n for n, g in (("first", rig.gw), ("second", twin)) if g.publisher("mqtt").get("client_id_conflict")}
                time.sleep(0.3)
        finally:
            twin.__exit__()
        t.measure(2 - len(told))
        t.note(told=" and ".join(sorted(told)))
