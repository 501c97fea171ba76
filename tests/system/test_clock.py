#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A gateway without a battery-backed clock: it boots in 1970 and learns the time later. faketime moves the wall clock only, and
needs a binary without sanitizers."""
import glob
import json
import os
import subprocess
import sys
import time

os.environ["VARIANT"] = "release"
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from gateway import BUILD, Gateway, Plant, environment  # noqa: E402
from servers import Influx, Mosquitto, Subscriber, build, main, wait_until  # noqa: E402

FAKETIME = (glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1") or ["libfaketimeMT.so.1"])[0]
PLANT = """
lines: ( { name = "hall"; listen = "127.0.0.1:0"; } );
meters: ( { name = "feeder"; line = "hall"; unit_id = 1; profile = "eastron-sdm120";
            values: ( { point = "active_power"; constant = 12.5; }, { point = "active_energy_import"; constant = 4711.0; } ); } );
"""


class Clock:
    """The wall clock of a gateway, as a file that can be written while it runs."""

    def __init__(self, gateway):
        self.path = os.path.join(gateway.dir, "clock")
        gateway.env.update(LD_PRELOAD=FAKETIME, FAKETIME_TIMESTAMP_FILE=self.path, FAKETIME_NO_CACHE="1", FAKETIME_DONT_FAKE_MONOTONIC="1",
                           DONT_FAKE_MONOTONIC="1", TZ="UTC")

    def set(self, words):
        with open(self.path + ".new", "w") as f:
            f.write(words + "\n")
        os.replace(self.path + ".new", self.path)


def gateway_of(plant, broker, influx=None):
    return Gateway("""lines: ( { name = "hall"; tcp = "127.0.0.1:%d"; } );
meters: ( { name = "feeder"; line = "hall"; unit_id = 1; profile = "eastron-sdm120"; every = "200 ms"; only = ["active_power", "active_energy_import"]; } );
rules: ( { name = "busy"; when = "avg(feeder.active_power, 1 s) > 10 kW"; alert = "busy"; } );
mqtt: { server = "mqtt://127.0.0.1:%d"; };
%s""" % (plant.ports["hall"], broker.port, 'influxdb: { url = "%s"; database = "plant"; };' % influx.url if influx else ""))


def cpu_seconds(process):
    with open("/proc/%d/stat" % process.pid) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def documents(seen, topic):
    return [json.loads(m.payload) for m in seen.on("symbiont/mill/" + topic)]


def test_readings_wait_until_the_clock_is_set():
    build("symbiontd"), build("symbiont")
    with Plant(PLANT) as plant, Mosquitto() as broker, Influx() as influx, Subscriber(broker.port, "symbiont/#") as seen:
        influx.create("plant")
        gw = gateway_of(plant, broker, influx)
        clock = Clock(gw)
        clock.set("@1970-01-02 00:00:10")
        begun = time.time() * 1000
        with gw:
            assert wait_until(lambda: gw.ask("status")["held_readings"]["waiting"] >= 10, 30), gw.ask("status")
            status = gw.ask("status")
            assert status["clock_set"] is False and status["held_readings"]["lost"] == 0 and status["started"] is None, status
            assert "1970-01-02" in gw.log() and "held back" in gw.log(), gw.log()
            text = subprocess.run([os.path.join(BUILD, "symbiont"), "status", "-s", gw.socket], env=environment(), stdout=subprocess.PIPE, text=True).stdout
            assert "not set: readings wait for the time" in text and "readings that wait for it" in text, text
            values = gw.ask("values")["meters"][0]
            assert values["time"] is None and {p["name"]: p["value"] for p in values["points"]}["active_power"] == 12.5, values
            # What has no time of day in it is told at once.
            assert seen.wait_for("symbiont/mill/meters/feeder/status") and seen.wait_for("symbiont/mill/info"), gw.log()
            assert documents(seen, "info")[-1]["started"] is None
            assert not documents(seen, "meters/feeder/state"), "a reading of 1970 was published"
            # No thread takes a wrong clock for a deadline that is over: waiting is not a loop.
            assert cpu_seconds(gw.process) < 0.5 * (time.time() - begun / 1000), cpu_seconds(gw.process)

            held = gw.ask("status")["held_readings"]["waiting"]
            clock.set("+0")
            assert seen.wait(lambda _: len(documents(seen, "meters/feeder/state")) >= held + 5, 30), gw.ask("status")
            states = documents(seen, "meters/feeder/state")
            ended = time.time() * 1000
            assert [d["seq"] for d in states] == list(range(1, len(states) + 1)), "each once, in order, none missing"
            times = [d["ts"] for d in states]
            assert begun - 1000 < times[0] and times[-1] <= ended + 1 and times == sorted(times), times
            # As they were read: one each 200 ms, on a machine that may be busy.
            assert all(times[i + 1] - times[i] >= 150 for i in range(held - 1)), times
            assert times[held - 1] - times[0] >= 200 * (held - 1) - 50, times
            assert "readings that waited for it go out, 0 had to go" in gw.log(), gw.log()
            assert wait_until(lambda: documents(seen, "info")[-1]["started"], 20) and documents(seen, "info")[-1]["started"] > "2024"
            status = gw.ask("status")
            assert status["clock_set"] is True and status["held_readings"] == {"waiting": 0, "lost": 0} and status["started"] > "2024", status
            # The rule saw the readings at their times.
            assert seen.wait_for("symbiont/mill/alerts", seconds=30), gw.log()
            assert all(begun - 1000 < d["ts"] for d in documents(seen, "alerts")), documents(seen, "alerts")
            assert wait_until(lambda: (influx.query("SELECT count(active_power) FROM meters", "plant") or [{"count": 0}])[0]["count"] >= held + 5, 30)
            assert not influx.query("SELECT * FROM meters WHERE time < '2024-01-01'", "plant")
            assert gw.stop() == 0, gw.log()


def test_stopped_before_the_clock_is_set():
    """Nothing can be said of these readings but that there were some."""
    with Plant(PLANT) as plant, Mosquitto() as broker, Subscriber(broker.port, "symbiont/#") as seen:
        gw = gateway_of(plant, broker)
        clock = Clock(gw)
        clock.set("@1970-01-02 00:00:10")
        with gw:
            assert wait_until(lambda: gw.ask("status")["held_readings"]["waiting"] >= 3, 30)
            assert gw.stop() == 0
            assert "readings are lost: there was no time of day to give them" in gw.log(), gw.log()
        assert not documents(seen, "meters/feeder/state")


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
