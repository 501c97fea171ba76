# SPDX-License-Identifier: Apache-2.0
"""Rows 20 to 24: the network between the gateway and its servers."""
import os
import re
import subprocess
import time

from rig import Mosquitto, Rig, Skip, built, now_ms, tool, wait_until
from row import row
from rows_meters import by_name, share_missed
from servers import Certificates


@row(20, "the network is away for as long as an hour at 1 reading/s takes (3,600 readings each to both): readings lost", 0, "readings")
def link_down(t):
    with Rig(lines=2, meters=6, every_ms=50, influx="real") as rig:
        rig.run(1)
        polled = sum(m["readings"] for m in rig.gw.status()["meters"])
        rig.evidence.disturbances.append(("broker", now_ms()))
        for p in (rig.broker_proxy, rig.influx_proxy):
            p.tell("blackhole")
            p.tell("refuse")
        assert wait_until(lambda: sum(m["readings"] for m in rig.gw.status()["meters"]) - polled >= 3600, 60, 0.2)
        before = by_name(rig.gw.status())
        bytes_before, readings = rig.gw.status()["storage"]["bytes_written"], polled
        for p in (rig.broker_proxy, rig.influx_proxy):
            p.tell("drop")
            p.tell("clear")
        rig.evidence.disturbances.append(("broker", now_ms()))
        for p in (rig.broker_proxy, rig.influx_proxy):
            p.tell("accept")
        back = time.monotonic()
        rig.drained("mqtt", 120, 40)
        t.note(recovery_s=time.monotonic() - back)
        rig.drained("influxdb", 120, 40)
        after = by_name(rig.gw.status())
        t.expect(share_missed(before, after, list(after)) <= 5, "polling suffers from the catching up")
        backlog = sum(m["readings"] for m in before.values()) - readings
        t.note(backlog_messages=backlog * 2, flash_bytes_per_reading_in_outage=round(bytes_before / max(1, backlog), 1))
        f = t.judged(rig, rig.finish())
        t.measure(f["lost_mqtt"] + f["lost_influxdb"])


@row("20n", "the cable is pulled (veth down in a network namespace) for 10 s: readings lost", 0, "readings", netns=True)
def cable(t):
    ip, other = tool("ip"), subprocess.Popen(["unshare", "-n", "sleep", "600"])
    try:
        def there(*words):
            return subprocess.run(["nsenter", "-t", str(other.pid), "-n", *words], check=True)
        assert wait_until(lambda: os.readlink("/proc/%d/ns/net" % other.pid) != os.readlink("/proc/self/ns/net"), 5)
        if subprocess.run([ip, "link", "add", "v0", "type", "veth", "peer", "name", "v1", "netns", str(other.pid)]).returncode:
            raise Skip("no veth devices here")
        subprocess.run([ip, "addr", "add", "10.77.0.1/24", "dev", "v0"], check=True)
        subprocess.run([ip, "link", "set", "v0", "up"], check=True)
        there(ip, "addr", "add", "10.77.0.2/24", "dev", "v1")
        there(ip, "link", "set", "v1", "up")
        there(ip, "link", "set", "lo", "up")
        with Far(other.pid) as rig:
            rig.run(2)
            rig.evidence.disturbances.append(("broker", now_ms()))
            subprocess.run([ip, "link", "set", "v0", "down"], check=True)
            rig.run(10)
            t.expect(rig.waiting("mqtt") > 100, "nothing waits: %s" % rig.gw.publisher("mqtt"))
            rig.evidence.disturbances.append(("broker", now_ms()))
            subprocess.run([ip, "link", "set", "v0", "up"], check=True)
            back = time.monotonic()
            rig.drained("mqtt", 60)
            t.note(recovery_s=time.monotonic() - back)
            rig.run(1)
            f = t.judged(rig, rig.finish())
            t.measure(f["lost_mqtt"])
    finally:
        other.kill()
        other.wait()


class Far(Rig):
    """The broker and its recorder live in the other namespace."""

    def __init__(self, pid):
        self.far = pid
        super().__init__(lines=1, meters=3, influx=None)

    def _make(self):
        import rig as module
        far = self.far

        class There(Mosquitto):
            def __init__(self, **options):
                super().__init__(**options)
                path = os.path.join(self.dir, "mosquitto.conf")
                with open(path) as f:
                    text = f.read().replace("listener %d 127.0.0.1" % self.port, "listener %d 0.0.0.0" % self.port)
                with open(path, "w") as f:
                    f.write(text)

            def command(self):
                return ["nsenter", "-t", str(far), "-n", *super().command()]

            def ready(self):
                return "running" in self.log()

        class Written:
            """mosquitto_sub in the other namespace, writing down what it gets."""

            def __init__(self, port):
                self.port, self.arrived_path = port, None

            def __enter__(self):
                import tempfile
                self.file = tempfile.NamedTemporaryFile("w+", prefix="symbiont-record-")
                self.process = subprocess.Popen(["nsenter", "-t", str(far), "-n", "mosquitto_sub", "-p", str(self.port), "-q", "0",
                                                 "-t", "symbiont/#", "-F", "%U %r %t %p"], stdout=self.file)
                time.sleep(0.5)
                return self

            @property
            def arrived(self):
                with open(self.file.name) as f:
                    rows = [line.rstrip("\n").split(" ", 3) for line in f if line.endswith("\n")]
                return [(int(float(r[0]) * 1000), r[2], r[3].encode() if len(r) > 3 else b"", r[1] == "1") for r in rows]

            states, documents = module.Recorder.states, module.Recorder.documents

            def __exit__(self, *exc):
                self.process.terminate()
                self.process.wait()
                self.file.close()

        class NoProxy:
            port = None

            def close(self):
                pass

        before = module.Mosquitto, module.Recorder, module.Proxy
        recorder = module.Recorder
        Written.states, Written.documents = recorder.states, recorder.documents
        module.Mosquitto, module.Recorder, module.Proxy = There, Written, lambda port: NoProxy()
        try:
            super()._make()
        finally:
            module.Mosquitto, module.Recorder, module.Proxy = before

    def body(self, *rest, **more):
        self.broker_proxy.port = self.broker.port
        return super().body(*rest, **more).replace("mqtt://127.0.0.1:", "mqtt://10.77.0.2:").replace(
            'retry_max = "2 s";', 'retry_max = "2 s"; keep_alive = "5 s";')


@row(21, "300 ms delay with 200 ms jitter to broker and database, 20 readings/s: waiting at most", 60, "readings")
def slow_network(t):
    with Rig(lines=2, meters=4, every_ms=400, influx="real") as rig:
        for p in (rig.broker_proxy, rig.influx_proxy):
            p.tell("delay 150 100")
        rig.run(2)
        most, end = 0, time.monotonic() + 8
        while time.monotonic() < end:
            most = max(most, rig.waiting("mqtt"), rig.waiting("influxdb"))
            time.sleep(0.1)
        for p in (rig.broker_proxy, rig.influx_proxy):
            p.tell("clear")
        rig.drained("mqtt")
        f = t.judged(rig, rig.finish())
        t.expect(f.get("repeats", 0) == 0, "%d repeats without need" % f.get("repeats", 0))
        t.measure(most)


@row(22, "looking up the broker's name takes 10 s: polls missed", 5, "%")
def slow_names(t):
    class Slow(Rig):
        def before_start(self):
            self.gw.preload.append(built("tests/fault/slow_dns.so"))
            self.gw.extra.update(SLOW_DNS_NAME="broker.test", SLOW_DNS_MS="10000", SLOW_DNS_ANSWER="1")

        def body(self, *rest, **more):
            return super().body(*rest, **more).replace("mqtt://127.0.0.1:", "mqtt://broker.test:")
    with Slow(lines=2, meters=4, mqtt_more='connect_timeout = "25 s";') as rig:
        before = by_name(rig.gw.status())
        rig.run(6)
        after = by_name(rig.gw.status())
        t.expect(rig.gw.publisher("influxdb")["delivered"] > 300, "the database waits too: %s" % rig.gw.publisher("influxdb"))
        t.measure(share_missed(before, after, list(after)))
        t.expect(wait_until(lambda: rig.gw.publisher("mqtt")["connected"], 40), "it never connects: " + rig.gw.log()[-500:])
        rig.drained("mqtt")
        t.judged(rig, rig.finish())


@row(23, "the broker's host vanishes without a word (half-open), keep_alive 5 s: noticed within", 17.5, "s")
def half_open(t):
    with Rig(lines=1, meters=3, mqtt_more='keep_alive = "5 s";') as rig:
        rig.run(1)
        rig.evidence.disturbances.append(("broker", now_ms()))
        rig.broker_proxy.tell("blackhole")
        begun = time.monotonic()
        assert wait_until(lambda: not rig.gw.publisher("mqtt")["connected"], 60, 0.1), "it is never noticed"
        t.measure(time.monotonic() - begun)
        rig.broker_proxy.tell("refuse")
        rig.broker_proxy.tell("drop")
        rig.broker_proxy.tell("clear")
        rig.run(1)
        rig.evidence.disturbances.append(("broker", now_ms()))
        rig.broker_proxy.tell("accept")
        t.note(recovery_s=rig.drained("mqtt"))
        rig.run(0.5)
        t.judged(rig, rig.finish())


@row(24, "certificates of another authority, another name, a past year: messages that reach such a broker", 0, "messages")
def certificates(t):
    with Certificates() as certs:
        got = 0
        subprocess.run([tool("faketime"), "2021-03-01", "openssl", "x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey",
                        "ca.key", "-CAcreateserial", "-days", "30", "-out", "past.crt", "-extfile", "server.ext"],
                       check=True, cwd=certs.dir, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        class Pair:
            pass

        def pair(certificate, key, ca=certs.ca):
            p = Pair()
            p.ca, p.server, p.server_key = ca, certificate, key
            return p
        cases = {"of another authority": (pair(certs.server, certs.server_key), certs.other_ca),
                 "for another name": (pair(certs.wrong_name, certs.wrong_name_key), certs.ca),
                 "expired": (pair(certs.path("past.crt"), certs.server_key), certs.ca)}
        right = pair(certs.server, certs.server_key)
        with Secure(certs) as rig:
            for name, (files, ca) in cases.items():
                with Mosquitto(tls=files, log="all") as broker:
                    rig.reload(rig.secure_body(broker.port, ca))
                    rig.run(2.5)
                    p = rig.gw.publisher("mqtt")
                    t.expect(not p["connected"] and p.get("last_error"), "%s: %s" % (name, p))
                    got += p["delivered"] + broker.log().count("Received PUBLISH")
            t.expect(rig.waiting("mqtt") > 50, "the data is not kept")
            with Mosquitto(tls=right, log="information") as broker:
                rig.reload(rig.secure_body(broker.port, certs.ca))
                back = time.monotonic()
                t.expect(wait_until(lambda: rig.gw.publisher("mqtt")["connected"], 30), "the right one is refused: " + rig.gw.log()[-800:])
                rig.drained("mqtt")
                t.note(recovery_s=time.monotonic() - back)
                p = rig.gw.publisher("mqtt")
                t.expect(p["dropped"] == 0 and p["rejected"] == 0, "lost: %s" % p)
        t.measure(got)


class Secure(Rig):
    def __init__(self, certs):
        self.certs = certs
        super().__init__(lines=1, meters=3, influx=None)

    def secure_body(self, port, ca):
        return re.sub(r'mqtt: .*', 'mqtt: { server = "mqtts://localhost:%d"; ca_file = "%s"; retry_max = "1 s"; };' % (port, ca),
                      super().body())

    def body(self, *rest, **more):
        return self.secure_body(self.broker_proxy.port, self.certs.ca)

