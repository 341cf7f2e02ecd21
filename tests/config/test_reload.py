"""Reload: by signal, by HTTP, and by itself; only what changed restarts, and a wrong file changes nothing."""

import os
import signal
import socket
import threading
import time

import pytest
import yaml
from harness.oracle import Writer, judge
from harness.ports import free_port
from harness.sections import otlp, tail, tailing
from harness.wait import until

SUCCESSFUL = "vigie_config_last_reload_successful"


def started_at(agent, part):
    """When a part was started: a part that a reload leaves alone keeps its time."""
    found = [
        sample for sample in agent.scrape().series("vigie_part_start_time_seconds") if part in sample.labels["part"]
    ]
    assert len(found) == 1, found
    return found[0].value


def test_a_changed_part_restarts_and_an_unchanged_one_does_not(agent, http_receiver, tmp_path):
    first, second = tail(tmp_path / "a.log", name="first"), tail(tmp_path / "b.log", name="second")
    exporters = {"otlp": [otlp(http_receiver)]}
    started = agent({"collectors": {"logs": [first, second]}, "exporters": exporters})
    before = {name: started_at(started, name) for name in ("first", "second", "default")}
    second["attributes"] = {"changed": "yes"}
    answer = started.reload({"collectors": {"logs": [first, second]}, "exporters": exporters})
    assert answer.status == 200, answer.text
    # Values younger than a second are used again, so a scrape may be a second behind.
    until(lambda: started_at(started, "second") > before["second"], "the changed part has started anew")
    assert started_at(started, "first") == before["first"]
    assert started_at(started, "default") == before["default"]
    (tmp_path / "b.log").write_text("line\n")
    (record,) = http_receiver.wait_logs(1)
    assert record.attributes["changed"] == "yes"


def test_a_part_that_is_taken_out_goes_and_its_series_with_it(agent, nginx):
    url = nginx().url + "/"
    probe = {"name": "home", "http": {"url": url}, "interval": "200ms"}
    started = agent({"collectors": {"probes": [probe]}})
    until(lambda: started.value("probe_success", instance=url) == 1, "probed")
    assert started.reload({}).status == 200
    until(lambda: not started.scrape().series("probe_success", instance=url), "its series are gone")


def test_a_wrong_file_is_refused_and_changes_nothing(agent, http_receiver, tmp_path):
    config = tailing(tmp_path / "app.log", http_receiver)
    started = agent(config)
    until(lambda: started.value(SUCCESSFUL) == 1, "the start was a success")
    before = started_at(started, "app")
    answer = started.reload("collectors:\n  lgs: []\n")
    assert answer.status == 400
    assert "vigie.yaml:2:3: collectors.lgs:" in answer.text and "logs" in answer.text
    until(lambda: started.value(SUCCESSFUL) == 0, "the mistake shows")
    assert started_at(started, "app") == before
    assert "collectors.lgs" in started.log
    Writer(tmp_path / "app.log").write(10)
    http_receiver.wait_logs(10)
    assert started.reload(config).status == 200
    until(lambda: started.value(SUCCESSFUL) == 1, "it is right again")
    assert started_at(started, "app") == before


def test_hup_reloads(agent):
    started = agent()
    started.configure({"agent": {"resource": {"a": "b"}}, "collectors": {"system": {"disable": ["loadavg"]}}})
    started.process.signal(signal.SIGHUP)
    until(lambda: not started.scrape().series("node_load1"), "loadavg is off")
    until(lambda: started.value(SUCCESSFUL) == 1, "it was a success")


def test_a_file_that_changes_is_reloaded_by_itself(agent):
    started = agent()
    started.configure({"collectors": {"system": {"disable": ["loadavg"]}}})
    until(lambda: not started.scrape().series("node_load1"), "loadavg is off")
    started.configure("this is: [not yaml")
    until(lambda: started.value(SUCCESSFUL) == 0, "the mistake shows")
    assert not started.scrape().series("node_load1")
    started.configure({})
    until(lambda: started.scrape().series("node_load1"), "loadavg is on again")


def test_a_file_that_is_written_in_place_is_reloaded_too(agent):
    started = agent()
    own = yaml.safe_load(started.config_file.read_text())
    own["collectors"] = {"system": {"disable": ["loadavg"]}}
    with open(started.config_file, "w") as file:
        file.write(yaml.safe_dump(own))
    until(lambda: not started.scrape().series("node_load1"), "loadavg is off")


def test_kubernetes_way_of_changing_a_config_map_is_seen(unstarted):
    """A file that is a link through `..data`, a link that is swapped for one to a new directory."""
    started = unstarted()
    own = yaml.safe_load(started.config_file.read_text())
    mount = started.directory / "mount"

    def publish(version, config):
        directory = mount / f"..{version}"
        directory.mkdir(parents=True)
        (directory / "vigie.yaml").write_text(yaml.safe_dump(config))
        (mount / "..data_tmp").symlink_to(directory.name)
        os.replace(mount / "..data_tmp", mount / "..data")

    publish("v1", own)
    (mount / "vigie.yaml").symlink_to("..data/vigie.yaml")
    started.config_file = mount
    started.start()
    assert started.scrape().series("node_load1")
    publish("v2", own | {"collectors": {"system": {"disable": ["loadavg"]}}})
    until(lambda: not started.scrape().series("node_load1"), "loadavg is off")


def test_reloads_under_load_lose_nothing_and_duplicate_nothing(agent, receiver, tmp_path):
    log = tmp_path / "app.log"
    steady = tail(log, name="steady")
    exporters = {"otlp": [otlp(receiver)]}
    started = agent({"collectors": {"logs": [steady]}, "exporters": exporters})
    writer, done = Writer(log), threading.Event()

    def write():
        while not done.is_set():
            writer.write(50)
            time.sleep(0.005)

    thread = threading.Thread(target=write)
    thread.start()
    before = started_at(started, "steady")
    try:
        for number in range(30):
            other = tail(tmp_path / "other.log", name="other", attributes={"n": str(number)})
            assert started.reload({"collectors": {"logs": [steady, other]}, "exporters": exporters}).status == 200
    finally:
        done.set()
        thread.join()
    receiver.wait_logs(writer.next, 60)
    verdict = judge([record.text for record in receiver.logs], writer.next)
    assert verdict.exactly_once(), verdict
    assert started_at(started, "steady") == before


def test_a_part_that_restarts_under_load_goes_on_where_it_was(agent, receiver, tmp_path):
    log = tmp_path / "app.log"
    exporters = {"otlp": [otlp(receiver)]}
    config = lambda number: {  # noqa: E731
        "collectors": {"logs": [tail(log, attributes={"n": str(number)})]},
        "exporters": exporters,
    }
    started = agent(config(0))
    writer, done = Writer(log), threading.Event()

    def write():
        while not done.is_set():
            writer.write(20)
            time.sleep(0.005)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for number in range(1, 20):
            assert started.reload(config(number)).status == 200
    finally:
        done.set()
        thread.join()
    until(lambda: not judge(receiver.lines, writer.next).missing, "every record has come", 60)
    verdict = judge(receiver.lines, writer.next)
    # What was in flight when a part was stopped may come twice.
    assert verdict.none_lost(duplicates=writer.next // 2), verdict


def test_an_exporter_that_changes_loses_nothing(agent, http_receiver, tmp_path):
    writer = Writer(tmp_path / "app.log")
    section = otlp(http_receiver)
    started = agent({"collectors": {"logs": [tail(writer.path)]}, "exporters": {"otlp": [section]}})
    http_receiver.down()
    writer.write(1000)
    until(lambda: started.ledger("app")["in_flight"] > 0, "records wait")
    changed = section | {"compression": "none"}
    assert started.reload({"collectors": {"logs": [tail(writer.path)]}, "exporters": {"otlp": [changed]}}).status == 200
    http_receiver.up()
    http_receiver.wait_logs(1000)
    verdict = judge(http_receiver.lines, 1000)
    assert verdict.none_lost(duplicates=1000), verdict
    assert "content-encoding" not in http_receiver.requests[-1].headers
    book = started.settled("app", 1000)
    assert book["dropped"] == 0


def test_a_new_address_is_listened_on_and_the_old_one_left(agent):
    started = agent()
    old, new = started.url, f"127.0.0.1:{free_port()}"
    assert started.reload({"server": {"listen": new}}).status == 200
    started.url = f"http://{new}"
    until(lambda: started.get("/-/healthy").status == 200, "the new address answers")

    def refused():
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", int(old.rsplit(":", 1)[1])), timeout=2)
        return True

    until(refused, "the old address is left")


def test_a_change_that_needs_a_new_start_is_said(agent):
    started = agent()
    assert started.reload({"agent": {"memory_limit": "32MiB"}}).status == 200
    assert any("WARN" in line and "agent.memory_limit" in line for line in started.log.splitlines())


def test_an_unchanged_file_restarts_nothing(agent, tmp_path):
    started = agent({"collectors": {"logs": [tail(tmp_path / "app.log")]}})
    before = started_at(started, "app")
    for _ in range(3):
        assert started.reload().status == 200
    assert started_at(started, "app") == before
