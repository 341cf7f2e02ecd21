"""Files in blackbox_exporter's format: what it accepts is accepted, and what it refuses is refused."""

import subprocess
from pathlib import Path

import pytest
from harness.agent import ROOT, vigie

FILES = sorted((ROOT / "config/tests/blackbox").glob("*/*.yml"))


def ours(file, tmp_path):
    config = tmp_path / "vigie.yaml"
    config.write_text(f"collectors: {{ blackbox: {file} }}\n")
    ended = vigie("check", "-c", config)
    assert ended.returncode in (0, 78), ended.stderr
    return ended.returncode == 0


def theirs(file):
    command = ["prometheus-blackbox-exporter", "--config.check", f"--config.file={file}"]
    return subprocess.run(command, capture_output=True, timeout=30).returncode == 0


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_file_is_accepted_where_blackbox_exporter_accepts_it(file, tmp_path):
    accepted = file.parent.name == "accepted"
    assert ours(file, tmp_path) == accepted
    # A file that only one of the two accepts says so in its first lines.
    differs = "blackbox_exporter" in Path(file).read_text().split("modules:")[0]
    assert theirs(file) == accepted or differs
