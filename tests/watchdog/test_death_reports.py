"""When a process of a group ends, one record says who it was, how it has ended and what came before."""

import json
import os
import signal
import subprocess
import uuid
from collections import Counter

import pytest
from harness.cgroup import GroupV1, GroupV2
from harness.sections import otlp, tail
from harness.wait import holds, until

MIB = 1 << 20
DEATHS = "vigie_process_deaths_total"


def watching(receiver, program, logs=(), **group):
    testee = {"name": "testee", "match": {"cmdline": [program.tag]}} | group
    return {
        "collectors": {"processes": {"groups": [testee]}, "logs": list(logs)},
        "exporters": {"otlp": [otlp(receiver)]},
    }


def reports(receiver):
    return [item for item in receiver.logs if "vigie.death.cause" in item.attributes]


def is_watched(agent, count=1, by="descriptor"):
    until(lambda: agent.value("vigie_process_deaths_watched", by=by) == count, f"{count} are watched by {by}")


def wait_report(receiver, timeout=15):
    until(lambda: reports(receiver), "a death is reported", timeout)
    (report,) = reports(receiver)
    return report


def deaths(agent):
    page = agent.scrape()
    return {sample.labels["cause"]: sample.value for sample in page.series(DEATHS, groupname="testee")}


NONE = {"exited": 0, "failed": 0, "signal": 0, "oom": 0, "unknown": 0}


def test_an_exit_is_reported_at_once_with_its_status(agent, http_receiver, dying):
    program = dying()
    started = agent(watching(http_receiver, program))
    is_watched(started)
    assert deaths(started) == NONE
    program.tell(exit=3)
    report = wait_report(http_receiver)
    pid = program.process.pid
    expected = {
        "vigie.process_group": "testee",
        "vigie.death.cause": "failed",
        "process.exit.code": 3,
        "process.pid": pid,
    }
    assert {key: report.attributes[key] for key in expected} == expected
    assert report.text.startswith(f"process {report.attributes['process.executable.name']} ({pid}) of group testee")
    assert "exited with status 3 after" in report.text
    assert report.raw.severity_text == "ERROR"
    assert program.tag in report.attributes["process.command_line"]
    assert report.attributes["process.creation.time"] < report.attributes["process.exit.time"]
    history = [
        report.attributes[f"vigie.death.history.{what}"] for what in ("age_seconds", "resident_bytes", "cpu_cores")
    ]
    assert len({len(part) for part in history}) == 1
    assert history[1][-1] > MIB
    until(lambda: deaths(started) == NONE | {"failed": 1}, "it is counted")


def test_the_end_of_a_zombie_whose_parent_does_not_wait_is_reported(agent, http_receiver, tmp_path):
    tag = f"vigie-zombie-{uuid.uuid4().hex[:12]}"
    child = subprocess.Popen(["sh", "-c", "read go; exit 5", tag], stdin=subprocess.PIPE)

    class program:  # noqa: N801
        pass

    program.tag = tag
    try:
        started = agent(watching(http_receiver, program))
        is_watched(started)
        child.stdin.close()
        report = wait_report(http_receiver)
        assert report.attributes["process.exit.code"] == 5
    finally:
        child.kill()
        child.wait()


@pytest.mark.parametrize(("number", "severity"), [(signal.SIGKILL, "ERROR"), (signal.SIGTERM, "WARN")])
def test_a_signal_is_named(agent, http_receiver, dying, number, severity):
    program = dying()
    started = agent(watching(http_receiver, program))
    is_watched(started)
    program.process.signal(number)
    report = wait_report(http_receiver)
    program.process.wait()
    assert report.attributes["vigie.death.signal"] == signal.Signals(number).name
    assert report.raw.severity_text == severity
    assert "process.exit.code" not in report.attributes
    until(lambda: deaths(started) == NONE | {"signal": 1}, "it is counted")


def test_what_the_kernel_kills_for_want_of_memory_is_told_from_what_somebody_kills(agent, http_receiver, dying):
    for kind in (GroupV2, GroupV1):
        try:
            group = kind(96 * MIB)
            break
        except OSError:
            continue
    else:
        pytest.skip("no control group for memory can be made here")
    victim, other = dying(), dying()
    try:
        for program in (victim, other):
            (group.directory / "cgroup.procs").write_text(str(program.process.pid))
        config = watching(http_receiver, victim)
        config["collectors"]["processes"]["groups"][0]["match"]["cmdline"] = [f"{victim.tag}|{other.tag}"]
        started = agent(config)
        is_watched(started, 2)
        victim.process.child.stdin.write(json.dumps({"grow": 200 * MIB, "number": 1}).encode() + b"\n")
        victim.process.child.stdin.flush()
        report = wait_report(http_receiver)
        assert victim.process.wait() == -signal.SIGKILL
        assert report.attributes["vigie.death.cause"] == "oom"
        assert report.attributes["vigie.death.oom_evidence"]
        assert "was killed by the kernel for want of memory" in report.text
        other.process.signal(signal.SIGKILL)
        until(lambda: len(reports(http_receiver)) == 2, "the other death is reported")
        assert reports(http_receiver)[1].attributes["vigie.death.cause"] == "signal"
        until(lambda: deaths(started) == NONE | {"oom": 1, "signal": 1}, "both are counted")
    finally:
        for program in (victim, other):
            program.process.stop()
        until(lambda: group.remove() or True, "the control group is empty")


def test_the_last_lines_of_the_log_are_in_the_report_without_secrets(agent, http_receiver, dying, tmp_path):
    log = tmp_path / "app.log"
    log.write_text("".join(f"line {number}\n" for number in range(1000)) + "login password=hunter2\ngoodbye\n")
    program = dying()
    started = agent(watching(http_receiver, program, [tail(log, name="app-log")], log="app-log"))
    is_watched(started)
    program.tell(exit=0)
    report = wait_report(http_receiver)
    lines = report.attributes["vigie.death.log.lines"].splitlines()
    assert lines[-2:] == ["login password=<redacted>", "goodbye"]
    assert len(lines) == 20
    assert report.attributes["vigie.death.log.path"] == str(log)
    assert report.raw.severity_text == "INFO"


def test_a_log_that_is_not_configured_is_a_mistake(unstarted, http_receiver, dying):
    program = dying()
    broken = unstarted(watching(http_receiver, program, log="nothing"))
    assert broken.spawn().wait() == 78
    assert "collectors.processes.groups[0].log: there is no entry of that name in collectors.logs" in broken.log


def test_an_agent_without_privilege_knows_how_others_processes_have_ended(unstarted, http_receiver, dying):
    program = dying()
    started = unstarted(watching(http_receiver, program))
    for path in (started.directory, started.state_dir):
        os.chown(path, 65534, 65534)
    started.log_file.touch()
    started.wrapped_in = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"]
    for parent in started.directory.parents:
        if str(parent) == "/tmp":
            break
        parent.chmod(0o755)
    started.start()
    is_watched(started)
    program.tell(exit=3)
    # The parent waits, as parents do.
    program.process.wait()
    report = wait_report(http_receiver)
    kernel = tuple(int(part) for part in os.uname().release.split(".")[:2])
    expected = ("failed", 3) if kernel >= (6, 15) else ("unknown", None)
    assert (report.attributes["vigie.death.cause"], report.attributes.get("process.exit.code")) == expected


def test_one_that_starts_again_every_100_ms_does_not_flood(agent, http_receiver, dying):
    program = dying(every=0.1)
    started = agent(watching(http_receiver, program))

    def count():
        return sum(deaths(started).values())

    # It is seen about once a second, as a look follows each death.
    until(lambda: count() >= 14, "many deaths are seen", 60)
    until(lambda: len(reports(http_receiver)) == 10, "ten of them are reported")
    holds(lambda: len(reports(http_receiver)) == 10, "ten reports a minute", 2)
    program.stop()
    counted = started.scrape().total("vigie_process_death_reports_left_out_total", groupname="testee")
    assert counted >= 4

    def left_out():
        return [item for item in http_receiver.logs if "vigie.death.left_out.failed" in item.attributes]

    until(left_out, "what was left out is told", 70)
    (record,) = left_out()
    total = sum(record.attributes[f"vigie.death.left_out.{cause}"] for cause in NONE)
    causes = Counter(item.attributes["vigie.death.cause"] for item in reports(http_receiver))
    assert causes.total() + total == count()


def test_the_agents_own_group_alone_asks_for_no_reports(agent):
    assert not agent().scrape().series(DEATHS)
