"""SIGTERM while the destination is dead: the end comes within the grace period, and nothing is lost by it."""

import time

import pytest
from harness.oracle import Writer, judge
from harness.sections import tailing
from harness.silence import Blackhole, Refusing, Silent
from harness.wait import until

GRACE = 1


@pytest.mark.parametrize("peer", [Refusing, Silent, Blackhole])
@pytest.mark.parametrize("lines", [100, 25_000], ids=["a-few", "more-than-fits"])
def test_it_ends_within_the_grace_period_and_delivers_after_the_next_start(agent, receiver, tmp_path, peer, lines):
    receiver.down()
    dead = peer(receiver.port)
    writer = Writer(tmp_path / "app.log")
    config = tailing(writer.path, receiver) | {"agent": {"shutdown_grace": f"{GRACE}s", "memory_limit": "4MiB"}}
    started = agent(config)
    writer.write(lines)
    until(lambda: started.ledger("app")["in_flight"] >= min(lines, 1000), "lines wait for the destination")
    begun = time.monotonic()
    started.terminate()
    taken = time.monotonic() - begun
    # A request that nobody answers is given up after 10 s.
    assert GRACE - 0.5 < taken < GRACE + 7, f"ended after {taken:.1f} s"
    assert "to0" in started.log, "the late part is named"
    dead.close()
    receiver.up()
    started.start()
    receiver.wait_logs(lines)
    started.settled("app", lines)
    verdict = judge(receiver.lines, lines)
    assert verdict.exactly_once(), verdict
