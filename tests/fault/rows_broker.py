# SPDX-License-Identifier: Apache-2.0
"""Rows 25 to 30: what brokers do."""
import re
import time

from rig import Rig, now_ms
from row import row
from rows_meters import by_name, share_missed
from servers import Subscriber, paho


@row(25, "the broker is killed and back after 5 s: connected and drained within", 15, "s", fast=True)
def killed(t):
    with Rig(lines=2, meters=3) as rig:
        rig.run(1)
        rig.evidence.disturbances.append(("broker", now_ms()))
        rig.broker.freeze()  # so that messages are under way, and unanswered, when it dies
        rig.run(0.5)
        rig.broker_down()
        rig.run(5)
        rig.broker_up()
        t.measure(rig.drained("mqtt"))
        t.note(recovery_s=t.measured)
        rig.run(0.5)
        f = t.judged(rig, rig.finish())
        t.expect(f["lost_mqtt"] == 0, "%d lost" % f["lost_mqtt"])


@row(26, "the broker is frozen for 20 s (keep_alive 5 s): memory grows by at most", 3000, "KiB")
def frozen(t):
    with Rig(lines=2, meters=4, every_ms=50, mqtt_more='keep_alive = "5 s";') as rig:
        rig.run(2)
        before, memory = by_name(rig.gw.status()), rig.gw.memory_kib()
        rig.evidence.disturbances.append(("broker", now_ms()))
        rig.broker.freeze()
        most, end, noticed = 0, time.monotonic() + 20, None
        begun = time.monotonic()
        while time.monotonic() < end:
            most = max(most, rig.gw.memory_kib() - memory)
            if noticed is None and not rig.gw.publisher("mqtt")["connected"]:
                noticed = time.monotonic() - begun
            time.sleep(0.1)
        t.expect(noticed is not None and noticed < 17.5, "noticed after %s s" % noticed)
        t.note(noticed_s=noticed)
        t.expect(share_missed(before, by_name(rig.gw.status()), list(before)) <= 5, "polling suffers")
        rig.evidence.disturbances.append(("broker", now_ms()))
        rig.broker.thaw()
        t.note(recovery_s=rig.drained("mqtt"))
        rig.run(0.5)
        t.judged(rig, rig.finish())
        t.measure(most)


@row(27, "the broker's access list denies every reading: messages counted as delivered", 0, "messages")
def denied(t):
    acl = ["topic read symbiont/#", "topic readwrite symbiont/mill/status"]

    class Denied(Rig):
        def _make(self):
            import rig as module
            plain = module.Mosquitto
            module.Mosquitto = lambda **o: plain(acl=acl, **o)
            try:
                super()._make()
            finally:
                module.Mosquitto = plain
    with Denied(lines=1, meters=2, every_ms=500) as rig:
        rig.run(6)
        p = rig.gw.publisher("mqtt")
        denied_delivered = p["delivered"] - p["set_aside"]
        t.expect(p["refused"] > 0 and p["waiting"] > 10, "not refused, not kept: %s" % p)
        t.expect(re.search("refuses", rig.gw.log()), "nobody is told")
        rig.broker.set_acl(["topic readwrite #"])
        rig.broker.reload()
        back = time.monotonic()
        rig.drained("mqtt", 90)
        t.note(recovery_s=time.monotonic() - back)
        rig.evidence.clock_changes = False
        f = t.judged(rig, rig.finish(), delay=False)
        t.expect(f["lost_mqtt"] == 0, "%d lost" % f["lost_mqtt"])
        t.measure(denied_delivered)


@row(28, "one meter's messages are larger than the broker takes: readings of others lost or late by more than 5 s", 0, "readings")
def too_large(t):
    class Small(Rig):
        def _make(self):
            import rig as module
            plain = module.Mosquitto
            module.Mosquitto = lambda **o: plain(**dict(o, extra=o["extra"] + "\nmax_packet_size 1500\n"))
            try:
                super()._make()
            finally:
                module.Mosquitto = plain

        def body(self, *rest, **more):
            points = ", ".join('{ name = "number_%d"; table = "holding"; address = %d; type = "uint16"; unit = ""; }' % (i, i) for i in range(110))
            return super().body(*rest, **more).replace("meters: (", 'meters: ( { name = "big"; line = "l0"; unit_id = 99; every = "500 ms"; points: ( %s ); }, ' % points)

        def plant_text(self):
            return super().plant_text().replace("meters: (", 'meters: ( { name = "big"; line = "l0"; unit_id = 99; registers: ( { address = 0; words = [%s]; } ); },'
                                                % ", ".join("1" for _ in range(110)))
    with Small(lines=1, meters=3, influx=None) as rig:
        rig.run(6)
        p = rig.gw.publisher("mqtt")
        t.expect(p["rejected"] > 3, "the large ones are not set aside: %s" % p)
        t.expect(re.search("takes at most 1500", rig.gw.log()), "it is not said why")
        waits = p["oldest_s"]
        f = t.judged(rig, rig.finish())
        t.measure(f["lost_mqtt"] + (1 if waits > 5 else 0))


@row(29, "another client with the gateway's client id: connections made in 15 s", 8, "connections")
def same_id(t):
    with Rig(lines=1, meters=2, mqtt_more='client_id = "twin";') as rig:
        rig.run(1)
        client = paho()
        other = client.Client(client_id="twin", protocol=client.MQTTv5)
        other.reconnect_delay_set(1, 1)
        rig.evidence.disturbances.append(("broker", now_ms()))
        other.connect("127.0.0.1", rig.broker.port, 60)
        other.loop_start()
        before, end = rig.gw.publisher("mqtt")["connects"], time.monotonic() + 15
        told = False
        while time.monotonic() < end:
            rig.evidence.disturbances.append(("broker", now_ms()))
            told |= bool(rig.gw.publisher("mqtt").get("client_id_conflict"))
            time.sleep(0.5)
        n = rig.gw.publisher("mqtt")["connects"] - before
        t.expect(told, "status does not tell of the conflict")
        t.expect(re.search("client id|same name|another client", rig.gw.log(), re.I), "nobody is told: " + rig.gw.log()[-600:])
        other.loop_stop()
        other.disconnect()
        rig.evidence.disturbances.append(("broker", now_ms()))
        t.note(recovery_s=rig.drained("mqtt", 90))
        rig.run(0.5)
        t.judged(rig, rig.finish())
        t.measure(n)


@row(30, "the broker loses its state: retained documents missing 5 s after it is back", 0, "documents", fast=True)
def forgets(t):
    with Rig(lines=1, meters=3) as rig:
        rig.run(1)
        rig.broker_down()
        rig.run(1)
        rig.broker_up()
        rig.drained("mqtt")
        wanted = {"symbiont/mill/status", "symbiont/mill/info"} | {"symbiont/mill/meters/m%d/%s" % (i, k) for i in range(3) for k in ("meta", "status")}
        with Subscriber(rig.broker.port, "symbiont/#") as fresh:
            fresh.wait(lambda ms: wanted <= {m.topic for m in ms if m.retained}, 5)
            missing = wanted - {m.topic for m in list(fresh.messages) if m.retained}
        t.judged(rig, rig.finish())
        t.measure(len(missing))


