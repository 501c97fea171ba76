# SPDX-License-Identifier: Apache-2.0
"""The valley around the demonstration's mill: a greenhouse with a laundry and a packaging works with a gateway each, the
territory's broker with its access rules, the coordinator, a chat room, and the people who say yes."""
import http.server
import json
import os
import shutil
import socket
import subprocess
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, "build", "release")
MILL, LAUNDRY, WORKS = "f-7q2k9m", "g-2k1x8c", "p-9w3r5t"
# Who says yes to heat, by which control socket, and the stream that meters its end.
PEOPLE = [(MILL, "control.sock", "furnace_heat", "the mill"), (LAUNDRY, "laundry.sock", "hot_water_in", "the laundry")]
FAKETIME = ["/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1"]


class Room:
    """A chat room's incoming webhook: what is posted there is shown."""

    def __init__(self, tell):
        room = self
        self.posts = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                text = json.loads(self.rfile.read(int(self.headers["Content-Length"]))).get("text", "")
                room.posts.append(text)
                lines = [line for line in text.split("\n") if line.strip()]
                tell("in the chat room: " + lines[0].strip("*"))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Valley:
    def __init__(self, demo, seconds, free_port):
        self.demo, self.dir, self.free_port = demo, demo.dir, free_port
        self.news, self.lock, self.stopping = [], threading.Lock(), threading.Event()
        self.room = Room(self.tell)
        self.keys, self.booked, self.status, self.matches = {}, {}, {}, []
        # Gateways tell what they metered when an hour is over: the clock of this valley is set so that one soon is.
        self.hour_in = min(45.0, 0.8 * seconds) if seconds else 45.0
        self.shift = 3600 - time.time() % 3600 - self.hour_in

    def tell(self, text):
        with self.lock:
            self.news.append("%s  >>> %s" % (time.strftime("%H:%M:%S", time.localtime(time.time() + self.clock())), text))

    def taken(self):
        with self.lock:
            news, self.news = self.news, []
        return news

    def clock(self):
        return self.shift if self.library() else 0

    @staticmethod
    def library():
        return next((path for path in FAKETIME if os.path.exists(path)), None)

    def env(self):
        env = dict(os.environ, SYMBIONT_PROFILES=os.path.join(TOP, "conf", "profiles"))
        if self.library():
            env.update(LD_PRELOAD=self.library(), FAKETIME="%+f" % self.shift, FAKETIME_DONT_FAKE_MONOTONIC="1")
        return env

    # ---- The parts ----

    def write(self, name, text, mode=0o600):
        path = os.path.join(self.dir, name)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def make_keys(self):
        for who in (MILL, LAUNDRY, WORKS, "coordinator"):
            out = subprocess.run([os.path.join(BUILD, "symbiont"), "keygen", os.path.join(self.dir, who + ".key"), "--json"],
                                 check=True, capture_output=True).stdout
            self.keys[who] = json.loads(out)["public_key"]

    def filled(self, text, places):
        """A configuration of conf/demo with this run's ports, keys and directory."""
        for who, key in self.keys.items():
            text = text.replace("KEY-" + who, key)
        text = text.replace('"COORDINATOR"', '"%s"' % self.keys["coordinator"])
        for old, new in places.items():
            text = text.replace("127.0.0.1:%d" % old, "127.0.0.1:%d" % new)
        return text.replace("/tmp/symbiont-demo", self.dir)

    def config(self, name, places):
        with open(os.path.join(TOP, "conf", "demo", name)) as f:
            return self.write(name, self.filled(f.read(), places))

    def broker(self):
        self.port = self.free_port()
        passwords = self.write("territory.passwords", "")
        self.write("password", "secret\n")
        for user in ("coordinator", MILL, LAUNDRY, WORKS):
            subprocess.run(["mosquitto_passwd", "-b", passwords, user, "secret"], check=True, capture_output=True)
        acl = self.write("territory.acl", open(os.path.join(TOP, "conf", "mosquitto-territory.acl")).read())
        user = "user root\n" if os.geteuid() == 0 else ""
        conf = self.write("territory.conf", "%slistener %d 127.0.0.1\nallow_anonymous false\npassword_file %s\nacl_file %s\n"
                          "persistence false\n" % (user, self.port, passwords, acl))
        p = self.demo.start("territory", [shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin"), "-c", conf])
        self.demo.wait("the territory's broker", lambda: self.demo.listening(self.port), p)

    def start(self, mqtt_port):
        self.make_keys()
        self.broker()
        for name in ("print", "food", "tools"):
            shutil.copy(os.path.join(TOP, "conf", "demo", "declared-%s.json" % name), self.dir)
        places = {15010: self.port, 15011: self.room.port, 1883: mqtt_port}
        with open(os.path.join(TOP, "conf", "demo", "neighbours.conf")) as f:
            text = f.read().replace("127.0.0.1:15031", "127.0.0.1:0").replace("127.0.0.1:15032", "127.0.0.1:0")
        plant = self.write("neighbours.conf", text.replace("/tmp/symbiont-demo", self.dir))
        ports = os.path.join(self.dir, "neighbours.json")
        p = self.demo.start("neighbours", [os.path.join(BUILD, "symbiont"), "simulate", plant], env=self.demo.env())
        self.demo.wait("the neighbours' plants", lambda: os.path.exists(ports) and os.path.getsize(ports) > 0, p)
        with open(ports) as f:
            lines = json.load(f)
        places.update({15031: lines["laundry"]["port"], 15032: lines["packaging"]["port"]})
        self.daemon("coordinator", "symbiont-coordinator", self.config("coordinator.conf", places))
        self.daemon("laundry", "symbiontd", self.config("laundry.conf", places))
        self.daemon("packaging", "symbiontd", self.config("packaging.conf", places))
        self.people = threading.Thread(target=self.live, daemon=True)
        self.people.start()
        return places

    def daemon(self, name, program, conf):
        control = os.path.join(self.dir, name + ".sock")
        p = self.demo.start(name, [os.path.join(BUILD, program), "-c", conf], env=self.env())
        self.demo.wait(name, lambda: os.path.exists(control), p)

    # ---- The people ----

    def ask(self, control, request):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            s.connect(os.path.join(self.dir, control))
            s.sendall(request.encode() + b"\n")
            data = b""
            while True:
                part = s.recv(65536)
                if not part:
                    return json.loads(data)
                data += part

    def answer(self):
        """Who is asked says yes, and when both did, that they agree."""
        for who, control, stream, name in PEOPLE:
            for m in self.ask(control, "matches").get("matches", []):
                view = m["view"]
                if view["resource"] != "heat" or view["status"] not in ("proposed", "disclosed"):
                    continue
                if (m.get("answer"), view["status"]) in (("interested", "proposed"), ("agreed", "disclosed")):
                    continue
                if who == MILL and not self.is_with_laundry(view["id"]):
                    continue
                reply = self.ask(control, "accept %s %s" % (view["id"], stream))
                if "error" not in reply:
                    self.tell("%s answers \"%s\"" % (name, reply["answer"]))

    def is_with_laundry(self, id):
        return any(m["id"] == id and LAUNDRY in [p["pseudonym"] for p in m["parties"]] for m in self.matches)

    def look(self):
        self.matches = self.ask("coordinator.sock", "matches en")["matches"]
        for m in self.matches:
            before, now = self.status.get(m["id"]), m["status"]
            names = " and ".join(p["name"] for p in m["parties"])
            if before is None and m.get("title"):
                self.tell("match: " + m["title"])
                for line in m["text"].split("\n"):
                    if line.strip() and not line.startswith(("Match ", "Contacts")):
                        self.tell("       " + line.strip())
            elif now != before and now == "disclosed":
                self.tell("both said yes: %s know each other now" % names)
            elif now != before and now in ("agreed", "running", "ended"):
                self.tell("%s: %s" % (names, now))
            self.status[m["id"]] = now
            if m.get("realised", 0) and m["realised"] != self.booked.get(m["id"]):
                self.booked[m["id"]] = m["realised"]
                self.tell("booked: %.3g %s, %.2f EUR, %.2g tCO2e, metered at both ends (%s)"
                          % (m["least_metered"], m["metered_unit"], m["realised_eur"], m["realised_tco2e"], names))

    def live(self):
        while not self.stopping.wait(0.5):
            try:
                self.look()
                self.answer()
            except (OSError, ValueError, KeyError):
                pass  # not up yet, or no longer

    def summary(self):
        pools = [m for m in self.matches if m["synergy"] == "pool"]
        heat = [m for m in self.matches if m["synergy"] == "exchange"]
        return "matches    %6d of heat, %d of common collection; alerts in the chat room: %d; exchanges booked: %d" % (
            len(heat), len(pools), len(self.room.posts), len(self.booked))

    def stop(self):
        self.stopping.set()
        if hasattr(self, "people"):
            self.people.join(10)
        self.room.close()
