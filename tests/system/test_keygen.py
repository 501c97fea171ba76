#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""symbiont keygen: the file, what it prints, and that it never overwrites."""
import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from servers import build, main


def keygen(*args):
    return subprocess.run([build("symbiont"), "keygen", *args], capture_output=True, text=True)


def public_of(seed):
    """The public key of a seed, by openssl."""
    der = bytes.fromhex("302e020100300506032b657004220420") + seed
    out = subprocess.run(["openssl", "pkey", "-inform", "DER", "-pubout", "-outform", "DER"], input=der,
                         capture_output=True, check=True).stdout
    return out[-32:]


def test_a_key_is_made_once():
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "site.key")
        made = keygen(path, "--json")
        assert made.returncode == 0, made.stderr
        said = json.loads(made.stdout)
        assert os.stat(path).st_mode & 0o7777 == 0o400
        with open(path) as f:
            seed = base64.b64decode(f.read(), validate=False)
        key = base64.b64decode(said["public_key"])
        assert len(seed) == 32 and key == public_of(seed)
        assert said["key_id"] == hashlib.sha256(key).hexdigest()[:16]
        assert re.fullmatch("f-[b-z2-9]{8}", said["pseudonym"])
        again = keygen(path)
        assert again.returncode == 1 and "never overwritten" in again.stderr, again
        with open(path) as f:
            assert base64.b64decode(f.read()) == seed
        shown = keygen(path, "--show", "--pseudonym", "f-mine")
        assert shown.returncode == 0 and said["public_key"] in shown.stdout and said["key_id"] in shown.stdout
        assert '{ pseudonym = "f-mine"; keys = ( "%s" ); },' % said["public_key"] in shown.stdout
        assert base64.b64encode(seed).decode() not in shown.stdout + made.stdout


def test_what_it_prints_is_a_configuration():
    with tempfile.TemporaryDirectory() as d:
        said = keygen(os.path.join(d, "site.key")).stdout
        coordinator = json.loads(keygen(os.path.join(d, "coordinator.key"), "--json").stdout)["public_key"]
        block = re.search(r"^    (exchange: .*?};)$", said, re.M | re.S).group(1)
        path = os.path.join(d, "symbiont.conf")
        with open(path, "w") as f:
            f.write('site: { id = "mill"; name = "Mill"; territory = "valley"; latitude = 49.3237; longitude = 6.1183; };\n' +
                    block.replace("THE COORDINATOR'S PUBLIC KEY", coordinator) + "\n")
        out = subprocess.run([build("symbiont"), "check", path], capture_output=True, text=True)
        assert out.returncode == 0 and "configuration OK" in out.stdout, out


def test_what_cannot_be():
    with tempfile.TemporaryDirectory() as d:
        assert keygen().returncode == 64
        assert keygen(os.path.join(d, "no", "dir")).returncode == 1
        wrong = keygen(os.path.join(d, "k"), "--pseudonym", "Mill Florange")
        assert wrong.returncode == 64 and "--pseudonym" in wrong.stderr and not os.listdir(d)
        missing = keygen(os.path.join(d, "k"), "--show")
        assert missing.returncode == 1 and "cannot read" in missing.stderr


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
