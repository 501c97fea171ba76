#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Totals over restarts of the gateway: what a register counted, or went round, while nobody was looking is counted once and right."""
import json
import os
import sys
import time

os.environ["VARIANT"] = "release"  # faketime and sanitizers do not go together
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from gateway import Gateway, Plant  # noqa: E402
from servers import Mosquitto, Subscriber, build, main, wait_until  # noqa: E402
from test_clock import Clock  # noqa: E402

# A 32-bit register of 0.1 kWh goes round at 429496729.6 kWh.
PLANT = """
lines: ( { name = "hall"; listen = "127.0.0.1:0"; } );
meters: ( { name = "m"; line = "hall"; unit_id = 1; registers: ( { table = "holding"; address = 0; words = [0, 0]; } ); } );
"""


def count(plant, raw):
    assert plant.ask("registers m holding 0 %d %d" % (raw >> 16, raw & 0xFFFF)) == "ok"


def gateway_of(plant, broker):
    return Gateway("""lines: ( { name = "hall"; tcp = "127.0.0.1:%d"; } );
meters: ( { name = "press"; line = "hall"; unit_id = 1; every = "200 ms";
            points: ( { name = "total"; quantity = "active_energy_import"; table = "holding"; address = 0; type = "uint32"; order = "abcd"; scale = 0.1; unit = "kWh"; max_rate = 36000; } ); } );
mqtt: { server = "mqtt://127.0.0.1:%d"; };""" % (plant.ports["hall"], broker.port))


def alerts(seen):
    return [json.loads(m.payload) for m in seen.on("symbiont/mill/alerts")]


def states(seen):
    return [json.loads(m.payload) for m in seen.on("symbiont/mill/meters/press/state")]


def reads(seen, value):
    """A new reading says so."""
    before = len(seen.messages)
    return wait_until(lambda: any(m.topic.endswith("/press/state") and m.json().get("total") == value for m in seen.messages[before:]), 30)


def refuses(seen):
    before = len(seen.messages)
    return wait_until(lambda: any(m.topic.endswith("/press/state") and "total" in m.json().get("bad", {}) for m in seen.messages[before:]), 30)


def test_a_total_goes_round_while_the_gateway_is_stopped():
    build("symbiontd"), build("symbiont")
    with Plant(PLANT) as plant, Mosquitto() as broker, Subscriber(broker.port, "symbiont/#") as seen:
        count(plant, 0xFFFFFFFF - 20)
        with gateway_of(plant, broker) as gw:
            assert reads(seen, 429496727.5), gw.log()
            count(plant, 0xFFFFFFFF - 10)
            assert reads(seen, 429496728.5), gw.log()
            assert gw.stop() == 0 and alerts(seen) == [], (alerts(seen), gw.log())
            count(plant, 30)
            gw.start()
            assert reads(seen, 3.0), gw.log()
            assert wait_until(lambda: len(alerts(seen)) == 1, 30), alerts(seen)
            a = alerts(seen)[0]
            assert a["state"] == "wrap" and a["before"] == 429496728.5 and a["after"] == 3 and abs(a["counted"] - 4.1) < 1e-6, a

            # Stopped again, and nothing was counted: nothing is told. A rise is told as what it is.
            assert gw.stop() == 0
            gw.start()
            assert reads(seen, 3.0) and len(alerts(seen)) == 1, alerts(seen)
            assert gw.stop() == 0
            count(plant, 45)
            time.sleep(1)  # more than three periods: a gap
            gw.start()
            assert reads(seen, 4.5) and wait_until(lambda: len(alerts(seen)) == 2, 30), alerts(seen)
            assert alerts(seen)[1]["state"] == "gap bridged" and abs(alerts(seen)[1]["counted"] - 1.5) < 1e-6, alerts(seen)

            # Another meter in its place: refused, not counted as a wrap.
            assert gw.stop() == 0
            count(plant, 12)
            gw.start()
            assert refuses(seen), gw.log()
            assert [x["state"] for x in alerts(seen)] == ["wrap", "gap bridged", "lower than before, refused"], alerts(seen)
            assert all("bad" not in d for d in states(seen) if d.get("total", 0) > 3), "a good total was refused"


def test_a_wrap_seen_by_a_gateway_that_is_then_killed_is_not_told_again():
    with Plant(PLANT) as plant, Mosquitto() as broker, Subscriber(broker.port, "symbiont/#") as seen:
        count(plant, 0xFFFFFFFF - 5)
        with gateway_of(plant, broker) as gw:
            assert reads(seen, 429496729.0), gw.log()
            count(plant, 5)
            assert reads(seen, 0.5) and wait_until(lambda: len(alerts(seen)) == 1, 30), alerts(seen)
            commits = gw.ask("status")["storage"]["commits"]
            assert commits and wait_until(lambda: gw.publisher("mqtt")["waiting"] == 0, 20)
            gw.kill()
            gw.start()
            assert reads(seen, 0.5), gw.log()
            count(plant, 7)
            assert reads(seen, 0.7), gw.log()
            assert [x["state"] for x in alerts(seen)] == ["wrap"], alerts(seen)


def test_totals_are_kept_each_hour():
    """A power cut costs an hour of them at most: what was counted before is not counted as the gap's."""
    with Plant(PLANT) as plant, Mosquitto() as broker, Subscriber(broker.port, "symbiont/#") as seen:
        count(plant, 100)
        gw = gateway_of(plant, broker)
        clock = Clock(gw)
        clock.set("@2026-03-02 09:30:00")
        with gw:
            assert reads(seen, 10.0), gw.log()
            count(plant, 500)
            assert reads(seen, 50.0), gw.log()
            before = gw.ask("status")["storage"]["commits"]
            clock.set("@2026-03-02 10:00:00")
            assert wait_until(lambda: gw.ask("status")["storage"]["commits"] > before, 30), gw.log()
            gw.kill()
            count(plant, 510)
            clock.set("@2026-03-02 10:20:00")
            gw.start()
            assert reads(seen, 51.0), gw.log()
            assert wait_until(lambda: alerts(seen), 30) and abs(alerts(seen)[-1]["counted"] - 1.0) < 1e-6, alerts(seen)


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
