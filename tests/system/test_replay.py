#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`symbiont replay`: what it prints for programs, several files, and what it says when something is wrong."""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from gateway import BUILD, environment  # noqa: E402
from servers import ROOT, main  # noqa: E402

DATA = os.path.join(ROOT, "tests/data")


def replay(*words, cwd=ROOT):
    return subprocess.run([os.path.join(BUILD, "symbiont"), "replay", *words], cwd=cwd, env=environment(), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)


def test_json_has_everything():
    out = replay("--json", "-c", DATA + "/steel.conf", DATA + "/steel_2018_15min.csv.gz")
    assert out.returncode == 0, out.stderr
    doc = json.loads(out.stdout)
    assert len(doc["events"]) == doc["events_told"] > 1000
    assert all(e["ts"] and (e.get("rule") or e.get("stream")) and e["state"] and e["text"] for e in doc["events"])
    assert abs(doc["points"][0]["amount"] - (959636.71 - 3.17)) < 0.01
    began = sum(e["state"] == "began" for e in doc["events"])
    assert began == sum(r["alerts"] for r in doc["rules"]), began
    assert [s["stream"] for s in doc["streams"]] == ["electricity", "furnace_heat"]


def test_without_a_description_headings_are_points():
    with tempfile.TemporaryDirectory(prefix="symbiont-replay-") as d:
        site, one, two = (os.path.join(d, n) for n in ("site.conf", "one.csv", "two.csv"))
        with open(site, "w") as f:
            f.write('site: { id = "mill"; timezone = "UTC"; };\nlines: ( { name = "w"; tcp = "127.0.0.1"; } );\nmeters: (\n')
            f.write(",\n".join('{ name = "%s"; line = "w"; every = "1 min"; points: ( { name = "active_power"; table = "holding"; '
                               'address = 0; type = "float64"; unit = "kW"; } ); }' % m for m in "ab"))
            f.write(');\nrules: ( { name = "both"; when = "a.active_power + b.active_power > 10 kW"; } );\n')
        with open(one, "w") as f:
            f.write("time;a.active_power\r\n2024-01-01 00:00;2\r\n2024-01-01 00:01;7\r\n2024-01-01 00:02;1\r\n")
        with open(two, "w") as f:
            f.write("time,b.active_power\n2024-01-01T00:00:30Z,4\n2024-01-01T01:01:30+01:00,5\n")
        out = replay("-c", site, one, two)
        assert out.returncode == 0, out.stderr
        lines = [line.split() for line in out.stdout.splitlines() if line.startswith("2024-")]
        assert [(x[1], x[4]) for x in lines] == [("00:01", "began"), ("00:02", "ended")], out.stdout
        # Values an hour apart of a meter that is read each minute.
        with open(one, "w") as f:
            f.write("time,a.active_power\n" + "".join("2024-01-01 %02d:00,5\n" % h for h in range(6)))
        assert "say `step` in the description" in replay("-c", site, one).stdout


def test_what_is_wrong_is_said():
    with tempfile.TemporaryDirectory(prefix="symbiont-replay-") as d:
        description = os.path.join(d, "x.replay")
        with open(description, "w") as f:
            f.write('step = "1 h";\ncolumns: ( { column = "Usage"; point = "incomer.active_powr"; } );\n')
        data, site = DATA + "/steel_2018_15min.csv.gz", DATA + "/steel.conf"
        out = replay("-c", site, "-f", description, data)
        assert out.returncode == 78 and 'x.replay:2: error: column "Usage"' in out.stderr and \
            'did you mean "incomer.active_power"?' in out.stderr, out.stderr
        with open(description, "w") as f:
            f.write('time: { column = "date"; };\ncolumns: ( { column = "Usage_kW"; point = "incomer.active_power"; } );\n')
        out = replay("-c", site, "-f", description, data)
        assert out.returncode == 69 and 'did you mean "Usage_kWh"?' in out.stderr, out.stderr
        out = replay("-c", site, os.path.join(d, "absent.csv"))
        assert out.returncode == 69 and "absent.csv" in out.stderr, out.stderr
        assert replay("-c", site).returncode == 64
        out = replay("-c", os.path.join(d, "absent.conf"), data)
        assert out.returncode == 78, out.stderr


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
