"""Deleted files: read to their ends, then released; held within bounds."""

import os
from pathlib import Path

import pytest
from harness.mounts import Tmpfs
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


def books(started):
    """What is known of the bytes of the files: as many as were written are read, skipped, lost, or still there."""
    page = started.scrape()
    names = ("written", "read", "hole", "copied", "lost")
    return {name: page.total(f"vigie_log_{name}_bytes_total", source="app") for name in names} | {
        "lag": page.total("vigie_log_lag_bytes", source="app")
    }


def balanced(started):
    book = books(started)
    return book if book["written"] == sum(book.values()) - book["written"] else None


@pytest.fixture
def small_disk(request, tmp_path):
    made = Tmpfs(tmp_path / "logs", size="40m")
    request.addfinalizer(made.unmount)
    return made.path


def test_a_deleted_file_is_not_held_until_the_disk_is_full(agent, http_receiver, small_disk):
    log = small_disk / "app.log"
    http_receiver.answers(refuse(503))
    started = agent(tailing(log, http_receiver) | {"agent": {"memory_limit": "8MiB"}})
    writer = Writer(log, size=1000)
    while os.statvfs(small_disk).f_bavail * 20 > os.statvfs(small_disk).f_blocks:
        writer.write(500)
    until(lambda: books(started)["written"] == log.stat().st_size, "it is seen")
    log.unlink()
    until(lambda: not deleted_files(started), "it is released", 30)
    space = os.statvfs(small_disk)
    assert space.f_bavail * 10 > space.f_blocks * 9, "its space is free again"
    lost = started.scrape().value("vigie_log_lost_bytes_total", source="app", reason="disk_full")
    assert lost > 16 << 20
    assert "nearly full" in started.log
    # What comes then is read, and what was lost is all that is missing.
    writer.write(10)
    http_receiver.answers_normally()
    book = until(lambda: (book := balanced(started)) and book["lag"] == 0 and book, "the rest is read", 30)
    assert book["lost"] == lost
    started.settled("app", 1)
    verdict = judge(http_receiver.lines, writer.next)
    assert not verdict.corrupt
    # Each line has its newline; the first that was lost may have been cut.
    assert len(verdict.missing) == -(-lost // 1001), (len(verdict.missing), lost)


def test_rotations_out_of_the_patterns_while_the_sink_is_dead_lose_nothing(agent, http_receiver, tmp_path):
    log = tmp_path / "app.log"
    http_receiver.answers(refuse(503))
    started = agent(tailing(log, http_receiver) | {"agent": {"memory_limit": "8MiB"}})
    writer = Writer(log, size=1000)
    for generation in range(6):
        writer.write(4000)
        until(lambda: books(started)["written"] == writer.next * 1001, "it is seen")
        if generation % 2:
            log.unlink()
        else:
            os.rename(log, tmp_path / f"old-{generation}")
    holds(lambda: books(started)["lost"] == 0, "nothing is given up", 8)
    assert balanced(started)["lag"] > 8 << 20
    http_receiver.answers_normally()
    http_receiver.wait_logs(writer.next, 60)
    verdict = judge(http_receiver.lines, writer.next)
    assert verdict.none_lost(), verdict
    book = until(lambda: balanced(started), "the books balance")
    assert book["read"] == book["written"] == writer.next * 1001
