#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`symbiont watch` in a pipe and on a terminal, of a running gateway and of a line. TAP."""
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from servers import Tap, free_port, wait_until  # noqa: E402
from verbs import PATIENCE, SYMBIONT, Gateway, Plant, Terminal, environment, symbiont  # noqa: E402

PLANT = """
lines: ( { name = "a"; listen = "127.0.0.1:0"; }, { name = "rtu"; pty = ""; mode = "115200 8N1"; },
         { name = "server"; listen = "127.0.0.1:0"; rtu_over_tcp = true; } );
meters: ( { name = "main"; line = "a"; unit_id = 1; profile = "eastron-sdm630"; },
          { name = "cool"; line = "a"; unit_id = 3; profile = "tuf2000m-ultrasonic"; },
          { name = "drive"; line = "rtu"; unit_id = 5; profile = "eastron-sdm120"; },
          { name = "press"; line = "server"; unit_id = 6; profile = "eastron-sdm120"; } );
"""
GATEWAY = """
site: { id = "works"; };
lines: ( { name = "a"; tcp = "%s"; } );
meters: ( { name = "main"; line = "a"; unit_id = 1; profile = "eastron-sdm630"; every = "200 ms"; },
          { name = "cool"; line = "a"; unit_id = 3; profile = "tuf2000m-ultrasonic"; every = "200 ms"; },
          { name = "dead"; line = "a"; unit_id = 9; profile = "eastron-sdm120"; every = "200 ms"; },
          { name = "mixed"; line = "a"; unit_id = 1; every = "200 ms"; points: (
            { name = "good"; table = "input"; address = 0; type = "float32"; quantity = "voltage"; unit = "V"; },
            { name = "absent"; table = "holding"; address = 9000; type = "uint16"; quantity = "number"; },
            { name = "label"; table = "input"; address = 0; type = "string"; words = 2; quantity = "serial_number"; } ); } );
mqtt: { server = "mqtt://127.0.0.1:%d"; };
"""

tap = Tap()


def plainly(gateway):
    r = symbiont("watch", "-c", gateway.config, "--count", "2", "--every", "300 ms")
    tap.check(r.status == 0 and len(re.findall(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  works  3 of 4 meters up$", r.out, re.M)) == 2 and
              max(len(x) for x in r.out.splitlines()) <= 80 and "\x1b" not in r.out, "watch in a pipe prints a block per round", r)
    tap.check(re.search(r"^dead +down +never +exception 11", r.out, re.M) and re.search(r"^main +up +[\d.]+ s ago +[\d.]+ ms$", r.out, re.M),
              "state, age and reasons", r)
    tap.check(re.search(r"absent +(exception 2|not due)", r.out) and re.search(r"label +Cf", r.out) and re.search(r"good +230 V", r.out),
              "good, bad and text points", r)
    tap.check(re.search(r"^mqtt NOT connected, [1-9]\d* waiting", r.out, re.M), "publishers below", r)
    r = symbiont("watch", "-c", gateway.config, "cool", "--count", "1", "--json")
    d = r.json()
    tap.check(r.status == 0 and [m["meter"] for m in d["meters"]] == ["cool"] and d["meters"][0]["state"] == "up" and
              0 <= d["meters"][0]["age_s"] < 30 and {"point": "volume_flow", "value": 35, "unit": "m3/h"} in d["meters"][0]["points"] and
              d["publishers"][0]["connected"] is False, "watch METER --json", r)
    r = symbiont("watch", "-c", gateway.config, "--count", "3", "--every", "100 ms", "--json")
    tap.check(len([json.loads(x) for x in r.out.splitlines()]) == 3, "one document per round", r)
    r = symbiont("watch", "-c", gateway.config, "cooo")
    tap.check(r.status == 64 and 'did you mean "cool"' in r.err, "a meter that is not there is named", r)
    p = subprocess.Popen([SYMBIONT, "watch", "-c", gateway.config, "--every", "100 ms"], env=environment(), stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True)
    p.stdout.readline()
    p.send_signal(signal.SIGTERM)
    out, err = p.communicate(timeout=PATIENCE)
    tap.check(p.returncode == 0 and err == "", "SIGTERM ends it well", err)
    p = subprocess.Popen([SYMBIONT, "watch", "-c", gateway.config, "--every", "50 ms"], env=environment(), stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True)
    p.stdout.readline()
    p.stdout.close()
    tap.check(p.wait(PATIENCE) is not None, "it ends when nobody reads any more", p.returncode)
    p.stderr.close()


def on_terminal(gateway):
    for rows, columns in ((24, 80), (12, 80), (50, 200), (5, 30), (3, 10), (2, 200)):
        with Terminal("watch", "-c", gateway.config, "--every", "100 ms", rows=rows, columns=columns) as t:
            drawn = wait_until(lambda: len(t.frames()) >= 4 or t.read(0.05) == 0, PATIENCE)
            t.type(b"\x03")
            status = t.wait()
            frames = t.frames()[:-1]
            fits = all(len(f) <= rows and max(len(x) for x in f) < columns for f in frames)
            tap.check(drawn and status == 0 and fits and t.is_restored(), "%d rows of %d columns are kept" % (rows, columns),
                      (status, t.is_restored(), frames[-1:]))
            out = t.seen
            tap.check(out.count(b"\x1b[?1049h") == 1 and out.rstrip().endswith(b"\x1b[?1049l") and b"\x1b[2J" not in out and
                      out.index(b"\x1b[?25l") < out.rindex(b"\x1b[?25h"), "and it is left as it was found", out[-200:])
            if rows == 24:
                last = frames[-1]
                tap.check(all(any(x.startswith(m + " ") for x in last) for m in ("main", "cool", "dead", "mixed")) and
                          "mqtt NOT connected" in last[-1], "every meter has its share, the publishers their line", last)


def keys(gateway):
    with Terminal("watch", "-c", gateway.config, "--every", "100 ms", rows=20) as t:
        tap.check(t.wait_for("space: all of it"), "an overview first", t.frames()[-1:])
        t.type(b" ")
        tap.check(t.wait_for("1-18 of "), "space shows all", t.frames()[-1:])
        t.type(b"\x1b[6~")
        tap.check(t.wait_for("19-36 of "), "PgDn goes on", t.frames()[-1:])
        t.type(b"\x1b[A")
        tap.check(t.wait_for("18-35 of "), "arrow up goes back a line", t.frames()[-1:])
        t.type(b"G")
        tap.check(wait_until(lambda: (lambda m: m and m[-1][0] == m[-1][1])(re.findall(r"-(\d+) of (\d+)", t.read(0.05).decode())), PATIENCE),
                  "End goes to the end", t.frames()[-1:])
        before = len(t.seen)
        t.resize(40, 100)
        t.process.send_signal(signal.SIGWINCH)
        tap.check(wait_until(lambda: any(len(f) > 20 for f in t.frames()) or not t.read(0.05), PATIENCE), "another size is taken at once", before)
        t.process.send_signal(signal.SIGTSTP)
        stopped = wait_until(lambda: open("/proc/%d/stat" % t.process.pid).read().split(") ")[1][0] == "T", PATIENCE)
        t.read(0.1)
        tap.check(stopped and t.seen.rstrip().endswith(b"\x1b[?1049l") and t.is_restored(), "Ctrl-Z puts the terminal back", t.seen[-100:])
        t.process.send_signal(signal.SIGCONT)
        count = t.seen.count(b"\x1b[?1049h")
        tap.check(wait_until(lambda: t.read(0.05).count(b"\x1b[?1049h") > count, PATIENCE) and not t.is_restored(), "fg goes on", count)
        t.type(b"q")
        tap.check(t.wait() == 0 and t.is_restored(), "q ends", t.seen[-100:])
    with Terminal("watch", "-c", gateway.config, "--every", "100 ms", "--count", "1", env={"TERM": "dumb"}) as t:
        tap.check(t.wait() == 0 and b"\x1b" not in t.seen and b"main" in t.seen, "a dumb terminal gets plain lines", t.seen)
    with Terminal("watch", "-c", gateway.config, "--every", "100 ms", "--count", "2") as t:
        tap.check(t.wait() == 0 and t.is_restored(), "--count ends it", t.seen[-100:])


def of_lines(plant):
    server = "%s:%d" % (plant["server"]["host"], plant["server"]["port"])
    for kind, line, unit in (("Modbus TCP", ["--tcp", plant["a"]["tcp"]], "1"), ("RTU", ["--serial", plant["rtu"]["serial"], "--mode", "115200 8N1"], "5"),
                             ("RTU over TCP", ["--rtu-over-tcp", server], "6")):
        r = symbiont("watch", *line, "--unit", unit, "--profile", "eastron-sdm120" if unit != "1" else "eastron-sdm630", "--count", "2",
                     "--every", "100 ms", "--json")
        rounds = [json.loads(x) for x in r.out.splitlines()]
        tap.check(r.status == 0 and len(rounds) == 2 and rounds[1]["meters"][0]["state"] == "up" and rounds[1]["trouble"] is None and
                  any(p["point"].startswith("voltage") and p["value"] == 230 for p in rounds[1]["meters"][0]["points"]), "watch of %s" % kind, r)
    r = symbiont("watch", "--tcp", plant["a"]["tcp"], "--unit", "99", "--profile", "eastron-sdm120", "--count", "1")
    tap.check(r.status == 69 and "0 of 1 meters up" in r.out and "no answer" in r.out and "exception 11" in r.out, "watch of a dead unit says so", r)
    r = symbiont("watch", "--tcp", plant["a"]["tcp"], "--unit", "1", "--input", "0:4", "--type", "float32", "--count", "1")
    tap.check(r.status == 0 and re.search(r"input_0 +230 +input_2 +230", r.out), "watch of raw registers", r)
    # A meter that goes away and comes back while somebody watches.
    with Terminal("watch", "--tcp", plant["a"]["tcp"], "--unit", "1", "--profile", "eastron-sdm630", "--every", "100 ms") as t:
        seen = t.wait_for("1 of 1 meters up")
        plant.order("fault main exception code=4")
        gone = t.wait_for("exception 4")
        plant.order("clear main")
        count = t.seen.count(b"1 of 1 meters up")
        back = wait_until(lambda: t.read(0.05).count(b"1 of 1 meters up") > count, PATIENCE)
        t.type(b"\x03")
        tap.check(seen and gone and back and t.wait() == 0, "watch endures a meter that fails", t.frames()[-2:])


def gateway_comes_and_goes(plant):
    with Gateway(GATEWAY % (plant["a"]["tcp"], free_port())) as g:
        with Terminal("watch", "-c", g.config, "--every", "100 ms") as t:
            seen = t.wait_for("meters up")
            g.stop()
            gone = t.wait_for("is the daemon running?")
            tap.check(seen and gone and t.process.poll() is None and "main" in "".join(t.frames()[-1]),
                      "a gateway that goes away is said, what was known stays", t.frames()[-1:])
            t.type(b"\x03")
            tap.check(t.wait() == 0 and t.is_restored(), "Ctrl-C still ends it", t.seen[-100:])
    # A gateway that accepts and says nothing.
    path = g.dir + ".sock"
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
        s.listen(4)
        p = subprocess.Popen([SYMBIONT, "watch", "-s", path], env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        connection = s.accept()[0]
        connection.recv(100)
        begun = time.monotonic()
        p.send_signal(signal.SIGINT)
        out, err = p.communicate(timeout=PATIENCE)
        tap.check(p.returncode == 0 and time.monotonic() - begun < 4, "Ctrl-C does not wait for a gateway that hangs", (p.returncode, out, err))
        connection.close()
        for answer, says in ((b"{\n", "not JSON"), (b"[]\n", "not JSON"), (b"", "hung up")):
            def serve():
                c = s.accept()[0]
                c.recv(100)
                c.sendall(answer)
                c.close()
            thread = threading.Thread(target=serve)
            thread.start()
            r = symbiont("watch", "-s", path, "--count", "1")
            thread.join()
            tap.check(r.status == 69 and says in r.err and "Sanitizer" not in r.err, "an answer of %r is refused" % answer, r)
    os.remove(path)


def main():
    with Plant(PLANT) as plant:
        with Gateway(GATEWAY % (plant["a"]["tcp"], free_port())) as gateway:
            wait_until(lambda: re.search(r"3 of 4 meters up$(.|\n)*^dead +down", symbiont("watch", "-c", gateway.config, "--count", "1").out, re.M),
                       PATIENCE, 0.2)
            tests = [(plainly, gateway), (on_terminal, gateway), (keys, gateway), (of_lines, plant), (gateway_comes_and_goes, plant)]
            for test, argument in tests:
                try:
                    test(argument)
                except Exception as e:  # the other tests run
                    import traceback
                    tap.check(False, "%s ran to its end" % test.__name__, "%r\n%s" % (e, traceback.format_exc()))
    return tap.end()


sys.exit(main())
