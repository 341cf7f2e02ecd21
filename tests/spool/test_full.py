"""`max_size`: sources wait, or the oldest make room and are counted."""

from harness.oracle import Writer, judge
from harness.spool import segments, spooled, waiting
from harness.wait import holds, until

SIZE = 1 << 20
# Several times as much as fits.
LINES = 40_000


def spool_bytes(agent):
    return agent.value("vigie_spool_bytes", exporter="to0", signal="logs")


def test_block_makes_sources_wait_and_loses_nothing(agent, http_receiver, tmp_path):
    http_receiver.down()
    writer = Writer(tmp_path / "app.log")
    config = spooled(writer.path, http_receiver, spool={"max_size": "1MiB", "when_full": "block"})
    started = agent(config | {"agent": {"memory_limit": "8MiB"}})
    writer.write(LINES)
    until(lambda: "the spool is full: sources wait" in started.log, "it says that it is full")
    held = waiting(started)
    assert 0 < held < LINES
    holds(lambda: sum(file.stat().st_size for file in segments(started)) <= SIZE, "max_size holds", 1)
    assert spool_bytes(started) <= SIZE
    assert started.get("/-/ready").status == 200, "a full spool is no fault"
    assert started.ledger("app")["read"] < LINES, "the file waits"
    http_receiver.up()
    http_receiver.wait_logs(LINES)
    started.settled("app", LINES)
    until(lambda: waiting(started) == 0, "nothing waits")
    assert "the spool has room again" in started.log
    verdict = judge(http_receiver.lines, LINES)
    assert verdict.exactly_once(), verdict


def test_drop_oldest_makes_room_and_counts_what_goes(agent, http_receiver, tmp_path):
    http_receiver.down()
    writer = Writer(tmp_path / "app.log")
    started = agent(spooled(writer.path, http_receiver, spool={"max_size": "1MiB", "when_full": "drop_oldest"}))
    writer.write(LINES)
    # Sources do not wait: for them all of it is delivered.
    started.settled("app", LINES)
    assert "the spool is full: the oldest events are dropped" in started.log
    assert sum(file.stat().st_size for file in segments(started)) <= SIZE
    page = started.scrape()
    lost = page.total("vigie_export_events_total", exporter="to0", outcome="dropped", reason="spool_full")
    assert lost > 0 and lost + waiting(started) == LINES
    assert page.total("vigie_spool_events_total", exporter="to0", outcome="dropped", reason="spool_full") == lost
    http_receiver.up()
    http_receiver.wait_logs(LINES - int(lost))
    until(lambda: waiting(started) == 0, "nothing waits")
    verdict = judge(http_receiver.lines, LINES)
    assert verdict.missing == list(range(int(lost))), "the oldest went, and no other"
    assert verdict.duplicates == 0 and not verdict.corrupt


def test_one_full_spool_makes_no_other_destination_wait(agent, request, http_receiver, tmp_path):
    from harness.receiver import HttpReceiver

    dead = HttpReceiver()
    request.addfinalizer(dead.down)
    dead.down()
    writer = Writer(tmp_path / "app.log")
    config = spooled(writer.path, http_receiver, dead, spool={"max_size": "1MiB"})
    started = agent(config | {"agent": {"memory_limit": "8MiB"}})
    writer.write(LINES)
    http_receiver.wait_logs(LINES)
    until(lambda: "the spool is full" in started.log, "the other one's is full")
    dead.up()
    dead.wait_logs(LINES)
    for receiver in (http_receiver, dead):
        verdict = judge(receiver.lines, LINES)
        assert verdict.exactly_once(), verdict
