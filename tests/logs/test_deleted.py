"""Deleted files: read to their ends, then released; held within bounds."""

import os
from pathlib import Path

from harness.oracle import Writer, judge
from harness.receiver import refuse
from harness.sections import tailing
from harness.wait import holds, until


def deleted_files(started):
    """What the agent holds open of deleted files below its test's directory."""
    links = [os.readlink(link) for link in Path(f"/proc/{started.process.pid}/fd").iterdir() if link.is_symlink()]
    return [link for link in links if link.endswith(".log (deleted)")]


def test_a_deleted_file_is_held_while_the_sink_is_dead_then_drained_and_released(agent, http_receiver, tmp_path):
    log = tmp_path / "app.log"
    http_receiver.answers(refuse(503))
    started = agent(tailing(log, http_receiver))
    writer = Writer(log, size=1000)
    # More than memory holds.
    for _ in range(60):
        writer.write(1000)
    until(lambda: started.ledger("app")["in_flight"] > 15_000, "the memory is full")
    log.unlink()
    holds(lambda: deleted_files(started), "it is held", 8)
    http_receiver.answers_normally()
    http_receiver.wait_logs(writer.next, 60)
    verdict = judge(http_receiver.lines, writer.next)
    assert verdict.none_lost(), verdict
    until(lambda: not deleted_files(started), "it is released", 30)
    assert started.scrape().total("vigie_log_lost_bytes_total", source="app") == 0
