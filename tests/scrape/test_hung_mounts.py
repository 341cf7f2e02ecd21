"""A mount that never answers costs its own values and one thread; everything else is served, and in time."""

import shutil
import time
from pathlib import Path

import pytest
from harness.mounts import Namespace, SilentFuse
from harness.wait import soon, until


@pytest.fixture
def silent(unstarted, tmp_path):
    """Makes an agent that sees FUSE file systems of these names, which do not answer. Nobody else sees them."""
    namespace = Namespace()
    mounts, agents = [], []

    def make(config, *names):
        mounts.extend(SilentFuse(namespace, tmp_path / name) for name in names)
        proc = tmp_path / "proc"
        (proc / "1").mkdir(parents=True)
        (proc / "1/mountinfo").write_text(namespace.mountinfo())
        shutil.copyfile("/proc/loadavg", proc / "loadavg")
        made = unstarted({"collectors": {"system": {"procfs": str(proc), **config}}})
        made.wrapped_in = namespace.wrapper
        agents.append(made)
        return made, mounts

    yield make
    # The kernel lets no process end that waits for an answer.
    for mount in mounts:
        mount.answer()
    for made in agents:
        made.stop()
    namespace.close()
    for mount in mounts:
        mount.close()


def _settled(agent, wanted, what):
    until(lambda: wanted(agent.scrape()), what)
    return agent.scrape()


def _threads(agent):
    """How many threads of it ask mounts."""
    tasks = Path(f"/proc/{agent.process.pid}/task").iterdir()
    return sum((task / "comm").read_text() == "mounts\n" for task in tasks)


def test_a_mount_that_never_answers_is_marked_and_the_rest_is_served_in_time(silent):
    started, [hung] = silent({"filesystem": {"mount_timeout": "300ms"}}, "hung")
    path = str(hung.path)
    started.start()

    begun = time.monotonic()
    page = started.scrape()
    assert time.monotonic() - begun < 10
    error = {"mountpoint": path, "device": "silent", "fstype": "fuse.silent", "device_error": "mountpoint timeout"}
    assert page.value("node_filesystem_device_error", **error) == 1
    assert not page.series("node_filesystem_size_bytes", mountpoint=path)
    assert page.series("node_filesystem_size_bytes", mountpoint="/")
    assert page.value("node_scrape_collector_success", collector="filesystem") == 1
    assert page.series("node_load1")
    assert "mount does not answer" in started.log

    # One thread is stuck with it, and nobody asks or waits again.
    for _ in range(3):
        page = soon(started.scrape, 0.25, "nobody waits again")
        assert page.value("node_filesystem_device_error", **error) == 1
    assert hung.asked == 1
    assert _threads(started) <= 2  # a second one, if the machine has other mounts that are not local

    hung.answer()
    page = _settled(started, lambda page: page.series("node_filesystem_size_bytes", mountpoint=path), "it answers")
    labels = {"mountpoint": path, "device": "silent", "fstype": "fuse.silent"}
    assert page.value("node_filesystem_size_bytes", **labels) == 1 << 20
    assert page.value("node_filesystem_free_bytes", **labels) == 1 << 19
    assert page.value("node_filesystem_device_error", **labels) == 0
    assert "mount answers again" in started.log


def test_many_hung_mounts_are_all_marked_and_a_healthy_one_among_them_is_served(silent):
    settings = {"deadline": "2s", "filesystem": {"stat_workers": 2}}
    started, [*hung, healthy] = silent(settings, *(f"hung{number}" for number in range(6)), "healthy")
    healthy.answer()
    started.start()

    def all_known(page):
        errors = page.series("node_filesystem_device_error", device="silent", device_error="mountpoint timeout")
        return len(errors) == len(hung) and page.series("node_filesystem_size_bytes", mountpoint=str(healthy.path))

    page = _settled(started, all_known, "those that hang are marked, and the other is served")
    assert page.value("node_scrape_collector_success", collector="filesystem") == 1
    assert all(mount.asked == 1 for mount in hung)
