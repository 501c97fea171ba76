#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The man pages: made, clean in mandoc's eyes, and complete. TAP."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from servers import ROOT, Tap  # noqa: E402
from verbs import symbiont  # noqa: E402

PAGES = ("symbiont.1", "symbiontd.8", "symbiont.conf.5", "symbiont-profile.5", "symbiont-plant.5")
tap = Tap()


def shown(page):
    """As a reader sees it, without bold and with lines joined."""
    p = subprocess.run(["mandoc", "-Tutf8", "-O", "width=500", os.path.join(ROOT, "build/man", page)], stdout=subprocess.PIPE, text=True)
    return re.sub(r".\x08", "", p.stdout)


def main():
    variant = os.path.basename(os.environ.get("SYMBIONT_BUILD", "build/asan"))
    made = subprocess.run(["make", "-s", "-C", ROOT, "VARIANT=" + variant, "man"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    tap.check(made.returncode == 0, "make man", made.stdout)
    for page in PAGES:
        path = os.path.join(ROOT, "build/man", page)
        lint = subprocess.run(["mandoc", "-Tlint", "-W", "error", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        text = shown(page)
        tap.check(lint.returncode == 0 and lint.stdout == "", "%s is clean" % page, lint.stdout)
        tap.check("@OPTIONS@" not in text and "SEE ALSO" in text and "NAME" in text and len(text) > 1500, "%s has its sections" % page, text[:300])
        for name, section in re.findall(r"([a-z.-]+)\((\d)\)", text):
            if name.startswith("symbiont"):
                tap.check("%s.%s" % (name, section) in PAGES, "%s refers to %s(%s), which is there" % (page, name, section)) \
                    if "%s.%s" % (name, section) not in PAGES else None

    page = shown("symbiont.1")
    for verb in re.findall(r"^  (\w+) +\S", symbiont("help").out, re.M):
        options = re.findall(r"(--[a-z-]+)", "\n".join(x for x in symbiont("help", verb).out.splitlines() if re.match(r"  (-\w|   ) ?", x)))
        body = re.search(r"^   %s\n(.*?)(?=^   \w|^[A-Z])" % verb, page, re.M | re.S)
        missing = [o for o in options if body and o != "--help" and o not in body.group(1)]
        tap.check(body is not None and not missing, "symbiont(1) tells of %s" % verb, missing)
    for name, p in (("symbiont.conf", "symbiont.conf.5"), ("profile", "symbiont-profile.5"), ("plant", "symbiont-plant.5")):
        text = shown(p)
        options = [o.replace("\\", "") for o in re.findall(r"^\*([^*]+)\*", symbiont("options", name).out, re.M)]
        missing = [o for o in options if not re.search(r"^ +%s = " % re.escape(o), text, re.M)]
        tap.check(len(options) > 20 and not missing, "%s tells of every option" % p, missing)
    return tap.end()


sys.exit(main())
