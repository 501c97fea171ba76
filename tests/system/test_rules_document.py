#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/rules.md: its worked examples are run as they stand there and compared line by line; its rules are checked."""
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from gateway import BUILD, environment  # noqa: E402
from servers import ROOT, main  # noqa: E402


def page():
    with open(os.path.join(ROOT, "docs/rules.md")) as f:
        return f.read()


def run(command, directory):
    env = environment()
    env["PATH"] = BUILD + os.pathsep + env["PATH"]
    out = subprocess.run(command, shell=True, cwd=directory, env=env, text=True, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, timeout=120)
    assert out.returncode == 0, command + "\n" + out.stderr
    return [line.rstrip() for line in out.stdout.splitlines()]


def compare(wanted, got, command):
    """"..." stands for any number of lines."""
    at, anywhere = 0, False
    for line in wanted:
        if line == "...":
            anywhere = True
            continue
        found = next((i for i in range(at, len(got)) if got[i] == line), None) if anywhere else at
        if found is None or found >= len(got) or got[found] != line:
            raise AssertionError("%s\nwanted: %s\ngot:    %s" % (command, line, got[at] if at < len(got) else "the end"))
        at, anywhere = found + 1, False
    if not anywhere and at != len(got):
        raise AssertionError("%s\nmore than wanted: %s" % (command, got[at]))


def test_the_worked_examples_are_true():
    blocks = re.findall(r"```\n(\$ .*?)```", page(), re.S)
    assert len(blocks) == 3, len(blocks)
    with tempfile.TemporaryDirectory(prefix="symbiont-rules-") as d:
        os.symlink(os.path.join(ROOT, "tests"), os.path.join(d, "tests"))
        os.mkdir(os.path.join(d, "build"))
        for block in blocks:
            lines = block.rstrip("\n").split("\n")
            commands = [line[2:] for line in lines if line.startswith("$ ")]
            wanted = [line for line in lines if not line.startswith("$ ")]
            got = [run(command, d) for command in commands][-1]
            compare(wanted, got, commands[-1])


def test_the_rule_shown_is_one():
    """The page's first rule, with the meter it speaks of."""
    rule = re.search(r"```\n(rules: \(.*?\);\n)```", page(), re.S).group(1)
    with tempfile.TemporaryDirectory(prefix="symbiont-rules-") as d:
        path = os.path.join(d, "symbiont.conf")
        with open(path, "w") as f:
            f.write('site: { id = "mill"; timezone = "Europe/Paris"; };\nlines: ( { name = "air"; tcp = "127.0.0.1"; } );\n'
                    'meters: ( { name = "compressor"; line = "air"; unit_id = 1; profile = "eastron-sdm630"; every = "2 s"; } );\n'
                    'mqtt: { server = "mqtt://127.0.0.1"; };\n' + rule)
        run("symbiont check -c " + path, d)


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
