#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does each fuzzer find a bug? A check is taken out of a copy of the tree, and the fuzzer must stumble within four
minutes of processor time (on a busy machine that is longer by the clock). Most take less than ten seconds.

usage: tests/fuzz/planted.py [NAME...]     from the top of the source tree, after `make fuzz` has built what it needs
Prints TAP. A fuzzer without a row below, or a row whose text is no longer in the source, is a failure: a bug that
cannot be planted proves nothing.
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

SECONDS = 240

# Fuzzer: file, what stands there, what stands there instead.
BUGS = {
    "config": ("src/config/value.c", "n > 60 ? 57 : n", "n > 90 ? 57 : n"),
    "control": ("src/base/control.c", "sizeof c->request - 1 - c->got, MSG_DONTWAIT", "sizeof c->request + 64 - c->got, MSG_DONTWAIT"),
    "coordinator_conf": ("src/coordinator/territory.c", "if (!exchange_is_pseudonym(p))", "if (0)"),
    "coordinator_state": ("src/coordinator/deal_file.c",
                          "&& d->kind <= SYNERGY_OUTLET && d->resource < RESOURCES && d->life.phase <= LIFE_ENDED && d->life.end <= LIFE_FINISHED", ""),
    "disclosure": ("src/exchange/disclosure_log.c", "strlen(p) == HASH_TEXT - 1", "strlen(p) >= HASH_TEXT - 1"),
    "envelope": ("src/exchange/codec_read.c", " || json_number_value(v) > 1)", ")"),
    "expression": ("src/expressions/lex.c", "if (n >= sizeof word)", "if (n >= sizeof word + 8)"),
    "influx_answer": ("src/publish/influx_answer.c", "|| (size_t)(end - at) - (sizeof before - 1) >= size)", ")"),
    "intake": ("src/coordinator/entries.c", "if (*p == e) {", "if (*p == e && e->declared) {"),
    "mbap": ("src/meters/modbus.c", "if (cursor_left(&c) != second)", "if (0)"),
    "offer": ("src/exchange/span.c", "if (n == 0 || n >= sizeof copy ||", "if (n == 0 ||"),
    "offers_file": ("src/matching/csv.c", "if (c->n == CSV_CELLS)", "if (c->n > CSV_CELLS)"),
    "outbox_row": ("src/store/outbox_block.c", " || RECORD_SIZE(topic_len, n) > used - at)", ")"),
    "point": ("src/meters/point.c", "size_t n = (size_t)2 * p->words;", "size_t n = (size_t)2 * p->words + 1;"),
    "profile": ("src/meters/point_compile.c", "p->address + p->words > 65536", "p->address + p->words > 65537"),
    "recording": ("src/meters/recording.c", "s++)\n        if (n < WORD_MAX - 1)\n            word[n++] = *s;\n    word", "s++)\n        if (n <= WORD_MAX)\n            word[n++] = *s;\n    word"),
    "replay": ("src/engine/replay_csv.c", "if (n == 0 || n >= sizeof copy)", "if (n == 0)"),
    "rtu": ("src/meters/rtu_find.c", "return whole <= n ? whole : 0;", "return whole;"),
    "rule_state": ("src/rules/rule_saved.c", "if (n != SIZE || memcmp", "if (n < 4 || memcmp"),
    "secret": ("src/base/files.c", "if (n == 0 || n >= size ||", "if (n == 0 ||"),
    "server_codec": ("src/simulator/sim_codec.c", "    if (n < whole)\n        return 0;\n", ""),
    "site_conf": ("src/config/fill.c", "if (n->bad || diag_errors(f->diag) > before)", "if (0)"),
    "stream_state": ("src/streams/stream_save.c", "m->surplus.state > STREAM_RELEASING ||", ""),
    "sunspec": ("src/meters/sunspec.c", "s->seen_count == SUNSPEC_MODELS_MAX", "s->seen_count == SUNSPEC_MODELS_MAX + 40"),
    "territory": ("src/gateway/territory_inbox.c", "if (!held && !life) {", "if (!held && !life && !view.own[0]) {"),
    "territory_state": ("src/gateway/territory_state.c", "        *s = (struct standing){0};\n", "        s->topic[0] = 'x';\n"),
    "waste": ("src/streams/waste_list.c", "while (n && isspace((unsigned char)s[n - 1]))", "while (isspace((unsigned char)s[n - 1]))"),
    "zone": ("src/base/zone.c", "if (!end || (size_t)(end - p - 1) >= sizeof text)", "if (!end)"),
}


def copy_tree(to):
    files = subprocess.run(["git", "ls-files", "-z"], capture_output=True, check=True).stdout.split(b"\0")
    for name in filter(None, files):
        name = name.decode()
        # A hunt begins with the seeds that people wrote, as a fuzzer of that code would have.
        if os.path.exists(name) and not name.startswith("docs/") and "/merged-" not in name:
            os.makedirs(os.path.join(to, os.path.dirname(name)), exist_ok=True)
            shutil.copy2(name, os.path.join(to, name))
    # What is built already is not built again: the times of the files tell make so.
    def not_needed(directory, names):
        top = directory == "build/fuzz"
        return [n for n in names if top and not os.path.isdir("build/fuzz/" + n) or n in ("corpus", "found")]
    if os.path.isdir("build/fuzz"):
        shutil.copytree("build/fuzz", os.path.join(to, "build/fuzz"), copy_function=shutil.copy2, ignore=not_needed)


def plant(tree, name):
    """Returns a sentence when it cannot be planted."""
    if name not in BUGS:
        return "no bug is known for it: add a row to BUGS"
    path, before, after = BUGS[name]
    path = os.path.join(tree, path)
    with open(path) as f:
        text = f.read()
    # clang-format may break the line elsewhere.
    pattern = r"\s+".join(re.escape(w) for w in before.split()) if "\n" not in before else re.escape(before)
    if before.startswith(" "):
        pattern = r"\s+" + pattern
    changed, count = re.subn(pattern, lambda m: after, text, count=1)
    if not count:
        return "%s no longer has %r" % (BUGS[name][0], before)
    with open(path + ".whole", "w") as f:
        f.write(text)
    with open(path, "w") as f:
        f.write(changed)
    return None


def restore(tree, name):
    path = os.path.join(tree, BUGS[name][0])
    if os.path.exists(path + ".whole"):
        shutil.copy(path + ".whole", path)


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def hunt(tree, name):
    """Processor seconds until it was found, or None; and what it was."""
    corpus = os.path.join(tree, "corpus-" + name)
    log = os.path.join(tree, name + ".log")
    dictionary = "tests/fuzz/dict/" + name
    os.makedirs(corpus)
    took = 0
    with open(log, "wb") as out:
        p = subprocess.Popen(["build/fuzz/fuzz_" + name, "-timeout=10", "-rss_limit_mb=2048", "-artifact_prefix=%s/" % corpus,
                              "-seed=1", *(["-dict=" + dictionary] if os.path.exists(dictionary) else []),
                              corpus, "tests/fuzz/seeds/" + name], cwd=tree, stdout=out, stderr=out)
        while p.poll() is None and took < SECONDS:
            took = cpu_seconds(p.pid)
            time.sleep(0.1)
        late = p.returncode is None
        if late:
            p.kill()
        p.wait()
    with open(log, errors="replace") as f:
        said = f.read()
    words = re.search(r"ERROR: (\S+: [^\n]{0,60})|runtime error: ([^\n]{0,60})|Assertion [^\n]{0,60}", said)
    # A fuzzer that cannot even start has found nothing.
    return (took, words.group(0)) if words and not late else (None, said[-200:])


def main():
    names = sys.argv[1:] or sorted(os.path.basename(p)[5:-2] for p in glob.glob("tests/fuzz/fuzz_*.c"))
    failed = 0
    with tempfile.TemporaryDirectory(prefix="symbiont-planted-") as tree:
        copy_tree(tree)
        for number, name in enumerate(names, 1):
            why = plant(tree, name)
            if not why:
                made = subprocess.run(["make", "-s", "build/fuzz/fuzz_" + name], cwd=tree, capture_output=True, text=True)
                if made.returncode:
                    why = "does not build: " + made.stderr[-400:]
            if why:
                took, words = None, why
            else:
                took, words = hunt(tree, name)
            if name in BUGS:
                restore(tree, name)
            failed += took is None
            print("%sok %d - %s%s" % ("not " if took is None else "", number, name,
                                      "" if took is None else ": found after %.1f s" % took), flush=True)
            print("# " + words.replace("\n", "\n# "), flush=True)
    print("1..%d" % len(names))
    return 1 if failed else 0


sys.exit(main())
