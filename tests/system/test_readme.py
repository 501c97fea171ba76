#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the documents promise is there: verbs, their options, make targets, files, and configurations that are valid. TAP."""
import glob
import os
import re
import shlex
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from servers import ROOT, Tap  # noqa: E402
from verbs import Directory, symbiont  # noqa: E402

tap = Tap()
PAGES = ["README.md"] + sorted(os.path.relpath(p, ROOT) for p in glob.glob(os.path.join(ROOT, "docs/*.md")))


def read(path):
    with open(os.path.join(ROOT, path)) as f:
        return f.read()


def commands(text):
    """What stands as a command in a page: `symbiont ...` in backticks, and lines of blocks that begin with it."""
    spans = re.findall(r"`(symbiont [^`\n]+)`", text)
    return spans + [line.strip() for block in re.findall(r"```\w*\n(.*?)```", text, re.S) for line in block.split("\n")
                    if re.match(r"\s*(\$ )?symbiont [a-z]", line)]


def verbs_and_options(page, text):
    options = {}
    for command in commands(text):
        command = command.removeprefix("$ ").split(" | ")[0].split("  #")[0]
        try:
            words = shlex.split(command)
        except ValueError:
            words = command.split()
        verb = words[1]
        if verb not in options:
            r = symbiont("help", verb)
            options[verb] = set(re.findall(r"--[a-z-]+", r.out)) if r.status == 0 else None
        missing = [w for w in words[2:] if w.startswith("--") and options[verb] is not None and w.split("=")[0] not in options[verb]]
        tap.check(options[verb] is not None and not missing, "%s: %s" % (page, command), missing or "there is no such verb") \
            if options[verb] is None or missing else None
    tap.check(True, "%s: verbs and options of %d commands" % (page, len(commands(text))))


def targets(page, text):
    makefile = read("Makefile")
    have = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    asked = set(t for line in re.findall(r"(?:^|`)make ((?:[a-z-]+|[A-Z]+=[^\s`]*)(?: [a-z-]+| [A-Z_]+=[^\s`]*)*)", text, re.M) for t in line.split() if "=" not in t)
    asked |= set(re.findall(r"\| make ([a-z-]+)", text))
    files = set(t for t in asked if "/" in t)
    tap.check(asked - files <= have, "%s: make targets %s" % (page, " ".join(sorted(asked))), asked - files - have)


def links(page, text):
    here = os.path.dirname(os.path.join(ROOT, page))
    wanted = [w.split("#")[0] for w in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in w and not w.startswith("#")]
    missing = [w for w in wanted if w and not os.path.exists(os.path.join(here, w))]
    tap.check(not missing, "%s: what it links to is there" % page, missing)


def main():
    for page in PAGES:
        text = read(page)
        for what in (verbs_and_options, targets, links):
            what(page, text)
    readme = read("README.md")
    config = re.search(r"```\n(site: \{.*?)```", readme, re.S)
    with Directory() as d:
        r = symbiont("check", d.write("symbiont.conf", config.group(1) if config else ""))
        tap.check(config and r.status == 0 and "1 meters on 1 lines, 0 warnings" in r.out, "the configuration in the README is right", r)
    return tap.end()


sys.exit(main())
