"""A btrfs of the test's own, in a file: its devices are told as by node_exporter."""

import subprocess

import pytest
from harness.exporters import node_exporter
from harness.wait import until


def run(*command):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60)


@pytest.fixture
def btrfs(request, tmp_path):
    """Its UUID."""
    image, mount = tmp_path / "image", tmp_path / "mount"
    mount.mkdir()
    with open(image, "wb") as file:
        file.truncate(200 << 20)
    made = run("mkfs.btrfs", "-q", "-f", image)
    assert made.returncode == 0, made.stderr
    mounted = run("mount", "-o", "loop", image, mount)
    if mounted.returncode != 0:
        pytest.skip(f"this kernel mounts no btrfs: {mounted.stderr.strip()}")
    request.addfinalizer(lambda: run("umount", "--lazy", mount))
    (mount / "file").write_bytes(bytes(1 << 20))
    return run("findmnt", "-no", "UUID", mount).stdout.strip()


def series(page, uuid):
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for sample in page.samples
        if sample.labels.get("uuid") == uuid and not sample.name.startswith("node_btrfs_used")
    }


def test_the_devices_of_a_file_system_are_told_as_by_node_exporter(agent, btrfs, tmp_path):
    exporter = node_exporter(tmp_path / "node_exporter", "--collector.disable-defaults", "--collector.btrfs")
    started = agent()
    try:
        # What is written to it changes what is given out, until it comes to rest.
        def alike():
            before, ours, after = (series(page.scrape(), btrfs) for page in (exporter, started, exporter))
            return before == after == {key: ours.get(key) for key in before}

        until(alike, "both tell the same", timeout=15, every=1.1)
        page = started.scrape()
    finally:
        exporter.stop()
    (unused,) = page.series("node_btrfs_device_unused_bytes", uuid=btrfs)
    assert 0 < unused.value < page.value("node_btrfs_device_size_bytes", uuid=btrfs) == 200 << 20
    errors = page.series("node_btrfs_device_errors_total", uuid=btrfs)
    assert {sample.labels["type"]: sample.value for sample in errors} == dict.fromkeys(
        ["corruption", "flush", "generation", "read", "write"], 0
    )
