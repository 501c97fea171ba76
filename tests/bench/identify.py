#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How often `symbiont scan` names the right profile first.

usage: tests/bench/identify.py [--rounds N] [--seed N] [--verbose]

Every profile that scan may propose (medium and high confidence) is simulated with values such as its meter would have:
a load drawn by chance, with phases that belong together, now and then one phase only, idle, or feeding in. Then
the line is scanned. A profile whose registers and values are the same as another's cannot be told from it: a
proposal that reads every value of the device right counts as "reads right" even when the name is another.
"""
import argparse
import collections
import functools
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SYMBIONT = os.environ.get("SYMBIONT", os.path.join(ROOT, "build/release/symbiont"))
PROFILES = os.path.join(ROOT, "conf/profiles")
ENV = dict(os.environ, SYMBIONT_PROFILES=PROFILES)


def symbiont(*args):
    out = subprocess.run([SYMBIONT, *args], env=ENV, stdout=subprocess.PIPE, check=False)
    return json.loads(out.stdout or b"null")


def load(rng, factor=1.0):
    """An electrical load: quantity and phase -> value in the published unit."""
    volts = rng.choice([230, 230, 230, 240, 120])
    amps = 10 ** rng.uniform(-0.5, 2.3) * factor
    kind = rng.choices(["three", "one", "idle", "feeds"], [12, 3, 1, 2])[0]
    v = {}
    total = collections.Counter()
    for phase in ("l1", "l2", "l3"):
        u = volts * rng.uniform(0.97, 1.03)
        on = kind != "idle" and (kind != "one" or phase == "l1")
        if kind == "one" and phase != "l1":
            u = 0.0
        i = amps * rng.uniform(0.8, 1.2) if on else 0.0
        pf = rng.uniform(0.7, 0.99) * (-1 if kind == "feeds" else 1)
        s = u * i / 1000
        p, q = s * pf, s * (1 - pf * pf) ** 0.5
        e = 10 ** rng.uniform(0, 4.5) if on else 0.0
        for name, value in (("voltage", u), ("current", i), ("active_power", p), ("apparent_power", s),
                            ("reactive_power", q), ("power_factor", pf if on else 1.0), ("cos_phi", pf if on else 1.0)):
            v[name, phase] = value
        for name in ("active_energy_import", "active_energy_export", "reactive_energy_import",
                     "reactive_energy_export", "active_energy", "reactive_energy", "apparent_energy"):
            v[name, phase] = e * rng.uniform(0.2, 1) * (0.01 if "export" in name and kind != "feeds" else 1)
        total.update(p=p, q=q, s=s, i=i, u=u, e=e)
    for pair in ("l12", "l23", "l31"):
        v["voltage_ll", pair] = 0.0 if kind == "one" else volts * 1.732 * rng.uniform(0.98, 1.02)
    n = 1 if kind == "one" else 3
    v.update({("voltage", ""): total["u"] / n, ("voltage_ll", ""): 0.0 if n == 1 else volts * 1.732,
              ("current", ""): total["i"] / n, ("current_sum", ""): total["i"], ("current", "n"): amps * 0.05,
              ("active_power", ""): total["p"], ("reactive_power", ""): total["q"], ("apparent_power", ""): total["s"],
              ("power_factor", ""): total["p"] / total["s"] if total["s"] else 1.0,
              ("frequency", ""): 50 + rng.uniform(-0.05, 0.05)})
    for name in ("active_energy_import", "reactive_energy_import", "active_energy", "reactive_energy",
                 "apparent_energy"):
        v[name, ""] = total["e"] * rng.uniform(0.2, 1)
    for name in ("active_energy_export", "reactive_energy_export"):
        v[name, ""] = total["e"] * (0.5 if kind == "feeds" else 0.0)
    return v


def heat(rng):
    flow = 10 ** rng.uniform(-0.5, 2)
    hot = rng.uniform(45, 110)
    cold = hot - rng.uniform(3, 35)
    return {("volume_flow", ""): flow, ("flow_temperature", ""): hot, ("return_temperature", ""): cold,
            ("temperature_difference", ""): hot - cold, ("thermal_power", ""): flow * (hot - cold) * 1.15,
            ("thermal_energy", ""): 10 ** rng.uniform(2, 5.5), ("volume", ""): 10 ** rng.uniform(2, 5),
            ("temperature", ""): rng.uniform(5, 60), ("pressure", ""): rng.uniform(1, 9)}


def weighing(rng):
    net, tare = 10 ** rng.uniform(0.5, 3.5), rng.choice([0.0, 300.0])
    return {("mass_net", ""): net, ("mass_gross", ""): net + tare, ("mass_tare", ""): tare}


PHASE = re.compile(r"^(.*?)_(l1|l2|l3|l12|l23|l31|n)$")


def key_of(point):
    m = PHASE.match(point["name"])
    return (m.group(1), m.group(2)) if m else (point["name"], "")


@functools.lru_cache(maxsize=None)
def about_profile(name):
    return symbiont("profiles", name, "--json")


WORDS = {"64": 4, "32": 2, "t5": 2, "t6": 2}


def filler(points, rng, kind):
    """Registers 0 to 999 that the profile does not know: devices have more of them than any manual tells, and many
    answer 0 for what they do not have."""
    taken = collections.defaultdict(set)
    for p in points:
        if p["table"] in ("holding", "input") and p["address"] is not None:
            n = next((w for end, w in WORDS.items() if p["type"].endswith(end)), 1)
            taken[p["table"]].update(range(p["address"], p["address"] + (16 if p["type"] == "string" else n)))
    out = []
    for table in ("holding", "input"):
        if not taken[table]:
            continue  # such a device mostly refuses the function
        run = []
        for a in range(1001):
            if a < 1000 and a not in taken[table]:
                run.append(0 if kind == "zeros" else int(rng.choice([0, 0, 0, 1, rng.uniform(0, 300), rng.uniform(0, 65535)])))
            elif run:
                out.append('{ table = "%s"; address = %d; words = %s; }' % (table, a - len(run), run))
                run = []
    return out


def plant(names, seed, directory, without, kind):
    rng = random.Random(seed)
    lines, meters = [], []
    for i, name in enumerate(names):
        about = about_profile(name)
        values = {**load(rng), **heat(rng), **weighing(rng)}
        rules = []
        for p in about["points"]:
            value = values.get(key_of(p))
            # Narrow registers (a byte, an int16 in watts) cannot hold every load: the simulator's value stays.
            if value is not None and (i, p["name"]) not in without and p.get("type") not in ("expression", "derived", "string"):
                limit = {"int16": 32000, "uint16": 65000, "low_byte": 255, "high_byte": 255, "bcd16": 9999}.get(p["type"])
                scale = abs(p.get("scale") or 1)
                unsigned = p["type"].startswith(("uint", "bcd", "low", "high", "t5"))
                if (not limit or abs(value) / scale < limit) and not (unsigned and value < 0):
                    rules.append('{ point = "%s"; constant = %r; }' % (p["name"], float(value)))
        order = 'order = "%s"; ' % rng.choice(["abcd", "cdab"]) if about.get("order") == "unknown" else ""
        more = "registers: ( %s );" % ", ".join(filler(about["points"], rng, kind)) if kind != "strict" else ""
        meters.append('{ name = "m%d"; line = "l%d"; unit_id = %d; profile = "%s"; %svalues: ( %s ); %s }'
                      % (i, i // 240, i % 240 + 1, name, order, ", ".join(rules), more))
        if i % 240 == 0:
            lines.append('{ name = "l%d"; listen = "127.0.0.1:0"; }' % (i // 240))
    path = os.path.join(directory, "plant.conf")
    with open(path, "w") as f:
        f.write("lines: ( %s );\nmeters: (\n%s\n);\n" % (",\n".join(lines), ",\n".join(meters)))
    return path


def simulate(names, seed, directory, kind):
    """Starts the plant; values that registers cannot hold (0 where that means "none") are left to the simulator."""
    ports = os.path.join(directory, "ports.json")
    without = set()
    while True:
        path = plant(names, seed, directory, without, kind)
        if os.path.exists(ports):
            os.remove(ports)
        sim = subprocess.Popen([SYMBIONT, "simulate", path, "--ports-file", ports], env=ENV, text=True,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        while sim.poll() is None and not os.path.exists(ports):
            time.sleep(0.02)
        if sim.poll() is None:
            return sim, ports
        said = sim.stderr.read()
        refused = re.findall(r'meter "m(\d+)": point "(\w+)": its registers cannot hold', said)
        if not refused:
            sys.exit("the simulator ended: %s" % said)
        without.update((int(i), point) for i, point in refused)


def scan(names, seed, directory, kind):
    sim, ports = simulate(names, seed, directory, kind)
    address = json.load(open(ports))["l0"]["tcp"]
    begun = time.monotonic()
    found = symbiont("scan", "--tcp", address, "--units", "1-%d" % len(names), "--json")
    took = time.monotonic() - begun
    sim.terminate()
    sim.wait()
    sim.stderr.close()
    return {u["unit"]: u for u in found["units"]}, took


def measure(names, kind, options, directory):
    first = among = sure = mistaken = silent = total = 0
    wrong = collections.Counter()
    times, requests = [], []
    for r in range(options.rounds):
        units, took = scan(names, options.seed * 1000 + r, directory, kind)
        times.append(took)
        for i, name in enumerate(names):
            u = units.get(i + 1, {})
            best, all_named = u.get("profile"), [c["profile"] for c in u.get("candidates", [])]
            requests.append(u.get("requests", 0))
            total += 1
            first += best == name
            among += name in all_named
            silent += not best
            if (u.get("score") or 0) >= 0.5:
                sure += 1
                mistaken += best != name
            if best != name:
                wrong[name, best or "-"] += 1
    if options.verbose:
        for (name, best), n in sorted(wrong.items()):
            print("  %-40s named %-40s %d times" % (name, best, n))
    print("%-7s %d profiles, %d rounds: first right %.1f %%, among the proposals %.1f %%, none %.1f %%; "
          "%.1f %% have a score of 0.5 or more, of which %.1f %% are wrong; %.0f requests a unit, at most %d"
          % (kind, len(names), options.rounds, 100.0 * first / total, 100.0 * among / total, 100.0 * silent / total,
             100.0 * sure / total, 100.0 * mistaken / max(sure, 1), sum(requests) / total, max(requests)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--keep", help="keep the plant files in this directory")
    parser.add_argument("--kind", choices=["strict", "zeros", "junk"], help="what unknown registers hold: an exception, 0, anything")
    options = parser.parse_args()
    directory = options.keep or tempfile.mkdtemp(prefix="symbiont-identify-")
    os.makedirs(directory, exist_ok=True)
    names = [p["name"] for p in symbiont("profiles", "--json") if not p["unverified"]]
    try:
        for kind in [options.kind] if options.kind else ["strict", "zeros", "junk"]:
            measure(names, kind, options, directory)
    finally:
        if not options.keep:
            shutil.rmtree(directory)


main()
