#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The territory's broker with the access list that we ship: a member that listens to everything hears only what is its own,
and can say nothing in another's name."""
import os
import re
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from servers import ROOT, Mosquitto, Subscriber, main, paho, wait_until

BASE = "symbiosis/v1/valley/"
ID = "0123456789abcdef0123456789abcdef"
USERS = {"f-victim": "v", "f-spy": "s", "coordinator": "c", "dashboard": "d"}
NOT_AUTHORIZED = 135


def rules():
    with open(os.path.join(ROOT, "conf", "mosquitto-territory.acl"), encoding="utf-8") as f:
        return [line.strip() for line in f if line.strip() and not line.startswith("#")]


def broker():
    return Mosquitto(acl=rules(), users=USERS)


def listener(b, user, topic):
    return Subscriber(b.port, topic, user=user, password=USERS[user])


def say(b, user, topic, text, retain=True):
    """Publishes and returns the broker's reason code (MQTT 5)."""
    client = paho()
    codes, up, sent = [], threading.Event(), threading.Event()
    c = client.Client(client_id="", protocol=client.MQTTv5)
    c.username_pw_set(user, USERS[user])
    c.on_connect = lambda *rest: up.set()

    def on_publish(*rest):
        sent.set()
    c.on_publish = on_publish
    original = c._handle_pubackcomp

    def handle(cmd):  # paho 1.6 does not hand the reason code out
        codes.append(c._in_packet["packet"][2] if c._in_packet["remaining_length"] > 2 else 0)
        return original(cmd)
    c._handle_pubackcomp = handle
    c.connect("127.0.0.1", b.port)
    c.loop_start()
    try:
        assert up.wait(10)
        c.publish(topic, text, qos=1, retain=retain)
        assert sent.wait(10)
    finally:
        c.loop_stop()
        c.disconnect()
    return codes[0]


def test_the_page_prints_these_rules():
    with open(os.path.join(ROOT, "docs", "exchange-protocol.md"), encoding="utf-8") as f:
        block = re.search(r"^```\n(pattern write .*?)```$", f.read(), re.M | re.S).group(1)
    printed = [line for line in block.splitlines() if line]
    shipped = rules()
    assert printed == shipped[:len(printed)], (printed, shipped)
    for line in shipped[len(printed):]:  # what else there is, is for the coordinator's own people
        assert "alerts" in line or line.startswith("user dashboard"), line


def test_an_eavesdropper_hears_only_its_own():
    with broker() as b:
        filters = ["#", "symbiosis/#", BASE + "f-victim/#", BASE + "+/matches/+", BASE + "f-victim/matches/" + ID, "+/+/+/+/+/+",
                   "$share/x/symbiosis/#", BASE + "alerts"]
        spies = [listener(b, "f-spy", f) for f in filters]
        with listener(b, "coordinator", BASE + "#") as coordinator, listener(b, "f-victim", BASE + "f-victim/#") as victim:
            for s in spies:
                s.__enter__()
            try:
                for branch in ("offers/", "needs/", "replies/", "meters/"):
                    assert say(b, "f-victim", BASE + "f-victim/" + branch + ID, "victim's") == 0
                assert say(b, "f-victim", BASE + "f-victim/card", "victim's") == 0
                for branch in ("matches/", "receipts/"):
                    assert say(b, "coordinator", BASE + "f-victim/" + branch + ID, "victim's") == 0
                assert say(b, "coordinator", BASE + "alerts", "victim's", False) == 0
                # Last, so that all before it has gone by when it is heard.
                assert say(b, "coordinator", BASE + "f-spy/matches/" + ID, "spy's") == 0
                assert wait_until(lambda: spies[0].on(BASE + "f-spy/matches/" + ID))
                assert wait_until(lambda: len(coordinator.messages) == 5), coordinator.messages
                assert wait_until(lambda: len(victim.messages) == 2), victim.messages
                for f, s in zip(filters, spies):
                    assert not [m for m in s.messages if m.payload == "victim's"], (f, s.messages)
            finally:
                for s in spies:
                    s.__exit__()
        with listener(b, "f-spy", "#") as late:  # nor what is retained
            assert late.wait(lambda ms: ms) and [m.payload for m in late.messages] == ["spy's"], late.messages


def test_nobody_speaks_for_another():
    with broker() as b, listener(b, "coordinator", BASE + "#") as coordinator, \
            listener(b, "f-victim", BASE + "f-victim/#") as victim:
        for topic in ("f-victim/offers/" + ID, "f-victim/card", "f-victim/matches/" + ID, "f-victim/receipts/" + ID,
                      "f-spy/matches/" + ID, "f-spy/receipts/" + ID, "f-spy/gifts/" + ID, "alerts", "f-spy/offers/" + ID + "/x"):
            assert say(b, "f-spy", BASE + topic, "forged") == NOT_AUTHORIZED, topic
        assert say(b, "f-spy", "anything/else", "forged") == NOT_AUTHORIZED
        assert say(b, "coordinator", BASE + "f-victim/offers/" + ID, "forged") == NOT_AUTHORIZED
        assert say(b, "dashboard", BASE + "f-victim/matches/" + ID, "forged") == NOT_AUTHORIZED
        assert say(b, "f-spy", BASE + "f-spy/offers/" + ID, "its own") == 0
        assert coordinator.wait(lambda ms: ms) and [m.payload for m in coordinator.messages] == ["its own"]
        assert not victim.messages


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
