"""Jobs that check in with curl: what each form of a ping says, and what is refused."""

import socket
import subprocess
import time

import pytest
from harness.http import request
from harness.jobs import address, ping, runs, section
from harness.sections import otlp
from harness.wait import until


def test_every_form_of_a_ping_is_counted_for_what_it_says(agent):
    started = agent(section())
    before = time.time()
    assert ping(started, "a").text == "ok\n"
    assert ping(started, "a/fail", "POST", body=b"it broke\n").status == 200
    assert ping(started, "a/0").status == 200
    assert ping(started, "a/7").status == 200
    assert runs(started, "a") == {"success": 2, "failure": 2}
    page = started.scrape()
    assert page.value("vigie_job_last_exit_code", job="a") == 7
    assert before - 1 <= page.value("vigie_job_last_success_timestamp_seconds", job="a") <= time.time()
    assert ping(started, "a/start").status == 200
    assert started.value("vigie_job_running", job="a") == 1
    assert ping(started, "a/start").status == 200
    assert ping(started, "a").status == 200
    assert started.value("vigie_job_running", job="a") == 0
    assert runs(started, "a") == {"success": 3, "failure": 2, "lost": 1}
    assert 0 < started.value("vigie_job_last_duration_seconds", job="a") < 10


def test_curl_needs_no_flags(agent):
    started = agent(section())
    url = f"{address(started)}/ping/nightly"
    for flags in ([], ["-I"], ["-d", "all fine"], ["--data-binary", "@/etc/hostname"]):
        done = subprocess.run(["curl", "-fsS", *flags, url], capture_output=True, text=True, timeout=15, check=False)
        assert done.returncode == 0, done.stderr
    assert runs(started, "nightly") == {"success": 4}


def test_a_configured_job_has_its_series_from_the_first_scrape_on(agent):
    page = agent(section({"name": "backup", "every": "1d"})).scrape()
    zeros = ["last_success_timestamp_seconds", "last_run_timestamp_seconds", "last_duration_seconds", "last_exit_code"]
    for name in [*zeros, "running", "overdue"]:
        assert page.value(f"vigie_job_{name}", job="backup") == 0, name
    assert {sample.labels["outcome"] for sample in page.series("vigie_job_runs_total", job="backup")} == {
        "success",
        "failure",
        "lost",
    }
    assert page.value("vigie_job_deadline_timestamp_seconds", job="backup") > time.time()
    assert page.series("vigie_job_last_peak_memory_bytes") == []


def refused(agent, reason):
    return agent.value("vigie_job_check_ins_refused_total", reason=reason)


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/pong", 404, "try /ping/<job>"),
        ("/ping/a/stop", 404, "/ping/<job>/<exit code"),
        ("/ping/a/256", 404, "0 to 255"),
        ("/ping/" + "x" * 65, 400, "up to 64 letters"),
        ("/ping/a%2Fb", 400, "letters, digits"),
        ("/ping/a?max_age=tomorrow", 400, "max_age"),
        ("/", 200, "/ping/<job>/start"),
    ],
)
def test_a_wrong_request_is_answered_with_what_to_try(agent, path, status, says):
    started = agent(section())
    answer = request(address(started) + path)
    assert (answer.status, says in answer.text) == (status, True), answer.text
    count = 0 if status == 200 else 1
    until(lambda: started.scrape().total("vigie_job_check_ins_refused_total") == count, "it is counted")
    assert started.scrape().series("vigie_job_runs_total") == []


def raw(url, data, timeout=15):
    """What comes back for these bytes."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=timeout) as peer:
        received = b""
        try:
            peer.sendall(data)
            while piece := peer.recv(65536):
                received += piece
        except OSError:
            pass
        return received


def test_rubbish_and_huge_requests_are_refused_and_counted(agent):
    started = agent(section({"name": "mine", "every": "1d"}))
    url = address(started)
    big = b"POST /ping/a HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n"
    assert raw(url, big + b"x" * (1 << 20)).startswith(b"HTTP/1.1 413 ")
    chunked = b"POST /ping/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert b" 413 " in raw(url, chunked + (b"8000\r\n" + b"x" * 0x8000 + b"\r\n") * 8)[:20]
    assert b" 431 " in raw(url, b"GET /ping/a HTTP/1.1\r\nX: " + b"x" * (1 << 20))[:20]
    assert b" 400 " in raw(url, bytes(range(256)) + b"\r\n\r\n")[:20]
    raw(url, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
    assert ping(started, "mine").status == 200
    assert runs(started, "mine") == {"success": 1}
    assert started.scrape().series("vigie_job_runs_total", job="a") == []
    until(lambda: refused(started, "too_large") == 2 and refused(started, "request") >= 2, "they are counted")


def test_clients_that_do_not_get_on_keep_nobody_out(agent):
    started = agent(section())
    host, port = address(started).removeprefix("http://").split(":")
    slow = [socket.create_connection((host, int(port))) for _ in range(150)]
    try:
        for peer in slow:
            peer.sendall(b"POST /ping/a HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n")
        begun = time.monotonic()
        assert ping(started, "honest", timeout=30).status == 200
        assert time.monotonic() - begun < 15
        until(lambda: refused(started, "slow") >= 1, "the slow ones are counted")
    finally:
        for peer in slow:
            peer.close()
    assert runs(started, "honest") == {"success": 1}


def test_ten_thousand_pings_are_all_counted(agent):
    started = agent(section())
    host, port = address(started).removeprefix("http://").split(":")
    # Many at a time: each is answered when it is on the disk, and those that wait for that share it.
    at_once, each = 20, 500
    script = f"""
import socket
for number in range({each}):
    path = "/ping/busy" + ("/1" if number % 5 == 0 else "")
    with socket.create_connection(({host!r}, {int(port)}), timeout=60) as peer:
        peer.sendall(f"GET {{path}} HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n".encode())
        answer = b""
        while piece := peer.recv(4096):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"\\r\\n\\r\\nok\\n"), answer
"""
    clients = [subprocess.Popen(["python3", "-c", script]) for _ in range(at_once)]
    assert [client.wait(240) for client in clients] == [0] * at_once
    assert runs(started, "busy") == {"success": 8_000, "failure": 2_000}


def test_names_that_nobody_configured_are_bounded(agent):
    started = agent(section({"name": "mine", "every": "1d"}))
    statuses = [ping(started, f"other-{number}").status for number in range(210)]
    assert statuses == [200] * 200 + [429] * 10
    assert ping(started, "other-7").status == 200
    assert ping(started, "mine").status == 200
    until(lambda: refused(started, "too_many_jobs") == 10, "they are counted")
    assert len(started.scrape().series("vigie_job_overdue")) == 201
    assert ping(started, "other-0", "DELETE").text == "forgotten\n"
    assert ping(started, "one-more").status == 200
    assert ping(started, "mine", "DELETE").status == 409


def test_each_end_of_a_run_is_a_record_without_secrets(agent, http_receiver):
    config = section() | {"exporters": {"otlp": [otlp(http_receiver, signals=["logs"])]}}
    started = agent(config)
    ping(started, "dump/3", "POST", body=b"connecting\nPGPASSWORD=hunter2 refused\n")
    (record,) = until(lambda: http_receiver.logs, "the record")
    assert record.text == "job dump failed with exit code 3"
    assert record.attributes["vigie.job.name"] == "dump"
    assert record.attributes["vigie.job.outcome"] == "failure"
    assert record.attributes["process.exit.code"] == 3
    assert record.attributes["vigie.job.output"] == "connecting\nPGPASSWORD=<redacted> refused"


def test_an_address_that_is_taken_is_told_and_tried_again(unstarted):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        started = unstarted(section({"name": "mine", "every": "1d"}, listen=listen)).start(ready=False)
        until(lambda: f"listen on {listen}" in started.get("/-/ready").text, "it says why it is not ready")
        assert started.value("vigie_job_overdue", job="mine") == 0
    assert ping(started, "mine").status == 200
    started.wait_ready()
