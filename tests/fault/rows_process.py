# SPDX-License-Identifier: Apache-2.0
"""Rows 47 to 50: the process itself."""
import ctypes
import os
import re
import socket
import subprocess
import sys
import time

from rig import Daemon, Rig, Skip, now_ms, tool, wait_until
from row import row
from rows_meters import Herd, by_name

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17


class Hold:
    """Stops one thread of another process, as a deadlock would."""

    def __init__(self, tid):
        libc = ctypes.CDLL(None, use_errno=True)
        libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        libc.ptrace.restype = ctypes.c_long
        self.libc, self.tid = libc, tid
        if libc.ptrace(PTRACE_SEIZE, tid, None, None) < 0:
            raise Skip("ptrace is not allowed: %s" % os.strerror(ctypes.get_errno()))
        assert libc.ptrace(PTRACE_INTERRUPT, tid, None, None) == 0
        os.waitpid(tid, 0x40000000)  # __WALL

    def release(self):
        self.libc.ptrace(PTRACE_DETACH, self.tid, None, None)


def fed(notify, seconds):
    """How often the watchdog was fed."""
    n, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        notify.settimeout(max(0.01, end - time.monotonic()))
        try:
            n += notify.recv(4096).count(b"WATCHDOG=1")
        except socket.timeout:
            pass
    return n


@row(47, "one thread hangs (the loop; then the MQTT thread, held in a debugger): watchdog fed until", 75, "s")
def hang(t):
    class Watched(Rig):
        def before_start(self):
            self.gw.env["WATCHDOG_USEC"] = "2000000"
    with Watched(lines=1, meters=2, notify=True) as rig:
        t.expect(fed(rig.gw.notify, 3) >= 1, "a sound gateway does not feed its watchdog")
        held = Hold(rig.gw.pid())
        fed(rig.gw.notify, 0.5)
        t.expect(fed(rig.gw.notify, 4) == 0, "it feeds its watchdog while the loop hangs")
        held.release()
        t.expect(fed(rig.gw.notify, 4) >= 1, "it does not go on")
        threads = {}
        for tid in os.listdir("/proc/%d/task" % rig.gw.pid()):
            with open("/proc/%d/task/%s/comm" % (rig.gw.pid(), tid)) as f:
                threads[f.read().strip()] = int(tid)
        held, begun, last = Hold(threads["mqtt"]), time.monotonic(), 0
        before = by_name(rig.gw.status())
        while time.monotonic() < begun + 80 and time.monotonic() - begun < last + 8:
            if fed(rig.gw.notify, 1):
                last = time.monotonic() - begun
        t.expect(by_name(rig.gw.status())["m0"]["cycles"] - before["m0"]["cycles"] > 300, "polling stands still with the MQTT thread")
        t.expect(re.search("watchdog.*mqtt has made no progress", rig.gw.log()), "it is not said who hangs")
        t.measure(last)
        held.release()
        rig.gw.notify.settimeout(20)
        rig.evidence.disturbances.append(("broker", now_ms()))
        t.note(recovery_s=rig.drained("mqtt"))
        t.judged(rig, rig.finish(), delay=False)


@row(48, "memory allocations fail one by one over start-up, reload and verbs: runs that crash or are silent", 0, "runs")
def no_memory(t):
    here = os.path.dirname(os.path.abspath(__file__))
    if not os.path.exists(os.path.join(here, "malloc.py")):
        raise Skip("tests/fault/malloc.py is not there")
    r = subprocess.run([sys.executable, os.path.join(here, "malloc.py"), "--limit", "60"], capture_output=True, text=True, timeout=380)
    bad = re.findall(r"^not ok.*$", r.stdout, re.M)
    t.expect(r.returncode == 0, r.stdout[-1500:] + r.stderr[-500:])
    t.note(tests=len(re.findall(r"^ok", r.stdout, re.M)))
    t.measure(len(bad))


@row(49, "1,100 devices with descriptors up to 2,200; then a limit of 128: aborts", 0, "aborts")
def descriptors(t):
    aborts = 0
    with Herd(1100) as rig:
        assert wait_until(lambda: rig.up() >= 1095, 120, 0.5), "only %d are up" % rig.up()
        t.note(descriptors=rig.gw.descriptors(), highest=max(map(int, os.listdir("/proc/%d/fd" % rig.gw.pid()))))
        aborts += rig.gw.process.poll() is not None
        t.expect(rig.gw.stop() == 0, "it does not end well")
        few = Daemon(rig.body(), storage=rig.storage)
        few.prefix = [tool("prlimit"), "--nofile=128:128"]
        few.spawn()
        wait_until(lambda: few.alive() or few.process.poll() is not None, 20)
        time.sleep(3)
        code = few.process.poll()
        aborts += code is not None and code < 0
        t.expect(re.search("descriptor|too many open files|open files", few.log(), re.I), "nobody is told: %s" % few.log()[-500:])
        t.note(words=(re.findall(r".*(?:descriptor|open files).*", few.log(), re.I) or [""])[0][:160])
        few.__exit__()
    t.measure(aborts)


@row(50, "SIGTERM under full load with the broker frozen: stopped within", 5, "s")
def terminate(t):
    with Rig(lines=4, meters=5, every_ms=50) as rig:
        rig.run(2)
        rig.broker.freeze()
        rig.evidence.disturbances.append(("broker", now_ms()))
        rig.influx.judge = lambda r: "hang"
        rig.run(1.5)
        status, took = rig.stop()
        t.expect(status == 0, "it ended with %s" % status)
        t.measure(took)
        rig.evidence.disturbances.append(("broker", now_ms()))
        rig.broker.thaw()
        rig.influx.judge = lambda r: 204
        rig.run(1)  # what the kernel held for the broker arrives now, and again after the start
        rig.evidence.disturbances.append(("broker", now_ms()))
        rig.start()
        t.note(recovery_s=rig.drained("mqtt"))
        rig.drained("influxdb")
        t.judged(rig, rig.finish(), delay=False)
