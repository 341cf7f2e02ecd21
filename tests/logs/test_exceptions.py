"""Exceptions in logs: one record each, with what was thrown and a fingerprint, a series for each, and what is new."""

import json
import re

import pytest
from harness.agent import vigie
from harness.receiver import HttpReceiver, refuse
from harness.sections import tail, tailing
from harness.throwing import is_here, output
from harness.wait import holds, until

LANGUAGES = [
    pytest.param(language, marks=pytest.mark.skipif(not is_here(language), reason=f"no {language} here"))
    for language in ("python", "java", "javascript", "rust", "ruby")
]

NEW = "vigie.exception.new"


def watching(log, *receivers, preset="python", **over):
    """A source whose lines are joined, and that does not wait long for the next one."""
    return tailing(log, *receivers, multiline={"preset": preset, "flush_after": "500ms"}, **over)


def append(path, text):
    with open(path, "a") as file:
        file.write(text)


def is_news(item):
    return item.raw.event_name == NEW


def thrown(receiver):
    """Records with an exception, without those that tell of a new one."""
    return [item for item in receiver.logs if "exception.type" in item.attributes and not is_news(item)]


def news(receiver):
    return [item for item in receiver.logs if is_news(item)]


def counted(agent):
    """The series of exceptions of the source: counts by type and fingerprint."""
    found = agent.scrape().series("log_exceptions_total", source="app")
    return {(sample.labels["type"], sample.labels.get("fingerprint", "")): sample.value for sample in found}


def exceptions(agent, *args):
    return vigie("exceptions", *args, "--config.file", agent.config_file)


def saved(agent, *args):
    done = exceptions(agent, "--format", "json", *args)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def traceback(kind="ValueError", function="pay", value="17"):
    return (
        f"2026-01-02 03:04:05,678 ERROR shop: order {value}\nTraceback (most recent call last):\n"
        f'  File "/srv/shop.py", line 3, in {function}\n    charge(order)\n{kind}: order {value}\n'
    )


EXPECTED = {
    "python": ["Declined", "ValueError"],
    "java": ["Shop$Declined", "java.lang.NullPointerException"],
    "javascript": ["Error", "TypeError"],
    "rust": ["panic", "panic"],
    "ruby": ["Declined", "NoMethodError"],
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_error_from_two_places_with_other_values_is_one_and_another_is_another(
    agent, http_receiver, tmp_path, language
):
    log = tmp_path / "app.log"
    calls = ("charge", "refund")
    both = {"RUST_BACKTRACE": "1"}
    append(log, output(language, tmp_path / "releases" / "20260102030405", "17", calls, env=both))
    append(log, output(language, tmp_path / "srv", "4711", calls, lines=5, env=both))
    started = agent(watching(log, http_receiver, preset=language))
    until(lambda: len(thrown(http_receiver)) == 4, "each exception is a record")
    until(lambda: len(news(http_receiver)) == 2, "two of them are new")
    found = thrown(http_receiver)
    types = [item.attributes["exception.type"] for item in found]
    assert types == EXPECTED[language] * 2, types
    prints = [item.attributes["exception.fingerprint"] for item in found]
    assert prints[:2] == prints[2:] and prints[0] != prints[1], prints
    assert all(re.fullmatch("[0-9a-f]{16}", one) for one in prints)
    for item, value in zip(found, ["17", "17", "4711", "4711"], strict=True):
        assert item.text.endswith(item.attributes["exception.stacktrace"].split("\n")[-1])
        assert item.raw.severity_number == 17
        if item.attributes["exception.fingerprint"] == prints[0]:
            assert value in item.attributes["exception.message"]
    # What is not part of a traceback is a record of its own.
    http_receiver.wait_logs(10)
    quiet = [item.text for item in http_receiver.logs if "exception.type" not in item.attributes]
    assert [re.search("started|done", text)[0] for text in quiet] == ["started", "done"] * 2, quiet
    expected = {(types[place], prints[place]): 2 for place in (0, 1)}
    until(lambda: counted(started) == expected, "both are counted")
    # Eight records were read, and two that tell of what is new. Blank lines are filtered.
    until(lambda: started.ledger("app")["delivered"] == 10, "all are delivered")
    book = started.settled("app", 10)
    assert book["read"] - book["filtered"] == book["delivered"] == 10


def test_an_expression_reads_the_first_line_and_leaves_the_traceback_to_the_body(agent, http_receiver, tmp_path):
    log = tmp_path / "app.log"
    append(log, traceback() + "2026-01-02 03:04:06,000 INFO shop: order 18 is paid\n")
    expression = {"regex": r"^(?P<at>\S+ \S+) (?P<level>[A-Z]+) (?P<logger>\w+): (?P<message>.*)$"}
    started = agent(watching(log, http_receiver, parse=expression, body="message", severity={"field": "level"}))
    http_receiver.wait_logs(3)  # two, and what tells that the exception is new
    (failed,) = thrown(http_receiver)
    assert failed.text == traceback().strip().split(" shop: ")[1]
    assert (failed.attributes["logger"], failed.attributes["exception.type"]) == ("shop", "ValueError")
    assert [item.text for item in http_receiver.logs if "order 18" in item.text] == ["order 18 is paid"]
    assert started.scrape().total("vigie_log_parse_errors_total", source="app") == 0


def test_what_is_new_is_told_once_with_the_whole_traceback(agent, receiver, tmp_path):
    log = tmp_path / "app.log"
    append(log, traceback(value="1"))
    started = agent(watching(log, receiver))
    until(lambda: len(news(receiver)) == 1, "it is told")
    append(log, traceback(value="2") + traceback(function="refund", value="3"))
    until(lambda: len(thrown(receiver)) == 3, "all have come")
    first, second = until(lambda: len(news(receiver)) == 2 and news(receiver), "the other one is told")
    assert first.text == "new exception: ValueError at pay in shop.py"
    assert second.text == "new exception: ValueError at refund in shop.py"
    # The same attributes as the record that it stands behind.
    records = receiver.logs
    assert records[records.index(first) - 1].attributes == first.attributes
    assert first.attributes["exception.stacktrace"] == traceback(value="1").split("\n", 1)[1].rstrip()
    assert first.attributes["log.file.path"] == str(log) and first.raw.severity_text == "ERROR"
    started.settled("app", 5)


def test_groups_outlive_restarts_and_are_shown(agent, http_receiver, tmp_path):
    log = tmp_path / "app.log"
    append(log, traceback(value="1") + "DB_PASSWORD=hunter2\n" + traceback(function="refund"))
    started = agent(watching(log, http_receiver))
    until(lambda: len(news(http_receiver)) == 2, "both are told")
    assert started.terminate() == 0
    started.start()
    # There from the first scrape on, so that the next one is an increase.
    assert sorted(counted(started).values()) == [0, 0]
    append(log, traceback(value="2"))
    until(lambda: len(thrown(http_receiver)) == 3, "it has come")
    until(lambda: sorted(counted(started).values()) == [0, 1], "it is counted from here on")
    assert len(news(http_receiver)) == 2
    assert started.terminate() == 0
    rows = {row["place"]: row for row in saved(started)}
    assert {place: row["count"] for place, row in rows.items()} == {"pay in shop.py": 2, "refund in shop.py": 1}
    row = rows["pay in shop.py"]
    assert (row["source"], row["type"]) == ("app", "ValueError")
    assert row["sample"]["message"] == "order 2" and row["sample"]["file"] == str(log)
    assert row["first_seen"] <= row["last_seen"]
    listed = exceptions(started)
    assert listed.returncode == 0 and len(listed.stdout.splitlines()) == 3 and row["fingerprint"] in listed.stdout
    detail = exceptions(started, row["fingerprint"])
    assert 'File "/srv/shop.py", line 3, in pay\n' in detail.stdout
    assert saved(started, "--source", "app") != []
    for wrong in (["--source", "other"], ["0000000000000000"]):
        assert exceptions(started, *wrong).returncode == 1


def test_what_is_new_while_the_receiver_is_down_is_told_after_a_crash(agent, http_receiver, tmp_path):
    log = tmp_path / "app.log"
    http_receiver.answers(refuse(503))
    append(log, traceback())
    started = agent(watching(log, http_receiver))
    http_receiver.wait_requests(1)
    until(lambda: saved(started), "it is saved")
    started.kill9()
    http_receiver.answers_normally()
    started.start()
    until(lambda: news(http_receiver), "it is told")
    until(lambda: thrown(http_receiver), "with its record")


def test_it_is_not_told_again_after_a_crash_that_comes_later(agent, http_receiver, tmp_path):
    log = tmp_path / "app.log"
    append(log, traceback())
    started = agent(watching(log, http_receiver))
    until(lambda: news(http_receiver), "it is told")
    state = started.state_dir / "exceptions" / "app"
    until(lambda: b'"told":true' in state.read_bytes(), "that is remembered")
    started.kill9()
    append(log, traceback(value="2"))
    started.start()
    until(lambda: len(thrown(http_receiver)) >= 2, "the next one has come")
    holds(lambda: len(news(http_receiver)) == 1, "it is not new", 1)


def test_errors_beyond_the_bound_are_counted_together(agent, http_receiver, tmp_path):
    log = tmp_path / "app.log"
    append(log, "".join(traceback(function=f"f{letter}") for letter in "abcde"))
    started = agent(watching(log, http_receiver, exceptions={"max_groups": 2}))
    until(lambda: len(thrown(http_receiver)) == 5, "all have come")
    until(lambda: counted(started).get(("other", "")) == 3, "three have no group of their own")
    assert len(counted(started)) == 3
    until(lambda: len(news(http_receiver)) == 2, "two are new")
    until(lambda: started.value("vigie_log_exceptions_overflow_total", source="app") == 3, "so it is counted")
    # They are marked all the same.
    assert len({item.attributes["exception.fingerprint"] for item in thrown(http_receiver)}) == 5


def test_loggers_of_json_have_a_field_for_it(agent, receiver, tmp_path):
    log = tmp_path / "app.log"
    stack = traceback().split("\n", 1)[1]
    pino = {
        "level": 50,
        "msg": "failed",
        "err": {"type": "TypeError", "message": "gone", "stack": "TypeError: gone\n    at query (/srv/shop.js:3:7)"},
    }
    lines = [{"message": "failed", "exc_info": stack}, pino, {"message": "fine", "error": "none", "stack": "app"}]
    append(log, "".join(json.dumps(line) + "\n" for line in lines))
    agent(tailing(log, receiver, parse="json", exceptions={"enabled": True}))
    until(lambda: len(thrown(receiver)) == 2 and len(receiver.logs) == 5, "all have come")
    first, second = thrown(receiver)
    assert (first.attributes["exception.type"], first.attributes["exception.message"]) == ("ValueError", "order 17")
    assert (second.attributes["exception.type"], second.attributes["exception.message"]) == ("TypeError", "gone")
    # The same error, from a text and from a field.
    other = tmp_path / "text.log"
    append(other, traceback(value="4"))
    agent(watching(other, receiver))
    until(lambda: len(thrown(receiver)) == 3, "it has come")
    assert thrown(receiver)[2].attributes["exception.fingerprint"] == first.attributes["exception.fingerprint"]


def test_nobody_looks_for_them_unless_asked(agent, http_receiver, tmp_path):
    text = traceback()
    quiet, joined = tmp_path / "quiet.log", tmp_path / "joined.log"
    append(quiet, json.dumps({"exc_info": text}) + "\n")
    append(joined, text)
    config = tailing(quiet, http_receiver, parse="json")
    off = tail(joined, name="off", multiline={"preset": "python"}, exceptions={"enabled": False})
    config["collectors"]["logs"].append(off)
    started = agent(config)
    http_receiver.wait_logs(2)
    assert not [item for item in http_receiver.logs if "exception.type" in item.attributes]
    assert not started.scrape().series("log_exceptions_total")
    assert exceptions(started).stdout == "no exceptions\n"


def fnv(texts):
    hashed = 0xCBF29CE484222325
    for byte in b"".join(text.encode() + b"\0" for text in texts):
        hashed = (hashed ^ byte) * 0x100000001B3 % 2**64
    return f"{hashed:016x}"


def test_a_fingerprint_is_what_the_rule_says(agent, http_receiver, tmp_path):
    log = tmp_path / "app.log"
    append(
        log,
        "Traceback (most recent call last):\n"
        '  File "/srv/a/db.py", line 9, in query\n    connect()\n'
        "KeyError: 'x'\n\n"
        "During handling of the above exception, another exception occurred:\n\n"
        "Traceback (most recent call last):\n"
        '  File "/srv/a/web.py", line 1, in handle\n    pay()\n'
        '  File "/srv/a/shop.py", line 3, in pay\n    charge(order)\n'
        '  File "/usr/lib/python3.11/site-packages/pay/api.py", line 5, in charge\n    send()\n'
        '  File "/usr/lib/python3.11/http/client.py", line 7, in send\n    raise\n'
        "shop.Declined: no\n",
    )
    agent(watching(log, http_receiver))
    (item,) = until(lambda: thrown(http_receiver), "it has come")
    parts = ["v1", "shop.Declined", "pay", "shop.py", "charge(order)", "charge", "send"]
    cause = ["cause", "KeyError", "query", "db.py", "connect()"]
    assert item.attributes["exception.fingerprint"] == fnv(parts + cause)


@pytest.mark.timeout(300)
def test_what_is_read_again_for_one_that_lags_behind_is_marked_and_not_counted_again(agent, http_receiver, tmp_path):
    lagging = HttpReceiver()
    try:
        log = tmp_path / "app.log"
        lagging.down()
        config = watching(log, http_receiver, lagging)
        config["agent"] = {"memory_limit": "16MiB"}
        started = agent(config)
        number = 3000
        filler = "INFO " + "x" * 8000 + "\n"
        for _ in range(10):
            append(log, (traceback() + filler) * (number // 10))
        until(lambda: len(thrown(http_receiver)) == number, "the one that keeps up has all", 100)
        lagging.up()
        until(lambda: len(thrown(lagging)) >= number, "the other one has caught up", 100)
        expected = {("ValueError", thrown(lagging)[0].attributes["exception.fingerprint"]): number}
        until(lambda: counted(started) == expected, "each is counted, and published")
        holds(lambda: counted(started) == expected, "none is counted again", 1.5)
        assert len(news(http_receiver)) == 1 and len(news(lagging)) <= 1
    finally:
        lagging.down()
