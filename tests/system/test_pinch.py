#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`symbiont pinch`: a textbook problem through the file format, latent heat, and files that are wrong."""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from gateway import BUILD  # noqa: E402
from servers import main  # noqa: E402

HEAD = "name,supply_degC,target_degC,power_kW\n"


def pinch(text, *options):
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as f:
        f.write(text)
        f.flush()
        r = subprocess.run([os.path.join(BUILD, "symbiont"), "pinch", f.name, "--json", *options], capture_output=True,
                           text=True, timeout=60)
        return r.returncode, r.stderr, json.loads(r.stdout) if r.returncode == 0 else None


def test_four_streams():
    status, _, r = pinch(HEAD + "C1,20,135,230\nH2,170,60,330\n# a remark\nC3,80,140,240\nH4,150,30,180\n", "--dt-min", "10")
    assert status == 0 and abs(r["hot_utility_kW"] - 20) < 0.01 and abs(r["cold_utility_kW"] - 60) < 0.01, r
    assert (r["pinch_hot_degC"], r["pinch_cold_degC"]) == (90, 80) and abs(r["recovered_kW"] - 450) < 0.01, r
    assert [round(row["cascade_kW"], 2) for row in r["cascade"]] == [20, 80, 82.5, 0, 75, 60], r


def test_latent_heat_and_own_contribution():
    head = "name,site,supply_degC,target_degC,power_kW,dt_contribution_K\n"
    status, _, r = pinch(head + "steam,mill,130,130,500,5\nboil,laundry,120,120,-500,5\n")
    assert status == 0 and abs(r["recovered_kW"] - 500) < 0.01, r


def test_errors_name_the_place():
    for text, words in (("name,supply,target_degC,power_kW\n", (":1:", "supply")), (HEAD + "A,20,x,5\n", (":2:", '"x"')),
                        (HEAD + "A,20\n", (":2:", "target_degC")), ("", ("first row",))):
        status, err, _ = pinch(text)
        assert status == 1 and all(w in err for w in words), (text, err)


sys.exit(main(sys.modules[__name__]))
