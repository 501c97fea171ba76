# SPDX-License-Identifier: Apache-2.0
"""Rows 57 to 62: what comes from the territory, and neighbours that are not what they should be."""
import base64
import json
import os
import re
import sys
import threading
import time

from rig import Daemon, Mosquitto, Rig, Subscriber, now_ms, wait_until
from row import row
from rows_meters import by_name, share_missed
from servers import paho
from territory import ACL, USERS, Coordinator, Key, envelope

mqtt = paho()  # before valley: it looks for it where Debian has it
import valley  # noqa: E402

MATCH = "a1" * 16


class Territory(Rig):
    """A gateway that is a member of a territory; whoever has the coordinator's password may publish to it."""

    secret = "m"
    told = ('streams: ( { name = "heat"; resource = "heat"; value = "400 kW + 0 * m0.first * 1 kW"; surplus: { above = "100 kW"; '
            'for = "1 s"; below = "80 kW"; release = "1 s"; }; offer: { keep = "1 h"; pause = "0 s"; disclosure = 2; }; } );\n')

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
            f.write(self.secret + "\n")
        return super().body(*rest, **more) + self.told + (
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
        if hasattr(self, "site_key") and hasattr(self.site_key, "close"):
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


class Real:
    """A territory with the real coordinator; members that sign for themselves."""

    def __init__(self, *members, gateway=None, more=""):
        self.members, self.gateway, self.more = members, gateway, more

    def __enter__(self):
        all = [*self.members, *([self.gateway] if self.gateway else [])]
        self.broker = valley.broker(["coordinator"] + [m.pseudonym for m in all]).__enter__()
        self.coordinator = valley.Coordinator(self.broker, valley.config_of(
            *all, more='alerts: { mqtt = true; digest = "never"; }; ' + self.more))
        try:
            self.coordinator.start()
            for m in self.members:
                m.connect(self.broker)
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, *exc):
        for m in self.members:
            if m.client:
                m.close()
        self.coordinator.__exit__(*exc)
        self.broker.__exit__(*exc)

    def held(self, member):
        return self.coordinator.member(member.pseudonym)["entries"]

    def listens(self, member):
        return wait_until(lambda: self.coordinator.member(member.pseudonym)["state"] != "muted", 30)

    def memory_kib(self):
        with open("/proc/%d/status" % self.coordinator.process.pid) as f:
            return int(re.search(r"RssAnon:\s+(\d+)", f.read()).group(1))


HEAT = {"medium": "water", "supply": 65, "back": 45}
# What a member signs and no site can have or mean: (words, branch, kind, body, of the envelope).
ABSURD = [
    ("10 GW of heat", dict(firm=1e7, typical=1e7, peak=1e7, annual=6e7, heat=HEAT), {}),
    ("more in a year than the sun gives", dict(firm=400, typical=400, annual=9e11, heat=HEAT), {}),
    ("less than nothing", dict(firm=-400, typical=-400, annual=-2400, heat=HEAT), {}),
    ("its ends the wrong way round", dict(typical="500-200", annual=2400, heat=HEAT), {}),
    ("colder than cold", dict(typical=400, annual=2400, heat=dict(HEAT, back=-300)), {}),
    ("hotter than an arc", dict(typical=400, annual=2400, heat=dict(HEAT, supply=9000)), {}),
    ("from beyond the year 2100", dict(typical=400, annual=2400, heat=HEAT, valid_from=4200000000000), {}),
    ("ends before it begins", dict(typical=400, annual=2400, heat=HEAT, valid_from=1900000000000, valid_until=1800000000000), {}),
    ("a billion for a MWh", dict(typical=400, annual=2400, heat=HEAT, price=1e9), {}),
    ("a fortune saved with each MWh", dict(typical=400, annual=2400, heat=HEAT, avoided=1e6), {}),
    ("500 km away", dict(typical=400, annual=2400, heat=HEAT, site={"pseudonym": "h-evil", "latitude": 45.0, "longitude": 5.0}), {}),
    ("not on the earth", dict(typical=400, annual=2400, heat=HEAT, site={"pseudonym": "h-evil", "latitude": 491, "longitude": 6}), {}),
    ("another's place in its name", dict(typical=400, annual=2400, heat=HEAT, site={"pseudonym": "f-aaa"}), {}),
    ("valid for a thousand years", dict(typical=400, annual=2400, heat=HEAT), {"expires": 33000000000000}),
]


def absurd_members(t):
    """At the coordinator: what is absurd is not held, its sender is named, and the honest are served as before."""
    a, b, evil = valley.Member("f-aaa", "Laminoir"), valley.Member("g-bbb", "Blanchisserie"), valley.Member("h-evil", "Pirate")
    evil.settings = 'zone = "c:49.325:6.125";'
    limits = 'limits: { mute = "1 s"; mute_most = "1 s"; messages_minute = 600; burst = 600; };'
    things = 0
    with Real(a, b, evil, more=limits) as v:
        own, wish = "0" * 31 + "1", "0" * 31 + "2"
        a.offer_heat(own)
        b.need_heat(wish)
        assert b.view(v.coordinator, lambda x: x["status"] == "proposed"), v.coordinator.log()[-2000:]
        for i, (words, body, more) in enumerate(ABSURD):
            for role, branch in (("offer", "offers"), ("need", "needs")):
                id = "%032x" % (0xe0000 + 2 * i + (role == "need"))
                t.expect(v.listens(evil), "%s: it is not listened to any more" % words)
                before = v.coordinator.member("h-evil")["refused"]
                evil.say("%s/%s" % (branch, id), role, evil.entry(id, role, **body), **more)
                if not t.expect(wait_until(lambda: v.coordinator.member("h-evil")["refused"] > before, 20), "taken: %s, as %s" % (words, role)):
                    things += 1
        things += v.held(evil)
        t.expect(v.coordinator.log().count("member h-evil") >= 5, "its sender is not named: " + v.coordinator.log()[-1500:])
        # A neighbour at our very door, who takes 1 kW, and a thousand of them.
        memory = v.memory_kib()
        for i in range(1000):
            id = "%032x" % (0xf0000 + i)
            evil.client.publish(evil.topic("needs/" + id), evil.envelope("need", evil.entry(
                id, "need", firm=1, typical=1, peak=1, annual=6, heat={"medium": "water", "supply": 50, "back": 30},
                site={"pseudonym": "h-evil", "latitude": 49.325, "longitude": 6.125})), 1, True).wait_for_publish(20)
        settled = wait_until(lambda: v.held(evil) == 64, 30)
        t.expect(settled, "%d small needs are held, not 64" % v.held(evil))
        grown = v.memory_kib() - memory
        t.expect(grown < 16000, "the coordinator grows by %d KiB" % grown)
        b.need_heat("7" * 32, kw=100)
        t.expect(b.receipt(v.coordinator, "7" * 32), "others are not served meanwhile")
        seen = v.coordinator.matches()
        t.expect(all(m["status"] in ("proposed", "ended") for m in seen), "a match went on without a yes: %s" % seen)
        # Nothing of anybody was let out.
        told = b"".join(base64.b64decode(json.loads(p)["p"]) for _, p in evil.seen if p)
        for word in (b"Laminoir", b"Blanchisserie", b"@example"):
            things += t.expect(word not in told, "released to it: %s" % word) is False
        t.note(refused_by_coordinator=v.coordinator.member("h-evil")["refused"], coordinator_grows_kib=grown)
    return things


# What a coordinator signs, and cannot be: changes of a match that is right.
VIEWS = [("10 GW of heat, of which we told 400 kW", dict(quantity=1e7)),
         ("less than nothing", dict(quantity="-500--200")),
         ("a counterpart of 1 TW", dict(counterpart={"amount": 1e9})),
         ("a year's heat of the sun", dict(annual=9e11)),
         ("a trillion a year", dict(eur_yr=9e11)),
         ("paid back before it is built", dict(payback_y=-3)),
         ("a pipe to the moon", dict(distance_m=384400000)),
         ("a pipe that costs less than nothing", dict(capex_eur=-1e9)),
         ("the climate saved alone", dict(tco2e_yr=9e11)),
         ("our heat as water", dict(resource="water")),
         ("our offer as a need", dict(role="need")),
         ("five times of all", dict(coverage=5))]


def absurd_coordinator(t):
    """At the gateway: nothing is done but what its owner says."""
    with Territory(lines=2, meters=3, influx=None) as rig:
        own, c = rig.offered(), rig.coordinator
        before, memory = by_name(rig.gw.status()), rig.gw.memory_kib()
        for i, (words, more) in enumerate(VIEWS):
            held = refused(rig)
            c.say("match", c.match("%032x" % (0xc0 + i), own, **more), retain=False)
            t.expect(wait_until(lambda: refused(rig) > held, 20), "taken: " + words)
        held = refused(rig)
        c.say("match", c.match("b4" * 16, own), retain=False, expires=int(time.time() * 1000) + 80 * 365 * 86400000)
        t.expect(wait_until(lambda: refused(rig) > held, 20), "taken: valid until after 2100")
        # Right in itself, but nobody here said yes.
        c.say("match", c.match(MATCH, own, "running", counterpart={"name": "Pirate"}), retain=False)
        t.expect(wait_until(lambda: len(rig.matches()) == 1, 20), "the view that is right in itself is not shown")
        for i in range(1000):
            c.client.publish(c.topic("matches", "%032x" % i), envelope(c.key, c.payload("match", c.match("%032x" % i, own)))
                             if i < 100 else b'{"p":"","s":"","k":""}', qos=0)
        t.expect(wait_until(lambda: rig.exchange()["refused"].get("flood", 0) > 50, 30), "no flood: %s" % rig.exchange())
        matches, log = rig.matches(), rig.gw.log()
        t.expect([m for m in matches if m["view"]["id"] == MATCH][0].get("unasked"), "it is not told that nobody said yes")
        t.expect("refused a message that the coordinator has signed" in log and "nobody here said yes" in log,
                 "the coordinator is not named: " + log[-1500:])
        t.expect(share_missed(before, by_name(rig.gw.status()), list(before)) <= 5, "polling suffers")
        grown = rig.gw.memory_kib() - memory
        t.expect(grown < 2000, "the gateway grows by %d KiB" % grown)
        done = [m for m in c.told if m.kind in ("reply", "meter", "withdrawal")]
        t.expect(not done, "done on the coordinator's word alone: %s" % done)
        offers = {o.body["id"]: o.body for o in c.of("offer")}
        t.expect(list(offers) == [own] and offers[own]["level"] == 2, "what is told has changed: %s" % offers)
        config = rig.gw.status()["config"]
        t.expect(config["reloads"] == 0, "reloaded")
        t.note(refused_by_gateway=refused(rig), gateway_grows_kib=grown)
        t.judged(rig, rig.finish())
        return len(done)


@row(60, "absurd but signed, 10 GW to a thousand small needs, by members and by the coordinator: things done on a neighbour's word alone", 0, "things")
def absurd(t):
    t.measure(absurd_members(t) + absurd_coordinator(t))


class Neighbour(valley.Member):
    """With MQTT 5, so that the broker too knows how long a message lives."""

    def connect(self, broker):
        self.client = mqtt.Client("member-" + self.pseudonym, protocol=mqtt.MQTTv5)
        self.client.username_pw_set(self.pseudonym, "secret")
        ready = threading.Event()
        self.client.on_connect = lambda *_: ready.set()
        self.client.connect("127.0.0.1", broker.port)
        self.client.loop_start()
        assert ready.wait(10)

    def offer_until(self, id, end):
        """A retained offer that ends with itself."""
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties
        about = Properties(PacketTypes.PUBLISH)
        about.MessageExpiryInterval = max(1, int(end - time.time()))
        data = self.envelope("offer", self.entry(id, "offer", firm=550, typical=550, peak=550, annual=3300, heat=HEAT),
                             expires=int(end * 1000))
        self.client.publish(self.topic("offers/" + id), data, 1, True, about).wait_for_publish(10)

    def vanish(self):
        """Without a word: the connection breaks, nothing is withdrawn."""
        self.client.loop_stop()
        self.client.socket().close()
        self.client = None


class Beside(Territory):
    """A gateway in the real coordinator's territory, with a need."""

    secret = "secret"
    told = ('needs: ( { name = "wash"; resource = "heat"; power = "400 kW"; in = "30 degC"; out = "50 degC"; '
            'profile = "weekdays 0-24"; ask: { disclosure = 2; }; } );\n')

    def __init__(self, real):
        self.real = real
        super().__init__(lines=1, meters=3, influx=None)

    def _make(self):
        self.territory, self.coordinator, self.site_key = self.real.broker, self.real.coordinator, self.real.gateway.key
        Rig._make(self)


def on_broker(real, id):
    """Whether the broker still has it for who subscribes now."""
    with Subscriber(real.broker.port, "symbiosis/v1/val/+/offers/+", "coordinator", "secret") as seen:
        return seen.wait(lambda ms: any(m.topic.endswith(id) for m in ms), 1)


LIFE_S = 15


class Expiry:
    """How long after its end something was still there."""

    def __init__(self, t, end):
        self.t, self.end, self.late = t, end, []

    def gone(self, words, condition):
        gone = wait_until(condition, self.end - time.time() + 90, 0.1)
        self.t.expect(gone, words + " lives on")
        self.t.expect(time.time() > self.end - 1, "%s: gone %.1f s too early" % (words, self.end - time.time()))
        self.late.append(max(0.0, time.time() - self.end) if gone else 999)


def vanished_neighbour(t):
    b, site = Neighbour("g-bbb", "Laminoir"), valley.Member("f-7q2", "Mill")
    id = "5" * 32
    with Real(b, gateway=site) as v, Beside(v) as rig:
        t.expect(wait_until(lambda: v.held(site) == 1, 60), "no need of the gateway: " + rig.gw.log()[-1500:])
        e = Expiry(t, time.time() + LIFE_S)
        b.offer_until(id, e.end)
        t.expect(wait_until(lambda: [m for m in rig.matches() if m["view"]["status"] == "proposed"], LIFE_S - 1),
                 "no match: %s %s" % (v.coordinator.ask("status"), v.coordinator.log()[-1500:]))
        t.expect(on_broker(v, id), "it does not stand on the broker")
        b.vanish()
        e.gone("the offer at the coordinator", lambda: v.held(b) == 0)
        e.gone("the match at the coordinator", lambda: all(m["status"] == "ended" for m in v.coordinator.matches()))
        e.gone("the match at the other gateway", lambda: all(m["view"]["status"] == "ended" for m in rig.matches()))
        e.gone("the offer on the broker", lambda: not on_broker(v, id))
        # Restarted, both still know that it is over, and the need is still told.
        v.coordinator.kill()
        v.coordinator.start()
        rig.evidence.disturbances.append(("broker", now_ms()))
        t.expect(wait_until(lambda: v.held(site) == 1, 30), "the need is not told any more")
        t.expect(v.held(b) == 0 and all(m["view"]["status"] == "ended" for m in rig.matches()), "it came back with a restart")
        t.judged(rig, rig.finish())
    return e.late


def vanished_coordinator(t):
    with Territory(lines=1, meters=2, influx=None) as rig:
        own, c = rig.offered(), rig.coordinator
        e = Expiry(t, time.time() + LIFE_S)
        c.say("match", c.match(MATCH, own), expires=int(e.end * 1000))
        t.expect(wait_until(lambda: len(rig.matches()) == 1, 12), "no match: " + rig.gw.log()[-1500:])
        answer = rig.gw.ask("accept " + MATCH)
        t.expect(answer.get("answer") == "interested" and c.wait_for("reply", seconds=10), "no yes: %s" % answer)
        rig.territory.kill()
        e.gone("the match of a coordinator that is gone", lambda: not rig.matches())
        t.expect("match %s for heat has expired" % MATCH in rig.gw.log(), "it is not told: " + rig.gw.log()[-1500:])
        # The yes that stood there retained is taken back as soon as there is a broker.
        rig.territory.start()
        t.expect(wait_until(lambda: rig.exchange()["connected"] and rig.exchange()["waiting"] == 0, 60), "it does not come back: %s" % rig.exchange())
        with Subscriber(rig.territory.port, "symbiosis/v1/val/+/replies/+", "coordinator", "c") as seen:
            t.expect(not seen.wait(lambda ms: any(m.payload for m in ms), 1), "the yes stays: " + rig.gw.log()[-1500:])
        t.judged(rig, rig.finish())
    return e.late


@row(61, "a neighbour disappears, then the coordinator: offers and matches live on after their expiry (coordinator, other gateway, broker) by at most",
     60, "s")
def vanished(t):
    late = vanished_neighbour(t) + vanished_coordinator(t)
    t.note(s_after_the_expiry=" ".join("%.1f" % s for s in late))
    t.measure(max(late))


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
