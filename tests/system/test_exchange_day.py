#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A day of simulated time on the connection to the territory, every byte of it recorded: only what was agreed is there. The wall
clock goes on by a quarter of an hour at a time (libfaketime), while meters are polled as ever. TAP."""
import base64
import hashlib
import json
import os
import sys
import time

os.environ["VARIANT"] = "release"  # libfaketime and the sanitizers do not go together
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from servers import Mosquitto, Subscriber, build, main, wait_until  # noqa: E402
from territory import Recorder, published  # noqa: E402
from test_clock import Clock  # noqa: E402
from test_exchange_gateway import MATCH, Rig  # noqa: E402

QUARTER = 900
QUARTERS = 96
# What may never be on that connection: names of the site's own, and what its meters show.
OWN_NAMES = ["rolling-mill", "furnace_secret", "furnace_meter", "Hidden furnace", "active_power", "wash_secret", "hall",
             "Laminoir", "Weber", "symbiont.conf"]
SHAPES = {
    "card": {"pseudonym", "zone", "nace", "key", "epoch"},
    "offer": {"id", "revision", "role", "synergy", "resource", "provenance", "level", "site", "confidence", "created", "valid_from",
              "valid_until", "firm", "typical", "peak", "annual", "blocks", "months", "heat", "interruptible"},
    "reply": {"match", "revision", "answer"},
    "meter": {"match", "first", "amounts"},
}
SHAPES["need"] = SHAPES["offer"]


def power_at(quarter):
    """Busy from 6 to 22, with a value of its own in each quarter that could be recognised."""
    hour = quarter // 4 % 24
    return 20.0 if hour < 6 or hour >= 22 else 310.0 + quarter + 0.137


def test_a_day_on_the_wire_holds_what_was_agreed_and_nothing_else():
    for program in ("symbiontd", "symbiont"):
        build(program)
    with Rig() as rig, Mosquitto() as plant_broker, Recorder(rig.broker.port) as wire, \
            Subscriber(plant_broker.port, "symbiont/#") as plant:
        clock = Clock(rig.gw)
        begun, offset = time.time(), [0]
        clock.set("+0")
        rig.port, c, gw = wire.port, rig.coordinator, rig.gw
        c.now = lambda: time.time() + offset[0]
        need = 'needs: ( { name = "wash_secret"; resource = "heat"; power = "433 kW"; in = "31 degC"; out = "52 degC"; ' \
               'profile = "weekdays 6-22"; ask: { disclosure = 2; }; } ); mqtt: { server = "mqtt://127.0.0.1:%d"; };' % plant_broker.port
        rig.start(more=need, keep="24 h")
        assert rig.connected(), gw.log()
        rig.set(415.137)
        own = c.wait_for("offer", seconds=60)[0].body["id"]
        c.say("match", c.match(MATCH, own))
        assert wait_until(lambda: gw.ask("matches")["matches"], 30), gw.log()
        assert rig.verb("accept", MATCH).returncode == 0
        assert c.wait_for("reply", seconds=30)
        c.say("match", c.match(MATCH, own, "disclosed", 2))
        assert wait_until(lambda: gw.ask("matches")["matches"][0]["view"]["status"] == "disclosed", 30), gw.log()
        assert rig.verb("accept", MATCH, "--meter", "furnace_secret").returncode == 0
        assert c.wait_for("reply", 2, 30)
        c.say("match", c.match(MATCH, own, "agreed", 3))
        assert wait_until(lambda: gw.ask("matches")["matches"][0]["view"]["status"] == "agreed", 30), gw.log()
        for quarter in range(QUARTERS + 4):
            offset[0] = (quarter + 1) * QUARTER
            clock.set("+%d" % offset[0])
            rig.set(power_at(quarter))
            seen = rig.readings()
            assert wait_until(lambda: rig.readings() >= seen + 3, 30), gw.log()
            if quarter == 40:
                c.say("match", c.match(MATCH, own, "running", 4))
        assert wait_until(lambda: len(c.of("meter")) >= 20, 60), (len(c.of("meter")), gw.log())
        # This site ends it: no further hour leaves, whatever the coordinator's view still says.
        assert rig.verb("decline", MATCH).returncode == 0 and c.wait_for("reply", 3, 30)[2:], gw.log()
        metered = len(c.of("meter"))
        for quarter in range(QUARTERS + 4, QUARTERS + 12):
            offset[0] = (quarter + 1) * QUARTER
            clock.set("+%d" % offset[0])
            seen = rig.readings()
            assert wait_until(lambda: rig.readings() >= seen + 3, 30), gw.log()
        assert gw.ask("matches")["matches"][0]["view"]["status"] in ("agreed", "running")
        assert len(c.of("meter")) == metered, c.of("meter")
        print("# %.0f s for a day; %d readings" % (time.time() - begun, rig.readings()))
        status = gw.ask("status")["exchange"]
        gw.stop()
        log = rig.log_lines()

        # The plant's own broker got everything, the territory's nothing of it.
        assert len([m for m in plant.messages if m.topic.endswith("/state")]) > 250
        raw = bytes(wire.sent)
        values = {"%g" % m.json()["active_power"] for m in plant.on("symbiont/rolling-mill/meters/furnace_meter/state") if "active_power" in m.json()}
        assert len(values) > 60, values
        messages = published(raw)
        envelopes, clear = {}, raw
        for topic, payload, retained in messages:
            assert retained and topic.startswith("symbiosis/v1/val/f-7q2/"), topic
            if not payload:
                continue
            e = json.loads(payload)
            assert sorted(e) == ["k", "p", "s"], e
            envelopes[hashlib.sha256(payload).hexdigest()] = (topic, json.loads(base64.b64decode(e["p"])))
            clear += base64.b64decode(e["p"])
        for word in OWN_NAMES:
            assert word.encode() not in clear, word
        kinds = {}
        for topic, p in envelopes.values():
            kinds[p["kind"]] = kinds.get(p["kind"], 0) + 1
            assert set(p) == {"v", "kind", "territory", "from", "epoch", "seq", "issued", "expires", "body"}, p
            assert set(p["body"]) <= SHAPES[p["kind"]], (p["kind"], set(p["body"]) - SHAPES[p["kind"]])
            text = json.dumps(p["body"])
            for value in values if p["kind"] != "meter" else ():
                assert value not in text or "." not in value, (value, text)
        print("# %d messages in %d bytes: %s" % (len(envelopes), len(raw), kinds))
        offers = [p["body"] for _, p in envelopes.values() if p["kind"] == "offer"]
        assert {o["typical"] for o in offers} <= {"200-500"} and len(offers) <= 4, offers
        assert kinds["meter"] >= 20 and kinds["card"] == 1 and kinds["reply"] == 3 and kinds["need"] == 1, kinds
        # Everything that left is in the log, in the order of its numbers, and the log says the same bytes.
        logged = [x for x in log if x["what"] in ("card", "offer", "need", "reply", "meter", "withdrawal")]
        assert len(logged) == len(envelopes), (len(logged), len(envelopes))
        numbers = sorted((p["epoch"], p["seq"]) for _, p in envelopes.values())
        assert numbers == [(numbers[0][0], i + 1) for i in range(len(numbers))], numbers
        assert rig.verb("offers", "--log").returncode == 0
        # The hours are those of the stream, once each, and nothing finer.
        last = [p["body"] for _, p in sorted(envelopes.values(), key=lambda x: x[1]["seq"]) if p["kind"] == "meter"][-1]
        assert 20 <= len(last["amounts"]) <= 48, last
        # Nothing but CONNECT, SUBSCRIBE, PUBLISH, acknowledgements, PING and DISCONNECT was sent.
        assert status["refused_by_broker"] == 0 and wire.connections == 1, (status, wire.connections)


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
