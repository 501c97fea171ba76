#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`symbiont` read, scan, check, plan, status, decode, profiles and completion as a plant engineer uses them: over Modbus
TCP, RTU on a pseudo terminal and RTU over TCP, against the simulated plant and a foreign server. TAP."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from servers import Tap, free_port, wait_until  # noqa: E402
from verbs import (PATIENCE, PROFILES, ROOT, SYMBIONT, Directory, Gateway, Peer, Plant, Result, Terminal,  # noqa: E402
                   environment, symbiont)

METERS = """
  { name = "main"; line = "%(line)s"; unit_id = 1; profile = "eastron-sdm630";
    values: ( { point = "voltage_l1"; constant = 231.7; }, { point = "voltage_l2"; constant = 229.3; },
              { point = "voltage_l3"; constant = 230.9; }, { point = "current_l1"; constant = 12.345; },
              { point = "active_power_l1"; constant = 2.717; }, { point = "apparent_power_l1"; constant = 2.86; },
              { point = "active_energy_import"; constant = 48213.75; } ); },
  { name = "heat"; line = "%(line)s"; unit_id = 3; profile = "tuf2000m-ultrasonic"; },
  { name = "pv"; line = "%(line)s"; unit_id = 7; profile = "sunspec-meter-int"; }"""
PLANT = """
lines: ( { name = "tcp"; listen = "127.0.0.1:0"; silent_gateway = true; },
         { name = "gateway"; listen = "127.0.0.1:0"; },
         { name = "rtu"; pty = ""; mode = "115200 8N1"; },
         { name = "server"; listen = "127.0.0.1:0"; rtu_over_tcp = true; } );
meters: ( %s, %s, %s, %s );
""" % tuple((METERS % {"line": line}).replace('name = "main"', 'name = "main_%s"' % line).replace(
    'name = "heat"', 'name = "heat_%s"' % line).replace('name = "pv"', 'name = "pv_%s"' % line)
    for line in ("tcp", "gateway", "rtu", "server"))

tap = Tap()


def lines_of(plant):
    """The options that name each kind of line."""
    return {"Modbus TCP": ["--tcp", plant["tcp"]["tcp"]],
            "RTU": ["--serial", plant["rtu"]["serial"], "--mode", "115200 8N1"],
            "RTU over TCP": ["--rtu-over-tcp", "%s:%d" % (plant["server"]["host"], plant["server"]["port"])]}


def read(plant):
    for kind, line in lines_of(plant).items():
        r = symbiont("read", *line, "--unit", "1", "--profile", "eastron-sdm630", "--json")
        points = r.points() if r.status == 0 else {}
        tap.check(r.status == 0 and points["voltage_l1"] == {
            "point": "voltage_l1", "value": 231.7, "unit": "V", "quality": "good", "raw": "4367 B333"} and
            points["active_power_l1"]["value"] == 2.717 and points["active_energy_import"]["value"] == 48213.75 and
            "instead" not in r.json(), "read a profile over %s" % kind, r)
        r = symbiont("read", *line, "-u", "3", "--holding", "0:4", "--type", "float32", "--order", "cdab")
        tap.check(r.status == 0 and re.search(r"holding_0 +35 +good +0000 420C", r.out) and "holding_2" in r.out,
                  "read raw registers over %s" % kind, r)
        r = symbiont("read", *line, "--unit", "7", "--profile", "sunspec-meter-int", "--json")
        tap.check(r.status == 0 and r.json()["sunspec_model"] == 203 and r.points()["frequency"]["value"] == 50,
                  "read walks SunSpec models over %s" % kind, r)

    line = lines_of(plant)["Modbus TCP"]
    r = symbiont("read", *line, "--unit", "1", "--profile", "eastron-sdm630")
    tap.check(r.status == 0 and re.search(r"voltage_l1 +231.7  V +good +4367 B333", r.out), "read prints a table", r)
    begun = time.monotonic()
    r = symbiont("read", *line, "--unit", "1", "--holding", "5", "--input", "0:2", "--every", "300 ms", "--count", "3", "--json")
    documents = [json.loads(d) for d in r.out.splitlines()] if r.out else []
    tap.check(len(documents) == 3 and all(p["raw"] == "4367" for d in documents for p in d["points"] if p["point"] == "input_0") and
              time.monotonic() - begun > 0.6, "read --every --count prints a document per reading", r)
    tap.check(all(0 < d["took_ms"] < 250 for d in documents), "the time between readings is not counted as waiting", r)


def derived(plant):
    # A profile with a point that is computed from others of the meter.
    with Plant("""lines: ( { name = "a"; listen = "127.0.0.1:0"; } ); meters: ( { name = "m"; line = "a"; profile = "dzg-dvh4013";
                values: ( { point = "active_power_import"; constant = 12.5; }, { point = "active_power_export"; constant = 4.25; } ); } );""") as p:
        r = symbiont("read", "--tcp", p["a"]["tcp"], "--profile", "dzg-dvh4013", "--json")
        tap.check(r.status == 0 and r.points()["active_power"]["value"] == 8.25, "read computes derived points", r)


def read_wrong(plant):
    """The mistakes everyone makes, made on purpose in profiles of our own."""
    line = lines_of(plant)["Modbus TCP"]
    with open(os.path.join(PROFILES, "eastron-sdm630.conf")) as f:
        right = f.read()
    assert 'order = "abcd"' in right and 'table = "input"' in right
    wrong = {"order": right.replace('order = "abcd"', 'order = "cdab"'),
             "above": re.sub(r"address = (\d+);", lambda m: "address = %d;" % (int(m.group(1)) + 1), right),
             "table": right.replace('table = "input"', 'table = "holding"')}
    with Directory() as d:
        for name, text in wrong.items():
            d.write("%s.conf" % name, text)
        env = {"SYMBIONT_PROFILES": d.dir}
        likely = {}
        for name in wrong:
            r = symbiont("read", *line, "--unit", "1", "--profile", name, "--json", env=env)
            likely[name] = r.json().get("likely", []) if r.out else []
            tap.check(len(likely[name]) > 0, "read flags a profile that is wrong in its %s" % name, r)
        tap.check(likely["order"] and likely["order"][0]["order"] == "abcd", "read proposes the right word order", likely)
        tap.check(likely["above"] and likely["above"][0]["address"] == -1, "read proposes the right address", likely)
        tap.check(likely["table"] and likely["table"][0]["other_table"], "read proposes the other table", likely)
        # The same with one point on the command line; the low word of 231.7 is not 0, and of 230 it is.
        r = symbiont("read", *line, "--unit", "1", "--profile", "order", env=env)
        tap.check(re.search(r"voltage_l3 +doubtful|voltage_l\d .*(doubtful|out of range)", r.out) and 'order = "abcd";' in r.out,
                  "read says it in words", r)
        # Shipped profiles that are right are not doubted.
        for unit, profile in (("1", "eastron-sdm630"), ("3", "tuf2000m-ultrasonic"), ("7", "sunspec-meter-int")):
            r = symbiont("read", *line, "--unit", unit, "--profile", profile, "--json")
            tap.check(r.status == 0 and "instead" not in r.json(), "read does not doubt %s" % profile, r)


def read_silence(plant):
    down = "--unit", "9", "--profile", "eastron-sdm630"
    r = symbiont("read", *lines_of(plant)["Modbus TCP"], *down, "--timeout", "200 ms")
    tap.check(r.status == 69 and r.err.rstrip().endswith("gave no value: timeout"), "a silent unit: 69 and why", r)
    r = symbiont("read", *lines_of(plant)["RTU"], *down, "--timeout", "200 ms")
    tap.check(r.status == 69 and "timeout" in r.err, "a silent unit on RTU: 69 and why", r)
    r = symbiont("read", "--tcp", plant["gateway"]["tcp"], *down)
    tap.check(r.status == 69 and "exception 11" in r.err, "a unit that the gateway misses: 69 and why", r)
    r = symbiont("read", "--tcp", "127.0.0.1:%d" % free_port(), *down)
    tap.check(r.status == 69 and "refused" in r.err, "nobody listens: 69 and why", r)
    r = symbiont("read", "--serial", "/dev/ttyNOT", *down)
    tap.check(r.status == 69 and "no such port" in r.err, "no such port: 69 and why", r)
    r = symbiont("read", "--tcp", plant["gateway"]["tcp"], "--unit", "1", "--profile", "sunspec-meter-int")
    tap.check(r.status == 69 and "SunSpec" in r.err, "not a SunSpec device: 69 and why", r)


def scan_lines(plant):
    want = {1: "eastron-sdm630", 3: "tuf2000m-ultrasonic", 7: "sunspec-meter-int"}
    for kind, line in lines_of(plant).items():
        r = symbiont("scan", *line, "--units", "1-8", "--timeout", "150 ms", "--json")
        found = {u["unit"]: u.get("profile") for u in r.json()["units"]} if r.out else {}
        tap.check(r.status == 0 and found == want and r.json()["complete"], "scan names the units on %s" % kind, r)
    line = lines_of(plant)["Modbus TCP"]
    r = symbiont("scan", *line, "--units", "1-8", "--timeout", "150 ms")
    with Directory() as d:
        config = r.out[r.out.index("# To paste"):] if "# To paste" in r.out else ""
        path = d.write("symbiont.conf", 'site: { id = "new-site"; };\n' + config)
        c = symbiont("check", path)
        tap.check(c.status == 0 and "3 meters on 1 lines" in c.out, "check accepts what scan prints to paste", Result(0, r.out, c.err))
        p = symbiont("plan", path, "--json")
        tap.check(p.status == 0 and p.json()["lines"][0]["fits"] == "yes", "and plan says that it fits", p)
        m = symbiont("read", "-c", path, "meter_1", "meter_3", "meter_7")
        tap.check(m.status == 0 and m.out.count("voltage_l1 ") == 2, "and read reads its meters", m)
        m = symbiont("read", "-c", path, "meter_2")
        tap.check(m.status == 64 and 'no meter "meter_2"' in m.err, "a meter that is not there is named", m)
    r = symbiont("scan", *line, "--units", "20-22", "--timeout", "100 ms")
    tap.check(r.status == 1 and "lines: (" not in r.out, "scan without a find: 1", r)
    r = symbiont("scan", *line, "--units", "1-3", "--no-identify", "--timeout", "100 ms", "--json")
    tap.check(r.status == 0 and [u["unit"] for u in r.json()["units"]] == [1, 3] and r.json()["probes"] == 3,
              "scan --no-identify asks once a unit", r)
    r = symbiont("scan", "--tcp", "127.0.0.1:%d" % free_port())
    tap.check(r.status == 69 and "refused" in r.err, "scan of nobody: 69 at once", r)


def scan_modes():
    with Plant("""lines: ( { name = "a"; pty = ""; mode = "19200 8E1"; } );
                  meters: ( { name = "m"; line = "a"; unit_id = 4; profile = "eastron-sdm120"; } );""") as plant:
        # A pseudo terminal takes any speed: the first mode is it. That several are tried shows on a dead one.
        r = symbiont("scan", "--serial", plant["a"]["serial"], "--all-modes", "--units", "4", "--json")
        tap.check(r.status == 0 and r.json()["units"][0]["mode"] == "9600 8N1", "scan --all-modes", r)
        r = symbiont("scan", "--serial", plant["a"]["serial"], "--all-modes", "--units", "5", "--timeout", "20 ms", "--json")
        tap.check(r.status == 1 and r.json()["probes"] > 10, "scan --all-modes tries them all on silence", r)


def scan_oddities():
    with Plant("""lines: ( { name = "a"; pty = ""; mode = "9600 8N1"; wire_speed = true; } );
                  meters: ( { name = "slow"; line = "a"; unit_id = 2; profile = "eastron-sdm120"; delay = "350 ms"; },
                            { name = "noisy"; line = "a"; unit_id = 5; profile = "eastron-sdm120"; faults: ( { kind = "crc"; } ); },
                            { name = "good"; line = "a"; unit_id = 6; profile = "eastron-sdm120"; } );""") as plant:
        line = "--serial", plant["a"]["serial"], "--mode", "9600 8N1", "--units", "1-6"
        r = symbiont("scan", *line, "--timeout", "200 ms", "--json")
        tap.check(r.status == 0 and [u["unit"] for u in r.json()["units"]] == [6] and r.json()["units"][0]["profile"] == "eastron-sdm120",
                  "a unit is found in spite of its neighbours", r)
        tap.check("unit 2 answered after" in r.err and "longer timeout" in r.err, "a unit that is too slow is told of", r)
        tap.check(r.json()["damaged_answers"] == 1, "answers that cannot be read are told of", r)
        r = symbiont("scan", *line, "--timeout", "500 ms", "--no-identify", "--json")
        tap.check([u["unit"] for u in r.json()["units"]] == [2, 6], "with a longer timeout the slow one is found", r)


def scan_absent():
    """What a unit that is not there looks like is different from device to device; those that are there are found behind all of them."""
    meters = "".join('{ name = "%s_%d"; line = "%s"; unit_id = %d; profile = "eastron-sdm120"; delay = "15 ms"; },' % (line, unit, line, unit)
                     for line in ("slow", "closing", "deaf") for unit in (2, 5, 6))
    with Plant("""lines: ( { name = "slow"; listen = "127.0.0.1:0"; mode = "9600 8N1"; wire_speed = true; gateway_delay = "1 s"; },
                           { name = "closing"; listen = "127.0.0.1:0"; closing_gateway = true; },
                           { name = "deaf"; listen = "127.0.0.1:0"; mode = "9600 8N1"; wire_speed = true; silent_gateway = true; },
                           { name = "any"; listen = "127.0.0.1:0"; }, { name = "nobody"; listen = "127.0.0.1:0"; closing_gateway = true; } );
                  meters: ( %s { name = "m"; line = "any"; any_unit = true; profile = "siemens-pac2200";
                                 values: ( { point = "active_power_l1"; constant = 20.0; noise = 5.0; }, { point = "active_power_l2"; constant = 20.0; noise = 5.0; } ); } );""" %
               meters) as plant:
        for line, says in (("slow", "gateway_waits_ms"), ("closing", "closed"), ("deaf", "probes")):
            r = symbiont("scan", "--tcp", plant[line]["tcp"], "--units", "1-8", "--json")
            tap.check(r.status == 0 and [(u["unit"], u["profile"]) for u in r.json()["units"]] == [(u, "eastron-sdm120") for u in (2, 5, 6)] and
                      r.json()["complete"] and r.json()[says] > 0 and "closed" not in r.err, "all units are found behind a %s gateway" % line, r)
        r = symbiont("scan", "--tcp", plant["slow"]["tcp"], "--units", "1-6", "--no-identify", "--timeout", "100 ms")
        tap.check(re.search(r"gateway waits ms +1\d\d\d", r.out) and len(re.findall(r"meter_[256]", r.out)) == 3, "a gateway's time limit is told in words", r)
        r = symbiont("scan", "--tcp", plant["nobody"]["tcp"], "--json")
        tap.check(r.status == 1 and r.json()["complete"] and r.json()["closed"] == 247, "a device that closes every connection is asked for every unit", r)

        begun = time.monotonic()
        r = symbiont("scan", "--tcp", plant["any"]["tcp"], "--json")
        tap.check(r.status == 0 and r.json()["every_unit"] and [(u["unit"], u["profile"]) for u in r.json()["units"]] == [(1, "siemens-pac2200")],
                  "a device that answers to every unit id is listed once", r)
        print("# 247 unit ids of one device in %.1f s" % (time.monotonic() - begun))
        r = symbiont("scan", "--tcp", plant["any"]["tcp"], "--no-identify")
        tap.check(r.status == 0 and "answers to every unit id" in r.out and "meter_2" not in r.out, "and it says so", r)
        r = symbiont("scan", "--tcp", plant["any"]["tcp"], "--units", "3-5", "--json")
        tap.check([u["unit"] for u in r.json()["units"]] == [3, 4, 5] and not r.json()["every_unit"] and
                  all(u["profile"] == "siemens-pac2200" for u in r.json()["units"]), "three ids are too few to say so", r)
    # Meters of one model, each with a total of its own, on all ids that are asked for.
    with Plant("""lines: ( { name = "a"; listen = "127.0.0.1:0"; } ); meters: ( %s );""" % ", ".join(
            '{ name = "m%d"; line = "a"; unit_id = %d; profile = "eastron-sdm120"; values: ( { point = "active_energy_import"; constant = %d.0; } ); }' %
            (unit, unit, 1000 * unit) for unit in range(1, 10))) as plant:
        r = symbiont("scan", "--tcp", plant["a"]["tcp"], "--units", "1-9", "--json")
        tap.check(len(r.json()["units"]) == 9 and not r.json()["every_unit"], "nine meters of one model are nine", r)


def scan_lost():
    """A line that goes away in the middle, and one that is something else."""
    with Plant("""lines: ( { name = "a"; listen = "127.0.0.1:0"; silent_gateway = true; } );
                  meters: ( { name = "m"; line = "a"; unit_id = 1; profile = "eastron-sdm120"; } );""") as plant:
        p = subprocess.Popen([SYMBIONT, "scan", "--tcp", plant["a"]["tcp"], "--json", "--no-identify"], env=environment(), stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
        wait_until(lambda: json.loads(plant.order("stats"))["lines"]["a"]["unknown_units"] > 0, PATIENCE)
        plant.order("stop a")
        out, err = p.communicate(timeout=PATIENCE)
        r = Result(p.returncode, out, err)
        tap.check(r.status == 0 and [u["unit"] for u in r.json()["units"]] == [1] and not r.json()["complete"], "a line that is lost: what was found before", r)
    with Plant("""lines: ( { name = "a"; listen = "127.0.0.1:0"; } );
                  meters: ( { name = "m"; line = "a"; any_unit = true; profile = "eastron-sdm120"; faults: ( { kind = "garbage"; } ); } );""") as plant:
        r = symbiont("scan", "--tcp", plant["a"]["tcp"])
        tap.check(r.status == 69 and "does not speak Modbus TCP" in r.err, "something that is not Modbus: 69 and why", r)


def scan_interrupted(plant):
    line = lines_of(plant)["RTU"]
    with Terminal("scan", *line, "--timeout", "300 ms") as t:
        seen = t.wait_for("unit  12")
        t.type(b"\x03")
        begun = time.monotonic()
        status = t.wait()
        out = t.seen.decode()
        tap.check(seen and status == 0 and time.monotonic() - begun < 30, "Ctrl-C ends a scan", out)
        tap.check("complete            no" in out and "eastron-sdm630" in out and "meter_7" in out and "lines: (" in out,
                  "and shows what it found", out)
    # Also while it waits for a connection that does not come about: the listener's queue is full.
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        clients = [socket.socket() for _ in range(4)]
        for c in clients:
            c.setblocking(False)
            c.connect_ex(listener.getsockname())
        p = subprocess.Popen([SYMBIONT, "scan", "--tcp", "127.0.0.1:%d" % listener.getsockname()[1], "--json"], env=environment(),
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(1.0)  # nothing shows that it waits
        begun = time.monotonic()
        p.send_signal(signal.SIGINT)
        out, err = p.communicate(timeout=PATIENCE)
        tap.check(p.returncode in (1, 69) and "Traceback" not in err, "Ctrl-C ends a scan that waits to connect", Result(p.returncode, out, err))
        for c in clients:
            c.close()


def foreign():
    for kind, option in (("tcp", "--tcp"), ("rtu-over-tcp", "--rtu-over-tcp")):
        with Peer(kind) as peer:
            line = option, peer.address
            r = symbiont("read", *line, "--unit", "3", "--profile", "eastron-sdm630", "--json")
            tap.check(r.status == 0 and r.points()["voltage_l1"]["value"] == 230.2 and r.points()["frequency"]["value"] == 50.02,
                      "read from pymodbus, %s" % kind, r)
            r = symbiont("read", *line, "--unit", "7", "--holding", "0", "--holding", "2", "--type", "int16", "--json")
            tap.check(r.status == 0 and r.points()["holding_2"]["value"] == -2, "raw registers from pymodbus, %s" % kind, r)
            r = symbiont("scan", *line, "--units", "2-8", "--timeout", "200 ms", "--json")
            tap.check(r.status == 0 and [(u["unit"], u.get("profile") if (u.get("score") or 0) > 0.5 else None) for u in r.json()["units"]] ==
                      [(3, "eastron-sdm630"), (7, None)],
                      "scan of pymodbus, %s" % kind, r)


GOOD = """
site: { id = "works"; };
lines: ( { name = "hall"; serial = "/dev/ttyUSB7"; mode = "9600 8N1"; } );
meters: ( { name = "press"; line = "hall"; unit_id = 5; profile = "eastron-sdm630"; every = "10 s"; }%s );
mqtt: { server = "mqtt://127.0.0.1:1883"; };
"""


def check():
    with Directory() as d:
        good = d.write("good.conf", GOOD % "")
        r = symbiont("check", good)
        tap.check(r.status == 0 and r.err == "" and r.out == "%s: configuration OK, 1 meters on 1 lines, 0 warnings\n" % good,
                  "check of a right configuration", r)
        r = symbiont("check", good, "--json")
        tap.check(r.status == 0 and r.json()["ok"] is True and r.json()["found"] == [] and len(r.json()["hash"]) == 64, "check --json", r)
        r = symbiont("check", good, "--print")
        again = d.write("again.conf", r.out)
        tap.check(r.status == 0 and symbiont("check", again, "--print").out == r.out, "what check prints reads back to the same", r)

        two = d.write("two.conf", GOOD % ',\n{ name = "saw"; line = "hall"; unit_id = 5; profile = "eastron-sdm630"; every = "10 s"; }')
        r = symbiont("check", two)
        tap.check(r.status == 0 and re.search(r"two.conf:5: warning: meter \"saw\": unit 5 on line \"hall\" is also meter \"press\"", r.err),
                  "check warns of two meters on one unit", r)
        fast = d.write("fast.conf", GOOD.replace('"10 s"', '"100 ms"') % "")
        r, p = symbiont("check", fast), symbiont("plan", fast)
        tap.check(r.status == 0 and "warning" in r.err and "fit" in r.err, "check warns of a cycle that cannot fit", r)
        tap.check(p.status == 1 and " NO " in p.out, "and plan says by how much, with status 1", p)
        # A weight whose decimal point only the display knows.
        for profile, points, warned in (("dini-argeo-dgt", "", True), ("dini-argeo-dgt", 'points = ( { name = "mass_net"; scale = 0.1; } );', True),
                                        ("dini-argeo-dgt", 'only = [ "mass_net" ]; points = ( { name = "mass_net"; scale = 1; } );', False),
                                        ("hbm-wtx110-wtx120", "", False), ("flintec-ft111-ft112", "", False), ("rinstrum-c500", "", True),
                                        ("eagle-ei1000-ei2000", 'order = "abcd";', False)):
            r = symbiont("check", d.write("scale.conf", GOOD.replace('"eastron-sdm630";', '"%s"; %s' % (profile, points)) % ""))
            found = re.findall(r'scale.conf:4: warning: meter "press": point "(mass\w+)" is taken as whole kg.*say the scale', r.err)
            tap.check(r.status == 0 and found == ([] if not warned else ["mass_gross"]), "check %s of the scale of %s %s" % (
                "warns" if warned else "is content", profile, points), r)
        low = d.write("low.conf", GOOD.replace("eastron-sdm630", "sontex-supercal-531") % "")
        r = symbiont("check", low)
        tap.check(r.status == 78 and "unverified" in r.err, "check refuses a profile of low confidence", r)
        low = d.write("low.conf", GOOD.replace('profile = "eastron-sdm630";', 'profile = "sontex-supercal-531"; unverified = true;') % "")
        r = symbiont("check", low)
        tap.check(r.status == 0 and "warning" in r.err and "confidence" in r.err, "or warns of it where it is allowed", r)

        wrong = d.write("wrong.conf", GOOD.replace("mode =", "mood =").replace('line = "hall"', 'line = "hal"').replace('"10 s"', '"10 kW"') % "")
        r = symbiont("check", wrong)
        lines = r.err.splitlines()
        tap.check(r.status == 78 and len(lines) == 4 and all(re.match(r"%s:\d+: error: " % re.escape(wrong), x) for x in lines) and
                  'did you mean "mode"' in r.err and 'did you mean "hall"' in r.err, "check names every error at its line", r)
        r = symbiont("check", wrong, "--json")
        tap.check(r.status == 78 and r.json()["errors"] == 4 and [f["line"] for f in r.json()["found"]] == [3, 3, 4, 4],
                  "check --json of a wrong configuration", r)
        r = symbiont("check", d.path("absent.conf"))
        tap.check(r.status == 78 and "absent.conf" in r.err, "check of a file that is not there", r)
        r = symbiont("plan", good, "--json")
        tap.check(r.status == 0 and len(r.json()["requests"]) > 1 and r.json()["lines"][0]["fits"] == "yes", "plan --json", r)


def usage():
    cases = [(["raed"], 64, 'did you mean "read"'), (["read"], 64, "say which meters"), (["read", "--tcp", "127.0.0.1:1"], 64, "--profile"),
             (["read", "--tcp", "127.0.0.1:1", "--profile", "eastron-sdm63"], 64, "eastron-sdm630"),
             (["read", "--tcp", "127.0.0.1:1", "--serial", "/dev/null", "--holding", "0"], 64, "one line"),
             (["read", "--tcp", "nowhere:x", "--holding", "0"], 64, "port"), (["read", "--tcp", "127.0.0.1:1", "--holding", "0x"], 64, "ADDRESS"),
             (["read", "--tcp", "127.0.0.1:1", "--holding", "65536"], 64, "65535"), (["read", "--tcp", "127.0.0.1:1", "--unit", "300", "--holding", "0"], 64, "255"),
             (["read", "--tcp", "127.0.0.1:1", "--holding", "0", "--type", "float23"], 64, "float32"),
             (["read", "--tcp", "127.0.0.1:1", "--holding", "0", "--type", "float32", "--order", "dacb"], 64, "abcd"),
             (["read", "--tcp", "127.0.0.1:1", "--holding", "0", "--scale", "x"], 64, "scale"),
             (["read", "--serial", "/dev/null", "--mode", "9600 7E1", "--holding", "0"], 64, "9600 8N1"),
             (["read", "--tcp", "127.0.0.1:1", "--holding", "0", "--every", "5"], 64, "10 s"), (["scan"], 64, "name the line"),
             (["scan", "--tcp", "127.0.0.1:1", "--units", "9-3"], 64, "1-247"), (["scan", "--tcp", "127.0.0.1:1", "--all-modes"], 64, "serial"),
             (["scan", "--tcp", "127.0.0.1:1", "stray"], 64, "too many"), (["status", "--socket", "/nowhere/x.sock"], 69, "is the daemon running?"),
             (["watch", "--socket", "/nowhere/x.sock"], 69, "is the daemon running?"), (["watch", "--unit", "3"], 64, "line"),
             (["watch", "--every", "1 kg"], 64, "duration"), (["decode"], 64, "too few"), (["decode", "x"], 64, "not a register"),
             (["decode", "1", "2", "--expect", "77.7"], 1, "no way"), (["profiles", "no-such-model"], None, "no-such-model"),
             (["simulate", "/nowhere.conf"], 78, "nowhere.conf"), (["completion", "fish"], 64, "bash"),
             (["status", "--socket", "/" + 120 * "x"], 69, "name too long")]
    for args, status, says in cases:
        r = symbiont(*args)
        tap.check((r.status == status if status is not None else r.status in (1, 64, 78)) and r.out == "" and says.lower() in r.err.lower() and
                  "AddressSanitizer" not in r.err, "symbiont %s: %s" % (" ".join(args)[:70], status), r)


def help_and_json():
    r = symbiont("help")
    verbs = re.findall(r"^  (\w+) +\S", r.out, re.M)
    tap.check(r.status == 0 and {"read", "scan", "watch", "plan", "check", "status", "decode", "profiles"} <= set(verbs), "help lists the verbs", r)
    for verb in verbs:
        h = symbiont("help", verb)
        tap.check(h.status == 0 and h.out.startswith("usage: symbiont %s" % verb) and max(len(x) for x in h.out.splitlines()) <= 80,
                  "help %s" % verb, h)
    for args in (["profiles"], ["profiles", "eastron-sdm630"], ["profiles", "--medium", "heat"], ["decode", "0x4366", "0x3334"]):
        r = symbiont(*args, "--json")
        tap.check(r.status == 0 and r.json(), "%s --json" % " ".join(args), r)


def running_gateway(plant):
    text = """site: { id = "works"; };
lines: ( { name = "a"; tcp = "%s"; }, { name = "gone"; tcp = "127.0.0.1:%d"; } );
meters: ( { name = "main"; line = "a"; unit_id = 1; profile = "eastron-sdm630"; every = "200 ms"; },
          { name = "lost"; line = "gone"; unit_id = 1; profile = "eastron-sdm630"; every = "500 ms"; } );
""" % (plant["gateway"]["tcp"], free_port())
    with Gateway(text) as g:
        up = wait_until(lambda: symbiont("status", "-s", g.socket, "--json").json()["meters"][0]["readings"] > 1, PATIENCE, 0.2)
        r = symbiont("status", "-c", g.config)
        tap.check(up and r.status == 0 and re.search(r"main +a +1 +up ", r.out) and re.search(r"gone +127", r.out), "status prints tables", r)
        r = symbiont("status", "-c", g.config, "--json")
        tap.check(r.json()["site"] == "works" and len(r.json()["lines"]) == 2, "status --json", r)
        tap.check(g.stop() == 0, "the gateway ends well", g.said())
        r = symbiont("status", "-c", g.config)
        tap.check(r.status == 69 and "is the daemon running?" in r.err, "status of a gateway that is gone: 69", r)


def completion():
    """In a bash as people have it: what the TAB key would add to the line."""
    script = symbiont("completion", "bash").out

    def complete(line):
        words = line.split(" ")
        text = '. /dev/stdin\nCOMP_LINE=%s; COMP_WORDS=(%s); COMP_CWORD=%d; _symbiont; printf "%%s\\n" "${COMPREPLY[@]}"' % (
            json.dumps(line), " ".join("'%s'" % w for w in words), len(words) - 1)
        p = subprocess.run(["bash", "-c", text], input=script, env=environment(PATH=os.path.dirname(SYMBIONT) + ":" + os.environ["PATH"]),
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        return sorted(p.stdout.split()) if p.returncode == 0 and not p.stderr else [p.stderr]

    for line, want in (("symbiont wat", ["watch"]), ("symbiont s", ["scan", "simulate", "status"]), ("symbiont scan --uni", ["--units"]),
                       ("symbiont read --profile tuf2", ["tuf2000m-ultrasonic"]), ("symbiont watch -p eastron-sdm12", ["eastron-sdm120"]),
                       ("symbiont profiles eastron-sdm6", ["eastron-sdm630"]), ("symbiont profiles --confidence m", ["medium"]),
                       ("symbiont read --order cd", ["cdab"]), ("symbiont options pl", ["plant"]), ("symbiont watch --count 3 --js", ["--json"]), ("symbiont read --config %s/conf/symbiont.c" % ROOT, ["%s/conf/symbiont.conf" % ROOT])):
        got = complete(line)
        tap.check(got == want, "completion of \"%s\"" % line.replace(ROOT, "..."), "%s instead of %s" % (got, want))
    p = subprocess.run(["bash", "-n"], input=script, text=True, stderr=subprocess.PIPE)
    tap.check(p.returncode == 0, "bash accepts the script", p.stderr)


def main():
    with Plant(PLANT) as plant:
        for test in (read, read_wrong, read_silence, scan_lines, scan_interrupted, running_gateway, derived):
            try:
                test(plant)
            except Exception as e:  # the other tests run
                import traceback
                tap.check(False, "%s ran to its end" % test.__name__, "%r\n%s" % (e, traceback.format_exc()))
    for test in (scan_modes, scan_oddities, scan_absent, scan_lost, foreign, check, usage, help_and_json, completion):
        try:
            test()
        except Exception as e:
            import traceback
            tap.check(False, "%s ran to its end" % test.__name__, "%r\n%s" % (e, traceback.format_exc()))
    return tap.end()


sys.exit(main())
