#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the commands of docs/security.md as they stand there, on a gateway in a directory of its own; and the bill of materials."""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from gateway import BUILD, Gateway, Plant
from servers import ROOT, Mosquitto, main, wait_until

PLANT = """
lines: ( { name = "hall"; listen = "127.0.0.1:0"; } );
meters: ( { name = "feeder"; line = "hall"; unit_id = 1; profile = "eastron-sdm630";
            values: ( { point = "active_power"; constant = 12.5; } ); } );
"""
TOKEN = "tok-6b1f-IN-THE-BACKUP-ONLY"


def block(name):
    with open(os.path.join(ROOT, "docs/security.md")) as f:
        return re.search(r"```sh %s\n(.*?)```" % name, f.read(), re.S).group(1)


class Site(Gateway):
    """A gateway whose files lie as the package lays them, below a root of its own; `systemctl` is a stand-in."""

    def __init__(self, body):
        super().__init__(body)
        self.conf, self.state = os.path.join(self.dir, "root/etc/symbiont"), os.path.join(self.dir, "root/var/lib/symbiont")
        os.makedirs(os.path.join(self.conf, "secrets"))
        os.makedirs(os.path.join(self.dir, "bin"))
        with open(os.path.join(self.conf, "secrets/token"), "w") as f:
            f.write(TOKEN + "\n")
        os.chmod(os.path.join(self.conf, "secrets/token"), 0o600)
        self.path = os.path.join(self.conf, "symbiont.conf")
        with open(self.path, "w") as f:
            f.write('site: { id = "mill"; };\n%s\nstorage: { directory = "%s"; };\ncontrol: { socket = "%s"; };\n' %
                    (body.replace("@TOKEN@", self.conf + "/secrets/token"), self.state, self.socket))
        self.backup = os.path.join(self.dir, "backup.tar.gz")

    def run(self, name):
        """Runs a block; its first line that stops the daemon stops it here, its last starts it."""
        said = []
        stand_in = os.path.join(self.dir, "bin/systemctl")
        fifo = os.path.join(self.dir, "orders")
        if not os.path.exists(fifo):
            os.mkfifo(fifo)
        with open(stand_in, "w") as f:
            f.write('#!/bin/sh\necho "$1 $2" >%s\ncat %s >/dev/null\n' % (fifo, fifo))
        os.chmod(stand_in, 0o755)
        p = subprocess.Popen(["sh", "-e", "-c", block(name)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             env=dict(os.environ, PATH=os.path.join(self.dir, "bin") + ":" + os.environ["PATH"],
                                      ROOT=os.path.join(self.dir, "root"), BACKUP=self.backup))
        for _ in range(len(re.findall("systemctl", block(name)))):
            with open(fifo) as f:
                order = f.read().split()
            said.append(order[0])
            assert order[1] == "symbiontd"
            if order[0] == "stop":
                assert self.stop() == 0, self.log()
            else:
                self.start()
            with open(fifo, "w") as f:
                f.write("done\n")
        out = p.communicate(timeout=60)[0].decode()
        assert p.returncode == 0, out
        return said


def everything_below(directory):
    found = b""
    for base, _, names in os.walk(directory):
        for n in names:
            with open(os.path.join(base, n), "rb") as f:
                found += f.read()
    return found


def test_backup_wipe_and_restore():
    with Plant(PLANT) as plant, Mosquitto() as broker:
        body = """lines: ( { name = "hall"; tcp = "127.0.0.1:%d"; } );
meters: ( { name = "feeder"; line = "hall"; unit_id = 1; profile = "eastron-sdm630"; every = "200 ms"; } );
streams: ( { name = "solar"; resource = "electricity"; value = "feeder.active_power"; } );
mqtt: { server = "mqtt://127.0.0.1:%d"; };
influxdb: { url = "http://127.0.0.1:9"; org = "plant"; bucket = "b"; token_file = "@TOKEN@"; };
""" % (plant.ports["hall"], broker.port)
        with Site(body) as gw:
            assert wait_until(lambda: gw.publisher("mqtt")["delivered"] > 5, 30), gw.log()
            before = gw.ask("status")
            assert gw.run("backup") == ["stop", "start"]
            assert os.stat(gw.backup).st_mode & 0o77 == 0
            assert wait_until(lambda: gw.publisher("mqtt")["delivered"] > 5, 30), gw.log()
            used = gw.ask("status")["storage"]["epoch"]
            assert used > before["storage"]["epoch"], (used, before["storage"])
            # Out of service: nothing of it is left.
            assert TOKEN.encode() in everything_below(os.path.join(gw.dir, "root"))
            assert gw.run("wipe") == ["stop"]
            assert everything_below(os.path.join(gw.dir, "root")) == b""
            # Back from the archive. The restore stops what runs, so something has to run.
            os.makedirs(gw.conf)
            with open(gw.path, "w") as f:
                f.write('site: { id = "other"; };\nstorage: { directory = "%s"; };\ncontrol: { socket = "%s"; };\n' % (gw.state, gw.socket))
            gw.start()
            assert gw.run("restore") == ["stop", "start"]
            after = gw.ask("status")
            assert after["site"] == before["site"] and after["config"]["hash"] == before["config"]["hash"], (after, before)
            assert after["storage"]["epoch"] > used, (after["storage"], used)
            assert wait_until(lambda: gw.publisher("mqtt")["delivered"] > 5, 30), gw.log()
            assert os.stat(gw.state).st_mode & 0o77 == 0 and os.stat(gw.conf + "/secrets/token").st_mode & 0o77 == 0
            streams = gw.ask("ledger")
            assert "solar" in json.dumps(streams), streams


def test_bill_of_materials():
    programs = [p for p in glob.glob(os.path.join(ROOT, "build/release/symbiont*")) if os.access(p, os.X_OK) and os.path.isfile(p)]
    assert programs
    script = os.path.join(ROOT, "debian/sbom.py")
    first = subprocess.run([script, "--version", "1", *programs], capture_output=True, check=True).stdout
    again = subprocess.run([script, "--version", "1", *reversed(programs)], capture_output=True, check=True,
                           env=dict(os.environ, TZ="Asia/Kathmandu", LC_ALL="C")).stdout
    assert first == again
    bom = json.loads(first)
    assert bom["bomFormat"] == "CycloneDX" and bom["specVersion"] == "1.5" and bom["serialNumber"].startswith("urn:uuid:")
    by_name = {c["name"]: c for c in bom["components"]}
    for library in ("libc6", "libmodbus5", "libsqlite3-0", "libssl3", "libsodium23", "libjansson4", "libpaho-mqtt1.3"):
        c = by_name[library]
        installed = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", library], capture_output=True, text=True).stdout
        assert c["version"] == installed and c["purl"].startswith("pkg:deb/debian/%s@" % library), c
    # Every library of every program is in it, and the graph leads to each.
    refs = {c["bom-ref"] for c in bom["components"]} | {"symbiont"}
    edges = {d["ref"]: d["dependsOn"] for d in bom["dependencies"]}
    reached, todo = set(), ["symbiont"]
    while todo:
        ref = todo.pop()
        if ref not in reached:
            reached.add(ref)
            todo += edges.get(ref, [])
    assert reached == refs, refs ^ reached
    # What the package depends on is what the programs load themselves.
    for p in programs:
        direct = edges["program/" + os.path.basename(p)]
        assert direct and all(d.startswith("deb/") for d in direct), direct


def test_every_shown_test_exists():
    with open(os.path.join(ROOT, "docs/security.md")) as f:
        text = f.read()
    sources = "".join(open(p).read() for p in glob.glob(os.path.join(ROOT, "tests/system/*.py")))
    for name in set(re.findall(r"`(test_\w+)`", text)):
        assert "def %s(" % name in sources, name
    for path in set(re.findall(r"`(test_\w+\.py)`", text)):
        assert os.path.exists(os.path.join(ROOT, "tests/system", path)), path
    for path in set(re.findall(r"`((?:docs|tests|systemd|debian)/[\w./]+)`", text)):
        assert os.path.exists(os.path.join(ROOT, path)), path
    with open(os.path.join(ROOT, "Makefile")) as f:
        targets = f.read()
    for target in set(re.findall(r"`make ([a-z-]+)`", text)):
        assert re.search(r"^%s:" % target, targets, re.M), target


sys.exit(main(sys.modules[__name__]))
