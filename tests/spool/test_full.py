"""`max_size`: sources wait, or the oldest make room and are counted."""

from harness.oracle import Writer, judge
from harness.receiver import HttpReceiver
from harness.spool import segments, spooled, waiting
from harness.wait import holds, until

SIZE = 4 << 20
# Several times as much as fits.
LINES = 60_000


def spool_bytes(agent):
    return agent.value("vigie_spool_bytes", exporter="to0", signal="logs")


def test_block_makes_sources_wait_and_loses_nothing(agent, http_receiver, tmp_path):
    http_receiver.down()
    writer = Writer(tmp_path / "app.log")
    config = spooled(writer.path, http_receiver, spool={"max_size": "4MiB", "when_full": "block"})
    started = agent(config | {"agent": {"memory_limit": "8MiB"}})
    writer.write(LINES)
    until(lambda: "the spool is full: sources wait" in started.log, "it says that it is full")
    until(lambda: 0 < waiting(started) < LINES, "what fits is there")
    holds(lambda: sum(file.stat().st_size for file in segments(started)) <= SIZE, "max_size holds", 1)
    assert 0 < spool_bytes(started) <= SIZE
    assert started.get("/-/ready").status == 200, "a full spool is no fault"
    assert started.ledger("app")["read"] < LINES, "the file waits"
    http_receiver.up()
    http_receiver.wait_logs(LINES)
    started.settled("app", LINES)
    until(lambda: waiting(started) == 0, "nothing waits")
    until(lambda: "the spool has room again" in started.log, "it says so")
    verdict = judge(http_receiver.lines, LINES)
    assert verdict.exactly_once(), verdict


def test_drop_oldest_makes_room_and_counts_what_goes(agent, http_receiver, tmp_path):
    http_receiver.down()
    writer = Writer(tmp_path / "app.log")
    started = agent(spooled(writer.path, http_receiver, spool={"max_size": "4MiB", "when_full": "drop_oldest"}))
    writer.write(LINES)
    # Sources do not wait: for them all of it is delivered.
    started.settled("app", LINES)
    assert "the spool is full: the oldest events are dropped" in started.log
    assert sum(file.stat().st_size for file in segments(started)) <= SIZE

    def lost(family="vigie_export_events_total"):
        return started.scrape().total(family, exporter="to0", outcome="dropped", reason="spool_full")

    until(lambda: 0 < lost() == LINES - waiting(started), "what went is counted, and no more than that")
    lost = int(lost())
    assert started.value("vigie_spool_events_total", exporter="to0", signal="logs", reason="spool_full") == lost
    http_receiver.up()
    http_receiver.wait_logs(LINES - lost)
    until(lambda: waiting(started) == 0, "nothing waits")
    verdict = judge(http_receiver.lines, LINES)
    assert len(verdict.missing) == lost and not verdict.duplicates and not verdict.corrupt
    # What was being sent while it was among the oldest is delivered all the same.
    assert max(verdict.missing) < LINES - SIZE // 1_000


def test_one_full_spool_makes_no_other_destination_wait(agent, request, http_receiver, tmp_path):
    dead = HttpReceiver()
    request.addfinalizer(dead.down)
    dead.down()
    writer = Writer(tmp_path / "app.log")
    config = spooled(writer.path, http_receiver, dead, spool={"max_size": "4MiB"})
    started = agent(config | {"agent": {"memory_limit": "8MiB"}})
    writer.write(LINES)
    http_receiver.wait_logs(LINES)
    until(lambda: "the spool is full" in started.log, "the other one's is full")
    dead.up()
    dead.wait_logs(LINES)
    for receiver in (http_receiver, dead):
        verdict = judge(receiver.lines, LINES)
        assert verdict.exactly_once(), verdict
