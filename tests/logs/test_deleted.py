"""Deleted files: read to their ends, then released; held within bounds."""

import os
from pathlib import Path

import pytest
from harness.oracle import Writer, judge
from harness.receiver import refuse
from harness.sections import tailing
from harness.wait import holds, until


@pytest.fixture
def small_disk(tmpfs, tmp_path):
    return tmpfs(tmp_path / "logs", size="40m").path


@pytest.fixture
def roomy_disk(tmpfs, tmp_path):
    """That of the machine may be so full that deleted files are not held."""
    return tmpfs(tmp_path / "logs", size="1g").path


def deleted_files(started):
    """What the agent holds open of deleted files below its test's directory."""
    links = [os.readlink(link) for link in Path(f"/proc/{started.process.pid}/fd").iterdir() if link.is_symlink()]
    return [link for link in links if link.endswith(".log (deleted)")]


def test_a_deleted_file_is_held_while_the_sink_is_dead_then_drained_and_released(agent, http_receiver, roomy_disk):
    log = roomy_disk / "app.log"
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
    http_receiver.wait_logs(writer.next, 90)
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
    # The kernel frees it a moment after it was closed.
    until(lambda: (space := os.statvfs(small_disk)).f_bavail * 10 > space.f_blocks * 9, "its space is free again")
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


def test_rotations_out_of_the_patterns_while_the_sink_is_dead_lose_nothing(agent, http_receiver, roomy_disk):
    log = roomy_disk / "app.log"
    http_receiver.answers(refuse(503))
    started = agent(tailing(log, http_receiver) | {"agent": {"memory_limit": "8MiB"}})
    writer = Writer(log, size=1000)
    for generation in range(6):
        writer.write(4000)
        until(lambda: books(started)["written"] == writer.next * 1001, "it is seen")
        if generation % 2:
            log.unlink()
        else:
            os.rename(log, roomy_disk / f"old-{generation}")
    holds(lambda: books(started)["lost"] == 0, "nothing is given up", 8)
    until(lambda: balanced(started)["lag"] > 8 << 20, "what is not read is known, and balances")
    http_receiver.answers_normally()
    http_receiver.wait_logs(writer.next, 90)
    verdict = judge(http_receiver.lines, writer.next)
    assert verdict.none_lost(), verdict
    written = writer.next * 1001
    book = until(lambda: (book := balanced(started)) and book["read"] >= written and book, "the books balance")
    assert book["read"] == book["written"] == written
