#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`symbiont match`: the worked examples through files, both formats the same, and files that are wrong."""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from gateway import BUILD  # noqa: E402
from servers import main  # noqa: E402

HEAT = """role,resource,site,quantity,annual,supply_degC,return_degC,in_degC,out_degC
offer,heat,mill,550,,65,45,,
need,heat,greenhouse,400,2400,,,30,50
"""


def match(text, *options, suffix=".csv"):
    with tempfile.NamedTemporaryFile("w", suffix=suffix) as f:
        f.write(text)
        f.flush()
        r = subprocess.run([os.path.join(BUILD, "symbiont"), "match", f.name, *options], capture_output=True, text=True, timeout=120)
        return r.returncode, r.stderr.replace(f.name, "FILE"), r.stdout


def as_json(text, *options, **more):
    status, err, out = match(text, "--json", *options, **more)
    assert status == 0, err
    return json.loads(out)


def test_a_pair_of_800_m():
    r = as_json(HEAT, "--distance", "800", "--set", "pipe_price=0")
    (m,) = r["matches"]
    assert abs(m["quantity"] - 400) < 4 and abs(m["annual"] - 2400) < 24 and abs(m["payback_y"] - 4.05) < 0.0405, m
    assert abs(m["capex_eur"] - 500000) < 5000 and abs(m["details"]["loss_kW"] - 15.6) < 0.156, m
    assert abs(r["ceiling"]["possible_kW"] - 400) < 0.01


def test_why_not():
    r = as_json(HEAT, "--distance", "8000", "--set", "pipe_price=0", "--all")
    assert not r["matches"]
    (m,) = r["others"]
    assert m["verdict"] == "refused"
    failed = {g["name"]: g for g in m["gates"] if not g["pass"]}
    assert set(failed) == {"density", "delivered", "source_power"}, failed
    assert "53.5" in failed["delivered"]["text"] and "556" in failed["source_power"]["text"]


def test_known_distances():
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as f:
        f.write("site_a,site_b,distance_m\ngreenhouse,mill,800\n")
        f.flush()
        (m,) = as_json(HEAT, "--distances", f.name, "--set", "pipe_price=0")["matches"]
        assert m["distance_m"] == 800 and m["verdict"] == "certain", m


def test_bodies_of_messages():
    body = {"id": "a1", "revision": 1, "role": "offer", "synergy": "exchange", "resource": "heat", "provenance": "measured", "level": 3,
            "site": {"pseudonym": "mill"}, "typical": 550, "heat": {"supply": 65, "back": 45}}
    need = dict(body, id="b1", role="need", site={"pseudonym": "greenhouse"}, typical=400, annual=2400, heat={"supply": 50, "back": 30})
    options = ("--distance", "800")
    (csv,) = as_json(HEAT, *options)["matches"]
    for text in (json.dumps([body, need]), json.dumps(body) + "\n" + json.dumps(need) + "\n"):
        (m,) = as_json(text, *options, suffix=".json")["matches"]
        assert [m[k] for k in ("quantity", "annual", "capex_eur", "eur_yr")] == [csv[k] for k in ("quantity", "annual", "capex_eur", "eur_yr")]
    wrong = json.dumps(body) + "\n" + json.dumps(dict(need, typical=-1)) + "\n"
    status, err, _ = match(wrong, suffix=".json")
    assert status == 1 and "FILE:2: " in err and "typical" in err, err


def test_rounds_and_words():
    rows = "role,resource,site,quantity,codes,capacity_t\n" + "".join(
        "offer,waste,%s,%s,%s,2.4\n" % r for r in (("A", 1.2, "15 01 01"), ("B", 0.8, "150101"), ("C", 2.0, "15 01 01"), ("D", 0.3, "15 01 10*")))
    (m,) = as_json(rows)["matches"]
    assert m["way"] == "round" and len(m["members"]) == 3 and m["details"]["trips_pooled"] == 52, m
    _, _, out = match(rows, "--explain")
    assert "A, B and C could have the same waste collected together: a round every 7 days" in out, out
    _, _, out = match(rows, "--explain", "--lang", "fr")
    assert "une tournée tous les 7 jours" in out, out


def test_errors_name_the_place():
    for text, words in ((HEAT + "offer,heat,mill,lots,,65,45,,\n", ("FILE:4:", "lots")),
                        (HEAT.replace("quantity", "quantiti"), ("FILE:1:", "quantity")),
                        (HEAT + "offer,hot,mill,5,,65,45,,\n", ("FILE:4:", "heat, cold")),
                        (HEAT + "need,heat,mill,5,,65,45,,\n", ("FILE:4:", "out_degC")),
                        ("role,resource,site,quantity,codes\noffer,waste,A,1,15 01 10 *\n", ("FILE:2:",)),
                        ("", ("first row",))):
        status, err, _ = match(text)
        assert status == 1 and all(w in err for w in words), (text, err)
    status, err, _ = match(HEAT, "--set", "gas_prise=5")
    assert status == 64 and "gas_price" in err, err


sys.exit(main(sys.modules[__name__]))
