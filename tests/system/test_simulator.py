#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`symbiont simulate` as its users meet it: mbpoll on TCP and on a pty, a socket of our own, the control socket.

The program is build/asan/symbiont, or what $SYMBIONT names.
"""
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SYMBIONT = os.environ.get("SYMBIONT", os.path.join(ROOT, "build/asan/symbiont"))

PLANT = """
time_scale = 3600; start = "mon 08:00"; seed = 3;
lines: (
  { name = "hall";   listen = "127.0.0.1:0"; },
  { name = "serial"; pty = "%(dir)s/deep/tty0"; mode = "9600 8N1"; wire_speed = true; },
  { name = "fast";   pty = "%(dir)s/tty1"; mode = "115200 8N1"; },
  { name = "server"; listen = "127.0.0.1:0"; rtu_over_tcp = true; },
  { name = "many";   listen = "127.0.0.1:0"; ports = 20; max_clients = 2; kick = true; }
);
meters: (
  { name = "boiler"; line = "hall"; unit_id = 3; profile = "eastron-sdm630"; refresh = "1 ms";
    values: ( { point = "voltage_l1"; constant = 231.5; },
              { point = "active_power"; constant = 36.0; },
              { point = "active_energy_import"; counter_of = "active_power"; start = 100.0; } ); },
  { name = "raw"; line = "hall"; unit_id = 4; max_registers = 10;
    registers: ( { table = "holding"; address = 0; words = [0x4366, 0x3334, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]; },
                 { table = "coil"; address = 5; words = [1, 0, 1]; } ); },
  { name = "drive"; line = "serial"; unit_id = 1;
    registers: ( { table = "input"; address = 0; words = [%(words)s]; } ); },
  { name = "pump"; line = "fast"; unit_id = 7; registers: ( { address = 0; words = [7, 8]; } ); },
  { name = "tank"; line = "server"; unit_id = 2; registers: ( { address = 0; words = [1, 2]; } ); },
  { name = "cell"; line = "many"; unit_id = 1; copies = 5; number = 50; encode = true;
    points: ( { name = "total"; quantity = "number"; table = "holding"; address = 0; type = "uint32"; } ); }
);
""" % {"dir": "%(dir)s", "words": ", ".join(str(i) for i in range(125))}


class Plant:
    """A running simulator; with it, status and output after the end."""

    def __init__(self, text, *options):
        self.dir = tempfile.mkdtemp(prefix="symbiont-simulator-")
        self.control_path = os.path.join(self.dir, "control")
        ports = os.path.join(self.dir, "ports.json")
        with open(os.path.join(self.dir, "plant.conf"), "w") as f:
            f.write(text.replace("%(dir)s", self.dir))
        self.process = subprocess.Popen(
            [SYMBIONT, "simulate", os.path.join(self.dir, "plant.conf"), "--profiles", os.path.join(ROOT, "conf/profiles"),
             "--control", self.control_path, "--ports-file", ports, *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.first = self.process.stdout.readline()  # written once everything is open
        if not self.first:
            raise AssertionError(self.process.stderr.read())
        end = time.monotonic() + 5
        while not os.path.exists(ports) and time.monotonic() < end:
            select.select([], [], [], 0.01)
        with open(ports) as f:
            self.lines = json.load(f)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.process.poll() is None:
            self.end()
        shutil.rmtree(self.dir)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.out, self.err = self.process.communicate(timeout=20)
        assert "ERROR: AddressSanitizer" not in self.err and "runtime error" not in self.err, self.err
        return self.process.returncode

    def tell(self, command):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(self.control_path)
            s.sendall(command.encode() + b"\n")
            answer = b""
            while not answer.endswith(b"\n"):
                part = s.recv(65536)
                if not part:
                    break
                answer += part
        return answer.decode().strip()

    def port(self, line):
        return self.lines[line]["port"]


def request(function, address, count, unit=3, transaction=7):
    return struct.pack(">HHHBBHH", transaction, 0, 6, unit, function, address, count)


class Client:
    def __init__(self, port):
        self.s = socket.create_connection(("127.0.0.1", port), 5)
        self.s.settimeout(5)

    def take(self, n):
        data = b""
        while len(data) < n:
            part = self.s.recv(n - len(data))
            if not part:
                raise EOFError(data)
            data += part
        return data

    def answer(self):
        """transaction, protocol, unit, pdu"""
        head = self.take(6)
        transaction, protocol, length = struct.unpack(">HHH", head)
        body = self.take(length)
        return transaction, protocol, body[0], body[1:]

    def ask(self, *args, **kw):
        self.s.sendall(request(*args, **kw))
        return self.answer()

    def silent(self, seconds=0.3):
        return not select.select([self.s], [], [], seconds)[0]


def crc(data):
    c = 0xFFFF
    for byte in data:
        c ^= byte
        for _ in range(8):
            c = c >> 1 ^ 0xA001 if c & 1 else c >> 1
    return data + struct.pack("<H", c)


def mbpoll(*args):
    p = subprocess.run(["mbpoll", "-1", "-q", "-o", "3", *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                       timeout=30)
    values = [line.split("\t", 1)[1].strip() for line in p.stdout.splitlines() if line.startswith("[")]
    return p.returncode, values, p.stdout


def mbpoll_reads_tcp_and_serial():
    with Plant(PLANT) as plant:
        status, values, out = mbpoll("-a", "3", "-t", "3:float", "-B", "-0", "-r", "0", "-c", "1", "-p",
                                     str(plant.port("hall")), "127.0.0.1")
        assert status == 0 and values == ["231.5"], out
        for line in "serial", "fast":
            baud = plant.lines[line]["mode"].split()[0]
            where = ["-m", "rtu", "-b", baud, "-P", "none", plant.lines[line]["serial"]]
            unit, table, expected = ("1", "3", ["0", "1"]) if line == "serial" else ("7", "4", ["7", "8"])
            status, values, out = mbpoll("-a", unit, "-t", table, "-0", "-r", "0", "-c", "2", *where)
            assert status == 0 and values == expected, out
        # A unit that is not there: silence on the wire.
        status, values, out = mbpoll("-a", "9", "-t", "4", "-0", "-r", "0", "-o", "0.3", "-m", "rtu", "-b", "115200", "-P",
                                     "none", plant.lines["fast"]["serial"])
        assert status != 0 and "timed out" in out, out
        assert plant.end() == 0, plant.err


def bytes_take_their_time_on_the_wire():
    with Plant(PLANT) as plant:
        fd = os.open(plant.lines["serial"]["serial"], os.O_RDWR | os.O_NOCTTY)
        begun = time.monotonic()
        os.write(fd, crc(bytes([1, 4, 0, 0, 0, 125])))
        data, first = b"", None
        while len(data) < 255 and select.select([fd], [], [], 5)[0]:
            first = first or time.monotonic()
            data += os.read(fd, 1024)
        took = time.monotonic() - begun
        os.close(fd)
        assert data == crc(data[:-2]) and data[:3] == bytes([1, 4, 250]), data.hex()
        # 8 characters to ask, 3.5 of silence, 255 to answer, of 10 bits at 9600 baud.
        assert 266.5 * 10 / 9600 <= took < 1.5, took
        assert first - begun < took - 0.2, "the answer came in one piece"


def a_late_unit_does_not_hold_the_wire():
    with Plant(PLANT.replace('unit_id = 1;\n    registers: ( { table = "input"', 'unit_id = 1; copies = 2;\n    registers: ( { table = "input"')) as plant:
        assert plant.tell("fault drive_0 late delay_ms=500") == "ok"
        fd = os.open(plant.lines["serial"]["serial"], os.O_RDWR | os.O_NOCTTY)
        got, order = b"", []
        os.write(fd, crc(bytes([1, 4, 0, 0, 0, 1])))
        assert not select.select([fd], [], [], 0.2)[0]
        os.write(fd, crc(bytes([2, 4, 0, 0, 0, 1])))
        while len(order) < 2 and select.select([fd], [], [], 5)[0]:
            got += os.read(fd, 100)
            if len(got) >= 7:
                assert got[:7] == crc(got[:5])
                order.append(got[0])
                got = got[7:]
        os.close(fd)
        assert order == [2, 1], order


def anything_but_reads_is_refused_and_told():
    with Plant(PLANT, "--strict", "--json") as plant:
        c = Client(plant.port("hall"))
        assert c.ask(3, 0, 2, unit=4) == (7, 0, 4, bytes([3, 4, 0x43, 0x66, 0x33, 0x34]))
        for function in 5, 6, 15, 16, 22, 23, 43, 8, 100:
            assert c.ask(function, 0, 1, unit=4)[3] == bytes([function | 0x80, 1])
        assert c.ask(3, 0, 11, unit=4)[3] == bytes([0x83, 3])  # more than it takes at once
        assert c.ask(3, 0, 0, unit=4)[3] == bytes([0x83, 3])
        assert c.ask(3, 5, 10, unit=4)[3] == bytes([0x83, 2])  # past its end
        assert c.ask(1, 5, 3, unit=4)[3] == bytes([1, 1, 5])
        assert c.ask(3, 0, 1, unit=99)[3] == bytes([0x83, 11])  # nobody there
        stats = json.loads(plant.tell("stats"))
        assert stats["forbidden"] == 9 and stats["connections"] == 1
        assert stats["meters"]["raw"]["requests"] == {"other": 9, "1": 1, "3": 4}
        assert stats["lines"]["hall"]["functions"]["6"] == 1 and stats["lines"]["hall"]["unknown_units"] == 1
        # The same over RTU; a frame whose length nobody knows ends with the silence after it.
        fd = os.open(plant.lines["fast"]["serial"], os.O_RDWR | os.O_NOCTTY)
        for frame, expected in ((bytes([7, 6, 0, 0, 0, 1]), bytes([7, 0x86, 1])), (bytes([7, 43, 14, 1, 0]), bytes([7, 0xAB, 1]))):
            os.write(fd, crc(frame))
            assert select.select([fd], [], [], 5)[0] and os.read(fd, 100) == crc(expected)
        os.close(fd)
        assert plant.end() == 1
        assert json.loads(plant.out.splitlines()[-1])["forbidden"] == 11


def a_strict_run_of_reads_ends_well():
    with Plant(PLANT, "--strict") as plant:
        assert Client(plant.port("hall")).ask(3, 0, 2, unit=4)[3][0] == 3
        assert plant.end() == 0
        assert "1 answers; 0 requests other than reads" in plant.out, plant.out


def pipelined_and_split_requests_are_served():
    with Plant(PLANT) as plant:
        c = Client(plant.port("hall"))
        c.s.sendall(b"".join(request(3, i % 10, 1, unit=4, transaction=i) for i in range(500)))
        for i in range(500):
            transaction, _, unit, pdu = c.answer()
            assert transaction == i and pdu[:2] == bytes([3, 2])
        c.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request(3, 2, 1, unit=4):
            c.s.sendall(bytes([byte]))
        assert c.answer()[3] == bytes([3, 2, 0, 3])
        # What is no MBAP costs the connection, not the simulator.
        c.s.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert c.s.recv(10) == b""
        assert json.loads(plant.tell("stats"))["lines"]["hall"]["lost_streams"] == 1


def faults_do_what_they_say():
    right = bytes([3, 4, 0x43, 0x66, 0x33, 0x34])
    with Plant(PLANT) as plant:
        def with_fault(fault, check):
            assert plant.tell("fault raw " + fault) == "ok"
            c = Client(plant.port("hall"))
            c.s.sendall(request(3, 0, 2, unit=4))
            try:
                assert check(c), fault
            finally:
                assert plant.tell("clear raw") == "ok"
            c.s.close()

        def closed(c, before):
            try:
                return c.take(1000) and False
            except EOFError as e:
                return e.args[0] == before

        whole = struct.pack(">HHHB", 7, 0, 7, 4) + right
        with_fault("silence", lambda c: c.silent())
        with_fault("exception code=6", lambda c: c.answer()[3] == bytes([0x83, 6]))
        with_fault("late delay_ms=400", lambda c: c.silent(0.3) and c.answer() == (7, 0, 4, right))
        with_fault("wrong_transaction", lambda c: c.answer() == (7 + 0x4000, 0, 4, right))
        with_fault("wrong_protocol", lambda c: c.answer() == (7, 1, 4, right))
        with_fault("wrong_length", lambda c: c.answer()[3] == right[:-2] and c.take(2) == right[-2:])
        with_fault("wrong_unit", lambda c: c.answer() == (7, 0, 5, right))
        with_fault("wrong_function", lambda c: c.answer() == (7, 0, 4, b"\4" + right[1:]))
        with_fault("wrong_count", lambda c: c.answer()[3] == bytes([3, 2, 0x43, 0x66]))
        with_fault("bad_exception", lambda c: c.answer()[3] == bytes([0x83, 99]))
        with_fault("torn", lambda c: closed(c, whole[:6]))
        with_fault("close", lambda c: closed(c, b""))
        with_fault("garbage", lambda c: c.take(5) != whole[:5])
        with_fault("noise", lambda c: c.take(14)[1:] == whole)
        with_fault("stray", lambda c: c.answer() == (7 ^ 0x55, 0, 4, right) and c.answer() == (7, 0, 4, right))
        with_fault("duplicate", lambda c: c.answer() == c.answer() == (7, 0, 4, right))
        with_fault("drip delay_ms=20", lambda c: c.take(1) == whole[:1] and c.silent(0.005) and c.take(12) == whole[1:])
        with_fault("silence every=2 times=1", lambda c: c.answer()[3] == right)
        assert json.loads(plant.tell("stats"))["meters"]["raw"]["faulted"] == 17


def rtu_faults_fail_the_crc_or_the_sender():
    with Plant(PLANT) as plant:
        right = crc(bytes([2, 3, 4, 0, 1, 0, 2]))
        c = Client(plant.port("server"))

        def ask():
            c.s.sendall(crc(bytes([2, 3, 0, 0, 0, 2])))

        ask()
        assert c.take(9) == right
        for fault, wrong in (("crc", lambda a: a[:7] == right[:7] and a != right),
                             ("wrong_unit", lambda a: a == crc(bytes([3]) + right[1:7]))):
            assert plant.tell("fault tank %s times=1" % fault) == "ok"
            ask()
            assert wrong(c.take(9)), fault
        # Noise before a request costs that request; after a silence the next is understood.
        c.s.sendall(b"\xff" + crc(bytes([2, 3, 0, 0, 0, 2])))
        assert c.silent(0.3)
        ask()
        assert c.take(9) == right
        assert json.loads(plant.tell("stats"))["lines"]["server"]["noise"] == 1
        # A serial line has no connection to lose.
        fd = os.open(plant.lines["fast"]["serial"], os.O_RDWR | os.O_NOCTTY)
        right = crc(bytes([7, 3, 4, 0, 7, 0, 8]))
        for fault, expected in (("torn", right[:4]), ("close", b""), (None, right)):
            if fault:
                assert plant.tell("fault pump %s times=1" % fault) == "ok"
            os.write(fd, crc(bytes([7, 3, 0, 0, 0, 2])))
            data = b""
            while len(data) < len(right) and select.select([fd], [], [], 0.3)[0]:
                data += os.read(fd, 100)
            assert data == expected, (fault, data)
        os.close(fd)


def lines_stop_start_and_drop():
    with Plant(PLANT) as plant:
        port = plant.port("hall")
        c = Client(port)
        assert c.ask(3, 0, 1, unit=4)[3] == bytes([3, 2, 0x43, 0x66])
        assert plant.tell("stop hall") == "ok"
        assert c.s.recv(1) == b""
        try:
            Client(port)
            raise AssertionError("a stopped line took a connection")
        except ConnectionRefusedError:
            pass
        assert plant.tell("start hall") == "ok"
        c = Client(port)
        assert plant.tell("drop hall rst") == "ok"
        try:
            c.s.recv(1)
            raise AssertionError("no reset")
        except ConnectionResetError:
            pass
        # A serial line that is unplugged loses its link and gets it back.
        path = plant.lines["fast"]["serial"]
        assert plant.tell("stop fast") == "ok" and not os.path.lexists(path)
        assert plant.tell("start fast") == "ok"
        status, values, out = mbpoll("-a", "7", "-t", "4", "-0", "-r", "0", "-c", "1", "-m", "rtu", "-b", "115200", "-P", "none",
                                     path)
        assert status == 0 and values == ["7"], out


def totals_grow_with_simulated_time():
    with Plant(PLANT) as plant:
        c = Client(plant.port("hall"))

        def energy():
            return struct.unpack(">f", c.ask(4, 72, 2)[3][2:])[0]

        first, begun = energy(), time.monotonic()
        assert 100 <= first < 36000
        select.select([], [], [], 0.5)
        second, took = energy(), time.monotonic() - begun
        # 36 kW for an hour each second.
        assert abs(second - first - 36 * took) < 36 * 0.3 + 1, (first, second, took)
        assert plant.tell("value boiler active_power 0") == "ok"
        energy()
        third = energy()
        assert energy() == third


def copies_and_ports_are_meters_of_their_own():
    with Plant(PLANT) as plant:
        ports = plant.lines["many"]["ports"]
        assert len(set(ports)) == 20
        for i in (0, 7, 19):
            c = Client(ports[i])
            for unit in (1, 5):
                number = 50 + i * 5 + unit - 1
                for read in (1, 2):
                    pdu = c.ask(3, 0, 2, unit=unit)[3]
                    assert struct.unpack(">I", pdu[2:])[0] == number * 1000000 + read
            c.s.close()
        # Two clients at most: the third ends the first.
        a, b, c = (Client(ports[3]) for _ in range(3))
        assert c.ask(3, 0, 2, unit=1)[0] == 7 and b.ask(3, 0, 2, unit=1)[0] == 7
        try:
            assert a.s.recv(1) == b""
        except ConnectionResetError:
            pass


def more_than_1024_connections_are_served():
    with Plant(PLANT) as plant:
        import resource
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        want = 1500
        if hard < want + 100:
            return "only %d descriptors allowed" % hard
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
        clients = [Client(plant.port("hall")) for _ in range(want)]
        for c in clients:
            c.s.sendall(request(3, 2, 1, unit=4))
        for c in clients:
            assert c.answer()[3] == bytes([3, 2, 0, 3])
        assert json.loads(plant.tell("stats"))["connections"] == want
        for c in clients:
            c.s.close()


def mistakes_end_the_start():
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "plant.conf")
        with open(path, "w") as f:
            f.write('lines: ({ name = "hall"; lisen = "127.0.0.1:0"; });\nmeters: ();\n')
        p = subprocess.run([SYMBIONT, "simulate", path], capture_output=True, text=True, timeout=20)
        assert p.returncode == 78, p
        assert path + ':1: error: unknown setting "lisen"' in p.stderr and 'did you mean "listen"?' in p.stderr, p.stderr
        taken = socket.create_server(("127.0.0.1", 0))
        with open(path, "w") as f:
            f.write('lines: ({ name = "hall"; listen = "127.0.0.1:%d"; });\n'
                    'meters: ({ name = "m"; line = "hall"; registers: ({ address = 0; words = [1]; }); });\n' %
                    taken.getsockname()[1])
        p = subprocess.run([SYMBIONT, "simulate", path], capture_output=True, text=True, timeout=20)
        assert p.returncode == 69 and "Address already in use" in p.stderr, p


CASES = [mbpoll_reads_tcp_and_serial, bytes_take_their_time_on_the_wire, a_late_unit_does_not_hold_the_wire,
         anything_but_reads_is_refused_and_told,
         a_strict_run_of_reads_ends_well, pipelined_and_split_requests_are_served, faults_do_what_they_say,
         rtu_faults_fail_the_crc_or_the_sender, lines_stop_start_and_drop, totals_grow_with_simulated_time,
         copies_and_ports_are_meters_of_their_own, more_than_1024_connections_are_served, mistakes_end_the_start]


def main():
    bad = 0
    if not os.path.exists(SYMBIONT):
        print("1..1\nok 1 - simulator # SKIP %s is not built" % SYMBIONT)
        return 0
    print("1..%d" % len(CASES))
    for i, case in enumerate(CASES, 1):
        try:
            skip = case()
            print("ok %d - %s%s" % (i, case.__name__, " # SKIP " + skip if skip else ""))
        except Exception as e:  # every failure is one line with its reason
            import traceback
            bad += 1
            print("not ok %d - %s\n# %s" % (i, case.__name__, traceback.format_exc().replace("\n", "\n# ")))
    return 1 if bad else 0


sys.exit(main())
