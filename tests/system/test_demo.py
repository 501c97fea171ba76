#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The demonstration ends by itself, loses nothing, and shows the moments for which it is there."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from servers import ROOT, main  # noqa: E402


def test_what_the_plant_has_to_spare_is_shown():
    out = subprocess.run([os.path.join(ROOT, "conf/demo/run")], env=dict(os.environ, DEMO_SECONDS="25"), text=True,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=180)
    assert out.returncode == 0, out.stdout[-3000:]
    for wanted in (r">>> surplus +furnace_heat: \d", r">>> full +cardboard: the container holds 19\d\d kg",
                   r">>> began +rule compressor_idles: the compressor idles at 1", r"\nlost +0\n", r"0 repeats"):
        assert re.search(wanted, out.stdout), "%s is not there: %s" % (wanted, out.stdout[-6000:])


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
