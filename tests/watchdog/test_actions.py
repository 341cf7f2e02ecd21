"""What is done when an expectation is not met, and what is not."""

import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import threading

import pytest
from harness.agent import BINARY, vigie
from harness.sections import otlp
from harness.wait import holds, until

ACTIONS = "vigie_actions_total"
EXHAUSTED = "vigie_actions_exhausted"
SHELL = os.path.realpath("/bin/sh")

# Sooner than anybody would want it.
SOON = {"after": 1, "backoff": {"initial": "100ms", "max": "100ms"}}


def acting(receiver, *actions, program="/nonexistent", expect=None, **collectors):
    """A group `api` of processes of this program, of which one is expected."""
    group = {"name": "api", "match": {"exe": [str(program)]}, "expect": expect or {"min": 1}, "actions": list(actions)}
    return {
        "agent": {"allow_commands": [SHELL]},
        "collectors": {"processes": {"groups": [group]}, "watchdog": {"interval": "100ms"}} | collectors,
        "exporters": {"otlp": [otlp(receiver)]},
    }


def script(text, **over):
    return SOON | {"run": ["/bin/sh", "-c", text]} | over


def records(receiver, outcome=None):
    """The records of actions so far, of all or of those with this outcome."""
    told = [item for item in receiver.logs if "vigie.action" in item.attributes]
    told = [item for item in told if outcome in (None, item.attributes["vigie.action.outcome"])]
    return sorted(told, key=lambda item: item.raw.time_unix_nano)  # whichever request came first


def count(agent, outcome, name="api", action="run"):
    return agent.value(ACTIONS, name=name, action=action, outcome=outcome)


@pytest.fixture
def api(tmp_path):
    """A program called vigie-api; who has its PID in `started` is killed when the test is over.

    To be asked for before the agent, which is gone by then: it would start the next one.
    """
    path = tmp_path / "vigie-api"
    shutil.copy("/bin/sleep", path)
    yield path
    if (tmp_path / "started").exists():
        os.kill(int((tmp_path / "started").read_text()), signal.SIGKILL)


def test_a_process_that_dies_is_started_again(api, agent, http_receiver, tmp_path):
    start = f"setsid {api} 600 >/dev/null 2>&1 & echo $! > {tmp_path}/started; "
    start += "echo started $VIGIE_NAME $VIGIE_KINDS $VIGIE_REASONS"
    with subprocess.Popen([api, "600"]) as child:
        try:
            started = agent(acting(http_receiver, script(start), program=api))
            until(lambda: started.value("vigie_expectation_met", name="api") == 1, "it is there")
            assert count(started, "succeeded") == 0
        finally:
            child.kill()
    (record,) = until(lambda: records(http_receiver), "it is started again")
    until(lambda: started.value("vigie_expectation_met", name="api") == 1, "it is there again")
    assert record.attributes["vigie.action.output"] == "started api min too_few"
    assert record.attributes["vigie.action.outcome"] == "succeeded"
    assert count(started, "succeeded") == 1
    (span,) = until(lambda: http_receiver.spans, "its span is sent")
    assert (span.name, span.raw.span_id) == ("run", record.raw.span_id)
    holds(lambda: len(records(http_receiver)) == 1, "once is enough", 0.5)


def test_an_action_waits_until_it_is_confirmed_and_stops_when_all_is_done(agent, http_receiver):
    action = script("exit 7", after=3, at_most={"actions": 2, "within": "1h"})
    started = agent(acting(http_receiver, action))
    until(lambda: records(http_receiver, "exhausted"), "it stops")
    assert started.value(EXHAUSTED, name="api", action="run") == 1
    outcomes = [item.attributes["vigie.action.outcome"] for item in records(http_receiver)]
    assert outcomes == ["failed", "failed", "exhausted"]
    assert "exit status: 7" in records(http_receiver)[0].body
    assert "2 times in 1h" in records(http_receiver)[2].body
    holds(lambda: count(started, "failed") == 2, "it has stopped", 1)


def test_a_dry_run_only_says_what_it_would_do(agent, http_receiver, tmp_path):
    started = agent(acting(http_receiver, script(f"touch {tmp_path}/done", dry_run=True)))
    until(lambda: count(started, "dry_run") >= 2, "it says so")
    record = until(lambda: records(http_receiver, "dry_run"), "it is told")[0]
    assert "dry run: it is time to run /bin/sh -c touch" in record.body
    assert not (tmp_path / "done").exists()


def test_two_expectations_at_once_are_one_action(agent, http_receiver, tmp_path):
    log = tmp_path / "log"
    action = script(f"echo x >> {log}", backoff={"initial": "1h", "max": "1h"})
    path = tmp_path / "missing"
    files = [{"name": "dump", "path": str(path), "min_size": "1B", "max_age": "1h", "actions": [action]}]
    config = acting(http_receiver, watchdog={"interval": "100ms", "files": files})
    agent(config)
    (record,) = until(lambda: records(http_receiver), "it is done")
    assert record.attributes["vigie.expectation.kind"] == "exists,max_age,min_size"
    holds(lambda: log.read_text() == "x\n", "it is done once", 0.5)


def test_nothing_is_done_while_the_database_is_down(agent, http_receiver, tmp_path, peer):
    done = tmp_path / "done"
    database = tmp_path / "database"
    files = [{"name": "database", "path": str(database)}]
    action = script(f"touch {done}", unless_down=["database"])
    started = agent(acting(http_receiver, action, watchdog={"interval": "100ms", "files": files}))
    (record,) = until(lambda: records(http_receiver, "suppressed"), "it is said")
    # The first look at the group may come before the first look at the file.
    assert re.search("not done while database is (down|not known to be up)", record.body), record.body
    holds(lambda: not done.exists() and count(started, "suppressed") == 1, "nothing is done", 0.5)
    database.touch()
    until(done.exists, "it is done once the database is there")


def test_a_probe_that_fails_holds_actions_as_well(agent, http_receiver, tmp_path):
    done = tmp_path / "done"
    probe = {"name": "database", "interval": "200ms", "tcp": {"address": "127.0.0.1:1"}}
    started = agent(acting(http_receiver, script(f"touch {done}", unless_down=["database"]), probes=[probe]))
    until(lambda: count(started, "suppressed") == 1, "it is said")
    holds(lambda: not done.exists(), "nothing is done", 1)


def test_commands_that_hang_or_print_without_end_do_not_stop_the_watch(agent, http_receiver, tmp_path):
    path = tmp_path / "other"
    watchdog = {"interval": "100ms", "files": [{"name": "other", "path": str(path)}]}
    actions = [script("exec sleep 600"), script("exec yes"), script("exit 0")]
    started = agent(acting(http_receiver, *actions, watchdog=watchdog))
    until(lambda: started.value("vigie_expectation_met", name="other") == 0, "it looks")
    sleeping = until(lambda: children(started), "the first one runs")
    path.touch()
    until(lambda: started.value("vigie_expectation_met", name="other") == 1, "it still looks")
    holds(lambda: children(started) == sleeping, "one at a time", 0.5)
    started.terminate()
    assert not any(os.path.exists(f"/proc/{pid}") for pid in sleeping)


def children(agent):
    pid = agent.process.pid
    found = set()
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children") as file:
            found.update(map(int, file.read().split()))
    return found


def test_a_command_that_prints_without_end_is_bounded(agent, http_receiver):
    started = agent(acting(http_receiver, script("yes | head -c 50000000; echo; echo password=hunter2 >&2; exit 1")))
    record = until(lambda: records(http_receiver, "failed"), "it has ended", 60)[0]
    assert len(record.attributes["vigie.action.output"]) <= 1025
    assert "hunter2" not in record.attributes["vigie.action.output"]
    assert started.process.running


@pytest.fixture
def hook(request):
    """A webhook receiver; `hook.bodies` is what it was told."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            self.server.bodies.append((self.path, dict(self.headers), json.loads(body)))
            self.send_response(self.server.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.bodies, server.status = [], 204
    threading.Thread(target=server.serve_forever, daemon=True).start()
    request.addfinalizer(server.server_close)
    request.addfinalizer(server.shutdown)
    return server


def test_a_webhook_is_told_what_is_wrong_and_its_secrets_nobody(agent, http_receiver, hook):
    url = f"http://127.0.0.1:{hook.server_port}/services/T0KEN"
    webhook = SOON | {"webhook": {"url": url, "headers": {"x-key": "hunter2"}}}
    webhook["backoff"] = {"initial": "300ms", "max": "300ms"}
    started = agent(acting(http_receiver, webhook))
    path, headers, told = until(lambda: hook.bodies, "it is told")[0]
    assert path == "/services/T0KEN"
    assert {name.lower(): value for name, value in headers.items()}["x-key"] == "hunter2"
    assert (told["name"], told["what"], told["times"]) == ("api", "process group", 1)
    assert told["unmet"] == [
        {"kind": "min", "reason": "too_few", "detail": "has 0 processes, at least 1 expected"},
    ]
    hook.status = 500
    record = until(lambda: records(http_receiver, "failed"), "it is refused")[0]
    until(lambda: count(started, "succeeded", action="webhook") >= 1, "it was counted")
    everything = str([(item.body, item.attributes) for item in http_receiver.logs]) + started.log
    assert "127.0.0.1" in record.body
    assert "T0KEN" not in everything
    assert "hunter2" not in everything


def test_a_signal_reaches_the_processes_of_the_group(api, agent, http_receiver, tmp_path):
    other = tmp_path / "vigie-other"
    shutil.copy("/bin/sleep", other)
    bystander = subprocess.Popen([other, "600"])
    members = [subprocess.Popen([api, "600"]) for _ in range(2)]
    try:
        agent(acting(http_receiver, SOON | {"signal": "USR1"}, program=api, expect={"max": 1}))
        for member in members:
            assert member.wait(15) == -signal.SIGUSR1
        assert bystander.poll() is None
        record = until(lambda: records(http_receiver, "succeeded"), "it is told")[0]
        assert "sent to 2 of 2 processes" in record.body
    finally:
        for child in (bystander, *members):
            child.kill()
            child.wait()


# In a PID namespace with few PIDs: members that end as soon as they were seen, or before, and bystanders that get their
# very PIDs and are asked whether a signal has reached them.
CHURN = """
import json, os, random, signal, subprocess, sys, time
api, binary, config, log = sys.argv[1:]
open("/proc/sys/kernel/pid_max", "w").write("400")
agent = subprocess.Popen([binary, "run", "-c", config], stdout=open(log, "w"), stderr=subprocess.STDOUT)
hits, reused, born = [], 0, 0

def bystander(pid):
    # The next process gets the first free PID behind this one.
    open("/proc/sys/kernel/ns_last_pid", "w").write(str(pid - 1))
    child = os.fork()
    if child == 0:
        os.execv("/bin/sleep", ["bystander", "600"])
    return child

end = time.monotonic() + 60
while reused < 300 and time.monotonic() < end:
    members = [subprocess.Popen([api, "600"]) for _ in range(20)]
    born += len(members)
    time.sleep(random.uniform(0, 0.3))
    bystanders = []
    for member in members:
        member.kill()
        member.wait()
        bystanders.append(bystander(member.pid))
        reused += bystanders[-1] == member.pid
    time.sleep(0.3)
    for pid in bystanders:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            hits.append((pid, status))
        else:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
agent.terminate()
agent.wait()
print(json.dumps({"hits": hits, "reused": reused, "born": born}))
"""


def test_no_signal_reaches_whoever_has_the_pid_of_a_member_now(unstarted, http_receiver, api, tmp_path):
    action = {"signal": "TERM", "after": 1, "backoff": {"initial": "1ms", "max": "1ms"}}
    action["at_most"] = {"actions": 1000000, "within": "1h"}
    made = unstarted(acting(http_receiver, action, program=api, expect={"max": 0}))
    program = tmp_path / "churn.py"
    program.write_text(textwrap.dedent(CHURN))
    command = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", sys.executable, program]
    done = subprocess.run(
        [*command, api, BINARY, made.config_file, tmp_path / "churn.log"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["hits"] == [], found
    assert found["reused"] > 200, f"too few PIDs were used again: {found}"
    bodies = [record.body for record in records(http_receiver)]
    assert any("sent to" in body for body in bodies), "signals were sent"


def test_check_says_in_plain_words_what_would_be_done_when(unstarted, http_receiver):
    action = {"when": ["min"], "restart_unit": "api.service"}
    made = unstarted(acting(http_receiver, action))
    expected = (
        "process group api: when min is not met at 3 looks in a row (0.3 s), restart unit api.service; "
        "again after 30 s, doubling to 10 min; at most 5 times in 1 h, then stop"
    )
    assert expected in vigie("check", "-c", made.config_file).stdout.splitlines()
    assert json.loads(vigie("check", "--format", "json", "-c", made.config_file).stdout)["actions"] == [expected]
