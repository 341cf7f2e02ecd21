"""What is told by the names of files is about files that there are: one that was renamed would go its way unseen."""

from pathlib import Path

import pytest

from harness.scheduling import LONG, MACHINES

TESTS = Path(__file__).parent.parent


@pytest.mark.parametrize("file", sorted(MACHINES | LONG))
def test_each_file_with_a_place_of_its_own_is_there(file):
    assert (TESTS / file).is_file()


def test_no_file_has_two_places():
    assert not MACHINES & LONG


def test_whoever_boots_a_machine_is_with_the_others_that_do():
    booting = {
        str(file.relative_to(TESTS))
        for file in TESTS.rglob("test_*.py")
        if "harness.machine import" in file.read_text()
    }
    assert booting - {"harness/test_scheduling.py"} == MACHINES
