"""A scrape always answers: a group that errs or hangs is marked, and the others are served."""

import os
import shutil
import time

import pytest
from harness.wait import soon, until


@pytest.fixture
def procfs(tmp_path):
    """A copy of some files of /proc, to break."""
    root = tmp_path / "proc"
    (root / "net").mkdir(parents=True)
    (root / "sys/fs").mkdir(parents=True)
    for name in ("loadavg", "meminfo", "stat", "vmstat", "uptime"):
        shutil.copyfile(f"/proc/{name}", root / name)
    return root


def test_a_group_whose_file_is_broken_is_marked_and_the_others_are_served(agent, procfs):
    (procfs / "loadavg").write_text("no numbers here\n")
    started = agent({"collectors": {"system": {"procfs": str(procfs)}}})
    page = started.scrape()
    assert page.value("node_scrape_collector_success", collector="loadavg") == 0
    assert page.value("node_scrape_collector_success", collector="meminfo") == 1
    assert page.series("node_memory_MemTotal_bytes") and not page.series("node_load1")
    assert "loadavg" in started.log


def test_a_group_that_hangs_is_cut_and_comes_back_when_it_can(agent, procfs):
    (procfs / "loadavg").unlink()
    # Opening a pipe for reading hangs until somebody writes.
    os.mkfifo(procfs / "loadavg")
    started = agent({"collectors": {"system": {"procfs": str(procfs), "deadline": "300ms"}}})

    begun = time.monotonic()
    page = started.scrape()
    assert time.monotonic() - begun < 10
    assert page.value("node_scrape_collector_success", collector="loadavg") == 0
    assert page.value("node_scrape_collector_success", collector="meminfo") == 1

    # It is not asked again while it hangs: the next scrapes do not wait for it.
    assert soon(started.scrape, 0.25, "nobody waits again").series("node_memory_MemTotal_bytes")
    threads = len(os.listdir(f"/proc/{started.process.pid}/task"))
    for _ in range(5):
        started.scrape()
    assert len(os.listdir(f"/proc/{started.process.pid}/task")) <= threads

    # Somebody writes at last, and a file takes the place of the pipe.
    fifo = os.open(procfs / "loadavg", os.O_RDWR | os.O_NONBLOCK)
    os.write(fifo, b"0.10 0.20 0.30 1/100 1000\n")
    shutil.copyfile("/proc/loadavg", procfs / "loadavg.new")
    os.replace(procfs / "loadavg.new", procfs / "loadavg")
    os.close(fifo)
    until(lambda: started.value("node_scrape_collector_success", collector="loadavg") == 1, "loadavg is back")


def test_flags_of_node_exporter_choose_groups_and_roots(agent, procfs):
    (procfs / "loadavg").write_text("7.25 6.5 5.75 1/100 1000\n")
    started = agent(args=[f"--path.procfs={procfs}", "--no-collector.meminfo"])
    page = started.scrape()
    assert page.value("node_load1") == 7.25
    assert not page.series("node_memory_MemTotal_bytes")
