"""Servers log as they do by themselves, and their lines are understood: none is lost."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.nginx import PASSWORD, USER
from harness.producing import run_java
from harness.sections import tailing
from harness.understood import Understood, has

INFO, WARN, ERROR = 9, 13, 17


def is_recent(record):
    assert abs(time.time() - record.raw.time_unix_nano / 1e9) < 60, (record.text, record.raw.time_unix_nano)


def test_nginxs_errors_and_a_format_of_ones_own(agent, nginx, http_receiver, refused):
    own = '$remote_addr [$time_iso8601] $request_method $uri $status $request_time "$http_user_agent"'
    site = nginx(upstream=f"127.0.0.1:{refused.port}", log_format=own)
    config = tailing(site.directory / "own.log", http_receiver, parse={"nginx": own}, name="own")
    errors = tailing(site.directory / "error.log", http_receiver, parse="nginx_error", time_zone="local", name="errors")
    config["collectors"]["logs"] += errors["collectors"]["logs"]
    started = agent(config)
    for path in ("/item/7", "/files/nowhere", "/upstream/x"):
        site.get(path, User_Agent="test")
    site.get("/private", Authorization="Basic Ym9iOndyb25n")
    seen = Understood(started, http_receiver)
    seen.wait(site.directory / "own.log")
    seen.wait(site.directory / "error.log")

    attributes = {"http__request__method": "GET", "url__path": "/item/7", "http__response__status_code": 200}
    is_recent(has(seen.saying(r"GET /item/7 200"), INFO, user_agent__original="test", **attributes))
    has(seen.saying(r"GET /upstream/x 502"), ERROR, http__response__status_code=502)
    gone = seen.saying(r"nowhere\" failed")
    is_recent(has(gone, ERROR, client__address="127.0.0.1", url__path="/files/nowhere", http__request__method="GET"))
    assert gone.attributes["process.pid"] > 1
    has(seen.saying("Connection refused"), ERROR, client__address="127.0.0.1", url__path="/upstream/x")
    has(seen.saying('user "bob" was not found'), ERROR, url__path="/private")
    assert USER not in "".join(seen.receiver.lines) and PASSWORD not in "".join(seen.receiver.lines)
    for source in ("own", "errors"):
        assert started.scrape().total("vigie_log_parse_errors_total", source=source) == 0


def test_postgresql(agent, postgres, http_receiver):
    log = postgres.room.directory / "log"
    before = log.stat().st_size
    config = tailing(
        log, http_receiver, parse="postgres", body="message", multiline={"continue": r"^\s", "flush_after": "1s"}
    )
    config["collectors"]["logs"][0]["start_at"] = "end"
    started = agent(config)
    for sql in ("SELECT 1/0", "SELECT *\nFROM nothing\nWHERE here"):
        try:
            postgres.psql(sql)
        except AssertionError as error:
            assert "ERROR" in str(error)
    written = log.read_bytes()[before:].decode().splitlines()
    started.settled("app", sum(1 for line in written if not line.startswith((" ", "\t"))))
    seen = Understood(started, http_receiver)
    records = seen.records
    is_recent(has(seen.saying("^division by zero"), ERROR))
    assert seen.saying("^division by zero").attributes["process.pid"] > 1
    has(seen.saying('relation "nothing" does not exist'), ERROR)
    # The statement has several lines.
    assert seen.saying(r"FROM nothing").text.count("\n") == 2
    said = "\n".join(record.text for record in records)
    assert all(line.split(":  ", 1)[-1].strip() in said for line in written)
    assert seen.parse_errors() == 0


FAILING = """
DO $$ BEGIN
  RAISE EXCEPTION E'order {number} failed\\n\\tat once' USING DETAIL = 'shop {number}', HINT = 'pay {number}';
END $$;
"""


def test_a_message_of_postgresql_is_one_record(agent, postgres, http_receiver):
    log = postgres.room.directory / "log"
    before = log.stat().st_size
    section = {"parse": "postgres", "body": "message", "multiline": {"preset": "postgres", "flush_after": "300ms"}}
    config = tailing(log, http_receiver, **section)
    config["collectors"]["logs"][0]["start_at"] = "end"
    started = agent(config)

    def session(numbers):
        failing = "".join(FAILING.format(number=number) for number in numbers)
        postgres.psql(None, input="\\set ON_ERROR_STOP 0\n" + failing)

    with ThreadPoolExecutor(4) as sessions:
        list(sessions.map(session, (range(first, first + 10) for first in range(0, 40, 10))))
    session_end = "SELECT 'the last one' / 0"
    with pytest.raises(AssertionError):
        postgres.psql(session_end)
    written = log.read_bytes()[before:].decode().splitlines()
    assert sum("DETAIL:  shop" in line for line in written) == 40
    told_of = [line for line in written if re.search(r" (LOG|ERROR|FATAL|WARNING):  ", line)]
    started.settled("app", len(told_of))
    seen = Understood(started, http_receiver)
    for number in range(40):
        record = seen.saying(rf"^order {number} failed\n\tat once$")
        has(record, ERROR, detail=f"shop {number}", hint=f"pay {number}")
        assert record.attributes["context"].startswith("PL/pgSQL function inline_code_block line 2 at RAISE")
        assert record.attributes["db.query.text"] == FAILING.format(number=number).strip()
        is_recent(record)
    assert seen.saying("^invalid input syntax").attributes["db.query.text"] == session_end
    assert len(seen.records) == len(told_of)
    assert seen.parse_errors() == 0
    # Messages of a server are no exceptions.
    assert seen.thrown() == []


def test_redis(agent, redis, http_receiver):
    server = redis(config="loglevel verbose\n")
    log = server.directory / "redis.log"
    started = agent(tailing(log, http_receiver, parse="redis", time_zone="local"))
    server.cli("CONFIG", "SET", "maxmemory", "1")
    seen = Understood(started, http_receiver)
    seen.wait(log)
    is_recent(
        has(seen.saying("Ready to accept connections"), INFO, redis__role="master", process__pid=server.process.pid)
    )
    is_recent(has(seen.saying("maxmemory value set via CONFIG SET"), WARN))
    assert {record.raw.severity_number for record in seen.records} >= {INFO, WARN}


def test_javas_logging_and_a_chain_of_exceptions(agent, http_receiver, tmp_path):
    log = tmp_path / "shop.log"
    head = r"(?s)^(?P<time>\w{3} \d\d?, \d{4} \d\d?:\d\d:\d\d [AP]M) (?P<method>\S+ \S+)\n(?P<level>\w+): (?P<text>.*)"
    config = tailing(
        log,
        http_receiver,
        parse={"regex": head},
        timestamp={"field": "time", "format": "%b %d, %Y %I:%M:%S %p"},
        severity={"field": "level"},
        multiline={"start": r"^\w{3} \d\d?, \d{4} ", "flush_after": "1s"},
        exceptions={"enabled": True},
    )
    started = agent(config)
    # Two runs, as on two machines.
    run_java(log, 1, 7, "x")
    run_java(log, 8)
    seen = Understood(started, http_receiver)
    records = seen.wait(log)
    assert [record.raw.severity_number for record in records] == [INFO, ERROR, ERROR, WARN, ERROR, WARN]
    is_recent(has(seen.saying("order 1 is paid: 999"), INFO, method="shop.Shop main"))
    paid = has(seen.saying("order 7 is not paid"), ERROR, exception__type="shop.Shop$MissingPrice")
    assert "Caused by: java.lang.IllegalArgumentException: no price for 7" in paid.text
    thrown = seen.thrown()
    missing, number = "shop.Shop$MissingPrice", "java.lang.NumberFormatException"
    assert [name for name, _ in thrown] == [missing, number, missing]
    assert thrown[0] == thrown[2] and thrown[0][1] != thrown[1][1]
    assert seen.parse_errors() == 0
