"""Frameworks in Python log as they do by themselves, and their lines are understood: none is lost, each traceback is
one record, and the same error has the same fingerprint whatever its values are."""

import time
from datetime import UTC, datetime

import pytest
from harness.producing import run_python
from harness.sections import tailing
from harness.understood import Understood, has

DEBUG, INFO, WARN, ERROR, FATAL = 5, 9, 13, 17, 21
CRITICAL = 18  # where nobody says that it is Python's
LOOKUP = "harness.producers.MissingPrice"


def python(path, receiver, parse, **over):
    multiline = {"preset": "python", "flush_after": "1s"}
    return tailing(path, receiver, parse=parse, multiline=multiline, time_zone="UTC", **over)


def one_fingerprint_each(thrown, *types):
    """These exceptions were thrown, and those of one type have one fingerprint and no other type has it."""
    assert [name for name, _ in thrown] == list(types), thrown
    assert len(set(thrown)) == len(set(types)) == len({fingerprint for _, fingerprint in thrown}), thrown


def is_recent(record):
    """Within the last minute by the line's own time, and not by when it was read alone."""
    assert record.raw.time_unix_nano, record.text
    assert abs(time.time() - record.raw.time_unix_nano / 1e9) < 60, record.text


def test_gunicorn_and_flask(agent, gunicorn, http_receiver):
    site = gunicorn()
    config = python(site.log, http_receiver, ["gunicorn", "python"])
    access = python(site.access_log, http_receiver, "gunicorn", name="access")["collectors"]["logs"]
    config["collectors"]["logs"] += access
    started = agent(config)
    for path in ("/orders/1", "/low/apples", "/pay/7", "/pay/8", "/restock/many", "/nowhere"):
        site.get(path)
    seen = Understood(started, http_receiver)
    seen.wait(site.log)
    seen.wait(site.access_log)

    requests = [record for record in seen.records if "http.request.method" in record.attributes]
    statuses = [record.attributes["http.response.status_code"] for record in requests]
    # The first one was to see whether it listens.
    assert statuses[-6:] == [200, 200, 500, 500, 500, 404]
    failed = [record for record in requests if record.attributes["url.path"] == "/pay/7"]
    is_recent(has(failed[0], ERROR, http__request__method="GET", client__address="127.0.0.1"))
    is_recent(has(seen.saying("Booting worker"), INFO))
    is_recent(has(seen.saying("stock of apples is low"), WARN))
    has(seen.saying("Exception on /pay/7"), ERROR, exception__type=LOOKUP, exception__message="order 7 has no price")
    assert "KeyError: 7" in seen.saying("Exception on /pay/7").text
    one_fingerprint_each(seen.thrown(), LOOKUP, LOOKUP, "ValueError")


def test_uvicorn_and_fastapi(agent, uvicorn, http_receiver):
    site = uvicorn()
    started = agent(python(site.log, http_receiver, "uvicorn"))
    for path in ("/orders/1", "/low/apples", "/pay/7", "/pay/8", "/restock/many"):
        site.get(path)
    seen = Understood(started, http_receiver)
    seen.wait(site.log)
    ok = seen.saying(r"GET /orders/1 ")
    has(ok, INFO, http__request__method="GET", url__path="/orders/1", http__response__status_code=200)
    has(seen.saying("GET /pay/7 "), ERROR, http__response__status_code=500, client__address="127.0.0.1")
    has(seen.saying("stock of apples is low"), WARN)
    has(seen.saying("order 7 has no price"), ERROR, exception__type=LOOKUP)
    one_fingerprint_each(seen.thrown(), LOOKUP, LOOKUP, "ValueError")
    assert seen.parse_errors() == 0


def test_djangos_default_logging(agent, django, http_receiver):
    site = django()
    started = agent(python(site.log, http_receiver, "django"))
    for path in ("/orders/1", "/pay/7", "/pay/8", "/restock/many", "/nowhere"):
        site.get(path)
    seen = Understood(started, http_receiver)
    seen.wait(site.log)
    ok = seen.saying(r'"GET /orders/1 ')
    is_recent(has(ok, INFO, http__request__method="GET", url__path="/orders/1", http__response__status_code=200))
    is_recent(has(seen.saying('"GET /nowhere '), WARN, http__response__status_code=404))
    has(seen.saying("^Internal Server Error: /pay/7"), ERROR, exception__type=LOOKUP, url__path="/pay/7")
    one_fingerprint_each(seen.thrown(), LOOKUP, LOOKUP, "ValueError")


@pytest.mark.parametrize("parse", ["loguru", "auto"])
def test_loguru(parse, agent, http_receiver, tmp_path):
    log = tmp_path / "shop.log"
    started = agent(python(log, http_receiver, parse))
    # Two runs, as on two machines.
    run_python("loguru_app", log, 1, 7)
    run_python("loguru_app", log, 8)
    seen = Understood(started, http_receiver)
    seen.wait(log)
    has(seen.saying("order 1 is paid: 999"), INFO, log__logger="__main__", code__function__name="settle")
    is_recent(has(seen.saying("order 7 is not paid"), ERROR, exception__type=LOOKUP))
    severities = [record.raw.severity_number for record in seen.records]
    assert severities == [DEBUG, INFO, ERROR, WARN, FATAL, DEBUG, ERROR, WARN, FATAL]
    one_fingerprint_each(seen.thrown(), LOOKUP, "ValueError", LOOKUP, "ValueError")
    assert seen.parse_errors() == 0


def test_pythons_logging(agent, http_receiver, tmp_path):
    log = tmp_path / "shop.log"
    started = agent(python(log, http_receiver, "python"))
    run_python("logging_app", log, 1, 7, 8)
    seen = Understood(started, http_receiver)
    seen.wait(log)
    has(seen.saying("^WARNING:root:stock"), WARN, log__logger="root")
    paid = has(seen.saying("order 1 is paid"), INFO, log__logger="shop.accounts")
    written = datetime.strptime(paid.text[:23], "%Y-%m-%d %H:%M:%S,%f").replace(tzinfo=UTC)
    assert paid.raw.time_unix_nano == round(written.timestamp() * 1000) * 1_000_000
    has(seen.saying("cannot restock"), FATAL, exception__type="ValueError")
    assert "The above exception was the direct cause" in seen.saying("order 8 is not paid").text
    one_fingerprint_each(seen.thrown(), LOOKUP, LOOKUP, "ValueError")
    assert seen.parse_errors() == 0


def test_structlog_with_tracebacks_as_objects(agent, http_receiver, tmp_path):
    log = tmp_path / "shop.log"
    roles = {"body": "event", "severity": {"field": "level"}, "timestamp": {"field": "timestamp"}}
    started = agent(tailing(log, http_receiver, parse="json", exceptions={"enabled": True}, **roles))
    run_python("structlog_app", log, 1, 7, 8)
    http_receiver.wait_logs(6)
    seen = Understood(started, http_receiver)
    is_recent(has(seen.saying("order 1 is paid"), INFO, price=999))
    thrown = {"exception__type": "MissingPrice", "exception__message": "order 7 has no price"}
    failed = has(seen.saying("order 7 is not paid"), ERROR, **thrown)
    stack = failed.attributes["exception.stacktrace"]
    assert stack.startswith("Traceback (most recent call last):\n") and stack.endswith(
        "MissingPrice: order 7 has no price"
    )
    assert "KeyError: 7\n\nThe above exception was the direct cause of the following exception:\n\nTraceback" in stack
    assert "producers/structlog_app.py" in stack and ", in charge\n" in stack
    has(seen.saying("cannot restock"), CRITICAL, exception__type="ValueError")
    # Their classes have no modules.
    one_fingerprint_each(seen.thrown(), "MissingPrice", "MissingPrice", "ValueError")
    assert seen.parse_errors() == 0
