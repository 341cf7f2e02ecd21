"""A wall clock that is set back an hour or ahead a year: timers do not care, and nothing is lost or forgotten."""

import time

import pytest
from harness.faketime import SteppedClock
from harness.offsets import wait_saved
from harness.oracle import Writer, judge
from harness.receiver import refuse
from harness.sections import otlp, tail
from harness.wait import until

STEPS = ["-1h", "+1y", "+0", "+365d", "-3650d"]


@pytest.fixture
def clock(tmp_path):
    return SteppedClock(tmp_path)


def configured(directory, receiver):
    return {
        "collectors": {
            "logs": [tail(directory / "*.log")],
            "probes": [{"name": "home", "interval": "200ms", "timeout": "1s", "http": {"url": "http://127.0.0.1:1/"}}],
        },
        "exporters": {"otlp": [otlp(receiver, signals=["logs"])]},
    }


def delivered(receiver, expected):
    """What became of the lines; probes send records of their own."""
    return judge([item.text for item in receiver.logs if item.scope == "app"], expected)


def wall(agent):
    """The time by the agent's own clock, as its log says it."""
    return agent.log.splitlines()[-1][:4]


def test_tailing_retrying_and_probing_go_on_whatever_the_clock_is_set_to(agent, http_receiver, tmp_path, clock):
    logs = tmp_path / "logs"
    logs.mkdir()
    writer = Writer(logs / "app.log")
    started = agent(configured(logs, http_receiver), env=clock.env)
    for offset in STEPS:
        # While a batch waits for its next try.
        http_receiver.answers(refuse(503))
        writer.write(50)
        tries = len(http_receiver.requests)
        http_receiver.wait_requests(tries + 1)
        clock.step(offset)
        runs = started.scrape().total("vigie_probe_runs_total")
        begun = time.monotonic()
        # Retried within the back-off of 50 to 500 ms, and no faster: the timers are not by this clock.
        tries = len(http_receiver.requests)
        http_receiver.wait_requests(tries + 3, timeout=15)
        until(lambda: started.scrape().total("vigie_probe_runs_total") >= runs + 4, "it probes")  # noqa: B023
        took = time.monotonic() - begun
        more = started.scrape().total("vigie_probe_runs_total") - runs
        assert more <= took / 0.2 + 7, f"{more} probes in {took:.1f} s"  # a scrape may be a second old
        assert len(http_receiver.requests) - tries <= took / 0.025 + 5
        http_receiver.answers_normally()
        until(lambda: not delivered(http_receiver, writer.next).missing, f"all has come after {offset}")
        writer.write(50)
        until(lambda: not delivered(http_receiver, writer.next).missing, f"new lines come after {offset}")
    verdict = delivered(http_receiver, writer.next)
    assert verdict.exactly_once(), verdict


def test_a_leap_of_a_year_forgets_no_offset_of_a_file_that_is_there(agent, http_receiver, tmp_path, clock):
    logs = tmp_path / "logs"
    logs.mkdir()
    idle, busy = Writer(logs / "idle.log", stream="idle"), Writer(logs / "busy.log", stream="busy")
    started = agent(configured(logs, http_receiver), env=clock.env)
    idle.write(500)
    busy.write(10)
    started.settled("app", 510)
    true = time.gmtime().tm_year
    clock.step("+1y")
    # Saved at once, before everything has been looked at again.
    for _ in range(30):
        busy.write(10)
        time.sleep(0.05)
    started.settled("app", 510 + 300)
    wait_saved(started, busy.path)
    started.kill9()
    started.start()
    assert int(wall(started)) > true, "the clock is ahead"
    busy.write(10)
    until(lambda: not delivered(http_receiver, {"idle": 500, "busy": 320}).missing, "new lines come")
    # And once more, by the true time: a year back.
    clock.step("+0")
    started.restart()
    busy.write(10)
    until(lambda: not delivered(http_receiver, {"idle": 500, "busy": 330}).missing, "new lines come")
    assert int(wall(started)) == true
    verdict = delivered(http_receiver, {"idle": 500, "busy": 330})
    assert verdict.none_lost(duplicates=20), verdict
