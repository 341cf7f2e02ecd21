"""A real Prometheus server, and its promtool."""

import subprocess
from pathlib import Path
from urllib.parse import urlencode

import yaml

from .http import request
from .ports import free_port
from .process import Process
from .wait import until


class Prometheus:
    """Scrapes the given targets every second, with `honor_labels` as an agent with probes wants it.

    It evaluates the rules of the given files as often.
    """

    def __init__(self, directory, targets, rules=(), **job):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        config = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(path) for path in rules],
            "scrape_configs": [
                {"job_name": "vigie", "honor_labels": True, "static_configs": [{"targets": targets}]} | job
            ],
        }
        config_file = self.directory / "prometheus.yml"
        config_file.write_text(yaml.safe_dump(config))
        self.process = Process(
            [
                "prometheus",
                f"--config.file={config_file}",
                f"--storage.tsdb.path={self.directory / 'data'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
                "--log.level=warn",
            ],
            self.directory / "prometheus.log",
        )
        until(lambda: self._api("/-/ready").status == 200, "Prometheus is ready", 30)

    def _api(self, path):
        self.process.check_running()
        return request(f"http://127.0.0.1:{self.port}{path}")

    def query(self, expression):
        """The instant vector of a PromQL expression: a list of (labels, value)."""
        answer = self._api("/api/v1/query?" + urlencode({"query": expression}))
        assert answer.status == 200, answer.text
        return [(row["metric"], float(row["value"][1])) for row in answer.json["data"]["result"]]

    def targets(self):
        return self._api("/api/v1/targets").json["data"]["activeTargets"]

    def rules(self):
        """Every rule as the server has it, with its `health` and its `lastError`."""
        groups = self._api("/api/v1/rules").json["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def stop(self):
        self.process.stop()


def promtool_check_metrics(text):
    """What `promtool check metrics` has to say to a page; nothing is what one wants to hear."""
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=30, check=False
    )
    return (done.stdout + done.stderr).strip(), done.returncode
