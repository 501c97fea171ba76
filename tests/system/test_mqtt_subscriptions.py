#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Subscriptions of our MQTT client against a real broker: kept, renewed, bounded; and messages that expire."""
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from servers import ROOT, Mosquitto, Subscriber, build, main, wait_until


class Listener:
    def __init__(self, port, *filters, inbox=1 << 20, incoming=0, more=""):
        self.config = tempfile.NamedTemporaryFile("w", suffix=".conf")
        self.config.write('mqtt: { server = "mqtt://127.0.0.1:%d"; retry_max = "1 s"; %s };\n' % (port, more))
        self.config.flush()
        suppressed = "suppressions=%s:print_suppressions=0" % os.path.join(ROOT, "tests/lsan.supp")
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [build("tests/system/mqtt_listener"), self.config.name, str(inbox), str(incoming), *filters], text=True,
            bufsize=1, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log,
            env=dict(os.environ, LSAN_OPTIONS=suppressed))
        self.said = []
        self.reader = threading.Thread(target=lambda: [self.said.append(json.loads(l)) for l in self.process.stdout])

    def __enter__(self):
        self.reader.start()
        return self

    def __exit__(self, *exc):
        self.process.stdin.close()
        status = self.process.wait(30)
        self.reader.join()
        self.log.seek(0)
        words = self.log.read()
        if exc[0] is not None or status:
            print("# " + words[-4000:].replace("\n", "\n# "))
        assert exc[0] is not None or status == 0, status

    def tell(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")

    def all(self, key):
        return [m for m in list(self.said) if key in m]

    def wait(self, condition, seconds=20):
        return wait_until(condition, seconds)

    def heard(self, seconds=20, **wanted):
        """The messages that have these values, waited for."""
        match = lambda: [m for m in self.all("topic") if all(m[k] == v for k, v in wanted.items())]
        return self.wait(match, seconds)

    def publish(self, topic, text, retained=0, expiry=0):
        n = len(self.all("published"))
        self.tell("publish", topic, retained, expiry, text)
        assert self.wait(lambda: len(self.all("published")) > n)
        return self.all("published")[n]["published"]

    def info(self):
        n = len(self.all("version"))
        self.tell("info")
        assert self.wait(lambda: len(self.all("version")) > n)
        return self.all("version")[n]


def test_live_and_retained_are_told_apart():
    with Mosquitto() as broker, Subscriber(broker.port, "x") as other:
        other.client.publish("a/b", "old", qos=1, retain=True).wait_for_publish(10)
        with Listener(broker.port, "a/#", "c/+/d") as l:
            assert l.heard(topic="a/b", payload="old", retained=True), l.said
            assert l.wait(lambda: len(l.all("filter")) == 2) and all(a["code"] == 0 for a in l.all("filter")), l.said
            other.client.publish("a/b", "new", qos=1, retain=True)
            other.client.publish("c/1/d", "there", qos=0)
            other.client.publish("elsewhere", "not wanted", qos=1)
            other.client.publish("a/empty", "", qos=1)
            assert l.heard(topic="a/b", payload="new", retained=False), l.said
            assert l.heard(topic="c/1/d") and l.heard(topic="a/empty", n=0)
            l.tell("subscribe", "elsewhere/#")
            assert l.wait(lambda: len(l.all("filter")) == 3)
            other.client.publish("elsewhere", "wanted", qos=1)
            assert l.heard(topic="elsewhere", payload="wanted") and not l.heard(0, payload="not wanted")
            assert l.info() == {"version": 5, "received": 5, "dropped": 0, "too_long": 0}


def test_subscriptions_survive_the_broker():
    for version in ("5", "3.1.1"):
        with Mosquitto() as broker, Listener(broker.port, "a/#", more='version = "%s";' % version) as l:
            l.tell("subscribe", "b/#")
            assert l.wait(lambda: len(l.all("filter")) == 2)
            broker.kill()
            assert l.wait(lambda: l.all("down"))
            broker.start()
            assert l.wait(lambda: len(l.all("filter")) == 4), l.said
            with Subscriber(broker.port, "x") as other:
                other.client.publish("a/1", "again", qos=1)
                other.client.publish("b/1", "again", qos=1)
                assert l.heard(topic="a/1") and l.heard(topic="b/1"), l.said


class Refuser(threading.Thread):
    """A broker that accepts every connection and refuses every subscription to secret/#."""

    def __init__(self, version):
        super().__init__(daemon=True)
        self.v5, self.socket = version == "5", socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.start()

    def packet(self, c):
        head = c.recv(1)
        length = shift = 0
        while head:
            b = c.recv(1)[0]
            length |= (b & 127) << shift
            shift += 7
            if b < 128:
                break
        data = b""
        while head and len(data) < length:
            data += c.recv(length - len(data))
        return head, data

    def run(self):
        c, _ = self.socket.accept()
        while True:
            head, data = self.packet(c)
            if not head:
                return
            if head == b"\x10":
                c.sendall(b"\x20\x03\0\0\0" if self.v5 else b"\x20\x02\0\0")
            elif head == b"\x82":
                code = b"\x01" if b"secret" not in data else b"\x87" if self.v5 else b"\x80"
                answer = data[:2] + (b"\0" if self.v5 else b"") + code
                c.sendall(b"\x90" + bytes([len(answer)]) + answer)


def test_a_refused_subscription_is_told():
    for version, code in (("5", 0x87), ("3.1.1", 0x80)):
        broker = Refuser(version)
        with Listener(broker.port, "a/#", "secret/#", more='version = "%s";' % version) as l:
            assert l.wait(lambda: len(l.all("filter")) == 2), l.said
            assert {a["filter"]: a["code"] for a in l.all("filter")} == {"a/#": 0, "secret/#": code}, l.said
        broker.socket.close()


def test_what_is_too_long_stays_outside():
    for version in ("5", "3.1.1"):
        with Mosquitto() as broker, Subscriber(broker.port, "x") as other, \
                Listener(broker.port, "#", incoming=8192, more='version = "%s";' % version) as l:
            assert l.wait(lambda: l.all("filter"))
            other.client.publish("a", "x" * 1000000, qos=1)
            other.client.publish("a", "y" * 8300, qos=1)
            other.client.publish("a", "z" * 8000, qos=1)
            assert l.heard(topic="a", n=8000), l.said
            assert len(l.all("topic")) == 1, l.said
            info = l.info()
            assert info["too_long"] == (0 if version == "5" else 2) and info["dropped"] == 0, info


def test_a_full_inbox_is_counted_and_the_rest_fetched():
    n = 60
    with Mosquitto() as broker, Subscriber(broker.port, "x") as other:
        for i in range(n):
            other.client.publish("offers/%d" % i, "%d " % i + "x" * 500, qos=1, retain=True).wait_for_publish(10)
        # Room for four fifths of them; each takes 20 ms to read. With less room a busy machine, which reads in bursts, loses
        # some each time that it asks, and asks ever more seldom.
        with Listener(broker.port, inbox=26000) as l:
            l.tell("pause", 20)
            assert l.wait(lambda: l.all("up"))
            l.tell("subscribe", "offers/#")
            assert l.wait(lambda: l.all("topic"))
            assert l.wait(lambda: l.info()["dropped"] > 0), l.info()
            l.tell("pause", 0)
            assert l.wait(lambda: len({m["topic"] for m in l.all("topic")}) == n, 60), l.info()
            assert all(m["retained"] for m in l.all("topic"))


def test_a_message_expires_at_the_broker():
    with Mosquitto() as broker, Listener(broker.port, more='message_expiry = "7 s";') as l:
        assert l.wait(lambda: l.all("up"))
        with Subscriber(broker.port, "#") as seen:
            for topic, text, expiry in (("long", '{"a":1}', 3600), ("short", '{"a":1}', 1), ("as_set", '{"a":1}', 0),
                                        ("plain", "x", 0), ("plain_short", "x", 50)):
                assert l.publish(topic, text, 1, expiry) == 0
            assert seen.wait(lambda ms: len(ms) == 5)
            got = {m.topic: getattr(m.properties, "MessageExpiryInterval", None) for m in seen.messages}
            assert got == {"long": 3600, "short": 1, "as_set": 7, "plain": None, "plain_short": 50}, got
            assert seen.on("long")[0].properties.ContentType == "application/json"

        def late():
            with Subscriber(broker.port, "#") as s:
                s.wait_for("plain_short")
                return {m.topic: getattr(m.properties, "MessageExpiryInterval", 0) for m in s.messages}
        assert wait_until(lambda: "short" not in late(), 10, 0.3)
        rest = late()
        assert 3590 < rest["long"] <= 3600, rest


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
