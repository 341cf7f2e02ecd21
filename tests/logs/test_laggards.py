"""A destination that lags behind and is read for again: what is made of lines is made once, and every record comes to both."""

import json

import pytest
from harness.oracle import judge, record
from harness.receiver import HttpReceiver, refuse
from harness.sections import tailing
from harness.wait import holds, until

LINES, SIZE = 2000, 3500  # more than twice what a destination may hold
STEP = 500
TRACEBACK = 'Traceback (most recent call last):\n  File "/srv/shop.py", line 3, in pay\n    charge()\nValueError: order'


@pytest.fixture
def lagging():
    made = HttpReceiver()
    yield made
    made.down()


def line(number):
    """A request, a refused one, a failed login or an exception, in turn; each with a number and a secret."""
    kinds = [
        {"http.request.method": "GET", "url.path": f"/users/{number}", "http.response.status_code": 200},
        {"http.request.method": "GET", "url.path": "/pay", "http.response.status_code": 401},
        {"appname": "sshd", "message": "Failed password for root from 203.0.113.9 port 4222 ssh2"},
        {"exc_info": f"{TRACEBACK} {number}"},
    ]
    own = {"text": record(number, SIZE), "contact": f"u{number}@example.org"}
    if number % 4 < 2:
        own |= {"took_ms": 250, "time": f"2026-02-03T04:05:{number % 60:02}Z", "trace_id": f"{number + 1:032x}"}
    return json.dumps(kinds[number % 4] | own) + "\n"


def append(path, numbers):
    with path.open("a") as file:
        file.writelines(map(line, numbers))


def counted(agent):
    """How often each thing was counted that is made of lines."""
    page = agent.scrape()

    def by(name, label):
        rows = page.series(name, source="app")
        return {row.labels.get(label, ""): row.value for row in rows if row.value}

    return {
        "lines": by("lines_total", "source"),
        "requests": by("http_requests_total", "route"),
        "durations": by("http_server_request_duration_seconds_count", "route"),
        "security": by("log_security_events_total", "reason"),
        "exceptions": by("log_exceptions_total", "type"),
        "redactions": by("vigie_log_redactions_total", "rule"),
        "read": by("vigie_log_lines_total", "source"),
        "spans": page.total("vigie_events_total", source="app", signal="traces", outcome="read"),
    }


def expected(lines):
    quarter = lines // 4
    return {
        "lines": {"app": lines},
        "requests": {"/users/{id}": quarter, "/pay": quarter},
        "durations": {"/users/{id}": quarter, "/pay": quarter},
        "security": {"http_unauthorized": quarter, "ssh_failed_login": quarter},
        "exceptions": {"ValueError": quarter},
        "redactions": {"email": lines},
        "read": {"app": lines},
        "spans": 2 * quarter,
    }


@pytest.mark.timeout(180)
def test_what_is_read_again_for_a_destination_that_lags_counts_nothing_twice(agent, http_receiver, lagging, tmp_path):
    log = tmp_path / "app.log"
    log.touch()
    config = tailing(
        log,
        http_receiver,
        lagging,
        exporter={"signals": ["logs", "traces"]},
        parse="json",
        body="text",
        timestamp={"field": "time"},
        redact=["email"],
        metrics=[{"http": {"duration": "took_ms"}}, {"security": {}}, {"counter": {"name": "lines_total"}}],
        exceptions={"enabled": True},
        spans={"enabled": True, "duration": "took_ms"},
    )
    lagging.answers(refuse(503))
    started = agent(config | {"agent": {"memory_limit": "16MiB"}})
    for begin in range(0, LINES, STEP):
        append(log, range(begin, begin + STEP))
    until(lambda: len(http_receiver.logs) >= LINES, "the one that keeps up has all", 60, 0.1)
    assert len(lagging.logs) == 0
    lagging.answers_normally()
    until(lambda: len(lagging.logs) >= LINES, "the other one has caught up", 60, 0.1)
    until(lambda: "INFO has caught up" in started.log, "it is read for together with the other again", 60, 0.1)
    assert started.scrape().total("vigie_events_read_again_total", exporter="to1") > LINES / 4
    append(log, range(LINES, LINES + 400))

    def is_counted_once():
        assert counted(started) == expected(LINES + 400)
        return True

    until(is_counted_once, "all is counted", 30)
    holds(is_counted_once, "nothing is counted again", 1.5)

    for receiver in (http_receiver, lagging):
        bodies = [item.text for item in receiver.logs if not item.raw.event_name]
        verdict = judge(bodies, LINES + 400)
        assert verdict.exactly_once(), verdict
        assert not any("@example.org" in str(item.attributes) for item in receiver.logs)
        marked = [
            item for item in receiver.logs if "exception.fingerprint" in item.attributes and not item.raw.event_name
        ]
        assert len(marked) == (LINES + 400) // 4, "those that are read again are marked too"
    assert len(http_receiver.spans) == (LINES + 400) // 2
    ids = [span.raw.trace_id for span in lagging.spans]
    assert len(ids) == len(set(ids)), "what it missed meanwhile is not made again"


@pytest.mark.timeout(180)
def test_one_that_comes_back_was_told_of_all_that_was_left_out_for_it(agent, http_receiver, lagging, tmp_path):
    log = tmp_path / "app.log"
    log.touch()
    when = {"field": "what", "exists": True}
    config = tailing(
        log,
        http_receiver,
        lagging,
        parse="json",
        body="text",
        timestamp={"field": "time"},
        transforms=[{"deduplicate": {"fields": ["what"], "within": "1h", "when": when}}],
    )
    equal = json.dumps({"what": "full", "text": "disk is full", "time": "2026-02-03T04:05:06Z"}) + "\n"

    def told(receiver):
        """How many of the equal lines the records of a receiver tell of, themselves included."""
        full = [item for item in receiver.logs if item.text == "disk is full"]
        return sum(item.attributes.get("vigie.repeated", 1) for item in full)

    def numbers(receiver):
        return [text for text in receiver.lines if text != "disk is full"]

    started = agent(config | {"agent": {"memory_limit": "16MiB"}})
    # Some before it is set apart, some while it lags, some when it is back.
    append(log, range(1))
    with log.open("a") as file:
        file.write(equal * 5)
    until(lambda: len(http_receiver.logs) == len(lagging.logs) == 2, "the first one has come to both")
    lagging.answers(refuse(503))
    for begin in range(1, LINES, STEP):
        append(log, range(begin, min(begin + STEP, LINES)))
        with log.open("a") as file:
            file.write(equal * 3)
    written = 5 + 3 * LINES // STEP
    until(lambda: len(numbers(http_receiver)) == LINES, "the one that keeps up has all", 60, 0.1)
    lagging.answers_normally()
    until(lambda: "INFO has caught up" in started.log, "it is read for together with the other again", 60, 0.1)
    for receiver in (http_receiver, lagging):
        until(lambda receiver=receiver: told(receiver) == written, "each was told of those until then")
    with log.open("a") as file:
        file.write(equal * 4)
    written += 4
    started.settled("app", LINES + written)
    assert started.terminate() == 0
    for receiver in (http_receiver, lagging):
        assert told(receiver) == written
        assert judge(numbers(receiver), LINES).exactly_once()
