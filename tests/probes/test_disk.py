"""Probes of the room on file systems: full, read-only, gone, and one that never answers."""

import os
import time
from pathlib import Path

import pytest
from harness.mounts import Namespace, SilentFuse, fill
from harness.probes import failed, failure, probed
from harness.sections import probing
from harness.wait import until


def probe(path, **disk):
    return {"name": "data", "disk": {"path": str(path)} | disk, "labels": {"instance": "data"}}


def up(agent):
    return until(lambda: failure(probed(agent, "data"), "data") is None, "it is up")


def test_a_disk_that_fills_and_frees_is_followed(agent, tmpfs, tmp_path):
    disk = tmpfs(tmp_path / "disk", size="1m")
    running = agent(probing(probe(disk.path, min_free="20%")))
    page = probed(running, "data")
    assert failure(page, "data") is None
    assert page.value("probe_disk_size_bytes", instance="data") == 1 << 20
    assert page.value("probe_disk_free_bytes", instance="data") == 1 << 20
    assert page.value("probe_disk_free_ratio", instance="data") == 1
    assert page.value("probe_disk_read_only", instance="data") == 0
    fill(disk.path / "file")
    page = failed(running, "data", "disk_low", "stat")
    assert page.value("probe_disk_free_bytes", instance="data") == 0
    (disk.path / "file").unlink()
    up(running)


def test_a_disk_without_inodes_or_without_writes_says_which(agent, tmpfs, tmp_path):
    disk = tmpfs(tmp_path / "disk")
    disk.allow_files(4)
    running = agent(probing(probe(disk.path, min_free_inodes="2")))
    up(running)
    for number in range(3):
        (disk.path / str(number)).touch()
    page = failed(running, "data", "disk_inodes_low", "stat")
    assert page.value("probe_disk_inodes_free_ratio", instance="data") == 0
    (disk.path / "0").unlink()
    (disk.path / "1").unlink()
    up(running)
    disk.read_only()
    page = failed(running, "data", "disk_read_only", "stat")
    assert page.value("probe_disk_read_only", instance="data") == 1
    disk.writable()
    up(running)


def test_a_view_that_is_read_only_is_no_disk_that_is(agent, tmpfs, tmp_path):
    disk = tmpfs(tmp_path / "disk")
    disk.seen_read_only()
    page = probed(agent(probing(probe(disk.path))), "data")
    assert os.statvfs(disk.path).f_flag & os.ST_RDONLY
    assert failure(page, "data") is None
    assert page.value("probe_disk_read_only", instance="data") == 0


def test_a_path_that_is_not_there_is_missing_until_it_is(agent, tmp_path):
    running = agent(probing(probe(tmp_path / "late", min_free="0%", min_free_inodes="0")))
    failed(running, "data", "disk_missing", "stat")
    (tmp_path / "late").mkdir()
    up(running)


@pytest.fixture
def silent(unstarted, tmp_path):
    """An agent that sees a FUSE file system which does not answer."""
    namespace = Namespace()
    mount = SilentFuse(namespace, tmp_path / "silent")
    agents = []

    def make(config):
        made = unstarted(config)
        made.wrapped_in = namespace.wrapper
        agents.append(made)
        return made.start()

    yield make, mount
    # The kernel lets no process end that waits for an answer.
    mount.answer()
    for made in agents:
        made.stop()
    namespace.close()
    mount.close()


def _threads(agent):
    """How many threads of it ask about disks."""
    tasks = Path(f"/proc/{agent.process.pid}/task").iterdir()
    return sum((task / "comm").read_text() == "disk\n" for task in tasks)


def test_a_mount_that_never_answers_costs_one_thread_and_nobody_else_waits(silent):
    make, mount = silent
    hung = probe(mount.path, min_free="1%") | {"timeout": "200ms"}
    other = {"name": "other", "disk": {"path": "/", "min_free": "0%", "min_free_inodes": "0"}}
    running = make(probing(hung, other | {"labels": {"instance": "other"}}))
    page = failed(running, "data", "disk_hung", "stat")
    assert failure(probed(running, "other"), "other") is None
    runs = page.total("vigie_probe_runs_total", instance="data")
    until(lambda: running.scrape().total("vigie_probe_runs_total", instance="data") > runs + 4, "further runs")
    # A reload begins with new probes.
    running.reload(probing(hung | {"timeout": "250ms"}, other | {"labels": {"instance": "other"}}))
    time.sleep(1)
    failed(running, "data", "disk_hung", "stat")
    assert mount.asked == 1
    assert _threads(running) == 1
    begun = time.monotonic()
    running.scrape()
    assert time.monotonic() - begun < 1

    mount.answer()
    up(running)
    page = running.scrape()
    assert page.value("probe_disk_size_bytes", instance="data") == 1 << 20
    assert page.value("probe_disk_free_ratio", instance="data") == 0.5
    until(lambda: _threads(running) == 0, "the thread has ended")
