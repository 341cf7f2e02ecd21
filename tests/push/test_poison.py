"""Records that a destination refuses for good: found, set aside, counted; the others arrive, each once."""

import gzip
import json
import threading
import time

import pytest
from harness.http import request
from harness.oracle import RECORD, Writer, judge
from harness.receiver import accept, refuse
from harness.sections import tailing
from harness.wait import until

COUNT = 10_000


def number(item):
    found = RECORD.fullmatch(item.text)
    return int(found["number"]) if found else None


def poison(numbers, status=400):
    """Refuses every request that has one of these records."""
    numbers = set(numbers)
    return lambda items: refuse(status) if any(number(item) in numbers for item in items) else accept()


def set_aside(agent):
    """What is in the files under `rejected`, the oldest first."""
    files = sorted((agent.state_dir / "rejected" / "to0").glob("*.json"))
    return [json.loads(file.read_text()) for file in files]


def numbers_set_aside(agent):
    found = []
    for file in set_aside(agent):
        for resource in file["request"]["resourceLogs"]:
            for scope in resource["scopeLogs"]:
                for record in scope["logRecords"]:
                    found.append(int(RECORD.fullmatch(record["body"]["stringValue"])["number"]))
    return sorted(found)


def check(agent, receiver, written, bad, duplicates=0):
    """All but the bad records arrived, the book says so, and the bad ones are set aside."""
    bad = sorted(bad)
    book = agent.settled("app", written)
    assert (book["dropped"], book["delivered"]) == (len(bad), written - len(bad))
    page = agent.scrape()
    assert page.total("vigie_events_total", source="app", outcome="dropped", reason="rejected") == len(bad)
    verdict = judge(receiver.lines, written)
    assert verdict.missing == bad, verdict
    assert not verdict.corrupt and not verdict.unknown and verdict.duplicates <= duplicates, verdict
    until(lambda: numbers_set_aside(agent) == bad, "the bad records are set aside")


@pytest.mark.parametrize(
    "bad",
    [[7_777], [0], [COUNT - 1], [17, 18, 4_000, 9_998]],
    ids=["one", "the_first", "the_last", "several"],
)
def test_bad_records_in_ten_thousand_are_all_that_does_not_arrive(pushing, receiver, bad):
    receiver.answers(poison(bad))
    started, writer = pushing(receiver)
    writer.write(COUNT)
    check(started, receiver, COUNT, bad)
    # Two requests for each halving, and those that were not refused.
    assert len(receiver.requests) < 40 * len(bad) + 60


def test_a_destination_that_refuses_everything_is_not_asked_for_every_record(pushing, receiver):
    receiver.answers(refuse(400))
    started, writer = pushing(receiver)
    writer.write(COUNT)
    check(started, receiver, COUNT, range(COUNT))
    assert len(receiver.requests) < 600
    receiver.answers_normally()
    writer.write(100)
    book = started.settled("app", COUNT + 100)
    assert (book["delivered"], book["dropped"]) == (100, COUNT)


def test_a_request_that_is_too_large_is_sent_in_parts(pushing, receiver):
    receiver.answers(lambda items: refuse(413) if len(items) > 1_000 else accept())
    started, writer = pushing(receiver)
    writer.write(COUNT)
    check(started, receiver, COUNT, [])


def test_a_bad_record_holds_nothing_up_while_more_comes(pushing, receiver):
    bad = range(500, 20_000, 1_000)
    receiver.answers(poison(bad))
    started, writer = pushing(receiver, exporter={"batch": {"max_delay": "5ms", "max_bytes": "64KiB"}})
    done = threading.Event()

    def write():
        for _ in range(200):
            writer.write(100)
            time.sleep(0.005)
        done.set()

    threading.Thread(target=write).start()
    assert done.wait(30)
    check(started, receiver, writer.next, bad)


def test_killed_in_the_middle_of_the_search_nothing_is_missing_but_the_bad_record(unstarted, http_receiver, tmp_path):
    log = tmp_path / "app.log"
    bad, seen = [3_333], threading.Event()

    def rule(items):
        if any(number(item) in bad for item in items):
            if len(items) < 500:
                seen.set()
            answer = refuse(400)
            answer.delay = 0.05
            return answer
        return accept()

    http_receiver.answers(rule)
    writer = Writer(log)
    started = unstarted(tailing(log, http_receiver)).start()
    writer.write(COUNT)
    assert seen.wait(20), "the search has begun"
    started.kill9()
    started.start()
    until(lambda: judge(http_receiver.lines, COUNT).missing == bad, "all but the bad record have come")
    until(lambda: numbers_set_aside(started) == bad, "the bad record is set aside")
    # What had arrived of the requests that were not done comes again.
    verdict = judge(http_receiver.lines, COUNT)
    assert not verdict.corrupt and verdict.duplicates < COUNT, verdict


def test_a_wrong_token_costs_one_request_and_not_a_search(pushing, receiver):
    receiver.answers(refuse(401))
    started, writer = pushing(receiver)
    writer.write(100)
    check(started, receiver, 100, range(100))
    assert len(receiver.requests) == 1


def test_what_was_set_aside_can_be_sent_again(pushing, http_receiver):
    http_receiver.answers(poison([5]))
    started, writer = pushing(http_receiver)
    writer.write(10)
    check(started, http_receiver, 10, [5])
    [file] = set_aside(started)
    assert (file["exporter"], file["signal"], file["sources"]) == ("to0", "logs", ["app"])
    assert file["answer"].startswith("400 ") and file["events"] == 1 and file["time"].endswith("Z")
    http_receiver.answers_normally()
    body = gzip.compress(json.dumps(file["request"]).encode())
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert request(http_receiver.url + "/v1/logs", "POST", body=body, headers=headers).status == 200
    assert judge(http_receiver.lines, 10).exactly_once()


def test_what_cannot_be_set_aside_is_counted_and_said_and_the_rest_arrives(unstarted, http_receiver, tmp_path):
    log = tmp_path / "app.log"
    http_receiver.answers(poison([5]))
    one = unstarted(tailing(log, http_receiver))
    (one.state_dir / "rejected").write_text("in the way")
    one.start()
    Writer(log).write(10)
    book = one.settled("app", 10)
    assert (book["delivered"], book["dropped"]) == (9, 1)
    until(
        lambda: one.value("vigie_export_rejected_files_total", exporter="to0", outcome="failed") == 1, "it is counted"
    )
    assert "cannot keep what was refused" in one.log
