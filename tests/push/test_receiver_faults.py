"""What a receiver may do, and what becomes of the records: nothing lost, or dropped with a reason and a count."""

import time

import pytest
from harness.oracle import Writer, judge
from harness.receiver import hang_up, partial, refuse, slow
from harness.sections import tailing
from harness.wait import until


def test_a_receiver_that_is_down_for_a_while_gets_everything(pushing, receiver):
    started, writer = pushing(receiver)
    writer.write(500)
    receiver.wait_logs(500)
    receiver.down()
    for _ in range(10):
        writer.write(500)
        time.sleep(0.1)
    assert started.ledger("app")["delivered"] == 500
    receiver.up()
    receiver.wait_logs(writer.next)
    verdict = judge(receiver.lines, writer.next)
    assert verdict.none_lost(), verdict
    started.settled("app", writer.next)


def test_a_receiver_that_is_down_at_the_start_gets_everything(pushing, receiver):
    receiver.down()
    started, writer = pushing(receiver)
    writer.write(2000)
    until(lambda: started.ledger("app")["in_flight"] > 0, "records wait")
    receiver.up()
    receiver.wait_logs(2000)
    verdict = judge(receiver.lines, 2000)
    assert verdict.none_lost(), verdict


@pytest.mark.parametrize("status", [429, 503])
def test_a_refusal_for_now_is_tried_again(pushing, receiver, status):
    # By gRPC's code for 429 a receiver says "later" only if it says when.
    receiver.answers(refuse(status, retry_after=1 if status == 429 else None), times=2)
    started, writer = pushing(receiver)
    writer.write(1000)
    receiver.wait_logs(1000)
    verdict = judge(receiver.lines, 1000)
    assert verdict.none_lost(), verdict
    book = started.settled("app", 1000)
    assert book["dropped"] == 0


def test_retry_after_is_waited_for(pushing, receiver):
    receiver.answers(refuse(503, retry_after=2), times=1)
    _, writer = pushing(receiver)
    writer.write(10)
    receiver.wait_logs(10)
    first, second = receiver.requests[0], receiver.requests[1]
    assert 1.9 <= second.at - first.at < 10
    assert judge(receiver.lines, 10).none_lost()


def test_a_connection_cut_without_an_answer_is_tried_again(pushing, http_receiver):
    http_receiver.answers(hang_up(), times=1)
    started, writer = pushing(http_receiver)
    writer.write(100)
    started.settled("app", 100)
    # Whether the first try was taken cannot be known: it may come twice, never not at all.
    assert judge(http_receiver.lines, 100).none_lost(duplicates=100)


def test_a_partial_success_is_counted_and_not_sent_again(pushing, receiver):
    receiver.answers(partial(lambda item: item.text.startswith(("n=3 ", "n=7 "))))
    started, writer = pushing(receiver)
    writer.write(100)
    book = started.settled("app", 100)
    assert (book["delivered"], book["dropped"]) == (98, 2)
    verdict = judge(receiver.lines, 100)
    assert (verdict.missing, verdict.duplicates) == ([3, 7], 0)


def test_a_slow_receiver_holds_nothing_else_up(pushing, http_receiver):
    http_receiver.answers(slow(4), times=2)
    started, writer = pushing(http_receiver)
    writer.write(2000)
    http_receiver.wait_requests(1)
    assert started.scrape().series("node_load1")
    assert not http_receiver.logs, "the page came first"
    http_receiver.wait_logs(2000)
    assert judge(http_receiver.lines, 2000).none_lost()


def test_a_receiver_that_never_answers_is_given_up_at_the_deadline_and_tried_again(pushing, http_receiver):
    http_receiver.answers(slow(30), times=1)
    started, writer = pushing(http_receiver, exporter={"timeout": "1s"})
    writer.write(10)
    until(lambda: len(http_receiver.logs) >= 10, "the second try came through")
    assert started.settled("app", 10)["dropped"] == 0


def test_while_the_receiver_is_dead_the_memory_stays_in_its_bounds(agent, http_receiver, tmp_path):
    http_receiver.answers(refuse(503))
    log = tmp_path / "app.log"
    config = tailing(log, http_receiver) | {"agent": {"memory_limit": "4MiB"}}
    started, writer = agent(config), Writer(log, size=500)
    rss_before = started.value("process_resident_memory_bytes")
    for _ in range(20):
        writer.write(3000)  # 30 MB in all
    until(lambda: started.ledger("app")["in_flight"] > 0, "records wait")
    time.sleep(1)
    assert started.value("process_resident_memory_bytes") - rss_before < 40e6
    http_receiver.answers_normally()
    until(lambda: not judge(http_receiver.lines, writer.next).missing, "every record has come", 90, every=0.5)
    verdict = judge(http_receiver.lines, writer.next)
    # On a busy machine an answer may come later than the deadline: then the request is sent again.
    assert verdict.none_lost(duplicates=writer.next), verdict


def test_several_receivers_get_everything_and_one_that_is_down_holds_no_other_up(pushing, http_receiver, receiver):
    receiver.down()
    started, writer = pushing(http_receiver, receiver)
    writer.write(1000)
    http_receiver.wait_logs(1000)
    assert started.ledger("app")["delivered"] == 0
    receiver.up()
    receiver.wait_logs(1000)
    for one in (http_receiver, receiver):
        verdict = judge(one.lines, 1000)
        assert verdict.none_lost(), verdict
    assert started.settled("app", 1000)["delivered"] == 1000
