#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rules and streams in a running daemon: alerts reach broker and database, none twice and none lost over a stop, a kill,
a broker that is away and a reload; their health in `status`; hours of the ledger in `symbiont report`."""
import glob
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from gateway import BUILD, Gateway, Plant, environment  # noqa: E402
from servers import ROOT, Influx, Mosquitto, Subscriber, main, wait_until  # noqa: E402

PLANT = """
lines: ( { name = "hall"; listen = "127.0.0.1:0"; } );
meters: ( { name = "furnace"; line = "hall"; unit_id = 1; refresh = "10 ms"; points: ( %(power)s );
            values: ( { point = "active_power"; constant = 100.0; } ); } );
"""
POWER = '{ name = "active_power"; table = "holding"; address = 0; type = "float32"; unit = "kW"; }'

HOT = '{ name = "hot"; when = "furnace.active_power > %s kW"; alert = "furnace at {furnace.active_power}"; severity = "critical"; %s }'
STREAM = """streams: ( { name = "heat"; resource = "heat"; value = "0.5 * furnace.active_power"; %s
                         surplus: { above = "100 kW"; for = "1 s"; below = "80 kW"; release = "1 s"; }; } );"""


def body(plant, broker, rules, more=""):
    return """lines: ( { name = "hall"; tcp = "127.0.0.1:%d"; timeout = "200 ms"; } );
meters: ( { name = "furnace"; line = "hall"; unit_id = 1; every = "200 ms"; points: ( %s ); } );
polling: { down_failures = 2; down_after = "100 ms"; probe_first = "300 ms"; };
rules: ( %s );
%s
mqtt: { server = "mqtt://127.0.0.1:%d"; };
""" % (plant.ports["hall"], POWER, ",\n".join(rules), more, broker.port)


def alerts(seen, rule="hot"):
    return [m.json() for m in seen.on("symbiont/mill/alerts") if m.json().get("rule") == rule]


def told(seen, rule="hot"):
    return [a["state"] for a in alerts(seen, rule)]


def rule(gw, name="hot"):
    return [r for r in gw.ask("status")["rules"] if r["name"] == name][0]


def evaluated(gw, more=10, name="hot"):
    """So many further evaluations have passed."""
    first = rule(gw, name)["evaluations"]
    return wait_until(lambda: rule(gw, name)["evaluations"] >= first + more, 30)


class Rig:
    """A plant, a broker and who listens; `set` is the furnace's power."""

    def __enter__(self):
        self.parts = [Plant(PLANT % {"power": POWER}), Mosquitto()]
        self.plant, self.broker = [p.__enter__() for p in self.parts]
        self.parts.append(Subscriber(self.broker.port, "symbiont/mill/#"))
        self.seen = self.parts[2].__enter__()
        return self

    def __exit__(self, *exc):
        for p in reversed(self.parts):
            p.__exit__(*exc)

    def set(self, power):
        assert self.plant.ask("value furnace active_power %g" % power) == "ok"

    def body(self, rules, more=""):
        return body(self.plant, self.broker, rules, more)

    def wait(self, states, seconds=30):
        return wait_until(lambda: told(self.seen) == states, seconds)


def test_alerts_and_streams_reach_broker_and_database():
    with Rig() as rig, Influx() as influx:
        influx.create("plant")
        more = (STREAM % 'title = "Furnace cooling";') + 'influxdb: { url = "%s"; database = "plant"; };' % influx.url
        with Gateway(rig.body([HOT % (250, 'for = "500 ms";')], more)) as gw:
            assert evaluated(gw), gw.log()
            assert rule(gw)["state"] == "idle" and rule(gw)["condition"] == "false", rule(gw)
            rig.set(300)
            assert rig.wait(["began"]), gw.log()
            a = alerts(rig.seen)[0]
            assert a["id"] == "hot/%d" % a["began"] and a["ts"] == a["began"] and a["since"] <= a["ts"] - 500, a
            assert a["severity"] == "critical" and a["cause"] == "condition" and a["text"] == "furnace at 300 kW", a
            assert a["values"] == {"furnace.active_power": 300}, a
            r = rule(gw)
            assert r["state"] == "active" and r["condition"] == "true" and r["alerts"] == 1 and r["began"], r
            shown = subprocess.run([os.path.join(BUILD, "symbiont"), "status", "--socket", gw.socket], text=True,
                                   stdout=subprocess.PIPE, timeout=60).stdout
            line = [text.split() for text in shown.splitlines() if text.split()[:1] == ["hot"]][0]
            assert line[1:3] == ["active", "true"], shown
            surplus = [m for m in rig.seen.on("symbiont/mill/alerts") if m.json().get("stream") == "heat"]
            assert wait_until(lambda: [m.json()["state"] for m in rig.seen.on("symbiont/mill/alerts")
                                       if m.json().get("stream") == "heat"] == ["surplus"], 20), surplus
            state = [m.json() for m in rig.seen.on("symbiont/mill/streams/heat/state")][-1]
            assert state["state"] == "surplus" and state["value"] == 150 and state["value_unit"] == "kW", state
            rig.set(100)
            assert rig.wait(["began", "ended"]), gw.log()
            b = alerts(rig.seen)[1]
            assert b["id"] == a["id"] and b["lasted_s"] == (b["ts"] - b["began"]) / 1000 > 0, b
            assert b["text"].startswith("over after ") and b["text"].endswith("furnace at 100 kW"), b
            gw.stop()
        # The retained state is there for whoever comes later.
        with Subscriber(rig.broker.port, "symbiont/mill/streams/#") as late:
            assert late.wait(lambda ms: any(m.topic == "symbiont/mill/streams/heat/state" for m in ms), 20)
        rows = influx.query("SELECT active, state, text, lasted_s FROM alerts WHERE rule='hot'", "plant")
        assert [(x["active"], x["state"]) for x in rows] == [(True, "began"), (False, "ended")], rows
        assert rows[0]["time"] == a["ts"] and rows[0]["text"] == a["text"] and rows[1]["lasted_s"] == b["lasted_s"], rows
        streams = influx.query("SELECT * FROM streams WHERE stream='heat'", "plant")
        assert {50, 150} <= {x["value"] for x in streams}, streams


def test_over_a_stop_an_alert_is_told_once():
    with Rig() as rig:
        with Gateway(rig.body([HOT % (250, "")])) as gw:
            rig.set(300)
            assert rig.wait(["began"]), gw.log()
            gw.stop()
            gw.start()
            assert evaluated(gw)
            r = rule(gw)
            assert told(rig.seen) == ["began"] and r["state"] == "active" and r["alerts"] == 1, (told(rig.seen), r)
            gw.stop()
            rig.set(100)  # it is over while nobody looks
            gw.start()
            assert rig.wait(["began", "ended"]), gw.log()
            first, last = alerts(rig.seen)
            assert first["id"] == last["id"], (first, last)
            assert evaluated(gw) and told(rig.seen) == ["began", "ended"]


def test_over_a_kill_an_alert_is_told_again_as_the_same():
    with Rig() as rig:
        with Gateway(rig.body([HOT % (250, "")])) as gw:
            rig.set(300)
            assert rig.wait(["began"]), gw.log()
            commits = gw.ask("status")["storage"]["commits"]
            assert commits or wait_until(lambda: gw.ask("status")["storage"]["commits"], 20)
            gw.kill()
            gw.start()
            assert rig.wait(["began", "stands"]), gw.log()
            first, again = alerts(rig.seen)
            assert first["id"] == again["id"] and first["began"] == again["began"], (first, again)
            assert evaluated(gw) and told(rig.seen) == ["began", "stands"]
            rig.set(100)
            assert rig.wait(["began", "stands", "ended"]), gw.log()


def test_while_the_broker_is_away_none_is_lost():
    with Rig() as rig:
        with Gateway(rig.body([HOT % (250, "")])) as gw:
            assert wait_until(lambda: gw.publisher("mqtt")["connected"], 30)
            rig.broker.kill()
            rig.set(300)
            assert wait_until(lambda: rule(gw)["state"] == "active", 30), gw.log()
            began = rule(gw)["began"]
            put = gw.publisher("mqtt")["put"]  # what was before is on disk once all of that is
            assert wait_until(lambda: gw.publisher("mqtt")["on_disk"] >= put, 30), gw.ask("status")
            gw.kill()
            rig.seen.ready.clear()
            rig.broker.start()
            assert rig.seen.ready.wait(30)
            gw.start()
            assert wait_until(lambda: told(rig.seen).count("began") == 1 and "stands" in told(rig.seen), 30), told(rig.seen)
            rig.set(100)
            assert wait_until(lambda: told(rig.seen)[-1] == "ended", 30)
            assert len({a["id"] for a in alerts(rig.seen)}) == 1 and rule(gw)["alerts"] == 1, (began, alerts(rig.seen))


def test_over_a_reload():
    with Rig() as rig:
        other = '{ name = "other"; when = "furnace.active_power > 10 kW"; }'
        with Gateway(rig.body([HOT % (250, ""), other])) as gw:
            rig.set(300)
            assert rig.wait(["began"]) and wait_until(lambda: told(rig.seen, "other") == ["began"], 20), gw.log()
            # The same rule, another text: the alert goes on.
            gw.configure(rig.body([HOT % (250, 'repeat = "1 d";'), other]))
            gw.reload()
            assert evaluated(gw) and told(rig.seen) == ["began"] and rule(gw)["state"] == "active", told(rig.seen)
            # A file with an error changes nothing.
            gw.configure(rig.body([HOT % ("250 +", ""), other]))
            gw.reload()
            status = gw.ask("status")["config"]
            assert "hot" in status["last_reload_error"], status
            assert evaluated(gw) and told(rig.seen) == ["began"]
            # Another condition: the old alert ends, the new one begins.
            gw.configure(rig.body([HOT % (200, ""), other]))
            gw.reload()
            assert rig.wait(["began", "ended", "began"]), (told(rig.seen), gw.log())
            old, end, new = alerts(rig.seen)
            assert end["id"] == old["id"] != new["id"] and end["cause"] == "changed", alerts(rig.seen)
            assert told(rig.seen, "other") == ["began"]
            # A rule that is gone ends too.
            gw.configure(rig.body([HOT % (200, "")]))
            gw.reload()
            assert wait_until(lambda: told(rig.seen, "other") == ["began", "ended"], 20), gw.log()
            assert alerts(rig.seen, "other")[1]["cause"] == "changed"
            assert evaluated(gw) and told(rig.seen) == ["began", "ended", "began"]
            # And over a stop with another file it is the same.
            gw.stop()
            gw.configure(rig.body(['{ name = "third"; when = "furnace.active_power > 290 kW"; }']))
            gw.start()
            assert rig.wait(["began", "ended", "began", "ended"]), (told(rig.seen), gw.log())
            assert wait_until(lambda: told(rig.seen, "third") == ["began"], 20)


def test_a_silent_meter_is_seen_in_the_rules_health():
    with Rig() as rig:
        rules = [HOT % (250, ""), '{ name = "watched"; when = "furnace.active_power > 250 kW"; unknown = "alert"; }']
        with Gateway(rig.body(rules)) as gw:
            assert evaluated(gw) and rule(gw)["unknown_since"] is None
            rig.plant.ask("fault furnace silence")
            assert wait_until(lambda: told(rig.seen, "watched") == ["began"], 30), gw.log()
            assert alerts(rig.seen, "watched")[0]["cause"] == "unknown"
            r = rule(gw)
            assert r["state"] == "idle" and r["condition"] == "unknown" and r["unknown_since"], r
            rig.plant.ask("clear furnace")
            assert wait_until(lambda: told(rig.seen, "watched") == ["began", "ended"], 30), gw.log()
            assert rule(gw)["unknown_since"] is None and told(rig.seen) == []


def report(gw, *words):
    out = subprocess.run([os.path.join(BUILD, "symbiont"), "report", "-c", gw.path, "--socket", gw.socket,
                          "--from", "2026-01-05", "--to", "2026-01-05", *words], env=environment(), text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    return out.returncode, out.stdout, out.stderr


class GatewayAt(Gateway):
    """The plain daemon, in another time: a shim and a sanitizer do not go together."""

    def start(self):
        shim = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")[0]  # the program faketime would stand in between
        env = dict(self.env, LD_PRELOAD=shim, FAKETIME=self.time, DONT_FAKE_MONOTONIC="1", TZ="UTC")
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen([os.path.join(ROOT, "build/release/symbiontd"), "-c", self.path], stdout=log,
                                        stderr=log, env=env, stdin=subprocess.DEVNULL)
        log.close()
        if not wait_until(lambda: self.alive() or self.process.poll() is not None, 30):
            raise RuntimeError("the gateway does not start: " + self.log())
        return self


def test_the_ledger_answers_while_the_daemon_runs():
    with Rig() as rig:
        gw = GatewayAt(rig.body([HOT % (250, "")], STREAM % ""))
        gw.time = "@2026-01-05 10:59:50"

        def states():
            return [m.json() for m in rig.seen.on("symbiont/mill/streams/heat/state") if m.payload]
        with gw:
            code, _, errors = report(gw)
            assert code == 1 and "the ledger has nothing from 2026-01-05 00:00" in errors, (code, errors)
            rig.set(300)
            assert wait_until(lambda: gw.ask("status")["ledger"]["hours"] >= 1 and not gw.ask("status")["ledger"]["waiting"],
                              60), gw.ask("status")
            assert "coverage" not in states()[0], states()[0]  # nothing is known of the past
            code, text, errors = report(gw)
            assert code == 0, errors
            code, text, errors = report(gw, "--json")
            stream = json.loads(text)["streams"][0]
            assert stream["stream"] == "heat" and stream["unit"] == "kWh" and 0.05 < stream["amount"] < 0.5, text
            assert stream["high"] == 150 and 0 < stream["surplus_h"] < 0.01, text
            gw.stop()
            code, offline, errors = report(gw, "--json", "--ledger", gw.dir + "/state/ledger.db")
            assert code == 0 and json.loads(offline)["streams"][0]["amount"] == stream["amount"], (offline, errors)
            # The open hour goes on after an orderly stop; what is closed is not there twice.
            gw.time = "@2026-01-05 11:59:50"
            before = len(states())
            gw.start()
            # What is known of the past comes back out of the ledger, and a reload does not forget it.
            assert wait_until(lambda: len(states()) > before, 30) and "coverage" in states()[-1], states()[-1]
            gw.configure(rig.body([HOT % (200, "")], STREAM % 'title = "Furnace";'))
            gw.reload()
            assert wait_until(lambda: states()[-1].get("title") == "Furnace", 30) and "coverage" in states()[-1], states()[-1]
            assert wait_until(lambda: gw.ask("status")["ledger"]["hours"] >= 1, 60), gw.ask("status")
            code, again, errors = report(gw, "--csv")
            assert code == 0 and len(again.splitlines()) == 2, (again, errors)
            code, page, errors = report(gw, "--html")
            assert code == 0 and "<svg" in page and "Furnace" in page, errors
            hours = gw.ask("ledger heat 491000 491010")["hours"]
            assert [h[0] for h in hours] == [491002, 491003] and abs(hours[0][1] - stream["amount"]) < 1e-9, hours


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
