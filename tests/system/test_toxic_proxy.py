#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The fault proxy does what its commands say, before other tests rely on it."""
import os
import select
import socket
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Proxy:
    def __init__(self, target_port):
        variant = os.environ.get("VARIANT", "asan")
        program = "build/%s/tests/fault/toxic_proxy" % variant
        subprocess.run(["make", "-s", "VARIANT=" + variant, program], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        self.process = subprocess.Popen([os.path.join(ROOT, program), "127.0.0.1:0", "127.0.0.1:%d" % target_port],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.port = int(self.process.stdout.readline().rsplit(":", 1)[1])

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        return self.process.stdout.readline().strip()

    def close(self):
        self.process.stdin.close()
        return self.process.wait(10)


def readable(s, seconds):
    return bool(select.select([s], [], [], seconds)[0])


def receive(s, n, seconds=5):
    data, end = b"", time.monotonic() + seconds
    while len(data) < n and readable(s, max(0, end - time.monotonic())):
        part = s.recv(n - len(data))
        if not part:
            break
        data += part
    return data


def connect(proxy, server):
    client = socket.create_connection(("127.0.0.1", proxy.port), 5)
    peer, _ = server.accept()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client, peer


def forwards(proxy, server):
    client, peer = connect(proxy, server)
    client.sendall(b"question" * 1000)
    assert receive(peer, 8000) == b"question" * 1000
    peer.sendall(b"answer")
    assert receive(client, 6) == b"answer"
    client.shutdown(socket.SHUT_WR)
    assert readable(peer, 5) and peer.recv(1) == b""
    peer.sendall(b"bye")
    peer.close()
    assert receive(client, 10) == b"bye"
    assert proxy.tell("stats").split()[1:] == ["1", "8000", "9"]


def delays(proxy, server):
    client, peer = connect(proxy, server)
    assert proxy.tell("delay 200") == "ok"
    begun = time.monotonic()
    client.sendall(b"x")
    assert receive(peer, 1) == b"x"
    assert 0.19 < time.monotonic() - begun < 2
    assert proxy.tell("clear") == "ok"


def drips(proxy, server):
    client, peer = connect(proxy, server)
    assert proxy.tell("drip 1 20") == "ok"
    begun = time.monotonic()
    client.sendall(b"0123456789")
    first = receive(peer, 1)
    assert receive(peer, 9) == b"123456789" and first == b"0"
    assert time.monotonic() - begun > 0.17
    assert proxy.tell("clear") == "ok"


def swallows(proxy, server):
    client, peer = connect(proxy, server)
    assert proxy.tell("blackhole") == "ok"
    client.sendall(b"lost")
    peer.sendall(b"lost")
    assert not readable(peer, 0.2) and not readable(client, 0)
    assert proxy.tell("clear") == "ok"
    client.sendall(b"found")
    assert receive(peer, 5) == b"found"


def leaves_half_open(proxy, server):
    client, peer = connect(proxy, server)
    assert proxy.tell("half_open") == "ok"
    assert readable(peer, 5) and peer.recv(1) == b""
    client.sendall(b"hello?")
    assert not readable(client, 0.2)


def resets_and_refuses(proxy, server):
    client, peer = connect(proxy, server)
    assert proxy.tell("rst") == "ok"
    try:
        assert readable(client, 5)
        client.recv(1)
        raise AssertionError("no reset")
    except ConnectionResetError:
        pass
    assert proxy.tell("refuse") == "ok"
    try:
        socket.create_connection(("127.0.0.1", proxy.port), 5)
        raise AssertionError("connected")
    except ConnectionRefusedError:
        pass
    assert proxy.tell("accept") == "ok"
    connect(proxy, server)
    assert proxy.tell("explode") == 'error: no such command "explode"'


def main():
    cases = [forwards, delays, drips, swallows, leaves_half_open, resets_and_refuses]
    bad = 0
    print("1..%d" % len(cases))
    for i, case in enumerate(cases, 1):
        server = socket.create_server(("127.0.0.1", 0))
        server.settimeout(5)
        proxy = Proxy(server.getsockname()[1])
        try:
            case(proxy, server)
            status = proxy.close()
            assert status == 0, "the proxy ended with status %d" % status
            print("ok %d - %s" % (i, case.__name__))
        except (AssertionError, OSError) as e:
            bad += 1
            proxy.process.kill()
            print("not ok %d - %s\n# %s %r" % (i, case.__name__, type(e).__name__, e))
        server.close()
    sys.exit(1 if bad else 0)


main()
