"""The start: defaults without a file, errors that say where, readiness."""

import resource
import time

from harness.agent import BINARY, LISTENING, environment, vigie
from harness.http import request
from harness.process import Process
from harness.wait import until


def test_it_runs_without_a_file_and_says_where_to_look(tmp_path):
    """Only what would clash with another agent on this machine is set, by the environment."""
    log = tmp_path / "vigie.log"
    env = environment({"VIGIE_WEB_LISTEN_ADDRESS": "127.0.0.1:0", "STATE_DIRECTORY": str(tmp_path)})
    process = Process([BINARY], log, env, tmp_path)
    try:
        url = until(lambda: LISTENING.search(process.log), "it listens").group(1)
        until(lambda: "node_load1" in request(url + "/metrics").text, "it answers with what it sampled first")
        assert "/metrics" in request(url + "/").text
    finally:
        assert process.stop() == 0


def test_a_wrong_configuration_does_not_start(unstarted):
    started = unstarted("server:\n  lisen: 127.0.0.1:0\n")
    started.spawn()
    assert started.process.wait(10) == 78
    assert "vigie.yaml:2:3: server.lisen:" in started.log and "listen" in started.log


def test_a_flag_that_does_not_exist_is_a_usage_error():
    done = vigie("run", "--no-such-flag")
    assert done.returncode == 2 and "--no-such-flag" in done.stderr


def test_the_state_directory_that_cannot_be_written_is_said(unstarted, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    (tmp_path / "app.log").write_text("x\n")
    started = unstarted(
        {
            "agent": {"state_dir": str(blocked / "state")},
            "collectors": {"logs": [{"name": "app", "include": [str(tmp_path / "app.log")]}]},
        }
    )
    started.spawn()
    until(lambda: str(blocked) in started.log, "the directory is named")


def test_flags_win_over_the_file_and_the_file_over_the_environment(agent, tmp_path):
    started = agent(
        {"agent": {"log": {"format": "json"}}}, args=["--log.format=logfmt"], env={"VIGIE_LOG_LEVEL": "debug"}
    )
    assert "level=info" in started.log and '{"' not in started.log


def test_the_first_scrape_comes_soon_after_the_start(unstarted):
    begun = time.monotonic()
    started = unstarted().start(ready=False)
    until(lambda: started.scrape().series("node_load1"), "what was sampled first is there")
    assert time.monotonic() - begun < 5


def test_it_may_open_as_many_files_as_the_hard_limit_allows(unstarted):
    started = unstarted({})
    started.wrapped_in = ["prlimit", "--nofile=256:3000"]
    started.start()
    assert resource.prlimit(started.process.pid, resource.RLIMIT_NOFILE) == (3000, 3000)
    assert started.scrape().total("process_max_fds") == 3000
