"""logrotate itself under a source whose lines are parsed: every line arrives once, with its fields."""

import json
import subprocess
import threading
from collections import Counter

import pytest
from harness.sections import tailing
from harness.wait import until

ROTATIONS = 3
SEVERITIES = {"debug": 5, "info": 9, "warning": 13, "error": 17}


class Application:
    """Writes lines of JSON without pause, as a service does that opens its log for each of them."""

    def __init__(self, log):
        self.log = log
        self.written = 0
        self.turn = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()

    def _run(self):
        levels = list(SEVERITIES)
        while not self._ended.wait(0.001):
            with self.turn, open(self.log, "a") as file:
                entry = {
                    "time": f"2026-01-02T03:04:05.{self.written:06}Z",
                    "level": levels[self.written % 4],
                    "msg": f"line {self.written}",
                    "order": {"number": self.written, "total": "9.90"},
                }
                file.write(json.dumps(entry) + "\n")
                self.written += 1

    def wait_written(self, count):
        until(lambda: self.written >= count, f"{count} lines are written")


@pytest.mark.parametrize("way", ["create 0640 root root", "create\ncompress", "copytruncate", "copytruncate\ncompress"])
def test_no_line_is_lost_while_logrotate_rotates(way, agent, http_receiver, tmp_path):
    log = tmp_path / "shop.log"
    rules = tmp_path / "logrotate.conf"
    rules.write_text(f"{log} {{\nsu root root\nrotate 20\n{way}\n}}\n")
    # What comes between its copy and its cut copytruncate loses: the writer pauses meanwhile.
    cuts = "copytruncate" in way
    config = tailing(
        f"{log}*",
        http_receiver,
        parse="json",
        timestamp={"field": "time", "format": "rfc3339"},
        severity={"field": "level"},
        body="msg",
    )
    started = agent(config)
    with Application(log) as application:
        for rotation in range(ROTATIONS):
            application.wait_written(150 * (rotation + 1))
            with application.turn if cuts else threading.Lock():
                if cuts:
                    started.settled("app", application.written)
                command = ["logrotate", "--force", "--state", tmp_path / "state", rules]
                subprocess.run(command, check=True, timeout=30)
        application.wait_written(150 * (ROTATIONS + 1))
    assert len(list(tmp_path.glob("shop.log.*"))) == ROTATIONS
    assert bool(list(tmp_path.glob("*.gz"))) == ("compress" in way)

    written = application.written
    records = http_receiver.wait_logs(written)
    started.settled("app", written)
    counts = Counter(record.attributes["order"]["number"] for record in records)
    assert counts == Counter(range(written))
    for record in records:
        number = record.attributes["order"]["number"]
        assert record.text == f"line {number}"
        assert record.raw.time_unix_nano == 1767323045_000000000 + number * 1000
        assert record.raw.severity_number == list(SEVERITIES.values())[number % 4]
        assert record.attributes["order"]["total"] == "9.90"
    assert started.scrape().total("vigie_log_parse_errors_total", source="app") == 0
