#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the fault matrix: each row does one thing to a running gateway and measures what comes of it.

usage: tests/fault/torture.py [--fast] [--doc] [--seed N] [--list] [ROW...]

    make torture                    everything: about half an hour
    make torture ROWS="3 17"        only these
    make torture DOC=1              and writes the table of docs/reliability.md
    tests/fault/torture.py --fast   what `make test` runs, in TAP

A row passes when what it measures is within its limit and nothing else it looks at is wrong. A row that this machine cannot
run is skipped and says why; one whose part of the product does not exist is listed as not built. Neither counts as passed.
Each row runs in a process of its own; what it found is kept in build/torture/.
"""
import argparse
import concurrent.futures
import glob
import importlib
import json
import os
import signal
import subprocess
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from rig import ROOT, NotBuilt, Skip, built  # noqa: E402
from row import ROWS, Test  # noqa: E402

GROUPS = ["meters", "bus", "network", "broker", "influx", "disk", "clock", "process", "config", "neighbour", "crash"]
RESULTS = os.path.join(ROOT, "build", "torture")
BEGIN, END = "<!-- torture: begin -->", "<!-- torture: end -->"
ROW_SECONDS = 420
# What may be wrong because the machine is busy with something else; what the checker finds is never excused so.
LATE = ("measured ", "polling suffers", "the other line suffers")
TRIES = 3
RUNNING = set()  # process groups


def load():
    for group in GROUPS:
        if glob.glob(os.path.join(HERE, "rows_%s.py" % group)):
            importlib.import_module("rows_" + group)


# ---- One row, in this process ----

def is_late(words, row):
    return words.startswith(LATE) and (not words.startswith("measured ") or row.unit in ("%", "s", "ms", "polls"))



def run_here(row, seed):
    test, begun = Test(row, seed), time.monotonic()
    try:
        if row.netns:
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        row.function(test)
        result = "failed" if test.wrong else "passed"
        if test.measured is None and not test.wrong:
            test.wrong.append("nothing was measured")
            result = "failed"
    except Skip as e:
        result, test.words = "skipped", str(e)
    except NotBuilt as e:
        result, test.words = "not built", str(e)
    except BaseException as e:  # whatever it is, it is this row's failure
        result = "failed"
        test.wrong.append("%s: %s" % (type(e).__name__, e))
        traceback.print_exc()
    return {"row": row.number, "group": row.group, "what": row.what, "limit": row.limit, "unit": row.unit, "of": row.of,
            "measured": test.measured, "result": result, "wrong": test.wrong, "words": test.words, "notes": test.notes,
            "seconds": round(time.monotonic() - begun, 1), "date": time.strftime("%Y-%m-%d"),
            "only_late": bool(test.wrong) and all(is_late(w, row) for w in test.wrong)}


# ---- One row, in a process of its own ----

def command(row, seed, path):
    inside = [sys.executable, os.path.abspath(__file__), "--inside", path, "--seed", str(seed), row.number]
    if row.netns:
        own = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
        if subprocess.run([*own, "true"], stderr=subprocess.DEVNULL).returncode != 0:
            raise Skip("no network namespaces here")
        return own + inside
    return inside


def blank(row, result, words):
    return {"row": row.number, "group": row.group, "what": row.what, "limit": row.limit, "unit": row.unit, "of": row.of,
            "measured": None, "result": result, "wrong": [] if result != "failed" else [words], "words": words,
            "notes": {}, "seconds": 0, "date": time.strftime("%Y-%m-%d")}


def run_apart(row, seed):
    path = os.path.join(RESULTS, "row-%s.json" % row.number)
    log_path = os.path.join(RESULTS, "row-%s.log" % row.number)
    os.makedirs(RESULTS, exist_ok=True)
    if os.path.exists(path):
        os.unlink(path)
    try:
        words = command(row, seed, path)
    except Skip as e:
        return blank(row, "skipped", str(e))
    with open(log_path, "wb") as log:
        child = subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        RUNNING.add(child.pid)
        try:
            child.wait(ROW_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(child.pid, signal.SIGKILL)  # what it may have left behind, and itself when it is late
        except ProcessLookupError:
            pass
        child.wait()
        RUNNING.discard(child.pid)
    if not os.path.exists(path):
        return blank(row, "failed", "it ended without a result, see " + os.path.relpath(log_path, ROOT))
    with open(path) as f:
        return json.load(f)


def end_all(signum, frame):
    """Nothing is left behind when the whole is ended from outside."""
    for pid in list(RUNNING):
        try:
            os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    os._exit(128 + signum)


def run_row(row, seed):
    """A row that is only late is run again: somebody else may have had the processor. How often is said."""
    r = run_apart(row, seed)
    for attempt in range(2, TRIES + 1):
        if r["result"] != "failed" or not r.get("only_late"):
            break
        before = "; ".join(r["wrong"])
        r = run_apart(row, seed)
        r["words"] = "at try %d of %d, before: %s" % (attempt, TRIES, before)
    return r


# ---- What is said of them ----

def number(value, unit):
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = ("%.2f" % value).rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    return "%s %s" % (text, unit) if unit else text


def limit_of(r):
    return "%s %s" % ("≤" if r["of"] == "most" else "≥", number(r["limit"], r["unit"]))


def say(r, _=0):
    print("%-4s %-58.58s %-14s %-14s %s" % (r["row"], r["what"], limit_of(r), number(r["measured"], r["unit"]),
                                          r["result"] + (": " + r["words"] if r["words"] else "")), flush=True)
    for w in r["wrong"]:
        for line in str(w).split("\n")[:24]:
            print("       ! " + line, flush=True)


def tally(results):
    order = ["passed", "failed", "skipped", "not built"]
    return ", ".join("%d %s" % (sum(r["result"] == k for r in results), k) for k in order
                     if any(r["result"] == k for r in results))


def cell(text):
    return str(text).replace("|", "\\|").replace("\n", " ")


def table(results):
    lines = ["| row | what was done, and what is measured | limit | measured | longest poll delay | result |",
             "|---|---|---|---|---|---|"]
    for r in results:
        delay = r["notes"].get("delay_ms")
        lines.append("| %s | %s | %s | %s | %s | %s |" % (
            r["row"], cell(r["what"]), limit_of(r), number(r["measured"], r["unit"]),
            "-" if delay is None else "%d ms" % delay, cell(r["result"] + (": " + r["words"] if r["words"] else ""))))
    recovered = [(r, r["notes"]["recovery_s"]) for r in results if "recovery_s" in r["notes"]]
    lines += ["", "Time from the end of a fault to the normal state again:", "", "| row | fault | recovery |", "|---|---|---|"]
    lines += ["| %s | %s | %.1f s |" % (r["row"], cell(r["what"].split(":")[0]), s) for r, s in recovered]
    others = [(r, {k: v for k, v in r["notes"].items() if k not in ("delay_ms", "recovery_s", "seed")}) for r in results]
    lines += ["", "Other figures of the same run:", ""]
    lines += ["* row %s: %s" % (r["row"], ", ".join("%s %s" % (k.replace("_", " "), number(v, "")) for k, v in n.items()))
              for r, n in others if n]
    return "\n".join(lines) + "\n"


def write_doc(results):
    path = os.path.join(ROOT, "docs", "reliability.md")
    with open(path) as f:
        text = f.read()
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    head = "\n\nWritten by `make torture DOC=1` on %s: %s.\n\n" % (time.strftime("%Y-%m-%d"), tally(results))
    with open(path, "w") as f:
        f.write(text[:begin] + head + table(results) + "\n" + text[end:])


def kept(rows):
    results = []
    for row in rows:
        path = os.path.join(RESULTS, "row-%s.json" % row.number)
        if os.path.exists(path):
            with open(path) as f:
                results.append(json.load(f))
        else:
            results.append(blank(row, "not run", ""))
    return results


def tap(r, i):
    words = "%d - row %s: %s" % (i, r["row"], r["what"])
    if r["result"] in ("skipped", "not built"):
        print("ok %s # SKIP %s" % (words, r["words"] or r["result"]), flush=True)
    else:
        print("%sok %s (%s, limit %s)" % ("" if r["result"] == "passed" else "not ", words, number(r["measured"], r["unit"]), limit_of(r)),
              flush=True)
    for w in r["wrong"]:
        print("# " + str(w).replace("\n", "\n# "), flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("rows", nargs="*")
    p.add_argument("--fast", action="store_true")
    p.add_argument("--doc", action="store_true")
    p.add_argument("--doc-only", action="store_true", help="writes the table from what earlier runs have left")
    p.add_argument("--list", action="store_true")
    p.add_argument("--seed", type=int, default=None)
    p.add_argument("--inside", help=argparse.SUPPRESS)
    args = p.parse_args()
    load()
    known = {r.number: r for r in ROWS}
    unknown = [n for n in args.rows if n not in known]
    if unknown:
        p.error("no row %s" % ", ".join(unknown))
    rows = [known[n] for n in args.rows] if args.rows else [r for r in ROWS if not args.fast or r.fast]
    seed = args.seed if args.seed is not None else int.from_bytes(os.urandom(4), "big")
    if args.inside:
        result = run_here(rows[0], seed)
        with open(args.inside + ".new", "w") as f:
            json.dump(result, f, indent=1)
        os.replace(args.inside + ".new", args.inside)
        return 0
    if args.list:
        for r in rows:
            print("%-4s %-10s %s%s" % (r.number, r.group, r.what, " (fast)" if r.fast else ""))
        return 0
    if args.doc_only:
        write_doc(kept(ROWS))
        return 0
    subprocess.run(["make", "-s", "VARIANT=" + os.environ["VARIANT"]], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    for program in ("tests/fault/toxic_proxy", "tests/fault/disk_shim.so", "tests/fault/slow_dns.so"):
        built(program)
    for number_of in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number_of, end_all)
    results, begun = [], time.monotonic()
    # The rows of the fast part mostly wait: several at a time.
    with concurrent.futures.ThreadPoolExecutor(4 if args.fast else 1) as pool:
        for row, r in zip(rows, pool.map(lambda row: run_row(row, seed), rows)):
            with open(os.path.join(RESULTS, "row-%s.json" % row.number), "w") as f:
                json.dump(r, f, indent=1)
            results.append(r)
            (tap if args.fast else say)(r, len(results))
    if args.fast:
        print("1..%d" % len(results))
    else:
        print("\n%s; %.0f s; seed %d" % (tally(results), time.monotonic() - begun, seed))
    if args.doc:
        write_doc(kept(ROWS) if args.rows else results)
    return 1 if any(r["result"] == "failed" for r in results) or not results else 0


if __name__ == "__main__":
    sys.exit(main())
