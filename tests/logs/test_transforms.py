"""What is done with records on their way out: fewer of them, other attributes, each left-out one counted with its reason."""

import json
import time
from collections import Counter

from harness.oracle import Writer, judge, record
from harness.sections import tailing
from harness.wait import until


def written(path, lines):
    with open(path, "a") as file:
        file.write("".join(json.dumps(line) + "\n" for line in lines))


def filtered(agent, reason):
    return agent.scrape().total("vigie_events_total", source="app", outcome="filtered", reason=reason)


def test_attributes_are_changed_in_the_order_of_the_configuration(agent, http_receiver, tmp_path):
    transforms = [
        {"lift": ["http"]},
        {"rename": {"status": "http.response.status_code", "user.id": "enduser.id"}},
        {"add": {"team": "shop", "tier": 1}},
        {"remove": ["user", "log.file.name", "secret"]},
        {"drop": {"field": "http.response.status_code", "below": 400}},
        {"keep": {"any": [{"field": "path", "regex": "^/cart"}, {"severity": "error"}]}},
    ]
    path = tmp_path / "app.log"
    user = {"id": "u7", "name": "Ann"}
    written(
        path,
        [
            {"n": 0, "http": {"status": 200, "path": "/cart"}, "user": user},
            {"n": 1, "http": {"status": 503, "path": "/cart/3"}, "user": user, "path": "taken", "level": "info"},
            {"n": 2, "http": {"status": 503, "path": "/pay"}, "user": user, "level": "error", "secret": "x"},
            {"n": 3, "http": {"status": 404, "path": "/pay"}, "user": user, "level": "info"},
        ],
    )
    started = agent(tailing(path, http_receiver, parse="json", severity={"field": "level"}, transforms=transforms))
    book = started.settled("app", 4)
    assert book["filtered"] == 3 and book["delivered"] == 1
    assert (filtered(started, "drop"), filtered(started, "keep")) == (1, 2)
    (sent,) = http_receiver.logs
    assert sent.attributes == {
        "n": 2,
        "path": "/pay",
        "http.response.status_code": 503,
        "enduser.id": "u7",
        "team": "shop",
        "tier": 1,
        "log.file.path": str(path),
    }
    # The path of the request keeps the name of its object where its own is taken.
    written(path, [{"n": 4, "http": {"status": 500, "path": "/x"}, "path": "/cart/1"}])
    started.settled("app", 5)
    assert http_receiver.logs[-1].attributes["http.path"] == "/x"


def test_traces_are_sampled_whole_and_the_same_ones_after_a_crash(agent, http_receiver, tmp_path):
    path = tmp_path / "app.log"
    traces = [f"{number * 0x9E3779B97F4A7C15 % (1 << 128):032x}" for number in range(1, 401)]
    written(path, [{"trace_id": trace, "n": n} for n in range(3) for trace in traces])
    expected = {trace for trace in traces if int(trace[-14:], 16) >= (1 << 56) // 2}
    config = tailing(
        path,
        http_receiver,
        parse="json",
        trace_id="trace_id",
        transforms=[{"sample": {"ratio": 0.5, "by": "trace_id"}}],
    )
    started = agent(config)
    book = started.settled("app", 1200)
    assert filtered(started, "sample") == book["filtered"] == 3 * (400 - len(expected))
    sent = Counter(log.raw.trace_id.hex() for log in http_receiver.logs)
    assert sent.keys() == expected and set(sent.values()) == {3}
    # All of it is read again where the offset was forgotten: the same traces come.
    started.kill9()
    for file in started.state_dir.rglob("*"):
        if file.is_file():
            file.unlink()
    started.start()
    started.settled("app", 1200)
    again = Counter(log.raw.trace_id.hex() for log in http_receiver.logs)
    assert again.keys() == expected and set(again.values()) == {6}


def test_lines_are_sampled_by_their_place_so_that_a_crash_changes_nothing(agent, http_receiver, tmp_path):
    writer = Writer(tmp_path / "app.log")
    writer.write(2000)
    started = agent(tailing(writer.path, http_receiver, transforms=[{"sample": {"ratio": 0.25}}]))
    book = started.settled("app", 2000)
    once = Counter(http_receiver.lines)
    assert 400 < len(once) < 600 and book["delivered"] == len(once)
    started.kill9()
    for file in started.state_dir.rglob("*"):
        if file.is_file():
            file.unlink()
    started.start()
    started.settled("app", 2000)
    assert Counter(http_receiver.lines) == once + once


def test_each_client_has_a_limit_by_the_time_of_its_lines(agent, http_receiver, tmp_path):
    path = tmp_path / "app.log"
    start = 1_700_000_000
    lines = [
        {"time": start + second, "client": client, "n": n}
        for second in range(5)
        for client, count in (("a", 20), ("b", 2))
        for n in range(count)
    ]
    written(path, lines)
    limit = {"records": 10, "per": "1s", "key": ["client"]}
    timestamp = {"field": "time", "format": "unix"}
    started = agent(tailing(path, http_receiver, parse="json", timestamp=timestamp, transforms=[{"rate_limit": limit}]))
    started.settled("app", len(lines))
    # Though all were read at once: ten of each second of the one, all of the other.
    assert Counter(log.attributes["client"] for log in http_receiver.logs) == {"a": 50, "b": 10}
    assert filtered(started, "rate_limit") == 50


def test_what_is_repeated_is_told_by_a_record_at_the_end_of_the_window(agent, http_receiver, tmp_path):
    path = tmp_path / "app.log"
    path.write_text("disk is full\n" * 5 + record(0) + "\n" + "disk is full\n" * 3)
    transforms = [{"deduplicate": {"within": "2s"}}, {"add": {"team": "shop"}}]
    started = agent(tailing(path, http_receiver, transforms=transforms))
    first = http_receiver.wait_logs(2)
    assert [log.text for log in first] == ["disk is full", record(0)]
    # No line brings it about.
    told = until(lambda: http_receiver.logs[2:], "the end of the window is told")[0]
    assert (told.text, told.attributes["vigie.repeated"], told.attributes["team"]) == ("disk is full", 7, "shop")
    book = started.settled("app", 10)
    assert (book["filtered"], book["delivered"]) == (7, 3)
    assert filtered(started, "deduplicate") == 7
    with open(path, "a") as file:
        file.write("disk is full\n")
    assert http_receiver.wait_logs(4)[-1].text == "disk is full"


def test_an_open_window_is_told_when_the_agent_ends_and_holds_no_offset_back(agent, http_receiver, tmp_path):
    path = tmp_path / "app.log"
    path.write_text("disk is full\n" * 5)
    config = tailing(path, http_receiver, transforms=[{"deduplicate": {"within": "1h"}}])
    started = agent(config)
    http_receiver.wait_logs(1)
    started.settled("app", 5)
    assert started.terminate() == 0
    told = http_receiver.wait_logs(2)[-1]
    assert (told.text, told.attributes["vigie.repeated"]) == ("disk is full", 4)
    started.start()
    with open(path, "a") as file:
        file.write("something else\n")
    http_receiver.wait_logs(3)
    time.sleep(0.5)
    assert [log.text for log in http_receiver.logs][2:] == ["something else"], "no line is read twice"


def test_a_kill_in_an_open_window_loses_no_line_that_would_not_have_been_left_out(agent, http_receiver, tmp_path):
    writer = Writer(tmp_path / "app.log")
    transforms = [{"deduplicate": {"fields": ["body"], "within": "1h"}}]
    started = agent(tailing(writer.path, http_receiver, transforms=transforms))
    for round_ in range(3):
        writer.write(200)
        with open(writer.path, "a") as file:
            file.write("repeated\n" * 20)
        http_receiver.wait_logs(200 * (round_ + 1))
        started.restart()
    numbered = [line for line in http_receiver.lines if line != "repeated"]
    until(lambda: not judge([n for n in http_receiver.lines if n != "repeated"], 600).missing, "all numbers have come")
    verdict = judge(numbered, 600)
    assert not verdict.corrupt and not verdict.unknown, str(verdict)
    assert "repeated" in http_receiver.lines
    assert started.terminate() == 0
