# SPDX-License-Identifier: Apache-2.0
"""A scripted HTTP server: it answers what the test says, and remembers what it was asked.

    with HttpStub() as server:
        server.script = [503, (429, {"Retry-After": "2"}), (400, b'{"error":"..."}'), "hang", "drop", 204]
        server.judge = lambda request: 400 if b"bad" in request.body else 204     (when the script is empty)

An answer is a status, or a tuple with headers (dict) and body (bytes) in any order, or "hang" (never answers), "drop"
(closes after the request), "slow" (one byte a second).
"""
import gzip
import socket
import ssl
import threading
import time


class Request:
    def __init__(self, line, headers, body):
        self.method, self.path, _ = line.split(" ", 2)
        self.headers, self.raw = headers, body
        self.body = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
        self.lines = [l for l in self.body.decode(errors="replace").split("\n") if l]
        self.at = time.monotonic()


class HttpStub:
    def __init__(self, certificate=None, key=None):
        self.script, self.judge = [], lambda request: 204
        self.requests, self.stored, self.connections = [], [], 0
        self.lock, self.closing, self.open = threading.Lock(), threading.Event(), set()
        self.tls = None
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(certificate, key)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.url = "%s://localhost:%d" % ("https" if certificate else "http", self.port)

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc):
        self.closing.set()
        self.socket.close()
        for c in list(self.open):
            try:
                c.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _accept(self):
        while not self.closing.is_set():
            try:
                c, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(c,), daemon=True).start()

    def _serve(self, c):
        try:
            if self.tls:
                c = self.tls.wrap_socket(c, server_side=True)
            with self.lock:
                self.connections += 1
                self.open.add(c)
            f = c.makefile("rb")
            while self._exchange(c, f):
                pass
        except (OSError, ValueError):
            pass
        finally:
            self.open.discard(c)
            c.close()

    def _exchange(self, c, f):
        line = f.readline().decode().strip()
        if not line:
            return False
        headers = {}
        while True:
            h = f.readline().decode().strip()
            if not h:
                break
            key, _, value = h.partition(":")
            headers[key.lower()] = value.strip()
        if headers.get("expect"):
            c.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        request = Request(line, headers, f.read(int(headers.get("content-length", 0))))
        with self.lock:
            self.requests.append(request)
            answer = self.script.pop(0) if self.script else self.judge(request)
        return self._answer(c, request, answer)

    def _answer(self, c, request, answer):
        if answer == "hang":
            self.closing.wait(120)
            return False
        if answer == "drop":
            return False
        parts = answer if isinstance(answer, tuple) else (answer,)
        status = next(p for p in parts if isinstance(p, int))
        headers = next((p for p in parts if isinstance(p, dict)), {})
        body = next((p for p in parts if isinstance(p, bytes)), b"")
        if 200 <= status < 300:
            with self.lock:
                self.stored += request.lines
        text = "HTTP/1.1 %d x\r\n%sContent-Length: %d\r\n\r\n" % (
            status, "".join("%s: %s\r\n" % h for h in headers.items()), len(body))
        if status == 204:
            text = "HTTP/1.1 204 x\r\n%s\r\n" % "".join("%s: %s\r\n" % h for h in headers.items())
        c.sendall(text.encode() + body)
        return True
