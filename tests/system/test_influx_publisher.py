#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The InfluxDB publisher against InfluxDB 1.6, VictoriaMetrics, and a server that answers what the test says."""
import contextlib
import os
import shutil
import sqlite3
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from http_stub import HttpStub
from servers import Certificates, Driver, Influx, VictoriaMetrics, free_port, main, wait_until


def v1(url, more=""):
    return 'url = "%s"; database = "plant"; batch_age = "20 ms"; %s' % (url, more)


def secret(directory, name, text):
    path = os.path.join(directory, name)
    with open(path, "w") as f:
        f.write(text + "\n")
    os.chmod(path, 0o600)
    return path


def test_readings_reach_influxdb():
    with Influx() as db:
        db.create("plant")
        with Driver("influxdb", v1(db.url)) as d:
            d.tell("readings", 10, 100, 1000)
            assert d.tell("sent", 20000), d.tell("status")
            s = d.tell("status")
            assert s["connected"] and s["stored"] == 1000 and s["set_aside"] == 0, s
            assert s["sent_bytes"] * 3 < s["stored_bytes"]
            assert d.tell("stats")["bytes_written"] == 0
        rows = db.query("SELECT * FROM meters WHERE meter = 'meter_3'", "plant")
        assert len(rows) >= 95, len(rows)  # several a millisecond share a time: later ones replace
        assert rows[0]["site"] == "test-site" and rows[0]["voltage_l1"] == 230.1, rows[0]
        assert rows[0]["active_power_l1"] == 252.3, rows[0]
        kinds = {r["fieldKey"]: r["fieldType"] for r in db.query("SHOW FIELD KEYS FROM meters", "plant")}
        assert len(kinds) == 25 and set(kinds.values()) == {"float"}, kinds


def test_bad_lines_are_set_aside_by_influxdb_s_words():
    with Influx() as db:
        db.create("plant")
        db.write("plant", "events,site=x level=1i 1000")
        with Driver("influxdb", v1(db.url).replace("20 ms", "300 ms")) as d:
            d.tell("readings", 3, 10)
            d.tell("event", "alerts", "{}", "events,site=x this is no line protocol 1")
            d.tell("event", "alerts", "{}", "events,site=x level=2.5 2000")  # an integer for ever
            d.tell("event", "alerts", "{}", "events,site=x level=7i 3000")
            d.tell("readings", 3, 10)
            assert d.tell("sent", 20000), d.tell("status")
            rejected = d.tell("rejected")["rejected"]
            assert len(rejected) == 2, rejected
            assert "no line protocol" in rejected[0]["payload"] and "unable to parse" in rejected[0]["why"], rejected[0]
            assert "level=2.5" in rejected[1]["payload"] and "type conflict" in rejected[1]["why"], rejected[1]
        rows = db.query("SELECT * FROM events", "plant")
        assert [r["level"] for r in rows] == [1, 7], rows
        assert len(db.query("SELECT count(voltage_l1) FROM meters GROUP BY meter", "plant")) == 1


def test_database_that_is_made_later():
    with Influx() as db, Driver("influxdb", v1(db.url)) as d:
        d.tell("readings", 1, 5)
        assert wait_until(lambda: d.tell("status")["configuration_fault"], 10)
        s = d.tell("status")
        assert "not found" in s["last_error"] and s["next_attempt_s"] > 30, s
        assert d.tell("stats")["waiting"] == 5


def test_influxdb_killed_and_back():
    with Influx() as db:
        db.create("plant")
        with Driver("influxdb", v1(db.url)) as d:
            d.tell("readings", 2, 20, 2000)
            assert d.tell("sent", 10000)
            db.kill()
            d.tell("readings", 2, 20, 2000)
            assert wait_until(lambda: not d.tell("status")["connected"], 10)
            db.start()
            assert d.tell("sent", 30000), d.tell("status")
            assert d.tell("status")["set_aside"] == 0
        rows = db.query("SELECT count(voltage_l1) FROM meters WHERE meter='meter_1'", "plant")
        assert rows[0]["count"] == 40, rows


def test_victoria_metrics():
    with VictoriaMetrics() as vm, Driver("influxdb", v1(vm.url)) as d:
        d.tell("readings", 3, 20, 2000)
        assert d.tell("sent", 10000)
        def complete():
            found = vm.series("meters_voltage_l1")
            return found if sum(len(s["values"]) for s in found) == 60 else None

        series = wait_until(complete, 20, 0.2) or vm.series("meters_voltage_l1")
        assert sorted(s["metric"]["meter"] for s in series) == ["meter_0", "meter_1", "meter_2"], series
        assert all(len(s["values"]) == 20 and s["metric"]["site"] == "test-site" for s in series)
        assert series[0]["values"][0] == 230.1


def test_what_is_asked_of_the_server():
    with HttpStub() as server:
        with Driver("influxdb", v1(server.url, 'retention_policy = "one year";')) as d:
            d.tell("readings", 1, 3)
            assert d.tell("sent", 5000)
        request = server.requests[0]
        assert request.method == "POST" and request.path == "/write?db=plant&rp=one%20year&precision=ms", request.path
        assert request.headers["content-encoding"] == "gzip" and "expect" not in request.headers
        assert request.headers["user-agent"].startswith("symbiont/")
        with Driver("influxdb", v1(server.url, "gzip = false;")) as d:
            d.tell("readings", 1, 3)
            assert d.tell("sent", 5000)
        assert "content-encoding" not in server.requests[-1].headers
        assert server.requests[-1].body.startswith(b"meters,meter=meter_0,site=test-site voltage_l1=230.1,")


def test_one_connection_for_many_requests():
    with HttpStub() as server, Driver("influxdb", v1(server.url)) as d:
        d.tell("readings", 1, 30, 30000)
        assert d.tell("sent", 5000)
        assert len(server.requests) > 10 and server.connections == 1, (len(server.requests), server.connections)


def test_batches_are_bounded():
    with HttpStub() as server:
        more = 'batch_lines = 100; batch_size = "40 KiB"; '
        with Driver("influxdb", v1(server.url, more).replace("20 ms", "400 ms")) as d:
            d.tell("readings", 10, 100)
            assert d.tell("sent", 10000)
        assert len(server.stored) == 1000
        assert max(len(r.body) for r in server.requests) <= 40 * 1024
        assert max(len(r.lines) for r in server.requests) <= 100
        assert len(server.requests) < 40


def test_token_and_its_change():
    with HttpStub() as server:
        server.judge = lambda r: 204 if r.headers.get("authorization") == "Token new" else \
            (401, b'{"code":"unauthorized","message":"unauthorized access"}')
        import tempfile
        with tempfile.TemporaryDirectory() as directory:
            path = secret(directory, "token", "old")
            text = 'url = "%s/"; org = "my org"; bucket = "b"; token_file = "%s"; batch_age = "20 ms";'
            with Driver("influxdb", text % (server.url, path)) as d:
                d.tell("readings", 1, 5)
                assert wait_until(lambda: d.tell("status")["configuration_fault"], 5)
                s = d.tell("status")
                assert s["last_status"] == 401 and s["last_error"] == "unauthorized access", s
                assert len(server.requests) <= 2
                time.sleep(1.5)
                assert len(server.requests) <= 2, "hammered"
                secret(directory, "token", "new")
                assert d.tell("sent", 5000), d.tell("status")
                assert not d.tell("status")["configuration_fault"]
                assert "Token" not in d.log()
        assert server.requests[0].path == "/api/v2/write?bucket=b&org=my%20org&precision=ms"


def test_user_and_password():
    with HttpStub() as server:
        import base64
        import tempfile
        with tempfile.TemporaryDirectory() as directory:
            path = secret(directory, "password", "s3cret")
            with Driver("influxdb", v1(server.url, 'user = "gw"; password_file = "%s";' % path)) as d:
                d.tell("readings", 1, 1)
                assert d.tell("sent", 5000)
        wanted = "Basic " + base64.b64encode(b"gw:s3cret").decode()
        assert server.requests[0].headers["authorization"] == wanted


def test_one_bad_line_among_many_is_found():
    with HttpStub() as server:
        server.judge = lambda r: (400, b'{"error":"something is wrong"}') if b"poison" in r.body else 204
        with Driver("influxdb", v1(server.url, "").replace("20 ms", "300 ms")) as d:
            d.tell("readings", 10, 20)
            d.tell("event", "a", "{}", "poison,site=x v=1 1")
            d.tell("readings", 10, 20)
            assert d.tell("sent", 10000), d.tell("status")
            rejected = d.tell("rejected")["rejected"]
            assert [r["payload"] for r in rejected] == ["poison,site=x v=1 1\n"], rejected
            assert rejected[0]["why"] == "something is wrong"
        assert len(server.requests) < 25, len(server.requests)
        assert len([l for l in server.stored if l.startswith("meters")]) == 400


def test_a_bad_line_is_found_once_over_a_restart():
    """The batch is taken apart, its bad line set aside; then the server is busy, and the power fails."""
    with HttpStub() as server, tempfile.TemporaryDirectory() as directory:
        path, bad = os.path.join(directory, "outbox.db"), (400, b'{"error":"something is wrong"}')
        server.judge = lambda r: bad if b"poison" in r.body else 503
        settings = v1(server.url, "").replace("20 ms", "300 ms")
        with Driver("influxdb", settings, outbox=path, spill_ms=350) as d:
            d.tell("event", "a", "{}", "poison,site=x v=1 1")
            d.tell("readings", 10, 20)
            assert wait_until(lambda: d.tell("status")["set_aside"] == 1, 20), d.tell("status")
            assert wait_until(lambda: d.tell("stats")["on_disk"] == 201, 20), d.tell("stats")
            # The list of what was set aside is written within a second or two.
            assert wait_until(lambda: rejected_in(path) == 1, 20)
            d.kill()
        asked = len(server.requests)
        server.judge = lambda r: bad if b"poison" in r.body else 204
        with Driver("influxdb", settings, outbox=path, spill_ms=350) as d:
            assert d.tell("sent", 20000), d.tell("status")
            assert d.tell("status")["set_aside"] == 0 and len(d.tell("rejected")["rejected"]) == 1, (d.tell("status"), d.tell("rejected"))
        assert not [r for r in server.requests[asked:] if b"poison" in r.body], "it was sent again"
        assert len(server.requests) - asked <= 3 and len([l for l in server.stored if l.startswith("meters")]) == 200


def rejected_in(path):
    """Of the file as a power cut would leave it now: it is locked by its owner, so a copy is looked at."""
    with tempfile.TemporaryDirectory() as directory:
        for suffix in ("", "-wal"):
            if os.path.exists(path + suffix):
                shutil.copy(path + suffix, os.path.join(directory, "copy" + suffix))
        try:
            with contextlib.closing(sqlite3.connect(os.path.join(directory, "copy"))) as db:
                return db.execute("SELECT count(*) FROM rejected").fetchone()[0]
        except sqlite3.Error:  # torn while it was copied
            return 0


def test_listed_lines_of_3_x():
    with HttpStub() as server:
        body = (b'{"error":"partial write of line protocol occurred","data":[{"original_line":"x","line_number":2,'
                b'"error_message":"no"},{"line_number":4}]}')
        server.script = [(400, body)]
        with Driver("influxdb", v1(server.url).replace("20 ms", "300 ms")) as d:
            d.tell("readings", 5, 1)
            assert d.tell("sent", 10000)
            assert len(d.tell("rejected")["rejected"]) == 2
        assert len(server.requests) == 2 and len(server.stored) == 3


def test_unprocessable():
    with HttpStub() as server:
        body = (b'{"code":"unprocessable entity","message":"failure writing points to database: partial write: field type '
                b'conflict: input field \\"odd\\" on measurement \\"e\\" is type float, already exists as type integer '
                b'dropped=1"}')
        server.judge = lambda r: (422, body) if b"odd" in r.body else 204
        with Driver("influxdb", v1(server.url).replace("20 ms", "300 ms")) as d:
            d.tell("readings", 5, 2)
            d.tell("event", "a", "{}", "e,site=x odd=1.5 1")
            assert d.tell("sent", 10000)
            rejected = d.tell("rejected")["rejected"]
            assert len(rejected) == 1 and "odd" in rejected[0]["payload"], rejected
        assert len(server.requests) == 1, "sent again"


def test_too_large_is_halved_and_remembered():
    with HttpStub() as server:
        server.judge = lambda r: 413 if len(r.body) > 30000 else 204
        with Driver("influxdb", v1(server.url).replace("20 ms", "200 ms")) as d:
            d.tell("readings", 10, 40)
            assert d.tell("sent", 10000)
            assert len(server.stored) == 400
            limit = d.tell("status")["server_limit_bytes"]
            assert 10000 < limit <= 30000, limit
            refused = len(server.requests)
            d.tell("readings", 10, 40)
            assert d.tell("sent", 10000)
            assert all(len(r.body) <= 30000 for r in server.requests[refused:])


def test_busy_and_retry_after():
    with HttpStub() as server, Driver("influxdb", v1(server.url)) as d:
        server.script = [(503, {"Retry-After": "3"}), 204]
        d.tell("readings", 1, 3)
        assert d.tell("sent", 10000)
        pause = server.requests[1].at - server.requests[0].at
        assert 2.9 < pause < 4.5, pause
        server.script = [429, 502, 204]
        d.tell("readings", 1, 3)
        assert d.tell("sent", 20000)
        assert server.requests[4].at - server.requests[3].at > server.requests[3].at - server.requests[2].at
        assert d.tell("status")["set_aside"] == 0 and "answers again" in d.log()


def test_server_error_that_stays_is_looked_for():
    """A message that InfluxDB 2 answers with 500 whatever happens must not stop the others for ever."""
    with HttpStub() as server:
        server.judge = lambda r: (500, b'{"error":"internal error"}') if b"poison" in r.body else 204
        with Driver("influxdb", v1(server.url).replace("20 ms", "300 ms")) as d:
            d.tell("readings", 4, 4)
            d.tell("event", "a", "{}", "poison v=1 1")
            assert d.tell("sent", 90000), d.tell("status")
            rejected = d.tell("rejected")["rejected"]
            assert [r["payload"] for r in rejected] == ["poison v=1 1\n"], rejected
        assert len([l for l in server.stored if l.startswith("meters")]) == 16


def test_server_that_only_fails_costs_no_data():
    with HttpStub() as server:
        server.judge = lambda r: 500
        with Driver("influxdb", v1(server.url)) as d:
            d.tell("readings", 2, 5)
            time.sleep(8)
            assert d.tell("stats")["waiting"] == 10 and d.tell("status")["set_aside"] == 0
            assert len(server.requests) < 12
            server.judge = lambda r: 204
            assert d.tell("sent", 40000)
        assert len(set(server.stored)) == 10 or len(server.stored) >= 10


def test_drop_and_hang():
    with HttpStub() as server, Driver("influxdb", v1(server.url, 'timeout = "1 s";')) as d:
        server.script = ["drop", 204]
        d.tell("readings", 1, 3)
        assert d.tell("sent", 10000)
        server.script = ["hang", 204]
        d.tell("readings", 1, 3)
        begun = time.monotonic()
        assert d.tell("sent", 10000)
        assert time.monotonic() - begun < 5
        assert d.tell("status")["retries"] == 2


def test_redirect_is_not_followed():
    with HttpStub() as server, HttpStub() as other:
        server.judge = lambda r: (307, {"Location": other.url + "/write"})
        with Driver("influxdb", v1(server.url)) as d:
            d.tell("readings", 1, 3)
            assert wait_until(lambda: d.tell("status")["configuration_fault"], 5)
            assert other.url in d.tell("status")["last_error"], d.tell("status")
        assert not other.requests


def test_no_server_no_harm():
    with Driver("influxdb", v1("http://127.0.0.1:%d" % free_port())) as d:
        d.tell("readings", 5, 10)
        assert wait_until(lambda: "last_error" in d.tell("status"), 5)
        assert d.tell("close", 3000) < 1000
        d.tell("open")


def test_proxy_of_the_environment_is_not_used():
    os.environ["http_proxy"] = "http://127.0.0.1:1"
    try:
        with HttpStub() as server, Driver("influxdb", v1(server.url)) as d:
            d.tell("readings", 1, 3)
            assert d.tell("sent", 5000), d.tell("status")
    finally:
        del os.environ["http_proxy"]


def test_tls():
    with Certificates() as c, HttpStub(c.server, c.server_key) as server, \
            HttpStub(c.wrong_name, c.wrong_name_key) as wrong:
        with Driver("influxdb", v1(server.url, 'ca_file = "%s";' % c.ca)) as d:
            d.tell("readings", 1, 3)
            assert d.tell("sent", 5000), d.tell("status")
        for url, ca in ((server.url, c.other_ca), (wrong.url, c.ca)):
            with Driver("influxdb", v1(url, 'ca_file = "%s";' % ca)) as d:
                d.tell("readings", 1, 3)
                assert wait_until(lambda: "last_error" in d.tell("status"), 5)
                assert "error: influxdb:" in d.log() and "SSL" in d.tell("status")["last_error"], d.log()
        assert not wrong.requests


def test_last_lines_at_the_end():
    with HttpStub() as server:
        with Driver("influxdb", v1(server.url).replace("20 ms", "900 ms")) as d:
            d.tell("readings", 3, 5)
            assert d.tell("close", 3000) < 800
            d.tell("open")
        assert len(server.stored) == 15


def test_stops_at_the_deadline_while_a_server_hangs():
    with HttpStub() as server:
        server.judge = lambda r: "hang"
        with Driver("influxdb", v1(server.url)) as d:
            d.tell("readings", 3, 5)
            assert wait_until(lambda: server.requests, 5)
            assert d.tell("close", 2000) < 3500
            d.tell("open")


def test_opened_again_it_brings_what_was_left():
    """A reload that changes the settings closes the publisher and opens another on the same outbox."""
    with HttpStub() as server, Driver("influxdb", v1(server.url)) as d:
        server.judge = lambda r: 503
        d.tell("readings", 2, 20)
        assert wait_until(lambda: server.requests, 5)
        d.tell("close", 2000)
        server.judge = lambda r: 204
        d.tell("open")
        assert d.tell("sent", 5000), d.tell("stats")
        assert len(server.stored) == 40


def test_mean_of_an_interval():
    with HttpStub() as server:
        with Driver("influxdb", v1(server.url, 'interval = "1 s"; aggregate = "mean";')) as d:
            d.tell("readings", 2, 40, 50000)
            assert d.tell("sent", 5000)
        times = sorted({int(l.rsplit(" ", 1)[1]) for l in server.stored})
        assert 2 <= len(times) <= 4, server.stored
        assert all(t % 1000 == 0 for t in times[:-1]), times  # the last interval ended with the program


def test_settings_that_contradict_each_other():
    for text, words in (('url = "ftp://h"; database = "d";', "http:// or https://"), ('url = "http://h";', "where to write"),
                        ('database = "d";', "url is missing"),
                        ('url = "http://h"; database = "d"; token_file = "/t";', "one kind only"),
                        ('url = "http://h"; bucket = "b"; user = "u"; password_file = "/p";', "one kind only"),
                        ('url = "http://h"; database = "d"; user = "u";', "password_file is missing"),
                        ('url = "http://u:p@h"; database = "d";', "do not go into the url"),
                        ('url = "http://h"; database = "d"; ca_file = "/x";', "without TLS"),
                        ('url = "http://h"; database = "d"; batch_age = "1 s";', "spill time"),
                        ('url = "http://h"; database = "d"; aggregate = "max";', "interval")):
        try:
            with Driver("influxdb", text):
                assert False, "accepted: " + text
        except RuntimeError as e:
            assert words in str(e), (text, str(e))


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
