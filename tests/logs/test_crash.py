"""kill -9 loses nothing: an offset passes only what was delivered, or dropped on purpose and counted."""

import random
import threading
import time

from harness.offsets import wait_saved
from harness.oracle import Writer, judge, record
from harness.receiver import Answer, accept, refuse
from harness.sections import tailing
from harness.wait import until


def test_nothing_is_lost_when_the_agent_is_killed_at_random_points(agent, receiver, tmp_path):
    log = tmp_path / "app.log"
    writer, done = Writer(log), threading.Event()
    started = agent(tailing(f"{log}*", receiver))

    def write():
        while not done.is_set():
            writer.write(20)
            time.sleep(0.005)

    thread = threading.Thread(target=write)
    thread.start()
    kills = 12
    try:
        for _ in range(kills):
            time.sleep(random.Random(writer.next).uniform(0.3, 1.6))
            started.kill9()
            started.spawn()
            time.sleep(0.05)
    finally:
        done.set()
        thread.join()
    until(lambda: not judge(receiver.lines, writer.next).missing, "every record has come", 60, every=0.25)
    verdict = judge(receiver.lines, writer.next)
    # What comes twice is what was in flight (a batch waits 20 ms) or acknowledged after the last save of the offset:
    # 128 KiB and a tenth of a second ago, so at 4,000 lines a second some 1,700, more on a busy machine.
    assert verdict.none_lost(duplicates=kills * 2400), verdict


def test_what_was_acknowledged_is_not_sent_again(agent, http_receiver, tmp_path):
    log = tmp_path / "app.log"
    writer = Writer(log)
    writer.write(1000)
    started = agent(tailing(log, http_receiver))
    wait_saved(started, log)
    started.restart()
    writer.write(1000)
    http_receiver.wait_logs(2000)
    verdict = judge(http_receiver.lines, 2000)
    assert verdict.exactly_once(), verdict


def test_an_orderly_stop_saves_the_offset_so_that_nothing_comes_twice(agent, receiver, tmp_path):
    log = tmp_path / "app.log"
    writer = Writer(log)
    started = agent(tailing(log, receiver))
    for _ in range(5):
        writer.write(500)
        assert started.terminate() == 0
        started.start()
    verdict_of = lambda: judge(receiver.lines, writer.next)  # noqa: E731
    until(lambda: not verdict_of().missing, "every record has come")
    assert verdict_of().exactly_once(), verdict_of()


def test_what_the_receiver_never_took_is_sent_after_a_crash(agent, receiver, tmp_path):
    log = tmp_path / "app.log"
    writer = Writer(log)
    receiver.answers(refuse(503))
    started = agent(tailing(log, receiver))
    writer.write(1000)
    receiver.wait_requests(2)
    started.kill9()
    receiver.answers_normally()
    started.start()
    receiver.wait_logs(1000)
    verdict = judge(receiver.lines, 1000)
    assert verdict.exactly_once(), verdict


def test_half_a_line_at_the_crash_is_whole_afterwards(agent, http_receiver, tmp_path):
    log = tmp_path / "app.log"
    whole, half = record(0) + "\n", record(1) + "\n"
    log.write_text(whole + half[:30])
    started = agent(tailing(log, http_receiver))
    http_receiver.wait_logs(1)
    started.kill9()
    with open(log, "a") as file:
        file.write(half[30:])
    started.start()
    until(lambda: not judge(http_receiver.lines, 2).missing, "the second line has come")
    assert judge(http_receiver.lines, 2).none_lost(duplicates=1)


def test_a_later_acknowledgement_does_not_pass_a_batch_that_was_refused(agent, receiver, tmp_path):
    log = tmp_path / "app.log"
    writer = Writer(log)
    later = threading.Event()

    def rule(items):
        if any(item.text.startswith("n=0 ") for item in items):
            # Refused so late that others are sent and taken meanwhile.
            return Answer(503, after=later)
        later.set()
        return accept()

    receiver.answers(rule)
    started = agent(tailing(log, receiver))
    writer.write(100)
    receiver.wait_requests(1)
    for _ in range(10):
        writer.write(100)
    until(lambda: receiver.logs, "a later batch is taken")
    # Long enough for the offsets to be saved, were they to pass.
    time.sleep(0.5)
    assert "n=0 " not in "".join(receiver.lines)
    started.kill9()
    receiver.answers_normally()
    started.start()
    until(lambda: not judge(receiver.lines, writer.next).missing, "the refused batch has come")
    verdict = judge(receiver.lines, writer.next)
    assert verdict.none_lost(duplicates=writer.next), verdict
