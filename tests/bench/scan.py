#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long `symbiont scan` of 247 units takes on a serial line at 9600 baud, beside the least it could take.

usage: tests/bench/scan.py [--timeout MS] [--no-identify]

The line is a pseudo terminal on which bytes take the time of the wire. Three meters are on it. A unit that is not there
costs its request (8 characters) and the response timeout; one that is there costs request, answer (7 characters) and two
silences of 3.5 characters. What identifying the meters takes is shown apart.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SYMBIONT = os.environ.get("SYMBIONT", os.path.join(ROOT, "build/release/symbiont"))
ENV = dict(os.environ, SYMBIONT_PROFILES=os.path.join(ROOT, "conf/profiles"))
PLANT = """lines: ( { name = "a"; pty = ""; mode = "9600 8N1"; wire_speed = true; } );
meters: ( { name = "m"; line = "a"; unit_id = 1; profile = "eastron-sdm630"; },
          { name = "n"; line = "a"; unit_id = 30; profile = "tuf2000m-ultrasonic"; },
          { name = "o"; line = "a"; unit_id = 200; profile = "laumas-tlb4"; } );"""


def scan(port, *options):
    begun = time.monotonic()
    p = subprocess.run([SYMBIONT, "scan", "--serial", port, "--mode", "9600 8N1", "--json", *options], env=ENV, stdout=subprocess.PIPE)
    return time.monotonic() - begun, json.loads(p.stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--timeout", type=int, default=300, help="ms")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="symbiont-scan-") as directory:
        plant, ports = os.path.join(directory, "plant.conf"), os.path.join(directory, "ports.json")
        with open(plant, "w") as f:
            f.write(PLANT)
        sim = subprocess.Popen([SYMBIONT, "simulate", plant, "--ports-file", ports], env=ENV, stdout=subprocess.DEVNULL)
        try:
            while not os.path.exists(ports):
                if sim.poll() is not None:
                    sys.exit("the simulator ended")
                time.sleep(0.02)
            port = json.load(open(ports))["a"]["serial"]
            timeout = "%d ms" % options.timeout
            took, found = scan(port, "--no-identify", "--timeout", timeout)
            if sim.poll() is not None:
                sys.exit("the simulator ended with %s" % sim.returncode)
            char = 10 / 9600
            silent, there = 247 - len(found["units"]), len(found["units"])
            least = silent * (8 * char + options.timeout / 1000) + there * (8 + 7 + 7) * char
            print("scan of 247 units at 9600 baud: %.1f s with %d there; at least %.1f s: %.1f %% more"
                  % (took, there, least, 100 * (took / least - 1)))
            for unit, model in ((1, "eastron-sdm630"), (30, "tuf2000m-ultrasonic"), (200, "laumas-tlb4")):
                took, found = scan(port, "--units", str(unit))
                u = found["units"][0] if found["units"] else {}
                print("identifying %s: %.1f s, %d requests, named %s (%.2f)"
                      % (model, took, u.get("requests", 0), u.get("profile"), u.get("score") or 0))
        finally:
            sim.terminate()
            sim.wait()


main()
