"""Process groups: who belongs to them, and what is told of them from one scrape to the next."""

import os
import shutil
import subprocess
import sys

import pytest
from harness.wait import until


def grouped(*groups):
    return {"collectors": {"processes": {"groups": list(groups)}}}


def group(name, match, **over):
    return {"name": name, "match": match} | over


@pytest.fixture
def sleeper(tmp_path):
    """`sleeper("name", count)` starts processes of that name; returns their pids."""
    started = []

    def start(name, count=1, *args):
        program = tmp_path / name
        if not program.exists():
            shutil.copy("/bin/sleep", program)
        for _ in range(count):
            started.append(subprocess.Popen([program, "600", *args]))
        return [child.pid for child in started[-count:]]

    yield start
    for child in started:
        child.kill()
        child.wait()


def test_processes_are_found_by_comm_exe_cmdline_and_pidfile(agent, sleeper, tmp_path):
    # A process belongs to the first group that it matches, so each group gets its own.
    sleeper("vigie-comm", 2)
    sleeper("vigie-exe", 2)
    sleeper("vigie-other", 1, "0.5")
    pids = sleeper("vigie-testee", 2)
    (tmp_path / "one.pid").write_text(f"{pids[0]}\n")
    page = agent(
        grouped(
            group("by-comm", {"comm": ["vigie-comm"]}),
            group("by-exe", {"exe": [str(tmp_path / "vigie-exe")]}),
            group("by-cmdline", {"cmdline": ["vigie-other", r"600 0\.5"]}),
            group("by-pidfile", {"pidfile": str(tmp_path / "one.pid")}),
        )
    ).scrape()
    counts = {sample.labels["groupname"]: sample.value for sample in page.series("namedprocess_namegroup_num_procs")}
    for name, count in {"by-comm": 2, "by-exe": 2, "by-cmdline": 1, "by-pidfile": 1}.items():
        assert counts[name] == count, (name, counts)


def test_a_group_has_its_series_when_nothing_of_it_runs(agent):
    page = agent(grouped(group("absent", {"comm": ["no-such-program"]}, expect={"min": 1}))).scrape()
    assert page.value("namedprocess_namegroup_num_procs", groupname="absent") == 0


def test_processes_that_come_and_go_are_seen_at_the_next_scrape(agent, sleeper):
    started = agent(grouped(group("testee", {"comm": ["vigie-testee"]})))

    def count():
        return started.value("namedprocess_namegroup_num_procs", groupname="testee")

    assert count() == 0
    pids = sleeper("vigie-testee", 3)
    until(lambda: count() == 3, "three came")
    os.kill(pids[0], 9)
    os.waitpid(pids[0], 0)
    until(lambda: count() == 2, "one went")


def test_counters_of_a_group_do_not_fall_when_a_process_ends(agent, tmp_path):
    burner = tmp_path / "vigie-burner"
    burner.symlink_to(sys.executable)
    started = agent(grouped(group("burner", {"cmdline": ["vigie-burner"]})))

    def seconds():
        return started.scrape().total("namedprocess_namegroup_cpu_seconds_total", groupname="burner")

    code = "import time; end = time.process_time() + 0.5\nwhile time.process_time() < end: pass\ntime.sleep(600)"
    child = subprocess.Popen([burner, "-c", code])
    try:
        until(lambda: seconds() >= 0.3, "it has burnt")
        burnt = seconds()
    finally:
        child.kill()
        child.wait()
    until(lambda: started.value("namedprocess_namegroup_num_procs", groupname="burner") == 0, "it is gone")
    assert seconds() >= burnt
    # What is expected of a group is another matter.
    started.reload(grouped(group("burner", {"cmdline": ["vigie-burner"]}, expect={"min": 1})))
    until(lambda: started.value("vigie_expectation_met", name="burner", kind="min") == 0, "it is expected")
    assert seconds() >= burnt


def test_a_scrape_can_ask_for_process_groups_or_for_the_hosts_own_group_of_that_name(agent, sleeper):
    sleeper("asked")
    started = agent(grouped(group("asked", {"comm": ["asked"]})))
    groups = started.scrape("/metrics?collect[]=namedprocess")
    assert groups.value("namedprocess_namegroup_num_procs", groupname="asked") == 1
    assert not groups.series("node_processes_pids")
    host = started.scrape("/metrics?collect[]=processes")
    assert host.series("node_processes_pids")
    assert not host.series("namedprocess_namegroup_num_procs")
