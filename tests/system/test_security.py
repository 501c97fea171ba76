#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What docs/security.md promises: hardened programs, no write on any wire, secrets that stay secret, closed files."""
import glob
import os
import pty
import re
import select
import shutil
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import tty

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from gateway import BUILD, Gateway, Plant, environment
from http_stub import HttpStub
from servers import ROOT, Certificates, Mosquitto, Tap, free_port, main, wait_until

RELEASE = os.path.join(ROOT, "build/release")
PROGRAMS = ("symbiontd", "symbiont", "symbiont-coordinator")

PLANT = """
lines: ( { name = "hall"; listen = "127.0.0.1:0"; } );
meters: ( { name = "feeder"; line = "hall"; unit_id = 1; profile = "eastron-sdm630"; } );
"""


def out_of(*argv, **more):
    return subprocess.run(argv, capture_output=True, text=True, timeout=120, **more)


def programs(directory):
    found = [os.path.join(directory, p) for p in PROGRAMS if os.path.exists(os.path.join(directory, p))]
    assert found, "nothing is built in " + directory
    return found


# ---- The programs ----

def test_programs_are_hardened():
    for path in programs(RELEASE):
        segments = out_of("readelf", "-lW", path).stdout
        dynamic = out_of("readelf", "-dW", path).stdout
        symbols = out_of("nm", "-D", path).stdout
        name = os.path.basename(path)
        assert "Flags: NOW PIE" in dynamic and "BIND_NOW" in dynamic, (name, "not PIE, or not bound at start", dynamic)
        assert "GNU_RELRO" in segments, (name, "no RELRO")
        stack = re.search(r"GNU_STACK.*?(R\S*)\s+0x", segments)
        assert stack and "E" not in stack.group(1), (name, "executable stack", segments)
        assert not re.search(r"LOAD.*\sRWE\s", segments), (name, "a segment that can be written and executed")
        assert "__stack_chk_fail" in symbols, (name, "no stack protector")
        assert re.search(r"__\w+_chk", symbols.replace("__stack_chk_fail", "")), (name, "no fortified function")
        assert "RPATH" not in dynamic and "RUNPATH" not in dynamic, (name, "looks for libraries in a path of its own")
        assert "TEXTREL" not in dynamic, (name, "text relocations")


def test_every_object_is_built_for_control_flow_protection():
    """Debian 12's start files have no such mark, so the programs have none; what we compile has it."""
    library = os.path.join(RELEASE, "libsymbiont.a")
    notes = out_of("readelf", "-nW", library).stdout
    members = re.split(r"^File: ", notes, flags=re.M)[1:]
    assert len(members) > 50
    without = [m.split("\n", 1)[0] for m in members if "IBT" not in m or "SHSTK" not in m]
    assert not without, without


# All that is used of libmodbus. Nothing in it builds a request that writes.
MODBUS = {"close", "connect", "flush", "free", "get_response_timeout", "new_rtu", "new_tcp", "receive_confirmation",
          "set_byte_timeout", "set_debug", "set_error_recovery", "set_response_timeout", "set_slave", "set_socket",
          "get_socket", "strerror", "read_bits", "read_input_bits", "read_registers", "read_input_registers",
          "rtu_set_serial_mode", "rtu_get_serial_mode"}


def test_nothing_that_writes_is_linked():
    for path in programs(BUILD):
        used = set(re.findall(r"U modbus_(\w+)", out_of("nm", "-D", path).stdout))
        assert used <= MODBUS, (path, used - MODBUS)


# ---- The wire ----

READING = {1, 2, 3, 4}
IDENTIFYING = {17, 43}


class Witness:
    """A Modbus device of its own making, over TCP and as RTU on a pty: answers reading, and keeps a list of all else."""

    def __init__(self):
        self.functions, self.wrong, self.closing = {}, [], threading.Event()
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.master, slave = pty.openpty()
        tty.setraw(self.master)
        tty.setraw(slave)
        self.tty, self.slave = os.ttyname(slave), slave

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        threading.Thread(target=self._serial, daemon=True).start()
        return self

    def __exit__(self, *exc):
        self.closing.set()
        self.server.close()
        os.close(self.slave)

    def answer(self, unit, pdu, wire):
        function = pdu[0]
        self.functions[function] = self.functions.get(function, 0) + 1
        if function not in READING:
            if function not in IDENTIFYING:
                self.wrong.append((wire, unit, pdu.hex()))
            return bytes([function | 0x80, 1])
        if len(pdu) != 5:
            self.wrong.append((wire, unit, pdu.hex()))
            return bytes([function | 0x80, 3])
        address, count = struct.unpack(">HH", pdu[1:])
        if unit > 2:
            return bytes([function | 0x80, 11])
        if address % 7 == 6:  # now and then a refusal, which is followed by other questions
            return bytes([function | 0x80, 2])
        data = bytes(count * 2) if function > 2 else bytes((count + 7) // 8)
        return bytes([function, len(data)]) + data

    def _accept(self):
        while not self.closing.is_set():
            try:
                c, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self._tcp, args=(c,), daemon=True).start()

    def _tcp(self, c):
        data = b""
        while not self.closing.is_set():
            try:
                part = c.recv(4096)
            except OSError:
                return
            if not part:
                return
            data += part
            while len(data) >= 8:
                transaction, protocol, length = struct.unpack(">HHH", data[:6])
                if protocol or not 2 <= length <= 254:
                    self.wrong.append(("tcp", "header", data.hex()))
                    return
                if len(data) < 6 + length:
                    break
                unit, pdu, data = data[6], data[7:6 + length], data[6 + length:]
                reply = self.answer(unit, pdu, "tcp")
                c.sendall(struct.pack(">HHHB", transaction, 0, len(reply) + 1, unit) + reply)

    @staticmethod
    def crc(data):
        crc = 0xFFFF
        for b in data:
            crc ^= b
            for _ in range(8):
                crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
        return struct.pack("<H", crc)

    def _serial(self):
        data = b""
        while not self.closing.is_set():
            if not select.select([self.master], [], [], 0.05)[0]:
                if data:  # silence ends a frame
                    self.wrong.append(("rtu", "frame", data.hex()))
                data = b""
                continue
            try:
                data += os.read(self.master, 256)
            except OSError:
                return
            # Every request that reads is eight bytes. Anything longer or of another kind is left over and found.
            while len(data) >= 8 and self.crc(data[:6]) == data[6:8]:
                unit, pdu, data = data[0], data[1:6], data[8:]
                reply = bytes([unit]) + self.answer(unit, pdu, "rtu")
                os.write(self.master, reply + self.crc(reply))


def symbiont(*argv, **more):
    return out_of(os.path.join(BUILD, "symbiont"), *argv, env=environment(), **more)


def test_only_reading_is_ever_asked():
    with Witness() as device:
        where = "127.0.0.1:%d" % device.port
        profiles = [os.path.basename(p)[:-5] for p in sorted(glob.glob(os.path.join(ROOT, "conf/profiles/*.conf")))]
        for i, profile in enumerate(profiles):
            place = ["--serial", device.tty, "--mode", "115200 8N1"] if i % 8 == 0 else ["--tcp", where]
            symbiont("read", *place, "--unit", "1", "--profile", profile, "--timeout", "300 ms")
        r = symbiont("read", "--tcp", where, "--holding", "0:20", "--input", "0:4", "--coil", "0:9", "--discrete", "0:3")
        assert r.returncode == 0 and "coil_8" in r.stdout and "discrete_2" in r.stdout, r
        symbiont("scan", "--tcp", where, "--units", "1-4")
        symbiont("scan", "--serial", device.tty, "--mode", "115200 8N1", "--units", "1-2")
        symbiont("watch", "--tcp", where, "--profile", "eastron-sdm630", "--count", "2", "--json")
        meters = ",".join('{ name = "m%d"; line = "%s"; unit_id = %d; profile = "%s"; every = "1 s"; %s }' %
                          (i, "bus" if i % 10 == 0 else "hall", 1 + i % 3, p,
                           'order = "cdab";' if 'order = "unknown"' in open(os.path.join(ROOT, "conf/profiles", p + ".conf")).read() else "")
                          for i, p in enumerate(profiles))
        body = 'lines: ( { name = "hall"; tcp = "%s"; timeout = "300 ms"; }, { name = "bus"; serial = "%s"; mode = ' \
               '"115200 8N1"; timeout = "300 ms"; } ); meters: ( %s );' % (where, device.tty, meters)
        with Gateway(body) as gw:
            before = sum(device.functions.values())
            assert wait_until(lambda: sum(device.functions.values()) > before + 200, 60), (device.functions, gw.log())
        assert not device.wrong, device.wrong[:10]
        assert {1, 2, 3, 4} <= set(device.functions), device.functions


# ---- Secrets ----

PASSWORD = "pw-7f3a-NEVER-SHOWN-19c2"
TOKEN = "tok-55e1-NEVER-SHOWN-e8aa"


def secret(directory, name, text, mode=0o600):
    path = os.path.join(directory, name)
    with open(path, "w") as f:
        f.write(text + "\n")
    os.chmod(path, mode)
    return path


def body_of(plant, certificates, directory, broker_port, influx):
    return """log = "debug";
lines: ( { name = "hall"; tcp = "127.0.0.1:%d"; } );
meters: ( { name = "feeder"; line = "hall"; unit_id = 1; profile = "eastron-sdm630"; every = "200 ms"; } );
mqtt: { server = "mqtts://localhost:%d"; user = "mill"; password_file = "%s"; ca_file = "%s"; certificate_file = "%s"; key_file = "%s"; };
influxdb: { url = "%s"; org = "plant"; bucket = "b"; token_file = "%s"; };
""" % (plant.ports["hall"], broker_port, os.path.join(directory, "mqtt.password"), certificates.ca, certificates.client,
       certificates.client_key, influx, os.path.join(directory, "influx.token"))


def needles(certificates):
    key = "".join(open(certificates.client_key).read().split("\n")[1:-2])
    return [PASSWORD, TOKEN, key[20:60]]


def files_below(directory):
    for base, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(base, name)
            if stat.S_ISREG(os.lstat(path).st_mode):
                with open(path, "rb") as f:
                    yield path, f.read()


def test_secrets_are_nowhere_to_be_read():
    with Plant(PLANT) as plant, Certificates() as certificates, tempfile.TemporaryDirectory() as secrets, \
            Mosquitto(tls=certificates, users={"mill": PASSWORD}) as broker, HttpStub() as influx:
        # A server that repeats what it was sent, as proxies do in their error pages.
        influx.judge = lambda r: (401, ('{"message":"no such token: %s"}' % r.headers.get("authorization", "")).encode())
        secret(secrets, "mqtt.password", PASSWORD)
        secret(secrets, "influx.token", TOKEN)
        body = body_of(plant, certificates, secrets, broker.port, influx.url)
        shown = []
        gw = Gateway(body)
        trace = os.path.join(gw.dir, "trace")
        # What goes into files, pipes and terminals; -yy names the kind of each descriptor.
        tracer = ["strace", "-f", "-qq", "-yy", "-s", "100000", "-e", "trace=write,writev,pwrite64,pwritev,execve,sendto,sendmsg",
                  "-o", trace] if shutil.which("strace") and "asan" not in BUILD else []
        gw.process = subprocess.Popen(tracer + [os.path.join(BUILD, "symbiontd"), "-c", gw.path], env=gw.env,
                                      stdout=open(gw.log_path, "ab"), stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        try:
            assert wait_until(gw.alive, 60), gw.log()
            assert wait_until(lambda: gw.publisher("mqtt")["delivered"] > 5 and influx.requests, 60), gw.log()
            assert wait_until(lambda: "no such token" in gw.log(), 30), gw.log()
            pid = gw.process.pid
            if tracer:
                children = open("/proc/%d/task/%d/children" % (pid, pid)).read().split()
                pid = int(children[0])
            for part in ("cmdline", "environ", "comm", "status"):
                with open("/proc/%d/%s" % (pid, part), "rb") as f:
                    shown.append((part, f.read()))
            for request in ("status", "values", "nonsense", "ledger"):
                shown.append(("control " + request, repr(gw.ask(request)).encode()))
            for verb in (["status", "--json"], ["status"], ["check"], ["check", "--print"], ["check", "--json"], ["plan"]):
                r = symbiont(verb[0], *verb[1:], "-c", gw.path)
                shown.append((" ".join(verb), (r.stdout + r.stderr).encode()))
            limits = open("/proc/%d/limits" % pid).read()
            assert re.search(r"Max core file size\s+0\s+0", limits), limits
            subprocess.run(["kill", str(pid)], check=True)
            gw.process.wait(60)
            shown.append(("log", gw.log().encode()))
            shown += list(files_below(os.path.join(gw.dir, "state")))
            if tracer:
                sockets = re.compile(r"^\d+ +\w+\(\d+<(?:TCP|UDP|socket)")
                for line in open(trace, errors="replace"):
                    if not sockets.match(line):
                        shown.append(("trace", line.encode()))
            for needle in needles(certificates):
                where = [name for name, data in shown if needle.encode() in data]
                assert not where, (needle, where)
            # The search finds what is there.
            assert any(b"no such token" in data for _, data in shown)
        finally:
            gw.__exit__()


def test_no_other_process_of_the_user_can_look_into_the_daemon():
    """Not dumpable: its files under /proc belong to root, so that neither gdb nor a core file gets its memory."""
    with Plant(PLANT) as plant:
        gw = Gateway('lines: ( { name = "hall"; tcp = "127.0.0.1:%d"; } ); meters: ( { name = "feeder"; line = "hall"; '
                     'unit_id = 1; profile = "eastron-sdm630"; } );' % plant.ports["hall"])
        user = 65534 if os.geteuid() == 0 else os.geteuid()
        os.chown(gw.dir, user, -1)
        # A copy: the tree may lie where that user cannot go.
        with tempfile.TemporaryDirectory() as place:
            os.chmod(place, 0o755)
            program = shutil.copy(os.path.join(BUILD, "symbiontd"), place)
            shutil.copytree(os.path.join(ROOT, "conf/profiles"), os.path.join(place, "profiles"))
            for base, directories, names in os.walk(place):
                for n in directories + names:
                    os.chmod(os.path.join(base, n), 0o755)
            env = dict(os.environ, SYMBIONT_PROFILES=os.path.join(place, "profiles"))
            become = {"user": user} if os.geteuid() == 0 else {}
            with open(gw.log_path, "ab") as log:
                gw.process = subprocess.Popen([program, "-c", gw.path], env=env, stdout=log, stderr=log, umask=0, **become)
            try:
                assert wait_until(gw.alive, 60), gw.log()
                about = "/proc/%d/" % gw.process.pid
                assert re.search(r"Uid:\s+%d" % user, open(about + "status").read())
                assert os.stat(about + "environ").st_uid == 0 and os.stat(about + "mem").st_uid == 0
                # And with the widest umask everything it makes is its own.
                state = os.path.join(gw.dir, "state")
                assert stat.S_IMODE(os.stat(state).st_mode) == 0o700
                modes = {n: stat.S_IMODE(os.stat(os.path.join(state, n)).st_mode) for n in os.listdir(state)}
                assert modes and set(modes.values()) == {0o600}, modes
                assert stat.S_IMODE(os.stat(gw.socket).st_mode) == 0o660
            finally:
                gw.__exit__()


def starts(body):
    gw = Gateway(body)
    try:
        r = out_of(os.path.join(BUILD, "symbiontd"), "-c", gw.path, env=gw.env)
        return r.returncode, r.stderr
    finally:
        gw.__exit__()


def test_open_secrets_are_refused():
    with Plant(PLANT) as plant, Certificates() as certificates, tempfile.TemporaryDirectory() as secrets:
        password, token = secret(secrets, "mqtt.password", PASSWORD), secret(secrets, "influx.token", TOKEN)
        body = body_of(plant, certificates, secrets, free_port(), "http://127.0.0.1:9")
        for path in (password, token, certificates.client_key):
            for mode in (0o604, 0o640, 0o666):
                os.chmod(path, mode)
                status, said = starts(body)
                assert status and path in said and "chmod 0600" in said and "%04o" % mode in said, (path, mode, said)
            os.chmod(path, 0o600)
        if os.geteuid() == 0:
            os.chown(password, 12345, -1)
            status, said = starts(body)
            assert status and "belongs to user 12345" in said, said
            os.chown(password, 0, -1)
        for text, word in (("", "one line"), ("a\nb", "one line"), ("x" * 600, "one line"), ("x" * 5000, "one line")):
            secret(secrets, "mqtt.password", text)
            status, said = starts(body)
            assert status and word in said and password in said and "xxxx" not in said, said
        os.unlink(password)
        os.mkfifo(password, 0o600)
        status, said = starts(body)
        assert status and "not a regular file" in said, said
        os.unlink(password)
        secret(secrets, "mqtt.password", PASSWORD)
        # OpenSSL would ask for the passphrase on the terminal.
        subprocess.run(["openssl", "pkcs8", "-topk8", "-in", certificates.client_key, "-out", certificates.path("locked.key"),
                        "-passout", "pass:" + PASSWORD], check=True)
        os.chmod(certificates.path("locked.key"), 0o600)
        status, said = starts(body.replace(certificates.client_key, certificates.path("locked.key")))
        assert status and "passphrase" in said and "openssl pkey" in said, said


def test_a_reload_with_an_open_secret_changes_nothing():
    with Plant(PLANT) as plant, tempfile.TemporaryDirectory() as secrets, Mosquitto(users={"mill": PASSWORD}) as broker:
        good, bad = secret(secrets, "good", PASSWORD), secret(secrets, "bad", PASSWORD, 0o644)
        body = 'lines: ( { name = "hall"; tcp = "127.0.0.1:%d"; } ); meters: ( { name = "feeder"; line = "hall"; unit_id = 1; ' \
               'profile = "eastron-sdm630"; every = "200 ms"; } ); mqtt: { server = "mqtt://127.0.0.1:%d"; user = "mill"; ' \
               'password_file = "%s"; };' % (plant.ports["hall"], broker.port, good)
        with Gateway(body) as gw:
            assert wait_until(lambda: gw.publisher("mqtt")["delivered"] > 3, 30), gw.log()
            gw.configure(body.replace(good, bad))
            gw.reload()
            config = gw.ask("status")["config"]
            assert config["reload_failures"] == 1 and "chmod 0600" in config["last_reload_error"], config
            delivered = gw.publisher("mqtt")["delivered"]
            assert wait_until(lambda: gw.publisher("mqtt")["delivered"] > delivered + 3, 30), gw.log()
            assert gw.publisher("mqtt")["connects"] == 1, gw.publisher("mqtt")


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
