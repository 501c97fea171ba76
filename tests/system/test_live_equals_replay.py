#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same readings live and replayed give the same events: a simulated plant plays a recording, the daemon polls it and
raises alerts; what it published is written down as a CSV file and replayed."""
import csv
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from gateway import BUILD, Gateway, Plant, environment  # noqa: E402
from servers import ROOT, Mosquitto, Subscriber, main, wait_until  # noqa: E402

# A quarter of an hour of the steel works' year goes by in a tenth of a second.
PLANT = """
lines: ( { name = "hall"; listen = "127.0.0.1:0"; } );
meters: (
  { name = "incomer"; line = "hall"; unit_id = 1; refresh = "1 ms"; points: ( %(power)s );
    values: ( { point = "active_power"; csv = "%(csv)s"; column = "power"; interval = "100 ms"; hold = true; } ); },
  { name = "furnace"; line = "hall"; unit_id = 2; refresh = "1 ms"; points: ( %(power)s );
    values: ( { point = "active_power"; csv = "%(csv)s"; column = "reactive"; interval = "100 ms"; hold = true; } ); }
);
"""

POWER = '{ name = "active_power"; table = "holding"; address = 0; type = "float64"; unit = "kW"; }'

SITE = """
meters: (
  { name = "incomer"; line = "hall"; unit_id = 1; every = "100 ms"; points: ( %(power)s ); },
  { name = "furnace"; line = "hall"; unit_id = 2; every = "100 ms"; timeout = "200 ms"; points: ( %(power)s,
      { name = "active_power_both"; quantity = "active_power"; expression = "active_power + incomer.active_power"; } ); }
);
polling: { down_failures = 2; down_after = "100 ms"; probe_first = "500 ms"; };
rules: (
  { name = "high"; when = "incomer.active_power > 300 kW"; for = "300 ms"; release = "incomer.active_power < 200 kW";
    release_for = "200 ms"; alert = "{incomer.active_power}, {avg(incomer.active_power, 2 s)} over two seconds"; },
  { name = "mean"; when = "avg(incomer.active_power, 1 s) > 1.3 * avg(incomer.active_power, 5 s)"; repeat = "700 ms"; },
  { name = "both"; when = "furnace.active_power_both > 350 kW"; for = "200 ms"; unknown = "release"; severity = "critical"; },
  { name = "silent"; when = "furnace.active_power > 1 MW"; unknown = "alert"; for = "500 ms"; at_most_every = "3 s"; },
  { name = "swing"; when = "stddev(furnace.active_power, 2 s) > 40 kW or median(furnace.active_power, 3 s) > 120 kW"; },
  { name = "energy"; when = "integral(incomer.active_power, 4 s) > 0.25 kWh"; for = "1 s"; },
  { name = "trend"; when = "slope(incomer.active_power, 2 s) > 300 MW/h"; at_most_every = "1 s"; },
  { name = "spare"; when = "heat > 60 kW"; }
);
streams: (
  { name = "heat"; resource = "heat"; direction = "out"; value = "0.3 * incomer.active_power";
    surplus: { above = "60 kW"; for = "500 ms"; below = "50 kW"; release = "300 ms"; }; }
);
"""


def recording(directory):
    """Four days of the year, as the simulator wants them."""
    path = os.path.join(directory, "plant.csv")
    with gzip.open(os.path.join(ROOT, "tests/data/steel_2018_15min.csv.gz"), "rt", encoding="utf-8-sig") as f, \
            open(path, "w") as out:
        out.write("power,reactive\n")
        for i, row in enumerate(csv.DictReader(f)):
            if 768 <= i < 1200:
                out.write("%.12g,%.12g\n" % (4 * float(row["Usage_kWh"]),
                                              4 * float(row["Lagging_Current_Reactive_Power_kVarh"])))
    return path


def write_down(messages, path):
    """What subscribers got, in the order in which it came: a column per point, '?' where there was no number."""
    points = ["incomer.active_power", "furnace.active_power"]
    last = 0
    with open(path, "w") as out:
        out.write("time," + ",".join(points) + "\n")
        for m in messages:
            part = m.topic.split("/")
            if part[2:3] != ["meters"] or part[4:] != ["state"]:
                continue
            doc = m.json()
            cells = []
            for p in points:
                meter, point = p.split(".")
                if meter != part[3]:
                    cells.append("")
                elif point in doc:
                    cells.append(repr(doc[point]))
                else:
                    cells.append("?" if point in doc.get("bad", {}) else "")
            out.write("%d,%s\n" % (doc["ts"], ",".join(cells)))
            last = max(last, doc["ts"])
    return last


def replay(gw_path, data, directory):
    description = os.path.join(directory, "live.replay")
    with open(description, "w") as f:
        f.write('time: { format = "epoch ms"; }; missing = [ "?" ];\n')
    out = subprocess.run([os.path.join(BUILD, "symbiont"), "replay", "--json", "-c", gw_path, "-f", description, data],
                         env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
    assert out.returncode == 0, out.stderr
    return json.loads(out.stdout)


def comparable(events, until):
    """In the order of time; what happened after the last reading is not known to the file."""
    return sorted((json.dumps(e, sort_keys=True) for e in events if e["ts"] <= until),
                  key=lambda text: (json.loads(text)["ts"], text))


def test_the_same_events_live_and_replayed():
    with tempfile.TemporaryDirectory(prefix="symbiont-live-") as directory, Mosquitto() as broker, \
            Plant(PLANT % {"power": POWER, "csv": recording(directory)}) as plant, \
            Subscriber(broker.port, "symbiont/mill/#") as seen:
        body = ('lines: ( { name = "hall"; tcp = "127.0.0.1:%d"; timeout = "200 ms"; } );\n' % plant.ports["hall"]
                + SITE % {"power": POWER} + 'mqtt: { server = "mqtt://127.0.0.1:%d"; };' % broker.port)
        with Gateway(body) as gw:
            time.sleep(10)  # the recording goes on in real time: its events are what is waited for
            plant.ask("fault furnace silence")
            time.sleep(5)
            plant.ask("clear furnace")
            time.sleep(3)
            gw.reload()  # nothing is lost, doubled or moved by it
            time.sleep(8)
            gw.stop()
            log = gw.log()
            data = os.path.join(directory, "live.csv")
            count = [0]
            wait_until(lambda: count[0] == len(seen.messages) or count.__setitem__(0, len(seen.messages)), 3, 0.5)
            until = write_down(seen.messages, data)
            live = [m.json() for m in seen.on("symbiont/mill/alerts")]
            again = replay(gw.path, data, directory)
    expected, got = comparable(live, until), comparable(again["events"], until)
    kinds = {(e.get("rule") or e.get("stream"), e["state"]) for e in live}
    missing = [e for e in expected if e not in got]
    added = [e for e in got if e not in expected]
    assert expected == got, "%d live, %d replayed; only live: %s; only replayed: %s\n%s" % (
        len(expected), len(got), missing[:4], added[:4], log[-1500:])
    assert len(expected) > 40, "%d events only: %s" % (len(expected), sorted(kinds))
    for wanted in (("high", "began"), ("high", "ended"), ("mean", "stands"), ("both", "began"), ("silent", "began"),
                   ("silent", "ended"), ("energy", "began"), ("heat", "surplus"), ("heat", "surplus_ended"),
                   ("spare", "began")):
        assert wanted in kinds, "%s did not happen: %s" % (wanted, sorted(kinds))
    assert "unknown" in {e.get("cause") for e in live}


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
