"""When a resource will be used up, told as a plain metric."""

import math
import threading

from harness.wait import until

MIB = 1 << 20


def test_a_file_system_that_fills_says_how_long_there_is_room(agent, tmpfs, tmp_path):
    filling = tmpfs(tmp_path / "filling", size="200m")
    steady = tmpfs(tmp_path / "steady", size="16m")
    started = agent({"collectors": {"system": {"exhaustion_window": "1m"}}})
    stop = threading.Event()

    def fill():
        with open(filling.path / "file", "wb", buffering=0) as file:
            while not stop.wait(0.25):
                file.write(bytes(MIB // 4))

    writer = threading.Thread(target=fill)
    writer.start()
    try:
        ask = {"resource": "filesystem", "name": str(filling.path)}
        assert not started.scrape().series("vigie_exhaustion_seconds", **ask), "a single value is no trend"
        until(lambda: started.scrape().series("vigie_exhaustion_seconds", **ask), "there is a trend", timeout=40)
        page = started.scrape()
    finally:
        stop.set()
        writer.join()
    # A mebibyte a second, or less where the machine is busy.
    left = page.value("node_filesystem_avail_bytes", mountpoint=str(filling.path)) / MIB
    assert left * 0.8 < page.value("vigie_exhaustion_seconds", **ask) < left * 4
    assert math.isinf(page.value("vigie_exhaustion_seconds", resource="filesystem", name=str(steady.path)))
    assert page.series("vigie_exhaustion_seconds", resource="inodes", name=str(filling.path))
    assert page.series("vigie_exhaustion_seconds", resource="memory", name="host")
    assert page.series("vigie_exhaustion_seconds", resource="file_descriptors", name="host")
