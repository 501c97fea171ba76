#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does docs/adding-a-meter.md word for word: writes its files, runs its commands, compares what they print.

Blocks of the page that count:
  ```conf file=NAME   is written to NAME; ```text file=NAME likewise
  ```sh               is run, all in one shell; it must succeed
  ```sh background    is started, waited for until it has printed a line, and ended at the end
  ```text             is what the block before it printed: "..." stands for anything, a line "..." for any lines
SYMBIONT_BUILD names the directory of the programs (default build/release). Prints TAP.
"""
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGE = os.path.join(ROOT, "docs", "adding-a-meter.md")
BUILD = os.path.join(ROOT, os.environ.get("SYMBIONT_BUILD", "build/release"))
PORT = 15502  # written in the page
END = "end-of-block"


def blocks():
    """(line, kind, words after it, text) of every fenced block."""
    found = []
    with open(PAGE, encoding="utf-8") as page:
        lines = page.read().split("\n")
    i = 0
    while i < len(lines):
        if lines[i].startswith("```"):
            words = lines[i][3:].split()
            end = lines.index("```", i + 1)
            if words:
                found.append((i + 1, words[0], words[1:], "\n".join(lines[i + 1:end]) + "\n"))
            i = end
        i += 1
    return found


def pattern(text):
    out = ""
    for line in text.rstrip("\n").split("\n"):
        if line == "...":
            out += r"(?:.*\n)*?"
        else:
            out += ".*".join(re.escape(part) for part in line.rstrip().split("...")) + r" *\n"
    return re.compile(r"\A" + out + r"\Z")


class Shell:
    def __init__(self, directory):
        env = dict(os.environ, PATH=BUILD + ":" + os.environ["PATH"], LC_ALL="C")
        env.pop("SYMBIONT_PROFILES", None)
        self.shell = subprocess.Popen(["bash"], cwd=directory, env=env, stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.background = []
        self.directory, self.env = directory, env

    def run(self, text):
        self.shell.stdin.write(text + "status=$?; echo; echo %s $status\n" % END)
        self.shell.stdin.flush()
        out = ""
        for line in self.shell.stdout:
            if line.startswith(END):
                return int(line.split()[1]), out[:-1]  # without the newline before the mark
            out += line
        return 1, out + "the shell ended\n"

    def start(self, text):
        p = subprocess.Popen(["bash", "-c", "exec " + text], cwd=self.directory, env=self.env,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.background.append(p)
        line = p.stdout.readline()
        return p.poll() is None and line != "", line

    def close(self):
        self.shell.stdin.close()
        self.shell.wait()
        for p in self.background:
            p.terminate()
            p.stdout.read()
            p.wait()


class Tap:
    def __init__(self):
        self.n = self.failed = 0

    def result(self, good, what, detail=""):
        self.n += 1
        self.failed += not good
        print("%sok %d - %s" % ("" if good else "not ", self.n, what))
        if not good:
            print("\n".join("# " + line for line in detail.split("\n")))


def port_is_free():
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", PORT))
        except OSError:
            return False
    return True


def run_page(tap, directory):
    shell, printed = Shell(directory), None
    try:
        for line, kind, words, text in blocks():
            name = [w[5:] for w in words if w.startswith("file=")]
            where = "line %d: " % line
            if name:
                path = os.path.join(directory, name[0])
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w", encoding="utf-8") as out:
                    out.write(text)
                tap.result(True, where + "wrote " + name[0])
            elif kind == "sh" and "background" in words:
                good, said = shell.start(text.strip())
                tap.result(good, where + "started " + text.strip(), said)
            elif kind == "sh":
                status, printed = shell.run(text)
                tap.result(status == 0, where + text.strip().split("\n")[-1], printed)
            elif kind == "text" and printed is not None:
                shown = "".join(l.rstrip() + "\n" for l in printed.split("\n")[:-1] or [printed])
                tap.result(bool(pattern(text).match(shown)), where + "prints what the page shows",
                           "expected:\n" + text + "printed:\n" + printed)
                printed = None
    finally:
        shell.close()


def main():
    if not port_is_free():
        print("1..1\nok 1 - adding a meter # SKIP port %d is taken" % PORT)
        return 0
    directory = tempfile.mkdtemp(prefix="symbiont-page-")
    tap = Tap()
    try:
        run_page(tap, directory)
    finally:
        shutil.rmtree(directory)
    print("1..%d" % tap.n)
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main())
