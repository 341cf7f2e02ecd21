"""A PID names a process only together with its start: one that is used again is somebody else."""

import time
from pathlib import Path

import pytest
from harness.program import Program
from harness.wait import until

PREFIX = "namedprocess_namegroup_"


@pytest.fixture
def nursery(request, tmp_path):
    """A PID namespace with few PIDs, see harness/programs/nursery.py."""
    made = Program(tmp_path / "nursery", "nursery", most=400)
    request.addfinalizer(made.stop)
    made.wait_recorded("furnished")
    return made


@pytest.fixture
def started(nursery, agent):
    """An agent that looks at the processes of the namespace."""
    procfs = Path("/proc", str(nursery.recorded("listening")[0]["pid"]), "root/proc")
    group = {"name": "it", "match": {"comm": ["vigie-reborn"]}}
    return agent({"collectors": {"system": {"procfs": str(procfs)}, "processes": {"groups": [group]}}})


def test_a_process_that_gets_the_pid_and_the_name_of_another_is_a_new_one(nursery, started):
    def seconds():
        return started.scrape().total(f"{PREFIX}cpu_seconds_total", groupname="it")

    def start_time():
        return started.value(f"{PREFIX}oldest_start_time_seconds", groupname="it")

    assert started.value(f"{PREFIX}num_procs", groupname="it") == 0
    nursery.tell(pid=390, name="vigie-reborn", burn=0.6)
    until(lambda: seconds() > 0.5, "the first is counted")
    first, before = start_time(), seconds()
    until(lambda: time.time() > first + 2, "a start is told from another by whole seconds")
    # The second has used less than the first when it is seen, so a counter that took it for the first would stand
    # still, or go back.
    nursery.tell(end=390, pid=390, name="vigie-reborn", burn=0.3)
    until(lambda: start_time() > first, "the second is seen")
    after = seconds()
    assert before + 0.25 <= after < before + 0.6, (before, after)
    assert started.value(f"{PREFIX}num_procs", groupname="it") == 1


def test_a_process_that_gets_the_pid_of_a_member_and_another_name_is_no_member(nursery, started):
    for end, name, count in [(None, "vigie-reborn", 1), (390, "vigie-foreign", 0), (390, "vigie-reborn", 1)]:
        nursery.tell(end=end, pid=390, name=name)
        until(lambda: started.value(f"{PREFIX}num_procs", groupname="it") == count, f"{name} is there")  # noqa: B023
