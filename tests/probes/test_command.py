"""Probes by commands: what they say, what becomes of those that do not end, and that none runs which is not allowed."""

import os
from pathlib import Path

import pytest
from harness.agent import vigie
from harness.probes import failed, failure, probed
from harness.sections import otlp, probing
from harness.wait import until


@pytest.fixture
def plugin(tmp_path):
    """`plugin(text)` writes a script that may be run; its path."""
    directory = tmp_path / "plugins"
    directory.mkdir()

    def make(text, name="check"):
        path = directory / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    make.allowed = f"{directory.resolve()}/*"
    return make


def checking(plugin, path, *args, probe=(), **command):
    """The configuration of a probe by this command."""
    section = {"name": "plugin", "command": {"argv": [str(path), *args]} | command, "labels": {"instance": "plugin"}}
    return probing(section | dict(probe), agent={"allow_commands": [plugin.allowed]})


def alive(file):
    """Whether the process is there whose number the file has, and is no zombie."""
    try:
        return Path(f"/proc/{file.read_text().strip()}/stat").read_text().rsplit(") ", 1)[1][0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children(agent):
    """The processes that the agent has started and not reaped."""
    pid = agent.process.pid
    return [one for task in os.listdir(f"/proc/{pid}/task") for one in _of_task(pid, task)]


def _of_task(pid, task):
    return Path(f"/proc/{pid}/task/{task}/children").read_text().split()


def test_what_a_plugin_says_becomes_series(agent, plugin):
    check = plugin("""echo "DISK OK - $1 | /=2643MB;5948;5958;0;5968 'a b'=12.5%;90\nmore | x=3\n" """)
    page = probed(agent(checking(plugin, check, "a $HOME *")), "plugin")
    assert failure(page, "plugin") is None
    assert page.value("probe_command_exit_code", instance="plugin") == 0
    data = {(s.labels["label"], s.labels.get("unit", "")): s.value for s in page.series("probe_command_perfdata")}
    assert data == {("/", "MB"): 2643, ("a b", "%"): 12.5, ("x", ""): 3}


@pytest.mark.parametrize(
    "text, settings, reason",
    [
        ("exit 1", {"warning_is_failure": True}, "command_warning"),
        ("exit 2", {}, "command_critical"),
        ("exit 3", {}, "command_unknown"),
        ("exit 77", {}, "command_failed"),
        ("kill -SEGV $$", {}, "command_signal"),
    ],
)
def test_each_bad_end_has_its_reason(agent, plugin, text, settings, reason):
    failed(agent(checking(plugin, plugin(text), **settings)), "plugin", reason, "run")


def test_what_cannot_be_started_says_why(agent, plugin, tmp_path):
    running = agent(checking(plugin, tmp_path / "plugins/late"))
    failed(running, "plugin", "command_missing", "run")
    plugin("exit 0", "late").chmod(0o644)
    failed(running, "plugin", "command_denied", "run")
    (tmp_path / "plugins/late").chmod(0o755)
    until(lambda: failure(running.scrape(), "plugin") is None, "it runs")
    # What it leads to now is not allowed any more.
    (tmp_path / "plugins/late").unlink()
    (tmp_path / "plugins/late").symlink_to("/usr/bin/env")
    failed(running, "plugin", "command_not_allowed", "run")


@pytest.mark.parametrize("program", ["/usr/bin/env", "{plugins}/../outside", "{plugins}/link"])
def test_a_program_that_is_not_allowed_is_a_mistake_of_the_configuration(plugin, tmp_path, program):
    (tmp_path / "outside").write_text("#!/bin/sh\n")
    (tmp_path / "plugins/link").symlink_to(tmp_path / "outside")
    program = program.format(plugins=tmp_path / "plugins")
    config = tmp_path / "vigie.yaml"
    config.write_text(
        f"agent: {{ allow_commands: ['{plugin.allowed}'] }}\n"
        f"collectors: {{ probes: [{{ name: x, command: {{ argv: ['{program}'] }} }}] }}\n"
    )
    done = vigie("check", "--config.file", str(config))
    assert done.returncode == 78
    assert f"argv[0]: {program}: not allowed by agent.allow_commands" in done.stdout + done.stderr


def test_a_command_that_does_not_end_is_told_to_and_its_group_is_killed(agent, plugin, tmp_path):
    own, child = tmp_path / "own", tmp_path / "child"
    check = plugin(
        f"echo $$ > {own}; trap 'touch {tmp_path}/told' TERM; sleep 987 & echo $! > {child}; while :; do wait; done"
    )
    running = agent(checking(plugin, check, probe={"timeout": "3s", "interval": "1h"}))
    failed(running, "plugin", "timeout", "run")
    assert (tmp_path / "told").exists()
    until(lambda: not alive(own) and not alive(child), "nothing is left")
    until(lambda: children(running) == [], "all are reaped")


def test_a_command_ends_with_the_agent(agent, plugin, tmp_path):
    own = tmp_path / "own"
    running = agent(checking(plugin, plugin(f"echo $$ > {own}; exec sleep 987"), probe={"timeout": "1h"}))
    until(lambda: alive(own), "it runs")
    running.terminate()
    until(lambda: not alive(own), "it has ended")


def test_thousands_of_lines_and_runs_leave_nothing_behind(agent, plugin):
    check = plugin("seq 200000; seq 200000 >&2; (sleep 987 &) ; exit 0")
    running = agent(checking(plugin, check, probe={"interval": "20ms"}))

    def after(runs):
        until(lambda: running.scrape().total("vigie_probe_runs_total", instance="plugin") >= runs, f"{runs} runs", 60)
        return len(os.listdir(f"/proc/{running.process.pid}/fd"))

    descriptors = after(5)
    assert after(35) < descriptors + 15
    assert failure(running.scrape(), "plugin") is None
    assert len(children(running)) <= 1


def test_a_command_inherits_nothing_and_knows_its_trace(http_receiver, agent, plugin, tmp_path):
    check = plugin(
        f"env > {tmp_path}/env; ls -l /proc/$$/fd > {tmp_path}/fds; cat > {tmp_path}/stdin; echo $HUSH; exit 2"
    )
    command = {"argv": [str(check)], "env": {"HUSH": "hunter2"}}
    # Once: a second run would write the files anew while they are read.
    section = {"name": "plugin", "command": command, "trace": True, "interval": "1h"}
    config = probing(section, agent={"allow_commands": [plugin.allowed]}, exporters={"otlp": [otlp(http_receiver)]})
    running = agent(config, env={"LEAKED": "yes"})
    until(lambda: [span for span in http_receiver.spans if not span.raw.parent_span_id], "spans")
    env = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines())
    assert set(env) - {"PWD", "OLDPWD", "SHLVL", "_"} == {"PATH", "LC_ALL", "HUSH", "TRACEPARENT"}
    # What the shell itself has opened is below the directory of the test.
    held = {line.split(" -> ")[1] for line in (tmp_path / "fds").read_text().splitlines() if " -> " in line}
    assert {link for link in held if not link.startswith(("/dev/null", "pipe:", str(tmp_path.resolve())))} == set()
    assert (tmp_path / "stdin").read_text() == ""
    assert {span.raw.trace_id.hex() for span in http_receiver.spans} == {env["TRACEPARENT"].split("-")[1]}
    told = running.log + running.get("/metrics").text + "".join(str(span.raw) for span in http_receiver.spans)
    assert "hunter2" not in told
