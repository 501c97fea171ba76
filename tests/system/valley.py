# SPDX-License-Identifier: Apache-2.0
"""A territory for tests: a broker with its access rules, the real coordinator, members that sign with libsodium, a mail
server and a chat room on loopback."""
import base64
import ctypes
import hashlib
import http.server
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time

import paho.mqtt.client as mqtt
from servers import ROOT, Mosquitto, wait_until

VARIANT = os.environ.get("VARIANT", "asan")
BUILD = os.path.join(ROOT, "build", VARIANT)
CONTEXT = b"symbiont-exchange-v1\0"
TERRITORY = "val"

sodium = ctypes.CDLL("libsodium.so.23")
sodium.sodium_init()


class Key:
    """An Ed25519 pair out of a seed."""

    def __init__(self, seed=None):
        self.seed = seed or os.urandom(32)
        public, self.secret = ctypes.create_string_buffer(32), ctypes.create_string_buffer(64)
        sodium.crypto_sign_seed_keypair(public, self.secret, self.seed)
        self.public = public.raw
        self.text = base64.b64encode(self.public).decode()
        self.id = hashlib.sha256(self.public).hexdigest()[:16]

    def sign(self, data):
        out = ctypes.create_string_buffer(64)
        sodium.crypto_sign_detached(out, None, data, ctypes.c_ulonglong(len(data)), self.secret)
        return out.raw

    def verify(self, signature, data):
        return sodium.crypto_sign_verify_detached(signature, data, ctypes.c_ulonglong(len(data)), self.public) == 0

    def write(self, path):
        with open(path, "w") as f:
            f.write(base64.b64encode(self.seed).decode() + "\n")
        os.chmod(path, 0o400)


def now_ms():
    return int(time.time() * 1000)


def broker(users, acl=True):
    """mosquitto as the territory runs it: accounts, and conf/mosquitto-territory.acl."""
    with open(os.path.join(ROOT, "conf/mosquitto-territory.acl")) as f:
        rules = [line.rstrip("\n") for line in f]
    return Mosquitto(users={user: "secret" for user in users}, acl=rules if acl else None)


class Coordinator:
    """`symbiont-coordinator`. `body` is what the configuration says besides territory, key, broker, storage and control."""

    def __init__(self, broker, body, storage=None):
        self.dir = tempfile.mkdtemp(prefix="symbiont-coordinator-")
        self.broker, self.key = broker, Key()
        self.key.write(os.path.join(self.dir, "key"))
        with open(os.path.join(self.dir, "password"), "w") as f:
            f.write("secret\n")
        os.chmod(os.path.join(self.dir, "password"), 0o600)
        self.socket, self.path = os.path.join(self.dir, "control.sock"), os.path.join(self.dir, "coordinator.conf")
        self.log_path, self.process = os.path.join(self.dir, "log"), None
        self.storage = storage or os.path.join(self.dir, "state")
        self.configure(body)

    def configure(self, body):
        with open(self.path, "w") as f:
            f.write('territory = "%s"; name = "Val de test"; key_file = "%s/key";\n'
                    'broker: { server = "mqtt://127.0.0.1:%d"; user = "coordinator"; password_file = "%s/password"; };\n'
                    'storage: { directory = "%s"; };\ncontrol: { socket = "%s"; };\n%s\n'
                    % (TERRITORY, self.dir, self.broker.port, self.dir, self.storage, self.socket, body))

    def start(self, seconds=30):
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen([os.path.join(BUILD, "symbiont-coordinator"), "-c", self.path], stdout=log,
                                        stderr=log, stdin=subprocess.DEVNULL, env=self.environment())
        log.close()
        wait_until(lambda: self.connected() or self.process.poll() is not None, seconds)
        if self.process.poll() is not None:
            raise RuntimeError("the coordinator does not start: " + self.log())
        return self

    @staticmethod
    def environment():
        suppressed = "suppressions=%s:print_suppressions=0" % os.path.join(ROOT, "tests/lsan.supp")
        # What the sanitizer keeps of freed memory would look like growth.
        return dict(os.environ, LSAN_OPTIONS=suppressed,
                    ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "detect_leaks=1") + ":quarantine_size_mb=2")

    def connected(self):
        try:
            return self.ask("status")["broker"]["connected"]
        except (OSError, ValueError):
            return False

    def ask(self, request):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            s.connect(self.socket)
            s.sendall(request.encode() + b"\n")
            data = b""
            while True:
                part = s.recv(65536)
                if not part:
                    return json.loads(data)
                data += part

    def member(self, pseudonym):
        return [m for m in self.ask("status")["members"] if m["pseudonym"] == pseudonym][0]

    def matches(self):
        return self.ask("matches")["matches"]

    def reload(self):
        before = self.ask("status")["config"]["reloads"]
        self.process.send_signal(1)
        wait_until(lambda: self.ask("status")["config"]["reloads"] > before, 20)
        wait_until(self.connected, 20)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)
        return self.process.returncode if self.process else 0

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        status = self.stop()
        log = self.log()
        shutil.rmtree(self.dir, ignore_errors=True)
        if exc[0] is None and status not in (0, -9):
            raise RuntimeError("the coordinator ended with %s:\n%s" % (status, log[-6000:]))
        if exc[0] is not None:
            print("# " + log[-5000:].replace("\n", "\n# "))


class Member:
    """A site as the protocol sees it: a key, numbers, what it publishes and what it is told."""

    def __init__(self, pseudonym, name="", zone="c:49.325:6.125"):
        self.pseudonym, self.name, self.zone, self.key = pseudonym, name or pseudonym, zone, Key()
        # The centre of the zone, all that is told at level 2.
        self.place = {"latitude": 49.325, "longitude": 6.125, "radius_m": 300}
        self.epoch, self.seq, self.seen, self.client = 1, 0, [], None

    def connect(self, broker, user=None):
        self.client = mqtt.Client("member-" + self.pseudonym + os.urandom(3).hex())
        self.client.username_pw_set(user or self.pseudonym, "secret")
        ready = threading.Event()
        self.client.on_connect = lambda c, *_: c.subscribe([(self.topic("matches/+"), 1), (self.topic("receipts/+"), 1)])
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.on_message = lambda c, _, m: self.seen.append((m.topic, m.payload))
        self.client.connect("127.0.0.1", broker.port)
        self.client.loop_start()
        assert ready.wait(10)
        return self

    def close(self):
        self.client.loop_stop()
        self.client.disconnect()

    def topic(self, rest):
        return "symbiosis/v1/%s/%s/%s" % (TERRITORY, self.pseudonym, rest)

    def envelope(self, kind, body, key=None, issued=None, expires=None, seq=None, epoch=None, sender=None, territory=TERRITORY,
                 raw=None):
        if seq is None:
            self.seq += 1
        issued = now_ms() if issued is None else issued
        payload = raw or json.dumps({"v": 1, "kind": kind, "territory": territory, "from": sender or self.pseudonym,
                                     "epoch": self.epoch if epoch is None else epoch, "seq": self.seq if seq is None else seq,
                                     "issued": issued, "expires": expires or issued + 86400000, "body": body},
                                    separators=(",", ":")).encode()
        key = key or self.key
        return json.dumps({"p": base64.b64encode(payload).decode(), "s": base64.b64encode(key.sign(CONTEXT + payload)).decode(),
                           "k": key.id}, separators=(",", ":")).encode()

    def publish(self, rest, payload, retain=True):
        self.client.publish(self.topic(rest), payload, 1, retain).wait_for_publish(10)

    def say(self, rest, kind, body, **more):
        self.publish(rest, self.envelope(kind, body, **more))

    def entry(self, id, role, **more):
        body = {"id": id, "revision": 1, "role": role, "synergy": "exchange", "resource": "heat", "provenance": "measured",
                "level": 3, "site": dict({"pseudonym": self.pseudonym, "zone": self.zone}, **self.place), "confidence": 0.9}
        body.update(more)
        return body

    def offer_heat(self, id, kw=550, revision=1, annual=None, **more):
        self.say("offers/" + id, "offer", self.entry(id, "offer", revision=revision, firm=kw, typical=kw, peak=kw, annual=annual or kw * 6,
                                                     heat={"medium": "water", "supply": 65, "back": 45}, **more))

    def need_heat(self, id, kw=400, revision=1, **more):
        self.say("needs/" + id, "need", self.entry(id, "need", revision=revision, firm=kw, typical=kw, peak=kw, annual=kw * 6,
                                                   heat={"medium": "water", "supply": 50, "back": 30}, **more))

    def reply(self, view, answer, **more):
        body = {"match": view["id"], "revision": view["revision"], "answer": answer}
        body.update(more)
        self.say("replies/" + view["id"], "reply", body)

    def opened(self, coordinator, branch):
        """What stands on a branch, by id: the latest body of each topic, its signature checked."""
        out = {}
        for topic, payload in list(self.seen):
            parts = topic.split("/")
            if parts[4] != branch:
                continue
            if not payload:
                out.pop(parts[5], None)
                continue
            outer = json.loads(payload)
            inner = base64.b64decode(outer["p"])
            assert coordinator.key.verify(base64.b64decode(outer["s"]), CONTEXT + inner), topic
            assert outer["k"] == coordinator.key.id
            message = json.loads(inner)
            assert message["from"] == "coordinator" and message["territory"] == TERRITORY, message
            assert message["to"] == self.pseudonym, message
            out[parts[5]] = message["body"]
        return out

    def view(self, coordinator, wanted=lambda v: True, seconds=20):
        """The first match view that is as wanted."""
        def find():
            return next((v for v in self.opened(coordinator, "matches").values() if wanted(v)), None)
        return wait_until(find, seconds)

    def receipt(self, coordinator, id, wanted=lambda r: True, seconds=20):
        def find():
            r = self.opened(coordinator, "receipts").get(id)
            return r if r and wanted(r) else None
        return wait_until(find, seconds)


def config_of(*members, more=""):
    rows = ['{ pseudonym = "%s"; keys = [ "%s" ]; name = "%s"; contact = "%s@example"; language = "en"; %s }'
            % (m.pseudonym, m.key.text, m.name, m.pseudonym, getattr(m, "settings", "")) for m in members]
    return "members: ( %s );\n%s" % (",\n".join(rows), more)


class ChatRoom:
    """An HTTP server that keeps what is posted; `answers` are the statuses it gives first."""

    def __init__(self, answers=()):
        self.posts, self.answers = [], list(answers)
        room = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = room.answers.pop(0) if room.answers else 200
                room.posts.append((self.command, self.path, dict(self.headers), json.loads(body), status))
                self.send_response(status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")
            do_PUT = do_POST

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_port

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class MailServer:
    """SMTP with STARTTLS and AUTH PLAIN, as far as a client needs it. Mail before TLS or without the account is refused."""

    def __init__(self, certificate, key, user="symbiont", password="mail-secret"):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.account = base64.b64encode(("\0%s\0%s" % (user, password)).encode()).decode()
        self.mails, self.refused = [], 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.open = True

    def __enter__(self):
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.open = False
        self.socket.close()

    def serve(self):
        while self.open:
            try:
                s, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(s,), daemon=True).start()

    def talk(self, s):
        s.settimeout(20)
        f = s.makefile("rwb")
        secure = known = False
        sender, to = None, []

        def say(text):
            f.write(text.encode() + b"\r\n")
            f.flush()

        say("220 test ESMTP")
        while True:
            try:
                line = f.readline().decode().strip()
            except (OSError, ValueError):
                return
            word = line.upper()
            if not line:
                return
            if word.startswith("EHLO"):
                say("250-test\r\n250-AUTH PLAIN\r\n250 8BITMIME" if secure else "250-test\r\n250 STARTTLS")
            elif word == "STARTTLS":
                say("220 go")
                s = self.context.wrap_socket(s, server_side=True)
                f = s.makefile("rwb")
                secure = True
            elif word.startswith("AUTH PLAIN"):
                given = line[10:].strip()
                if not given:
                    say("334 ")
                    given = f.readline().decode().strip()
                known = secure and given == self.account
                say("235 ok" if known else "535 no")
            elif word.startswith("MAIL FROM") and not (secure and known):
                self.refused += 1
                say("530 first STARTTLS and AUTH")
            elif word.startswith("MAIL FROM"):
                sender, to = re.search("<(.*?)>", line).group(1), []
                say("250 ok")
            elif word.startswith("RCPT TO"):
                to.append(re.search("<(.*?)>", line).group(1))
                say("250 ok")
            elif word == "DATA":
                say("354 go")
                data = b""
                while not data.endswith(b"\r\n.\r\n"):
                    data += f.readline()
                self.mails.append((sender, to, data[:-5]))
                say("250 taken")
            elif word == "QUIT":
                say("221 bye")
                return
            else:
                say("502 what?")
