"""What was acknowledged to the spool arrives after a kill and after an orderly end, whatever became of its source."""

import time

import pytest
from harness.agent import merged
from harness.offsets import wait_saved
from harness.oracle import Oracle, Writer, judge
from harness.sections import probing
from harness.silence import Blackhole, Refusing, Silent
from harness.spool import dumped, listed, spooled, waiting
from harness.wait import until

GRACE = 1
LINES = 5_000


def spans(items):
    return {(item.raw.trace_id, item.raw.span_id) for item in items}


@pytest.fixture
def probed(agent, nginx, receiver, tmp_path):
    """An agent with lines and spans in its spools for a receiver that is down, and the file of the lines."""
    receiver.down()
    writer = Writer(tmp_path / "app.log")
    probe = {"name": "home", "http": {"url": nginx().url + "/"}, "trace": True, "interval": "50ms"}
    started = agent(merged(spooled(writer.path, receiver), probing(probe)))
    writer.write(LINES)
    started.settled("app", LINES)
    until(lambda: waiting(started, signal="traces") >= 40, "spans wait in the spool")
    return started, writer.path


def check_all_arrives(started, receiver, source, kept):
    # Nothing can be read again: what arrives comes from the spool.
    source.unlink()
    started.configure(spooled(source, receiver))
    receiver.up()
    started.start()
    receiver.wait_logs(LINES)
    until(lambda: kept <= spans(receiver.spans), "every span that was kept arrives")
    for signal in ("logs", "traces"):
        until(lambda signal=signal: waiting(started, signal=signal) == 0, "nothing waits")
    verdict = judge(receiver.lines, LINES)
    assert verdict.exactly_once(), verdict
    assert len(receiver.spans) == len(spans(receiver.spans)), "no span came twice"
    assert len(kept) >= 40


def test_lines_and_spans_survive_a_kill_while_the_receiver_is_dead(probed, receiver):
    started, source = probed
    started.kill9()
    check_all_arrives(started, receiver, source, spans(dumped(started, signal="traces")))


def test_lines_and_spans_survive_an_orderly_end_while_the_receiver_is_dead(probed, receiver):
    started, source = probed
    started.terminate()
    assert "they stay in the spool" in started.log
    check_all_arrives(started, receiver, source, spans(dumped(started, signal="traces")))


@pytest.mark.parametrize("peer", [Refusing, Silent, Blackhole])
def test_it_ends_within_its_grace_whatever_the_receiver_does(agent, receiver, tmp_path, peer):
    receiver.down()
    dead = peer(receiver.port)
    writer = Writer(tmp_path / "app.log")
    started = agent(merged(spooled(writer.path, receiver), {"agent": {"shutdown_grace": f"{GRACE}s"}}))
    writer.write(LINES)
    started.settled("app", LINES)
    begun = time.monotonic()
    started.terminate()
    taken = time.monotonic() - begun
    # A request that nobody answers is given up after 10 s.
    assert taken < GRACE + 7, f"ended after {taken:.1f} s"
    assert listed(started)["to0", "logs"]["waiting"] == LINES
    dead.close()
    receiver.up()
    started.start()
    receiver.wait_logs(LINES)
    until(lambda: waiting(started) == 0, "nothing waits")
    verdict = judge(receiver.lines, LINES)
    assert verdict.exactly_once(), verdict


def test_kills_while_it_delivers_lose_nothing(agent, receiver, tmp_path):
    oracle = Oracle()
    receiver.hands_to(lambda items: oracle.take(item.text for item in items))
    writer = Writer(tmp_path / "app.log")
    started = agent(spooled(writer.path, receiver))
    again = 0
    for _ in range(10):
        writer.write(500)
        until(lambda: oracle.has_all("", writer.next - 250), "it delivers", every=0.001)
        started.restart()
        # Neither the offset nor the cursor of what was just delivered may have been saved.
        again += 2 * writer.next
    until(lambda: oracle.has_all("", writer.next), "all arrives", timeout=30)
    until(lambda: waiting(started) == 0 and started.ledger("app")["in_flight"] == 0, "all is settled")
    verdict = oracle.verdict(writer.next)
    assert verdict.none_lost(duplicates=again), verdict


def test_a_spool_is_emptied_when_its_exporter_no_longer_wants_one(agent, http_receiver, tmp_path):
    http_receiver.down()
    writer = Writer(tmp_path / "app.log")
    started = agent(spooled(writer.path, http_receiver))
    writer.write(LINES)
    started.settled("app", LINES)
    wait_saved(started, writer.path)
    started.kill9()
    started.configure(spooled(writer.path, http_receiver, spool={"mode": "memory"}))
    started.start()
    assert "its spool is not empty" in started.log
    writer.write(100)
    http_receiver.up()
    http_receiver.wait_logs(LINES + 100)
    started.settled("app", 100)
    verdict = judge(http_receiver.lines, LINES + 100)
    assert verdict.exactly_once(), verdict
    # Next time there is nothing to be said.
    started.terminate()
    started.start()
    assert "its spool" not in started.log


def test_a_spool_of_an_exporter_that_is_gone_is_told_and_waits_for_it(agent, http_receiver, tmp_path):
    http_receiver.down()
    writer = Writer(tmp_path / "app.log")
    config = spooled(writer.path, http_receiver)
    started = agent(config)
    writer.write(LINES)
    started.settled("app", LINES)
    wait_saved(started, writer.path)
    started.kill9()
    http_receiver.up()
    started.configure(config | {"exporters": {}, "collectors": {}})
    started.start()
    (told,) = [line for line in started.log.splitlines() if "no such exporter" in line]
    assert "WARN" in told and "exporter=to0" in told and "signal=logs" in told
    started.terminate()
    assert not http_receiver.lines
    started.configure(config)
    started.start()
    assert "no such exporter" not in started.log
    http_receiver.wait_logs(LINES)
    verdict = judge(http_receiver.lines, LINES)
    assert verdict.exactly_once(), verdict
