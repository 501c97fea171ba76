#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""No memory, at one place after another: the n-th allocation fails, over start-up, reload and the verbs.

A run passes when the program survives with the answer it gives otherwise, or ends with a sentence. A crash, a hang, an
end without a word, and a wrong answer with status 0 and no complaint fail. Each distinct call stack that allocates is
tried once (--all tries more), those of the program itself by default, and with --libraries also those in the libraries. A
library that crashes over an allocation of its own is told and does not fail the run.

usage: tests/fault/malloc.py [--variant release|asan] [--libraries] [--limit N] [--only NAME] [--number N]
"""
import argparse
import ctypes
import mmap
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
os.environ.setdefault("VARIANT", "release")
import gateway  # noqa: E402
from gateway import Gateway, Plant, environment  # noqa: E402
from servers import ROOT, Mosquitto, Tap, wait_until  # noqa: E402

HASHES = 1 << 20
FIELDS = ("armed", "first", "many", "own_only", "seen", "failed")
NEVER = (1 << 64) - 1

PLANT = """
lines: ( { name = "hall"; listen = "127.0.0.1:0"; } );
meters: ( { name = "feeder"; line = "hall"; unit_id = 1; profile = "eastron-sdm630"; } );
"""
SITE = """
lines: ( { name = "hall"; tcp = "127.0.0.1:%d"; timeout = "500 ms"; } );
meters: ( { name = "feeder"; line = "hall"; unit_id = 1; profile = "eastron-sdm630"; every = "%s";
            only = [ "voltage_l1", "active_power", "active_energy_import" ]; },
          { name = "raw"; line = "hall"; unit_id = 1; every = "200 ms";
            points: ( { name = "volts"; quantity = "voltage"; table = "input"; address = 0; type = "float32"; unit = "V"; },
                      { name = "twice"; quantity = "voltage"; expression = "volts * 2"; unit = "V"; } ); } );
rules: ( { name = "high"; when = "avg(feeder.active_power, 1 min) > 1 kW"; for = "5 s"; alert = "{feeder.active_power} drawn"; } );
streams: ( { name = "solar"; resource = "electricity"; value = "feeder.active_power"; surplus: { above = "1 kW"; for = "10 s"; }; } );
mqtt: { server = "mqtt://127.0.0.1:%d"; };
influxdb: { url = "http://127.0.0.1:9"; database = "plant"; };
"""


class Shim:
    """The control file of malloc_shim.c."""

    def __init__(self, directory, variant):
        self.path = os.path.join(directory, "shim")
        with open(self.path, "wb") as f:
            f.truncate(8 * (len(FIELDS) + HASHES))
        with open(self.path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), 0)
        library = os.path.join(ROOT, "build/release/tests/fault/malloc_shim.so")
        os.makedirs(os.path.dirname(library), exist_ok=True)
        subprocess.run([os.environ.get("CC", "cc"), "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-O1", "-g",
                        "-fno-builtin", "-shared", "-fPIC", "-o", library, os.path.join(ROOT, "tests/fault/malloc_shim.c"),
                        "-ldl"], check=True)
        self.env = {"LD_PRELOAD": library, "MALLOC_SHIM": self.path}
        if variant == "asan":
            # The loader keeps its own allocations where LeakSanitizer does not look; it knows them by their caller, which is
            # the shim now.
            suppressions = os.path.join(directory, "lsan.supp")
            with open(os.path.join(ROOT, "tests/lsan.supp")) as f, open(suppressions, "w") as out:
                out.write(f.read() + "leak:dl_open_worker\nleak:_dl_\n")
            self.env.update(MALLOC_SHIM_SANITIZER="1", ASAN_OPTIONS="verify_asan_link_order=0:detect_leaks=1:exitcode=99",
                            LSAN_OPTIONS="print_suppressions=0:suppressions=" + suppressions)

    def set(self, **fields):
        for name, value in fields.items():
            struct.pack_into("<Q", self.map, 8 * FIELDS.index(name), value)

    def get(self, name):
        return struct.unpack_from("<Q", self.map, 8 * FIELDS.index(name))[0]

    def arm(self, first, own):
        self.set(armed=0, first=first, many=1, own_only=1 if own else 0, seen=0, failed=0)
        self.set(armed=1)

    def stacks(self):
        """The number of the first allocation of each distinct call stack."""
        n = min(self.get("seen"), HASHES)
        first = {}
        for i, h in enumerate(struct.unpack_from("<%dQ" % n, self.map, 8 * len(FIELDS))):
            first.setdefault(h, i)
        return sorted(first.values()), n


def choose(numbers, total, options):
    if options.number is not None:
        return [options.number]
    if options.all:
        numbers = sorted(set(numbers) | set(range(0, total, max(1, total // options.all))))
    if options.limit and len(numbers) > options.limit:
        numbers = sorted(random.Random(1).sample(numbers, options.limit))
    return numbers


# What is on standard error and says nothing of the matter.
NOISE = re.compile(r"^\S* ?(info|debug)\b")


def sentence(text):
    return [line for line in text.splitlines() if line.strip() and not NOISE.match(line)]


def plain(out):
    """Without what differs from run to run: how long it took."""
    return re.sub(r"[ -]+", " ", re.sub(r"\d[\d.]*", "#", out))


def verdict(done, good, same=lambda a, b: a == b):
    """None, or what is wrong with this run."""
    if done is None:
        return "hangs"
    status, out, err = done
    if status < 0:
        return "ends by signal %d" % -status
    if status == 99 or "ERROR: AddressSanitizer" in err or "runtime error:" in err:
        return "sanitizer"
    if status == good[0] and same(out, good[1]):
        return None
    if not sentence(err) and not (status and sentence(out)):
        return "status %d, no sentence" % status if status else "another answer with status 0 and no sentence"
    return None


def run(shim, argv, extra=None, cwd=None):
    env = environment(**shim.env, **(extra or {}))
    try:
        p = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, cwd=cwd)
    except subprocess.TimeoutExpired:
        return None
    return p.returncode, p.stdout.decode(errors="replace"), p.stderr.decode(errors="replace")


def where(err):
    """The program's frames of a crash, with file and line."""
    err = err[err.rfind("malloc shim: crash"):] if "malloc shim: crash" in err else err
    frames = re.findall(r"^(\S*/symbiont\w*)\(\+(0x[0-9a-f]+)\)", err, re.M)
    lines = []
    for path, at in frames[:8]:
        out = subprocess.run(["addr2line", "-fpe", path, at], capture_output=True, text=True).stdout.strip()
        lines.append(out.replace(ROOT + "/", ""))
    return "\n".join(lines) or "\n".join(l for l in err.splitlines() if re.search(r"#\d+ |ERROR|leak of", l))[:1500] or err[-600:]


def library_of(what, err):
    """The library that crashed over its own allocation: its name; None: it was us, or no crash."""
    if "out of dynamic memory in libconfig_yy" in err:
        return "libconfig.so.9 (which ends the process)"
    if not what.startswith(("ends by signal", "dies")) or "malloc shim: crash" not in err:
        return None
    for path in re.findall(r"^(\S+?)\(", err[err.rfind("malloc shim: crash"):], re.M):
        name = os.path.basename(path)
        if name.startswith("symbiont"):
            return None
        if not re.match(r"malloc_shim|libc\.so|ld-linux", name):
            return name
    return None


def report(tap, name, tried, total, bad):
    """What a library does to itself is told, and is not ours."""
    kinds, theirs = {}, {}
    for number, what, err in bad:
        library = library_of(what, err)
        if library:
            theirs.setdefault((library, where(err).split("\n")[0]), []).append(number)
        else:
            kinds.setdefault((what, where(err)), []).append(number)
    tap.check(not kinds, "%s: %d of %d allocations refused" % (name, tried, total),
              "\n".join("%s at %s\n%s" % (what, numbers[:6], frames) for (what, frames), numbers in kinds.items()))
    for (library, frame), numbers in theirs.items():
        print("# %s crashes by itself %d times, called from %s" % (library, len(numbers), frame), flush=True)


def test_verb(tap, shim, name, argv, options, cwd):
    own = not options.libraries
    shim.arm(NEVER, own)
    good = run(shim, argv, cwd=cwd)
    if good is None or good[0] not in (0, 1):
        tap.check(False, name + ": works with memory", good)
        return
    numbers, total = shim.stacks()
    bad, tried = [], choose(numbers, total, options)
    shim.set(armed=0)
    again = run(shim, argv, cwd=cwd)
    same = {} if again[1] == good[1] else {"same": lambda a, b: plain(a) == plain(b)}
    for number in tried:
        shim.arm(number, own)
        done = run(shim, argv, cwd=cwd)
        wrong = verdict(done, good, **same)
        if wrong:
            shim.arm(number, own)
            traced = run(shim, argv, {"MALLOC_SHIM_TRACE": "1"}, cwd=cwd)
            bad.append((number, wrong, traced[2] if traced else ""))
        if options.number is not None:
            print(done)
    report(tap, name, len(tried), total, bad)


def test_start(tap, shim, body, options):
    """symbiontd up to READY; what survives must poll, and stop in order."""
    own = not options.libraries
    gw = Gateway(body)
    gw.env.update(shim.env)

    def once(number):
        shim.arm(number, own)
        open(gw.log_path, "w").close()
        log = open(gw.log_path, "ab")
        gw.process = subprocess.Popen([os.path.join(gateway.BUILD, "symbiontd"), "-c", gw.path], env=gw.env, stdout=log,
                                      stderr=log, stdin=subprocess.DEVNULL)
        log.close()
        if not wait_until(lambda: gw.process.poll() is not None or gw.alive(), 60, 0.005):
            gw.kill()
            return "hangs"
        if gw.process.poll() is None:
            if number != NEVER and not wait_until(lambda: gw.process.poll() is not None or gw.ask("status")["meters"], 5):
                return "has no meters"
            shim.set(armed=0)
            gw.process.terminate()
            try:
                gw.process.wait(60)
            except subprocess.TimeoutExpired:
                gw.kill()
                return "does not stop"
        shim.set(armed=0)
        text = gw.log()
        if gw.process.returncode < 0:
            return "ends by signal %d" % -gw.process.returncode
        if gw.process.returncode == 99 or "ERROR: AddressSanitizer" in text or "runtime error:" in text:
            return "sanitizer"
        if gw.process.returncode and not sentence(text):
            return "status %d, no sentence" % gw.process.returncode
        return None

    try:
        wrong = once(NEVER)
        if wrong:
            tap.check(False, "start: works with memory", wrong + gw.log())
            return
        numbers, total = shim.stacks()
        bad, tried = [], choose(numbers, total, options)
        for number in tried:
            wrong = once(number)
            if wrong:
                bad.append((number, wrong, gw.log()))
            if options.number is not None:
                print(wrong, gw.log())
        report(tap, "start", len(tried), total, bad)
    finally:
        gw.__exit__()


def test_reload(tap, shim, bodies, options):
    """One daemon, a reload for each place; then it must still take a good reload, and poll."""
    own = not options.libraries
    gw = Gateway(bodies[0])
    gw.env.update(shim.env)
    shim.set(armed=0)

    def reload(number, which):
        before = gw.ask("status")["config"]
        gw.configure(bodies[which])
        shim.arm(number, own)
        gw.process.send_signal(1)

        def over():
            try:
                now = gw.ask("status")["config"]
            except (OSError, ValueError):  # an answer for which there was no memory
                return gw.process.poll() is not None
            return now["reloads"] + now["reload_failures"] > before["reloads"] + before["reload_failures"]
        ended = wait_until(over, 60, 0.005)
        shim.set(armed=0)
        return None if ended and gw.process.poll() is None else "dies" if ended else "hangs"

    bad = []
    try:
        with gw:
            reload(NEVER, 1)
            numbers, total = shim.stacks()
            tried = choose(numbers, total, options)
            for i, number in enumerate(tried):
                wrong = reload(number, i % 2)
                if wrong:
                    bad.append((number, wrong, gw.log()))
                if wrong and not library_of(wrong, gw.log()):
                    break
                if wrong:  # the next one then
                    gw.kill()
                    os.truncate(gw.log_path, 0)
                    gw.configure(bodies[0])
                    gw.start()
            if all(library_of(what, err) for _, what, err in bad):
                reload(NEVER, 1)
                reload(NEVER, 0)
                config = gw.ask("status")["config"]
                cycles = gw.meter("feeder")["cycles"]
                if config.get("last_reload_error") and config["reload_failures"] == len(tried):
                    bad.append((0, "no reload works any more", str(config)))
                if not wait_until(lambda: gw.meter("feeder")["cycles"] > cycles + 3, 30):
                    bad.append((0, "it does not poll any more", str(gw.ask("status"))))
                status = gw.stop(60)
                if status:
                    bad.append((0, "status %d at the stop" % status, gw.log()))
            report(tap, "reload", len(tried), total, bad)
    except Exception as e:  # it may have died between two questions
        tap.check(False, "reload", "%r\n%s" % (e, where(gw.log())))


def verbs(directory, port, conf):
    symbiont = os.path.join(gateway.BUILD, "symbiont")
    streams, data = os.path.join(directory, "streams.csv"), os.path.join(directory, "data.csv")
    with open(streams, "w") as f:
        f.write("name,supply_degC,target_degC,power_kW\nhot,120,40,80\ncold,20,100,60\n")
    with open(data, "w") as f:
        f.write("time,feeder.active_power\n" +
                "".join("2024-03-01T00:%02d:00Z,%g\n" % (m, m * 100) for m in range(60)))
    rows = {
        "check": ["check", "-c", conf],
        "plan": ["plan", "-c", conf],
        "options": ["options", "symbiont.conf"],
        "options profile": ["options", "profile"],
        "profiles": ["profiles"],
        "profiles show": ["profiles", "eastron-sdm630"],
        "decode": ["decode", "0x4366", "0x3333", "0x0001", "0x0002"],
        "completion": ["completion", "bash"],
        "help": ["help", "read"],
        "read": ["read", "--tcp", "127.0.0.1:%d" % port, "--unit", "1", "--profile", "eastron-sdm630"],
        "scan": ["scan", "--tcp", "127.0.0.1:%d" % port, "--units", "1-2"],
        "replay": ["replay", "-c", conf, data],
        "pinch": ["pinch", streams],
    }
    rows = {name: [symbiont] + argv for name, argv in rows.items()}
    rows["symbiontd --check"] = [os.path.join(gateway.BUILD, "symbiontd"), "--check", "-c", conf]
    return rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--variant", default=os.environ["VARIANT"])
    parser.add_argument("--build", help="directory of the programs, instead of the variant's")
    parser.add_argument("--libraries", action="store_true")
    parser.add_argument("--all", type=int, default=0, help="besides, so many numbers evenly over the range")
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--only")
    parser.add_argument("--number", type=int)
    options = parser.parse_args()
    gateway.BUILD = options.build or os.path.join(ROOT, "build", options.variant)
    tap = Tap()
    with tempfile.TemporaryDirectory() as directory, Plant(PLANT) as plant, Mosquitto() as broker:
        shim = Shim(directory, options.variant)
        port = plant.ports["hall"]
        bodies = [SITE % (port, every, broker.port) for every in ("200 ms", "300 ms")]
        conf = os.path.join(directory, "symbiont.conf")
        with open(conf, "w") as f:
            f.write('site: { id = "mill"; };\n%s\nstorage: { directory = "%s/state"; };\n' % (bodies[0], directory))
        tests = {name: (lambda n=name, a=argv: test_verb(tap, shim, n, a, options, directory))
                 for name, argv in verbs(directory, port, conf).items()}
        tests["start"] = lambda: test_start(tap, shim, bodies[0], options)
        tests["reload"] = lambda: test_reload(tap, shim, bodies, options)
        for name, test in tests.items():
            if not options.only or name == options.only:
                begun = time.monotonic()
                test()
                print("# %s: %.1f s" % (name, time.monotonic() - begun), flush=True)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
