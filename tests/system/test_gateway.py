#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The whole way: a simulated plant, the real daemon, a real broker, real databases, and a foreign Modbus server."""
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from gateway import BUILD, Gateway, Plant, environment  # noqa: E402
from servers import ROOT, Influx, Mosquitto, Subscriber, VictoriaMetrics, free_port, main, wait_until  # noqa: E402

# Registers that count up by one with each poll, so that every message can be told from every other.
PLANT = """
lines: ( { name = "hall"; listen = "127.0.0.1:0"; }, { name = "bus"; pty = "%(dir)s/tty"; mode = "115200 8N1"; } );
meters: (
  { name = "feeder"; line = "hall"; unit_id = 1; profile = "eastron-sdm630";
    values: ( { point = "voltage_l1"; constant = 231.5; }, { point = "active_power"; constant = 12.5; } ); },
  { name = "flow"; line = "hall"; unit_id = 2; profile = "tuf2000m-ultrasonic"; },
  { name = "raw"; line = "bus"; unit_id = 3; registers: ( { table = "holding"; address = 0; words = [0x4366, 0x3333, 7]; } ); }
);
"""

RAW = """points: ( { name = "voltage"; table = "holding"; address = 0; type = "float32"; unit = "V"; },
                  { name = "number"; quantity = "value"; table = "holding"; address = 2; type = "uint16"; unit = ""; } );"""


def lines(plant):
    return ('lines: ( { name = "hall"; tcp = "127.0.0.1:%d"; timeout = "500 ms"; }, { name = "bus"; serial = "%s/tty"; '
            'mode = "115200 8N1"; timeout = "300 ms"; } );' % (plant.ports["hall"], plant.dir))


def meters(every="200 ms", more=""):
    return """meters: (
  { name = "feeder"; line = "hall"; unit_id = 1; profile = "eastron-sdm630"; every = "%s";
    only = [ "voltage_l1", "active_power" ]; },
  { name = "raw"; line = "bus"; unit_id = 3; every = "%s"; %s }%s );""" % (every, every, RAW, more)


def mqtt(broker):
    return 'mqtt: { server = "mqtt://127.0.0.1:%d"; };' % broker.port


def listening(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def states(seen, meter):
    return [json.loads(m.payload) for m in seen.on("symbiont/mill/meters/%s/state" % meter)]


def bring_back(broker, seen, gateway=None):
    """Starts the broker again; the subscriber is there before the gateway, or it would miss what it is to witness."""
    seen.ready.clear()
    if gateway:
        gateway.process.send_signal(signal.SIGSTOP)
    broker.start()
    assert seen.ready.wait(30), "the subscriber does not come back"
    if gateway:
        gateway.process.send_signal(signal.SIGCONT)


def numbers(docs):
    return [(d["epoch"], d["seq"]) for d in docs]


def test_readings_reach_broker_and_databases():
    with Plant(PLANT) as plant, Mosquitto() as broker, Influx() as influx, VictoriaMetrics() as victoria, \
            Subscriber(broker.port, "symbiont/#") as seen:
        influx.create("plant")
        body = lines(plant) + meters() + mqtt(broker)
        with Gateway(body + 'influxdb: { url = "%s"; database = "plant"; };' % influx.url) as gw:
            assert seen.wait(lambda _: len(states(seen, "feeder")) >= 5 and len(states(seen, "raw")) >= 5, 20), gw.log()
            doc = states(seen, "feeder")[-1]
            assert doc["voltage_l1"] == 231.5 and doc["active_power"] == 12.5, doc
            assert abs(doc["ts"] / 1000 - time.time()) < 30, doc
            raw = states(seen, "raw")[-1]
            assert raw["voltage"] == 230.2 and raw["number"] == 7, raw
            topics = {m.topic: m for m in list(seen.messages)}
            assert topics["symbiont/mill/status"].payload == "online"
            assert topics["symbiont/mill/meters/feeder/status"].payload == "online"
            meta = json.loads(topics["symbiont/mill/meters/feeder/meta"].payload)
            assert meta["points"]["active_power"]["unit"] == "kW", meta
            info = json.loads(topics["symbiont/mill/info"].payload)
            assert info["version"] and len(info["config"]) == 64, info
            gw.stop()
            assert seen.wait(lambda ms: ms[-1].topic == "symbiont/mill/status" and ms[-1].payload == "offline", 5)
            count = len(states(seen, "feeder"))
            rows = influx.query('SELECT count("active_power") FROM meters WHERE meter=\'feeder\'', "plant")
            assert rows[0]["count"] == count, (rows, count)
        with Gateway(lines(plant) + meters() + 'influxdb: { url = "%s"; database = "plant"; };' % victoria.url) as gw:
            assert wait_until(lambda: gw.publisher("influxdb")["delivered"] >= 5, 20), gw.log()
            gw.stop()
            victoria.get("/internal/force_flush")
            assert "meters_voltage_l1" in victoria.get("/api/v1/label/__name__/values")


def test_nothing_is_lost_while_the_broker_is_away():
    with Plant(PLANT) as plant, Mosquitto() as broker, Subscriber(broker.port, "symbiont/#") as seen:
        with Gateway(lines(plant) + meters("100 ms") + mqtt(broker)) as gw:
            assert seen.wait(lambda _: len(states(seen, "feeder")) >= 5, 20)
            broker.kill()
            polled = gw.meter("feeder")["readings"]
            assert wait_until(lambda: gw.meter("feeder")["readings"] > polled + 30, 20)
            assert wait_until(lambda: gw.publisher("mqtt")["on_disk"] > 0, 10), gw.ask("status")
            bring_back(broker, seen, gw)
            assert wait_until(lambda: gw.publisher("mqtt")["waiting"] < 5 and gw.publisher("mqtt")["connected"], 30), gw.log()
            gw.stop()
            docs = states(seen, "feeder")
            first = numbers(docs)[0]
            seqs = {s for e, s in numbers(docs) if e == first[0]}
            assert seqs == set(range(1, max(seqs) + 1)), sorted(set(range(1, max(seqs) + 1)) - seqs)
            assert any(d.get("historical") for d in docs)
            # In order, but for what is sent again.
            highest = 0
            for _, s in numbers(docs):
                assert s <= highest + 1, (s, highest)
                highest = max(highest, s)


def test_nothing_is_lost_over_stop_and_kill_with_the_broker_down():
    with Plant(PLANT) as plant, Mosquitto() as broker, Subscriber(broker.port, "symbiont/#") as seen:
        broker.kill()
        gw = Gateway(lines(plant) + meters("100 ms") + mqtt(broker))
        with gw:
            assert wait_until(lambda: gw.meter("feeder")["readings"] >= 20, 20)
            assert gw.stop() == 0
            stopped = int(re.findall(r"stop: (\d+) readings", gw.log())[-1])
            gw.start()
            # What is older than the spill time and one sync is on disk, whatever happens.
            assert wait_until(lambda: gw.publisher("mqtt")["on_disk"] >= stopped + 20, 30), gw.ask("status")
            epoch, kept = gw.ask("status")["storage"]["epoch"], gw.publisher("mqtt")["on_disk"]
            gw.kill()
            bring_back(broker, seen)
            gw.start()
            assert wait_until(lambda: gw.publisher("mqtt")["waiting"] < 5 and gw.publisher("mqtt")["connected"], 30)
            gw.stop()
            got = set(numbers(states(seen, "feeder"))) | {("raw", n) for n in numbers(states(seen, "raw"))}
            before = [n for n in got if (n[1][0] if n[0] == "raw" else n[0]) <= epoch]
            assert len(before) >= kept, (len(before), kept)


def test_a_healthy_gateway_writes_nothing():
    with Plant(PLANT) as plant, Mosquitto() as broker:
        with Gateway(lines(plant) + meters() + mqtt(broker)) as gw:
            assert wait_until(lambda: gw.publisher("mqtt")["delivered"] > 10, 20)
            before = gw.ask("status")["storage"]["bytes_written"]
            delivered = gw.publisher("mqtt")["delivered"]
            assert wait_until(lambda: gw.publisher("mqtt")["delivered"] > delivered + 20, 20)
            assert gw.ask("status")["storage"]["bytes_written"] == before
        with Gateway(lines(plant) + meters() + mqtt(broker), storage='durability = "always";') as gw:
            assert wait_until(lambda: gw.publisher("mqtt")["delivered"] > 10, 20)
            before = gw.ask("status")["storage"]["bytes_written"]
            delivered = gw.publisher("mqtt")["delivered"]
            assert wait_until(lambda: gw.publisher("mqtt")["delivered"] > delivered + 10, 20)
            assert gw.ask("status")["storage"]["bytes_written"] > before


def test_a_dead_meter_does_not_silence_the_others():
    dead = ', { name = "gone"; line = "hall"; unit_id = 99; every = "200 ms"; %s }' \
           ', { name = "bus_gone"; line = "bus"; unit_id = 98; every = "200 ms"; %s }' % (RAW, RAW)
    with Plant(PLANT) as plant, Mosquitto() as broker, Subscriber(broker.port, "symbiont/#") as seen:
        plant.ask("fault feeder exception code=4 times=1")
        with Gateway(lines(plant) + meters("200 ms", dead) + mqtt(broker)) as gw:
            assert wait_until(lambda: gw.meter("gone")["state"] == "down" and gw.meter("bus_gone")["state"] == "down", 20)
            before = {n: gw.meter(n) for n in ("feeder", "raw")}
            assert wait_until(lambda: gw.meter("feeder")["cycles"] > before["feeder"]["cycles"] + 25, 30)
            for name in ("feeder", "raw"):
                after = gw.meter(name)
                begun = after["cycles"] - before[name]["cycles"]
                missed = after["missed"] - before[name]["missed"]
                assert missed <= begun / 5, (name, begun, missed)
            assert seen.wait(lambda ms: any(m.topic.endswith("/gone/status") and m.payload == "offline" for m in ms), 5), \
                ([(m.topic, m.payload) for m in seen.messages if not m.topic.endswith("state")], gw.log())
            assert plant.stats()["forbidden"] == 0, plant.stats()


def test_reload_keeps_what_did_not_change():
    with Plant(PLANT) as plant, Mosquitto() as broker, Subscriber(broker.port, "symbiont/#") as seen:
        body = lines(plant) + meters() + mqtt(broker)
        with Gateway(body) as gw:
            assert seen.wait(lambda _: len(states(seen, "feeder")) >= 3, 20)
            connects = {l["name"]: l["connects"] for l in gw.ask("status")["lines"]}
            since = gw.publisher("mqtt")["connects"]
            gw.configure(body.replace("every", "evry", 1))
            gw.reload()
            config = gw.ask("status")["config"]
            assert config["reload_failures"] == 1 and "evry" in config["last_reload_error"], config
            extra = ', { name = "second"; line = "hall"; unit_id = 2; profile = "tuf2000m-ultrasonic"; every = "200 ms"; }'
            gw.configure(lines(plant) + meters("200 ms", extra) + mqtt(broker))
            gw.reload()
            assert seen.wait(lambda _: len(states(seen, "second")) >= 3, 20), gw.log()
            assert {l["name"]: l["connects"] for l in gw.ask("status")["lines"]} == connects
            assert gw.publisher("mqtt")["connects"] == since
            docs = states(seen, "feeder")
            assert numbers(docs) == sorted(numbers(docs)) and len({d["epoch"] for d in docs}) == 1
            gw.configure(body)
            gw.reload()
            assert seen.wait(lambda ms: any(m.topic == "symbiont/mill/meters/second/meta" and not m.payload for m in ms), 10)
            assert gw.stop() == 0


def test_reload_storm():
    with Plant(PLANT) as plant, Mosquitto() as broker, Subscriber(broker.port, "symbiont/#") as seen:
        variants = [lines(plant) + meters(every) + mqtt(broker) for every in ("100 ms", "150 ms", "200 ms")]
        with Gateway(variants[0]) as gw:
            for i in range(30):
                gw.configure(variants[i % 3] if i % 5 else "lines: (")
                gw.process.send_signal(1)
                gw.ask("status")
            gw.configure(variants[0])
            gw.reload()
            n = len(states(seen, "raw"))
            assert seen.wait(lambda _: len(states(seen, "raw")) > n + 3, 20), gw.log()[-3000:]
            assert gw.stop() == 0, gw.log()[-3000:]


def test_service_manager_is_told():
    with Plant(PLANT) as plant, Mosquitto() as broker:
        gw = Gateway(lines(plant) + meters() + mqtt(broker), notify=True)
        gw.env.update(WATCHDOG_USEC="1000000")
        with gw:
            told = []
            while not ("READY=1" in told and "WATCHDOG=1" in told and any("meters" in t for t in told)):
                told.append(gw.notify.recv(4096).decode())
            gw.process.terminate()
            while "STOPPING=1" not in told:
                told.append(gw.notify.recv(4096).decode())
            assert gw.process.wait(20) == 0


def test_foreign_modbus_server():
    port = free_port()
    script = """
import asyncio
from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.server import StartTcpServer
words = [0x4366, 0x3333, 7] + [0] * 97
block = lambda: ModbusSequentialDataBlock(0, words)
StartTcpServer(context=ModbusServerContext(slaves={5: ModbusSlaveContext(hr=block(), ir=block(), zero_mode=True)}, single=False),
               address=("127.0.0.1", %d))
""" % port
    server = subprocess.Popen(["/usr/bin/python3", "-c", script], stderr=subprocess.PIPE)
    try:
        assert wait_until(lambda: listening(port) or server.poll() is not None, 30) and server.poll() is None, server.stderr
        with Mosquitto() as broker, Subscriber(broker.port, "symbiont/#") as seen:
            body = 'lines: ( { name = "l"; tcp = "127.0.0.1:%d"; } ); meters: ( { name = "raw"; line = "l"; unit_id = 5; ' \
                   'every = "200 ms"; %s } );' % (port, RAW)
            with Gateway(body + mqtt(broker)) as gw:
                assert seen.wait(lambda _: len(states(seen, "raw")) >= 3, 30), gw.log()
                assert states(seen, "raw")[-1].get("voltage") == 230.2, (states(seen, "raw")[-1], gw.log())
    finally:
        server.kill()
        server.wait()


def test_start_fails_with_a_sentence():
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "bad.conf")
        with open(path, "w") as f:
            f.write('site: { id = "x"; };\nlines: ( { name = "l"; tcp = "127.0.0.1:1"; tiemout = "1 s"; } );\n')
        r = subprocess.run([os.path.join(BUILD, "symbiontd"), "-c", path], capture_output=True, text=True, timeout=60,
                           env=environment())
        assert r.returncode == 78 and "bad.conf:2" in r.stderr and "timeout" in r.stderr, r
        r = subprocess.run([os.path.join(BUILD, "symbiontd"), "-c", d + "/none.conf"], capture_output=True, text=True,
                           timeout=60, env=environment())
        assert r.returncode == 78 and "none.conf" in r.stderr, r


def test_unit_file_is_tight():
    with open(os.path.join(ROOT, "systemd/symbiontd.service.in")) as f:
        text = f.read().replace("@SBINDIR@", "/usr/sbin").replace("@SYSCONFDIR@", "/etc")
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "symbiontd.service")
        with open(path, "w") as f:
            f.write(text)
        out = subprocess.run(["systemd-analyze", "security", "--offline=yes", path], capture_output=True, text=True).stdout
        level = re.search(r"Overall exposure level for symbiontd.service: ([\d.]+)", out)
        assert level and float(level.group(1)) <= 1.5, out[-300:]


def test_no_function_that_writes_is_linked():
    for program in ("symbiontd", "symbiont"):
        out = subprocess.run(["nm", "-D", os.path.join(BUILD, program)], capture_output=True, text=True).stdout
        bad = re.findall(r"U (modbus_(?:write|mask_write|send_raw)\w*)", out)
        assert "modbus_" in out and not bad, bad


sys.exit(main(sys.modules[__name__]))
