"""`vigie run --job`: the program is what it would be without, and the agent hears how it went."""

import os
import pty
import signal
import subprocess
import sys
import time

import pytest
from harness.agent import vigie
from harness.http import request
from harness.jobs import address, command, ping, run, runs, section, telling
from harness.peer import silent
from harness.ports import free_port
from harness.sections import otlp
from harness.wait import until


def test_output_input_and_exit_code_are_those_of_the_program(agent):
    started = agent(section())
    script = "cat; printf 'to stderr\\n' >&2; printf 'no newline'; exit 42"
    done = run(started, "echo", "sh", "-c", script, stdin=None, input=b"\x00\xffin\n")
    assert (done.returncode, done.stdout, done.stderr) == (42, b"\x00\xffin\nno newline", b"to stderr\n")
    assert runs(started, "echo") == {"failure": 1}
    page = started.scrape()
    assert page.value("vigie_job_last_exit_code", job="echo") == 42
    assert 0 < page.value("vigie_job_last_duration_seconds", job="echo") < 10


def test_a_megabyte_comes_through_in_order_even_if_both_go_to_one_file(agent, tmp_path):
    started = agent(section())
    script = "import sys\nfor n in range(20000): print(n, file=(sys.stdout, sys.stderr)[n % 2], flush=True)"
    file = tmp_path / "out"
    with open(file, "wb") as out:
        done = run(started, "much", sys.executable, "-c", script, capture_output=False, stdout=out, stderr=out)
    assert done.returncode == 0
    assert file.read_text().split() == [str(number) for number in range(20000)]


def test_each_byte_is_passed_on_at_once(agent):
    started = agent(section())
    script = "printf first; read line; printf second"
    job = subprocess.Popen(
        command(started, "slow", "sh", "-c", script),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=telling(started),
    )
    assert os.read(job.stdout.fileno(), 100) == b"first"
    assert until(lambda: started.value("vigie_job_running", job="slow"), "the start is told") == 1
    job.stdin.write(b"\n")
    job.stdin.flush()
    assert job.stdout.read() == b"second"
    assert job.wait(15) == 0


@pytest.mark.parametrize(
    ("program", "code"),
    [
        (["sh", "-c", "exit 0"], 0),
        (["sh", "-c", "exit 255"], 255),
        (["sh", "-c", "kill -TERM $$"], 128 + signal.SIGTERM),
        (["sh", "-c", "kill -KILL $$"], 128 + signal.SIGKILL),
        (["/nowhere/at/all"], 127),
        (["/dev/null"], 126),
        (["/"], 126),
    ],
)
def test_the_exit_code_is_that_of_a_shell(agent, program, code):
    started = agent(section())
    done = run(started, "job", *program)
    assert done.returncode == code, done.stderr
    assert started.value("vigie_job_last_exit_code", job="job") == code
    assert runs(started, "job") == {"success" if code == 0 else "failure": 1}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_are_passed_on_and_the_program_decides(agent, number):
    started = agent(section())

    def heeding():
        # Who runs the tests may ignore it, and so would a shell that is started here.
        signal.signal(number, signal.SIG_DFL)

    trap = f"trap 'echo got it; exit 9' {number:d}; echo ready; while :; do sleep 0.05; done"
    argv = command(started, "trap", "sh", "-c", trap)
    job = subprocess.Popen(
        argv, stdout=subprocess.PIPE, env=telling(started), start_new_session=True, preexec_fn=heeding
    )
    try:
        assert job.stdout.readline() == b"ready\n"
        job.send_signal(number)
        assert job.wait(15) == 9
        assert job.stdout.read() == b"got it\n"
    finally:
        if job.poll() is None:
            os.killpg(job.pid, signal.SIGKILL)
            job.wait()
    assert runs(started, "trap") == {"failure": 1}


def test_what_was_ignored_stays_ignored_and_what_was_not_held_is_not(agent):
    started = agent(section())
    script = "grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status"

    def ignoring():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    plain = subprocess.run(["sh", "-c", script], capture_output=True, preexec_fn=ignoring, check=True, timeout=15)
    assert run(started, "nohup", "sh", "-c", script, preexec_fn=ignoring).stdout == plain.stdout


def test_a_terminal_stays_a_terminal(agent):
    started = agent(section())
    primary, secondary = pty.openpty()
    job = subprocess.Popen(
        command(started, "tty", "sh", "-c", "test -t 1 && test -t 2 && echo a terminal"),
        stdin=secondary,
        stdout=secondary,
        stderr=secondary,
        env=telling(started),
    )
    os.close(secondary)
    assert job.wait(15) == 0
    assert os.read(primary, 100) == b"a terminal\r\n"
    os.close(primary)


def test_a_reader_that_goes_away_ends_the_program_as_it_would_without(agent):
    started = agent(section())
    job = subprocess.Popen(command(started, "yes", "yes"), stdout=subprocess.PIPE, env=telling(started))
    assert job.stdout.read(4) == b"y\ny\n"
    job.stdout.close()
    assert job.wait(15) == 128 + signal.SIGPIPE


def test_the_peak_memory_is_that_of_the_program(agent):
    started = agent(section())
    small = run(started, "small", "true")
    big = run(started, "big", "sh", "-c", f"{sys.executable} -c 'x = bytearray(100 << 20)'; true")
    assert (small.returncode, big.returncode) == (0, 0)
    page = started.scrape()
    assert page.value("vigie_job_last_peak_memory_bytes", job="small") < 60 << 20
    assert 100 << 20 <= page.value("vigie_job_last_peak_memory_bytes", job="big") < 160 << 20


def test_the_record_has_the_last_lines_without_secrets(agent, http_receiver):
    started = agent(section() | {"exporters": {"otlp": [otlp(http_receiver, signals=["logs"])]}})
    # All to one stream: of two nobody knows which is read first.
    script = "{ seq 1 100; echo 'token=abcdef'; } >&2; exit 3"
    run(started, "dump", "sh", "-c", script, args=["--max-age", "26h"])
    (record,) = until(lambda: http_receiver.logs, "the record")
    lines = record.attributes["vigie.job.output"].splitlines()
    assert len(lines) == 20
    assert "token=<redacted>" in lines
    assert {"99", "100"} <= set(lines)
    assert record.attributes["process.exit.code"] == 3
    assert record.attributes["vigie.job.peak_memory"] > 0
    assert started.value("vigie_job_deadline_timestamp_seconds", job="dump") == pytest.approx(
        time.time() + 26 * 3600, abs=60
    )


def test_one_that_a_signal_ends_is_told_with_its_name(agent, http_receiver):
    started = agent(section() | {"exporters": {"otlp": [otlp(http_receiver, signals=["logs"])]}})
    run(started, "fine", "true")
    run(started, "killed", "sh", "-c", "kill -USR1 $$")
    records = until(lambda: len(http_receiver.logs) == 2 and http_receiver.logs, "both are told")
    fine, killed = sorted(records, key=lambda record: record.attributes["vigie.job.name"] == "killed")
    assert killed.attributes["vigie.job.signal"] == "SIGUSR1" and "process.exit.code" not in killed.attributes
    assert "vigie.job.signal" not in fine.attributes
    # What somebody should look at is in the agent's own log, too; one that went well is not.
    until(lambda: "WARN job killed was ended by SIGUSR1" in started.log, "it is in the log")
    assert "job fine" not in started.log


def test_the_agent_is_found_by_the_configuration(agent):
    listen = f"127.0.0.1:{free_port()}"
    started = agent(section(listen=listen))
    address(started)
    assert run(started, "found", "true", listening=False).returncode == 0
    assert runs(started, "found") == {"success": 1}


def test_a_report_waits_for_an_agent_that_is_not_there(agent):
    listen = f"127.0.0.1:{free_port()}"
    started = agent(section(listen=listen))
    address(started)
    started.kill9()
    begun = time.monotonic()
    done = run(started, "patient", "sh", "-c", "echo out; exit 5", listening=False)
    assert (done.returncode, done.stdout, done.stderr) == (5, b"out\n", b"")
    assert time.monotonic() - begun < 10
    reports = started.state_dir / "jobs/reports"
    (report,) = reports.iterdir()
    assert report.stat().st_mode & 0o777 == 0o600
    (reports / "00-rubbish.json").write_text("rubbish")
    started.start()
    until(lambda: runs(started, "patient") == {"failure": 1}, "the report is taken in")
    until(lambda: [file.name for file in reports.iterdir()] == ["last.rejected"], "it is removed when it is saved")
    assert started.value("vigie_job_last_exit_code", job="patient") == 5
    refused = "vigie_job_check_ins_refused_total"
    until(lambda: started.value(refused, reason="report") == 1, "what is no report is counted")
    started.restart()
    assert runs(started, "patient") == {"failure": 1}


def test_an_agent_that_goes_during_the_run_and_comes_back_hears_the_end(agent):
    listen = f"127.0.0.1:{free_port()}"
    started = agent(section(listen=listen))
    address(started)
    job = subprocess.Popen(
        command(started, "long", "sh", "-c", "echo on; read line; exit 0"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=telling(started),
    )
    assert job.stdout.readline() == b"on\n"
    until(lambda: started.value("vigie_job_running", job="long") == 1, "the start is told")
    started.kill9()
    job.stdin.close()
    job.stdout.read()
    started.start()
    assert job.wait(15) == 0
    until(lambda: runs(started, "long") == {"success": 1}, "the end is told")
    assert started.value("vigie_job_running", job="long") == 0


def test_the_result_is_the_jobs_where_nobody_can_hear_of_it(unstarted, tmp_path):
    alone = unstarted({"agent": {"state_dir": str(tmp_path / "none")}} | section(listen=f"127.0.0.1:{free_port()}"))
    done = run(alone, "alone", "sh", "-c", "exit 4", listening=False)
    assert done.returncode == 4
    assert b"the agent does not hear of the job" in done.stderr
    wrong = run(alone, "alone", "true", listening=False, args=["--agent", "ftp://nowhere"])
    assert wrong.returncode == 0
    assert b"ftp://nowhere" in wrong.stderr


def test_an_agent_that_never_answers_costs_a_few_seconds(agent, peer):
    started = agent(section())
    quiet = peer(silent())
    begun = time.monotonic()
    done = run(started, "silent", "true", listening=False, args=["--agent", f"http://127.0.0.1:{quiet.port}"])
    assert done.returncode == 0
    assert time.monotonic() - begun < 12
    until(lambda: runs(started, "silent") == {"success": 1}, "it was left in a file")


def test_what_the_program_leaves_behind_goes_on_writing(agent, tmp_path):
    started = agent(section())
    go = tmp_path / "go"
    job = subprocess.Popen(
        command(
            started, "parent", "sh", "-c", f"(until test -e {go}; do sleep 0.05; done; echo late) & echo early; exit 6"
        ),
        stdout=subprocess.PIPE,
        env=telling(started),
    )
    assert job.stdout.readline() == b"early\n"
    until(lambda: runs(started, "parent") == {"failure": 1}, "the end of the program is told though something goes on")
    go.touch()
    assert job.stdout.read() == b"late\n"
    assert job.wait(15) == 6


def test_mistakes_on_the_command_line_say_what_is_missing():
    for args, says in [
        (["run", "--", "true"], "--job <NAME>"),
        (["run", "--job", "x"], "-- <PROGRAM>"),
        (["run", "--job", "a/b", "--", "true"], "letters, digits"),
        (["run", "--job", "x", "--max-age", "26", "--", "true"], "no unit"),
    ]:
        done = vigie(*args)
        assert (done.returncode, says in done.stderr) == (2, True), done.stderr
    told = vigie("run", "--help").stdout
    assert "vigie run --job backup --max-age 26h -- ./backup.sh" in told


def test_reports_that_lie_are_refused(agent):
    started = agent(section())
    url = f"{address(started)}/report"
    for body in [b"", b"{}", b"[]", b'{"job":"../x","run":"a","at":0}', b'{"job":"x","run":"","at":0}', b"x" * 40_000]:
        assert request(url, "POST", body=body).status in (400, 413), body[:40]
    assert started.scrape().series("vigie_job_runs_total") == []
    assert ping(started, "x").status == 200
