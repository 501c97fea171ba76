#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stranger who has read docs/exchange-protocol.md and nothing else, with openssl for his signatures: he verifies its
examples, we read what he signs, and he reads what we sign."""
import base64
import hashlib
import json
import os
import re
import secrets
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from servers import ROOT, build, main

CONTEXT = b"symbiont-exchange-v1\0"
NOW = 1795000060000
DAY = 86400000


def page():
    with open(os.path.join(ROOT, "docs", "exchange-protocol.md"), encoding="utf-8") as f:
        return f.read()


def run(*command, data=None):
    return subprocess.run(command, input=data, capture_output=True)


class Stranger:
    """Keys and signatures as the page tells of them."""

    def __init__(self, seed=None):
        self.seed = seed or secrets.token_bytes(32)
        der = bytes.fromhex("302e020100300506032b657004220420") + self.seed
        out = run("openssl", "pkey", "-inform", "DER", "-pubout", "-outform", "DER", data=der)
        assert out.returncode == 0, out.stderr
        self.private, self.public = der, out.stdout[-32:]

    @property
    def key_id(self):
        return hashlib.sha256(self.public).hexdigest()[:16]

    def sign(self, data):
        with tempfile.TemporaryDirectory() as d:
            for name, content in (("key", self.private), ("data", data)):
                with open(os.path.join(d, name), "wb") as f:
                    f.write(content)
            out = run("openssl", "pkeyutl", "-sign", "-inkey", d + "/key", "-keyform", "DER", "-rawin", "-in", d + "/data")
            assert out.returncode == 0, out.stderr
            return out.stdout

    def envelope(self, payload, context=CONTEXT):
        b64 = lambda b: base64.b64encode(b).decode()
        return json.dumps({"k": self.key_id, "s": b64(self.sign(context + payload)), "p": b64(payload)}).encode()


def verified(envelope, public):
    """The payload of an envelope, or None when its signature does not fit."""
    e = json.loads(envelope)
    assert set(e) == {"p", "s", "k"}
    payload = base64.b64decode(e["p"], validate=True)
    with tempfile.TemporaryDirectory() as d:
        for name, content in (("key", bytes.fromhex("302a300506032b6570032100") + public), ("data", CONTEXT + payload),
                              ("signature", base64.b64decode(e["s"], validate=True))):
            with open(os.path.join(d, name), "wb") as f:
                f.write(content)
        out = run("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", d + "/key", "-keyform", "DER", "-rawin",
                  "-in", d + "/data", "-sigfile", d + "/signature")
    return payload if out.returncode == 0 else None


def judged(envelope, stranger, pseudonym="f-stranger", now=NOW, retained=0):
    key = base64.b64encode(stranger.public).decode()
    out = run(build("tests/system/envelope_judge"), "read", key, "valley", pseudonym, str(now), str(retained), data=envelope)
    assert out.returncode == 0, out.stderr.decode()
    return json.loads(out.stdout)


def payload(kind, body, seq=1, **change):
    p = {"v": 1, "kind": kind, "territory": "valley", "from": "f-stranger", "epoch": 1, "seq": seq, "issued": NOW,
         "expires": NOW + 30 * DAY, "body": body}
    p.update(change)
    return json.dumps(p, indent=1, ensure_ascii=False).encode()  # any layout will do: the bytes are what is signed


OFFER = {"site": {"pseudonym": "f-stranger", "zone": "c:49.325:6.125"}, "id": "0123456789abcdef0123456789abcdef", "level": 2,
         "revision": 1, "role": "offer", "synergy": "exchange", "resource": "water", "provenance": "declared",
         "typical": "20-50", "interruptible": False,
         "parameters": [{"name": "conductivity", "unit": "uS/cm", "value": "1000-2000"}, {"name": "ph", "value": 7}]}


def test_the_examples_of_the_page():
    text = page()
    keys = {}
    for name, seed, file, public, key_id in re.findall(
            r"^\| `(\w+)` \| `([0-9a-f]{64})` \| `([^`]+)` \| `([^`]+)` \| `([0-9a-f]{16})` \|$", text, re.M):
        keys[name] = s = Stranger(bytes.fromhex(seed))
        assert base64.b64encode(s.public).decode() == public and s.key_id == key_id
        assert base64.b64decode(file) == s.seed
    assert set(keys) == {"site", "coordinator"}
    payloads = dict(re.findall(r"^```json payload (\w+)\n(.*)\n```$", text, re.M))
    envelopes = dict(re.findall(r"^```json envelope (\w+)\n(.*)\n```$", text, re.M))
    kinds = {"card", "offer", "need", "withdrawal", "reply", "meter", "match", "receipt"}
    assert set(payloads) == set(envelopes) == kinds, set(payloads) ^ kinds
    numbers = {"site": [], "coordinator": []}
    for kind, envelope in envelopes.items():
        who = "coordinator" if kind in ("match", "receipt") else "site"
        assert json.loads(envelope)["k"] == keys[who].key_id
        assert verified(envelope, keys[who].public) == payloads[kind].encode(), kind
        other = keys["site" if who == "coordinator" else "coordinator"]
        assert verified(envelope, other.public) is None
        p = json.loads(payloads[kind])
        assert p["kind"] == kind and p["v"] == 1 and p["issued"] < p["expires"] <= p["issued"] + 100 * DAY
        assert ("to" in p) == (who == "coordinator")
        numbers[who].append((p["epoch"], p["seq"]))
        assert keys[who].envelope(payloads[kind].encode()) and json.loads(envelope)["s"] == base64.b64encode(
            keys[who].sign(CONTEXT + payloads[kind].encode())).decode()
    for n in numbers.values():
        assert len(set(n)) == len(n)


def test_the_command_of_the_page():
    text = page()
    script = re.search(r"^```sh\n(.*?)```$", text, re.M | re.S).group(1)
    envelope = re.search(r"^```json envelope offer\n(.*)\n```$", text, re.M).group(1)
    key = re.search(r"^\| `site` \| `[^`]+` \| `[^`]+` \| `([^`]+)`", text, re.M).group(1)
    e = json.loads(envelope)
    script = script.replace("jq -rj .p envelope.json", "printf %s '" + e["p"] + "'").replace(
        "jq -rj .s envelope.json", "printf %s '" + e["s"] + "'")  # jq is no dependency of the tests
    with tempfile.TemporaryDirectory() as d:
        out = subprocess.run(["sh", "-e", "-c", script], cwd=d, capture_output=True, text=True, env=dict(os.environ, PUBLIC_KEY=key))
        assert out.returncode == 0 and "Verified Successfully" in out.stdout, out


def test_we_read_what_a_stranger_signs():
    s = Stranger()
    bodies = {"offer": OFFER, "need": dict(OFFER, role="need", parameters=[{"name": "ph", "value": "6.5-8.5"}]),
              "card": {"pseudonym": "f-stranger", "key": base64.b64encode(s.public).decode(), "epoch": 1},
              "withdrawal": {"id": OFFER["id"]},
              "reply": {"match": OFFER["id"], "revision": 1, "answer": "interested", "name": "Ünser Werk", "contact": "x@y.example"},
              "meter": {"match": OFFER["id"], "first": 498611, "amounts": [1, None, 2.5]}}
    for kind, body in bodies.items():
        v = judged(s.envelope(payload(kind, body)), s)
        assert v == {"verdict": "accepted", "kind": kind, "seq": 1, "body_good": True, "why": ""}, (kind, v)


def test_and_refuse_what_the_page_says():
    s, thief = Stranger(), Stranger()
    good = payload("offer", OFFER)
    verdict = lambda e, **more: judged(e, s, **more)["verdict"]
    assert verdict(s.envelope(good)) == "accepted"
    assert verdict(s.envelope(good, context=b"")) == "with a bad signature"
    assert verdict(s.envelope(good, context=b"symbiont-exchange-v2\0")) == "with a bad signature"
    assert verdict(thief.envelope(good)) == "of an unknown key"
    forged = json.loads(thief.envelope(good))
    forged["k"] = s.key_id
    assert verdict(json.dumps(forged).encode()) == "with a bad signature"
    changed = json.loads(s.envelope(good))
    changed["p"] = base64.b64encode(good.replace(b"20-50", b"50-99")).decode()
    assert verdict(json.dumps(changed).encode()) == "with a bad signature"
    assert verdict(s.envelope(good), pseudonym="f-other") == "of another site than its place says"
    assert verdict(s.envelope(payload("offer", OFFER, territory="elsewhere"))) == "of another site than its place says"
    assert verdict(s.envelope(good), now=NOW + 6 * 60000) == "too old"
    assert verdict(s.envelope(good), now=NOW + 6 * 60000, retained=1) == "accepted"
    assert verdict(s.envelope(good), now=NOW - 6 * 60000) == "from the future"
    assert verdict(s.envelope(good), now=NOW + 31 * DAY, retained=1) == "expired"
    assert verdict(s.envelope(payload("offer", OFFER, expires=NOW + 101 * DAY))) == "malformed"
    assert verdict(s.envelope(payload("offer", OFFER, v=2))) == "of another version"
    assert verdict(s.envelope(payload("offer", OFFER, more=1))) == "malformed"
    assert verdict(s.envelope(good + b" " * 7000)) == "too long"
    for change in ({"typical": "50-20"}, {"level": 6}, {"title": ""}, {"id": "../x"}, {"colour": 1}, {"typical": None}):
        v = judged(s.envelope(payload("offer", dict(OFFER, **change))), s)
        assert v["verdict"] == "accepted" and not v["body_good"] and v["why"], (change, v)


def test_a_stranger_reads_what_we_sign():
    s = Stranger()
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "site.key")
        with open(path, "w") as f:
            f.write(base64.b64encode(s.seed).decode() + "\n")
        os.chmod(path, 0o400)
        body = '{"id":"0123456789abcdef0123456789abcdef"}'
        out = run(build("tests/system/envelope_judge"), "seal", path, "valley", "f-stranger", "withdrawal", "7", str(NOW), body)
        assert out.returncode == 0, out.stderr
    p = verified(out.stdout, s.public)
    assert p is not None
    assert json.loads(p) == {"v": 1, "kind": "withdrawal", "territory": "valley", "from": "f-stranger", "epoch": 1, "seq": 7,
                             "issued": NOW, "expires": NOW + DAY, "body": json.loads(body)}
    assert verified(out.stdout, Stranger().public) is None


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
