"""How it ends: drained within the grace period, at once if asked twice, and with a code that says why."""

import signal
import time

from harness.oracle import Writer, judge
from harness.receiver import refuse, slow
from harness.sections import tailing
from harness.wait import until


def test_term_and_int_end_it_with_success(agent):
    for number in (signal.SIGTERM, signal.SIGINT):
        started = agent()
        started.process.signal(number)
        assert started.process.wait(10) == 0


def test_what_was_read_is_delivered_before_it_ends(agent, receiver, tmp_path):
    writer = Writer(tmp_path / "app.log")
    receiver.answers(slow(0.3))
    started = agent(tailing(writer.path, receiver))
    writer.write(5000)
    receiver.wait_requests(1)
    assert started.terminate() == 0
    taken = len(receiver.logs)
    receiver.answers_normally()
    started.start()
    until(lambda: not judge(receiver.lines, 5000).missing, "the rest has come")
    verdict = judge(receiver.lines, 5000)
    assert taken > 0 and verdict.exactly_once(), verdict


def test_a_dead_receiver_holds_the_end_up_no_longer_than_the_grace_period(agent, http_receiver, tmp_path):
    writer = Writer(tmp_path / "app.log")
    http_receiver.answers(refuse(503))
    config = tailing(writer.path, http_receiver) | {"agent": {"shutdown_grace": "1s"}}
    started = agent(config)
    writer.write(100)
    http_receiver.wait_requests(1)
    begun = time.monotonic()
    started.terminate()
    assert 0.5 < time.monotonic() - begun < 8
    assert "to0" in started.log, "the late part is named"

    http_receiver.answers_normally()
    started.start()
    http_receiver.wait_logs(100)
    assert judge(http_receiver.lines, 100).exactly_once()


def test_a_second_signal_ends_it_at_once(agent, http_receiver, tmp_path):
    writer = Writer(tmp_path / "app.log")
    http_receiver.answers(refuse(503))
    started = agent(tailing(writer.path, http_receiver) | {"agent": {"shutdown_grace": "60s"}})
    writer.write(100)
    http_receiver.wait_requests(1)
    started.process.signal(signal.SIGTERM)
    until(lambda: "ending" in started.log, "it drains")
    assert started.process.running
    started.process.signal(signal.SIGTERM)
    started.process.wait(15)
    assert "ended at once" in started.log


def test_it_is_alive_but_not_ready_while_it_drains(agent, http_receiver, tmp_path):
    writer = Writer(tmp_path / "app.log")
    http_receiver.answers(refuse(503))
    started = agent(tailing(writer.path, http_receiver) | {"agent": {"shutdown_grace": "3s"}})
    writer.write(100)
    http_receiver.wait_requests(1)
    started.process.signal(signal.SIGTERM)
    until(lambda: started.get("/-/ready").status == 503, "no longer ready")
    assert started.get("/-/healthy").status == 200


def test_a_port_in_use_is_a_failure_that_names_it(agent, unstarted):
    taken = agent().url.removeprefix("http://")
    second = unstarted({"server": {"listen": taken}})
    second.spawn()
    assert second.process.wait(10) == 1
    assert taken in second.log
