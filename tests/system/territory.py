# SPDX-License-Identifier: Apache-2.0
"""The other side of a gateway's exchange, for tests: keys and envelopes by openssl (an Ed25519 that is not ours), a
coordinator that verifies what it reads and signs what it says, and a proxy that records every byte of a connection.

    with Mosquitto(...) as broker, Coordinator(broker.port, "val") as coordinator:
        ...
        coordinator.wait_for("offer")
"""
import base64
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time

from servers import free_port, paho, wait_until

CONTEXT = b"symbiont-exchange-v1\0"
ACL = """user coordinator
topic readwrite symbiosis/v1/#

pattern write symbiosis/v1/val/%u/card
pattern write symbiosis/v1/val/%u/offers/+
pattern write symbiosis/v1/val/%u/needs/+
pattern write symbiosis/v1/val/%u/replies/+
pattern write symbiosis/v1/val/%u/meters/+
pattern read symbiosis/v1/val/%u/matches/+
pattern read symbiosis/v1/val/%u/receipts/+""".splitlines()
USERS = {"coordinator": "c", "f-7q2": "m", "eve": "e"}


class Key:
    """An Ed25519 key pair. `seed`: 32 bytes."""

    def __init__(self, seed=None):
        self.dir = tempfile.mkdtemp(prefix="symbiont-key-")
        self.seed = seed or os.urandom(32)
        self.der = self._file("key.der", bytes.fromhex("302e020100300506032b657004220420") + self.seed)
        self.public = self._openssl("pkey", "-inform", "DER", "-in", self.der, "-pubout", "-outform", "DER")[-32:]
        self.id = hashlib.sha256(self.public).hexdigest()[:16]
        self.text = base64.b64encode(self.public).decode()

    def _file(self, name, data):
        path = os.path.join(self.dir, name)
        with open(path, "wb") as f:
            f.write(data)
        return path

    @staticmethod
    def _openssl(*arguments):
        return subprocess.run(["openssl", *arguments], check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout

    def sign(self, data):
        return self._openssl("pkeyutl", "-sign", "-rawin", "-keyform", "DER", "-inkey", self.der, "-in",
                             self._file("m", CONTEXT + data))

    def write(self, path):
        """As `symbiont keygen` does."""
        with open(path, "w") as f:
            f.write(base64.b64encode(self.seed).decode() + "\n")
        os.chmod(path, 0o400)

    def close(self):
        shutil.rmtree(self.dir, ignore_errors=True)


def verify(public, data, signature):
    d = tempfile.mkdtemp(prefix="symbiont-verify-")
    try:
        for name, content in (("p", bytes.fromhex("302a300506032b6570032100") + public), ("m", CONTEXT + data),
                              ("s", signature)):
            with open(os.path.join(d, name), "wb") as f:
                f.write(content)
        return subprocess.run(["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER", "-inkey", d + "/p",
                               "-in", d + "/m", "-sigfile", d + "/s"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0
    finally:
        shutil.rmtree(d, ignore_errors=True)


def envelope(key, payload):
    """`payload` as a dictionary or bytes; signed."""
    data = payload if isinstance(payload, bytes) else json.dumps(payload, separators=(",", ":")).encode()
    return json.dumps({"p": base64.b64encode(data).decode(), "s": base64.b64encode(key.sign(data)).decode(),
                       "k": key.id}, separators=(",", ":")).encode()


class Told:
    """A message of the gateway, opened."""

    def __init__(self, topic, payload, retained, expiry):
        self.topic, self.raw, self.retained, self.expiry, self.at = topic, payload, retained, expiry, time.monotonic()
        self.signed = self.payload = None
        if payload:
            e = json.loads(payload)
            assert sorted(e) == ["k", "p", "s"], e
            self.signed = base64.b64decode(e["p"])
            self.signature, self.key_id = base64.b64decode(e["s"]), e["k"]
            self.payload = json.loads(self.signed)

    kind = property(lambda self: self.payload["kind"] if self.payload else "clear")
    body = property(lambda self: self.payload["body"] if self.payload else None)
    number = property(lambda self: (self.payload["epoch"], self.payload["seq"]))

    def __repr__(self):
        return "<%s %s %s>" % (self.kind, self.topic, self.body)


class Coordinator:
    """Keeps all that members say; says matches and receipts."""

    def __init__(self, port, territory="val", user="coordinator", password="c", pseudonym="f-7q2"):
        self.port, self.territory, self.pseudonym = port, territory, pseudonym
        self.key = Key()
        self.told = []
        self.epoch, self.seq = int(time.time()), 0
        self.now = time.time  # or another clock
        client = paho()
        self.properties = client
        self.client = client.Client(client_id="", protocol=client.MQTTv5)
        if user:
            self.client.username_pw_set(user, password)
        self.ready = threading.Event()
        self.client.reconnect_delay_set(0.1, 0.5)
        self.client.on_connect = lambda c, *rest: c.subscribe("symbiosis/v1/%s/#" % territory, qos=1)
        self.client.on_subscribe = lambda *rest: self.ready.set()
        self.client.on_message = self._message

    def _message(self, client, user, m):
        branch = m.topic.split("/")[4] if m.topic.count("/") >= 4 else ""
        if branch in ("matches", "receipts"):
            return  # its own
        expiry = getattr(getattr(m, "properties", None), "MessageExpiryInterval", None)
        self.told.append(Told(m.topic, m.payload, m.retain, expiry))

    def of(self, kind):
        return [t for t in list(self.told) if t.kind == kind]

    def wait_for(self, kind, n=1, seconds=30):
        wait_until(lambda: len(self.of(kind)) >= n, seconds)
        return self.of(kind)

    def topic(self, branch, id):
        return "symbiosis/v1/%s/%s/%s/%s" % (self.territory, self.pseudonym, branch, id)

    def payload(self, kind, body, **more):
        self.seq += 1
        now = int(self.now() * 1000)
        p = {"v": 1, "kind": kind, "territory": self.territory, "from": "coordinator", "to": self.pseudonym,
             "epoch": self.epoch, "seq": self.seq, "issued": now, "expires": now + 30 * 86400000, "body": body}
        p.update(more)
        return p

    def publish(self, topic, data, retain=True):
        self.client.publish(topic, data, qos=1, retain=retain).wait_for_publish()

    def say(self, kind, body, key=None, retain=True, **more):
        branch = {"match": "matches", "receipt": "receipts"}[kind]
        data = envelope(key or self.key, self.payload(kind, body, **more))
        self.publish(self.topic(branch, body["id"]), data, retain)
        return data

    def match(self, id, own, status="proposed", revision=1, **more):
        body = {"id": id, "revision": revision, "status": status, "synergy": "exchange", "resource": "heat", "own": own,
                "role": "offer", "parties": 1, "counterpart": {"zone": "c:49.350:6.150", "nace": "01", "amount": "200-500"},
                "quantity": "200-500", "coverage": 0.8, "use": 0.7, "distance_m": "500-1000", "eur_yr": 31000,
                "payback_y": 4.1, "tco2e_yr": "500-700", "confidence": 0.7,
                "gates": [{"name": "temperature", "pass": True, "value": 15, "limit": 10, "unit": "K"}],
                "limits": ["only 61 % time overlap"], "text": "Heat of the furnace for a greenhouse."}
        body.update(more)
        return body

    def receipt(self, id, revision=1, status="held", releases=(), **more):
        body = {"id": id, "revision": revision, "status": status, "total": len(releases)}
        if releases:
            body["releases"] = list(releases)
        body.update(more)
        return body

    def __enter__(self):
        self.client.connect("127.0.0.1", self.port, 60)
        self.client.loop_start()
        if not self.ready.wait(20):
            raise RuntimeError("the coordinator cannot subscribe")
        return self

    def __exit__(self, *exc):
        self.client.loop_stop()
        self.client.disconnect()
        self.key.close()


class Recorder:
    """A TCP proxy that keeps every byte a client sends (`sent`) and gets (`got`)."""

    def __init__(self, port):
        self.to, self.port = port, free_port()
        self.sent, self.got, self.connections = bytearray(), bytearray(), 0
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", self.port))
        self.listener.listen(8)
        self.pairs = []

    def _pump(self, source, target, keep):
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                keep.extend(data)
                target.sendall(data)
        except OSError:
            pass
        for s in (source, target):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.to), 5)
            except OSError:
                client.close()
                continue
            self.connections += 1
            self.pairs += [client, server]
            threading.Thread(target=self._pump, args=(client, server, self.sent), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, self.got), daemon=True).start()

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc):
        self.listener.close()
        for s in self.pairs:
            s.close()


def packets(stream):
    """The MQTT packets a client sent on its connections: (type, flags, body)."""
    at, out = 0, []
    while at < len(stream):
        head, n, shift = stream[at], 0, 0
        at += 1
        while True:
            byte = stream[at]
            at += 1
            n |= (byte & 127) << shift
            shift += 7
            if not byte & 128:
                break
        out.append((head >> 4, head & 15, bytes(stream[at:at + n])))
        at += n
    return out


def published(stream, version=5):
    """(topic, payload, retained) of each PUBLISH in what a client sent."""
    out = []
    for kind, flags, body in packets(stream):
        if kind != 3:
            continue
        n = int.from_bytes(body[:2], "big")
        topic, at = body[2:2 + n].decode(), 2 + n
        if flags >> 1 & 3:
            at += 2
        if version == 5:
            length, shift = 0, 0
            while True:
                byte = body[at]
                at += 1
                length |= (byte & 127) << shift
                shift += 7
                if not byte & 128:
                    break
            at += length
        out.append((topic, body[at:], bool(flags & 1)))
    return out

