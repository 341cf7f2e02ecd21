"""A state directory that cannot be written is not silent, and is no reason to stop delivering."""

from harness.mounts import fill
from harness.offsets import wait_saved
from harness.oracle import Writer, judge
from harness.sections import tailing
from harness.wait import until


def why_not_ready(agent):
    answer = agent.get("/-/ready")
    return answer.text if answer.status == 503 else ""


def failures(agent):
    return agent.value("vigie_log_offset_save_failures_total", source="app")


def check_told_and_recovers(started, receiver, writer, break_it, mend_it, why):
    writer.write(100)
    started.settled("app", 100)
    break_it()
    writer.write(100)
    until(lambda: why in why_not_ready(started), "it says that it is not ready, and why")
    assert "save offsets" in why_not_ready(started)
    assert started.get("/-/healthy").status == 200
    until(lambda: failures(started) > 0, "the failures are counted")
    assert started.log.count("save offsets") == 1, "said once, not at each try"
    # Lines are delivered all the same: after a crash they come again rather than never.
    receiver.wait_logs(200)
    mend_it()
    until(lambda: started.get("/-/ready").status == 200, "it is ready again")
    assert "offsets are saved again" in started.log
    # What could not be saved then is saved now.
    started.settled("app", 200)
    wait_saved(started, writer.path)
    started.restart()
    writer.write(100)
    started.settled("app", 100)
    verdict = judge(receiver.lines, 300)
    assert verdict.exactly_once(), verdict


def test_a_read_only_state_directory_makes_it_not_ready_until_it_can_save(agent, tmpfs, http_receiver, tmp_path):
    state = tmpfs(tmp_path / "agent0/state")
    log = tmp_path / "app.log"
    started = agent(tailing(log, http_receiver))
    check_told_and_recovers(
        started, http_receiver, Writer(log), state.read_only, state.writable, "Read-only file system"
    )


def test_a_full_state_directory_makes_it_not_ready_until_there_is_room(agent, tmpfs, http_receiver, tmp_path):
    tmpfs(tmp_path / "agent0/state", size="256k")
    log = tmp_path / "app.log"
    filler = tmp_path / "agent0/state/filler"
    started = agent(tailing(log, http_receiver))

    check_told_and_recovers(started, http_receiver, Writer(log), lambda: fill(filler), filler.unlink, "No space left")


def test_a_state_directory_that_is_read_only_from_the_start_is_told(unstarted, tmpfs, http_receiver, tmp_path):
    state = tmpfs(tmp_path / "agent0/state")
    state.read_only()
    log = tmp_path / "app.log"
    writer = Writer(log)
    writer.write(100)
    started = unstarted(tailing(log, http_receiver)).start(ready=False)
    http_receiver.wait_logs(100)
    until(lambda: "Read-only file system" in why_not_ready(started), "it says why")
    state.writable()
    started.wait_ready()
    assert judge(http_receiver.lines, 100).exactly_once()
