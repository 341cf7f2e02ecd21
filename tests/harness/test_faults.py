"""The table of faults names tests that exist, so that it cannot rot."""

import re

import pytest

from harness.agent import ROOT

ROWS = re.findall(r"^\| (\d+) \|(.*)\|(.*)\|(.*)\|$", (ROOT / "tests/faults.md").read_text(), re.M)


def test_every_fault_has_its_row():
    assert [int(number) for number, *_ in ROWS] == list(range(1, 39))


@pytest.mark.parametrize("number, cell", [(number, cell) for number, _, _, cell in ROWS])
def test_what_a_row_names_is_there(number, cell):
    named = re.findall(r"`([^`]+)`", cell)
    assert named or cell.strip() == "None yet", f"row {number} says neither"
    for test in named:
        path, name = test.split("::")
        text = (ROOT / path).read_text()
        define = "def" if path.endswith(".py") else "fn"
        assert re.search(rf"^\s*(async )?{define} {name}\(", text, re.M), f"row {number}: {test} is not there"
