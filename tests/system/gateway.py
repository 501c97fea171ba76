# SPDX-License-Identifier: Apache-2.0
"""A simulated plant and the real daemon, for tests: in a directory of their own, gone at the end of a `with`."""
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile

from servers import ROOT, wait_until

VARIANT = os.environ.get("VARIANT", "asan")
BUILD = os.path.join(ROOT, "build", VARIANT)


def environment(**more):
    return dict(os.environ, SYMBIONT_PROFILES=os.path.join(ROOT, "conf/profiles"), **more)


class Plant:
    """`symbiont simulate`. `text` may use %(dir)s; ports are in .ports by line name."""

    def __init__(self, text, *options):
        self.dir = tempfile.mkdtemp(prefix="symbiont-plant-")
        self.text, self.options = text.replace("%(dir)s", self.dir), options

    def __enter__(self):
        path, ports = os.path.join(self.dir, "plant.conf"), os.path.join(self.dir, "ports.json")
        self.control_path = os.path.join(self.dir, "control")
        with open(path, "w") as f:
            f.write(self.text)
        self.log = open(os.path.join(self.dir, "log"), "w+")
        self.process = subprocess.Popen([os.path.join(BUILD, "symbiont"), "simulate", path, "--control", self.control_path,
                                         "--ports-file", ports, *self.options], env=environment(), stdout=self.log,
                                        stderr=self.log, stdin=subprocess.DEVNULL)
        if not wait_until(lambda: os.path.exists(ports) and os.path.getsize(ports), 20):
            self.log.seek(0)
            raise RuntimeError("the plant does not start: " + self.log.read())
        with open(ports) as f:
            self.places = json.load(f)
        self.ports = {name: p.get("port") for name, p in self.places.items()}
        return self

    def ask(self, command):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.control_path)
            s.sendall(command.encode() + b"\n")
            return s.makefile().readline().strip()

    def stats(self):
        return json.loads(self.ask("stats"))

    def __exit__(self, *exc):
        self.process.terminate()
        self.process.wait(20)
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)


class Gateway:
    """`symbiontd`. `body` is everything of the configuration but site id, storage and control."""

    def __init__(self, body, site="mill", notify=False, storage=""):
        self.dir = tempfile.mkdtemp(prefix="symbiont-gateway-")
        self.site, self.storage = site, storage
        self.socket = os.path.join(self.dir, "control.sock")
        self.path = os.path.join(self.dir, "symbiont.conf")
        self.log_path = os.path.join(self.dir, "log")
        self.process = None
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if notify else None
        self.env = environment()
        if notify:
            self.notify.bind(os.path.join(self.dir, "notify"))
            self.notify.settimeout(20)
            self.env["NOTIFY_SOCKET"] = os.path.join(self.dir, "notify")
        self.configure(body)

    def configure(self, body):
        with open(self.path, "w") as f:
            f.write('site: { id = "%s"; };\n%s\nstorage: { directory = "%s/state"; %s };\ncontrol: { socket = "%s"; };\n'
                    % (self.site, body, self.dir, self.storage, self.socket))

    def start(self):
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen([os.path.join(BUILD, "symbiontd"), "-c", self.path], env=self.env, stdout=log,
                                        stderr=log, stdin=subprocess.DEVNULL)
        log.close()
        if not wait_until(lambda: self.alive() or self.process.poll() is not None, 30) or self.process.poll() is not None:
            raise RuntimeError("the gateway does not start: " + self.log())
        return self

    def alive(self):
        try:
            self.ask("status")
            return True
        except (OSError, ValueError):
            return False

    def ask(self, request):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(self.socket)
            s.sendall(request.encode() + b"\n")
            data = b""
            while True:
                part = s.recv(65536)
                if not part:
                    return json.loads(data)
                data += part

    def meter(self, name):
        return [m for m in self.ask("status")["meters"] if m["name"] == name][0]

    def publisher(self, name):
        return [p for p in self.ask("status")["publishers"] if p["name"] == name][0]

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def reload(self):
        before = self.ask("status")["config"]["reloads"]
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.ask("status")["config"]["reloads"] > before, 20)

    def stop(self, seconds=20):
        self.process.terminate()
        return self.process.wait(seconds)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)
