"""The unit's sandbox, as systemd itself judges it."""

import re
import subprocess

from harness.agent import ROOT


def test_systemd_rates_the_unit_as_hardened():
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", ROOT / "systemd/vigie.service"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    rating = re.search(r"Overall exposure level for vigie.service: ([\d.]+)", done.stdout)
    assert rating, done.stdout + done.stderr
    assert float(rating.group(1)) <= 1.5
