#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The MQTT publisher against a real broker, well and unwell, and against what pretends to be one."""
import json
import os
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from servers import Certificates, Driver, Mosquitto, Subscriber, free_port, main, wait_until

ROOT = "symbiont/test-site/"


def plain(port, more=""):
    return 'server = "mqtt://127.0.0.1:%d"; retry_max = "2 s"; %s' % (port, more)


def states(seen, meter=0):
    return [m.json() for m in seen.on(ROOT + "meters/meter_%d/state" % meter)]


def seqs(seen, meter=0):
    return [(m["epoch"], m["seq"]) for m in states(seen, meter)]


def in_order(pairs):
    """Each new one is greater than all before it; those that are not are repeats."""
    highest, fresh = (0, 0), []
    for p in pairs:
        if p > highest:
            fresh.append(p)
            highest = p
    return fresh


def test_everything_arrives_in_order():
    with Mosquitto() as broker, Subscriber(broker.port, "#") as seen, Driver("mqtt", plain(broker.port)) as d:
        assert d.tell("up", 5000)
        d.tell("readings", 20, 50)
        assert d.tell("sent", 10000)
        for meter in (0, 7, 19):
            assert seen.wait(lambda _: len(states(seen, meter)) == 50), len(states(seen, meter))
            assert seqs(seen, meter) == [(1, i) for i in range(1, 51)]
        one = seen.on(ROOT + "meters/meter_3/state")[0]
        assert one.qos == 1 and not one.retained
        assert one.properties.ContentType == "application/json"
        assert len(one.json()) == 28 and "historical" not in one.json(), one
        s = d.tell("status")
        assert s["connected"] and s["mqtt_version"] == "5" and s["accepted"] >= 1000 and s["set_aside"] == 0, s
        assert d.tell("stats")["bytes_written"] == 0


def test_status_and_documents_are_retained():
    with Mosquitto() as broker, Driver("mqtt", plain(broker.port)) as d:
        assert d.tell("up", 5000)
        d.tell("document", "info", '{"version":"1"}')
        d.tell("document", "streams/heat/state", '{"state":"idle"}')
        d.tell("document", "streams/heat/state", '{"state":"surplus"}')
        assert wait_until(lambda: d.tell("status")["documents_waiting"] == 0)
        with Subscriber(broker.port, "#") as late:
            late.wait_for(ROOT + "streams/heat/state")
            got = {m.topic: m.payload for m in late.messages}
            assert got == {ROOT + "status": "online", ROOT + "info": '{"version":"1"}',
                           ROOT + "streams/heat/state": '{"state":"surplus"}'}, got
            assert all(m.retained for m in late.messages)
            d.tell("clear", "info")
            assert late.wait(lambda ms: ms[-1].topic == ROOT + "info" and ms[-1].payload == "")
            assert wait_until(lambda: d.tell("status")["documents"] == 1)
            assert d.tell("close", 5000) < 5000
            assert late.wait(lambda ms: ms[-1].payload == "offline"), late.messages
            d.tell("open")
        with Subscriber(broker.port, "#") as later:
            later.wait_for(ROOT + "status")
            assert not later.on(ROOT + "info"), later.messages


def test_will_tells_when_the_gateway_dies():
    with Mosquitto() as broker, Subscriber(broker.port, ROOT + "status") as seen:
        with Driver("mqtt", plain(broker.port)) as d:
            assert d.tell("up", 5000)
            assert seen.wait(lambda ms: ms and ms[-1].payload == "online")
            d.kill()
            assert seen.wait(lambda ms: ms[-1].payload == "offline"), seen.messages


def test_broker_killed_and_back():
    with Mosquitto() as broker, Driver("mqtt", plain(broker.port)) as d:
        d.tell("document", "info", '{"a":1}')
        assert d.tell("up", 5000)
        with Subscriber(broker.port, "#") as seen:
            for i in range(3):
                d.tell("readings", 10, 5)
                if i == 0:
                    assert d.tell("sent", 5000)
                    seen.wait(lambda _: len(states(seen)) == 5)
                broker.kill()
                d.tell("readings", 10, 5)
                assert d.tell("down", 5000)
                broker.start()
                seen.ready.clear()
                assert seen.ready.wait(10)  # subscribed again, before the publisher is back
                assert d.tell("up", 15000)
            assert d.tell("sent", 10000), d.tell("status")
            assert seen.wait(lambda _: (1, 30) in seqs(seen))
            fresh = in_order(seqs(seen))
            # A broker that dies forgets what it had acknowledged: only what it never acknowledged is ours to bring again.
            missing = [i for i in range(1, 31) if (1, i) not in fresh]
            acknowledged_by_the_dead = range(1, 31)
            assert set(missing) <= set(acknowledged_by_the_dead) and len(missing) <= 20, missing
            assert seen.on(ROOT + "info"), "the document was not sent again"
            assert d.tell("status")["connects"] == 4


def test_backlog_is_marked_and_nothing_is_lost():
    port = free_port()
    with Driver("mqtt", plain(port)) as d:
        d.tell("readings", 5, 100)
        time.sleep(1.2)  # older than the outbox's spill time: what is sent now is sent late
        with Mosquitto(port) as broker, Subscriber(broker.port, "#") as seen:
            assert d.tell("up", 15000)
            assert d.tell("sent", 10000)
            d.tell("readings", 5, 1)
            assert d.tell("sent", 10000)
            assert seen.wait(lambda _: len(states(seen, 4)) == 101)
            assert seqs(seen, 4) == [(1, i) for i in range(1, 102)]
            assert all(m.get("historical") is True for m in states(seen)[:100])
            assert "historical" not in states(seen)[100]


def test_frozen_broker_is_noticed():
    with Mosquitto() as broker, Driver("mqtt", plain(broker.port, 'keep_alive = "5 s";')) as d:
        assert d.tell("up", 5000)
        broker.freeze()
        d.tell("readings", 10, 10)
        before = d.tell("cpu")["rss_kib"]
        assert d.tell("down", 30000), "not noticed in 30 s"
        assert d.tell("cpu")["rss_kib"] - before < 8192
        broker.thaw()
        with Subscriber(broker.port, "#") as seen:
            assert d.tell("up", 30000)
            assert d.tell("sent", 10000)
            assert seen.wait(lambda _: in_order(seqs(seen))[-1:] == [(1, 10)])


def test_refused_topic_does_not_hold_up_the_others():
    acl = ["topic readwrite #", "topic deny " + ROOT + "meters/meter_1/state"]
    with Mosquitto(acl=acl) as broker, Subscriber(broker.port, "#") as seen, Driver("mqtt", plain(broker.port)) as d:
        assert d.tell("up", 5000)
        begun = time.monotonic()
        d.tell("readings", 3, 40)
        assert seen.wait(lambda _: len(states(seen, 2)) == 40)
        assert time.monotonic() - begun < 5
        assert d.tell("sent", 30000), d.tell("status")
        assert not states(seen, 1)
        assert seqs(seen, 0) == [(1, i) for i in range(1, 41)]
        s = d.tell("status")
        assert s["set_aside"] == 40 and s["refused"] >= 40, s
        rejected = d.tell("rejected")["rejected"]
        assert len(rejected) == 40 and "not authorized" in rejected[0]["why"], rejected[0]
        assert rejected[0]["topic"] == "meters/meter_1/state"
        assert [json.loads(r["payload"])["seq"] for r in rejected] == list(range(1, 41))
        # Known by now: the next ones are set aside at once.
        begun = time.monotonic()
        d.tell("readings", 3, 5)
        assert d.tell("sent", 10000) and time.monotonic() - begun < 3
        assert d.log().count("refuses a message") < 4, d.log()


def test_all_refused_waits_for_the_operator():
    acl = ["topic read #", "topic write " + ROOT + "status"]
    with Mosquitto(acl=acl) as broker, Subscriber(broker.port, "#") as seen, Driver("mqtt", plain(broker.port)) as d:
        assert d.tell("up", 5000)
        d.tell("readings", 2, 10)
        assert wait_until(lambda: d.tell("status")["refused"] > 25, 30), d.tell("status")
        stats = d.tell("stats")
        assert stats["waiting"] == 20 and stats["rejected"] == 0, stats
        broker.set_acl(["topic readwrite #"])
        broker.reload()
        assert d.tell("sent", 30000), d.tell("status")
        assert seen.wait(lambda _: len(in_order(seqs(seen, 1))) == 10), seqs(seen, 1)


def test_broker_that_refuses_and_hangs_up():
    acl = ["topic readwrite #", "topic deny " + ROOT + "meters/meter_1/state"]
    with Mosquitto(acl=acl, queued=0) as broker, Subscriber(broker.port, "#") as seen, \
            Driver("mqtt", plain(broker.port)) as d:
        assert d.tell("up", 5000)
        d.tell("readings", 3, 1)
        assert d.tell("sent", 60000), d.tell("status")
        assert seen.wait(lambda _: states(seen, 0) and states(seen, 2)) and not states(seen, 1)
        assert d.tell("status")["set_aside"] == 1


def test_message_size_limit_of_the_broker():
    with Mosquitto(extra="message_size_limit 700") as broker, Subscriber(broker.port, "#") as seen, \
            Driver("mqtt", plain(broker.port)) as d:
        assert d.tell("up", 5000)
        d.tell("readings", 1, 3)
        d.tell("event", "alerts", '{"text":"%s"}' % ("x" * 2000))
        d.tell("readings", 1, 3)
        assert d.tell("sent", 20000), d.tell("status")
        assert seen.wait(lambda _: len(states(seen)) == 6)
        assert len(d.tell("rejected")["rejected"]) == 1 and not seen.on(ROOT + "alerts")


def test_max_packet_size_with_5_is_known_before():
    with Mosquitto(extra="max_packet_size 900") as broker, Subscriber(broker.port, "#") as seen, \
            Driver("mqtt", plain(broker.port)) as d:
        assert d.tell("up", 5000)
        d.tell("event", "alerts", '{"text":"%s"}' % ("x" * 2000))
        d.tell("document", "info", '{"text":"%s"}' % ("x" * 2000))
        d.tell("readings", 1, 3)
        assert d.tell("sent", 10000)
        assert seen.wait(lambda _: len(states(seen)) == 3)
        s = d.tell("status")
        assert s["losses"] == 0 and s["set_aside"] == 1, s
        assert "at most 900" in d.tell("rejected")["rejected"][0]["why"]


def test_poison_is_sent_alone_and_set_aside():
    """With 3.1.1 the broker just hangs up on a packet that is too large: again and again, unless it is found."""
    with Mosquitto(extra="max_packet_size 900") as broker, Subscriber(broker.port, "#") as seen, \
            Driver("mqtt", plain(broker.port, 'version = "3.1.1";')) as d:
        assert d.tell("up", 5000)
        d.tell("readings", 2, 5)
        assert d.tell("sent", 5000)
        d.tell("event", "alerts", '{"text":"%s"}' % ("x" * 2000))
        d.tell("readings", 2, 5)
        assert d.tell("sent", 60000), d.tell("status")
        assert seen.wait(lambda _: len(in_order(seqs(seen, 1))) == 10)
        assert in_order(seqs(seen)) == [(1, i) for i in range(1, 11)]
        rejected = d.tell("rejected")["rejected"]
        assert [r["topic"] for r in rejected] == ["alerts"], rejected
        assert d.tell("status")["losses"] == 4


def test_poisonous_document_is_given_up():
    with Mosquitto(extra="max_packet_size 900") as broker, Driver("mqtt", plain(broker.port, 'version = "3.1.1";')) as d:
        assert d.tell("up", 5000)
        d.tell("document", "meters/m/meta", '{"text":"%s"}' % ("x" * 2000))
        assert wait_until(lambda: d.tell("status")["losses"] == 4, 60), d.tell("status")
        assert d.tell("up", 20000)
        d.tell("readings", 1, 5)
        assert d.tell("sent", 10000)
        assert d.tell("status")["losses"] == 4


class OldBroker:
    """A stand-in that speaks only 3.1.1. To a CONNECT of version 5 it says nothing and closes, or refuses in the old
    words (code 1)."""

    def __init__(self, polite, mute=False):
        self.mute = mute  # never acknowledges
        self.polite, self.versions, self.published, self.closing = polite, [], 0, False
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                c, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(c,), daemon=True).start()

    @staticmethod
    def packet(f):
        head = f.read(1)
        if not head:
            return None, None
        n = shift = 0
        while True:
            b = f.read(1)[0]
            n |= (b & 127) << shift
            shift += 7
            if not b & 128:
                break
        return head[0], f.read(n)

    def serve(self, c):
        with c:
            f = c.makefile("rb")
            kind, body = self.packet(f)
            if kind != 0x10:
                return
            self.versions.append(body[6])
            if body[6] != 4:
                if self.polite:
                    c.sendall(b"\x20\x02\x00\x01")
                return
            c.sendall(b"\x20\x02\x00\x00")
            while True:
                kind, body = self.packet(f)
                if kind is None or kind == 0xE0:
                    return
                if kind >> 4 == 3:
                    topic = body[0] << 8 | body[1]
                    self.published += 1
                    if not self.mute:
                        c.sendall(b"\x40\x02" + body[2 + topic:4 + topic])
                if kind == 0xC0:
                    c.sendall(b"\xd0\x00")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.socket.close()


def falls_back(polite):
    with OldBroker(polite) as broker, Driver("mqtt", plain(broker.port)) as d:
        assert d.tell("up", 20000), (broker.versions, d.tell("status"))
        d.tell("readings", 2, 20)
        assert d.tell("sent", 10000)
        assert wait_until(lambda: broker.published >= 41)
        assert d.tell("status")["mqtt_version"] == "3.1.1"
        assert "3.1.1" in d.log()
        tries = len(broker.versions)
        assert broker.versions[-2:] == [5, 4] and tries <= 4, broker.versions
        d.tell("close", 3000)
        d.tell("open")
        assert d.tell("up", 20000)


def test_falls_back_when_5_is_hung_up_on():
    falls_back(False)


def test_falls_back_when_5_is_refused():
    falls_back(True)


def test_pinned_version_does_not_fall_back():
    with OldBroker(False) as broker, Driver("mqtt", plain(broker.port, 'version = "5";')) as d:
        assert wait_until(lambda: len(broker.versions) >= 2, 20)
        assert set(broker.versions) == {5} and not d.tell("status")["connected"]


def test_two_gateways_with_one_id():
    """Mosquitto throws the older one out, without a word in 2.0.11."""
    with Mosquitto() as broker, Driver("mqtt", plain(broker.port)) as a:
        assert a.tell("up", 5000)
        with Driver("mqtt", plain(broker.port)) as b:
            assert b.tell("up", 5000)
            both = (a, b)
            assert wait_until(lambda: any("client_id_conflict" in d.tell("status") for d in both), 40), \
                [d.tell("status") for d in both]
            assert "Two gateways" in a.log() + b.log()
            connects = sum(d.tell("status")["connects"] for d in both)
            time.sleep(5)
            assert connects < 12 and sum(d.tell("status")["connects"] for d in both) <= connects + 2, "a storm"


def test_a_broker_that_comes_and_goes_is_no_second_gateway():
    """Found by the soak: after three short lives it was taken for a conflict, and the next attempt was minutes away."""
    with Mosquitto() as broker, Driver("mqtt", plain(broker.port)) as d:
        for _ in range(5):
            assert wait_until(lambda: d.tell("status")["connected"], 30), d.tell("status")
            assert wait_until(lambda: d.tell("status")["under_way"] == 0, 10), d.tell("status")
            broker.kill()
            attempts = d.tell("status")["attempts"]
            assert wait_until(lambda: d.tell("status")["attempts"] > attempts, 20), d.tell("status")
            assert wait_until(lambda: not d.tell("status")["connected"], 20)
            broker.start()
        begun = time.monotonic()
        assert wait_until(lambda: d.tell("status")["connected"], 20), d.tell("status")
        assert time.monotonic() - begun < 15 and not d.tell("status").get("client_id_conflict"), d.tell("status")


def test_session_taken_over():
    """A broker that says so (MQTT 5, reason 0x8E)."""
    server = socket.create_server(("127.0.0.1", 0))
    connects = []

    def serve():
        while True:
            try:
                c, _ = server.accept()
            except OSError:
                return
            with c:
                if c.recv(4096)[:1] != b"\x10":
                    continue
                connects.append(time.monotonic())
                c.sendall(b"\x20\x03\x00\x00\x00")
                time.sleep(0.3)
                c.sendall(b"\xe0\x02\x8e\x00")
                time.sleep(0.3)

    threading.Thread(target=serve, daemon=True).start()
    with Driver("mqtt", plain(server.getsockname()[1])) as d:
        assert d.tell("up", 5000) and d.tell("down", 5000)
        status = d.tell("status")
        assert status["client_id_conflict"] and "taken" in status["last_error"], status
        assert "gave the connection to another client" in d.log()
        time.sleep(4)
        assert len(connects) == 1, connects
    server.close()


def test_several_servers_in_turn():
    with Mosquitto() as broker:
        dead = free_port()
        servers = 'servers = ["mqtt://127.0.0.1:%d", "mqtt://localhost:%d"];' % (dead, broker.port)
        with Driver("mqtt", servers) as d:
            assert d.tell("up", 10000)
            assert d.tell("status")["server"].endswith(str(broker.port))


def test_users_and_a_password_that_changes():
    with Mosquitto(users={"gw": "first"}) as broker:
        path = os.path.join(broker.dir, "secret")

        def secret(text):
            with open(path, "w") as f:
                f.write(text + "\n")
            os.chmod(path, 0o600)

        secret("wrong")
        with Driver("mqtt", plain(broker.port, 'user = "gw"; password_file = "%s";' % path)) as d:
            assert wait_until(lambda: "last_error" in d.tell("status"), 10)
            assert "refuses" in d.tell("status")["last_error"], d.tell("status")
            secret("first")
            assert d.tell("up", 10000)
            assert "first" not in d.log() and "wrong" not in d.log()
        os.chmod(path, 0o644)
        try:
            with Driver("mqtt", plain(broker.port, 'user = "gw"; password_file = "%s";' % path)):
                assert False, "a secret open to all was taken"
        except RuntimeError as e:
            assert "chmod 0600" in str(e), e


def secure(broker, certificates, more=""):
    return 'server = "mqtts://localhost:%d"; ca_file = "%s"; retry_max = "2 s"; %s' % (broker.port, certificates.ca,
                                                                                       more)


def test_tls():
    with Certificates() as c, Mosquitto(tls=c) as broker:
        with Driver("mqtt", secure(broker, c)) as d:
            assert d.tell("up", 10000), d.tell("status")
            d.tell("readings", 5, 20)
            assert d.tell("sent", 10000)
        with Driver("mqtt", secure(broker, c).replace("localhost", "127.0.0.1")) as d:
            assert d.tell("up", 10000)
        for text in (secure(broker, c).replace(c.ca, c.other_ca), 'server = "mqtts://localhost:%d";' % broker.port):
            with Driver("mqtt", text) as d:
                assert not d.tell("up", 3000)
                assert "TLS" in d.tell("status")["last_error"], d.tell("status")
                assert "error: mqtt: no connection" in d.log()


def test_tls_refuses_another_name():
    with Certificates() as c:
        good, c.server, c.server_key = c.server, c.wrong_name, c.wrong_name_key
        with Mosquitto(tls=c) as broker, Driver("mqtt", secure(broker, c)) as d:
            assert good and not d.tell("up", 4000)
            assert "certificate" in d.tell("status")["last_error"], d.tell("status")


def test_tls_with_own_certificate():
    with Certificates() as c, Mosquitto(tls=c, require_certificate=True) as broker:
        with Driver("mqtt", secure(broker, c)) as d:
            assert not d.tell("up", 3000)
        own = 'certificate_file = "%s"; key_file = "%s";'
        with Driver("mqtt", secure(broker, c, own % (c.client, c.client_key))) as d:
            assert d.tell("up", 10000)
            assert "certificate_expires" in d.tell("status") and "renew it" not in d.log()
        with Driver("mqtt", secure(broker, c, own % (c.expiring, c.expiring_key))) as d:
            assert d.tell("up", 10000)
            assert "renew it" in d.log()


def test_settings_that_contradict_each_other():
    for text, words in (('server = "mqtt://h"; ca_file = "/x";', "without TLS"),
                        ('server = "tcp://h";', "write mqtt://"), ('server = "ssl://h";', "write mqtts://"),
                        ('server = "h:1883";', "must begin with mqtt://"), ('', "server is missing"),
                        ('server = "mqtt://u:p@h";', "password_file"), ('server = "mqtt://h/x";', "no path"),
                        ('server = "mqtt://h:99999";', "65535"), ('server = "mqtt://fd00::1";', "brackets"),
                        ('server = "mqtts://h"; certificate_file = "/x";', "key_file is missing"),
                        ('server = "mqtt://h"; password_file = "/x";', "no user"),
                        ('server = "mqtt://h"; root = "a/#";', "root"),
                        ('server = "mqtt://h"; aggregate = "mean";', "interval"),
                        ('server = "mqtt://h"; deadband = "5 kW";', "deadbands")):
        try:
            with Driver("mqtt", text):
                assert False, "accepted: " + text
        except RuntimeError as e:
            assert words in str(e), (text, str(e))


def test_gap_records():
    """More than the memory holds: the oldest go, and it is said which."""
    port = free_port()
    with Driver("mqtt", plain(port)) as d:
        d.tell("readings", 200, 200)  # 40,000 messages of 600 bytes: 24 MB into 16
        with Mosquitto(port) as broker, Subscriber(broker.port, "#") as seen:
            assert d.tell("up", 15000)
            assert d.tell("sent", 60000), d.tell("stats")
            assert seen.wait(lambda _: len(seen.on(ROOT + "gaps")) >= 1), d.tell("status")
            gaps = [m.json() for m in seen.on(ROOT + "gaps")]
            dropped = d.tell("stats")["dropped"]
            assert dropped > 0 and sum(g["messages"] for g in gaps) == dropped, (dropped, gaps)
            seen.wait(lambda _: len([m for m in seen.messages if "/meters/" in m.topic]) >= 40000 - dropped, 30)
            assert len([m for m in seen.messages if "/meters/" in m.topic]) == 40000 - dropped


def test_what_takes_a_minute():
    """Retained topics of an earlier run are cleared; a connection without any acknowledgement is made anew."""
    with Mosquitto() as broker, OldBroker(True, mute=True) as mute, Driver("mqtt", plain(mute.port)) as silent:
        path = os.path.join(broker.dir, "outbox.db")
        with Driver("mqtt", plain(broker.port), outbox=path) as d:
            assert d.tell("up", 5000)
            d.tell("document", "meters/old/meta", '{"x":1}')
            d.tell("document", "meters/kept/meta", '{"x":1}')
            assert wait_until(lambda: d.tell("status")["documents_waiting"] == 0)
        assert silent.tell("up", 20000)
        silent.tell("readings", 1, 3)
        assert wait_until(lambda: mute.published >= 4)
        mute.mute = False  # from now on; the four get no answer any more
        with Driver("mqtt", plain(broker.port), outbox=path) as d, Subscriber(broker.port, ROOT + "meters/#") as seen:
            assert d.tell("up", 5000)
            d.tell("document", "meters/kept/meta", '{"x":1}')
            assert seen.wait(lambda ms: any(m.topic.endswith("old/meta") and m.payload == "" for m in ms), 75)
            assert all(m.payload for m in seen.on(ROOT + "meters/kept/meta"))
        assert wait_until(lambda: silent.tell("status")["losses"] == 1, 30), silent.tell("status")
        assert "no answer for 60 s" in silent.tell("status")["last_error"]
        assert silent.tell("sent", 20000)


def test_keep_alive_of_the_broker():
    with Mosquitto(extra="max_keepalive 10") as broker, Driver("mqtt", plain(broker.port)) as d:
        assert d.tell("up", 10000)
        assert wait_until(lambda: "k10" in broker.log(), 5), broker.log()
        assert d.tell("status")["attempts"] == 2


def test_restart_with_a_backlog():
    """kill -9 with unacknowledged messages: the next run brings them, with the old epoch."""
    port = free_port()
    with Mosquitto(port) as broker:
        path = os.path.join(broker.dir, "outbox.db")
        broker.kill()
        with Driver("mqtt", plain(port), outbox=path, spill_ms=200) as d:
            d.tell("readings", 3, 50)
            first = d.tell("stats")["epoch"]
            assert wait_until(lambda: d.tell("stats")["on_disk"] == 150, 10), d.tell("stats")
            d.kill()
        broker.start()
        with Subscriber(port, "#") as seen, Driver("mqtt", plain(port), outbox=path, spill_ms=200) as d:
            assert d.tell("up", 10000)
            epoch = d.tell("stats")["epoch"]
            d.tell("readings", 3, 1)
            assert d.tell("sent", 10000)
            assert seen.wait(lambda _: len(in_order(seqs(seen, 2))) == 51)
            assert first < epoch and in_order(seqs(seen, 2)) == [(first, i) for i in range(1, 51)] + [(epoch, 1)]


def test_opened_again_it_brings_what_was_left():
    """A reload that changes the settings closes the publisher and opens another on the same outbox."""
    with Mosquitto() as broker, Driver("mqtt", plain(broker.port)) as d:
        assert d.tell("up", 5000)
        broker.freeze()
        d.tell("readings", 2, 30)
        assert wait_until(lambda: d.tell("status")["under_way"] == 16)
        d.tell("close", 2000)
        broker.kill()
        broker.start()
        with Subscriber(broker.port, "#") as seen:
            d.tell("open")
            assert d.tell("up", 20000)
            assert d.tell("sent", 10000), d.tell("stats")
            assert seen.wait(lambda _: seqs(seen, 1)[-1:] == [(1, 30)])
            assert seqs(seen, 1) == [(1, i) for i in range(1, 31)]


def test_stops_in_time_when_nobody_answers():
    with Driver("mqtt", plain(free_port())) as d:
        d.tell("readings", 2, 10)
        assert d.tell("close", 3000) < 3000
        d.tell("open")
    with Mosquitto() as broker, Driver("mqtt", plain(broker.port)) as d:
        assert d.tell("up", 5000)
        broker.freeze()
        d.tell("readings", 2, 10)
        assert d.tell("close", 3000) < 4000
        d.tell("open")
        broker.thaw()


def test_localhost_is_two_addresses():
    with Mosquitto() as broker, Driver("mqtt", 'server = "mqtt://localhost:%d";' % broker.port) as d:
        assert d.tell("up", 3000), d.tell("status")


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
