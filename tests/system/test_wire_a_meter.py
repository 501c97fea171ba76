#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From meters that nobody knows to their readings on the broker: scan, paste, start. TAP, with the time and the keystrokes.

What somebody types, and nothing else, is counted: the commands, Enter, and four keystrokes for marking and pasting
what scan prints. The line, the site and the broker stand in the configuration already, as after an installation.
"""
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from servers import Mosquitto, Subscriber, Tap, wait_until  # noqa: E402
from verbs import PATIENCE, Gateway, Plant, symbiont  # noqa: E402

PASTE = 4
PLANT = """
lines: ( { name = "tcp"; listen = "127.0.0.1:0"; }, { name = "rtu"; pty = ""; mode = "9600 8N1"; wire_speed = true; } );
meters: ( { name = "a"; line = "tcp"; unit_id = 1; profile = "%(model)s"; values: ( %(values)s ); },
          { name = "b"; line = "rtu"; unit_id = 7; profile = "%(model)s"; values: ( %(values)s ); } );
"""
MODELS = {
    "eastron-sdm630": {"voltage_l1": 231.7, "active_power": 12.5},
    "carlo-gavazzi-em24-e1": {"voltage_l1": 231.7, "active_power": 12.5},
    "tuf2000m-ultrasonic": {"volume_flow": 24.5, "flow_temperature": 71.25},
    "sunspec-meter-int": {"voltage_l1": 231.0, "active_power": 12.5},
}
tap = Tap()


def wire(plant, kind, options, model, values):
    begun = time.monotonic()
    typed = "symbiont scan %s\n" % " ".join(options)
    r = symbiont("scan", *options)
    scanned = time.monotonic() - begun
    tap.check(r.status == 0 and model in r.out and "# To paste" in r.out, "scan names %s on %s" % (model, kind), r)
    if r.status or "# To paste" not in r.out:
        return
    pasted = r.out[r.out.index("# To paste"):]
    with Mosquitto() as broker, Subscriber(broker.port, "symbiont/works/meters/+/state") as seen:
        typed += "systemctl reload symbiontd\n"
        with Gateway('site: { id = "works"; };\nmqtt: { server = "mqtt://127.0.0.1:%d"; };\n%s' % (broker.port, pasted)) as g:
            got = wait_until(lambda: [m for m in list(seen.messages) if all(k in m.json() for k in values)], PATIENCE)
            took = time.monotonic() - begun
            reading = got[0].json() if got else {}
            tap.check(got and all(abs(reading[k] - v) < 0.01 for k, v in values.items()), "its readings are on the broker", g.said())
    print("# %s on %s: %.1f s from the first key to the first reading, %.1f s of it scan; %d keystrokes"
          % (model, kind, took, scanned, len(typed) + PASTE), flush=True)


def main():
    for model, values in MODELS.items():
        rules = ", ".join('{ point = "%s"; constant = %r; }' % (k, float(v)) for k, v in values.items())
        with Plant(PLANT % {"model": model, "values": rules}) as plant:
            try:
                wire(plant, "Modbus TCP", ["--tcp", plant["tcp"]["tcp"]], model, values)
                if model != "carlo-gavazzi-em24-e1":  # has no serial port
                    wire(plant, "RTU", ["--serial", plant["rtu"]["serial"], "--units", "1-16"], model, values)
            except Exception as e:
                import traceback
                tap.check(False, "%s was wired" % model, "%r\n%s" % (e, traceback.format_exc()))
    return tap.end()


sys.exit(main())
