# SPDX-License-Identifier: Apache-2.0
"""Brokers and databases for tests: ordinary processes on free loopback ports, gone at the end of a `with`.

    with Mosquitto() as broker, Subscriber(broker.port, "symbiont/#") as seen:
        ...
        broker.kill(); broker.start()
    with Influx() as db:
        db.create("plant"); db.query("SELECT * FROM meters", "plant")

A server is ready when start() returns: its port was polled. Files live in a directory of its own that is removed.
Also here: certificates made with openssl, a tally of test results in TAP, and waiting for a condition.
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def free_port():
    """A loopback TCP port that nobody has now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until(condition, seconds=10, every=0.02):
    """The condition's value as soon as it is true, or its last value when the time is up."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(every)


def build(program):
    """Makes build/<variant>/<program> and returns its path."""
    variant = os.environ.get("VARIANT", "asan")
    path = "build/%s/%s" % (variant, program)
    subprocess.run(["make", "-s", "VARIANT=" + variant, path], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return os.path.join(ROOT, path)


class Tap:
    """Counts and prints results; a test is a function that raises AssertionError."""

    def __init__(self):
        self.count = self.failed = 0

    def check(self, condition, name, detail=""):
        self.count += 1
        self.failed += not condition
        print("%sok %d - %s" % ("" if condition else "not ", self.count, name), flush=True)
        if not condition and detail != "":
            print("# %s" % str(detail).replace("\n", "\n# "), flush=True)

    def run(self, test):
        try:
            test()
            self.check(True, test.__name__)
        except Exception as e:  # whatever it is, the other tests run
            import traceback
            self.check(False, test.__name__, "%r\n%s" % (e, traceback.format_exc()))

    def end(self):
        print("1..%d" % self.count)
        return 1 if self.failed or not self.count else 0


def main(module):
    """Runs the functions of a module that begin with test_, or those named on the command line; returns the status."""
    tap = Tap()
    wanted = sys.argv[1:]
    for name, value in list(vars(module).items()):
        if name.startswith("test_") and callable(value) and (not wanted or name in wanted):
            tap.run(value)
    return tap.end()


class Server:
    """A process with a directory and a port."""

    def __init__(self, port=None):
        self.dir = tempfile.mkdtemp(prefix="symbiont-server-")
        os.chmod(self.dir, 0o755)
        self.port = port or free_port()
        self.process = None
        self.log_path = os.path.join(self.dir, "log")

    def command(self):
        raise NotImplementedError

    def ready(self):
        with socket.socket() as s:
            s.settimeout(1)
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def start(self, seconds=20):
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.dir)
        log.close()
        if not wait_until(lambda: self.ready() or self.process.poll() is not None, seconds) or \
                self.process.poll() is not None:
            raise RuntimeError("%s does not start: %s" % (type(self).__name__, self.log()[-2000:]))
        return self

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def signal(self, number):
        self.process.send_signal(number)

    def freeze(self):
        self.signal(signal.SIGSTOP)

    def thaw(self):
        self.signal(signal.SIGCONT)

    def kill(self):
        """As a power cut would: kill -9."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self, seconds=10):
        if not self.process or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def close(self):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start()
        except Exception:
            self.close()
            raise

    def __exit__(self, *exc):
        self.close()


class Mosquitto(Server):
    """An MQTT broker. `tls`: Certificates, then the port speaks TLS. `acl`: lines of an access list (with users or
    anonymous). `users`: {name: password}. `extra`: more configuration lines."""

    def __init__(self, port=None, tls=None, require_certificate=False, acl=None, users=None, extra="",
                 queued=1000000, log="all"):
        super().__init__(port)
        self.tls = tls
        lines = ["per_listener_settings false", "allow_anonymous %s" % ("false" if users else "true"),
                 "persistence false",
                 # With 0, 2.0.11 ends the connection of a client whose message it refuses.
                 "max_queued_messages %d" % queued, "log_dest stderr", "log_type " + log, "listener %d 127.0.0.1" % self.port]
        if os.geteuid() == 0:
            lines.insert(0, "user root")  # it would become a user who cannot read the files here
        if tls:
            lines += ["cafile " + tls.ca, "certfile " + tls.server, "keyfile " + tls.server_key]
        if require_certificate:
            lines += ["require_certificate true", "use_identity_as_username true"]
        if users:
            path = os.path.join(self.dir, "passwd")
            open(path, "w").close()
            os.chmod(path, 0o600)
            for name, password in users.items():
                subprocess.run(["mosquitto_passwd", "-b", path, name, password], check=True)
            lines.append("password_file " + path)
        if acl is not None:
            self.set_acl(acl)
            lines.append("acl_file " + os.path.join(self.dir, "acl"))
        with open(os.path.join(self.dir, "mosquitto.conf"), "w") as f:
            f.write("\n".join(lines) + "\n" + extra + "\n")

    def set_acl(self, lines):
        path = os.path.join(self.dir, "acl")
        with open(path, "w") as f:
            f.write("\n".join(lines) + "\n")
        os.chmod(path, 0o600)

    def reload(self):
        self.signal(signal.SIGHUP)

    def command(self):
        return [shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", os.path.join(self.dir, "mosquitto.conf")]

    def ready(self):
        if not super().ready():
            return False
        return "running" in self.log()


class Influx(Server):
    """InfluxDB 1.x. `extra`: lines of its [http] section."""

    def __init__(self, port=None, extra=""):
        super().__init__(port)
        self.config = os.path.join(self.dir, "influx.conf")
        with open(self.config, "w") as f:
            f.write("""reporting-enabled = false
bind-address = "127.0.0.1:%d"
[meta]
  dir = "%s/meta"
[data]
  dir = "%s/data"
  wal-dir = "%s/wal"
  index-version = "tsi1"
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:%d"
  log-enabled = false
%s
""" % (free_port(), self.dir, self.dir, self.dir, self.port, extra))

    def command(self):
        return [shutil.which("influxd") or "/usr/bin/influxd", "-config", self.config]

    def ready(self):
        try:
            with urllib.request.urlopen("http://127.0.0.1:%d/ping" % self.port, timeout=1) as r:
                return r.status == 204
        except OSError:
            return False

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.port

    def query(self, q, db=None):
        """The rows of the first series, as dictionaries; times in ms."""
        data = urllib.parse.urlencode({"q": q, "epoch": "ms", **({"db": db} if db else {})}).encode()
        with urllib.request.urlopen(self.url + "/query", data, timeout=30) as r:
            result = json.load(r)["results"][0]
        if "error" in result:
            raise RuntimeError(result["error"])
        series = result.get("series")
        return [dict(zip(series[0]["columns"], row)) for row in series[0]["values"]] if series else []

    def create(self, db):
        self.query("CREATE DATABASE " + db)

    def write(self, db, lines, precision="ms"):
        data = lines.encode()
        with urllib.request.urlopen("%s/write?db=%s&precision=%s" % (self.url, db, precision), data, timeout=30) as r:
            return r.status


class VictoriaMetrics(Server):
    def command(self):
        return [shutil.which("victoria-metrics") or "/usr/bin/victoria-metrics", "-storageDataPath=" + self.dir + "/vm",
                "-httpListenAddr=127.0.0.1:%d" % self.port, "-retentionPeriod=12", "-memory.allowedBytes=128MB",
                "-search.latencyOffset=0s"]

    def get(self, path, **parameters):
        url = "http://127.0.0.1:%d%s?%s" % (self.port, path, urllib.parse.urlencode(parameters))
        with urllib.request.urlopen(url, timeout=30) as r:
            return r.read().decode()

    def ready(self):
        try:
            return "OK" in self.get("/health")
        except OSError:
            return False

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.port

    def series(self, name):
        """All samples of a metric: [{"metric": ..., "values": [...], "timestamps": [...]}]."""
        self.get("/internal/force_flush")
        text = self.get("/api/v1/export", **{"match[]": name})
        return [json.loads(line) for line in text.splitlines() if line]


class Certificates:
    """A throw-away authority: `ca`, `server` (localhost, 127.0.0.1), `client`, and ones that must be refused."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="symbiont-certificates-")
        os.chmod(self.dir, 0o755)
        self.ca, self.ca_key = self._authority("ca")
        self.other_ca, _ = self._authority("other")
        self.server, self.server_key = self.issue("server", "DNS:localhost,IP:127.0.0.1")
        self.wrong_name, self.wrong_name_key = self.issue("wrong", "DNS:evil.example")
        self.client, self.client_key = self.issue("client", None)
        self.expiring, self.expiring_key = self.issue("expiring", None, days=3)

    def path(self, name):
        return os.path.join(self.dir, name)

    def _openssl(self, *args):
        subprocess.run(["openssl", *args], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       cwd=self.dir)

    def _key(self, name):
        self._openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", name + ".key")
        os.chmod(self.path(name + ".key"), 0o600)
        return self.path(name + ".key")

    def _authority(self, name):
        key = self._key(name)
        self._openssl("req", "-x509", "-new", "-key", name + ".key", "-days", "30", "-subj", "/CN=test " + name,
                      "-out", name + ".crt")
        return self.path(name + ".crt"), key

    def issue(self, name, san, days=300):
        key = self._key(name)
        self._openssl("req", "-new", "-key", name + ".key", "-subj", "/CN=" + name, "-out", name + ".csr")
        extensions = []
        if san:
            with open(self.path(name + ".ext"), "w") as f:
                f.write("subjectAltName=%s\n" % san)
            extensions = ["-extfile", name + ".ext"]
        self._openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
                      "-days", str(days), "-out", name + ".crt", *extensions)
        return self.path(name + ".crt"), key

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        shutil.rmtree(self.dir, ignore_errors=True)


def paho():
    """The Python MQTT client, a Debian package: found even when another Python runs this."""
    try:
        import paho.mqtt.client as client
    except ImportError:
        sys.path.append("/usr/lib/python3/dist-packages")
        import paho.mqtt.client as client
    return client


class Message:
    def __init__(self, m):
        self.topic, self.payload, self.retained, self.qos = m.topic, m.payload.decode(errors="replace"), m.retain, m.qos
        self.properties = getattr(m, "properties", None)
        self.at = time.monotonic()

    def json(self):
        return json.loads(self.payload)

    def __repr__(self):
        return "%s %s%s" % (self.topic, self.payload, " (retained)" if self.retained else "")


class Subscriber:
    """Keeps every message of a topic filter, in order. Connects again by itself."""

    def __init__(self, port, topic, user=None, password=None, keepalive=60):
        client = paho()
        self.messages = []
        self.ready = threading.Event()
        self.client = client.Client(client_id="", protocol=client.MQTTv5)
        self.client.reconnect_delay_set(0.1, 0.5)
        if user:
            self.client.username_pw_set(user, password)
        self.client.on_connect = lambda c, *rest: c.subscribe(topic, qos=1)
        self.client.on_subscribe = lambda *rest: self.ready.set()
        self.client.on_message = lambda c, u, m: self.messages.append(Message(m))
        self.port, self.keepalive = port, keepalive

    def on(self, topic):
        return [m for m in list(self.messages) if m.topic == topic]

    def wait(self, condition, seconds=10):
        return wait_until(lambda: condition(list(self.messages)), seconds)

    def wait_for(self, topic, n=1, seconds=10):
        self.wait(lambda ms: len(self.on(topic)) >= n, seconds)
        return self.on(topic)

    def __enter__(self):
        self.client.connect("127.0.0.1", self.port, self.keepalive)
        self.client.loop_start()
        if not self.ready.wait(10):
            raise RuntimeError("no subscription")
        return self

    def __exit__(self, *exc):
        self.client.loop_stop()
        self.client.disconnect()


class Driver:
    """tests/system/publish_driver.c: a publisher without a daemon around it."""

    def __init__(self, kind, settings, outbox="-", spill_ms=1000, program=None):
        self.dir = tempfile.mkdtemp(prefix="symbiont-driver-")
        path = os.path.join(self.dir, "settings.conf")
        with open(path, "w") as f:
            f.write("%s: { %s };\n" % (kind, settings))
        self.log_path = os.path.join(self.dir, "log")
        self.args = [program or build("tests/system/publish_driver"), kind, path, outbox, str(spill_ms)]
        self.process = None

    def __enter__(self):
        self.log_file = open(self.log_path, "ab")
        suppressed = "suppressions=%s:print_suppressions=0" % os.path.join(ROOT, "tests/lsan.supp")
        self.process = subprocess.Popen(self.args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log_file,
                                        text=True, bufsize=1, env=dict(os.environ, LSAN_OPTIONS=suppressed))
        if self.process.stdout.readline().strip() != "ready":
            self.process.wait(10)
            self.log_file.close()
            words = self.log()
            shutil.rmtree(self.dir, ignore_errors=True)
            raise RuntimeError("publish_driver: " + words)
        return self

    def __exit__(self, *exc):
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log_file.close()
        status, log = self.process.returncode, self.log()
        shutil.rmtree(self.dir, ignore_errors=True)
        if exc[0] is None and status not in (0, -9):
            raise RuntimeError("publish_driver ended with %d:\n%s" % (status, log[-6000:]))
        if exc[0] is not None:
            print("# " + log[-3000:].replace("\n", "\n# "))

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def send(self, *words):
        """Sends a command without waiting for its answer."""
        self.process.stdin.write(" ".join(str(w) for w in words) + "\n")

    def answer(self):
        line = self.process.stdout.readline().strip()
        if not line:
            raise RuntimeError("publish_driver ended:\n" + self.log()[-6000:])
        return json.loads(line) if line != "done" else True

    def tell(self, *words):
        self.send(*words)
        return self.answer()

    def kill(self):
        self.process.kill()
        self.process.wait()
