"""A disk that is full, read-only or out of files: sources wait, somebody is told, and it goes on when it can."""

from harness.mounts import files, fill
from harness.oracle import Writer, judge
from harness.spool import segments, spooled, waiting
from harness.wait import until


def why_not_ready(agent):
    answer = agent.get("/-/ready")
    return answer.text if answer.status == 503 else ""


def cannot_write(agent):
    return "the spool of to0 cannot be written" in why_not_ready(agent)


def failures(agent, reason):
    return agent.scrape().total("vigie_spool_write_failures_total", exporter="to0", signal="logs", reason=reason)


def spool_dropped(agent):
    return agent.scrape().total("vigie_spool_events_total", exporter="to0", outcome="dropped")


def is_writable(agent):
    return agent.value("vigie_spool_writable", exporter="to0", signal="logs") == 1


def wait_stuck(agent, reason):
    """It is not ready and says why, and the failures are counted."""
    until(lambda: cannot_write(agent), "it is not ready, and says why")
    until(lambda: failures(agent, reason) > 0 and not is_writable(agent), "it is counted")
    assert agent.get("/-/healthy").status == 200


def check_recovers(agent, receiver, lines):
    """It is ready again by itself, and everything arrives once."""
    agent.wait_ready()
    until(lambda: is_writable(agent), "it is written again")
    assert "the spool is written again" in agent.log
    receiver.wait_logs(lines)
    until(lambda: waiting(agent) == 0 and agent.ledger("app")["in_flight"] == 0, "nothing waits")
    verdict = judge(receiver.lines, lines)
    assert verdict.exactly_once(), verdict
    assert spool_dropped(agent) == 0


def test_a_disk_that_fills_and_frees_loses_nothing(agent, tmpfs, http_receiver, tmp_path):
    tmpfs(tmp_path / "agent0/state", size="4m")
    filler = tmp_path / "agent0/state/filler"
    http_receiver.down()
    writer = Writer(tmp_path / "app.log")
    started = agent(spooled(writer.path, http_receiver))
    writer.write(1_000)
    started.settled("app", 1_000)
    for _ in range(3):
        fill(filler)
        writer.write(1_000)
        wait_stuck(started, "disk_full")
        until(lambda: started.ledger("app")["in_flight"] > 0, "what was read is not settled")
        filler.unlink()
        started.wait_ready()
        started.settled("app", writer.next)
        until(lambda: is_writable(started), "it is written again")
    told = [line for line in started.log.splitlines() if "No space left" in line and "write the spool" in line]
    assert len(told) == 3, "said once each time, not at each try"
    http_receiver.up()
    check_recovers(started, http_receiver, 4_000)


def test_a_full_disk_keeps_nothing_from_a_receiver_that_is_well(agent, tmpfs, http_receiver, tmp_path):
    tmpfs(tmp_path / "agent0/state", size="1m")
    filler = tmp_path / "agent0/state/filler"
    writer = Writer(tmp_path / "app.log")
    started = agent(spooled(writer.path, http_receiver))
    fill(filler)
    writer.write(5_000)
    http_receiver.wait_logs(5_000)
    wait_stuck(started, "disk_full")
    filler.unlink()
    check_recovers(started, http_receiver, 5_000)


def test_what_could_not_be_written_survives_a_kill_behind_its_offset(agent, tmpfs, http_receiver, tmp_path):
    tmpfs(tmp_path / "agent0/state", size="4m")
    filler = tmp_path / "agent0/state/filler"
    http_receiver.down()
    writer = Writer(tmp_path / "app.log")
    started = agent(spooled(writer.path, http_receiver))
    writer.write(1_000)
    started.settled("app", 1_000)
    fill(filler)
    writer.write(1_000)
    until(lambda: failures(started, "disk_full") > 0, "the disk is full")
    started.kill9()
    filler.unlink()
    started.start()
    http_receiver.up()
    http_receiver.wait_logs(2_000)
    verdict = judge(http_receiver.lines, 2_000)
    # The last save of the offset may have found the disk full: what it did not know comes again.
    assert verdict.none_lost(duplicates=1_000), verdict


def test_a_spool_that_fills_its_disk_makes_room_by_delivering(agent, tmpfs, http_receiver, tmp_path):
    tmpfs(tmp_path / "agent0/state", size="4m")
    http_receiver.down()
    writer = Writer(tmp_path / "app.log")
    started = agent(spooled(writer.path, http_receiver))
    lines = writer.write(40_000)
    wait_stuck(started, "disk_full")
    until(lambda: 0 < waiting(started) < lines, "what fits is there")
    http_receiver.up()
    check_recovers(started, http_receiver, lines)


def test_a_full_disk_takes_the_oldest_if_told_to(agent, tmpfs, http_receiver, tmp_path):
    tmpfs(tmp_path / "agent0/state", size="4m")
    http_receiver.down()
    writer = Writer(tmp_path / "app.log")
    started = agent(spooled(writer.path, http_receiver, spool={"max_size": "16MiB", "when_full": "drop_oldest"}))
    lines = writer.write(40_000)
    started.settled("app", lines)
    until(lambda: 0 < spool_dropped(started) == lines - waiting(started), "what went is counted")
    lost = int(spool_dropped(started))
    http_receiver.up()
    http_receiver.wait_logs(lines - lost)
    until(lambda: waiting(started) == 0, "nothing waits")
    verdict = judge(http_receiver.lines, lines)
    assert len(verdict.missing) == lost and not verdict.duplicates and not verdict.corrupt
    assert max(verdict.missing) < lines - 1_000, "the newest are there"


def test_a_disk_without_room_for_another_file_is_told_until_there_is(agent, tmpfs, http_receiver, tmp_path):
    state = tmpfs(tmp_path / "agent0/state")
    writer = Writer(tmp_path / "app.log")
    started = agent(spooled(writer.path, http_receiver, spool={"max_size": "1MiB"}))
    writer.write(100)
    http_receiver.wait_logs(100)
    until(lambda: waiting(started) == 0 and started.ledger("app")["in_flight"] == 0, "nothing waits")
    state.allow_files(files(state.path))
    # While nothing is delivered no file is given back, which another could take the place of.
    http_receiver.down()
    # Bit by bit: what comes at once is one record, which goes to the segment that is there however large it is.
    until(lambda: writer.write(100) and cannot_write(started), "another segment is needed", every=0.2)
    lines = writer.next
    wait_stuck(started, "disk_full")
    http_receiver.up()
    http_receiver.wait_logs(lines)
    state.allow_files(1_000)
    check_recovers(started, http_receiver, lines)
    told = [line for line in started.log.splitlines() if "WARN" in line and " of the spool" in line]
    assert len(told) <= 2, "said once, not at each try"


def test_a_state_directory_that_is_read_only_from_the_start_holds_no_line_back(
    unstarted, tmpfs, http_receiver, tmp_path
):
    state = tmpfs(tmp_path / "agent0/state")
    state.read_only()
    writer = Writer(tmp_path / "app.log")
    lines = writer.write(1_000)
    started = unstarted(spooled(writer.path, http_receiver)).start(ready=False)
    wait_stuck(started, "read_only")
    http_receiver.wait_logs(lines)
    state.writable()
    check_recovers(started, http_receiver, lines)


def test_a_spool_that_another_process_has_waits_for_it(agent, unstarted, http_receiver, tmp_path):
    writer = Writer(tmp_path / "app.log")
    config = spooled(writer.path, http_receiver)
    first = agent(config)
    writer.write(100)
    first.settled("app", 100)
    second = unstarted(config | {"agent": {"state_dir": str(first.state_dir)}, "collectors": {}})
    second.start(ready=False)
    until(lambda: "in use by another process" in second.log, "it says who has it")
    until(lambda: cannot_write(second), "it is not ready, and says why")
    first.terminate()
    second.wait_ready()
    assert segments(second) == segments(first)
    assert judge(http_receiver.lines, 100).exactly_once()
