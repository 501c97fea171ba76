# SPDX-License-Identifier: Apache-2.0
"""The `symbiont` command as its users run it: with a simulated plant, a foreign Modbus server, a gateway, a terminal.

    with Plant(PLANT) as plant:
        r = symbiont("read", "--tcp", plant["hall"]["tcp"], "--profile", "eastron-sdm630", "--json")
        r.status, r.out, r.err, r.json()
"""
import fcntl
import json
import os
import pty
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import time

from servers import ROOT, free_port, wait_until

BUILD = os.path.join(ROOT, os.environ.get("SYMBIONT_BUILD", "build/asan"))
SYMBIONT = os.path.join(BUILD, "symbiont")
PROFILES = os.path.join(ROOT, "conf/profiles")
# Under AddressSanitizer on a machine that is busy with other tests.
PATIENCE = 60


def environment(**more):
    return {**os.environ, "SYMBIONT_PROFILES": PROFILES, "LC_ALL": "C.UTF-8", "TZ": "UTC", **more}


class Result:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def json(self):
        return json.loads(self.out)

    def points(self):
        return {p["point"]: p for p in self.json()["points"]}

    def __repr__(self):
        return "status %s\n---- out\n%s---- err\n%s" % (self.status, self.out, self.err)


def symbiont(*args, env=None, timeout=PATIENCE, stdin=subprocess.DEVNULL):
    p = subprocess.run([SYMBIONT, *args], env=environment(**(env or {})), stdin=stdin, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=timeout, text=True, errors="replace")
    return Result(p.returncode, p.stdout, p.stderr)


class Directory:
    """A directory of its own that is gone at the end."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="symbiont-verbs-")

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w") as f:
            f.write(text)
        return self.path(name)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        shutil.rmtree(self.dir, ignore_errors=True)


class Plant(Directory):
    """A running simulator; plant["line"] says where the line is reached."""

    def __init__(self, text, profiles=PROFILES):
        super().__init__()
        ports, self.control = self.path("ports.json"), self.path("control")
        self.process = subprocess.Popen([SYMBIONT, "simulate", self.write("plant.conf", text), "--ports-file", ports,
                                         "--control", self.control, "--strict", "--profiles", profiles],
                                        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if not wait_until(lambda: os.path.exists(ports) or self.process.poll() is not None, PATIENCE) or \
                self.process.poll() is not None:
            raise AssertionError("the simulator did not start: %s" % self.process.communicate()[1])
        with open(ports) as f:
            self.lines = json.load(f)

    def __getitem__(self, line):
        return self.lines[line]

    def order(self, command):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.control)
            s.sendall(command.encode() + b"\n")
            return s.makefile().readline()

    def __exit__(self, *exc):
        self.process.terminate()
        self.out, self.err = self.process.communicate(timeout=PATIENCE)
        super().__exit__()
        # --strict: nothing but reads was ever sent.
        assert self.process.returncode == 0, "the simulator: %s %s" % (self.process.returncode, self.out + self.err)


class Gateway(Directory):
    """A running symbiontd. `text` may use %(dir)s."""

    def __init__(self, text):
        super().__init__()
        self.socket = self.path("control.sock")
        common = 'storage: { directory = "%s"; };\ncontrol: { socket = "%s"; };\n' % (self.dir, self.socket)
        self.config = self.write("symbiont.conf", common + text)
        self.log = open(self.path("log"), "w+")
        self.process = subprocess.Popen([os.path.join(BUILD, "symbiontd"), "-c", self.config], env=environment(),
                                        stdout=self.log, stderr=self.log)
        if not wait_until(lambda: os.path.exists(self.socket) or self.process.poll() is not None, PATIENCE) or \
                self.process.poll() is not None:
            raise AssertionError("symbiontd did not start: %s" % self.said())

    def said(self):
        with open(self.path("log")) as f:
            return f.read()

    def stop(self):
        self.process.terminate()
        return self.process.wait(timeout=PATIENCE)

    def __exit__(self, *exc):
        if self.process.poll() is None:
            self.stop()
        self.log.close()
        super().__exit__()


class Peer:
    """Debian's python3-pymodbus as a server."""

    def __init__(self, kind):
        self.port = free_port()
        self.process = subprocess.Popen(["/usr/bin/python3", os.path.join(ROOT, "tests/system/pymodbus_peer.py"), kind,
                                         str(self.port)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line == "ready\n", "the pymodbus server did not start: %s" % self.process.communicate()[1]
        self.address = "127.0.0.1:%d" % self.port

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.kill()
        self.process.communicate()


class Terminal:
    """A program on a pseudo terminal of a given size. What it wrote is in `seen`."""

    def __init__(self, *args, rows=24, columns=80, env=None):
        self.master, slave = pty.openpty()
        self.slave = slave
        self.resize(rows, columns)
        self.before = termios.tcgetattr(slave)
        self.seen = b""

        def own_terminal():
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen([SYMBIONT, *args], env=environment(**(env or {"TERM": "xterm"})), stdin=slave,
                                        stdout=slave, stderr=slave, preexec_fn=own_terminal)

    def resize(self, rows, columns):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds=0.0):
        end = time.monotonic() + seconds
        while True:
            ready = select.select([self.master], [], [], max(0.0, min(0.05, end - time.monotonic())))[0]
            if ready:
                self.seen += os.read(self.master, 65536)
            elif time.monotonic() >= end:
                return self.seen

    def wait_for(self, text, seconds=PATIENCE):
        return wait_until(lambda: text.encode() in self.read(), seconds)

    def type(self, keys):
        os.write(self.master, keys)

    def wait(self, seconds=PATIENCE):
        end = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < end:
            self.read(0.02)
        self.read(0.05)
        return self.process.poll()

    def frames(self):
        """What was drawn, screen after screen, as lists of lines without styles."""
        out = []
        for frame in self.seen.decode(errors="replace").split("\x1b[H")[1:]:
            text = frame.split("\x1b[J")[0]
            for code in ("\x1b[0m", "\x1b[1m", "\x1b[31m", "\x1b[33m", "\x1b[K"):
                text = text.replace(code, "")
            out.append([line.rstrip("\r") for line in text.split("\n")])  # the terminal makes \r\n of \n
        return out

    def is_restored(self):
        return termios.tcgetattr(self.slave) == self.before

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)
